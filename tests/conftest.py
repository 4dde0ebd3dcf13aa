"""What every test shares: quiet TensorFlow, a recipe run in this process."""

import sys

import pytest

import recipes  # noqa: F401  (imports the backend without its start-up log)


@pytest.fixture
def sentiment(tmp_path, monkeypatch, capsys):
    """`sentiment("--smoke", ...)` runs the recipe in an empty folder.

    Returns the exit status (0 for a finished run), what it printed, and its errors.
    """
    from kit.run import command
    from recipes.sentiment import SMOKE, Config, main

    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sentiment", *map(str, arguments)])
        status = 0
        try:
            command(main, Config, SMOKE)
        except SystemExit as stop:
            status = stop.code
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
