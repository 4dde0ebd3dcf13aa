"""Words: given the beginning of a text, what comes next (one-to-many).

    make word_lm                                 # prose of Python's documentation
    make word_lm DATA=wikitext-2 ARGS="--preset tied --epochs 40 --max-vocab 40000"
    make word_lm DATA=mine.txt ARGS="--prompt 'Once upon a time'"
    make try RECIPE=word_lm                      # type a beginning, watch it continue

Data     A UTF-8 file in any language (its last 5 % are test, the 5 % before them
         validation); a folder of such files, split by file; or a folder with the parts
         as files, like Mikolov's Penn Treebank.
Words    As `tokens/words.py` splits them; words that occur once, and those beyond
         `--max-vocab`, become `<unk>`. A text that contains `<unk>` is split already
         (Penn Treebank, WikiText): its words are what stands between spaces.
Model    word -> vector -> LSTM layers -> probabilities of the next word, by the same
         vectors (tied weights). It is trained by truncated back-propagation through
         time: parallel streams of text, whose states are carried from window to window.
         The simpler model is an n-gram model of order 5 (interpolated Kneser-Ney).
Writes   runs/word_lm/<UTC time>/: report.html, metrics.json, samples.txt, and
         saved_model/1/: `serving_default` continues prompts, `score` returns nats per
         word.
Try      --epochs 1           better than the n-gram model after a quarter of the time
         --epochs 8           a little better, in twice the time
         --preset tied        wider and deeper, for a GPU
"""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers.language_model import continue_prompts, save_language_model
from custom_layers.lstm import LSTM
from custom_layers.saved_model import lookup_table
from custom_layers.tied_embedding import TiedEmbedding
from custom_layers.xla import use_xla
from tokens.words import join, join_in_graph, most_frequent, tokenize, tokenize_in_graph


@dataclass(frozen=True)
class Config:
    data: str = "pydocs"  # a name (pydocs, wikitext-2) or a path
    test_data: str = ""  # path of a test file; default: the folder's, or split off
    seed: int = 0  # of the initial weights, dropout, the windows' places, the samples
    preset: Literal["small", "tied", "awd"] = "small"  # the network and its training
    epochs: int = 0  # passes over the training part; 0: chosen by the data's size
    max_chars: int = 0  # of a longer text only so many are read; 0: all
    # Most frequent words; the rest is unknown. Ids are stored in two bytes.
    max_vocab: int = field(default=10_000, metadata={"max": 65_000})
    prompt: str = "the"  # what the samples begin with
    stop_words: str = ""  # words that are never written, separated by spaces


@dataclass(frozen=True)
class Preset:
    vector: int  # width of the words' vectors and of the last layer
    units: int  # width of the layers before it
    layers: int  # LSTM layers on top of each other
    batch: int  # parallel streams
    window: int  # words that gradients go back through
    learning_rate: float  # after 100 steps of warm-up; then a cosine to zero
    tied: bool = True  # whether vectors and logits share one matrix
    # Shares dropped in training:
    words: float = 0.0  # whole words
    inputs: float = 0.0  # of the words' vectors
    between: float = 0.0  # of the outputs between two layers
    outputs: float = 0.0  # of the last layer's outputs
    recurrent_weights: float = 0.0  # of the recurrent weights
    variational: bool = False  # one draw per window instead of one per word
    average: float = 0.0  # momentum of averaged weights; 0: the last weights


# fmt: off
PRESETS = {
    # For minutes on two cores.
    "small": Preset(256, 256, 1, 32, 35, 4e-3, inputs=0.1, outputs=0.2),
    # Press and Wolf (2017), Inan et al. (2017); widths and shares as in "Deep Learning
    # from Scratch 2" (Saitoh, 2018), section 6.5.
    "tied": Preset(
        650, 650, 2, 20, 35, 2e-3, inputs=0.5, between=0.5, outputs=0.5,
    ),
    # AWD-LSTM: Merity, Keskar and Socher (2018), without their penalties on outputs.
    "awd": Preset(
        400, 1150, 3, 20, 70, 2e-3,
        words=0.1, inputs=0.4, between=0.25, outputs=0.4, recurrent_weights=0.5,
        variational=True, average=0.999,
    ),
}  # Adam instead of their SGD, as Melis, Dyer and Blunsom (2018) train such networks.
# fmt: on
SMOKE = {"max_chars": 60_000, "max_vocab": 500, "epochs": 1}  # under --smoke
SETTINGS = {"pydocs": {"epochs": 4}}  # measured to suit a data set
READING = ("max_chars", "max_vocab")  # options that decide what is read
SIMPLER = {
    "name": "The n-gram model",
    "metrics": ("test_nats_per_token",),
    "maximize": False,
    "advice": "more text; more passes (--epochs); on a GPU --preset tied",
}

PADDING, UNKNOWN = 0, 1  # the first two ids
FEW = 350_000  # words below which "small" drops more: they are read many times
DROPPED_OF_FEW = {"inputs": 0.3, "outputs": 0.5}
MAX_PASSES = 30  # where --epochs does not say: see kit/length.py
MAX_COUNTED = 20_000_000  # words whose frequencies initialise the logits
MAX_WORK = 10**12  # words times weights per epoch: a minute, which is what a kill costs
ORDER = 5  # of the n-gram model
COPIED = 10  # words in a row that count as copied, about 50 characters
SAMPLES, LENGTH, TEMPERATURE = 64, 100, 0.8  # of the texts written at the end
MAX_PROMPT, MAX_LENGTH = 500, 2_000  # of a request to the export
# sha256 of the `pydocs` data behind the published results.
MEASURED = "d0effc3f776e854fa16b9b64d972c1daff5ad400593d15ab597243d79a2b7b93"


# 1. Text to numbers ------------------------------------------------------------------


def encode(text: str, vocabulary: dict) -> np.ndarray:
    """Ids `uint16 [words]` of a text; what `vocabulary` lacks is `UNKNOWN`."""
    id_of = {word: number for number, word in enumerate(vocabulary["words"], start=2)}
    words = tokenize(text, vocabulary["cut"])
    return np.array([id_of.get(word, UNKNOWN) for word in words], "uint16")


def decode(ids: np.ndarray, vocabulary: dict, prompt: str = "") -> str:
    """The text of ids, as it continues `prompt`."""
    names = ["", "<unk>", *vocabulary["words"]]
    return join([names[index] for index in ids], vocabulary["cut"], prompt)


def load_data(config: Config, run) -> tuple[dict, dict]:
    """Ids `[words]` by part, on disk, and how many `test_characters` there are; the
    vocabulary: `words` (the first has id 2), whether the text is `cut` into words
    already, and how many `distinct` words the training part has.

    The text may be larger than memory: it is read, encoded and mapped in pieces.
    """
    from data.errors import UserError
    from data.texts import between_words, read_parts, read_whole

    if config.data == "pydocs" and run.data_sha256 != MEASURED:
        print("Other versions of the packages: published results need not hold")
    texts = read_parts(run.data, config.max_chars)
    if run.test_data:
        texts["test"] = read_whole(run.test_data)

    def choose_words() -> dict:
        piece = next(texts["train"].chunks(), "")
        cut = piece.count(" <unk> ") > 0.001 * piece.count(" ")
        counts = Counter()
        for piece in between_words(texts["train"]):
            counts.update(tokenize(piece, cut))
        counts.pop("<unk>", None)
        kept = most_frequent(counts, config.max_vocab, least=2)
        return {"words": kept, "cut": cut, "distinct": len(counts)}

    vocabulary = run.vocabulary() or run.cached("words", make=choose_words)
    words, distinct = vocabulary["words"], vocabulary["distinct"]
    if distinct < 2 or not words:
        raise UserError(
            f"{run.data}: expected two distinct words or more, one of them twice"
        )
    if vocabulary["cut"]:
        print("<unk> stands in the text: words are what stands between spaces")
    if distinct > len(words):
        print(
            f"{distinct:,} distinct words, --max-vocab and words seen once leave "
            f"{len(words):,}, the rest is unknown"
        )

    def encode_all() -> dict:
        return {
            part: (encode(piece, vocabulary) for piece in between_words(text))
            for part, text in texts.items()
        }

    characters = sum(len(piece) for piece in texts["test"].chunks())
    ids = run.mapped("ids", make=encode_all)
    return {**ids, "test_characters": characters}, vocabulary


# 2. The network ----------------------------------------------------------------------


def build_model(
    config: Config, vocabulary: dict, batch: int | None = None, **dropped
) -> keras.Model:
    """Ids `int32 [batch, time]` -> logits `[batch, time, vocab]` of the next ids.

    Without `batch`, for reading and writing: the states are inputs beside the ids and
    outputs beside the logits, `[batch, units]` each; ids may be padded with 0 at the
    end. With `batch`, for training: states are carried from one call to the next.
    `dropped` replaces shares of the preset.
    """
    vocab = len(vocabulary["words"]) + 2
    preset = replace(PRESETS[config.preset], **dropped)

    def drop(x, rate):
        shape = (None, 1, None) if preset.variational else None
        return layers.Dropout(rate, noise_shape=shape)(x) if rate else x

    ids = layers.Input(batch_shape=(batch, None), dtype="int32", name="ids")
    mask = None if batch else ops.not_equal(ids, PADDING)
    states_before, states_after = [], []
    vectors = TiedEmbedding(vocab, preset.vector, tied=preset.tied, name="vectors")
    x = vectors(ids)
    if preset.words:
        x = layers.Dropout(preset.words, noise_shape=(None, None, 1))(x)
    x = drop(x, preset.inputs)
    for number in range(1, preset.layers + 1):
        is_last = number == preset.layers
        units = preset.vector if is_last else preset.units
        layer = LSTM(
            units,
            recurrent_weight_dropout=preset.recurrent_weights,
            return_sequences=True,
            return_state=True,
            stateful=batch is not None,
            name=f"layer_{number}",
        )
        before = None if batch else [layers.Input([units]) for _ in range(2)]
        x, *after = layer(x, initial_state=before, mask=mask)
        x = drop(x, preset.outputs if is_last else preset.between)
        states_before += before or []
        states_after += after
    logits = vectors(x, reverse=True)
    if batch:
        return keras.Model(ids, logits, name="word_lm_in_training")
    return keras.Model([ids, *states_before], [logits, *states_after], name="word_lm")


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
    stop_words: list[str] = (),
    **settings,
) -> list[str]:
    """The `length` words that follow each prompt, none of them in `stop_words`;
    `settings` are those of `continue_prompts`: temperature, top_k, top_p, seed.

    Example:
        >>> model, vocabulary = load("runs/word_lm/latest")
        >>> write(model, vocabulary, ["The function", "An array"], temperature=0.8)
    """
    ids = [encode_prompt(prompt, vocabulary) for prompt in prompts]
    banned = banned_ids(vocabulary, stop_words)
    drawn = continue_prompts(model, ids, length, banned, **settings)
    pairs = zip(drawn, prompts, strict=True)
    return [decode(ids, vocabulary, prompt) for ids, prompt in pairs]


def encode_prompt(prompt: str, vocabulary: dict) -> np.ndarray:
    """A prompt's ids, after the end of a line: it begins as a line does."""
    return encode(f"\n{prompt}", vocabulary)


def banned_ids(vocabulary: dict, stop_words: list[str] = ()) -> np.ndarray:
    """Booleans `[vocab]`: padding, unknown and stop words are never written."""
    banned = np.arange(len(vocabulary["words"]) + 2) <= UNKNOWN
    banned[encode(" ".join(stop_words), vocabulary)] = True
    return banned


# 4. The export -----------------------------------------------------------------------


def export(model: keras.Model, vocabulary: dict, folder: Path) -> None:
    """Writes one SavedModel, for TensorFlow Serving or `tf.saved_model.load`.

    `serving_default`: prompt, length (up to 2,000 words), temperature, top_k, top_p,
    seed, `[batch]` each -> text `[batch]`, what follows each prompt.
    `score`: text `[batch]` -> nats `[batch]`, mean nats per word.
    """
    import tensorflow as tf

    words, cut = vocabulary["words"], vocabulary["cut"]
    table = lookup_table(words, first=2, default=UNKNOWN)

    def encode(texts):  # after the end of a line, as `encode_prompt`
        cut_texts = tokenize_in_graph(tf.strings.join(["\n", texts]), cut)
        return cut_texts.with_values(table.lookup(cut_texts.values))

    def decode(ids, prompts):
        names = tf.gather(tf.constant(["", "<unk>", *words]), ids.values)
        return join_in_graph(ids.with_values(names), cut, prompts)

    banned = banned_ids(vocabulary)
    save_language_model(
        folder, model, encode, decode, banned, MAX_PROMPT, MAX_LENGTH, [table]
    )


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Fits on the training part; the epoch that is best on validation counts."""
    from kit.length import Length
    from kit.streams import FreshStates, Streams
    from kit.training import Checkpoint

    preset, words = PRESETS[config.preset], len(data["train"])
    size, most = (preset.batch, preset.window), MAX_WORK // model.count_params()
    training = Streams(data["train"], *size, config.seed, most)
    validation = Streams(data["validation"][:most], *size)
    vocab = len(vocabulary["words"]) + 2
    counts = np.bincount(data["train"][:MAX_COUNTED], minlength=vocab) + 0.1
    model.get_layer("vectors").bias.assign(np.log(counts / counts.sum()))
    dropped = DROPPED_OF_FEW if config.preset == "small" and words < FEW else {}
    training_model = build_model(config, vocabulary, preset.batch, **dropped)
    training_model.set_weights(model.get_weights())
    length = Length(run, training, config.epochs, MAX_PASSES, f"{words:,} words")
    rate = length.schedule(preset.learning_rate, warm_up=100)
    training_model.compile(
        keras.optimizers.Adam(
            rate,
            beta_2=0.99,
            global_clipnorm=1.0,
            use_ema=preset.average > 0,
            ema_momentum=preset.average,
        ),
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

    test, vocab = data["test"], len(vocabulary["words"]) + 2
    metrics = lm.metrics_of(model, data, data["test_characters"])
    metrics["unknown_share"] = float(np.mean(test == UNKNOWN))
    prompt = encode_prompt(config.prompt, vocabulary).tolist()
    sampling = (prompt, LENGTH, range(SAMPLES), TEMPERATURE)
    ngram = run.cached(
        *("n-gram model", prompt),
        make=lambda: lm.baselines(data, vocab, ORDER, *sampling),
    )
    written = {"baseline_": [np.array(ids) for ids in ngram.pop("written")]}
    prompts, stop_words = [config.prompt] * SAMPLES, config.stop_words.split()
    settings = {"temperature": TEMPERATURE, "seed": config.seed}
    texts = write(model, vocabulary, prompts, LENGTH, stop_words, **settings)
    written[""] = [encode(text, vocabulary) for text in texts]
    metrics |= ngram
    for name, ids in written.items():
        metrics[f"{name}copied_share"] = lm.copied_share(ids, data["train"], COPIED)

    lines = [config.prompt + text for text in texts[:5]]
    run.write("samples.txt", f"\n{'-' * 72}\n".join(lines) + "\n")
    print(f"\nAfter {config.prompt!r}", *lines[0].splitlines()[:6], sep="\n  ")
    figure = lm.probabilities_figure(
        model, test, lambda ids: decode(ids, vocabulary), 12
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
