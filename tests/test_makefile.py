"""The Makefile passes on what users type as they typed it."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STRANGE = """it cost $50, "wow" `ls` $(shell ls) it's \\n #5 ; a=b && c $(5"""
PYTHON = """#!/bin/sh
for argument in "$@"; do printf "<%s>" "$argument"; done
"""

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is missing")


@pytest.fixture
def make(tmp_path):
    """`make(...)` returns the arguments that Python would get."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in ("recipes", "kit", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "recipes/sentiment.py").touch()
    (tmp_path / "kit/setup.sh").write_text("exit 0")
    python = tmp_path / ".venv/bin/python"
    python.write_text(PYTHON)
    python.chmod(0o755)

    def run(*arguments):
        done = subprocess.run(
            ["make", "-s", *arguments], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout[1:-1].split("><")

    return run


@pytest.mark.parametrize("value", [STRANGE, "plain", "two  spaces", "中文 😀"])
def test_values_arrive_as_they_were_typed(make, value):
    recipe = "RECIPE=sentiment"
    assert make("try", recipe, f"TEXT={value}", f"RUN={value}") == [
        *("-m", "kit.try_run", "sentiment", "--run", value, f"--text={value}")
    ]
    assert make("sentiment", f"DATA={value}", "ARGS=--epochs 3 --smoke") == [
        *("-m", "recipes.sentiment", "--data", value, "--epochs", "3", "--smoke")
    ]
    given = (f"DATA={value}", f"OUT={value}", f"RUN={value}", "ARGS=--batch 9")
    assert make("predict", recipe, *given) == [
        *("-m", "kit.predict", "sentiment", value, value, "--run", value),
        *("--batch", "9"),
    ]
    for target, module in (("copy", "kit.copy_recipe"), ("publish", "kit.publish")):
        given = make(target, recipe, f"TO={value}")
        assert given == ["-m", module, "sentiment", value]
    assert make("report", recipe, f"RUN={value}")[-2:] == ["--run", value]


def test_options_that_are_not_given_are_not_passed(make):
    assert make("try", "RECIPE=sentiment") == ["-m", "kit.try_run", "sentiment"]
    assert make("sentiment") == ["-m", "recipes.sentiment"]


def test_the_address_of_the_server_is_that_of_the_command_line(make, monkeypatch):
    monkeypatch.setenv("HOST", "x86_64-linux")  # as conda exports it
    assert make("serve") == ["-m", "kit.serve"]
    given = make("serve", "HOST=0.0.0.0", "PORT=9", "RUN=my runs", "ARGS=--batch 1")
    assert given[2:] == [
        *("--run", "my runs", "--host", "0.0.0.0", "--port", "9", "--batch", "1")
    ]
