"""A long text in parallel streams, whose states are carried from batch to batch."""

import keras
import numpy as np

from data.errors import UserError
from kit.batches import EpochDataset


class Streams(EpochDataset):
    """A long text in parallel streams, for truncated back-propagation through time.

    Row i of a batch continues row i of the batch before, so that a state carried from
    batch to batch has read the whole stream, while gradients stay within a window. The
    text is divided into `rows` equal streams; where the first one begins changes with
    every pass, so that windows begin at other places.

    Args:
        ids: `[tokens]`, whole numbers; may be mapped from disk (`numpy.memmap`).
        rows: Number of streams, the size of a batch.
        window: Tokens per row in a batch.
        seed: Draws where a pass begins; `None`: always at the first token.
        most: Maximum number of tokens per epoch. A longer pass is divided into `parts`
            epochs, and states are carried from one to the next. Default: no limit.

    A batch is `(ids [rows, window], next ids [rows, window])`.

    Raises:
        UserError: the text is shorter than two tokens a row.
    """

    def __init__(self, ids, rows: int, window: int, seed=None, most: int = 0):
        super().__init__()
        self.ids, self.rows, self.seed = ids, rows, seed
        spare = 0 if seed is None else window
        self.length = (len(ids) - 1 - spare) // rows  # tokens a stream
        if self.length < 1 or (seed is not None and self.length < window):
            raise UserError(
                f"a text of {len(ids):,} tokens is too short: expected {rows} rows of "
                f"{window if seed is not None else 1} tokens or more"
            )
        self.window = min(window, self.length)
        windows = self.length // self.window
        self.parts = (
            min(-(-windows * rows * self.window // most), windows) if most else 1
        )
        # Keras asks for the number of batches once: all epochs have as many.
        self.batches = windows // self.parts
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Moves to the part of a pass that this epoch reads."""
        turn, self.part = divmod(epoch, self.parts)
        offset = 0
        if self.seed is not None:
            offset = np.random.default_rng([self.seed, turn]).integers(self.window)
        self.starts = int(offset) + self.length * np.arange(self.rows)

    def __len__(self):
        return self.batches

    def __getitem__(self, index):
        begin = (self.part * self.batches + index) * self.window
        places = self.starts[:, None] + begin + np.arange(self.window + 1)
        ids = self.ids[places].astype("int32")
        return ids[:, :-1], ids[:, 1:]

    def shape(self, index: int) -> int:
        """The window."""
        return self.window

    def tokens(self, index: int) -> int:
        """The number of tokens in a batch."""
        return self.rows * self.window


class FreshStates(keras.callbacks.Callback):
    """Sets carried states to zero before each pass and before validation.

    After validation the states of training come back, because an epoch may be a part
    of a pass.
    """

    def __init__(self, training: Streams):
        super().__init__()
        self.training = training

    def states(self):
        layers = self.model.layers  # on JAX this brings the variables up to date
        stateful = [layer for layer in layers if getattr(layer, "stateful", False)]
        return [state for layer in stateful for state in layer.states]

    def reset(self):
        for state in self.states():
            state.assign(keras.ops.zeros(state.shape, state.dtype))

    def on_epoch_begin(self, epoch, logs=None):
        if epoch % self.training.parts == 0:
            self.reset()

    def on_test_begin(self, logs=None):
        self.kept = [np.array(state) for state in self.states()]
        self.reset()

    def on_test_end(self, logs=None):
        for state, value in zip(self.states(), self.kept, strict=True):
            state.assign(value)
