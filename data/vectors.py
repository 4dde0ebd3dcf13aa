"""First word vectors: of a file, or by counting which words stand together."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from data.tables import UserError

TOGETHER = 1 << 20  # ids that are counted at a time


def vectors_from_counts(
    texts: Iterable[np.ndarray],
    size: int,
    width: int,
    window: int = 5,
    first: int = 2,
) -> np.ndarray:
    """Word vectors `float32 [size, width]`, from which words stand together.

    Positive pointwise mutual information of words up to `window` apart, near ones
    counting more, then a truncated singular value decomposition (Levy, Goldberg and
    Dagan, 2015).

    Args:
        texts: ids `[time]` of each.
        size: ids lie below it.
        width: numbers a word.
        window: places.
        first: ids below it (padding, unknown) count for nothing.
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
    return _scaled(vectors)


def vectors_from_file(path: str | Path, words: list[str], width: int):
    """Vectors of words that a file has, `float32 [found, width]`, and where in `words`
    they stand, `[found]`.

    Args:
        path: a file in word2vec's text form (a line with two numbers, then a word and
            its numbers a line, with spaces between), or the folder of a word2vec run.
        words: those that are wanted, in lower case; a file's word counts in any case,
            its first occurrence.
        width: numbers a word.

    Raises `UserError`: no such file, another form or width, none of the words.
    """
    path = Path(path)
    path = path / "vectors.txt" if path.is_dir() else path
    place = {word: number for number, word in enumerate(words)}
    found = {}
    try:
        with path.open(encoding="utf-8") as lines:
            head = next(lines, "").split()
            if len(head) != 2 or head[1] != str(width):
                wanted = f"expected word2vec's text form with {width} numbers a word"
                raise UserError(f"{path}: {wanted}, found {' '.join(head)[:50]!r}")
            for number, line in enumerate(lines, start=2):
                word, *numbers = line.rstrip().split(" ")
                if (at := place.get(word.lower())) is None or at in found:
                    continue
                try:
                    found[at] = np.array(numbers, "float32")
                except ValueError:
                    numbers = []
                if len(numbers) != width:
                    wanted = f"expected a word and {width} numbers"
                    raise UserError(f"{path}, line {number}: {wanted}")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if not found:
        raise UserError(f"{path}: none of the {len(words)} words has a vector there")
    return _scaled(np.stack(list(found.values()))), np.array(list(found))


def _scaled(vectors: np.ndarray) -> np.ndarray:
    """As a network's first layer wants them: of deviation 0.3."""
    return vectors * (0.3 / max(vectors.std(), 1e-6))


def _streams(texts: Iterable[np.ndarray], window: int) -> Iterator[np.ndarray]:
    """The texts one after the other, with zeros between them, in long pieces."""
    gap, parts, length = np.zeros(window, "int32"), [], 0
    for ids in texts:
        parts += [np.asarray(ids, "int32"), gap]
        length += len(ids) + window
        if length >= TOGETHER:
            yield np.concatenate(parts)
            parts, length = [], 0
    if parts:
        yield np.concatenate(parts)
