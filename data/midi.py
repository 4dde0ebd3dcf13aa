"""MIDI files as tables of piano keys, and back.

A piece is `uint8 [frames, 88]`, as in `tokens/notes.py`: in each frame, a fraction of a
quarter note, each key (A0 to C8) is silent (0), struck (1) or held (2). Tempo, tempo
changes, loudness, pedals and instruments are ignored, and percussion is left out.
"""

import sys
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from data.errors import UserError
from data.midi_events import NOTE_ON, TIME_SIGNATURE, Track, read_midi
from data.parts import PARTS, split_by_name

KEYS, LOWEST = 88, 21
GRIDS = (1, 2, 3, 4, 6, 8, 12)  # frames per quarter note
ON_GRID = 0.95  # share of the notes that must begin on the grid
MAX_QUARTERS = 60_000  # per piece: 8 hours at 120 quarter notes per minute
PERCUSSION = 9  # its channel, counted from 0
SUFFIXES = {".mid", ".midi"}
NAMES = {"valid": "validation", "val": "validation"}  # accepted names of folders
TICKS = 480  # per quarter note, in files written here
TEMPO = 500_000  # microseconds per quarter note, in files written here


@dataclass
class Notes:
    """A file's notes `[(first, end, pitch)]`, in quarter notes and MIDI pitches; its
    quarter notes per bar (default: 4); its number of notes outside a piano's range;
    whether it is broken, and was read up to the fault."""

    notes: list[tuple[Fraction, Fraction, int]]
    bar: float = 4.0
    left_out: int = 0
    cut: bool = False


def read_notes(path: Path) -> Notes:
    """Reads a MIDI file. Raises `UserError` if it is none, or has no notes."""
    try:
        midi = read_midi(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as MIDI: {error}") from None
    piece = Notes([], cut=any(track.cut for track in midi.tracks))
    for track in midi.tracks:
        _read_track(track, midi.ticks, piece)
    piece.notes.sort()
    if not piece.notes:
        raise UserError(f"{path}: no notes within a piano's range")
    if max(end for _, end, _ in piece.notes) > MAX_QUARTERS:
        raise UserError(f"{path}: longer than {MAX_QUARTERS} quarter notes")
    return piece


def _read_track(track: Track, ticks: int, piece: Notes) -> None:
    sounding, measured = {}, False

    def end(key, now):
        begun = sounding.pop(key)
        # A note that begins at this moment goes on: the end means an earlier one.
        ended = [first for first in begun if first < now] or begun
        if len(ended) < len(begun):
            sounding[key] = [now] * (len(begun) - len(ended))
        _, pitch = key
        if LOWEST <= pitch < LOWEST + KEYS:
            piece.notes += [
                (Fraction(first, ticks), Fraction(now, ticks), pitch) for first in ended
            ]
        else:
            piece.left_out += len(ended)

    for tick, kind, channel, first, second in track.events:
        key = channel, first
        if kind == TIME_SIGNATURE:
            piece.bar = piece.bar if measured else 4 * first / second
            measured = True
        elif channel == PERCUSSION:
            continue
        elif kind == NOTE_ON:
            sounding.setdefault(key, []).append(tick)
        elif key in sounding:
            end(key, tick)
    while sounding:  # notes that never end last as long as the track
        end(next(iter(sounding)), track.end)


def on_grid(notes: Notes, grid: int) -> np.ndarray:
    """The piece `uint8 [frames, 88]` of notes, at `grid` frames per quarter note.

    A note sounds for at least one frame.
    """
    places = [
        (
            begin := round(first * grid),
            max(begin + 1, round(end * grid)),
            pitch - LOWEST,
        )
        for first, end, pitch in notes.notes
    ]
    piece = np.zeros((max(end for _, end, _ in places), KEYS), "uint8")
    for begin, end, key in places:
        piece[begin + 1 : end, key] = 2
    for begin, _, key in places:
        piece[begin, key] = 1
    return piece


def common_grid(pieces: list[Notes]) -> int:
    """The fewest frames per quarter note on which nearly all notes begin."""
    rests = Counter(first % 1 for piece in pieces for first, _, _ in piece.notes)
    total = rests.total()
    shares = {
        grid: sum(n for rest, n in rests.items() if (rest * grid) % 1 == 0) / total
        for grid in GRIDS
    }
    fitting = [grid for grid in GRIDS if shares[grid] >= ON_GRID]
    # In music played by hand, notes begin anywhere: use sixteenth notes.
    return fitting[0] if fitting else 4


def read_all(path: Path, grid: int) -> list[np.ndarray]:
    """The pieces in a folder of MIDI files, at `grid` frames per quarter note."""
    return [on_grid(each, grid) for each in _read_folder(path).values()]


def read_pieces(path: Path, grid: int = 0) -> tuple[dict[str, list[np.ndarray]], dict]:
    """Returns the pieces of each part, and `{"grid": ..., "bar": ...}`, the frames of a
    quarter note and of a bar.

    The folders `train`, `validation` (or `valid`, `val`) and `test` are the parts. If
    they are missing, all files, at any depth, are split by name. Files that cannot be
    read are left out and listed on standard error.

    Args:
        path: a folder of MIDI files.
        grid: frames per quarter note; 0: `common_grid` of the training part.

    Raises `UserError` for no such folder, no readable MIDI file, or an empty part.
    """
    read = _read_folder(path)
    parts = _parts(path, read)
    for part in PARTS:
        if not parts[part]:
            raise UserError(
                f"{path}: expected MIDI files for training, validation and test, found "
                f"none for {part} among {len(read)}"
            )
    grid = grid or common_grid(parts["train"])
    bars = Counter(each.bar for each in parts["train"])
    bar = max(1, round(bars.most_common(1)[0][0] * grid))
    pieces = {part: [on_grid(each, grid) for each in parts[part]] for part in PARTS}
    return pieces, {"grid": grid, "bar": bar}


def _read_folder(path: Path) -> dict[Path, Notes]:
    if not path.is_dir():
        raise UserError(f"{path}: expected a folder of MIDI files")
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f"{path}: expected MIDI files (.mid, .midi), found none")
    read, wrong = {}, []
    for file in files:
        try:
            read[file] = read_notes(file)
        except UserError as error:
            wrong.append(str(error))
    for line in wrong[:5]:
        print(f"left out: {line}", file=sys.stderr)
    if len(wrong) > 5:
        print(f"left out: {len(wrong) - 5} more files", file=sys.stderr)
    if cut := sum(each.cut for each in read.values()):
        print(f"read up to a fault: {cut} of {len(read)} files", file=sys.stderr)
    if not read:
        raise UserError(f"{path}: none of {len(files)} MIDI files could be read")
    if beyond := sum(each.left_out for each in read.values()):
        print(f"left out: {beyond} notes outside a piano's range", file=sys.stderr)
    return read


def _parts(path: Path, read: dict[Path, Notes]) -> dict[str, list[Notes]]:
    folders = {file: file.relative_to(path).parts[0].lower() for file in read}
    named = {file: NAMES.get(name, name) for file, name in folders.items()}
    if set(PARTS) <= set(named.values()):
        return {part: [read[f] for f in read if named[f] == part] for part in PARTS}
    sizes = {f.relative_to(path).as_posix(): len(read[f].notes) for f in read}
    split = split_by_name(sizes)
    return {part: [read[path / name] for name in split[part]] for part in PARTS}


def notes_of(piece: np.ndarray) -> list[tuple[int, int, int]]:
    """Notes `[(first frame, frame after the last, key)]`; a note held without having
    been struck counts as struck."""
    notes = []
    for key in np.flatnonzero(piece.any(axis=0)):
        column = piece[:, key]
        before = np.r_[0, column[:-1]]
        begins = np.flatnonzero((column == 1) | ((column == 2) & (before == 0)))
        for first in begins:
            rest = np.flatnonzero(column[first + 1 :] != 2)
            end = first + 1 + (rest[0] if len(rest) else len(column) - first - 1)
            notes.append((int(first), int(end), int(key)))
    return sorted(notes)


def write_midi(path: Path, voices: list[list[tuple]], bar: float = 4.0) -> None:
    """Writes notes `[(first, end, pitch)]` in quarter notes, one track per voice, at
    120 quarter notes per minute. `bar` is the number of quarter notes per bar."""
    import mido

    midi = mido.MidiFile(ticks_per_beat=TICKS)
    head = mido.MidiTrack()
    meter = Fraction(bar / 4).limit_denominator(16)
    wide = 4 if 4 % meter.denominator == 0 else meter.denominator
    head.append(mido.MetaMessage("set_tempo", tempo=TEMPO))
    head.append(
        mido.MetaMessage(
            "time_signature", numerator=int(meter * wide), denominator=wide
        )
    )
    midi.tracks.append(head)
    for number, notes in enumerate(voices):
        channel = number % 15 + (number % 15 >= PERCUSSION)
        events = []
        for first, end, pitch in notes:
            events.append((round(first * TICKS), 1, pitch))
            events.append((round(end * TICKS), 0, pitch))
        track, now = mido.MidiTrack(), 0
        for tick, begins, pitch in sorted(events):  # notes end before others begin
            kind = "note_on" if begins else "note_off"
            track.append(
                mido.Message(
                    kind, channel=channel, note=pitch, velocity=72, time=tick - now
                )
            )
            now = tick
        midi.tracks.append(track)
    midi.save(path)
