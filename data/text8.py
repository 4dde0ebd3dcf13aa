"""Mahoney's `text8` as three parts.

The usual division for character models: the first 90 million characters for training,
the next 5 million for validation, the last 5 million for test (Mikolov et al., Subword
Language Modeling with Neural Networks, 2012). All characters are a-z and spaces, one
byte each.
"""

from functools import partial
from pathlib import Path

from data import zips
from data.errors import UserError

SIZES = {"train": 90_000_000, "validation": 5_000_000, "test": 5_000_000}

digest = partial(zips.digest, __file__)


def convert(archive: Path, folder: Path) -> None:
    """Writes `train.txt`, `validation.txt` and `test.txt` into `folder`."""
    total = sum(SIZES.values())
    with zips.opened(archive) as members, members.open("text8", total) as text:
        for part, size in SIZES.items():
            content = text.read(size)
            if len(content) < size:
                wanted = f"text8 of {total} bytes"
                raise UserError(f"{archive}: expected {wanted}, found fewer")
            (folder / f"{part}.txt").write_bytes(content)
