"""Negative sampling: word vectors, or any large softmax, from a few wrong answers.

Distributed Representations of Words and Phrases and their Compositionality (Mikolov,
Sutskever, Chen, Corrado and Dean, 2013), equation 4.
"""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="sequence_recipes")
class UnigramSampler(keras.layers.Layer):
    """Draws ids with probabilities in proportion to `counts ** power`.

    By the alias method (Walker, 1977; Vose, 1991): one whole number and one fraction
    an id, whatever the number of ids.

    Args:
        counts: how often each id occurs, `(vocab,)`, not negative; an id that never
            occurs is never drawn.
        power: flattens the law. Default 0.75, the paper's.
        seed: an integer or None, of the draws. Default None.

    `draw(shape)` gives ids, int32, of this shape, with replacement. A layer, so that
    Keras keeps its random state; it has no call.

    Raises:
        ValueError: `counts` is not one axis of finite numbers, one of them above 0.

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
                "Argument `counts` must have one axis of finite numbers, none below 0 "
                f"and one above. Received: counts={counts!r}"
            )
        self.power, self.seed = power, seed
        self.generator = keras.random.SeedGenerator(seed)
        kept, other = alias_tables(self.probabilities())
        # Constants: they follow from the configuration and are in no weight file.
        self.kept, self.other = kept.astype("float32"), other.astype("int32")
        self.built = True

    def probabilities(self):
        """Of each id: float64 `(vocab,)`."""
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
    """With which probability a place keeps its own id, and which it gives else.

    A vocabulary of n has n places of 1 / n each; what an id lacks to fill its place
    comes from one that has more.
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
    kept[[*poor, *rich]] = 1.0  # of rounding only
    return kept, other


@keras.saving.register_keras_serializable(package="sequence_recipes")
class NegativeSampling(keras.layers.Layer):
    """The loss of negative sampling, with the output vectors of all ids.

    For features u_i and targets t_j of the same block, in which i has to find j with
    weight w_ij, and negatives n_1 ... n_S drawn for the block,

        s_ij = u_i . v[t_j]
        loss = - sum over i, j of w_ij log sigmoid(s_ij)
               - sum over i, k of m_ik log sigmoid(- u_i . v[n_k])
        m_ik = negatives / S * sum over j of w_ij

    so that a pair has `negatives` wrong answers on average. A block of one feature and
    one target with S = `negatives` is the paper's equation 4, each pair with draws of
    its own. Larger blocks share what they draw: their scores are one matrix product.

    Args:
        sampler: a `UnigramSampler` over the ids.
        negatives: wrong answers a pair. Default 5.
        samples: S, draws a block. Default `negatives`.
        most: None, or the number of pairs of a batch whose updates of one vector are
            added up whole: see `limit_updates`. Default None.
        hit_targets: whether a negative may be the target itself. If not, such a draw
            counts for nothing, as in word2vec's own code. Default False.

    Call arguments:
        features: u, `(blocks, n, units)`.
        targets: ids t, `(blocks, m)`.
        weights: w, `(blocks, n, m)`, 0 where i has nothing to do with j.

    Returns:
        The losses, `(blocks,)`, in nats.

    Its weight is `vectors`, `(vocab, units)`, which begin at zero.

    Raises:
        ValueError: `negatives` or `samples` is no positive integer, or `most` is not
            above 0.

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
    """`rows` as they are; what goes back to an id's is as of `most` pairs at most.

    Word vectors are trained pair by pair. In a batch of pairs a frequent word's vector
    gets the sum of hundreds of updates at once, each of which was meant to see the one
    before: it flies off. So of an id with more than `most` pairs in the batch the
    gradient is scaled down to as many.

    Args:
        rows: vectors, `(..., units)`.
        ids: whose they are, integers `(...)`, below `vocab`.
        pairs: in how many pairs each row has a part, `(...)`.
        most: a number above 0.
        vocab: number of ids.
    """
    flat = ops.reshape(ops.cast(pairs, rows.dtype), (-1,))
    of_id = ops.segment_sum(flat, ops.reshape(ids, (-1,)), vocab)
    return scale_gradient(
        rows, ops.take(most / ops.maximum(of_id, most), ids)[..., None]
    )


def scale_gradient(x, factor):
    """`x` as it is; the gradient that goes back through it times `factor`."""

    @ops.custom_gradient
    def unchanged(x):
        return x, lambda *gradients: gradients[-1] * factor

    return unchanged(x)
