"""The character model: training, writing, export, and the packages it needs."""

import functools
import importlib
import json
import random
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks.throwaway import run_in
from custom_layers.language_model import first_states
from data.errors import UserError
from recipes.char_lm import (
    PADDING,
    UNKNOWN,
    Config,
    build_model,
    decode,
    encode,
    encode_prompt,
    export,
    load,
    load_data,
    write,
)
from tasks import likelihood
from tasks.likelihood import nats_of
from tests.exports import (
    Author,
    answer_to_its_request,
    ask,
    ask_by_saved_model_cli,
    ask_elsewhere,
    score,
)
from tests.processes import (
    WITHOUT_KIT,
    WITHOUT_TENSORFLOW,
    python,
    python_on_jax,
)

ROOT = Path(__file__).parent.parent
CHARACTERS = "\n abcdefghij(){}好的é😀"
VOCABULARY = {"characters": CHARACTERS, "distinct": 30}


def random_model(cell="lstm", layers=1, scale=0.6):
    """Returns a model whose weights are large, so that prompts and seeds matter."""
    keras.utils.set_random_seed(1)
    config = Config(cell=cell, units=12, layers=layers)
    model = build_model(config, VOCABULARY)
    chance = np.random.default_rng(1)
    model.set_weights(
        [w + scale * chance.normal(size=w.shape) for w in model.get_weights()]
    )
    model.compile(jit_compile=False)
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "saved_model"
    model = random_model(layers=2)
    export(model, VOCABULARY, folder)
    return model, folder


@pytest.fixture(scope="module")
def loaded(exported):
    import tensorflow as tf

    return tf.saved_model.load(str(exported[1]))


@pytest.fixture(scope="module")
def author(exported):
    return Author(write, VOCABULARY, exported[0], 30)


def test_ids_and_characters():
    text = "好a\u0000z\n😀"
    ids = encode(text, CHARACTERS)
    assert ids.tolist() == [18, 4, UNKNOWN, UNKNOWN, 2, 21]
    assert decode(ids, CHARACTERS) == "好a\ufffd\ufffd\n😀"
    assert PADDING not in ids
    assert decode(encode(CHARACTERS, CHARACTERS), CHARACTERS) == CHARACTERS


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0},
        {"temperature": 1.0, "seed": 5},
        {"temperature": 0.7, "top_k": 4, "top_p": 0.8, "seed": -3},
    ],
)
def test_the_export_writes_what_the_model_writes_to_the_letter(
    author, loaded, settings
):
    chance = random.Random(2)
    alphabet = CHARACTERS + "xyzλ"
    prompts = ["", "a", "好的😀é", "λλλ", "\n\n", "abc" * 30]
    while len(prompts) < 64:
        prompts.append("".join(chance.choices(alphabet, k=chance.randrange(40))))
    expected = author.write(prompts, **settings)
    texts = ask(loaded, prompts, 30, **settings)
    assert texts == expected
    assert len(set(texts)) > 30
    assert {len(text) for text in texts} == {30}
    # A row alone, and in a batch with rows of other lengths.
    settings["seed"] = settings.get("seed", 0) + 40
    assert ask(loaded, prompts[40:41], 30, **settings) == expected[40:41]
    lengths = [7, 0, 30]
    some = ask(loaded, prompts[40:43], lengths, **settings)
    assert some == [text[:n] for text, n in zip(expected[40:43], lengths, strict=True)]


def test_no_prompt_no_length_no_rows(loaded):
    assert ask(loaded, ["a", ""], 0) == ["", ""]
    assert ask(loaded, ["a"], -5) == [""]
    assert ask(loaded, [], 9) == []


@pytest.mark.usefixtures("without_xla")
def test_the_seed_and_the_settings_decide(exported):
    author = Author(write, VOCABULARY, exported[0], 60)
    first, again = (author.write(["ab"] * 8, seed=7) for _ in range(2))
    assert first == again
    assert len(set(first)) == 8
    greedy = author.write(["ab"] * 2, temperature=0)
    assert greedy[0] == greedy[1] == author.write(["ab"], top_k=1, seed=3)[0]
    assert not set("".join(first)) & {"\0", "\ufffd"}


def test_a_negative_temperature_is_an_error(exported, loaded):
    import tensorflow as tf

    with pytest.raises(ValueError, match="Received: temperature=-1"):
        Author(write, VOCABULARY, exported[0], 5).write(["a"], temperature=-1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="temperature"):
        ask(loaded, ["a"], 5, temperature=-1.0)


def read(model, ids):
    """Returns the logits `[1, time, vocab]` of one text."""
    return model([keras.ops.convert_to_tensor(ids), *first_states(model, 1)])[0]


def nats_per_character(model, text):
    """Returns the mean of -log p(next character), computed in NumPy."""
    ids = encode_prompt(text, CHARACTERS).astype("int32")[None]
    if ids.shape[1] == 1:
        return 0.0
    logits = np.array(read(model, ids[:, :-1])[0], "float64")
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -logs[np.arange(len(logs)), ids[0, 1:]].mean()


@pytest.mark.usefixtures("without_xla")
def test_export_in_a_fresh_process_without_the_project(exported, tmp_path):
    model, folder = exported
    prompts = ["", "ab(c)", "好的", "xyz", "a\nb" * 70]  # the last: several windows
    texts, scores = ask_elsewhere(folder, prompts, tmp_path)
    author = Author(write, VOCABULARY, model, 25)
    assert texts == author.write(prompts, temperature=0.8, top_k=9, top_p=0.95)
    expected = [nats_per_character(model, text) for text in prompts]
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 128, 200])
def test_score_is_the_equation_for_texts_of_any_length(exported, loaded, length):
    """The export reads 64 characters at a time and carries its states over."""
    text = "".join(random.Random(length).choices(CHARACTERS + "z", k=length))
    expected = nats_per_character(exported[0], text)
    assert score(loaded, text) == pytest.approx(expected, abs=1e-4)


@pytest.mark.usefixtures("without_xla")
def test_export_by_saved_model_cli(exported, tmp_path):
    model, folder = exported
    prompts = ["ab", ""]
    texts = ask_by_saved_model_cli(folder, prompts, tmp_path)
    assert texts == Author(write, VOCABULARY, model, 9).write(prompts, temperature=0)


@pytest.mark.usefixtures("without_xla")
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])
@pytest.mark.parametrize("layers", [1, 2])
def test_writing_step_by_step_equals_reading(cell, layers):
    """Greedy: each character is the most probable one after all previous ones."""
    model = random_model(cell, layers)
    prompt = "ab{好"
    written = Author(write, VOCABULARY, model, 12).write([prompt], temperature=0)[0]
    ids = encode_prompt(prompt + written, CHARACTERS).astype("int32")[None]
    logits = np.array(read(model, ids))[0, :, 2:]
    best = 2 + logits.argmax(axis=-1)[len(prompt) : -1]
    assert decode(best, CHARACTERS) == written


@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])
def test_dropout_is_of_recurrent_weights_too(cell):
    """In training the outputs differ from the second step on, when there is a state."""
    config = Config(units=9, cell=cell, dropout=0.5)
    layer = build_model(config, VOCABULARY).get_layer("layer_0")
    x = np.random.default_rng(0).normal(size=[2, 5, layer.input[0].shape[-1]])
    plain, trained = (
        np.array(layer(x.astype("float32"), training=training)[0])
        for training in (False, True)
    )
    np.testing.assert_allclose(plain[:, 0], trained[:, 0], atol=1e-6)  # no state yet
    assert np.abs(plain[:, 1:] - trained[:, 1:]).max() > 0.01


@pytest.mark.parametrize("short", [0, 100_000])
@pytest.mark.parametrize("asked", [None, 0.1])
def test_dropout_follows_from_the_length(char_lm, tmp_path, monkeypatch, short, asked):
    dropouts = []

    def build(config, vocabulary, batch=None):
        if batch:
            dropouts.append(config.dropout)
            raise UserError("seen")
        return build_model(config, vocabulary)

    recipe = importlib.import_module("recipes.char_lm")
    monkeypatch.setattr(recipe, "SHORT", short)
    monkeypatch.setattr(recipe, "build_model", build)
    (tmp_path / "mine.txt").write_text("one two three four five six\n" * 400)
    options = [] if asked is None else ["--dropout", asked]
    assert char_lm("--data", "mine.txt", *options)[0] == 2
    assert dropouts == [asked if asked is not None else 0.3 if short else 0.0]


def test_nats_over_every_character(monkeypatch):
    monkeypatch.setattr(likelihood, "READ", 110)  # fewer than the characters
    model = random_model(layers=2)
    text = "".join(random.Random(0).choices(CHARACTERS + "z", k=290))
    ids = encode_prompt(text, CHARACTERS)
    assert nats_of(model, ids) == pytest.approx(
        nats_per_character(model, text), abs=1e-5
    )
    # Separate windows: each starts from zero states, and every character counts once.
    alone = [
        nats_of(model, ids[start : start + 65]) * len(ids[start + 1 : start + 65])
        for start in range(0, len(ids) - 1, 64)
    ]
    nats = nats_of(model, ids, window=64)
    assert nats == pytest.approx(sum(alone) / (len(ids) - 1), abs=1e-5)
    assert nats != pytest.approx(nats_of(model, ids), abs=1e-3)


@pytest.mark.usefixtures("without_xla")
@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize(
    "cell",
    [
        pytest.param("lstm", marks=pytest.mark.exhaustive),
        "gru",
        pytest.param("simple_rnn", marks=pytest.mark.exhaustive),
    ],
)
def test_each_cell_learns_what_follows(char_lm, tmp_path, cell):
    (tmp_path / "mine.txt").write_text("abcdefghij\n" * 2500)
    options = ["--cell", cell, "--units", 24, "--epochs", 4, "--prompt", "abc"]
    options += ["--learning-rate", 0.03]
    assert char_lm("--data", "mine.txt", *options)[0] == 0
    metrics = json.loads(Path("runs/char_lm/latest/metrics.json").read_text())
    assert metrics["test_nats_per_token"] < 0.1
    samples = Path("runs/char_lm/latest/samples.txt").read_text()
    assert samples.startswith("abcdefghij\nabcdefghij\n")


def test_a_chinese_file_from_start_to_answer(char_lm, tmp_path, request):
    chance = random.Random(3)
    words = ["今天", "天气", "很好", "我们", "去看", "电影", "，", "。\n", "不错"]
    (tmp_path / "小说.txt").write_text("".join(chance.choices(words, k=20_000)))
    options = ["--units", 16, "--prompt", "今天", "--epochs", 2]
    status, out, _ = char_lm("--data", "小说.txt", *options)
    assert status == 0
    run = Path("runs/char_lm/latest")
    metrics = json.loads((run / "metrics.json").read_text())
    baseline, unigram, uniform = (
        metrics[f"{name}_test_nats_per_token"]
        for name in ("baseline", "unigram", "uniform")
    )
    assert baseline < unigram < uniform
    assert metrics["test_nats_per_token"] < unigram
    assert metrics["test_perplexity"] == pytest.approx(
        np.exp(metrics["test_nats_per_token"])
    )
    assert metrics["test_bits_per_char"] == pytest.approx(
        metrics["test_nats_per_token"] / np.log(2)
    )
    assert metrics["tokens_per_second"] > 0
    assert 0 <= metrics["copied_share"] <= 1
    for name in ("report.html", "samples.txt", "history.csv", "model.keras"):
        assert (run / name).stat().st_size > 0
    assert (run / "samples.txt").read_text().startswith("今天")
    for word in ("tensorflow", "CPU", "XLA"):
        assert word in out.splitlines()[0]
    assert answer_to_its_request(run)["text"].shape == (1,)
    # `load` returns the model that wrote the samples.
    text = write(*load(run), ["今天"], temperature=0.7)[0]
    assert (run / "samples.txt").read_text().startswith(f"今天{text}\n")

    # --load: the same figures without training, on the same data.
    request.getfixturevalue("unexported")
    assert char_lm("--load", run, "--run-dir", "again")[0] == 0
    again = json.loads(Path("again/metrics.json").read_text())
    for name in ("test_nats_per_token", "validation_nats_per_token"):
        assert again[name] == pytest.approx(metrics[name], abs=1e-6)
    assert "train_seconds" not in again
    # --test-data: other figures, computed on the whole of that file.
    Path("test.txt").write_text("今天\n" * 100)
    options = ["--load", run, "--test-data", "test.txt", "--run-dir", "other"]
    assert char_lm(*options)[0] == 0
    other = json.loads(Path("other/metrics.json").read_text())
    assert other["test_nats_per_token"] != metrics["test_nats_per_token"]
    assert other["validation_nats_per_token"] == again["validation_nats_per_token"]


def test_rare_characters_become_unknown_and_are_reported(tmp_path, capsys):
    text = "".join(random.Random(0).choices("aaabbbcde\n", k=20_000))
    (tmp_path / "mine.txt").write_text(text)
    run = run_in(tmp_path, str(tmp_path / "mine.txt"))
    parts, known = load_data(Config(max_vocab=4, max_chars=15_000), run)
    out = capsys.readouterr().out
    assert "of 20,000 bytes of" in out
    assert "6 distinct characters, --max-vocab keeps 4" in out
    assert len(known["characters"]) == 4
    assert np.mean(parts["test"] == UNKNOWN) == pytest.approx(0.2, abs=0.05)
    assert len(parts["train"]) == pytest.approx(0.9 * 15_000, rel=0.01)


def test_jax_trains_without_tensorflow_and_both_write_the_same(tmp_path):
    text = "".join(random.Random(0).choices("if x: pass\n", k=30_000))
    (tmp_path / "mine.txt").write_text(text)
    run = functools.partial(python_on_jax, tmp_path)
    out = run(
        "-c", WITHOUT_TENSORFLOW, "char_lm", "--data", "mine.txt", "--prompt", "if "
    )
    assert "No SavedModel: TensorFlow is not installed here" in out
    folder = tmp_path / "runs/char_lm/smoke"
    load = ["-m", "recipes.char_lm", "--load", "runs/char_lm/smoke"]
    run(*load, "--run-dir", "runs/char_lm/smoke", KERAS_BACKEND="tensorflow")
    assert (folder / "saved_model/1/saved_model.pb").exists()
    run(*load, "--run-dir", "tensorflow", KERAS_BACKEND="tensorflow")
    samples = [tmp_path / name / "samples.txt" for name in (folder, "tensorflow")]
    assert samples[0].read_text() == samples[1].read_text()
    figures = [
        json.loads((tmp_path / name / "metrics.json").read_text())
        for name in (folder, "tensorflow")
    ]
    for name in ("test_nats_per_token", "validation_nats_per_token"):
        assert figures[0][name] == pytest.approx(figures[1][name], abs=1e-5)


HIDDEN = f"""
{WITHOUT_KIT}
import json
from pathlib import Path
from recipes.char_lm import Config, build_model, export, load, write
vocabulary = {{"characters": "\\nab", "distinct": 3}}
model = build_model(Config(units=4), vocabulary)
(text,) = write(model, vocabulary, ["a"], length=9)
assert len(text) == 9
export(model, vocabulary, "saved_model")
model.save("model.keras")
Path("vocabulary.json").write_text(json.dumps(vocabulary))
assert write(*load("."), ["a"], length=9) == [text]
"""


def test_model_writes_exports_and_loads_without_kit_and_data(tmp_path):
    child = python("-c", HIDDEN, folder=tmp_path, PYTHONPATH=str(ROOT))
    assert child.returncode == 0, child.stderr
    assert (tmp_path / "saved_model/saved_model.pb").exists()


def test_a_vocabulary_that_two_bytes_cannot_number(char_lm, tmp_path):
    (tmp_path / "mine.txt").write_text("abc\n" * 9000)
    status, _, errors = char_lm("--data", "mine.txt", "--max-vocab", 70_000)
    assert (status, errors.count("\n")) == (2, 1)
    assert "--max-vocab" in errors


@pytest.mark.parametrize(
    ("content", "naming"),
    [
        (b"", ["mine.txt", "expected text"]),
        (b"abc\n" * 30, ["too short", "rows of 64"]),
        (b"a" * 50_000, ["mine.txt", "two distinct characters"]),
        (b"abc\n" * 9000 + b"\xff\xfe" + b"abc\n" * 9000, ["mine.txt", "UTF-8"]),
    ],
)
def test_bad_texts_end_in_one_line(char_lm, tmp_path, content, naming):
    (tmp_path / "mine.txt").write_bytes(content)
    status, _, errors = char_lm("--data", "mine.txt", "--units", 4)
    assert status == 2
    assert len(errors.strip().splitlines()) == 1, errors
    for word in ("error:", *naming):
        assert word in errors
    assert not list(Path("runs/char_lm").iterdir())
