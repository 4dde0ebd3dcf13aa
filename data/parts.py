"""The parts of a data set, and how names are divided among them."""

import hashlib
import os

PARTS = ("train", "validation", "test")
HELD_OUT = 0.05  # share of the text in validation, and in test


def split_by_name(sizes: dict[str, int]) -> dict[str, list[str]]:
    """Returns the names in each part. Test, then validation, take names until they have
    5 % of the total size; the rest are for training.

    Names are ordered by their hash, within the parts too. This separates neighbours in
    a folder, and adding or removing a name moves few others. Names with more than 5 %
    of the total size come last, so that none of them dominates a held-out part.
    """
    share = HELD_OUT * sum(sizes.values())
    small = sum(size for size in sizes.values() if size <= share)

    def place(name: str) -> tuple[bool, bytes]:
        return sizes[name] > share, hashlib.sha256(os.fsencode(name)).digest()

    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    missing = dict.fromkeys(("test", "validation"), min(share, small / 3))
    for name in sorted(sizes, key=place):
        wanting = (part for part in missing if missing[part] > 0 or not parts[part])
        part = next(wanting, "train")
        parts[part].append(name)
        if part in missing:
            missing[part] -= sizes[name]
    return parts
