"""Makes plain UTF-8 text of texts that are packed (`.gz`) or in another encoding."""

import codecs
import gzip
import hashlib
import os
import shutil
import zlib
from pathlib import Path

from data.errors import UserError
from data.folders import files_in, make_once

MARKS = {  # the longer ones first: that of UTF-32 begins like that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
BINARY = {".zip", ".parquet"}
CHUNK = 1 << 20  # bytes


def as_plain(path: Path, encoding: str, cache: Path) -> Path:
    """Returns `path`, or if any file needs it, a plain copy in the folder `cache`.

    Files ending in `.gz` are unpacked and lose this ending; UTF-16 and UTF-32 are
    recognised by their byte order mark.

    Args:
        path: A file, or a folder of which all files, except hidden ones, are meant.
        encoding: Encoding of the texts without such a mark, such as `utf-8`, `cp1252`
            or `gb18030`.
        cache: A folder for copies.

    Raises `UserError` for an unknown encoding, another encoding in a file than the
    given one, or a damaged file.
    """
    try:
        codec = codecs.lookup(encoding)
        if not codec._is_text_encoding:  # "hex", for example
            raise LookupError
    except LookupError:
        raise UserError(f"--encoding {encoding}: no such encoding") from None
    files = files_in(path) if path.is_dir() else [path]
    try:
        special = {file for file in files if _is_special(file, codec.name)}
        if not special:
            return path
        states = [(os.fsencode(file), *_state(file)) for file in files]
    except OSError as error:
        name = error.filename or path
        raise UserError(f"{name}: cannot be read: {error.strerror}") from None

    key = hashlib.sha256(repr((codec.name, states)).encode()).hexdigest()[:16]

    def write(folder: Path) -> None:
        for file in files:
            target = folder / path.name
            target = target / file.relative_to(path) if path.is_dir() else target
            target.parent.mkdir(parents=True, exist_ok=True)
            if file in special:
                name = target.stem if file.suffix.lower() == ".gz" else target.name
                _convert(file, target.with_name(name), codec.name)
            else:
                shutil.copyfile(file, target)

    made = make_once(cache / key, write)
    return next(made.iterdir())


def _state(file: Path) -> tuple[int, int]:
    """Size and time of the last change."""
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


def _is_special(file: Path, encoding: str) -> bool:
    if file.suffix.lower() in BINARY:
        return False
    if file.suffix.lower() == ".gz" or encoding != "utf-8":
        return True
    with file.open("rb") as stream:
        beginning = stream.read(4)
    return any(beginning.startswith(mark) for mark in MARKS)


def _convert(file: Path, target: Path, encoding: str) -> None:
    place, is_packed = 0, file.suffix.lower() == ".gz"
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
