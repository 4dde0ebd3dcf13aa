"""One run of a recipe: its command line, its folder, its first and last lines.

A recipe ends with ``command(main, Config, smoke={...})``: the options are the fields
of its ``Config`` and those of ``Options`` below, and ``main(config, run)`` is called
with a folder made for the run. Whatever a user can get wrong is one line and exit 2.
"""

import contextlib
import dataclasses
import datetime
import hashlib
import importlib.util
import inspect
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from data.errors import UserError, one_line_errors
from kit.files import cached, mapped, read_json, sha256, write_whole
from kit.machine import describe_machine
from kit.progress import working

try:
    from data.catalog import locate
except ModuleNotFoundError as error:
    if not error.name.endswith("data.catalog"):
        raise
    locate = None  # a recipe copied into an app has no catalog: it takes paths

SAMPLE = Path(__file__).parent.parent / "sample"  # the default data of such a copy
CACHE = Path(".cache")


@dataclasses.dataclass(frozen=True)
class Options:
    run_dir: Path | None = None  # folder of the run; default runs/RECIPE/UTC-TIME
    resume: bool = False  # go on with the newest unfinished run, or with --run-dir
    load: Path | None = None  # folder of a run: its weights, no training
    smoke: bool = False  # the whole path in seconds, on few rows


class Simpler(NamedTuple):
    """The model beside a recipe's, and the figure by which they are compared."""

    name: str
    figure: str  # that of the simpler one has `baseline_` before it
    high: bool  # whether a high figure is good
    helps: str  # what would put the recipe's model above it


class Run:
    """The folder of one run and what stands in it.

    Attributes:
        folder: Where everything is written.
        data, test_data: The paths behind `--data` and `--test-data`.
        data_sha256: One hash over both.
        loaded: Folder of the run whose weights are loaded, else `None`.
        only_export: The run is complete but for its export.
        verbose: For `fit`: a bar in a terminal, in a log one line an epoch.
        interrupted: Ctrl-C was pressed.
    """

    interrupted = False

    def __init__(self, source: Path, module, config, options, folder):
        self.source, self.recipe = source, source.stem
        self.module, self.folder = module, folder
        self.config, self.options = config, options
        self.loaded = options.load
        self.only_export = options.load is not None and folder == options.load
        self.verbose = 1 if sys.stdout.isatty() else 2
        self.data = find_data(config.data)
        self.test_data = find_data(config.test_data) if config.test_data else None
        self.data_sha256 = sha256(self.data, *filter(None, [self.test_data]))

    def write(self, name: str, content) -> None:
        """Writes text, or anything else as JSON, whole or not at all."""
        if not isinstance(content, str):
            content = json.dumps(content, ensure_ascii=False, indent=1)
        write_whole(self.folder / name, content.encode())

    def vocabulary(self) -> dict | None:
        """What `vocabulary.json` of the loaded run holds; `None` without one."""
        return self.loaded and read_json(self.loaded / "vocabulary.json")

    def cached(self, *key, make: Callable[[], dict]) -> dict:
        """What `make()` gives, kept on disk for the same data, code and `key`.

        Its values are arrays, lists of arrays of one axis, or what JSON holds.
        """
        return cached(self._place(key).with_suffix(".npz"), _told(key[0], make))

    def mapped(self, *key, make: Callable[[], dict]) -> dict:
        """`cached` for long arrays of ids: given in pieces, mapped from disk.

        `make()` gives names and pieces as `kit.files.mapped` says.
        """
        with working(f"Reading {key[0]}"):  # its pieces are made as they are written
            return mapped(self._place(key), make)

    def _place(self, key) -> Path:
        """Where a cache of this data, code and key lies."""
        kit = Path(__file__).parent
        rooms = ("data", "kit", "tasks", "tokens")
        helpers = sorted(f for room in rooms for f in kit.parent.glob(f"{room}/*.py"))
        code = sha256(self.source, *helpers)
        text = json.dumps([code, self.data_sha256, *key], sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()
        return CACHE / self.recipe / name

    def export(self, export: Callable, *arguments) -> None:
        """Calls `export(*arguments, folder)`; a SavedModel is made by TensorFlow.

        On another backend a child process with TensorFlow loads this run and makes it.
        """
        import keras

        target = self.folder / "saved_model" / "1"
        if keras.backend.backend() == "tensorflow":
            making = target.with_name("making")
            shutil.rmtree(making, ignore_errors=True)
            shutil.rmtree(target, ignore_errors=True)
            with working("Exporting the model"):
                export(*arguments, making)
            making.rename(target)
            return
        command = [sys.executable, "-m", self.module, "--load", str(self.folder)]
        if not _has_tensorflow():
            print(
                "No SavedModel: TensorFlow is not installed here. Where it is: "
                f"KERAS_BACKEND=tensorflow python {' '.join(command[1:])} "
                f"--run-dir {self.folder}"
            )
            return
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
        command += ["--run-dir", str(self.folder)]
        with working("Exporting the model by TensorFlow"):
            child = subprocess.run(
                command, env=environment, capture_output=True, text=True
            )
        if child.returncode:
            reason = (child.stderr.strip() or "no message").splitlines()[-1]
            raise UserError(f"the export by TensorFlow failed: {reason}")

    def finish(self, metrics: dict, simpler: Simpler | None = None) -> None:
        """Writes `metrics.json` and the report, and moves `latest` to this run.

        Where the simpler model is better, it says so and what would help.
        """
        self.write("metrics.json", metrics)
        print()
        for name, value in metrics.items():
            text = f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
            print(f"  {name:<34} {text:>12}")
        if simpler and simpler.figure in metrics:  # a short target has no BLEU
            ours, theirs = (
                metrics[simpler.figure],
                metrics[f"baseline_{simpler.figure}"],
            )
            if (ours < theirs) if simpler.high else (ours > theirs):
                print(
                    f"\n{simpler.name} is better here: {simpler.figure} {theirs:.4f} "
                    f"against {ours:.4f}. What helps: {simpler.helps}"
                )
        if not self.options.smoke and self.folder.parent == Path("runs") / self.recipe:
            link = self.folder.parent / f".latest-{os.getpid()}"
            link.symlink_to(self.folder.name)
            link.replace(self.folder.parent / "latest")
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


def _told(what: str, make: Callable[[], dict]) -> Callable[[], dict]:
    def told() -> dict:
        with working(f"Making {what}"):
            return make()

    return told


def command(
    main: Callable, config_class: type, smoke: dict, settings: dict | None = None
) -> None:
    """Parses the command line and calls `main(config, run)`.

    Args:
        main: The recipe's `main(config, run)`.
        config_class: Frozen dataclass; each field is an option.
        smoke: Fields and their values under `--smoke`, where not given otherwise.
        settings: By name of a data set, fields and the values that were measured to
            suit it: they hold where not given otherwise.
    """
    import keras

    module = inspect.getmodule(main)
    name = module.__spec__.name if module.__spec__ else "__main__"
    source = Path(inspect.getfile(main))
    with one_line_errors(f"python -m {name} --resume"):
        config, options = _parse(config_class, smoke, settings or {}, name)
        folder, made = _folder(source.stem, options)
        try:
            run = Run(source, name, config, options, folder)
            _note_interrupts(run)
            _describe(run)
            keras.utils.set_random_seed(config.seed)
            main(config, run)
        except UserError:
            # Nothing half-written: what was not trained yet is taken away again.
            if made and not (folder / "checkpoint.npz").exists():
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _note_interrupts(run: Run) -> None:
    """Makes Ctrl-C certain: a `KeyboardInterrupt` raised while an object is being
    deleted is only printed, so `Checkpoint` looks at `run.interrupted` after a batch.
    """

    def note(number, frame):
        run.interrupted = True
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, note)


def _parse(config_class, smoke, settings, module):
    """Config and options: from the command line, or from an earlier run's file."""
    import tyro

    def parse(
        config: tyro.conf.OmitArgPrefixes[config_class],
        options: tyro.conf.OmitArgPrefixes[Options],
    ):
        return config, options

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            config, options = tyro.cli(
                parse,
                prog=f"python -m {module}",
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        lines = [line.strip(" │╭╮╰╯─") for line in said.getvalue().splitlines()]
        lines = [line for line in lines if line.strip("-") and "helptext" not in line]
        said = "; ".join(lines[1:])  # the first one is the title of tyro's box
        raise UserError(said or "the command line was not understood") from None
    default = config_class()
    given = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != getattr(default, field.name)
    }
    if options.resume and (given or options.load or options.smoke):
        raise UserError("--resume takes its options from the run: give only --run-dir")
    if options.load:
        free = {"data", "test_data"}
        free |= {
            f.name for f in dataclasses.fields(config) if "with_load" in f.metadata
        }
        if other := given.keys() - free:
            names = " and ".join(f"--{name.replace('_', '-')}" for name in sorted(free))
            raise UserError(
                f"--load takes its options from the run, but for {names}: found "
                f"--{sorted(other)[0].replace('_', '-')}"
            )
        config = dataclasses.replace(_config_of(options.load, config_class), **given)
    elif options.resume:
        recipe = module.rpartition(".")[2].replace("__main__", module.split(".")[-2])
        folder = options.run_dir or _newest_unfinished(recipe)
        if _is_finished(folder):
            raise UserError(f"nothing to resume: {folder} is finished")
        config = _config_of(folder, config_class)
        options = dataclasses.replace(options, run_dir=folder)
    else:
        suited = {
            k: v for k, v in settings.get(config.data, {}).items() if k not in given
        }
        if suited and not options.smoke:
            said = " ".join(f"--{k.replace('_', '-')} {v}" for k, v in suited.items())
            print(f"Settings for {config.data}: {said}")
        quick = smoke if options.smoke else {}
        config = dataclasses.replace(config, **{**suited, **quick, **given})
    for field in dataclasses.fields(config):
        _check(field, getattr(config, field.name))
    return config, options


def _check(field, value) -> None:
    """Whole numbers are positive (or not negative, where the default is 0)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    option = f"--{field.name.replace('_', '-')}"
    if "dropout" in field.name:
        if not 0 <= value < 1:
            raise UserError(f"{option} must be at least 0 and below 1, found {value}")
    elif isinstance(value, int):
        least = min(field.default, 1)
        if value < least:
            raise UserError(f"{option} must be at least {least}, found {value}")
    elif not 0 < value < float("inf"):
        raise UserError(f"{option} must be above 0, found {value}")


def _folder(recipe: str, options: Options) -> tuple[Path, bool]:
    """The run's folder, and whether it was made now."""
    base = Path("runs") / recipe
    if options.resume or (options.load and options.run_dir == options.load):
        return options.run_dir, False
    try:
        if options.smoke and not options.run_dir:
            shutil.rmtree(base / "smoke", ignore_errors=True)
            (base / "smoke").mkdir(parents=True)
            return base / "smoke", True
        if folder := options.run_dir:
            if folder.is_dir() and any(folder.iterdir()):
                raise UserError(f"{folder} is not empty: --run-dir needs a new folder")
            folder.mkdir(parents=True, exist_ok=True)
            _probe(folder)
            return folder, True
        now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        for suffix in ["", *(f"-{n}" for n in range(2, 1000))]:
            with contextlib.suppress(FileExistsError):
                (base / (now + suffix)).mkdir(parents=True)
                return base / (now + suffix), True
        raise UserError(f"no new folder can be made in {base}")
    except OSError as error:
        raise UserError(
            f"the run folder {options.run_dir or base} cannot be written: "
            f"{error.strerror}"
        ) from None


def _probe(folder: Path) -> None:
    (folder / ".probe").touch()
    (folder / ".probe").unlink()


def _describe(run: Run) -> None:
    """Prints the first line; writes `config.json` and `environment.json`."""
    import keras

    environment = describe_machine()
    accelerator = " ".join([environment["device"], f"({environment['device_name']})"])
    print(
        f"{run.recipe}: Keras {keras.__version__} on {environment['backend']} "
        f"{environment['versions'][environment['backend']]}, {accelerator}, "
        f"XLA {'on' if environment['xla'] else 'off'}, run folder {run.folder}"
    )
    if environment["device"] == "CPU" and Path("/dev/nvidia0").exists():
        print("A GPU is present but unused: make setup EXTRA=gpu (or jax-gpu)")
    if run.only_export:
        return
    environment |= {
        "seed": run.config.seed,
        "data_sha256": run.data_sha256,
        "git_commit": git_commit(),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    if run.options.resume:
        before = read_json(run.folder / "environment.json")
        if before["data_sha256"] != run.data_sha256:
            raise UserError(
                f"{run.data} has changed since {run.folder} began: a run resumes on "
                "the same data only"
            )
        if before["backend"] != environment["backend"]:
            raise UserError(
                f"{run.folder} was begun on {before['backend']}: resume with "
                f"KERAS_BACKEND={before['backend']}"
            )
        return
    run.write("environment.json", environment)
    # Last: a folder with config.json can be resumed.
    run.write("config.json", dataclasses.asdict(run.config))


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


def newest_run(recipe: str) -> Path:
    """The folder of the recipe's newest finished run."""
    latest = Path("runs") / recipe / "latest"
    if not latest.is_dir():
        raise UserError(f"no finished run of {recipe} yet: make {recipe}")
    return latest.resolve().relative_to(Path.cwd().resolve())


def _is_finished(folder: Path) -> bool:
    """Its figures stand there, and the checkpoint, kept until the end, is gone."""
    return (folder / "metrics.json").exists() and not (
        folder / "checkpoint.npz"
    ).exists()


def _newest_unfinished(recipe: str) -> Path:
    folders = sorted(
        path.parent
        for path in (Path("runs") / recipe).glob("2*/config.json")
        if not _is_finished(path.parent)
    )
    if not folders:
        raise UserError(f"nothing to resume: no unfinished run in runs/{recipe}")
    return folders[-1]


def _config_of(folder: Path, config_class: type):
    values = read_json(folder / "config.json")
    known = {field.name for field in dataclasses.fields(config_class)}
    if unknown := values.keys() - known:
        raise UserError(f"{folder}/config.json: unknown option {sorted(unknown)[0]}")
    return config_class(**values)


def _has_tensorflow() -> bool:
    try:
        return importlib.util.find_spec("tensorflow") is not None
    except (ImportError, ValueError):
        return False


def git_commit() -> str | None:
    """The commit, and `-dirty` where a tracked file but for results differs from it."""
    here = ["git", "-C", Path(__file__).parent]
    status = ["status", "--porcelain", "--untracked-files=no", "--"]
    try:
        commit, changed = (
            subprocess.run([*here, *command], capture_output=True, text=True).stdout
            for command in (
                ["rev-parse", "--short=12", "HEAD"],
                [*status, ":/", ":(exclude,top)results"],
            )
        )
    except OSError:
        return None
    return (commit.strip() + "-dirty" * bool(changed)) or None
