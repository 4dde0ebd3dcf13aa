"""Whether to compile models with XLA."""

import keras


def use_xla() -> bool:
    """Returns True on JAX and on a GPU, for `jit_compile`.

    With TensorFlow on a CPU, the layers are about as fast without XLA from a batch size
    of 32 on (`benchmarks.recurrent`), and every new shape would compile for seconds.
    """
    if keras.backend.backend() == "jax":
        return True
    return bool(keras.distribution.list_devices("gpu"))
