"""Karpathy's `tinyshakespeare` as three parts.

nanoGPT trains on the first 90 % of the characters and reports its loss on the last
10 %. These are `test.txt` here, so that results can be compared. The 5 % before them
are held out for validation.
"""

import hashlib
from pathlib import Path

from data.errors import UserError


def digest(path: Path) -> str:
    """sha256 of this code and the file."""
    return hashlib.sha256(Path(__file__).read_bytes() + path.read_bytes()).hexdigest()


def convert(path: Path, folder: Path) -> None:
    """Writes `train.txt`, `validation.txt` and `test.txt` into `folder`."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        found = f"found byte {error.start}: {error.reason}"
        raise UserError(f"{path}: expected UTF-8 text, {found}") from None
    places = [0, int(len(text) * 0.85), int(len(text) * 0.9), len(text)]
    parts = zip(("train", "validation", "test"), places[:-1], places[1:], strict=True)
    for part, start, end in parts:
        (folder / f"{part}.txt").write_bytes(text[start:end].encode())
