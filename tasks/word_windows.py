"""Blocks of consecutive words, on which word2vec trains."""

import numpy as np

from kit.batches import EpochDataset

SPAN, MIN_SPAN = 8192, 1024  # words of the text per batch, at most and at least
STEPS = 64  # per pass, at least, unless this makes batches smaller than MIN_SPAN


class Blocks(EpochDataset):
    """The words of a text in blocks, without some of the frequent words.

    A word whose share of the text is f stays with probability sqrt(t / f) + t / f, at
    most 1 (as in word2vec's code; the paper has only the first term).

    Args:
        ids: `[words]`, may be mapped from disk.
        counts: how often each id occurs, `[vocab]`.
        centres: words per block.
        window: words of context before and after a block.
        subsample: t; 0: all words stay.
        seed: draws which words stay.

    A batch is `(ids [blocks, window + centres + window], zeros [blocks])`, made of
    `span` words of the text and padded with 0. The zeros are targets that are not used.
    """

    def __init__(self, ids, counts, centres: int, window: int, subsample, seed: int):
        super().__init__()
        self.ids, self.centres, self.window, self.seed = ids, centres, window, seed
        self.span = int(np.clip(len(ids) // STEPS, MIN_SPAN, SPAN))
        ratio = subsample * counts.sum() / np.maximum(counts, 1)
        self.kept = np.minimum(np.sqrt(ratio) + ratio, 1).astype("float32")
        if not subsample:
            self.kept[:] = 1
        expected = self.span * (self.kept * counts).sum() / counts.sum()
        # Rarely exceeded, in one of many thousand steps: five standard deviations.
        count = min(expected + 5 * np.sqrt(expected), self.span, len(ids))
        self.blocks = -(-int(count) // self.centres)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draws anew which words stay."""
        self.epoch = epoch

    def __len__(self):
        return -(-len(self.ids) // self.span)

    def __getitem__(self, index):
        random = np.random.default_rng([self.seed, self.epoch, index])
        read = self.ids[index * self.span : (index + 1) * self.span]
        stays = random.random(len(read), "float32") < self.kept[read]
        read = read[stays][: self.blocks * self.centres]
        line = np.zeros(self.blocks * self.centres + 2 * self.window, "int32")
        line[self.window : self.window + len(read)] = read
        width = self.centres + 2 * self.window
        rows = np.lib.stride_tricks.sliding_window_view(line, width)[:: self.centres]
        return np.array(rows), np.zeros(self.blocks, "float32")

    def shape(self, index: int) -> int:
        """The number of blocks, which is the same for all batches."""
        return self.blocks

    def tokens(self, index: int) -> int:
        """The number of words of the text that a batch is made of."""
        return min(self.span, len(self.ids) - index * self.span)
