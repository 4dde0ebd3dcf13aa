"""Files that are written completely or not at all, and caches made of such files."""

import contextlib
import hashlib
import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data.errors import UserError
from data.folders import files_in, make_once

EMPTY = np.zeros(0, "uint16")  # an empty file cannot be mapped
# What `np.load` raises for a file that is missing, cut short or otherwise damaged.
DAMAGED = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)


def read_json(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist: expected the folder of a run"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def json_text(value) -> str:
    """JSON with characters as they are, except those of file names that are no text.

    JSON has no NaN and no infinity: they become null.
    """

    def finite(value):
        if isinstance(value, dict):
            return {key: finite(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [finite(item) for item in value]
        is_number = not isinstance(value, float) or math.isfinite(value)
        return value if is_number else None

    value = finite(value)
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file name with bytes that are not UTF-8
        text = json.dumps(value, indent=1, allow_nan=False)
    return text


def sha256(*paths: Path) -> str:
    """One hash over files and over all files of folders, except hidden ones.

    The names of files in a folder count too, because texts are split by them, unless
    all of them are CSV or TSV files.
    """
    total = hashlib.sha256()
    for path in paths:
        files = files_in(path) if path.is_dir() else [path]
        tables = all(x.suffix in {".csv", ".tsv"} for x in files)
        for file in files:
            if path.is_dir() and not tables:
                total.update(os.fsencode(file.relative_to(path).as_posix()) + b"\0")
            try:
                with file.open("rb") as stream:
                    total.update(hashlib.file_digest(stream, "sha256").digest())
            except OSError as error:
                raise UserError(f"{file} cannot be read: {error.strerror}") from None
    return total.hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that a kill at any moment leaves the old one or the new one."""
    with writing_whole(path) as stream:
        stream.write(content)


@contextlib.contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """`write_whole` for content that comes in pieces; an error leaves the old file."""
    making = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with making.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        making.replace(path)
    finally:
        making.unlink(missing_ok=True)


def cached(path: Path, make: Callable[[], dict]) -> dict:
    """Returns the contents of the `.npz` file at `path`, or makes and stores them.

    The values are arrays, lists of one-dimensional arrays, or anything that JSON holds.
    """
    with (
        contextlib.suppress(*DAMAGED),
        path.open("rb") as stream,
        np.load(stream) as kept,
    ):
        values = {}
        for name, value in kept.items():
            key, _, kind = name.rpartition(".")
            if kind == "json":
                values[key] = json.loads(value.tobytes())
            elif kind == "rows":
                values[key] = np.split(value, kept[f"{key}.ends"])[:-1]
            elif kind == "array":
                values[key] = value
        return values
    made, arrays = make(), {}
    for key, value in made.items():
        if isinstance(value, np.ndarray):
            arrays[f"{key}.array"] = value
        elif value and isinstance(value, list) and isinstance(value[0], np.ndarray):
            arrays[f"{key}.rows"] = np.concatenate(value)
            arrays[f"{key}.ends"] = np.cumsum([len(row) for row in value])
        else:
            arrays[f"{key}.json"] = np.frombuffer(json.dumps(value).encode(), np.uint8)
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, packed.getvalue())
    return made


def mapped(folder: Path, make: Callable[[], dict]) -> dict[str, np.ndarray]:
    """Returns the arrays of ids stored in `folder`, or makes and stores them.

    Args:
        folder: Exists completely or not at all; one file per array.
        make: Returns by name an iterable of pieces `[n]`, whole numbers from 0 to below
            65,536. Only one piece is in memory at a time.

    Returns:
        By name, `uint16` arrays `[n]`, mapped from disk and read-only.
    """

    def write(making: Path) -> None:
        for name, pieces in make().items():
            with (making / f"{name}.ids").open("wb") as stream:
                for piece in pieces:
                    stream.write(np.asarray(piece, "uint16").data)

    make_once(folder, write)
    return {
        file.stem: np.memmap(file, "uint16", "r") if file.stat().st_size else EMPTY
        for file in sorted(folder.glob("*.ids"))
    }
