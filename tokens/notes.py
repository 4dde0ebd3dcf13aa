"""Music as tokens: frame after frame, each its notes from the highest down.

A piece is a table of piano keys, `uint8 [frames, 88]`: each key of each frame, a
fraction of a beat, is silent (0), struck (1) or held (2), lowest key first (A0, MIDI's
pitch 21). As tokens it is

    key, (note ..., NEXT) for each frame ..., END

with the notes of a frame in descending order, so that a sequence model predicts each
note from those above it and from all frames before:

    0 padding               1 NEXT, a frame ends      2 END, the piece ends
    3 a piece in any key    4 ... 15 in C, C#, ... B major    16 ... 27 in minor
    28 ... 115 a key struck, A0 ... C8    116 ... 203 a key held
"""

import re

import numpy as np

KEYS, LOWEST = 88, 21  # of a piano; MIDI's pitch of its lowest key
SILENT, IS_STRUCK, IS_HELD = 0, 1, 2
PADDING, NEXT, END, ANY_KEY = 0, 1, 2, 3
MAJOR, MINOR, STRUCK = ANY_KEY + 1, ANY_KEY + 13, ANY_KEY + 25
HELD = STRUCK + KEYS
VOCAB = HELD + KEYS
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# How well each degree fits a major and a minor key: listeners' ratings (Krumhansl and
# Kessler, 1982).
PROFILES = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)


def encode(piece, key=ANY_KEY):
    """Ids `uint8 [time]` of a piece `[frames, 88]`."""
    piece = np.asarray(piece)
    frames, keys = np.nonzero(piece[:, ::-1])
    keys = KEYS - 1 - keys
    notes = np.where(piece[frames, keys] == IS_HELD, HELD, STRUCK) + keys
    ends = np.cumsum(np.count_nonzero(piece, axis=1))
    ids = np.insert(notes, ends, NEXT)
    return np.concatenate([[key], ids, [END]]).astype("uint8")


def decode(ids):
    """The piece `uint8 [frames, 88]` of ids; what stands after END is left out, and so
    are a frame without its NEXT and all that is neither a note nor an end."""
    ids = np.asarray(ids)
    over = np.flatnonzero(ids == END)
    ids = ids[: over[0]] if len(over) else ids
    frame = np.cumsum(ids == NEXT)
    piece = np.zeros((frame[-1] if len(frame) else 0, KEYS), "uint8")
    notes = (ids >= STRUCK) & (frame < len(piece))
    which, number = np.divmod(ids[notes].astype("int64") - STRUCK, KEYS)
    piece[frame[notes], number] = IS_STRUCK + which
    return piece


def transpose(ids, semitones):
    """Ids of the same piece so many keys higher; notes must not leave the keyboard."""
    ids = np.asarray(ids).astype("int32")
    moved = np.where(ids >= STRUCK, ids + semitones, ids)
    in_key = (ids > ANY_KEY) & (ids < STRUCK)
    mode = MAJOR + 12 * (ids >= MINOR)
    return np.where(in_key, mode + (ids - mode + semitones) % 12, moved)


def may_follow():
    """Which id may follow which: booleans `[VOCAB, VOCAB]`, `[before, after]`.

    The rules of the coding, for a model's logits: its probabilities are then those of
    frames, with none lost on what is no frame.
    """
    ids = np.arange(VOCAB)
    number = np.where(ids >= STRUCK, (ids - STRUCK) % KEYS, KEYS)  # KEYS: no note
    allowed = (ids >= STRUCK) & (number < number[:, None])
    allowed[:, NEXT] = True
    allowed[NEXT, END] = True
    allowed[END] = (ids == END) | ((ids >= ANY_KEY) & (ids < STRUCK))  # another piece
    return allowed


def key_of(piece):
    """The id of the key that fits a piece best: the correlation of how long each of
    the twelve notes sounds with the profiles of the 24 keys (Krumhansl, 1990)."""
    sounding = np.count_nonzero(piece, axis=0)
    heard = np.bincount((np.arange(KEYS) + LOWEST) % 12, sounding, 12)
    if not heard.std():
        return ANY_KEY
    fits = [
        np.corrcoef(np.roll(profile, tonic), heard)[0, 1]
        for profile in PROFILES
        for tonic in range(12)
    ]
    return MAJOR + int(np.argmax(fits))


def note_name(key):
    """`"C4"` of a key of the piano; 0 is A0."""
    return f"{NAMES[(key + LOWEST) % 12]}{(key + LOWEST) // 12 - 1}"


def names():
    """The name of each id: `[VOCAB]` strings. Held notes stand in brackets."""
    keys = [f"{tonic} {mode}" for mode in ("major", "minor") for tonic in NAMES]
    notes = [note_name(key) for key in range(KEYS)]
    held = [f"({note})" for note in notes]
    return ["", "|", "end", "any key", *keys, *notes, *held]


def words():
    """What a beginning may be made of: ids by lower-case word, `c4`, `bb3`, `f#-minor`.

    Spaces before `major` and `minor` are written as `-`: a beginning splits at spaces.
    """
    letters = {letter: NAMES.index(letter.upper()) for letter in "cdefgab"}
    found = {}
    for letter, number in letters.items():
        for sign, step in (("", 0), ("#", 1), ("b", -1)):
            for mode, first in (("major", MAJOR), ("minor", MINOR)):
                found[f"{letter}{sign}-{mode}"] = first + (number + step) % 12
            for octave in range(9):
                key = 12 * (octave + 1) + number + step - LOWEST
                if 0 <= key < KEYS:
                    found[f"{letter}{sign}{octave}"] = STRUCK + key
    return found


def beginning(text):
    """The key and the first notes, ids of struck ones, that a text asks for.

    `"G4"`, `"D minor"`, `"Bb major: F4 G4 A4"`: a key or none, then notes one after the
    other. Raises `ValueError`: a word that is neither.
    """
    known, key, found = words(), ANY_KEY, []
    for word in split_beginning(text):
        if word not in known:
            raise ValueError(f"expected a key or notes, as C4 or D minor, found {word}")
        if known[word] < STRUCK:
            key = known[word]
        else:
            found.append(known[word])
    return key, found


def split_beginning(text):
    """Its words, as `words` has them."""
    text = re.sub("[ \t]+(major|minor)", r"-\1", text.lower())
    return [word for word in re.split("[ \t:,]+", text) if word]


def words_in_graph():
    """`words` as a lookup table of TensorFlow, 0 for all others."""
    import tensorflow as tf

    known = words()
    ids = tf.constant([*known.values()], tf.int32)
    table = tf.lookup.KeyValueTensorInitializer(tf.constant([*known]), ids)
    return tf.lookup.StaticHashTable(table, 0)


def beginnings_in_graph(texts, table):
    """`beginning` of texts `[batch]` in TensorFlow: keys int32 `[batch]`, first notes
    int32 `[batch, notes]`, 0 after a text's last.

    A word that is neither a key nor a note fails as an `InvalidArgumentError`.
    """
    import tensorflow as tf

    texts = tf.strings.regex_replace(
        tf.strings.lower(texts), "[ \t]+(major|minor)", r"-\1"
    )
    split = tf.strings.split(tf.strings.regex_replace(texts, "[\t:,]+", " "))
    found = split.with_values(table.lookup(split.values))
    unknown = tf.boolean_mask(split.values, found.values == 0)
    wrong = tf.strings.reduce_join(unknown, separator=" ")
    wrong = tf.strings.join(["expected a key or notes, found ", wrong])
    with tf.control_dependencies(
        [tf.debugging.assert_equal(tf.size(unknown), 0, wrong)]
    ):
        is_key = found < STRUCK
    any_key = tf.fill([tf.shape(texts)[0], 1], ANY_KEY)
    keys = tf.concat([any_key, tf.ragged.boolean_mask(found, is_key)], axis=1)
    keys = keys[:, -1:].to_tensor(shape=[None, 1])[:, 0]  # of several the last
    return keys, tf.ragged.boolean_mask(found, found >= STRUCK).to_tensor()
