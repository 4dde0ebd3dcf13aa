"""Plain text in a file or a folder, as training, validation and test parts.

Texts are read lazily, a piece at a time, so they may be larger than memory.
"""

import codecs
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.errors import UserError
from data.parts import HELD_OUT, PARTS, split_by_name
from data.plain import as_text
from data.tables import OTHERS

CACHE = Path(".cache/plain")  # for texts out of tables
NAMES = ("validation", "valid", "val")  # in file names, in place of "train"
CHUNK = 1 << 20  # bytes read at a time
FAR = 1 << 16  # bytes before a cut that are searched for a line end


@dataclass(frozen=True)
class Part:
    """The text of one part: ranges of bytes in files. Nothing is kept in memory."""

    spans: tuple[tuple[Path, int, int], ...]  # file, first byte, byte after the last

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(end - start for _, start, end in self.spans)

    def chunks(self, size: int = CHUNK) -> Iterator[str]:
        """Yields the text in pieces of about `size` bytes, split at line ends, or
        between characters where a line is longer than that.

        Byte order marks are removed, "\\r\\n" becomes "\\n", and a missing line end is
        added to a file that is followed by another one.

        Raises `UserError` for a file that cannot be read or is not UTF-8.
        """
        ended = True
        for path, start, end in self.spans:
            if not ended:
                yield "\n"
            for text in _texts(path, start, end, size):
                yield text
                ended = text.endswith("\n")


def read_parts(path: Path, max_chars: int = 0) -> dict[str, Part]:
    """Returns the parts `train`, `validation` and `test` of a file or folder of texts.

    - A folder with one file per part: `train.txt`, `validation.txt` and `test.txt`, or
      any three names that differ only in this word, also with `valid` or `val`:
      `ptb.train.txt`, `ptb.valid.txt`, `ptb.test.txt` of Mikolov's Penn Treebank,
      which has no catalog name, or `wiki.train.tokens` ... of the WikiText sets. Of
      several such triples the one with the shortest names is read.
    - Any other folder: its text files, at any depth, are assigned to the parts by
      `split_by_name`. Hidden files, files with a NUL byte and those that are not UTF-8
      are left out; how many of the latter is printed.
    - A file: the last 5 % are test, the 5 % before them validation.

    Of JSON Lines and Parquet files the column `text` is read.

    Args:
        path: A file of UTF-8 text, or a folder of them.
        max_chars: Maximum size of all parts together, in bytes. Keeps the beginning of
            each part, in proportion to its size, and prints this. 0: no limit.

    Cuts are at line ends, or between characters where lines are very long.

    Raises `UserError` for a file that cannot be read or is not UTF-8, no text, too
    little text for three parts, or a folder with `train.txt` but not the other two.
    """
    path = as_text(Path(path), CACHE)
    try:
        parts = _in_folder(path) if path.is_dir() else _in_file(path)
        total = sum(part.size for part in parts.values())
        if 0 < max_chars < total:
            share = max_chars / total
            parts = {n: _beginning(p, int(p.size * share)) for n, p in parts.items()}
            kept = sum(part.size for part in parts.values())
            print(f"--max-chars keeps {kept:,} of {total:,} bytes of {path}")
    except OSError as error:
        name = error.filename or path
        raise UserError(f"{name}: cannot be read: {error.strerror}") from None
    for name, part in parts.items():
        # Usually reads the first piece only.
        if all(text.isspace() for text in part.chunks()):
            kept = f"{max_chars} of " if 0 < max_chars < total else ""
            found = f"found none in the part {name!r} of {kept}{total} bytes"
            raise UserError(f"{path}: expected text in every part, {found}")
    return parts


def read_whole(path: Path) -> Part:
    """Returns a whole file as one part, such as a user's test part.

    Raises `UserError` for a file that cannot be read, is not UTF-8, or has no text.
    """
    path = as_text(Path(path), CACHE)
    try:
        part = Part(((path, 0, path.stat().st_size),))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if all(text.isspace() for text in part.chunks()):
        raise UserError(f"{path}: expected text, found none")
    return part


def between_words(part: Part) -> Iterator[str]:
    """Yields the text of a part in pieces that end at spaces or line ends, if any."""
    rest = ""
    for text in part.chunks():
        text = rest + text
        end = len(text) if text.endswith("\n") else text.rfind(" ") + 1 or len(text)
        rest = text[end:]
        yield text[:end]
    yield rest


def _in_folder(folder: Path) -> dict[str, Part]:
    names = {entry.name for entry in folder.iterdir() if entry.is_file()}
    triples = [
        (name, name.replace("train", valid), name.replace("train", "test"))
        for name in names
        for valid in NAMES
        if "train" in name and not name.startswith(".")
    ]
    triples = [triple for triple in triples if names.issuperset(triple)]
    if triples:
        triple = min(triples, key=lambda names: (len(names[0]), names))
        files = dict(zip(PARTS, ([folder / name] for name in triple), strict=True))
    elif "train.txt" in names:
        wanted = "expected train.txt, validation.txt and test.txt"
        raise UserError(f"{folder}: {wanted}, found train.txt without the others")
    else:
        found = list(_walk(folder))
        readable = [path for path in found if _is_utf8(path)]
        if wrong := len(found) - len(readable):
            what = f"left out {wrong} of {len(found)} files of {folder}: not UTF-8"
            print(f"{what} ({OTHERS})", flush=True)
        texts = {path.relative_to(folder).as_posix(): path for path in readable}
        if len(texts) < len(PARTS):
            wanted = f"{folder}: expected {len(PARTS)} text files or more"
            raise UserError(f"{wanted}, found {len(texts)}")
        split = split_by_name({n: path.stat().st_size for n, path in texts.items()})
        files = {part: [texts[name] for name in split[part]] for part in PARTS}
    return {
        part: Part(tuple((path, 0, path.stat().st_size) for path in paths))
        for part, paths in files.items()
    }


def _walk(folder: Path) -> Iterator[Path]:
    """Yields the text files in a folder, at any depth, except hidden ones."""
    for inner, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(inner, name)
            if not name.startswith(".") and path.is_file():
                with path.open("rb") as file:
                    beginning = file.read(8192)
                if beginning and b"\0" not in beginning:
                    yield path


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(CHUNK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _in_file(path: Path) -> dict[str, Part]:
    size = path.stat().st_size
    cuts = [int(size * (1 - count * HELD_OUT)) for count in (2, 1)]
    places = [0, *(_cut(path, 0, place) for place in cuts), size]
    spans = zip(PARTS, places[:-1], places[1:], strict=True)
    return {name: Part(((path, start, end),)) for name, start, end in spans}


def _beginning(part: Part, size: int) -> Part:
    """The first `size` bytes of a part, or fewer, up to a line end."""
    spans = []
    for path, start, end in part.spans:
        cut = end if end - start <= size else _cut(path, start, start + size)
        spans.append((path, start, cut))
        size -= cut - start
        if cut < end or not size:
            break
    return Part(tuple(spans))


def _cut(path: Path, first: int, place: int) -> int:
    """Returns the position after the last line end before `place`, or, if it is more
    than `FAR` bytes or 2.5 % of the way from `first` away, the start of a character."""
    window = max(4, min(FAR, (place - first) // 40))
    start = max(first, place - window)
    with path.open("rb") as file:
        file.seek(start)
        block = file.read(place - start + 1)  # a line may end at `place` itself
    line = block.rfind(b"\n") + 1
    return start + line if line else start + _last_character(block)


def _texts(path: Path, place: int, end: int, size: int) -> Iterator[str]:
    """Yields bytes `place` to `end` of a file as text, `size` bytes at a time."""
    try:
        with path.open("rb") as file:
            file.seek(place)
            marked, rest = place == 0, b""
            while place < end:
                block = file.read(min(size, end - place - len(rest)))
                whole = rest + block
                if not block or place + len(whole) == end:
                    cut, end = len(whole), place + len(whole)  # or file truncated
                else:
                    cut = whole.rfind(b"\n") + 1 or _last_character(whole)
                text = whole[:cut].decode().replace("\r\n", "\n")
                if marked and text:
                    text, marked = text.removeprefix("\ufeff"), False
                if text:
                    yield text
                place, rest = place + cut, whole[cut:]
    except UnicodeDecodeError as error:
        found = f"found byte {place + error.start}: {error.reason}"
        raise UserError(f"{path}: expected UTF-8 text, {found}; {OTHERS}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _last_character(block: bytes) -> int:
    """Returns where the last character of the block begins. It may continue after the
    block, or begin a line end "\\r\\n"."""
    place = len(block) - 1
    while place > 0 and len(block) - place < 4 and block[place] & 0xC0 == 0x80:
        place -= 1
    return max(place, 0)
