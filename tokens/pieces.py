"""Words cut into pieces of a fixed vocabulary: in Python, and in TensorFlow.

WordPiece (Schuster and Nakajima, 2012; Wu et al., 2016): from the left the longest
piece that the vocabulary has; pieces inside a word begin with `##`. A word that cannot
be cut so, or is longer than `MOST` bytes, is unknown as a whole. Equal to
`keras_nlp.tokenizers.WordPieceTokenizer` on words.
"""

INSIDE = "##"
MOST = 100  # bytes of a word


def choose_pieces(words: list[str], most: int) -> list[str]:
    """The vocabulary of pieces that keras-nlp makes of words: about `most`, every
    character of theirs among them.
    """
    import keras_nlp
    import tensorflow as tf

    return keras_nlp.tokenizers.compute_word_piece_vocabulary(
        tf.data.Dataset.from_tensor_slices(words),
        most,
        reserved_tokens=[],
        lowercase=False,
        split=False,
    )


def cut_words(words: list[str], pieces: dict[str, int], unknown: int) -> list[int]:
    """Ids of the pieces of words; `unknown` for a word that has none."""
    found = (cut_word(word, pieces) or [unknown] for word in words)
    return [piece for word in found for piece in word]


def cut_word(word: str, pieces: dict[str, int]) -> list[int] | None:
    """Ids of a word's pieces, or None where there are none.

    Args:
        word: not empty.
        pieces: their ids.
    """
    found, start = [], 0
    if len(word.encode()) > MOST:
        return None
    while start < len(word):
        mark = INSIDE if start else ""
        for end in range(len(word), start, -1):
            if (piece := mark + word[start:end]) in pieces:
                break
        else:
            return None
        found.append(pieces[piece])
        start = end
    return found


def join_pieces(pieces: list[str]) -> list[str]:
    """The words of pieces."""
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
        words: strings `[words]`, none of them empty.
        table: a lookup table, from pieces to ids above 0, `unknown` where it lacks one.
        unknown: that id.
        longest: characters of the longest piece, its mark left out.

    Returns:
        Ragged int32 `[words, pieces]`.
    """
    import tensorflow as tf

    sizes = tf.strings.length(words, unit="UTF8_CHAR")
    lengths = tf.range(1, longest + 1)

    def cut(start, known, ids):
        place = tf.where(start < sizes, start, 0)  # `substr` needs one inside
        ends = tf.strings.substr(
            tf.repeat(words[:, None], longest, axis=1),
            tf.repeat(place[:, None], longest, axis=1),
            tf.repeat(lengths[None], tf.size(words), axis=0),
            unit="UTF8_CHAR",
        )
        marks = tf.repeat(tf.where(start > 0, INSIDE, "")[:, None], longest, axis=1)
        found = table.lookup(tf.strings.join([marks, ends]))
        fits = (found != unknown) & (start[:, None] + lengths <= sizes[:, None])
        size = tf.reduce_max(tf.where(fits, lengths, 0), axis=1)
        going = known & (start < sizes)
        piece = tf.gather(found, tf.maximum(size - 1, 0), batch_dims=1)
        piece = tf.where(going & (size > 0), piece, 0)
        ids = tf.concat([ids, piece[:, None]], axis=1)
        return start + size, known & ((size > 0) | (start >= sizes)), ids

    def some_go_on(start, known, ids):
        return tf.reduce_any(known & (start < sizes))

    none = tf.zeros([tf.size(words), 0], tf.int32)
    known = tf.strings.length(words) <= MOST
    _, known, ids = tf.while_loop(
        some_go_on,
        cut,
        (tf.zeros_like(sizes), known, none),
        shape_invariants=(sizes.shape, known.shape, tf.TensorShape([None, None])),
    )
    ids = tf.ragged.boolean_mask(ids, ids > 0)
    alone = tf.RaggedTensor.from_tensor(tf.fill([tf.size(words), 1], unknown))
    rows = tf.range(tf.size(words))
    chosen = tf.where(known, rows, rows + tf.size(words))
    return tf.gather(tf.concat([ids, alone], axis=0), chosen)
