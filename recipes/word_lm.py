"""Words: given a text's beginning, what comes next (one-to-many).

    make word_lm                                 # prose of Python's documentation
    make word_lm DATA=wikitext-2 ARGS="--preset tied --epochs 40 --max-vocab 40000"
    make word_lm DATA=mine.txt ARGS="--prompt 'Once upon a time'"
    make try RECIPE=word_lm                      # type a beginning, watch it go on

Data     A UTF-8 file in any language (its last 5 % test, the 5 % before validation);
         a folder of such files, split by file; or a folder with the parts as files,
         as Mikolov's Penn Treebank has them, by path.
Words    As `tokens/words.py` cuts them; words seen once, and those past
         `--max-vocab`, are `<unk>`. Where `<unk>` stands in a text it has been cut
         already (Penn Treebank, WikiText): its words are what stands between spaces.
Model    word -> vector -> LSTM layers -> the next word's probability, by the same
         vectors (tied weights). Trained by truncated back-propagation through time: the
         text is read in parallel streams, each state carried from window to window.
         Beside it always an n-gram model of order 5 (interpolated Kneser-Ney).
Writes   runs/word_lm/<UTC time>/: report.html, metrics.json, samples.txt, and
         saved_model/1/: `serving_default` continues a batch of prompts, `score` gives
         nats a word.
Result   pydocs (of Python 3.11.7, NumPy 2.4.6, Keras 3.15.1, matplotlib 3.11.2), mean
         of seeds 0 to 2: test perplexity 52.3, Kneser-Ney 70.4; three to four minutes
         of training on 2 CPU cores (results/).
Try      Test perplexity on pydocs, seed 0, by default 52.4:
         --epochs 1           76.6, in a quarter of the time: above Kneser-Ney
         --epochs 8           50.3, in twice the time
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers.decoding import generate
from custom_layers.language_model import Writer, begin, first_states
from custom_layers.lstm import LSTM
from custom_layers.tied_embedding import TiedEmbedding
from kit.batches import Streams
from kit.length import Length
from kit.machine import use_xla
from kit.run import Run, Simpler, command
from kit.training import Checkpoint, FreshStates, copy_weights
from tasks.language_models import baselines, copied_share, nats_of, probabilities_figure
from tokens.words import join, join_in_graph, tokenize, tokenize_in_graph


@dataclass(frozen=True)
class Config:
    data: str = "pydocs"  # a name (pydocs, wikitext-2) or a path
    test_data: str = ""  # path of a test file; without: split off, or the folder's
    seed: int = 0  # of the first weights, dropout, the windows' places, the samples
    preset: Literal["small", "tied", "awd"] = "small"  # the network and its training
    epochs: int = 0  # passes over the training part; 0: as many as pay
    max_chars: int = 0  # keep so many of the text; 0: all
    max_vocab: int = 10_000  # most frequent words; the rest is unknown
    prompt: str = "the"  # what the samples begin with
    stop_words: str = ""  # words that are never written, with spaces between them


@dataclass(frozen=True)
class Preset:
    vector: int  # numbers a word, and the width of the last layer
    units: int  # width of the layers before it
    layers: int  # LSTM layers on top of each other
    batch: int  # streams side by side
    window: int  # words that gradients go back through
    learning_rate: float  # after 100 steps; from there along a cosine to zero
    tied: bool = True  # one matrix for vectors and logits
    # Shares that are dropped in training:
    words: float = 0.0  # whole words
    inputs: float = 0.0  # numbers of the words' vectors
    between: float = 0.0  # outputs of a layer that enter the next
    outputs: float = 0.0  # outputs of the last layer
    recurrent_weights: float = 0.0  # weights of the recurrent products
    variational: bool = False  # one draw a window, not one a word
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
}  # Adam in place of their SGD, as Melis, Dyer and Blunsom (2018) train such networks.
# fmt: on
SETTINGS = {"pydocs": {"epochs": 4}}  # what suits it, where not given otherwise
MOST_PASSES = 30  # where --epochs does not say: see kit/length.py
FEW = 350_000  # words below which more is dropped, for they are read many times
DROPPED_OF_FEW = {"inputs": 0.3, "outputs": 0.5}
MOST_COUNTED = 20_000_000  # words whose frequencies the first logits are
ORDER = 5  # of the n-gram model
MOST_WORK = 10**12  # words times weights of an epoch: a minute, what a kill costs
COPIED = 10  # words in a row, about 50 characters
SAMPLES, LENGTH, TEMPERATURE = 64, 100, 0.8  # texts written in the end
MOST_LENGTH, MOST_PROMPT = 2_000, 500  # words of one answer of the export
SCORED = 64  # words whose logits are in memory together
SIMPLER = Simpler(
    *("The n-gram model", "test_nats_per_token", False),
    "more text; more passes (--epochs); on a GPU --preset tied",
)
PADDING, UNKNOWN = 0, 1  # the first two ids
# sha256 of the `pydocs` behind the figures above.
MEASURED = "d0effc3f776e854fa16b9b64d972c1daff5ad400593d15ab597243d79a2b7b93"
SMOKE = {"max_chars": 60_000, "max_vocab": 500, "epochs": 1}  # instead, under --smoke


# 1. Text to numbers ------------------------------------------------------------------


def encode(text: str, vocabulary: dict) -> np.ndarray:
    """Ids `uint16 [words]` of a text; what `vocabulary` lacks is `UNKNOWN`."""
    id_of = {word: number for number, word in enumerate(vocabulary["words"], start=2)}
    words = tokenize(text, vocabulary["cut"])
    return np.array([id_of.get(word, UNKNOWN) for word in words], "uint16")


def decode(ids: np.ndarray, vocabulary: dict, prompt: str = "") -> str:
    """The text of ids, as it goes on after `prompt`."""
    names = ["", "<unk>", *vocabulary["words"]]
    return join([names[index] for index in ids], vocabulary["cut"], prompt)


def load_data(config: Config, run: Run) -> tuple[dict[str, np.ndarray], dict, int]:
    """Ids `[words]` of each part by name, on disk; the vocabulary: `words` (the first:
    id 2), whether the text had been `cut` into them, how many `distinct` ones training
    has; the number of characters in the test part.

    A text larger than memory works: it is read, encoded and mapped piece by piece.
    """
    from data.errors import UserError
    from data.texts import between_words, read_parts, read_whole

    if config.max_vocab > 65_000:  # ids lie on disk in two bytes each
        raise UserError(f"--max-vocab must be at most 65000, found {config.max_vocab}")
    parts = read_parts(run.data, config.max_chars)
    if run.test_data:
        parts["test"] = read_whole(run.test_data)

    def most_frequent() -> dict:
        piece = next(parts["train"].chunks(), "")
        cut = piece.count(" <unk> ") > 0.001 * piece.count(" ")
        counts = Counter()
        for piece in between_words(parts["train"]):
            counts.update(tokenize(piece, cut))
        counts.pop("<unk>", None)
        # Equal counts in the order of the alphabet: the same data, the same ids.
        order = sorted(counts, key=lambda word: (-counts[word], word))
        kept = [word for word in order[: config.max_vocab] if counts[word] > 1]
        return {"words": kept, "cut": cut, "distinct": len(order)}

    options = (config.max_chars, config.max_vocab)
    vocabulary = run.vocabulary() or run.cached("words", *options, make=most_frequent)
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
            name: (encode(piece, vocabulary) for piece in between_words(part))
            for name, part in parts.items()
        }

    characters = sum(len(piece) for piece in parts["test"].chunks())
    key = ["ids", config.max_chars, vocabulary]
    return run.mapped(*key, make=encode_all), vocabulary, characters


# 2. The network ----------------------------------------------------------------------


def build_model(preset: Preset, vocab: int, batch: int | None = None) -> keras.Model:
    """Ids `int32 [batch, time]` -> logits `[batch, time, vocab]` of the next id each.

    With `batch`, for training: states are carried from one call to the next. Without,
    for reading and writing: they enter beside the ids and leave beside the logits, and
    ids may be padded with 0 at the end.
    """

    def dropped(x, rate):
        shape = (None, 1, None) if preset.variational else None
        return layers.Dropout(rate, noise_shape=shape)(x) if rate else x

    ids = layers.Input(batch_shape=(batch, None), dtype="int32", name="ids")
    real = None if batch else ops.not_equal(ids, PADDING)
    entering, leaving = [], []
    vectors = TiedEmbedding(vocab, preset.vector, tied=preset.tied, name="vectors")
    x = vectors(ids)
    if preset.words:
        x = layers.Dropout(preset.words, noise_shape=(None, None, 1))(x)
    x = dropped(x, preset.inputs)
    for number in range(1, preset.layers + 1):
        last = number == preset.layers
        units = preset.vector if last else preset.units
        layer = LSTM(
            units,
            recurrent_weight_dropout=preset.recurrent_weights,
            return_sequences=True,
            return_state=True,
            stateful=batch is not None,
            name=f"layer_{number}",
        )
        first = None if batch else [layers.Input([units]) for _ in range(2)]
        x, *states = layer(x, initial_state=first, mask=real)
        x = dropped(x, preset.outputs if last else preset.between)
        entering, leaving = [*entering, *(first or [])], [*leaving, *states]
    logits = vectors(x, reverse=True)
    if batch:
        return keras.Model(ids, logits, name="word_lm_in_training")
    return keras.Model([ids, *entering], [logits, *leaving], name="word_lm")


# 3. What it writes -------------------------------------------------------------------


def writer(
    model: keras.Model, vocabulary: dict, length: int, stop_words: list[str] = ()
) -> Writer:
    """What continues prompts, `length` words each, in one compiled loop; `stop_words`
    are never written.

    Example:
        >>> author = writer(model, vocabulary, 40)
        >>> author.write(["The function", "An array"], temperature=0.8)
    """
    return Writer(
        model,
        length,
        encode=lambda prompt: prompt_ids(prompt, vocabulary),
        decode=lambda ids, prompt: decode(ids, vocabulary, prompt),
        banned=never(vocabulary, stop_words),
    )


def never(vocabulary: dict, stop_words: list[str] = ()) -> np.ndarray:
    """Booleans `[vocab]`: padding, the unknown word and stop words are not written."""
    banned = np.arange(len(vocabulary["words"]) + 2) <= UNKNOWN
    banned[encode(" ".join(stop_words), vocabulary)] = True
    return banned


def prompt_ids(prompt: str, vocabulary: dict) -> np.ndarray:
    """A prompt's ids, after a line's end: it begins as a line does."""
    return encode(f"\n{prompt}", vocabulary)


# 4. The export -----------------------------------------------------------------------


def export(model: keras.Model, vocabulary: dict, folder: Path):
    """One SavedModel for TensorFlow Serving or `tf.saved_model.load`, texts in and out.

    `serving_default` prompt, length (words, up to 2,000), temperature, top_k, top_p,
    seed, `[batch]` each -> text `[batch]`, what follows each prompt; `score` text
    `[batch]` -> nats `[batch]`, mean nats a word, 0 for an empty text.
    """
    import tensorflow as tf

    words, cut = vocabulary["words"], vocabulary["cut"]

    class Generator(tf.Module):
        def __init__(self):
            super().__init__()
            # Not the model: it would be stored twice, and `saved_model_cli` stumbles.
            self.weights = [weight.value for weight in model.weights]
            self.words = tf.constant(["", "<unk>", *words])
            numbers = tf.range(2, 2 + len(words))
            pairs = tf.lookup.KeyValueTensorInitializer(self.words[2:], numbers)
            self.table = tf.lookup.StaticHashTable(pairs, UNKNOWN)

        def ids_of(self, texts):  # [batch] -> ragged [batch, time], after a line's end
            words = tokenize_in_graph(tf.strings.join(["\n", texts]), cut)
            return words.with_values(self.table.lookup(words.values))

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
            ids = self.ids_of(prompt)[:, -MOST_PROMPT:].to_tensor(PADDING)
            ids = tf.pad(ids, [[0, 0], [0, 1]])  # never without a column
            written = generate(
                *begin(model, ids),
                tf.maximum(tf.reduce_max(length), 0),  # of no rows, too
                seed,
                temperature,
                top_k,
                top_p,
                banned=never(vocabulary),
            )
            rows = tf.RaggedTensor.from_tensor(written, lengths=length)
            words = rows.with_values(tf.gather(self.words, rows.values))
            return {"text": join_in_graph(words, cut, prompt)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
        def score(self, text):
            ids = self.ids_of(text).to_tensor(PADDING)
            inputs, targets = ids[:, :-1], ids[:, 1:]
            states = first_states(model, tf.shape(ids)[0])
            nats = tf.zeros(tf.shape(ids)[:1])
            for start in tf.range(0, tf.shape(inputs)[1], SCORED):
                next_ids = targets[:, start : start + SCORED]
                window = inputs[:, start : start + SCORED]
                logits, *states = model([window, *states], training=False)
                each = tf.nn.sparse_softmax_cross_entropy_with_logits(next_ids, logits)
                real = tf.cast(next_ids != PADDING, tf.float32)
                nats += tf.reduce_sum(each * real, axis=1)
            count = tf.reduce_sum(tf.cast(targets != PADDING, tf.float32), axis=1)
            return {"nats": nats / tf.maximum(count, 1.0)}

    module = Generator()
    signatures = {"serving_default": module.generate, "score": module.score}
    # No server needs the layers' gradients: tracing them took a third of the time.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures, options)


# 5. The run --------------------------------------------------------------------------


def train(
    preset: Preset, epochs: int, seed: int, run: Run, model: keras.Model, parts: dict
) -> dict:
    """Fits on the training part, keeps the weights that do best on validation."""
    size = (preset.batch, preset.window)
    most = MOST_WORK // model.count_params()
    training = Streams(parts["train"], *size, seed, most)
    validation = Streams(parts["validation"][:most], *size)
    vocab = model.output[0].shape[-1]
    counts = np.bincount(parts["train"][:MOST_COUNTED], minlength=vocab) + 0.1
    model.get_layer("vectors").bias.assign(np.log(counts / counts.sum()))
    learner = build_model(preset, vocab, preset.batch)
    copy_weights(model, learner)
    said = f"{len(parts['train']):,} words"
    length = Length(run, training, epochs, MOST_PASSES, said)
    rate = length.schedule(preset.learning_rate, warm_up=100)
    learner.compile(
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
    parts, vocabulary, characters = load_data(config, run)
    if config.data == "pydocs" and run.data_sha256 != MEASURED:
        print("Other packages, another text: figures published for it need not hold")
    vocab, preset = len(vocabulary["words"]) + 2, PRESETS[config.preset]
    if config.preset == "small" and len(parts["train"]) < FEW:
        preset = replace(preset, **DROPPED_OF_FEW)
    model = build_model(preset, vocab)
    if run.loaded:
        model.load_weights(run.loaded / "model.keras")
        if run.only_export:
            run.export(export, model, vocabulary)
            return
    metrics = {"seed": config.seed, "parameters": model.count_params()}
    if not run.loaded:
        metrics |= train(preset, config.epochs, config.seed, run, model, parts)
    run.write("vocabulary.json", vocabulary)
    model.save(run.folder / "model.keras")
    run.export(export, model, vocabulary)

    nats = nats_of(model, parts["test"])
    bits = nats / np.log(2) * (len(parts["test"]) - 1)
    metrics |= {
        "validation_nats_per_token": nats_of(model, parts["validation"]),
        "test_nats_per_token": nats,
        "test_perplexity": float(np.exp(nats)),
        # The letters of unknown words are not told.
        "test_bits_per_char": float(bits / characters),
        "unknown_share": float(np.mean(parts["test"] == UNKNOWN)),
    }
    prompt = prompt_ids(config.prompt, vocabulary).tolist()
    writing = (prompt, LENGTH, range(SAMPLES), TEMPERATURE)
    simpler = run.cached(
        *["baselines", config.max_chars, vocabulary, prompt],
        make=lambda: baselines(parts, vocab, ORDER, *writing),
    )
    metrics |= {key: value for key, value in simpler.items() if key != "written"}
    author = writer(model, vocabulary, LENGTH, config.stop_words.split())
    written = author.write([config.prompt] * SAMPLES, TEMPERATURE, seed=config.seed)
    ids = [encode(text, vocabulary) for text in written]
    metrics["copied_share"] = copied_share(ids, parts["train"], COPIED)
    metrics["baseline_copied_share"] = copied_share(
        [np.array(row) for row in simpler["written"]], parts["train"], COPIED
    )

    lines = [config.prompt + text for text in written[:5]]
    run.write("samples.txt", f"\n{'-' * 72}\n".join(lines) + "\n")
    print(f"\nAfter {config.prompt!r}", *lines[0].splitlines()[:6], sep="\n  ")
    figure = probabilities_figure(
        model, parts["test"], lambda ids: decode(ids, vocabulary), 12
    )
    run.write("figures.json", [figure])
    run.finish(metrics, SIMPLER)


if __name__ == "__main__":
    command(main, Config, SMOKE, SETTINGS)
