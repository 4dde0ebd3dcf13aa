"""The CRF, compared with sums over all paths.

The last test runs this file once more in a child process on JAX.
"""

import itertools
import json

import keras
import numpy as np
import pytest
from keras import ops

from custom_layers import CRF, CRFLoss, bio_forbidden
from custom_layers.crf import END, START
from custom_layers.saved_model import save
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


def make_crf(seed=0, forbidden=(), tags=TAGS, dtype=DTYPE):
    crf = CRF(tags, forbidden, dtype=dtype)
    crf.build((None, None, tags))
    rng = np.random.default_rng(seed)
    crf.set_weights([rng.normal(size=weight.shape) for weight in crf.weights])
    return crf


def make_data(seed=1):
    rng = np.random.default_rng(seed)
    potentials = rng.normal(size=(BATCH, TIME, TAGS))
    return tensor(potentials), rng.integers(0, TAGS, (BATCH, TIME))


def tensor(array):
    return ops.convert_to_tensor(array, DTYPE)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def pair_scores(weights, forbidden, lowest=None):
    """The score of each pair of tags, START and END.

    Forbidden pairs score `lowest`, by default 60 less than the highest of the others.
    """
    transitions, start, end = weights
    tags = range(TAGS)
    pairs = {(i, j): transitions[i, j] for i in tags for j in tags}
    pairs |= {(START, j): start[j] for j in tags} | {(i, END): end[i] for i in tags}
    if lowest is None:
        lowest = max(pairs[pair] for pair in pairs if pair not in forbidden) - 60
    pairs = {pair: max(value, lowest) for pair, value in pairs.items()}
    return pairs | dict.fromkeys(forbidden, lowest)


def all_paths(potentials, weights, mask, forbidden=(), lowest=None):
    """Per row: a dictionary from each path over the real steps to its log-probability.

    The path of a row without real steps is the empty one.
    """
    pairs = pair_scores(weights, forbidden, lowest)
    rows = []
    for row, used in zip(np.array(potentials, "float64"), mask, strict=True):
        row, scores = row[used], {}
        for path in itertools.product(range(TAGS), repeat=len(row)):
            steps = sum(x[tag] for x, tag in zip(row, path, strict=True))
            used_pairs = itertools.pairwise([START, *path, END]) if path else ()
            scores[path] = steps + sum(pairs[pair] for pair in used_pairs)
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


def compiled(function, **arguments):
    if ON_JAX:
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True, **arguments)


def run(method, *arguments):
    """Calls a method; compiled on JAX, where every loop would be compiled anyway."""
    arguments = [x if x is None else ops.convert_to_tensor(x) for x in arguments]
    return numpy(compiled(method)(*arguments) if ON_JAX else method(*arguments))


def value_and_gradients(crf, potentials, labels, mask, factors):
    """The log-likelihoods, and the gradients of their sum times `factors`.

    These are the gradients of the potentials, transitions, start and end, compiled.
    """
    factors = tensor(factors)
    if ON_JAX:
        import jax

        def loss(potentials, values):
            pairs = zip(crf.trainable_variables, values, strict=True)
            with keras.StatelessScope(state_mapping=list(pairs)):
                nats = crf.log_likelihood(potentials, labels, mask)
            return ops.sum(nats * factors), nats

        values = [weight.value for weight in crf.trainable_variables]
        run = jax.jit(jax.grad(loss, (0, 1), has_aux=True))
        (dpotentials, dweights), nats = run(potentials, values)
        return numpy(nats), [numpy(x) for x in (dpotentials, *dweights)]
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def run(potentials):
        with tf.GradientTape() as tape:
            tape.watch(potentials)
            nats = crf.log_likelihood(potentials, labels, mask)
            loss = ops.sum(nats * factors)
        sources = [potentials, *[w.value for w in crf.trainable_variables]]
        return nats, tape.gradient(loss, sources)

    nats, gradients = run(potentials)
    return numpy(nats), [numpy(gradient) for gradient in gradients]


@pytest.mark.parametrize("kind", ["none", "holes"] if ON_JAX else MASKS)
@pytest.mark.parametrize("forbidden", [[], FORBIDDEN], ids=["free", "forbidden"])
def test_equals_the_sum_over_all_paths(kind, forbidden):
    crf, (potentials, labels), mask = make_crf(0, forbidden), make_data(), MASKS[kind]
    weights = [numpy(weight) for weight in crf.weights]
    rows = all_paths(potentials, weights, mask, forbidden)
    labels = np.where(mask, labels, -1)
    given = None if kind == "none" else mask
    ours = run(crf.log_likelihood, potentials, labels, given)
    expected = expected_likelihood(rows, labels, mask)
    np.testing.assert_allclose(ours, expected, rtol=TOLERANCE, atol=TOLERANCE)
    ours = run(crf.marginals, potentials, given)
    np.testing.assert_allclose(ours, expected_marginals(rows, mask), atol=TOLERANCE)
    path = run(crf.decode, potentials, given)
    assert path.dtype == "int32"
    np.testing.assert_array_equal(path, expected_paths(rows, mask))


@pytest.mark.parametrize("kind", ["none", "holes"])
@pytest.mark.parametrize("forbidden", [[], FORBIDDEN], ids=["free", "forbidden"])
def test_compiled_gradients_equal_central_differences(kind, forbidden):
    """With `FORBIDDEN`, the random labels contain forbidden pairs."""
    crf, (potentials, labels), mask = make_crf(0, forbidden), make_data(), MASKS[kind]
    weights = [numpy(weight) for weight in crf.weights]
    factors = np.random.default_rng(2).normal(size=BATCH)
    pairs = pair_scores(weights, forbidden)
    lowest = min(pairs.values()) if forbidden else None

    def likelihood(potentials, *weights):
        rows = all_paths(potentials, weights, mask, forbidden, lowest)
        return expected_likelihood(rows, labels, mask)

    def loss(*arrays):
        return (likelihood(*arrays) * factors).sum()

    arrays = [numpy(potentials), *weights]
    given = None if kind == "none" else mask
    nats, gradients = value_and_gradients(crf, potentials, labels, given, factors)
    np.testing.assert_allclose(nats, likelihood(*arrays), rtol=TOLERANCE)
    for ours, other in zip(gradients, central_differences(loss, arrays), strict=True):
        np.testing.assert_allclose(ours, other, atol=max(TOLERANCE, 1e-7))


def test_masked_steps_change_nothing():
    """Wherever they are inserted, whatever they contain."""
    rng = np.random.default_rng(3)
    crf, (potentials, labels) = make_crf(), make_data()
    factors = rng.normal(size=BATCH)
    nats, gradients = value_and_gradients(crf, potentials, labels, None, factors)
    marginals, path = run(crf.marginals, potentials), run(crf.decode, potentials)
    longer = TIME + 4
    places = np.array([np.sort(rng.permutation(longer)[:TIME]) for _ in range(BATCH)])
    mask = np.zeros((BATCH, longer), bool)
    np.put_along_axis(mask, places, True, axis=1)

    def spread(array, filling):
        wide = np.full((BATCH, longer, *np.shape(array)[2:]), float(filling))
        wide[mask] = numpy(array).reshape(-1, *np.shape(array)[2:])
        return wide

    wide = spread(potentials, 1e30)
    wide[~mask & (rng.random(mask.shape) < 0.5)] = np.nan
    wide, wide_labels = tensor(wide), spread(labels, 7)
    again, (dpotentials, *dweights) = value_and_gradients(
        crf, wide, wide_labels, mask, factors
    )
    np.testing.assert_allclose(again, nats, rtol=TOLERANCE)
    expected = [spread(gradients[0], 0), *gradients[1:]]
    for one, other in zip([dpotentials, *dweights], expected, strict=True):
        np.testing.assert_allclose(one, other, atol=TOLERANCE)
    ours = run(crf.marginals, wide, mask)
    np.testing.assert_allclose(ours, spread(marginals, 0), atol=TOLERANCE)
    np.testing.assert_array_equal(run(crf.decode, wide, mask), spread(path, 0))


@pytest.mark.parametrize(
    "dtype", ["float16"] if ON_JAX else ["float32", "bfloat16", "float16"]
)
def test_extreme_scores_in_any_precision(dtype):
    """Potentials of up to 1e4 and transitions of -1e4; results are float32."""
    rng = np.random.default_rng(4)
    crf = make_crf(dtype="float32")
    transitions, start, end = crf.get_weights()
    transitions[[0, 2], [1, 2]] = start[1] = -1e4
    crf.set_weights([transitions, start, end])
    potentials = rng.uniform(-1e4, 1e4, (BATCH, TIME, TAGS))
    potentials[1] /= 1e3
    potentials = ops.cast(tensor(potentials), dtype)
    exact = numpy(ops.cast(potentials, "float64" if not ON_JAX else "float32"))
    labels, mask = rng.integers(0, TAGS, (BATCH, TIME)), MASKS["holes"]
    rows = all_paths(exact, [transitions, start, end], mask)
    nats = run(crf.log_likelihood, potentials, labels, mask)
    marginals = run(crf.marginals, potentials, mask)
    for result in (nats, marginals, crf(potentials)):
        assert keras.backend.standardize_dtype(result.dtype) == "float32"
    expected = expected_likelihood(rows, labels, mask)
    np.testing.assert_allclose(nats, expected, rtol=1e-5)
    expected = expected_marginals(rows, mask)
    np.testing.assert_allclose(marginals, expected, atol=1e-3)
    paths = expected_paths(rows, mask)
    np.testing.assert_array_equal(run(crf.decode, potentials, mask), paths)


@TENSORFLOW
def test_long_sequences_keep_their_precision():
    rng = np.random.default_rng(5)
    potentials = rng.normal(size=(2, 1000, TAGS))
    labels = rng.integers(0, TAGS, (2, 1000))
    nats = []
    for dtype in ("float32", "float64"):
        given = ops.convert_to_tensor(potentials, dtype)
        nats.append(compiled(make_crf(dtype=dtype).log_likelihood)(given, labels))
    np.testing.assert_allclose(*nats, rtol=1e-6)


LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_forbidden_pairs_are_never_decoded(dtype):
    """Not even where the potentials demand them, up to infinity."""
    rng = np.random.default_rng(6)
    forbidden, tags = bio_forbidden(LABELS), len(LABELS)
    forbidden += [(1, END)]
    crf = make_crf(7, forbidden, tags, "float32")
    decode = compiled(crf.decode)
    batch, time = 200, 6
    for size in (1, 1e4, 1e20, 1e38, np.inf):
        potentials = rng.normal(size=(batch, time, tags)) * min(size, 1e38)
        demanded = np.array([2, 4])[rng.integers(0, 2, (batch, time))][..., None]
        np.put_along_axis(potentials, demanded, size, axis=2)
        mask = rng.random((batch, time)) < 0.7
        mask[:40] = True
        with np.errstate(over="ignore"):  # float16: infinity
            given = ops.convert_to_tensor(potentials.astype(dtype))
        paths = numpy(decode(given, ops.convert_to_tensor(mask)))
        assert not paths[~mask].any()
        for path, used in zip(paths, mask, strict=True):
            pairs = itertools.pairwise([START, *path[used], END])
            assert not used.any() or not set(pairs) & set(forbidden)
        assert len(set(paths.ravel())) > 2


@TENSORFLOW
def test_as_few_forbidden_pairs_as_possible():
    """Where every path has one: tag 1 must come first, and nothing may follow it."""
    forbidden = [(START, 0), (START, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 2)]
    crf = make_crf(8, forbidden)
    potentials = 1e4 * tensor(np.random.default_rng(8).normal(size=(20, TIME, TAGS)))
    for path in run(crf.decode, potentials):
        pairs = list(itertools.pairwise([START, *path, END]))
        assert sum(pair in forbidden for pair in pairs) == 1


@TENSORFLOW
@pytest.mark.parametrize("time", [1, 3])
def test_compiled_results_equal_those_without_compilation(time):
    crf = make_crf(0, FORBIDDEN, dtype="float32")
    potentials, labels = make_data()
    potentials, mask = ops.cast(potentials[:, :time], "float32"), MASKS["holes"]
    labels, mask = (ops.convert_to_tensor(x[:, :time]) for x in (labels, mask))
    for method, arguments in (
        (crf.log_likelihood, (potentials, labels, mask)),
        (crf.marginals, (potentials, mask)),
        (crf.decode, (potentials, mask)),
    ):
        one, other = method(*arguments), compiled(method)(*arguments)
        np.testing.assert_allclose(numpy(one), numpy(other), rtol=1e-5, atol=1e-6)


@TENSORFLOW
def test_exported_graph_answers_any_shape(tmp_path):
    import tensorflow as tf

    inputs = keras.Input((None, TAGS))
    crf = CRF(TAGS, FORBIDDEN)
    model = keras.Model(inputs, crf(keras.layers.Dense(TAGS)(inputs)))
    assert model.output_shape == (None, None, TAGS)

    def tag(inputs, mask):
        potentials = model(inputs)
        return {
            "tags": crf.decode(potentials, mask),
            "marginals": crf.marginals(potentials, mask),
        }

    signature = {
        "inputs": tf.TensorSpec((None, None, TAGS), "float32"),
        "mask": tf.TensorSpec((None, None), "bool"),
    }
    save(tmp_path, model, {"serving_default": (tag, signature)})
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    rng = np.random.default_rng(9)
    for batch, time in ((1, 1), (4, 7), (0, 3)):
        inputs = tf.constant(rng.normal(size=(batch, time, TAGS)), "float32")
        mask = tf.constant(rng.random((batch, time)) < 0.6)
        answer = loaded(inputs=inputs, mask=mask)
        assert answer["tags"].shape == (batch, time)
        if batch == 0:
            continue
        expected = tag(inputs, mask)
        np.testing.assert_array_equal(answer["tags"], expected["tags"])
        shares = expected["marginals"]
        np.testing.assert_allclose(answer["marginals"], shares, atol=1e-6)


@pytest.mark.parametrize("jit", [True] if ON_JAX else [False, True])
def test_fit_learns_from_the_transitions_alone(jit, tmp_path):
    """The inputs are 0; the tags go round from one that the length decides."""
    rng = np.random.default_rng(10)
    mask = rng.random((64, 7)) < 0.7
    counts = mask.cumsum(axis=1)
    labels = np.where(mask, (counts - counts[:, -1:]) % TAGS, -1)  # 0 comes last
    inputs = keras.Input((None, 2))
    crf = CRF(TAGS)
    model = keras.Model(inputs, crf(keras.layers.Dense(TAGS)(inputs)))
    model.compile(keras.optimizers.Adam(0.1), CRFLoss(crf), jit_compile=jit)
    zeros, weights = np.zeros((64, 7, 2)), mask.astype("float32")
    history = model.fit(zeros, labels, 16, 25, verbose=0, sample_weight=weights)
    losses = history.history["loss"]
    assert losses[0] > 0.5 > 0.1 > losses[-1]
    potentials = model(zeros)
    paths = run(crf.decode, potentials, mask)
    np.testing.assert_array_equal(paths[mask], labels[mask])

    nats = -run(crf.log_likelihood, potentials, labels, mask).sum() / mask.sum()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    again = loaded.get_layer(crf.name)
    for one, other in zip(crf.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"with `loss=CRFLoss\(model.get_layer\('crf"):
        keras.saving.load_model(tmp_path / "model.keras")
    loaded.compile("sgd", CRFLoss(again))
    data = (zeros, labels, weights)
    assert loaded.test_on_batch(*data) == pytest.approx(nats, rel=1e-4)


@TENSORFLOW
def test_loss_gives_each_token_its_share_of_the_row():
    crf, (potentials, labels), mask = make_crf(), make_data(), MASKS["right"]
    loss = CRFLoss(crf, reduction=None)
    labels = np.where(mask, labels, -1)
    nats = -run(crf.log_likelihood, potentials, labels, mask)
    share = numpy(loss(labels, potentials))
    assert share.shape == (BATCH, TIME)
    np.testing.assert_allclose(share.sum(axis=1), nats, rtol=1e-5)
    np.testing.assert_allclose(share[0], nats[0] / TIME, rtol=1e-5)
    assert not share[~mask].any()


@pytest.mark.parametrize(
    "policy", ["mixed_bfloat16"] if ON_JAX else ["mixed_float16", "mixed_bfloat16"]
)
def test_mixed_precision(policy):
    """The layer computes in float32, and gets the mask that Keras keeps."""
    tokens = keras.Input((TIME,), dtype="int32")
    hidden = keras.layers.Embedding(5, 4, mask_zero=True, dtype=policy)(tokens)
    crf = CRF(TAGS, FORBIDDEN, dtype=policy)
    outputs = crf(keras.layers.Dense(TAGS, dtype=policy)(hidden))
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    model = keras.Model(tokens, outputs)
    model.compile("sgd", CRFLoss(crf), jit_compile=True)
    data = np.array([[1, 2, 3, 4, 1], [2, 3, 4, 0, 0]])
    labels = np.array([[0, 0, 1, 0, 0], [0, 1, 0, -1, -1]])
    nats = -numpy(crf.log_likelihood(model(data), labels, data > 0)).sum() / 8
    assert model.train_on_batch(data, labels) == pytest.approx(nats, rel=0.02)
    assert all(np.isfinite(w).all() and w.any() for w in crf.get_weights())
    assert {weight.dtype for weight in crf.get_weights()} == {np.dtype("float32")}
    exact = ops.convert_to_tensor([[[1.0001, 0, 0]]], "float32")
    assert numpy(crf(exact))[0, 0, 0] == np.float32(1.0001)


@TENSORFLOW
def test_config_round_trip():
    crf = CRF(np.int64(3), [(START, np.int32(1)), [0, END]], name="tagger")
    again = CRF.from_config(json.loads(json.dumps(crf.get_config())))
    assert again.get_config() == crf.get_config()
    np.testing.assert_array_equal(again.allowed, crf.allowed)


@TENSORFLOW
@pytest.mark.parametrize(
    ("labels", "pairs"),
    [
        (["O", "B-PER", "I-PER"], {(START, 2), (0, 2)}),
        (["I-X", "B-X", "O"], {(START, 0), (2, 0)}),
        (["O", "B", "I"], {(START, 2), (0, 2)}),
        (
            LABELS,
            {(START, 2), (0, 2), (3, 2), (4, 2), (START, 4), (0, 4), (1, 4), (2, 4)},
        ),
        (["B-a-b", "I-a-b", "B-a"], {(START, 1), (2, 1)}),
        (["O", "B-X"], set()),
        (["O", "I-X"], set()),  # IOB1: an entity may begin with I-X
        (["O", "B-X", "I-X", "E-X"], set()),
        (["NOUN", "VERB"], set()),
        ([], set()),
    ],
)
def test_pairs_that_iob2_forbids(labels, pairs):
    forbidden = bio_forbidden(labels)
    assert len(forbidden) == len(pairs)
    assert set(forbidden) == pairs


@TENSORFLOW
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: CRF(0),
            r"^Argument `tags` must be a positive integer. Received: tags=0$",
        ),
        (lambda: CRF(2.0), r"^Argument `tags` .* Received: tags=2.0$"),
        (
            lambda: CRF(3, [(0, 3)]),
            r"^Argument `forbidden` must contain pairs of tags from 0 to 2, .*: \(0, 3",
        ),
        (lambda: CRF(3, [(END, 1)]), r"^Argument `forbidden` .*: \(-2, 1\)$"),
        (lambda: CRF(3, [(1, START)]), r"^Argument `forbidden` .*: \(1, -1\)$"),
        (lambda: CRF(3, [(START, END)]), r"^Argument `forbidden` .*: \(-1, -2\)$"),
        (lambda: CRF(3, [(0.5, 1)]), r"^Argument `forbidden` .*: \(0.5, 1\)$"),
        (lambda: CRF(3, [1]), r"^Argument `forbidden` .* Received: 1$"),
        (
            lambda: CRF(3)(np.ones((2, 4, 5))),
            r"each of the 3 tags. Received: potentials.shape=\(2, 4, 5\)",
        ),
        (
            lambda: CRF(3, name="new").decode(np.ones((2, 4, 3))),
            r"^The layer 'new' has no weights yet. Call it on potentials first",
        ),
        (
            lambda: CRFLoss("crf"),
            r"^Argument `crf` must be a CRF layer. Received: 'crf'$",
        ),
    ],
)
def test_errors_name_the_argument(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@TENSORFLOW
def test_everything_holds_under_jax(request):
    passes_on_jax(__file__, request)
