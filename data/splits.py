"""Labelled texts in a file or a folder, as training, validation and test parts."""

from collections import Counter
from pathlib import Path

import numpy as np

from data.errors import UserError

from .tables import read_table

Rows = list[tuple[str, str]]


def read_splits(
    data: Path, test_data: Path | None, columns: tuple[str, str], seed: int, labels=None
) -> tuple[dict[str, Rows], list[str]]:
    """Rows `(text, label)` by the name of their part, and the labels in order.

    A folder holds `train.csv`, and may hold `validation.csv`, `test.csv` and further
    `test_NAME.csv`. A part that is missing is split off from training: a fifth for
    test, then a tenth for validation, by text and stratified.

    Args:
        data: A CSV or TSV file, or such a folder.
        test_data: A file for the part `test`, or `None`.
        columns: Names of the text's and the label's column.
        seed: Of the split.
        labels: Those of an earlier run; `None`: those of the training part, sorted.

    Raises `UserError`: fewer than two labels, a label with fewer than 5 rows in the
    training file, a label that training lacks, and all that `read_table` finds.
    """
    files = {"train": data}
    if data.is_dir():
        files = {path.stem: path for path in sorted(data.glob("*.csv"))}
        if "train" not in files:
            raise UserError(
                f"{data}: expected a file, found a folder without train.csv"
            )
    if test_data:
        files["test"] = test_data
    rows = {name: read_table(path, columns)[0] for name, path in files.items()}
    counts = Counter(label for _, label in rows["train"])
    if labels is None:
        labels = sorted(counts)
        if len(labels) < 2:
            raise UserError(f"{files['train']}: expected two classes or more, found 1")
        rarest = min(labels, key=counts.get)
        if counts[rarest] < 5:
            raise UserError(
                f"{files['train']}: expected 5 rows or more of each class, found "
                f"{counts[rarest]} of {rarest!r}"
            )
    for name, part in rows.items():
        if strange := sorted({label for _, label in part} - set(labels)):
            raise UserError(
                f"{files[name]}: label {strange[0][:40]!r} does not stand in training"
            )
    for name, share in (("test", 0.2), ("validation", 0.1)):
        if name not in rows:
            rows[name], rows["train"] = split_off(rows["train"], share, seed)
    return rows, labels


def split_off(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """A share of each label's texts, and the rest; equal texts stay on one side."""
    groups: dict[str, Rows] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    by_label: dict[str, list[Rows]] = {}
    for group in groups.values():
        by_label.setdefault(group[0][1], []).append(group)
    taken, left = [], []
    random = np.random.default_rng(seed)
    for label in sorted(by_label):
        order = random.permutation(len(by_label[label]))
        # At least one, and at least one is left: five equal texts are one group.
        count = min(max(1, round(share * len(order))), len(order) - 1)
        for place, index in enumerate(order):
            (taken if place < count else left).extend(by_label[label][index])
    return taken, left
