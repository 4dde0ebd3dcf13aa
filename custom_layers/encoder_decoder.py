"""Translations by an encoder-decoder model: searched in one compiled loop.

Everything here takes a model with `target_vocab`, the number of target ids, and two
methods:

- `encode(source) -> (context, states)`: ids int32 `(batch, source)`, padded with 0 -> a
  list of what the decoder sees at every step, and a list of its initial states, all
  with the batch first;
- `decode(target, context, states) -> (logits, states, weights)`: ids int32
  `(batch, time)` -> logits `(batch, time, target_vocab)` of the next ids, the states
  after them, and attention weights `(batch, time, source)` or None.

The first ids are those of `tokens/vocabulary.py`: padding, unknown, start, end.
"""

import functools
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from .decoding import beam_search
from .xla import use_xla

PADDING, UNKNOWN, START, END = 0, 1, 2, 3


def search(model, source, length, beams=1, widths=None):
    """The best translations that a beam search finds: ids `(batch, length)`, END after
    each one's end.

    Args:
        model: See the module.
        source: ids int32 `(batch, source)`.
        length: Of the longest translation, with END.
        beams: Hypotheses per row; 1: the most probable id each time.
        widths: Fewer beams in some rows, int32 `(batch,)`.
    """
    context, states = model.encode(source)
    context = [ops.repeat(x, beams, axis=0) for x in context]  # beams share a source

    def step(token, states):
        logits, states, _ = model.decode(token[:, None], context, states)
        return logits[:, 0], states

    first = ops.full(ops.shape(source)[:1], START, "int32")
    banned = np.arange(model.target_vocab) < END  # all but END and tokens
    best, _ = beam_search(
        step, first, states, length, beams, END, banned=banned, widths=widths
    )
    return ops.where(source[:, :1] == PADDING, END, best[:, 0])  # of no source nothing


def attention_weights(model, source, written):
    """Attention weights `(batch, length, source)` of the ids `written`."""
    context, states = model.encode(source)
    start = ops.full_like(written[:, :1], START)
    before = ops.concatenate([start, written[:, :-1]], axis=1)
    return model.decode(before, context, states)[2]


def translate_ids(
    model, sources: list[list[int]], length: int, beams: int = 1, rows: int = 128
) -> list[np.ndarray]:
    """Translations `(length,)` of source ids; of an empty source END alone."""
    translations = [np.full(length, END, "int32")] * len(sources)
    for places, ids in _batches(sources, rows):
        written = _compiled(model, length, beams).predict_on_batch(ids)
        for place, row in zip(places, written, strict=False):
            translations[place] = row
    return translations


def align_ids(
    model, sources: list[list[int]], length: int, beams: int = 1
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Translations `(time,)`, to the first END, and their attention weights
    `(time, source)`."""
    alignments = [(np.zeros(0, "int32"), np.zeros((0, 1)))] * len(sources)
    for places, ids in _batches(sources, max(len(sources), 1)):
        written = _compiled(model, length, beams).predict_on_batch(ids)
        weights = ops.convert_to_numpy(attention_weights(model, ids, written))
        for place, row, each in zip(places, written, weights, strict=False):
            time = min(int((row != END).sum()) + 1, length)
            alignments[place] = row[:time], each[:time, : len(sources[place])]
    return alignments


def _batches(sources, rows: int) -> Iterator[tuple[list[int], np.ndarray]]:
    """Places in `sources` and ids int32 `(rows, time)`; similar lengths share a batch.
    Empty sources are left out."""
    filled = [place for place, ids in enumerate(sources) if len(ids)]
    order = sorted(filled, key=lambda place: len(sources[place]))
    for start in range(0, len(order), rows):
        places = order[start : start + rows]
        # Few lengths, few programs to compile.
        time = 1 << max(3, (len(sources[places[-1]]) - 1).bit_length())
        batch = np.full((rows, time), PADDING, "int32")
        for row, place in zip(batch, places, strict=False):
            row[: len(sources[place])] = sources[place]
        yield places, batch


class Search(keras.Model):
    """`search` as a Keras model, which compiles it."""

    def __init__(self, *arguments):
        super().__init__()
        self.model, *self.arguments = arguments
        self.compile(jit_compile=use_xla())

    def call(self, ids):
        return search(self.model, ids, *self.arguments)


@functools.lru_cache(maxsize=4)  # compiled once for all texts of a model
def _compiled(model, length: int, beams: int) -> Search:
    return Search(model, length, beams)
