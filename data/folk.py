"""Folk tunes of Britain, Ireland and America from the music21 corpus, as MIDI files.

Ryan's Mammoth Collection (Boston, 1883): reels, jigs and hornpipes for one voice.
"""

from functools import partial
from pathlib import Path

from data import scores

version = partial(scores.version, __file__)


def write(folder: Path) -> None:
    """Writes `train/NAME.mid` ..., `validation/` and `test/` into `folder`."""
    scores.write(folder, sources())


def sources() -> list[tuple[str, str, int | None]]:
    from music21 import corpus

    paths = corpus.getComposer("ryansMammoth")
    return [(path.stem, f"ryansMammoth/{path.name}", None) for path in sorted(paths)]
