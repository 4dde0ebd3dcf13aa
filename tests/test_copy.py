"""Copied recipes: complete, changed only in their imports, and runnable in an app."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from data.errors import UserError
from data.parts import PARTS
from kit import copy_recipe as copier
from kit.copy_recipe import ROOT, copy_recipe
from tests import processes

PROJECT = {
    "LICENSE": "terms\n",
    "pyproject.toml": """[project]
name = "house"
version = "1.2.3"
license = "MIT"
dependencies = ["numpy>=2.0"]
[project.optional-dependencies]
tiny = ["scikit-learn>=1.6"]
gpu = ["numpy[fast]>=9"]
""",
    "recipes/__init__.py": '"""All."""\nimport os\nos.environ["TINY"] = "set"\n',
    "recipes/tiny.py": '''"""Tiny.

from kit.run import this line is no import: it stays
"""
from dataclasses import dataclass
from custom_layers import (
    twice,  # from data.tables import
)
from kit import run

SMOKE = {"é": 1}


@dataclass
class Config:
    data: str = "set"


def main(config):
    from data.tables import read;  from custom_layers.odd import odd
    print(twice(3), odd, read(), run.locate, config.data, run.sample())


def _hidden():
    import sklearn.metrics  # noqa


if __name__ == "__main__":
    from kit.run import command

    command(
        main, Config, SMOKE
    )
''',
    "recipes/other.py": "import os\n",
    "custom_layers/__init__.py": "from .double import twice\n",
    "custom_layers/double.py": "import numpy\ntwice = lambda x: 2 * x",
    "custom_layers/odd.py": "from . import double\r\nodd = double.twice(0.5)\r\n",
    "custom_layers/unused.py": "import jax\n",
    "data/catalog.py": "from data import download\nlocate = 1\n",
    "data/download.py": "",
    "data/tables.py": "def read(): return 'read'\n",
    "kit/run.py": """from pathlib import Path
try:
    from data.catalog import locate
except ImportError:
    locate = None
def sample():
    return (Path(__file__).parent.parent / "sample" / "NAME").read_text()
def command(main, config, smoke):
    import os, sys
    if "x" in sys.argv:
        import jax
    print(os.environ["TINY"], smoke)
    main(config())
""",
}


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A project with a recipe, next to an app with the same folder names."""
    root = tmp_path / "house"
    for name, text in PROJECT.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    rows = [(f"text {n}", "abc"[min(n % 10, 2)]) for n in range(1000)]
    with (tmp_path / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    monkeypatch.setattr(copier, "locate", lambda name: {"set": tmp_path}[name])
    make_app(tmp_path, monkeypatch)
    return root


def make_app(folder, monkeypatch):
    for name in ("data/__init__.py", "kit.py", "tests/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("raise RuntimeError('the app has its own')\n")
    monkeypatch.chdir(folder)


def python(*arguments):
    """Runs Python in the app's folder, so that it imports the copy."""
    return processes.python(*arguments, folder=Path.cwd())


def test_copy_runs_in_an_app_with_the_same_names(house):
    files, packages = copy_recipe("tiny", Path("app/tiny"), house)
    child = python("-m", "app.tiny")
    assert child.stderr == ""
    assert child.stdout == "set {'é': 1}\n6 1.0 read None set set\n"
    child = python("-c", "from app.tiny import *; print(Config, main, sorted(dir()))")
    assert "app.tiny.tiny.Config" in child.stdout and "_hidden" not in child.stdout
    # Packages the copy imports, not those of the other recipe or of unused layers.
    assert packages == ["numpy>=2.0", "scikit-learn>=1.6"]
    written = {
        path.relative_to("app/tiny").as_posix()
        for path in Path("app/tiny").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert written == files.keys()
    originals = {name.removeprefix("recipes/"): name for name in PROJECT}
    python_files = {name for name in files if name.endswith(".py")}
    left_out = {"other.py", "custom_layers/unused.py", "data/catalog.py"}
    left_out |= {"data/download.py"}
    made = {"__main__.py", "data/__init__.py", "kit/__init__.py"}
    expected = {name for name in originals if name.endswith(".py")} - left_out | made
    assert python_files == expected
    for name in python_files:
        first, rest = Path("app/tiny", name).read_bytes().split(b"\n", 1)
        assert first.startswith(b"# house 1.2.3, MIT licence: "), name
        if name not in made | {"__init__.py"}:
            # Only the dots before the project's own modules were added.
            undone = re.sub(rb"from \.+(?=custom_layers|data|kit)", b"from ", rest)
            assert undone == PROJECT[originals[name]].encode(), name


def test_sample_holds_the_first_rows_of_each_class(house):
    copy_recipe("tiny", Path("app/tiny"), house)
    with Path("app/tiny/sample/train.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["text", "label"]
    numbers = [int(text.removeprefix("text ")) for text, _ in rows]
    assert numbers == sorted(numbers)
    for label, first in (("a", 0), ("b", 1), ("c", 2)):
        kept = [n for n, row in zip(numbers, rows, strict=True) if row[1] == label]
        assert kept[0] == first and len(kept) == copier.SAMPLE_ROWS // 3


@pytest.mark.parametrize("ending", ["conll", "conllu"])
def test_sample_holds_the_first_sentences_of_tagged_files(house, tmp_path, ending):
    sentences = [f"w{n}\tO\n.\tO\n" for n in range(300)]
    (tmp_path / f"test.{ending}").write_text("\n".join(sentences))
    (tmp_path / f"test_few.{ending}").write_text("\n".join([*sentences[:3], ""]))
    copy_recipe("tiny", Path("app/tiny"), house)
    many, few = (
        Path(f"app/tiny/sample/{name}.{ending}").read_text().split("\n\n")
        for name in ("test", "test_few")
    )
    assert "\n\n".join(many) == "\n".join(sentences[: copier.SAMPLE_ROWS])
    assert "\n\n".join(few) == "\n".join(sentences[:3])


def test_what_differs_is_never_overwritten(house):
    target = Path("app/tiny")
    copy_recipe("tiny", target, house)
    (target / "mine.txt").write_text("mine")
    (target / "LICENSE").unlink()
    copy_recipe("tiny", target, house)  # again: missing files are restored
    assert (target / "LICENSE").read_text() == "terms\n"
    (target / "LICENSE").unlink()
    (target / "kit" / "run.py").write_text("changed")
    with pytest.raises(UserError, match=r"app/tiny/kit/run\.py exists and differs"):
        copy_recipe("tiny", target, house)
    assert (target / "kit" / "run.py").read_text() == "changed"
    assert (target / "mine.txt").read_text() == "mine"
    assert not (target / "LICENSE").exists()
    assert [path.name for path in Path("app").iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("recipe", "to", "message"),
    [
        ("tinny", "app/tiny", "did you mean tiny"),
        ("", "app/tiny", "did you mean other or tiny"),
        ("tiny", "my-app", "my-app: expected the path of a package"),
        ("tiny", "app/class", "app/class: expected the path of a package"),
        ("tiny", "", "expected the path of a package"),
        ("tiny", "kit.py/tiny", "kit.py/tiny cannot be written: Not a directory"),
        ("tiny", "tests", None),  # None: a file there differs
        ("tiny", "train/csv/x", None),
    ],
)
def test_errors_write_nothing(house, tmp_path, recipe, to, message):
    before = sorted(tmp_path.rglob("*"))
    if message:
        with pytest.raises(UserError, match=message):
            copy_recipe(recipe, Path(to), house)
        assert sorted(tmp_path.rglob("*")) == before
    else:
        with pytest.raises(UserError, match="differs"):
            (tmp_path / to).mkdir(parents=True, exist_ok=True)
            (tmp_path / to / "__init__.py").write_text("mine")
            copy_recipe(recipe, Path(to), house)
        assert not (tmp_path / to / "LICENSE").exists()


@pytest.mark.parametrize(
    "recipe", sorted(p.stem for p in ROOT.glob("recipes/[!_]*.py"))
)
def test_no_copy_imports_the_project(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(copier, "_sample", lambda recipe: {})
    files, packages = copy_recipe(recipe, tmp_path / "copy")
    absolute = re.compile(
        rb"^\s*(from|import) (custom_layers|data|kit|recipes|tasks|tokens)\b", re.M
    )
    for name, content in files.items():
        assert not absolute.search(content), name
    assert all(">=" in package for package in packages), packages


USE = """
import importlib.abc, runpy, sys

class Blocker(importlib.abc.MetaPathFinder):
    names = {"matplotlib", "tyro"}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocker())
from app.sentiment import Config, build_model
vocabulary = {"words": ["a"], "labels": ["x", "y", "z"], "max_tokens": 9}
print(build_model(Config(units=4), vocabulary).output_shape)
Blocker.names = {"matplotlib"}  # the copy has no report
sys.argv = ["sentiment", *sys.argv[1:]]
runpy.run_module("app.sentiment", run_name="__main__", alter_sys=True)
"""


def test_sentiment_trains_in_an_app(tmp_path, monkeypatch):
    make_app(tmp_path, monkeypatch)
    monkeypatch.setattr(copier, "SAMPLE_ROWS", 20)
    copy_recipe("sentiment", Path("app/sentiment"))
    rows = [f"a {word} film {n},{label}" for n in range(30) for word, label in LABELS]
    Path("my.csv").write_text("\n".join(["text,label", *rows, ""]))
    small = [
        "--epochs",
        "1",
        "--cell",
        "simple_rnn",
        "--units",
        "4",
        "--max-tokens",
        "8",
    ]
    child = python("-c", USE, "--data", "my.csv", *small)
    assert child.returncode == 0, child.stderr
    assert child.stdout.startswith("(None, 3)\n")
    (run,) = Path("runs/sentiment").glob("2*")
    assert json.loads((run / "metrics.json").read_text())["epochs"] == 1
    assert (run / "saved_model" / "1" / "saved_model.pb").exists()
    assert (run / "labels.txt").read_text().split() == ["bad", "good"]


@pytest.mark.parametrize(
    ("recipe", "figure"),
    [
        ("char_lm", "test_nats_per_token"),
        ("word_lm", "test_nats_per_token"),
        ("word2vec", "words_per_second"),
    ],
)
def test_a_recipe_of_texts_runs_in_an_app_on_a_sample_that_nobody_owns(
    tmp_path, monkeypatch, recipe, figure
):
    make_app(tmp_path, monkeypatch)
    copy_recipe(recipe, Path("app/writer"))
    sample = "".join(
        Path(f"app/writer/sample/{part}.txt").read_text("utf-8") for part in PARTS
    )
    sources = sorted((ROOT / "custom_layers").glob("*.py"))
    assert sample == "".join(path.read_text("utf-8") for path in sources)
    child = python("-m", "app.writer", "--smoke")
    assert child.returncode == 0, child.stderr
    run = Path(f"runs/{recipe}/smoke")
    assert json.loads((run / "metrics.json").read_text())[figure] > 0
    assert (run / "saved_model" / "1" / "saved_model.pb").exists()


def test_translation_runs_in_an_app_on_its_sample(tmp_path, monkeypatch):
    make_app(tmp_path, monkeypatch)
    copy_recipe("translation", Path("app/translator"))
    for part in PARTS:
        lines = (
            Path(f"app/translator/sample/{part}.tsv").read_text("utf-8").splitlines()
        )
        assert lines[0].startswith("source\ttarget")
        assert 20 < len(lines) <= 201
    child = python("-m", "app.translator", "--smoke")
    assert child.returncode == 0, child.stderr
    run = Path("runs/translation/smoke")
    assert "test_exact_match" in json.loads((run / "metrics.json").read_text())
    assert (run / "saved_model" / "1" / "saved_model.pb").exists()


def test_music_runs_in_an_app_on_cadences(tmp_path, monkeypatch):
    make_app(tmp_path, monkeypatch)
    _, install = copy_recipe("music", Path("app/composer"))
    assert {"mido>=1.3", "music21>=9.5"} <= {*install}
    assert len([*Path("app/composer/sample").glob("*.mid")]) == 24
    child = python("-m", "app.composer", "--smoke")
    assert child.returncode == 0, child.stderr
    run = Path("runs/music/smoke")
    assert json.loads((run / "metrics.json").read_text())["test_nll_per_frame"] > 0
    assert (run / "samples" / "1.musicxml").exists()
    assert (run / "saved_model" / "1" / "saved_model.pb").exists()


LABELS = (("dull", "bad"), ("fine", "good"))


# Per recipe: options of a small model, its vocabulary, a call that returns an answer.
SMALL = {
    "char_lm": (
        "units=4",
        {"characters": "\nab", "distinct": 3},
        "write(*run, ['a'], 5)",
    ),
    "music": (
        "units=4, layers=1",
        {"grid": 1, "bar": 4, "most": 2, "held": True, "lowest": 0, "highest": 87},
        "compose(*run, ['C4'], frames=4)",
    ),
    "sentiment": (
        "units=4",
        {"words": ["not", "bad"], "labels": ["a", "b"], "max_tokens": 9},
        "classify(*run, ['not bad']).argmax(axis=-1).tolist()",
    ),
    "tagging": (
        "units=4",
        {"words": ["a"], "letters": ["a"], "labels": ["O", "B-X"], "max_tokens": 9},
        "[[tag for _, tag, _ in row] for row in tag(*run, ['a b', ['c']])]",
    ),
    "translation": (
        "units=4",
        {"unit": "char", "source": ["a"], "target": ["b", "c"], "length": 4},
        "translate(*run, ['aa', ''], beams=2)",
    ),
    "word2vec": (
        "units=4",
        {"words": ["a", "b", "c"], "counts": [3, 2, 2]},
        "nearest(*run, 'a', 2)",
    ),
    "word_lm": (
        "",
        {"words": ["a", "b"], "cut": False, "distinct": 2},
        "write(*run, ['a'], 5)",
    ),
}
ANSWER = """
import json, sys
from app import answer as copy
from app.answer import *
config, vocabulary, verb = sys.argv[1:]
vocabulary = json.loads(vocabulary)
run = build_model(eval(f"Config({config})"), vocabulary), vocabulary
expected = repr(eval(verb))
run[0].save("model.keras")
open("vocabulary.json", "w").write(json.dumps(vocabulary))
run = load(".")
assert repr(eval(verb)) == expected
export(*run, "saved_model")
print(expected)
"""


@pytest.mark.parametrize("recipe", SMALL)
def test_a_copy_answers_without_kit_and_data(tmp_path, monkeypatch, recipe):
    make_app(tmp_path, monkeypatch)
    monkeypatch.setattr(copier, "_sample", lambda recipe: {})
    copy_recipe(recipe, Path("app/answer"))
    for folder in ("kit", "data"):
        shutil.rmtree(Path("app/answer") / folder)
    config, vocabulary, verb = SMALL[recipe]
    program = processes.WITHOUT_KIT.replace('"data", "kit", ', "") + ANSWER
    child = python("-c", program, config, json.dumps(vocabulary), verb)
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip()
    assert Path("saved_model/saved_model.pb").exists()
