"""Negative sampling compared with NumPy and with the full softmax.

The last test runs this file once more in a child process under JAX.
"""

import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from custom_layers import NegativeSampling, UnigramSampler
from custom_layers.negative_sampling import alias_tables, limit_updates
from tests.processes import passes_on_jax

# Raised inside Keras, by NumPy's newer rules for __array__.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
ON_JAX = keras.backend.backend() == "jax"
COUNTS = [0, 900, 300, 120, 40, 10, 4, 1, 1]
VOCAB = len(COUNTS)
BLOCKS, N, M, S, UNITS = 3, 4, 6, 5, 7


def as_numpy(tensor):
    return np.array(ops.convert_to_numpy(tensor))


# The sampler ------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50).filter(any))
def test_alias_tables_hold_the_law(counts):
    p = np.array(counts) / sum(counts)
    kept, other = alias_tables(p)
    assert ((kept >= 0) & (kept <= 1 + 1e-12)).all()
    given_away = np.bincount(other, 1 - kept, len(p))
    np.testing.assert_allclose((kept + given_away) / len(p), p, atol=1e-12)


@pytest.mark.parametrize("power", [0.0, 0.75, 1.0])
def test_what_is_drawn_follows_the_law(power):
    """Pearson's chi-square exceeds the bound with a probability of 1e-5."""
    sampler = UnigramSampler(COUNTS, power, seed=3)
    drawn = as_numpy(sampler.draw((40, 5000))).ravel()
    counts = np.bincount(drawn, minlength=VOCAB)
    raised = np.array([count**power if count else 0.0 for count in COUNTS])
    expected = len(drawn) * raised / raised.sum()
    assert counts[0] == 0  # COUNTS[0] is 0
    chi = ((counts - expected)[1:] ** 2 / expected[1:]).sum()
    assert chi < 35.0  # 7 degrees of freedom
    other = len(drawn) * np.array(COUNTS) ** 0.6 / (np.array(COUNTS) ** 0.6).sum()
    assert ((counts - other)[1:] ** 2 / other[1:]).sum() > 100  # tells powers apart


def test_draws_repeat_by_seed_and_differ_from_call_to_call():
    first, again, other = (UnigramSampler(COUNTS, seed=s) for s in (1, 1, 2))
    one = as_numpy(first.draw((50,)))
    np.testing.assert_array_equal(one, as_numpy(again.draw((50,))))
    assert (one != as_numpy(first.draw((50,)))).any()
    assert (one != as_numpy(other.draw((50,)))).any()


@pytest.mark.parametrize(
    "counts", [[], [0, 0], [1, -1], [[1, 2]], [1, float("nan")], [1, float("inf")]]
)
def test_counts_that_are_none(counts):
    with pytest.raises(ValueError, match=r"Argument `counts` .* Received: counts="):
        UnigramSampler(counts)


# The loss ---------------------------------------------------------------------------


def make_layer(drawn, **arguments):
    """Returns a layer with known draws and nonzero vectors."""
    layer = NegativeSampling(UnigramSampler(COUNTS, seed=0), **arguments)
    layer.build((None, None, UNITS))
    layer.vectors.assign(np.random.default_rng(5).normal(size=(VOCAB, UNITS)))
    layer.sampler.draw = lambda shape: ops.convert_to_tensor(drawn)
    return layer


def some_blocks(dtype="float32"):
    random = np.random.default_rng(4)
    features = random.normal(size=(BLOCKS, N, UNITS)).astype(dtype)
    targets = random.integers(0, VOCAB, (BLOCKS, M)).astype("int32")
    weights = random.integers(0, 3, (BLOCKS, N, M)).astype(dtype)
    drawn = random.integers(0, VOCAB, (BLOCKS, S)).astype("int32")
    return features, targets, weights, drawn


def by_definition(features, targets, weights, drawn, vectors, negatives, hit):
    """Returns the losses of the blocks, computed term by term."""

    def nats(score):  # - log sigmoid
        return np.log1p(np.exp(-score))

    losses = np.zeros(len(features))
    for b, i, j in np.ndindex(weights.shape):
        u, w = features[b, i], weights[b, i, j]
        losses[b] += w * nats(u @ vectors[targets[b, j]])
        for negative in drawn[b]:
            if hit or negative != targets[b, j]:
                share = w * negatives / len(drawn[b])
                losses[b] += share * nats(-u @ vectors[negative])
    return losses


@pytest.mark.parametrize("hit", [False, True])
@pytest.mark.parametrize("negatives", [2, 5])
def test_loss_is_the_equation(hit, negatives):
    features, targets, weights, drawn = some_blocks()
    layer = make_layer(drawn, negatives=negatives, samples=S, hit_targets=hit)
    losses = as_numpy(layer(features, targets, weights))
    vectors = as_numpy(layer.vectors)
    wanted = by_definition(features, targets, weights, drawn, vectors, negatives, hit)
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)
    other = by_definition(
        features, targets, weights, drawn, vectors, negatives, not hit
    )
    assert abs(losses - other).max() > 1e-2  # some draws are targets


def test_one_pair_per_block_is_the_papers_equation():
    features, targets, _, drawn = some_blocks()
    layer = make_layer(drawn)  # 5 negatives, 5 draws
    one = np.ones((BLOCKS, 1, 1), "float32")
    losses = as_numpy(layer(features[:, :1], targets[:, :1], one))
    vectors = as_numpy(layer.vectors).astype("float64")
    for b in range(BLOCKS):
        u, v = features[b, 0], vectors[targets[b, 0]]
        wrong = vectors[[n for n in drawn[b] if n != targets[b, 0]]]
        log_p = -np.log1p(np.exp(-u @ v)) - np.log1p(np.exp(wrong @ u)).sum()
        assert losses[b] == pytest.approx(-log_p, rel=1e-5)


@pytest.mark.skipif(ON_JAX, reason="float64 is tested on TensorFlow")
def test_gradients_by_central_differences():
    import tensorflow as tf

    features, targets, weights, drawn = some_blocks("float64")
    layer = make_layer(drawn, samples=S, dtype="float64")
    vectors = as_numpy(layer.vectors)

    def loss(features, vectors):
        layer.vectors.assign(vectors)
        return as_numpy(layer(features, targets, weights)).sum()

    u = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(u)
        total = tf.reduce_sum(layer(u, targets, weights))
    du, dv = tape.gradient(total, [u, layer.vectors.value])
    step = 1e-5
    for values, gradient in ((features, du), (vectors, tf.convert_to_tensor(dv))):
        gradient = as_numpy(gradient)
        for place in np.ndindex(values.shape):
            moved = [values.copy(), values.copy()]
            moved[0][place] += step
            moved[1][place] -= step
            pairs = [
                (m, vectors) if values is features else (features, m) for m in moved
            ]
            up, down = (loss(*pair) for pair in pairs)
            assert gradient[place] == pytest.approx((up - down) / (2 * step), abs=1e-6)


def random_conditionals():
    """Returns p(target | context) `[8 contexts, 30 targets]`."""
    return np.random.default_rng(0).dirichlet(np.full(30, 1.0), size=8)


def learn(make_loss, p, steps=400):
    """Returns scores `[contexts, targets]` learned from pairs drawn from `p`."""
    contexts, vocab = p.shape
    random = np.random.default_rng(1)
    where = random.integers(0, contexts, (steps, 64))
    pairs = random.random((steps, 64, 1)) > p[where].cumsum(-1)
    targets = pairs.sum(-1).astype("int32").clip(0, vocab - 1)
    here = keras.Input((1, contexts))
    target = keras.Input((1,), dtype="int32")
    losses, vectors = make_loss(here, target)
    model = keras.Model([here, target], losses)

    class Mean(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return y_pred

    model.compile(keras.optimizers.SGD(1.0), Mean(), jit_compile=ON_JAX)
    features = np.eye(contexts, dtype="float32")[where][:, :, None]
    dummy_targets = np.zeros(64, "float32")
    for x, y in zip(features, targets[..., None], strict=True):
        model.train_on_batch([x, y], dummy_targets)
    return as_numpy(vectors()).T


def ranks_agree(scores, p):
    """Returns Spearman's correlation, averaged over contexts."""
    ranks = (np.argsort(np.argsort(values, axis=1), axis=1) for values in (scores, p))
    pairs = zip(*ranks, strict=True)
    return np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs])


def spread(scores, p):
    """Returns the standard deviation of scores - log p where p > 0.02."""
    return (scores - np.log(p))[p > 0.02].std()


def test_ranks_tend_to_the_full_softmaxs():
    """With uniform negatives, scores tend to log p plus a constant, as those of the
    softmax do. More negatives come closer in the same number of steps."""
    p = random_conditionals()
    vocab = p.shape[1]

    def sampled(negatives):
        def make(here, target):
            sampler = UnigramSampler(np.ones(vocab), seed=0)
            layer = NegativeSampling(sampler, negatives, hit_targets=True)
            losses = layer(here, target, ops.ones_like(here[:, :, :1]))
            return losses, lambda: layer.vectors

        return learn(make, p)

    def softmax(here, target):
        dense = keras.layers.Dense(vocab, use_bias=False)
        losses = ops.sparse_categorical_crossentropy(
            target, dense(here), from_logits=True
        )
        return losses[:, 0], lambda: ops.transpose(dense.kernel)

    full, one, many = learn(softmax, p), sampled(1), sampled(64)
    assert ranks_agree(one, p) < ranks_agree(many, p)
    assert ranks_agree(many, p) > ranks_agree(full, p) - 0.01 > 0.95
    assert spread(many, p) < spread(one, p)
    # The optimum is log p - log(negatives * q), here with q = 1 / vocab.
    offset = np.median((many - np.log(p))[p > 0.02])
    assert offset == pytest.approx(-np.log(64 / vocab), abs=0.2)


@pytest.mark.skipif(ON_JAX, reason="needs TensorFlow's gradient tape")
def test_updates_of_an_id_are_limited():
    """An id in more than `most` pairs gets the gradient of `most`; the values stay."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    rows = tf.constant(random.normal(size=(2, 3, 4)).astype("float32"))
    ids = np.array([[1, 2, 2], [2, 0, 4]], "int32")
    pairs = np.array([[3, 8, 2], [10, 0, 5]], "float32")  # id 2: 20 in all
    with tf.GradientTape() as tape:
        tape.watch(rows)
        limited = limit_updates(rows, ids, pairs, 5, 6)
        total = tf.reduce_sum(limited * limited)
    np.testing.assert_array_equal(limited, rows)
    share = np.array([[1, 0.25, 0.25], [0.25, 1, 1]])[..., None]
    np.testing.assert_allclose(tape.gradient(total, rows), 2 * rows * share, rtol=1e-6)


def test_a_layers_updates_are_limited():
    """One step of SGD: an id in 40 pairs moves as if it were in `most` pairs."""
    features = np.ones((1, 40, UNITS), "float32")
    weights = np.ones((1, 40, 1), "float32")
    target = np.full((1, 1), 3, "int32")
    moved = []
    for most in (None, 100, 8):
        inputs = [
            keras.Input(x.shape[1:], dtype=x.dtype.name)
            for x in (features, target, weights)
        ]
        layer = NegativeSampling(UnigramSampler([0, 1, 0, 0]), 1, most=most)
        model = keras.Model(inputs, layer(*inputs))

        class Sum(keras.losses.Loss):
            def call(self, y_true, y_pred):
                return y_pred

        model.compile(keras.optimizers.SGD(1.0), Sum(), jit_compile=ON_JAX)
        model.train_on_batch([features, target, weights], np.zeros(1, "float32"))
        moved.append(as_numpy(layer.vectors)[[3, 1]])
    np.testing.assert_allclose(moved[0], [[20.0] * UNITS, [-20.0] * UNITS])
    np.testing.assert_array_equal(moved[1], moved[0])
    np.testing.assert_allclose(moved[2], moved[0] * 8 / 40, rtol=1e-6)


# As a layer -------------------------------------------------------------------------


def test_trains_saves_and_loads(tmp_path):
    def build():
        ids = keras.Input((1,), dtype="int32")
        target = keras.Input((1,), dtype="int32")
        u = keras.layers.Embedding(VOCAB, UNITS)(ids)
        layer = NegativeSampling(UnigramSampler(COUNTS, seed=1), 3, most=9)
        return keras.Model([ids, target], layer(u, target, ops.ones_like(u[:, :, :1])))

    class Mean(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return y_pred

    model = build()
    model.compile(keras.optimizers.SGD(0.5), Mean(), jit_compile=ON_JAX)
    random = np.random.default_rng(2)
    ids = random.integers(1, VOCAB, (512, 1)).astype("int32")
    data = ([ids, ids], np.zeros(512, "float32"))  # each word predicts itself
    losses = model.fit(*data, batch_size=32, epochs=8, verbose=0).history["loss"]
    assert losses[0] > losses[-1] > 0
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", compile=False)
    one, other = (m.layers[-1] for m in (model, again))
    np.testing.assert_array_equal(as_numpy(one.vectors), as_numpy(other.vectors))
    kept = ("negatives", "samples", "most", "hit_targets")
    assert [getattr(other, name) for name in kept] == [3, 3, 9, False]
    assert (other.sampler.counts.tolist(), other.sampler.seed) == (COUNTS, 1)
    json.dumps(one.get_config())


@pytest.mark.parametrize("jit", [False, True])
def test_draws_anew_inside_a_compiled_step(jit):
    """A draw frozen at tracing would give the same loss each time."""
    if ON_JAX and not jit:
        pytest.skip("JAX always compiles")
    features, targets, weights, _ = some_blocks()
    layer = NegativeSampling(UnigramSampler(COUNTS, seed=0), samples=S)
    inputs = [keras.Input(x.shape[1:], dtype=x.dtype.name) for x in some_blocks()[:3]]
    model = keras.Model(inputs, layer(*inputs))
    layer.vectors.assign(np.random.default_rng(5).normal(size=(VOCAB, UNITS)))
    model.compile("sgd", jit_compile=jit)
    losses = [
        np.asarray(model.predict_on_batch([features, targets, weights]))
        for _ in range(2)
    ]
    assert np.isfinite(losses).all()
    assert (losses[0] != losses[1]).any()


@pytest.mark.parametrize("most", [0, -1.5])
def test_a_limit_that_is_none(most):
    with pytest.raises(ValueError, match=r"Argument `most` .* Received: most="):
        NegativeSampling(UnigramSampler(COUNTS), most=most)


@pytest.mark.parametrize("name", ["negatives", "samples"])
@pytest.mark.parametrize("value", [0, -1, 2.5])
def test_wrong_arguments(name, value):
    with pytest.raises(ValueError, match=f"Argument `{name}` .* Received: {name}="):
        NegativeSampling(UnigramSampler(COUNTS), **{name: value})


@pytest.mark.skipif(ON_JAX, reason="this is the child process")
def test_the_same_on_jax(request):
    passes_on_jax(__file__, request)
