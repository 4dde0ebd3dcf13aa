"""Composing with a recurrent model below forced top notes, in one compiled loop.

Functions here take a model `[ids, *states] -> [logits, *states]` over the tokens of
`tokens/notes.py`, as in `custom_layers/language_model.py`, and the vocabulary of the
music recipe: `grid`, the frames per quarter note; `most`, the maximum number of notes
per frame; `held`, whether notes can be held.
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
    """Returns pieces with the forced notes `tops` (see `begin`); row i is drawn from
    `seed + i`."""
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
    """Returns `tops` `[frames]` for a piece that begins with the highest notes `first`,
    one per quarter note."""
    tops, grid = np.zeros(frames, "int32"), vocabulary["grid"]
    each = np.repeat(first, grid)[:frames]
    tops[: len(each)] = each
    if vocabulary["held"]:
        later = np.arange(len(each)) % grid > 0
        tops[: len(each)][later] += HELD - STRUCK
    return tops


def forced_melody(piece: np.ndarray, vocabulary: dict) -> np.ndarray:
    """Returns `tops` `[frames]`: the highest note of each frame of a piece."""
    highest = notes.KEYS - 1 - (piece[:, ::-1] > 0).argmax(axis=1)
    kind = piece[np.arange(len(piece)), highest]
    held = (kind == notes.IS_HELD) & vocabulary["held"]
    return np.where(kind > 0, np.where(held, HELD, STRUCK) + highest, NEXT)


def begin(model: keras.Model, keys, tops, least, most: int):
    """Returns `step`, the first token and the state before it, for `generate`.

    Args:
        model: See the module.
        keys: Ids of keys, int32 `[batch]`.
        tops: int32 `[batch, frames]`, the forced first token of each frame: its highest
            note, NEXT for a silent frame, END where the piece ends, or 0 where the
            model chooses freely. The piece ends at the latest after the last frame.
        least: Minimum number of frames, int32 `[batch]`, unless `tops` ends the piece
            earlier.
        most: Maximum number of notes per frame.
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
        # A frame begins after another frame or, at the beginning, after the key.
        forced = ops.where(is_note, ops.where(count < most, 0, NEXT), top)[:, None]
        ids = ops.arange(VOCAB)
        free = (ids != END) | (frame >= least)[:, None]
        allowed = ops.where(forced == 0, free, ids == forced)
        return ops.where(allowed, logits[:, 0], -1e9), [frame, count, *states]

    rows, none = ops.shape(keys)[0], ops.zeros_like(keys)
    end = ops.full((rows, 1), END, "int32")  # pieces begin after END
    _, *states = model([end, *first_states(model, rows)])
    return step, keys, [none, none, *states]


class Composer(keras.Model):
    """Composes pieces in one compiled loop."""

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


@functools.lru_cache(maxsize=4)  # compiled once per model
def compiled_composer(model: keras.Model, most: int) -> Composer:
    return Composer(model, most)
