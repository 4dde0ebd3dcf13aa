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


class SmoothedCrossentropy(keras.losses.Loss):
    """Nats of the next token, of whose probability all tokens get a share.

    Label smoothing (Szegedy et al., 2016): against (1 - share) on the right token and
    share / vocab on each. Mean over the tokens of weight above 0.
    """

    def __init__(self, share, name="loss"):
        super().__init__(name=name, reduction="mean_with_sample_weight")
        self.share = share

    def call(self, y_true, y_pred):
        logits = ops.cast(y_pred, "float32")
        y_true = ops.cast(y_true, "int32")[..., None]  # Keras brings floats
        right = ops.take_along_axis(logits, y_true, axis=-1)[..., 0]
        wanted = (1 - self.share) * right + self.share * ops.mean(logits, axis=-1)
        return ops.logsumexp(logits, axis=-1) - wanted


def accuracy(y_true, y_pred):
    """1 where the right token has the largest logit, else 0: as Keras's accuracy, whose
    argmax takes a fifth of a step with 8,000 words on a CPU."""
    y_true = ops.cast(y_true, "int32")[..., None]
    right = ops.take_along_axis(y_pred, y_true, axis=-1)[..., 0]
    return ops.cast(right >= ops.max(y_pred, axis=-1), "float32")


def scores(written: list[str], targets: list[str], name: str) -> dict[str, float]:
    """How near texts are to the right ones: where most of these are one word, the share
    that is exactly equal; else BLEU (Papineni et al., 2002) and chrF (Popović, 2015) of
    the lower-cased texts, 0 to 100, as sacreBLEU defines them.

    Args:
        written, targets: texts.
        name: of the figures, `"test_{}"`.
    """
    if np.median([len(text.split()) for text in targets]) <= 1:
        same = [ours == theirs for ours, theirs in zip(written, targets, strict=True)]
        found = {"exact_match": float(np.mean(same))}
    else:
        import sacrebleu

        ours, theirs = ([text.lower() for text in side] for side in (written, targets))
        found = {
            "bleu_lowercase": sacrebleu.corpus_bleu(ours, [theirs]).score,
            "chrf_lowercase": sacrebleu.corpus_chrf(ours, [theirs]).score,
        }
    return {name.format(key): value for key, value in found.items()}


def most_similar(known: list[str], asked: list[str]) -> np.ndarray:
    """The row of the most similar text of `known`, `int32 [asked]`: what a translation
    memory looks up. Cosine of the tf-idf of characters, pairs and triples of them.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    rows = vectorizer.fit_transform(known).T.tocsc()
    asked = vectorizer.transform(asked)
    found = [
        np.asarray((asked[start : start + 64] @ rows).argmax(axis=1)).ravel()
        for start in range(0, asked.shape[0], 64)
    ]
    return np.concatenate(found).astype("int32")


def alignment_figure(items: list[tuple[list[str], list[str], np.ndarray]]) -> dict:
    """What a report draws of tokens of a source, those written, and `[written,
    source]` weights."""
    return {
        "kind": "alignment",
        "name": "alignment",
        "title": "What each token looked at",
        "items": [
            {"source": source, "written": written, "weights": weights.tolist()}
            for source, written, weights in items
        ],
    }
