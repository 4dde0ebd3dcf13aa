"""Converts piano rolls, as published with papers, to folders of MIDI files.

A roll lists a piece's pitches at each step but not which of them are held, so all notes
of a step are struck and last a quarter note. Reading the files gives the same roll.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from data.errors import UserError
from data.midi import KEYS, LOWEST, write_midi

# Names of the parts in czhuang's JSB-Chorales-dataset and in locuslab's TCN.
JSON = {"train": "train", "validation": "valid", "test": "test"}
MAT = {"train": "traindata", "validation": "validdata", "test": "testdata"}
SUFFIXES = {".json", ".mat"}


def digest(path: Path) -> str:
    """sha256 of this code, of `midi.py`, which writes the files, and of the file."""
    here = Path(__file__)
    code = here.read_bytes() + here.with_name("midi.py").read_bytes()
    return hashlib.sha256(code + path.read_bytes()).hexdigest()


def convert(path: Path, folder: Path) -> None:
    """Writes `train/0000.mid` ..., `validation/` and `test/` into `folder`.

    Args:
        path: JSON with `train`, `valid` and `test`, each a list of pieces; a piece is a
            list of steps, a step a list of pitches. Or a MATLAB file with `traindata`,
            `validdata` and `testdata`, cells of `[steps, 88]`.
    """
    parts = _read_mat(path) if path.suffix == ".mat" else _read_json(path)
    for part, pieces in parts.items():
        (folder / part).mkdir(parents=True)
        for number, steps in enumerate(pieces):
            voices = {}
            for place, pitches in enumerate(steps):
                # From the highest down: each voice keeps its rank.
                for voice, pitch in enumerate(sorted({*pitches}, reverse=True)):
                    voices.setdefault(voice, []).append((place, place + 1, pitch))
            write_midi(folder / part / f"{number:04}.mid", [*voices.values()])


def _read_json(path: Path) -> dict:
    try:
        pieces_by_name = json.loads(path.read_text("utf-8"))
        parts = {
            part: [
                [[_pitch(pitch) for pitch in step] for step in piece]
                for piece in pieces_by_name[name]
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
        raise ValueError(f"pitch {pitch} is outside a piano's range")
    return pitch


def _read_mat(path: Path) -> dict:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        pieces_by_name = loadmat(path)
        parts = {
            part: [
                [(np.flatnonzero(step) + LOWEST).tolist() for step in _roll(piece)]
                for piece in np.ravel(pieces_by_name[name])
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
