"""Whether XLA compiles the models."""

import keras


def use_xla() -> bool:
    """True on JAX and on a GPU, for `jit_compile`.

    On TensorFlow's CPU the layers are about as fast without XLA from batches of 32 on
    (`benchmarks.recurrent`), and each shape would compile for seconds.
    """
    if keras.backend.backend() == "jax":
        return True
    return bool(keras.distribution.list_devices("gpu"))
