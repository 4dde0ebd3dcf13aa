"""The CRF, compared with sums over all paths.

The last test runs this file once more in a child process on JAX.
"""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from custom_layers import CRF, CRFLoss, bio_forbidden
from custom_layers.crf import END, START
from tests.processes import passes_on_jax
from tests.recurrent_reference import central_differences

# Raised inside Keras: NumPy 2 expects __array__ to take an argument `copy`.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
ON_JAX = keras.backend.backend() == "jax"
# JAX can only enable float64 for a whole process.
DTYPE, TOLERANCE = ("float32", 1e-4) if ON_JAX else ("float64", 1e-9)
TENSORFLOW = pytest.mark.skipif(ON_JAX, reason="independent of the backend")
JITS = [True] if ON_JAX else [False, True]

BATCH, TIME, TAGS = 5, 5, 3
MASKS = {
    "none": np.ones((BATCH, TIME), bool),
    "right": np.arange(TIME) < np.array([[5], [4], [2], [1], [0]]),
    "left": np.arange(TIME) >= np.array([[0], [1], [3], [4], [5]]),
    "holes": np.array(
        [
            [0, 1, 1, 0, 1],
            [1, 0, 1, 0, 1],
            [1, 0, 0, 0, 1],
            [0, 0, 1, 0, 0],
            [0, 1, 0, 1, 0],
        ],
        bool,
    ),
}
FORBIDDEN = [(START, 2), (0, 2), (1, END), (2, 1)]


def make_crf(seed=0, tags=TAGS, forbidden=(), dtype=DTYPE):
    crf = CRF(tags, forbidden, dtype=dtype)
    crf.build((None, None, tags))
    rng = np.random.default_rng(seed)
    crf.set_weights([rng.normal(size=weight.shape) for weight in crf.weights])
    return crf


def make_data(seed=1, size=1.0):
    rng = np.random.default_rng(seed)
    potentials = size * rng.normal(size=(BATCH, TIME, TAGS))
    return potentials, rng.integers(0, TAGS, (BATCH, TIME))


def score(potentials, path, weights, forbidden=()):
    """The score of one path; a forbidden pair is 60 below the highest transition."""
    transitions, start, end = weights
    pairs = {(i, j): transitions[i, j] for i in range(TAGS) for j in range(TAGS)}
    pairs |= {(START, j): start[j] for j in range(TAGS)}
    pairs |= {(i, END): end[i] for i in range(TAGS)}
    highest = max(pairs[pair] for pair in pairs if pair not in forbidden)
    pairs |= dict.fromkeys(forbidden, highest - 60)
    steps = sum(row[tag] for row, tag in zip(potentials, path, strict=True))
    return steps + sum(pairs[pair] for pair in itertools.pairwise([START, *path, END]))


def by_hand(potentials, weights, mask, forbidden=()):
    """Per row: a dictionary from each path over the real steps to its log-probability.

    All paths are enumerated.
    """
    rows = []
    for row, used in zip(np.array(potentials, "float64"), mask, strict=True):
        row = row[used]
        paths = itertools.product(range(TAGS), repeat=len(row))
        scores = {path: score(row, path, weights, forbidden) for path in paths if path}
        scores = scores or {(): 0.0}
        log_z = np.logaddexp.reduce(list(scores.values()))
        rows.append({path: value - log_z for path, value in scores.items()})
    return rows


def expected_likelihood(rows, labels, mask):
    triples = zip(rows, labels, mask, strict=True)
    return np.array([row[tuple(tags[used])] for row, tags, used in triples])


def expected_marginals(rows, mask):
    marginals = np.zeros((*mask.shape, TAGS))
    for row, used, of_row in zip(rows, mask, marginals, strict=True):
        for path, value in row.items():
            for t, tag in zip(np.flatnonzero(used), path, strict=True):
                of_row[t, tag] += np.exp(value)
    return marginals


def expected_paths(rows, mask):
    paths = np.zeros(mask.shape, int)
    for row, used, path in zip(rows, mask, paths, strict=True):
        path[used] = max(row, key=row.get)
    return paths


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def compiled(function):
    if ON_JAX:
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("forbidden", [[], FORBIDDEN])
def test_equals_the_sum_over_all_paths(kind, forbidden):
    crf, (potentials, labels), mask = make_crf(0, TAGS, forbidden), make_data(), MASKS[kind]
    weights = [numpy(weight) for weight in crf.weights]
    rows = by_hand(potentials, weights, mask, forbidden)
    labels = np.where(mask, labels, -1)
    given = None if kind == "none" else mask
    ours = numpy(crf.log_likelihood(potentials, labels, given))
    expected = expected_likelihood(rows, labels, mask)
    np.testing.assert_allclose(ours, expected, rtol=TOLERANCE, atol=TOLERANCE)
    ours = numpy(crf.marginals(potentials, given))
    np.testing.assert_allclose(ours, expected_marginals(rows, mask), atol=TOLERANCE)
    path = numpy(crf.decode(potentials, given))
    assert path.dtype == "int32"
    np.testing.assert_array_equal(path, expected_paths(rows, mask))
