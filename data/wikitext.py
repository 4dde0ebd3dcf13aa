"""The word-level WikiText archives, in their own three parts."""

import shutil
from functools import partial
from pathlib import Path

from data import zips

MAX_TEXT = 10**9  # bytes of an unpacked part
NAMES = {"train": "train", "validation": "valid", "test": "test"}

digest = partial(zips.digest, __file__)


def convert(archive: Path, folder: Path) -> None:
    """Writes `wiki.train.tokens` ... as `train.txt`, `validation.txt`, `test.txt`."""
    with zips.opened(archive) as members:
        for part, name in NAMES.items():
            with (
                members.open(f"wiki.{name}.tokens", MAX_TEXT) as text,
                (folder / f"{part}.txt").open("wb") as file,
            ):
                shutil.copyfileobj(text, file)
