"""Music as tokens and back, and the text that describes a beginning."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tokens import notes
from tokens.notes import (
    ANY_KEY,
    END,
    HELD,
    KEYS,
    LOWEST,
    MAJOR,
    MINOR,
    NEXT,
    PADDING,
    STRUCK,
    VOCAB,
)

PIECES = arrays(
    "uint8", st.tuples(st.integers(0, 5), st.just(KEYS)), elements=st.integers(0, 2)
)


def test_a_piece_by_hand():
    piece = np.zeros((3, KEYS), "uint8")
    piece[0, [60 - LOWEST, 64 - LOWEST]] = 1
    piece[2, 60 - LOWEST] = 2
    ids = notes.encode(piece, MINOR + 9)
    names = notes.names()
    assert [names[i] for i in ids] == [
        "A minor",
        "E4",
        "C4",
        "|",
        "|",
        "(C4)",
        "|",
        "end",
    ]
    assert ids.tolist() == [25, 71, 67, 1, 1, 155, 1, 2]
    assert len(names) == VOCAB == 204
    assert (names[STRUCK], names[HELD - 1], names[HELD], names[-1]) == (
        "A0",
        "C8",
        "(A0)",
        "(C8)",
    )


@settings(max_examples=60, deadline=None)
@given(PIECES, st.integers(ANY_KEY, STRUCK - 1))
def test_pieces_come_back(piece, key):
    ids = notes.encode(piece, key)
    np.testing.assert_array_equal(notes.decode(ids), piece)
    np.testing.assert_array_equal(notes.decode(ids[1:]), piece)
    assert ids[0] == key and ids[-1] == END and (ids[1:-1] != PADDING).all()
    # An unfinished frame, and all after the piece's end, are dropped.
    cut = notes.decode([*ids[:-1], STRUCK + 3])
    np.testing.assert_array_equal(cut, piece)
    np.testing.assert_array_equal(notes.decode([*ids, STRUCK, NEXT]), piece)


@settings(max_examples=60, deadline=None)
@given(PIECES)
def test_each_piece_is_allowed_and_no_other_order(piece):
    allowed = notes.may_follow()
    ids = notes.encode(piece).astype(int)
    if len(piece):
        assert allowed[ids[:-1], ids[1:]].all()


def test_what_may_follow_what():
    allowed = notes.may_follow()
    assert allowed.any(axis=1).all()  # a softmax needs at least one
    high, low = STRUCK + 40, STRUCK + 39
    for upper in (high, high + KEYS):
        for lower in (low, low + KEYS):
            assert allowed[upper, lower] and not allowed[lower, upper]
        assert not allowed[upper, high] and not allowed[upper, high + KEYS]
        assert allowed[upper, NEXT] and not allowed[upper, END]
        assert (
            allowed[NEXT, upper] and allowed[MAJOR, upper] and not allowed[END, upper]
        )
    assert allowed[NEXT, NEXT] and allowed[NEXT, END]
    assert allowed[ANY_KEY, NEXT] and not allowed[ANY_KEY, END]
    assert np.flatnonzero(allowed[END]).tolist() == [END, *range(ANY_KEY, STRUCK)]
    assert not allowed[:, PADDING].any()
    assert not np.delete(allowed, END, axis=0)[:, ANY_KEY:STRUCK].any()


def test_transposed():
    piece = np.zeros((2, KEYS), "uint8")
    piece[0, [30, 40]], piece[1, 40] = 1, 2
    for steps in (-12, -5, 0, 1, 7):
        moved = notes.transpose(notes.encode(piece, MAJOR + 11), steps)
        np.testing.assert_array_equal(
            notes.decode(moved), np.roll(piece, steps, axis=1)
        )
        assert moved[0] == MAJOR + (11 + steps) % 12
        assert notes.transpose([MINOR], steps)[0] == MINOR + steps % 12
        if steps >= 0:  # a piano's lowest keys
            lowest = notes.transpose([STRUCK, HELD], steps) - steps
            assert lowest.tolist() == [STRUCK, HELD]
        assert notes.transpose([ANY_KEY, NEXT, END, PADDING], steps).tolist() == [
            3,
            1,
            2,
            0,
        ]


@pytest.mark.parametrize("tonic", range(12))
def test_the_key_of_scales(tonic):
    major, minor = [0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 11]
    for mode, scale, triad in ((MAJOR, major, [0, 4, 7]), (MINOR, minor, [0, 3, 7])):
        piece = np.zeros((len(scale) + 6, KEYS), "uint8")
        for frame, step in enumerate(scale):
            piece[frame, 39 + tonic + step] = 1
        piece[len(scale) :, [39 + tonic + step for step in triad]] = 1
        assert notes.key_of(piece) == mode + tonic


def test_silence_has_no_key():
    assert notes.key_of(np.zeros((4, KEYS), "uint8")) == ANY_KEY
    assert notes.key_of(np.zeros((0, KEYS), "uint8")) == ANY_KEY


@pytest.mark.parametrize(
    ("text", "key", "pitches"),
    [
        ("", ANY_KEY, []),
        ("C4", ANY_KEY, [60]),
        ("  c4  E4, g4 ", ANY_KEY, [60, 64, 67]),
        ("D minor", MINOR + 2, []),
        ("Bb major: F4 Gb4 f#4", MAJOR + 10, [65, 66, 66]),
        ("C-minor A0 C8", MINOR, [21, 108]),
        ("Cb4 B#3 Fb4 E#4", ANY_KEY, [59, 60, 64, 65]),
    ],
)
def test_beginnings(text, key, pitches):
    assert notes.beginning(text) == (key, [STRUCK + p - LOWEST for p in pitches])


@pytest.mark.parametrize(
    "text", ["H4", "C9", "A-1", "G#0 C", "C4 maj", "C4 D", "4", "(C4)"]
)
def test_what_is_no_beginning(text):
    with pytest.raises(ValueError, match="expected a key or notes"):
        notes.beginning(text)
    if text == "C4 D":
        with pytest.raises(ValueError, match=r"found d$"):
            notes.beginning(text)
