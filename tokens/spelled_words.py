"""Words and their letters as ids: in Python, and in TensorFlow for exports.

A token becomes `1 + LETTERS` ids: that of its word, in lower case, and those of its
letters, as they are written. Of a longer token its beginning and its end count.
"""

from collections import Counter

import numpy as np

from .words import lower, lower_in_graph, most_frequent

PADDING, UNKNOWN = 0, 1  # the first two ids, of words and of letters
FIRST = 2  # id of the first word and of the first letter
LETTERS = 16  # ids for the letters of a token


class SpelledWords:
    """The known words and letters.

    Args:
        words: Distinct words in lower case; the first has the id `FIRST`.
        letters: Distinct characters; the first has the id `FIRST`.

    Example:
        >>> SpelledWords(["the", "cat"], "Ta").encode([["The", "dog"]])[0][:, :4]
        array([[2, 2, 1, 1], [1, 1, 1, 1]])
    """

    def __init__(self, words: list[str], letters: list[str]):
        self.words, self.letters = words, letters
        self.id_of = {word: number for number, word in enumerate(words, FIRST)}
        self.letter_id = {
            letter: number for number, letter in enumerate(letters, FIRST)
        }

    @staticmethod
    def choose(tokens: list[str], most: int) -> tuple[list[str], list[str]]:
        """The `most` frequent words, and the letters that occur at least twice."""
        words = most_frequent(Counter(map(lower, tokens)), most, least=1)
        letters = most_frequent(Counter("".join(tokens)), most, least=2)
        return words, letters

    def encode(self, sentences: list[list[str]]) -> list[np.ndarray]:
        """Ids `int32 [time, 1 + LETTERS]` of each sentence, a list of tokens."""
        known = {token: self._ids(token) for each in sentences for token in each}
        return [
            np.array([known[token] for token in each], "int32").reshape(-1, 1 + LETTERS)
            for each in sentences
        ]

    def _ids(self, token: str) -> list[int]:
        ends = token
        if len(token) > LETTERS:
            ends = token[: LETTERS // 2] + token[len(token) - LETTERS + LETTERS // 2 :]
        row = [self.letter_id.get(letter, UNKNOWN) for letter in ends]
        word = self.id_of.get(lower(token), UNKNOWN)
        return [word, *row, *[PADDING] * (LETTERS - len(row))]

    def encode_in_graph(self, tokens, tables):
        """`encode` in TensorFlow: strings `[tokens]` -> `int32 [tokens, 1 + LETTERS]`.

        `tables` are the lookup tables of the words and of the letters, which begin with
        the id `FIRST` and give `UNKNOWN` for everything else.
        """
        import tensorflow as tf

        words, letters = tables
        spelled = tf.strings.unicode_split(tokens, "UTF-8")  # [tokens, letters]
        place = tf.ragged.range(spelled.row_lengths()).with_row_splits_dtype(tf.int64)
        last = tf.expand_dims(spelled.row_lengths() - (LETTERS - LETTERS // 2), 1)
        ends = tf.ragged.boolean_mask(spelled, (place < LETTERS // 2) | (place >= last))
        ends = ends.with_values(letters.lookup(ends.values))
        ends = ends.to_tensor(PADDING, shape=[None, LETTERS])
        word = words.lookup(lower_in_graph(tokens))
        return tf.concat([word[:, None], ends], axis=1)
