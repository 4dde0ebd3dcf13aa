"""Statistics of generated pieces of music, compared with real ones.

A piece is `uint8 [frames, 88]`, see `tokens/notes.py`.
"""

import itertools
from collections import Counter

import keras
import numpy as np

from tasks.likelihood import nats_of_rows
from tokens import notes
from tokens.notes import ANY_KEY, END, KEYS, LOWEST, NEXT

ROWS = 32  # pieces that a model reads at once
VOICES = 6  # maximum; further, lower notes of a frame belong to no voice


def voices(piece: np.ndarray) -> np.ndarray:
    """The key of each voice in each frame, `int8 [frames, voices]`; -1 for a rest.

    There are as many voices as the fullest frame has notes, at most `VOICES`, and they
    do not cross. In frames with fewer notes, the voices that have to move least sing,
    and a held note stays in its voice.
    """
    count = min(VOICES, np.count_nonzero(piece, axis=1).max(initial=1))
    count = max(count, 1)
    key_of = np.full((len(piece), count), -1, "int8")
    last = np.linspace(KEYS - 1, 0, count)  # the last key of each voice
    for frame, row in enumerate(piece):
        keys = np.flatnonzero(row)[::-1][:count]
        held = row[keys] == notes.IS_HELD

        def cost(chosen, keys=keys, held=held, frame=frame):
            before = key_of[frame - 1, chosen] if frame else keys
            lost = held & (before != keys)
            return np.abs(last[chosen] - keys).sum() + 1000 * lost.sum()

        choices = [list(c) for c in itertools.combinations(range(count), len(keys))]
        chosen = min(choices, key=cost)
        key_of[frame, chosen] = keys
        last[chosen] = keys
    return key_of


def movements(piece: np.ndarray) -> dict[str, int]:
    """Counts the frames in which at least two voices move (`changes`), and among these
    those in which a voice passes its neighbour's previous key (`overlaps`; voices
    cannot cross here), and in which two voices move in parallel fifths (`fifths`)."""
    sung = voices(piece).astype(int)
    before, after = sung[:-1], sung[1:]
    moves = (before >= 0) & (after >= 0) & (before != after)
    counts = Counter(changes=int((moves.sum(axis=1) > 1).sum()))
    overlap = np.zeros(len(moves), bool)
    fifths = np.zeros(len(moves), bool)
    for upper, lower in itertools.combinations(range(sung.shape[1]), 2):
        both = moves[:, upper] & moves[:, lower]
        if lower == upper + 1:
            heard = (before[:, [upper, lower]] >= 0).all(axis=1)
            heard &= (after[:, [upper, lower]] >= 0).all(axis=1)
            passed = after[:, upper] < before[:, lower]
            passed |= after[:, lower] > before[:, upper]
            overlap |= heard & passed & (moves.sum(axis=1) > 1)
        alike = np.sign(after - before)
        fifth = (before[:, upper] - before[:, lower]) % 12 == 7
        fifth &= (after[:, upper] - after[:, lower]) % 12 == 7
        fifths |= both & fifth & (alike[:, upper] == alike[:, lower])
    counts["overlaps"], counts["fifths"] = int(overlap.sum()), int(fifths.sum())
    return counts


def statistics(pieces: list[np.ndarray], bar: int) -> dict:
    """Statistics over all pieces: `degrees`, the share of the sounding time of each
    semitone above the tonic, `[12]`; `voice_overlaps` and `parallel_fifths`, shares of
    the changes in which two voices move; `repeated_bars`, the share of bars that equal
    an earlier bar of the piece."""
    degrees, moved, bars, repeated = np.zeros(12), Counter(), 0, 0
    for piece in pieces:
        heard = np.count_nonzero(piece, axis=0)
        key = notes.key_of(piece)
        tonic = (key - notes.MAJOR) % 12 if key != notes.ANY_KEY else 0
        degrees += np.bincount((np.arange(KEYS) + LOWEST - tonic) % 12, heard, 12)
        moved.update(movements(piece))
        whole = [piece[i : i + bar].tobytes() for i in range(0, len(piece), bar)]
        whole = whole[: len(piece) // bar]
        bars, repeated = bars + len(whole), repeated + len(whole) - len({*whole})
    changes = max(moved["changes"], 1)
    return {
        "degrees": degrees / max(degrees.sum(), 1),
        "voice_overlaps": moved["overlaps"] / changes,
        "parallel_fifths": moved["fifths"] / changes,
        "repeated_bars": repeated / max(bars, 1),
    }


def longest_copied(pieces: list[np.ndarray], read: list[np.ndarray]) -> int:
    """Length in frames of the longest passage of `pieces` that occurs, in any key, in
    `read`."""
    numbers: dict[tuple, str] = {}

    def text(piece):
        """One character per frame: the intervals of its notes above the lowest one, and
        how far the lowest one has moved."""
        letters, last = [], None
        for row in piece:
            keys = np.flatnonzero(row)
            lowest = int(keys[0]) if len(keys) else None
            move = lowest - last if None not in (lowest, last) else None
            frame = (move, *(keys - (lowest or 0)), *row[keys])
            letters.append(numbers.setdefault(frame, chr(0x100 + len(numbers))))
            last = lowest if lowest is not None else last
        return "".join(letters)

    known = "\0".join(text(piece) for piece in read)
    longest = 0
    for piece in map(text, pieces):
        for start in range(len(piece)):
            # The movement to the first frame of a passage does not matter.
            while (
                start + longest < len(piece)
                and piece[start + 1 : start + longest + 1] in known
            ):
                longest += 1
    return longest


def compare(written, test, training, bar: int) -> dict:
    """Returns metrics of the generated pieces and, as `test_...`, of the test pieces.

    `pitch_class_distance` is the total variation distance between the degrees of the
    pieces and of training: the share of sounding time that would have to move to other
    degrees. `longest_copied_steps` counts frames.
    """
    metrics, known = {}, statistics(training, bar)["degrees"]
    for prefix, pieces in (("", written), ("test_", test)):
        figures = statistics(pieces, bar)
        distance = np.abs(figures.pop("degrees") - known).sum() / 2
        metrics[f"{prefix}pitch_class_distance"] = float(distance)
        metrics |= {f"{prefix}{name}": value for name, value in figures.items()}
        metrics[f"{prefix}longest_copied_steps"] = longest_copied(pieces, training)
    return metrics


def frequencies(training, test) -> dict[str, float]:
    """Nats per frame of a model in which each key is silent, struck or held as often as
    in training, independent of all other keys and frames."""
    counts = sum(_kinds(piece).sum(axis=0) for piece in training) + 1  # never 0
    nats = -np.log(counts / counts.sum(axis=1, keepdims=True))
    total = sum((_kinds(piece) * nats).sum() for piece in test)
    return {"baseline_test_nll_per_frame": float(total / sum(map(len, test)))}


def _kinds(piece):
    return np.eye(3)[piece]


def spelled(piece: np.ndarray) -> str:
    """The names of a piece's notes, frame after frame; held ones in brackets."""
    names = notes.names()
    return " ".join(names[token] for token in notes.encode(piece)[1:])


def nats_of_frames(model: keras.Model, pieces: list[np.ndarray]) -> tuple[float, float]:
    """Returns the mean nats per frame, and the mean without each piece's first frame.

    The nats of a frame are the sum over its notes and its end, given everything before
    in the piece, whose key is not given. The means are over the frames of all pieces.
    The token that ends a piece is in neither.
    """
    total, frames, first = 0.0, 0, 0.0
    order = sorted(pieces, key=len)  # similar lengths together
    for start in range(0, len(order), ROWS):
        rows = [[END, ANY_KEY, *ids[1:-1]] for ids in order[start : start + ROWS]]
        ids = np.zeros((len(rows), max(map(len, rows))), "int32")
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
        nats = nats_of_rows(model, ids)[:, 1:]  # without the key's
        ends = ids[:, 2:] == NEXT
        before = np.cumsum(ends, axis=1) - ends  # frames before each token
        total, frames = total + nats.sum(), frames + ends.sum()
        first += nats[before == 0].sum()
    later = (total - first) / max(frames - len(pieces), 1)
    return float(total / frames), float(later)
