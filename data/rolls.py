"""Piano rolls, as papers share them, as folders of MIDI files.

A roll holds a piece's pitches step by step and does not say which are held: each step
becomes a quarter note, in which all are struck. Read again it is the same roll.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from data.errors import UserError
from data.midi import KEYS, LOWEST, write_midi

# Names of the parts: of czhuang's JSB-Chorales-dataset, and of locuslab's TCN.
JSON = {"train": "train", "validation": "valid", "test": "test"}
MAT = {"train": "traindata", "validation": "validdata", "test": "testdata"}
SUFFIXES = {".json", ".mat"}


def digest(path: Path) -> str:
    """sha256 of this code, of what writes, and of the file."""
    here = Path(__file__)
    code = here.read_bytes() + here.with_name("midi.py").read_bytes()
    return hashlib.sha256(code + path.read_bytes()).hexdigest()


def convert(path: Path, folder: Path) -> None:
    """Write `train/0000.mid` ..., `validation/` and `test/` into `folder`.

    Args:
        path: JSON of `train`, `valid` and `test`, each a list of pieces, these lists of
            steps, these lists of pitches; or a MATLAB file of `traindata`, `validdata`
            and `testdata`, cells of `[steps, 88]`.
    """
    parts = _read_mat(path) if path.suffix == ".mat" else _read_json(path)
    for part, pieces in parts.items():
        (folder / part).mkdir(parents=True)
        for number, steps in enumerate(pieces):
            voices = {}
            for place, pitches in enumerate(steps):
                # In the order of their height, which is that of voices.
                for voice, pitch in enumerate(sorted({*pitches}, reverse=True)):
                    voices.setdefault(voice, []).append((place, place + 1, pitch))
            write_midi(folder / part / f"{number:04}.mid", [*voices.values()])


def _read_json(path: Path) -> dict:
    try:
        found = json.loads(path.read_text("utf-8"))
        parts = {
            part: [
                [[_pitch(pitch) for pitch in step] for step in piece]
                for piece in found[name]
            ]
            for part, name in JSON.items()
        }
    except (OSError, ValueError, TypeError, LookupError) as error:
        wanted = "train, valid and test with pieces of steps of MIDI pitches"
        raise UserError(f"{path}: expected JSON of {wanted}: {error!r}") from None
    return parts


def _pitch(value) -> int:
    pitch = int(value)
    if not LOWEST <= pitch < LOWEST + KEYS:
        raise ValueError(f"pitch {pitch} is on no piano")
    return pitch


def _read_mat(path: Path) -> dict:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        found = loadmat(path)
        parts = {
            part: [
                [(np.flatnonzero(step) + LOWEST).tolist() for step in _roll(piece)]
                for piece in np.ravel(found[name])
            ]
            for part, name in MAT.items()
        }
    except (MatReadError, OSError, ValueError, TypeError, LookupError) as error:
        wanted = "traindata, validdata and testdata, cells of [steps, 88]"
        raise UserError(f"{path}: expected MATLAB's {wanted}: {error!r}") from None
    return parts


def _roll(piece) -> np.ndarray:
    roll = np.asarray(piece)
    if roll.ndim != 2 or roll.shape[1] != KEYS:
        raise ValueError(f"a piece of shape {roll.shape}")
    return roll
