"""Sums as text, `57+481` -> `538`: the whole of arithmetic that two numbers need.

Both terms have one to three digits, each length as often as the others until its sums
are used up: all that are short are there. No two sums have the same terms, in whatever
order, so none of test or validation was seen in training the other way round.
"""

import hashlib
from pathlib import Path
from random import Random

from data import pairs

SEED = 30
DIGITS = 3
SIZES = {"train": 45000, "validation": 2500, "test": 2500}


def generate(seed: int = SEED) -> dict[str, list[tuple[str, str]]]:
    """All parts, `(sum, answer)`; the same for the same seed on every Python."""
    random = Random(seed)
    sums: dict[tuple[int, int], tuple[str, str]] = {}
    while len(sums) < sum(SIZES.values()):
        a, b = _number(random), _number(random)
        sums.setdefault((min(a, b), max(a, b)), (f"{a}+{b}", str(a + b)))
    # The first to be drawn are short: `random.shuffle` may change with Python.
    rows = sorted(sums.values(), key=lambda row: random.random())
    parts, place = {}, 0
    for part, size in SIZES.items():
        parts[part] = rows[place : place + size]
        place += size
    return parts


def _number(random: Random) -> int:
    length = 1 + int(random.random() * DIGITS)
    first = 0 if length == 1 else 10 ** (length - 1)
    return first + int(random.random() * (10**length - first))


def write(folder: Path) -> None:
    """`train.tsv`, `validation.tsv` and `test.tsv`."""
    for part, rows in generate().items():
        pairs.write_pairs(folder / f"{part}.tsv", rows)


def version() -> str:
    """Changes with the code that makes the files."""
    digest = hashlib.sha256()
    for code in (__file__, pairs.__file__):
        digest.update(Path(code).read_bytes())
    return digest.hexdigest()[:12]
