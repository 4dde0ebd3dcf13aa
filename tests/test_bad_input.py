"""Wrong input: one line that names the error, exit status 2, nothing half-written."""

import errno
import importlib
import json
from pathlib import Path

import keras
import pytest

QUICK = ["--epochs", 1, "--units", 4, "--max-tokens", 16]
GOOD = [("I liked it a lot", "good"), ("I hated it, all of it", "bad")]


def table(path, rows=None, header="text,label"):
    rows = GOOD * 40 if rows is None else rows
    lines = [header, *(f'"{text} {n}",{label}' for n, (text, label) in enumerate(rows))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def fails(sentiment, *arguments, naming):
    """Checks for exit status 2, one line with all of `naming`, and no files written."""
    before = files_of_runs()
    status, _, errors = sentiment(*arguments)
    assert status == 2
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1, errors
    for word in naming:
        assert str(word) in errors, errors
    assert files_of_runs() == before


def files_of_runs():
    return sorted(path for path in Path("runs").rglob("*") if path.is_file())


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
    arguments = ["--data", "mine.csv"]
    hint = "--encoding cp1252"
    fails(sentiment, *arguments, naming=["mine.csv", "UTF-8", "line 2", hint])
    wrong = [*arguments, "--encoding", "latin-99"]
    fails(sentiment, *wrong, naming=["--encoding latin-99"])
    # Decoded, it is readable, but too short; so is Excel's "Unicode text", in any case.
    arguments += ["--encoding", "latin-1"]
    fails(sentiment, *arguments, naming=["two classes or more"])
    (tmp_path / "mine.csv").write_bytes("Text;LABEL\ncafé;good\n".encode("utf-16"))
    fails(sentiment, "--data", "mine.csv", naming=["two classes or more"])


BAD_ROWS = ['"a \0 b",good', '" ",good', "a,b,c,good"]


@pytest.mark.usefixtures("unexported")
def test_few_bad_rows_are_skipped_with_a_message_and_a_huge_one_is_cut(
    sentiment, tmp_path
):
    path = table(tmp_path / "mine.csv", [*GOOD * 200, ("word " * 2_000_000, "good")])
    path.write_text(path.read_text() + "\n".join(BAD_ROWS) + "\n")
    assert path.stat().st_size > 10_000_000
    status, out, _ = sentiment("--data", "mine.csv", *QUICK)
    assert status == 0
    assert "skipped 3 of 404 rows of mine.csv" in out


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_many_bad_rows(sentiment, tmp_path, bad):
    path = table(tmp_path / "mine.csv", GOOD * 100)
    path.write_text(path.read_text() + f"{bad}\n" * 11)
    fails(sentiment, "--data", "mine.csv", naming=["mine.csv", "99 %", "11 of 211"])


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--units", "0"),
        ("--units", "-3"),
        ("--epochs", "-1"),
        ("--word-dropout", "1"),
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


def test_nothing_to_resume(sentiment):
    fails(sentiment, "--resume", naming=["nothing to resume"])
    fails(sentiment, "--resume", "--run-dir", "no-run", naming=["no-run"])


@pytest.mark.usefixtures("unexported")
def test_after_a_finished_run(sentiment, tmp_path):
    """Resuming fails, also after the data changed; errors leave `latest` unchanged."""
    table(tmp_path / "mine.csv")
    assert sentiment("--data", "mine.csv", *QUICK)[0] == 0
    run = Path("runs/sentiment/latest").resolve().relative_to(tmp_path)
    assert json.loads((run / "metrics.json").read_text())["epochs"] == 1
    fails(sentiment, "--data", "other.csv", naming=["other.csv"])
    assert Path("runs/sentiment/latest").resolve() == tmp_path / run
    fails(sentiment, "--resume", "--run-dir", run, naming=[run, "finished"])
    (run / "metrics.json").unlink()  # as if killed before its end
    table(tmp_path / "mine.csv", GOOD * 41)
    fails(sentiment, "--resume", naming=["changed", "mine.csv"])


def test_a_full_disk_loses_nothing(sentiment, tmp_path, monkeypatch):
    """Neither while weights nor while the SavedModel is written."""
    table(tmp_path / "mine.csv")
    saved, recipe = keras.Model.save, importlib.import_module("recipes.sentiment")

    def full(model, path):
        Path(path).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    def full_too(model, vocabulary, folder):
        folder.mkdir(parents=True)
        raise RuntimeError("{{node SaveV2}} a.data; No space left on device [Op:Save]")

    monkeypatch.setattr(keras.Model, "save", full)
    first = sentiment("--data", "mine.csv", "--run-dir", "run", *QUICK)
    monkeypatch.setattr(keras.Model, "save", saved)
    export = recipe.export
    monkeypatch.setattr(recipe, "export", full_too)
    second = sentiment("--resume", "--run-dir", "run")
    for status, _, errors in (first, second):
        assert status == 2
        assert errors == (
            "error: No space left on device: make room, then python -m "
            "recipes.sentiment --resume --run-dir run\n"
        )
        assert not list(Path("run").rglob("*partial*"))
    trained = Path("run/history.csv").read_text()
    monkeypatch.setattr(recipe, "export", export)
    assert sentiment("--resume", "--run-dir", "run")[0] == 0
    assert Path("run/history.csv").read_text() == trained
    assert Path("run/saved_model/1/saved_model.pb").exists()


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


def test_load_of_a_run_without_weights(sentiment, tmp_path):
    """For example a run that was stopped before it saved its weights."""
    table(tmp_path / "mine.csv")
    (tmp_path / "stopped").mkdir()
    config = {"data": "mine.csv"}
    (tmp_path / "stopped/config.json").write_text(json.dumps(config))
    (tmp_path / "stopped/vocabulary.json").write_text("{}")
    fails(sentiment, "--load", "stopped", naming=["stopped", "model.keras"])
    arguments = ["--load", "stopped", "--run-dir", "stopped"]
    fails(sentiment, *arguments, naming=["stopped", "model.keras"])
