"""Splitting sentences for taggers: examples by hand; Python and TensorFlow agree."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_words import EDGES
from tokens.cased_words import tokenize, tokenize_in_graph
from tokens.words import APOSTROPHE, SPACE

PIECES = ["n't", "'s", "'LL", "'re", "http://", "https://a.b/c?d=e", "@", "#", "ſ", "K"]
TEXTS = st.lists(st.sampled_from([*EDGES, *PIECES]), max_size=20).map(
    "".join
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't call Dr. O'Neill!", ["Do", "n't", "call", "Dr", ".", "O'Neill", "!"]),
        (
            "It’s Anna's; WE'LL can't",
            ["It", "'s", "Anna", "'s", ";", "WE", "'LL", "ca", "n't"],
        ),
        ("U.S. 3.14 1,000 well-known", ["U.S", ".", "3.14", "1,000", "well-known"]),
        ("@user #tag a@b.org (x)", ["@user", "#tag", "a@b.org", "(", "x", ")"]),
        ("see https://x.org/a?b=1 now", ["see", "https://x.org/a?b=1", "now"]),
        ("我在Paris。ไท", ["我", "在", "Paris", "。", "ไ", "ท"]),
        ("l'homme 's 'tis", ["l'homme", "'", "s", "'", "tis"]),
        (" one\n\ttwo\u00a0\0", ["one", "two"]),
        ("", []),
    ],
)
def test_tokenize(text, words):
    assert tokenize(text) == words


@settings(max_examples=400, deadline=None)
@given(text=TEXTS)
def test_words_are_the_same_in_python_and_in_tensorflow(text):
    import tensorflow as tf

    words = tokenize_in_graph(tf.constant([text.encode()])).to_list()[0]
    assert [word.decode() for word in words] == tokenize(text)


@given(text=TEXTS)
def test_no_character_but_spaces_is_lost(text):
    kept = re.sub(f"[{SPACE}\n]", "", re.sub(APOSTROPHE, "'", text))
    assert "".join(tokenize(text)) == kept
