"""Times our LSTM and GRU beside Keras's own, all in one run.

    python -m benchmarks.recurrent
    python -m benchmarks.recurrent --units 128 --batch 128 --masked
    KERAS_BACKEND=jax python -m benchmarks.recurrent

Two times a layer, with and without `jit_compile`: forward and backward of the layer
alone (the gradients of its weights and of its input), and a whole `fit` step of the
model input -> layer -> Dense(1) with MSE and SGD. The contestants take turns, so that
a busy moment of the machine meets all of them; medians are shown. The ratio is the
time of Keras's better mode over the contestant's: above 1 is faster than Keras.
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

import custom_layers

CELLS = ("LSTM", "GRU")


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--batch", type=int, default=64, help="sequences a batch")
    parser.add_argument("--time", type=int, default=100, help="time steps")
    parser.add_argument("--features", type=int, default=128, help="input width")
    parser.add_argument("--units", type=int, default=256, help="state width")
    parser.add_argument("--masked", action="store_true", help="random lengths")
    parser.add_argument("--repeats", type=int, default=15, help="rounds of turns")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    return parser.parse_args(arguments)


def make_layer(maker, cell, arguments):
    module = {"ours": custom_layers, "keras": keras.layers}[maker]
    return getattr(module, cell)(arguments.units, return_sequences=True)


def fit_step(maker, cell, jit, arguments, arrays):
    """A function that takes one `fit` step of the small model."""
    inputs, mask, targets = arrays
    layer = make_layer(maker, cell, arguments)
    sequences = keras.Input(inputs.shape[1:])
    if mask is None:
        features, data = sequences, inputs
        model_inputs = sequences
    else:
        model_inputs = [sequences, keras.Input(mask.shape[1:], dtype="bool")]
        features, data = sequences, [inputs, mask]
    hidden = layer(features, mask=None if mask is None else model_inputs[1])
    model = keras.Model(model_inputs, keras.layers.Dense(1)(hidden))
    model.compile(keras.optimizers.SGD(0.01), loss="mse", jit_compile=jit)
    return lambda: model.train_on_batch(data, targets)


def layer_step(maker, cell, jit, arguments, arrays):
    """A function that runs the layer forward and backward."""
    inputs, mask, _ = arrays
    layer = make_layer(maker, cell, arguments)
    layer.build(inputs.shape)
    if keras.backend.backend() == "jax":
        return jax_layer_step(layer, inputs, mask)
    import tensorflow as tf

    data = tf.constant(inputs)
    mask = None if mask is None else tf.constant(mask)

    @tf.function(jit_compile=jit)
    def step():
        with tf.GradientTape() as tape:
            tape.watch(data)
            loss = tf.reduce_mean(layer(data, mask=mask) ** 2)
        return tape.gradient(loss, [data, *[w.value for w in layer.weights]])

    return lambda: [gradient.numpy() for gradient in step()[1:]]


def jax_layer_step(layer, inputs, mask):
    import jax

    def loss(weights, inputs):
        outputs, _ = layer.stateless_call(weights, [], inputs, mask=mask)
        return (outputs**2).mean()

    step = jax.jit(jax.grad(loss, argnums=(0, 1)))
    data = jax.numpy.asarray(inputs)
    weights = [w.value for w in layer.trainable_variables]
    return lambda: jax.block_until_ready(step(weights, data))


def make_arrays(arguments):
    rng = np.random.default_rng(0)
    shape = (arguments.batch, arguments.time)
    inputs = rng.normal(size=(*shape, arguments.features)).astype("float32")
    targets = rng.normal(size=(*shape, 1)).astype("float32")
    mask = None
    if arguments.masked:
        lengths = rng.integers(1, arguments.time + 1, arguments.batch)
        mask = np.arange(arguments.time) < lengths[:, None]
    return inputs, mask, targets


def median_times(steps, repeats):
    """Median milliseconds of every function in `steps`, called in turns."""
    for step in steps.values():
        step(), step()
    times = {key: [] for key in steps}
    for _ in range(repeats):
        for key, step in steps.items():
            start = time.perf_counter()
            step()
            times[key].append((time.perf_counter() - start) * 1e3)
    return {key: statistics.median(values) for key, values in times.items()}


def measure(arguments):
    arrays = make_arrays(arguments)
    modes = (True,) if keras.backend.backend() == "jax" else (False, True)
    rows = []
    for cell in CELLS:
        for measured, make in (("layer", layer_step), ("fit step", fit_step)):
            steps = {
                (maker, jit): make(maker, cell, jit, arguments, arrays)
                for maker in ("keras", "ours")
                for jit in modes
            }
            times = median_times(steps, arguments.repeats)
            best = min(times["keras", jit] for jit in modes)
            rows += [
                {
                    "cell": cell,
                    "measured": measured,
                    "layer": maker,
                    "jit": jit,
                    "milliseconds": round(milliseconds, 1),
                    "ratio": round(best / milliseconds, 2),
                }
                for (maker, jit), milliseconds in times.items()
            ]
    return rows


def describe_machine():
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    backend = keras.backend.backend()
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": backend,
        backend: __import__(backend).__version__,
    }


def main(arguments=None):
    arguments = parse_arguments(arguments)
    machine = describe_machine()
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    shape = {
        key: getattr(arguments, key) for key in ["batch", "time", "features", "units"]
    }
    shape["masked"] = arguments.masked
    print(", ".join(f"{key} {value}" for key, value in shape.items()))
    rows = measure(arguments)
    print(f"{'cell':6}{'measured':10}{'layer':7}{'jit':6}{'ms':>8}{'ratio':>8}")
    for row in rows:
        jit = "yes" if row["jit"] else "no"
        print(
            f"{row['cell']:6}{row['measured']:10}{row['layer']:7}{jit:6}"
            f"{row['milliseconds']:8.1f}{row['ratio']:8.2f}"
        )
    if arguments.out:
        record = {"machine": machine, "shape": shape, "rows": rows}
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(record, indent=2) + "\n"
        arguments.out.write_text(text, encoding="utf-8")
        print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
