"""Pieces of music as training data, transposed to other keys in each epoch."""

import numpy as np

from kit.streams import Streams
from tokens import notes
from tokens.notes import ANY_KEY, KEYS, STRUCK


class Pieces(Streams):
    """Concatenated pieces in parallel streams. In each epoch the pieces have another
    order, each is transposed at random, and the key is named in half of them.

    Args:
        pieces: a list of ids `[time]`.
        rows: number of streams.
        window: tokens per row and batch; fewer if the pieces are short.
        moves: maximum number of semitones that a piece is moved up or down; the lowest
            and the highest key, beyond which no piece is moved.
        seed: draws the order and the keys; `None`: neither is changed.

    A batch is `(ids [rows, window], next ids [rows, window])`.
    """

    def __init__(self, pieces, rows: int, window: int, moves=(0, 0, 0), seed=None):
        self.pieces, self.moves = pieces, moves
        ids = np.concatenate(pieces)
        super().__init__(ids, rows, min(window, len(ids) // (2 * rows)), seed)

    def set_epoch(self, epoch: int) -> None:
        pieces = self.pieces
        if self.seed is not None:
            random = np.random.default_rng([self.seed, epoch, 1])
            order = random.permutation(len(pieces))
            pieces = [self.transposed(pieces[place], random) for place in order]
        self.ids = np.concatenate(pieces)
        super().set_epoch(epoch)

    def transposed(self, ids: np.ndarray, random) -> np.ndarray:
        """Returns the piece in a random key, which is named in half of the cases."""
        max_move, lowest, highest = self.moves
        keys = (ids[ids >= STRUCK].astype("int32") - STRUCK) % KEYS
        if len(keys):
            down = max(-max_move, min(0, lowest - keys.min()))
            up = min(max_move, max(0, highest - keys.max()))
            ids = notes.transpose(ids, random.integers(down, up + 1))
        is_named = random.random() < 0.5
        return ids if is_named else np.concatenate([[ANY_KEY], ids[1:]])
