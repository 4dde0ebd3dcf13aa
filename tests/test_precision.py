"""Every recipe under mixed precision, on both backends."""

import importlib
import json
import math

import keras
import pytest

from tests.conftest import in_this_process
from tests.exports import answer_to_its_request
from tests.processes import python_on_jax

pytestmark = pytest.mark.exhaustive
RECIPES = ["sentiment", "char_lm", "word_lm", "translation", "tagging", "music"]
RECIPES += ["word2vec"]
ON_JAX = """
import importlib, sys
from kit.command import command
from kit.run import Run
Run.export = lambda *arguments: None  # TensorFlow's part, tested with TensorFlow
for name in sys.argv[1].split():
    sys.argv = [name, "--smoke", "--precision", "mixed_float16", "--run-dir", name]
    command(importlib.import_module(f"recipes.{name}").main)
"""


def check(run, precision):
    config = json.loads((run / "config.json").read_text())
    metrics = json.loads((run / "metrics.json").read_text())
    assert config["precision"] == precision
    assert all(math.isfinite(value) for value in metrics.values())


@pytest.fixture(autouse=True)
def float32_again():
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", RECIPES)
def test_trained_exported_and_loaded(name, tmp_path, monkeypatch, capsys):
    both = ("mixed_bfloat16", "mixed_float16")
    precision = both[RECIPES.index(name) % 2]
    recipe = importlib.import_module(f"recipes.{name}")
    run = in_this_process(name, tmp_path, monkeypatch, capsys)
    status, _, err = run("--smoke", "--precision", precision, "--run-dir", "a")
    assert status == 0, err
    check(tmp_path / "a", precision)
    for value in answer_to_its_request(tmp_path / "a").values():
        assert not value.dtype.is_floating or value.dtype.name == "float32"
    model, _ = recipe.load(tmp_path / "a")
    policies = {layer.dtype_policy.name for layer in model.layers}
    assert precision in policies
    assert {weight.dtype for weight in model.weights} == {"float32"}


def test_trained_on_jax(tmp_path):
    python_on_jax(tmp_path, "-c", ON_JAX, " ".join(RECIPES))
    for name in RECIPES:
        check(tmp_path / name, "mixed_float16")
