"""Splits texts into words as they are written: in Python, and in TensorFlow.

A text is split at spaces and line ends. Each punctuation mark or symbol is a word, and
so is each character of a script without spaces (Thai, Lao, Myanmar, Khmer, Kana, Han);
' . , - @ inside a word belong to it, and so do @ and # before it: O'Neill, 3.14, @user.
A web address is a word. As in the Penn Treebank, English short forms are two words:
`do n't`, `it 's`, `we 'll`.

The patterns list characters instead of using \\w and \\s, so that Python and TensorFlow
give the same words for any text.
"""

import re

from tokens.words import APOSTROPHE, LETTER, SPACE

WORD = rf"(https?://[^ ]+|[@#]?{LETTER}+(?:[-.,'@]{LETTER}+)*|[^ ])"
RULES = [  # patterns and replacements, applied in this order
    (APOSTROPHE, "'"),
    (f"[{SPACE}\n]+", " "),
    (WORD, r" \1 "),
    ("([A-Za-z])([Nn]'[Tt]) ", r"\1 \2 "),
    ("([^ ])('(?:[SsMmDd]|[Rr][Ee]|[Vv][Ee]|[Ll][Ll])) ", r"\1 \2 "),
]


def tokenize(text: str) -> list[str]:
    """`"Don't ask O'Neill!"` -> `["Do", "n't", "ask", "O'Neill", "!"]`."""
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return [word for word in text.split(" ") if word]


def tokenize_in_graph(texts):
    """`tokenize` in TensorFlow: strings `[batch]` -> ragged `[batch, words]`."""
    import tensorflow as tf

    for pattern, replacement in RULES:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    words = tf.strings.split(texts, " ")
    return tf.ragged.boolean_mask(words, words != "")
