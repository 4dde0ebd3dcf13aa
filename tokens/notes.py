"""Music as tokens: frame by frame, the notes of each frame from high to low.

A piece is a table of piano keys, `uint8 [frames, 88]`: in each frame, a fraction of a
beat, each key is silent (0), struck (1) or held (2). The lowest key comes first (A0,
MIDI pitch 21). As tokens, a piece is

    key, (note ..., NEXT) for each frame ..., END

with the notes of a frame in descending order, so that a sequence model predicts each
note from the higher notes of the frame and from all frames before:

    0 padding               1 NEXT, a frame ends      2 END, the piece ends
    3 a piece in any key    4 ... 15 in C, C#, ... B major    16 ... 27 in minor
    28 ... 115 a key struck, A0 ... C8    116 ... 203 a key held
"""

import re

import numpy as np

KEYS, LOWEST = 88, 21  # of a piano; MIDI pitch of its lowest key
SILENT, IS_STRUCK, IS_HELD = 0, 1, 2
PADDING, NEXT, END, ANY_KEY = 0, 1, 2, 3
MAJOR, MINOR, STRUCK = ANY_KEY + 1, ANY_KEY + 13, ANY_KEY + 25
HELD = STRUCK + KEYS
VOCAB = HELD + KEYS
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# How well each chromatic degree fits a major and a minor key, as rated by listeners
# (Krumhansl and Kessler, 1982).
PROFILES = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)


def encode(piece, key=ANY_KEY):
    """Returns the ids `uint8 [time]` of a piece `[frames, 88]`."""
    piece = np.asarray(piece)
    frames, keys = np.nonzero(piece[:, ::-1])
    keys = KEYS - 1 - keys
    notes = np.where(piece[frames, keys] == IS_HELD, HELD, STRUCK) + keys
    ends = np.cumsum(np.count_nonzero(piece, axis=1))
    ids = np.insert(notes, ends, NEXT)
    return np.concatenate([[key], ids, [END]]).astype("uint8")


def decode(ids):
    """Returns the piece `uint8 [frames, 88]` of ids. Ignores ids after END, a last
    frame without NEXT, and all ids other than notes, NEXT and END."""
    ids = np.asarray(ids)
    ends = np.flatnonzero(ids == END)
    ids = ids[: ends[0]] if len(ends) else ids
    frame = np.cumsum(ids == NEXT)
    piece = np.zeros((frame[-1] if len(frame) else 0, KEYS), "uint8")
    notes = (ids >= STRUCK) & (frame < len(piece))
    is_held, key = np.divmod(ids[notes].astype("int64") - STRUCK, KEYS)
    piece[frame[notes], key] = IS_STRUCK + is_held
    return piece


def transpose(ids, semitones):
    """Returns the ids of a piece moved up by `semitones`, within the keyboard."""
    ids = np.asarray(ids).astype("int32")
    moved = np.where(ids >= STRUCK, ids + semitones, ids)
    in_key = (ids > ANY_KEY) & (ids < STRUCK)
    mode = MAJOR + 12 * (ids >= MINOR)
    return np.where(in_key, mode + (ids - mode + semitones) % 12, moved)


def may_follow():
    """Returns which id may follow which: booleans `[VOCAB, VOCAB]`, `[before, after]`.

    With these rules of the encoding as a mask of a model's logits, invalid tokens get
    probability zero.
    """
    ids = np.arange(VOCAB)
    key = np.where(ids >= STRUCK, (ids - STRUCK) % KEYS, KEYS)  # KEYS: no note
    allowed = (ids >= STRUCK) & (key < key[:, None])
    allowed[:, NEXT] = True
    allowed[NEXT, END] = True
    allowed[END] = (ids == END) | ((ids >= ANY_KEY) & (ids < STRUCK))  # another piece
    return allowed


def key_of(piece):
    """Returns the id of the key that fits a piece best: of the profiles of the 24 keys,
    the one that correlates best with the durations of the twelve pitch classes
    (Krumhansl, 1990); `ANY_KEY` if these are all equal."""
    frames = np.count_nonzero(piece, axis=0)
    durations = np.bincount((np.arange(KEYS) + LOWEST) % 12, frames, 12)
    if not durations.std():
        return ANY_KEY
    fits = [
        np.corrcoef(np.roll(profile, tonic), durations)[0, 1]
        for profile in PROFILES
        for tonic in range(12)
    ]
    return MAJOR + int(np.argmax(fits))


def note_name(key):
    """Returns the name of a piano key, such as `"C4"`; key 0 is A0."""
    return f"{NAMES[(key + LOWEST) % 12]}{(key + LOWEST) // 12 - 1}"


def names():
    """Returns the name of each id, `[VOCAB]` strings; held notes are in parentheses."""
    keys = [f"{tonic} {mode}" for mode in ("major", "minor") for tonic in NAMES]
    notes = [note_name(key) for key in range(KEYS)]
    held = [f"({note})" for note in notes]
    return ["", "|", "end", "any key", *keys, *notes, *held]


def words():
    """Returns the id of each word that a beginning may use: `c4`, `bb3`, `f#-minor`.

    A key has `-` in the place of its space, because a beginning is split at spaces.
    """
    letters = {letter: NAMES.index(letter.upper()) for letter in "cdefgab"}
    ids = {}
    for letter, number in letters.items():
        for sign, step in (("", 0), ("#", 1), ("b", -1)):
            for mode, first in (("major", MAJOR), ("minor", MINOR)):
                ids[f"{letter}{sign}-{mode}"] = first + (number + step) % 12
            for octave in range(9):
                key = 12 * (octave + 1) + number + step - LOWEST
                if 0 <= key < KEYS:
                    ids[f"{letter}{sign}{octave}"] = STRUCK + key
    return ids


def beginning(text):
    """Returns the key and the first notes, ids of struck notes, that a text names.

    Examples: `"G4"`, `"D minor"`, `"Bb major: F4 G4 A4"`. The key is optional; the
    notes follow one after the other. Raises `ValueError` for a word that is neither.
    """
    known, key, first = words(), ANY_KEY, []
    for word in split_beginning(text):
        if word not in known:
            raise ValueError(
                f"expected a key or notes, such as C4 or D minor, found {word}"
            )
        if known[word] < STRUCK:
            key = known[word]
        else:
            first.append(known[word])
    return key, first


def split_beginning(text):
    """Splits a beginning into words, in the spelling of `words`."""
    text = re.sub("[ \t]+(major|minor)", r"-\1", text.lower())
    return [word for word in re.split("[ \t:,]+", text) if word]


def words_in_graph():
    """`words` as a TensorFlow lookup table; 0 for all other words."""
    import tensorflow as tf

    known = words()
    ids = tf.constant([*known.values()], tf.int32)
    table = tf.lookup.KeyValueTensorInitializer(tf.constant([*known]), ids)
    return tf.lookup.StaticHashTable(table, 0)


def beginnings_in_graph(texts, table):
    """`beginning` in TensorFlow, of texts `[batch]`: keys int32 `[batch]` and first
    notes int32 `[batch, notes]`, padded with 0.

    A word that is neither a key nor a note raises an `InvalidArgumentError`.
    """
    import tensorflow as tf

    texts = tf.strings.regex_replace(
        tf.strings.lower(texts), "[ \t]+(major|minor)", r"-\1"
    )
    split = tf.strings.split(tf.strings.regex_replace(texts, "[\t:,]+", " "))
    ids = split.with_values(table.lookup(split.values))
    unknown = tf.boolean_mask(split.values, ids.values == 0)
    message = tf.strings.reduce_join(unknown, separator=" ")
    message = tf.strings.join(["expected a key or notes, found ", message])
    with tf.control_dependencies(
        [tf.debugging.assert_equal(tf.size(unknown), 0, message)]
    ):
        is_key = ids < STRUCK
    any_key = tf.fill([tf.shape(texts)[0], 1], ANY_KEY)
    keys = tf.concat([any_key, tf.ragged.boolean_mask(ids, is_key)], axis=1)
    keys = keys[:, -1:].to_tensor(shape=[None, 1])[:, 0]  # the last one counts
    return keys, tf.ragged.boolean_mask(ids, ids >= STRUCK).to_tensor()
