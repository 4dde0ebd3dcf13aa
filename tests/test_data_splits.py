"""Splits of labelled texts: stratified, by text, the same for the same seed."""

from collections import Counter

import pytest

from data.errors import UserError
from data.splits import read_splits, split_off
from data.tables import write_table

COLUMNS = ("text", "label")


def rows_of(count, share_good=0.25):
    good = round(share_good * count)
    return [(f"text {n}", "good" if n < good else "bad") for n in range(count)]


def written(path, rows):
    write_table(path, COLUMNS, rows)
    return path


def test_shares_hold_in_each_class():
    taken, left = split_off(rows_of(400), 0.2, seed=0)
    assert Counter(label for _, label in taken) == {"good": 20, "bad": 60}
    assert sorted(taken + left) == sorted(rows_of(400))


def test_seed_decides_what_is_taken():
    first, other = (split_off(rows_of(200), 0.2, seed)[0] for seed in (0, 1))
    assert first == split_off(rows_of(200), 0.2, 0)[0]
    assert set(first) != set(other)


def test_equal_texts_stay_on_one_side():
    rows = [(f"text {n % 40}", "good" if n % 40 < 20 else "bad") for n in range(200)]
    # With another label it is still the same text.
    rows += [("text 0", "bad"), ("text 39", "good")]
    taken, left = split_off(rows, 0.3, seed=2)
    assert not {text for text, _ in taken} & {text for text, _ in left}
    assert taken and len(taken) + len(left) == len(rows)


@pytest.mark.parametrize("texts", [1, 2])
def test_something_of_each_class_is_left(texts):
    rows = [(f"rare {n % texts}", "rare") for n in range(6)] + rows_of(50)
    _, left = split_off(rows, 0.2, seed=0)
    assert {label for _, label in left} == {"rare", "good", "bad"}


def test_a_file_alone_becomes_three_parts(tmp_path):
    parts, labels = read_splits(
        written(tmp_path / "a.csv", rows_of(100)), None, COLUMNS, 0
    )
    assert labels == ["bad", "good"]
    assert {name: len(rows) for name, rows in parts.items()} == {
        "train": 72,
        "test": 20,
        "validation": 8,
    }
    assert sorted(row for part in parts.values() for row in part) == sorted(
        rows_of(100)
    )


def test_a_test_file_is_the_test_part(tmp_path):
    train = written(tmp_path / "a.csv", rows_of(100))
    test = written(tmp_path / "b.csv", [("new", "good")])
    parts, _ = read_splits(train, test, COLUMNS, 0)
    assert parts["test"] == [("new", "good")]
    assert len(parts["train"]) + len(parts["validation"]) == 100


def test_a_folder_names_its_parts(tmp_path):
    written(tmp_path / "train.csv", rows_of(40))
    for name in ("test", "test_other", "validation"):
        written(tmp_path / f"{name}.csv", [(name, "bad")])
    parts, _ = read_splits(tmp_path, None, COLUMNS, 0)
    assert parts.pop("train") == rows_of(40)
    assert parts == {n: [(n, "bad")] for n in ("test", "test_other", "validation")}


def test_labels_lose_spaces_and_differences_in_case_are_said(tmp_path, capsys):
    rows = [(f"text {n}", label) for n in range(9) for label in ("pos", "neg ", "neg")]
    labels = read_splits(written(tmp_path / "a.csv", rows), None, COLUMNS, 0)[1]
    assert labels == ["neg", "pos"]
    assert capsys.readouterr().out == ""
    rows += [(f"other {n}", " Pos") for n in range(9)]
    labels = read_splits(written(tmp_path / "a.csv", rows), None, COLUMNS, 0)[1]
    assert labels == ["Pos", "neg", "pos"]
    assert "a.csv: 'Pos' and 'pos' are two classes" in capsys.readouterr().out


def class_folders(folder, count):
    for label in ("bad", "good"):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            text = f"{folder.name} {label}\nnumber {number}"
            (folder / label / f"{number}.txt").write_text(text)


def test_a_subfolder_for_each_class(tmp_path, capsys):
    class_folders(tmp_path / "mine", 30)
    (tmp_path / "mine/README").write_text("no class")
    (tmp_path / "mine/bad/odd.txt").write_bytes(b"caf\xe9")
    with pytest.raises(UserError, match="1 files that are not UTF-8"):  # 1 of 61
        read_splits(tmp_path / "mine", None, COLUMNS, 0)
    for number in range(30, 60):
        (tmp_path / "mine/good" / f"{number}.txt").write_text(f"more {number}")
        (tmp_path / "mine/bad" / f"{number}.txt").write_text(f"less {number}")
    parts, labels = read_splits(tmp_path / "mine", None, COLUMNS, 0)
    assert labels == ["bad", "good"]
    rows = [row for part in parts.values() for row in part]
    assert len(rows) == 120 and ("mine good\nnumber 3", "good") in rows
    assert "skipped 1 of 121 rows of mine" in capsys.readouterr().out


def test_parts_with_a_subfolder_for_each_class(tmp_path):
    """As of the Large Movie Review Dataset."""
    for part, count in (("train", 20), ("test", 3), ("other", 3)):
        class_folders(tmp_path / part, count)
    parts, labels = read_splits(tmp_path, None, COLUMNS, 0)
    assert labels == ["bad", "good"] and set(parts) == {"train", "validation", "test"}
    assert len(parts["test"]) == 6
    assert all(text.startswith("test") for text, _ in parts["test"])
    assert sum(map(len, parts.values())) == 46


def test_labels_of_an_earlier_run_keep_their_order(tmp_path):
    path = written(tmp_path / "a.csv", rows_of(40))
    assert read_splits(path, None, COLUMNS, 0, ["good", "bad"])[1] == ["good", "bad"]


def test_a_label_that_training_lacks_is_named(tmp_path):
    train = written(tmp_path / "a.csv", rows_of(40))
    test = written(tmp_path / "b.csv", [("new", "other")])
    with pytest.raises(UserError, match=r"b\.csv: label 'other'"):
        read_splits(train, test, COLUMNS, 0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "x"), ("b", "x")], "two classes or more, found 1"),
        ([*rows_of(40), ("a", "rare"), ("b", "rare")], "found 2 of 'rare'"),
    ],
)
def test_too_little_to_learn_from(rows, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read_splits(written(tmp_path / "a.csv", rows), None, COLUMNS, 0)
