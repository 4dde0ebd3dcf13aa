"""Measures where a recipe spends its time: start-up, data, training steps, the rest.

    python -m benchmarks.recipe_time sentiment --epochs 2

Options after the recipe's name are passed to the recipe. Each second is counted once,
under the innermost of: the recipe's own functions, `fit`, a training step, validation,
checkpoints, export, report. `fit` is therefore the Python code between its steps. A
step includes fetching its batch. Batches are made in a separate thread, whose seconds
are reported but not added. First steps, which trace a graph (and with XLA compile it),
are those that take over ten times the median. Writes `results/recipe-time-RECIPE.json`.
"""

import contextlib
import functools
import importlib
import inspect
import statistics
import subprocess
import sys
import time
from collections import Counter

from benchmarks.report import write_record
from benchmarks.workers import ROOT, describe_hardware
from data.errors import UserError, one_line_errors
from kit.command import command
from kit.machine import git_commit

RESULTS = ROOT / "results"


class Clock:
    """Seconds per label; those of a nested call count only for the inner label."""

    def __init__(self):
        self.seconds = Counter()
        self.inside = []

    @contextlib.contextmanager
    def __call__(self, label):
        start = time.perf_counter()
        self.inside.append(0.0)
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self.seconds[label] += elapsed - self.inside.pop()
            if self.inside:
                self.inside[-1] += elapsed

    def watch(self, owner, name, label):
        """Replaces the function `owner.name` by one that is timed under `label`."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def timed(*arguments, **named):
            with self(label):
                return original(*arguments, **named)

        setattr(owner, name, timed)


def watch_recipe(clock, recipe):
    """Times the functions of the recipe and those that it calls in Keras and `kit`.

    Returns two lists that fill up during the run: seconds of each step and batch.
    """
    for name, function in inspect.getmembers(recipe, inspect.isfunction):
        # `command` finds the recipe's module through `main`: it is not replaced.
        if function.__module__ == recipe.__name__ and name != "main":
            clock.watch(recipe, name, f"{name}()")
    import keras

    from kit.batches import Batches
    from kit.run import Run
    from kit.training import Checkpoint

    clock.watch(keras.Model, "fit", "fit, between the steps")
    clock.watch(keras.Model, "evaluate", "validation")
    clock.watch(Run, "export", "export")
    clock.watch(Run, "finish", "report")
    for name, function in inspect.getmembers(Checkpoint, inspect.isfunction):
        if name.startswith("on_") and function.__module__ == Checkpoint.__module__:
            clock.watch(Checkpoint, name, "checkpoints")
    return watch_steps(clock, keras.Model), watch_batches(Batches)


def watch_steps(clock, model):
    """Returns a list that the seconds of each training step are appended to."""
    steps = []
    make = model.make_train_function

    def make_watched(self, force=False):
        make(self, force=force)
        run = self.train_function
        if hasattr(run, "watched"):
            return run

        def timed(iterator):
            start = time.perf_counter()
            with clock("training steps"):
                logs = run(iterator)
                # Reading the loss waits for the step: JAX runs asynchronously.
                float(next(iter(logs.values())))
            steps.append(time.perf_counter() - start)
            return logs

        timed.watched = True
        self.train_function = timed
        return timed

    model.make_train_function = make_watched
    return steps


def watch_batches(batches):
    """Returns a list that the seconds of making each batch are appended to."""
    seconds = []
    make = batches.__getitem__

    def timed(self, index):
        start = time.perf_counter()
        batch = make(self, index)
        seconds.append(time.perf_counter() - start)
        return batch

    batches.__getitem__ = timed
    return seconds


def seconds_of(*arguments):
    """Returns the seconds that a new Python process takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def measure(name, arguments):
    start_up = {
        "Python": seconds_of("-c", ""),
        "the recipe's --help": seconds_of("-m", f"recipes.{name}", "--help"),
        "import keras": seconds_of("-c", "import recipes, keras"),
    }
    clock = Clock()
    start = time.perf_counter()
    with clock("imports"):
        recipe = importlib.import_module(f"recipes.{name}")
        steps, batches = watch_recipe(clock, recipe)
    sys.argv = [f"recipes.{name}", *arguments]
    with clock("main(), command line, run folder"):
        command(recipe.main)
    whole = time.perf_counter() - start
    usual = statistics.median(steps)
    first = [step for step in steps if step > 10 * usual]
    return {
        "start_up_s": start_up,
        "whole_s": whole,
        "parts_s": dict(clock.seconds.most_common()),
        "steps": len(steps),
        "median_step_ms": usual * 1e3,
        "first_steps": len(first),
        "first_steps_s": sum(first),
        "batches_in_thread_s": sum(batches),
    }


def main():
    with one_line_errors():
        if len(sys.argv) < 2 or not (ROOT / "recipes" / f"{sys.argv[1]}.py").exists():
            raise UserError("usage: python -m benchmarks.recipe_time RECIPE [options]")
        name, *arguments = sys.argv[1:]
        commit = git_commit()
        measured = measure(name, arguments)
        shown = ["python", "-m", "benchmarks.recipe_time", name, *arguments]
        record = {"command": " ".join(shown), "git_commit": commit}
        record |= {"machine": describe_hardware(), **measured}
        print(f"\n{measured['whole_s']:.1f} s in total")
        for label, seconds in measured["parts_s"].items():
            share = 100 * seconds / measured["whole_s"]
            print(f"{seconds:8.2f} s {share:5.1f} %  {label}")
        for key in ("start_up_s", "steps", "median_step_ms", "first_steps"):
            print(f"{key}: {measured[key]}")
        for key in ("first_steps_s", "batches_in_thread_s"):
            print(f"{key}: {measured[key]:.2f}")
        path = RESULTS / f"recipe-time-{name}.json"
        write_record(record, path)
        print(path)


if __name__ == "__main__":
    main()
