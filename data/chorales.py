"""Bach's chorales from the music21 corpus, as MIDI files."""

from functools import partial
from pathlib import Path

from data import scores
from data.midi import write_midi

# Semitones of the four voices above the tonic: I IV V I, in minor i iv V i.
CADENCES = {
    "major": ([24, 24, 23, 24], [19, 21, 19, 19], [16, 17, 14, 16], [0, 5, 7, 0]),
    "minor": ([24, 24, 23, 24], [19, 20, 19, 19], [15, 17, 14, 15], [0, 5, 7, 0]),
}

version = partial(scores.version, __file__)


def write(folder: Path) -> None:
    """Writes `train/bwv1.6.mid` ..., `validation/` and `test/` into `folder`.

    Settings of the same tune stay in one part, because a model that has read one knows
    the melody of the others. Tunes are identified by the intervals of the soprano.
    """
    scores.write(folder, sources())


def sources() -> list[tuple[str, str, int | None]]:
    from music21 import corpus

    # The four-part chorales of Riemenschneider's edition.
    names = sorted({*corpus.chorales.Iterator(returnType="filename")})
    return [(Path(name).name, name, None) for name in names]


def sample(folder: Path) -> None:
    """Writes cadences in all keys into `folder`: a small sample of MIDI files that is
    free of copyright."""
    for mode, voices in CADENCES.items():
        for tonic in range(43, 55):
            sung = [
                [(n, n + 1, tonic + step) for n, step in enumerate(2 * voice)]
                for voice in voices
            ]
            write_midi(folder / f"{mode}-{tonic}.mid", sung)
