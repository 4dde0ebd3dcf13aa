"""Words without punctuation: in Python, and in TensorFlow for exports.

A text is lower-cased and split at spaces and punctuation. `!` and `?` are words, and so
is each character of a script without spaces (Thai, Lao, Myanmar, Khmer, Kana, Han).

The rules list characters instead of using \\w and \\s, so that Python and TensorFlow
give the same words for any Unicode text.
"""

import re

from tokens.words import APOSTROPHE, lower, lower_in_graph

SINGLE_TOKENS = (
    "([!?\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
SEPARATORS = (
    '[\x00- "-&(-/:->@\\[-`{-\xa9\xab-\xb1\xb4\xb6-\xb9\xbb-\xbf\u1680\u2000-\u206f'
    "\u3000-\u303f\ufe30-\ufe4f\uff00-\uff0f\uff1a-\uff20]+"
)
RULES = [  # patterns and replacements, applied in this order
    (APOSTROPHE, "'"),
    (SINGLE_TOKENS, r" \1 "),
    (SEPARATORS, " "),
    ("'* +'*", " "),
]


def tokenize(text: str) -> list[str]:
    """`"Don't miss it!"` -> `["don't", "miss", "it", "!"]`."""
    text = f" {lower(text)} "
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return [word for word in text.split(" ") if word]


def tokenize_in_graph(texts):
    """`tokenize` in TensorFlow: strings `[batch]` -> ragged `[batch, words]`."""
    import tensorflow as tf

    texts = tf.strings.join([" ", lower_in_graph(texts), " "])
    for pattern, replacement in RULES:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    words = tf.strings.split(texts, " ")
    return tf.ragged.boolean_mask(words, words != "")
