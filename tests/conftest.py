"""What every test shares: quiet TensorFlow, a recipe run in this process."""

import gc
import importlib
import sys
from collections import Counter

import keras
import pytest

import recipes  # noqa: F401  (imports the backend without its start-up log)
from kit.run import Run

LEFT_OUT = pytest.StashKey[Counter]()


def pytest_deselected(items):
    """Counts what `make test` leaves to `make test-all`."""
    for item in items:
        if item.get_closest_marker("exhaustive"):
            counts = item.config.stash.setdefault(LEFT_OUT, Counter())
            counts[item.originalname] += 1


def pytest_terminal_summary(terminalreporter, config):
    if counts := config.stash.get(LEFT_OUT, None):
        names = ", ".join(f"{name} ({count})" for name, count in counts.items())
        terminalreporter.write_line(f"left to make test-all, or -m '': {names}")


@pytest.fixture(scope="module", autouse=True)
def freed():
    """What a file of tests traced and built goes with it: a worker runs many."""
    yield
    keras.utils.clear_session()
    gc.collect()


@pytest.fixture
def unexported(monkeypatch):
    """Runs end without their SavedModel, which takes seconds: others have it."""
    monkeypatch.setattr(Run, "export", lambda run, *arguments: None)


@pytest.fixture
def without_xla(monkeypatch):
    """Models that ask for XLA do without: it takes seconds to compile a shape.

    That they write the same with it, others tell.
    """
    begin = keras.Model.compile

    def compile(model, *arguments, jit_compile=None, **settings):
        begin(model, *arguments, jit_compile=False, **settings)

    monkeypatch.setattr(keras.Model, "compile", compile)


@pytest.fixture
def sentiment(tmp_path, monkeypatch, capsys):
    return in_this_process("sentiment", tmp_path, monkeypatch, capsys)


@pytest.fixture
def char_lm(tmp_path, monkeypatch, capsys):
    return in_this_process("char_lm", tmp_path, monkeypatch, capsys)


@pytest.fixture
def word_lm(tmp_path, monkeypatch, capsys):
    return in_this_process("word_lm", tmp_path, monkeypatch, capsys)


@pytest.fixture
def translation(tmp_path, monkeypatch, capsys):
    return in_this_process("translation", tmp_path, monkeypatch, capsys)


@pytest.fixture
def word2vec(tmp_path, monkeypatch, capsys):
    return in_this_process("word2vec", tmp_path, monkeypatch, capsys)


@pytest.fixture
def music_recipe(tmp_path, monkeypatch, capsys):
    return in_this_process("music", tmp_path, monkeypatch, capsys)


def in_this_process(recipe, tmp_path, monkeypatch, capsys):
    """`run("--smoke", ...)` runs the recipe in an empty folder.

    Returns the exit status (0 for a finished run), what it printed, and its errors.
    """
    from kit.run import command

    module = importlib.import_module(f"recipes.{recipe}")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", [recipe, *map(str, arguments)])
        status = 0
        try:
            command(module.main, module.Config, module.SMOKE)
        except SystemExit as stop:
            status = stop.code
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
