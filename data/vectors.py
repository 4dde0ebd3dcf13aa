"""Reads word vectors from a file."""

from pathlib import Path

import numpy as np

from data.errors import UserError


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
    return np.stack(list(found.values())), np.array(list(found))
