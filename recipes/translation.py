"""Sentences into another language, dates into ISO, sums into answers (many-to-many).

    make translation                                 # dates in 39 languages, offline
    make translation DATA=addition
    make translation DATA=multi30k ARGS="--unit word --epochs 12"
    make translation DATA=mine.tsv ARGS="--unit subword --backward"
    make try RECIPE=translation                      # type a sentence

Data     Pairs: a TSV file (source, tab, target; 5 % are split off for test and for
         validation, by source), a folder with `train.tsv`, `validation.tsv` and
         `test.tsv`, or one with a file a language: `train.de`, `train.en` ...
Model    A bidirectional LSTM reads the source. The decoder, an LSTM, writes the target
         token by token, and before each looks back at the source (attention). `--model`
         has what came before it: `plain` gets the encoder's last state, `reverse` that
         of the source backwards, `peeky` sees that state at every step.
Writes   runs/translation/<UTC time>/: report.html with the alignments, metrics.json,
         samples.txt, and saved_model/1/: `serving_default` translates a batch, `align`
         shows what each word looked at.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers.attention import (
    AttentionDecoder,
    BahdanauAttention,
    LuongAttention,
)
from custom_layers.decoding import beam_search, generate
from custom_layers.lstm import LSTM, LSTMCell
from custom_layers.pieces import cut_word, join_pieces
from custom_layers.words import join, tokenize
from kit.machine import use_xla
from kit.pairs import PairBatches, SmoothedCrossentropy
from kit.resume import Checkpoint
from kit.run import Run, command


@dataclass(frozen=True)
class Config:
    data: str = "dates"  # a name (dates, addition, multi30k) or a path
    test_data: str = ""  # path of a test file; without: split off, or the folder's
    seed: int = 0  # of the first weights, the order of batches, dropout, the split
    epochs: int = 3  # passes over the training part
    backward: bool = False  # from the second column to the first
    model: Literal["plain", "reverse", "peeky", "attention"] = "attention"
    attention: Literal["bahdanau", "dot", "general"] = "bahdanau"
    unit: Literal["char", "word", "subword"] = "char"  # what a text is cut into
    max_vocab: int = 8000  # most frequent tokens of each side; the rest is unknown
    max_tokens: int = 60  # longer pairs are left out of training
    units: int = 128  # width of the states, in each direction
    layers: int = 1  # recurrent layers of each side; from the third on, residual
    dropout: float = 0.2  # share dropped of vectors and outputs, in training
    learning_rate: float = 5e-3  # after 200 steps; from there along a cosine to zero


PADDING, UNKNOWN, START, END = 0, 1, 2, 3  # the first ids
VECTOR = 128  # numbers a token
BATCH = 64  # pairs a step
SMOOTHING = 0.1  # share of the target's probability that all tokens get
SMOKE = {"epochs": 1, "units": 16}  # instead, under --smoke


# 1. Text to numbers ------------------------------------------------------------------


def split(text: str, unit: str, ids: dict[str, int]) -> list[int]:
    """Ids of a text's characters, words or pieces of words."""
    if unit == "subword":
        pieces = (cut_word(word, ids) or [UNKNOWN] for word in tokenize(text))
        return [piece for word in pieces for piece in word]
    return [
        ids.get(token, UNKNOWN)
        for token in (text if unit == "char" else tokenize(text))
    ]


def text_of(ids, unit: str, tokens: list[str]) -> str:
    """The text of ids up to END."""
    found = []
    for index in ids:
        if index == END:
            break
        found.append(tokens[index - 4] if index > END else "\ufffd")
    if unit == "char":
        return "".join(found)
    return join(join_pieces(found) if unit == "subword" else found)


def choose_tokens(texts: list[str], unit: str, most: int) -> list[str]:
    """The most frequent characters, words or pieces; the first gets id 4."""
    if unit == "subword":  # pieces as keras-nlp chooses them
        import keras_nlp
        import tensorflow as tf

        words = (" ".join(tokenize(text)) for text in texts)
        return keras_nlp.tokenizers.compute_word_piece_vocabulary(
            tf.data.Dataset.from_generator(
                lambda: words, output_signature=tf.TensorSpec([], tf.string)
            ),
            most,
            reserved_tokens=[],
            lowercase=False,
            split=True,
        )
    counts = Counter()
    for text in texts:
        counts.update(text if unit == "char" else tokenize(text))
    # Equal counts in the order of the alphabet: the same data, the same ids.
    order = sorted(counts, key=lambda token: (-counts[token], token))
    least = 1 if unit == "char" else 2
    return [token for token in order[:most] if counts[token] >= least]


def load_data(config: Config, run: Run) -> tuple[dict, dict]:
    """The parts by name, each `(sources, targets)` texts and `(source ids, target ids)`
    lists; the vocabulary: `unit`, the `source` and `target` tokens, `length`, what the
    longest target of training has."""
    from data.pairs import read_pairs

    parts = read_pairs(run.data, run.test_data, config.backward, config.seed)
    if run.options.smoke:
        parts = {
            name: pairs[:: max(1, len(pairs) // 300)] for name, pairs in parts.items()
        }
    texts = {name: list(zip(*pairs, strict=True)) for name, pairs in parts.items()}

    def encode_all() -> dict:
        sides = ("source", "target")
        vocabulary = {"unit": config.unit}
        for side, column in zip(sides, texts["train"], strict=True):
            vocabulary[side] = choose_tokens(column, config.unit, config.max_vocab)
        found = {}
        for side, number in zip(sides, (0, 1), strict=True):
            ids = {token: n for n, token in enumerate(vocabulary[side], start=4)}
            for name, columns in texts.items():
                rows = [split(text, config.unit, ids) for text in columns[number]]
                if side == "target":
                    rows = [[START, *row, END] for row in rows]
                found[f"{name}.{side}"] = [np.array(row, "int32") for row in rows]
        vocabulary["length"] = max(map(len, found["train.target"])) - 1
        return {"vocabulary": vocabulary, **found}

    keep = (
        config.unit,
        config.max_vocab,
        config.backward,
        config.seed,
        run.options.smoke,
    )
    found = run.cached("pairs", *keep, make=encode_all)
    vocabulary = run.vocabulary() or found["vocabulary"]
    data = {
        name: (columns, (found[f"{name}.source"], found[f"{name}.target"]))
        for name, columns in texts.items()
    }
    return data, vocabulary


# 2. The network ----------------------------------------------------------------------


def build_models(config: Config, source_vocab: int, target_vocab: int):
    """The encoder, the decoder, and both as one for training.

    encoder: ids `int32 [batch, source]` -> memory `[batch, source, 2 * units]`, and
        the states with which the decoder begins, `[batch, units]` each.
    decoder: ids `[batch, time]`, memory, its mask `[batch, source]`, states -> logits
        `[batch, time, vocab]` of the next id each, weights `[batch, time, source]` of
        what it looked at, states.
    whole: source ids, target ids -> logits.
    """
    ids = layers.Input([None], dtype="int32", name="source")
    real = ops.not_equal(ids, PADDING)
    x = layers.Embedding(source_vocab, VECTOR, name="source_vectors")(ids)
    x = layers.Dropout(config.dropout)(x)
    both = layers.Bidirectional(
        LSTM(config.units, return_sequences=True, return_state=True), name="reader"
    )
    memory, *last = both(x, mask=real)
    ends = [layers.concatenate([last[i], last[i + 2]]) for i in (0, 1)]
    first = [layers.Dense(config.units, "tanh")(end) for end in ends]
    encoder = keras.Model(ids, [memory, *first], name="encoder")

    attention = {
        "bahdanau": lambda: BahdanauAttention(config.units),
        "dot": lambda: LuongAttention("dot"),
        "general": lambda: LuongAttention("general"),
    }[config.attention]()
    before = config.attention == "bahdanau"
    target = layers.Input([None], dtype="int32", name="target")
    seen = layers.Input([None, 2 * config.units], name="memory")
    mask = layers.Input([None], dtype="bool", name="mask")
    states = [layers.Input([config.units]) for _ in range(2)]
    y = layers.Embedding(target_vocab, VECTOR, name="target_vectors")(target)
    y = layers.Dropout(config.dropout)(y)
    writer = AttentionDecoder(
        LSTMCell(config.units),
        attention,
        attend="before" if before else "after",
        units=config.units,
        name="writer",
    )
    y, weights, *after = writer(y, seen, memory_mask=mask, initial_state=states)
    y = layers.Dropout(config.dropout)(y)
    logits = layers.Dense(target_vocab, dtype="float32", name="logits")(y)
    decoder = keras.Model(
        [target, seen, mask, *states], [logits, weights, *after], name="decoder"
    )
    decoder.supports_masking = True  # the memory's is among its inputs
    logits, *_ = decoder([target, memory, real, *first])
    return encoder, decoder, keras.Model([ids, target], logits, name="translation")


# 3. The task: translate --------------------------------------------------------------


def translate(encoder, decoder, ids, length: int, beams: int = 1):
    """Ids `int32 [batch, length]`, END after each row's end, of source ids
    `[batch, source]`: greedy, or the best that a search of `beams` texts finds."""
    memory, *states = encoder(ids)
    mask = ops.not_equal(ids, PADDING)
    if beams > 1:  # each beam looks at its row's memory
        memory, mask = (ops.repeat(x, beams, axis=0) for x in (memory, mask))

    def step(token, states):
        logits, _, *states = decoder([token[:, None], memory, mask, *states])
        return logits[:, 0], states

    start = ops.full(ops.shape(ids)[:1], START, "int32")
    banned = np.arange(decoder.output[0].shape[-1]) < END  # all but END and tokens
    if beams == 1:
        return generate(
            step, start, states, length, temperature=0, banned=banned, end=END
        )
    found, _ = beam_search(step, start, states, length, beams, END, banned=banned)
    return found[:, 0]


class Translator(keras.Model):
    """Translates texts, in one compiled program a shape.

    Example:
        >>> translator = Translator(encoder, decoder, vocabulary)
        >>> translator.translate(["3. Mai 2021", "21 мая 1999 г."])
        ["2021-05-03", "1999-05-21"]
    """

    def __init__(self, encoder, decoder, vocabulary: dict, beams: int = 1):
        super().__init__()
        self.encoder, self.decoder, self.beams = encoder, decoder, beams
        self.vocabulary = vocabulary
        self.ids = {token: n for n, token in enumerate(vocabulary["source"], start=4)}
        self.compile(jit_compile=True)

    def call(self, ids):
        length = self.vocabulary["length"]
        return translate(self.encoder, self.decoder, ids, length, self.beams)

    def translate(self, texts: list[str], rows: int = 128) -> list[str]:
        """The translations; texts of similar length share a batch of `rows`."""
        unit = self.vocabulary["unit"]
        ids = [split(text, unit, self.ids) for text in texts]
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        found = [""] * len(texts)
        for start in range(0, len(order), rows):
            chosen = order[start : start + rows]
            # Few lengths, few programs to compile.
            time = 1 << max(3, (len(ids[chosen[-1]]) - 1).bit_length())
            batch = np.zeros((rows, time), "int32")
            for line, row in zip(batch, chosen, strict=False):
                line[: len(ids[row])] = ids[row]
            written = self.predict_on_batch(batch)
            for row, line in zip(chosen, written, strict=False):
                found[row] = text_of(line, unit, self.vocabulary["target"])
        return found


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run: Run, model: keras.Model, parts: dict) -> dict:
    """Fits on the training part, keeps the weights that do best on validation."""

    def batches(part, seed=None):
        sources, targets = part[1]
        sizes = np.array(
            [max(map(len, pair)) for pair in zip(sources, targets, strict=True)]
        )
        kept = np.flatnonzero(sizes <= config.max_tokens)
        columns = ([column[row] for row in kept] for column in (sources, targets))
        return PairBatches(*columns, BATCH, seed)

    training, validation = (
        batches(parts["train"], config.seed),
        batches(parts["validation"]),
    )
    steps = config.epochs * len(training)
    warm_up = min(200, steps // 4)
    rate = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 10,
        steps - warm_up,
        warmup_target=config.learning_rate,
        warmup_steps=warm_up,
    )
    model.compile(
        keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=1.0),
        SmoothedCrossentropy(SMOOTHING),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
        jit_compile=use_xla(),
    )
    checkpoint = Checkpoint(run, training, monitor="val_loss", highest=False)
    model.fit(
        training,
        validation_data=validation,
        epochs=config.epochs,
        initial_epoch=checkpoint.restore(model),
        callbacks=[checkpoint],
        shuffle=False,
        verbose=run.verbose,
    )
    best = checkpoint.use_best(model)
    print(f"Best epoch by validation loss: {best} of {config.epochs}")
    return checkpoint.metrics()


def main(config: Config, run: Run) -> None:
    parts, vocabulary = load_data(config, run)
    sizes = (len(vocabulary[side]) + 4 for side in ("source", "target"))
    encoder, decoder, model = build_models(config, *sizes)
    metrics = {"seed": config.seed, "parameters": model.count_params()}
    metrics |= train(config, run, model, parts)
    (sources, targets), _ = parts["test"]
    found = Translator(encoder, decoder, vocabulary).translate(sources)
    same = [ours == theirs for ours, theirs in zip(found, targets, strict=True)]
    metrics["test_exact_match"] = float(np.mean(same))
    for source, ours, theirs in list(zip(sources, found, targets, strict=True))[:10]:
        print(f"  {source} -> {ours}" + ("" if ours == theirs else f" (is {theirs})"))
    run.write("vocabulary.json", vocabulary)
    model.save(run.folder / "model.keras")
    run.write("figures.json", [])
    run.finish(metrics)


if __name__ == "__main__":
    command(main, Config, SMOKE)
