"""Reads word vectors from a file."""

from pathlib import Path

import numpy as np

from data.errors import UserError


def vectors_from_file(path: str | Path, words: list[str], width: int):
    """Returns the vectors of those words that a file contains, `float32 [rows, width]`,
    and their indices in `words`, `[rows]`.

    Args:
        path: a text file with one line per word, the word and its numbers, separated by
            spaces, as of GloVe (nlp.stanford.edu/projects/glove). In word2vec's text
            format, as of fastText (fasttext.cc/docs/en/crawl-vectors.html), a line with
            the number of words and their width comes first. Or the folder of a word2vec
            run.
        words: wanted words in lower case. Case in the file is ignored; of several
            spellings, the first counts.
        width: numbers per word.

    Raises `UserError` for no such file, another format or width, a number that is not
    finite, or none of the words.
    """
    path = Path(path)
    path = path / "vectors.txt" if path.is_dir() else path
    index_of = {word: number for number, word in enumerate(words)}
    vectors = {}
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                parts = line.rstrip().rsplit(" ", width)  # a word may contain spaces
                if number == 1:
                    head = line.split()
                    has_header = len(head) == 2 and all(map(str.isdecimal, head))
                    if int(head[1]) != width if has_header else len(parts) <= width:
                        wanted = f"expected vectors with {width} numbers per word"
                        found = line.rstrip()[:50]
                        raise UserError(f"{path}: {wanted}, found {found!r}")
                    if has_header:
                        continue
                index = index_of.get(parts[0].lower())
                if index is None or index in vectors:
                    continue
                try:
                    vector = np.array(parts[1:], "float32")
                except ValueError:
                    vector = np.zeros(0, "float32")
                if len(vector) != width or not np.isfinite(vector).all():
                    wanted = f"expected a word and {width} finite numbers"
                    raise UserError(f"{path}, line {number}: {wanted}")
                vectors[index] = vector
            if not vectors:
                raise UserError(f"{path}: contains none of the {len(words)} words")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return np.stack(list(vectors.values())), np.array(list(vectors))
