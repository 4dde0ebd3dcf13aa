"""Music in MIDI files as tables of piano keys, and back.

A piece is `uint8 [frames, 88]`, as `tokens/notes.py` says: of each key (A0 to
C8) whether it is silent (0), struck (1) or held (2) in a frame, a fraction of a quarter
note. Tempo, its changes, loudness, pedals and instruments are passed over; percussion
is left out.
"""

import sys
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from data.errors import UserError
from data.texts import PARTS, split_by_name

KEYS, LOWEST = 88, 21
GRIDS = (1, 2, 3, 4, 6, 8, 12)  # frames a quarter note
ON_GRID = 0.95  # share of the notes that begin on it
MOST_QUARTERS = 60_000  # of a piece: 8 hours at 120 a minute
PERCUSSION = 9  # the channel, counted from 0
SUFFIXES = {".mid", ".midi"}
NAMES = {"valid": "validation", "val": "validation"}  # of folders, for parts
TICKS = 480  # a quarter note's, of files written here
TEMPO = 500_000  # microseconds a quarter note, of files written here


@dataclass
class Notes:
    """Of a file: `[(first, end, pitch)]` in quarter notes, MIDI's pitch; the quarter
    notes of a bar where it says so, else 4; how many notes no piano has."""

    notes: list[tuple[Fraction, Fraction, int]]
    bar: float = 4.0
    left_out: int = 0


def read_notes(path: Path) -> Notes:
    """The notes of a MIDI file. Raises `UserError`: it is none, or has no notes."""
    import mido

    try:
        midi = mido.MidiFile(path, clip=True)
        if midi.ticks_per_beat < 1 or midi.ticks_per_beat >= 1 << 15:
            raise ValueError("time in seconds, not in quarter notes")
    # What mido raises of broken files is of many kinds.
    except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"{path}: not read as MIDI: {reason}") from None
    found = Notes([])
    for track in midi.tracks:
        _read_track(track, midi.ticks_per_beat, found)
    found.notes.sort()
    if not found.notes:
        raise UserError(f"{path}: no notes of a piano's range")
    if found.notes[-1][1] > MOST_QUARTERS:
        raise UserError(f"{path}: longer than {MOST_QUARTERS} quarter notes")
    return found


def _read_track(track, ticks: int, found: Notes) -> None:
    now, sounding, measured = 0, {}, False

    def end(key):
        if first := sounding.pop(key, []):
            _, pitch = key
            if LOWEST <= pitch < LOWEST + KEYS:
                found.notes += [
                    (Fraction(f, ticks), Fraction(now, ticks), pitch) for f in first
                ]
            else:
                found.left_out += len(first)

    for message in track:
        now += message.time
        if message.type == "time_signature" and not measured:
            measured = True
            found.bar = 4 * message.numerator / message.denominator
        if message.type not in ("note_on", "note_off") or message.channel == PERCUSSION:
            continue
        key = message.channel, message.note
        if message.type == "note_on" and message.velocity:
            sounding.setdefault(key, []).append(now)
        else:
            end(key)
    for key in list(sounding):  # never ended: as long as the track
        end(key)


def on_grid(found: Notes, grid: int) -> np.ndarray:
    """The piece `uint8 [frames, 88]` of notes, `grid` frames a quarter note.

    A note sounds for one frame at least.
    """
    places = [
        (
            begin := round(first * grid),
            max(begin + 1, round(end * grid)),
            pitch - LOWEST,
        )
        for first, end, pitch in found.notes
    ]
    piece = np.zeros((max(end for _, end, _ in places), KEYS), "uint8")
    for begin, end, key in places:
        piece[begin + 1 : end, key] = 2
    for begin, _, key in places:
        piece[begin, key] = 1
    return piece


def common_grid(pieces: list[Notes]) -> int:
    """The fewest frames a quarter note that nearly all notes begin on."""
    rests = Counter(first % 1 for piece in pieces for first, _, _ in piece.notes)
    total = rests.total()
    shares = {
        grid: sum(n for rest, n in rests.items() if (rest * grid) % 1 == 0) / total
        for grid in GRIDS
    }
    fitting = [grid for grid in GRIDS if shares[grid] >= ON_GRID]
    # Played by hand, notes begin anywhere: sixteenths then.
    return fitting[0] if fitting else 4


def read_all(path: Path, grid: int) -> list[np.ndarray]:
    """The pieces of a folder of MIDI files, `grid` frames a quarter note."""
    return [on_grid(each, grid) for each in _read_folder(path).values()]


def read_pieces(path: Path, grid: int = 0) -> tuple[dict[str, list[np.ndarray]], dict]:
    """The pieces of each part, and `{"grid": frames a quarter note, "bar": frames}`.

    A folder with the folders `train`, `validation` (or `valid`) and `test` is read so;
    else its files, at any depth, are split by their names. Files that are not read are
    named on standard error and left out.

    Args:
        path: a folder of MIDI files.
        grid: frames a quarter note, or 0: as `common_grid` says of the training part.

    Raises `UserError`: no such folder, no MIDI file in it that is read, an empty part.
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
    found = {part: [on_grid(each, grid) for each in parts[part]] for part in PARTS}
    return found, {"grid": grid, "bar": max(1, round(bars.most_common(1)[0][0] * grid))}


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
        print(f"left out: {len(wrong) - 5} files more", file=sys.stderr)
    if not read:
        raise UserError(f"{path}: none of {len(files)} MIDI files was read")
    if beyond := sum(each.left_out for each in read.values()):
        print(f"left out: {beyond} notes that no piano has", file=sys.stderr)
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
    """`[(first frame, frame after its last, key)]`; held from nothing is struck."""
    found = []
    for key in np.flatnonzero(piece.any(axis=0)):
        column = piece[:, key]
        before = np.r_[0, column[:-1]]
        begins = np.flatnonzero((column == 1) | ((column == 2) & (before == 0)))
        for first in begins:
            rest = np.flatnonzero(column[first + 1 :] != 2)
            end = first + 1 + (rest[0] if len(rest) else len(column) - first - 1)
            found.append((int(first), int(end), int(key)))
    return sorted(found)


def write_midi(path: Path, voices: list[list[tuple]], bar: float = 4.0) -> None:
    """Writes `[(first, end, pitch)]` in quarter notes, a track a voice, at 120 quarter
    notes a minute. `bar`: quarter notes, of which its meter is made."""
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
        for tick, begins, pitch in sorted(events):  # what ends ends first
            kind = "note_on" if begins else "note_off"
            track.append(
                mido.Message(
                    kind, channel=channel, note=pitch, velocity=72, time=tick - now
                )
            )
            now = tick
        midi.tracks.append(track)
    midi.save(path)
