"""Splitting and joining words: examples by hand; Python and TensorFlow agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.texts import between_words
from tokens.words import join, join_in_graph, tokenize, tokenize_in_graph

# Texts in which punctuation, spaces and scripts often meet, and any others.
EDGES = " \n\t.,'-()[]“”‘!?:;%<>@_aAbÉσ1好的。，ไ\u00a0\u200b\u3000\ufe0f\0😀İ"
TEXTS = st.text(st.sampled_from(EDGES), max_size=30) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=60
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't miss it.", ["don't", "miss", "it", "."]),
        (
            "It’s (3.14 or 1,000), -x",
            ["it's", "(", "3.14", "or", "1,000", ")", ",", "-", "x"],
        ),
        (
            "‘Well-known’ e.g. it...",
            ["'", "well-known", "'", "e.g", ".", "it", ".", ".", "."],
        ),
        ("这部电影good。ไท", [*"这部电影", "good", *"。ไท"]),
        ("État_ŒUVRE ПРИВЕТ ΟΔΟΣ", ["état_œuvre", "привет", "οδοσ"]),
        ("a/b <unk> 😀!", ["a", "/", "b", "<", "unk", ">", "😀", "!"]),
        (" one\n\n two \t\0three\u00a0", ["one", "<eos>", "<eos>", "two", "three"]),
        ("", []),
    ],
)
def test_tokenize(text, words):
    assert tokenize(text) == words


def test_what_has_been_cut_stays_as_it_is():
    text = " mr. <unk> is N years old \n <unk> 's u.s. @-@ The \n"
    words = ["mr.", "<unk>", "is", "N", "years", "old", "<eos>"]
    words += ["<unk>", "'s", "u.s.", "@-@", "The", "<eos>"]
    assert tokenize(text, cut=True) == words
    assert tokenize(join(words, cut=True), cut=True) == words


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("Wait , what ? ( Yes ) !", " wait, what? (yes)!"),
        ("one. \n two", " one.\ntwo"),
        ("“ quoted ” text 50 %", " “quoted” text 50%"),
        ("电影 不 好 看 。 ok", "电影不好看。ok"),
        ("\n\n", "\n\n"),
        ("", ""),
    ],
)
def test_join(text, joined):
    assert join(tokenize(text)) == joined.removeprefix(" ")
    assert join(tokenize(text), prompt="so") == joined
    for prompt in ("so ", "so\n", "(", "好"):
        assert join(tokenize(text), prompt=prompt) == joined.removeprefix(" ")


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, prompt=TEXTS)
def test_words_survive_joining(text, prompt):
    words = tokenize(text)
    assert tokenize(join(words)) == words
    # The first joined word does not merge with the last word of the prompt.
    after = tokenize(prompt + join(words, prompt=prompt))
    assert after == tokenize(prompt) + words


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, prompt=TEXTS, cut=st.booleans())
def test_words_are_the_same_in_python_and_in_tensorflow(text, prompt, cut):
    import tensorflow as tf

    words = tokenize_in_graph(tf.constant([text.encode(), b"a"]), cut)
    assert [word.decode() for word in words[0].numpy()] == tokenize(text, cut)
    joined = join_in_graph(words, cut, tf.constant([prompt.encode(), b""]))
    assert joined[0].numpy().decode() == join(tokenize(text, cut), cut, prompt)


def test_a_text_in_pieces_is_the_text():
    class Part:
        def chunks(self):
            yield from ("the c", "at sat.\n", "no spa", "ces 3.", "14", "\nend")

    pieces = list(between_words(Part()))
    assert "".join(pieces) == "".join(Part().chunks())
    words = [word for piece in pieces for word in tokenize(piece)]
    assert words == tokenize("the cat sat.\nno spaces 3.14\nend")
