"""Labelled texts in a file or a folder, as training, validation and test parts."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from data.errors import UserError

from .tables import SUFFIXES, decoded, read_table, report_skipped

PART = "train$|validation$|test($|_)"

Rows = list[tuple[str, str]]


def read_splits(
    data: Path, test_data: Path | None, columns: tuple[str, str], seed: int, labels=None
) -> tuple[dict[str, Rows], list[str]]:
    """Returns the rows `(text, label)` of each part, and the labels in order.

    A folder contains `train.csv`, and optionally `validation.csv`, `test.csv` and any
    `test_NAME.csv`, or the same with another ending that `read_table` knows. Or it
    contains a subfolder of `.txt` files for each class; or `train`, optionally
    `validation` and `test`, with such subfolders.

    A missing part is split off from training: a fifth for test, then a tenth of the
    rest for validation, stratified, with equal texts in the same part.

    Args:
        data: A file that `read_table` knows, or such a folder.
        test_data: A file, or a folder with a subfolder per class, for the part `test`,
            or `None`.
        columns: Names of the text column and the label column.
        seed: Random seed of the split.
        labels: Those of an earlier run; `None`: those of the training part, sorted.

    Raises `UserError` for fewer than two labels, a label with fewer than 5 rows in the
    training file, a label that does not occur in training, and all that `read_table`
    rejects.
    """
    files = {"train": data}
    if data.is_dir():
        files = _files_of_parts(data)
    if test_data:
        files["test"] = test_data
    rows = {name: _read_rows(path, columns) for name, path in files.items()}
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


def _files_of_parts(folder: Path) -> dict[str, Path]:
    """The file, or the folder with a subfolder per class, of each part."""
    names = [path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES]
    files = {path.stem: path for path in names if re.match(PART, path.stem)}
    if "train" in files:
        return files
    folders = {path.name: path for path in sorted(folder.iterdir()) if _classes(path)}
    if "train" in folders:
        return {name: path for name, path in folders.items() if re.match(PART, name)}
    if _classes(folder):
        return {"train": folder}
    raise UserError(
        f"{folder}: expected train.csv, or a subfolder of .txt files for each class"
    )


def _classes(folder: Path) -> list[Path]:
    """The subfolders that contain `.txt` files."""
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if any(path.glob("*.txt"))]


def _read_folder(folder: Path) -> Rows:
    rows, skipped = [], Counter()
    for inner in _classes(folder):
        for path in sorted(inner.glob("*.txt")):
            try:
                text = decoded(path.read_bytes(), path)
            except (OSError, UserError):
                skipped["files that are not UTF-8"] += 1
                continue
            if not text.strip() or "\0" in text:
                skipped["files without text"] += 1
            else:
                rows.append((text, inner.name))
    report_skipped(folder, len(rows), skipped)
    return rows


def _read_rows(path: Path, columns: tuple[str, str]) -> Rows:
    """The rows of a file or folder, labels without surrounding spaces."""
    if path.is_dir():
        return _read_folder(path)
    rows = [(text, label.strip()) for text, label in read_table(path, columns)[0]]
    spellings: dict[str, str] = {}
    for label in sorted({label for _, label in rows}):
        other = spellings.setdefault(label.casefold(), label)
        if other != label:
            print(f"{path.name}: {other!r} and {label!r} are two classes")
    return rows


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
