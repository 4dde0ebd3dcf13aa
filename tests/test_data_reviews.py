"""The generated reviews: the same everywhere, balanced, and no work for word counts."""

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

from data import reviews

ROOT = Path(__file__).parent.parent
PARTS = ("train", "validation", "test", "test_novel")


@pytest.fixture(scope="module")
def parts():
    return reviews.generate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reviews")
    reviews.write(folder)
    return folder


def rows_of(folder, part):
    with (folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def test_files(folder, parts):
    names = {f"{part}.csv" for part in (*PARTS, "test_handwritten")}
    assert {path.name for path in folder.iterdir()} == names
    for part in PARTS:
        expected = [(review.text, review.label) for review in parts[part]]
        assert rows_of(folder, part) == expected
        assert len(expected) == reviews.SIZES[part]


def test_same_in_another_process(folder):
    """Whatever the order of hashes there."""
    code = """
import pathlib, sys
from data import reviews
reviews.write(pathlib.Path(sys.argv[1]))
"""
    other = folder.parent / "other"
    other.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, "-c", code, other],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        check=True,
    )
    for path in folder.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes()


def test_another_seed_gives_other_reviews(parts):
    assert reviews.generate(seed=1)["validation"] != parts["validation"]


def test_version_changes_with_the_sources(tmp_path, monkeypatch):
    for source in (ROOT / "data").glob("reviews*"):
        if source.is_file():
            (tmp_path / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(reviews, "__file__", str(tmp_path / "reviews.py"))
    before = reviews.version()
    with (tmp_path / "reviews_words.py").open("a") as file:
        file.write("\n")
    assert before != reviews.version()


@pytest.mark.parametrize("part", (*PARTS, "test_handwritten"))
def test_labels_are_balanced(folder, part):
    counts = Counter(label for _, label in rows_of(folder, part))
    assert set(counts) == {"negative", "positive"}
    assert counts["negative"] == counts["positive"]


def test_no_review_stands_in_two_parts(folder, parts):
    texts = [row[0] for part in (*PARTS, "test_handwritten") for row in rows_of(folder, part)]
    held_out = texts[reviews.SIZES["train"] :]
    assert len(set(held_out)) == len(held_out)
    assert not set(held_out) & set(texts[: reviews.SIZES["train"]])


def test_sentences_that_decide_are_unseen(parts):
    seen = {review.core for review in parts["train"]}
    for part in PARTS[1:]:
        assert not seen & {review.core for review in parts[part]}


def test_test_has_seen_constructions_only(parts):
    """And seen words, but not together in the same sentence."""
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
    words = {word for _, word in pairs}
    assert {word for r in parts["test_novel"] for _, word in r.pairs} <= words


def test_length_and_vocabulary(parts):
    everything = [review.text for part in PARTS for review in parts[part]]
    sentences = Counter(reviews.count_sentences(text) for text in everything)
    assert set(sentences) == set(range(2, 7))
    lengths = [len(text.split()) for text in everything]
    assert 20 < sum(lengths) / len(lengths) < 40 and max(lengths) < 120
    words = Counter(w for text in everything for w in re.findall(r"[a-z]+", text.lower()))
    assert len(words) > 3000


def test_texts_are_well_formed(parts):
    for part in PARTS:
        for review in parts[part]:
            assert re.fullmatch(r"[A-Z\"].*[.!?]\"?", review.text), review.text
            assert not re.search(r"[{}_|*+]|  | [,.;:!?]|\ba [aeiou]", review.text), review.text


def test_polar_words_tell_little(parts):
    """A word of praise stands in positive and in negative reviews."""
    agreeing = Counter()
    for review in parts["train"]:
        if review.score:
            agreeing[(review.score > 0) == (review.label == "positive")] += 1
    assert agreeing[True] / agreeing.total() < 0.7


def test_bag_of_words_stays_below_80_percent(folder):
    """Uni- and bigram tf-idf, its settings chosen on validation."""
    best = None
    train, validation = ([*zip(*rows_of(folder, p), strict=True)] for p in PARTS[:2])
    for min_df in (1, 2):
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=min_df)
        features = words.fit_transform(train[0])
        for c in (1.0, 10.0):
            model = LogisticRegression(C=c, max_iter=300).fit(features, train[1])
            accuracy = model.score(words.transform(validation[0]), validation[1])
            best = max(best or (0,), (accuracy, min_df, c, words, model))
    *_, words, model = best
    assert model.score(features_of(words, train[0]), train[1]) > 0.8  # it did learn
    for part in (*PARTS[1:], "test_handwritten"):
        texts, labels = zip(*rows_of(folder, part), strict=True)
        assert 0.45 < model.score(words.transform(texts), labels) < 0.80, part


def features_of(words, texts):
    return words.transform(texts)


def test_handwritten_ones_stay_as_they_were_written():
    """They were frozen before any model saw them, and choose nothing."""
    content = reviews.HANDWRITTEN.read_bytes()
    assert hashlib.sha256(content).hexdigest() == "ab95fb04be07546fa0cf5b32803faca1ff43bf5b2e629fe2251ab3fe8bed02b7"
    assert content.count(b"\n") == 61
