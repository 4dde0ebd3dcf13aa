"""Batches of pairs of sequences."""

import numpy as np

from data.errors import UserError
from kit.batches import Batches, EpochDataset, bucket_lengths


class PairBatches(Batches):
    """Pairs in batches of similar length and few shapes.

    Args:
        sources, targets: Lists of `int32 [time]`; targets with their start and end.
        batch_size: Pairs per batch; the last batch of a bucket is filled up with rows
            of weight 0.
        seed: Shuffles anew in each epoch; `None` keeps the order within each bucket.
        max_tokens: Pairs with a longer side, without start and end, are left out.

    Raises:
        UserError: No pair is short enough.

    A batch is `((source [batch, source], target [batch, time]), next [batch, time],
    weights [batch, time])`: all but the last id of the target, all but the first, and 1
    where that is no padding.
    """

    def __init__(self, sources, targets, batch_size, seed=None, max_tokens=None):
        EpochDataset.__init__(self)
        if max_tokens:
            pairs = [
                (source, target)
                for source, target in zip(sources, targets, strict=True)
                if max(len(source), len(target) - 2) <= max_tokens
            ]
            if not pairs:
                raise UserError(f"no pair has at most --max-tokens {max_tokens}")
            sources, targets = map(list, zip(*pairs, strict=True))
        self.sequences, self.targets = sources, targets
        self.batch_size, self.seed = batch_size, seed
        sizes = np.array(
            [(len(s), len(t) - 1) for s, t in zip(sources, targets, strict=True)]
        )
        self.widest = sizes.max(axis=0)
        self.real = sizes[:, 1]
        # Sentences are short: with multiples of 8, a third would be padding.
        self.buckets = bucket_lengths(sizes.max(axis=1), step=1)
        self.bucket_of = np.searchsorted(self.buckets, sizes.max(axis=1))
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Puts the batches in this epoch's order."""
        super().set_epoch(epoch)
        # Keras infers the shapes from the first two: the shortest and the longest.
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
        """The number of real target tokens in a batch."""
        return int(self.real[self.batches[index][1]].sum())
