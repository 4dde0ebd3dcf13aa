"""The recurrent layers compiled by XLA, on every backend.

`test_recurrent.py` runs this file once more in a child process under JAX.
"""

import keras
import numpy as np
import pytest
from keras import ops

import custom_layers
from tests import recurrent_reference as reference
from tests.recurrent_reference import BATCH, FEATURES, LAYERS, STATES, TIME, UNITS

# Raised inside Keras under JAX, by NumPy's newer rules for __array__.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
ON_JAX = keras.backend.backend() == "jax"
# (layer, mask, backwards, sequences, initial state, bias, zero_output_for_mask)
CORE = [
    ("SimpleRNN", "holes", True, False, False, True, False),
    ("LSTM", "holes", False, True, False, False, True),
    ("LSTM", "empty row", True, True, True, True, False),
    ("GRU", "right", True, True, False, True, True),
    ("GRU-before", "holes", True, True, True, True, False),
]
COVERING = [
    ("SimpleRNN", "none", False, True, True, True, False),
    ("SimpleRNN", "empty row", False, True, True, False, True),
    ("LSTM", "none", True, True, True, True, False),
    ("LSTM", "left", False, False, True, True, False),
    ("GRU", "none", False, False, True, False, False),
    ("GRU", "empty row", False, True, True, True, False),
    ("GRU-before", "none", False, True, True, True, False),
]


class Shift(keras.layers.Layer):
    """Adds a weight of the input's shape, whose gradient is that of the input."""

    def build(self, input_shape):
        self.shift = self.add_weight(input_shape, "zeros", name="shift")

    def call(self, inputs):
        return inputs + self.shift


class Unmasked(keras.layers.Layer):
    """Removes the mask, so that the loss counts masked steps too."""

    def call(self, inputs, mask=None):
        return 1 * inputs  # a new tensor: the mask is an attribute of the old one

    def compute_mask(self, inputs, mask=None):
        return None


class Weighted(keras.losses.Loss):
    """The sum of all outputs times given factors."""

    def __init__(self):
        super().__init__(reduction="sum")

    def call(self, factors, outputs):
        return ops.sum(factors * outputs, axis=-1)


def make_layer(name, **arguments):
    class_name, extra = LAYERS[name]
    return getattr(custom_layers, class_name)(UNITS, **extra, **arguments)


@pytest.mark.parametrize(
    ("name", "mask", "backwards", "sequences", "initial", "bias", "zero"),
    [*CORE, *(pytest.param(*case, marks=pytest.mark.exhaustive) for case in COVERING)],
)
def test_compiled_step_equals_the_equations(
    name, mask, backwards, sequences, initial, bias, zero
):
    rng = np.random.default_rng(1)
    inputs = reference.make_inputs(rng).astype("float32")
    states = [np.float32(s) for s in reference.make_states(name, rng)]
    weights = reference.make_weights(name, rng, bias)
    mask = reference.make_mask(mask)
    factors = [rng.normal(size=(BATCH, TIME, UNITS) if sequences else (BATCH, UNITS))]
    factors += [rng.normal(size=(BATCH, UNITS)) for _ in states]
    count = len(states) if initial else 0
    zeros = [np.zeros_like(state) for state in states]

    def loss(inputs, *arrays):
        first = list(arrays[:count]) if initial else zeros
        outputs, lasts = reference.run(
            name, inputs, first, arrays[count:], mask, backwards, zero
        )
        outputs = outputs if sequences else outputs[:, -1]
        pairs = zip(factors, [outputs, *lasts], strict=True)
        return sum((factor * values).sum() for factor, values in pairs)

    arrays = [inputs, *states[:count], *weights]
    expected_loss = loss(*arrays)
    expected = reference.central_differences(loss, arrays)

    layer = make_layer(
        name,
        use_bias=bias,
        return_sequences=sequences,
        return_state=True,
        go_backwards=backwards,
        zero_output_for_mask=zero,
    )
    model_inputs = [keras.Input(batch_shape=inputs.shape)]
    shifts = [Shift()]
    data = [inputs]
    arguments = {}
    if initial:
        model_inputs += [keras.Input(batch_shape=state.shape) for state in states]
        shifts += [Shift() for _ in states]
        data += states
        shifted = [
            shift(x) for shift, x in zip(shifts[1:], model_inputs[1:], strict=True)
        ]
        arguments["initial_state"] = shifted
    if mask is not None:
        model_inputs.append(keras.Input(batch_shape=mask.shape, dtype="bool"))
        data.append(mask)
        arguments["mask"] = model_inputs[-1]
    outputs = layer(shifts[0](model_inputs[0]), **arguments)
    outputs = [Unmasked()(outputs[0]), *outputs[1:]]
    model = keras.Model(model_inputs, outputs)
    layer.set_weights(weights)
    model.compile(
        keras.optimizers.SGD(1.0), [Weighted() for _ in factors], jit_compile=True
    )
    before = [w for part in (*shifts, layer) for w in part.get_weights()]
    total = model.train_on_batch(data, factors)
    total = total[0] if isinstance(total, list) else total
    after = [w for part in (*shifts, layer) for w in part.get_weights()]

    np.testing.assert_allclose(total, expected_loss, atol=2e-5)
    for old, new, gradient in zip(before, after, expected, strict=True):
        np.testing.assert_allclose(old - new, gradient, atol=2e-5)


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_stateful_fit_in_chunks_equals_the_whole(name, tmp_path):
    rng = np.random.default_rng(2)
    inputs = reference.make_inputs(rng).astype("float32")[:2]
    inputs = np.concatenate([inputs, -inputs[:, :1]], axis=1)
    chunks = np.concatenate(np.split(inputs, 3, axis=1))
    sequence = keras.Input(batch_shape=(2, 2, FEATURES))
    layer = make_layer(name, stateful=True, return_sequences=True)
    model = keras.Model(sequence, layer(sequence))
    weights = reference.make_weights(name, rng)
    states = [np.zeros((2, UNITS))] * STATES[name]
    layer.set_weights(weights)
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=True)
    history = model.fit(
        chunks, np.zeros((6, 2, UNITS)), batch_size=2, shuffle=False, verbose=0
    )
    outputs, lasts = reference.run(name, inputs, states, weights)
    expected = [(outputs**2).mean()]
    np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-5)
    for state, last in zip(layer.states, lasts, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(state), last, atol=1e-5)

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    for state, last in zip(loaded.layers[-1].states, lasts, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(state), last, atol=1e-5)

    layer.reset_state()
    assert all(not ops.convert_to_numpy(state).any() for state in layer.states)
    again = model.fit(
        chunks, np.zeros((6, 2, UNITS)), batch_size=2, shuffle=False, verbose=0
    )
    assert again.history["loss"] == history.history["loss"]


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_weights_are_exchanged_whether_or_not_states_are_carried(name, tmp_path):
    """By `set_weights` and by file; with Keras's layers too."""

    def build(batch, kind=custom_layers):
        layer = getattr(kind, name)(UNITS, stateful=batch is not None)
        sequence = keras.Input(batch_shape=(batch, TIME, FEATURES))
        return keras.Model(sequence, layer(sequence)), layer

    rng = np.random.default_rng(8)
    inputs = np.float32(rng.normal(size=(2, TIME, FEATURES)))
    source, layer = build(2)
    first, carried = source(inputs), [np.array(state) for state in layer.states]
    assert all(state.any() for state in carried)
    source.save_weights(tmp_path / "source.weights.h5")
    keras_model, _ = build(None, keras.layers)
    keras_model.set_weights(source.get_weights())
    keras_model.save_weights(tmp_path / "keras.weights.h5")
    for batch in (None, 1, 2):
        for file in (None, "source.weights.h5", "keras.weights.h5"):
            target, layer = build(batch)
            if file is None:
                target.set_weights(source.get_weights())
            else:
                target(inputs[:batch])  # states that loading must replace
                target.load_weights(tmp_path / file)
            if batch == 2 and file == "source.weights.h5":  # the states come along
                for state, expected in zip(layer.states, carried, strict=True):
                    np.testing.assert_array_equal(state, expected)
                layer.reset_state()
            outputs = ops.convert_to_numpy(target(inputs[:batch]))
            expected = ops.convert_to_numpy(first)[:batch]
            np.testing.assert_allclose(outputs, expected, atol=1e-6)
            assert len(target.get_weights()) == 3


@pytest.mark.skipif(ON_JAX, reason="JAX compiles anew for every batch size")
@pytest.mark.parametrize("jit", [False, True])
def test_a_smaller_last_batch_is_refused_by_a_stateful_model(jit):
    import tensorflow as tf

    sequence = keras.Input(batch_shape=(2, TIME, FEATURES))
    model = keras.Model(sequence, make_layer("LSTM", stateful=True)(sequence))
    model.compile("sgd", "mse", jit_compile=jit)
    inputs, targets = np.ones((3, TIME, FEATURES)), np.ones((3, UNITS))
    errors = (ValueError, tf.errors.InvalidArgumentError)
    for call in (
        lambda: model.predict(inputs, batch_size=2, verbose=0),
        lambda: model.evaluate(inputs, targets, batch_size=2, verbose=0),
        lambda: model.fit(inputs, targets, batch_size=2, verbose=0),
    ):
        with pytest.raises(errors, match=r"batch size 2|compatible with .*\[2,"):
            call()


class ResetStates(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        _ = self.model  # on JAX this brings the variables up to date first
        self.model.layers[-1].reset_state()


def test_states_are_reset_from_a_callback():
    rng = np.random.default_rng(3)
    chunks = np.float32(rng.normal(size=(4, 3, FEATURES)))
    sequence = keras.Input(batch_shape=(2, 3, FEATURES))
    model = keras.Model(sequence, make_layer("GRU", stateful=True)(sequence))
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=True)
    arguments = {"batch_size": 2, "shuffle": False, "verbose": 0, "epochs": 3}
    targets = np.zeros((4, UNITS))
    carried = model.fit(chunks, targets, **arguments).history["loss"]
    callbacks = [ResetStates()]
    reset = model.fit(chunks, targets, callbacks=callbacks, **arguments).history["loss"]
    assert carried[0] != carried[1]
    assert reset == [carried[0]] * 3


def test_bidirectional_model_of_bucketed_lengths_fits_and_is_saved(tmp_path):
    tokens = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Embedding(9, FEATURES, mask_zero=True)(tokens)
    layer = make_layer("GRU", dropout=0.2, recurrent_dropout=0.2, seed=3)
    hidden = keras.layers.Bidirectional(layer)(hidden)
    model = keras.Model(tokens, keras.layers.Dense(1)(hidden))
    model.compile(keras.optimizers.Adam(0.02), "mse", jit_compile=True)
    rng = np.random.default_rng(4)
    batches = []
    for length in (4, 7):
        data = rng.integers(1, 9, (6, length))
        data[:, length - 2 :] *= rng.integers(0, 2, (6, 1))
        batches.append((data, (data[:, :1] > 4).astype("float32")))
    losses = []
    for _ in range(30):
        losses.append(sum(model.train_on_batch(*batch) for batch in batches))
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    ours, again = (ops.convert_to_numpy(m(data)) for m in (model, loaded))
    np.testing.assert_allclose(again, ours, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "policy"), [("LSTM", "mixed_float16"), ("GRU", "mixed_bfloat16")]
)
def test_mixed_precision_step_is_near_the_float32_step(name, policy):
    rng = np.random.default_rng(5)
    inputs = np.float32(reference.make_inputs(rng))
    weights = reference.make_weights(name, rng)
    mask = reference.make_mask("empty row")
    first = [np.zeros((BATCH, UNITS))] * STATES[name]
    factors = rng.normal(size=(BATCH, UNITS))

    def loss(*weights):
        return (reference.run(name, inputs, first, weights, mask)[1][0] * factors).sum()

    layer = make_layer(name, dtype=policy)
    sequence = keras.Input(inputs.shape[1:])
    keep = keras.Input(mask.shape[1:], dtype="bool")
    model = keras.Model([sequence, keep], layer(sequence, mask=keep))
    layer.set_weights(weights)
    model.compile(keras.optimizers.SGD(1.0), Weighted(), jit_compile=True)
    model.train_on_batch([inputs, mask], factors)
    assert keras.backend.standardize_dtype(layer.weights[0].dtype) == "float32"
    assert keras.backend.standardize_dtype(model.outputs[0].dtype) == policy[6:]
    tolerance = 0.02 if policy == "mixed_float16" else 0.15
    gradients = reference.central_differences(loss, weights)
    for old, new, gradient in zip(weights, layer.get_weights(), gradients, strict=True):
        np.testing.assert_allclose(old - new, gradient, atol=tolerance)


@pytest.mark.parametrize("name", LAYERS)
def test_dropped_weights_are_drawn_for_every_batch_and_get_no_gradient(name):
    rng = np.random.default_rng(7)
    inputs = np.float32(rng.normal(size=(6, TIME, FEATURES)))
    class_name, extra = LAYERS[name]
    layer, plain = (
        getattr(custom_layers, class_name)(32, **extra, **arguments)
        for arguments in ({"recurrent_weight_dropout": 0.4, "seed": 1}, {})
    )
    model = keras.Sequential([keras.Input((TIME, FEATURES)), layer])
    model.compile(keras.optimizers.SGD(0.05), Weighted(), jit_compile=True)
    plain.build(inputs.shape)
    unchanged = []
    for _ in range(2):
        before = layer.get_weights()
        plain.set_weights(before[:3])  # without the seed generator's state, if any
        expected = ops.convert_to_numpy(plain(inputs))
        np.testing.assert_allclose(model.predict_on_batch(inputs), expected, atol=1e-5)
        model.train_on_batch(inputs, rng.normal(size=(6, 32)))
        unchanged.append(before[1] == layer.get_weights()[1])
    count = unchanged[0].size
    for share, expected in (
        (unchanged[0].mean(), 0.4),
        (unchanged[1].mean(), 0.4),
        ((unchanged[0] & unchanged[1]).mean(), 0.4 * 0.4),
    ):
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / count)


def test_masked_steps_carry_the_states_exactly():
    """Gates that keep a state must be 1, not nearly 1, in compiled code too."""
    rng = np.random.default_rng(6)
    inputs = np.float32(rng.normal(size=(1, 400, FEATURES)))
    mask = np.zeros((1, 400), dtype=bool)
    for name in LAYERS:
        states = [np.float32(rng.normal(size=(1, UNITS))) for _ in range(STATES[name])]
        layer = make_layer(name, return_state=True)
        layer.build(inputs.shape)
        if ON_JAX:
            outputs = layer(inputs, mask=mask, initial_state=states)
        else:
            import tensorflow as tf

            @tf.function(jit_compile=True)
            def call(layer=layer, states=states):
                return layer(inputs, mask=mask, initial_state=states)

            outputs = call()
        for last, first in zip(outputs[1:], states, strict=True):
            np.testing.assert_array_equal(ops.convert_to_numpy(last), first)
