"""Packed texts and texts in other encodings become plain UTF-8."""

import codecs
import gzip

import pytest

from data.errors import UserError
from data.plain import as_plain, as_text

TEXT = "text,label\r\nün film médiocre,плохо\r\n好电影,хорошо\r\n"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8", TEXT.encode("utf-16")),  # with a mark, as Excel's "Unicode text"
        ("utf-8", codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be")),
        ("utf-8", TEXT.encode("utf-32")),
        ("cp1252", TEXT.encode("utf-16")),  # the mark counts more
        ("gb18030", TEXT.encode("gb18030")),
        ("utf-16-le", TEXT.encode("utf-16-le")),
    ],
)
def test_other_encodings(tmp_path, monkeypatch, encoding, content, packed):
    monkeypatch.setattr("data.plain.CHUNK", 7)  # cuts through characters
    path = tmp_path / ("mine.csv.gz" if packed else "mine.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    plain = as_plain(path, encoding, tmp_path / "cache")
    assert plain.name == "mine.csv"
    assert plain.read_bytes().decode().removeprefix("\ufeff") == TEXT
    assert as_plain(path, encoding, tmp_path / "cache") == plain
    path.write_bytes(gzip.compress(b"new") if packed else b"new  ")
    if not encoding.startswith("utf-16"):
        changed = as_plain(path, encoding, tmp_path / "cache")
        assert changed.read_text().strip() == "new"


def test_plain_text_is_left_where_it_is(tmp_path):
    path = tmp_path / "mine.txt"
    for content in (b"", b"a", TEXT.encode(), codecs.BOM_UTF8 + TEXT.encode()):
        path.write_bytes(content)
        assert as_plain(path, "UTF8", tmp_path / "cache") == path
        assert as_plain(tmp_path, "utf-8", tmp_path / "cache") == tmp_path
    assert not (tmp_path / "cache").exists()


def test_a_folder_is_copied_with_its_structure(tmp_path):
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    (folder / "train.de.gz").write_bytes(gzip.compress("schön\n".encode()))
    (folder / "deep/plain.txt").write_text("as it is\n")
    (folder / "data.zip").write_bytes(b"\xff\xfe no text")
    (folder / ".hidden").write_bytes(b"\xff\xfe\xff")
    plain = as_plain(folder, "utf-8", tmp_path / "cache")
    files = {
        path.relative_to(plain).as_posix(): path.read_bytes()
        for path in plain.rglob("*")
        if path.is_file()
    }
    assert files == {
        "train.de": "schön\n".encode(),
        "deep/plain.txt": b"as it is\n",
        "data.zip": b"\xff\xfe no text",
    }


def test_bombs_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"a" * 100_000))
    most = 50 * path.stat().st_size
    monkeypatch.setattr("data.plain.CHUNK", 1000)
    monkeypatch.setattr("data.plain.MAX_RATIO", 50)
    as_plain(path, "utf-8", tmp_path / "cache")
    monkeypatch.setattr("data.plain.MAX_TEXT", 1000)
    path.touch()
    with pytest.raises(UserError, match=f"expected at most {most} bytes unpacked"):
        as_plain(path, "utf-8", tmp_path / "others")
    assert not list(tmp_path.glob("others/*"))


def test_texts_of_tables(tmp_path):
    """The column `text`; line breaks within a text stay, other files are kept."""
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = ['{"id": 1, "Text": "schön\\nund gut"}', '{"id": 2, "Text": "zwei\\n"}']
    (folder / "train.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "test.txt").write_text("as it is\n")
    plain = as_text(folder, tmp_path / "cache")
    texts = {path.name: path.read_text() for path in plain.iterdir()}
    wanted = {"train.txt": "schön\nund gut\nzwei\n", "test.txt": "as it is\n"}
    assert texts == wanted
    file = as_text(folder / "train.jsonl", tmp_path / "cache")
    assert file.read_text() == wanted["train.txt"]
    assert as_text(folder / "test.txt", tmp_path / "cache") == folder / "test.txt"
    (folder / "other.jsonl").write_text('{"body": "x"}\n')
    with pytest.raises(UserError, match="expected a column 'text', found: body"):
        as_text(folder, tmp_path / "cache")
    assert len(list(tmp_path.glob("cache/*"))) == 2


@pytest.mark.parametrize(
    ("name", "content", "encoding", "message"),
    [
        ("a.txt", b"a", "latin-99", "--encoding latin-99: no such encoding"),
        ("a.txt", b"a", "hex", "--encoding hex: no such encoding"),
        ("a.txt", b"caf\xc3", "ascii", "expected ascii text, found byte 3"),
        ("a.txt", b"\xff\xfea", "utf-8", "expected utf-16 text"),
        ("a.csv.gz", b"no archive", "utf-8", "expected a whole gzip file"),
        (
            "a.csv.gz",
            gzip.compress(b"a" * 99, mtime=0)[:-9],
            "utf-8",
            "a whole gzip file",
        ),
        (
            "a.gz",
            gzip.compress(b"caf\xe9", mtime=0),
            "utf-8",
            "--encoding names another",
        ),
    ],
)
def test_refused(tmp_path, name, content, encoding, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        as_plain(tmp_path / name, encoding, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("cache/*"))
