"""An n-gram language model, the baseline for recurrent ones."""

from dataclasses import dataclass

import numpy as np

CHUNK = 1 << 20  # tokens processed at a time


@dataclass(frozen=True)
class Level:
    """The n-grams of one length. Context c is the shorter n-gram with rank c."""

    keys: np.ndarray  # int64 [grams], sorted: rank of the context x vocab + last token
    starts: np.ndarray  # int64 [contexts + 1]: where each context's grams begin
    kept: np.ndarray  # float64 [grams]: probability after the discount
    backoff: np.ndarray  # float64 [contexts]: weight of the shorter context


class NGram:
    """An n-gram model with interpolated Kneser-Ney smoothing.

    Kneser and Ney, Improved backing-off for M-gram language modeling, 1995,
    interpolated as in Chen and Goodman, An empirical study of smoothing techniques for
    language modeling, 1999. For a token w after a context h, and h' = h without its
    first token,

        P(w | h) = max(c(hw) - D, 0) / c(h) + backoff(h) P(w | h')
        backoff(h) = D |{w: c(hw) > 0}| / c(h)        c(h) = sum over w of c(hw)

    down to 1 / vocab below the empty context, and P(w | h) = P(w | h') where c(h) = 0.
    c counts the occurrences of the longest n-grams, and of shorter ones the different
    tokens that precede them. Each length has its own discount, computed from the
    numbers n1, n2, ... of n-grams with c = 1, 2, ...: D = n1 / (n1 + 2 n2). With
    `modified`, there are three (Chen and Goodman), for c = 1, for c = 2 and for more:

        D1 = 1 - 2 D n2 / n1        D2 = 2 - 3 D n3 / n2        D3 = 3 - 4 D n4 / n3

    All probabilities are above 0, and they sum to 1.

    Args:
        ids: Training text, integers `[time]`, at least one token.
        vocab: Number of ids.
        order: Tokens of the longest n-grams.
        modified: Whether to use three discounts instead of one.

    Raises `ValueError` for ids that are not a row of integers from 0 to below `vocab`.
    """

    def __init__(self, ids: np.ndarray, vocab: int, order: int, modified: bool = False):
        ids = _checked(ids, vocab)
        if order < 1:
            raise ValueError(f"Argument `order` must be positive. Received: {order}")
        self.vocab = vocab
        self.levels: list[Level] = []
        # N-grams are numbered by rank, as vocab**order may exceed 64 bits.
        contexts = np.zeros(len(ids), np.int64)  # rank of the gram before each token
        shorter = None  # rank of the gram that ends there and is one token shorter
        keys, suffixes, times = [], [], []
        for length in range(1, min(order, len(ids)) + 1):
            gram, first, ranks, count = np.unique(
                contexts * vocab + ids[length - 1 :],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            keys.append(gram)
            times.append(count)
            suffixes.append(None if shorter is None else shorter[first])
            contexts, shorter = ranks[:-1], ranks[1:]
        sizes = [1, *map(len, keys)]
        for length, gram in enumerate(keys):
            if length + 1 < len(keys):
                count = np.bincount(suffixes[length + 1], minlength=len(gram))
            else:
                count = times[length]
            self.levels.append(_level(gram, count, sizes[length], vocab, modified))

    def log_probabilities(self, ids: np.ndarray) -> np.ndarray:
        """Returns log p of each token after those before it, in nats, `float64 [time]`.

        The first tokens have shorter contexts.
        """
        ids = _checked(ids, self.vocab)
        share = np.full(len(ids), 1 / self.vocab)
        contexts = np.zeros(len(ids), np.int64)  # -1: unseen
        for length, level in enumerate(self.levels):
            if length >= len(ids):
                break
            tail = share[length:]  # a view; earlier tokens lack this context
            known = contexts >= 0
            tail[known] *= level.backoff[contexts[known]]
            keys = np.where(known, contexts * self.vocab + ids[length:], -1)
            ranks = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            is_known = level.keys[ranks] == keys
            tail[is_known] += level.kept[ranks[is_known]]
            contexts = np.where(is_known, ranks, -1)[:-1]
        return np.log(share)

    def nats(self, ids: np.ndarray) -> float:
        """Mean of `-log_probabilities` over `ids`, which may be mapped from disk."""
        before, total = len(self.levels) - 1, 0.0
        for start in range(0, max(len(ids), 1), CHUNK):
            first = max(0, start - before)  # the context of the chunk's first tokens
            values = self.log_probabilities(ids[first : start + CHUNK])
            total -= values[start - first :].sum()
        return float(total / len(ids))

    def probabilities(self, context: np.ndarray) -> np.ndarray:
        """Probabilities `float64 [vocab]` of the next token after ids `[time]`."""
        return self._next(self._ranks(context))

    def generate(
        self, first: np.ndarray, length: int, seed: int, temperature: float = 1.0
    ) -> np.ndarray:
        """Draws the `length` tokens after those in `first`: `int32 [length]`, with
        probabilities proportional to p ** (1 / temperature)."""
        draws = np.random.default_rng(seed).random(length)
        ranks = self._ranks(first)
        made = np.empty(length, np.int32)
        for place, draw in enumerate(draws):
            total = np.cumsum(self._next(ranks) ** (1 / temperature))
            token = int(np.searchsorted(total, draw * total[-1], side="right"))
            made[place] = token
            ranks = self._after(ranks, token)
        return made

    def _ranks(self, context: np.ndarray) -> list[int]:
        """Ranks of the last 0, 1, ... tokens as n-grams, as far as they are known."""
        ranks = [0]
        ids = _checked(context, self.vocab) if len(context) else np.array(context)
        for token in ids[-len(self.levels) :].tolist():
            ranks = self._after(ranks, token)
        return ranks

    def _after(self, ranks: list[int], token: int) -> list[int]:
        after = [0]
        for rank, level in zip(ranks, self.levels[:-1], strict=False):
            key = rank * self.vocab + token
            place = int(np.searchsorted(level.keys, key))
            if place == len(level.keys) or level.keys[place] != key:
                break  # then longer grams with this end are unknown too
            after.append(place)
        return after

    def _next(self, ranks: list[int]) -> np.ndarray:
        share = np.full(self.vocab, 1 / self.vocab)
        for rank, level in zip(ranks, self.levels, strict=False):
            start, end = level.starts[rank : rank + 2]
            share *= level.backoff[rank]
            share[level.keys[start:end] - rank * self.vocab] += level.kept[start:end]
        return share


def unigram_nats(train: np.ndarray, test: np.ndarray, vocab: int) -> float:
    """Mean nats per token of `test` under the token frequencies in `train`, with one
    added to each count (Laplace); both are integers `[time]` below `vocab`."""
    in_train, in_test = (_counts(ids, vocab) for ids in (train, test))
    share = (in_train + 1) / (in_train + 1).sum()
    return float(-(in_test * np.log(share)).sum() / in_test.sum())


def _counts(ids: np.ndarray, vocab: int) -> np.ndarray:
    """How often each token occurs in `ids`: `int64 [vocab]`."""
    chunks = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
    return sum(np.bincount(_checked(chunk, vocab), minlength=vocab) for chunk in chunks)


def _level(
    keys: np.ndarray, count: np.ndarray, contexts: int, vocab: int, modified: bool
) -> Level:
    starts = np.searchsorted(keys, np.arange(contexts + 1) * vocab)
    context = keys // vocab
    discount = _discounts(count, modified)[np.minimum(count, 3)]
    total = np.bincount(context, count, contexts)
    taken = np.bincount(context, discount, contexts)
    # A gram that occurs only at the beginning of the text has no token before it, one
    # that occurs only at the end has none after it: c can be 0 for both.
    seen = total > 0
    backoff = np.divide(taken, total, out=np.ones(contexts), where=seen)
    kept = np.zeros(len(keys))
    np.divide(count - discount, total[context], out=kept, where=seen[context])
    return Level(keys, starts, kept, backoff)


def _discounts(count: np.ndarray, modified: bool) -> np.ndarray:
    """The discounts of counts of 0, 1, 2, and 3 or more: `float64 [4]`."""
    n1, n2, n3, n4 = (int((count == times).sum()) for times in (1, 2, 3, 4))
    # Without grams that occur once or twice there is no estimate.
    single = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
    if modified and n1 and n2 and n3 and n4:
        several = [
            1 - 2 * single * n2 / n1,
            2 - 3 * single * n3 / n2,
            3 - 4 * single * n4 / n3,
        ]
        if all(0 < value <= times for times, value in enumerate(several, 1)):
            return np.array([0, *several])
    return np.array([0, single, single, single])


def _checked(ids: np.ndarray, vocab: int) -> np.ndarray:
    ids = np.asarray(ids)
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer) or not len(ids):
        found = f"shape {ids.shape}, {ids.dtype}"
        raise ValueError(f"`ids` must be integers [time], 1 or more. Received: {found}")
    if ids.min() < 0 or ids.max() >= vocab:
        found = f"{ids.min()} to {ids.max()}"
        raise ValueError(f"`ids` must lie in 0 ... {vocab - 1}. Received: {found}")
    return ids.astype(np.int64)
