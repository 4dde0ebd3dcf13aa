"""Self-attention with several heads, and sinusoidal positions.

Attention Is All You Need (Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and
Polosukhin, 2017).
"""

import math

import keras
import numpy as np
from keras import ops

from .checks import check_rate, check_units


@keras.saving.register_keras_serializable(package="sequence_recipes")
class SelfAttention(keras.layers.Layer):
    """Multi-head self-attention: each step takes a weighted mean of all steps.

    Attention Is All You Need (Vaswani et al., 2017), equation 1 and section 3.2.2. With
    X the inputs and d = features / heads, each head has its own W_q, W_k, W_v and
    biases; its context is weights V:

        Q = X W_q + b_q
        K = X W_k + b_k
        V = X W_v + b_v
        weights = softmax(Q K^T / sqrt(d))
        output = join(context of each head) W_o + b_o

    The paper has no biases. Nothing depends on the order of the steps: permuted inputs
    give permuted outputs. Add `sinusoidal_positions` to the inputs where order matters.

    Weights are exchanged both ways with
    `keras.layers.MultiHeadAttention(heads, features // heads)`, which computes the same
    from `(inputs, inputs, attention_mask=mask[:, None])`. Differs from it: a mask of
    the inputs hides steps as keys only, the outputs of masked steps are computed like
    all others, and if every step of a row is masked, its weights are 0 instead of
    equal. There are no separate queries and no causal mask.

    Args:
        heads: Number of heads, a positive integer that divides the features.
        dropout: Share of the weights dropped in training, 0 to below 1. Default 0.
        seed: Integer seed of the dropout, or None. Default None.

    Call arguments:
        inputs: `(batch, time, features)`.
        mask: Booleans `(batch, time)`, False at steps that receive no weight. Default:
            the mask that Keras keeps with the inputs, if there is one.
        training: Whether dropout is applied. Default: as in the surrounding model.
        return_weights: Whether to return the weights too, without dropout. Default
            False.

    Returns:
        The outputs, `(batch, time, features)`. With `return_weights`, also the weights,
        `(batch, heads, time, time)`: `weights[:, :, t]` are those by which step t
        weighs all steps.

    Masked steps have weight exactly 0. If all steps of a row are masked, its weights
    are 0 and its outputs are b_o. The mask of the inputs is passed on to the outputs.
    The softmax is computed in float32 or wider. Memory grows with the square of time.

    Raises:
        ValueError: If `heads` is not a positive integer, `dropout` not a number from 0
            to below 1, or the inputs are not `(batch, time, features)` with features
            that are a multiple of `heads`.

    Example:
        >>> attention = SelfAttention(heads=2)
        >>> inputs = keras.ops.ones((3, 5, 8))
        >>> outputs, weights = attention(inputs, return_weights=True)
        >>> outputs.shape, weights.shape
        ((3, 5, 8), (3, 2, 5, 5))
    """

    def __init__(self, heads, dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.heads = check_units(heads, "heads")
        self.dropout = check_rate("dropout", dropout)
        self.seed = seed
        if self.dropout:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, inputs_shape):
        features = inputs_shape[-1]
        if len(inputs_shape) != 3 or not features or features % self.heads:
            raise ValueError(
                "Inputs must be `(batch, time, features)`, with features that are a "
                f"multiple of `heads`. Received: heads={self.heads}, "
                f"inputs.shape={tuple(inputs_shape)}"
            )
        width = features // self.heads
        each = (features,), (self.heads, width)
        joined = (self.heads, width), (features,)
        self.query_kernel, self.query_bias = self.add_weights("query", *each)
        self.key_kernel, self.key_bias = self.add_weights("key", *each)
        self.value_kernel, self.value_bias = self.add_weights("value", *each)
        self.output_kernel, self.output_bias = self.add_weights("output", *joined)

    def add_weights(self, name, inputs_shape, outputs_shape):
        # The limit of Glorot and Bengio (2010) for matrices `(features, features)`, as
        # in Keras. A shared initializer would draw the same values for each kernel.
        limit = (3 / math.prod(inputs_shape)) ** 0.5
        initializer = keras.initializers.RandomUniform(-limit, limit)
        shape = (*inputs_shape, *outputs_shape)
        return (
            self.add_weight(shape, initializer, name=f"{name}_kernel"),
            self.add_weight(outputs_shape, "zeros", name=f"{name}_bias"),
        )

    def call(self, inputs, mask=None, training=None, return_weights=False):
        q = self.project(inputs, self.query_kernel, self.query_bias)
        k = self.project(inputs, self.key_kernel, self.key_bias)
        v = self.project(inputs, self.value_kernel, self.value_bias)
        scores = ops.matmul(q / q.shape[-1] ** 0.5, ops.transpose(k, (0, 1, 3, 2)))
        weights = softmax_over_keys(scores, mask)
        used = weights
        if training and self.dropout:
            used = keras.random.dropout(weights, self.dropout, seed=self.seed_generator)
        context = ops.matmul(used, v)
        outputs = ops.einsum("bhtd,hdf->btf", context, self.output_kernel)
        outputs = outputs + self.output_bias
        return (outputs, weights) if return_weights else outputs

    def project(self, inputs, kernel, bias):
        """Returns queries, keys or values, `(batch, heads, time, features / heads)`."""
        return ops.einsum("btf,fhd->bhtd", inputs, kernel) + bias[:, None]

    def get_config(self):
        own = {"heads": self.heads, "dropout": self.dropout, "seed": self.seed}
        return {**super().get_config(), **own}


def softmax_over_keys(scores, mask):
    """Softmax over the last axis, exactly 0 at keys where the mask is False.

    Args:
        scores: `(batch, heads, time, time)`.
        mask: Booleans `(batch, time)`, or None.
    """
    dtype = scores.dtype
    scores = ops.cast(scores, keras.backend.result_type(dtype, "float32"))
    mask = None if mask is None else ops.cast(mask, "bool")[:, None, None]
    scores = scores if mask is None else ops.where(mask, scores, -1e9)
    # `ops.softmax` would warn about a sequence of one step, which is valid here.
    shares = ops.exp(ops.log_softmax(scores))
    shares = shares if mask is None else ops.where(mask, shares, 0.0)
    return ops.cast(shares, dtype)


def sinusoidal_positions(time, features):
    """Vectors that tell the steps of a sequence apart, to be added to its inputs.

    Vaswani et al. (2017), section 3.5. With t = 0, 1, ... the step, and pairs of
    features i = 0, 1, ..., features / 2 - 1:

        position[t, 2 i]     = sin(t / 10000^(2 i / features))
        position[t, 2 i + 1] = cos(t / 10000^(2 i / features))

    The vectors have length sqrt(features / 2). The paper multiplies its word vectors by
    sqrt(features) before the sum.

    Args:
        time: Number of steps; an integer, or on TensorFlow a scalar integer tensor.
        features: Width of the vectors, a positive even integer.

    Returns:
        `(time, features)`, float32. The angles are exact to about t * 1e-7.

    Raises:
        ValueError: If `features` is not a positive even integer.

    Example:
        >>> sinusoidal_positions(5, 8).shape
        (5, 8)
    """
    if check_units(features, "features") % 2:
        raise ValueError(
            "Argument `features` must be even: the positions are pairs of a sine and a "
            f"cosine. Received: features={features}"
        )
    steps = ops.cast(ops.arange(time), "float32")
    rates = 10000.0 ** (-np.arange(0, features, 2) / features)
    angles = steps[:, None] * ops.cast(rates, "float32")
    pairs = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return ops.reshape(pairs, (-1, features))
