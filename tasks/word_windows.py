"""A text's words in blocks, as word2vec trains on them."""

import keras
import numpy as np

SPAN, MIN_SPAN = 8192, 1024  # words of the text that a batch is made of
STEPS = 64  # of a pass; where they would be fewer, a batch is made of less


class Blocks(keras.utils.PyDataset):
    """A text's words in blocks, frequent ones left out now and then.

    A word of share f in the text stays with probability sqrt(t / f) + t / f, at most 1
    (word2vec's code; the paper has the first term alone).

    Args:
        ids: `[words]`, may lie on disk.
        counts: how often each id occurs, `[vocab]`.
        centres: words of a block.
        window: words before and behind a block.
        subsample: t; 0: no word is left out.
        seed: of what is left out.

    A batch is `(ids [blocks, window + centres + window], nothing [blocks])`, made of
    `span` words of the text; 0 stands where there is none.
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
        # As many as there are but for one step of many thousands.
        most = min(expected + 5 * np.sqrt(expected), self.span, len(ids))
        self.blocks = -(-int(most) // self.centres)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draws anew what is left out."""
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
        """What distinguishes the compiled programs: nothing."""
        return self.blocks

    def tokens(self, index: int) -> int:
        """Words of the text that a batch is made of."""
        return min(self.span, len(self.ids) - index * self.span)
