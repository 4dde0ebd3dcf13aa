"""Mahoney's `text8` as three parts.

The division of its character models: the first 90 million characters to train, then 5
million for validation and 5 million for test (Mikolov et al., Subword Language Modeling
with Neural Networks, 2012). All are a-z and spaces: a character is a byte.
"""

from functools import partial
from pathlib import Path

from data import zips
from data.errors import UserError

SIZES = {"train": 90_000_000, "validation": 5_000_000, "test": 5_000_000}

digest = partial(zips.digest, __file__)


def convert(archive: Path, folder: Path) -> None:
    """Write `train.txt`, `validation.txt` and `test.txt` into `folder`."""
    total = sum(SIZES.values())
    with zips.opened(archive) as members, members.open("text8", total) as text:
        for part, size in SIZES.items():
            found = text.read(size)
            if len(found) < size:
                wanted = f"text8 of {total} bytes"
                raise UserError(f"{archive}: expected {wanted}, found fewer")
            (folder / f"{part}.txt").write_bytes(found)
