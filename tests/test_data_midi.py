"""MIDI files, piano rolls and scores become pieces, or errors that give the reason."""

import json
from fractions import Fraction

import mido
import numpy as np
import pytest

from data import chorales, rolls, scores
from data.catalog import CATALOG, locate
from data.errors import UserError
from data.midi import (
    KEYS,
    LOWEST,
    common_grid,
    notes_of,
    on_grid,
    read_notes,
    read_pieces,
    write_midi,
)
from data.parts import PARTS
from tests.test_data_catalog import SHARED


def piece_of(*notes, frames):
    """Returns a piece from notes `(first frame, frame after the last, pitch)`."""
    piece = np.zeros((frames, KEYS), "uint8")
    for first, end, pitch in notes:
        piece[first, pitch - LOWEST] = 1
        piece[first + 1 : end, pitch - LOWEST] = 2
    return piece


def write(path, *messages, ticks=480):
    """Writes a file of messages `(ticks since the last one, mido's name, fields)`."""
    track = mido.MidiTrack()
    for time, kind, fields in messages:
        meta = kind in ("set_tempo", "time_signature", "text")
        track.append(
            (mido.MetaMessage if meta else mido.Message)(kind, time=time, **fields)
        )
    midi = mido.MidiFile(ticks_per_beat=ticks)
    midi.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    midi.save(path)
    return path


def note(time, pitch, velocity=64, channel=0):
    return time, "note_on", {"note": pitch, "velocity": velocity, "channel": channel}


# Reading ----------------------------------------------------------------------------


def test_notes_by_hand(tmp_path):
    path = write(
        tmp_path / "a.mid",
        (0, "time_signature", {"numerator": 3, "denominator": 8}),
        note(0, 60),
        note(240, 64, channel=3),
        note(240, 60, 0),
        (480, "set_tempo", {"tempo": 200_000}),  # times are beats: no effect
        (0, "time_signature", {"numerator": 7, "denominator": 4}),  # the first counts
        (0, "note_off", {"note": 64, "channel": 3}),
        note(0, 36, channel=9),  # percussion
        note(120, 20),  # lower than a piano
        note(120, 20, 0),
        note(0, 72),  # never ended: lasts until the track ends
        (960, "text", {"text": "end"}),
    )
    music = read_notes(path)
    half = Fraction(1, 2)
    assert music.notes == [(0, 1, 60), (half, 2, 64), (2 + half, 4 + half, 72)]
    assert (music.bar, music.left_out) == (1.5, 1)


def test_a_note_struck_again_while_it_sounds(tmp_path):
    path = write(
        tmp_path / "a.mid",
        note(0, 60),
        note(480, 60),
        note(480, 60, 0),
        note(480, 60, 0),
    )
    piece = on_grid(read_notes(path), 1)
    assert piece[:, 60 - LOWEST].tolist() == [1, 1]


def test_a_note_struck_again_at_the_moment_of_its_end(tmp_path):
    """Some writers place the new beginning before the old end: it goes on."""
    path = write(
        tmp_path / "a.mid",
        note(0, 60),
        note(480, 60),
        note(0, 60, 0),
        note(960, 60, 0),
    )
    assert read_notes(path).notes == [(0, 1, 60), (1, 3, 60)]


TRACK = bytes.fromhex("00903c40 8360803c40 00ff2f00".replace(" ", ""))
C_QUARTER = [(0, 1, 60)]


def midi_bytes(*tracks, promised=None, division=480):
    head = [0, 0, 0, 1, *divmod(promised or len(tracks), 256), *divmod(division, 256)]
    chunks = [b"MThd\0\0\0\6" + bytes(head[2:])]
    chunks += [b"MTrk" + len(track).to_bytes(4) + track for track in tracks]
    return b"".join(chunks)


@pytest.mark.parametrize(
    ("content", "cut"),
    [
        (midi_bytes(TRACK), False),
        (midi_bytes(b"\0\xff\x59\2\x08\0" + TRACK), False),  # a key of 8 sharps
        (midi_bytes(b"\0\xff\x59\0" + TRACK), False),  # a key without content
        (midi_bytes(b"\0\xff\x58\4\0\2\x18\x08" + TRACK), False),  # zero fourths
        (midi_bytes(b"\0\xff\x51\1\x07" + TRACK), False),  # a tempo cut short
        (midi_bytes(b"\0\xf0\3abc" + TRACK), False),  # system exclusive
        (midi_bytes(b"\0\xf3\5" + TRACK), False),  # song select
        (midi_bytes(TRACK, promised=9), False),
        (b"RIFF....RMIDdata...." + midi_bytes(TRACK), False),
        (midi_bytes(TRACK) + b"XFIH\0\0\0\2ab", False),  # a chunk of a vendor's
        (midi_bytes(TRACK)[:-4], True),  # no end of the track
        (midi_bytes(TRACK + b"\0\x90\x40"), False),  # what follows the end
        (midi_bytes(TRACK[:-4] + b"\0\x90\x40"), True),  # ends within an event
        (midi_bytes(TRACK[:-4] + b"\xff\xff\xff\xff\x90\x40\x40"), True),  # endless
        (midi_bytes(b"\0\x40\x40" + TRACK, TRACK), True),  # data without a status
    ],
)
def test_files_that_break_the_standard_are_read_as_players_read_them(
    tmp_path, content, cut
):
    path = tmp_path / "a.mid"
    path.write_bytes(content)
    found = read_notes(path)
    assert (found.notes, found.bar, found.cut) == (C_QUARTER, 4.0, cut)


def test_a_broken_file_among_others_is_said(tmp_path, capsys):
    folder = some_midi(tmp_path / "midi")
    (folder / "cut.mid").write_bytes(midi_bytes(TRACK)[:-4])
    pieces, _ = read_pieces(folder)
    assert sum(map(len, pieces.values())) == 31
    assert "read up to a fault: 1 of 31 files" in capsys.readouterr().err


def test_notes_are_those_that_mido_reads(tmp_path):
    """Overlapping notes, both kinds of ends, several channels, running status."""
    random = np.random.default_rng(5)
    for number in range(20):
        messages, ticks = [], 0
        for _ in range(200):
            pitch, channel = int(random.integers(40, 44)), int(random.integers(0, 3))
            velocity, wait = int(random.choice([0, 60])), int(random.integers(0, 300))
            kind = random.choice(["on", "off"], p=[0.8, 0.2])
            fields = {"note": pitch, "channel": channel, "velocity": velocity}
            messages.append((wait, f"note_{kind}", fields))
            ticks += wait
        path = write(tmp_path / f"{number}.mid", *messages)
        sounding, now, wanted = {}, 0, []
        for message in mido.MidiFile(path).tracks[0]:
            now += message.time
            if message.is_meta:
                continue
            key = message.channel, message.note
            if message.type == "note_on" and message.velocity:
                sounding.setdefault(key, []).append(now)
                continue
            begun = sounding.pop(key, [])
            before = [first for first in begun if first < now]
            if before and len(before) < len(begun):
                sounding[key] = [first for first in begun if first == now]
                begun = before
            wanted += [(first, now, message.note) for first in begun]
        wanted += [
            (first, ticks, pitch)
            for (_, pitch), begun in sounding.items()
            for first in begun
        ]
        notes = [(480 * f, 480 * e, pitch) for f, e, pitch in read_notes(path).notes]
        assert notes == sorted(wanted)


def test_frames():
    from data.midi import Notes

    quarter = Fraction(1, 4)
    music = Notes([(0, quarter, 60), (2 * quarter, 2, 60), (Fraction(1, 100), 1, 67)])
    wanted = piece_of((0, 1, 60), (2, 8, 60), (0, 4, 67), frames=8)
    np.testing.assert_array_equal(on_grid(music, 4), wanted)
    short = on_grid(Notes([(0, quarter, 60)]), 1)  # one frame at least
    np.testing.assert_array_equal(short, piece_of((0, 1, 60), frames=1))
    assert notes_of(wanted) == [(0, 1, 39), (0, 4, 46), (2, 8, 39)]
    wanted[0, 39] = 0
    wanted[1, 39] = 2  # held without a beginning: it begins here
    assert (1, 2, 39) in notes_of(wanted)


def test_the_coarsest_grid_that_fits():
    from data.midi import Notes

    def grid_of(*firsts):
        return common_grid(
            [Notes([(Fraction(f), Fraction(f) + 1, 60) for f in firsts])]
        )

    assert grid_of(0, 1, 2, 7) == 1
    assert grid_of(0, "1/2", 2) == 2
    assert grid_of(0, "1/3") == 3
    assert grid_of("1/2", "1/3") == 6
    assert grid_of(*[0] * 95, *["1/4"] * 5) == 1
    assert grid_of(*[0] * 94, *["1/4"] * 6) == 4
    assert grid_of("1/5", "1/7", "1/11") == 4


def test_what_is_written_is_read_again(tmp_path):
    random = np.random.default_rng(0)
    for number, grid in enumerate((1, 2, 3, 4, 12)):
        piece = random.integers(0, 3, (20, KEYS)).astype("uint8")
        piece *= random.random(piece.shape) < 0.1
        # A held frame needs a sounding one before it; the last frame must sound.
        piece = np.where((piece == 2) & (np.roll(piece, 1, 0) == 0), 1, piece)
        piece[0, piece[0] == 2] = 1
        piece[-1, 0] = 1
        beats = [(a / grid, b / grid, k + LOWEST) for a, b, k in notes_of(piece)]
        write_midi(tmp_path / f"{number}.mid", [beats[::2], beats[1::2]], bar=3.0)
        music = read_notes(tmp_path / f"{number}.mid")
        np.testing.assert_array_equal(on_grid(music, grid), piece)
        assert music.bar == 3.0


def some_midi(folder, count=30):
    for number in range(count):
        write(
            folder / f"{number}.mid",
            note(0, 60 + number % 12),
            note(480, 60 + number % 12, 0),
        )
    return folder


def test_a_folder_is_split_by_names(tmp_path):
    pieces, about = read_pieces(some_midi(tmp_path / "all"))
    assert about == {"grid": 1, "bar": 4}
    assert (
        sorted(map(len, pieces.values())) == [2, 2, 26]
        or sum(map(len, pieces.values())) == 30
    )
    again, _ = read_pieces(some_midi(tmp_path / "elsewhere"))
    for part in PARTS:
        assert [p.tolist() for p in pieces[part]] == [p.tolist() for p in again[part]]


def test_named_parts_and_other_spellings(tmp_path):
    for part, pitch in (("Train", 60), ("valid", 62), ("test", 64)):
        write(tmp_path / part / "deep" / "x.MIDI", note(0, pitch), note(240, pitch, 0))
    pieces, _ = read_pieces(tmp_path, grid=2)
    keys = {part: np.flatnonzero(each[0][0]).tolist() for part, each in pieces.items()}
    assert keys == {"train": [39], "validation": [41], "test": [43]}


def test_files_that_are_not_read_are_named(tmp_path, capsys):
    folder = some_midi(tmp_path / "midi")
    (folder / "text.mid").write_text("no music at all\n")
    (folder / "empty.mid").write_bytes(b"")
    whole = (folder / "3.mid").read_bytes()
    (folder / "torn.mid").write_bytes(whole[: len(whole) // 2])
    write(folder / "silent.mid", (0, "text", {"text": "nothing"}))
    write(folder / "drums.mid", note(0, 40, channel=9), note(9, 40, 0, channel=9))
    write(folder / "low.mid", note(0, 60), note(0, 5), note(480, 60, 0), note(9, 5, 0))
    pieces, _ = read_pieces(folder)
    assert sum(map(len, pieces.values())) == 31  # low.mid has another note
    errors = capsys.readouterr().err
    for name in ("text", "empty", "torn", "silent", "drums"):
        assert f"{name}.mid: " in errors
    assert "left out: 1 notes outside a piano's range" in errors


@pytest.mark.parametrize(
    ("make", "naming"),
    [
        (lambda path: None, "expected a folder of MIDI files"),
        (lambda path: path.write_text("x"), "expected a folder of MIDI files"),
        (lambda path: path.mkdir(), "found none"),
        (lambda path: [path.mkdir(), (path / "a.txt").write_text("x")], "found none"),
        (lambda path: [path.mkdir(), (path / "a.mid").write_text("x")], "none of 1"),
        (lambda path: some_midi(path, 2), "found none for"),
    ],
)
def test_folders_of_no_use(tmp_path, make, naming):
    make(tmp_path / "midi")
    with pytest.raises(UserError, match=naming):
        read_pieces(tmp_path / "midi")


def test_three_hours(tmp_path):
    """A piece may last three hours; a file that claims to last for days is refused."""
    ends = [note(480 * 21_600 - 480, 60), note(480, 60, 0)]
    piece = on_grid(
        read_notes(write(tmp_path / "long.mid", note(0, 62), note(480, 62, 0), *ends)),
        4,
    )
    assert len(piece) == 4 * 21_601
    days = [note(0, 60), note(2**28 - 1, 60, 0)]
    never_ended = [note(0, 60), note(9, 62), note(480, 62, 0), note(2**28 - 1, 90, 0)]
    for messages in (days, never_ended):
        with pytest.raises(UserError, match="longer than 60000 quarter notes"):
            read_notes(write(tmp_path / "days.mid", *messages))


# Rolls ------------------------------------------------------------------------------

STEPS = [[60, 64], [60, 64], [], [62]]


def test_json_of_piano_rolls(tmp_path, monkeypatch):
    monkeypatch.setattr("data.catalog.CACHE", tmp_path / "cache")
    path = tmp_path / "mine.json"
    path.write_text(
        json.dumps({"train": [STEPS] * 3, "valid": [STEPS], "test": [[[70]]]})
    )
    pieces, about = read_pieces(locate(str(path)))
    assert about["grid"] == 1
    assert list(map(len, pieces.values())) == [3, 1, 1]
    struck = [(n, n + 1, p) for n, step in enumerate(STEPS) for p in step]
    np.testing.assert_array_equal(pieces["train"][0], piece_of(*struck, frames=4))
    np.testing.assert_array_equal(pieces["test"][0], piece_of((0, 1, 70), frames=1))


def test_matlab_of_piano_rolls(tmp_path, monkeypatch):
    from scipy.io import savemat

    monkeypatch.setattr("data.catalog.CACHE", tmp_path / "cache")
    random = np.random.default_rng(0)
    cells = {}
    for name, count in (("traindata", 3), ("validdata", 2), ("testdata", 1)):
        cells[name] = np.empty((1, count), object)
        for number in range(count):
            roll = (random.random((6, KEYS)) < 0.05).astype("float64")
            roll[-1, 5] = 1
            cells[name][0, number] = roll
    savemat(tmp_path / "mine.mat", cells)
    pieces, _ = read_pieces(locate(str(tmp_path / "mine.mat")))
    for part, name in rolls.MAT.items():
        for ours, theirs in zip(pieces[part], cells[name][0], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        '{"train": [[[60]]], "valid": []}',
        '{"train": [[[5]]], "valid": [], "test": []}',
        '{"train": 3, "valid": [], "test": []}',
    ],
)
def test_other_json_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match="expected JSON of train, valid and test"):
        rolls.convert(tmp_path / "a.json", tmp_path / "out")


def test_other_matlab_files_are_refused(tmp_path):
    (tmp_path / "a.mat").write_text("nothing")
    with pytest.raises(UserError, match="expected MATLAB's traindata"):
        rolls.convert(tmp_path / "a.mat", tmp_path / "out")


def test_jsb_chorales_are_the_published_rolls(tmp_path, monkeypatch):
    path = SHARED / "jsb-chorales" / "jsb-chorales-quarter.json"
    if not path.exists():
        pytest.skip("no jsb-chorales at hand")
    monkeypatch.setattr("data.catalog.CACHE", tmp_path / "cache")
    monkeypatch.setenv("DATA_HOME", str(SHARED))
    pieces, about = read_pieces(locate("jsb-chorales"))
    assert about == {"grid": 1, "bar": 4}
    published = json.loads(path.read_text())
    for part, name in rolls.JSON.items():
        assert len(pieces[part]) == len(published[name])
        for ours, theirs in zip(pieces[part], published[name], strict=True):
            wanted = np.zeros((len(theirs), KEYS), "uint8")
            for frame, pitches in enumerate(theirs):
                wanted[frame, np.array(pitches, int) - LOWEST] = 1
            np.testing.assert_array_equal(ours, wanted)
    assert CATALOG["jsb-chorales"].size == path.stat().st_size


# Scores -----------------------------------------------------------------------------


def test_a_chorale_is_read_as_it_is_written(tmp_path):
    """The first notes of BWV 269, as in the printed edition."""
    scores.write(
        tmp_path,
        [("bwv269", "bach/bwv269", None)] * 1
        + [(name, f"bach/{name}", None) for name in ("bwv347", "bwv153.1", "bwv86.6")]
        + [("nothing", "bach/there-is-none", None)],
    )
    files = {path.stem: path for path in tmp_path.rglob("*.mid")}
    assert sorted(files) == ["bwv153.1", "bwv269", "bwv347", "bwv86.6"]
    music = read_notes(files["bwv269"])
    assert music.bar == 3.0
    first = [pitch for first, _, pitch in music.notes if first == 0]
    assert first == [43, 59, 62, 67]  # G2 B3 D4 G4
    top = [p for f, _, p in sorted(music.notes) if f in (0, 1, 3, 4)]
    assert {67, 62, 59, 43} <= set(top)


def test_settings_of_one_melody_stay_together():
    voices = [[(n, n + 1, p) for n, p in enumerate([60, 62, 64, 65])]]
    higher = [[(n, n + 2, p + 5) for n, _, p in voices[0]]]
    other = [[(n, n + 1, p) for n, p in enumerate([60, 62, 63, 65])]]
    assert scores._melody(voices) == scores._melody(higher) != scores._melody(other)


def test_names_of_the_chorales_and_the_tunes():
    from data import folk

    names = [name for name, _, _ in chorales.sources()]
    assert len(names) == len(set(names)) > 340
    assert len(folk.sources()) > 1000
    assert len(chorales.version()) == 12 != folk.version()


def test_the_sample_has_cadences_in_all_keys(tmp_path):
    from tokens import notes

    chorales.sample(tmp_path)
    keys = {}
    for path in tmp_path.iterdir():
        keys[path.stem] = notes.key_of(on_grid(read_notes(path), 1))
    assert len(set(keys.values())) == 24
    assert keys["major-48"] == notes.MAJOR and keys["minor-45"] == notes.MINOR + 9
