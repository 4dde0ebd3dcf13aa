"""Characters: given a text's beginning, what comes next (one-to-many).

    make char_lm                                 # Python's own source, offline
    make char_lm DATA=tinyshakespeare ARGS="--units 512 --epochs 13 --dropout 0.3 \\
        --learning-rate 4e-3 --prompt 'KING '"
    make char_lm DATA=mine.txt ARGS="--prompt 'Once upon'"
    make try RECIPE=char_lm                      # type a beginning, watch it go on

Data     A UTF-8 file in any language (its last 5 % test, the 5 % before validation);
         a folder of such files, split by file; or a folder with `train.txt`,
         `validation.txt` and `test.txt`.
Model    character -> vector -> LSTM -> the next character's probability. Trained by
         truncated back-propagation through time: the text is read in parallel
         streams, each state carried from window to window. Beside it always an
         n-gram model of order 6 (interpolated Kneser-Ney).
Writes   runs/char_lm/<UTC time>/: report.html, metrics.json, samples.txt, and
         saved_model/1/: `serving_default` continues a batch of prompts, `score` gives
         nats a character.
Result   python (of Python 3.11.7), mean of seeds 0 to 2: test 1.269 nats a character,
         a 6-gram 1.284; two and a half minutes of training on 2 CPU cores. Of the
         functions that it writes 9 % are Python to `ast.parse`, of the 6-gram's 3 %
         (results/).
Try      Test nats on python, seed 0, by default 1.268:
         --units 128          1.404: too small to remember
         --cell gru           1.367, at a learning rate that suits the LSTM
         --cell simple_rnn    1.492: it forgets
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers.decoding import generate
from custom_layers.gru import GRU
from custom_layers.language_model import Writer, begin, first_states
from custom_layers.lstm import LSTM
from custom_layers.simple_rnn import SimpleRNN
from kit.batches import Streams
from kit.length import Length
from kit.machine import use_xla
from kit.run import Run, Simpler, command
from kit.training import Checkpoint, FreshStates, copy_weights
from tasks.language_models import (
    baselines,
    copied_share,
    nats_of,
    parsed_share,
    probabilities_figure,
)


@dataclass(frozen=True)
class Config:
    data: str = "python"  # a name (python, tinyshakespeare) or a path
    test_data: str = ""  # path of a test file; without: split off, or the folder's
    seed: int = 0  # of the first weights, dropout, the windows' places, the samples
    epochs: int = 0  # passes over the training part; 0: as many as pay
    max_chars: int = 6_000_000  # of a longer text only so many are kept
    max_vocab: int = 1000  # most frequent characters; the rest is unknown
    cell: Literal["lstm", "gru", "simple_rnn"] = "lstm"  # what steps through time
    units: int = 256  # width of the state
    layers: int = 1  # cells on top of each other
    # Share dropped of outputs and recurrent weights, in training; none: 0.3 of a text
    # so short that it is read many times, else 0.
    dropout: float | None = None
    learning_rate: float = 1e-2  # after 100 steps; from there along a cosine to zero
    prompt: str = "def "  # what the samples begin with


BATCH = 32  # streams side by side
SETTINGS = {"python": {"epochs": 1}}  # what suits it, where not given otherwise
SHORT = 1_500_000  # characters below which dropout pays
MOST_PASSES = 30  # where --epochs does not say: see kit/length.py
WINDOW = 64  # characters that gradients go back through
VECTOR = 64  # numbers a character
ORDER = 6  # of the n-gram model
MOST_TOKENS = 4_000_000  # an epoch: at most two minutes, the most that a kill costs
ALONE = 256  # characters of a window that is read without what stood before
SAMPLES, LENGTH, TEMPERATURE = 64, 600, 0.7  # texts written in the end
MOST_LENGTH, MOST_PROMPT = 10_000, 2_000  # of one answer of the export
SIMPLER = Simpler(
    *("The n-gram model", "test_nats_per_token", False),
    "more text; more passes (--epochs); more --units",
)
PADDING, UNKNOWN = 0, 1  # the first two ids
# sha256 of the `python` behind the figures above.
MEASURED = "c7741481e70a7ff7766b56eb7485a6a229dbfb8df5fe67852ea5ace003909599"
SMOKE = {"units": 16, "max_chars": 60_000}  # instead, under --smoke


# 1. Text to numbers ------------------------------------------------------------------


def encode(text: str, characters: str) -> np.ndarray:
    """Ids `uint16 [characters]`; what `characters` lacks is `UNKNOWN`."""
    table = np.full(0x110000, UNKNOWN, "uint16")
    table[codes(characters)] = np.arange(2, 2 + len(characters))
    return table[codes(text)]


def decode(ids: np.ndarray, characters: str) -> str:
    """The text of ids; the unknown one is U+FFFD."""
    return "".join(f"\0\ufffd{characters}"[index] for index in ids)


def codes(text: str) -> np.ndarray:
    """Code points `uint32 [characters]`."""
    return np.frombuffer(text.encode("utf-32-le"), "uint32")


def load_data(config: Config, run: Run) -> tuple[dict[str, np.ndarray], dict]:
    """Ids `[characters]` of each part by name, on disk; the characters (first: id 2)
    and how many distinct ones training has.

    A text larger than memory works: it is read, encoded and mapped piece by piece.
    """
    from data.errors import UserError
    from data.texts import read_parts, read_whole

    if config.max_vocab > 65_000:  # ids lie on disk in two bytes each
        raise UserError(f"--max-vocab must be at most 65000, found {config.max_vocab}")
    parts = read_parts(run.data, config.max_chars)
    if run.test_data:
        parts["test"] = read_whole(run.test_data)

    def most_frequent() -> dict:
        counts = np.zeros(0x110000, "int64")
        for piece in parts["train"].chunks():
            counts += np.bincount(codes(piece), minlength=len(counts))
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        kept = "".join(chr(code) for code in order[: config.max_vocab])
        return {"characters": kept, "distinct": len(order)}

    options = (config.max_chars, config.max_vocab)
    known = run.vocabulary() or run.cached("characters", *options, make=most_frequent)
    characters, distinct = known["characters"], known["distinct"]
    if distinct < 2:
        raise UserError(f"{run.data}: expected two distinct characters, found one")
    if distinct > len(characters):
        print(
            f"{distinct:,} distinct characters, --max-vocab keeps {len(characters):,}, "
            "the rest is unknown"
        )

    def encode_all() -> dict:
        return {
            name: (encode(piece, characters) for piece in part.chunks())
            for name, part in parts.items()
        }

    return run.mapped("ids", config.max_chars, characters, make=encode_all), known


# 2. The network ----------------------------------------------------------------------


def build_model(config: Config, vocab: int, batch: int | None = None) -> keras.Model:
    """Ids `int32 [batch, time]` -> logits `[batch, time, vocab]` of the next id each.

    With `batch`, for training: states are carried from one call to the next. Without,
    for reading and writing: they enter beside the ids and leave beside the logits,
    `[batch, units]` each, and ids may be padded with 0 at the end.
    """
    cell = {"lstm": LSTM, "gru": GRU, "simple_rnn": SimpleRNN}[config.cell]
    ids = layers.Input(batch_shape=(batch, None), dtype="int32", name="ids")
    real = None if batch else ops.not_equal(ids, PADDING)
    entering, leaving = [], []
    # As large as what the LSTM makes of them: Keras's 0.05 learns far slower.
    x = layers.Embedding(
        vocab, VECTOR, keras.initializers.RandomNormal(stddev=1.0), name="vectors"
    )(ids)
    for number in range(config.layers):
        layer = cell(
            config.units,
            recurrent_weight_dropout=config.dropout or 0.0,
            return_sequences=True,
            return_state=True,
            stateful=batch is not None,
            name=f"layer_{number}",
        )
        count = 2 if config.cell == "lstm" else 1
        first = None if batch else [layers.Input([config.units]) for _ in range(count)]
        x, *last = layer(x, initial_state=first, mask=real)
        x = layers.Dropout(config.dropout or 0.0)(x)
        entering, leaving = [*entering, *(first or [])], [*leaving, *last]
    logits = layers.Dense(vocab, dtype="float32", name="logits")(x)
    if batch:
        return keras.Model(ids, logits, name="char_lm_in_training")
    return keras.Model([ids, *entering], [logits, *leaving], name="char_lm")


# 3. What it writes -------------------------------------------------------------------


def writer(model: keras.Model, characters: str, length: int) -> Writer:
    """What continues prompts, `length` characters each, in one compiled loop.

    Example:
        >>> writer(model, characters, 200).write(["def ", "class "], temperature=0.8)
    """
    return Writer(
        model,
        length,
        encode=lambda prompt: prompt_ids(prompt, characters),
        decode=lambda ids, prompt: decode(ids, characters),
        banned=never(len(characters) + 2),
    )


def never(vocab: int) -> np.ndarray:
    """Booleans `[vocab]`: padding and the unknown character are not written."""
    return np.arange(vocab) <= UNKNOWN


def prompt_ids(prompt: str, characters: str) -> np.ndarray:
    """A prompt's ids, after a line break: it begins as a line does."""
    return encode(f"\n{prompt}", characters)


# 4. The export -----------------------------------------------------------------------


def export(model: keras.Model, characters: str, folder: Path):
    """One SavedModel for TensorFlow Serving or `tf.saved_model.load`, texts in and out.

    `serving_default` prompt, length (up to 10,000), temperature, top_k, top_p, seed,
    `[batch]` each -> text `[batch]`, what follows each prompt; `score` text `[batch]`
    -> nats `[batch]`, mean nats per character, 0 for an empty text.
    """
    import tensorflow as tf

    class Generator(tf.Module):
        def __init__(self):
            super().__init__()
            # Not the model: it would be stored twice, and `saved_model_cli` stumbles.
            self.weights = [weight.value for weight in model.weights]
            known = codes(characters).astype("int32")
            numbers = np.full(known.max() + 2, UNKNOWN, "int32")
            numbers[known] = np.arange(2, 2 + len(known))
            self.numbers = tf.constant(numbers)  # by code point; the last: unknown
            self.codes = tf.constant([0, 0xFFFD, *known])

        def ids_of(self, texts, most=None):  # [batch] -> [batch, time], padded
            found = tf.strings.unicode_decode(tf.strings.join(["\n", texts]), "UTF-8")
            last = tf.size(self.numbers) - 1
            ids = tf.gather(self.numbers, tf.minimum(found.values, last))
            ids = found.with_values(ids)[:, -most if most else None :]
            return tf.pad(ids.to_tensor(PADDING), [[0, 0], [0, 1]])  # never no column

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, "prompt"),
                tf.TensorSpec([None], tf.int32, "length"),
                tf.TensorSpec([None], tf.float32, "temperature"),
                tf.TensorSpec([None], tf.int32, "top_k"),
                tf.TensorSpec([None], tf.float32, "top_p"),
                tf.TensorSpec([None], tf.int32, "seed"),
            ]
        )
        def generate(self, prompt, length, temperature, top_k, top_p, seed):
            tf.debugging.assert_non_negative(temperature, "temperature is negative")
            length = tf.clip_by_value(length, 0, MOST_LENGTH)
            written = generate(
                *begin(model, self.ids_of(prompt, MOST_PROMPT)),
                tf.maximum(tf.reduce_max(length), 0),  # of no rows, too
                seed,
                temperature,
                top_k,
                top_p,
                banned=never(len(characters) + 2),
            )
            rows = tf.RaggedTensor.from_tensor(written, lengths=length)
            found = rows.with_values(tf.gather(self.codes, rows.values))
            return {"text": tf.strings.unicode_encode(found, "UTF-8")}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
        def score(self, text):
            ids = self.ids_of(text)
            inputs, targets = ids[:, :-1], ids[:, 1:]
            states = first_states(model, tf.shape(ids)[0])
            logits, *_ = model([inputs, *states], training=False)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            real = tf.cast(targets != PADDING, tf.float32)
            count = tf.maximum(tf.reduce_sum(real, axis=1), 1.0)
            return {"nats": tf.reduce_sum(nats * real, axis=1) / count}

    module = Generator()
    signatures = {"serving_default": module.generate, "score": module.score}
    # No server needs the layers' gradients: tracing them took a third of the time.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures, options)


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run: Run, model: keras.Model, parts: dict) -> dict:
    """Fits on the training part, keeps the weights that do best on validation."""
    training = Streams(parts["train"], BATCH, WINDOW, config.seed, MOST_TOKENS)
    validation = Streams(parts["validation"][:MOST_TOKENS], BATCH, WINDOW)
    dropout = config.dropout
    if dropout is None:
        dropout = 0.3 if len(parts["train"]) < SHORT else 0.0
    config = replace(config, dropout=dropout)
    learner = build_model(config, model.output[0].shape[-1], BATCH)
    copy_weights(model, learner)
    size = f"{len(parts['train']):,} characters"
    length = Length(run, training, config.epochs, MOST_PASSES, size)
    rate = length.schedule(config.learning_rate, warm_up=100)
    learner.compile(
        # For one pass: short memories, small steps where gradients are large.
        keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=0.25),
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


def main(config: Config, run: Run) -> None:
    parts, vocabulary = load_data(config, run)
    if config.data == "python" and run.data_sha256 != MEASURED:
        print("Another Python, another text: figures published for it need not hold")
    characters = vocabulary["characters"]
    model = build_model(config, len(characters) + 2)
    if run.loaded:
        model.load_weights(run.loaded / "model.keras")
        if run.only_export:
            run.export(export, model, characters)
            return
    metrics = {"seed": config.seed, "parameters": model.count_params()}
    if not run.loaded:
        metrics |= train(config, run, model, parts)
    run.write("vocabulary.json", vocabulary)
    model.save(run.folder / "model.keras")
    run.export(export, model, characters)

    nats = nats_of(model, parts["test"])
    metrics |= {
        "validation_nats_per_token": nats_of(model, parts["validation"]),
        "test_nats_per_token": nats,
        "test_perplexity": float(np.exp(nats)),
        "test_bits_per_char": float(nats / np.log(2)),
        f"test_nats_per_token_{ALONE}": nats_of(model, parts["test"], ALONE),
        "unknown_share": float(np.mean(parts["test"] == UNKNOWN)),
    }
    prompt = prompt_ids(config.prompt, characters).tolist()
    writing = (prompt, LENGTH, range(SAMPLES), TEMPERATURE)
    simpler = run.cached(
        *["baselines", config.max_chars, characters, prompt],
        make=lambda: baselines(parts, len(characters) + 2, ORDER, *writing),
    )
    written = writer(model, characters, LENGTH).write(
        [config.prompt] * SAMPLES, TEMPERATURE, seed=config.seed
    )
    by_ngram = [decode(ids, characters) for ids in simpler["written"]]
    metrics |= {key: value for key, value in simpler.items() if key != "written"}
    for name, texts in (("", written), ("baseline_", by_ngram)):
        ids = [encode(text, characters) for text in texts]
        metrics[f"{name}copied_share"] = copied_share(ids, parts["train"])
        if config.data == "python":
            functions = [config.prompt + text for text in texts]
            metrics[f"{name}parsed_share"] = parsed_share(functions)

    lines = [config.prompt + text for text in written[:5]]
    run.write("samples.txt", f"\n{'-' * 72}\n".join(lines) + "\n")
    print(f"\nAfter {config.prompt!r}", *lines[0].splitlines()[:12], sep="\n  ")
    figure = probabilities_figure(
        model, parts["test"], lambda ids: decode(ids, characters), 40
    )
    run.write("figures.json", [figure])
    run.finish(metrics, SIMPLER)


if __name__ == "__main__":
    command(main, Config, SMOKE, SETTINGS)
