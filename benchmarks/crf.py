"""Times the CRF layer against plain ones that are differentiated automatically.

    python -m benchmarks.crf
    KERAS_BACKEND=jax python -m benchmarks.crf

Two tasks: `train`, the log-likelihood of a batch and its gradients with respect to the
potentials and the weights; `decode`, the best path. The rows of a batch have random
lengths from half of `time` to `time`. The contenders:

- ours: the layer;
- unrolled: one step after the other in a Python loop, as many compiled operations;
- scan: `tf.scan` or `jax.lax.scan` over the steps.

Both plain ones compute `logsumexp` over `(batch, tags, tags)` in each step. On
TensorFlow all run with and without XLA, except that `tf.scan` cannot be differentiated
with XLA; on JAX always with it. All results are compared before they are timed. The
contenders take turns; the figures are medians in milliseconds. A ratio is the time of
the faster plain one over ours, each in its better mode: above 1, ours is faster.

Writes `results/crf-BACKEND-DEVICE.json`. Nothing else should run on the machine.
"""

import dataclasses
import time
from pathlib import Path
from statistics import median

import tyro

import recipes  # noqa: F401  (imports the backend without its start-up log)

import keras  # isort: skip
import numpy as np
from keras import ops

from benchmarks.report import write_record
from benchmarks.workers import ROOT, describe_hardware
from custom_layers import CRF
from data.errors import UserError, one_line_errors
from kit.machine import describe_machine, git_commit

SHAPES = ((32, 40, 17), (128, 100, 9))  # batch, time, tags


@dataclasses.dataclass(frozen=True)
class Options:
    rounds: int = 30  # timed runs of each contender
    out: Path | None = None  # default: results/crf-BACKEND-DEVICE.json


def make_arrays(batch, length, tags):
    """Returns potentials, labels and mask, `(batch, time, ...)`."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(length // 2, length + 1, batch)
    mask = np.arange(length) < lengths[:, None]
    potentials = rng.normal(size=(batch, length, tags)).astype("float32")
    return potentials, rng.integers(0, tags, mask.shape).astype("int32"), mask


def make_crf(tags):
    crf = CRF(tags)
    crf.build((None, None, tags))
    rng = np.random.default_rng(1)
    crf.set_weights([rng.normal(size=weight.shape) for weight in crf.weights])
    return crf


# The plain layers, right-padded masks only. `loop(step, state, time)` runs
# `state, output = step(state, t)` for t = 1, 2, ... and stacks the outputs.


def unrolled(step, state, length, reverse=False):
    outputs = []
    for t in range(length - 1, 0, -1) if reverse else range(1, length):
        state, output = step(state, t)
        outputs.append(output)
    return state, ops.stack(outputs[::-1] if reverse else outputs)


def scanned(step, state, length, reverse=False):
    numbers = ops.arange(1, length, dtype="int32")
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.scan(step, state, numbers, reverse=reverse)
    import tensorflow as tf

    def pair(before, t):
        return step(before[0], t)

    first = (state, step(state, numbers[0])[1])
    states, outputs = tf.scan(pair, numbers, first, reverse=reverse)
    return states[0 if reverse else -1], outputs


def plain_likelihood(loop, potentials, labels, mask, transitions, start, end):
    """The log-likelihoods `(batch,)`, in the way of most implementations."""
    length = potentials.shape[1]
    steps, masks = ops.transpose(potentials, (1, 0, 2)), ops.transpose(mask)

    def step(alpha, t):
        new = ops.logsumexp(alpha[:, :, None] + transitions, axis=1) + steps[t]
        alpha = ops.where(masks[t][:, None], new, alpha)
        return alpha, alpha

    alpha, _ = loop(step, start + steps[0], length)
    log_z = ops.logsumexp(alpha + end, axis=1)

    used = ops.cast(mask, "float32")
    chosen = ops.take_along_axis(potentials, labels[:, :, None], axis=2)[:, :, 0]
    tags = potentials.shape[2]
    pairs = labels[:, :-1] * tags + labels[:, 1:]
    moves = ops.take(ops.reshape(transitions, (-1,)), pairs)
    lasts = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True) - 1
    last = ops.take_along_axis(labels, lasts, axis=1)[:, 0]
    score = ops.sum(chosen * used, axis=1) + ops.sum(moves * used[:, 1:], axis=1)
    return score + ops.take(start, labels[:, 0]) + ops.take(end, last) - log_z


def plain_decode(loop, potentials, mask, transitions, start, end):
    """The best paths, int32 `(batch, time)`, 0 in masked steps."""
    length, tags = potentials.shape[1:]
    steps, masks = ops.transpose(potentials, (1, 0, 2)), ops.transpose(mask)
    same = ops.arange(tags, dtype="int32")[None]

    def forward(delta, t):
        scores = delta[:, :, None] + transitions
        new = ops.max(scores, axis=1) + steps[t]
        pointers = ops.cast(ops.argmax(scores, axis=1), "int32")
        used = masks[t][:, None]
        return ops.where(used, new, delta), ops.where(used, pointers, same)

    delta, pointers = loop(forward, start + steps[0], length)

    def backward(tag, t):
        tag = ops.take_along_axis(pointers[t - 1], tag[:, None], axis=1)[:, 0]
        return tag, tag

    last = ops.cast(ops.argmax(delta + end, axis=1), "int32")
    _, path = loop(backward, last, length, reverse=True)
    path = ops.transpose(ops.concatenate([path, last[None]]))
    return ops.where(mask, path, 0)


def train_functions(crf, labels, mask):
    """Returns a function of potentials and weights for each contender."""

    def ours(potentials, *weights):
        pairs = list(zip(crf.trainable_variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=pairs):
            return crf.log_likelihood(potentials, labels, mask)

    def plain(loop):
        return lambda potentials, *weights: plain_likelihood(
            loop, potentials, labels, mask, *weights
        )

    functions = {"ours": ours, "unrolled": plain(unrolled), "scan": plain(scanned)}
    return {name: with_gradients(run) for name, run in functions.items()}


def with_gradients(likelihood):
    """Returns a function that computes the sum and the gradients of all arguments."""
    if keras.backend.backend() == "jax":
        import jax

        def run(*sources):
            def total(sources):
                return ops.sum(likelihood(*sources))

            return jax.value_and_grad(total)(sources)

        return run
    import tensorflow as tf

    def run(*sources):
        with tf.GradientTape() as tape:
            tape.watch(sources)
            total = ops.sum(likelihood(*sources))
        return total, tape.gradient(total, sources)

    return run


def decode_functions(crf, mask):
    def ours(potentials, *weights):
        pairs = list(zip(crf.trainable_variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=pairs):
            return crf.decode(potentials, mask)

    def plain(loop):
        return lambda potentials, *weights: plain_decode(
            loop, potentials, mask, *weights
        )

    return {"ours": ours, "unrolled": plain(unrolled), "scan": plain(scanned)}


def in_modes(functions, task):
    """Returns compiled functions by the name of contender and mode."""
    if keras.backend.backend() == "jax":
        import jax

        return {f"{name} XLA": jax.jit(run) for name, run in functions.items()}
    import tensorflow as tf

    compiled = {}
    for name, run in functions.items():
        compiled[name] = tf.function(run, autograph=False)
        if (task, name) != ("train", "scan"):
            compiled[f"{name} XLA"] = tf.function(
                run, jit_compile=True, autograph=False
            )
    return compiled


def finished(results):
    """Waits for all results and returns them as NumPy arrays."""
    return [ops.convert_to_numpy(x) for x in keras.tree.flatten(results)]


def measure(task, shape, options):
    """Returns the times of all contenders, and the seconds of their first calls."""
    potentials, labels, mask = make_arrays(*shape)
    crf = make_crf(shape[-1])
    labels, mask = ops.convert_to_tensor(labels), ops.convert_to_tensor(mask)
    if task == "train":
        functions = train_functions(crf, labels, mask)
    else:
        functions = decode_functions(crf, mask)
    runs = in_modes(functions, task)
    sources = [ops.convert_to_tensor(potentials), *[w.value for w in crf.weights]]
    times, first_call, results = {}, {}, {}
    for name, run in runs.items():
        start = time.perf_counter()
        results[name] = finished(run(*sources))
        first_call[name] = time.perf_counter() - start
        times[name] = []
    expected, *others = results.values()
    for name, other in zip(list(results)[1:], others, strict=True):
        for one, two in zip(expected, other, strict=True):
            if not np.allclose(one, two, rtol=1e-3, atol=1e-3):
                raise UserError(f"{task}: {name} computes something else than ours")
    for _ in range(options.rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            finished(run(*sources))
            times[name].append((time.perf_counter() - start) * 1e3)
    ms = {name: median(values) for name, values in times.items()}
    ours = min(value for name, value in ms.items() if name.startswith("ours"))
    other = min(value for name, value in ms.items() if not name.startswith("ours"))
    batch, length, tags = shape
    row = {"task": task, "batch": batch, "time": length, "tags": tags}
    return {**row, "ms": ms, "ratio": other / ours, "first_call_s": first_call}


def markdown(records: list[dict]) -> str:
    """A row for each backend, task and shape; the milliseconds are those of the faster
    mode."""
    lines = [
        "| backend | task | batch, steps, tags | ours, ms | unrolled, ms | scan, ms "
        "| faster plain one / ours |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for record in records:
        machine = record["machine"]
        for row in record["rows"]:
            fastest = {}
            for name, ms in row["ms"].items():
                contender = name.removesuffix(" XLA")
                fastest[contender] = min(ms, fastest.get(contender, ms))
            times = " | ".join(
                f"{fastest[name]:.1f}" for name in ("ours", "unrolled", "scan")
            )
            shape = ", ".join(str(row[name]) for name in ("batch", "time", "tags"))
            lines.append(
                f"| {machine['backend']}, {machine['device']} | {row['task']} "
                f"| {shape} | {times} | {row['ratio']:.1f} |"
            )
    return "\n".join(lines) + "\n"


def main(arguments=None, shapes=SHAPES):
    options = tyro.cli(Options, description=__doc__, args=arguments)
    with one_line_errors():
        if options.rounds < 1:
            raise UserError(f"--rounds must be above 0, found {options.rounds}")
        start = time.monotonic()
        machine = {**describe_hardware(), **describe_machine()}
        rows = []
        for shape in shapes:
            for task in ("train", "decode"):
                rows.append(row := measure(task, shape, options))
                parts = [f"{name} {ms:.2f}" for name, ms in row["ms"].items()]
                size = " x ".join(map(str, shape))
                print(f"{task:6} {size}: {', '.join(parts)} ms", flush=True)
                print(f"       plain / ours {row['ratio']:.2f}", flush=True)
        backend, device = machine["backend"], machine["device"].lower()
        path = options.out or ROOT / "results" / f"crf-{backend}-{device}.json"
        record = {
            "command": f"KERAS_BACKEND={backend} python -m benchmarks.crf",
            "git_commit": git_commit(),
            "machine": machine,
            "rounds": options.rounds,
            "rows": rows,
            "seconds": time.monotonic() - start,
        }
        write_record(record, path)
        print(path)


if __name__ == "__main__":
    main()
