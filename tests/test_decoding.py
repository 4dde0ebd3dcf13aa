"""Sampling and beam search, compared with enumeration or a plain reference.

On TensorFlow the last test runs this file once more in a child process on JAX.
"""

import keras
import numpy as np
import pytest
from keras import ops

import custom_layers
from custom_layers import beam_search, choose, generate, uniform
from tests.processes import passes_on_jax

BACKEND = keras.backend.backend()
if BACKEND == "tensorflow":
    import tensorflow as tf
else:
    import jax
on_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow only")
MODES = {"tensorflow": ["eager", "graph", "xla"], "jax": ["xla"]}[BACKEND]
# JAX compiles an eager loop at every call: eager mode for short tests only.
EAGER_TOO = {"tensorflow": MODES, "jax": ["eager", "xla"]}[BACKEND]


def in_mode(mode, function):
    """Returns the function, compiled or not, with NumPy arrays in and out."""
    if mode != "eager" and BACKEND == "jax":
        function = jax.jit(function)
    elif mode != "eager":
        function = tf.function(function, jit_compile=mode == "xla")

    def call(*arguments):
        results = function(*(ops.convert_to_tensor(x) for x in arguments))
        return keras.tree.map_structure(ops.convert_to_numpy, results)

    return call


def run(mode, function, *arguments):
    return in_mode(mode, function)(*arguments)


def compiled(function, *arguments):
    return run("xla", function, *arguments)


def softmax(logits):
    logits = np.float64(logits)
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def law(logits, temperature=1.0, top_k=0, top_p=1.0, banned=None):
    """Returns the probabilities of one row's tokens, by definition."""
    logits = np.float64(logits)
    allowed = np.flatnonzero(~np.array(banned or [0] * len(logits), dtype=bool))
    order = sorted(allowed, key=lambda token: -logits[token])  # stable
    order = order[: top_k or None] if temperature > 0 else order[:1]
    p = softmax(logits[order] / (temperature or 1))
    before = np.cumsum(p) - p
    size = max(1, (before < top_p - 1e-9).sum())
    result = np.zeros(len(logits))
    result[order[:size]] = p[:size] / p[:size].sum()
    return result


def chain_step(table):
    """Returns a step of a Markov chain: a table `(vocab, vocab)`, or one per step."""
    table = np.float32(table)
    vocab = table.shape[-1]

    def step(token, state):
        row = token if table.ndim == 2 else state["steps"] * vocab + token
        logits = ops.take(table.reshape(-1, vocab), row, axis=0)
        return logits, {"steps": state["steps"] + 1}

    return step


def no_steps(batch):
    return {"steps": np.zeros(batch, "int32")}


# uniform


@pytest.mark.parametrize("mode", EAGER_TOO)
def test_uniform_gives_these_numbers_everywhere(mode):
    seeds = np.int32([0, 1, -1, 2**31 - 1, -(2**31)])
    positions = np.int32([0, 1, 1000])
    golden = [  # in units of 2^-24
        [6505360, 14991740, 15105621],
        [9266708, 2656121, 7990209],
        [11418042, 11950354, 1535251],
        [4580138, 6848728, 1286397],
        [9016587, 16580576, 3629536],
    ]
    grid = run(mode, lambda s, p: uniform(s[:, None], p), seeds, positions)
    assert grid.dtype == np.float32
    assert (grid.astype("float64") * 2**24).tolist() == golden
    for index, position in enumerate([0, 1, 1000]):
        column = run(mode, lambda s, p=position: uniform(s, p), seeds)
        np.testing.assert_array_equal(column, grid[:, index])


@pytest.mark.parametrize("stride", [1, 2**16, 2**22])
def test_uniform_numbers_look_independent(stride):
    seeds = np.int32((np.arange(1000) - 500) * stride)
    u = compiled(uniform, seeds[:, None], np.arange(1000, dtype="int32"))
    assert 0 <= u.min() < 1e-5
    assert 1 - 1e-5 < u.max() < 1
    u = np.float64(u)
    bins = np.histogram(u, 256, (0, 1))[0]
    expected = u.size / 256
    chi_square = ((bins - expected) ** 2 / expected).sum()
    assert abs(chi_square - 255) < 4 * np.sqrt(2 * 255)
    # Standard normal if the numbers are independent: the mean, and the correlations
    # of neighbouring seeds and positions.
    centred = (u - 0.5) * np.sqrt(12)
    products = [
        centred[1:] * centred[:-1],
        centred[:, 1:] * centred[:, :-1],
        centred[1:, 1:] * centred[:-1, :-1],
        centred[1:, :-1] * centred[:-1, 1:],
    ]
    for values in (centred, *products):
        assert abs(values.mean() * np.sqrt(values.size)) < 4
    for axis in (0, 1):
        means = centred.mean(axis=axis) * np.sqrt(1000)
        assert abs((means**2).mean() - 1) < 4 * np.sqrt(2 / 1000)


# choose

SETTINGS = [
    {},
    {"temperature": 0.5},
    {"temperature": 2.5},
    {"top_k": 1},
    {"top_k": 3},
    {"top_k": 99},
    {"top_p": 0.0},
    {"top_p": 0.6},
    {"top_p": 0.95},
    {"temperature": 1.7, "top_k": 6, "top_p": 0.8},
    {"banned": [0, 1, 0, 0, 1, 0, 0, 0]},
    {"temperature": 0.8, "top_k": 3, "top_p": 0.9, "banned": [1, 0, 0, 1, 0, 0, 0, 0]},
    {"temperature": 0, "top_k": 3, "banned": [0, 0, 0, 1, 0, 0, 0, 0]},
]
LOGITS = np.float32([0.3, -1.2, 1.1, 1.4, 0.9, -0.4, 1.1, -2.0])  # with a tie


def by_tensors(logits, uniforms, temperature, top_k, top_p, banned):
    """Takes all settings as tensors, as an export does: one program for all."""
    return choose(logits, uniforms, temperature, top_k, top_p, banned)


CHOOSE = {mode: in_mode(mode, by_tensors) for mode in MODES}


def tensors_of(rows, temperature=1.0, top_k=0, top_p=1.0, banned=(0,) * 8):
    return [
        np.full(rows, temperature, "float32"),
        np.full(rows, top_k, "int32"),
        np.full(rows, top_p, "float32"),
        np.array(banned, "bool"),
    ]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_choose_follows_the_law(settings):
    rows = 40_000
    p = law(LOGITS, **settings)
    u = uniform(np.arange(rows, dtype="int32"), 7)
    logits = np.tile(LOGITS, (rows, 1))
    tokens = CHOOSE["xla"](logits, u, *tensors_of(rows, **settings))
    assert tokens.dtype == np.int32
    counts = np.bincount(tokens, minlength=len(p))
    assert counts[p == 0].sum() == 0
    p, counts = p[p > 0], counts[p > 0]
    chi_square = ((counts - rows * p) ** 2 / (rows * p)).sum()
    assert chi_square <= len(p) - 1 + 4 * np.sqrt(2 * (len(p) - 1))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_numbers_and_tensors_choose_the_same_tokens(mode, settings):
    """The tokens equal the definition and are therefore the same on every backend."""
    rng = np.random.default_rng(1)
    logits = np.float32(rng.normal(size=(500, 8)))
    logits[:50] = LOGITS
    u = ops.convert_to_numpy(uniform(np.arange(500, dtype="int32"), 3))
    cumulated = [np.cumsum(law(row, **settings)) for row in logits]
    expected = [(c <= x).sum() for c, x in zip(cumulated, u, strict=True)]
    by_numbers = run(mode, lambda x, u: choose(x, u, **settings), logits, u)
    np.testing.assert_array_equal(by_numbers, expected)
    tokens = CHOOSE[mode](logits, u, *tensors_of(500, **settings))
    np.testing.assert_array_equal(tokens, expected)


@pytest.mark.parametrize("mode", MODES)
def test_choose_at_the_edges(mode):
    last = 1 - 2.0**-24
    infinity = np.inf
    cases = [
        # logits, uniform, temperature, top_k, top_p, the token
        ([0, 0, 0, 0], 0.0, 1, 0, 1, 0),
        ([0, 0, 0, 0], last, 1, 0, 1, 3),
        ([0, 0, 0, 0], 0.25, 1, 0, 1, 1),
        ([0, 0, 0, 0], last, 1, 2, 1, 1),  # of equal logits the first are kept
        ([0, 0, 0, 0], last, 1, 0, 0.5, 1),
        ([0, 0, 0, 0], last, 1, 0, 0, 0),
        ([1, 3, 2, 3], last, 1, 1, 1, 1),
        ([1, 3, 2, 3], last, 0, 0, 1, 1),
        ([0, -infinity, 0, -infinity], last, 1, 0, 1, 2),
        ([0, -infinity, 0, -infinity], last, 1, 3, 1, 2),
        ([-infinity, -infinity, 5, -infinity], 0.0, 1e30, 4, 1, 2),
        ([-infinity, -infinity, 5, -infinity], last, 1e-35, 0, 0, 2),
        ([3e38, -3e38, 3.1e38, 0], last, 1, 0, 1, 2),
        ([3e38, -3e38, 3.1e38, 0], 0.0, 0, 0, 1, 2),
        ([0, infinity, 0, -infinity], 0.0, 1, 0, 1, 1),
        ([-3e38, -3e38, -infinity, -infinity], last, 1e-30, 0, 1, 1),
        ([0, 1, 2, 3], 0.0, 1e-38, 0, 1, 3),
        ([0, 1, 2, 3], 0.0, 1e-42, 0, 1, 3),
        ([-infinity, -infinity, 5, -infinity], 0.0, 3e38, 0, 1, 2),
        ([0, 100, -100, 0], 0.0, 1, 0, 1, 1),
        ([0, 100, -100, 0], last, 1, 0, 1, 1),
        ([0, 0, 0, 1e-7], 0.0, 1, 1, 1, 3),  # nearly a tie
    ]
    *inputs, expected = (list(column) for column in zip(*cases, strict=True))
    dtypes = ("float32", "float32", "float32", "int32", "float32")
    with np.errstate(under="ignore"):
        arrays = [np.array(x, d) for x, d in zip(inputs, dtypes, strict=True)]
    call = in_mode(mode, choose)
    assert call(*arrays).tolist() == expected
    for index, token in enumerate(expected):  # each row alone
        alone = call(*(array[index : index + 1] for array in arrays))
        assert alone.tolist() == [token], cases[index]


@pytest.mark.parametrize("mode", MODES)
def test_banned_and_cut_tokens_never_come(mode):
    rng = np.random.default_rng(2)
    vocab, rows = 300, 400
    logits = np.float32(rng.normal(size=(rows, vocab)) * 30)
    u = np.float32(rng.choice([0, 0.5, 1 - 2.0**-24], size=rows))
    only = np.ones(vocab, dtype=bool)
    only[17] = False
    for settings in ({}, {"temperature": 0}, {"top_k": 5}, {"top_p": 0.3}):
        settings = tensors_of(rows, **settings, banned=only)
        assert (CHOOSE[mode](logits, u, *settings) == 17).all()
    some = rng.random(vocab) < 0.9
    tokens = run(mode, lambda x, u: choose(x, u, top_k=7, banned=some), logits, u)
    best = np.argsort(-np.where(some, -np.inf, logits), axis=1)[:, :7]
    assert not some[tokens].any()
    assert (best == tokens[:, None]).any(axis=1).all()


def test_choose_takes_logits_of_half_precision():
    logits = np.float16([[0, 6e4, -6e4]])
    assert compiled(choose, logits, np.float32([0.5])).tolist() == [1]


# generate


def count_up(vocab):
    def step(token, state):
        return 50 * ops.one_hot((token + 1) % vocab, vocab), state

    return step


@pytest.mark.parametrize("mode", EAGER_TOO)
@pytest.mark.parametrize("temperature", [0, 1.0])
def test_generate_counts_up(mode, temperature):
    tokens = run(
        mode,
        lambda token: generate(count_up(5), token, (), 7, temperature=temperature),
        np.int32([0, 3]),
    )
    assert tokens.dtype == np.int32
    assert tokens.tolist() == [[1, 2, 3, 4, 0, 1, 2], [4, 0, 1, 2, 3, 4, 0]]


def test_length_0_gives_no_tokens():
    first = np.int32([0, 3])
    assert generate(count_up(5), first, (), 0).shape == (2, 0)
    tokens, scores = beam_search(count_up(5), first, (), 0, beams=3, end=4)
    assert tokens.shape == (2, 3, 0)
    infinity = np.inf
    assert ops.convert_to_numpy(scores).tolist() == [[0, -infinity, -infinity]] * 2


@pytest.mark.parametrize("mode", MODES)
def test_after_the_end_a_row_holds_the_end_only(mode):
    def call(token):
        return generate(count_up(6), token, (), 6, temperature=0, end=4)

    tokens = run(mode, call, np.int32([0, 3, 4]))  # a given `end` is ignored
    assert tokens.tolist() == [[1, 2, 3, 4, 4, 4], [4] * 6, [5, 0, 1, 2, 3, 4]]
    assert run(mode, call, np.int32([2, 3])).tolist() == [[3, 4, 4, 4, 4, 4], [4] * 6]


@on_tensorflow
@pytest.mark.parametrize(("first", "steps"), [([0, 2], 4), ([2, 3], 2), ([5, 0], 9)])
def test_the_loop_stops_when_all_rows_are_over(first, steps):
    calls = []

    def step(token, state):
        calls.append(None)
        return count_up(6)(token, state)

    generate(step, np.int32(first), (), 9, temperature=0, end=4 if steps < 9 else None)
    assert len(calls) == steps
    calls.clear()
    beam_search(step, np.int32(first), (), 9, beams=1, end=4 if steps < 9 else 7)
    assert len(calls) == steps


TABLE = np.float32(np.random.default_rng(3).normal(size=(12, 12)) * 1.5)


def call_of_rows(token, seed, temperature, top_k, top_p):
    return generate(
        chain_step(TABLE),
        token,
        {"steps": ops.zeros_like(token)},
        20,
        seed,
        temperature,
        top_k,
        top_p,
        end=0,
    )


def rows_of_settings(rows):
    rng = np.random.default_rng(4)
    return [
        np.int32(rng.integers(0, 12, rows)),
        np.int32(rng.integers(-(2**31), 2**31, rows)),
        np.float32(rng.choice([0, 0.5, 1, 2], rows)),
        np.int32(rng.choice([0, 0, 1, 4, 30], rows)),
        np.float32(rng.choice([0, 0.5, 0.9, 1, 1], rows)),
    ]


def texts_of_the_definition(token, seed, temperature, top_k, top_p):
    """Computes the same from the definition, one row and one token at a time."""
    u = compiled(uniform, seed[:, None], np.arange(20, dtype="int32"))
    result = np.zeros((len(token), 20), dtype=int)
    for row, last in enumerate(token):
        for t in range(20):
            settings = temperature[row], top_k[row], top_p[row]
            cumulated = np.cumsum(law(TABLE[last], *settings))
            last = (cumulated <= u[row, t]).sum()
            result[row, t] = last
            if last == 0:
                break
    return result


@pytest.mark.parametrize("mode", MODES)
def test_a_row_is_the_same_alone_and_in_any_batch(mode):
    arguments = rows_of_settings(64)
    together = run(mode, call_of_rows, *arguments)
    np.testing.assert_array_equal(together, texts_of_the_definition(*arguments))
    assert len({tuple(row) for row in together}) > 25
    backwards = run(mode, call_of_rows, *(a[::-1].copy() for a in arguments))
    np.testing.assert_array_equal(backwards[::-1], together)
    alone = in_mode(mode, call_of_rows)
    for row in range(0, 64, 16 if mode == "eager" else 1):
        one = alone(*(argument[row : row + 1] for argument in arguments))
        np.testing.assert_array_equal(one[0], together[row])


def test_a_seed_gives_its_own_texts():
    first = np.zeros(3, "int32")

    def call(token, seed):
        return generate(chain_step(TABLE), token, no_steps(3), 15, seed)

    texts = compiled(call, first, np.int32([5, 6, 5]))
    assert texts[0].tolist() == texts[2].tolist() != texts[1].tolist()
    same = compiled(
        lambda token: generate(chain_step(TABLE), token, no_steps(3), 15, 5), first
    )
    np.testing.assert_array_equal(same, texts[[0, 0, 0]])


def test_texts_follow_the_law_of_the_chain():
    """Texts of three tokens are as frequent as the chain predicts."""
    rows, table = 20_000, TABLE[:4, :4]
    texts = compiled(
        lambda token, seed: generate(
            chain_step(table), token, no_steps(rows), 3, seed, temperature=1.3
        ),
        np.zeros(rows, "int32"),
        np.arange(rows, dtype="int32"),
    )
    p = softmax(table / 1.3)
    expected = (p[0][:, None, None] * p[:, :, None] * p[None]).ravel() * rows
    counts = np.bincount(texts @ [16, 4, 1], minlength=64)
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 63 + 4 * np.sqrt(2 * 63)


# States of a recurrent cell, and the export


def language_model(vocab, units):
    """Returns a step function, its cell and all its layers, with random weights."""
    embedding = keras.layers.Embedding(vocab, units)
    cell = custom_layers.LSTMCell(units)
    dense = keras.layers.Dense(vocab)
    rng = np.random.default_rng(5)
    for layer, shape in ((embedding, None), (cell, (None, units)), (dense, (1, units))):
        layer.build(shape)
        layer.set_weights([0.7 * rng.normal(size=w.shape) for w in layer.weights])

    def step(token, states):
        output, states = cell(embedding(token), states)
        return dense(output), states

    return step, cell, [embedding, cell, dense]


def test_the_state_of_a_cell_is_carried():
    step, cell, layers = language_model(9, 16)
    first = np.int32([1, 4, 8])
    tokens = compiled(
        lambda token: generate(
            step, token, cell.get_initial_state(3), 12, temperature=0
        ),
        first,
    )
    embedding, _, dense = layers
    rnn = keras.layers.RNN(cell, return_sequences=True)
    read = np.concatenate([first[:, None], tokens[:, :-1]], axis=1)
    logits = ops.convert_to_numpy(dense(rnn(embedding(read))))
    np.testing.assert_array_equal(logits.argmax(axis=-1), tokens)


@on_tensorflow
def test_the_loop_is_exported_without_xla(tmp_path):
    step, cell, layers = language_model(9, 16)

    def draw(token, seed, temperature, top_k, top_p, length):
        state = cell.get_initial_state(tf.shape(token)[0])
        settings = seed, temperature, top_k, top_p
        return generate(step, token, state, length, *settings, end=0)

    def search(token, length):
        state = cell.get_initial_state(tf.shape(token)[0])
        tokens, scores = beam_search(step, token, state, length, beams=3, end=0)
        return {"tokens": tokens, "scores": scores}

    def row_spec(dtype):
        return tf.TensorSpec([None], dtype)

    length = tf.TensorSpec([], "int32")
    types = ("int32", "int32", "float32", "int32", "float32")
    module = tf.Module()
    module.layers = layers
    module.draw = tf.function(draw, [*map(row_spec, types), length])
    module.search = tf.function(search, [row_spec("int32"), length])
    tf.saved_model.save(module, tmp_path / "saved")
    content = (tmp_path / "saved" / "saved_model.pb").read_bytes()
    assert b"Xla" not in content
    loaded = tf.saved_model.load(tmp_path / "saved")
    arguments = rows_of_settings(20)
    arguments[0] %= 9
    for size in (20, 1):
        rows = [argument[:size] for argument in arguments]
        served = loaded.draw(*rows, 11)
        np.testing.assert_array_equal(served, draw(*rows, 11))
        served, inside = loaded.search(rows[0], 11), search(rows[0], 11)
        np.testing.assert_array_equal(served["tokens"], inside["tokens"])
        np.testing.assert_allclose(served["scores"], inside["scores"], rtol=1e-5)
    by_xla = compiled(lambda *rows: draw(*rows, 11), *arguments)
    np.testing.assert_array_equal(loaded.draw(*arguments, 11), by_xla)
    assert loaded.draw(*rows, 0).shape == (1, 0)
    assert loaded.search(rows[0], 0)["tokens"].shape == (1, 3, 0)


# beam_search


def every_text(table, first, end, power):
    """Returns all texts with their scores, best first: the result of a wide search."""
    log_p = np.log(softmax(table))
    texts = []

    def grow(text, score):
        if len(text) == len(table) or (text and text[-1] == end):
            padded = text + [end] * (len(table) - len(text))
            texts.append((score / len(text) ** power, padded))
            return
        last = text[-1] if text else first
        for token in range(table.shape[-1]):
            grow([*text, token], score + log_p[len(text), last, token])

    grow([], 0.0)
    return sorted(texts, key=lambda pair: -pair[0])


def narrow_search(table, first, end, power, beams, banned):
    """Returns the result of a plain beam search: one row, one beam at a time."""
    allowed = [token for token in range(table.shape[-1]) if token not in banned]
    table = np.where(np.isin(np.arange(table.shape[-1]), allowed), table, -1e9)
    p = softmax(table)
    kept = [([], 0.0)]
    for t in range(len(table)):
        continued = []
        for text, score in kept:
            if text and text[-1] == end:
                continued.append((text, score))
                continue
            last = text[-1] if text else first
            continued += [
                ([*text, token], score + np.log(p[t, last, token])) for token in allowed
            ]
        continued.sort(key=lambda pair: -pair[1] / len(pair[0]) ** power)
        kept = continued[:beams]
    return [
        (score / len(text) ** power, text + [end] * (len(table) - len(text)))
        for text, score in kept
    ]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("power", [0, 0.7, 1.0])
def test_wide_beams_find_every_text(mode, power):
    table = np.random.default_rng(5).normal(size=(4, 4, 4))
    first = np.int32([0, 3, 2])
    tokens, scores = run(
        mode,
        lambda token: beam_search(
            chain_step(table), token, no_steps(3), 4, 130, end=1, length_penalty=power
        ),
        first,
    )
    assert tokens.shape == (3, 130, 4)
    assert tokens.dtype == np.int32
    for row, start in enumerate(first):
        expected = every_text(table, start, 1, power)
        assert len(expected) == 121
        assert tokens[row, :121].tolist() == [text for _, text in expected]
        np.testing.assert_allclose(
            scores[row, :121], [score for score, _ in expected], rtol=1e-5
        )
        assert (scores[row, 121:] == -np.inf).all()
        assert (tokens[row, 121:] == 1).all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("beams", [2, 5])
@pytest.mark.parametrize("power", [0, 1.0])
def test_narrow_beams_equal_a_plain_search(mode, beams, power):
    rng = np.random.default_rng(6)
    table = rng.normal(size=(8, 7, 7)) * 1.5
    banned = np.arange(7) == 5
    first = np.int32([0, 1, 2, 4, 5, 6])
    tokens, scores = run(
        mode,
        lambda token: beam_search(
            chain_step(table), token, no_steps(6), 8, beams, 3, power, banned
        ),
        first,
    )
    for row, start in enumerate(first):
        expected = narrow_search(table, start, 3, power, beams, banned=[5])
        assert tokens[row].tolist() == [text for _, text in expected]
        np.testing.assert_allclose(scores[row], [s for s, _ in expected], rtol=1e-5)


def test_beams_are_the_same_alone_and_in_any_batch():
    table = np.random.default_rng(7).normal(size=(6, 5, 5))

    def call(token):
        state = {"steps": ops.zeros_like(token)}
        return beam_search(chain_step(table), token, state, 6, beams=3, end=2)

    search = in_mode("xla", call)
    first = np.int32([0, 1, 2, 3, 4, 1])
    together = search(first)
    for row in range(6):
        alone = search(first[row : row + 1])
        np.testing.assert_array_equal(alone[0][0], together[0][row])
        np.testing.assert_allclose(alone[1][0], together[1][row], rtol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_a_row_with_fewer_beams_finds_what_a_narrower_search_finds(mode):
    table = np.random.default_rng(8).normal(size=(7, 6, 6)) * 1.5
    first, widths = np.int32([0, 1, 2, 3, 4]), np.int32([1, 4, 2, 4, 3])

    def call(token, beams, widths=None):
        state = no_steps(len(first))
        return beam_search(chain_step(table), token, state, 7, beams, 5, widths=widths)

    tokens, scores = run(mode, lambda token: call(token, 4, widths), first)
    for row, width in enumerate(widths):
        alone = run(mode, lambda token, width=width: call(token, int(width)), first)
        np.testing.assert_array_equal(tokens[row, :width], alone[0][row])
        np.testing.assert_allclose(scores[row, :width], alone[1][row], rtol=1e-5)
        assert (scores[row, width:] == -np.inf).all()
        assert (tokens[row, width:] == 5).all()


@pytest.mark.parametrize("table", [TABLE, TABLE.T], ids=["table", "transposed"])
def test_one_beam_is_greedy(table):
    step, first = chain_step(table), np.arange(12, dtype="int32")

    def call(token):
        greedy = generate(step, token, no_steps(12), 10, temperature=0, end=0)
        return greedy, beam_search(step, token, no_steps(12), 10, beams=1, end=0)[0]

    greedy, tokens = compiled(call, first)
    np.testing.assert_array_equal(tokens[:, 0], greedy)


# Token 0 ends a text. Token 1 begins a short text, which ends with probability 0.99.
# Token 2 begins a long one, 2 3 4 0, in which each token follows with probability 0.9.
LENGTHS = np.float32(
    np.log(
        [
            [1e-9, 1e-9, 1e-9, 1.0, 1e-9],  # after the end, 3 would surely follow
            [0.99, 0.0025, 0.0025, 0.0025, 0.0025],
            [0.025, 0.025, 0.025, 0.9, 0.025],
            [0.025, 0.025, 0.025, 0.025, 0.9],
            [0.9, 0.025, 0.025, 0.025, 0.025],
        ]
    )
)


def test_the_length_penalty_changes_the_winner():
    start = np.float32([np.log([0.02, 0.45, 0.5, 0.015, 0.015])])
    table = np.concatenate([LENGTHS, start])

    def step(token, state):  # token 5, the beginning, is never drawn
        return ops.take(ops.convert_to_tensor(table), token, axis=0), state

    best = {}
    for power in (0, 1.0):
        tokens, scores = compiled(
            lambda token, power=power: beam_search(
                step, token, (), 6, beams=3, end=0, length_penalty=power
            ),
            np.int32([5]),
        )
        best[power] = tokens[0, 0].tolist(), scores[0, 0]
    assert best[0][0] == [1, 0, 0, 0, 0, 0]
    assert best[1.0][0] == [2, 3, 4, 0, 0, 0]
    np.testing.assert_allclose(best[0][1], np.log(0.45 * 0.99), rtol=1e-5)
    np.testing.assert_allclose(best[1.0][1], np.log(0.5 * 0.9**3) / 4, rtol=1e-5)


def test_ended_beams_are_kept_and_not_extended():
    """Continuing this text after its end would be certain and raise its mean score."""
    tokens, scores = compiled(
        lambda token: beam_search(
            chain_step(LENGTHS), token, no_steps(1), 9, beams=2, end=0
        ),
        np.int32([1]),
    )
    assert tokens[0, 0].tolist() == [0] * 9
    np.testing.assert_allclose(scores[0, 0], np.log(0.99), rtol=1e-4)


def test_states_follow_their_beams():
    """Logits that depend on the whole past, through the state alone."""
    step, cell, _ = language_model(5, 8)
    first = np.int32([1, 4])
    tokens, scores = compiled(
        lambda token: beam_search(
            step, token, cell.get_initial_state(2), 4, beams=500, end=0
        ),
        first,
    )
    for row, start in enumerate(first):
        texts = [text for text in tokens[row].tolist() if text[0] != 0][:60]
        for beam, text in enumerate(tokens[row].tolist()):
            if beam % 40 or scores[row, beam] == -np.inf:
                continue
            size = text.index(0) + 1 if 0 in text else 4
            states, total = cell.get_initial_state(1), 0.0
            for last, token in zip([start, *text], text[:size], strict=False):
                logits, states = step(np.int32([last]), states)
                total += np.log(softmax(ops.convert_to_numpy(logits)))[0, token]
            np.testing.assert_allclose(scores[row, beam], total / size, rtol=1e-4)
        assert len({tuple(text) for text in texts}) == 60


# Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -0.1}, "`temperature` .* Received: temperature=-0.1"),
        ({"temperature": float("nan")}, "`temperature` .* Received: temperature=nan"),
        ({"temperature": "hot"}, "`temperature` .* Received: temperature='hot'"),
        ({"top_k": -1}, "`top_k` must be .* Received: top_k=-1"),
        ({"top_k": 2.0}, "`top_k` must be .* Received: top_k=2.0"),
        ({"top_p": 1.01}, "`top_p` must be .* Received: top_p=1.01"),
        ({"top_p": -0.5}, "`top_p` must be .* Received: top_p=-0.5"),
        ({"top_p": None}, "`top_p` must be .* Received: top_p=None"),
        ({"length": -1}, "`length` must be .* Received: length=-1"),
        ({"length": 2.5}, "`length` must be .* Received: length=2.5"),
        ({"seed": 2**31}, "`seed` must be .* Received: seed=2147483648"),
        ({"end": -1}, "`end` must be a token.* Received: end=-1"),
        ({"beams": 0}, "`beams` must be a positive integer. Received: beams=0"),
        ({"beams": 2.0}, "`beams` must be .* Received: beams=2.0"),
        ({"length_penalty": -1}, "`length_penalty` .* Received: length_penalty=-1"),
        ({"length": -1, "beams": 2}, "`length` must be .* Received: length=-1"),
        ({"end": None, "beams": 2}, "`end` must be a token.* Received: end=None"),
    ],
    ids=str,
)
def test_errors_name_the_argument(arguments, message):
    length = {"length": 3, **arguments}
    token = np.int32([1])
    with pytest.raises(ValueError, match=f"^Argument {message}"):
        if {"beams", "length_penalty"} & set(arguments):
            beam_search(count_up(5), token, (), **{"beams": 2, "end": 0, **length})
        else:
            generate(count_up(5), token, (), **length)


def test_choose_refuses_settings_out_of_range():
    for settings in ({"temperature": -1}, {"top_k": -1}, {"top_p": 2}):
        with pytest.raises(ValueError, match=r"^Argument .* Received: "):
            choose(np.zeros((1, 3), "float32"), np.zeros(1, "float32"), **settings)


@on_tensorflow
def test_all_of_this_holds_under_jax(request):
    passes_on_jax(__file__, request)
