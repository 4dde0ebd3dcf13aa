"""Whatever a user gets wrong: one line that names it, exit 2, nothing half-written."""

import json
from pathlib import Path

import pytest

GOOD = [("I liked it a lot", "good"), ("I hated it, all of it", "bad")]


def table(path, rows=None, header="text,label"):
    rows = GOOD * 40 if rows is None else rows
    lines = [header, *(f'"{text} {n}",{label}' for n, (text, label) in enumerate(rows))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def fails(sentiment, *arguments, naming):
    """The run ends with status 2, one line holding `naming`, and leaves no run."""
    before = sorted(Path("runs").rglob("*"))
    status, _, errors = sentiment(*arguments)
    assert status == 2
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1, errors
    for word in naming:
        assert str(word) in errors, errors
    assert [p for p in Path("runs").rglob("*") if p.is_file()] == [
        p for p in before if p.is_file()
    ]


def test_missing_file(sentiment):
    fails(sentiment, "--data", "mine.csv", naming=["mine.csv"])


def test_unknown_name_suggests_the_nearest(sentiment):
    fails(sentiment, "--data", "imbd", naming=["imbd", "imdb"])


def test_empty_file(sentiment, tmp_path):
    (tmp_path / "empty.csv").touch()
    fails(sentiment, "--data", "empty.csv", naming=["empty.csv", "empty file"])


def test_folder_without_training_part(sentiment, tmp_path):
    (tmp_path / "folder").mkdir()
    fails(sentiment, "--data", "folder", naming=["folder", "train.csv"])


def test_no_such_column(sentiment, tmp_path):
    table(tmp_path / "mine.csv", header="review,stars")
    fails(sentiment, "--data", "mine.csv", naming=["'text'", "review", "stars"])


def test_one_class_only(sentiment, tmp_path):
    table(tmp_path / "mine.csv", GOOD[:1] * 50)
    fails(sentiment, "--data", "mine.csv", naming=["mine.csv", "two classes"])


def test_class_with_one_row(sentiment, tmp_path):
    table(tmp_path / "mine.csv", [*GOOD * 40, ("so so", "mixed")])
    fails(sentiment, "--data", "mine.csv", naming=["'mixed'", "found 1"])


def test_label_unknown_to_training(sentiment, tmp_path):
    table(tmp_path / "mine.csv")
    table(tmp_path / "test.csv", [("well", "new")] * 5)
    arguments = ["--data", "mine.csv", "--test-data", "test.csv"]
    fails(sentiment, *arguments, naming=["test.csv", "'new'"])


def test_not_utf8(sentiment, tmp_path):
    (tmp_path / "mine.csv").write_bytes("text,label\ncafé,good\n".encode("latin-1"))
    fails(sentiment, "--data", "mine.csv", naming=["mine.csv", "UTF-8", "line 2"])


@pytest.mark.parametrize("bad", ['"a \0 b",good', '" ",good', "a,b,c,good"])
def test_rows_that_cannot_be_used(sentiment, tmp_path, bad):
    """A few are skipped and counted aloud, over 1 % are an error."""
    path = table(tmp_path / "mine.csv", GOOD * 100)
    path.write_text(path.read_text() + f"{bad}\n")
    status, out, _ = sentiment("--data", "mine.csv", "--smoke", "--epochs", 1)
    assert status == 0
    assert "skipped 1 of 201 rows of mine.csv" in out
    path.write_text(path.read_text() + f"{bad}\n" * 10)
    fails(sentiment, "--data", "mine.csv", naming=["mine.csv", "1 %", "11 of 211"])


def test_a_line_of_ten_megabytes_is_cut(sentiment, tmp_path):
    table(tmp_path / "mine.csv", [*GOOD * 40, ("word " * 2_000_000, "good")])
    arguments = ["--epochs", 1, "--units", 4, "--max-tokens", 16]
    status, _, _ = sentiment("--data", "mine.csv", *arguments)
    assert status == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--units", "0"),
        ("--units", "-3"),
        ("--epochs", "0"),
        ("--batch-size", "-1"),
        ("--max-tokens", "0"),
        ("--seed", "-1"),
        ("--learning-rate", "0"),
        ("--learning-rate", "nan"),
        ("--units", "many"),
        ("--cell", "lstn"),
        ("--unit", "3"),
    ],
)
def test_options(sentiment, option, value):
    fails(sentiment, option, value, naming=[option])


def test_mistyped_option_is_suggested(sentiment):
    fails(sentiment, "--epoch", "3", naming=["--epoch", "--epochs"])


def test_nothing_to_resume(sentiment, tmp_path):
    fails(sentiment, "--resume", naming=["nothing to resume"])
    fails(sentiment, "--resume", "--run-dir", "no-run", naming=["no-run"])
    table(tmp_path / "mine.csv")
    arguments = ["--epochs", 1, "--units", 4, "--max-tokens", 16]
    status, *_ = sentiment("--data", "mine.csv", "--run-dir", "done", *arguments)
    assert status == 0
    fails(sentiment, "--resume", "--run-dir", "done", naming=["done", "finished"])


def test_resume_on_changed_data(sentiment, tmp_path):
    table(tmp_path / "mine.csv")
    arguments = ["--epochs", 1, "--units", 4, "--max-tokens", 16, "--run-dir", "run"]
    assert sentiment("--data", "mine.csv", *arguments)[0] == 0
    Path("run/metrics.json").unlink()  # as if killed before its end
    table(tmp_path / "mine.csv", GOOD * 41)
    fails(sentiment, "--resume", "--run-dir", "run", naming=["changed", "mine.csv"])


def test_resume_takes_no_other_option(sentiment):
    fails(sentiment, "--resume", "--epochs", 9, naming=["--resume"])


def test_run_folder_that_cannot_be_written(sentiment, tmp_path):
    table(tmp_path / "mine.csv")
    (tmp_path / "taken").write_text("a file")
    for folder in ("taken", "taken/run", "/proc/run"):
        arguments = ["--data", "mine.csv", "--run-dir", folder]
        fails(sentiment, *arguments, naming=[folder])


def test_run_folder_in_use_is_left_alone(sentiment, tmp_path):
    table(tmp_path / "mine.csv")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    arguments = ["--data", "mine.csv", "--run-dir", "full"]
    fails(sentiment, *arguments, naming=["full", "not empty"])
    assert (tmp_path / "full" / "thesis.txt").read_text() == "mine"


def test_load_of_no_run(sentiment):
    fails(sentiment, "--load", "nowhere", naming=["nowhere"])


def test_an_earlier_run_stays_untouched_by_an_error(sentiment, tmp_path):
    table(tmp_path / "mine.csv")
    arguments = ["--data", "mine.csv", "--epochs", 1, "--units", 4, "--max-tokens", 16]
    assert sentiment(*arguments)[0] == 0
    latest = Path("runs/sentiment/latest").resolve()
    metrics = json.loads((latest / "metrics.json").read_text())
    assert metrics["epochs"] == 1
    fails(sentiment, "--data", "other.csv", naming=["other.csv"])
    assert Path("runs/sentiment/latest").resolve() == latest
