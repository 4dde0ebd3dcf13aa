"""The generated reviews: reproducible, balanced, and too hard for word counts."""

import csv
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from data import reviews, reviews_grammar

ROOT = Path(__file__).parent.parent
PARTS = ("train", "validation", "test", "test_novel")
BY_HAND = ("test_handwritten", "test_everyday", "test_everyday_tuned")
FEW_WORDS = ("short", "nothing")  # kinds with informal capitals and punctuation


@pytest.fixture(scope="module")
def parts():
    return reviews.generate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Parts written by another process with another hash seed."""
    folder = tmp_path_factory.mktemp("reviews")
    code = """
import pathlib, sys
from data import reviews
reviews.write(pathlib.Path(sys.argv[1]))
"""
    command = [sys.executable, "-c", code, folder]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return folder


def rows_of(folder, part):
    with (folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def test_files_are_the_same_in_another_process(folder, parts):
    names = {f"{part}.csv" for part in (*PARTS, *BY_HAND, "test_everyday_short")}
    assert {path.name for path in folder.iterdir()} == names
    for part in PARTS:
        expected = [(review.text, review.label) for review in parts[part]]
        assert rows_of(folder, part) == expected
        assert len(expected) == reviews.SIZES[part]


def test_another_seed_gives_other_reviews(parts, monkeypatch):
    monkeypatch.setattr(reviews, "SIZES", {"train": 100})
    same, other = (reviews.generate(seed)["train"] for seed in (reviews.SEED, 1))
    assert same != other and same == reviews.generate()["train"]


def test_version_changes_with_the_sources(tmp_path, monkeypatch):
    for source in (ROOT / "data").glob("reviews*"):
        if source.is_file():
            (tmp_path / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(reviews, "__file__", str(tmp_path / "reviews.py"))
    before = reviews.version()
    with (tmp_path / "reviews_words.py").open("a") as file:
        file.write("\n")
    assert before != reviews.version()


@pytest.mark.parametrize("part", (*PARTS, *BY_HAND))
def test_labels_are_balanced(folder, part):
    counts = Counter(label for _, label in rows_of(folder, part))
    assert set(counts) == {"negative", "positive"}
    assert counts["negative"] == counts["positive"]


def test_no_review_stands_in_two_parts(folder, parts):
    texts = [
        row[0] for part in (*PARTS, "test_handwritten") for row in rows_of(folder, part)
    ]
    held_out = texts[reviews.SIZES["train"] :]
    assert len(set(held_out)) == len(held_out)
    assert not set(held_out) & set(texts[: reviews.SIZES["train"]])


def test_sentences_that_decide_are_unseen(parts):
    """Each held-out core has a sentence that is in no core of a training review."""
    seen = {review.core for review in parts["train"]}
    sentences = {s for core in seen for s in reviews.sentences_of(core)}
    for part in PARTS[1:]:
        cores = {review.core for review in parts[part]}
        assert not seen & cores
        assert not [c for c in cores if sentences.issuperset(reviews.sentences_of(c))]


def test_sentences_of_a_core():
    assert reviews.sentences_of('Was it dull? no. she said: "Go!" I went.') == [
        "was it dull",
        "no",
        'she said: "go',
        "i went",
    ]


def test_pairs_are_pairs():
    """Sides differ, occur once and use existing slots; both or neither are novel."""
    headings = {name: reviews.TEMPLATES[name] for name in reviews_grammar.PAIRED}
    seen = set()
    for name, lines in headings.items():
        lines = lines.splitlines()
        assert len(lines) > 500, name
        for positive, negative in zip(lines[::2], lines[1::2], strict=True):
            novel = positive.startswith("*")
            assert re.match(r"\*\+ |\+ ", positive) and re.match(r"\*- |- ", negative)
            assert negative.startswith("*") == novel
            sides = {side.split(" ", 1)[1] for side in (positive, negative)}
            assert len(sides) == 2 and not sides & seen, sides
            seen |= sides
            assert all(
                slot in reviews.TEMPLATES | reviews_grammar.PLAIN
                for side in sides
                for _, slot in reviews.SLOT.findall(side)
            )
        share = sum(line.startswith("*") for line in lines) / len(lines)
        assert 0.04 < share < 0.13, name  # one in twelve is for test_novel
        assert len({t.weight for t in reviews._templates(name)}) == 1  # equally likely
    everyday = reviews.TEMPLATES["everyday"].splitlines()
    assert len(set(everyday)) == len(everyday) > 200


def test_test_has_seen_constructions_only(parts):
    seen = {c for review in parts["train"] for c in review.constructions}
    used = {c for review in parts["test"] for c in review.constructions}
    assert used <= seen
    assert len(seen) > 500


def test_novel_has_unseen_constructions_or_pairs(parts):
    constructions = {c for review in parts["train"] for c in review.constructions}
    pairs = {pair for review in parts["train"] for pair in review.pairs}
    by_construction = by_pairs = 0
    for review in parts["test_novel"]:
        if review.constructions - constructions:
            by_construction += 1
        else:
            assert review.pairs and not review.pairs & pairs
            by_pairs += 1
    assert by_construction > 300 and by_pairs > 300
    known = {word for _, word in pairs}
    novel = {word for review in parts["test_novel"] for _, word in review.pairs}
    assert len(novel - known) < 0.02 * len(novel)  # the pairs are new, not the words


def test_length_and_vocabulary(parts):
    everything = [review for part in PARTS for review in parts[part]]
    for part in PARTS:
        longer = [r.text for r in parts[part] if r.kind not in FEW_WORDS]
        counts = Counter(reviews.count_sentences(text) for text in longer)
        assert set(counts) == set(range(1 if part == "train" else 2, 7)), part
        lengths = [len(text.split()) for text in longer]
        shortest = 15 if part == "train" else 20
        assert shortest < sum(lengths) / len(lengths) < 40 and max(lengths) < 120
    lengths = [len(r.text.split()) for r in everything if r.kind == "short"]
    assert sum(length <= 4 for length in lengths) > 0.6 * len(lengths)
    assert max(lengths) < 20
    words = Counter(
        w for r in everything for w in re.findall(r"[a-z]+", r.text.lower())
    )
    assert len(words) > 3000


def test_texts_are_well_formed(parts):
    for part in PARTS:
        for review in parts[part]:
            text = review.text
            if review.kind not in FEW_WORDS:  # these are informal
                assert re.fullmatch(r"[A-Z\"].*[.!?]\"?", text), text
            assert re.fullmatch(r"[\w\"](.*\S)?", text), text
            assert not re.search(
                r"[{}_|*+]|  | [,.;:!?]|\ba (?!uniq|unive|use|one |eu)[aeiou]", text
            ), text


def test_some_training_reviews_are_a_few_words(parts):
    """The recipe only knows words it was trained on: nearly all words of the `short_`
    lists must occur in short reviews."""
    short = [review for review in parts["train"] if review.kind == "short"]
    assert 0.1 < len(short) / len(parts["train"]) < 0.3
    texts = {review.text.lower().strip(".!") for review in short}
    assert {"good", "bad", "boring", "not bad", "not good", "hated it"} <= texts
    occurrences = Counter(word for review in short for _, word in review.pairs)
    lists = [
        side
        for name, sides in reviews_grammar.POLAR.items()
        for side in sides
        if name.startswith("short_")
    ]
    assert len(lists) > 20 and sum(map(len, lists)) > 2000
    words = [word for side in lists for word in side]
    assert sum(occurrences[word] == 0 for word in words) < 0.01 * len(words)
    counts = Counter(w for r in parts["train"] for w in set(r.text.lower().split()))
    assert counts["awesome"] > 5 and counts["garbage"] > 1


def test_few_words_mean_one_thing(parts):
    """No short review occurs with both labels."""
    labels = {}
    for review in parts["train"]:
        if review.kind == "short":
            text = re.sub(r"\W+", " ", review.text.lower())
            labels.setdefault(text, set()).add(review.label)
    assert not [text for text, values in labels.items() if len(values) > 1]


def test_words_without_an_opinion_have_both_labels_equally_often(parts):
    """In training only, to teach that their probability is one half."""
    texts = [r for part in PARTS for r in parts[part] if r.kind == "nothing"]
    assert 0.02 < len(texts) / len(parts["train"]) < 0.06
    assert len(texts) == sum(r.kind == "nothing" for r in parts["train"])
    labels = {}
    for review in texts:
        labels.setdefault(review.text, Counter())[review.label] += 1
    assert all(counts["positive"] == counts["negative"] for counts in labels.values())
    others = {r.text.lower().strip(".!") for r in parts["train"] if r.kind == "short"}
    assert not others & {text.lower().strip(".!") for text in labels}


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("it is good, and I did not yawn", "It's good, and I didn't yawn."),
        ("every minute of it is true", "Every minute of it is true."),
        ("I have seen it. I have a cold", "I've seen it. I have a cold."),
        ("we had never laughed; we had soup", "We'd never laughed; we had soup."),
        ("they would go, you will not", "They'd go, you won't."),
        ("is it dull? it is not", "Is it dull? It isn't."),
        ("that is what it is", "That's what it is."),
    ],
)
def test_short_forms(long, short):
    assert reviews._punctuated(long.split(". "), short_forms=True) == short
    assert "'" not in reviews._punctuated([long], short_forms=False)


def test_everyday_sentences_fill_up(parts):
    everyday = [t.text for t in reviews._templates("everyday") if "{" not in t.text]
    everyday = {text[0].upper() + text[1:] + "." for text in everyday}
    texts = [review.text for review in parts["test"]]
    count = sum(any(text.startswith(line) for line in everyday) for text in texts[:500])
    assert 30 < count < 300


def test_counting_polar_words_is_often_wrong(parts):
    """The label is neither what most polar words suggest nor the opposite."""
    signs = {"positive": 1, "negative": -1}
    longer = [review for review in parts["train"] if review.kind not in FEW_WORDS]
    balance = [review.score * signs[review.label] for review in longer]
    right, wrong = (sum(s * b > 0 for b in balance) / len(balance) for s in (1, -1))
    assert right < 0.45 and 0.2 < wrong < 0.35  # the rest is tied
    assert 0.4 < right / (right + wrong) < 0.6


def test_bag_of_words_stays_below_80_percent(folder):
    """Tf-idf of unigrams and bigrams, with settings chosen on validation."""
    train, validation = ([*zip(*rows_of(folder, p), strict=True)] for p in PARTS[:2])
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    features = words.fit_transform(train[0])
    models = [
        LogisticRegression(C=c, max_iter=300).fit(features, train[1]) for c in (3, 30)
    ]
    features = words.transform(validation[0])
    model = max(models, key=lambda model: model.score(features, validation[1]))
    assert model.score(words.transform(train[0]), train[1]) > 0.8  # it did learn
    for part in PARTS[1:]:
        texts, labels = zip(*rows_of(folder, part), strict=True)
        assert 0.5 < model.score(words.transform(texts), labels) < 0.80, part


@pytest.mark.parametrize(
    ("name", "sha256", "rows"),
    [
        (
            "handwritten",
            "ab95fb04be07546fa0cf5b32803faca1ff43bf5b2e629fe2251ab3fe8bed02b7",
            60,
        ),
        (
            "everyday",
            "c0268b5ee23f66d664e9694bf9f45b1ad03492cb9ab41f7d9b8c2580baadaaf1",
            100,
        ),
    ],
)
def test_handwritten_ones_stay_as_they_were_written(name, sha256, rows):
    """They were frozen before any model saw them; no setting is chosen by them."""
    content = (reviews.HERE / f"reviews_{name}.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == sha256
    assert content.count(b"\n") == rows + 1


def test_everyday_inputs_are_short(folder):
    lengths = [len(text.split()) for text, _ in rows_of(folder, "test_everyday")]
    assert max(lengths) <= 12
    short = rows_of(folder, "test_everyday_short")
    assert len(short) == sum(length <= 3 for length in lengths) > 30
    assert set(short) <= set(rows_of(folder, "test_everyday"))
