"""Prose from documentation: whole sentences, none twice, each module in one part."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from data import pydocs
from data.errors import UserError
from data.parts import PARTS
from data.pydocs import docstrings_in, overlap, sentences, words_of

ROOT = Path(__file__).parent.parent


EVERY = 8  # the sample has every eighth module


@pytest.fixture(
    scope="module", params=[EVERY, pytest.param(1, marks=pytest.mark.exhaustive)]
)
def every(request):
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory, every):
    """Parts written by another process, which imports none of the modules it reads."""
    folder = tmp_path_factory.mktemp("pydocs")
    code = """
import pathlib, sys
from data import pydocs
every, read = int(sys.argv[2]), pydocs.python_source.read
def some(*arguments):
    sources = read(*arguments)
    kept = [*sources][::every] + [*{"argparse.py", pydocs.TOPICS} & sources.keys()]
    return {name: sources[name] for name in kept}
pydocs.python_source.read = some
pydocs.write(pathlib.Path(sys.argv[1]))
assert not {"keras", "matplotlib", "numpy.linalg", "turtle"} & sys.modules.keys()
"""
    command = [sys.executable, "-c", code, folder, str(every)]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def parts(folder):
    return {name: (folder / f"{name}.txt").read_text("utf-8") for name in PARTS}


@pytest.fixture(scope="module")
def about(folder):
    return json.loads((folder / "about.json").read_text())


def test_enough_words_in_fair_parts(parts, about, every):
    words = {name: len(words_of(text)) for name, text in parts.items()}
    assert words == about["words"]
    total = sum(words.values())
    assert total * every > 250_000 and total < 700_000
    for part in ("validation", "test"):  # one module weighs more in a sample
        assert words[part] / total == pytest.approx(0.05, abs=0.01 * every**0.5)


def test_test_does_not_stand_in_train(parts, about):
    share = overlap(parts["train"], parts["test"])
    assert share == about["overlap"] <= 0.05
    assert overlap(parts["train"], parts["validation"]) <= 0.05
    lines = {name: text.splitlines() for name, text in parts.items()}
    assert not set(lines["train"]) & set(lines["test"])
    every = [line.lower() for part in lines.values() for line in part]
    assert len(set(every)) == len(every)


def test_modules_stand_in_one_part(about, every):
    names = [name for part in about["modules"].values() for name in part]
    assert len(names) == len(set(names)) > 500 / every
    for home in ("argparse.py", "numpy/", "keras/", "matplotlib/", pydocs.TOPICS):
        assert any(name.startswith(home) for name in about["modules"]["train"])
    assert not [name for name in names if re.search(r"(^|/)tests?/", name)]
    assert about["versions"].keys() == {"python", "numpy", "keras", "matplotlib"}


def test_lines_are_sentences(parts):
    for line in "".join(parts.values()).splitlines():
        assert re.fullmatch(r"[\"'(]?[A-Z].*[.!?][\"')]?", line), line
        assert not re.search(r"[`|{}<>=_\\@#$^\[\]]|\*\*|>>>|::|  |\w\(", line), line
        assert 4 <= len(line.split()) <= 80
    words = re.findall(r"[a-z]+", "".join(parts.values()).lower())
    common = sum(words.count(word) for word in ("the", "of", "a", "to", "is"))
    assert 0.12 < common / len(words) < 0.35  # as in English


def test_overlap_counts_runs_of_words():
    train = "One two three four, five six seven eight nine."
    assert overlap(train, "ONE two three four five six: seven eight nine") == 1
    assert overlap(train, "one two three four five six seven eight ten") == 1 / 2
    assert overlap(train, "two one three four five six seven eight nine") == 0
    assert overlap(train, "too short") == 0


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        (
            "Return the mean\n    of all values.  It may be none.\n",
            ["Return the mean of all values.", "It may be none."],
        ),
        (
            "Use :func:`mean` or ``sum`` of *all* the **many** `values` [1]_.",
            ["Use mean or sum of all the many values."],
        ),
        (
            "See `the long guide <https://a.b/c>`_ or [this page](https://d.e) for it.",
            ["See the long guide or this page for it."],
        ),
        (
            "An example of it::\n\n    Call this now and here.\n\n    And this too.\n\n"
            "The text then goes on.",
            ["The text then goes on."],
        ),
        (
            "Add two numbers to each other.\n\n>>> add(1, 2)\nNothing is said here.\n",
            ["Add two numbers to each other."],
        ),
        (
            "Parameters\n----------\nx : array_like\n    The values to be sorted.\n"
            "axis : int, optional\n    The axis to sort along, e.g. the last. By\n"
            "    default all axes are sorted.\n",
            [
                "The values to be sorted.",
                "The axis to sort along, e.g. the last.",
                "By default all axes are sorted.",
            ],
        ),
        (
            "Args:\n    units: The number of all units.\n    rate (float): How fast it "
            "is to learn.\n        It must be positive here.\n",
            [
                "The number of all units.",
                "How fast it is to learn.",
                "It must be positive here.",
            ],
        ),
        (
            "- The first of two points.\n- The second of two points, which is\n"
            "  longer than the first.\n1. A numbered one is too.\n",
            [
                "The first of two points.",
                "The second of two points, which is longer than the first.",
                "A numbered one is too.",
            ],
        ),
        (
            "Wraps `.Artist`, `~.axes.Axes`, and so on; see also `len()` or `a.b`.",
            [],
        ),
        (
            "Wraps `.Artist`, `~.axes.Axes` and a KeyError/ValueError of `len()`.",
            ["Wraps Artist, Axes and a KeyError/ValueError of len."],
        ),
        ("It calls foo.bar(x) for the rest.", []),
        ("It stands in /usr/lib/python or so.", []),
        ("The value of max_size is not used.", []),
        ("Signature: f(x, y) gives the sum.", []),
        ("This one has no end", []),
        ("Too short.", []),
        ("lower case at the beginning here.", []),
        ("Set x = 1 for all of them.", []),
        ("Title\n=====\n.. note::\n\n   It is a note.\n", ["It is a note."]),
        ("Before.\n\n```\nThis is some code.\n```\n", []),
    ],
)
def test_sentences(docstring, expected):
    assert [*sentences(docstring)] == expected


def test_docstrings_of_everything():
    tree = ast.parse(
        '"""The module itself."""\n'
        'class A:\n    """A class."""\n    def f(self):\n        "A method."\n'
        'async def g():\n    """A coroutine."""\n'
        'x = "no docstring"\n'
        "add_newdoc('numpy', 'abs', 'A compiled one.')\n"
        "add_newdoc('numpy', 'b', ('c', 'An attribute.'))\n"
    )
    assert sorted(docstrings_in(tree)) == [
        "A class.",
        "A compiled one.",
        "A coroutine.",
        "A method.",
        "An attribute.",
        "The module itself.",
    ]


def test_repeated_sentences_stand_once(monkeypatch):
    long = "The shape of the array that is to be made here and now."
    other = "As said, the shape of the array that is to have no end at all."
    modules = {
        "a": [f"A sentence of its own. {long}"],
        "b": [f"{long} A Sentence of its OWN. And one more of them."],
        "c": ["The size of the array that is to be made here and now.", long],
        "d": [other],  # a single shared run of eight words is no repetition
    }
    monkeypatch.setattr(pydocs, "_modules", lambda: iter(modules.items()))
    assert pydocs.read() == {
        "a": ["A sentence of its own.", long],
        "b": ["And one more of them."],
        "d": [other],
    }


def test_a_package_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(pydocs, "PACKAGES", ("nosuchpackage",))
    monkeypatch.setattr(pydocs.python_source, "ROOT", tmp_path)
    for use in (pydocs.version, pydocs.read):
        with pytest.raises(UserError, match="expected nosuchpackage to be installed"):
            use()


def test_version_names_python_and_knows_the_packages(monkeypatch):
    before = pydocs.version()
    assert before.startswith(".".join(map(str, sys.version_info[:3])))
    assert before == pydocs.version()
    monkeypatch.setattr(pydocs.importlib.metadata, "version", lambda name: "0.1")
    assert pydocs.version() != before
