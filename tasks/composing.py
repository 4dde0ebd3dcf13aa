"""Pieces of music from a recurrent model, below forced notes, in one compiled loop.

Everything here takes a model `[ids, *states] -> [logits, *states]`, as in
`custom_layers/language_model.py`, of the tokens of `tokens/notes.py`; and the
vocabulary of the music recipe: `grid`, the frames of a quarter note; `most`, the notes
of a frame at most; and whether notes are `held`.
"""

import functools

import keras
import numpy as np
from keras import ops

from custom_layers.decoding import generate
from custom_layers.language_model import first_states
from tokens import notes
from tokens.notes import END, HELD, NEXT, STRUCK, VOCAB


def compose_below(
    model, vocabulary, keys, tops, temperature=1.0, top_p=1.0, seed=0
) -> list[np.ndarray]:
    """Pieces with the forced notes `tops`, see `begin`; row i draws from `seed + i`."""
    rows = len(keys)
    settings = [
        np.full(rows, temperature, "float32"),
        np.full(rows, top_p, "float32"),
        np.arange(seed, seed + rows).astype("int32"),
    ]
    inputs = [np.array(keys, "int32"), np.array(tops, "int32"), *settings]
    composer = compiled_composer(model, vocabulary["most"])
    return [notes.decode(ids) for ids in composer.predict_on_batch(inputs)]


def forced_beginning(first: list[int], frames: int, vocabulary: dict) -> np.ndarray:
    """`tops` `[frames]` of a piece that begins with these highest notes, a quarter note
    each."""
    tops, grid = np.zeros(frames, "int32"), vocabulary["grid"]
    each = np.repeat(first, grid)[:frames]
    tops[: len(each)] = each
    if vocabulary["held"]:
        later = np.arange(len(each)) % grid > 0
        tops[: len(each)][later] += HELD - STRUCK
    return tops


def forced_melody(piece: np.ndarray, vocabulary: dict) -> np.ndarray:
    """`tops` `[frames]`: the highest note of each frame of a piece."""
    highest = notes.KEYS - 1 - (piece[:, ::-1] > 0).argmax(axis=1)
    kind = piece[np.arange(len(piece)), highest]
    held = (kind == notes.IS_HELD) & vocabulary["held"]
    return np.where(kind > 0, np.where(held, HELD, STRUCK) + highest, NEXT)


def begin(model: keras.Model, keys, tops, least, most: int):
    """`step`, the first token and the state before it, for `generate`.

    Args:
        model: See the module.
        keys: Ids of keys, int32 `[batch]`.
        tops: int32 `[batch, frames]`, the forced first token of each frame: its highest
            note, NEXT for a frame of silence, END where the piece ends; 0 where the
            model is free. After its last frame the piece ends.
        least: Frames of a piece, int32 `[batch]`, unless `tops` ends it before.
        most: Notes of a frame, at most.
    """
    tops = ops.pad(tops, [[0, 0], [0, 1]], constant_values=END)

    def step(token, state):
        frame, count, *states = state
        is_note = token >= STRUCK
        frame = frame + ops.cast(token == NEXT, "int32")
        count = ops.where(is_note, count + 1, 0)
        logits, *states = model([token[:, None], *states])
        place = ops.minimum(frame, ops.shape(tops)[1] - 1)
        top = ops.take_along_axis(tops, place[:, None], axis=1)[:, 0]
        # A frame begins after another or, the first one, after the key.
        forced = ops.where(is_note, ops.where(count < most, 0, NEXT), top)[:, None]
        ids = ops.arange(VOCAB)
        free = (ids != END) | (frame >= least)[:, None]
        allowed = ops.where(forced == 0, free, ids == forced)
        return ops.where(allowed, logits[:, 0], -1e9), [frame, count, *states]

    rows, none = ops.shape(keys)[0], ops.zeros_like(keys)
    end = ops.full((rows, 1), END, "int32")  # a piece begins after the end of another
    _, *states = model([end, *first_states(model, rows)])
    return step, keys, [none, none, *states]


class Composer(keras.Model):
    """Writes pieces in one compiled loop."""

    def __init__(self, model: keras.Model, most: int):
        super().__init__()
        self.model, self.most = model, most
        self.compile(jit_compile=True)

    def call(self, inputs):
        keys, tops, temperature, top_p, seed = inputs
        length = ops.shape(tops)[1] * (self.most + 1) + 1
        least = ops.full_like(keys, ops.shape(tops)[1] // 2)
        start = begin(self.model, keys, tops, least, self.most)
        return generate(*start, length, seed, temperature, top_p=top_p, end=END)


@functools.lru_cache(maxsize=4)  # compiled once for all pieces of a model
def compiled_composer(model: keras.Model, most: int) -> Composer:
    return Composer(model, most)
