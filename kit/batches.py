"""Batches of labelled sequences for `fit`."""

import keras
import numpy as np

# With one worker, Keras on TensorFlow leaves reading ahead to tf.data, whose tuning
# thread often delays the next epoch for seconds before it stops. With two, Keras reads
# ahead itself. On JAX it would do so before `set_epoch`.
WORKERS = 2 if keras.backend.backend() == "tensorflow" else 1


class EpochDataset(keras.utils.PyDataset):
    """What all batches of this project have beside `__len__` and `__getitem__`.

    - `set_epoch(epoch)` puts them in the order of an epoch, a pure function of the seed
      and the epoch, so that a resumed run sees the same batches as an undisturbed one;
    - `shape(index)` tells apart the shapes of batches, for each of which a program is
      compiled;
    - `tokens(index)` is the number of real tokens in a batch.
    """

    def __init__(self):
        super().__init__(workers=WORKERS)


class Batches(EpochDataset):
    """Sequences of ids in batches of few shapes, so that few programs are compiled.

    Each sequence goes to the smallest bucket that holds it and is padded with 0 to the
    bucket's length. The last batch of each bucket is filled up with rows of weight 0.

    Args:
        sequences: List of `int32 [time]` arrays.
        labels: `int32 [rows]`.
        batch_size: Rows per batch.
        buckets: Lengths in ascending order; the last one holds every sequence.
        seed: Shuffles anew in each epoch; `None` keeps the order within each bucket.

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
        # Keras infers the shape of all batches from the first two, so these differ in
        # length: a length that they shared would be required of all.
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
        """The padded length."""
        return self.buckets[self.batches[index][0]]

    def tokens(self, index: int) -> int:
        """The number of real tokens in a batch."""
        return int(self.lengths[self.batches[index][1]].sum())


def bucket_lengths(lengths, count: int = 6, step: int = 8) -> list[int]:
    """The lengths, at most `count`, that leave the least padding.

    They are multiples of `step`, or of a multiple of it if the longest sequence is
    longer than 64 steps. The last one holds every sequence.
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
