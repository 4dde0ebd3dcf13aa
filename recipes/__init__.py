"""One script a task, read from top to bottom. Run one: ``python -m recipes.NAME``."""

import os


def import_backend_quietly() -> None:
    """Imports TensorFlow without its start-up log, where Keras uses it.

    `TF_CPP_MIN_LOG_LEVEL` does not reach what is logged while the libraries load, so
    the file descriptor is closed meanwhile; where a GPU is, errors stay visible.
    """
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


import_backend_quietly()
