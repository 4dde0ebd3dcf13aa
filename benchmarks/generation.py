"""Times text generation, character by character, against the usual loops.

    python -m benchmarks.generation
    python -m benchmarks.generation --pytorch other/bin/python

Each contender is an LSTM of 256 units over 98 characters with random weights:

- ours: `write` of `recipes.char_lm`, with the whole loop in one compiled program;
- exported: its SavedModel in TensorFlow, without XLA (on TensorFlow only);
- predict: the usual loop over `keras.layers.LSTM`, with one `model.predict` per
  character on the last 40 characters; NumPy samples the next character;
- pytorch: a loop over `nn.LSTMCell`; `multinomial` samples the next character.

The contenders take turns. The figures are medians of characters per second, counted
over all rows of a batch.
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
SLOW = 20  # characters for the predict loop: `LENGTH` would take it a minute


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
    """The loop of many tutorials; all rows of the batch share each call."""
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
    rng = np.random.default_rng(0)

    def write():
        ids = np.zeros((batch, SEEN), "int32")
        for _ in range(SLOW):
            p = model.predict(ids, verbose=0).astype("float64")
            drawn = [rng.choice(vocab, p=row / row.sum()) for row in p]
            ids = np.concatenate([ids[:, 1:], np.array(drawn)[:, None]], axis=1)

    return write, batch * SLOW


def measure(options, pytorch):
    """Returns the characters per second of each contender, one row per batch size."""
    import keras

    makers = {"ours": ours, "exported": exported, "predict": predict}
    if keras.backend.backend() != "tensorflow":
        del makers["exported"]
    rows = []
    for batch in BATCHES:
        contenders = {name: make(batch) for name, make in makers.items()}
        speeds = {name: [] for name in contenders}
        for write, _ in contenders.values():
            write()  # compiles
        if pytorch:
            speeds["pytorch"] = []
            size = {"units": UNITS, "vocab": len(CHARACTERS), "batch": batch}
            pytorch.ask("write", **size, length=LENGTH)
        for _ in range(options.rounds):
            for name, (write, characters) in contenders.items():
                start = time.perf_counter()
                write()
                speeds[name].append(characters / (time.perf_counter() - start))
            if pytorch:
                speeds["pytorch"].append(pytorch.ask("write", **size, length=LENGTH))
        medians = {name: median(values) for name, values in speeds.items()}
        rows.append({"batch": batch, "characters_per_second": medians})
        line = ", ".join(f"{name} {value:,.0f}" for name, value in medians.items())
        print(f"batch {batch:2}: {line} characters/s", flush=True)
    return rows


def ratios(rows):
    """Returns our speed over the others' at batch 1, and our speed at the large batch
    over that at batch 1."""
    one, many = (row["characters_per_second"] for row in rows)
    others = [name for name in one if name != "ours"]
    ours = {f"ours / {name}": one["ours"] / one[name] for name in others}
    return ours | {f"batch {BATCHES[1]} / batch 1": many["ours"] / one["ours"]}


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
