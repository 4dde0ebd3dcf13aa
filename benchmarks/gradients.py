"""Draws how far gradients reach back in time, for each cell.

    python -m benchmarks.gradients

The character model of `recipes.char_lm`, one layer of 128 units, with fresh weights
and after 400 steps of training on `python`, Python's own source: the loss of one
character, and the norm of its gradient with respect to the state `distance` characters
before, the mean of 64 places of the test text. What of it is left after many steps is
what training can learn from: in a SimpleRNN it vanishes (Bengio, Simard and Frasconi
1994), and the LSTM's c, or the GRU's h, was made to keep it.

Needs TensorFlow. Writes `results/gradients.json` and `results/gradients.png`.
"""

import keras
import numpy as np

from benchmarks.report import write_record
from benchmarks.workers import ROOT, describe_hardware
from data.catalog import locate
from data.errors import one_line_errors
from data.texts import read_parts
from kit.files import sha256
from kit.machine import describe_machine, git_commit
from kit.streams import Streams
from recipes.char_lm import WINDOW, Config, build_model
from tokens.characters import encode

BATCH = 64  # streams side by side
DISTANCES, STEPS, MOST_CHARS = 100, 400, 3_000_000
CELLS = {"simple_rnn": ["h"], "gru": ["h"], "lstm": ["h", "c"]}
COLORS = {"simple_rnn": "#d9742b", "gru": "#4a9b6e", "lstm": "#3572b0"}


def norms(model, ids):
    """Mean norms `[distances]` of dL/dstate, a list for each of the states.

    Args:
        model: the character model.
        ids: `[rows, DISTANCES + 1]`; the loss is that of the last one.
    """
    import tensorflow as tf

    vectors, logits = model.get_layer("vectors"), model.get_layer("logits")
    cell = model.get_layer("layer_0").cell
    ids = tf.constant(ids, tf.int32)
    states, kept = cell.get_initial_state(len(ids)), []
    with tf.GradientTape() as tape:
        tape.watch(states)
        for t in range(DISTANCES):
            x, states = cell(vectors(ids[:, t]), states)
            kept.append(states)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, -1], logits(x))
    found = tape.gradient(losses, kept)
    return [
        [float(tf.reduce_mean(tf.norm(step[number], axis=-1))) for step in found[::-1]]
        for number in range(len(states))
    ]


def measure(parts, characters):
    """`{cell: {"fresh" or "trained": {state: norms}}}`."""
    ids = {name: encode(text, characters) for name, text in parts.items()}
    places = np.linspace(0, len(ids["test"]) - DISTANCES - 1, BATCH).astype(int)
    test = np.stack([ids["test"][p : p + DISTANCES + 1] for p in places])
    found = {}
    for cell, names in CELLS.items():
        keras.utils.set_random_seed(0)
        config = Config(cell=cell, units=128, dropout=0.0)
        model = build_model(config, {"characters": characters}, BATCH)
        model.compile(
            keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        found[cell] = {}
        for state in ("fresh", "trained"):
            if state == "trained":
                streams = Streams(
                    ids["train"][: STEPS * BATCH * (WINDOW + 2)], BATCH, WINDOW
                )
                model.fit(streams, steps_per_epoch=STEPS, shuffle=False, verbose=0)
            found[cell][state] = dict(zip(names, norms(model, test), strict=True))
    return found


def draw(found, path):
    """Norm against distance, logarithmic, fresh and trained side by side."""
    from matplotlib.figure import Figure

    figure = Figure((10, 4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, state in zip(axes, ("fresh", "trained"), strict=True):
        for cell, names in CELLS.items():
            for name in names:
                style = "--" if name == "c" else "-"
                label = f"{cell}, {name}" if len(names) > 1 else cell
                values = found[cell][state][name]
                axis.plot(values, style, color=COLORS[cell], label=label)
        axis.set(title=f"{state} weights", xlabel="distance (characters)", yscale="log")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("norm of the gradient of one character's loss")
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=160)


def main():
    path = locate("python")
    parts = {
        name: "".join(part.chunks())
        for name, part in read_parts(path, MOST_CHARS).items()
    }
    characters = "".join(sorted(set(parts["train"])))
    found = measure(parts, characters)
    record = {
        "command": "python -m benchmarks.gradients",
        "git_commit": git_commit(),
        "data_sha256": sha256(path),
        "machine": {**describe_hardware(), **describe_machine()},
        "norms": found,
    }
    results = ROOT / "results"
    write_record(record, results / "gradients.json")
    draw(found, results / "gradients.png")
    print(results / "gradients.png")


if __name__ == "__main__":
    with one_line_errors():
        main()
