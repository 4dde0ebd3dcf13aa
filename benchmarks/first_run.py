"""Times a first run, from `git clone` to the first report, phase by phase.

    python -m benchmarks.first_run           # clone, `make sentiment`
    python -m benchmarks.first_run --tests   # then also `make test`

Everything happens in a new folder, which is removed at the end. Nothing is prepared:
packages are downloaded again, without pip's cache. Nothing else should run on the
machine meanwhile. Writes `results/first-run.json`.
"""

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.report import write_record
from benchmarks.workers import ROOT, describe_hardware
from data.errors import one_line_errors
from kit.machine import git_commit

# In this order. A phase ends when a printed line begins with its pattern.
PHASES = [
    ("set-up", r"making |sentiment: "),
    ("start and data", r"Epoch 1/"),
    ("training", r"Best epoch"),
    ("after training", r"Report: "),
]


@dataclass(frozen=True)
class Options:
    tests: bool = False  # also time `make test`


def timed_phases(command: list[str], folder: Path) -> dict[str, float]:
    """Runs `command` and returns the seconds of each phase of `PHASES`."""
    environment = {**os.environ, "PIP_NO_CACHE_DIR": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds, remaining, start = {}, list(PHASES), time.perf_counter()
    for line in process.stdout:
        print(line, end="", flush=True)
        if remaining and re.match(remaining[0][1], line):
            phase, _ = remaining.pop(0)
            seconds[phase] = time.perf_counter() - start
            start = time.perf_counter()
    if process.wait():
        raise SystemExit(f"{' '.join(command)} failed")
    return seconds


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as folder, one_line_errors():
        clone, start = Path(folder) / "clone", time.perf_counter()
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        seconds = {"clone": time.perf_counter() - start}
        seconds |= timed_phases(["make", "sentiment"], clone)
        seconds["from clone to report"] = sum(seconds.values()) - seconds["clone"]
        if options.tests:
            start = time.perf_counter()
            subprocess.run(["make", "test"], cwd=clone, check=True)
            seconds["make test"] = time.perf_counter() - start
    seconds = {phase: round(value, 1) for phase, value in seconds.items()}
    record = {
        "command": "python -m benchmarks.first_run" + " --tests" * options.tests,
        "git_commit": git_commit(),
        "machine": describe_hardware(),
        "seconds": seconds,
    }
    write_record(record, ROOT / "results" / "first-run.json")
    for phase, value in seconds.items():
        print(f"{value:8.1f} s  {phase}")


if __name__ == "__main__":
    main()
