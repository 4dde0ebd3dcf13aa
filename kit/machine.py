"""The machine: processor, GPU, backend, versions, and the commit."""

import contextlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from custom_layers.xla import use_xla
from data.errors import UserError


def processor_name() -> str:
    """The processor's name, or the kind of machine where Linux's /proc is missing."""
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open() as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def gpu_name() -> str | None:
    """The name of the GPU that Keras's backend computes on, or None.

    Raises:
        UserError: The backend is neither TensorFlow nor JAX.
    """
    import keras

    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        return None if device.platform == "cpu" else device.device_kind
    if backend != "tensorflow":
        raise UserError(f"KERAS_BACKEND={backend}: expected tensorflow or jax")
    import tensorflow as tf

    if not (gpus := tf.config.list_physical_devices("GPU")):
        return None
    details = tf.config.experimental.get_device_details(gpus[0])
    return details.get("device_name", "GPU")


def describe_machine() -> dict:
    """Backend, device, XLA and versions, as `environment.json` holds them."""
    import keras

    versions = {"python": platform.python_version(), "keras": keras.__version__}
    for package in ("numpy", "tensorflow", "jax"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    gpu = gpu_name()
    return {
        "backend": keras.backend.backend(),
        "device": "GPU" if gpu else "CPU",
        "device_name": gpu or f"{processor_name()}, {os.cpu_count()} cores",
        "xla": use_xla(),
        "versions": versions,
    }


def git_commit() -> str | None:
    """The commit, with `-dirty` if a tracked file outside `results/` has changed."""
    here = ["git", "-C", Path(__file__).parent]
    status = ["status", "--porcelain", "--untracked-files=no", "--"]
    try:
        commit, changed = (
            subprocess.run([*here, *command], capture_output=True, text=True).stdout
            for command in (
                ["rev-parse", "--short=12", "HEAD"],
                [*status, ":/", ":(exclude,top)results"],
            )
        )
    except OSError:
        return None
    return (commit.strip() + "-dirty" * bool(changed)) or None
