"""The music recipe: data, likelihood, composing, export and statistics."""

import json
import re
import shutil
import wave
import xml.etree.ElementTree
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import recipes.music as recipe
from data import chorales
from data.errors import UserError
from data.midi import on_grid, read_notes, write_midi
from recipes.music import (
    WINDOW,
    Config,
    build_model,
    compose,
    export,
    harmonize,
    load,
    load_data,
)
from tasks import compositions, likelihood, music_files
from tasks.composing import (
    compiled_composer,
    compose_below,
    forced_beginning,
    forced_melody,
)
from tasks.transposed import Pieces
from tests.processes import (
    ROOT,
    WITHOUT_KIT,
    WITHOUT_TENSORFLOW,
    python,
    python_on_jax,
)
from tokens import notes
from tokens.notes import (
    ANY_KEY,
    END,
    HELD,
    KEYS,
    LOWEST,
    MAJOR,
    NEXT,
    STRUCK,
    VOCAB,
)

VOCABULARY = {
    "grid": 2,
    "bar": 8,
    "most": 4,
    "held": True,
    "lowest": 20,
    "highest": 60,
}


def random_pieces(count=5, seed=0, frames=(3, 20)):
    random = np.random.default_rng(seed)
    pieces = []
    for _ in range(count):
        piece = np.zeros((random.integers(*frames), KEYS), "uint8")
        for row in piece:
            keys = random.choice(
                np.arange(25, 55), random.integers(0, 5), replace=False
            )
            row[keys] = random.integers(1, 3, len(keys))
        pieces.append(piece)
    return pieces


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    model = build_model(Config(units=7, layers=2), VOCABULARY)
    random = np.random.default_rng(3)
    for weight in model.weights:  # far from the initial values
        weight.assign(random.normal(0, 0.5, weight.shape))
    return model


@pytest.fixture(autouse=True)
def clear_compiled_composers():
    """Makes a test's use of XLA independent of the tests before it."""
    compiled_composer.cache_clear()


@pytest.fixture(scope="module")
def cadences(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cadences")
    chorales.sample(folder)
    return folder


# Data -------------------------------------------------------------------------------


def fake_run(data, vocabulary=None):
    """Returns the parts of a run that `load_data` uses."""
    return SimpleNamespace(
        data=data,
        test_data=None,
        options=SimpleNamespace(smoke=False),
        vocabulary=lambda: vocabulary,
        cached=lambda name, *more, make: make(),
    )


def test_a_loaded_model_reads_music_in_its_own_frames(cadences):
    data, vocabulary = load_data(Config(), fake_run(cadences))
    assert vocabulary["grid"] == 1 and vocabulary["most"] == 4
    assert not vocabulary["held"]
    assert vocabulary["lowest"] == 43 - LOWEST and vocabulary["highest"] > 70 - LOWEST
    assert sorted(data) == ["test", "train", "validation"]
    known = vocabulary | {"grid": 3, "highest": 5}
    loaded, loaded_vocabulary = load_data(Config(), fake_run(cadences, known))
    assert loaded_vocabulary == known
    for ours, theirs in zip(data["train"], loaded["train"], strict=True):
        once, thrice = notes.decode(ours), notes.decode(theirs)
        np.testing.assert_array_equal(np.repeat(once > 0, 3, axis=0), thrice > 0)


def streams(data):
    """Returns all ids `[rows, time]`; checks that each target is the next id."""
    batches = [data[index] for index in range(len(data))]
    for x, y in batches:
        np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    rows = np.concatenate([x for x, _ in batches], axis=1)
    after = np.concatenate([y for _, y in batches], axis=1)
    np.testing.assert_array_equal(rows[:, 1:], after[:, :-1])  # states are carried on
    return rows


def in_pieces(ids):
    return [tuple(part) for part in np.split(ids, np.flatnonzero(ids == END) + 1)]


def test_streams_are_the_pieces_in_other_keys():
    ids = [notes.encode(piece, MAJOR) for piece in random_pieces(40)]
    data = Pieces(ids, 1, 16, (3, 20, 60), seed=1)
    known = [tuple(each[1:]) for each in ids]
    orders, moves, keys = [], set(), set()
    for epoch in range(4):
        data.set_epoch(epoch)
        assert sum(map(len, ids)) == len(data.ids)
        order = []
        for key, *piece in filter(None, in_pieces(data.ids)):
            back = {
                known.index(tuple(notes.transpose(piece, step))): step
                for step in range(-3, 4)
                if tuple(notes.transpose(piece, step)) in known
            }
            assert back
            order.append(next(iter(back)))
            moves.update(back.values())
            keys.add(int(key))
            if key != ANY_KEY:
                assert notes.transpose([key], back[order[-1]])[0] == MAJOR
            sounding = [(note - STRUCK) % KEYS for note in piece if note >= STRUCK]
            assert not sounding or (min(sounding) >= 20 and max(sounding) <= 60)
        assert sorted(order) == list(range(40))
        orders.append(order)
        read = streams(data)[0]
        place = bytes(data.ids.astype("uint8")).find(bytes(read.astype("uint8")))
        assert 0 <= place < 16  # at an offset that changes each epoch
    assert moves == set(range(-3, 4))
    assert orders[0] != orders[1]
    assert ANY_KEY in keys and len(keys) > 4  # transposed keys, or none given
    again = Pieces(ids, 1, 16, (3, 20, 60), seed=1)
    for epoch in (2, 0):
        for each in (again, data):
            each.set_epoch(epoch)
        np.testing.assert_array_equal(streams(again), streams(data))


def test_validation_is_read_as_it_is():
    ids = [notes.encode(piece, MAJOR) for piece in random_pieces(20)]
    data = Pieces(ids, 2, WINDOW)
    data.set_epoch(3)
    np.testing.assert_array_equal(data.ids, np.concatenate(ids))


def test_nothing_is_moved_off_the_known_keys():
    """A piece that fills the range of known keys is not transposed."""
    piece = np.zeros((2, KEYS), "uint8")
    piece[:, [20, 60]] = 1
    ids = notes.encode(piece, MAJOR)
    data = Pieces([ids] * 200, 4, WINDOW, (6, 20, 60), seed=0)
    assert {each[1:] for each in in_pieces(data.ids) if each} == {tuple(ids[1:])}


def test_a_piece_beyond_the_known_keys_goes_no_farther():
    piece = np.zeros((2, KEYS), "uint8")
    piece[:, [10, 30]] = 1
    ids = notes.encode(piece, MAJOR)
    data = Pieces([ids] * 200, 4, WINDOW, (6, 20, 60), seed=0)
    notes_of_all = data.ids[(data.ids >= STRUCK)] - STRUCK
    assert set(notes_of_all.tolist()) == {*range(10, 17), *range(30, 37)}


def test_a_single_chord_is_too_little():
    with pytest.raises(UserError, match="too short"):
        Pieces([notes.encode(np.zeros((0, KEYS)))], 1, WINDOW, (6, 20, 60), seed=0)


# Likelihood -------------------------------------------------------------------------


def test_nats_of_frames_are_those_of_their_tokens(model, monkeypatch):
    monkeypatch.setattr(compositions, "ROWS", 3)
    monkeypatch.setattr(likelihood, "READ", 11)
    pieces = random_pieces(7, seed=2)
    total, later, frames = 0.0, 0.0, 0
    for piece in pieces:
        states = [keras.ops.zeros((1, 7))] * 4
        token, place = END, 0
        for following in [ANY_KEY, *notes.encode(piece)[1:]]:
            ids = keras.ops.convert_to_tensor([[int(token)]])
            logits, *states = model([ids, *states])
            p = np.exp(np.array(logits)[0, 0].astype("float64"))
            if following not in (END, ANY_KEY):
                nats = -np.log(p[following] / p.sum())
                total += nats
                later += nats * (place > 0)
            place += following == NEXT
            token = following
        frames += len(piece)
    ids = [notes.encode(piece, MAJOR) for piece in pieces]
    nats_per_frame = compositions.nats_of_frames(model, ids)
    wanted = total / frames, later / (frames - len(pieces))
    np.testing.assert_allclose(nats_per_frame, wanted, rtol=1e-5)


def test_probabilities_of_all_frames_add_up_to_one(model, monkeypatch):
    """On a keyboard of three keys: all 27 possible frames, and the end."""
    others = np.ones(VOCAB, bool)
    others[
        [NEXT, END, *(kind + key for kind in (STRUCK, HELD) for key in (3, 4, 5))]
    ] = False
    before = [ANY_KEY, STRUCK + 4, NEXT]
    total = 0.0
    frames = [
        [kind + key for kind, key in zip(kinds, (5, 4, 3), strict=True) if kind]
        for kinds in np.array(np.meshgrid(*[[0, STRUCK, HELD]] * 3)).reshape(3, -1).T
    ]
    assert len(frames) == 27
    for frame in [*([*frame, NEXT] for frame in frames), [END]]:
        ids = np.array([*before, *frame])
        states = [np.zeros((1, 7), "float32")] * 4
        logits = np.array(model([ids[None, :-1], *states])[0])[0].astype("float64")
        logits[:, others] = -np.inf
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        nats = log_p[np.arange(len(ids) - 1), ids[1:]][len(before) - 1 :]
        total += np.exp(nats.sum())
    np.testing.assert_allclose(total, 1.0, rtol=1e-6)


def test_what_is_no_frame_has_no_probability(model):
    ids = np.array([[ANY_KEY, STRUCK + 40, NEXT, HELD + 3, NEXT, END]])
    states = [np.zeros((1, 7), "float32")] * 4
    p = keras.ops.convert_to_numpy(keras.ops.softmax(model([ids, *states])[0]))[0]
    assert (p[~notes.may_follow()[ids[0]]] == 0).all()
    assert (p[notes.may_follow()[ids[0]]] > 0).all()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_training_reads_as_writing_does(cell):
    """The stateful training model equals the model that is given its states."""
    random = np.random.default_rng(0)
    ids = random.integers(1, VOCAB, (2, 3, 6)).astype("int32")
    config = Config(cell=cell, units=7, weight_dropout=0.5)
    model = build_model(config, VOCABULARY)
    training_model = build_model(config, VOCABULARY, 3)
    training_model.set_weights(model.get_weights())
    states = [keras.ops.zeros((3, 7))] * (len(model.inputs) - 1)
    for piece in ids:
        wanted, *states = model([keras.ops.convert_to_tensor(piece), *states])
        np.testing.assert_allclose(training_model(piece), wanted, rtol=1e-4, atol=1e-4)


# Composing --------------------------------------------------------------------------


@pytest.mark.usefixtures("without_xla")
def test_highest_notes_are_those_asked_for(model):
    asked = ["C4 E4 G4", "G5", "D minor"]
    pieces = compose(model, VOCABULARY, asked, frames=12, temperature=1.0, seed=5)
    for text, piece in zip(asked, pieces, strict=True):
        _, wanted = notes.beginning(text)
        for number, note in enumerate(wanted):
            for frame in range(2 * number, min(2 * number + 2, len(piece))):
                highest = np.flatnonzero(piece[frame])[-1]
                assert highest == note - STRUCK
                assert piece[frame, highest] == 1 + frame % 2
    assert all(6 <= len(piece) <= 12 for piece in pieces)  # at least half
    ends = {len(piece) for piece in compose(model, VOCABULARY, [""] * 40, frames=12)}
    assert min(ends) == 6 and len(ends) > 2
    struck = VOCABULARY | {"held": False}
    (free,) = compose(model, struck, ["C4"], frames=2, seed=5)
    assert free[: len(free), 39].tolist() == [1] * len(free)


@pytest.mark.usefixtures("without_xla")
def test_a_piece_begins_after_the_end_of_another(model):
    """As in training. With temperature 0, each token is the most probable one."""
    states = [keras.ops.zeros((1, 7))] * 4
    ids = [END, MAJOR + 2]
    for place in range(12):
        token = keras.ops.convert_to_tensor([[ids[place]]])
        logits, *states = model([token, *states])
        if place > 0:
            ids.append(int(np.array(logits)[0, 0].argmax()))
    tops = np.zeros((1, 30), "int32")
    vocabulary = VOCABULARY | {"most": KEYS}
    (piece,) = compose_below(model, vocabulary, [MAJOR + 2], tops, temperature=0.0)
    wanted = notes.decode(ids[1:])
    assert len(wanted) > 0 and END not in ids[1:]
    np.testing.assert_array_equal(piece[: len(wanted)], wanted)


@pytest.fixture(scope="module")
def melody():
    melody = np.zeros((9, KEYS), "uint8")
    for frame, key in enumerate([40, 40, 42, None, 44, 45, 45, 40, 20]):
        if key is not None:
            melody[frame, [key, key - 12]] = 1, 2
    melody[1, 40] = 2
    return melody


@pytest.mark.usefixtures("without_xla")
def test_a_melody_is_kept_to_its_end(model, melody):
    tops = forced_melody(melody, VOCABULARY)
    assert tops[:4].tolist() == [STRUCK + 40, HELD + 40, STRUCK + 42, NEXT]
    pieces = compose_below(model, VOCABULARY, [ANY_KEY] * 8, [tops] * 8, seed=1)
    for piece in pieces:
        assert len(piece) == len(melody)
        for ours, theirs in zip(piece, melody, strict=True):
            if not theirs.any():
                assert not ours.any()
                continue
            highest = np.flatnonzero(theirs)[-1]
            assert np.flatnonzero(ours)[-1] == highest
            assert ours[highest] == theirs[highest]
    without = forced_melody(melody, VOCABULARY | {"held": False})
    assert (without < HELD).all() and without[1] == STRUCK + 40
    # `harmonize` returns the same pieces, one at a time.
    for seed, piece in enumerate(pieces, start=1):
        alone = harmonize(model, VOCABULARY, melody, seed=seed)
        np.testing.assert_array_equal(alone, piece)
    assert len({piece.tobytes() for piece in pieces}) > 2


@pytest.mark.usefixtures("without_xla")
def test_a_row_depends_on_its_beginning_settings_and_seed_only(model):
    both = compose(model, VOCABULARY, ["C4", "G4 A4"], frames=10, seed=7)
    alone = compose(model, VOCABULARY, ["G4 A4"], frames=10, seed=8)
    np.testing.assert_array_equal(both[1], alone[0])
    other = compose(model, VOCABULARY, ["G4 A4"], frames=10, seed=9)
    assert alone[0].shape != other[0].shape or (alone[0] != other[0]).any()
    sure = compose(model, VOCABULARY, ["G4"] * 2, 10, temperature=0.0, seed=1)
    np.testing.assert_array_equal(*sure)


@pytest.mark.usefixtures("without_xla")
def test_a_loaded_model_writes_the_same(model, melody, tmp_path):
    model.save(tmp_path / "model.keras")
    (tmp_path / "vocabulary.json").write_text(json.dumps(VOCABULARY))
    loaded, vocabulary = load(tmp_path)
    assert vocabulary == VOCABULARY

    def written(model):
        asked = ["C4", "", "D minor: A4 F4"]
        pieces = compose(model, vocabulary, asked, frames=12, seed=3)
        return [*pieces, harmonize(model, vocabulary, melody)]

    for piece, wanted in zip(written(loaded), written(model), strict=True):
        np.testing.assert_array_equal(piece, wanted)


@pytest.mark.usefixtures("without_xla")
def test_models_write_by_their_own_weights(model):
    """Compiled programs are cached, but not reused for other models or old weights."""
    other = build_model(Config(units=7, layers=2), VOCABULARY)
    asked = (VOCABULARY, ["C4"] * 4, 12)

    def written(any_model):
        return b"".join(piece.tobytes() for piece in compose(any_model, *asked))

    ours, theirs = written(model), written(other)
    assert ours != theirs and written(model) == ours
    other.set_weights(model.get_weights())
    assert written(other) == ours


@pytest.mark.parametrize("wrong", ["H4", "C4 moll"])
def test_what_is_no_beginning_is_said(model, wrong):
    with pytest.raises(ValueError, match="expected a key or notes"):
        compose(model, VOCABULARY, ["C4", wrong])


def test_tops_of_first_notes():
    tops = forced_beginning([STRUCK + 5, STRUCK + 6], 6, VOCABULARY)
    assert tops.tolist() == [STRUCK + 5, HELD + 5, STRUCK + 6, HELD + 6, 0, 0]
    cut = forced_beginning([STRUCK + 5] * 9, 3, VOCABULARY)
    assert cut.tolist() == [STRUCK + 5, HELD + 5, STRUCK + 5]
    assert forced_beginning([], 2, VOCABULARY).tolist() == [0, 0]


# Export -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("export") / "saved_model"
    export(model, VOCABULARY, folder)
    return tf.saved_model.load(str(folder)), folder


ASKED = ["C4", "", "Bb major: F4 G4\tA4", "d minor", " G5  E5,C5 "]


def rows(asked, length=12, temperature=1.0, top_p=0.9, seed=3):
    import tensorflow as tf

    count = len(asked)
    length = length if isinstance(length, list) else [length] * count
    return {
        "first": tf.constant(asked, tf.string),
        "length": tf.constant(length, tf.int32),
        "temperature": tf.constant([temperature] * count, tf.float32),
        "top_p": tf.constant([top_p] * count, tf.float32),
        "seed": tf.constant([seed + n for n in range(count)], tf.int32),
    }


def test_the_export_writes_as_in_memory(model, exported):
    loaded, _ = exported
    written = loaded.signatures["serving_default"](**rows(ASKED))["notes"].numpy()
    wanted = compose(model, VOCABULARY, ASKED, 12, temperature=1.0, top_p=0.9, seed=3)
    for ours, theirs in zip(written, wanted, strict=True):
        np.testing.assert_array_equal(notes.decode(ours), theirs)
    # A length for each row (0 gives one frame), and then no rows at all.
    lengths = [3, 12, 1, 0, 5]
    composer = compiled_composer(model, VOCABULARY["most"])
    assert composer.jit_compile  # the rows above were written by XLA
    composer.compile(jit_compile=False)  # XLA would compile each length
    written = loaded.signatures["generate"](**rows(ASKED, lengths))["notes"].numpy()
    for ours, text, seed, length in zip(
        written, ASKED, range(3, 8), lengths, strict=True
    ):
        frames = max(length, 1)
        alone = compose(model, VOCABULARY, [text], frames, top_p=0.9, seed=seed)[0]
        np.testing.assert_array_equal(notes.decode(ours), alone)
    none = loaded.signatures["generate"](**rows([]))["notes"]
    assert none.shape[0] == 0


def test_the_coding_is_in_the_export(exported):
    coding = exported[0].signatures["coding"]()
    assert [name.decode() for name in coding["names"].numpy()] == notes.names()
    assert (int(coding["quarter"]), int(coding["bar"])) == (2, 8)


@pytest.mark.parametrize("wrong", ["H4", "C9", "C4 moll"])
def test_the_export_names_what_is_no_note(exported, wrong):
    import tensorflow as tf

    with pytest.raises(
        tf.errors.InvalidArgumentError, match="expected a key or notes, found"
    ):
        exported[0].signatures["generate"](**rows(["C4", wrong]))


FRESH = """
import json, sys
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
asked = json.loads(sys.argv[2])
count = len(asked)
outputs = loaded.signatures["serving_default"](
    first=tf.constant(asked), length=tf.constant([12] * count),
    temperature=tf.constant([1.0] * count), top_p=tf.constant([0.9] * count),
    seed=tf.constant([3 + n for n in range(count)]))
project = {"custom_layers", "data", "kit", "recipes", "tasks", "tokens"}
assert not project & set(sys.modules)
print(json.dumps(outputs["notes"].numpy().tolist()))
"""


def test_a_fresh_process_writes_alike(exported, tmp_path):
    loaded, folder = exported
    copy = shutil.copytree(folder, tmp_path / "elsewhere")
    child = python("-c", FRESH, copy, json.dumps(ASKED), folder=tmp_path)
    assert child.returncode == 0, child.stderr
    wanted = loaded.signatures["serving_default"](**rows(ASKED))["notes"].numpy()
    assert json.loads(child.stdout.splitlines()[-1]) == wanted.tolist()


HIDDEN = f"""
{WITHOUT_KIT}
import json
from pathlib import Path
import numpy as np
from recipes.music import Config, build_model, compose, export, harmonize, load
vocabulary = {{"grid": 1, "bar": 4, "most": 2, "held": False}}
model = build_model(Config(units=4, layers=1), vocabulary)
(piece,) = compose(model, vocabulary, ["C4"], 16)
assert piece[0, 39] == 1
assert harmonize(model, vocabulary, piece)[0, 39] == 1
export(model, vocabulary, "saved_model")
model.save("model.keras")
Path("vocabulary.json").write_text(json.dumps(vocabulary))
(again,) = compose(*load("."), ["C4"], 16)
np.testing.assert_array_equal(again, piece)
assert not {{"data", "kit", "matplotlib", "tyro"}} & set(sys.modules)
"""


def test_model_pieces_export_and_load_need_neither_kit_nor_data(tmp_path):
    child = python("-c", HIDDEN, folder=tmp_path, PYTHONPATH=str(ROOT))
    assert child.returncode == 0, child.stderr
    assert (tmp_path / "saved_model/saved_model.pb").exists()


# Statistics -------------------------------------------------------------------------


def chords(*frames):
    piece = np.zeros((len(frames), KEYS), "uint8")
    for row, pitches in zip(piece, frames, strict=True):
        row[np.array(pitches, int) - LOWEST] = 1
    return piece


def test_voices_go_by_height_and_move_little():
    sung = compositions.voices(chords([72, 60], [71], [59], [74, 57]))
    assert (sung + LOWEST).tolist() == [[72, 60], [71, 20], [20, 59], [74, 57]]
    # A held note stays in its voice, even if another voice would move less.
    held = chords([72, 60, 58], [62, 60])
    held[1, 60 - LOWEST] = 2
    assert (compositions.voices(held) + LOWEST).tolist() == [[72, 60, 58], [62, 60, 20]]
    held[1, 60 - LOWEST] = 1
    assert (compositions.voices(held) + LOWEST).tolist() == [[72, 60, 58], [20, 62, 60]]
    assert compositions.voices(np.zeros((3, KEYS), "uint8")).tolist() == [[-1]] * 3
    full = compositions.voices(np.ones((2, KEYS), "uint8"))
    assert full.shape == (2, compositions.VOICES)


def test_fifths_and_overlaps_by_hand():
    assert compositions.movements(chords([67, 60], [69, 62])) == {
        "changes": 1,
        "overlaps": 0,
        "fifths": 1,
    }
    # A twelfth counts; contrary motion and a repeated fifth do not.
    assert compositions.movements(chords([79, 60], [81, 62]))["fifths"] == 1
    assert compositions.movements(chords([67, 60], [74, 55]))["fifths"] == 0
    assert compositions.movements(chords([67, 60], [67, 60]))["changes"] == 0
    # The lower voice rises above the previous note of the upper one.
    assert compositions.movements(chords([64, 60], [69, 65])) == {
        "changes": 1,
        "overlaps": 1,
        "fifths": 0,
    }


def test_statistics_by_hand():
    scale = chords([60], [62], [64], [65], [60], [62], [64], [65], [67, 64, 60], [71])
    figures = compositions.statistics([scale], bar=4)
    assert figures["repeated_bars"] == 0.5
    key = notes.key_of(scale)
    assert key == MAJOR
    np.testing.assert_allclose(
        figures["degrees"][[0, 2, 4, 5, 7, 11]] * 12, [3, 2, 3, 2, 1, 1]
    )
    moved = compositions.statistics([np.roll(scale, 3, axis=1)], bar=4)
    np.testing.assert_allclose(moved["degrees"], figures["degrees"])


def test_the_longest_copied_stretch():
    random = np.random.default_rng(0)
    read = [chords(*random.integers(40, 90, (30, 3)).tolist()) for _ in range(3)]
    other = chords(*random.integers(40, 90, (30, 3)).tolist())
    assert compositions.longest_copied([other], read) <= 2
    for shift in (0, 5, -7):
        copied = np.concatenate(
            [other[:5], np.roll(read[1][7:19], shift, axis=1), other[5:9]]
        )
        assert compositions.longest_copied([other[:3], copied], read) == 12
    assert compositions.longest_copied(read, read) == 30
    across = np.concatenate([read[0][-4:], read[1][:4]])
    assert compositions.longest_copied([across], read) == 4


def test_frequencies_by_hand():
    training = [chords([60], [60], [])]
    test = [chords([60], [62])]
    struck, silent = (2 + 1) / 6, (1 + 1) / 6
    never = (3 + 1) / 6, (0 + 1) / 6
    nats = -np.log(struck) - 87 * np.log(never[0])
    nats += -np.log(silent) - np.log(never[1]) - 86 * np.log(never[0])
    figures = compositions.frequencies(training, test)
    np.testing.assert_allclose(figures["baseline_test_nll_per_frame"], nats / 2)


def test_a_tone_sounds_at_its_pitch(tmp_path):
    music_files.write_wav(tmp_path / "a.wav", [[(0.0, 2.0, 69)], [(2.0, 3.0, 69)]])
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getframerate() == music_files.RATE
        assert file.getnframes() / music_files.RATE == pytest.approx(
            3 * music_files.QUARTER + 0.5, abs=0.01
        )
        sound = np.frombuffer(file.readframes(music_files.RATE), "<i2")
    spectrum = np.abs(np.fft.rfft(sound[: music_files.RATE]))
    assert abs(int(spectrum.argmax()) - 440) <= 1  # one second: bins are 1 Hz apart
    music_files.write_wav(tmp_path / "none.wav", [])


# Whole runs -------------------------------------------------------------------------


def test_a_run_learns_cadences(music_recipe, cadences, request):
    status, output, errors = music_recipe(
        *("--data", cadences, "--run-dir", "run", "--units", 24, "--layers", 1),
        *("--epochs", 60, "--dropout", 0, "--learning-rate", 0.02, "--first", "C5"),
    )
    assert status == 0, errors
    assert "is better here" not in output  # the simpler model is worse
    run = Path("run")
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test_nll_per_frame"] < 0.7 * metrics["baseline_test_nll_per_frame"]
    assert metrics["test_nll_per_frame_after_first"] < metrics["test_nll_per_frame"]
    vocabulary = json.loads((run / "vocabulary.json").read_text())
    assert vocabulary["grid"] == 1 and vocabulary["bar"] == 4
    assert not vocabulary["held"]
    for number in (1, 2, 3):
        piece = on_grid(read_notes(run / f"samples/{number}.mid"), 1)
        assert np.flatnonzero(piece[0])[-1] == 72 - LOWEST
        score = xml.etree.ElementTree.parse(run / f"samples/{number}.musicxml")
        pitched = [
            note for note in score.iter("note") if note.find("pitch") is not None
        ]
        assert len(pitched) >= piece.any(axis=1).sum()
        with wave.open(str(run / f"samples/{number}.wav")) as file:
            assert file.getnframes() > 1000
    page = (run / "report.html").read_text()
    assert page.count("<audio") == 3 and "media-src data:" in page
    assert (run / "plots/piano_roll.png").stat().st_size > 0
    assert (run / "samples.txt").read_text().startswith("1: C5 ")

    # --load gives the same figures without training; --melody harmonises a tune.
    write_midi(
        Path("tune.mid"), [[(n, n + 1, p) for n, p in enumerate([72, 74, 71, 72])]]
    )
    request.getfixturevalue("unexported")
    status, _, errors = music_recipe(
        "--load", run, "--run-dir", "again", "--melody", "tune.mid"
    )
    assert status == 0, errors
    again = json.loads(Path("again/metrics.json").read_text())
    assert again["test_nll_per_frame"] == metrics["test_nll_per_frame"]
    piece = on_grid(read_notes(Path("again/samples/melody.mid")), 1)
    tops = [int(np.flatnonzero(row)[-1]) + LOWEST for row in piece]
    assert tops == [72, 74, 71, 72]
    assert (
        Path("again/samples/1.mid").read_bytes() == (run / "samples/1.mid").read_bytes()
    )

    # In Python, the loaded model and the run's request give the same samples.
    request.getfixturevalue("without_xla")
    model, vocabulary = load(run)
    asked = json.loads((run / "request.json").read_text())
    assert asked.pop("first") == "C5" and asked.pop("length") == recipe.QUARTERS
    pieces = compose(model, vocabulary, ["C5"] * 3, recipe.QUARTERS, **asked)
    lines = [
        f"{number}: {compositions.spelled(piece)}\n"
        for number, piece in enumerate(pieces, start=1)
    ]
    assert (run / "samples.txt").read_text() == "".join(lines)
    tune = on_grid(read_notes(Path("tune.mid")), 1)
    np.testing.assert_array_equal(
        harmonize(model, vocabulary, tune, **asked) > 0, piece > 0
    )


@pytest.mark.usefixtures("without_xla")
@pytest.mark.usefixtures("unexported")
def test_better_frequencies_are_said_at_the_end(music_recipe, cadences):
    status, output, errors = music_recipe(
        "--smoke", "--data", cadences, "--learning-rate", 1e-6
    )
    assert status == 0, errors
    metrics = json.loads(Path("runs/music/smoke/metrics.json").read_text())
    ours, theirs = (
        metrics[f"{simpler}test_nll_per_frame"] for simpler in ("", "baseline_")
    )
    assert theirs < ours
    assert (
        "How often each key sounds is better here: test_nll_per_frame "
        f"{theirs:.4f} against {ours:.4f}. What helps: more pieces; more passes"
    ) in output


@pytest.mark.usefixtures("without_xla")
@pytest.mark.usefixtures("unexported")
def test_a_stopped_run_goes_on_exactly(music_recipe, cadences, monkeypatch):
    options = ("--data", cadences, "--epochs", 3, "--units", 8, "--layers", 1)
    assert music_recipe(*options, "--run-dir", "whole")[0] == 0
    begin_epoch = Pieces.set_epoch

    def stop(pieces, epoch):
        begin_epoch(pieces, epoch)
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Pieces, "set_epoch", stop)
        assert music_recipe(*options, "--run-dir", "stopped")[0] == 130
    assert not Path("stopped/metrics.json").exists()
    assert music_recipe("--resume", "--run-dir", "stopped")[0] == 0
    for name in ("samples.txt", "samples/1.mid", "history.csv"):
        assert Path("stopped", name).read_bytes() == Path("whole", name).read_bytes()
    one, other = (
        json.loads(Path(folder, "metrics.json").read_text())
        for folder in ("stopped", "whole")
    )
    for figures in (one, other):
        del figures["train_seconds"], figures["tokens_per_second"]
    assert one == other


@pytest.mark.usefixtures("without_xla")
@pytest.mark.usefixtures("unexported")
def test_test_pieces_of_another_folder(music_recipe, cadences, tmp_path):
    (tmp_path / "test").mkdir()
    shutil.copy(cadences / "major-48.mid", tmp_path / "test")
    status, _, errors = music_recipe(
        "--smoke", "--data", cadences, "--test-data", tmp_path / "test"
    )
    assert status == 0, errors
    metrics = json.loads(Path("runs/music/smoke/metrics.json").read_text())
    piece = on_grid(read_notes(cadences / "major-48.mid"), 1)
    figures = compositions.statistics([piece], 4)
    assert metrics["test_repeated_bars"] == figures["repeated_bars"]


def test_jax_trains_without_tensorflow_and_both_write_the_same(cadences, tmp_path):
    out = python_on_jax(
        tmp_path, "-c", WITHOUT_TENSORFLOW, "music", "--data", str(cadences)
    )
    assert "No SavedModel: TensorFlow is not installed here" in out
    load = [
        "-m",
        "recipes.music",
        "--load",
        "runs/music/smoke",
        "--run-dir",
        "tensorflow",
    ]
    python_on_jax(tmp_path, *load, KERAS_BACKEND="tensorflow")
    assert (tmp_path / "tensorflow/saved_model/1/saved_model.pb").exists()
    one, other = (
        (tmp_path / folder / "samples.txt").read_text()
        for folder in ("runs/music/smoke", "tensorflow")
    )
    assert one == other


@pytest.mark.parametrize(
    ("options", "expected_words"),
    [
        (["--data", "nowhere"], ["nowhere"]),
        (["--data", "empty"], ["empty", "found none"]),
        (["--data", "text.mid"], ["text.mid", "expected a folder"]),
        (["--first", "H2"], ["--first", "expected a key or notes", "found h2"]),
        (["--melody", "text.mid"], ["text.mid", "cannot be read as MIDI"]),
        (["--melody", "none.mid"], ["none.mid"]),
        (
            ["--load", "run", "--melody", "text.mid"],
            ["text.mid", "cannot be read as MIDI"],
        ),
        (["--test-data", "empty"], ["empty", "found none"]),
        (["--dropout", 1], ["--dropout"]),
    ],
)
def test_bad_input_ends_in_one_line(
    music_recipe, cadences, tmp_path, monkeypatch, options, expected_words
):
    # The error comes before a model is built.
    monkeypatch.setattr(recipe, "build_model", lambda *_: pytest.fail("too late"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mid").write_text("do re mi\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text("{}")
    (tmp_path / "run/vocabulary.json").write_text(json.dumps(VOCABULARY))
    (tmp_path / "run/model.keras").touch()
    options = options if "--data" in options else ["--data", cadences, *options]
    status, _, errors = music_recipe(*options)
    assert status == 2
    assert len(errors.strip().splitlines()) == 1, errors
    for word in ("error:", *expected_words):
        assert word in errors
    assert not list(Path("runs/music").glob("*"))


def test_try_writes_a_file_to_listen_to(exported, tmp_path):
    """Runs the real command, which does not import Keras."""
    shutil.copytree(exported[1], tmp_path / "run" / "saved_model" / "1")
    typed = "C4 E4\nC4 X9\n"
    child = python(
        *("-m", "kit.try_run", "music", "--run", "run"),
        folder=tmp_path,
        written=typed,
        PYTHONPATH=str(ROOT),
    )
    assert child.returncode == 0, child.stderr
    lines = child.stdout.splitlines()
    assert lines[0].startswith("C4 ") and " | " in lines[0]
    assert lines[-1] == "expected a key or notes, found x9"
    path = tmp_path / re.search(r"runs/music/try/\S+\.mid", child.stdout)[0]
    piece = on_grid(read_notes(path), 2)
    assert np.flatnonzero(piece[0])[-1] == 60 - LOWEST
    assert path.with_suffix(".wav").stat().st_size > 1000
