"""Messages of a run: settings, progress, a simpler model that is better."""

import importlib
import json
import time
from pathlib import Path

import pytest

from data import progress


@pytest.fixture
def recipe(monkeypatch):
    recipe = importlib.import_module("recipes.sentiment")
    suited = {"epochs": 1, "units": 4, "max_tokens": 16}
    monkeypatch.setattr(recipe, "SETTINGS", {"mine.csv": suited})
    rows = "".join(f"a good film {n},yes\na bad film {n},no\n" for n in range(20))
    Path("mine.csv").write_text("text,label\n" + rows)
    return recipe


def test_settings_hold_unless_an_option_is_given(sentiment, unexported, recipe):
    status, out, errors = sentiment("--data", "mine.csv", "--units", 8)
    assert status == 0, errors
    assert "Settings for mine.csv: --epochs 1 --max-tokens 16\n" in out
    config = json.loads(Path("runs/sentiment/latest/config.json").read_text())
    used = config["epochs"], config["units"], config["max_tokens"]
    assert used == (1, 8, 16)


@pytest.mark.parametrize("rival", [2.0, -1.0])
def test_a_better_simpler_model_is_reported(
    sentiment, unexported, recipe, monkeypatch, rival
):
    parts = ("test", "validation")
    metrics = {f"baseline_{part}_accuracy": rival for part in parts}
    monkeypatch.setattr("tasks.classifiers.bag_of_words", lambda *_: metrics)
    status, out, errors = sentiment("--data", "mine.csv")
    assert status == 0, errors
    message = "The bag of words is better here: test_accuracy 2.0000 against"
    assert (message in out) == (rival == 2.0)


def test_a_long_phase_reports_that_it_is_still_running(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SILENT", 0.02)
    with progress.working("Counting"):
        time.sleep(0.2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Counting ..."
    assert len(lines) > 2 and all(
        line.startswith("Counting ... ") for line in lines[1:]
    )
    time.sleep(0.1)
    assert not capsys.readouterr().out


def test_of_work_within_work_the_innermost_is_told(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SILENT", 0.05)
    done = 0
    with progress.working("Reading", at_once=False):
        with progress.working(lambda: f"Counting {done}"):
            done = 7
            time.sleep(0.3)
        inner = capsys.readouterr().out.splitlines()
        time.sleep(0.3)
    outer = capsys.readouterr().out.splitlines()
    assert inner[0] == "Counting 0 ..." and len(inner) > 2 and len(outer) > 1
    assert all(line.startswith("Counting 7 ... ") for line in inner[1:])
    assert all(line.startswith("Reading ... ") for line in outer)


def test_what_takes_no_time_is_not_told(capsys):
    with progress.working("Reading", at_once=False):
        pass
    assert not capsys.readouterr().out
