"""One script a task, read from top to bottom. Run one: ``python -m recipes.NAME``."""

import contextlib
import ctypes
import logging
import os

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # numbers in glibc's malloc.h


def keep_freed_memory() -> None:
    """Lets glibc keep what a training step frees for the next one.

    By default it hands large blocks back to the system after each use, and the system
    clears them again for the next: a third of the processor's time of a small model.
    Other C libraries stay as they are.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(TRIM_THRESHOLD, 2**31 - 1)
        mallopt(TOP_PAD, 64 << 20)
        mallopt(MMAP_THRESHOLD, 32 << 20)  # the most that glibc takes


def import_backend_quietly() -> None:
    """Imports TensorFlow without its start-up log, where Keras uses it.

    `TF_CPP_MIN_LOG_LEVEL` does not reach what is logged while the libraries load, so
    the file descriptor is closed meanwhile; where a GPU is, errors stay visible.
    """
    # A program for each of a few lengths is meant, and no reason to warn.
    logging.getLogger("tensorflow").addFilter(
        lambda record: "retracing" not in record.getMessage()
    )
    has_gpu = os.path.exists("/dev/nvidia0")  # noqa: PTH110
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if has_gpu else "3")
    if has_gpu or os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()
    except ImportError:
        pass  # Keras says what is missing
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


keep_freed_memory()
import_backend_quietly()
