"""Attention and its decoder, compared with NumPy equations and with Keras.

The last test runs this file once more in a child process on JAX.
"""

import itertools
import json

import keras
import numpy as np
import pytest
from keras import ops

from custom_layers import (
    AttentionDecoder,
    BahdanauAttention,
    GRUCell,
    LSTMCell,
    LuongAttention,
    SimpleRNNCell,
    generate,
)
from custom_layers.attention_steps import masked_softmax
from tests import recurrent_reference as reference
from tests.processes import passes_on_jax

# Raised inside Keras: NumPy 2 expects __array__ to take an argument `copy`.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
ON_JAX = keras.backend.backend() == "jax"
# JAX can only enable float64 for a whole process.
DTYPE, TOLERANCE = ("float32", 2e-4) if ON_JAX else ("float64", 1e-7)

BATCH, TIME, MEMORY_TIME, FEATURES = 3, 4, 6, 3
UNITS = CONTEXT = reference.UNITS  # equal widths, as the dot product requires
KEYS, VECTOR = 5, 7
MASKS = {
    "none": None,
    "right": [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]],
    "holes": [[0, 1, 0, 1, 1, 0], [1, 0, 1, 1, 0, 1], [0, 0, 1, 1, 0, 0]],
    "empty row": [[1, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0]],
}
ATTENTIONS = {
    "additive": lambda **arguments: BahdanauAttention(KEYS, **arguments),
    "dot": lambda **arguments: LuongAttention("dot", **arguments),
    "general": lambda **arguments: LuongAttention("general", **arguments),
}
CELLS = {
    "SimpleRNN": lambda **arguments: SimpleRNNCell(UNITS, **arguments),
    "LSTM": lambda **arguments: LSTMCell(UNITS, **arguments),
    "GRU": lambda **arguments: GRUCell(UNITS, **arguments),
    "GRU-before": lambda **arguments: GRUCell(UNITS, reset_after=False, **arguments),
}
MODES = {
    "before": {},
    "before, vector": {"units": VECTOR},
    "after": {"attend": "after"},
    "after, vector": {"attend": "after", "units": VECTOR},
    "feeding": {"attend": "after", "units": VECTOR, "input_feeding": True},
}
# Every mode with every cell and with every attention.
CASES = [
    (mode, cell, attention)
    for (mode, cell), attention in zip(
        itertools.product(MODES, CELLS), itertools.cycle(ATTENTIONS), strict=False
    )
]
FEW = [
    ("before", "LSTM", "additive"),
    ("after, vector", "GRU", "dot"),
    ("feeding", "GRU-before", "general"),
]
LOOPS = [FEW[0], FEW[2]]  # attention inside the loop
if ON_JAX:  # compiles every shape: each cell and attention once
    CASES = [*FEW, ("feeding", "GRU", "additive"), ("before", "SimpleRNN", "general")]
TENSORFLOW = pytest.mark.skipif(ON_JAX, reason="independent of the backend")


def make_mask(kind):
    return None if MASKS[kind] is None else np.array(MASKS[kind], bool)


def make_decoder(mode, cell, attention, dtype=DTYPE, **arguments):
    bias = arguments.pop("use_bias", True)
    return AttentionDecoder(
        CELLS[cell](dtype=dtype, use_bias=bias),
        ATTENTIONS[attention](dtype=dtype),
        dtype=dtype,
        **MODES[mode],
        **arguments,
    )


def weights_of(decoder):
    """Returns weights in the reference's order: cell, attention, attentional vector."""
    parts = [decoder.cell, decoder.attention]
    parts += [] if decoder.attentional is None else [decoder.attentional]
    return [weight for part in parts for weight in part.trainable_variables]


def with_weights(decoder, rng):
    """Sets random weights; returns the decoder and these weights."""
    if not decoder.built:
        decoder.build((BATCH, TIME, FEATURES), (BATCH, MEMORY_TIME, CONTEXT))
    values = [0.7 * rng.normal(size=weight.shape) for weight in weights_of(decoder)]
    for weight, value in zip(weights_of(decoder), values, strict=True):
        weight.assign(value)
    return decoder, values


def make_data(decoder, rng):
    """Returns inputs, memory and initial states."""
    inputs = rng.normal(size=(BATCH, TIME, FEATURES))
    memory = rng.normal(size=(BATCH, MEMORY_TIME, CONTEXT))
    states = decoder.get_initial_state(BATCH)
    return inputs, memory, [0.5 * rng.normal(size=state.shape) for state in states]


def tensors(*arrays):
    return [ops.convert_to_tensor(array, DTYPE) for array in arrays]


def arrays(results):
    return [ops.convert_to_numpy(result) for result in results]


def assert_all_close(ours, others, tolerance=TOLERANCE):
    for our, other in zip(ours, others, strict=True):
        np.testing.assert_allclose(our, other, rtol=tolerance, atol=tolerance)


# The equations, for one row, one step and one memory entry at a time.


def attend_by_hand(name, query, memory, weights, mask):
    scores = {}
    for j, m in enumerate(memory):
        if mask is not None and not mask[j]:
            continue
        if name == "additive":
            query_kernel, memory_kernel, v = weights
            hidden = np.tanh(query @ query_kernel + m @ memory_kernel)
            scores[j] = sum(v[k] * hidden[k] for k in range(len(v)))
        elif name == "dot":
            scores[j] = sum(query[k] * m[k] for k in range(len(m)))
        else:
            scores[j] = m @ weights[0] @ query
    total = sum(np.exp(score) for score in scores.values())
    shares = np.array(
        [np.exp(scores[j]) / total if j in scores else 0.0 for j in range(len(memory))]
    )
    return sum(share * m for share, m in zip(shares, memory, strict=True)), shares


def decode_by_hand(case, inputs, memory, states, weights, mask=None):
    """Returns outputs, attention weights and last states of a decoder."""
    mode, cell, attention = case
    after, feeding = not mode.startswith("before"), mode == "feeding"
    cell_weights, rest = weights[:3], weights[3:]
    count = {"additive": 3, "dot": 0, "general": 1}[attention]
    score_weights, vector = rest[:count], rest[count:]
    outputs, shares, last_states = [], [], []
    for row in range(len(inputs)):
        current = [state[row] for state in states]
        fed = current.pop() if feeding else None
        row_outputs, row_shares = [], []
        for x in inputs[row]:
            args = (memory[row], score_weights, None if mask is None else mask[row])
            if after:
                x = np.concatenate([x, fed]) if feeding else x
                current = reference.step(cell, x, current, *cell_weights)
                c, a = attend_by_hand(attention, current[0], *args)
            else:
                c, a = attend_by_hand(attention, current[0], *args)
                x = np.concatenate([x, c])
                current = reference.step(cell, x, current, *cell_weights)
            fed = np.concatenate([current[0], c])
            fed = np.tanh(fed @ vector[0]) if vector else fed
            row_outputs.append(fed)
            row_shares.append(a)
        outputs.append(row_outputs)
        shares.append(row_shares)
        last_states.append([*current, fed] if feeding else current)
    last_states = [np.array(last) for last in zip(*last_states, strict=True)]
    return [np.array(outputs), np.array(shares), *last_states]


def value_and_gradients(decoder, inputs, memory, states, mask, factors):
    """Returns the results and the gradients of their sum weighted by `factors`.

    The gradients are with respect to inputs, memory, states and weights, in this order.
    """
    weights = weights_of(decoder)

    def loss(results):
        return sum(
            ops.sum(result * ops.cast(factor, result.dtype))
            for result, factor in zip(results, factors, strict=True)
        )

    sources = [
        ops.convert_to_tensor(source, decoder.compute_dtype)
        for source in (inputs, memory, *states)
    ]
    if ON_JAX:
        import jax

        order = [id(weight) for weight in weights]
        indices = [order.index(id(w)) for w in decoder.trainable_variables]

        def run(sources, values):
            inputs, memory, *states = sources
            results, _ = decoder.stateless_call(
                [values[index] for index in indices],
                [],
                inputs,
                memory,
                memory_mask=mask,
                initial_state=states,
            )
            return loss(results), results

        values = [weight.value for weight in weights]
        differentiate = jax.jit(jax.grad(run, (0, 1), has_aux=True))
        gradients, results = differentiate(sources, values)
        return arrays(results), arrays([*gradients[0], *gradients[1]])
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(sources)
        inputs, memory, *states = sources
        results = decoder(inputs, memory, memory_mask=mask, initial_state=states)
        total = loss(results)
    gradients = tape.gradient(total, [*sources, *[w.value for w in weights]])
    return arrays(results), arrays(gradients)


def make_factors(results, rng):
    return [rng.normal(size=result.shape) for result in results]


@pytest.mark.parametrize("name", ATTENTIONS)
@pytest.mark.parametrize("kind", ["empty row"] if ON_JAX else MASKS)
@pytest.mark.parametrize("single", [True, False])
def test_attention_equals_the_equations(name, kind, single):
    rng = np.random.default_rng(0)
    mask = make_mask(kind)
    query = rng.normal(size=(BATCH, TIME, CONTEXT if name == "dot" else FEATURES))
    query = query[:, 0] if single else query
    memory = rng.normal(size=(BATCH, MEMORY_TIME, CONTEXT))
    attention = ATTENTIONS[name](dtype=DTYPE)
    attention.build(query.shape, memory.shape)
    weights = [rng.normal(size=weight.shape) for weight in attention.weights]
    attention.set_weights(weights)
    context, shares = attention(*tensors(query, memory), memory_mask=mask)
    keys = attention.project(*tensors(memory))
    again = attention(*tensors(query, memory), keys, memory_mask=mask)
    assert_all_close(arrays(again), arrays([context, shares]), 1e-6)
    for row in range(BATCH):
        for t in range(1 if single else TIME):
            ours = [x[row] if single else x[row, t] for x in (context, shares)]
            expected = attend_by_hand(
                name,
                query[row] if single else query[row, t],
                memory[row],
                weights,
                None if mask is None else mask[row],
            )
            assert_all_close(arrays(ours), expected, 1e-5)
    shares = ops.convert_to_numpy(shares)
    used = np.ones(BATCH) if mask is None else mask.any(axis=1)
    used = used if single else used[:, None]
    np.testing.assert_allclose(shares.sum(axis=-1) - used, 0, atol=1e-6)
    if mask is not None:
        hidden = mask if single else np.repeat(mask[:, None], TIME, axis=1)
        assert not shares[~hidden].any()


@TENSORFLOW
@pytest.mark.parametrize("kind", ["none", "right", "holes"])
def test_attention_equals_keras(kind):
    rng = np.random.default_rng(1)
    mask = make_mask(kind)
    query, memory = tensors(
        rng.normal(size=(BATCH, TIME, CONTEXT)),
        rng.normal(size=(BATCH, MEMORY_TIME, CONTEXT)),
    )
    masks = None if mask is None else [None, mask]

    attention = BahdanauAttention(KEYS, dtype=DTYPE)
    attention.build(query.shape, memory.shape)
    attention.set_weights([rng.normal(size=w.shape) for w in attention.weights])
    query_kernel, memory_kernel, v = attention.weights
    other = keras.layers.AdditiveAttention(dtype=DTYPE)
    projected = [
        ops.matmul(query, query_kernel),
        memory,
        ops.matmul(memory, memory_kernel),
    ]
    other.build([x.shape for x in projected])
    other.set_weights([v])
    expected = other(projected, mask=masks, return_attention_scores=True)
    ours = attention(query, memory, memory_mask=mask)
    assert_all_close(arrays(ours), arrays(expected), 1e-5)

    other = keras.layers.Attention(dtype=DTYPE)
    expected = other([query, memory], mask=masks, return_attention_scores=True)
    ours = LuongAttention("dot", dtype=DTYPE)(query, memory, memory_mask=mask)
    assert_all_close(arrays(ours), arrays(expected), 1e-5)


@TENSORFLOW
def test_keys_are_what_is_scored():
    """Keys that are passed replace the projected memory."""
    rng = np.random.default_rng(2)
    query, memory = tensors(
        rng.normal(size=(BATCH, CONTEXT)), rng.normal(size=(BATCH, MEMORY_TIME, 4))
    )
    for attention in (
        BahdanauAttention(KEYS, dtype=DTYPE),
        LuongAttention(dtype=DTYPE),
    ):
        attention(query, memory)
        keys = attention.project(memory)
        _, shares = attention(query, memory, ops.flip(keys, axis=1))
        context, flipped = attention(query, memory)
        assert_all_close(arrays([ops.flip(shares, axis=1)]), arrays([flipped]), 1e-6)
        expected = np.einsum("bm,bmf->bf", *arrays([flipped, memory]))
        assert_all_close(arrays([context]), [expected], 1e-5)

    for case in FEW:
        decoder, _ = with_weights(make_decoder(*case), rng)
        inputs, memory, states = make_data(decoder, rng)
        inputs, memory, *states = tensors(inputs, memory, *states)
        keys = ops.flip(decoder.project(memory), axis=1)
        own = [
            decoder(inputs[:, :1], memory, initial_state=states)[1],
            decoder.step(inputs[:, 0], states, memory)[1],
        ]
        other = [
            decoder(inputs[:, :1], memory, keys, initial_state=states)[1],
            decoder.step(inputs[:, 0], states, memory, keys)[1],
        ]
        flipped = [ops.flip(weights, axis=-1) for weights in other]
        assert_all_close(arrays(flipped), arrays(own), 1e-6)


@pytest.mark.parametrize(("case", "time"), [*((c, TIME) for c in CASES), (FEW[0], 1)])
def test_decoder_and_its_gradients_equal_the_equations(case, time):
    """The expected gradients are central differences of the equations in float64."""
    rng = np.random.default_rng(3)
    mask = make_mask("empty row")
    decoder, weights = with_weights(make_decoder(*case), rng)
    inputs, memory, states = make_data(decoder, rng)
    sources = [inputs[:, :time], memory, *states, *weights]
    count = 2 + len(states)

    def by_hand(sources):
        return decode_by_hand(
            case, *sources[:2], sources[2:count], sources[count:], mask
        )

    expected = by_hand(sources)
    factors = make_factors(expected, rng)
    values, gradients = value_and_gradients(
        decoder, *sources[:2], states, mask, factors
    )
    assert_all_close(values, expected, 1e-5)
    assert not gradients[1][~mask].any()

    def loss(sources):
        pairs = zip(factors, by_hand(sources), strict=True)
        return sum((factor * value).sum() for factor, value in pairs)

    for index, gradient in enumerate(gradients):
        assert np.isfinite(gradient).all()
        direction = rng.normal(size=gradient.shape)
        above, below = list(sources), list(sources)
        above[index] = sources[index] + 1e-5 * direction
        below[index] = sources[index] - 1e-5 * direction
        slope = (loss(above) - loss(below)) / 2e-5
        tolerance = TOLERANCE * max(1, abs(gradient * direction).sum())
        assert abs((gradient * direction).sum() - slope) < tolerance


@pytest.mark.parametrize("case", CASES[:1] if ON_JAX else CASES)
def test_steps_equal_the_whole_sequence(case):
    rng = np.random.default_rng(4)
    mask = make_mask("holes")
    decoder, _ = with_weights(make_decoder(*case, use_bias=False), rng)
    inputs, memory, states = make_data(decoder, rng)
    inputs, memory, *states = tensors(inputs, memory, *states)
    arguments = {"memory_mask": mask}
    whole = decoder(inputs, memory, initial_state=states, **arguments)
    keys = decoder.project(memory)
    outputs, shares, current = [], [], states
    for t in range(TIME):
        output, a, current = decoder.step(
            inputs[:, t], current, memory, keys, **arguments
        )
        outputs.append(output)
        shares.append(a)
    stepped = [ops.stack(outputs, axis=1), ops.stack(shares, axis=1), *current]
    assert_all_close(arrays(stepped), arrays(whole), 1e-5)

    first = decoder(inputs[:, :1], memory, keys, initial_state=states, **arguments)
    rest = decoder(inputs[:, 1:], memory, initial_state=first[2:], **arguments)
    outputs = [ops.concatenate(pair, axis=1) for pair in zip(first, rest, strict=True)]
    chunked = [*outputs[:2], *rest[2:]]
    assert_all_close(arrays(chunked), arrays(whole), 1e-5)


@TENSORFLOW
def test_states_begin_at_zero():
    rng = np.random.default_rng(5)
    for case in FEW:
        decoder, _ = with_weights(make_decoder(*case), rng)
        inputs, memory, states = make_data(decoder, rng)
        states = [np.zeros_like(state) for state in states]
        inputs, memory, *states = tensors(inputs, memory, *states)
        expected = decoder(inputs, memory, initial_state=states)
        assert_all_close(arrays(decoder(inputs, memory)), arrays(expected), 0)
        if decoder.input_feeding:  # as from an encoder: the states of the cell only
            ours = decoder(inputs, memory, initial_state=states[:-1])
            assert_all_close(arrays(ours), arrays(expected), 0)
        else:
            with pytest.raises(ValueError, match=r"every state of the cell. Received"):
                decoder(inputs, memory, initial_state=states + states)
    state = ops.ones((BATCH, UNITS), DTYPE)
    decoder = make_decoder("before", "GRU", "dot")
    ours = decoder(inputs, memory, initial_state=state)
    expected = decoder(inputs, memory, initial_state=[state])
    assert_all_close(arrays(ours), arrays(expected), 0)
    with pytest.raises(ValueError, match=r"Received: 1 states for a LSTMCell"):
        make_decoder(*FEW[0])(inputs, memory, initial_state=state)


@TENSORFLOW
def test_masks_may_be_numbers():
    rng = np.random.default_rng(14)
    mask = make_mask("empty row")
    for case in FEW:
        decoder, _ = with_weights(make_decoder(*case), rng)
        inputs, memory, _ = make_data(decoder, rng)
        as_numbers, expected = (
            decoder(*tensors(inputs, memory), memory_mask=ops.convert_to_tensor(m))
            for m in (mask.astype("int32"), mask)
        )
        assert_all_close(arrays(as_numbers), arrays(expected), 0)


@TENSORFLOW
@pytest.mark.parametrize("case", [*FEW, ("before", "GRU", "general")])
def test_padding_of_the_memory_changes_nothing(case):
    rng = np.random.default_rng(6)
    mask = make_mask("holes")
    decoder, _ = with_weights(make_decoder(*case), rng)
    inputs, memory, states = make_data(decoder, rng)
    shape = (BATCH, TIME, MEMORY_TIME)
    results = decoder(*tensors(inputs, memory), initial_state=tensors(*states))
    factors = make_factors(results, rng)
    values, gradients = value_and_gradients(
        decoder, inputs, memory, states, mask, factors
    )
    garbage = 30 * rng.normal(size=memory.shape)
    padded = np.where(mask[..., None], memory, garbage)
    padded = np.concatenate([garbage[:, :2], padded], axis=1)
    none = np.zeros((BATCH, 2), bool)
    factors[1] = np.concatenate([rng.normal(size=(BATCH, TIME, 2)), factors[1]], axis=2)
    others, other_gradients = value_and_gradients(
        decoder, inputs, padded, states, np.concatenate([none, mask], axis=1), factors
    )
    assert others[1].shape == (*shape[:2], MEMORY_TIME + 2)
    others[1], other_gradients[1] = others[1][:, :, 2:], other_gradients[1][:, 2:]
    tolerance = 1e-4 if ON_JAX else 1e-9
    assert_all_close(others, values, tolerance)
    assert_all_close(other_gradients, gradients, tolerance)


@TENSORFLOW
@pytest.mark.parametrize("case", FEW)
def test_rows_are_independent(case):
    rng = np.random.default_rng(7)
    mask = make_mask("empty row")
    decoder, _ = with_weights(make_decoder(*case), rng)
    inputs, memory, states = make_data(decoder, rng)
    inputs, memory, *states = tensors(inputs, memory, *states)
    together = decoder(inputs, memory, memory_mask=mask, initial_state=states)
    for row in range(BATCH):
        rows = slice(row, row + 1)
        alone = decoder(
            inputs[rows],
            memory[rows],
            memory_mask=mask[rows],
            initial_state=[state[rows] for state in states],
        )
        expected = [result[rows] for result in arrays(together)]
        assert_all_close(arrays(alone), expected, 1e-6)


def make_model(case, lengths=(None, None), dtype="float32"):
    """Returns the model `[inputs, memory, mask] -> [outputs, weights]` and decoder."""
    decoder = make_decoder(*case, dtype=dtype)
    inputs = keras.Input((lengths[0], FEATURES))
    memory = keras.Input((lengths[1], CONTEXT))
    mask = keras.Input((lengths[1],), dtype="bool")
    outputs, weights, *_ = decoder(inputs, memory, memory_mask=mask)
    return keras.Model([inputs, memory, mask], [outputs, weights]), decoder


@pytest.mark.parametrize("case", LOOPS[1:] if ON_JAX else LOOPS)
def test_fit_with_and_without_xla_takes_the_same_step(case):
    rng = np.random.default_rng(8)
    mask = make_mask("empty row")
    results = []
    for jit in (True,) if ON_JAX else (True, False):  # JAX always compiles the loop
        rng = np.random.default_rng(8)
        model, decoder = make_model(case)
        decoder, _ = with_weights(decoder, rng)
        inputs, memory, _ = make_data(decoder, rng)
        data = [np.float32(inputs), np.float32(memory), mask]
        targets = make_factors(model(data), rng)
        model.compile(keras.optimizers.SGD(0.5), ["mse", "mse"], jit_compile=jit)
        losses = model.fit(data, targets, epochs=3, verbose=0).history["loss"]
        assert losses[0] > losses[1] > losses[2]
        results.append([losses, *decoder.get_weights()])
    assert_all_close(results[0], results[-1], 1e-4)


@TENSORFLOW
@pytest.mark.parametrize("case", LOOPS)
def test_configuration_and_saved_model(case, tmp_path):
    rng = np.random.default_rng(9)
    decoder = make_decoder(*case, dtype="mixed_bfloat16", name="mine")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(decoder)))
    assert config["registered_name"] == "sequence_recipes>AttentionDecoder"
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == decoder.get_config()
    for name in ("attend", "units", "input_feeding", "name", "dtype_policy"):
        assert getattr(again, name) == getattr(decoder, name)
    assert type(again.cell) is type(decoder.cell)
    assert again.attention.get_config() == decoder.attention.get_config()

    model, decoder = make_model(case)
    with_weights(decoder, rng)
    inputs, memory, _ = make_data(decoder, rng)
    data = [np.float32(inputs), np.float32(memory), make_mask("holes")]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert_all_close(arrays(loaded(data)), arrays(model(data)), 1e-6)
    assert len(loaded.get_weights()) == len(weights_of(decoder))


@TENSORFLOW
@pytest.mark.parametrize("name", ATTENTIONS)
def test_configuration_of_attention(name):
    attention = ATTENTIONS[name](name="mine")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(attention)))
    assert config["registered_name"].startswith("sequence_recipes>")
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == attention.get_config()
    assert again.get_config().get("units", KEYS) == KEYS
    assert again.get_config().get("score", name) == name


@TENSORFLOW
@pytest.mark.parametrize("case", LOOPS)
def test_export_takes_any_batch_and_lengths(case, tmp_path):
    """Exports a call on whole sequences, and a loop of steps that writes tokens."""
    import tensorflow as tf

    rng = np.random.default_rng(10)
    model, decoder = make_model(case)
    with_weights(decoder, rng)
    logits = keras.layers.Dense(FEATURES)
    logits.build((None, model.outputs[0].shape[-1]))

    def write(memory, mask):
        keys = decoder.project(memory)

        def step(token, states):
            x = ops.one_hot(token, FEATURES)
            output, _, states = decoder.step(x, states, memory, keys, mask)
            return logits(output), states

        rows = ops.shape(memory)[0]
        token, states = ops.zeros((rows,), "int32"), decoder.get_initial_state(rows)
        return generate(step, token, states, 9, temperature=0)

    archive = keras.export.ExportArchive()
    for part in (model, logits):
        archive.track(part)
    shape = [(None, None, FEATURES), (None, None, CONTEXT), (None, None)]
    specs = [
        tf.TensorSpec(size, dtype)
        for size, dtype in zip(shape, ("float32", "float32", "bool"), strict=True)
    ]
    archive.add_endpoint("serve", lambda *data: model(list(data)), specs)
    archive.add_endpoint("write", write, specs[1:])
    archive.write_out(tmp_path / "export", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "export")
    for rows, time, memory_time in ((2, 3, 5), (5, 1, 2), (1, 6, 1)):
        data = [
            np.float32(rng.normal(size=(rows, time, FEATURES))),
            np.float32(rng.normal(size=(rows, memory_time, CONTEXT))),
            rng.random(size=(rows, memory_time)) < 0.7,
        ]
        served = loaded.serve(*map(tf.constant, data))
        assert_all_close(arrays(served), arrays(model(data)), 1e-5)
        tokens = arrays([loaded.write(*map(tf.constant, data[1:]))])[0]
        assert tokens.shape == (rows, 9)
        shifted = np.concatenate([np.zeros((rows, 1), int), tokens[:, :-1]], axis=1)
        outputs, _ = model([np.eye(FEATURES, dtype="float32")[shifted], *data[1:]])
        expected = ops.convert_to_numpy(logits(outputs)).argmax(axis=-1)
        np.testing.assert_array_equal(tokens, expected)


@pytest.mark.parametrize(
    ("case", "policy"),
    [
        (FEW[0], "mixed_bfloat16"),
        (FEW[1], "mixed_float16"),
        (FEW[2], "mixed_float16"),
    ][: 1 if ON_JAX else 3],
)
def test_mixed_precision_is_near_float32(case, policy):
    rng = np.random.default_rng(11)
    mask = make_mask("empty row")
    decoder, _ = with_weights(make_decoder(*case, dtype=policy), rng)
    plain, _ = with_weights(make_decoder(*case, dtype="float32"), rng)
    for weight, value in zip(weights_of(plain), weights_of(decoder), strict=True):
        weight.assign(value)
    inputs, memory, states = make_data(decoder, rng)
    factors = make_factors(plain(*tensors(inputs, memory)), rng)
    results = [
        value_and_gradients(layer, inputs, memory, states, mask, factors)
        for layer in (decoder, plain)
    ]
    tolerance = 0.05 if policy == "mixed_float16" else 0.3
    for mixed, expected in zip(*results, strict=True):
        mixed = [np.float32(x) for x in mixed]
        assert_all_close(mixed, expected, tolerance)
    assert all(value.dtype.name == policy[6:] for value in results[0][0])
    if not ON_JAX:
        inputs, memory, *states = tensors(inputs, memory, *states)
        states = [ops.cast(state, decoder.compute_dtype) for state in states]
        output, a, states = decoder.step(inputs[:, 0], states, memory, None, mask)
        for result in (output, a, *states):
            assert keras.backend.standardize_dtype(result.dtype) == policy[6:]


@TENSORFLOW
def test_softmax_is_as_exact_as_its_type_allows():
    scores = np.float16(np.random.default_rng(12).normal(size=(2, 3000)))
    exact = np.exp(scores.astype("float64"))
    exact /= exact.sum(axis=-1, keepdims=True)
    weights = ops.convert_to_numpy(masked_softmax(ops.convert_to_tensor(scores)))
    assert weights.dtype == "float16"
    np.testing.assert_array_less(abs(weights - exact), np.spacing(np.float16(exact)))
    large = ops.convert_to_tensor([[800.0, 0.0, -800.0], [-900.0, -800.0, -800.0]])
    expected = [[1, 0, 0], [0, 0.5, 0.5]]
    np.testing.assert_array_equal(arrays([masked_softmax(large)])[0], expected)


@TENSORFLOW
@pytest.mark.parametrize("case", CASES[1 :: len(CELLS)])
def test_symbolic_shapes_are_the_eager_shapes(case):
    decoder = make_decoder(*case, dtype="float32")
    inputs = np.zeros((BATCH, TIME, FEATURES), "float32")
    memory = np.zeros((BATCH, MEMORY_TIME, CONTEXT), "float32")
    results = decoder(inputs, memory)
    assert len(results) == 2 + len(decoder.get_initial_state(1))
    for sizes in ((BATCH, TIME, MEMORY_TIME), (None, None, None)):
        batch, time, memory_time = sizes
        outputs, weights, *states = decoder(
            keras.Input(batch_shape=(batch, time, FEATURES)),
            keras.Input(batch_shape=(batch, memory_time, CONTEXT)),
        )
        assert outputs.shape == (batch, time, results[0].shape[-1])
        assert weights.shape == sizes
        for state, result in zip(states, results[2:], strict=True):
            assert state.shape == (batch, result.shape[-1])
        for symbolic, result in zip((outputs, weights, *states), results, strict=True):
            assert symbolic.dtype == keras.backend.standardize_dtype(result.dtype)


@TENSORFLOW
def test_masks_come_with_the_tensors():
    """The mask of the memory reaches the attention, the mask of the inputs the loss."""
    rng = np.random.default_rng(13)
    source = np.array([[4, 2, 0, 0], [3, 0, 0, 0]])
    target = np.array([[1, 2, 3], [4, 0, 0]])
    embed = keras.layers.Embedding(9, CONTEXT, mask_zero=True)
    for case in FEW:
        decoder = make_decoder(*case, dtype="float32")
        embed(source)
        embed.set_weights([rng.normal(size=(9, CONTEXT))])
        outputs, weights, *states = decoder(embed(target), embed(source))
        expected = decoder(
            1 * ops.convert_to_tensor(embed(target)),
            1 * ops.convert_to_tensor(embed(source)),
            memory_mask=source > 0,
        )
        results = arrays([outputs, weights, *states])
        assert_all_close(results, arrays(expected), 1e-6)
        hidden = np.repeat((source == 0)[:, None], 3, axis=1)
        assert not results[1][hidden].any()
        mask = keras.src.backend.get_keras_mask(outputs)
        np.testing.assert_array_equal(ops.convert_to_numpy(mask), target > 0)
        for other in (weights, *states):
            assert keras.src.backend.get_keras_mask(other) is None
        _, weights = decoder.attention(
            ops.zeros((2, UNITS)), 1 * embed(source), memory_mask=source > 0
        )
        _, again = decoder.attention(ops.zeros((2, UNITS)), embed(source))
        assert_all_close(arrays([again]), arrays([weights]), 1e-7)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("score", [BahdanauAttention(6), LuongAttention()])
def test_the_decoder_hands_its_dtype_policy_to_its_parts(policy, score):
    rng = np.random.default_rng(11)
    inputs, memory = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 6))
    parts = [type(score).from_config(score.get_config()) for _ in range(2)]
    decoder = AttentionDecoder(LSTMCell(6), parts[0], units=3, dtype=policy)
    wide = AttentionDecoder(LSTMCell(6), parts[1], units=3, dtype="float32")
    outputs = decoder(inputs, memory)
    wide(inputs, memory)
    wide.set_weights(decoder.get_weights())
    assert {keras.backend.standardize_dtype(x.dtype) for x in outputs} == {policy[6:]}
    assert all(weight.dtype == "float32" for weight in decoder.weights)
    expected = arrays(wide(inputs, memory))
    found = [np.float32(ops.cast(x, "float32")) for x in outputs]
    assert_all_close(found, expected, 0.01 if policy == "mixed_float16" else 0.05)
    again = AttentionDecoder.from_config(decoder.get_config())
    assert again.cell.compute_dtype == policy[6:]
    cell = LSTMCell(6, dtype=policy)
    with pytest.raises(ValueError, match=f"`dtype` must be given .*{policy}"):
        AttentionDecoder(cell, parts[0])


@TENSORFLOW
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: BahdanauAttention(-1),
            r"^Argument `units` must be a positive integer. Received: units=-1$",
        ),
        (
            lambda: LuongAttention("concat"),
            r'^Argument `score` must be "dot" or "general". Received: score=\'concat\'',
        ),
        (
            lambda: LuongAttention("dot")(np.ones((2, 3)), np.ones((2, 5, 4))),
            r"query and memory must be equally wide. Received: query.shape=\(2, 3\)",
        ),
        (
            lambda: AttentionDecoder(keras.layers.LSTMCell(3), LuongAttention()),
            r"^Argument `cell` must be a SimpleRNNCell, LSTMCell or GRUCell. Received:",
        ),
        (
            lambda: AttentionDecoder(LSTMCell(3), keras.layers.Attention()),
            r"^Argument `attention` must be a BahdanauAttention or LuongAttention. Rec",
        ),
        (
            lambda: AttentionDecoder(LSTMCell(3), LuongAttention(), "then"),
            r'^Argument `attend` must be "before" or "after". Received: attend=\'then',
        ),
        (
            lambda: AttentionDecoder(LSTMCell(3), LuongAttention(), units=2.5),
            r"^Argument `units` must be a positive integer. Received: units=2.5$",
        ),
        (
            lambda: AttentionDecoder(
                LSTMCell(3), LuongAttention(), units=2, input_feeding=True
            ),
            r"`input_feeding` needs .* Received: attend='before', units=2",
        ),
        (
            lambda: AttentionDecoder(
                LSTMCell(3), LuongAttention(), "after", input_feeding=True
            ),
            r"`input_feeding` needs .* Received: attend='after', units=None",
        ),
    ],
)
def test_errors_name_the_argument(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@TENSORFLOW
def test_everything_holds_under_jax(request):
    passes_on_jax(__file__, request)
