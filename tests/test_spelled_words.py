"""Words and letters as ids: by hand; Python and TensorFlow agree."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from custom_layers.saved_model import lookup_table
from tokens.spelled_words import FIRST, LETTERS, PADDING, UNKNOWN, SpelledWords

LONG = "Abcdefghijklmnopqrstuvwxyz"
SPELLED = SpelledWords(["the", "étui", "好"], [*"Théi好", *LONG[9:]])


def test_a_token_is_its_word_and_its_letters():
    ((the, dog, long),) = SPELLED.encode([["The", "dÉ", LONG]])
    assert the.tolist() == [FIRST, 2, 3, UNKNOWN] + [PADDING] * (LETTERS - 3)
    assert dog[0] == UNKNOWN and dog[3:].tolist() == [PADDING] * (LETTERS - 2)
    half = LETTERS // 2
    ends = LONG[:half] + LONG[-half:]
    assert long[1:].tolist() == [SPELLED.letter_id.get(x, UNKNOWN) for x in ends]
    assert SPELLED.encode([[], ["x"]])[0].shape == (0, 1 + LETTERS)


def test_choose_takes_frequent_words_and_letters_that_occur_twice():
    words, letters = SpelledWords.choose(["Ab", "ab", "AB", "c", "d"], 2)
    assert words == ["ab", "c"]
    assert letters == ["A", "b"]


TOKENS = st.lists(
    st.text(st.sampled_from("TheÉéui好😀ſ" + LONG), min_size=1, max_size=30)
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    min_size=1,
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(tokens=TOKENS)
def test_ids_are_the_same_in_python_and_in_tensorflow(tokens):
    import tensorflow as tf

    tables = [lookup_table(x, FIRST, UNKNOWN) for x in (SPELLED.words, SPELLED.letters)]
    ids = SPELLED.encode_in_graph(tf.constant([t.encode() for t in tokens]), tables)
    np.testing.assert_array_equal(ids, SPELLED.encode([tokens])[0])
