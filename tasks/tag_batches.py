"""Answers of a tagger to many sentences."""

import keras
import numpy as np


def predict(answers: keras.Model, ids: list[np.ndarray], max_tokens: int):
    """The number of each token's tag, and its probability: two arrays `[time]` for each
    sentence. Long sentences are cut in pieces; pieces of similar lengths share a batch.

    Args:
        answers: Maps ids `[batch, time, features]` to tags and probabilities.
        ids: `int32 [time, features]` of each sentence.
        max_tokens: Maximum length of a piece, at least 64.
    """
    pieces = [
        (row, start)
        for row in range(len(ids))
        for start in range(0, len(ids[row]), max_tokens)
    ]
    sizes = [min(len(ids[row]) - start, max_tokens) for row, start in pieces]
    found = [(np.zeros(len(row), "int32"), np.zeros(len(row))) for row in ids]
    order = np.argsort(sizes, kind="stable")
    for first in range(0, len(pieces), 128):
        places = order[first : first + 128]
        # Always 128 rows of one of four lengths: few programs to compile.
        time = next(n for n in (16, 32, 64, max_tokens) if n >= sizes[places[-1]])
        batch = np.zeros((128, time, ids[0].shape[1]), "int32")
        for place, (row, start) in enumerate(pieces[n] for n in places):
            piece = ids[row][start : start + max_tokens]
            batch[place, : len(piece)] = piece
        got = answers.predict_on_batch(batch)
        for place, number in enumerate(places):
            (row, start), size = pieces[number], sizes[number]
            for all_of, part in zip(found[row], got, strict=True):
                all_of[start : start + size] = part[place, :size]
    return found
