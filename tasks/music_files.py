"""Writes music as MIDI, MusicXML and WAV files."""

import itertools
import re
import wave
from pathlib import Path

import numpy as np

from data.midi import notes_of, write_midi
from tasks.compositions import spelled, voices
from tokens import notes
from tokens.notes import LOWEST

RATE = 16_000  # samples per second
QUARTER = 0.6  # seconds per quarter note
HARMONICS = 8
ATTACK, RELEASE = 0.012, 0.09  # seconds


def sung(piece: np.ndarray) -> list[list[tuple[int, int, int]]]:
    """Notes `(first frame, frame after the last, key)` of each voice."""
    voice_of = voices(piece)
    parts = [[] for _ in range(voice_of.shape[1])]
    for first, end, key in notes_of(piece):
        places = np.flatnonzero(voice_of[first] == key)
        parts[places[0] if len(places) else -1].append((first, end, key))
    return parts


def write_samples(run: Path, pieces: dict[str, np.ndarray], about: dict) -> dict:
    """Writes `samples/NAME.mid`, `.musicxml`, `.wav`; returns a figure of them."""
    items = []
    for name, piece in pieces.items():
        path = run / "samples" / f"{name}.mid"
        parts = write_files(path, piece, about["grid"], about["bar"])
        write_musicxml(path.with_suffix(".musicxml"), parts, about["grid"])
        rows = [
            (first, end, key + LOWEST, voice)
            for voice, part in enumerate(parts)
            for first, end, key in part
        ]
        items.append(
            {
                "title": f"samples/{name}.mid",
                "frames": len(piece),
                "notes": rows,
                "sound": f"samples/{name}.wav",
            }
        )
    title = "Generated pieces"
    return {"kind": "piano_roll", "title": title, "bar": about["bar"], "items": items}


def write_files(path: Path, piece: np.ndarray, grid: int, bar: int):
    """Writes a piece as MIDI and WAV in the same folder; returns its voices' notes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = sung(piece)
    quarters = [
        [(a / grid, b / grid, k + LOWEST) for a, b, k in part] for part in parts
    ]
    write_midi(path, quarters, bar / grid)
    write_wav(path.with_suffix(".wav"), quarters)
    return parts


def write_answer(text: str, ids: np.ndarray, coding: dict) -> str:
    """Writes an export's answer to `runs/music/try/`; returns its notes and path."""
    piece = notes.decode(ids)
    name = re.sub("[^A-Za-z0-9#]+", "-", text).strip("-") or "any"
    path = Path("runs/music/try") / f"{name[:40]}.mid"
    write_files(path, piece, int(coding["quarter"]), int(coding["bar"]))
    return f"{spelled(piece)}\n\n{path} and {path.stem}.wav"


def write_musicxml(path: Path, parts: list[list[tuple]], grid: int) -> None:
    """Writes a score for MuseScore and similar programs, one part per voice."""
    from fractions import Fraction

    from music21 import note, stream

    score = stream.Score()
    for voice in parts:
        part, now = stream.Part(), 0
        for first, end, key in voice:
            if first > now:
                part.append(note.Rest(quarterLength=Fraction(first - now, grid)))
            length = Fraction(end - first, grid)
            part.append(note.Note(key + LOWEST, quarterLength=length))
            now = end
        if voice:
            score.insert(0, part)
    score.write("musicxml", str(path))


def write_wav(path: Path, parts: list[list[tuple[float, float, int]]]) -> None:
    """Writes mono sound. Each note is a sum of harmonics; higher ones fade sooner."""
    last = max((end for part in parts for _, end, _ in part), default=0)
    total = np.zeros(int(RATE * (last * QUARTER + 0.5)) + 1, "float32")
    for first, end, pitch in itertools.chain(*parts):
        length = int(RATE * ((end - first) * QUARTER + RELEASE))
        time = np.arange(length, dtype="float32") / RATE
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        tone = np.zeros(length, "float32")
        for number in range(1, HARMONICS + 1):
            if number * frequency < RATE / 2:
                fading = np.exp(-(0.6 + 0.5 * number) * time)
                tone += (
                    np.sin(2 * np.pi * number * frequency * time) * fading / number**1.6
                )
        shape = np.minimum(time / ATTACK, 1) * np.minimum((time[::-1]) / RELEASE, 1)
        start = int(RATE * first * QUARTER)
        total[start : start + length] += (tone * shape)[: len(total) - start]
    total /= max(np.abs(total).max(), 1e-9)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((total * 30_000).astype("<i2").tobytes())
