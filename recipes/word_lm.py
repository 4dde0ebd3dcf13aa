"""Words: given a text's beginning, what comes next (one-to-many).

    make word_lm                                 # prose of Python's documentation
    make word_lm DATA=wikitext-2 ARGS="--preset tied --max-vocab 40000"
    make word_lm DATA=mine.txt ARGS="--epochs 10 --prompt 'Once upon a time'"
    make try RECIPE=word_lm                      # type a beginning, watch it go on

Data     A UTF-8 file in any language (its last 5 % test, the 5 % before validation);
         a folder of such files, split by file; or a folder with the parts as files,
         as Mikolov's Penn Treebank has them, by path.
Words    Lower-cased, split at spaces. A mark is a word of its own, and so is each
         character of a script without spaces (Thai, Lao, Myanmar, Khmer, Kana, Han);
         ' . , - inside a word stay: don't, 3.14, well-known. A line's end is the word
         <eos>. Where `<unk>` stands in a text it has been cut into words already (Penn
         Treebank, WikiText): there they are what stands between spaces, unchanged.
         Words seen once, and those past `--max-vocab`, are `<unk>`.
Model    word -> vector -> LSTM layers -> the next word's probability, by the same
         vectors (tied weights). Trained by truncated back-propagation through time: the
         text is read in parallel streams, each state carried from window to window.
         Beside it always an n-gram model of order 5 (interpolated Kneser-Ney).
Writes   runs/word_lm/<UTC time>/: report.html, metrics.json, samples.txt, and
         saved_model/1/: `serving_default` continues a batch of prompts, `score` gives
         nats a word.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers.decoding import beam_search, generate
from custom_layers.lstm import LSTM
from kit.language import (
    FreshStates,
    Streams,
    baselines,
    between_words,
    copied_share,
    nats_of,
)
from kit.machine import use_xla
from kit.resume import Checkpoint
from kit.run import Run, command


@dataclass(frozen=True)
class Config:
    data: str = "pydocs"  # a name (pydocs, wikitext-2) or a path
    test_data: str = ""  # path of a test file; without: split off, or the folder's
    seed: int = 0  # of the first weights, dropout, the windows' places, the samples
    preset: Literal["small", "tied", "awd"] = "small"  # the network and its training
    epochs: int = 0  # passes over the training part; 0: the preset's
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
    epochs: int  # passes over the training part
    optimizer: Literal["adam", "sgd"]
    learning_rate: float  # at first; from there along a cosine to zero
    clip: float  # largest norm of all gradients together
    weight_decay: float = 0.0  # times the learning rate, a step
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
    # The small model of Zaremba, Sutskever and Vinyals (2014), with tied weights and
    # dropout, for ten minutes on two cores.
    "small": Preset(
        256, 256, 1, 32, 35, 12, "adam", 4e-3, 1.0,
        inputs=0.4, outputs=0.5,
    ),
    # Tied weights: Press and Wolf (2017), Inan et al. (2017). Numbers as in "Deep
    # Learning from Scratch 2" (Saitoh, 2018), section 6.5, whose rate is divided by 4
    # where validation stops improving.
    "tied": Preset(
        650, 650, 2, 20, 35, 40, "sgd", 20.0, 0.25,
        inputs=0.5, between=0.5, outputs=0.5,
    ),
    # AWD-LSTM: Merity, Keskar and Socher (2018). Numbers as in their code for Penn
    # Treebank, which has 500 epochs of a constant rate, and penalties on activations.
    "awd": Preset(
        400, 1150, 3, 20, 70, 100, "sgd", 30.0, 0.25, 1.2e-6,
        words=0.1, inputs=0.4, between=0.25, outputs=0.4, recurrent_weights=0.5,
        variational=True, average=0.999,
    ),
}
# fmt: on
ORDER = 5  # of the n-gram model
MOST_TOKENS = 250_000  # an epoch: at most two minutes, the most that a kill costs
COPIED = 10  # words in a row, about 50 characters
SAMPLES, LENGTH, TEMPERATURE, BEAMS = 64, 100, 0.8, 8  # texts written in the end
MOST_LENGTH, MOST_PROMPT = 2_000, 500  # words of one answer of the export
SCORED = 64  # words whose logits are in memory together
PADDING, UNKNOWN = 0, 1  # the first two ids
SMOKE = {"max_chars": 60_000, "max_vocab": 500, "epochs": 1}  # instead, under --smoke


# 1. Text to numbers ------------------------------------------------------------------

# Explicit characters, no \w and \s: `export` does the same in TensorFlow, on any text.
LOWER = {
    code: ord(chr(code).lower()) if len(chr(code).lower()) == 1 else code
    for code in range(0x590)  # Latin, Greek, Cyrillic, Armenian
}
SPACE = (
    "\x00-\x09\x0b-\x20\x7f-\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    "\u3000\ufe00-\ufe0f\ufeff"
)
CLOSING = ".,:;!?%)\\]}\u2026\u201d"  # no space before them, none after the others
OPENING = "(\\[{\u201c"
NO_SPACES = (  # scripts written without, and their marks
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3001-\u3020\u3041-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff0f\uff1a-\uff1f"
    "\U00020000-\U0003ffff"
)
MARK = (
    "!-/:-@\\[-\\^`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u055a-\u055f\u0589"
    "\u060c\u061b\u061f\u06d4\u0964\u0965\u2010-\u205e\u20a0-\u20cf\u2190-\u2bff"
    "\u3021-\u303f\ufe30-\ufe4f\uff20\uff3b-\uff40\uff5b-\uff65\U0001f000-\U0001faff"
)
LETTER = f"[^{SPACE}\n{MARK}{NO_SPACES}]"
APOSTROPHE = "[\u2018\u2019\u02bc]"
WORD = f"({LETTER}+(?:[-.,']{LETTER}+)*|[^ ])"
# What is replaced, one after the other, to cut a text into words and to join them:
# in any text, and in one that has been cut already.
CUT = {
    False: [(APOSTROPHE, "'"), (f"[{SPACE}]+", " "), (WORD, r" \1 "), ("\n", "<eos>")],
    True: [("\n", " <eos> ")],
}
JOIN = {
    False: [
        (" ?<eos> ?", "\n"),
        (f" ([{CLOSING}{NO_SPACES}])", r"\1"),
        (f"([{OPENING}{NO_SPACES}]) ", r"\1"),
    ],
    True: [(" ?<eos> ?", "\n")],
}
# What stands before a text that begins without a space.
GLUED = {
    False: f"(?s)(.*[{SPACE}\n{OPENING}{NO_SPACES}])?",
    True: "(?s)(.*[ \n])?",
}


def tokenize(text: str, cut: bool = False) -> list[str]:
    """`"Don't (ever) miss it."` -> `["don't", "(", "ever", ")", "miss", "it", "."]`.

    Args:
        text: any text.
        cut: whether it has been cut into words already, with spaces between them.
    """
    text = text if cut else text.translate(LOWER)
    for pattern, replacement in CUT[cut]:
        text = re.sub(pattern, replacement, text)
    return [word for word in text.split(" ") if word]


def join(words: list[str], cut: bool = False, prompt: str = "") -> str:
    """The text of words, as it goes on after `prompt`: perhaps with a space first."""
    text = "".join(f" {word}" for word in words)
    for pattern, replacement in JOIN[cut]:
        text = re.sub(pattern, replacement, text)
    return text.removeprefix(" ") if re.fullmatch(GLUED[cut], prompt) else text


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
    from data.tables import UserError
    from data.texts import read_parts, read_whole

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
    vectors = layers.ReversibleEmbedding(
        vocab, preset.vector, tie_weights=preset.tied, name="vectors"
    )
    vectors.supports_masking = True  # logits may be told which words are padding
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


def first_states(model: keras.Model, rows) -> list:
    """Zeros `[rows, units]`, one a state: what stands before a text."""
    return [ops.zeros((rows, state.shape[-1])) for state in model.inputs[1:]]


# 3. What it writes -------------------------------------------------------------------


def begin(model, ids):
    """`step`, the last id of each row and the states before it, as decoding wants.

    Ids `int32 [batch, time]` are read at once, all but the last ones; 0 pads a row's
    end; one id it must have.
    """
    last = ops.sum(ops.cast(ops.not_equal(ids, PADDING), "int32"), axis=1) - 1
    places = ops.arange(ops.shape(ids)[1])
    token = ops.sum(ops.where(places == last[:, None], ids, 0), axis=1)
    before = ops.where(places < last[:, None], ids, PADDING)
    _, *states = model([before, *first_states(model, ops.shape(ids)[0])])
    vectors = model.get_layer("vectors")
    cells = [layer.cell for layer in model.layers if isinstance(layer, layers.RNN)]

    def step(token, states):  # the same weights, one word at a time
        x, leaving = vectors(token), []
        for number, cell in enumerate(cells):
            x, left = cell(x, states[2 * number : 2 * number + 2])
            leaving += left
        return vectors(x, reverse=True), leaving

    return step, token, states


def continue_ids(
    model, ids, length, temperature=1.0, top_k=0, top_p=1.0, seed=0, banned=()
):
    """Ids `int32 [batch, length]` that go on after ids `[batch, time]`, one by one;
    never those in `banned`, padding or the unknown word."""
    return generate(
        *begin(model, ids),
        length,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        banned=never(model, banned),
        seed=seed,
    )


def never(model, banned=()) -> np.ndarray:
    """Booleans `[vocab]`: padding, the unknown word and the ids in `banned`."""
    found = np.zeros(model.get_layer("vectors").input_dim, bool)
    found[[PADDING, UNKNOWN, *banned]] = True
    return found


class Writer(keras.Model):
    """Continues prompts, `length` words each, in one compiled loop.

    A row's text depends on its prompt, the settings and its seed only.

    Args:
        model, vocabulary: as `build_model` and `load_data` give them.
        length: words to write.
        stop_words: words that are never written.

    Example:
        >>> writer = Writer(model, vocabulary, length=40)
        >>> writer.write(["The function", "An array"], temperature=0.8)
    """

    def __init__(self, model, vocabulary: dict, length: int, stop_words=()):
        super().__init__()
        self.model, self.vocabulary, self.length = model, vocabulary, length
        banned = encode(" ".join(stop_words), vocabulary)
        self.banned = [int(index) for index in banned]
        self.compile(jit_compile=True)

    def call(self, inputs):
        ids, *settings = inputs
        return continue_ids(self.model, ids, self.length, *settings, self.banned)

    def write(
        self, prompts: list[str], temperature=1.0, top_k=0, top_p=1.0, seed=0
    ) -> list[str]:
        """What follows each prompt. Row i is drawn from `seed + i`.

        Args:
            prompts: any texts, of any length.
            temperature: 0: always the most probable word; 1: as learned.
            top_k: only the most probable `top_k` words; 0: all.
            top_p: only the most probable ones that reach this probability together.
            seed: the same one gives the same text.
        """
        rows = [prompt_ids(prompt, self.vocabulary) for prompt in prompts]
        # Few lengths, few programs to compile.
        time = 1 << max(4, max(map(len, rows)).bit_length())
        ids = np.zeros((len(rows), time), "int32")
        for row, known in zip(ids, rows, strict=True):
            row[: len(known)] = known
        settings = [
            np.full(len(rows), temperature, "float32"),
            np.full(len(rows), top_k, "int32"),
            np.full(len(rows), top_p, "float32"),
            np.arange(seed, seed + len(rows)).astype("int32"),
        ]
        written = self.predict_on_batch([ids, *settings])
        return [
            decode(row, self.vocabulary, prompt)
            for row, prompt in zip(written, prompts, strict=True)
        ]


class Searcher(Writer):
    """Continues prompts to the line's end, `length` words at most, by the most
    probable words that a search of `BEAMS` texts side by side finds."""

    def call(self, inputs):
        end = prompt_ids("", self.vocabulary)[0]
        found, _ = beam_search(
            *begin(self.model, inputs[0]),
            self.length,
            beams=BEAMS,
            end=int(end),
            banned=never(self.model, self.banned),
        )
        return found[:, 0]

    def write(self, prompts: list[str]) -> list[str]:
        """What follows each prompt, without the line's end."""
        return [text.partition("\n")[0] for text in super().write(prompts)]


def prompt_ids(prompt: str, vocabulary: dict) -> np.ndarray:
    """A prompt's ids, after a line's end: it begins as a line does."""
    return encode(f"\n{prompt}", vocabulary)


# 4. The export -----------------------------------------------------------------------


def tokenize_in_graph(texts, cut: bool):
    """`tokenize` in TensorFlow: `[batch]` -> ragged `[batch, words]`."""
    import tensorflow as tf

    if not cut:
        lower = tf.constant([LOWER[code] for code in range(len(LOWER))])
        codes = tf.strings.unicode_decode(texts, "UTF-8")
        small = tf.gather(lower, tf.minimum(codes.values, len(LOWER) - 1))
        small = tf.where(codes.values < len(LOWER), small, codes.values)
        texts = tf.strings.unicode_encode(codes.with_values(small), "UTF-8")
    for pattern, replacement in CUT[cut]:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    words = tf.strings.split(texts, " ")
    return tf.ragged.boolean_mask(words, words != "")


def join_in_graph(words, cut: bool, prompts):
    """`join` in TensorFlow: ragged `[batch, words]`, `[batch]` -> `[batch]`."""
    import tensorflow as tf

    words = words.with_values(tf.strings.join([" ", words.values]))
    texts = tf.strings.reduce_join(words, axis=-1)
    for pattern, replacement in JOIN[cut]:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    glued = tf.strings.regex_full_match(prompts, GLUED[cut])
    return tf.where(glued, tf.strings.regex_replace(texts, "^ ", ""), texts)


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
            written = continue_ids(
                model,
                ids,
                tf.maximum(tf.reduce_max(length), 0),
                temperature,
                top_k,
                top_p,
                seed,
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
    tf.saved_model.save(module, str(folder), signatures)


# 5. The run --------------------------------------------------------------------------


def train(
    preset: Preset, epochs: int, seed: int, run: Run, model: keras.Model, parts: dict
) -> dict:
    """Fits on the training part, keeps the weights that do best on validation."""
    size = (preset.batch, preset.window)
    training = Streams(parts["train"], *size, seed, MOST_TOKENS)
    validation = Streams(parts["validation"], *size)
    learner = build_model(preset, model.output[0].shape[-1], preset.batch)
    copy_weights(model, learner)
    optimizer = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}
    rate = keras.optimizers.schedules.CosineDecay(
        preset.learning_rate, epochs * training.parts * len(training)
    )
    learner.compile(
        optimizer[preset.optimizer](
            rate,
            global_clipnorm=preset.clip,
            weight_decay=preset.weight_decay or None,
            use_ema=preset.average > 0,
            ema_momentum=preset.average,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=use_xla(),
    )
    checkpoint = Checkpoint(run, training, monitor="val_loss", highest=False)
    learner.fit(
        training,
        validation_data=validation,
        epochs=epochs * training.parts,
        initial_epoch=checkpoint.restore(learner),
        callbacks=[FreshStates(training), checkpoint],
        shuffle=False,
        verbose=run.verbose,
    )
    best = checkpoint.use_best(learner)
    print(f"Best epoch by validation loss: {best} of {epochs * training.parts}")
    copy_weights(learner, model)
    return checkpoint.metrics()


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """All but the carried states, which a model in training has alone."""
    pairs = zip(source.trainable_variables, target.trainable_variables, strict=True)
    for weight, other in pairs:
        other.assign(weight)


def main(config: Config, run: Run) -> None:
    parts, vocabulary, characters = load_data(config, run)
    vocab, preset = len(vocabulary["words"]) + 2, PRESETS[config.preset]
    model = build_model(preset, vocab)
    if run.loaded:
        model.load_weights(run.loaded / "model.keras")
        if run.only_export:
            run.export(export, model, vocabulary)
            return
    metrics = {"seed": config.seed, "parameters": model.count_params()}
    if not run.loaded:
        epochs = config.epochs or preset.epochs
        metrics |= train(preset, epochs, config.seed, run, model, parts)
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
    settings = (model, vocabulary, LENGTH, config.stop_words.split())
    prompts = [config.prompt] * SAMPLES
    written = Writer(*settings).write(prompts, TEMPERATURE, seed=config.seed)
    ids = [encode(text, vocabulary) for text in written]
    metrics["copied_share"] = copied_share(ids, parts["train"], COPIED)
    metrics["baseline_copied_share"] = copied_share(
        [np.array(row) for row in simpler["written"]], parts["train"], COPIED
    )

    found = Searcher(*settings).write([config.prompt])
    lines = [config.prompt + text for text in [*written[:5], *found]]
    lines[-1] = f"The most probable line, by beam search:\n{lines[-1]}"
    run.write("samples.txt", f"\n{'-' * 72}\n".join(lines) + "\n")
    print(f"\nAfter {config.prompt!r}", *lines[0].splitlines()[:6], sep="\n  ")
    run.write("figures.json", [])
    run.finish(metrics)


if __name__ == "__main__":
    command(main, Config, SMOKE)
