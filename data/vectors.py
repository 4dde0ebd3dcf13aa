"""Reads word vectors from a file."""

from pathlib import Path

import numpy as np

from data.errors import UserError


def vectors_from_file(path: str | Path, words: list[str], width: int):
    """Returns the vectors of those words that a file contains, `float32 [rows, width]`,
    and their indices in `words`, `[rows]`.

    Args:
        path: a file in word2vec's text format (a line with the number of words and
            their width, then one line per word: the word and its numbers, separated by
            spaces), or the folder of a word2vec run.
        words: wanted words in lower case. Case in the file is ignored; of several
            spellings, the first counts.
        width: numbers per word.

    Raises `UserError` for no such file, another format or width, or none of the words.
    """
    path = Path(path)
    path = path / "vectors.txt" if path.is_dir() else path
    index_of = {word: number for number, word in enumerate(words)}
    vectors = {}
    try:
        with path.open(encoding="utf-8") as lines:
            head = next(lines, "").split()
            if len(head) != 2 or head[1] != str(width):
                wanted = f"word2vec's text format with {width} numbers per word"
                found = " ".join(head)[:50]
                raise UserError(f"{path}: expected {wanted}, found {found!r}")
            for number, line in enumerate(lines, start=2):
                word, *numbers = line.rstrip().split(" ")
                index = index_of.get(word.lower())
                if index is None or index in vectors:
                    continue
                try:
                    vectors[index] = np.array(numbers, "float32")
                except ValueError:
                    numbers = []
                if len(numbers) != width:
                    wanted = f"expected a word and {width} numbers"
                    raise UserError(f"{path}, line {number}: {wanted}")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if not vectors:
        raise UserError(f"{path}: contains none of the {len(words)} words")
    return np.stack(list(vectors.values())), np.array(list(vectors))
