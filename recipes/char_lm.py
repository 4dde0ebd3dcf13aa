"""Characters: given the beginning of a text, what comes next (one-to-many).

    make char_lm                                 # Python's own source, offline
    make char_lm DATA=tinyshakespeare ARGS="--units 512 --epochs 13 --dropout 0.3 \\
        --learning-rate 4e-3 --prompt 'KING '"
    make char_lm DATA=mine.txt ARGS="--prompt 'Once upon'"
    make try RECIPE=char_lm                      # type a beginning, watch it continue

Data     A UTF-8 file in any language (its last 5 % are test, the 5 % before them
         validation); a folder of such files, split by file; or a folder with
         `train.txt`, `validation.txt` and `test.txt`.
Model    character -> vector -> LSTM -> probabilities of the next character. It is
         trained by truncated back-propagation through time: the text is read in
         parallel streams whose states are carried from window to window. The simpler
         model is an n-gram model of order 6 (interpolated Kneser-Ney).
Writes   runs/char_lm/<UTC time>/: report.html, metrics.json, samples.txt, and
         saved_model/1/: `serving_default` continues prompts, `score` returns nats per
         character.
Try      --units 128          too small to remember what the text is about
         --cell gru           needs a lower learning rate than the LSTM
         --cell simple_rnn    forgets within a line
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers.gru import GRU
from custom_layers.language_model import continue_prompts, save_language_model
from custom_layers.lstm import LSTM
from custom_layers.simple_rnn import SimpleRNN
from custom_layers.xla import use_xla
from tokens.characters import (
    PADDING,
    UNKNOWN,
    code_points,
    decode,
    decode_in_graph,
    encode,
    encode_in_graph,
)


@dataclass(frozen=True)
class Config:
    data: str = "python"  # a name (python, tinyshakespeare) or a path
    test_data: str = ""  # path of a test file; default: the folder's, or split off
    seed: int = 0  # of the initial weights, dropout, the windows' places, the samples
    epochs: int = 0  # passes over the training part; 0: chosen by the data's size
    max_chars: int = 6_000_000  # of a longer text only so many are read
    # Most frequent characters; the rest is unknown. Ids are stored in two bytes.
    max_vocab: int = field(default=1000, metadata={"max": 65_000})
    cell: Literal["lstm", "gru", "simple_rnn"] = "lstm"  # recurrent layer
    units: int = 256  # width of the state
    layers: int = 1  # recurrent layers on top of each other
    # Share of outputs and recurrent weights dropped in training; None: 0.3 for a text
    # so short that it is read many times, else 0.
    dropout: float | None = None
    learning_rate: float = 1e-2  # after 100 steps of warm-up; then a cosine to zero
    prompt: str = "def "  # what the samples begin with


SMOKE = {"units": 16, "max_chars": 60_000}  # under --smoke
SETTINGS = {"python": {"epochs": 1}}  # measured to suit a data set
READING = ("max_chars", "max_vocab")  # options that decide what is read
SIMPLER = {
    "name": "The n-gram model",
    "metrics": ("test_nats_per_token",),
    "maximize": False,
    "advice": "more text; more passes (--epochs); more --units",
}

BATCH, WINDOW = 32, 64  # parallel streams; characters that gradients go back through
VECTOR = 64  # width of the characters' vectors
SHORT = 1_500_000  # characters below which dropout pays
MAX_PASSES = 30  # where --epochs does not say: see kit/length.py
MAX_TOKENS = 4_000_000  # per epoch: two minutes at most, which is what a kill costs
ORDER = 6  # of the n-gram model
ISOLATED_WINDOW = 256  # characters read without those before, for one metric
SAMPLES, LENGTH, TEMPERATURE = 64, 600, 0.7  # of the texts written at the end
MAX_PROMPT, MAX_LENGTH = 2_000, 10_000  # of a request to the export
# sha256 of the `python` data behind the published results.
MEASURED = "c7741481e70a7ff7766b56eb7485a6a229dbfb8df5fe67852ea5ace003909599"


# 1. Text to numbers ------------------------------------------------------------------


def load_data(config: Config, run) -> tuple[dict[str, np.ndarray], dict]:
    """Ids `[characters]` by part, on disk; the vocabulary: `characters` (the first has
    id 2), and how many `distinct` ones the training part has.

    The text may be larger than memory: it is read, encoded and mapped in pieces.
    """
    from data.errors import UserError
    from data.texts import read_parts, read_whole

    if config.data == "python" and run.data_sha256 != MEASURED:
        print("Another version of Python: published results need not hold")
    texts = read_parts(run.data, config.max_chars)
    if run.test_data:
        texts["test"] = read_whole(run.test_data)

    def most_frequent() -> dict:
        counts = np.zeros(0x110000, "int64")
        for piece in texts["train"].chunks():
            counts += np.bincount(code_points(piece), minlength=len(counts))
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        kept = "".join(chr(code) for code in order[: config.max_vocab])
        return {"characters": kept, "distinct": len(order)}

    vocabulary = run.vocabulary() or run.cached("characters", make=most_frequent)
    characters, distinct = vocabulary["characters"], vocabulary["distinct"]
    if distinct < 2:
        raise UserError(f"{run.data}: expected two distinct characters, found one")
    if distinct > len(characters):
        print(
            f"{distinct:,} distinct characters, --max-vocab keeps {len(characters):,}, "
            "the rest is unknown"
        )

    def encode_all() -> dict:
        return {
            part: (encode(piece, characters) for piece in text.chunks())
            for part, text in texts.items()
        }

    return run.mapped("ids", make=encode_all), vocabulary


# 2. The network ----------------------------------------------------------------------


def build_model(
    config: Config, vocabulary: dict, batch: int | None = None
) -> keras.Model:
    """Ids `int32 [batch, time]` -> logits `[batch, time, vocab]` of the next ids.

    Without `batch`, for reading and writing: the states are inputs beside the ids and
    outputs beside the logits, `[batch, units]` each; ids may be padded with 0 at the
    end. With `batch`, for training: states are carried from one call to the next.
    """
    vocab = len(vocabulary["characters"]) + 2
    cell = {"lstm": LSTM, "gru": GRU, "simple_rnn": SimpleRNN}[config.cell]
    ids = layers.Input(batch_shape=(batch, None), dtype="int32", name="ids")
    mask = None if batch else ops.not_equal(ids, PADDING)
    states_before, states_after = [], []
    # As large as the LSTM's own outputs: Keras's 0.05 learns far more slowly.
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
        before = None if batch else [layers.Input([config.units]) for _ in range(count)]
        x, *after = layer(x, initial_state=before, mask=mask)
        x = layers.Dropout(config.dropout or 0.0)(x)
        states_before += before or []
        states_after += after
    logits = layers.Dense(vocab, dtype="float32", name="logits")(x)
    if batch:
        return keras.Model(ids, logits, name="char_lm_in_training")
    return keras.Model([ids, *states_before], [logits, *states_after], name="char_lm")


def load(folder: str | Path) -> tuple[keras.Model, dict]:
    """The model and the vocabulary of a run."""
    model = keras.models.load_model(Path(folder) / "model.keras", compile=False)
    return model, json.loads((Path(folder) / "vocabulary.json").read_text("utf-8"))


# 3. What it writes -------------------------------------------------------------------


def write(
    model: keras.Model,
    vocabulary: dict,
    prompts: list[str],
    length: int = LENGTH,
    **settings,
) -> list[str]:
    """The `length` characters that follow each prompt; `settings` are those of
    `continue_prompts`: temperature, top_k, top_p, seed.

    Example:
        >>> model, vocabulary = load("runs/char_lm/latest")
        >>> write(model, vocabulary, ["def ", "class "], length=200, temperature=0.7)
    """
    characters = vocabulary["characters"]
    ids = [encode_prompt(prompt, characters) for prompt in prompts]
    drawn = continue_prompts(model, ids, length, banned_ids(vocabulary), **settings)
    return [decode(ids, characters) for ids in drawn]


def encode_prompt(prompt: str, characters: str) -> np.ndarray:
    """A prompt's ids, after a line break: it begins as a line does."""
    return encode(f"\n{prompt}", characters)


def banned_ids(vocabulary: dict) -> np.ndarray:
    """Booleans `[vocab]`: padding and the unknown character are never written."""
    return np.arange(len(vocabulary["characters"]) + 2) <= UNKNOWN


# 4. The export -----------------------------------------------------------------------


def export(model: keras.Model, vocabulary: dict, folder: Path) -> None:
    """Writes one SavedModel, for TensorFlow Serving or `tf.saved_model.load`.

    `serving_default`: prompt, length (up to 10,000 characters), temperature, top_k,
    top_p, seed, `[batch]` each -> text `[batch]`, what follows each prompt.
    `score`: text `[batch]` -> nats `[batch]`, mean nats per character.
    """
    import tensorflow as tf

    characters = vocabulary["characters"]
    save_language_model(
        folder,
        model,
        lambda texts: encode_in_graph(tf.strings.join(["\n", texts]), characters),
        lambda ids, prompts: decode_in_graph(ids, characters),
        banned_ids(vocabulary),
        MAX_PROMPT,
        MAX_LENGTH,
    )


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Fits on the training part; the epoch that is best on validation counts."""
    from kit.length import Length
    from kit.streams import FreshStates, Streams
    from kit.training import Checkpoint

    training = Streams(data["train"], BATCH, WINDOW, config.seed, MAX_TOKENS)
    validation = Streams(data["validation"][:MAX_TOKENS], BATCH, WINDOW)
    characters = len(data["train"])
    if config.dropout is None:
        config = replace(config, dropout=0.3 if characters < SHORT else 0.0)
    training_model = build_model(config, vocabulary, BATCH)
    training_model.set_weights(model.get_weights())
    length = Length(
        run, training, config.epochs, MAX_PASSES, f"{characters:,} characters"
    )
    rate = length.schedule(config.learning_rate, warm_up=100)
    training_model.compile(
        # For one pass: short memories, small steps where gradients are large.
        keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=0.25),
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
    """Metrics of held-out text and of what is written, ours and the n-gram model's."""
    from tasks import language_models as lm
    from tasks.likelihood import nats_of

    characters, test = vocabulary["characters"], data["test"]
    isolated = nats_of(model, test, ISOLATED_WINDOW)
    metrics = {
        **lm.metrics_of(model, data, len(test) - 1),
        f"test_nats_per_token_{ISOLATED_WINDOW}": isolated,
        "unknown_share": float(np.mean(test == UNKNOWN)),
    }
    prompt = encode_prompt(config.prompt, characters).tolist()
    sampling = (prompt, LENGTH, range(SAMPLES), TEMPERATURE)
    ngram = run.cached(
        *("n-gram model", prompt),
        make=lambda: lm.baselines(data, len(characters) + 2, ORDER, *sampling),
    )
    written = {"baseline_": [decode(ids, characters) for ids in ngram.pop("written")]}
    prompts = [config.prompt] * SAMPLES
    settings = {"temperature": TEMPERATURE, "seed": config.seed}
    written[""] = write(model, vocabulary, prompts, **settings)
    metrics |= ngram
    for name, texts in written.items():
        ids = [encode(text, characters) for text in texts]
        metrics[f"{name}copied_share"] = lm.copied_share(ids, data["train"])
        if config.data == "python":
            functions = [config.prompt + text for text in texts]
            metrics[f"{name}parsed_share"] = lm.parsed_share(functions)

    lines = [config.prompt + text for text in written[""][:5]]
    run.write("samples.txt", f"\n{'-' * 72}\n".join(lines) + "\n")
    print(f"\nAfter {config.prompt!r}", *lines[0].splitlines()[:12], sep="\n  ")
    figure = lm.probabilities_figure(
        model, test, lambda ids: decode(ids, characters), 40
    )
    run.write("figures.json", [figure])
    request = {"prompt": config.prompt, "length": LENGTH, "top_k": 0, "top_p": 1.0}
    run.write("request.json", {**request, **settings})
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
