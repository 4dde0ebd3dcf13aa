"""The sentiment recipe: training, export and dependencies."""

import functools
import json
import random
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recipes.sentiment import (
    Config,
    Split,
    build_model,
    classify,
    encode,
    export,
    initial_scores,
    pair_id,
)
from tests.exports import answer_to_its_request
from tests.processes import (
    WITHOUT_KIT,
    WITHOUT_TENSORFLOW,
    python,
    python_on_jax,
    saved_model_cli,
)
from tokens.plain_words import tokenize

ROOT = Path(__file__).parent.parent
WORDS = tokenize("not bad at all good film dull don't ! ? 好看的电影 ไทย ÉTÉ σας")
LABELS = ["bad", "good", "mixed"]
MAX_TOKENS = 30
VOCABULARY = {
    "words": sorted(set(WORDS)),
    "labels": LABELS,
    "max_tokens": MAX_TOKENS,
}

# Starting a process takes seconds, so few tests do it, and each checks much.


def any_texts(count):
    """Returns texts of random Unicode, of known words, and empty and huge ones."""
    rng = random.Random(7)

    def character():
        code = rng.choice([0x80, 0x600, 0x3000, 0xD800, 0x110000])
        while True:
            point = rng.randrange(code)
            if not 0xD800 <= point < 0xE000:
                return chr(point)

    texts = ["", " ", "!", "''", "don't", "a" * 100_000, "not bad " * 12_500]
    while len(texts) < count:
        size = rng.choice([1, 5, 40, 200])
        if rng.random() < 0.5:
            texts.append("".join(character() for _ in range(size)))
        else:
            texts.append(" ".join(rng.choices(WORDS, k=size)))
    return texts


def vocabulary(words, classes):
    """Returns a vocabulary of `words` made-up words and `classes` labels."""
    names = [f"word{number}" for number in range(words)]
    return {"words": names, "labels": LABELS[:classes], "max_tokens": MAX_TOKENS}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model with random weights, and its SavedModel."""
    folder = tmp_path_factory.mktemp("export") / "saved_model"
    keras.utils.set_random_seed(1)
    model = build_model(Config(units=8), VOCABULARY)
    # Random biases too: fresh ones are zero and would hide a missing one.
    random_numbers = np.random.default_rng(1)
    model.set_weights(
        [w + 0.3 * random_numbers.normal(size=w.shape) for w in model.get_weights()]
    )
    export(model, VOCABULARY, folder)
    return model, folder


@pytest.fixture(scope="module")
def loaded(exported):
    import tensorflow as tf

    return tf.saved_model.load(str(exported[1]))


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_words_are_the_same_in_python_and_in_the_export(loaded, text):
    answer = loaded.signatures["word_by_word"](text=_string(text))
    words = [word.decode() for word in answer["words"].numpy()]
    assert words == tokenize(text)[:MAX_TOKENS]


def _string(text):
    import tensorflow as tf

    return tf.constant(text.encode())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't miss it!", ["don't", "miss", "it", "!"]),
        ("It’s the ‘best’ -- really...", ["it's", "the", "best", "really"]),
        ("这部电影不好看。", list("这部电影不好看")),
        ("État_ŒUVRE ПРИВЕТ ΟΔΟΣ", ["état", "œuvre", "привет", "οδοσ"]),
        ("10/10, A+", ["10", "10", "a"]),
        (" \n\t\0 ", []),
        ("''' '", []),
    ],
)
def test_tokenize(text, words):
    assert tokenize(text) == words


def test_long_texts_keep_both_ends():
    ids = encode([" ".join(WORDS[:7]), "not bad " * 9], ["not", "bad"], 5)
    assert ids[0].tolist() == [2, 3, 1, 1, 1]
    words = [f"w{n}" for n in range(9)]
    assert encode([" ".join(words)], words, 5)[0].tolist() == [2, 3, 8, 9, 10]


def test_padding_and_other_rows_change_nothing(exported):
    model, _ = exported
    texts = ["not bad at all", "dull", "good film ! " * 9, ""]
    together = classify(model, VOCABULARY, texts)
    for text, row in zip(texts, together, strict=True):
        alone = classify(model, VOCABULARY, [text])[0]
        np.testing.assert_allclose(alone, row, atol=1e-6)
    assert np.ptp(together, axis=0).max() > 0.01  # texts do make a difference


ASK = """
import json, sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
texts = json.load(open(sys.argv[2]))
serve = model.signatures["serving_default"]
parts = [serve(text=tf.constant(texts[n : n + 100])) for n in range(0, len(texts), 100)]
labels = [name.decode() for part in parts for name in part["label"].numpy()]
names = [n.decode() for n in model.signatures["labels"]()["labels"].numpy()]
np.save(sys.argv[3], np.concatenate([part["probabilities"] for part in parts]))
assert not {"custom_layers", "data", "kit", "recipes"} & set(sys.modules)
print(json.dumps([names, labels]))
"""


def test_export_in_a_fresh_process_without_the_project(exported, tmp_path):
    model, folder = exported
    texts = any_texts(1000)
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    away = shutil.copytree(folder, tmp_path / "elsewhere")
    command = ["-c", ASK, away, "texts.json", "probabilities.npy"]
    child = python(*command, folder=tmp_path)
    assert child.returncode == 0, child.stderr
    names, labels = json.loads(child.stdout.splitlines()[-1])
    expected = classify(model, VOCABULARY, texts)
    probabilities = np.load(tmp_path / "probabilities.npy")
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert names == LABELS
    assert labels == [LABELS[n] for n in probabilities.argmax(axis=-1)]


def test_export_by_saved_model_cli(exported, tmp_path):
    model, folder = exported
    written = "text=[b'not bad at all', b'dull']"
    saved_model_cli(folder, ["--input_exprs", written], tmp_path)
    expected = classify(model, VOCABULARY, ["not bad at all", "dull"])
    probabilities = np.load(tmp_path / "probabilities.npy")
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_probabilities_after_each_word(exported, loaded):
    model, _ = exported
    text = "not bad at all, don't 好"
    answer = loaded.signatures["word_by_word"](text=_string(text))
    seen = tokenize(text)
    beginnings = [" ".join(seen[: n + 1]) for n in range(len(seen))]
    expected = classify(model, VOCABULARY, beginnings)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
    assert loaded.signatures["word_by_word"](text=_string(""))["words"].shape == (0,)


def test_scores_begin_as_naive_bayes():
    """Half of the log-ratio of smoothed counts; no pair spans two texts."""
    texts = [[2, 3], [2, 4, 2], [5, 1, 3]]
    ids = [np.array(row, "int32") for row in texts]
    scores = initial_scores(Split([], ids, np.array([0, 1, 1])), words=4, classes=2)
    totals = np.log([3, 7])  # number of words and pairs in each class
    ratio = np.log([2, 3]) - totals  # word 2 occurs once and twice, plus 1
    np.testing.assert_allclose(scores[2], 0.5 * (ratio - ratio.mean()), rtol=1e-5)
    pair = pair_id(2, 3, 4)
    ratio = np.log([2, 1]) - totals
    np.testing.assert_allclose(scores[pair], 0.5 * (ratio - ratio.mean()), rtol=1e-5)
    assert not scores[:2].any()  # padding and unknown words score zero
    unseen = [pair_id(*pair, 4) for pair in ((3, 2), (2, 5), (5, 3), (5, 1))]
    assert not scores[unseen].any()


def test_scores_of_words_and_pairs_reach_the_answer():
    """They alone decide if all other weights are zero."""
    model = build_model(Config(units=4), vocabulary(words=4, classes=2))
    model.set_weights([np.zeros(weight.shape) for weight in model.get_weights()])
    layer = model.get_layer("scores")
    scores = np.zeros(layer.get_weights()[0].shape)
    scores[2], scores[pair_id(2, 3, 4)] = (1.0, 0.0), (0.0, 4.0)
    layer.set_weights([scores])
    ids = np.array([[2, 4, 0, 0], [2, 3, 0, 0], [3, 2, 0, 0], [2, 1, 3, 0]], "int32")
    odds = np.diff(np.log(model.predict_on_batch(ids)), axis=1)[:, 0]
    root = np.sqrt([2, 2, 2, 3])
    np.testing.assert_allclose(odds, [-1, 3, -1, -1] / root, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])
def test_each_cell_learns_the_order_of_words(cell):
    """Only the order of two words determines the class."""
    keras.utils.set_random_seed(0)
    model = build_model(Config(cell=cell, units=8), vocabulary(words=8, classes=2))
    random_numbers = np.random.default_rng(0)
    ids = random_numbers.integers(4, 10, (400, 6))
    first, second = np.sort(
        np.stack([random_numbers.permutation(6)[:2] for _ in range(400)]), axis=1
    ).T
    labels = random_numbers.integers(0, 2, 400)
    rows = np.arange(400)
    ids[rows, first], ids[rows, second] = 2 + labels, 3 - labels
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(ids[:300], labels[:300], epochs=30, batch_size=50, verbose=0)
    answers = model.predict_on_batch(ids[300:]).argmax(axis=-1)
    assert (answers == labels[300:]).mean() > 0.9


CHINESE = {
    "好评": ["很好看", "非常精彩", "不错的电影", "我很喜欢", "值得一看", "一点也不差"],
    "差评": ["很难看", "非常无聊", "糟糕的电影", "我不喜欢", "不值得看", "一点也不好"],
}


def test_a_chinese_file_from_start_to_answer(sentiment, tmp_path, request):
    rng = random.Random(3)
    lines = ["评论\t类别"]
    for _ in range(400):
        label = rng.choice(list(CHINESE))
        filler = [rng.choice(["昨天", "今天", "和朋友", "在电影院", "晚上"])]
        text = "，".join([*filler, *rng.sample(CHINESE[label], 2)])
        lines.append(f"{text}。\t{label}")
    (tmp_path / "影评.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = ["--text-column", "评论", "--label-column", "类别", "--units", "16"]
    status, out, _ = sentiment("--data", "影评.tsv", *options, "--epochs", 6)
    assert status == 0
    run = Path("runs/sentiment/latest")
    metrics = json.loads((run / "metrics.json").read_text())
    parts = json.loads((run / "figures.json").read_text())[1]["matrix"]
    majority = max(sum(row) for row in parts) / sum(map(sum, parts))
    assert metrics["test_accuracy"] >= majority + 0.2
    assert {"test_macro_f1", "test_loss", "baseline_test_accuracy"} <= metrics.keys()
    assert metrics["tokens_per_second"] > 0
    for name in ("report.html", "samples.txt", "history.csv", "model.keras"):
        assert (run / name).stat().st_size > 0
    assert (run / "labels.txt").read_text().split() == ["好评", "差评"]
    assert answer_to_its_request(run)["label"].shape == (1,)
    first_line = out.splitlines()[0]
    for word in ("tensorflow", "CPU", "XLA"):
        assert word in first_line

    # --load: the same figures without training, on the same data.
    request.getfixturevalue("unexported")
    status, _, _ = sentiment("--load", run, "--run-dir", "again")
    assert status == 0
    again = json.loads(Path("again/metrics.json").read_text())
    assert again["test_loss"] == pytest.approx(metrics["test_loss"], abs=1e-6)
    assert "train_seconds" not in again


def test_jax_trains_without_tensorflow_and_tensorflow_exports(tmp_path):
    rows = [("I liked it", "good"), ("I did not like it", "bad")] * 40
    text = "".join(f'"{text} {n}",{label}\n' for n, (text, label) in enumerate(rows))
    (tmp_path / "mine.csv").write_text("text,label\n" + text)
    run = functools.partial(python_on_jax, tmp_path)
    out = run("-c", WITHOUT_TENSORFLOW, "sentiment", "--data", "mine.csv")
    folder = tmp_path / "runs/sentiment/smoke"
    assert "No SavedModel: TensorFlow is not installed here" in out
    assert "--load runs/sentiment/smoke" in out
    before = json.loads((folder / "metrics.json").read_text())
    assert before["test_loss"] > 0
    load = ["-m", "recipes.sentiment", "--load", "runs/sentiment/smoke"]
    run(*load, "--run-dir", "runs/sentiment/smoke", KERAS_BACKEND="tensorflow")
    assert (folder / "saved_model/1/saved_model.pb").exists()
    assert json.loads((folder / "metrics.json").read_text()) == before
    # If TensorFlow is installed next to JAX, the run exports by itself.
    run("-m", "recipes.sentiment", "--load", "runs/sentiment/smoke", "--run-dir", "new")
    assert (tmp_path / "new/saved_model/1/saved_model.pb").exists()


HIDDEN = f"""
{WITHOUT_KIT}
import json
import numpy as np
from pathlib import Path
from recipes.sentiment import Config, build_model, classify, export, load
vocabulary = {{"words": ["not", "bad"], "labels": ["a", "b"], "max_tokens": 20}}
model, texts = build_model(Config(units=4), vocabulary), ["not bad", "bad"]
answers = classify(model, vocabulary, texts)
assert answers.shape == (2, 2)
export(model, vocabulary, "saved_model")
model.save("model.keras")
Path("vocabulary.json").write_text(json.dumps(vocabulary))
np.testing.assert_array_equal(classify(*load("."), texts), answers)
"""


def test_model_answers_export_and_load_need_neither_kit_nor_data(tmp_path):
    child = python("-c", HIDDEN, folder=tmp_path, PYTHONPATH=str(ROOT))
    assert child.returncode == 0, child.stderr
    assert (tmp_path / "saved_model/saved_model.pb").exists()


@pytest.mark.usefixtures("unexported")
def test_vectors_of_a_file_are_where_training_begins(sentiment, tmp_path, monkeypatch):
    """They replace vectors from counts; words that the file lacks get zeros."""
    import recipes.sentiment as recipe

    seen = {}

    def initial_vectors(*arguments):
        seen["words"], seen["first"] = arguments[2], original(*arguments)
        return seen["first"]

    original = recipe.initial_vectors
    monkeypatch.setattr(recipe, "initial_vectors", initial_vectors)
    numbers = np.random.default_rng(0).normal(size=(3, 100)).round(4)
    lines = ["3 100"] + [
        f"{word} {' '.join(map(str, row))}"
        for word, row in zip(["Good", "film", "zzz"], numbers, strict=True)
    ]
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "vectors.txt").write_text("\n".join(lines) + "\n")
    rows = "".join(f"a good film {n},yes\na bad film {n},no\n" for n in range(40))
    (tmp_path / "mine.csv").write_text("text,label\n" + rows)
    status, out, errors = sentiment(
        *("--smoke", "--data", "mine.csv", "--embeddings", "vectors")
    )
    assert status == 0, errors
    assert "vectors has vectors of 2 of " in out
    first = seen["first"][2:]
    place = {word: number for number, word in enumerate(seen["words"])}
    expected = numbers[:2] * 0.3 / numbers[:2].std()
    np.testing.assert_allclose(first[[place["good"], place["film"]]], expected, 1e-4)
    assert not np.delete(first, [place["good"], place["film"]], axis=0).any()
    # Without a file they come from counts, with the same standard deviation.
    assert sentiment("--smoke", "--data", "mine.csv")[0] == 0
    assert seen["first"].std() == pytest.approx(0.3, rel=1e-4)


def test_a_wrong_file_of_vectors_is_one_line(sentiment, tmp_path):
    (tmp_path / "vectors.txt").write_text("2 50\na 1 2\n")
    rows = "".join(f"a good film {n},yes\na bad film {n},no\n" for n in range(40))
    (tmp_path / "mine.csv").write_text("text,label\n" + rows)
    status, _, errors = sentiment(
        *("--smoke", "--data", "mine.csv", "--embeddings", "vectors.txt")
    )
    assert status == 2
    assert len(errors.strip().splitlines()) == 1, errors
    assert "100 numbers per word, found '2 50'" in errors
