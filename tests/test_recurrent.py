"""The recurrent layers compared with those of Keras, on TensorFlow without XLA."""

import inspect
import itertools
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import ops

import custom_layers
from tests import recurrent_reference as reference
from tests.processes import passes_on_jax, python
from tests.recurrent_reference import BATCH, FEATURES, LAYERS, TIME, UNITS

if keras.backend.backend() != "tensorflow":
    pytest.skip("on TensorFlow only", allow_module_level=True)
import tensorflow as tf

# Raised inside Keras, by NumPy's newer rules for __array__.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
NAMES = list(LAYERS)
EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def make_layer(name, module=custom_layers, /, **arguments):
    class_name, extra = LAYERS[name]
    return getattr(module, class_name)(UNITS, **extra, **arguments)


def make_cell(name, **arguments):
    class_name, extra = LAYERS[name]
    return getattr(custom_layers, class_name + "Cell")(UNITS, **extra, **arguments)


def with_weights(layer, weights, shape=(BATCH, TIME, FEATURES)):
    layer.build(shape)
    layer.set_weights(weights)
    return layer


def value_and_gradients(layer, inputs, states=None, mask=None, factors=(), **arguments):
    """Returns the layer's results, and the gradients of inputs, states and weights."""
    inputs = tf.constant(inputs, layer.compute_dtype)
    states = [tf.constant(state, layer.compute_dtype) for state in states or []]
    with tf.GradientTape() as tape:
        tape.watch([inputs, *states])
        initial_state = states or None
        results = layer(inputs, initial_state=initial_state, mask=mask, **arguments)
        results = list(results) if isinstance(results, (list, tuple)) else [results]
        loss = sum(
            tf.reduce_sum(result * tf.cast(factor, result.dtype))
            for result, factor in zip(results, factors, strict=True)
        )
    weights = [weight.value for weight in layer.trainable_variables]
    gradients = tape.gradient(loss, [inputs, *states, *weights])
    return [x.numpy() for x in results], [x.numpy() for x in gradients]


def assert_all_close(ours, others, tolerance=1e-5):
    for our, other in zip(ours, others, strict=True):
        np.testing.assert_allclose(our, other, rtol=tolerance, atol=tolerance)


def leading_steps(mask, backwards):
    """Returns `[batch, time]`: whether all steps up to here are masked."""
    mask = mask[:, ::-1] if backwards else mask
    return ~np.logical_or.accumulate(mask, axis=1)


def grid():
    """Yields all cases. `make test` runs each layer and mask with one choice of flags
    and its opposite, so that all pairs of flag values occur."""
    kinds = [*reference.MASKS]
    for name, kind, *flags in itertools.product(
        NAMES, kinds, (False, True), (False, True), (False, True)
    ):
        backwards, sequences, initial = flags
        turn = (NAMES.index(name) + kinds.index(kind)) % 4
        core = 2 * (backwards ^ sequences) + (backwards ^ initial) == turn
        extra = initial and kind in ("holes", "empty row")
        for zero in (False, True) if extra else (False,):
            marks = () if core else pytest.mark.exhaustive
            yield pytest.param(name, kind, *flags, zero, marks=marks)


@pytest.mark.parametrize(
    ("name", "kind", "backwards", "sequences", "initial", "zero"), list(grid())
)
def test_equals_the_built_in(name, kind, backwards, sequences, initial, zero):
    rng = np.random.default_rng(0)
    mask = reference.make_mask(kind)
    inputs = reference.make_inputs(rng)
    first = reference.make_states(name, rng)
    states = first if initial else None
    weights = reference.make_weights(name, rng)
    arguments = {
        "return_sequences": sequences,
        "return_state": True,
        "go_backwards": backwards,
    }
    factors = [rng.normal(size=(BATCH, TIME, UNITS) if sequences else (BATCH, UNITS))]
    factors += [rng.normal(size=(BATCH, UNITS)) for _ in first]
    leading = None
    if mask is not None:
        arguments["zero_output_for_mask"] = zero
        if not zero:
            # Keras on TensorFlow gives zeros before the first unmasked step; here, as
            # with Keras on JAX, the state is carried. This is checked below.
            leading = leading_steps(mask, backwards)
            leading = leading if sequences else leading[:, -1]
            factors[0][leading] = 0
    ours = with_weights(make_layer(name, **arguments), weights)
    other = with_weights(make_layer(name, keras.layers, **arguments), weights)
    values, gradients = value_and_gradients(ours, inputs, states, mask, factors)
    expected, expected_gradients = value_and_gradients(
        other, inputs, states, mask, factors
    )
    if leading is not None:
        carried = first[0] if initial else np.zeros_like(first[0])
        place = np.nonzero(leading)
        np.testing.assert_allclose(values[0][leading], carried[place[0]], atol=1e-7)
        expected[0][leading] = values[0][leading]
    assert_all_close(values, expected)
    assert_all_close(gradients, expected_gradients)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["none", "holes", "empty row"])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_the_cell_differentiated_by_the_framework(name, kind, bias):
    rng = np.random.default_rng(1)
    mask = reference.make_mask(kind)
    inputs, states = reference.make_inputs(rng), reference.make_states(name, rng)
    weights = reference.make_weights(name, rng, bias)
    arguments = {"return_state": True, "return_sequences": True}
    factors = [rng.normal(size=(BATCH, TIME, UNITS))]
    factors += [rng.normal(size=(BATCH, UNITS)) for _ in states]
    if mask is not None:
        factors[0][leading_steps(mask, False)] = 0
    ours = with_weights(make_layer(name, use_bias=bias, **arguments), weights)
    cell = keras.layers.RNN(make_cell(name, use_bias=bias), **arguments)
    with_weights(cell, weights)
    values, gradients = value_and_gradients(ours, inputs, states, mask, factors)
    expected, expected_gradients = value_and_gradients(
        cell, inputs, states, mask, factors
    )
    assert_all_close(values[1:], expected[1:])
    assert_all_close(gradients, expected_gradients)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["none", "holes"])
def test_gradients_are_the_central_differences(name, kind):
    rng = np.random.default_rng(2)
    mask = reference.make_mask(kind)
    inputs, states = reference.make_inputs(rng), reference.make_states(name, rng)
    weights = reference.make_weights(name, rng)
    arguments = {"return_state": True, "return_sequences": True, "dtype": "float64"}
    layer = with_weights(make_layer(name, **arguments), weights)
    factors = [rng.normal(size=(BATCH, TIME, UNITS))]
    factors += [rng.normal(size=(BATCH, UNITS)) for _ in states]
    _, gradients = value_and_gradients(layer, inputs, states, mask, factors)
    arrays = [inputs, *states, *weights]

    def loss(arrays):
        layer.set_weights(arrays[1 + len(states) :])
        results = layer(arrays[0], initial_state=arrays[1 : 1 + len(states)], mask=mask)
        return sum(
            np.sum(factor * result.numpy())
            for factor, result in zip(factors, results, strict=True)
        )

    for place, gradient in enumerate(gradients):
        for _ in range(2):
            direction = rng.normal(size=arrays[place].shape)
            above, below = list(arrays), list(arrays)
            above[place] = arrays[place] + 1e-5 * direction
            below[place] = arrays[place] - 1e-5 * direction
            slope = (loss(above) - loss(below)) / 2e-5
            np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-7)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["none", "holes"])
def test_dropout_equals_the_cell_under_the_same_masks(name, kind):
    """Scaling the state before the product equals scaling the rows of the kernel."""
    rng = np.random.default_rng(3)
    mask = reference.make_mask(kind)
    inputs = reference.make_inputs(rng)
    weights = reference.make_weights(name, rng)
    arguments = {"dropout": 0.4, "recurrent_dropout": 0.3, "seed": 5}
    factors = [rng.normal(size=(BATCH, UNITS))]
    layer, twin = (with_weights(make_layer(name, **arguments), weights) for _ in "12")
    values, gradients = value_and_gradients(
        layer, inputs, None, mask, factors, training=True
    )
    dropped = twin.dropout_mask((BATCH, 1, FEATURES), 0.4).numpy()
    dropped_state = twin.dropout_mask((BATCH, UNITS), 0.3).numpy()
    assert set(dropped.ravel().round(4)) == {0.0, np.float32(1 / 0.6).round(4)}
    assert set(dropped_state.ravel().round(4)) == {0.0, np.float32(1 / 0.7).round(4)}

    expected, expected_gradients = [], []
    for row in range(BATCH):
        rows = slice(row, row + 1)
        kernel = dropped_state[row][:, None] * weights[1]
        row_weights = [weights[0], kernel, *weights[2:]]
        cell = with_weights(keras.layers.RNN(make_cell(name)), row_weights)
        value, gradient = value_and_gradients(
            cell,
            inputs[rows] * dropped[rows],
            None,
            None if mask is None else mask[rows],
            [factors[0][rows]],
        )
        gradient[2] *= dropped_state[row][:, None]
        expected.append(value[0])
        expected_gradients.append(gradient)
    by_input, *by_weight = zip(*expected_gradients, strict=True)
    assert_all_close(values, [np.concatenate(expected)])
    assert_all_close(gradients[:1], [np.concatenate(by_input) * dropped])
    assert_all_close(gradients[1:], [sum(rows) for rows in by_weight])

    again = layer(inputs, mask=mask, training=True).numpy()
    assert abs(again - values[0]).max() > 1e-3
    plain = with_weights(make_layer(name), weights)
    assert_all_close([layer(inputs, mask=mask)], [plain(inputs, mask=mask)], 1e-7)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["none", "holes"])
def test_weight_dropout_equals_the_kernel_under_the_same_mask(name, kind):
    """One mask per batch, even if two loops process half of the batch each."""
    rng = np.random.default_rng(8)
    mask = reference.make_mask(kind)
    inputs, states = reference.make_inputs(rng), reference.make_states(name, rng)
    weights = reference.make_weights(name, rng)
    arguments = {"recurrent_weight_dropout": 0.4, "seed": 5}
    factors = [rng.normal(size=(BATCH, UNITS))]
    layer, twin = (with_weights(make_layer(name, **arguments), weights) for _ in "12")
    values, gradients = value_and_gradients(
        layer, inputs, states, mask, factors, training=True
    )
    dropped = twin.weights_of_steps(training=True)[1].numpy() / weights[1]
    assert set(dropped.ravel().round(4)) == {0.0, np.round(1 / 0.6, 4)}
    plain = with_weights(make_layer(name), weights)
    plain.set_weights([weights[0], weights[1] * dropped, *weights[2:]])
    expected, expected_gradients = value_and_gradients(
        plain, inputs, states, mask, factors, training=True
    )
    expected_gradients[1 + len(states) + 1] *= dropped
    assert_all_close(values, expected)
    assert_all_close(gradients, expected_gradients)

    one, other = (layer(inputs, mask=mask, training=True).numpy() for _ in "12")
    assert abs(one - other).max() > 1e-3
    plain.set_weights(weights)
    assert_all_close([layer(inputs, mask=mask)], [plain(inputs, mask=mask)], 0)


@pytest.mark.parametrize("name", NAMES)
def test_bidirectional_equals_the_built_in(name):
    rng = np.random.default_rng(4)
    inputs, mask = reference.make_inputs(rng), reference.make_mask("right")
    weights = [*reference.make_weights(name, rng), *reference.make_weights(name, rng)]
    results = []
    for module in (custom_layers, keras.layers):
        layer = make_layer(name, module, return_sequences=True)
        layer = with_weights(keras.layers.Bidirectional(layer), weights)
        factors = [np.cos(np.arange(BATCH * TIME * 2 * UNITS)).reshape(BATCH, TIME, -1)]
        results.append(value_and_gradients(layer, inputs, None, mask, factors))
    assert_all_close(results[0][0], results[1][0])
    assert_all_close(results[0][1], results[1][1])


@pytest.mark.parametrize("name", NAMES)
def test_only_some_gradients_are_asked_for(name):
    rng = np.random.default_rng(5)
    inputs = tf.constant(reference.make_inputs(rng), "float32")
    layer = with_weights(make_layer(name), reference.make_weights(name, rng))
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(layer(inputs) ** 2)
    expected = tape.gradient(loss, inputs)
    layer.cell.trainable = False
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(layer(inputs) ** 2)
    assert_all_close([tape.gradient(loss, inputs)], [expected])
    layer.cell.trainable = True
    for weight in layer.trainable_variables:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(weight.value)
            loss = tf.reduce_sum(layer(inputs) ** 2)
        assert np.abs(tape.gradient(loss, weight.value)).max() > 0
        assert tape.gradient(loss, inputs) is None


@pytest.mark.parametrize("name", NAMES)
def test_weights_load_both_ways(name):
    ours, other = make_layer(name), make_layer(name, keras.layers)
    for layer in (ours, other):
        layer.build((None, None, FEATURES))
    for source, target in ((ours, other), (other, ours)):
        target.set_weights(source.get_weights())
        assert [w.name for w in source.weights] == [w.name for w in target.weights]
    assert_all_close(ours.get_weights(), other.get_weights(), 0)


@pytest.mark.parametrize("name", NAMES)
def test_fresh_weights_follow_the_same_laws(name):
    arguments = {
        "kernel_initializer": keras.initializers.GlorotUniform(1),
        "recurrent_initializer": keras.initializers.Orthogonal(2),
        "bias_initializer": "zeros",
    }
    ours = make_layer(name, **arguments)
    other = make_layer(name, keras.layers, **arguments)
    for layer in (ours, other):
        layer.build((None, None, FEATURES))
    assert_all_close(ours.get_weights(), other.get_weights(), 0)
    if name == "LSTM":
        layer = make_layer(name, unit_forget_bias=False)
        layer.build((None, None, FEATURES))
        assert not layer.get_weights()[2].any()


@pytest.mark.parametrize("name", NAMES)
def test_configuration_round_trip(name):
    arguments = {
        "use_bias": False,
        "kernel_initializer": keras.initializers.RandomNormal(0, 0.3, seed=1),
        "recurrent_initializer": "glorot_uniform",
        "dropout": 0.25,
        "recurrent_dropout": 0.5,
        "recurrent_weight_dropout": 0.125,
        "seed": 9,
        "return_sequences": True,
        "return_state": True,
        "go_backwards": True,
        "zero_output_for_mask": True,
        "dtype": "mixed_bfloat16",
        "name": "mine",
    }
    if name == "LSTM":
        arguments["unit_forget_bias"] = False
    layer = make_layer(name, **arguments)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert config["registered_name"].startswith("sequence_recipes>")
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    assert again.dtype_policy == layer.dtype_policy
    kept = {key: again.get_config()[key] for key in arguments}
    simple = ("dropout", "recurrent_dropout", "recurrent_weight_dropout", "seed")
    for key in ("units", *simple, "go_backwards", "use_bias", "name"):
        assert kept.get(key, UNITS) == arguments.get(key, UNITS)
    cell = make_cell(name, use_bias=False)
    config = keras.saving.serialize_keras_object(cell)
    assert config["registered_name"].startswith("sequence_recipes>")
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == cell.get_config()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sequences", [False, True])
def test_symbolic_shapes_are_the_eager_shapes(name, sequences):
    layer = make_layer(name, return_sequences=sequences, return_state=True)
    inputs = np.zeros((BATCH, TIME, FEATURES), "float32")
    for length in (TIME, None):
        symbolic = keras.Input((length, FEATURES))
        for outputs, results in zip(layer(symbolic), layer(inputs), strict=True):
            known = [
                (size, other)
                for size, other in zip(outputs.shape, results.shape, strict=True)
                if size is not None
            ]
            assert known[-1] == (UNITS, UNITS)
            assert all(size == other for size, other in known)
    assert [tuple(s) for s in layer.compute_output_shape(inputs.shape)] == [
        tuple(result.shape) for result in layer(inputs)
    ]


@pytest.mark.parametrize("name", ["LSTM", "GRU-before"])
def test_unknown_lengths_are_fitted_and_exported(name, tmp_path):
    rng = np.random.default_rng(6)
    sequence = keras.Input((None, FEATURES))
    hidden = keras.layers.Masking()(sequence)
    hidden = keras.layers.Bidirectional(make_layer(name))(hidden)
    model = keras.Model(sequence, keras.layers.Dense(1)(hidden))
    model.compile("sgd", "mse", jit_compile=False)
    for length in (3, 6):
        inputs = np.float32(rng.normal(size=(2, length, FEATURES)))
        model.fit(inputs, np.ones((2, 1)), verbose=0)
    inputs = np.float32(rng.normal(size=(5, 8, FEATURES)))
    inputs[:2, 5:] = 0
    expected = model.predict_on_batch(inputs)

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_all_close([loaded.predict_on_batch(inputs)], [expected], 1e-6)
    model.export(tmp_path / "export", verbose=False)
    script = (
        "import sys, numpy, tensorflow as tf\n"
        "loaded = tf.saved_model.load(sys.argv[1])\n"
        "inputs = numpy.load(sys.argv[2])\n"
        "numpy.save(sys.argv[3], loaded.serve(inputs).numpy())\n"
        "assert 'custom_layers' not in sys.modules\n"
    )
    if name != "LSTM":  # one fresh process is enough
        loaded = tf.saved_model.load(tmp_path / "export")
        served = loaded.serve(inputs).numpy()
    else:
        np.save(tmp_path / "inputs.npy", inputs)
        paths = [tmp_path / p for p in ("export", "inputs.npy", "served.npy")]
        child = python("-c", script, *paths, folder=tmp_path)
        assert child.returncode == 0, child.stderr
        served = np.load(tmp_path / "served.npy")
    assert_all_close([served], [expected], 1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_near_float32(name, policy):
    rng = np.random.default_rng(7)
    mask = reference.make_mask("empty row")
    inputs, states = reference.make_inputs(rng), reference.make_states(name, rng)
    weights = reference.make_weights(name, rng)
    factors = [rng.normal(size=(BATCH, UNITS)) for _ in range(1 + len(states))]
    results = []
    for dtype in (policy, "float32"):
        layer = make_layer(name, dtype=dtype, return_state=True, dropout=0.1)
        layer = with_weights(layer, weights)
        results.append(value_and_gradients(layer, inputs, states, mask, factors))
        assert all(weight.dtype == "float32" for weight in layer.weights)
    assert all(value.dtype == policy[6:] for value in results[0][0])
    tolerance = 0.02 if policy == "mixed_float16" else 0.15
    for ours, others in zip(*results, strict=True):
        for our, other in zip(ours, others, strict=True):
            np.testing.assert_allclose(np.float32(our), other, atol=tolerance)


numbers = st.integers(0, 2**31 - 1)
masks = st.lists(st.booleans(), min_size=BATCH * TIME, max_size=BATCH * TIME).map(
    lambda steps: np.array(steps, dtype=bool).reshape(BATCH, TIME)
)


@EXAMPLES
@given(name=st.sampled_from(NAMES), seed=numbers, mask=masks, backwards=st.booleans())
def test_padding_is_ignored(name, seed, mask, backwards):
    rng = np.random.default_rng(seed)
    inputs, states = reference.make_inputs(rng), reference.make_states(name, rng)
    weights = reference.make_weights(name, rng)
    arguments = {"return_state": True, "go_backwards": backwards}
    layer = with_weights(make_layer(name, **arguments), weights)
    factors = [rng.normal(size=(BATCH, UNITS)) for _ in range(1 + len(states))]
    values, gradients = value_and_gradients(layer, inputs, states, mask, factors)
    assert not gradients[0][~mask].any()

    other = np.where(mask[..., None], inputs, 1e3 * rng.normal(size=inputs.shape))
    more = 1e3 * rng.normal(size=(BATCH, 2, FEATURES))
    none = np.zeros((BATCH, 2), dtype=bool)
    for padded, padded_mask in (
        (other, mask),
        (np.concatenate([other, more], 1), np.concatenate([mask, none], 1)),
        (np.concatenate([more, other], 1), np.concatenate([none, mask], 1)),
    ):
        again, other_gradients = value_and_gradients(
            layer, padded, states, padded_mask, factors
        )
        assert_all_close(again, values, 1e-6)
        assert_all_close(other_gradients[1:], gradients[1:], 1e-4)


@EXAMPLES
@given(
    name=st.sampled_from(NAMES),
    seed=numbers,
    mask=st.none() | masks,
    cut=st.integers(1, TIME - 1),
)
def test_chunked_equals_whole_with_the_state_carried(name, seed, mask, cut):
    rng = np.random.default_rng(seed)
    inputs = reference.make_inputs(rng).astype("float32")
    weights = reference.make_weights(name, rng)
    layer = make_layer(name, return_sequences=True, return_state=True)
    with_weights(layer, weights)
    whole = layer(inputs, mask=mask)
    parts = [None, None] if mask is None else [mask[:, :cut], mask[:, cut:]]
    first, *states = layer(inputs[:, :cut], mask=parts[0])
    second, *states = layer(inputs[:, cut:], mask=parts[1], initial_state=states)
    chunked = [ops.concatenate([first, second], axis=1), *states]
    assert_all_close(chunked, whole, 1e-6)


@EXAMPLES
@given(name=st.sampled_from(NAMES), seed=numbers, mask=st.none() | masks)
def test_rows_are_independent(name, seed, mask):
    rng = np.random.default_rng(seed)
    inputs = reference.make_inputs(rng).astype("float32")
    states = [np.float32(state) for state in reference.make_states(name, rng)]
    layer = make_layer(name, return_sequences=True, return_state=True)
    with_weights(layer, reference.make_weights(name, rng))
    together = layer(inputs, mask=mask, initial_state=states)
    for row in range(BATCH):
        rows = slice(row, row + 1)
        alone = layer(
            inputs[rows],
            mask=None if mask is None else mask[rows],
            initial_state=[state[rows] for state in states],
        )
        assert_all_close(alone, [result[rows] for result in together], 1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["none", "holes"])
@pytest.mark.parametrize(
    "rows", [1, pytest.param(2, marks=pytest.mark.exhaustive), BATCH]
)
def test_two_loops_over_half_the_batch_equal_one(name, kind, rows):
    rng = np.random.default_rng(1)
    inputs = reference.make_inputs(rng)[:rows]
    states = [state[:rows] for state in reference.make_states(name, rng)]
    mask = reference.make_mask(kind)
    mask = None if mask is None else mask[:rows]
    arguments = {"return_sequences": True, "return_state": True}
    layer = make_layer(name, **arguments)
    layer = with_weights(layer, reference.make_weights(name, rng))
    factors = [rng.normal(size=(rows, TIME, UNITS))]
    factors += [rng.normal(size=(rows, UNITS)) for _ in states]
    one, two = (
        value_and_gradients(layer, inputs, states, mask, factors, training=training)
        for training in (False, True)
    )
    for actual, expected in zip(two, one, strict=True):
        assert_all_close(actual, expected)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("jit", "training", "loops"), [(False, True, 2), (True, True, 1), (False, False, 1)]
)
def test_two_loops_run_in_training_without_xla(name, jit, training, loops):
    """Fails if TensorFlow changes how it reports XLA while it traces a function."""
    layer = make_layer(name)
    trace = tf.function(lambda x: layer(x, training=training), jit_compile=jit)
    shape = tf.TensorSpec((None, TIME, FEATURES))
    graph = trace.get_concrete_function(shape).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert sum(kind in ("While", "StatelessWhile") for kind in kinds) == loops


def test_inner_loop_is_what_keras_calls():
    """The one method of `keras.layers.RNN` that the layers override."""
    expected = ["self", "sequences", "initial_state", "mask", "training"]
    for layer in (keras.layers.RNN, keras.layers.LSTM, custom_layers.LSTM):
        assert list(inspect.signature(layer.inner_loop).parameters) == expected
    source = inspect.getsource(keras.layers.RNN.call)
    assert "last_output, outputs, states = self.inner_loop(" in source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": -1}, "^Argument `units` must be a positive integer. Received: unit"),
        ({"units": -1}, "`units` must be a positive integer. Received: units=-1$"),
        ({"units": 0}, "`units` must be a positive integer. Received: units=0"),
        ({"units": 2.5}, "`units` must be a positive integer. Received: units=2.5"),
        ({"units": True}, "`units` must be a positive integer. Received: units=True"),
        ({"units": 2, "dropout": 1}, "`dropout` must be .* Received: dropout=1"),
        ({"units": 2, "dropout": "a"}, "`dropout` must be .* Received: dropout='a'"),
        (
            {"units": 2, "recurrent_dropout": -0.1},
            "`recurrent_dropout` must be .* Received: recurrent_dropout=-0.1",
        ),
        (
            {"units": 2, "recurrent_weight_dropout": 1.0},
            "`recurrent_weight_dropout` must be .* Received: recurrent_weight_dropout",
        ),
    ],
)
@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_errors_name_the_argument(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(custom_layers, name)(**arguments)
    if list(arguments) == ["units"]:
        with pytest.raises(ValueError, match=message):
            getattr(custom_layers, name + "Cell")(**arguments)


def test_units_may_be_a_numpy_integer():
    layer = custom_layers.LSTM(np.int64(8))
    again = custom_layers.LSTM.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.units == 8
    assert custom_layers.BahdanauAttention(np.int32(3)).units == 3
    for units in (np.int64(0), np.float64(2), True):
        with pytest.raises(ValueError, match="`units` must be a positive integer"):
            custom_layers.LSTM(units)


def test_stateful_errors():
    layer = make_layer("GRU", stateful=True)
    with pytest.raises(ValueError, match=r"fixed batch size.* Received: seq"):
        layer(keras.Input((TIME, FEATURES)))
    layer = make_layer("GRU", stateful=True)
    layer(np.zeros((2, TIME, FEATURES), "float32"))
    with pytest.raises(ValueError, match=r"the batch size 2 .* Received: .*\(3, 5"):
        layer(np.zeros((3, TIME, FEATURES), "float32"))


def test_unknown_arguments_are_refused():
    for argument in ("activation", "unroll", "use_cudnn"):
        with pytest.raises((TypeError, ValueError), match=argument):
            custom_layers.LSTM(2, **{argument: "tanh"})


def test_everything_holds_under_jax(request):
    file = Path(__file__).with_name("test_recurrent_everywhere.py")
    passes_on_jax(file, request)
