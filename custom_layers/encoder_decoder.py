"""Translation with an encoder-decoder model: beam search in one compiled loop.

Everything here takes a model with `target_vocab`, the number of target ids, and two
methods:

- `encode(source) -> (context, states)`: ids int32 `(batch, source)`, padded with 0 -> a
  list of tensors that the decoder reads at every step, and a list of its initial
  states, all with the batch first;
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
    """Returns the best translations of a beam search: ids `(batch, length)`, filled up
    with END.

    Args:
        model: See the module.
        source: Ids int32 `(batch, source)`.
        length: Maximum length of a translation, including END.
        beams: Hypotheses per row; with 1, the most probable id is taken each time.
        widths: int32 `(batch,)`, to use fewer beams in some rows; see `beam_search`.
    """
    context, states = model.encode(source)
    context = [ops.repeat(x, beams, axis=0) for x in context]  # beams share a source

    def step(token, states):
        logits, states, _ = model.decode(token[:, None], context, states)
        return logits[:, 0], states

    first = ops.full(ops.shape(source)[:1], START, "int32")
    banned = np.arange(model.target_vocab) < END  # padding, unknown, start
    best, _ = beam_search(
        step, first, states, length, beams, END, banned=banned, widths=widths
    )
    return ops.where(source[:, :1] == PADDING, END, best[:, 0])  # empty source


def attention_weights(model, source, written):
    """Returns the attention weights `(batch, length, source)` of the ids `written`."""
    context, states = model.encode(source)
    start = ops.full_like(written[:, :1], START)
    previous = ops.concatenate([start, written[:, :-1]], axis=1)
    return model.decode(previous, context, states)[2]


def translate_ids(
    model, sources: list[list[int]], length: int, beams: int = 1, rows: int = 128
) -> list[np.ndarray]:
    """Returns one translation `(length,)` per source; END only for an empty source."""
    translations = [np.full(length, END, "int32")] * len(sources)
    for indices, ids in _batches(sources, rows):
        written = _compiled(model, length, beams).predict_on_batch(ids)
        for index, row in zip(indices, written, strict=False):
            translations[index] = row
    return translations


def align_ids(
    model, sources: list[list[int]], length: int, beams: int = 1
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns per source the translation `(time,)`, up to the first END, and its
    attention weights `(time, source)`."""
    alignments = [(np.zeros(0, "int32"), np.zeros((0, 1)))] * len(sources)
    for indices, ids in _batches(sources, max(len(sources), 1)):
        written = _compiled(model, length, beams).predict_on_batch(ids)
        weights = ops.convert_to_numpy(attention_weights(model, ids, written))
        for index, row, each in zip(indices, written, weights, strict=False):
            time = min(int((row != END).sum()) + 1, length)
            alignments[index] = row[:time], each[:time, : len(sources[index])]
    return alignments


def _batches(sources, rows: int) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yields indices of `sources` and their ids, int32 `(rows, time)`, by length.
    Empty sources are left out."""
    filled = [index for index, ids in enumerate(sources) if len(ids)]
    order = sorted(filled, key=lambda index: len(sources[index]))
    for start in range(0, len(order), rows):
        indices = order[start : start + rows]
        # A power of two: few different lengths, so few programs to compile.
        time = 1 << max(3, (len(sources[indices[-1]]) - 1).bit_length())
        batch = np.full((rows, time), PADDING, "int32")
        for row, index in zip(batch, indices, strict=False):
            row[: len(sources[index])] = sources[index]
        yield indices, batch


class Search(keras.Model):
    """`search` as a Keras model, so that Keras compiles it."""

    def __init__(self, *arguments):
        super().__init__()
        self.model, *self.arguments = arguments
        self.compile(jit_compile=use_xla())

    def call(self, ids):
        return search(self.model, ids, *self.arguments)


@functools.lru_cache(maxsize=4)  # compiled once for all texts
def _compiled(model, length: int, beams: int) -> Search:
    return Search(model, length, beams)
