"""Subword pieces: examples by hand; Python, TensorFlow and keras-nlp agree."""

import functools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.pieces import INSIDE, cut_word, cut_words_in_graph, join_pieces

PIECES = [
    "a",
    "b",
    "ab",
    "abc",
    "##a",
    "##b",
    "##ca",
    "##bca",
    "é",
    "##é",
    "好",
    "##好",
]
PIECES += ["##c", "cab", "'", "##'", "##😀"]
IDS = {piece: number for number, piece in enumerate(PIECES, start=2)}
UNKNOWN = 1


@functools.cache
def graph():
    """Returns a TensorFlow function that cuts words, and the table that it uses."""
    import tensorflow as tf

    pairs = tf.lookup.KeyValueTensorInitializer(
        PIECES, list(IDS.values()), tf.string, tf.int32
    )
    table = tf.lookup.StaticHashTable(pairs, UNKNOWN)
    longest = max(len(piece.removeprefix(INSIDE)) for piece in PIECES)
    cut = tf.function(
        lambda words: cut_words_in_graph(words, table, UNKNOWN, longest),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    return cut, table


def in_graph(words):
    import tensorflow as tf

    cut, _ = graph()
    return cut(tf.constant(words, tf.string, [len(words)])).to_list()


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("ab", ["ab"]),
        ("abca", ["abc", "##a"]),  # the longest first, though "a ##bca" is shorter
        ("bab", ["b", "##a", "##b"]),
        ("cb", None),  # "c" begins no word
        ("好é😀", ["好", "##é", "##😀"]),
        ("a" * 101, None),
        ("a" * 100, ["a"] + ["##a"] * 99),
    ],
)
def test_the_longest_piece_from_the_left(word, pieces):
    expected = pieces and [IDS[piece] for piece in pieces]
    assert cut_word(word, IDS) == expected
    assert in_graph([word]) == [expected or [UNKNOWN]]
    assert not pieces or join_pieces(pieces) == [word]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("abcé好'😀x", min_size=1, max_size=12), max_size=8))
def test_the_same_in_tensorflow(words):
    assert in_graph(words) == [cut_word(word, IDS) or [UNKNOWN] for word in words]


def test_the_same_as_keras_nlp():
    keras_nlp = pytest.importorskip("keras_nlp")
    names = ["[PAD]", "[UNK]", *PIECES]
    rng = random.Random(0)
    words = ["".join(rng.choices("abcé好", k=rng.randint(1, 9))) for _ in range(10_000)]
    tokenizer = keras_nlp.tokenizers.WordPieceTokenizer(
        names, split_on_cjk=False, oov_token="[UNK]"
    )
    expected = tokenizer(words)
    assert [cut_word(word, IDS) or [UNKNOWN] for word in words] == expected
    assert in_graph(words) == expected
