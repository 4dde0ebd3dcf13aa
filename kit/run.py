"""A run of a recipe: what it was asked, its folder, and its caches.

`kit.command` makes one from the command line and hands it to the recipe's `main`.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from data.errors import UserError
from data.plain import as_plain
from data.progress import working
from kit.files import DAMAGED, cached, json_text, mapped, read_json, sha256, write_whole
from kit.run_folders import point_latest_to

try:
    from data.catalog import locate
except ModuleNotFoundError as error:
    if not error.name.endswith("data.catalog"):
        raise
    locate = None  # a recipe copied into an app has no catalog: it takes paths

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "sample"  # the default data of a copied recipe
CACHE = Path(".cache")
READERS = ("data", "tasks", "tokens")  # folders whose code decides what is read


class Simpler(NamedTuple):
    """The simpler model beside a recipe's, and the metric that compares them."""

    name: str
    # Of the recipe's model, the first that it has; the simpler one's: `baseline_`...
    metrics: tuple[str, ...]
    maximize: bool  # whether a higher value is better
    advice: str  # what would put the recipe's model ahead


class Run:
    """One run of a recipe.

    Attributes:
        folder: Everything that the run writes is written here.
        data, test_data: The paths behind `--data` and `--test-data`, of texts a plain
            UTF-8 form.
        data_sha256: One hash over both.
        loaded: The folder of the run that `--load` names, or `None`.
        started: The folder of the run that `--start` names, or `None`.
        only_export: Whether `loaded` is this run, complete but for its export.
        verbose: For `fit`: a progress bar in a terminal, in a log a line per epoch.
        interrupted: Whether Ctrl-C was pressed.
        at_work: Holds what is `working` now; its `close` ends it.
    """

    interrupted = False

    def __init__(self, recipe, config, options, folder: Path):
        self.recipe, self.config, self.options = recipe, config, options
        self.folder, self.loaded, self.started = folder, options.load, options.start
        self.name = Path(recipe.__file__).stem
        self.only_export = options.load is not None and folder == options.load
        self.at_work = contextlib.ExitStack()
        self.verbose = 1 if sys.stdout.isatty() else 2
        self.data = self._find(config.data)
        self.test_data = self._find(config.test_data) if config.test_data else None
        self.data_sha256 = sha256(self.data, *filter(None, [self.test_data]))

    def _find(self, name: str) -> Path:
        path = find_data(name)
        if not getattr(self.recipe, "DATA_IS_TEXT", True):
            return path
        return as_plain(path, self.options.encoding, CACHE / "plain")

    def write(self, name: str, content) -> None:
        """Writes text, or anything else as JSON, completely or not at all."""
        if not isinstance(content, str):
            content = json_text(content)
        write_whole(self.folder / name, content.encode(errors="replace"))

    def vocabulary(self) -> dict | None:
        """The vocabulary of the run that `--load` or `--start` names, or `None`."""
        source = self.loaded or self.started
        return source and read_json(source / "vocabulary.json")

    def some(self, rows: list) -> list:
        """Under `--smoke` about 300 of the rows, else all."""
        return rows[:: max(1, len(rows) // 300)] if self.options.smoke else rows

    def cached(self, name: str, *more, make: Callable[[], dict]) -> dict:
        """Returns `make()`, from disk if it was made before.

        It is made again when the data, the code that reads them, the loaded
        vocabulary, or an option that the recipe lists in `READING` changes.

        Args:
            name: What is made, for the cache and the progress line.
            more: Further values that decide the result, as JSON holds them.
            make: Returns a dictionary of arrays, lists of one-dimensional arrays, or
                anything that JSON holds.
        """

        def make_and_tell() -> dict:
            with working(f"Making {name}"):
                return make()

        return cached(self._cache(name, more).with_suffix(".npz"), make_and_tell)

    def mapped(self, name: str, *more, make: Callable[[], dict]) -> dict:
        """`cached` for long arrays of ids: written piece by piece, mapped from disk.

        `make()` returns names and pieces as in `kit.files.mapped`.
        """
        with working(f"Reading {name}"):  # pieces are made while they are written
            return mapped(self._cache(name, more), make)

    def _cache(self, name: str, more) -> Path:
        code = [f for room in READERS for f in sorted((ROOT / room).glob("*.py"))]
        key = {
            "code": sha256(Path(self.recipe.__file__), *code),
            "data": self.data_sha256,
            "smoke": self.options.smoke,
            "vocabulary": self.vocabulary(),
            "options": {x: getattr(self.config, x) for x in self.recipe.READING},
            "name": name,
            "more": more,
        }
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return CACHE / self.name / digest

    def restore(self, model) -> dict:
        """Sets the weights of the run that `--load` names; there are no metrics."""
        with _loading(self.loaded):
            model.load_weights(self.loaded / "model.keras")
        return {}

    def start(self, model) -> None:
        """Sets the weights of the run that `--start` names."""
        with _loading(self.started):  # by `load`: `model` may be one that only trains
            weights = self.recipe.load(self.started)[0].get_weights()
        if [x.shape for x in weights] != [tuple(x.shape) for x in model.weights]:
            raise UserError(
                f"{self.started} has another network than the options describe"
            )
        model.set_weights(weights)
        print(f"Starting from {self.started}")

    def save(self, model, vocabulary: dict, export: Callable) -> None:
        """Writes `vocabulary.json`, `model.keras` and `saved_model/1/`.

        What follows until `finish` is the evaluation.
        """
        self.write("vocabulary.json", vocabulary)
        if "labels" in vocabulary:
            self.write("labels.txt", "\n".join(vocabulary["labels"]) + "\n")
        partial = self.folder / "partial.keras"
        try:
            model.save(partial)
            partial.rename(self.folder / "model.keras")
        finally:
            partial.unlink(missing_ok=True)
        self.parameters = model.count_params()
        self.export(model, vocabulary, export)
        self.at_work.enter_context(working("Evaluating"))

    def export(self, model, vocabulary: dict, export: Callable) -> None:
        """Calls `export(model, vocabulary, folder)`: TensorFlow makes a SavedModel.

        On another backend a child process with TensorFlow loads this run and does so.
        """
        import keras

        target = self.folder / "saved_model" / "1"
        if keras.backend.backend() != "tensorflow":
            self._export_by_tensorflow()
            return
        partial = target.with_name("partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(target, ignore_errors=True)
        try:
            with working("Exporting the model"):
                export(model, vocabulary, partial)
            partial.rename(target)
        except Exception as error:  # TensorFlow has an error of its own for this
            if "No space left on device" not in str(error):
                raise
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _export_by_tensorflow(self) -> None:
        command = ["-m", module_name(self.recipe), "--load", str(self.folder)]
        command += ["--run-dir", str(self.folder)]
        if not _has_tensorflow():
            print(
                "No SavedModel: TensorFlow is not installed here. Where it is: "
                f"KERAS_BACKEND=tensorflow python {' '.join(command)}"
            )
            return
        with working("Exporting the model by TensorFlow"):
            child = subprocess.run(
                [sys.executable, *command],
                env={**os.environ, "KERAS_BACKEND": "tensorflow"},
                capture_output=True,
                text=True,
            )
        if child.returncode:
            reason = (child.stderr.strip() or "no message").splitlines()[-1]
            raise UserError(f"the export by TensorFlow failed: {reason}")

    def finish(self, metrics: dict) -> None:
        """Writes `metrics.json` and the report, and moves `latest` to this run.

        If the simpler model is better, it says so, and what would help.
        """
        self.at_work.close()
        model = {"seed": self.config.seed, "parameters": self.parameters}
        metrics = {**model, **metrics}
        self.write("metrics.json", metrics)
        print()
        for name, value in metrics.items():
            text = f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
            print(f"  {name:<34} {text:>12}")
        self._compare(metrics, Simpler(**self.recipe.SIMPLER))
        if not self.options.smoke and self.folder.parent == Path("runs") / self.name:
            point_latest_to(self.folder)
        (self.folder / "checkpoint.npz").unlink(missing_ok=True)
        try:
            from kit.report import write_report
        except ModuleNotFoundError as error:
            if not error.name.endswith("kit.report"):
                raise  # a copied recipe has no report
        else:
            with working("Writing the report"):
                page = write_report(self.folder)
            print(f"\nReport: {page}")

    def _compare(self, metrics: dict, simpler: Simpler) -> None:
        pairs = {name: f"baseline_{name}" for name in simpler.metrics}
        known = [x for x in pairs.items() if metrics.keys() >= {*x}]
        if not known:
            return
        name = known[0][0]
        ours, theirs = (metrics[x] for x in known[0])
        if (ours < theirs) if simpler.maximize else (ours > theirs):
            print(
                f"\n{simpler.name} is better here: {name} {theirs:.4f} "
                f"against {ours:.4f}. What helps: {simpler.advice}"
            )


@contextlib.contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Weights that cannot be read end in one line."""
    try:
        yield
    except (*DAMAGED, TypeError) as error:
        reason = str(error).splitlines()[0][:200]
        raise UserError(f"{folder} cannot be loaded: {reason}") from None


def module_name(module) -> str:
    """Its importable name, also where it runs as `python -m`."""
    return module.__spec__.name if module.__spec__ else module.__name__


def find_data(name: str) -> Path:
    """The path behind a catalog name or a path, else a `UserError`."""
    if locate is not None:
        return locate(name)
    path = Path(name)
    if path.exists():
        return path
    if SAMPLE.is_dir() and name == SAMPLE.joinpath("NAME").read_text().strip():
        return SAMPLE
    raise UserError(f"no file or folder {name}")


def _has_tensorflow() -> bool:
    import importlib.util

    try:
        return importlib.util.find_spec("tensorflow") is not None
    except (ImportError, ValueError):
        return False
