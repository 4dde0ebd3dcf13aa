"""Splits words into pieces of a fixed vocabulary: in Python, and in TensorFlow.

WordPiece (Schuster and Nakajima, 2012; Wu et al., 2016) takes the longest piece in the
vocabulary from the left, again and again; pieces inside a word begin with `##`. A word
that cannot be split this way, or is longer than `MAX_BYTES`, is unknown as a whole.
Equal to `keras_nlp.tokenizers.WordPieceTokenizer` on words.
"""

INSIDE = "##"
MAX_BYTES = 100  # of a word


def choose_pieces(words: list[str], max_pieces: int) -> list[str]:
    """Returns a vocabulary of about `max_pieces` pieces, computed by keras-nlp from
    words; it contains each of their characters.
    """
    import keras_nlp
    import tensorflow as tf

    return keras_nlp.tokenizers.compute_word_piece_vocabulary(
        tf.data.Dataset.from_tensor_slices(words),
        max_pieces,
        reserved_tokens=[],
        lowercase=False,
        split=False,
    )


def cut_words(words: list[str], pieces: dict[str, int], unknown: int) -> list[int]:
    """Returns the ids of the pieces of words; `unknown` for a word that has none."""
    cut = (cut_word(word, pieces) or [unknown] for word in words)
    return [piece for word in cut for piece in word]


def cut_word(word: str, pieces: dict[str, int]) -> list[int] | None:
    """Returns the ids of a word's pieces, or None if it cannot be split.

    Args:
        word: A word, not empty.
        pieces: The id of each piece.
    """
    ids, start = [], 0
    if len(word.encode()) > MAX_BYTES:
        return None
    while start < len(word):
        mark = INSIDE if start else ""
        for end in range(len(word), start, -1):
            if (piece := mark + word[start:end]) in pieces:
                break
        else:
            return None
        ids.append(pieces[piece])
        start = end
    return ids


def join_pieces(pieces: list[str]) -> list[str]:
    """Joins pieces into words."""
    words: list[str] = []
    for piece in pieces:
        if piece.startswith(INSIDE) and words:
            words[-1] += piece[len(INSIDE) :]
        else:
            words.append(piece)
    return words


def cut_words_in_graph(words, table, unknown: int, longest: int):
    """`cut_word` in TensorFlow, of many words at once.

    Args:
        words: Strings `[words]`, none of them empty.
        table: A lookup table from pieces to ids above 0, with the default `unknown`.
        unknown: The id of a word that cannot be split.
        longest: Length of the longest piece in characters, without its `##`.

    Returns:
        Ragged int32 `[words, pieces]`.
    """
    import tensorflow as tf

    sizes = tf.strings.length(words, unit="UTF8_CHAR")
    lengths = tf.range(1, longest + 1)

    def cut(start, known, ids):
        inside = tf.where(start < sizes, start, 0)  # `substr` fails outside the word
        ends = tf.strings.substr(
            tf.repeat(words[:, None], longest, axis=1),
            tf.repeat(inside[:, None], longest, axis=1),
            tf.repeat(lengths[None], tf.size(words), axis=0),
            unit="UTF8_CHAR",
        )
        marks = tf.repeat(tf.where(start > 0, INSIDE, "")[:, None], longest, axis=1)
        pieces = table.lookup(tf.strings.join([marks, ends]))
        fits = (pieces != unknown) & (start[:, None] + lengths <= sizes[:, None])
        size = tf.reduce_max(tf.where(fits, lengths, 0), axis=1)
        unfinished = known & (start < sizes)
        piece = tf.gather(pieces, tf.maximum(size - 1, 0), batch_dims=1)
        piece = tf.where(unfinished & (size > 0), piece, 0)
        ids = tf.concat([ids, piece[:, None]], axis=1)
        return start + size, known & ((size > 0) | (start >= sizes)), ids

    def any_unfinished(start, known, ids):
        return tf.reduce_any(known & (start < sizes))

    no_ids = tf.zeros([tf.size(words), 0], tf.int32)
    known = tf.strings.length(words) <= MAX_BYTES
    _, known, ids = tf.while_loop(
        any_unfinished,
        cut,
        (tf.zeros_like(sizes), known, no_ids),
        shape_invariants=(sizes.shape, known.shape, tf.TensorShape([None, None])),
    )
    ids = tf.ragged.boolean_mask(ids, ids > 0)
    unknowns = tf.RaggedTensor.from_tensor(tf.fill([tf.size(words), 1], unknown))
    rows = tf.range(tf.size(words))
    chosen = tf.where(known, rows, rows + tf.size(words))
    return tf.gather(tf.concat([ids, unknowns], axis=0), chosen)
