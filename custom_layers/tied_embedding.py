"""One matrix for the word vectors and for the logits of the next word."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sequence_recipes")
class TiedEmbedding(keras.layers.Layer):
    """Vectors of ids and, with `reverse=True`, logits of features, by the same matrix.

        vectors = E[ids] * sqrt(units)
        logits  = features E^T + b

    Press and Wolf (2017), Inan et al. (2017). E is initialised with standard deviation
    1 / sqrt(units): the entries of a vector are then of size 1 at first, which suits a
    recurrent layer, and logits are near b. Differs from
    `keras.layers.ReversibleEmbedding`, which has neither the factor nor the bias.

    Args:
        vocab: Number of ids.
        units: Size of the vectors and of the features.
        tied: Whether E also computes the logits; otherwise they have their own matrix.

    Call arguments:
        inputs: Ids, integers of any shape; with `reverse`, features `(..., units)`.
        reverse: Whether to compute logits. Default False.

    Returns:
        Vectors `(..., units)`; with `reverse`, float32 logits `(..., vocab)`.
    """

    def __init__(self, vocab, units, tied=True, **kwargs):
        super().__init__(**kwargs)
        self.vocab, self.units, self.tied = vocab, units, tied
        self.supports_masking = True

    def build(self, input_shape):
        small = keras.initializers.RandomNormal(stddev=self.units**-0.5)
        shape = (self.vocab, self.units)
        self.vectors = self.add_weight(shape, small, name="vectors")
        self.bias = self.add_weight((self.vocab,), "zeros", name="bias")
        self.output_vectors = self.vectors
        if not self.tied:
            self.output_vectors = self.add_weight(shape, small, name="output_vectors")

    def call(self, inputs, reverse=False):
        if not reverse:
            return ops.take(self.vectors, inputs, axis=0) * self.units**0.5
        product = ops.matmul(inputs, ops.transpose(self.output_vectors))
        return ops.cast(product, "float32") + ops.cast(self.bias, "float32")

    def get_config(self):
        own = {"vocab": self.vocab, "units": self.units, "tied": self.tied}
        return {**super().get_config(), **own}
