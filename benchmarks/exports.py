"""How fast exported layers answer, beside those of `keras.layers`.

    python -m benchmarks.exports

A classifier of ids (embedding, a layer in both directions with a mask, maximum over
time, softmax) is built twice, with equal weights, exported and loaded by TensorFlow;
both exports answer the same batches in turn. Writes `results/exports.json`; `make
results` puts its table into docs/serving.md.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import tyro

from benchmarks.report import write_record
from kit.machine import describe_machine

RECORD = Path(__file__).parent.parent / "results" / "exports.json"
CELLS, ROWS = ("LSTM", "GRU", "SimpleRNN"), (1, 16, 64, 128)
WORDS, UNITS, LENGTH = 10_000, 64, 60


@dataclass(frozen=True)
class Options:
    rounds: int = 60  # answers of each export per batch size


def classifier(layers, cell: str):
    import keras

    ids = keras.Input((None,), dtype="int32")
    mask = keras.ops.not_equal(ids, 0)
    x = keras.layers.Embedding(WORDS, UNITS)(ids)
    layer = getattr(layers, cell)(UNITS, return_sequences=True)
    x = keras.layers.Bidirectional(layer)(x, mask=mask)
    x = keras.ops.max(x, axis=1)
    return keras.Model(ids, keras.layers.Dense(2, activation="softmax")(x))


def exported(model, folder: Path):
    import tensorflow as tf

    from custom_layers import saved_model

    def answer(ids):
        return {"probabilities": model(ids, training=False)}

    inputs = {"ids": tf.TensorSpec([None, None], "int32")}
    saved_model.save(folder, model, {"serving_default": (answer, inputs)})
    return tf.saved_model.load(str(folder))


def compare(cell: str, rounds: int) -> dict:
    """Milliseconds of an answer by number of rows: ours and Keras's."""
    import keras
    import tensorflow as tf

    import custom_layers

    ours = classifier(custom_layers, cell)
    theirs = classifier(keras.layers, cell)
    theirs.set_weights(ours.get_weights())
    chance, found = np.random.default_rng(0), {}
    with tempfile.TemporaryDirectory() as folder:
        loaded = {
            "ours": exported(ours, Path(folder, "ours")),
            "keras": exported(theirs, Path(folder, "keras")),
        }
        for rows in ROWS:
            ids = chance.integers(1, WORDS, (rows, LENGTH), "int32")
            lengths = chance.integers(LENGTH // 4, LENGTH + 1, (rows, 1))
            ids = tf.constant(np.where(np.arange(LENGTH) < lengths, ids, 0), tf.int32)
            times = {name: [] for name in loaded}
            answers = {}
            for _ in range(rounds):
                for name, module in loaded.items():
                    start = time.perf_counter()
                    answer = module.signatures["serving_default"](ids=ids)
                    answers[name] = answer["probabilities"].numpy()
                    times[name].append(1000 * (time.perf_counter() - start))
            np.testing.assert_allclose(*answers.values(), atol=1e-5)
            found[str(rows)] = {name: median(each[3:]) for name, each in times.items()}
            print(cell, rows, found[str(rows)], flush=True)
    return found


def markdown(record: dict) -> str:
    head = "| layer | 1 row | " + " | ".join(f"{rows} rows" for rows in ROWS[1:]) + " |"
    lines = [head, "|---|" + "---:|" * len(ROWS)]
    for cell, found in record["cells"].items():
        ratios = [
            f"{each['keras'] / each['ours']:.2f} ({each['ours']:.3g} ms)"
            for each in found.values()
        ]
        lines.append(f"| {cell} | {' | '.join(ratios)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    cells = {cell: compare(cell, options.rounds) for cell in CELLS}
    write_record({"environment": describe_machine(), "cells": cells}, RECORD)
    print(RECORD)


if __name__ == "__main__":
    main()
