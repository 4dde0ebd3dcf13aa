"""The contenders with Keras's layers and ours, served by `benchmarks.workers`."""

import gc
import platform
import time
from pathlib import Path

import keras

import custom_layers
from benchmarks.tasks import DROPOUT, FEATURES, VOCABULARY, Task, make_arrays
from kit.machine import gpu_name

BACKEND = keras.backend.backend()
PLAIN = {"cudnn": True, "jit": False}
CONTENDERS = {
    "keras": {"layers": keras.layers, **PLAIN},
    "keras XLA": {"layers": keras.layers, **PLAIN, "jit": True},
    "keras without cuDNN": {"layers": keras.layers, "cudnn": False, "jit": False},
    "keras without cuDNN XLA": {"layers": keras.layers, "cudnn": False, "jit": True},
    "ours": {"layers": custom_layers, **PLAIN},
    "ours XLA": {"layers": custom_layers, **PLAIN, "jit": True},
}


class Contenders:
    """The models of one task at a time, trained step by step.

    A step is `train_on_batch` on NumPy arrays: it copies one batch, runs the compiled
    step of `fit` and returns the loss.
    """

    def __init__(self, dtype):
        if BACKEND not in ("tensorflow", "jax"):
            raise SystemExit(f"KERAS_BACKEND={BACKEND}: expected tensorflow or jax")
        self.dtype = dtype
        self.steps = {}
        if dtype != "float32":
            keras.config.set_dtype_policy(f"mixed_{dtype}")

    def names(self):
        """Returns those that can run here: JAX always uses XLA, cuDNN needs a GPU."""
        return [
            name
            for name, contender in CONTENDERS.items()
            if (contender["jit"] or BACKEND != "jax")
            and (contender["cudnn"] or gpu_name())
        ]

    def machine(self):
        """Returns the versions and the device."""
        return {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "backend": BACKEND,
            BACKEND: __import__(BACKEND).__version__,
            "device": "gpu" if gpu_name() else "cpu",
            "device_name": gpu_name(),
        }

    def gflops(self):
        """Returns billions of operations per second: the best of 20 matrix products."""
        width = 8192 if gpu_name() else 2048
        multiply = keras.ops.matmul
        if BACKEND == "jax":
            import jax

            multiply = jax.jit(multiply)
        matrix = keras.random.normal((width, width), dtype=self.dtype)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            # Reading one number waits for the whole product.
            float(multiply(matrix, matrix)[0, 0])
            times.append(time.perf_counter() - start)
        return 2 * width**3 / min(times) / 1e9

    def build(self, contender, task):
        task = Task(**task)
        model = make_model(task, **CONTENDERS[contender])
        inputs, targets = make_arrays(task)
        self.steps[contender] = lambda: model.train_on_batch(inputs, targets)

    def step(self, contender):
        """Returns the milliseconds of one training step, until its loss is read."""
        start = time.perf_counter()
        float(self.steps[contender]())
        return (time.perf_counter() - start) * 1e3

    def forget(self):
        """Frees all models."""
        self.steps.clear()
        keras.backend.clear_session()
        gc.collect()

    def cost(self, contender, task):
        """Returns the seconds of the first step and the memory of later ones, in MiB.

        The memory is the peak of the whole process during three steps, minus what it
        held before the model was built. It is None on a GPU, which has its own memory,
        and on systems without Linux's /proc.
        """
        before = memory_mib("VmRSS")
        self.build(contender, task)
        first, *_ = [self.step(contender) for _ in range(3)]
        peak = None
        if before is not None and not gpu_name() and forget_peak():
            for _ in range(3):
                self.step(contender)
            peak = memory_mib("VmHWM") - before
        return {"first_step_s": first / 1e3, "memory_mib": peak}


def make_model(task, layers, cudnn, jit):
    options = {} if cudnn else {"use_cudnn": False}
    if task.model == "masked":
        options |= {"dropout": DROPOUT, "recurrent_dropout": DROPOUT}
    layer = getattr(layers, task.layer)(task.units, return_sequences=True, **options)
    if task.model == "language-model":
        return language_model(task, layer, jit)
    sequences = keras.Input((task.time, FEATURES))
    inputs, mask = sequences, None
    if task.model == "masked":
        mask = keras.Input((task.time,), dtype="bool")
        inputs = [sequences, mask]
    outputs = keras.layers.Dense(1)(layer(sequences, mask=mask))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.01), loss="mse", jit_compile=jit)
    return model


def language_model(task, layer, jit):
    tokens = keras.Input((task.time,), dtype="int32")
    embedded = keras.layers.Embedding(VOCABULARY, FEATURES)(tokens)
    model = keras.Model(tokens, keras.layers.Dense(VOCABULARY)(layer(embedded)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss=loss, jit_compile=jit)
    return model


def memory_mib(field):
    """Returns `VmRSS` (current) or `VmHWM` (peak) of /proc/self/status, or None."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    values = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    kib = next(values, None)
    return None if kib is None else int(kib) / 1024


def forget_peak():
    """Resets `VmHWM` to the current memory and returns whether that was possible."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True
