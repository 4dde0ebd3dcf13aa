"""Bach's chorales, as music21 carries them, as MIDI files."""

from functools import partial
from pathlib import Path

from data import scores
from data.midi import write_midi

# Half tones of the four voices above the tonic: I IV V I, in minor i iv V i.
CADENCES = {
    "major": ([24, 24, 23, 24], [19, 21, 19, 19], [16, 17, 14, 16], [0, 5, 7, 0]),
    "minor": ([24, 24, 23, 24], [19, 20, 19, 19], [15, 17, 14, 15], [0, 5, 7, 0]),
}

version = partial(scores.version, __file__)


def write(folder: Path) -> None:
    """Write `train/bwv1.6.mid` ..., `validation/` and `test/` into `folder`.

    Settings of one tune stay in one part: a model that read one would know the other's
    melody. Which tune it is, the soprano's intervals say.
    """
    scores.write(folder, sources())


def sources() -> list[tuple[str, str, int | None]]:
    from music21 import corpus

    # The four-part chorales of Riemenschneider's edition.
    names = sorted({*corpus.chorales.Iterator(returnType="filename")})
    return [(Path(name).name, name, None) for name in names]


def sample(folder: Path) -> None:
    """Write cadences in all keys into `folder`, to try what reads MIDI files: small,
    and nobody's."""
    for mode, voices in CADENCES.items():
        for tonic in range(43, 55):
            sung = [
                [(n, n + 1, tonic + step) for n, step in enumerate(2 * voice)]
                for voice in voices
            ]
            write_midi(folder / f"{mode}-{tonic}.mid", sung)
