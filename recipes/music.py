"""Music: one note in, a piece out (one-to-many), or a melody in and its harmony out.

    make music                                      # Bach's chorales, offline
    make music DATA=folk
    make music DATA=my_midi_files ARGS="--first 'D minor: A4 F4'"
    make music ARGS="--load runs/music/latest --melody tune.mid"
    make try RECIPE=music TEXT="C4"                 # writes a MIDI file

Data     A folder of MIDI files (5 % of them test, 5 % validation, by name), or
         one with the folders `train`, `validation` and `test`. Time is cut into frames,
         the fewest a quarter note on which nearly all notes begin.
Model    Music as tokens: frame after frame, its notes from the highest down, each
         struck or held, then the end of the frame (`tokens/notes.py`). Token ->
         vector -> LSTM, LSTM -> the next token's probability, none for what the coding
         rules out: so the nats of a frame's tokens add up to those of the chord. Each
         epoch reads every piece in another key.
Needs    music21 (the default data, MusicXML), mido: `make setup` has them.
Writes   runs/music/<UTC time>/: report.html, which plays what was written; samples/ as
         MIDI, MusicXML and WAV; metrics.json; saved_model/1/: `serving_default` goes on
         from first notes or a key, `coding` names the tokens.
Result   chorales, seed 0: test 4.71 nats a frame, by how often each key sounds 14.14;
         three minutes of training on 2 CPU cores. JSB Chorales, `--epochs 60`: 4.79,
         RNN-NADE 5.56 (results/).
Try      Test nats a frame on chorales, seed 0, by default 4.71:
         --layers 1           4.85
         --transpose 1        4.76: few keys to learn from
         --dropout 0          4.68: in 12 passes it pays nothing
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers.decoding import generate
from custom_layers.gru import GRU
from custom_layers.language_model import first_states
from custom_layers.lstm import LSTM
from kit.batches import Streams
from kit.length import Length
from kit.machine import use_xla
from kit.run import Run, command
from kit.training import Checkpoint, FreshStates, copy_weights
from tasks.language_models import nats_of_rows
from tokens import notes
from tokens.notes import ANY_KEY, END, HELD, KEYS, NEXT, STRUCK, VOCAB


@dataclass(frozen=True)
class Config:
    data: str = "chorales"  # a name (chorales, folk, jsb-chorales) or a folder
    test_data: str = ""  # a folder of MIDI files for test; without: split off
    seed: int = 0  # of the first weights, dropout, the keys read in, the samples
    epochs: int = 0  # passes over the training pieces; 0: as many as pay
    grid: int = 0  # frames a quarter note; 0: the fewest that nearly all notes fit
    transpose: int = 6  # half tones that a piece is moved up or down, at most
    cell: Literal["lstm", "gru"] = "lstm"  # what steps through time
    layers: int = 2  # cells on top of each other
    units: int = 256  # width of their states
    dropout: float = 0.3  # share of the layers' outputs dropped in training
    weight_dropout: float = 0.0  # share of the recurrent weights dropped in training
    learning_rate: float = 4e-3  # after 100 steps; from there along a cosine to zero
    first: str = "G4"  # what the samples begin with: notes, a key, or both
    # A MIDI file: its highest notes are kept, the others are written.
    melody: str = field(default="", metadata={"with_load": True})


BATCH = 32  # streams side by side
SETTINGS = {
    "chorales": {"epochs": 12},
    "jsb-chorales": {"epochs": 60},
}  # where not given
MOST_PASSES = 60  # where --epochs does not say: see kit/length.py
WINDOW = 128  # tokens that gradients go back through
VECTOR = 128  # numbers a token
SAMPLES, SHOWN, QUARTERS = 32, 3, 64  # pieces written in the end; of quarter notes
TEMPERATURE, TOP_P = 1.0, 0.95
MOST_LENGTH = 2_000  # frames of one answer of the export
SMOKE = {"epochs": 1, "units": 16, "layers": 1}  # instead, under --smoke


# 1. Music to numbers -----------------------------------------------------------------


def load_data(config: Config, run: Run) -> tuple[dict[str, list[np.ndarray]], dict]:
    """Ids `uint8 [time]` of each part's pieces; `grid` and `bar`, the frames of a
    quarter note and a bar, `most` notes of a frame, `held`: whether notes are, and the
    `lowest` and `highest` key, between which 99 % of the notes are.
    """
    from data.midi import read_all, read_pieces

    known = run.vocabulary()
    grid = known["grid"] if known else config.grid

    def read() -> dict:
        pieces, about = read_pieces(run.data, grid)
        if run.test_data:
            pieces["test"] = read_all(run.test_data, about["grid"])
        if run.options.smoke:
            pieces = {
                part: [p[:64] for p in each[:16]] for part, each in pieces.items()
            }
        both = np.concatenate(pieces["train"])
        heard = np.cumsum(np.count_nonzero(both, axis=0))
        about |= {
            "most": int(np.count_nonzero(both, axis=1).max()),
            "held": bool((both == notes.IS_HELD).any()),
            "lowest": int(np.searchsorted(heard, 0.005 * heard[-1])),
            "highest": int(np.searchsorted(heard, 0.995 * heard[-1])),
        }
        ids = {
            part: [notes.encode(piece, notes.key_of(piece)) for piece in each]
            for part, each in pieces.items()
        }
        return {**ids, "about": about}

    found = run.cached("pieces", grid, run.options.smoke, make=read)
    about = found.pop("about")
    return found, known or about


class Pieces(Streams):
    """Pieces one after the other in parallel streams, each epoch in another order and
    each piece in another key.

    Args:
        pieces: a list of ids `[time]`.
        transpose: half tones up or down, at most; none takes a piece beyond `about`'s
            lowest and highest key.
        about: as `load_data` gives it.
        rows: streams.
        seed: of the order and the keys; `None`: in order, as they are.

    A batch is `(ids [rows, WINDOW], next ids [rows, WINDOW])`. Half of the pieces say
    which key they are in, the others leave it open.
    """

    def __init__(self, pieces, transpose: int, about: dict, rows: int, seed=None):
        self.pieces, self.transpose, self.about = pieces, transpose, about
        ids = np.concatenate(pieces)
        super().__init__(ids, rows, min(WINDOW, len(ids) // (2 * rows)), seed)

    def set_epoch(self, epoch: int) -> None:
        pieces = self.pieces
        if self.seed is not None:
            random = np.random.default_rng([self.seed, epoch, 1])
            order = random.permutation(len(pieces))
            pieces = [self.moved(pieces[place], random) for place in order]
        self.ids = np.concatenate(pieces)
        super().set_epoch(epoch)

    def moved(self, ids: np.ndarray, random) -> np.ndarray:
        """The piece in a key drawn for it, named or not."""
        keys = (ids[ids >= STRUCK].astype("int32") - STRUCK) % KEYS
        if len(keys):
            down = max(-self.transpose, min(0, self.about["lowest"] - keys.min()))
            up = min(self.transpose, max(0, self.about["highest"] - keys.max()))
            ids = notes.transpose(ids, random.integers(down, up + 1))
        named = random.random() < 0.5
        return ids if named else np.concatenate([[ANY_KEY], ids[1:]])


# 2. The network ----------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="sequence_recipes")
class OnlyFrames(layers.Layer):
    """Logits `[batch, time, VOCAB]`, those that may not follow the ids `[batch, time]`
    so low that their probability is 0."""

    def call(self, logits, ids):
        allowed = ops.convert_to_tensor(notes.may_follow())
        return ops.where(ops.take(allowed, ids, axis=0), logits, -1e9)


def build_model(config: Config, batch: int | None = None) -> keras.Model:
    """Ids `int32 [batch, time]` -> logits `[batch, time, VOCAB]` of the next id each.

    With `batch`, for training: states are carried from one call to the next. Without,
    for reading and writing: they enter beside the ids and leave beside the logits,
    `[batch, units]` each.
    """
    cell, count = {"lstm": (LSTM, 2), "gru": (GRU, 1)}[config.cell]  # states a layer
    ids = layers.Input(batch_shape=(batch, None), dtype="int32", name="ids")
    x = layers.Embedding(
        VOCAB, VECTOR, keras.initializers.RandomNormal(stddev=1.0), name="vectors"
    )(ids)
    x = layers.Dropout(config.dropout / 2)(x)
    entering, leaving = [], []
    for number in range(config.layers):
        first = None if batch else [layers.Input([config.units]) for _ in range(count)]
        x, *last = cell(
            config.units,
            recurrent_weight_dropout=config.weight_dropout,
            return_sequences=True,
            return_state=True,
            stateful=batch is not None,
            name=f"layer_{number}",
        )(x, initial_state=first)
        x = layers.Dropout(config.dropout)(x)
        entering, leaving = [*entering, *(first or [])], [*leaving, *last]
    logits = layers.Dense(VOCAB, dtype="float32", name="logits")(x)
    logits = OnlyFrames(name="only_frames")(logits, ids)
    if batch:
        return keras.Model(ids, logits, name="music_in_training")
    return keras.Model([ids, *entering], [logits, *leaving], name="music")


def before_a_piece(model: keras.Model, rows: int):
    """States `[rows, units]` where a piece begins: after the end of another."""
    ends = ops.full((rows, 1), END, "int32")
    _, *states = model([ends, *first_states(model, rows)])
    return states


# 3. What it writes -------------------------------------------------------------------


def begin(model: keras.Model, keys, tops, least, most: int):
    """`step`, the first token and the state before it, as `generate` wants them.

    Args:
        model: as `build_model` gives it.
        keys: ids of keys, int32 `[batch]`.
        tops: int32 `[batch, frames]`, the first token of each frame where it is given:
            its highest note, NEXT for a frame of silence, END where the piece ends; 0
            where the model is free. From its last frame on, the piece ends.
        least: frames of a piece, int32 `[batch]`, where `tops` does not end it before.
        most: notes of a frame, at most.
    """
    tops = ops.pad(tops, [[0, 0], [0, 1]], constant_values=END)

    def step(token, state):
        frame, count, *states = state
        note = token >= STRUCK
        frame = frame + ops.cast(token == NEXT, "int32")
        count = ops.where(note, count + 1, 0)
        logits, *states = model([token[:, None], *states])
        place = ops.minimum(frame, ops.shape(tops)[1] - 1)
        top = ops.take_along_axis(tops, place[:, None], axis=1)[:, 0]
        # A frame begins after another or, the first one, after the key.
        wanted = ops.where(note, ops.where(count < most, 0, NEXT), top)[:, None]
        ids = ops.arange(VOCAB)
        free = (ids != END) | (frame >= least)[:, None]
        allowed = ops.where(wanted == 0, free, ids == wanted)
        return ops.where(allowed, logits[:, 0], -1e9), [frame, count, *states]

    none = ops.zeros_like(keys)
    return step, keys, [none, none, *before_a_piece(model, ops.shape(keys)[0])]


class Composer(keras.Model):
    """Writes pieces in one compiled loop.

    Example:
        >>> composer = Composer(model, about)
        >>> pieces = composer.write(["G4", "D minor"], frames=128, seed=1)
    """

    def __init__(self, model: keras.Model, about: dict):
        super().__init__()
        self.model, self.about = model, about
        self.compile(jit_compile=True)

    def call(self, inputs):
        keys, tops, temperature, top_p, seed = inputs
        length = ops.shape(tops)[1] * (self.about["most"] + 1) + 1
        least = ops.full_like(keys, ops.shape(tops)[1] // 2)
        start = begin(self.model, keys, tops, least, self.about["most"])
        return generate(*start, length, seed, temperature, top_p=top_p, end=END)

    def write(self, beginnings: list[str], frames: int, **settings) -> list[np.ndarray]:
        """Pieces `uint8 [frames / 2 to frames, 88]`, one a beginning; settings as in
        `compose`.

        Raises:
            ValueError: a beginning that is neither a key nor notes.
        """
        rows = [notes.beginning(text) for text in beginnings]
        tops = [first_tops(found, frames, self.about) for _, found in rows]
        return self.compose([key for key, _ in rows], tops, **settings)

    def compose(self, keys, tops, temperature=1.0, top_p=1.0, seed=0):
        """Pieces from what `begin` says; row i is drawn from `seed + i`."""
        rows = len(keys)
        settings = [
            np.full(rows, temperature, "float32"),
            np.full(rows, top_p, "float32"),
            np.arange(seed, seed + rows).astype("int32"),
        ]
        inputs = [np.array(keys, "int32"), np.array(tops, "int32"), *settings]
        return [notes.decode(ids) for ids in self.predict_on_batch(inputs)]


def first_tops(found: list[int], frames: int, about: dict) -> np.ndarray:
    """Tops `[frames]` of a piece whose highest notes begin so, a quarter note each."""
    tops = np.zeros(frames, "int32")
    each = np.repeat(found, about["grid"])[:frames]
    tops[: len(each)] = each
    if about["held"]:
        later = np.arange(len(each)) % about["grid"] > 0
        tops[: len(each)][later] += HELD - STRUCK
    return tops


def melody_tops(piece: np.ndarray, about: dict) -> np.ndarray:
    """Tops `[frames]`: the highest note of each of a piece's frames."""
    highest = KEYS - 1 - (piece[:, ::-1] > 0).argmax(axis=1)
    kind = piece[np.arange(len(piece)), highest]
    held = (kind == notes.IS_HELD) & about["held"]
    return np.where(kind > 0, np.where(held, HELD, STRUCK) + highest, NEXT)


# 4. The export -----------------------------------------------------------------------


def export(model: keras.Model, about: dict, folder: Path) -> None:
    """One SavedModel for TensorFlow Serving or `tf.saved_model.load`.

    `serving_default` first (notes, a key, or both, as "D minor: A4 F4"), length
    (frames, up to 2,000; a piece may end from the half on), temperature, top_p, seed,
    `[batch]` each -> notes `[batch, time]`, the tokens that follow the key, 2 after a
    piece's end. `coding` -> the names of the tokens, and how many frames a quarter note
    and a bar have.
    """
    import tensorflow as tf

    class Exported(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = [weight.value for weight in model.weights]
            self.words = notes.words_in_graph()
            self.names = tf.constant(notes.names())

        def tops(self, found, length):  # [batch, notes] -> [batch, frames]
            tops = tf.repeat(found, about["grid"], axis=1)
            later = tf.range(tf.shape(tops)[1]) % about["grid"] > 0
            if about["held"]:
                tops += tf.where(later & (tops > 0), HELD - STRUCK, 0)
            frames = tf.maximum(tf.reduce_max(length), 1)
            tops = tf.pad(tops, [[0, 0], [0, frames]])[:, :frames]
            return tf.where(tf.range(frames) < length[:, None], tops, END)

        def generate(self, first, length, temperature, top_p, seed):
            tf.debugging.assert_non_negative(temperature, "temperature is negative")
            length = tf.clip_by_value(length, 1, MOST_LENGTH)
            keys, found = notes.beginnings_in_graph(first, self.words)
            tops = self.tops(found, length)
            found = generate(
                *begin(model, keys, tops, length // 2, about["most"]),
                tf.shape(tops)[1] * (about["most"] + 1) + 1,
                seed,
                temperature,
                top_p=top_p,
                end=END,
            )
            return {"notes": found}

        def coding(self):
            return {
                "names": self.names,
                "quarter": tf.constant(about["grid"]),
                "bar": tf.constant(about["bar"]),
            }

    module = Exported()
    inputs = {
        "first": tf.string,
        "length": tf.int32,
        "temperature": tf.float32,
        "top_p": tf.float32,
        "seed": tf.int32,
    }
    specs = [tf.TensorSpec([None], kind, name) for name, kind in inputs.items()]
    module.answers = (
        tf.function(module.generate, input_signature=specs, autograph=False),
        tf.function(module.coding, input_signature=[], autograph=False),
    )
    signatures = dict(zip(("serving_default", "coding"), module.answers, strict=True))
    signatures["generate"] = signatures["serving_default"]
    # No server needs the layers' gradients: tracing them took a third of the time.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures, options)


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run: Run, model: keras.Model, parts, about: dict) -> dict:
    """Fits on the training pieces, keeps the weights that do best on validation."""
    lengths = {part: sum(map(len, pieces)) for part, pieces in parts.items()}
    # Of little music fewer streams, for each to go on for some windows.
    rows = min(lengths["train"] // (4 * WINDOW), lengths["validation"] // WINDOW)
    rows = min(max(rows, 1), BATCH)
    training = Pieces(parts["train"], config.transpose, about, rows, config.seed)
    validation = Pieces(parts["validation"], 0, about, rows)
    learner = build_model(config, rows)
    copy_weights(model, learner)
    size = f"{len(parts['train']):,} pieces"
    length = Length(run, training, config.epochs, MOST_PASSES, size)
    rate = length.schedule(config.learning_rate, warm_up=100)
    learner.compile(
        keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=use_xla(),
    )
    checkpoint = Checkpoint(
        run, training, monitor="val_loss", highest=False, length=length
    )
    start = checkpoint.restore(learner)
    learner.fit(
        training,
        validation_data=validation,
        epochs=length.epochs,
        initial_epoch=start,
        callbacks=[FreshStates(training), checkpoint],
        shuffle=False,
        verbose=run.verbose,
    )
    metrics = checkpoint.use_best(learner)
    copy_weights(learner, model)
    return metrics


def nats_of_frames(model: keras.Model, pieces: list[np.ndarray]) -> tuple[float, float]:
    """Mean nats of a frame, and of a frame but each piece's first one.

    A frame's nats are the sum over its notes and its end, given all before in the
    piece, whose key is left open; the mean is over the frames of all pieces. What says
    that a piece ends is in neither.
    """
    total, frames, first = 0.0, 0, 0.0
    order = sorted(pieces, key=len)  # of similar length together
    for start in range(0, len(order), BATCH):
        rows = [[END, ANY_KEY, *ids[1:-1]] for ids in order[start : start + BATCH]]
        ids = np.zeros((len(rows), max(map(len, rows))), "int32")
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
        nats = nats_of_rows(model, ids)[:, 1:]  # not the key's
        ends = ids[:, 2:] == NEXT
        before = np.cumsum(ends, axis=1) - ends  # frames before each token's
        total, frames = total + nats.sum(), frames + ends.sum()
        first += nats[before == 0].sum()
    later = (total - first) / max(frames - len(pieces), 1)
    return float(total / frames), float(later)


def main(config: Config, run: Run) -> None:
    from data.errors import UserError
    from tasks import compositions, music_files

    melody = music_files.read_melody(config.melody) if config.melody else None
    try:
        notes.beginning(config.first)
    except ValueError as error:
        raise UserError(f"--first: {error}") from None
    parts, about = load_data(config, run)
    model = build_model(config)
    if run.loaded:
        model.load_weights(run.loaded / "model.keras")
        if run.only_export:
            run.export(export, model, about)
            return
    metrics = {"seed": config.seed, "parameters": model.count_params()}
    if not run.loaded:
        metrics |= train(config, run, model, parts, about)
    run.write("vocabulary.json", about)
    model.save(run.folder / "model.keras")
    run.export(export, model, about)

    pieces = {
        part: [notes.decode(ids[1:]) for ids in each] for part, each in parts.items()
    }
    metrics["validation_nll_per_frame"], _ = nats_of_frames(model, parts["validation"])
    found = nats_of_frames(model, parts["test"])
    metrics["test_nll_per_frame"], metrics["test_nll_per_frame_after_first"] = found
    metrics |= compositions.frequencies(pieces["train"], pieces["test"])

    composer = Composer(model, about)
    frames = QUARTERS * about["grid"]
    settings = {"temperature": TEMPERATURE, "top_p": TOP_P, "seed": config.seed}
    written = composer.write([config.first] * SAMPLES, frames, **settings)
    metrics |= compositions.compare(
        written, pieces["test"], pieces["train"], about["bar"]
    )
    shown = {f"{n}": piece for n, piece in enumerate(written[:SHOWN], start=1)}
    if melody is not None:
        tops = [melody_tops(melody(about["grid"]), about)]
        (shown["melody"],) = composer.compose([ANY_KEY], tops, **settings)
    lines = [f"{name}: {compositions.spoken(piece)}" for name, piece in shown.items()]
    run.write("samples.txt", "\n".join(lines) + "\n")
    run.write("figures.json", [music_files.write_samples(run.folder, shown, about)])
    run.finish(metrics)


if __name__ == "__main__":
    command(main, Config, SMOKE, SETTINGS)
