"""Word vectors from counts of words that occur together."""

from collections.abc import Iterable, Iterator

import numpy as np

TOGETHER = 1 << 20  # ids counted at a time


def vectors_from_counts(
    texts: Iterable[np.ndarray],
    size: int,
    width: int,
    window: int = 5,
    first: int = 2,
) -> np.ndarray:
    """Returns word vectors `float32 [size, width]` from co-occurrence counts.

    The positive pointwise mutual information of words up to `window` apart, weighted by
    the inverse of their distance, is reduced by a truncated singular value
    decomposition (Levy, Goldberg and Dagan, 2015).

    Args:
        texts: ids `[time]` of each text.
        size: number of ids.
        width: numbers per word.
        window: maximum distance of two words.
        first: ids below it (padding, unknown words) are ignored.
    """
    from scipy.sparse import coo_matrix, csr_matrix
    from sklearn.utils.extmath import randomized_svd

    shape = (size, size)
    counts = csr_matrix(shape)
    for stream in _streams(texts, window):
        for distance in range(1, window + 1):
            left, right = stream[:-distance], stream[distance:]
            known = (left >= first) & (right >= first)
            share = np.full(known.sum(), 1 / distance)
            pairs = (left[known], right[known])
            counts += coo_matrix((share, pairs), shape).tocsr()
    counts = (counts + counts.T).tocoo()
    if not counts.nnz:  # no two words occur together
        return np.zeros((size, width), "float32")
    of_word = np.asarray(counts.sum(axis=1)).ravel()
    of_context = of_word**0.75 / (of_word**0.75).sum()  # less weight to rare contexts
    pmi = np.log(counts.data / (of_word[counts.row] * of_context[counts.col]))
    kept = pmi > 0
    ppmi = coo_matrix((pmi[kept], (counts.row[kept], counts.col[kept])), shape).tocsr()
    left, strength, _ = randomized_svd(
        ppmi, min(width, size - 1), n_iter=4, random_state=0
    )
    vectors = np.zeros((size, width), "float32")
    vectors[:, : len(strength)] = left * np.sqrt(strength)
    return vectors


def _streams(texts: Iterable[np.ndarray], window: int) -> Iterator[np.ndarray]:
    """Yields the concatenated texts, separated by zeros, in long pieces."""
    gap, parts, length = np.zeros(window, "int32"), [], 0
    for ids in texts:
        parts += [np.asarray(ids, "int32"), gap]
        length += len(ids) + window
        if length >= TOGETHER:
            yield np.concatenate(parts)
            parts, length = [], 0
    if parts:
        yield np.concatenate(parts)
