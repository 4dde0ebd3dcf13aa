"""Statistics of pieces of music, generated ones beside real ones.

A piece is `uint8 [frames, 88]`, as `tokens/notes.py` says.
"""

import itertools
from collections import Counter

import keras
import numpy as np

from tasks.language_models import nats_of_rows
from tokens import notes
from tokens.notes import ANY_KEY, END, KEYS, LOWEST, NEXT

ROWS = 32  # pieces that a model reads at once
VOICES = 6  # of a frame with more notes, voices go by height alone


def voices(piece: np.ndarray) -> np.ndarray:
    """The key of each voice in each frame, `int8 [frames, voices]`, -1 where it rests.

    Voices do not cross. As many as a frame has notes at most; in a frame that has
    fewer, those sing that move least, and who holds a note goes on holding it.
    """
    count = min(VOICES, np.count_nonzero(piece, axis=1).max(initial=1))
    count = max(count, 1)
    found = np.full((len(piece), count), -1, "int8")
    last = np.linspace(KEYS - 1, 0, count)  # where each voice was when it last sang
    for frame, row in enumerate(piece):
        keys = np.flatnonzero(row)[::-1][:count]
        held = row[keys] == notes.IS_HELD

        def cost(chosen, keys=keys, held=held, frame=frame):
            before = found[frame - 1, chosen] if frame else keys
            lost = held & (before != keys)
            return np.abs(last[chosen] - keys).sum() + 1000 * lost.sum()

        choices = [list(c) for c in itertools.combinations(range(count), len(keys))]
        chosen = min(choices, key=cost)
        found[frame, chosen] = keys
        last[chosen] = keys
    return found


def movements(piece: np.ndarray) -> dict[str, int]:
    """How often two voices or more move, and among these how often a voice passes where
    its neighbour was (all that is left of crossing, where voices go by height), and
    two voices a fifth apart move alike to another fifth."""
    sung = voices(piece).astype(int)
    before, after = sung[:-1], sung[1:]
    moves = (before >= 0) & (after >= 0) & (before != after)
    found = Counter(changes=int((moves.sum(axis=1) > 1).sum()))
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
    found["overlaps"], found["fifths"] = int(overlap.sum()), int(fifths.sum())
    return found


def statistics(pieces: list[np.ndarray], bar: int) -> dict:
    """Of pieces together: `degrees`, how long each half tone above the tonic sounds, as
    shares `[12]`; `voice_overlaps` and `parallel_fifths`, shares of the changes in
    which two voices move; `repeated_bars`, the share of bars that equal an earlier one.
    """
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
    """Frames of the longest stretch of `pieces` that stands in `read`, in any key."""
    numbers: dict[tuple, str] = {}

    def text(piece):
        """A character a frame: its notes, by how far they are above its lowest one,
        and how far that has moved."""
        found, last = [], None
        for row in piece:
            keys = np.flatnonzero(row)
            lowest = int(keys[0]) if len(keys) else None
            move = lowest - last if None not in (lowest, last) else None
            frame = (move, *(keys - (lowest or 0)), *row[keys])
            found.append(numbers.setdefault(frame, chr(0x100 + len(numbers))))
            last = lowest if lowest is not None else last
        return "".join(found)

    known = "\0".join(text(piece) for piece in read)
    longest = 0
    for piece in map(text, pieces):
        for start in range(len(piece)):
            # The first frame of a stretch may be reached from anywhere.
            while (
                start + longest < len(piece)
                and piece[start + 1 : start + longest + 1] in known
            ):
                longest += 1
    return longest


def compare(written, test, training, bar: int) -> dict:
    """Figures of what was written and, as `test_...`, of the test pieces.

    `pitch_class_distance`: the share of the sounding time that would have to move to
    other degrees of the scale to spread as in training.
    """
    found, known = {}, statistics(training, bar)["degrees"]
    for prefix, pieces in (("", written), ("test_", test)):
        figures = statistics(pieces, bar)
        distance = np.abs(figures.pop("degrees") - known).sum() / 2
        found[f"{prefix}pitch_class_distance"] = float(distance)
        found |= {f"{prefix}{name}": value for name, value in figures.items()}
        found[f"{prefix}longest_copied_steps"] = longest_copied(pieces, training)
    return found


def frequencies(training, test) -> dict[str, float]:
    """Nats a frame where each key is silent, struck or held as often as in training,
    whatever stands before and beside it."""
    counts = sum(_kinds(piece).sum(axis=0) for piece in training) + 1  # never 0
    nats = -np.log(counts / counts.sum(axis=1, keepdims=True))
    total = sum((_kinds(piece) * nats).sum() for piece in test)
    return {"baseline_test_nll_per_frame": float(total / sum(map(len, test)))}


def _kinds(piece):
    return np.eye(3)[piece]


def spelled(piece: np.ndarray) -> str:
    """A piece as names of notes, frame after frame, held ones in brackets."""
    names = notes.names()
    return " ".join(names[token] for token in notes.encode(piece)[1:])


def nats_of_frames(model: keras.Model, pieces: list[np.ndarray]) -> tuple[float, float]:
    """Mean nats of a frame, and of a frame but each piece's first one.

    A frame's nats are the sum over its notes and its end, given all before in the
    piece, whose key is left open; the mean is over the frames of all pieces. What says
    that a piece ends is in neither.
    """
    total, frames, first = 0.0, 0, 0.0
    order = sorted(pieces, key=len)  # of similar length together
    for start in range(0, len(order), ROWS):
        rows = [[END, ANY_KEY, *ids[1:-1]] for ids in order[start : start + ROWS]]
        ids = np.zeros((len(rows), max(map(len, rows))), "int32")
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
        nats = nats_of_rows(model, ids)[:, 1:]  # not the key's
        ends = ids[:, 2:] == NEXT
        before = np.cumsum(ends, axis=1) - ends  # frames before each token's
        total, frames = total + nats.sum(), frames + ends.sum()
        first += nats[before == 0].sum()
    later = (total - first) / max(frames - len(pieces), 1)
    return float(total / frames), float(later)
