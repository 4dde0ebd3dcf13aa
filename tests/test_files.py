"""Files are written completely or not at all; cached values come back unchanged."""

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kit.command import Options
from kit.files import cached, json_text, sha256, write_whole
from kit.run import Run

MADE = {
    "array": np.array([[0.5, -1.0]], "float32"),
    "rows": [np.array([1, 2], "int32"), np.array([], "int32"), np.array([3], "int32")],
    "words": ["a", "\u7684", ""],
    "none": [],
    "names": {"x": None},
}


def never():
    raise AssertionError("made again")


def test_cached_comes_back_as_it_was_made(tmp_path):
    path = tmp_path / "new" / "a.npz"
    assert cached(path, lambda: MADE) is MADE
    loaded = cached(path, never)
    assert loaded.keys() == MADE.keys()
    for name in ("words", "none", "names"):
        assert loaded[name] == MADE[name]
    assert loaded["array"].dtype == "float32"
    np.testing.assert_array_equal(loaded["array"], MADE["array"])
    for one, other in zip(loaded["rows"], MADE["rows"], strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_a_broken_cache_is_made_anew(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK no zip")
    assert cached(tmp_path / "a.npz", lambda: {"x": 1}) == {"x": 1}
    assert cached(tmp_path / "a.npz", never) == {"x": 1}


def test_a_cache_cut_short_is_made_anew(tmp_path):
    path = tmp_path / "a.npz"
    cached(path, lambda: MADE)
    content = path.read_bytes()
    for size in (0, 30, len(content) // 2, len(content) - 5):
        path.write_bytes(content[:size])
        assert cached(path, lambda: {"x": 1}) == {"x": 1}


def test_json_has_no_nan_and_any_file_name():
    value = {"a": [1.5, float("nan")], "b": {"c": (-float("inf"), "é", None, True)}}
    text = json_text(value)
    assert json.loads(text) == {"a": [1.5, None], "b": {"c": [None, "é", None, True]}}
    assert "é" in text
    name = "caf\udce9 中.txt"  # bytes that are not UTF-8, as Python has them
    text = json_text({"data": name})
    assert json.loads(text.encode()) == {"data": name}


def test_the_hash_of_a_folder_knows_names_of_any_bytes(tmp_path):
    digests = set()
    for name in ("caf\udce9.txt", "caf\udcea.txt", "café.txt"):
        folder = tmp_path / f"{len(digests)}"
        folder.mkdir()
        (folder / name).write_text("the same")
        digests.add(sha256(folder))
    assert len(digests) == 3


@dataclasses.dataclass(frozen=True)
class Config:
    data: str
    test_data: str = ""
    seed: int = 0
    units: int = 8


def test_cached_for_the_same_data_code_and_options_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = Path(shutil.copy(__file__, tmp_path / "recipe.py"))
    recipe = SimpleNamespace(__file__=str(source), READING=("seed",))
    (tmp_path / "a.csv").write_text("text,label\n")

    def run(smoke=False, **options):
        config = Config("a.csv", **options)
        return Run(recipe, config, Options(smoke=smoke), tmp_path)

    assert run().cached("x", 1, make=lambda: {"n": 1}) == {"n": 1}
    assert run().cached("x", 1, make=never) == {"n": 1}
    assert run(units=9).cached("x", 1, make=never) == {"n": 1}  # not in READING
    assert run().cached("x", 2, make=lambda: {"n": 2}) == {"n": 2}
    assert run(seed=1).cached("x", 1, make=lambda: {"n": 5}) == {"n": 5}
    assert run(smoke=True).cached("x", 1, make=lambda: {"n": 6}) == {"n": 6}
    source.write_text(source.read_text() + "# edited\n")
    assert run().cached("x", 1, make=lambda: {"n": 3}) == {"n": 3}
    (tmp_path / "a.csv").write_text("text,label\na,b\n")
    assert run().cached("x", 1, make=lambda: {"n": 4}) == {"n": 4}


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, "no bytes")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_sha256_tells_files_and_their_order_apart(tmp_path):
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    one.write_text("1")
    other.write_text("2")
    hashes = {sha256(one), sha256(other), sha256(one, other), sha256(other, one)}
    assert len(hashes) == 4
    assert sha256(tmp_path) == sha256(one, other)


def test_sha256_of_a_folder_of_texts_knows_all_that_is_read(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "inner/b.txt").write_text("2")
    hashes = {sha256(tmp_path)}
    (tmp_path / "inner/.hidden").write_text("3")
    assert sha256(tmp_path) in hashes
    (tmp_path / "inner/b.txt").write_text("4")
    hashes.add(sha256(tmp_path))
    (tmp_path / "inner/b.txt").rename(tmp_path / "inner/c.txt")  # changes the split
    hashes.add(sha256(tmp_path))
    (tmp_path / "a.csv").write_text("5")
    hashes.add(sha256(tmp_path))
    assert len(hashes) == 4
