"""The notes and time signatures of a standard MIDI file, read as players read them.

Large public collections hold many files that break the standard: impossible key
signatures, tracks cut short, fewer tracks than the header promises, files wrapped in
RIFF (`.rmi`). Players play them, but libraries that check every message refuse them. So
this reader interprets only what it needs, skips everything else by its length, and
keeps a broken track up to the fault.

Source: The Complete MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0, 1996.
"""

from typing import NamedTuple

NOTE_OFF, NOTE_ON = 0x80, 0x90
END_OF_TRACK, TIME_SIGNATURE = 0x2F, 0x58  # types of meta events
DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # after these; after others none


class Event(NamedTuple):
    """`kind` is `NOTE_ON`, `NOTE_OFF` or `TIME_SIGNATURE`; `first` and `second` are
    pitch and velocity, or numerator and denominator."""

    tick: int
    kind: int
    channel: int
    first: int
    second: int


class Track(NamedTuple):
    events: list[Event]  # in the order of time
    end: int  # tick
    cut: bool  # whether the track is broken, and was read up to the fault


class MidiFile(NamedTuple):
    ticks: int  # per quarter note
    tracks: list[Track]


def read_midi(content: bytes) -> MidiFile:
    """Reads the content of a MIDI file.

    Raises `ValueError` if it is none, or counts time in seconds.
    """
    place = content.find(b"MThd")
    if place < 0 or len(content) < place + 14:
        raise ValueError("expected a header MThd, found none")
    ticks = int.from_bytes(content[place + 12 : place + 14])
    if ticks == 0 or ticks >= 1 << 15:
        raise ValueError("time in seconds, not in quarter notes")
    place += 8 + int.from_bytes(content[place + 4 : place + 8])
    tracks = []
    while place + 8 <= len(content):
        size = int.from_bytes(content[place + 4 : place + 8])
        if content[place : place + 4] == b"MTrk":
            tracks.append(_read_track(content[place + 8 : place + 8 + size]))
        place += 8 + size
    return MidiFile(ticks, tracks)


def _read_track(data: bytes) -> Track:
    events, place, tick, status = [], 0, 0, 0

    def number() -> int:
        """A number of variable length: seven bits per byte, the last one below 128."""
        nonlocal place
        value = 0
        for _ in range(4):
            byte = data[place]
            place += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise IndexError

    try:
        while True:
            tick += number()
            event = status  # "running status": without a status, the previous one
            if data[place] >= 0x80:
                event = data[place]
                place += 1
            if event == 0xFF:
                kind = data[place]
                place += 1
                size = number()
                meta = data[place : place + size]
                place += size
                if kind == END_OF_TRACK:
                    return Track(events, tick, cut=False)
                if kind == TIME_SIGNATURE and len(meta) >= 2 and meta[0]:
                    events.append(Event(tick, kind, 0, meta[0], 1 << meta[1]))
            elif event in (0xF0, 0xF7):
                size = number()
                place += size
            elif event >= 0xF0:
                place += SYSTEM_BYTES.get(event, 0)
            elif event:
                status, kind = event, event & 0xF0
                first, second = data[place], data[place + DATA_BYTES[kind] - 1]
                place += DATA_BYTES[kind]
                if kind in (NOTE_ON, NOTE_OFF):
                    if not second:  # struck with velocity 0: that ends it
                        kind = NOTE_OFF
                    pitch, velocity = min(first, 127), min(second, 127)
                    events.append(Event(tick, kind, event & 0x0F, pitch, velocity))
            else:
                raise IndexError  # data that belong to no event
    except IndexError:  # the track ends within an event, or before its end is marked
        return Track(events, tick, cut=True)
