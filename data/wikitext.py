"""The word-level WikiText archives as three parts, in the division they come in."""

import shutil
from functools import partial
from pathlib import Path

from data import zips

MAX_TEXT = 10**9  # bytes of a part unpacked
NAMES = {"train": "train", "validation": "valid", "test": "test"}

digest = partial(zips.digest, __file__)


def convert(archive: Path, folder: Path) -> None:
    """Write `wiki.train.tokens` ... as `train.txt`, `validation.txt`, `test.txt`."""
    with zips.opened(archive) as members:
        for part, name in NAMES.items():
            with (
                members.open(f"wiki.{name}.tokens", MAX_TEXT) as text,
                (folder / f"{part}.txt").open("wb") as file,
            ):
                shutil.copyfileobj(text, file)
