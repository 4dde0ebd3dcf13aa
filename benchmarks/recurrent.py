"""Times a training step of our LSTM and GRU against Keras's and PyTorch's.

    python -m benchmarks.recurrent
    python -m benchmarks.recurrent --only cells growth
    KERAS_BACKEND=jax python -m benchmarks.recurrent --pytorch other/bin/python

PyTorch is optional: `.venv/bin/pip install torch==2.13.0` (the extra `bench`), or pass
a Python that has it with `--pytorch`. A step is `train_on_batch` on NumPy arrays, the
compiled step of `fit`, which returns the loss; for PyTorch the same is written by hand.
Keras and ours run with and without XLA (`jit_compile`), on JAX always with it; on a
GPU, Keras also runs with and without cuDNN. The contenders take turns, one timed step
each, so that a busy moment of the machine affects all; the figures are medians.

Tables: `cells`, the layer and a Dense layer; `masked`, the same with random lengths,
dropout and recurrent dropout; `language-model`, a small character model; `growth`, one
size varied at a time; `memory`, the first step and the memory of later ones, each in a
new process. Ratios are the other's time over ours: above 1, ours is faster. In `memory`
they are ours over Keras's: below 1, ours takes less. `limit` is the share of the step
that its matrix products alone would take at the speed of one large product.

Writes `results/recurrent-BACKEND-DEVICE.json` and a plot of `growth` as `.png`. Tables
in the file that are not measured again are kept if machine and versions are the same.
"""

import contextlib
import dataclasses
import shlex
import time
from pathlib import Path
from typing import Literal

import tyro

from benchmarks import report
from benchmarks.tables import PLAN, TABLES, Bench
from benchmarks.workers import ROOT, Worker
from data.errors import UserError, one_line_errors
from kit.files import read_json
from kit.machine import git_commit


@dataclasses.dataclass(frozen=True)
class Options:
    only: tuple[Literal[*TABLES], ...] = tuple(TABLES)  # the tables to measure
    rounds: int = 7  # timed steps of each contender
    seconds: float = 12.0  # time limit per shape, but at least 3 rounds
    dtype: Literal["float32", "bfloat16"] = "float32"  # bfloat16: mixed precision
    pytorch: Path | None = None  # a Python that has torch; default: this one
    out: Path | None = None  # default: results/recurrent-BACKEND-DEVICE.json


def run(bench, plan, options):
    """Measures the tables and writes the record after each of them."""
    path = options.out or default_path(bench.machine, options)
    stamp = {
        "command": shown_command(bench.machine["backend"], options),
        "git_commit": git_commit(),
    }
    record = {
        **stamp,
        "machine": bench.machine,
        "dtype": options.dtype,
        "gflops": bench.gflops,
        "tables": {},
    }
    record["tables"] = kept_tables(path, record)
    for name in (name for name in TABLES if name in options.only):
        print(f"\n{report.TITLES[name]}", flush=True)
        start = time.monotonic()
        rows = TABLES[name](bench, plan)
        seconds = time.monotonic() - start
        record["tables"][name] = {**stamp, "seconds": seconds, "rows": rows}
        write(record, path)
    print(report.text(record))
    print(f"\n{path}")
    if "growth" in record["tables"]:
        print(report.draw(record, path.with_suffix(".png")))


def write(record, path):
    """Adds the summary to the record and writes it, with four significant digits."""
    tables = record["tables"]
    record["summary"] = report.summary(tables)
    record["seconds"] = sum(table["seconds"] for table in tables.values())
    report.write_record(record, path)


def default_path(machine, options):
    name = ["recurrent", machine["backend"], machine["device"]]
    name += [options.dtype] if options.dtype != "float32" else []
    return ROOT / "results" / f"{'-'.join(name)}.json"


def shown_command(backend, options):
    """Returns the command without paths, which differ between machines."""
    words = [f"KERAS_BACKEND={backend}", "python", "-m", "benchmarks.recurrent"]
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if field.name not in ("pytorch", "out") and value != field.default:
            words += [f"--{field.name}", *(value if field.name == "only" else [value])]
    return shlex.join(map(str, words))


def kept_tables(path, record):
    """Returns the tables in the file, if they are of this machine and versions."""
    if not path.exists():
        return {}
    old = read_json(path)
    machine = dict(old.get("machine", {}))
    pytorch = machine.pop("pytorch", None)
    now = {key: value for key, value in record["machine"].items() if key != "pytorch"}
    same_pytorch = record["machine"]["pytorch"] in (None, pytorch) or pytorch is None
    if (machine, old.get("dtype")) != (now, record["dtype"]) or not same_pytorch:
        return {}
    record["machine"]["pytorch"] = record["machine"]["pytorch"] or pytorch
    return old["tables"]


def open_pytorch(stack, python, dtype):
    """Returns PyTorch's worker, or prints why there is none and returns None."""
    worker = stack.enter_context(Worker("pytorch", dtype, *filter(None, [python])))
    try:
        worker.ask("names")
    except UserError as error:
        print(f"PyTorch's rows are left out: {error}", flush=True)
        return None
    return worker


def check(options):
    if not options.only:
        raise UserError(f"--only: expected some of {', '.join(TABLES)}")
    for name in ("rounds", "seconds"):
        if not (value := getattr(options, name)) > 0:
            raise UserError(f"--{name} must be above 0, found {value}")


def main(arguments=None, plan=PLAN):
    options = tyro.cli(Options, description=__doc__, args=arguments)
    start = time.monotonic()
    with one_line_errors(), contextlib.ExitStack() as stack:
        check(options)
        keras = stack.enter_context(Worker("keras", options.dtype))
        pytorch = open_pytorch(stack, options.pytorch, options.dtype)
        bench = Bench(options, keras, pytorch)
        machine = {key: value for key, value in bench.machine.items() if value}
        print(", ".join(f"{key} {value}" for key, value in machine.items()))
        print(f"{bench.gflops:.0f} GFLOP/s in one large matrix product", flush=True)
        run(bench, plan, options)
        print(f"{time.monotonic() - start:.0f} s in total")


if __name__ == "__main__":
    main()
