"""Words of a text, and the text of words: in Python, and in TensorFlow for exports.

Lower-cased, split at spaces. A mark is a word of its own, and so is each character of
a script without spaces (Thai, Lao, Myanmar, Khmer, Kana, Han); ' . , - inside a word
stay: don't, 3.14, well-known. A line's end is the word `<eos>`. A text that has been
`cut` into words already, with spaces between them, keeps them as they are.

Explicit characters, no \\w and \\s: Python and TensorFlow do the same, on any text.
"""

import re

LOWER = {
    code: ord(chr(code).lower()) if len(chr(code).lower()) == 1 else code
    for code in range(0x590)  # Latin, Greek, Cyrillic, Armenian
}
SPACE = (
    "\x00-\x09\x0b-\x20\x7f-\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    "\u3000\ufe00-\ufe0f\ufeff"
)
CLOSING = ".,:;!?%)\\]}\u2026\u201d"  # no space before them, none after the others
OPENING = "(\\[{\u201c"
NO_SPACES = (  # scripts written without, and their marks
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3001-\u3020\u3041-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff0f\uff1a-\uff1f"
    "\U00020000-\U0003ffff"
)
MARK = (
    "!-/:-@\\[-\\^`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u055a-\u055f\u0589"
    "\u060c\u061b\u061f\u06d4\u0964\u0965\u2010-\u205e\u20a0-\u20cf\u2190-\u2bff"
    "\u3021-\u303f\ufe30-\ufe4f\uff20\uff3b-\uff40\uff5b-\uff65\U0001f000-\U0001faff"
)
LETTER = f"[^{SPACE}\n{MARK}{NO_SPACES}]"
APOSTROPHE = "[\u2018\u2019\u02bc]"
WORD = f"({LETTER}+(?:[-.,']{LETTER}+)*|[^ ])"
# What is replaced, one after the other, to cut a text into words and to join them:
# in any text, and in one that has been cut already.
CUT = {
    False: [(APOSTROPHE, "'"), (f"[{SPACE}]+", " "), (WORD, r" \1 "), ("\n", "<eos>")],
    True: [("\n", " <eos> ")],
}
JOIN = {
    False: [
        (" ?<eos> ?", "\n"),
        (f" ([{CLOSING}{NO_SPACES}])", r"\1"),
        (f"([{OPENING}{NO_SPACES}]) ", r"\1"),
    ],
    True: [(" ?<eos> ?", "\n")],
}
# What stands before a text that begins without a space.
GLUED = {
    False: f"(?s)(.*[{SPACE}\n{OPENING}{NO_SPACES}])?",
    True: "(?s)(.*[ \n])?",
}


def most_frequent(counts: dict[str, int], most: int, least: int) -> list[str]:
    """The `most` most frequent tokens among those that occur `least` times, in order.

    Ties are in alphabetical order, so that the same data give the same ids.
    """
    order = sorted(counts, key=lambda token: (-counts[token], token))
    return [token for token in order[:most] if counts[token] >= least]


def lower(text: str) -> str:
    """Lower-cased character by character: the text stays as long as it is."""
    return text.translate(LOWER)


def tokenize(text: str, cut: bool = False) -> list[str]:
    """`"Don't (ever) miss it."` -> `["don't", "(", "ever", ")", "miss", "it", "."]`.

    Args:
        text: any text.
        cut: whether it has been cut into words already, with spaces between them.
    """
    text = text if cut else lower(text)
    for pattern, replacement in CUT[cut]:
        text = re.sub(pattern, replacement, text)
    return [word for word in text.split(" ") if word]


def join(words: list[str], cut: bool = False, prompt: str = "") -> str:
    """The text of words, as it goes on after `prompt`: perhaps with a space first."""
    text = "".join(f" {word}" for word in words)
    for pattern, replacement in JOIN[cut]:
        text = re.sub(pattern, replacement, text)
    return text.removeprefix(" ") if re.fullmatch(GLUED[cut], prompt) else text


def lower_in_graph(texts):
    """`lower` in TensorFlow: strings `[batch]`."""
    import tensorflow as tf

    table = tf.constant([LOWER[code] for code in range(len(LOWER))])
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    small = tf.gather(table, tf.minimum(codes.values, len(LOWER) - 1))
    small = tf.where(codes.values < len(LOWER), small, codes.values)
    return tf.strings.unicode_encode(codes.with_values(small), "UTF-8")


def tokenize_in_graph(texts, cut: bool = False):
    """`tokenize` in TensorFlow: strings `[batch]` -> ragged `[batch, words]`."""
    import tensorflow as tf

    texts = texts if cut else lower_in_graph(texts)
    for pattern, replacement in CUT[cut]:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    words = tf.strings.split(texts, " ")
    return tf.ragged.boolean_mask(words, words != "")


def join_in_graph(words, cut: bool = False, prompts=""):
    """`join` in TensorFlow: ragged `[batch, words]` -> strings `[batch]`."""
    import tensorflow as tf

    words = words.with_values(tf.strings.join([" ", words.values]))
    texts = tf.strings.reduce_join(words, axis=-1)
    for pattern, replacement in JOIN[cut]:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    glued = tf.strings.regex_full_match(prompts, GLUED[cut])
    return tf.where(glued, tf.strings.regex_replace(texts, "^ ", ""), texts)
