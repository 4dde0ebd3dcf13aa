"""The tagging recipe: training, export and dependencies."""

import functools
import itertools
import json
import random
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from custom_layers.crf import CRF
from kit.tagged_batches import UNLABELLED, TaggedBatches
from recipes.tagging import LETTERS, Config, build_model, export, tag
from tests.exports import answer_to_its_request
from tests.processes import (
    ROOT,
    WITHOUT_KIT,
    WITHOUT_TENSORFLOW,
    python,
    python_on_jax,
)
from tokens.cased_words import tokenize

LABELS = ["O", "B-LOC", "B-PER", "I-LOC", "I-PER"]
MAX_TOKENS = 70
VOCABULARY = {
    "words": ["ada", "rome", "lives", "in", "byron", "étui", "好"],
    "letters": sorted("Adaromelivsnby好É"),
    "labels": LABELS,
    "max_tokens": MAX_TOKENS,
}
TEXTS = [
    "Ada Byron lives in Rome.",
    "",
    "好 ÉTUI, don't! http://x.y " + "z" * 50,
    "Rome",
    "in Ada's " * 40,  # longer than MAX_TOKENS
    "in Rome " * 8,  # alone it fills its batch: no padding
]


def random_model(**options):
    """A model with random weights, biases and transitions too."""
    keras.utils.set_random_seed(1)
    model = build_model(Config(units=8, **options), VOCABULARY)
    numbers = np.random.default_rng(1)
    model.set_weights(
        [w + 0.5 * numbers.normal(size=w.shape) for w in model.get_weights()]
    )
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "saved_model"
    model = random_model()
    export(model, VOCABULARY, folder)
    return model, folder


ASK = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
texts, tokens = json.loads(sys.argv[2])
width = max(map(len, tokens))
tokens = [row + [""] * (width - len(row)) for row in tokens]
answers = []
for name, given in {
    "serving_default": {"text": texts}, "tokens": {"tokens": tokens}
}.items():
    signature = model.signatures[name]
    answer = signature(**{key: tf.constant(value) for key, value in given.items()})
    answers.append({key: value.numpy().tolist() for key, value in answer.items()})
labels = model.signatures["labels"]()["labels"].numpy().tolist()
assert not {"custom_layers", "data", "kit", "recipes"} & set(sys.modules)
print(json.dumps([answers, labels], default=lambda x: x.decode()))
"""


def test_export_in_a_fresh_process_without_the_project(exported, tmp_path):
    """Texts, tokens, long sentences and empty ones get the answers of `tag`."""
    model, folder = exported
    away = shutil.copytree(folder, tmp_path / "elsewhere")
    tokens = [tokenize(text) for text in TEXTS]
    child = python("-c", ASK, away, json.dumps([TEXTS, tokens]), folder=tmp_path)
    assert child.returncode == 0, child.stderr
    (by_text, by_token), labels = json.loads(child.stdout.splitlines()[-1])
    assert labels == LABELS
    assert by_text["tokens"][0][:7] == ["Ada", "Byron", "lives", "in", "Rome", ".", ""]
    expected = tag(model, VOCABULARY, TEXTS)
    assert max(map(len, expected)) > MAX_TOKENS
    assert len({label for row in expected for _, label, _ in row}) > 2
    for answer in (by_text, by_token):
        assert answer["length"] == [len(row) for row in tokens]
        for row, tags, shares in zip(
            expected, answer["tags"], answer["probabilities"], strict=True
        ):
            assert tags == [label for _, label, _ in row] + [""] * (
                len(tags) - len(row)
            )
            rest = [0.0] * (len(shares) - len(row))
            np.testing.assert_allclose(shares, [p for *_, p in row] + rest, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"output": "softmax"},
        {"one_direction": True},
        {"reader": "window"},
        {"reader": "attention"},
        {"reader": "both"},
    ],
    ids=str,
)
def test_tags_do_not_depend_on_the_other_sentences(options):
    model = random_model(**options)
    together = tag(model, VOCABULARY, TEXTS)
    for text, row in zip(TEXTS, together, strict=True):
        (alone,) = tag(model, VOCABULARY, [text])
        assert [x[:2] for x in alone] == [x[:2] for x in row]
        shares = [[x[2] for x in each] for each in (alone, row)]
        np.testing.assert_allclose(*shares, atol=1e-5)
    longer, (end,) = tag(model, VOCABULARY, ["Ada lives in Rome", "Ada"])
    if options.get("one_direction"):
        return
    if options != {"output": "softmax"}:
        assert abs(longer[0][2] - end[2]) > 1e-4  # the right side does matter


def test_one_direction_reads_no_later_word():
    model = random_model(one_direction=True, output="softmax")
    whole, half = tag(model, VOCABULARY, ["Ada lives in Rome", "Ada lives"])
    np.testing.assert_allclose(
        [x[2] for x in whole[:2]], [x[2] for x in half], atol=1e-6
    )


def test_the_crf_never_answers_an_entity_without_its_beginning():
    model = random_model()
    numbers = random.Random(0)
    texts = [" ".join(numbers.choices(VOCABULARY["words"], k=30)) for _ in range(40)]
    inside = 0
    for row in tag(model, VOCABULARY, texts):
        tags = ["O", *(label for _, label, _ in row)]
        for before, label in itertools.pairwise(tags):
            if label.startswith("I-"):
                inside += 1
                assert before[2:] == label[2:], (before, label)
    assert inside > 10
    assert isinstance(model.get_layer("crf"), CRF)


def test_batches_hide_rare_words_in_training_and_mark_padding():
    ids = [np.full((n, 1 + LETTERS), 2 + n % 3, "int32") for n in (3, 4, 8)]
    tags = [np.full(n, 1, "int32") for n in (3, 4, 8)]
    tags[1][2] = UNLABELLED
    hidden = np.array([0, 0, 1.0, 0, 0.5])  # id 2 always, 3 never, 4 half the time
    data = TaggedBatches(ids, tags, 2, [8], seed=0, hidden=hidden)
    seen = {}
    for epoch in range(20):
        data.set_epoch(epoch)
        for index in range(len(data)):
            batch, labels, weights = data[index]
            again = data[index]
            np.testing.assert_array_equal(batch, again[0])
            assert labels.shape == (2, 8) == weights.shape
            np.testing.assert_array_equal(weights == 0, labels == UNLABELLED)
            for row in batch:
                length = int((row[:, 0] > 0).sum())
                assert not row[length:].any()
                seen.setdefault(length, []).extend(row[:length, 0])
    assert set(seen[3]) == {1}  # of id 2
    assert set(seen[8]) == {1, 4} and 0.3 < np.mean(np.equal(seen[8], 1)) < 0.7
    assert set(seen[4]) == {3}


NAMES = ("Ann", "Bob", "Eve", "Kim", "Lee", "Max", "Sam", "Tom")


def names_file(path, count=300):
    """Sentences in which the word before a name decides what it is."""
    numbers = random.Random(5)
    lines = []
    for _ in range(count):
        name, other = numbers.sample(NAMES, 2)
        lines += [
            *("Mr O", f"{name} B-PER", f"{other} I-PER", "left O", "for O"),
            *(f"{name}ville B-LOC", ". O", ""),
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_file_from_start_to_answer(tagging, tmp_path, request):
    names_file(tmp_path / "names.conll")
    options = ["--units", 16, "--epochs", 4, "--learning-rate", 1e-2]
    status, _, errors = tagging("--data", "names.conll", *options)
    assert status == 0, errors
    run = Path("runs/tagging/latest")
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test_f1"] > 0.95
    assert {"baseline_test_f1", "frequent_test_f1"} <= metrics.keys()
    assert metrics["frequent_test_f1"] < 0.9
    labels = (run / "labels.txt").read_text().split()
    assert labels == ["O", "B-LOC", "B-PER", "I-PER"]
    answer = answer_to_its_request(run)
    assert answer["tags"].shape == answer["tokens"].shape
    history = (run / "history.csv").read_text().splitlines()
    assert "val_score" in history[0] and len(history) == 5
    kinds = {
        x["name"] for x in json.loads((run / "figures.json").read_text()) if "name" in x
    }
    assert {"tagged", "lengths", "transitions", "sides"} <= kinds

    # --load: the same figures without training, on the same data.
    request.getfixturevalue("unexported")
    status, _, errors = tagging("--load", run, "--run-dir", "again")
    assert status == 0, errors
    again = json.loads(Path("again/metrics.json").read_text())
    assert again["test_f1"] == metrics["test_f1"]


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize(
    "options",
    [["--output", "softmax"], ["--reader", "window"], ["--reader", "both"]],
    ids=" ".join,
)
def test_each_network_trains(tagging, tmp_path, options):
    names_file(tmp_path / "names.conll", 200)
    options = [*options, "--units", 16, "--epochs", 4, "--learning-rate", 1e-2]
    status, _, errors = tagging("--data", "names.conll", *options)
    assert status == 0, errors
    metrics = json.loads(Path("runs/tagging/latest/metrics.json").read_text())
    assert metrics["test_f1"] > 0.8


@pytest.mark.usefixtures("unexported")
def test_tokens_without_a_label_and_long_sentences(tagging, tmp_path):
    lines = []
    numbers = random.Random(1)
    for _ in range(150):
        dog = numbers.choice(["dog", "dogs"])
        here = [f"{numbers.choice(['here', 'there', 'now'])} _"] * numbers.randint(0, 9)
        lines += ["The _", f"{dog} _", f"___ {'are' if dog[3:] else 'is'}", *here, ""]
    lines += ["far _"] * 900 + ["___ is", ""]
    (tmp_path / "blanks.conll").write_text("\n".join(lines))
    options = ["--units", 8, "--epochs", 6, "--learning-rate", 1e-2]
    status, _, errors = tagging("--data", "blanks.conll", *options)
    assert status == 0, errors
    metrics = json.loads(Path("runs/tagging/latest/metrics.json").read_text())
    assert metrics["test_accuracy"] > 0.9
    assert metrics["baseline_test_accuracy"] > 0.9 > metrics["frequent_test_accuracy"]


def test_jax_trains_without_tensorflow_and_tensorflow_exports(tmp_path):
    names_file(tmp_path / "names.conll", 60)
    run = functools.partial(python_on_jax, tmp_path)
    out = run("-c", WITHOUT_TENSORFLOW, "tagging", "--data", "names.conll")
    folder = tmp_path / "runs/tagging/smoke"
    assert "No SavedModel: TensorFlow is not installed here" in out
    before = json.loads((folder / "metrics.json").read_text())
    load = ["-m", "recipes.tagging", "--load", "runs/tagging/smoke"]
    run(*load, "--run-dir", "runs/tagging/smoke", KERAS_BACKEND="tensorflow")
    assert (folder / "saved_model/1/saved_model.pb").exists()
    assert json.loads((folder / "metrics.json").read_text()) == before


HIDDEN = f"""
{WITHOUT_KIT}
import json
from pathlib import Path
from recipes.tagging import Config, build_model, export, load, tag
vocabulary = {{"words": ["ada"], "letters": ["A"], "labels": ["O", "B-X", "I-X"],
    "max_tokens": 70}}
model, texts = build_model(Config(units=4), vocabulary), ["Ada lives", ["Ada", "x"]]
answers = tag(model, vocabulary, texts)
assert [len(row) for row in answers] == [2, 2]
export(model, vocabulary, "saved_model")
model.save("model.keras")
Path("vocabulary.json").write_text(json.dumps(vocabulary))
assert tag(*load("."), texts) == answers
"""


def test_model_answers_export_and_load_need_neither_kit_nor_data(tmp_path):
    child = python("-c", HIDDEN, folder=tmp_path, PYTHONPATH=str(ROOT))
    assert child.returncode == 0, child.stderr
    assert (tmp_path / "saved_model/saved_model.pb").exists()


SENTENCES = "".join(f"Ann{n} B-PER\nruns O\n\n" for n in range(30))


@pytest.mark.parametrize(
    ("content", "arguments", "naming"),
    [
        (SENTENCES.replace("B-PER", "O"), [], "two tags or more"),
        (SENTENCES, ["--tag-column", "4"], "column"),
        ("text,label\ngood,yes\nbad,no\n", [], "expected"),
        ("# only\n# comments\n", [], "mine.conll"),
        ("Ann B-PER\nruns O\n", [], "10 different sentences"),
        (SENTENCES, ["--embeddings", "nowhere.txt"], "nowhere.txt"),
        (SENTENCES, ["--rare", "-1"], "--rare must be above 0"),
        (SENTENCES, ["--reader", "gru"], "gru"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tagging, tmp_path, content, arguments, naming
):
    (tmp_path / "mine.conll").write_text(content)
    status, _, errors = tagging("--data", "mine.conll", "--smoke", *arguments)
    assert status == 2
    assert errors.startswith("error: ") and errors.count("\n") == 1, errors
    assert naming in errors, errors
    assert not list(Path("runs").rglob("*.*"))
