"""Shared by `chorales` and `folk`: music21 scores as MIDI files in three parts."""

import contextlib
import hashlib
import importlib.metadata
import itertools
import multiprocessing
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

from data.errors import UserError
from data.midi import KEYS, LOWEST, write_midi
from data.parts import PARTS, split_by_name
from data.progress import working

TUNE = 12  # first intervals that identify a melody


def version(code: str) -> str:
    """A hash of this code, of the file `code` and of music21's version number."""
    here = Path(__file__)
    files = (here, here.with_name("midi.py"), Path(code))
    text = b"".join(path.read_bytes() for path in files)
    text += _music21().encode()
    return hashlib.sha256(text).hexdigest()[:12]


def _music21() -> str:
    try:
        return importlib.metadata.version("music21")
    except importlib.metadata.PackageNotFoundError:
        raise UserError("music21 is not installed: pip install music21") from None


def write(folder: Path, sources: list[tuple[str, str, int | None]]) -> None:
    """Writes `train/NAME.mid` ..., `validation/` and `test/` into `folder`.

    Args:
        sources: for each score, the name of the file to write, the name in music21's
            corpus, and the number of the tune in that file, or None.

    Scores that music21 cannot read are left out and listed on standard error. Scores
    with the same melody stay in one part.
    """
    scores, wrong = {}, []
    # Spawned, because a fork would copy the locks of TensorFlow's threads.
    pool = ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))

    def state() -> str:
        return f"Reading score {len(scores) + len(wrong)} of {len(sources)}"

    with pool, working(state, stream=sys.stderr):
        for name, score in pool.map(_parsed, sources, chunksize=8):
            if isinstance(score, str):
                wrong.append(f"{name}: {score}")
            else:
                scores[name] = score
    for line in wrong[:5]:
        print(f"left out: {line}", file=sys.stderr)
    if len(wrong) > 5:
        print(f"left out: {len(wrong) - 5} more scores", file=sys.stderr)
    tunes = defaultdict(list)
    for name, (voices, _) in sorted(scores.items()):
        tunes[_melody(voices)].append(name)
    first = {names[0]: names for names in tunes.values()}
    sizes = {
        name: sum(len(scores[n][0][0]) for n in names) for name, names in first.items()
    }
    for part in PARTS:
        (folder / part).mkdir(parents=True)
    for part, names in split_by_name(sizes).items():
        for name in (n for one in names for n in first[one]):
            voices, bar = scores[name]
            write_midi(folder / part / f"{name}.mid", voices, bar)


def _melody(voices) -> tuple:
    """The first intervals of the top voice, which identify a melody in any key."""
    pitches = [pitch for _, _, pitch in voices[0]][: TUNE + 1]
    return tuple(b - a for a, b in itertools.pairwise(pitches))


def _parsed(source) -> tuple[str, tuple | str]:
    """Returns a score's name, then its voices `[[(first, end, pitch)]]` in quarter
    notes, highest first, with the quarter notes per bar; or why it has none."""
    from music21 import corpus

    name, where, number = source
    try:
        # music21's warnings about its own files are of no use here.
        with contextlib.redirect_stderr(None):
            score = corpus.parse(where, number=number)
        score = score.stripTies()
        parts = list(score.parts) or [score]
        voices = [_voice(part) for part in parts]
        meters = score.recurse().getElementsByClass("TimeSignature")
        bar = float(meters[0].barDuration.quarterLength) if meters else 4.0
    # The parser raises many kinds of errors; one bad file must not stop hundreds.
    except Exception as error:
        return name, f"{type(error).__name__}: {error}"
    if not any(voices):
        return name, "no notes"
    voices = [sorted(voice) for voice in voices if voice]
    begin = min(voice[0][0] for voice in voices)
    voices = [[(a - begin, b - begin, p) for a, b, p in voice] for voice in voices]
    return name, (voices, bar)


def _voice(part) -> list[tuple[Fraction, Fraction, int]]:
    notes = []
    for note in part.flatten().notes:
        first = Fraction(note.offset).limit_denominator(48)
        length = Fraction(note.quarterLength).limit_denominator(48)
        if length <= 0:  # a grace note
            continue
        for pitch in note.pitches:
            if LOWEST <= pitch.midi < LOWEST + KEYS:
                notes.append((first, first + length, pitch.midi))
    return notes
