"""Batches for `fit`: labelled sequences, pairs of sequences, a long text in streams.

Each of them has, beside what `keras.utils.PyDataset` asks for:

- `set_epoch(epoch)`: puts the batches in the order of an epoch, a pure function of the
  seed and the epoch, so that a resumed run sees what the undisturbed one would have;
- `shape(index)`: what distinguishes the compiled programs;
- `tokens(index)`: how many real tokens a batch holds.
"""

import keras
import numpy as np

from data.errors import UserError


class Batches(keras.utils.PyDataset):
    """Sequences of ids in batches of few shapes: XLA compiles one program a shape.

    Each sequence goes to the smallest bucket that holds it and is padded with 0 to the
    bucket's length; each bucket's last batch is filled with rows of weight 0.

    Args:
        sequences: list of `int32 [time]` arrays.
        labels: `int32 [rows]`.
        batch_size: rows a batch.
        buckets: lengths, ascending; the last one holds every sequence.
        seed: shuffles, anew each epoch; `None` keeps the order within each bucket.

    A batch is `(ids [batch, time], labels [batch], weights [batch])`.
    """

    def __init__(self, sequences, labels, batch_size, buckets, seed=None):
        super().__init__()
        self.sequences, self.labels = sequences, np.asarray(labels, "int32")
        self.batch_size, self.buckets, self.seed = batch_size, buckets, seed
        self.lengths = np.array([len(sequence) for sequence in sequences])
        self.bucket_of = np.searchsorted(buckets, self.lengths)
        if self.lengths.max(initial=0) > buckets[-1]:
            raise ValueError(
                f"a sequence of {self.lengths.max()} ids, the last bucket holds "
                f"{buckets[-1]}"
            )
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Puts the batches in this epoch's order."""
        random = np.random.default_rng([self.seed or 0, epoch])
        batches = []
        for bucket in range(len(self.buckets)):
            rows = np.flatnonzero(self.bucket_of == bucket)
            if self.seed is not None:
                random.shuffle(rows)
            batches += [
                (bucket, rows[start : start + self.batch_size])
                for start in range(0, len(rows), self.batch_size)
            ]
        if self.seed is not None:
            order = random.permutation(len(batches))
            batches = [batches[index] for index in order]
        # Keras takes the shape from the first two batches: a length that they share
        # would be demanded of all.
        for index, (bucket, _) in enumerate(batches):
            if bucket != batches[0][0]:
                batches[1], batches[index] = batches[index], batches[1]
                break
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        bucket, rows = self.batches[index]
        ids = np.zeros((self.batch_size, self.buckets[bucket]), "int32")
        labels = np.zeros(self.batch_size, "int32")
        weights = np.zeros(self.batch_size, "float32")
        for place, row in enumerate(rows):
            ids[place, : self.lengths[row]] = self.sequences[row]
        labels[: len(rows)] = self.labels[rows]
        weights[: len(rows)] = 1.0
        return ids, labels, weights

    def shape(self, index: int) -> int:
        """What distinguishes the compiled programs: the padded length."""
        return self.buckets[self.batches[index][0]]

    def tokens(self, index: int) -> int:
        """Real tokens of a batch."""
        return int(self.lengths[self.batches[index][1]].sum())


class PairBatches(Batches):
    """Pairs in batches of similar length and few shapes.

    Args:
        sources, targets: lists of `int32 [time]`; targets with their start and end.
        batch_size: pairs a batch; a bucket's last one is filled with rows of weight 0.
        seed: shuffles, anew each epoch; `None` keeps the order within each bucket.

    A batch is `((source [batch, source], target [batch, time]), next [batch, time],
    weights [batch, time])`: all but the last id of the target, all but the first, and 1
    where that is no padding.
    """

    def __init__(self, sources, targets, batch_size, seed=None):
        keras.utils.PyDataset.__init__(self)
        self.sequences, self.targets = sources, targets
        self.batch_size, self.seed = batch_size, seed
        sizes = np.array(
            [(len(s), len(t) - 1) for s, t in zip(sources, targets, strict=True)]
        )
        self.widest = sizes.max(axis=0)
        self.real = sizes[:, 1]
        # Sentences are short: multiples of 8 would leave a third of them padding.
        self.buckets = bucket_lengths(sizes.max(axis=1), step=1)
        self.bucket_of = np.searchsorted(self.buckets, sizes.max(axis=1))
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Puts the batches in this epoch's order."""
        super().set_epoch(epoch)
        # Keras takes the shapes from the first two: shortest and longest.
        buckets = [bucket for bucket, _ in self.batches]
        first, last = int(np.argmin(buckets)), int(np.argmax(buckets))
        chosen = [self.batches[first], self.batches[last]]
        rest = (b for n, b in enumerate(self.batches) if n not in (first, last))
        self.batches = [*chosen, *rest] if first != last else self.batches

    def __getitem__(self, index):
        bucket, rows = self.batches[index]
        source, time = np.minimum(self.buckets[bucket], self.widest)
        sources = np.zeros((self.batch_size, source), "int32")
        targets = np.zeros((self.batch_size, time + 1), "int32")
        for place, row in enumerate(rows):
            sources[place, : len(self.sequences[row])] = self.sequences[row]
            targets[place, : len(self.targets[row])] = self.targets[row]
        following = targets[:, 1:]
        return (sources, targets[:, :-1]), following, (following > 0).astype("float32")

    def tokens(self, index: int) -> int:
        """Real tokens of a batch's targets."""
        return int(self.real[self.batches[index][1]].sum())


class Streams(keras.utils.PyDataset):
    """A long text read window after window, in `rows` places at once.

    Truncated back-propagation through time: row i of a batch continues row i of the
    batch before, so that a state carried from batch to batch has read all of the
    row's text, while gradients stay within a window. The text is cut into `rows` equal
    streams, from a place that changes each pass, so that windows begin elsewhere.

    Args:
        ids: `[tokens]`, whole numbers; may lie on disk (`numpy.memmap`).
        rows: streams side by side, the size of a batch.
        window: tokens a row has in a batch.
        seed: draws where a pass begins; `None`: always at the first token.
        most: an epoch reads no more tokens: a longer pass is cut into `parts` epochs,
            and states go on from one to the next. Default: an epoch is a pass.

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
        """Goes to this epoch's part of its pass."""
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
        """What distinguishes the compiled programs: the window."""
        return self.window

    def tokens(self, index: int) -> int:
        """Tokens of a batch."""
        return self.rows * self.window


def bucket_lengths(lengths, count: int = 6, step: int = 8) -> list[int]:
    """The at most `count` lengths that leave the least padding.

    Multiples of `step` (of more, where the longest sequence is above 64 times that);
    the last one holds every sequence.
    """
    lengths = np.maximum(lengths, 1)
    step *= -(-lengths.max() // (64 * step))
    sizes, rows = np.unique(-(-lengths // step) * step, return_counts=True)
    below = np.cumsum(rows)
    # For each size: the padded total of all sequences up to it, and its buckets.
    cheapest = [(rows * size, [size]) for rows, size in zip(below, sizes, strict=True)]
    for _ in range(count - 1):
        fewer = cheapest
        cheapest = [
            min(
                [fewer[i]]
                + [
                    (fewer[h][0] + (below[i] - below[h]) * size, [*fewer[h][1], size])
                    for h in range(i)
                ]
            )
            for i, size in enumerate(sizes)
        ]
    return [int(size) for size in cheapest[-1][1]]
