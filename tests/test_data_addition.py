"""The generated sums: correct, the same everywhere, and none in two parts."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from data import addition, pairs

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def parts():
    return addition.generate()


def terms(text):
    return tuple(sorted(map(int, text.split("+"))))


def test_every_answer_is_right(parts):
    for rows in parts.values():
        for text, answer in rows:
            assert re.fullmatch(r"(0|[1-9]\d{0,2})\+(0|[1-9]\d{0,2})", text)
            assert answer == str(sum(terms(text)))


def test_no_sum_stands_twice_in_whatever_order(parts):
    assert {name: len(rows) for name, rows in parts.items()} == addition.SIZES
    sums = [terms(text) for rows in parts.values() for text, _ in rows]
    assert len(set(sums)) == len(sums) == 50000


def test_all_lengths_in_both_orders(parts):
    short = {terms(t) for rows in parts.values() for t, _ in rows if len(t) < 4}
    assert len(short) == 55  # every sum of two one-digit terms
    lengths = Counter(tuple(map(len, t.split("+"))) for t, _ in parts["train"])
    assert len(lengths) == 9
    for short, long in ((1, 2), (1, 3), (2, 3)):
        assert lengths[short, long] == pytest.approx(lengths[long, short], rel=0.15)
    # All parts are alike: nearly half of the sums have terms of two and three digits.
    for rows in parts.values():
        share = sum(sorted(map(len, t.split("+"))) == [2, 3] for t, _ in rows)
        assert share / len(rows) == pytest.approx(0.46, abs=0.03)


def test_files_are_the_same_in_another_process(tmp_path, parts):
    code = "import pathlib, sys; from data import addition; "
    code += "addition.write(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code, tmp_path]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    for part, rows in parts.items():
        lines = (tmp_path / f"{part}.tsv").read_bytes().decode().split("\n")
        assert lines == ["source\ttarget", *map("\t".join, rows), ""]
    digest = hashlib.sha256((tmp_path / "test.tsv").read_bytes()).hexdigest()
    # The same on every machine and Python.
    assert digest.startswith("c35d0181665d")


def test_another_seed_gives_other_sums(parts):
    assert addition.generate(1)["test"] != parts["test"]


def test_version_changes_with_the_code(tmp_path, monkeypatch):
    before = addition.version()
    for module in (addition, pairs):
        code = tmp_path / "changed.py"
        code.write_text(Path(module.__file__).read_text() + "\n")
        with monkeypatch.context() as patch:
            patch.setattr(module, "__file__", str(code))
            assert addition.version() != before
    assert addition.version() == before
