"""Music: first notes in, a piece out (one-to-many), or a melody in, its harmony out.

    make music                                      # Bach's chorales, offline
    make music DATA=folk
    make music DATA=my_midi_files ARGS="--first 'D minor: A4 F4'"
    make music ARGS="--load runs/music/latest --melody tune.mid"
    make try RECIPE=music TEXT="C4"                 # writes a MIDI file

Data     A folder of MIDI files (5 % of them test, 5 % validation, by name), or one with
         the folders `train`, `validation` and `test`. Time is divided into frames, the
         fewest per quarter note on which nearly all notes begin.
Model    Music as tokens: frame after frame, its notes from the highest down, each
         struck or held, then the end of the frame (`tokens/notes.py`). Token -> vector
         -> LSTM, LSTM -> probabilities of the next token. Invalid tokens get
         probability zero, so that the nats of a frame's tokens add up to those of the
         chord. Each epoch reads every piece in another key. The simpler model knows how
         often each key sounds.
Needs    music21 (the default data, MusicXML) and mido.
Writes   runs/music/<UTC time>/: report.html, which plays the pieces; samples/ as MIDI,
         MusicXML and WAV; metrics.json; saved_model/1/: `serving_default` continues
         first notes or a key, `coding` names the tokens.
Try      --layers 1           a little worse
         --transpose 1        few keys to learn from
         --dropout 0          no worse with 12 passes
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers import saved_model
from custom_layers.decoding import generate
from custom_layers.gru import GRU
from custom_layers.lstm import LSTM
from custom_layers.xla import use_xla
from tasks.composing import begin, compose_below, forced_beginning, forced_melody
from tokens import notes
from tokens.notes import ANY_KEY, END, HELD, STRUCK, VOCAB


@dataclass(frozen=True)
class Config:
    data: str = "chorales"  # a name (chorales, folk, jsb-chorales) or a folder
    test_data: str = ""  # a folder of MIDI files; default: the folder's, or split off
    seed: int = 0  # of the initial weights, dropout, the keys read in, the samples
    epochs: int = 0  # passes over the training pieces; 0: chosen by the data's size
    grid: int = 0  # frames per quarter note; 0: the fewest that nearly all notes fit
    transpose: int = 6  # semitones that a piece is moved up or down, at most
    cell: Literal["lstm", "gru"] = "lstm"  # recurrent layer
    layers: int = 2  # recurrent layers on top of each other
    units: int = 256  # width of their states
    dropout: float = 0.3  # share of the layers' outputs dropped in training
    weight_dropout: float = 0.0  # share of the recurrent weights dropped in training
    learning_rate: float = 4e-3  # after 100 steps of warm-up; then a cosine to zero
    first: str = "G4"  # what the samples begin with: notes, a key, or both
    # A MIDI file, whose highest notes are kept and harmonised.
    melody: str = field(default="", metadata={"with_load": True})


SMOKE = {"epochs": 1, "units": 16, "layers": 1}  # under --smoke
SETTINGS = {"chorales": {"epochs": 12}, "jsb-chorales": {"epochs": 60}}  # measured
READING = ("grid",)  # options that decide what is read
DATA_IS_TEXT = False  # nothing to decode
SIMPLER = {
    "name": "How often each key sounds",
    "metrics": ("test_nll_per_frame",),
    "maximize": False,
    "advice": "more pieces; more passes (--epochs)",
}

BATCH, WINDOW = 32, 128  # parallel streams; tokens that gradients go back through
VECTOR = 128  # width of the tokens' vectors
MAX_PASSES = 60  # where --epochs does not say: see kit/length.py
SAMPLES, SHOWN, QUARTERS = 32, 3, 64  # pieces written at the end; their quarter notes
SAMPLING = {"temperature": 1.0, "top_p": 0.95}
MAX_LENGTH = 2_000  # frames of a request to the export


# 1. Music to numbers -----------------------------------------------------------------


def load_data(config: Config, run) -> tuple[dict[str, list[np.ndarray]], dict]:
    """Ids `uint8 [time]` of each part's pieces; the vocabulary: `grid` and `bar`, the
    frames of a quarter note and a bar; `most` notes of a frame; whether notes are
    `held`; the `lowest` and `highest` key, between which 99 % of the notes are.
    """
    from data.errors import UserError
    from data.midi import read_all, read_notes, read_pieces

    try:
        notes.beginning(config.first)
    except ValueError as error:
        raise UserError(f"--first: {error}") from None
    if config.melody:
        read_notes(Path(config.melody))  # fails here, not after training
    known = run.vocabulary()
    grid = known["grid"] if known else config.grid

    def read() -> dict:
        pieces, vocabulary = read_pieces(run.data, grid)
        if run.test_data:
            pieces["test"] = read_all(run.test_data, vocabulary["grid"])
        if run.options.smoke:
            pieces = {
                part: [p[:64] for p in each[:16]] for part, each in pieces.items()
            }
        both = np.concatenate(pieces["train"])
        heard = np.cumsum(np.count_nonzero(both, axis=0))
        vocabulary |= {
            "most": int(np.count_nonzero(both, axis=1).max()),
            "held": bool((both == notes.IS_HELD).any()),
            "lowest": int(np.searchsorted(heard, 0.005 * heard[-1])),
            "highest": int(np.searchsorted(heard, 0.995 * heard[-1])),
        }
        ids = {
            part: [notes.encode(piece, notes.key_of(piece)) for piece in each]
            for part, each in pieces.items()
        }
        return {**ids, "vocabulary": vocabulary}

    data = run.cached("pieces", make=read)
    vocabulary = data.pop("vocabulary")
    return data, known or vocabulary


# 2. The network ----------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="sequence_recipes")
class OnlyFrames(layers.Layer):
    """Invalid tokens get probability zero: logits `[batch, time, VOCAB]` of those that
    may not follow the ids `[batch, time]` become -1e9."""

    def call(self, logits, ids):
        allowed = ops.convert_to_tensor(notes.may_follow())
        return ops.where(ops.take(allowed, ids, axis=0), logits, -1e9)


def build_model(
    config: Config, vocabulary: dict, batch: int | None = None
) -> keras.Model:
    """Ids `int32 [batch, time]` -> logits `[batch, time, VOCAB]` of the next ids.

    Without `batch`, for reading and writing: the states are inputs beside the ids and
    outputs beside the logits, `[batch, units]` each. With `batch`, for training: states
    are carried from one call to the next.
    """
    cell, count = {"lstm": (LSTM, 2), "gru": (GRU, 1)}[config.cell]  # states per layer
    ids = layers.Input(batch_shape=(batch, None), dtype="int32", name="ids")
    x = layers.Embedding(
        VOCAB, VECTOR, keras.initializers.RandomNormal(stddev=1.0), name="vectors"
    )(ids)
    x = layers.Dropout(config.dropout / 2)(x)
    states_before, states_after = [], []
    for number in range(config.layers):
        before = None if batch else [layers.Input([config.units]) for _ in range(count)]
        x, *after = cell(
            config.units,
            recurrent_weight_dropout=config.weight_dropout,
            return_sequences=True,
            return_state=True,
            stateful=batch is not None,
            name=f"layer_{number}",
        )(x, initial_state=before)
        x = layers.Dropout(config.dropout)(x)
        states_before += before or []
        states_after += after
    logits = layers.Dense(VOCAB, dtype="float32", name="logits")(x)
    logits = OnlyFrames(dtype="float32", name="only_frames")(logits, ids)
    if batch:
        return keras.Model(ids, logits, name="music_in_training")
    return keras.Model([ids, *states_before], [logits, *states_after], name="music")


def load(folder: str | Path) -> tuple[keras.Model, dict]:
    """The model and the vocabulary of a run."""
    model = keras.models.load_model(Path(folder) / "model.keras", compile=False)
    return model, json.loads((Path(folder) / "vocabulary.json").read_text("utf-8"))


# 3. What it writes -------------------------------------------------------------------


def compose(
    model: keras.Model,
    vocabulary: dict,
    beginnings: list[str],
    frames: int = 256,
    **settings,
) -> list[np.ndarray]:
    """Pieces `uint8 [frames / 2 to frames, 88]`, one per beginning; `settings` are
    temperature, top_p and seed.

    Example:
        >>> model, vocabulary = load("runs/music/latest")
        >>> compose(model, vocabulary, ["G4", "D minor: A4 F4"], frames=128, seed=1)

    Raises:
        ValueError: A beginning that is neither a key nor notes.
    """
    rows = [notes.beginning(text) for text in beginnings]
    tops = [forced_beginning(first, frames, vocabulary) for _, first in rows]
    return compose_below(model, vocabulary, [key for key, _ in rows], tops, **settings)


def harmonize(model, vocabulary: dict, melody: np.ndarray, **settings) -> np.ndarray:
    """The piece with the highest notes of `melody` `uint8 [frames, 88]`, and others
    below them; `settings` as in `compose`."""
    tops = forced_melody(melody, vocabulary)
    (piece,) = compose_below(model, vocabulary, [ANY_KEY], [tops], **settings)
    return piece


# 4. The export -----------------------------------------------------------------------


def export(model: keras.Model, vocabulary: dict, folder: Path) -> None:
    """Writes one SavedModel, for TensorFlow Serving or `tf.saved_model.load`.

    `serving_default`: first (notes, a key, or both, as "D minor: A4 F4"), length
    (frames, up to 2,000; a piece may end from the half on), temperature, top_p, seed,
    `[batch]` each -> notes `[batch, time]`, the tokens that follow the key, 2 after a
    piece's end.
    `coding`: -> the names of the tokens, and the frames of a quarter note and a bar.
    """
    import tensorflow as tf

    grid, held, most = (vocabulary[name] for name in ("grid", "held", "most"))
    words = notes.words_in_graph()

    def forced(first, length):  # [batch, notes] -> tops [batch, frames]
        tops = tf.repeat(first, grid, axis=1)
        later = tf.range(tf.shape(tops)[1]) % grid > 0
        if held:
            tops += tf.where(later & (tops > 0), HELD - STRUCK, 0)
        frames = tf.maximum(tf.reduce_max(length), 1)
        tops = tf.pad(tops, [[0, 0], [0, frames]])[:, :frames]
        return tf.where(tf.range(frames) < length[:, None], tops, END)

    def write(first, length, temperature, top_p, seed):
        tf.debugging.assert_non_negative(temperature, "temperature is negative")
        tf.debugging.assert_less_equal(
            length, MAX_LENGTH, f"expected a length of at most {MAX_LENGTH}"
        )
        length = tf.maximum(length, 1)
        keys, first = notes.beginnings_in_graph(first, words)
        tops = forced(first, length)
        start = begin(model, keys, tops, length // 2, most)
        time = tf.shape(tops)[1] * (most + 1) + 1
        drawn = generate(*start, time, seed, temperature, top_p=top_p, end=END)
        return {"notes": drawn}

    def coding():
        names = {"names": tf.constant(notes.names())}
        return {
            **names,
            "quarter": tf.constant(grid),
            "bar": tf.constant(vocabulary["bar"]),
        }

    inputs = {"first": "string", "length": "int32"}
    inputs |= {"temperature": "float32", "top_p": "float32", "seed": "int32"}
    signatures = {"serving_default": (write, inputs), "coding": (coding, {})}
    signatures["generate"] = signatures["serving_default"]
    saved_model.save(folder, model, signatures, [words])


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Fits on the training pieces; the epoch that is best on validation counts."""
    from kit.length import Length
    from kit.streams import FreshStates
    from kit.training import Checkpoint
    from tasks.transposed import Pieces

    tokens = {part: sum(map(len, pieces)) for part, pieces in data.items()}
    # Of little music fewer streams, so that each lasts for several windows.
    rows = min(tokens["train"] // (4 * WINDOW), tokens["validation"] // WINDOW)
    rows = min(max(rows, 1), BATCH)
    moves = (config.transpose, vocabulary["lowest"], vocabulary["highest"])
    training = Pieces(data["train"], rows, WINDOW, moves, config.seed)
    validation = Pieces(data["validation"], rows, WINDOW)
    training_model = build_model(config, vocabulary, rows)
    training_model.set_weights(model.get_weights())
    pieces = f"{len(data['train']):,} pieces"
    length = Length(run, training, config.epochs, MAX_PASSES, pieces)
    rate = length.schedule(config.learning_rate, warm_up=100)
    training_model.compile(
        keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=use_xla(),
    )
    checkpoint = Checkpoint(run, training_model, training, length, "val_loss", "min")
    training_model.fit(
        training,
        validation_data=validation,
        callbacks=[FreshStates(training), checkpoint],
        **checkpoint.fit_options,
    )
    metrics = checkpoint.finish()
    model.set_weights(training_model.get_weights())
    return metrics


def evaluate(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Metrics of held-out pieces, and statistics of those that it writes."""
    from data.midi import on_grid, read_notes
    from tasks import compositions, music_files

    validation, _ = compositions.nats_of_frames(model, data["validation"])
    test, after_first = compositions.nats_of_frames(model, data["test"])
    metrics = {
        "validation_nll_per_frame": validation,
        "test_nll_per_frame": test,
        "test_nll_per_frame_after_first": after_first,
    }
    pieces = {
        part: [notes.decode(ids[1:]) for ids in each] for part, each in data.items()
    }
    metrics |= compositions.frequencies(pieces["train"], pieces["test"])
    settings, grid = {**SAMPLING, "seed": config.seed}, vocabulary["grid"]
    beginnings = [config.first] * SAMPLES
    written = compose(model, vocabulary, beginnings, QUARTERS * grid, **settings)
    known = (pieces["test"], pieces["train"], vocabulary["bar"])
    metrics |= compositions.compare(written, *known)

    shown = {f"{n}": piece for n, piece in enumerate(written[:SHOWN], start=1)}
    if config.melody:
        melody = on_grid(read_notes(Path(config.melody)), grid)
        shown["melody"] = harmonize(model, vocabulary, melody, **settings)
    lines = [f"{name}: {compositions.spelled(each)}" for name, each in shown.items()]
    run.write("samples.txt", "\n".join(lines) + "\n")
    figure = music_files.write_samples(run.folder, shown, vocabulary)
    run.write("figures.json", [figure])
    length = QUARTERS * grid
    run.write("request.json", {"first": config.first, "length": length, **settings})
    return metrics


def main(config: Config, run) -> None:
    data, vocabulary = load_data(config, run)
    model = build_model(config, vocabulary)
    if run.loaded:
        metrics = run.restore(model)
    else:
        metrics = train(config, run, model, vocabulary, data)
    run.save(model, vocabulary, export)
    metrics |= evaluate(config, run, model, vocabulary, data)
    run.finish(metrics)


if __name__ == "__main__":
    from kit.command import command

    command(main)
