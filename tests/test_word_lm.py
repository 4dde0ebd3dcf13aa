"""The word_lm recipe: words, training, writing, export and dependencies."""

import dataclasses
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
from recipes.word_lm import (
    PRESETS,
    UNKNOWN,
    Config,
    Preset,
    build_model,
    decode,
    encode,
    encode_prompt,
    export,
    load,
    load_data,
    train,
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
from tokens.words import tokenize

ROOT = Path(__file__).parent.parent
WORDS = ["<eos>", "the", ".", ",", "(", ")", "cat", "sat", "don't", "好", "的", "é"]
WORDS += ["on", "a", "mat", "!", "“", "”", "n't", "3.14", "ไ"]
VOCABULARY = {"words": WORDS, "cut": False, "distinct": 30}
SMALL = Preset(
    vector=12,
    units=10,
    layers=2,
    batch=4,
    window=8,
    learning_rate=0.03,
)


def model_of(preset, vocabulary=VOCABULARY, batch=None, **dropped):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "small", preset)
        return build_model(Config(), vocabulary, batch, **dropped)


def random_model(preset=SMALL, scale=0.6):
    """Returns a model whose large weights make prompts and random draws matter."""
    keras.utils.set_random_seed(1)
    model = model_of(preset)
    rng = np.random.default_rng(1)
    weights = [w + scale * rng.normal(size=w.shape) for w in model.get_weights()]
    weights[0][2] *= 0.3  # otherwise it writes line ends only
    model.set_weights(weights)
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "saved_model"
    model = random_model()
    export(model, VOCABULARY, folder)
    return model, folder


@pytest.fixture(scope="module")
def loaded(exported):
    import tensorflow as tf

    return tf.saved_model.load(str(exported[1]))


@pytest.fixture(scope="module")
def author(exported):
    return Author(write, VOCABULARY, exported[0], 30)


@pytest.fixture
def small(monkeypatch):
    """Replaces the preset `small` by one that trains in a second."""
    monkeypatch.setitem(PRESETS, "small", SMALL)


def test_ids_and_words():
    ids = encode("The cat, 好 dog\n", VOCABULARY)
    assert ids.tolist() == [3, 8, 5, 11, UNKNOWN, 2]
    assert decode(ids, VOCABULARY) == "the cat,好<unk>\n"
    assert decode(ids[:2], VOCABULARY, "so") == " the cat"


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0},
        {"temperature": 1.0, "seed": 5},
        {"temperature": 0.7, "top_k": 4, "top_p": 0.8, "seed": -3},
    ],
)
def test_the_export_writes_what_the_model_writes_to_the_letter(author, loaded, options):
    rng = random.Random(2)
    prompts = [
        "",
        "The",
        "好的😀é",
        "unknown words",
        "\n\n",
        "cat (" * 30,
        "a ",
        "Sat,",
    ]
    while len(prompts) < 64:
        words = rng.choices([*WORDS[1:], "xyz", "\n"], k=rng.randrange(20))
        prompts.append(" ".join(words))
    expected = author.write(prompts, **options)
    written = ask(loaded, prompts, 30, **options)
    assert written == expected
    assert len(set(written)) > (30 if options["temperature"] else 8)
    assert {len(tokenize(text)) for text in written} == {30}
    assert "<unk>" not in "".join(written)
    # A single row, and rows of different lengths.
    options["seed"] = options.get("seed", 0) + 40
    assert ask(loaded, prompts[40:41], 30, **options) == expected[40:41]
    lengths = [7, 0, 30]
    for text, whole, n in zip(
        ask(loaded, prompts[40:43], lengths, **options),
        expected[40:43],
        lengths,
        strict=True,
    ):
        assert tokenize(text) == tokenize(whole)[:n]


def test_what_is_written_piece_by_piece_goes_on(exported, loaded):
    """As in `kit.try_run`, each prompt is the whole text so far."""
    whole = ask(loaded, ["the cat"], 40, temperature=0)[0]
    text = "the cat"
    for _ in range(8):
        text += ask(loaded, [text], 5, temperature=0)[0]
    assert text == "the cat" + whole
    assert tokenize(text) == ["the", "cat", *tokenize(whole)]


def test_no_prompt_no_length_no_rows(loaded):
    assert ask(loaded, ["a", ""], 0) == ["", ""]
    assert ask(loaded, ["a"], -5) == [""]
    assert ask(loaded, [], 9) == []


@pytest.mark.usefixtures("without_xla")
def test_the_seed_the_settings_and_stop_words_decide(exported):
    author = Author(write, VOCABULARY, exported[0], 60)
    first, again = (author.write(["the"] * 8, seed=7) for _ in range(2))
    assert first == again
    assert len(set(first)) == 8
    greedy = author.write(["the"] * 2, temperature=0)
    assert greedy[0] == greedy[1] == author.write(["the"], top_k=1, seed=3)[0]
    words = {word for text in first for word in tokenize(text)}
    stopped = Author(
        write, VOCABULARY, exported[0], 60, stop_words=["The", "cat", "dog"]
    )
    left = {w for t in stopped.write(["the"] * 8, seed=7) for w in tokenize(t)}
    assert {"the", "cat"} <= words
    assert not {"the", "cat", "<unk>"} & left


def test_a_negative_temperature_is_an_error(loaded):
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError, match="temperature"):
        ask(loaded, ["a"], 5, temperature=-1.0)


def read(model, ids, training=False):
    """Logits `[batch, time, vocab]` in float64."""
    ids = keras.ops.convert_to_tensor(ids, "int32")
    logits, *_ = model([ids, *first_states(model, len(ids))], training=training)
    return np.array(logits, "float64")


def nats_per_word(model, text, vocabulary=VOCABULARY):
    """Returns the mean of -log p(next word), computed in NumPy."""
    ids = encode_prompt(text, vocabulary).astype("int32")[None]
    if ids.shape[1] == 1:
        return 0.0
    logits = read(model, ids[:, :-1])[0]
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -logs[np.arange(len(logs)), ids[0, 1:]].mean()


@pytest.mark.parametrize("few", [0, 100_000])
@pytest.mark.parametrize("preset", ["small", "tied"])
def test_of_few_words_more_is_dropped(word_lm, tmp_path, monkeypatch, few, preset):
    rates = []

    def build(config, vocabulary, batch=None, **dropped):
        if batch:
            preset = dataclasses.replace(PRESETS[config.preset], **dropped)
            rates.append((preset.inputs, preset.outputs))
            raise UserError("seen")
        return build_model(config, vocabulary)

    recipe = importlib.import_module("recipes.word_lm")
    monkeypatch.setattr(recipe, "FEW", few)
    monkeypatch.setattr(recipe, "build_model", build)
    (tmp_path / "mine.txt").write_text("one two three four five six\n" * 400)
    assert word_lm("--data", "mine.txt", "--preset", preset)[0] == 2
    usual = PRESETS[preset]
    more = preset == "small" and few
    assert rates == [(0.3, 0.5) if more else (usual.inputs, usual.outputs)]


@pytest.mark.usefixtures("without_xla")
def test_export_in_a_fresh_process_without_the_project(exported, tmp_path):
    model, folder = exported
    prompts = ["", "The cat (sat)", "好的", "unknown words", "on a mat!\n" * 70]
    texts, scores = ask_elsewhere(folder, prompts, tmp_path)
    author = Author(write, VOCABULARY, model, 25)
    assert texts == author.write(prompts, temperature=0.8, top_k=9, top_p=0.95)
    expected = [nats_per_word(model, text) for text in prompts]
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 128, 200])
def test_score_is_the_equation_for_texts_of_any_length(exported, loaded, length):
    """The export reads 64 words at a time and carries its states on."""
    words = ["the", "cat", "sat", "on", "a", "mat", "z", ".", ","]
    text = " ".join(random.Random(length).choices(words, k=length))
    assert len(tokenize(text)) == length
    expected = nats_per_word(exported[0], text)
    assert score(loaded, text) == pytest.approx(expected, abs=1e-4)


@pytest.mark.usefixtures("without_xla")
def test_export_by_saved_model_cli(exported, tmp_path):
    model, folder = exported
    prompts = ["the", ""]
    written = ask_by_saved_model_cli(folder, prompts, tmp_path)
    assert written == Author(write, VOCABULARY, model, 9).write(prompts, temperature=0)


@pytest.mark.usefixtures("without_xla")
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("layers", [1, 3])
def test_writing_step_by_step_equals_reading(layers, tied):
    """With temperature 0, each word is the most probable next one."""
    model = random_model(dataclasses.replace(SMALL, layers=layers, tied=tied))
    prompt = "the cat 好"
    written = Author(write, VOCABULARY, model, 12).write([prompt], temperature=0)[0]
    ids = encode_prompt(prompt + written, VOCABULARY).astype("int32")[None]
    logits = read(model, ids)[0, :, 2:]
    best = 2 + logits.argmax(axis=-1)[3:-1]
    assert decode(best, VOCABULARY, prompt) == written


def test_nats_over_every_word(monkeypatch):
    monkeypatch.setattr(likelihood, "READ", 110)  # shorter than the text
    model = random_model()
    text = " ".join(random.Random(0).choices([*WORDS[1:], "z"], k=290))
    ids = encode_prompt(text, VOCABULARY)
    assert nats_of(model, ids) == pytest.approx(nats_per_word(model, text), abs=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        name
        if name == "awd"  # it has every part
        else pytest.param(name, marks=pytest.mark.exhaustive)
        for name in PRESETS
    ],
)
def test_each_preset_learns_what_follows(tmp_path, monkeypatch, name):
    """With small sizes, on a text in which each word determines the next."""
    change = {"vector": 32, "units": 40, "batch": 4, "window": 10}
    change |= {"learning_rate": 0.02}
    if PRESETS[name].average:
        change |= {"average": 0.9}
    monkeypatch.setitem(PRESETS, name, dataclasses.replace(PRESETS[name], **change))
    (tmp_path / "mine.txt").write_text("The cat sat on a mat, 3.14 times!\n" * 1200)
    run = run_in(tmp_path, str(tmp_path / "mine.txt"))
    config = Config(preset=name, epochs=4)
    data, vocabulary = load_data(config, run)
    model = build_model(config, vocabulary)
    assert train(config, run, model, vocabulary, data)["epochs"] == 4
    assert nats_of(model, data["test"]) < 0.5


def test_training_begins_at_the_words_frequencies(tmp_path, monkeypatch):
    """Before any learning, the probability of a word is its frequency."""
    words = random.Random(0).choices(["the ", "cat ", "sat "], [90, 9, 1], k=9000)
    (tmp_path / "mine.txt").write_text("".join(words) + "\n")
    run = run_in(tmp_path, str(tmp_path / "mine.txt"))
    slow = dataclasses.replace(SMALL, learning_rate=1e-9)
    monkeypatch.setitem(PRESETS, "small", slow)
    config = Config(epochs=1)
    parts, vocabulary = load_data(config, run)
    model = build_model(config, vocabulary)
    train(config, run, model, vocabulary, parts)
    logits = read(model, parts["test"][None, :50].astype("int32"))
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = [(parts["train"] == index).mean() for index in range(p.shape[-1])]
    np.testing.assert_allclose(p.mean(axis=(0, 1)), expected, atol=0.1)


def test_presets_differ_in_what_they_drop():
    """Every dropout rate changes the model in training, and only there."""
    ids = np.random.default_rng(0).integers(2, 20, [4, 8]).astype("int32")
    shares = ["words", "inputs", "between", "outputs", "recurrent_weights"]
    for share in shares:
        for variational in (False, True):
            preset = dataclasses.replace(SMALL, **{share: 0.5}, variational=variational)
            keras.utils.set_random_seed(1)
            model = model_of(preset)
            plain, again, trained = (
                read(model, ids, training) for training in (False, False, True)
            )
            np.testing.assert_array_equal(plain, again)
            assert np.abs(plain - trained).max() > 1e-4, share
    vocabulary = VOCABULARY | {"words": [str(number) for number in range(98)]}
    tied = model_of(SMALL, vocabulary).count_params()
    apart = dataclasses.replace(SMALL, tied=False)
    untied = model_of(apart, vocabulary).count_params()
    assert untied - tied == 100 * SMALL.vector


def test_a_chinese_file_from_start_to_answer(word_lm, small, tmp_path, request):
    rng = random.Random(3)
    words = ["今天", "天气", "很好", "我们", "去看", "电影", "，", "。\n", "不错"]
    (tmp_path / "小说.txt").write_text("".join(rng.choices(words, k=12_000)))
    options = ["--prompt", "今天", "--stop-words", "电", "--epochs", 4]
    status, out, _ = word_lm("--data", "小说.txt", *options)
    assert status == 0
    run = Path("runs/word_lm/latest")
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
    # Here each word is a single character.
    assert metrics["test_bits_per_char"] == pytest.approx(
        metrics["test_nats_per_token"] / np.log(2), rel=0.01
    )
    assert metrics["unknown_share"] == 0
    assert 0 <= metrics["copied_share"] <= 1
    for name in ("report.html", "samples.txt", "history.csv", "model.keras"):
        assert (run / name).stat().st_size > 0
    assert (run / "samples.txt").read_text().startswith("今天")
    assert "电" not in (run / "samples.txt").read_text()
    for word in ("tensorflow", "CPU", "XLA"):
        assert word in out.splitlines()[0]
    assert answer_to_its_request(run)["text"].shape == (1,)
    # `load` gives the model that wrote the samples.
    text = write(*load(run), ["今天"], stop_words=["电"], temperature=0.8)[0]
    assert (run / "samples.txt").read_text().startswith(f"今天{text}\n")

    # --load: the same figures without training, on the same data.
    request.getfixturevalue("unexported")
    assert word_lm("--load", run, "--run-dir", "again")[0] == 0
    again = json.loads(Path("again/metrics.json").read_text())
    for name in ("test_nats_per_token", "validation_nats_per_token"):
        assert again[name] == pytest.approx(metrics[name], abs=1e-6)
    assert "train_seconds" not in again

    # Another text, in which all words except line ends are unknown.
    (tmp_path / "other.txt").write_text("not a word of it\n" * 50)
    options = ["--test-data", "other.txt", "--run-dir", "other"]
    assert word_lm("--load", run, *options)[0] == 0
    other = json.loads(Path("other/metrics.json").read_text())
    assert other["unknown_share"] == pytest.approx(5 / 6)
    name = "validation_nats_per_token"
    assert other[name] == pytest.approx(metrics[name], abs=1e-6)


def test_a_folder_as_mikolov_has_it(tmp_path, capsys):
    """Words are kept as they are; line ends are words; `<unk>` is the unknown word."""
    rng = random.Random(1)
    words = ["mr.", "<unk>", "N", "n't", "u.s.", "the", "of", "Of", "said"]
    sizes = {"train": 900, "valid": 60, "test": 80}
    for name, lines in sizes.items():
        text = [" ".join(["", *rng.choices(words, k=9), "\n"]) for _ in range(lines)]
        (tmp_path / f"ptb.{name}.txt").write_text("".join(text))
    parts, vocabulary = load_data(Config(), run_in(tmp_path, str(tmp_path)))
    assert "<unk> stands in the text" in capsys.readouterr().out
    assert vocabulary["cut"]
    assert sorted(vocabulary["words"]) == sorted({*words, "<eos>"} - {"<unk>"})
    assert np.mean(parts["test"] == UNKNOWN) == pytest.approx(0.1, abs=0.03)
    assert parts.pop("test_characters") == (tmp_path / "ptb.test.txt").stat().st_size
    lengths = {name: len(ids) for name, ids in parts.items()}
    assert lengths == {"train": 9000, "validation": 600, "test": 800}


def test_rare_words_become_unknown_and_that_is_said(tmp_path, capsys):
    text = "".join(random.Random(0).choices(["a ", "b ", "c ", "d ", "e\n"], k=20_000))
    (tmp_path / "mine.txt").write_text(text + "once")
    run = run_in(tmp_path, str(tmp_path / "mine.txt"))
    parts, vocabulary = load_data(Config(max_vocab=4), run)
    out = capsys.readouterr().out
    assert "6 distinct words" in out and "leave 4" in out
    assert len(vocabulary["words"]) == 4
    assert np.mean(parts["test"] == UNKNOWN) == pytest.approx(0.33, abs=0.05)


def test_jax_trains_without_tensorflow_and_both_write_the_same(tmp_path):
    words = ["the ", "cat ", "sat ", "on (a) ", "mat.\n"]
    (tmp_path / "mine.txt").write_text("".join(random.Random(0).choices(words, k=9000)))
    out = python_on_jax(
        tmp_path,
        *["-c", WITHOUT_TENSORFLOW, "word_lm", "--data", "mine.txt", "--prompt", "the"],
    )
    assert "No SavedModel: TensorFlow is not installed here" in out
    folder = tmp_path / "runs/word_lm/smoke"
    load = ["-m", "recipes.word_lm", "--load", "runs/word_lm/smoke"]
    load += ["--run-dir", "tensorflow"]
    python_on_jax(tmp_path, *load, KERAS_BACKEND="tensorflow")
    assert (tmp_path / "tensorflow/saved_model/1/saved_model.pb").exists()
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
from recipes.word_lm import Config, build_model, export, load, tokenize, write
vocabulary = {{"words": ["<eos>", "a", "b"], "cut": False, "distinct": 3}}
model = build_model(Config(), vocabulary)
(text,) = write(model, vocabulary, ["a"], length=9)
assert len(tokenize(text)) == 9
export(model, vocabulary, "saved_model")
model.save("model.keras")
Path("vocabulary.json").write_text(json.dumps(vocabulary))
assert write(*load("."), ["a"], length=9) == [text]
"""


def test_model_writes_exports_and_loads_without_kit_and_data(tmp_path):
    child = python("-c", HIDDEN, folder=tmp_path, PYTHONPATH=str(ROOT))
    assert child.returncode == 0, child.stderr
    assert (tmp_path / "saved_model/saved_model.pb").exists()


@pytest.mark.parametrize(
    ("content", "expected_words"),
    [
        (b"", ["mine.txt", "text in every part"]),
        (b"the cat sat\n" * 30, ["too short", "rows of"]),
        (b"a " * 50_000, ["mine.txt", "two distinct words"]),
        (b"a cat\n" * 9000 + b"\xff\xfe" + b"a cat\n" * 9000, ["mine.txt", "UTF-8"]),
    ],
)
def test_bad_texts_end_in_one_line(word_lm, tmp_path, content, expected_words):
    (tmp_path / "mine.txt").write_bytes(content)
    status, _, errors = word_lm("--data", "mine.txt")
    assert status == 2
    assert len(errors.strip().splitlines()) == 1, errors
    for word in ("error:", *expected_words):
        assert word in errors
    assert not list(Path("runs/word_lm").iterdir())


def test_a_vocabulary_too_large_is_an_error(word_lm, tmp_path):
    (tmp_path / "mine.txt").write_text("the cat sat\n" * 900)
    status, _, errors = word_lm("--data", "mine.txt", "--max-vocab", 70_000)
    assert status == 2
    assert "error: --max-vocab must be at most 65000, found 70000" in errors
