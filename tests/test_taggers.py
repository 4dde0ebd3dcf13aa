"""Metrics, simpler models and figures of taggers."""

from random import Random

import numpy as np
import pytest

from data.tagged import Sentence
from tasks import taggers

LABELS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def sentence(text, tags):
    return Sentence(text.split(), tags.split())


TRAINING = [
    sentence("Ada Byron lives in Rome .", "B-PER I-PER O O B-LOC O"),
    sentence("Rome is old .", "B-LOC O O O"),
    sentence("Will Smith will go", "B-PER I-PER O O"),
]


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("B-X I-X O B-X", {(0, 2, "X"), (3, 4, "X")}),
        ("B-X B-X I-X", {(0, 1, "X"), (1, 3, "X")}),
        ("I-X I-X O", set()),
        ("B-X I-Y I-X", {(0, 1, "X")}),
        ("B-a-b I-a-b", {(0, 2, "a-b")}),
        ("", set()),
    ],
)
def test_spans(tags, found):
    assert taggers.spans(tags.split()) == found


def test_f1_is_that_of_seqeval():
    metrics = pytest.importorskip("seqeval.metrics", reason="seqeval: pip install it")
    from seqeval.scheme import IOB2

    random = Random(0)
    true, given = (
        [random.choices(LABELS, k=random.randint(1, 9)) for _ in range(200)]
        for _ in range(2)
    )
    given = [row[: len(other)] for row, other in zip(given, true, strict=True)]
    given = [[*r, *"O" * (len(t) - len(r))] for r, t in zip(given, true, strict=True)]
    given = [
        g if random.random() < 0.5 else t for g, t in zip(given, true, strict=True)
    ]
    parts = [Sentence(["x"] * len(row), row) for row in true]
    ours = taggers.Scores(parts, given, set(), LABELS).value
    theirs = metrics.f1_score(true, given, mode="strict", scheme=IOB2)
    assert ours == pytest.approx(theirs) and 0.3 < ours < 0.9


def test_entities_are_counted_whole_and_unseen_ones_apart():
    test = [
        sentence("Ada Byron saw Paris", "B-PER I-PER O B-LOC"),
        sentence("Bo Li saw Rome", "B-PER I-PER O B-LOC"),
    ]
    given = [
        ["B-PER", "I-PER", "O", "B-LOC"],  # all right; Paris is unseen
        ["B-PER", "O", "O", "B-LOC"],  # `Bo` is not `Bo Li`: both unseen
    ]
    known = taggers.known_texts(TRAINING, LABELS)
    scores = taggers.Scores(test, given, known, LABELS)
    assert scores.metrics() == {"f1": 3 / 4, "unseen_f1": 2 / 4}
    per = scores.table().splitlines()[-1].split()
    assert per == ["PER", "0.500", "0.500", "0.500", "2"]
    (bar,) = scores.lengths_figure()["items"]
    assert bar["name"] == "up to 5 tokens" and bar["share"] == 3 / 4


def test_tokens_without_a_label_do_not_count():
    training = [sentence("a dog runs", "DET NOUN VERB")]
    test = [sentence("a cat runs ___", "DET NOUN VERB _")]
    given = [["DET", "VERB", "VERB", "NOUN"]]
    labels = ["DET", "NOUN", "VERB"]
    known = taggers.known_texts(training, labels)
    scores = taggers.Scores(test, given, known, labels)
    assert scores.metrics() == {
        "accuracy": pytest.approx(2 / 3),
        "unseen_accuracy": 0.0,
    }
    figure = taggers.confusion_figure(test, given, ["DET", "NOUN", "VERB"])
    assert np.sum(figure["matrix"]) == 3


def test_most_frequent_tags():
    tags = taggers.most_frequent_tags(TRAINING, [sentence("Rome will fly", "O O O")])
    assert tags == [["B-LOC", "O", "O"]]


def test_crfsuite_learns_from_context(tmp_path):
    random = Random(1)

    def example():
        name = "".join(random.choices("abcdefgh", k=5))
        frames = [("go to {} now", "O O B-LOC O"), ("mister {} sings", "O B-PER O")]
        text, tags = random.choice(frames)
        return sentence(text.format(name), tags)

    parts = {name: [example() for _ in range(60)] for name in ("train", "test")}
    metrics = taggers.simpler_models(parts, LABELS, tmp_path)
    assert metrics["baseline_test_f1"] == 1.0
    assert metrics["frequent_test_f1"] < 0.8
    assert not list(tmp_path.iterdir())


def test_features_of_a_word():
    rows = taggers.features(["He", "saw", "McDonald's"])
    assert {"w=saw", "-1w=he", "1w=mcdonald's", "s2=aw", "2none"} <= {*rows[1]}
    assert "shape=XxXx'x" in rows[2] and "shape=XxXx'x" not in rows[1]


def test_samples_show_right_ones_and_wrong_ones():
    given = [list(s.tags) for s in TRAINING]
    given[2] = ["O", "B-PER", "O", "O"]
    assert taggers.samples(TRAINING, given, LABELS) == [
        "right  [PER Ada Byron] lives in [LOC Rome] .",
        "right  [LOC Rome] is old .",
        "WRONG  Will [PER Smith] will go   (is: [PER Will Smith] will go)",
    ]
    words = [sentence("dogs bark", "NOUN VERB")]
    lines = taggers.samples(words, [["NOUN", "NOUN"]], ["NOUN", "VERB"])
    assert lines == ["WRONG  dogs/NOUN bark/NOUN   (is: dogs/NOUN bark/VERB)"]
