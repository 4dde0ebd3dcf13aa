"""Texts as ids and back, by characters, words or pieces of words: in Python, and in
TensorFlow for exports."""

from collections import Counter
from statistics import median

from .pieces import (
    INSIDE,
    choose_pieces,
    cut_words,
    cut_words_in_graph,
    join_pieces,
)
from .words import join, join_in_graph, most_frequent, tokenize, tokenize_in_graph

PADDING, UNKNOWN, START, END = 0, 1, 2, 3  # the first ids
SPECIAL = ("", "<unk>", "", "")  # their text
FIRST = len(SPECIAL)  # id of the first token
UNITS = ("char", "word", "subword")


def choose_unit(texts: list[str]) -> str:
    """Returns "char" if most texts are a single word, else "word"."""
    return "char" if median(len(text.split()) for text in texts) <= 1 else "word"


class Vocabulary:
    """Tokens of a text and their ids.

    Args:
        unit: "char"; "word", see `words`; or "subword", see `pieces`.
        tokens: Distinct tokens, none of them empty; the first has the id `FIRST`.

    Raises:
        ValueError: If `unit` is none of these.

    Example:
        >>> vocabulary = Vocabulary("word", ["the", "cat"])
        >>> vocabulary.encode("The black cat")
        [4, 1, 5]
        >>> vocabulary.decode([5, 4, 3, 3])
        "cat the"
    """

    def __init__(self, unit: str, tokens: list[str]):
        if unit not in UNITS:
            raise ValueError(
                f"Argument `unit` must be one of {UNITS}. Received: unit={unit!r}"
            )
        self.unit = unit
        self.names = [*SPECIAL, *tokens]
        self.id_of = {token: number for number, token in enumerate(tokens, FIRST)}

    @staticmethod
    def choose(texts: list[str], unit: str, most: int) -> list[str]:
        """Returns the most frequent tokens of texts, at most `most` (for pieces, about
        as many); only words that occur at least twice."""
        if unit == "subword":
            words = [word for text in texts for word in tokenize(text)]
            return choose_pieces(words, most)
        counts = Counter()
        for text in texts:
            counts.update(text if unit == "char" else tokenize(text))
        return most_frequent(counts, most, least=1 if unit == "char" else 2)

    def __len__(self) -> int:
        return len(self.names)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text; `UNKNOWN` for tokens not in the vocabulary."""
        if self.unit == "subword":
            return cut_words(tokenize(text), self.id_of, UNKNOWN)
        tokens = text if self.unit == "char" else tokenize(text)
        return [self.id_of.get(token, UNKNOWN) for token in tokens]

    def decode(self, ids) -> str:
        """Returns the text of ids; padding, start and end are left out."""
        tokens = [self.names[number] for number in ids if self.names[number]]
        if self.unit == "char":
            return "".join(tokens)
        return join(join_pieces(tokens) if self.unit == "subword" else tokens)

    def table(self):
        """Returns the TensorFlow lookup table of `encode_in_graph`, to be kept as an
        attribute of the exported object."""
        import tensorflow as tf

        ids = tf.range(FIRST, len(self))
        pairs = tf.lookup.KeyValueTensorInitializer(self.names[FIRST:], ids, tf.string)
        return tf.lookup.StaticHashTable(pairs, UNKNOWN)

    def encode_in_graph(self, texts, table):
        """`encode` in TensorFlow: strings `[batch]` -> ragged int32 `[batch, time]`."""
        import tensorflow as tf

        if self.unit == "char":
            tokens = tf.strings.unicode_split(texts, "UTF-8")
        else:
            tokens = tokenize_in_graph(texts)
        if self.unit != "subword":
            return tokens.with_values(table.lookup(tokens.values))
        longest = max(len(name.removeprefix(INSIDE)) for name in self.names)
        pieces = cut_words_in_graph(tokens.values, table, UNKNOWN, longest)
        return tokens.with_values(pieces).merge_dims(1, 2)

    def decode_in_graph(self, ids):
        """`decode` in TensorFlow: int32 `[batch, time]` -> strings `[batch]`."""
        import tensorflow as tf

        tokens = tf.gather(tf.constant(self.names), ids)
        if self.unit == "char":
            return tf.strings.reduce_join(tokens, axis=1)
        words = tf.ragged.boolean_mask(tokens, tokens != "")
        if self.unit == "subword":
            text = tf.strings.reduce_join(words, axis=1, separator=" ")
            text = tf.strings.regex_replace(text, f" {INSIDE}", "")
            words = tf.strings.split(text, " ")
            words = tf.ragged.boolean_mask(words, words != "")
        return join_in_graph(words)
