"""The command line of a recipe.

A recipe ends with `command(main)`. Its options are the fields of its `Config` and those
of `Options` below; `main(config, run)` is called with a new `Run`. Whatever a user can
get wrong ends in one line and exit status 2.
"""

import contextlib
import dataclasses
import datetime
import inspect
import io
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from data.errors import FULL_DISK, UserError, one_line_errors
from kit.files import read_json
from kit.length import START_RATE
from kit.machine import describe_machine, git_commit
from kit.run import Run, module_name
from kit.run_folders import is_finished, new_run, newest_unfinished_run


@dataclasses.dataclass(frozen=True)
class Options:
    run_dir: Path | None = None  # folder of the run; default runs/RECIPE/UTC-TIME
    resume: bool = False  # continue the newest unfinished run, or --run-dir
    load: Path | None = None  # folder of a run: use its weights, do not train
    start: Path | None = None  # folder of a run: go on from its weights, on other data
    smoke: bool = False  # everything in seconds, on little data
    encoding: str = "utf-8"  # of texts in --data and --test-data, such as cp1252
    # Type of the calculations; mixed: weights stay in float32. Faster on a GPU.
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"


KEPT = ("encoding", "precision", "start")  # belong to a run, in its config.json


def command(main: Callable) -> None:
    """Parses the command line and calls `main(config, run)`.

    The module of `main` also defines:

    - `Config`: a frozen dataclass; each field is an option;
    - `SMOKE`: values of fields under `--smoke`, unless the user gives them;
    - `SETTINGS`: by the name of a data set, values of fields that were measured to
      suit it; they hold unless the user gives them;
    - `READING`: the fields that decide how data are read: see `Run.cached`;
    - `SIMPLER`: the `kit.run.Simpler` model beside the recipe's;
    - `load` and `export`, for a run that is complete but for its export.
    """
    import keras

    recipe = inspect.getmodule(main)
    name = module_name(recipe)
    with one_line_errors(f"python -m {name} --resume"):
        config, options = _parse(recipe, name)
        if options.resume or (options.load and options.run_dir == options.load):
            folder, is_new = options.run_dir, False
        else:
            stem = Path(recipe.__file__).stem
            folder, is_new = new_run(stem, options.run_dir, options.smoke), True
        try:
            run = Run(recipe, config, options, folder)
            _note_interrupts(run)
            _describe(run)
            keras.config.set_dtype_policy(options.precision)
            keras.utils.set_random_seed(config.seed)
            if run.only_export:
                run.export(*recipe.load(folder), recipe.export)
            else:
                with run.at_work:
                    main(config, run)
        except (UserError, OSError) as error:
            has_trained = (folder / "checkpoint.npz").exists()
            # Nothing half-written: a run that has not trained yet leaves no folder.
            if is_new and not has_trained:
                shutil.rmtree(folder, ignore_errors=True)
            if has_trained and getattr(error, "errno", None) in FULL_DISK:
                again = f"python -m {name} --resume --run-dir {folder}"
                raise UserError(f"{error.strerror}: make room, then {again}") from None
            raise


def _note_interrupts(run: Run) -> None:
    """Python swallows a `KeyboardInterrupt` that is raised in a destructor, so
    `Checkpoint` also checks `run.interrupted` after each batch."""

    def note(number, frame):
        run.interrupted = True
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, note)


def _parse(recipe, name: str):
    """Config and options: from the command line, or from an earlier run's file."""
    config, options = _read_command_line(recipe.Config, name)
    typed = {argument.split("=")[0].replace("_", "-") for argument in sys.argv[1:]}
    fields = [field.name for field in dataclasses.fields(config)]
    given = {x: getattr(config, x) for x in fields if _option(x) in typed}
    asked = {x: getattr(options, x) for x in KEPT if _option(x) in typed}
    if options.resume and (given or asked or options.load or options.smoke):
        raise UserError("--resume takes its options from the run: give only --run-dir")
    if options.load and options.start:
        raise UserError("--start trains, --load does not: give one of them")
    if options.load:
        config, kept = _config_to_load(recipe.Config, options.load, given | asked)
        options = dataclasses.replace(options, **kept)
    elif options.resume:
        stem = Path(recipe.__file__).stem
        folder = options.run_dir or newest_unfinished_run(stem)
        if is_finished(folder):
            raise UserError(f"nothing to resume: {folder} is finished")
        config, kept = _config_of(recipe.Config, folder)
        options = dataclasses.replace(options, run_dir=folder, **kept)
    elif options.start:
        config = _config_to_start(recipe, options, given)
    else:
        settings = recipe.SETTINGS.get(config.data, {})
        settings = {x: value for x, value in settings.items() if x not in given}
        if settings and not options.smoke:
            said = " ".join(f"{_option(x)} {value}" for x, value in settings.items())
            print(f"Settings for {config.data}: {said}")
        smoke = recipe.SMOKE if options.smoke else {}
        config = dataclasses.replace(config, **{**settings, **smoke, **given})
    for field in dataclasses.fields(config):
        _check(field, getattr(config, field.name))
    return config, options


def _read_command_line(config_class, name: str):
    import tyro

    def parse(
        config: tyro.conf.OmitArgPrefixes[config_class],
        options: tyro.conf.OmitArgPrefixes[Options],
    ):
        return config, options

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                parse,
                prog=f"python -m {name}",
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        lines = [line.strip(" │╭╮╰╯─") for line in said.getvalue().splitlines()]
        lines = [line for line in lines if line.strip("-") and "helptext" not in line]
        message = "; ".join(lines[1:])  # the first one is the title of tyro's box
        raise UserError(message or "the command line was not understood") from None


def _config_to_load(config_class, folder: Path, given: dict):
    """`_config_of` the loaded run, with the few options that may be given anew."""
    free = {"data", "test_data", "encoding"}
    free |= {
        x.name for x in dataclasses.fields(config_class) if "with_load" in x.metadata
    }
    if other := given.keys() - free:
        names = " and ".join(map(_option, sorted(free)))
        raise UserError(
            f"--load takes its options from the run, except {names}: found "
            f"{_option(sorted(other)[0])}"
        )
    loaded = _config_of(config_class, folder, given)
    _check_trained(folder)
    return loaded


def _config_to_start(recipe, options: Options, given: dict):
    """The config of the run to start from, on other data, with a lower rate.

    Its network is kept, so a size that is given anew is an error when weights are set.
    """
    config, _ = _config_of(recipe.Config, options.start)
    _check_trained(options.start)
    anew = {"epochs": recipe.SMOKE.get("epochs", 1) if options.smoke else 0}
    if hasattr(config, "learning_rate"):
        anew["learning_rate"] = START_RATE * config.learning_rate
    if "data" in given:
        anew["test_data"] = ""
    return dataclasses.replace(config, **{**anew, **given})


def _check_trained(folder: Path) -> None:
    if not (folder / "model.keras").is_file():
        raise UserError(f"{folder} has no model.keras: expected a run that was trained")


def _config_of(config_class, folder: Path, given: dict | None = None):
    """The config of a run, and its values of `KEPT`, except those `given` anew."""
    values = read_json(folder / "config.json") | (given or {})
    kept = {name: values.pop(name) for name in KEPT if name in values}
    if kept.get("start"):
        kept["start"] = Path(kept["start"])
    known = {field.name for field in dataclasses.fields(config_class)}
    if unknown := values.keys() - known:
        raise UserError(f"{folder}/config.json: unknown option {sorted(unknown)[0]}")
    return config_class(**values), kept


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def _check(field, value) -> None:
    """Shares lie from 0 to below 1; whole numbers are positive (or not negative, where
    the default is 0), other numbers above 0, unless the field says `min` or `max`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    option, limits = _option(field.name), field.metadata
    if "dropout" in field.name:
        if not 0 <= value < 1:
            raise UserError(f"{option} must be at least 0 and below 1, found {value}")
    elif isinstance(value, int) or "min" in limits:
        least = limits.get("min", min(field.default, 1))
        if not least <= value < float("inf"):
            raise UserError(f"{option} must be at least {least}, found {value}")
    elif not 0 < value < float("inf"):
        raise UserError(f"{option} must be above 0, found {value}")
    if value > limits.get("max", value):
        raise UserError(f"{option} must be at most {limits['max']}, found {value}")


def _describe(run: Run) -> None:
    """Prints the first line; writes `environment.json` and `config.json`."""
    import keras

    environment = describe_machine()
    print(
        f"{run.name}: Keras {keras.__version__} on {environment['backend']} "
        f"{environment['versions'][environment['backend']]}, {environment['device']} "
        f"({environment['device_name']}), XLA {'on' if environment['xla'] else 'off'}, "
        f"run folder {run.folder}"
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
    # Last, because a folder with config.json can be resumed.
    kept = {name: getattr(run.options, name) for name in KEPT}
    kept["start"] = kept["start"] and str(kept["start"])
    run.write("config.json", dataclasses.asdict(run.config) | kept)
