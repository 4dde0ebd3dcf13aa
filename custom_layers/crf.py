"""A linear-chain conditional random field over tags: likelihood, best path, marginals.

A path y of n tags has the score

    start[y_1] + sum of potentials[t, y_t] + sum of transitions[y_t, y_t+1] + end[y_n]

and its probability is exp(score) / Z, where Z is the sum of exp(score) over all paths.
Here an extra tag, the edge, stands before the first and after the last tag of a path.
So `start` and `end` are a row and a column of one matrix A over tags + 1 tags, and a
path has n + 1 gaps: one before each of its steps, and one after the last.

With f_t = exp(potentials of step t), 0 for the edge, and E = exp(A), entry by entry,
Z follows from either of two recursions, which start with 1 for the edge and 0 for every
tag:

    before_t+1 = (before_t E) * f_t         prefixes of a path, by their last tag
    after_t = (after_t+1 E^T) * f_t         suffixes of a path, by their first tag
    Z = before_t E after_t^T                at every gap t

The derivative of log Z by a score is the expected number of its uses (Sutton and
McCallum, 2012, section 4.1):

    d log Z / d potentials[t] = (before_t E) * after_t / Z = the marginals p(y_t)
    d log Z / d A[i, j] = sum over t of before_t[i] E[i, j] after_t[j] / Z

So the gradient of the log-likelihood is the observed numbers minus the expected ones.
Both recursions run in one loop, the second one over the reversed sequence, and the
gradient needs no other loop: all steps take two matrix products.

A masked step keeps `before` and `after`, so that a gap joins the real steps around it.

To prevent overflow and underflow, each step divides its vector by its maximum; the
logarithms of these maxima are summed up for log Z. The potentials of a step and the
matrix A are shifted to a maximum of 0, which changes no probability, and A is limited
to at least `LOWEST`. Then before_t E is at least exp(LOWEST) for every tag if the
maximum of before_t is 1, whatever the potentials. What a float32 cannot hold, below
exp(-87), is negligible beside it.
"""

import operator

import keras
import numpy as np
from keras import ops

from .checks import check_units
from .steps import outer_sum, project

START, END = -1, -2  # in `forbidden`: before the first tag, after the last tag
LOWEST = -60.0  # nats: the lowest entry of A, where the highest is 0
NEVER = -1e30  # the score of a forbidden pair in `decode`: less than any sum of scores
LIMIT = 1e20  # potentials in `decode` are limited to this size


@keras.saving.register_keras_serializable(package="sequence_recipes")
class CRF(keras.layers.Layer):
    """Linear-chain conditional random field: scores whole sequences of tags.

    Conditional Random Fields (Lafferty, McCallum and Pereira, 2001), on top of a
    network as in Neural Architectures for Named Entity Recognition (Lample et al.,
    2016). The network computes the potentials, one score per step and tag; the layer
    adds scores of the transitions between tags. The equations and the gradient are at
    the top of this file.

    Called on potentials, the layer returns them in float32, so that a model that ends
    with it can be trained by `CRFLoss` and saved. Its methods compute the
    log-likelihood of labels, the best path and the marginals from this output.

    The mask may be False anywhere: masked steps are left out, and the steps around them
    are neighbors. Padding, at either end, changes nothing.

    Args:
        tags: Number of tags, a positive integer.
        forbidden: Pairs `(from, to)` of tags that may not follow each other; `from` may
            be `START`, `to` may be `END`. `decode` never returns one if there is a path
            without; otherwise a path with as few as possible. In the likelihood and the
            marginals, a forbidden transition scores 60 nats less than the highest
            transition: labels that contain one are improbable, but their gradient is
            finite. Allowed transitions are limited to the same range. Default ().

    Call arguments:
        potentials: `(batch, time, tags)`.
        mask: Booleans `(batch, time)`, or None. Passed on, but not needed here.

    Returns:
        The potentials, in float32 or wider.

    The weights, initially 0, are `transitions` `(tags, tags)`, from the row's tag to
    the column's, `start` `(tags,)` and `end` `(tags,)`.

    Raises:
        ValueError: If `tags` is not a positive integer, `forbidden` contains other
            pairs, or the potentials have another width than `tags`.

    Example:
        >>> inputs = keras.Input((None, 8))
        >>> crf = CRF(3, forbidden=[(START, 2), (0, 2)])
        >>> model = keras.Model(inputs, crf(keras.layers.Dense(3)(inputs)))
        >>> model.compile("adam", CRFLoss(crf))
        >>> crf.decode(model(keras.ops.ones((2, 5, 8)))).shape
        (2, 5)
    """

    def __init__(self, tags, forbidden=(), **kwargs):
        # Without `autocast`, mixed precision leaves float32 potentials as they are.
        super().__init__(autocast=False, **kwargs)
        self.tags = check_units(tags, "tags")
        self.forbidden = [check_pair(pair, self.tags) for pair in forbidden]
        self.supports_masking = True
        edge = self.tags
        self.allowed = np.ones((edge + 1, edge + 1), bool)
        for before, after in [(START, END), *self.forbidden]:
            before = edge if before == START else before
            self.allowed[before, edge if after == END else after] = False

    def build(self, input_shape):
        if input_shape[-1] != self.tags:
            raise ValueError(
                f"The potentials must have one score for each of the {self.tags} tags. "
                f"Received: potentials.shape={tuple(input_shape)}"
            )
        shape = (self.tags, self.tags)
        self.transitions = self.add_weight(shape, "zeros", name="transitions")
        self.start = self.add_weight((self.tags,), "zeros", name="start")
        self.end = self.add_weight((self.tags,), "zeros", name="end")

    def call(self, potentials, mask=None):
        return in_float32(potentials)

    def log_likelihood(self, potentials, labels, mask=None):
        """The log-probability of labels.

        Args:
            potentials: `(batch, time, tags)`.
            labels: Integers from 0 to `tags` - 1, `(batch, time)`; any value in masked
                steps.
            mask: Booleans `(batch, time)`, or None.

        Returns:
            Nats, `(batch,)`; 0 for a row whose steps are all masked.
        """
        potentials, mask = time_first(potentials, mask)
        labels = ops.transpose(ops.cast(labels, "int32"))
        matrix = self.matrix(potentials.dtype)
        return log_likelihood(potentials, matrix, labels, mask)

    def decode(self, potentials, mask=None):
        """The best path (Viterbi, 1967).

        Args:
            potentials: `(batch, time, tags)`.
            mask: Booleans `(batch, time)`, or None.

        Returns:
            Tags, int32 `(batch, time)`; 0 in masked steps.
        """
        potentials, mask = time_first(potentials, mask)
        potentials = ops.clip(potentials, -LIMIT, LIMIT)
        matrix = ops.where(self.allowed, self.matrix(potentials.dtype), NEVER)
        return ops.transpose(best_path(potentials, matrix, mask))

    def marginals(self, potentials, mask=None):
        """The probability of each tag at each step.

        Args:
            potentials: `(batch, time, tags)`.
            mask: Booleans `(batch, time)`, or None.

        Returns:
            Probabilities, `(batch, time, tags)`; 0 in masked steps.
        """
        potentials, mask = time_first(potentials, mask)
        weights = ops.exp(self.matrix(potentials.dtype))
        before, after, _ = forward_backward(shift(potentials), weights, mask)
        shares = gap_shares(before, after, weights)[0][:-1, :, :-1]
        shares = shares if mask is None else ops.where(mask[..., None], shares, 0.0)
        return ops.transpose(shares, (1, 0, 2))

    def matrix(self, dtype):
        """A, `(tags + 1, tags + 1)`: from `LOWEST` (forbidden pairs) to 0."""
        if not self.built:
            raise ValueError(
                f"The layer {self.name!r} has no weights yet. Call it on potentials "
                "first, as a part of the model that is trained."
            )
        weights = (self.transitions, self.start, self.end)
        transitions, start, end = (ops.cast(weight, dtype) for weight in weights)
        scores = ops.concatenate([transitions, start[None]], axis=0)
        end = ops.concatenate([end, ops.zeros((1,), dtype)], axis=0)
        scores = ops.concatenate([scores, end[:, None]], axis=1)
        highest = ops.max(ops.where(self.allowed, scores, NEVER))
        scores = ops.maximum(scores - ops.stop_gradient(highest), LOWEST)
        others = np.full(self.allowed.shape, LOWEST)
        others[-1, -1] = 0  # the only gap of a row whose steps are all masked
        return ops.where(self.allowed, scores, ops.cast(others, dtype))

    def get_config(self):
        pairs = [list(pair) for pair in self.forbidden]
        return {**super().get_config(), "tags": self.tags, "forbidden": pairs}


@keras.saving.register_keras_serializable(package="sequence_recipes")
class CRFLoss(keras.losses.Loss):
    """The negative log-likelihood of labels under a `CRF` layer, in nats per token.

    Each real step gets an equal share of the loss of its row. With sample weights
    `(batch, time)`, 1 at real steps and 0 elsewhere, the default reduction gives the
    mean over all tokens of a batch. A row can be left out by weights of 0.

    The loss uses the weights of the layer, so it cannot be loaded by itself: load a
    saved model with `compile=False`, and compile it again with the loss of its layer.

    Args:
        crf: The `CRF` layer that the model ends with.
        reduction: As in Keras. Default "mean_with_sample_weight".

    Call arguments:
        y_true: Integers `(batch, time)`, -1 in steps without a label. These are masked:
            the steps around them are neighbors, as in the layer.
        y_pred: The output of the layer, `(batch, time, tags)`.

    Raises:
        ValueError: If `crf` is not a `CRF`, if the loss is called before the layer,
            or if it is loaded.
    """

    def __init__(self, crf, reduction="mean_with_sample_weight", name="crf_loss"):
        super().__init__(name=name, reduction=reduction)
        if not isinstance(crf, CRF):
            raise ValueError(f"Argument `crf` must be a CRF layer. Received: {crf!r}")
        self.crf = crf

    def call(self, y_true, y_pred):
        labels = ops.cast(y_true, "int32")  # Keras passes floats
        mask = labels >= 0
        nats = -self.crf.log_likelihood(y_pred, labels, mask)
        steps = ops.sum(ops.cast(mask, nats.dtype), axis=1)
        share = nats / ops.maximum(steps, 1.0)
        return ops.where(mask, share[:, None], 0.0)

    def get_config(self):
        return {**super().get_config(), "crf": self.crf.name}

    @classmethod
    def from_config(cls, config):
        # Keras would give the loss another layer, whose weights nobody trains.
        raise ValueError(
            "A CRFLoss cannot be loaded, because it shares a layer with its model. "
            "Load the model with `compile=False` and compile it again with "
            f"`loss=CRFLoss(model.get_layer({config['crf']!r}))`."
        )


def bio_forbidden(labels: list[str]) -> list[tuple[int, int]]:
    """The pairs that `CRF` must forbid for labels in the scheme IOB2.

    In IOB2 (Tjong Kim Sang and Veenstra, 1999), an entity of type X begins with B-X and
    goes on with I-X; other tokens are O. So I-X may only follow B-X or I-X.

    Args:
        labels: The label of each tag.

    Returns:
        Pairs `(from, to)`, `from` may be `START`. Empty if the labels are of another
        kind: if one is not O, B, I, B-X or I-X, or there is an I-X without a B-X.

    Example:
        >>> bio_forbidden(["O", "B-PER", "I-PER"])
        [(-1, 2), (0, 2)]
    """
    parts = [label.split("-", 1) for label in labels]
    begins = [["B", *kind] for first, *kind in parts if first == "I"]
    others = [part for part in parts if part[0] not in ("B", "I") and part != ["O"]]
    if others or any(begin not in parts for begin in begins):
        return []
    pairs = []
    for after, (first, *kind) in enumerate(parts):
        if first == "I":
            inside = (["B", *kind], ["I", *kind])
            pairs.append((START, after))
            pairs += [(tag, after) for tag, p in enumerate(parts) if p not in inside]
    return pairs


def check_pair(pair, tags):
    """Returns an entry of `forbidden` as a tuple of integers."""
    try:
        before, after = map(operator.index, pair)
    except (TypeError, ValueError):
        before = after = None
    known = before in (START, *range(tags)) and after in (END, *range(tags))
    if not known or (before, after) == (START, END):
        raise ValueError(
            f"Argument `forbidden` must contain pairs of tags from 0 to {tags - 1}, "
            f"(START, tag) or (tag, END). Received: {pair!r}"
        )
    return before, after


def in_float32(values):
    """Casts to float32, or keeps a wider type."""
    values = ops.convert_to_tensor(values)
    return ops.cast(values, keras.backend.result_type(values.dtype, "float32"))


def time_first(potentials, mask):
    """Potentials `(time, batch, tags)`, 0 in masked steps, and the mask, or None."""
    potentials = ops.transpose(in_float32(potentials), (1, 0, 2))
    if mask is None:
        return potentials, None
    mask = ops.transpose(ops.cast(mask, "bool"))
    return ops.where(mask[..., None], potentials, 0.0), mask


def shift(potentials):
    """Shifts the scores of each step to a maximum of 0."""
    return potentials - ops.max(potentials, axis=-1, keepdims=True)


def log_likelihood(potentials, matrix, labels, mask):
    """The log-likelihood `(batch,)`, with the gradient at the top of this file.

    Args:
        potentials: `(time, batch, tags)`, finite in masked steps too.
        matrix: A, `(tags + 1, tags + 1)`.
        labels: Integers, `(time, batch)`.
        mask: Booleans `(time, batch)`, or None.
    """
    tags = potentials.shape[-1]

    def one_hot(numbers, size):
        return ops.one_hot(numbers, size, dtype=potentials.dtype)

    chosen = one_hot(labels, tags)
    chosen = chosen if mask is None else ops.where(mask[..., None], chosen, 0.0)
    left, right = label_pairs(labels, mask, tags)

    @ops.custom_gradient
    def run(potentials, matrix):
        shifted, weights = shift(potentials), ops.exp(matrix)
        before, after, scales = forward_backward(shifted, weights, mask)
        gaps = ops.ones_like(scales)
        if mask is not None:  # the gap before a masked step is the one after it
            gaps = ops.concatenate([ops.cast(mask, gaps.dtype)[..., None], gaps[-1:]])
        log_z = ops.log(ops.matmul(before[-1], weights[:, -1:]))
        log_z = (log_z + ops.sum(gaps * ops.log(scales), axis=0))[:, 0]
        scores = ops.take(ops.reshape(matrix, (-1,)), left * (tags + 1) + right)
        score = ops.sum(shifted * chosen, axis=(0, 2)) + ops.sum(scores, axis=0)

        def gradient(*gradients):
            factor = gradients[-1][:, None]
            shares, z = gap_shares(before, after, weights)
            observed = outer_sum(
                one_hot(left, tags + 1), one_hot(right, tags + 1) * factor
            )
            expected = weights * outer_sum(before * (gaps * factor / z), after)
            return factor * (chosen - shares[:-1, :, :-1]), observed - expected

        return score - log_z, gradient

    return run(potentials, matrix)


def label_pairs(labels, mask, edge):
    """The labels on both sides of each gap, `(time + 1, batch)` each.

    The labels of real steps are moved to the front. After the last of them, all pairs
    but one are from edge to edge, which scores 0.
    """
    if mask is not None:
        time = ops.shape(labels)[0]
        numbers = ops.arange(time, dtype="int32")[:, None]
        order = ops.argsort(ops.where(mask, numbers, numbers + time), axis=0)
        labels = ops.take_along_axis(ops.where(mask, labels, edge), order, axis=0)
    edges = ops.full_like(labels[:1], edge)
    padded = ops.concatenate([edges, labels, edges], axis=0)
    return padded[:-1], padded[1:]


def forward_backward(potentials, weights, mask):
    """Both recursions at the top of this file, in one loop.

    Args:
        potentials: `(time, batch, tags)`, with a maximum of 0 in each step.
        weights: E, `(tags + 1, tags + 1)`.
        mask: Booleans `(time, batch)`, or None.

    Returns:
        `before` and `after`, `(time + 1, batch, tags + 1)` each, each vector divided by
        its maximum; and the maxima by which the loop has divided `before`, `(time + 1,
        batch, 1)`, whose product over the gaps is the scale of the last one.
    """
    tags = potentials.shape[-1]

    def both_ways(values):
        return ops.stack([values, ops.flip(values, axis=0)], axis=1)

    factors = both_ways(ops.pad(ops.exp(potentials), [[0, 0], [0, 0], [0, 1]]))
    masks = None if mask is None else both_ways(mask[..., None])
    transposed = ops.transpose(weights)

    def step(vectors, t):
        scaled = vectors / ops.max(vectors, axis=-1, keepdims=True)
        # Without XLA, two products are far faster than one batched product.
        products = [ops.matmul(scaled[0], weights), ops.matmul(scaled[1], transposed)]
        new = ops.stack(products) * factors[t]
        new = new if mask is None else ops.where(masks[t], new, vectors)
        return new, new

    edge = ops.one_hot(tags, tags + 1, dtype=factors.dtype)
    first = ops.zeros_like(factors[0]) + edge
    numbers = ops.arange(ops.shape(factors)[0], dtype="int32")
    _, vectors = ops.scan(step, first, numbers)
    before = ops.concatenate([first[None, 0], vectors[:, 0]], axis=0)
    after = ops.concatenate([ops.flip(vectors[:, 1], axis=0), first[None, 1]], axis=0)
    scales = ops.max(before, axis=-1, keepdims=True)
    return before / scales, after / ops.max(after, axis=-1, keepdims=True), scales


def gap_shares(before, after, weights):
    """The probability of each tag after each gap, and Z at each gap, up to its scale.

    Returns:
        `(time + 1, batch, tags + 1)` and `(time + 1, batch, 1)`.
    """
    products = project(before, weights) * after
    z = ops.sum(products, axis=-1, keepdims=True)
    return products / z, z


def best_path(potentials, matrix, mask):
    """The path with the highest score: int32 `(time, batch)`, 0 in masked steps.

    Args:
        potentials: `(time, batch, tags)`.
        matrix: A, `(tags + 1, tags + 1)`.
        mask: Booleans `(time, batch)`, or None.
    """
    tags = potentials.shape[-1]
    transposed = ops.transpose(matrix)
    potentials = ops.pad(
        shift(potentials), [[0, 0], [0, 0], [0, 1]], constant_values=NEVER
    )

    def forward(scores, t):
        new = ops.max(scores[:, :, None] + matrix, axis=1) + potentials[t]
        new = new if mask is None else ops.where(mask[t][:, None], new, scores)
        return new, new

    edge = ops.one_hot(tags, tags + 1, dtype=potentials.dtype)
    first = ops.zeros_like(potentials[0]) + (1 - edge) * NEVER
    numbers = ops.arange(ops.shape(potentials)[0], dtype="int32")
    _, scores = ops.scan(forward, first, numbers)

    def backward(following, t):
        choices = scores[t] + ops.take(transposed, following, axis=0)
        chosen = ops.cast(ops.argmax(choices[:, :-1], axis=-1), "int32")
        chosen = chosen if mask is None else ops.where(mask[t], chosen, following)
        return chosen, chosen

    last = ops.full_like(first[:, 0], tags, dtype="int32")
    _, path = ops.scan(backward, last, numbers, reverse=True)
    return path if mask is None else ops.where(mask, path, 0)
