"""Measures the tables of `benchmarks.recurrent`: which shapes, and how."""

import statistics
import time
from dataclasses import asdict, dataclass, replace

from benchmarks import report
from benchmarks.tasks import Task
from benchmarks.workers import Worker, describe_hardware

UNTIMED, MIN_ROUNDS = 2, 3  # steps before timing; timed rounds
SHORT_MS = 200


@dataclass(frozen=True)
class Plan:
    """The shapes of each table: units, batch, time."""

    layers: tuple = ("LSTM", "GRU")
    cells: tuple = (
        (128, 16, 100),
        (128, 128, 100),
        (256, 64, 25),
        (256, 64, 100),
        (256, 64, 400),
        (512, 32, 50),
        (512, 128, 100),
        (1024, 32, 100),
    )
    language_model: tuple = (256, 64, 100)
    grown_from: tuple = (256, 64, 100)
    time: tuple = (25, 50, 100, 200, 400)
    batch: tuple = (8, 16, 32, 64, 128)
    units: tuple = (64, 128, 256, 512, 1024)
    memory: tuple = ((128, 16, 100), (256, 64, 100), (1024, 32, 100))


PLAN = Plan()


class Bench:
    """The workers, and the rows measured so far.

    Attributes:
        workers: name of each contender -> its worker.
        machine: hardware, versions and device.
        gflops: speed of one large matrix product.
    """

    def __init__(self, options, keras, pytorch=None):
        self.options = options
        self.workers = dict.fromkeys(keras.ask("names"), keras)
        self.machine = {**describe_hardware(), **keras.ask("machine")}
        self.machine["pytorch"] = None
        if pytorch:
            self.workers |= dict.fromkeys(pytorch.ask("names"), pytorch)
            self.machine |= pytorch.ask("machine")
        self.gflops = keras.ask("gflops")
        self.rows = {}

    def row(self, task, pytorch=True):
        """Returns milliseconds per step and their ratios; measures each task once."""
        if task not in self.rows:
            times = self.times(task, pytorch)
            row = {**asdict(task), "ms": times}
            if task.model != "language-model":
                row["limit_ms"] = task.flop / self.gflops / 1e6
            row["ratios"] = report.ratios(times, row.get("limit_ms"))
            self.rows[task] = row
            print(report.line(row), flush=True)
        return self.rows[task]

    def contenders(self, task, pytorch):
        """Returns workers by contender; PyTorch and cuDNN have no recurrent dropout."""
        masked = task.model == "masked"
        return {
            name: worker
            for name, worker in self.workers.items()
            if (name != "pytorch" or (pytorch and not masked))
            and not (masked and "without cuDNN" in name)
        }

    def times(self, task, pytorch):
        contenders = self.contenders(task, pytorch)
        for name, worker in contenders.items():
            worker.ask("build", contender=name, task=asdict(task))
        steps = {
            name: lambda name=name, worker=worker: worker.ask("step", contender=name)
            for name, worker in contenders.items()
        }
        times = medians(steps, self.options.rounds, self.options.seconds)
        for worker in set(contenders.values()):
            worker.ask("forget")
        return times


def medians(steps, rounds, seconds):
    """Calls `steps` in turns and returns the median of the milliseconds of each."""
    last = {}
    for name, step in steps.items():
        for _ in range(UNTIMED):
            last[name] = step()
    times = {name: [] for name in steps}
    start = time.monotonic()
    for done in range(rounds):
        if done >= MIN_ROUNDS and time.monotonic() - start > seconds:
            break
        for name, step in steps.items():
            if last[name] < SHORT_MS:
                step()  # wakes its threads, which in `fit` would not have slept
            times[name].append(step())
    return {name: statistics.median(values) for name, values in times.items()}


def cells(bench, plan, model="regression"):
    tasks = [Task(cell, *shape, model) for cell in plan.layers for shape in plan.cells]
    return [bench.row(task) for task in tasks]


def masked(bench, plan):
    return cells(bench, plan, "masked")


def language_model(bench, plan):
    shape = plan.language_model
    return [bench.row(Task(cell, *shape, "language-model")) for cell in plan.layers]


def growth(bench, plan):
    """Varies each size of one shape; `varied` in a row names the size."""
    rows = []
    for cell in plan.layers:
        base = Task(cell, *plan.grown_from)
        for varied in ("time", "batch", "units"):
            for value in getattr(plan, varied):
                row = bench.row(replace(base, **{varied: value}), pytorch=False)
                rows.append({"varied": varied, **row})
    return rows


def memory(bench, plan):
    """Measures memory and first step, each in a new process."""
    rows = []
    for cell in plan.layers:
        for task in (Task(cell, *shape) for shape in plan.memory):
            costs = {}
            for name, worker in bench.workers.items():
                if worker.kind == "keras" and "without cuDNN" not in name:
                    with Worker("keras", bench.options.dtype) as fresh:
                        costs[name] = fresh.ask(
                            "cost", contender=name, task=asdict(task)
                        )
            rows.append(report.memory_row(task, costs))
            print(report.line(rows[-1]), flush=True)
    return rows


TABLES = {
    "cells": cells,
    "masked": masked,
    "language-model": language_model,
    "growth": growth,
    "memory": memory,
}
