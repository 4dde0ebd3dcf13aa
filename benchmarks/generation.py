"""Times the writing of text, character by character, beside the usual loops.

    python -m benchmarks.generation
    python -m benchmarks.generation --pytorch other/bin/python

Contenders, each an LSTM of 256 units over 100 characters with random weights:

- ours: `write` of `recipes.char_lm`, the whole loop in one compiled program;
- exported: its SavedModel in TensorFlow, without XLA (on TensorFlow only);
- predict: the usual loop, one `model.predict` a character on the last 40 characters
  of a `keras.layers.LSTM`, the next one drawn in NumPy;
- pytorch: a loop over `nn.LSTMCell`, the next character drawn by `multinomial`.

They take turns; the figures are medians of characters a second, all rows together.
Writes `results/generation-BACKEND-DEVICE.json`.
"""

import contextlib
import dataclasses
import tempfile
import time
from pathlib import Path
from statistics import median

import tyro

import recipes  # noqa: F401  (imports the backend without its start-up log)
from benchmarks.recurrent import open_pytorch
from benchmarks.report import write_record
from benchmarks.workers import ROOT, describe_hardware
from data.errors import one_line_errors
from kit.machine import describe_machine, git_commit

UNITS, LENGTH, SEEN = 256, 1000, 40
CHARACTERS = "".join(chr(code) for code in range(10, 108))
VOCABULARY = {"characters": CHARACTERS, "distinct": len(CHARACTERS)}
BATCHES = (1, 64)
SLOW = 20  # characters of the predict loop, which would take a minute for all


@dataclasses.dataclass(frozen=True)
class Options:
    rounds: int = 7  # of each contender
    pytorch: Path | None = None  # a Python that has torch; default: this one
    out: Path | None = None  # default: results/generation-BACKEND-DEVICE.json


def ours(batch):
    from recipes.char_lm import Config, build_model, write

    model, prompts = build_model(Config(units=UNITS), VOCABULARY), ["a"] * batch
    settings = {"length": LENGTH, "temperature": 0.8}
    return lambda: write(model, VOCABULARY, prompts, **settings), batch * LENGTH


def exported(batch):
    import numpy as np
    import tensorflow as tf

    from recipes.char_lm import Config, build_model, export

    model = build_model(Config(units=UNITS), VOCABULARY)
    with tempfile.TemporaryDirectory() as folder:
        export(model, VOCABULARY, Path(folder) / "1")
        loaded = tf.saved_model.load(f"{folder}/1")
    inputs = {
        "prompt": tf.constant(["a"] * batch),
        "length": tf.fill([batch], LENGTH),
        "temperature": tf.fill([batch], 0.8),
        "top_k": tf.fill([batch], 0),
        "top_p": tf.fill([batch], 1.0),
        "seed": tf.constant(np.arange(batch, dtype="int32")),
    }

    def write():  # holds `loaded`: its weights live as long as it does
        return loaded.signatures["serving_default"](**inputs)["text"].numpy()

    return write, batch * LENGTH


def predict(batch):
    """What tutorials do, for one row; `batch` rows would share each call."""
    import keras
    import numpy as np

    vocab = len(CHARACTERS)
    model = keras.Sequential(
        [
            keras.Input([SEEN], dtype="int32"),
            keras.layers.Embedding(vocab, 64),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(vocab, activation="softmax"),
        ]
    )
    chance = np.random.default_rng(0)

    def write():
        ids = np.zeros((batch, SEEN), "int32")
        for _ in range(SLOW):
            p = model.predict(ids, verbose=0).astype("float64")
            drawn = [chance.choice(vocab, p=row / row.sum()) for row in p]
            ids = np.concatenate([ids[:, 1:], np.array(drawn)[:, None]], axis=1)

    return write, batch * SLOW


def measure(options, pytorch):
    """Characters a second of each contender, for each batch."""
    import keras

    makers = {"ours": ours, "exported": exported, "predict": predict}
    if keras.backend.backend() != "tensorflow":
        del makers["exported"]
    rows = []
    for batch in BATCHES:
        contenders = {name: make(batch) for name, make in makers.items()}
        found = {name: [] for name in contenders}
        for write, _ in contenders.values():
            write()  # compiles
        if pytorch:
            found["pytorch"] = []
            size = {"units": UNITS, "vocab": len(CHARACTERS), "batch": batch}
            pytorch.ask("write", **size, length=LENGTH)
        for _ in range(options.rounds):
            for name, (write, characters) in contenders.items():
                start = time.perf_counter()
                write()
                found[name].append(characters / (time.perf_counter() - start))
            if pytorch:
                found["pytorch"].append(pytorch.ask("write", **size, length=LENGTH))
        speeds = {name: median(values) for name, values in found.items()}
        rows.append({"batch": batch, "characters_per_second": speeds})
        line = ", ".join(f"{name} {value:,.0f}" for name, value in speeds.items())
        print(f"batch {batch:2}: {line} characters/s", flush=True)
    return rows


def ratios(rows):
    """Ours over the others, and the large batch over one row."""
    one, many = (row["characters_per_second"] for row in rows)
    found = {
        f"ours / {name}": one["ours"] / one[name] for name in one if name != "ours"
    }
    return found | {f"batch {BATCHES[1]} / batch 1": many["ours"] / one["ours"]}


def main(arguments=None):
    options = tyro.cli(Options, description=__doc__, args=arguments)
    with one_line_errors(), contextlib.ExitStack() as stack:
        machine = {**describe_hardware(), **describe_machine()}
        pytorch = open_pytorch(stack, options.pytorch, "float32")
        rows = measure(options, pytorch)
        if pytorch:
            machine |= pytorch.ask("machine")
        name = f"generation-{machine['backend']}-{machine['device'].lower()}.json"
        path = options.out or ROOT / "results" / name
        record = {
            "command": "python -m benchmarks.generation",
            "git_commit": git_commit(),
            "machine": machine,
            "units": UNITS,
            "length": LENGTH,
            "rows": rows,
            "ratios": ratios(rows),
        }
        for key, value in record["ratios"].items():
            print(f"{key}: {value:.1f}")
        write_record(record, path)
        print(path)


if __name__ == "__main__":
    main()
