"""Makes plain UTF-8 text of texts that are packed (`.gz`), in another encoding, or in a
column of a table."""

import codecs
import gzip
import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path

from data.errors import UserError
from data.folders import files_in, make_once
from data.tables import each_row

MARKS = {  # the longer ones first: that of UTF-32 begins like that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
BINARY = {".zip", ".parquet"}
CHUNK = 1 << 20  # bytes
MAX_TEXT = 10**9  # bytes unpacked: more only from a file that is not far smaller, as
MAX_RATIO = 100  # a few MB can claim to hold petabytes
TABLES = (".jsonl", ".parquet")
COLUMN = ("text",)


def as_plain(path: Path, encoding: str, cache: Path) -> Path:
    """Returns `path`, or if any file needs it, a plain copy in the folder `cache`.

    Files ending in `.gz` are unpacked and lose this ending, unless the unpacked file is
    there too; UTF-16 and UTF-32 are recognised by their byte order mark.

    Args:
        path: A file, or a folder of which all files, except hidden ones, are meant.
        encoding: Encoding of the texts without such a mark, such as `utf-8`, `cp1252`
            or `gb18030`.
        cache: A folder for copies.

    Raises `UserError` for an unknown encoding, another encoding in a file than the
    given one, or a damaged file.
    """
    name = codec_name(encoding)

    def convert(file: Path) -> Callable[[Path], None] | None:
        if _is_special(file, name):
            return lambda target: _recode(file, target, name)
        return None

    return _converted(path, convert, name, cache)


def codec_name(encoding: str) -> str:
    """Python's name of an encoding of texts. Raises `UserError` if it has none."""
    try:
        codec = codecs.lookup(encoding)
        if not codec._is_text_encoding:  # "hex", for example
            raise LookupError
    except LookupError:
        raise UserError(f"--encoding {encoding}: no such encoding") from None
    return codec.name


def as_text(path: Path, cache: Path) -> Path:
    """Returns `path`, or if it is or holds JSON Lines or Parquet, plain texts in the
    folder `cache`: the column `text`, a line for each row, in files ending in `.txt`.

    Raises `UserError` as `read_table`.
    """

    def convert(file: Path) -> Callable[[Path], None] | None:
        if file.suffix.lower() in TABLES:
            return lambda target: _write_column(file, target.with_suffix(".txt"))
        return None

    return _converted(path, convert, "text", cache)


def _converted(path: Path, convert: Callable, key, cache: Path) -> Path:
    """Returns `path`, or if `convert` wants any of its files, a folder with them
    converted and links to the others.

    `convert(file)` returns a function that writes the new file, or `None`.
    """
    files = files_in(path) if path.is_dir() else [path]
    names = set(files)
    files = [x for x in files if not (_is_packed(x) and x.with_suffix("") in names)]
    try:
        writers = {file: writer for file in files if (writer := convert(file))}
        if not writers:
            return path
        states = [(os.fsencode(file), *_state(file)) for file in files]
    except OSError as error:
        name = error.filename or path
        raise UserError(f"{name}: cannot be read: {error.strerror}") from None

    def write(folder: Path) -> None:
        for file in files:
            target = folder / path.name
            target = target / file.relative_to(path) if path.is_dir() else target
            target.parent.mkdir(parents=True, exist_ok=True)
            if file in writers:
                writers[file](target)
            else:
                target.symlink_to(file.resolve())

    digest = hashlib.sha256(repr((key, states)).encode()).hexdigest()[:16]
    return next(make_once(cache / digest, write).iterdir())


def _state(file: Path) -> tuple[int, int]:
    """Size and time of the last change."""
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


def _is_packed(file: Path) -> bool:
    return file.suffix.lower() == ".gz"


def _is_special(file: Path, encoding: str) -> bool:
    if file.suffix.lower() in BINARY:
        return False
    if _is_packed(file) or encoding != "utf-8":
        return True
    with file.open("rb") as stream:
        beginning = stream.read(4)
    return any(beginning.startswith(mark) for mark in MARKS)


def _recode(file: Path, target: Path, encoding: str) -> None:
    place, is_packed = 0, _is_packed(file)
    target = target.with_suffix("") if is_packed else target
    most = max(MAX_TEXT, MAX_RATIO * file.stat().st_size)
    try:
        with (
            (gzip.open if is_packed else open)(file, "rb") as source,
            target.open("wb") as plain,
        ):
            chunk = source.read(CHUNK)
            marked = (name for mark, name in MARKS.items() if chunk.startswith(mark))
            encoding = next(marked, encoding)
            decoder = codecs.getincrementaldecoder(encoding)()
            while chunk:
                plain.write(decoder.decode(chunk).encode())
                place += len(chunk)
                if place > most:
                    raise UserError(f"{file}: expected at most {most} bytes unpacked")
                chunk = source.read(CHUNK)
            plain.write(decoder.decode(b"", final=True).encode())
    except UnicodeError as error:
        where = place + getattr(error, "start", 0)
        reason = getattr(error, "reason", error)
        wanted = f"expected {encoding} text, found byte {where}: {reason}"
        hint = "" if encoding != "utf-8" else "; --encoding names another encoding"
        raise UserError(f"{file}: {wanted}{hint}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{file}: expected a whole gzip file: {error}") from None


def _write_column(file: Path, target: Path) -> None:
    with target.open("w", encoding="utf-8", newline="") as plain:
        for (text,) in each_row(file, COLUMN):
            plain.write(text.rstrip("\n") + "\n")
