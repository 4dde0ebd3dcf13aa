"""Characters to ids and back, with the same results in Python and in TensorFlow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.characters import (
    FIRST,
    PADDING,
    UNKNOWN,
    decode,
    decode_in_graph,
    encode,
    encode_in_graph,
)

VOCABULARIES = {
    "letters": "\n abcdefghij(){}好的é😀",
    # Control characters, a byte-order mark, noncharacters, both sides of the
    # surrogates, the last code point.
    "edges": "a\0\r\x7f\u0301\ud7ff\ue000\ufeff\ufffd\uffff\U0001f1e6\U0010ffff",
}
ANY = st.characters(exclude_categories=["Cs"])
KNOWN = st.sampled_from("".join(VOCABULARIES.values()))
TEXTS = st.text(KNOWN | ANY, max_size=40)


@settings(deadline=None, max_examples=300)
@given(characters=st.lists(ANY, min_size=1, max_size=20, unique=True), text=TEXTS)
def test_each_known_character_has_an_id_and_the_rest_share_one(characters, text):
    characters = "".join(characters)
    text += characters  # so that some are known
    ids = encode(text, characters)
    assert ids.dtype == "uint16"
    assert PADDING not in ids
    indices = [characters.find(character) for character in text]
    assert ids.tolist() == [FIRST + i if i >= 0 else UNKNOWN for i in indices]
    known = [c if c in characters else "\ufffd" for c in text]
    assert decode(ids, characters) == "".join(known)


@pytest.fixture(scope="module", params=list(VOCABULARIES))
def twins(request):
    """A vocabulary, and the TensorFlow functions that equal `encode` and `decode`."""
    tf = pytest.importorskip("tensorflow")
    characters = VOCABULARIES[request.param]
    encode_twin = tf.function(
        lambda texts: encode_in_graph(texts, characters),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    decode_twin = tf.function(
        lambda ids: decode_in_graph(ids, characters),
        input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)],
    )
    return characters, encode_twin, decode_twin


@settings(deadline=None, max_examples=300)
@given(rows=st.lists(TEXTS, max_size=5))
def test_the_same_ids_in_tensorflow(twins, rows):
    import tensorflow as tf

    characters, encode_twin, _ = twins
    ids = encode_twin(tf.constant(rows, tf.string, [len(rows)]))
    assert ids.dtype == tf.int32
    assert ids.to_list() == [encode(text, characters).tolist() for text in rows]


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_the_same_texts_in_tensorflow(twins, data):
    import tensorflow as tf

    characters, _, decode_twin = twins
    ids = st.integers(PADDING, FIRST + len(characters) - 1)
    rows = data.draw(st.lists(st.lists(ids, max_size=20), max_size=4))
    flat = np.array([number for row in rows for number in row], "int32")
    lengths = np.array([len(row) for row in rows], "int64")
    ragged = tf.RaggedTensor.from_row_lengths(flat, lengths)
    texts = [text.decode() for text in decode_twin(ragged).numpy()]
    assert texts == [decode(row, characters) for row in rows]
