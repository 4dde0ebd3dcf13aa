"""The likelihood of token sequences under a recurrent model, in nats."""

import functools
from collections.abc import Iterator

import keras
import numpy as np

from custom_layers.xla import use_xla

READ = 500  # tokens per row and step


def nats_of(model: keras.Model, ids: np.ndarray, window: int = 0) -> float:
    """Mean nats per token over `ids` except the first; see `nats_of_each`."""
    total = sum(nats.sum(dtype="float64") for nats in nats_of_each(model, ids, window))
    return float(total / (len(ids) - 1))


def nats_of_each(model: keras.Model, ids, window: int = 0) -> Iterator[np.ndarray]:
    """Yields -log p of each token except the first, in pieces `float32 [tokens]`.

    Args:
        model: ids `[rows, time]` and states -> logits `[rows, time, vocab]` and states.
        ids: `[tokens]`.
        window: 0: states are carried through the whole text. Otherwise they are
            reset every `window` tokens.
    """
    reader = nats_reader(model)
    rows, time = (64, window) if window else (1, READ)
    sizes = [state.shape[-1] for state in model.inputs[1:]]
    states = first = [np.zeros((rows, size), "float32") for size in sizes]
    for start in range(0, len(ids) - 1, rows * time):
        real = min(rows * time, len(ids) - 1 - start)
        pair = np.zeros((2, rows * time), "int32")  # ids and next ids
        pair[:, :real] = ids[start : start + real], ids[start + 1 : start + 1 + real]
        piece, targets = pair.reshape(2, rows, time)
        nats, *states = reader.predict_on_batch([piece, *states, targets])
        states = first if window else states
        yield nats.reshape(-1)[:real]


def nats_of_rows(model: keras.Model, ids: np.ndarray) -> np.ndarray:
    """-log p of each id of `[rows, time]` except each row's first: float64 `[rows,
    time - 1]`, 0 for padding. States are zero before each row; `model` is as in
    `nats_of_each`."""
    reader = nats_reader(model)
    states = [np.zeros((len(ids), x.shape[-1]), "float32") for x in model.inputs[1:]]
    all_nats = np.zeros((len(ids), 0))
    for start in range(0, ids.shape[1] - 1, READ):
        piece = np.zeros((2, len(ids), READ), "int32")  # ids and next ids
        for shift in (0, 1):
            part = ids[:, start + shift :][:, :READ]
            piece[shift, :, : part.shape[1]] = part
        nats, *states = reader.predict_on_batch([piece[0], *states, piece[1]])
        all_nats = np.concatenate([all_nats, nats], axis=1)
    return all_nats[:, : ids.shape[1] - 1] * (ids[:, 1:] > 0)


@functools.lru_cache(maxsize=1)  # traced once per model
def nats_reader(model: keras.Model) -> keras.Model:
    """A model: ids, states and next ids -> nats of the next ids, new states."""
    next_ids = keras.Input([None], dtype="int32")
    logits, *last = model.outputs
    nats = keras.ops.sparse_categorical_crossentropy(next_ids, logits, from_logits=True)
    reader = keras.Model([*model.inputs, next_ids], [nats, *last])
    reader.compile(jit_compile=use_xla())
    return reader
