"""Measures the peak memory of `char_lm` on a text of 2 GB.

    python -m benchmarks.large_text

A text may be larger than memory. This writes one of `--gigabytes` (random words from
the project's own files) to a temporary folder, lets `recipes.char_lm` encode and map
it, trains a few windows at its beginning, middle and end, evaluates held-out text and
counts the n-grams of the simpler model. Only the process's own memory is counted
(RssAnon of Linux), without pages of mapped files, which the system can reclaim at any
time. Writes `results/large-text.json`.
"""

import dataclasses
import re
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import tyro

import recipes  # noqa: F401  (imports the backend without its start-up log)
from benchmarks.report import write_record
from benchmarks.throwaway import run_in
from benchmarks.workers import ROOT, describe_hardware
from data.errors import one_line_errors
from kit.machine import describe_machine, git_commit

STEPS = 20  # training steps at each of the three places


@dataclasses.dataclass(frozen=True)
class Options:
    gigabytes: float = 2.0
    out: Path = ROOT / "results" / "large-text.json"


def write_text(path: Path, size: int) -> None:
    """Writes lines of twelve random words each, at least `size` bytes."""
    source = " ".join(file.read_text("utf-8") for file in ROOT.glob("*/*.py"))
    words = np.array(sorted(set(re.findall("[a-z]+", source))))
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            lines = rng.choice(words, (20_000, 12))
            file.write("\n".join(" ".join(line) for line in lines) + "\n")


class Peak(threading.Thread):
    """Keeps the peak memory of this process since the start of the thread, in bytes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.bytes = 0

    def run(self):
        while True:
            status = Path("/proc/self/status").read_text()
            current = int(re.search(r"RssAnon:\s+(\d+)", status)[1]) * 1024
            self.bytes = max(self.bytes, current)
            time.sleep(0.02)


def measure(folder: Path, size: int) -> dict:
    """Returns the seconds of each stage and the peak memory up to its end."""
    import keras

    from kit.streams import Streams
    from recipes.char_lm import BATCH, ORDER, WINDOW, Config, build_model, load_data
    from tasks.language_models import baselines
    from tasks.likelihood import nats_of

    text, peak, stages = folder / "text.txt", Peak(), []
    write_text(text, size)
    peak.start()

    def done(name):
        seconds = time.perf_counter() - clock
        stages.append({"stage": name, "seconds": seconds, "peak_bytes": peak.bytes})
        print(stages[-1], flush=True)
        return time.perf_counter()

    config, run = Config(str(text), max_chars=0), run_in(folder, str(text))
    clock = time.perf_counter()
    parts, vocabulary = load_data(config, run)
    clock = done("encode to disk")
    vocab = len(vocabulary["characters"]) + 2
    streams = Streams(parts["train"], BATCH, WINDOW, seed=0)
    training_model = build_model(Config(), vocabulary, BATCH)
    training_model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
    for place in (0, len(streams) // 2, len(streams) - STEPS):
        for index in range(place, place + STEPS):
            training_model.train_on_batch(*streams[index])
    clock = done("training")
    nats_of(build_model(Config(), vocabulary), parts["test"][:100_000])
    clock = done("100,000 held-out characters")
    baselines(parts, vocab, ORDER, [2], 1, [0], 1.0)
    done("n-gram model, all held-out characters")
    characters = {name: len(ids) for name, ids in parts.items()}
    return {"bytes": text.stat().st_size, "characters": characters, "stages": stages}


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:  # /tmp may be memory
        measured = measure(Path(folder), int(options.gigabytes * 1e9))
    record = {
        "command": "python -m benchmarks.large_text",
        "git_commit": git_commit(),
        "machine": {**describe_hardware(), **describe_machine()},
        **measured,
    }
    write_record(record, options.out)
    print(options.out)


if __name__ == "__main__":
    with one_line_errors():
        main()
