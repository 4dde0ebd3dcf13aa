"""Word vectors by counting: a first guess for a network's embedding."""

import numpy as np


def vectors_from_counts(texts: list[np.ndarray], size: int, width: int) -> np.ndarray:
    """Word vectors `float32 [size, width]`, from which words stand together.

    Positive pointwise mutual information of words up to five apart, near ones counting
    more, then a truncated singular value decomposition (Levy, Goldberg & Dagan, 2015).

    Args:
        texts: ids `int32 [time]` of each; 0 and 1 (padding, unknown) count for nothing.
        size: ids lie below it.
        width: numbers a word.
    """
    from scipy.sparse import coo_matrix
    from sklearn.utils.extmath import randomized_svd

    shape, window = (size, size), 5
    gap = np.zeros(window, "int32")
    stream = np.concatenate([part for ids in texts for part in (ids, gap)])
    counts = coo_matrix(shape).tocsr()
    for distance in range(1, window + 1):
        left, right = stream[:-distance], stream[distance:]
        known = (left > 1) & (right > 1)
        share = np.full(known.sum(), 1 / distance)
        counts += coo_matrix((share, (left[known], right[known])), shape).tocsr()
    counts = (counts + counts.T).tocoo()
    if not counts.nnz:  # texts of one word: nothing stands together
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
    return vectors * (0.3 / max(vectors.std(), 1e-6))
