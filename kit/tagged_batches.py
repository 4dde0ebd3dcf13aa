"""Batches of sentences with a label for every token."""

import numpy as np

from kit.batches import Batches

UNLABELLED = -1  # of padding, and of tokens that are neither trained nor counted


class TaggedBatches(Batches):
    """Sentences in batches of few lengths, with a label for every token.

    Args:
        sentences: List of `int32 [time, features]`: per token the id of its word, and
            further ids, such as those of its letters.
        labels: List of `int32 [time]`; `UNLABELLED` where there is none.
        batch_size, buckets, seed: As for `Batches`.
        hidden: Per word id, the probability `float [words]` with which training hides
            the word; `None` hides nothing.
        unknown: Id of a hidden word.

    A batch is `(ids [batch, time, features], labels [batch, time], weights [batch,
    time])`, with weight 1 at labelled tokens and 0 elsewhere.
    """

    def __init__(
        self, sentences, labels, batch_size, buckets, seed=None, hidden=None, unknown=1
    ):
        self.tags, self.hidden, self.unknown = labels, hidden, unknown
        self.epoch = 0
        super().__init__(sentences, np.zeros(len(labels)), batch_size, buckets, seed)

    def set_epoch(self, epoch: int) -> None:
        """Puts the batches in this epoch's order, and hides other words."""
        super().set_epoch(epoch)
        self.epoch = epoch

    def __getitem__(self, index):
        bucket, rows = self.batches[index]
        shape = self.batch_size, self.buckets[bucket]
        ids = np.zeros((*shape, self.sequences[0].shape[1]), "int32")
        labels = np.full(shape, UNLABELLED, "int32")
        for place, row in enumerate(rows):
            ids[place, : self.lengths[row]] = self.sequences[row]
            labels[place, : self.lengths[row]] = self.tags[row]
        if self.hidden is not None:
            random = np.random.default_rng([self.seed or 0, self.epoch, index])
            words = ids[:, :, 0]
            words[random.random(shape) < self.hidden[words]] = self.unknown
        return ids, labels, (labels != UNLABELLED).astype("float32")
