"""Sentences with gaps: which words are taken out, and what is left of the sentence."""

import importlib
import json
from pathlib import Path

import pytest

from data import blanks, pydocs
from data.blanks import tokenize, with_gaps
from data.parts import PARTS
from data.tagged import read_tagged

LINES = {
    "train": ["It's used by an array and its type."] + ["None of them stays here."] * 9,
    "validation": ["There were more than two (a few)."],
    "test": ["Was it one?", "If so, then A is what was meant."],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    def write(place):
        for part, lines in LINES.items():
            (place / f"{part}.txt").write_text("".join(f"{x}\n" for x in lines))

    monkeypatch.setattr(pydocs, "write", write)
    blanks.write(tmp_path)
    return tmp_path


def test_parts_and_counts(folder):
    names = ["about.json", "test.conll", "train.conll", "validation.conll"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "validation.conll").read_text() == (
        "There\t_\n___\twere\nmore\t_\n___\tthan\ntwo\t_\n(\t_\n___\ta\nfew\t_\n)\t_\n"
        ".\t_\n\n"
    )
    about = json.loads((folder / "about.json").read_text())
    assert list(about) == list(PARTS)
    assert about["train"] == {"sentences": 1, "tokens": 9} | {
        word: int(word in ("it's", "an", "its")) for word in blanks.WORDS
    }
    assert about["test"]["sentences"] == 2 and about["test"]["was"] == 2


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It's one we don't use.", "It's one we do n't use ."),
        ("They'll (e.g. we've) say: 3.14!", "They 'll ( e.g . we 've ) say : 3.14 !"),
        ('"A well-known user\'s", it said', '" A well-known user \'s " , it said'),
        ("the users' 1,000 %-signs", "the users ' 1,000 % - signs"),
    ],
)
def test_tokens(text, tokens):
    assert tokenize(text) == tokens.split()


@pytest.mark.parametrize(
    ("text", "gaps", "words"),
    [
        ("Its size is a number", "___ size ___ ___ number", "its is a"),
        ('"It\'s an A": A is it', '" ___ ___ A " : A ___ it', "it's an is"),
        ("then IS it", "___ IS it", "then"),
        ("one is n't its-own", "one ___ n't its-own", "is"),
    ],
)
def test_gaps(text, gaps, words):
    sentence = with_gaps(tokenize(text))
    assert sentence.tokens == gaps.split()
    tags = iter(words.split())
    expected = [next(tags) if word == "___" else "_" for word in sentence.tokens]
    assert sentence.tags == expected and not [*tags]


def test_sentences_without_a_gap_or_too_long_are_left_out():
    assert with_gaps(tokenize("No such word stands here.")) is None
    assert with_gaps(["a"] * 41) is None
    assert with_gaps(["a"] * 40).tags == ["a"] * 40


def test_version_knows_pydocs_and_the_code(monkeypatch, tmp_path):
    before = blanks.version()
    assert before.split("-")[0] == pydocs.version().split("-")[0]
    code = tmp_path / "blanks.py"
    code.write_text("# later")
    with monkeypatch.context() as changed:
        changed.setattr(blanks, "__file__", str(code))
        assert blanks.version() != before
    other = f"{before.split('-')[0]}-other"
    monkeypatch.setattr(pydocs, "version", lambda: other)
    assert blanks.version() != before


@pytest.mark.exhaustive
def test_the_whole_set(tmp_path):
    blanks.write(tmp_path)
    parts, labels = read_tagged(tmp_path, None, (0, 0), 0)
    assert labels == sorted(blanks.WORDS)
    sizes = {name: sum(len(s.tokens) for s in part) for name, part in parts.items()}
    assert 150_000 < sizes["train"] < 300_000 and min(sizes.values()) > 8000
    assert max(len(s.tokens) for part in parts.values() for s in part) <= 40
    for part in parts.values():
        for tokens, tags in part:
            for token, tag in zip(tokens, tags, strict=True):
                assert (token == "___") == (tag != "_") and token not in blanks.WORDS


def test_tokens_are_those_of_tagging():
    """A typed sentence with gaps is split in the same way by an export."""
    try:
        words = importlib.import_module("tokens.cased_words")
    except ImportError:
        pytest.skip("this collection has no tokens of tagging")
    text = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if not set("_`/'@#") & set(line)]
    lines += ["Don't we'll (e.g.) 3.14 a well-known user's 1,000 things!"]
    for line in lines:
        assert tokenize(line) == words.tokenize(line)
