"""Pairs of sequences in batches: what recipes share that turn one into another."""

import keras
import numpy as np
from keras import ops

from kit.resume import Batches, bucket_lengths


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
        self.buckets = bucket_lengths(sizes.max(axis=1))
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


class SmoothedCrossentropy(keras.losses.Loss):
    """Nats of the next token, of whose probability all tokens get a share.

    Label smoothing (Szegedy et al., 2016): against (1 - share) on the right token and
    share / vocab on each. Mean over the tokens of weight above 0.
    """

    def __init__(self, share, name="loss"):
        super().__init__(name=name, reduction="mean_with_sample_weight")
        self.share = share

    def call(self, y_true, y_pred):
        log_p = ops.log_softmax(ops.cast(y_pred, "float32"), axis=-1)
        right = ops.take_along_axis(log_p, y_true[..., None], axis=-1)[..., 0]
        return -(1 - self.share) * right - self.share * ops.mean(log_p, axis=-1)
