"""Splits texts into words and joins them again: in Python, and in TensorFlow.

A text is lower-cased and split at spaces. Each punctuation mark or symbol is a word,
and so is each character of a script without spaces (Thai, Lao, Myanmar, Khmer, Kana,
Han); ' . , - inside a word belong to it: don't, 3.14, well-known. The end of a line is
the word `<eos>`. A text that is already `cut` is split only at spaces and line ends.

The patterns list characters instead of using \\w and \\s, so that Python and TensorFlow
give the same words for any text.
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
CLOSING = ".,:;!?%)\\]}\u2026\u201d"  # no space before these
OPENING = "(\\[{\u201c"  # no space after these
NO_SPACES = (  # scripts written without spaces, and their punctuation
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
# Patterns and replacements, in order, that cut a text into words and join words. False:
# for any text; True: for a text that is already cut.
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
# Prompts after which the text goes on without a space.
NO_SPACE_AFTER = {
    False: f"(?s)(.*[{SPACE}\n{OPENING}{NO_SPACES}])?",
    True: "(?s)(.*[ \n])?",
}


def most_frequent(counts: dict[str, int], max_tokens: int, least: int) -> list[str]:
    """Returns the `max_tokens` most frequent tokens that occur at least `least` times.

    Sorted by frequency, ties alphabetically, so that the same data give the same ids.
    """
    order = sorted(counts, key=lambda token: (-counts[token], token))
    return [token for token in order[:max_tokens] if counts[token] >= least]


def lower(text: str) -> str:
    """Lower-cases each character; the length of the text does not change."""
    return text.translate(LOWER)


def tokenize(text: str, cut: bool = False) -> list[str]:
    """`"Don't (ever) miss it."` -> `["don't", "(", "ever", ")", "miss", "it", "."]`.

    Args:
        text: Any text.
        cut: Whether it is already cut into words, with spaces between them.
    """
    text = text if cut else lower(text)
    for pattern, replacement in CUT[cut]:
        text = re.sub(pattern, replacement, text)
    return [word for word in text.split(" ") if word]


def join(words: list[str], cut: bool = False, prompt: str = "") -> str:
    """Returns the text of words, with a space first if it needs one after `prompt`."""
    text = "".join(f" {word}" for word in words)
    for pattern, replacement in JOIN[cut]:
        text = re.sub(pattern, replacement, text)
    return text.removeprefix(" ") if re.fullmatch(NO_SPACE_AFTER[cut], prompt) else text


def lower_in_graph(texts):
    """`lower` in TensorFlow: strings `[batch]`."""
    import tensorflow as tf

    table = tf.constant([LOWER[code] for code in range(len(LOWER))])
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    lowered = tf.gather(table, tf.minimum(codes.values, len(LOWER) - 1))
    lowered = tf.where(codes.values < len(LOWER), lowered, codes.values)
    return tf.strings.unicode_encode(codes.with_values(lowered), "UTF-8")


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
    no_space = tf.strings.regex_full_match(prompts, NO_SPACE_AFTER[cut])
    return tf.where(no_space, tf.strings.regex_replace(texts, "^ ", ""), texts)
