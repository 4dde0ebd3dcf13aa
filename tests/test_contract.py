"""The contract of the recipes: whoever has read one recipe knows the others."""

import ast
import dataclasses
import importlib
import inspect
import sys
import typing
from pathlib import Path

import numpy as np
import pytest

from data import chorales
from kit.command import Options
from kit.run import Run, Simpler
from tests.processes import ROOT

RECIPES = sorted(path.stem for path in ROOT.glob("recipes/[!_]*.py"))
VERBS = {
    "char_lm": "write",
    "music": "compose",
    "sentiment": "classify",
    "tagging": "tag",
    "translation": "translate",
    "word2vec": "nearest",
    "word_lm": "write",
}
SIGNATURES = {
    "load_data": ["config", "run"],
    "build_model": ["config", "vocabulary"],
    "export": ["model", "vocabulary", "folder"],
    "train": ["config", "run", "model", "vocabulary", "data"],
    "evaluate": ["config", "run", "model", "vocabulary", "data"],
    "load": ["folder"],
    "main": ["config", "run"],
}
ORDER = ["load_data", "build_model", "load", "VERB", "export", "train", "evaluate"]
FRAMEWORK = {"keras", "numpy", "custom_layers", "tokens", "tasks"}


@pytest.fixture(params=RECIPES)
def recipe(request):
    return importlib.import_module(f"recipes.{request.param}")


def name_of(recipe):
    return Path(recipe.__file__).stem


def test_functions_have_the_same_arguments(recipe):
    verb = VERBS[name_of(recipe)]
    for name, expected in [*SIGNATURES.items(), (verb, ["model", "vocabulary"])]:
        parameters = inspect.signature(getattr(recipe, name)).parameters
        assert list(parameters)[: len(expected)] == expected, name
        if name not in (verb, "build_model"):
            assert len(parameters) == len(expected), name
        more = list(parameters.values())[len(expected) :]
        if name == "build_model":  # can be called with these two alone
            empty = inspect.Parameter.empty
            kinds = inspect.Parameter.VAR_KEYWORD
            assert all(p.default is not empty or p.kind == kinds for p in more)


def test_functions_stand_in_the_same_order(recipe):
    tree = ast.parse(inspect.getsource(recipe))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    order = [VERBS[name_of(recipe)] if x == "VERB" else x for x in ORDER]
    assert [name for name in names if name in {*order, "main"}] == [*order, "main"]


def test_main_is_the_same_word_for_word(recipe):
    first = importlib.import_module(f"recipes.{RECIPES[0]}")
    assert inspect.getsource(recipe.main) == inspect.getsource(first.main)
    ends = [
        inspect.getsource(each).split("\nif __name__")[1] for each in (recipe, first)
    ]
    assert ends[0] == ends[1]


def test_declarations_name_options_and_metrics(recipe):
    fields = {field.name: field for field in dataclasses.fields(recipe.Config)}
    for name, values in [("--smoke", recipe.SMOKE), *recipe.SETTINGS.items()]:
        assert values.keys() <= fields.keys(), name
    assert set(recipe.READING) <= fields.keys()
    for metric in Simpler(**recipe.SIMPLER).metrics:
        assert metric.startswith(("test_", "wordsim353"))
    assert fields["epochs"].default == 0 and fields["seed"].default == 0
    assert len(fields) <= 16  # and those that all recipes share


def test_a_recipe_is_short_and_imports_no_kit(recipe):
    source = Path(recipe.__file__).read_text("utf-8")
    assert len(source.splitlines()) <= 400
    packages = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            packages |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            packages.add(node.module.partition(".")[0])
    assert packages - {*sys.stdlib_module_names} <= FRAMEWORK


# Changed values of the options for which the next number or choice is unsuitable.
CHANGED = {
    "epochs": 7,
    "first": "C5",
    "grid": 2,
    "label_column": "third",
    "max_chars": 20_000,
    "max_tokens": 4,
    "tag_column": 3,
    "token_column": 2,
    "max_vocab": 9,
    "min_count": 700,
    "text_column": "other",
    "unit": "char",
}


def changed(field, recipe, folder):
    if field.name in CHANGED:
        return CHANGED[field.name]
    if field.name == "melody":
        return str(next((folder / "music").glob("*.mid")))
    kind = typing.get_type_hints(recipe.Config)[field.name]
    if choices := typing.get_args(kind):
        return choices[1] if isinstance(choices[1], str) else 0.25
    if kind is bool:
        return not field.default
    return "other" if kind is str else field.default + (2 if kind is int else 0.125)


def data_of(recipe, folder):
    """Writes a small data set for the recipe and returns its path."""
    path, name = folder / name_of(recipe), name_of(recipe)
    path.mkdir()
    if name == "music":
        chorales.sample(path)
    elif name == "tagging":
        rows = "Ann{0} x{0} O B-X\nran y B-X O\nagain z O O\n"
        sentences = [rows.format(n) * (1 + n % 4) for n in range(40)]
        (path / "train.conll").write_text("\n".join(sentences))
    elif name == "sentiment":
        words = ("good", "odd", "dull", "fine")
        texts = [f"a {words[n % 4]} film of {n % 7} parts" for n in range(60)]
        rows = [f"{x},not {x},{'yn'[n % 2]},{n % 3}" for n, x in enumerate(texts)]
        (path / "train.csv").write_text(
            "\n".join(["text,other,label,third", *rows, ""])
        )
    else:
        words = [*"abcdefgh", "island", "juniper", "kernel"]
        numbers = np.random.default_rng(0).geometric(0.3, 20_000) % len(words)
        text = " ".join(words[number] for number in numbers).replace("b c ", "b c\n")
        if name == "translation":
            lines = [line for line in text.split("\n") if 0 < len(line.split()) < 9]
            text = "".join(f"{line}\t{line[::-1]}\n" for line in lines[:200])
        suffix = ".tsv" if name == "translation" else ".txt"
        (path / "text").with_suffix(suffix).write_text(text)
    files = list(path.iterdir())
    return path if len(files) > 1 else files[0]


class Recorder(Run):
    """A run that caches nothing and records the keys and the values made."""

    def __init__(self, recipe, config, folder):
        super().__init__(recipe, config, Options(), folder)
        self.keys, self.made = {}, {}

    def cached(self, name, *more, make):
        self.keys[name], made = self._cache(name, more), make()
        self.made[name] = repr(comparable(made))
        return made

    def mapped(self, name, *more, make):
        made = {part: np.concatenate([*pieces]) for part, pieces in make().items()}
        return self.cached(name, *more, make=lambda: made)


def comparable(value):
    """Replaces arrays by nested lists, because the `repr` of arrays is abridged."""
    if isinstance(value, dict):
        return {key: comparable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [comparable(each) for each in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def test_caches_depend_on_the_options_that_decide_them(recipe, tmp_path):
    """The options in READING, and no others, change cached values and their keys."""
    data = data_of(recipe, tmp_path)

    def read(**options):
        run = Recorder(recipe, recipe.Config(data=str(data), **options), tmp_path)
        recipe.load_data(run.config, run)
        return run

    default, decided = read(), set()
    assert default.keys
    for field in dataclasses.fields(recipe.Config):
        if field.name in ("data", "test_data"):
            continue
        run = read(**{field.name: changed(field, recipe, tmp_path)})
        for name in default.keys:
            if run.made[name] != default.made[name]:
                decided.add(field.name)
                assert run.keys[name] != default.keys[name], (field.name, name)
        if field.name not in recipe.READING:
            assert run.keys == default.keys, field.name
    assert decided == set(recipe.READING)


def test_counted_vectors_depend_on_their_options(tmp_path):
    recipe = importlib.import_module("recipes.word2vec")
    data = data_of(recipe, tmp_path)
    keys = set()
    for options in ({}, {"window": 2}, {"units": 3}, {"seed": 5}, {"negatives": 2}):
        config = recipe.Config(data=str(data), **options)
        run = Recorder(recipe, config, tmp_path)
        recipe.counted_vectors(config, run, np.arange(20), 20)
        keys.add(run.keys["counts"])
    assert len(keys) == 3


def test_a_cache_knows_data_and_code(tmp_path, monkeypatch):
    recipe = importlib.import_module("recipes.char_lm")
    data = data_of(recipe, tmp_path)
    copy = tmp_path / "char_lm.py"

    def key(**options):
        run = Recorder(recipe, recipe.Config(data=str(data), **options), tmp_path)
        return run._cache("ids", ())

    keys = [key(), key()]
    data.write_text(data.read_text() + "more")
    keys.append(key())
    copy.write_bytes(Path(recipe.__file__).read_bytes() + b"# edited\n")
    monkeypatch.setattr(recipe, "__file__", str(copy))
    keys.append(key())
    assert len(set(keys)) == 3
