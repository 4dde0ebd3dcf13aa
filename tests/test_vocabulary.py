"""Texts as ids and back: examples by hand; Python and TensorFlow agree."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.vocabulary import END, START, UNKNOWN, Vocabulary

CHARACTERS = list(" abcde12好é,")
WORDS = ["the", ".", ",", "cat", "sat", "don't", "好", "é", "on", "a", "mat", "!"]
PIECES = [*WORDS, *"ctsmon", "##at", "##t", "##o", "##n", "##'", "x", "##x"]
VOCABULARIES = {
    "char": Vocabulary("char", CHARACTERS),
    "word": Vocabulary("word", WORDS),
    "subword": Vocabulary("subword", PIECES),
}
UNITS = list(VOCABULARIES)


def test_ids_of_characters_words_and_pieces():
    assert VOCABULARIES["char"].encode("aZ好") == [5, 1, 12]
    assert VOCABULARIES["word"].encode("The cat, zebra") == [4, 7, 6, 1]
    pieces = VOCABULARIES["subword"]
    names = [pieces.names[number] for number in pieces.encode("the ton xx 😀")]
    assert " ".join(names) == "the t ##o ##n x ##x <unk>"


def test_texts_of_ids():
    for unit, text in (
        ("char", "a é,1"),
        ("word", "don't, cat!"),
        ("subword", "cat o!"),
    ):
        vocabulary = VOCABULARIES[unit]
        ids = [START, *vocabulary.encode(text), END, END, 0]
        assert vocabulary.decode(ids) == text
    assert VOCABULARIES["subword"].decode([]) == ""


def test_tokens_are_the_most_frequent_ones():
    texts = ["the cat", "the mat", "a cat the"]
    assert Vocabulary.choose(texts, "word", 2) == ["the", "cat"]
    assert Vocabulary.choose(texts, "word", 9) == ["the", "cat"]  # at least twice each
    assert Vocabulary.choose(["bab", "ac"], "char", 9) == ["a", "b", "c"]
    layers = Path(__file__).parent.parent / "custom_layers"
    lines = [x for file in layers.glob("*.py") for x in file.read_text().splitlines()]
    pieces = Vocabulary.choose(lines, "subword", 300)
    assert {"the", "##s"} <= set(pieces)
    # Unseen words are cut into pieces if their letters are known.
    ids = Vocabulary("subword", pieces).encode("unstepping")
    assert UNKNOWN not in ids
    assert 1 < len(ids) < len("unstepping")


def test_another_unit_is_an_error():
    with pytest.raises(ValueError, match="unit='syllable'"):
        Vocabulary("syllable", ["a"])


@pytest.fixture(scope="module", params=UNITS)
def twins(request):
    """A vocabulary, and compiled versions of its `encode` and `decode`."""
    tf = pytest.importorskip("tensorflow")
    vocabulary = VOCABULARIES[request.param]
    table = vocabulary.table()
    encode = tf.function(
        lambda texts: vocabulary.encode_in_graph(texts, table),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    decode = tf.function(
        vocabulary.decode_in_graph,
        input_signature=[tf.TensorSpec([None, None], tf.int32)],
    )
    return vocabulary, encode, decode


TOKENS = st.sampled_from([*WORDS, *CHARACTERS, "cats", "tox", "x", "'", "Z", "\n"])
TEXTS = st.lists(TOKENS | st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(deadline=None, max_examples=150)
@given(rows=st.lists(TEXTS.map("".join), max_size=5))
def test_the_same_ids_in_tensorflow(twins, rows):
    import tensorflow as tf

    vocabulary, encode, _ = twins
    ids = encode(tf.constant(rows, tf.string, [len(rows)])).to_list()
    assert ids == [vocabulary.encode(text) for text in rows]


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_the_same_texts_in_tensorflow(twins, data):
    vocabulary, _, decode = twins
    time = data.draw(st.integers(0, 9))
    row = st.lists(st.integers(0, len(vocabulary) - 1), min_size=time, max_size=time)
    rows = data.draw(st.lists(row, max_size=3))
    rows = np.array(rows, "int32").reshape(len(rows), time)
    texts = [text.decode() for text in decode(rows).numpy()]
    assert texts == [vocabulary.decode(row) for row in rows]
