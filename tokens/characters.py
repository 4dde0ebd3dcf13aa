"""Characters as ids and back: in Python, and in TensorFlow for exports.

0 is padding and 1 the unknown character; the first character has the id 2.
"""

import numpy as np

PADDING, UNKNOWN, FIRST = 0, 1, 2


def encode(text: str, characters: str) -> np.ndarray:
    """Ids `uint16 [time]` of a text."""
    table = np.full(0x110000, UNKNOWN, "uint16")
    table[code_points(characters)] = np.arange(FIRST, FIRST + len(characters))
    return table[code_points(text)]


def decode(ids: np.ndarray, characters: str) -> str:
    """The text of ids; the unknown character is U+FFFD."""
    return "".join(f"\0\ufffd{characters}"[index] for index in ids)


def code_points(text: str) -> np.ndarray:
    """Code points `uint32 [time]`."""
    return np.frombuffer(text.encode("utf-32-le"), "uint32")


def encode_in_graph(texts, characters: str):
    """`encode` in TensorFlow: strings `[batch]` -> ragged int32 `[batch, time]`."""
    import tensorflow as tf

    known = code_points(characters).astype("int32")
    table = np.full(known.max() + 2, UNKNOWN, "int32")  # the last: all others
    table[known] = np.arange(FIRST, FIRST + len(known))
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    ids = tf.gather(tf.constant(table), tf.minimum(codes.values, len(table) - 1))
    return codes.with_values(ids)


def decode_in_graph(ids, characters: str):
    """`decode` in TensorFlow: ragged ids `[batch, time]` -> strings `[batch]`."""
    import tensorflow as tf

    codes = tf.constant([0, 0xFFFD, *code_points(characters).astype("int32")])
    codes = ids.with_values(tf.gather(codes, ids.values))
    return tf.strings.unicode_encode(codes, "UTF-8")
