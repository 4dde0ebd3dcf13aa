"""Draws how far gradients reach back in time, for each recurrent cell.

    python -m benchmarks.gradients

The model is that of `recipes.char_lm` with one layer of 128 units, with fresh weights
and after 400 training steps on `python`, Python's own source. The figure shows the norm
of the gradient of one character's loss with respect to the state `distance` characters
earlier, averaged over 64 positions in the test text. Training can learn long
dependencies only if this gradient does not vanish. In a SimpleRNN it does (Bengio,
Simard and Frasconi 1994); the LSTM's c and the GRU's h were designed to preserve it.

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

BATCH = 64  # parallel streams in training; positions in the test text
DISTANCES, STEPS, MAX_CHARS = 100, 400, 3_000_000
CELLS = {"simple_rnn": ["h"], "gru": ["h"], "lstm": ["h", "c"]}
COLORS = {"simple_rnn": "#d9742b", "gru": "#4a9b6e", "lstm": "#3572b0"}


def norms(model, ids):
    """Returns the mean norms `[distances]` of dL/dstate, one list per state.

    Args:
        model: the character model.
        ids: `[rows, DISTANCES + 1]`; the loss is that of the last id in each row.
    """
    import tensorflow as tf

    vectors, logits = model.get_layer("vectors"), model.get_layer("logits")
    cell = model.get_layer("layer_0").cell
    ids = tf.constant(ids, tf.int32)
    states, history = cell.get_initial_state(len(ids)), []
    with tf.GradientTape() as tape:
        tape.watch(states)
        for t in range(DISTANCES):
            x, states = cell(vectors(ids[:, t]), states)
            history.append(states)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, -1], logits(x))
    steps = tape.gradient(losses, history)[::-1]
    return [
        [float(tf.reduce_mean(tf.norm(step[number], axis=-1))) for step in steps]
        for number in range(len(states))
    ]


def measure(parts, characters):
    """Returns `{cell: {"fresh" or "trained": {state: norms}}}`."""
    ids = {name: encode(text, characters) for name, text in parts.items()}
    places = np.linspace(0, len(ids["test"]) - DISTANCES - 1, BATCH).astype(int)
    test = np.stack([ids["test"][p : p + DISTANCES + 1] for p in places])
    measured = {}
    for cell, names in CELLS.items():
        keras.utils.set_random_seed(0)
        config = Config(cell=cell, units=128, dropout=0.0)
        model = build_model(config, {"characters": characters}, BATCH)
        model.compile(
            keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        measured[cell] = {}
        for state in ("fresh", "trained"):
            if state == "trained":
                streams = Streams(
                    ids["train"][: STEPS * BATCH * (WINDOW + 2)], BATCH, WINDOW
                )
                model.fit(streams, steps_per_epoch=STEPS, shuffle=False, verbose=0)
            measured[cell][state] = dict(zip(names, norms(model, test), strict=True))
    return measured


def draw(measured, path):
    """Plots norm (log scale) against distance, with fresh and with trained weights."""
    from matplotlib.figure import Figure

    figure = Figure((10, 4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, state in zip(axes, ("fresh", "trained"), strict=True):
        for cell, names in CELLS.items():
            for name in names:
                style = "--" if name == "c" else "-"
                label = f"{cell}, {name}" if len(names) > 1 else cell
                values = measured[cell][state][name]
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
        for name, part in read_parts(path, MAX_CHARS).items()
    }
    characters = "".join(sorted(set(parts["train"])))
    measured = measure(parts, characters)
    record = {
        "command": "python -m benchmarks.gradients",
        "git_commit": git_commit(),
        "data_sha256": sha256(path),
        "machine": {**describe_hardware(), **describe_machine()},
        "norms": measured,
    }
    results = ROOT / "results"
    write_record(record, results / "gradients.json")
    draw(measured, results / "gradients.png")
    print(results / "gradients.png")


if __name__ == "__main__":
    with one_line_errors():
        main()
