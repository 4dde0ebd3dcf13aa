"""Language models: streams of a long text, carried states, metrics and figures."""

import keras
import numpy as np
import pytest

from custom_layers import GRU, LSTM
from data.errors import UserError
from kit.files import mapped
from kit.streams import FreshStates, Streams
from tasks.language_models import (
    copied_share,
    metrics_of,
    parsed_share,
    probabilities_figure,
)
from tasks.likelihood import nats_of, nats_of_each

TEXT = np.arange(10_000, dtype="uint16")


def test_a_row_continues_itself_and_every_target_is_the_next_id():
    streams = Streams(TEXT, rows=4, window=7)
    batches = [streams[index] for index in range(len(streams))]
    rows = np.concatenate([ids for ids, _ in batches], axis=1)
    targets = np.concatenate([targets for _, targets in batches], axis=1)
    assert (np.diff(rows, axis=1) == 1).all()
    np.testing.assert_array_equal(targets, rows + 1)
    assert rows[:, 0].tolist() == [0, 2499, 4998, 7497]  # equal shares of the text
    assert rows.shape == (4, 2499 // 7 * 7)


def test_a_pass_begins_elsewhere_each_time_and_the_same_for_a_seed():
    streams = Streams(TEXT, rows=4, window=50, seed=3)
    starts = []
    for epoch in range(20):
        streams.set_epoch(epoch)
        starts.append(int(streams[0][0][0, 0]))
    assert len(set(starts)) > 10
    assert max(starts) < 50
    again = Streams(TEXT, rows=4, window=50, seed=3)
    again.set_epoch(7)
    assert again[0][0][0, 0] == starts[7]
    again.set_epoch(0)
    last = again[len(again) - 1][1]
    assert last.max() <= TEXT[-1]


def test_a_long_pass_is_cut_into_epochs_that_go_on():
    whole = Streams(TEXT, rows=4, window=50, seed=3)
    cut = Streams(TEXT, rows=4, window=50, seed=3, most=3000)
    assert cut.parts == 4
    for turn in range(2):
        whole.set_epoch(turn)
        windows = []
        for part in range(cut.parts):
            cut.set_epoch(turn * cut.parts + part)
            assert cut.tokens(0) * len(cut) <= 3000
            windows += [cut[index][0] for index in range(len(cut))]
        expected = [whole[index][0] for index in range(len(whole))]
        assert len(windows) > len(expected) - cut.parts
        np.testing.assert_array_equal(windows, expected[: len(windows)])


@pytest.mark.parametrize("tokens", [0, 1, 4, 4 * 50])
def test_a_text_that_is_too_short_is_an_error(tokens):
    with pytest.raises(UserError, match=f"a text of {tokens} tokens is too short"):
        Streams(TEXT[:tokens], rows=4, window=50, seed=0)


def test_validation_takes_shorter_windows_where_the_text_is_short():
    streams = Streams(TEXT[:41], rows=4, window=50)
    assert len(streams) == 1
    assert streams[0][0].shape == (4, 10)


def small_model(rows):
    ids = keras.Input(batch_shape=(rows, None), dtype="int32")
    x = keras.layers.Embedding(10, 4)(ids)
    x = LSTM(5, return_sequences=True, stateful=True, name="lstm")(x)
    model = keras.Model(ids, keras.layers.Dense(10)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.0), loss)
    return model


class Spy(keras.callbacks.Callback):
    """Records the carried states after every batch and when an epoch begins."""

    def __init__(self, training):
        super().__init__()
        self.training, self.began, self.after = training, [], []

    def state(self):
        return np.array(self.model.get_layer("lstm").states[0])

    def on_epoch_begin(self, epoch, logs=None):
        self.training.set_epoch(epoch)  # as `Checkpoint` does
        self.began.append(self.state())

    def on_train_batch_end(self, batch, logs=None):
        self.after.append(self.state())


@pytest.mark.parametrize("most", [0, 200])
def test_states_go_on_inside_fit_and_begin_anew_with_a_pass(most):
    """The states that `fit` carries equal those of one call over the whole stream."""
    text = np.random.default_rng(0).integers(10, size=4 * 120 + 13).astype("uint16")
    training = Streams(text, rows=4, window=12, seed=1, most=most)
    model, spy = small_model(4), Spy(training)
    model.fit(
        training,
        validation_data=Streams(text[:99], rows=4, window=12),
        epochs=2 * training.parts,
        callbacks=[FreshStates(training), spy],
        shuffle=False,
        verbose=0,
    )
    layer, vectors = model.get_layer("lstm"), model.layers[1]
    reader = LSTM(5)
    reader.build((None, None, 4))
    reader.set_weights([np.array(weight) for weight in layer.cell.weights])
    batches = len(spy.after) // 2
    for turn in range(2):
        rows = []
        for part in range(training.parts):
            training.set_epoch(turn * training.parts + part)
            rows += [training[index][0] for index in range(len(training))]
        assert len(rows) == batches
        whole = reader(vectors(np.concatenate(rows, axis=1)))
        carried = spy.after[(turn + 1) * batches - 1]
        np.testing.assert_allclose(carried, whole, atol=1e-5)
        for part in range(training.parts):
            began = spy.began[turn * training.parts + part]
            assert (began == 0).all() == (part == 0)


def test_copied_share_counts_windows_that_stand_in_the_text(monkeypatch):
    # Small chunks, so that windows cross their borders.
    monkeypatch.setattr("tasks.language_models.CHUNK", 1000)
    random = np.random.default_rng(0)
    text = random.integers(90, size=30_000).astype("uint16")
    new = random.integers(90, size=120)
    written = [text[5000:5100], text[970:1025], new, text[-50:], new[:49]]
    assert copied_share(written, text) == (51 + 6 + 1) / (51 + 6 + 71 + 1)
    assert copied_share([], text) == copied_share([new[:49]], text) == 0
    assert copied_share([text[:60]], text[:40]) == 0


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("def f(x):\n    return x\n\nclass A:", 1),
        ("def f(\n    x,\n):\n    return x\nx = 1", 1),
        ("def f(x):\n        return x\n\n    def g():", 1),  # a method
        ("def f(x):\n    return x\n\n    # still inside", 0),  # does not end
        ("def f(x:\n    return x\n\nclass A:", 0),
        ("def f(x):\nreturn x\n", 0),
        ("def f(x):\n    return '\0'\nx", 0),
    ],
)
def test_parsed_share(text, accepted):
    assert parsed_share([text]) == accepted
    assert parsed_share([text, "def f():\n pass\nx"]) == (accepted + 1) / 2


def test_mapped_arrays_are_made_once_and_whole(tmp_path):
    calls = []

    def make():
        calls.append(1)
        return {"train": iter([TEXT[:10], TEXT[10:25]]), "empty": iter([])}

    for _ in range(2):
        arrays = mapped(tmp_path / "a" / "ids", make)
        assert arrays["train"].tolist() == list(range(25))
        assert len(arrays["empty"]) == 0
        assert isinstance(arrays["train"], np.memmap)
    assert len(calls) == 1

    def fail():
        return {"train": (TEXT[n] for n in [0, "x"])}

    with pytest.raises(IndexError):
        mapped(tmp_path / "b" / "ids", fail)
    assert list((tmp_path / "b").iterdir()) == []


def reader(vocab=5):
    """Returns a GRU with large weights: ids and a state -> logits and the new state."""
    ids, first = keras.Input([None], dtype="int32"), keras.Input([4])
    x = keras.layers.Embedding(vocab, 3)(ids)
    x, last = GRU(4, return_sequences=True, return_state=True)(x, initial_state=first)
    model = keras.Model([ids, first], [keras.layers.Dense(vocab)(x), last])
    chance = np.random.default_rng(0)
    model.set_weights([chance.normal(size=w.shape) for w in model.get_weights()])
    return model


def nats_by_the_equation(model, ids):
    """Returns -log p of each token but the first, in NumPy: float64 `[tokens - 1]`."""
    logits, _ = model([ids[None, :-1].astype("int32"), np.zeros((1, 4), "float32")])
    logits = np.array(logits[0], "float64")
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -logs[np.arange(len(logs)), ids[1:]]


def test_nats_of_each_token_and_their_picture():
    model = reader()
    ids = np.random.default_rng(1).integers(0, 5, 1203).astype("uint16")
    nats = nats_by_the_equation(model, ids)
    pieces = list(nats_of_each(model, ids))
    assert [len(piece) for piece in pieces] == [500, 500, 202]
    np.testing.assert_allclose(np.concatenate(pieces), nats, atol=1e-4)
    assert nats_of(model, ids) == pytest.approx(nats.mean(), abs=1e-5)

    def names(ids):
        return "".join("a \ncd"[index] for index in ids)

    figure = probabilities_figure(model, ids, names, 7)
    assert figure["kind"] == "word_by_word"
    lines = figure["items"]
    assert "".join(line["text"] for line in lines) == names(ids[1:36])
    words = "".join(word for line in lines for word in line["words"])
    assert words == names(ids[1:36]).replace(" ", "\u2423").replace("\n", "\u23ce")
    shown = [p for line in lines for p in line["probabilities"]]
    np.testing.assert_allclose(shown, np.exp(-nats[:35]), atol=1e-4)
    assert lines[0]["said"] == f"{nats[:7].mean():.2f} nats per token"
    # A text shorter than the figure.
    figure = probabilities_figure(model, ids[:4], lambda x: "-" * len(x), 7)
    assert [line["words"] for line in figure["items"]] == [["-"] * 3]
    assert probabilities_figure(model, ids[:1], str, 7)["items"] == []


def test_metrics_of_the_held_out_parts():
    model, random = reader(), np.random.default_rng(2)
    data = {
        part: random.integers(5, size=size).astype("uint16")
        for part, size in (("train", 50), ("validation", 90), ("test", 1203))
    }
    validation, test = (
        nats_by_the_equation(model, data[part]) for part in ("validation", "test")
    )
    assert abs(validation.mean() - test.mean()) > 1e-3  # so that a swap would fail
    expected = {
        "validation_nats_per_token": validation.mean(),
        "test_nats_per_token": test.mean(),
        "test_perplexity": np.exp(test.mean()),
        "test_bits_per_char": test.sum() / np.log(2) / 5000,
    }
    metrics = metrics_of(model, data, characters=5000)
    assert metrics == pytest.approx(expected, rel=1e-5)
