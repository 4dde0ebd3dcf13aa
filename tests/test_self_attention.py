"""Self-attention and positions, compared with NumPy equations and with Keras.

The last test runs this file once more in a child process on JAX.
"""

import json

import keras
import numpy as np
import pytest
from keras import ops

from custom_layers import SelfAttention, sinusoidal_positions
from tests.processes import passes_on_jax

ON_JAX = keras.backend.backend() == "jax"
TENSORFLOW = pytest.mark.skipif(ON_JAX, reason="independent of the backend")

BATCH, TIME, FEATURES, HEADS = 3, 6, 8, 2
WIDTH = FEATURES // HEADS
MASKS = {
    "none": None,
    "right": [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]],
    "holes": [[0, 1, 0, 1, 1, 0], [1, 0, 1, 1, 0, 1], [0, 0, 1, 1, 0, 0]],
    "empty row": [[1, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0]],
}


def make_mask(kind):
    return None if MASKS[kind] is None else np.array(MASKS[kind], bool)


def make_inputs(rng, time=TIME):
    return rng.normal(size=(BATCH, time, FEATURES)).astype("float32")


def make_attention(rng, **arguments):
    attention = SelfAttention(HEADS, **arguments)
    attention.build((None, None, FEATURES))
    attention.set_weights([0.7 * rng.normal(size=w.shape) for w in attention.weights])
    return attention


def make_keras(**arguments):
    attention = keras.layers.MultiHeadAttention(HEADS, WIDTH, **arguments)
    attention.build((None, None, FEATURES), (None, None, FEATURES))
    return attention


def arrays(results):
    return [ops.convert_to_numpy(ops.cast(result, "float32")) for result in results]


def assert_all_close(ours, others, tolerance=1e-5):
    for our, other in zip(ours, others, strict=True):
        np.testing.assert_allclose(our, other, rtol=tolerance, atol=tolerance)


def attend_by_hand(inputs, values, mask):
    """Returns outputs and weights; the equations, one row, head and step at a time."""
    query, query_bias, key, key_bias, value, value_bias, output, output_bias = values
    outputs = np.tile(output_bias, (BATCH, TIME, 1)).astype("float64")
    weights = np.zeros((BATCH, HEADS, TIME, TIME))
    for row, head, t in np.ndindex(BATCH, HEADS, TIME):
        x = np.asarray(inputs[row], "float64")
        q = x[t] @ query[:, head] + query_bias[head]
        for j in range(TIME):
            if mask is None or mask[row, j]:
                k = x[j] @ key[:, head] + key_bias[head]
                weights[row, head, t, j] = np.exp(q @ k / np.sqrt(WIDTH))
        weights[row, head, t] /= weights[row, head, t].sum() or 1
        for j in range(TIME):
            v = x[j] @ value[:, head] + value_bias[head]
            outputs[row, t] += weights[row, head, t, j] * v @ output[head]
    return outputs, weights


def value_and_gradients(layer, inputs, factors, jit, repeat=1, **arguments):
    """Returns the results, and the gradients of their sum weighted by `factors`.

    The gradients are with respect to the inputs and the weights, in this order. The
    inputs are passed `repeat` times.
    """

    def loss(results):
        pairs = zip(results, factors, strict=True)
        return sum(ops.sum(r * ops.cast(factor, r.dtype)) for r, factor in pairs)

    inputs = ops.convert_to_tensor(inputs, layer.compute_dtype)
    if ON_JAX:
        import jax

        def run(inputs, values):
            every = [inputs] * repeat
            results, _ = layer.stateless_call(values, [], *every, **arguments)
            return loss(results), results

        differentiate = jax.grad(run, (0, 1), has_aux=True)
        differentiate = jax.jit(differentiate) if jit else differentiate
        values = [variable.value for variable in layer.trainable_variables]
        gradients, results = differentiate(inputs, values)
        return arrays(results), arrays([gradients[0], *gradients[1]])
    import tensorflow as tf

    def run(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            results = layer(*[inputs] * repeat, **arguments)
            total = loss(results)
        sources = [inputs, *[variable.value for variable in layer.trainable_variables]]
        return results, tape.gradient(total, sources)

    run = tf.function(run, jit_compile=True, autograph=False) if jit else run
    results, gradients = run(inputs)
    return arrays(results), arrays(gradients)


def make_factors(rng, time=TIME):
    shapes = (BATCH, time, FEATURES), (BATCH, HEADS, time, time)
    return [rng.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("kind", ["none", "empty row"] if ON_JAX else MASKS)
def test_outputs_and_weights_equal_the_equations(kind):
    rng = np.random.default_rng(0)
    mask = make_mask(kind)
    attention, inputs = make_attention(rng), make_inputs(rng)
    outputs, weights = arrays(attention(inputs, mask=mask, return_weights=True))
    expected = attend_by_hand(inputs, attention.get_weights(), mask)
    assert_all_close([outputs, weights], expected)
    alone = attention(inputs, mask=mask)
    np.testing.assert_array_equal(ops.convert_to_numpy(alone), outputs)
    if mask is not None:
        numbers = attention(inputs, mask=ops.convert_to_tensor(mask.astype("int32")))
        np.testing.assert_array_equal(ops.convert_to_numpy(numbers), outputs)
        hidden = np.broadcast_to(~mask[:, None, None], weights.shape)
        assert not weights[hidden].any()


@pytest.mark.parametrize(
    ("kind", "jit"),
    [
        ("none", True),
        ("empty row", True),
        *((kind, False) for kind in (["empty row"] if ON_JAX else MASKS)),
    ],
)
def test_equals_keras_with_its_gradients(kind, jit):
    """Where every step is masked, Keras's weights are equal: these rows differ."""
    rng = np.random.default_rng(1)
    mask = make_mask(kind)
    ours, other, inputs = make_attention(rng), make_keras(), make_inputs(rng)
    other.set_weights(ours.get_weights())
    factors = make_factors(rng)
    used = np.ones(BATCH, bool) if mask is None else mask.any(axis=1)
    factors = [np.where(used.reshape(-1, *[1] * (f.ndim - 1)), f, 0) for f in factors]
    values, gradients = value_and_gradients(
        ours, inputs, factors, jit, mask=mask, return_weights=True
    )
    expected, expected_gradients = value_and_gradients(
        other,
        inputs,
        factors,
        jit,
        repeat=2,
        attention_mask=None if mask is None else mask[:, None],
        return_attention_scores=True,
    )
    assert all(np.isfinite(x).all() for x in (*values, *gradients))
    assert_all_close([x[used] for x in values], [x[used] for x in expected])
    assert_all_close(gradients, expected_gradients, 2e-5)
    assert all(abs(x).max() > 0.1 for i, x in enumerate(gradients) if i != 4)
    if mask is not None:
        masked = ~mask & used[:, None]
        assert abs(gradients[0][masked]).max() > 0.1  # as queries
        factors = [np.where(mask[:, :, None], factors[0], 0), 0 * factors[1]]
        arguments = {"mask": mask, "return_weights": True}
        _, gradients = value_and_gradients(ours, inputs, factors, jit, **arguments)
        assert not gradients[0][~mask].any()  # as keys and values


def test_weights_are_exchanged_both_ways():
    rng = np.random.default_rng(2)
    ours, other, inputs = make_attention(rng), make_keras(), make_inputs(rng)
    before = ops.convert_to_numpy(ours(inputs))
    assert [w.shape for w in ours.weights] == [w.shape for w in other.weights]
    other.set_weights([rng.normal(size=w.shape) for w in other.weights])
    expected = ops.convert_to_numpy(other(inputs, inputs))
    mine = ours.get_weights()
    ours.set_weights(other.get_weights())
    other.set_weights(mine)
    assert_all_close([ops.convert_to_numpy(ours(inputs))], [expected])
    assert_all_close([ops.convert_to_numpy(other(inputs, inputs))], [before])


@TENSORFLOW
def test_initial_values_are_distributed_like_those_of_keras():
    other = keras.layers.MultiHeadAttention(8, 8)
    other.build((None, None, 64), (None, None, 64))
    ours = SelfAttention(8)
    ours.build((None, None, 64))
    for our, their in zip(ours.get_weights(), other.get_weights(), strict=True):
        assert our.std() == pytest.approx(their.std(), rel=0.05)
        assert abs(our).max() == pytest.approx(abs(their).max(), rel=0.01)
    kernels = [kernel.ravel() for kernel in ours.get_weights()[::2]]
    assert len({tuple(kernel[:5]) for kernel in kernels}) == 4


def test_dropout_is_that_of_keras():
    rng = np.random.default_rng(3)
    mask = make_mask("holes")
    ours, other = make_attention(rng, dropout=0.4, seed=5), make_keras(dropout=0.4)
    same = make_keras(dropout=0.4, seed=5)
    inputs = make_inputs(rng)
    expected = arrays(ours(inputs, mask=mask, return_weights=True))
    outputs, weights = arrays(
        ours(inputs, mask=mask, training=True, return_weights=True)
    )
    np.testing.assert_array_equal(weights, expected[1])
    assert abs(outputs - expected[0]).max() > 0.1
    results = []
    for layer in (other, same):
        layer.set_weights(ours.get_weights())
        result = layer(inputs, inputs, attention_mask=mask[:, None], training=True)
        results += arrays([result])
    assert abs(results[0] - outputs).max() > 0.1
    assert_all_close([outputs], [results[1]])
    again = arrays([ours(inputs, mask=mask, training=True)])[0]
    assert abs(again - outputs).max() > 0.1  # the seed moves on
    assert_all_close(arrays([ours(inputs, mask=mask)]), expected[:1], 0)


@pytest.mark.parametrize(
    ("before", "after"), [(2, 40)] if ON_JAX else [(0, 1), (3, 0), (2, 40)]
)
def test_padding_changes_nothing_at_real_steps(before, after):
    rng = np.random.default_rng(4)
    attention, inputs = make_attention(rng), make_inputs(rng)
    factors = make_factors(rng)
    arguments = {"jit": ON_JAX, "return_weights": True}
    values, gradients = value_and_gradients(attention, inputs, factors, **arguments)

    def padded(array, *axes, value=0.0):
        pads = [
            (before, after) if axis in axes else (0, 0) for axis in range(array.ndim)
        ]
        return np.pad(array, pads, constant_values=value)

    mask = padded(np.ones((BATCH, TIME), bool), 1, value=False)
    garbage = 30 * make_inputs(rng, before + TIME + after)
    garbage[:, before : before + TIME] = inputs
    others, other_gradients = value_and_gradients(
        attention,
        garbage,
        [padded(factors[0], 1), padded(factors[1], 2, 3, value=0.0)],
        mask=mask,
        **arguments,
    )
    real = slice(before, before + TIME)
    assert not others[1][..., ~mask[0]].any()
    others = [others[0][:, real], others[1][:, :, real, real]]
    assert_all_close(others, values, 1e-5)
    other_gradients[0] = other_gradients[0][:, real]
    assert_all_close(other_gradients, gradients, 5e-5)


def test_permuted_steps_give_permuted_outputs_unless_positions_are_added():
    rng = np.random.default_rng(5)
    attention, inputs, mask = make_attention(rng), make_inputs(rng), make_mask("holes")
    order = np.array([3, 0, 5, 1, 4, 2])
    outputs, permuted = arrays(
        [attention(inputs, mask=mask), attention(inputs[:, order], mask=mask[:, order])]
    )
    assert_all_close([permuted], [outputs[:, order]])
    positions = ops.convert_to_numpy(sinusoidal_positions(TIME, FEATURES))
    outputs, permuted = arrays(
        attention(x + positions, mask=m)
        for x, m in ((inputs, mask), (inputs[:, order], mask[:, order]))
    )
    assert abs(permuted - outputs[:, order]).max() > 0.1


@TENSORFLOW
def test_rows_are_independent_and_a_sequence_may_have_one_step():
    rng = np.random.default_rng(6)
    attention, inputs, mask = make_attention(rng), make_inputs(rng), make_mask("holes")
    together = arrays(attention(inputs, mask=mask, return_weights=True))
    row = attention(inputs[1:2], mask=mask[1:2], return_weights=True)
    assert_all_close(arrays(row), [result[1:2] for result in together], 1e-6)
    outputs, weights = arrays(attention(inputs[:, :1], return_weights=True))
    np.testing.assert_array_equal(weights, np.ones((BATCH, HEADS, 1, 1)))
    values = attention.get_weights()
    value = np.einsum("btf,fhd->bthd", inputs[:, :1], values[4]) + values[5]
    expected = np.einsum("bthd,hdf->btf", value, values[6]) + values[7]
    assert_all_close([outputs], [expected])


class Positions(keras.layers.Layer):
    """Adds positions to inputs whose length is known at run time only."""

    def call(self, inputs):
        positions = sinusoidal_positions(ops.shape(inputs)[1], inputs.shape[-1])
        return inputs + ops.cast(positions, inputs.dtype)


def make_model(**arguments):
    """Returns the model `[inputs, mask] -> [outputs, weights]` and its attention."""
    inputs, mask = keras.Input((None, FEATURES)), keras.Input((None,), dtype="bool")
    attention = SelfAttention(HEADS, **arguments)
    outputs, weights = attention(Positions()(inputs), mask=mask, return_weights=True)
    return keras.Model([inputs, mask], [outputs, weights]), attention


def test_fit_with_and_without_xla_takes_the_same_step():
    results = []
    for jit in (True,) if ON_JAX else (True, False):
        rng = np.random.default_rng(7)
        model, attention = make_model()
        values = make_attention(rng).get_weights()
        attention.set_weights(values)
        data = [make_inputs(rng), make_mask("empty row")]
        targets = make_factors(rng)
        model.compile(keras.optimizers.SGD(0.01), ["mse", "mse"], jit_compile=jit)
        losses = model.fit(data, targets, epochs=3, verbose=0).history["loss"]
        assert losses[0] > losses[1] > losses[2]
        results.append([losses, *attention.get_weights()])
    assert_all_close(results[0], results[-1], 1e-5)


@TENSORFLOW
def test_a_saved_model_and_an_export_take_any_batch_and_length(tmp_path):
    import tensorflow as tf

    rng = np.random.default_rng(8)
    attention = SelfAttention(HEADS, 0.1, seed=3, dtype="mixed_bfloat16", name="mine")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(attention)))
    assert config["registered_name"] == "sequence_recipes>SelfAttention"
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == attention.get_config()
    for name in ("heads", "dropout", "seed", "name", "dtype_policy"):
        assert getattr(again, name) == getattr(attention, name)

    model, attention = make_model(dropout=0.1)
    attention.set_weights(make_attention(rng).get_weights())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(
        tmp_path / "model.keras", {"Positions": Positions}, compile=False
    )
    archive = keras.export.ExportArchive()
    archive.track(model)
    specs = [((None, None, FEATURES), "float32"), ((None, None), "bool")]
    specs = [tf.TensorSpec(*spec) for spec in specs]
    archive.add_endpoint("serve", lambda *data: model(list(data)), specs)
    archive.write_out(tmp_path / "export", verbose=False)
    served = tf.saved_model.load(tmp_path / "export")
    for rows, time in ((2, 3), (5, 1), (1, 9)):
        inputs = rng.normal(size=(rows, time, FEATURES)).astype("float32")
        mask = rng.random(size=(rows, time)) < 0.7
        expected = arrays(model([inputs, mask]))
        positions = ops.convert_to_numpy(sinusoidal_positions(time, FEATURES))
        direct = attention(inputs + positions, mask=mask, return_weights=True)
        assert_all_close(arrays(direct), expected)
        assert_all_close(arrays(loaded([inputs, mask])), expected, 1e-6)
        assert_all_close(arrays(served.serve(inputs, mask)), expected)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"][: 2 - ON_JAX])
def test_mixed_precision_is_near_float32(policy):
    rng = np.random.default_rng(9)
    mask, inputs = make_mask("empty row"), make_inputs(rng)
    mixed, plain = make_attention(rng, dtype=policy), make_attention(rng)
    plain.set_weights(mixed.get_weights())
    assert all(weight.dtype == "float32" for weight in mixed.weights)
    factors = make_factors(rng)
    arguments = {"jit": ON_JAX, "mask": mask, "return_weights": True}
    results, expected = (
        value_and_gradients(layer, inputs, factors, **arguments)
        for layer in (mixed, plain)
    )
    for found, exact in zip(results, expected, strict=True):
        assert_all_close(found, exact, 0.04 if policy == "mixed_float16" else 0.3)
    assert not results[0][1][1].any()
    found = mixed(inputs, mask=mask, return_weights=True)
    assert {keras.backend.standardize_dtype(x.dtype) for x in found} == {policy[6:]}


@TENSORFLOW
def test_the_softmax_is_as_exact_as_its_type_allows():
    rng = np.random.default_rng(10)
    attention = make_attention(rng, dtype="mixed_float16")
    weights = attention.get_weights()
    attention.set_weights([0 * weights[0], 0 * weights[1], *weights[2:]])
    inputs = rng.normal(size=(1, 1500, FEATURES)).astype("float32")
    mask = np.arange(1500)[None] < 1400
    _, shares = attention(inputs, mask=mask, return_weights=True)
    expected = np.where(mask[0], np.float16(1 / 1400), 0)
    np.testing.assert_array_equal(shares, np.broadcast_to(expected, shares.shape))


@TENSORFLOW
def test_symbolic_shapes_are_the_eager_shapes_and_types():
    for dtype in ("float32", "mixed_float16"):
        attention = SelfAttention(HEADS, dtype=dtype)
        results = attention(make_inputs(np.random.default_rng(11)), return_weights=True)
        for batch, time in ((BATCH, TIME), (None, TIME), (None, None)):
            inputs = keras.Input(batch_shape=(batch, time, FEATURES))
            outputs, weights = attention(inputs, return_weights=True)
            assert outputs.shape == (batch, time, FEATURES) == attention(inputs).shape
            assert weights.shape == (batch, HEADS, time, time)
            for symbolic, result in zip((outputs, weights), results, strict=True):
                assert symbolic.dtype == keras.backend.standardize_dtype(result.dtype)
        assert results[0].shape == (BATCH, TIME, FEATURES)
        assert results[1].shape == (BATCH, HEADS, TIME, TIME)


@TENSORFLOW
def test_the_mask_comes_with_the_inputs_and_goes_on():
    rng = np.random.default_rng(12)
    ids = np.array([[4, 2, 0, 0], [3, 0, 5, 0]])
    embed = keras.layers.Embedding(9, FEATURES, mask_zero=True)
    attention = make_attention(rng)
    vectors = embed(ids)
    expected = attention(1 * ops.convert_to_tensor(vectors), mask=ids > 0)
    outputs, weights = attention(vectors, return_weights=True)
    assert_all_close(arrays([outputs]), arrays([expected]), 1e-6)
    for result in (outputs, attention(embed(ids))):
        mask = keras.src.backend.get_keras_mask(result)
        np.testing.assert_array_equal(ops.convert_to_numpy(mask), ids > 0)
    assert keras.src.backend.get_keras_mask(weights) is None


@pytest.mark.parametrize("features", [2, 10])
def test_positions_are_those_of_the_paper(features):
    positions = ops.convert_to_numpy(sinusoidal_positions(200, features))
    assert positions.shape == (200, features)
    assert positions.dtype == "float32"
    for t in range(200):
        for i in range(features // 2):
            angle = t / 10000 ** (2 * i / features)
            pair = positions[t, 2 * i : 2 * i + 2]
            np.testing.assert_allclose(pair, [np.sin(angle), np.cos(angle)], atol=3e-5)
    assert ops.shape(sinusoidal_positions(np.int64(0), features)) == (0, features)


@TENSORFLOW
def test_the_number_of_positions_may_be_a_tensor():
    import tensorflow as tf

    expected = sinusoidal_positions(7, 6)
    spec = tf.TensorSpec((), "int32")
    traced = tf.function(lambda time: sinusoidal_positions(time, 6), [spec])
    np.testing.assert_allclose(traced(tf.constant(7)), expected, atol=1e-6)
    np.testing.assert_array_equal(sinusoidal_positions(tf.constant(7), 6), expected)


@TENSORFLOW
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: SelfAttention(0),
            r"^Argument `heads` must be a positive integer. Received: heads=0$",
        ),
        (
            lambda: SelfAttention(2, dropout=1),
            r"^Argument `dropout` must be a number from 0 to below 1. Received: drop",
        ),
        (
            lambda: SelfAttention(3)(np.ones((2, 5, 8))),
            r"multiple of `heads`. Received: heads=3, inputs.shape=\(2, 5, 8\)$",
        ),
        (
            lambda: SelfAttention(2)(np.ones((5, 8))),
            r"^Inputs must be `\(batch, time, features\)`.*inputs.shape=\(5, 8\)$",
        ),
        (
            lambda: SelfAttention(2)(keras.Input((5, None))),
            r"^Inputs must be .*inputs.shape=\(None, 5, None\)$",
        ),
        (
            lambda: sinusoidal_positions(4, 7),
            r"^Argument `features` must be even: .* Received: features=7$",
        ),
        (
            lambda: sinusoidal_positions(4, 0),
            r"^Argument `features` must be a positive integer. Received: features=0$",
        ),
    ],
)
def test_errors_name_the_argument(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@TENSORFLOW
def test_everything_holds_under_jax(request):
    passes_on_jax(__file__, request)
