"""What every test shares: quiet TensorFlow, a recipe run in this process."""

import importlib
import sys

import pytest

import recipes  # noqa: F401  (imports the backend without its start-up log)


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
