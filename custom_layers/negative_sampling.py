"""Negative sampling: a few wrong answers per pair instead of a softmax over all ids.

Distributed Representations of Words and Phrases and their Compositionality (Mikolov,
Sutskever, Chen, Corrado and Dean, 2013), equation 4.
"""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="sequence_recipes")
class UnigramSampler(keras.layers.Layer):
    """Draws ids with probabilities proportional to `counts ** power`.

    Uses the alias method (Walker, 1977; Vose, 1991): a draw takes one random integer
    and one random fraction, whatever the size of the vocabulary.

    Args:
        counts: How often each id occurs, `(vocab,)`, not negative; an id that never
            occurs is never drawn.
        power: Exponent that flattens the distribution. Default 0.75, as in the paper.
        seed: Integer seed of the draws, or None. Default None.

    `draw(shape)` returns int32 ids of this shape, drawn with replacement. The sampler
    is a layer so that Keras keeps its random state; it has no `call`.

    Raises:
        ValueError: If `counts` is not a one-dimensional array of finite, non-negative
            numbers with at least one above 0.

    Example:
        >>> sampler = UnigramSampler([0, 5, 3], seed=0)
        >>> sampler.draw((2, 3)).shape
        (2, 3)
    """

    def __init__(self, counts, power=0.75, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.counts = np.asarray(counts, "float64")
        if (
            self.counts.ndim != 1
            or not np.isfinite(self.counts).all()
            or not (self.counts >= 0).all()
            or not self.counts.any()
        ):
            raise ValueError(
                "Argument `counts` must be one-dimensional, with finite numbers, none "
                f"below 0 and at least one above. Received: counts={counts!r}"
            )
        self.power, self.seed = power, seed
        self.generator = keras.random.SeedGenerator(seed)
        kept, other = alias_tables(self.probabilities())
        # Constants: derived from the configuration, so not saved with the weights.
        self.kept, self.other = kept.astype("float32"), other.astype("int32")
        self.built = True

    def probabilities(self):
        """Returns the probability of each id, float64 `(vocab,)`."""
        raised = np.where(self.counts > 0, self.counts**self.power, 0.0)
        return raised / raised.sum()

    def draw(self, shape):
        vocab = len(self.counts)
        drawn = keras.random.randint(shape, 0, vocab, "int32", seed=self.generator)
        chance = keras.random.uniform(shape, dtype="float32", seed=self.generator)
        keep = chance < ops.take(self.kept, drawn)
        return ops.where(keep, drawn, ops.take(self.other, drawn))

    def get_config(self):
        return {
            **super().get_config(),
            "counts": self.counts.tolist(),
            "power": self.power,
            "seed": self.seed,
        }


def alias_tables(probabilities):
    """Per slot: the probability of returning its own id, and the alternative id.

    A vocabulary of n ids has n slots of probability 1 / n each. An id that does not
    fill its slot shares it with an id that has more than 1 / n.
    """
    kept = np.asarray(probabilities, "float64") * len(probabilities)
    other = np.arange(len(kept))
    poor = list(np.flatnonzero(kept < 1))
    rich = list(np.flatnonzero(kept >= 1))
    while poor and rich:
        small, large = poor.pop(), rich[-1]
        other[small] = large
        kept[large] -= 1 - kept[small]
        if kept[large] < 1:
            poor.append(rich.pop())
    kept[[*poor, *rich]] = 1.0  # up to rounding
    return kept, other


@keras.saving.register_keras_serializable(package="sequence_recipes")
class NegativeSampling(keras.layers.Layer):
    """The loss of negative sampling, with an output vector per id.

    For features u_i and targets t_j of the same block, where i is to predict j with
    weight w_ij, and negatives n_1 ... n_S drawn for the block,

        s_ij = u_i . v[t_j]
        loss = - sum over i, j of w_ij log sigmoid(s_ij)
               - sum over i, k of m_ik log sigmoid(- u_i . v[n_k])
        m_ik = negatives / S * sum over j of w_ij

    so that a pair has `negatives` wrong answers on average. A block of one feature and
    one target with S = `negatives` is equation 4 of the paper, with separate draws for
    each pair. Larger blocks share their draws: their scores are one matrix product.

    Args:
        sampler: A `UnigramSampler` over the ids.
        negatives: Wrong answers per pair. Default 5.
        samples: S, draws per block. Default `negatives`.
        most: Maximum number of pairs per batch whose updates of one vector are added up
            in full, or None: no limit. See `limit_updates`. Default None.
        hit_targets: Whether a negative may equal the target. If not, such draws are
            ignored, as in the code of word2vec: the sum in m_ik is then over the j with
            t_j other than n_k. Default False.

    Call arguments:
        features: u, `(blocks, n, units)`.
        targets: Ids t, `(blocks, m)`.
        weights: w, `(blocks, n, m)`, 0 where i and j are not a pair.

    Returns:
        The losses, `(blocks,)`, in nats.

    The layer's weight is `vectors`, `(vocab, units)`, initially zero.

    Raises:
        ValueError: If `negatives` or `samples` is not a positive integer, or `most` is
            not above 0.

    Example:
        >>> layer = NegativeSampling(UnigramSampler([3, 2, 1]))
        >>> ones = keras.ops.ones
        >>> layer(ones((4, 1, 8)), ones((4, 1), "int32"), ones((4, 1, 1))).shape
        (4,)
    """

    def __init__(
        self,
        sampler,
        negatives=5,
        samples=None,
        most=None,
        hit_targets=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        samples = negatives if samples is None else samples
        for name, value in (("negatives", negatives), ("samples", samples)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"Argument `{name}` must be a positive integer. "
                    f"Received: {name}={value!r}"
                )
        if most is not None and not most > 0:
            raise ValueError(
                f"Argument `most` must be None or above 0. Received: most={most!r}"
            )
        self.sampler, self.negatives, self.samples = sampler, negatives, samples
        self.most, self.hit_targets = most, hit_targets

    def build(self, features_shape, targets_shape=None, weights_shape=None):
        shape = (len(self.sampler.counts), features_shape[-1])
        self.vectors = self.add_weight(shape, "zeros", name="vectors")

    def call(self, features, targets, weights):
        drawn = self.sampler.draw((ops.shape(targets)[0], self.samples))
        ids = ops.concatenate([targets, drawn], axis=1)
        weights = ops.cast(weights, self.compute_dtype)
        if self.hit_targets:
            wrong = ops.sum(weights, axis=2, keepdims=True)
            wrong = ops.repeat(wrong, self.samples, axis=2)
        else:
            other = ops.not_equal(targets[:, :, None], drawn[:, None])
            wrong = ops.matmul(weights, ops.cast(other, weights.dtype))
        wrong = wrong * (self.negatives / self.samples)
        weights = ops.concatenate([weights, wrong], axis=2)
        rows = ops.take(self.vectors, ids, axis=0)
        if self.most is not None:
            pairs, vocab = ops.sum(weights, axis=1), self.vectors.shape[0]
            rows = limit_updates(rows, ids, pairs, self.most, vocab)
        scores = ops.einsum("bnd,bmd->bnm", features, rows)
        # -log sigmoid(s) of the targets, -log sigmoid(-s) of the negatives.
        signs = np.ones(weights.shape[2], "float32")
        signs[: targets.shape[1]] = -1
        return ops.sum(weights * ops.softplus(scores * signs), axis=(1, 2))

    def get_config(self):
        return {
            **super().get_config(),
            "sampler": keras.saving.serialize_keras_object(self.sampler),
            "negatives": self.negatives,
            "samples": self.samples,
            "most": self.most,
            "hit_targets": self.hit_targets,
        }

    @classmethod
    def from_config(cls, config):
        sampler = keras.saving.deserialize_keras_object(config["sampler"])
        return cls(**{**config, "sampler": sampler})


def limit_updates(rows, ids, pairs, most, vocab):
    """Returns `rows` unchanged; limits the gradient of each id to that of `most` pairs.

    Word vectors are meant to be trained pair by pair. In a batch, the vector of a
    frequent word gets the sum of hundreds of updates at once, each computed without the
    ones before, and training diverges. So the gradient of an id with more than `most`
    pairs in the batch is scaled by `most` / pairs.

    Args:
        rows: Vectors, `(..., units)`.
        ids: The id of each vector, integers `(...)`, below `vocab`.
        pairs: The number of pairs that each vector takes part in, `(...)`.
        most: Maximum number of pairs, above 0.
        vocab: Number of ids.
    """
    flat = ops.reshape(ops.cast(pairs, rows.dtype), (-1,))
    total = ops.segment_sum(flat, ops.reshape(ids, (-1,)), vocab)
    return scale_gradient(
        rows, ops.take(most / ops.maximum(total, most), ids)[..., None]
    )


def scale_gradient(x, factor):
    """Returns `x` unchanged, but multiplies its gradient by `factor`."""

    @ops.custom_gradient
    def unchanged(x):
        return x, lambda *gradients: gradients[-1] * factor

    return unchanged(x)
