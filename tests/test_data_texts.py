"""Texts in parts: nothing is lost or repeated, and little is held in memory."""

import tracemalloc
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import texts
from data.errors import UserError
from data.parts import PARTS, split_by_name
from data.texts import Part, read_parts, read_whole

LETTERS = ["a", "b ", "é", "漢", "😀", "\n", "\r\n", "\r", "\ufeff", "\u2028"]


def text_of(part, size=1 << 20):
    return "".join(part.chunks(size))


def written(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(LETTERS), min_size=80, max_size=400).map("".join),
    st.sampled_from([1, 2, 3, 4, 5, 7, 50, 1 << 20]),
    st.sampled_from(["", "\ufeff"]),
)
def test_parts_joined_are_the_file(tmp_path_factory, text, size, mark):
    path = tmp_path_factory.mktemp("texts") / "any.txt"
    path.write_bytes((mark + text).encode())
    content = (mark + text).removeprefix("\ufeff").replace("\r\n", "\n")
    whole = Part(((path, 0, path.stat().st_size),))
    assert text_of(whole, size) == content
    try:
        parts = read_parts(path)
    except UserError as error:  # a part has only line ends
        assert "expected text in every part" in str(error)
    else:
        assert "".join(text_of(parts[name], size) for name in PARTS) == content
        assert sum(part.size for part in parts.values()) == path.stat().st_size


def test_a_file_of_another_encoding_costs_that_file(tmp_path, capsys):
    names = ["a.txt", "b.txt", "d.txt", "caf\udce9.txt"]  # the last one is no UTF-8
    files = {name: f"{index}\n" * 9 for index, name in enumerate(names)}
    late = b"\n" * 10_000 + b"caf\xe9"
    folder = written(tmp_path, {**files, "c.txt": b"caf\xe9\n", "e.txt": late})
    parts = read_parts(folder)
    text = "".join(text_of(part) for part in parts.values())
    assert sorted(set(text.split())) == ["0", "1", "2", "3"]
    assert "left out 2 of 6 files" in capsys.readouterr().out


def test_chunks_are_whole_lines_of_about_the_size(tmp_path):
    lines = [f"{'é' * (n % 40)} {n}\n" for n in range(5000)]
    path = written(tmp_path, {"a.txt": "".join(lines)}) / "a.txt"
    part = Part(((path, 0, path.stat().st_size),))
    chunks = [*part.chunks(1000)]
    assert "".join(chunks) == "".join(lines)
    assert all(chunk.endswith("\n") for chunk in chunks)
    assert all(0 < len(chunk.encode()) <= 2000 for chunk in chunks)
    assert len(chunks) > part.size / 2000


@pytest.mark.parametrize("line", [b"ab " * 20 + b"\n", "漢字".encode() * 10**5])
def test_a_large_file_is_read_in_little_memory(tmp_path, line):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        for _ in range(40 * 10**6 // len(line)):
            file.write(line)
    tracemalloc.start()
    parts = read_parts(path)
    read = sum(len(c.encode()) for part in parts.values() for c in part.chunks())
    assert tracemalloc.get_traced_memory()[1] < 12e6
    tracemalloc.stop()
    assert read == path.stat().st_size


def test_the_last_of_a_file_is_held_out(tmp_path):
    lines = [f"line {n} of the text\n" for n in range(10000, 30000)]
    parts = read_parts(written(tmp_path, {"a.txt": "".join(lines)}) / "a.txt")
    lines_of = {name: text_of(parts[name]).splitlines(keepends=True) for name in PARTS}
    assert list(lines_of) == list(parts) == ["train", "validation", "test"]
    assert [*chain(*lines_of.values())] == lines  # cut at line ends, in order
    assert [len(part) for part in lines_of.values()] == [18000, 1000, 1000]


def test_a_line_that_is_too_long_is_cut_between_characters(tmp_path):
    text = "漢😀é" * 10**5
    parts = read_parts(written(tmp_path, {"a.txt": text}) / "a.txt")
    texts = [text_of(parts[name]) for name in PARTS]
    assert "".join(texts) == text
    sizes = [len(part.encode()) / len(text.encode()) for part in texts]
    assert sizes == pytest.approx([0.9, 0.05, 0.05], abs=1e-5)


@pytest.mark.parametrize(
    "names",
    [
        ("train.txt", "validation.txt", "test.txt"),
        ("train.txt", "valid.txt", "test.txt"),
        ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"),
        ("wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"),
    ],
)
def test_a_folder_names_its_parts(tmp_path, names):
    others = dict.fromkeys(["README", "about.json", "ptb.char.train.txt"], "other")
    others |= dict.fromkeys(["ptb.char.valid.txt", "ptb.char.test.txt"], "other")
    written(tmp_path, others | {name: f"text of {name}" for name in names})
    parts = read_parts(tmp_path)
    for part, name in zip(PARTS, names, strict=True):
        assert text_of(parts[part]) == f"text of {name}"


def test_another_folder_is_split_by_file(tmp_path):
    files = {f"{n % 7}/{n}.txt": f"file {n}\n" * (1 + n % 5) for n in range(300)}
    hidden = {".git/a.txt": "hidden", "b/.c.txt": "hidden"}
    binary = {"picture.png": b"\x89PNG\0\0", "empty.txt": b""}
    parts = read_parts(written(tmp_path, files | hidden | binary))
    texts = {name: text_of(part) for name, part in parts.items()}
    names = [
        path.relative_to(tmp_path).as_posix()
        for part in parts.values()
        for path, _, _ in part.spans
    ]
    assert sorted(names) == sorted(files)  # each once
    assert "".join(texts.values()) == "".join(files[name] for name in names)
    sizes = [len(text) for text in texts.values()]
    assert sizes[1] / sum(sizes) == pytest.approx(0.05, abs=0.01)
    assert sizes[2] / sum(sizes) == pytest.approx(0.05, abs=0.01)
    (tmp_path / "1/new.txt").write_text("x")  # moves a few files at most
    again = read_parts(tmp_path)
    train = {path for path, _, _ in parts["train"].spans}
    moved = train ^ {path for path, _, _ in again["train"].spans}
    assert len(moved) <= 3


def test_a_file_without_a_line_end_gets_one_before_the_next(tmp_path):
    written(tmp_path, {f"{n}.txt": f"file {n}" for n in range(40)})
    for part in read_parts(tmp_path).values():
        lines = text_of(part, 3).split("\n")
        assert lines == [f"file {path.stem}" for path, _, _ in part.spans]


def test_split_by_name_is_fair_and_decided_by_names():
    sizes = {f"name {n}": 10 + n % 17 for n in range(1000)}
    parts = split_by_name(sizes)
    assert split_by_name(dict(reversed(sizes.items()))) == parts
    assert sorted(name for names in parts.values() for name in names) == sorted(sizes)
    for part in ("validation", "test"):
        share = sum(sizes[name] for name in parts[part]) / sum(sizes.values())
        assert 0.05 <= share < 0.052
    assert parts["train"] != sorted(parts["train"])  # neighbouring names are separated
    # A file larger than all others together is in train, whatever its hash.
    for n in range(20):
        assert f"huge {n}" in split_by_name(sizes | {f"huge {n}": 10**6})["train"]


def test_three_files_are_enough():
    assert sorted(map(len, split_by_name({"a": 5, "b": 5, "c": 5}).values())) == [1] * 3


@pytest.mark.parametrize("folder", [False, True])
def test_max_chars_keeps_the_beginning_of_each_part(tmp_path, folder):
    if folder:
        files = {
            f"{n}.txt": "".join(f"{n} {i}\n" for i in range(99)) for n in range(60)
        }
        path = written(tmp_path, files)
    else:
        text = "".join(f"line {n}\n" for n in range(9000))
        path = written(tmp_path, {"a.txt": text}) / "a.txt"
    whole, kept = read_parts(path), read_parts(path, max_chars=20000)
    total = sum(part.size for part in whole.values())
    for name in PARTS:
        beginning, text_of_part = text_of(kept[name]), text_of(whole[name])
        assert text_of_part.startswith(beginning) and beginning.endswith("\n")
        wanted = 20000 * whole[name].size / total
        assert wanted - 20 < len(beginning) <= wanted + 1
    assert read_parts(path, max_chars=total) == whole
    assert read_parts(path, max_chars=10**9) == whole


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": ""}, "expected text in every part, found none in the part 'train'"),
        ({"a.txt": " \n\n"}, "expected text in every part"),
        ({"a.txt": "a"}, "none in the part 'train' of 1 bytes"),
        ({"a.txt": "a\n" * 50 + "\n" * 50}, "none in the part 'validation'"),
        ({"a.txt": b"a\n" * 50 + b"caf\xe9\n" * 99}, "UTF-8 text, found byte 103: inv"),
        ({"a.txt": "text".encode("utf-16")}, "UTF-8 text, found byte 0: invalid"),
    ],
)
def test_a_file_is_refused(tmp_path, files, message):
    with pytest.raises(UserError, match=message) as caught:
        read_parts(written(tmp_path, files) / "a.txt")
    assert "a.txt: " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "expected 3 text files or more, found 0"),
        ({"a.png": b"\0", ".b.txt": "b", "c.txt": "c"}, "or more, found 1"),
        ({"train.txt": "a", "test.txt": "b"}, "found train.txt without the others"),
        (
            {"train.txt": "a", "test.txt": "b", "valid.txt": ""},
            "none in the part 'validation' of 2 bytes",
        ),
        (
            {"train.txt": "a", "test.txt": b"\xffb", "valid.txt": "c"},
            r"test\.txt: expected UTF-8 text, found byte 0",
        ),
    ],
)
def test_a_folder_is_refused(tmp_path, files, message):
    with pytest.raises(UserError, match=message):
        read_parts(written(tmp_path, files))


def test_too_few_characters_are_refused(tmp_path):
    path = written(tmp_path, {"a.txt": "line\n" * 1000}) / "a.txt"
    with pytest.raises(UserError, match="in the part 'validation' of 15 of 5000 bytes"):
        read_parts(path, max_chars=15)


def test_bytes_far_inside_are_named(tmp_path):
    content = b"a fine line\n" * 300_000
    content = content[:2_500_000] + b"\xff" + content[2_500_000:]
    path = written(tmp_path, {"a.txt": content}) / "a.txt"
    part = Part(((path, 0, len(content)),))
    for size in (1000, texts.CHUNK):
        with pytest.raises(UserError, match="found byte 2500000: invalid start byte"):
            text_of(part, size)


def test_missing_and_unreadable(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"none\.txt: cannot be read: No such file"):
        read_parts(tmp_path / "none.txt")
    part = read_parts(written(tmp_path, {"a.txt": "line\n" * 99}) / "a.txt")["train"]
    (tmp_path / "a.txt").unlink()
    with pytest.raises(UserError, match=r"a\.txt: cannot be read: No such file"):
        text_of(part)


def test_a_whole_file_as_one_part(tmp_path):
    path = tmp_path / "test.txt"
    path.write_text("été\n" * 5000)
    assert "".join(read_whole(path).chunks(100)) == "été\n" * 5000
    with pytest.raises(UserError, match=r"no\.txt: cannot be read"):
        read_whole(tmp_path / "no.txt")
    path.write_text(" \n")
    with pytest.raises(UserError, match="expected text, found none"):
        read_whole(path)
