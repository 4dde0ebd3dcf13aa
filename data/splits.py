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
    """Returns the rows `(text, label)` of each part, and the labels in order.

    A folder contains `train.csv`, and optionally `validation.csv`, `test.csv` and any
    `test_NAME.csv`. A missing part is split off from training: a fifth for test, then a
    tenth of the rest for validation, stratified, with equal texts in the same part.

    Args:
        data: A CSV or TSV file, or such a folder.
        test_data: A file for the part `test`, or `None`.
        columns: Names of the text column and the label column.
        seed: Random seed of the split.
        labels: Those of an earlier run; `None`: those of the training part, sorted.

    Raises `UserError` for fewer than two labels, a label with fewer than 5 rows in the
    training file, a label that does not occur in training, and all that `read_table`
    rejects.
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
                f"{files[name]}: label {strange[0][:40]!r} does not occur in training"
            )
    for name, share in (("test", 0.2), ("validation", 0.1)):
        if name not in rows:
            rows[name], rows["train"] = split_off(rows["train"], share, seed)
    return rows, labels


def split_off(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Splits off a share of each label's texts; equal texts stay on the same side."""
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
        # At least one group on each side: five equal texts are a single group.
        count = min(max(1, round(share * len(order))), len(order) - 1)
        for place, index in enumerate(order):
            (taken if place < count else left).extend(by_label[label][index])
    return taken, left
