"""Sums of two numbers as text: `57+481` -> `538`.

Both terms have one to three digits. Each length is drawn equally often until its sums
are used up, so all short sums are present. No two sums have the same terms in either
order, so no test or validation sum appears in training with its terms swapped.
"""

import hashlib
from pathlib import Path
from random import Random

from data import pairs

SEED = 30
DIGITS = 3
SIZES = {"train": 45000, "validation": 2500, "test": 2500}


def generate(seed: int = SEED) -> dict[str, list[tuple[str, str]]]:
    """Returns `(sum, answer)` by part; depends on the seed only, not on Python."""
    random = Random(seed)
    sums: dict[tuple[int, int], tuple[str, str]] = {}
    while len(sums) < sum(SIZES.values()):
        a, b = _number(random), _number(random)
        sums.setdefault((min(a, b), max(a, b)), (f"{a}+{b}", str(a + b)))
    # Short sums are drawn first. `random.shuffle` may change between Python versions.
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
    """Writes `train.tsv`, `validation.tsv` and `test.tsv` into `folder`."""
    for part, rows in generate().items():
        pairs.write_pairs(folder / f"{part}.tsv", rows)


def version() -> str:
    """A hash of the code that makes the files."""
    digest = hashlib.sha256()
    for code in (__file__, pairs.__file__):
        digest.update(Path(code).read_bytes())
    return digest.hexdigest()[:12]
