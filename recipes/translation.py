"""Sentences into another language, dates into ISO, sums into results (many-to-many).

    make translation                                 # dates in 39 languages, offline
    make translation DATA=addition ARGS="--epochs 10"
    make translation DATA=multi30k ARGS="--units 256 --epochs 12 --dropout 0.4 \\
        --learning-rate 3e-3"
    make translation DATA=mine.tsv ARGS="--backward"
    make try RECIPE=translation                      # type a sentence

Data     Lines of source, tab, target, also packed like `fra-eng.zip`: 10 % of the
         sources become the test part; or a folder with `train.tsv`, `validation.tsv`,
         `test.tsv`; or one with a file per language: `train.de`, `train.en` ...
Model    A bidirectional LSTM reads the source; the decoder, an LSTM, writes the target
         token by token and attends to the source at every step. Before attention came
         `--model plain`: only the encoder's last state reaches the decoder; `reverse`
         also reads the source backwards; `peeky` also shows the decoder that state at
         every step. The simpler model is a memory: the most similar source's target.
Needs    babel for `dates`, sacrebleu, scikit-learn, keras-nlp for `--unit subword`.
Writes   runs/translation/<UTC time>/: report.html with the alignments, metrics.json,
         samples.txt, and saved_model/1/: `serving_default` translates texts, `align`
         returns the attention weights.
Try      --model plain        dates are so short that a state can hold them
         --model reverse      the year, which ISO writes first, mostly stands last
"""

import functools
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers import encoder_decoder, saved_model
from custom_layers.attention import AttentionDecoder, BahdanauAttention, LuongAttention
from custom_layers.losses import SmoothedCrossentropy, accuracy
from custom_layers.lstm import LSTM, LSTMCell
from custom_layers.xla import use_xla
from tokens.vocabulary import END, PADDING, START, Vocabulary, choose_unit


@dataclass(frozen=True)
class Config:
    data: str = "dates"  # a name (dates, addition, multi30k) or a path
    test_data: str = ""  # path of a test file; default: the folder's, or split off
    seed: int = 0  # of the initial weights, the batches' order, dropout, the split
    epochs: int = 0  # passes over the training part; 0: chosen by the data's size
    backward: bool = False  # from the second column to the first
    model: Literal["plain", "reverse", "peeky", "attention"] = "attention"
    attention: Literal["bahdanau", "dot", "general"] = "bahdanau"
    # What a text is split into; auto: characters if most targets are one word.
    unit: Literal["auto", "char", "word", "subword"] = "auto"
    max_vocab: int = 8000  # most frequent tokens of each side; the rest is unknown
    max_tokens: int = 100  # longer pairs are left out of training
    units: int = 128  # width of vectors and states; in each encoder direction half
    layers: int = 1  # recurrent layers of each side; residual from the third on
    dropout: float | None = None  # share dropped; None: 0.4 for few pairs, else 0.2
    learning_rate: float = 5e-3  # after 200 steps of warm-up; then a cosine to zero


SMOKE = {"epochs": 1, "units": 16}  # under --smoke
SETTINGS = {"dates": {"epochs": 3}, "addition": {"epochs": 10}}  # measured to suit
READING = ("backward", "seed", "unit", "max_vocab", "max_tokens")  # decide what is read
SIMPLER = {
    "name": "The translation memory",
    "metrics": ("test_bleu_lowercase", "test_exact_match"),
    "maximize": True,
    "advice": "more pairs; more passes (--epochs); more --units",
}

BATCH, MIN_BATCH, STEPS = 64, 8, 150  # pairs per step; fewer, if a pass had fewer steps
DROPOUT, DROPOUT_OF_FEW, LARGER, FEW = 0.2, 0.4, 3.3, 10_000
MAX_PASSES = 30  # where --epochs does not say: see kit/length.py
SMOOTHING = 0.1  # share of the target's probability that is spread over all tokens
BEAMS, SHOWN = 5, 6  # of the wider search; translations in the report
MAX_BEAMS, MAX_SOURCE = 16, 1000  # of a request to the export; tokens of a source


# 1. Text to numbers ------------------------------------------------------------------


def both_sides(vocabulary: dict) -> list[Vocabulary]:
    """Of the source and of the target."""
    unit = vocabulary["unit"]
    return [Vocabulary(unit, vocabulary[side]) for side in ("source", "target")]


def load_data(config: Config, run) -> tuple[dict, dict]:
    """`texts` and `ids` by part, sources and targets each, targets between START and
    END; the vocabulary: `unit`, the tokens of `source` and `target`, and `length`, the
    maximum of a translation in tokens."""
    from data.errors import UserError
    from data.pairs import read_pairs

    if config.units % 2:
        raise UserError(f"--units must be even, found {config.units}")
    parts = read_pairs(run.data, run.test_data, config.backward, config.seed)
    parts = {
        part: tuple(zip(*run.some(pairs), strict=True)) for part, pairs in parts.items()
    }

    def choose_tokens() -> dict:
        auto = config.unit == "auto"
        unit = choose_unit(parts["train"][1]) if auto else config.unit
        choose = functools.partial(Vocabulary.choose, unit=unit, most=config.max_vocab)
        source, target = map(choose, parts["train"])
        ids = map(Vocabulary(unit, target).encode, parts["train"][1])
        length = min(max(map(len, ids)) + 1, config.max_tokens)
        return {"unit": unit, "source": source, "target": target, "length": length}

    vocabulary = run.vocabulary() or run.cached("tokens", make=choose_tokens)

    def encode_all() -> dict:
        source, target = both_sides(vocabulary)
        ids = {}
        for part, (sources, targets) in parts.items():
            of_targets = ([START, *target.encode(text), END] for text in targets)
            for name, rows in (("s", map(source.encode, sources)), ("t", of_targets)):
                ids[f"{part}.{name}"] = [np.array(row, "int32") for row in rows]
        return ids

    ids = run.cached("ids", make=encode_all)
    ids = {part: (ids[f"{part}.s"], ids[f"{part}.t"]) for part in parts}
    return {"texts": parts, "ids": ids}, vocabulary


# 2. The network ----------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="sequence_recipes")
class Seq2Seq(keras.Model):
    """Source ids `int32 [batch, source]` and target ids `int32 [batch, time]` -> logits
    `[batch, time, target_vocab]` of the next target ids.

    Args:
        config: A `Config` as a dictionary.
        source_vocab, target_vocab: How many ids the sides have.
    """

    def __init__(self, config, source_vocab, target_vocab, **name):
        super().__init__(**name)
        vocab = {"source_vocab": source_vocab, "target_vocab": target_vocab}
        self.arguments = {"config": config, **vocab}
        config, self.target_vocab = Config(**config), target_vocab
        units, depth = config.units, config.layers
        self.has_attention = config.model == "attention"
        self.is_peeky = config.model == "peeky"
        self.is_reversed = config.model in ("reverse", "peeky")
        dropout = DROPOUT if config.dropout is None else config.dropout
        self.dropout = layers.Dropout(dropout)
        # Keras's initial vectors are too small for words: learning begins far slower.
        normal = keras.initializers.RandomNormal(stddev=0.15)
        initializer = "uniform" if config.unit == "char" else normal
        self.source_vectors = layers.Embedding(source_vocab, units, initializer)
        self.target_vectors = layers.Embedding(target_vocab, units, initializer)
        self.logits = layers.Dense(target_vocab, dtype="float32")
        lstm = functools.partial(LSTM, return_sequences=True, return_state=True)
        if not self.has_attention:
            self.encoders = [lstm(units) for _ in range(depth)]
            self.decoders = [lstm(units) for _ in range(depth)]
            return
        halves = [lstm(units // 2) for _ in range(depth)]  # one per direction
        self.encoders = [layers.Bidirectional(half) for half in halves]
        score = config.attention
        before = score == "bahdanau"  # attends before the step, the others after it
        attention = BahdanauAttention(units) if before else LuongAttention(score)
        how = {"attend": "before" if before else "after", "input_feeding": not before}
        first = AttentionDecoder(LSTMCell(units), attention, units=units, **how)
        first.build((None, None, units), (None, None, units))
        self.decoders = [first, *(lstm(units) for _ in range(depth - 1))]

    def get_config(self):
        return {**super().get_config(), **self.arguments}

    def call(self, inputs, training=False):
        source, target = inputs
        context, states = self.encode(source, training)
        logits, *_ = self.decode(target, context, states, training)
        return logits

    def encode(self, source, training=False):
        """Source ids -> the decoder's `context` at every step, and its initial states,
        a list of `[batch, units]`.

        The context is a list: with attention, the outputs `[batch, source, units]`,
        their keys and their mask; if peeky, the state `[batch, units]`; else empty.
        """
        source = ops.flip(source, axis=1) if self.is_reversed else source
        mask, states = ops.not_equal(source, PADDING), []
        x = self.dropout(self.source_vectors(source), training=training)
        for number, encoder in enumerate(self.encoders):
            y, *last = encoder(x, mask=mask, training=training)
            x = self.dropout(x + y if number > 1 else y, training=training)  # residual
            # The last states of both directions: each has read everything.
            states += [ops.concatenate(last[i::2], axis=-1) for i in (0, 1)]
        if not self.has_attention:
            return ([states[-2]] if self.is_peeky else []), states
        if self.decoders[0].input_feeding:  # there is no vector before the first step
            states.append(ops.zeros_like(states[0]))
        return [x, self.decoders[0].project(x), mask], states

    def decode(self, target, context, states, training=False):
        """Target ids, context and states -> logits, states, and attention weights
        `[batch, time, source]` or None."""
        y = self.dropout(self.target_vectors(target), training=training)
        after, fed, weights = [], [], None
        for number, decoder in enumerate(self.decoders):
            x = concat_context(y, *context) if self.is_peeky else y
            first = states[2 * number : 2 * number + 2]
            if self.has_attention and number == 0:
                first = [*first, *states[2 * len(self.decoders) :]]
                memory, keys, mask = context
                attended = decoder(
                    x, memory, keys, memory_mask=mask, initial_state=first
                )
                z, weights, h, c, *fed = attended
            else:
                z, h, c = decoder(x, initial_state=first, training=training)
            y = self.dropout(y + z if number > 1 else z, training=training)
            after += [h, c]
        y = concat_context(y, *context) if self.is_peeky else y
        return self.logits(y), [*after, *fed], weights


def concat_context(y, context):
    """Appends `context` `[batch, units]` to each step of `y` `[batch, time, units]`."""
    return ops.concatenate([y, ops.zeros_like(y[..., :1]) + context[:, None]], axis=-1)


def build_model(config: Config, vocabulary: dict) -> Seq2Seq:
    """See `Seq2Seq`."""
    arguments = {**asdict(config), "unit": vocabulary["unit"]}
    model = Seq2Seq(arguments, *map(len, both_sides(vocabulary)))
    model([np.zeros((1, 1), "int32")] * 2)  # creates its weights
    return model


def load(folder: str | Path) -> tuple[Seq2Seq, dict]:
    """The model and the vocabulary of a run."""
    model = keras.models.load_model(Path(folder) / "model.keras", compile=False)
    return model, json.loads((Path(folder) / "vocabulary.json").read_text("utf-8"))


# 3. What it translates ---------------------------------------------------------------


def translate(model: Seq2Seq, vocabulary: dict, texts: list[str], beams=1) -> list[str]:
    """The translation of each text, by a search with so many beams; 1 is greedy.

    Example:
        >>> model, vocabulary = load("runs/translation/latest")
        >>> translate(model, vocabulary, ["3. Mai 2021", "21 мая 1999 г."])
        ["2021-05-03", "1999-05-21"]
    """
    source, target = both_sides(vocabulary)
    ids = [source.encode(text)[:MAX_SOURCE] for text in texts]
    written = encoder_decoder.translate_ids(model, ids, vocabulary["length"], beams)
    return [target.decode(row) for row in written]


def align(model: Seq2Seq, vocabulary: dict, texts: list[str], beams=1) -> list[tuple]:
    """For each text its tokens, those of its translation with END, and the attention
    weights `[translation, tokens]`."""
    source, target = both_sides(vocabulary)
    ids = [source.encode(text)[:MAX_SOURCE] for text in texts]
    aligned = encoder_decoder.align_ids(model, ids, vocabulary["length"], beams)
    return [
        (
            [source.names[index] for index in read],
            [target.names[index] if index != END else "END" for index in written],
            weights,
        )
        for read, (written, weights) in zip(ids, aligned, strict=True)
    ]


# 4. The export -----------------------------------------------------------------------


def export(model: Seq2Seq, vocabulary: dict, folder: Path) -> None:
    """Writes one SavedModel, for TensorFlow Serving or `tf.saved_model.load`.

    `serving_default`: text `[batch]`, beam `[batch]` (1: greedy; up to 16) -> text.
    `align`, with attention: text `[batch]` -> tokens and translation, `[batch, tokens]`
    each, and weights `[batch, translation, tokens]`, by 5 beams.
    Of a source 1,000 tokens are read; a translation has at most as many as the longest
    one in training.
    """
    import tensorflow as tf

    source, target = both_sides(vocabulary)
    length, table = vocabulary["length"], source.table()

    def ids_of(text):  # [batch] -> [batch, time], padded, never without a column
        ids = source.encode_in_graph(text, table)[:, :MAX_SOURCE]
        return tf.pad(ids.to_tensor(PADDING), [[0, 0], [0, 1]])

    def translate(text, beam):
        beam = tf.clip_by_value(beam, 1, MAX_BEAMS)
        most = tf.maximum(tf.reduce_max(beam), 1)  # also for no rows
        written = encoder_decoder.search(model, ids_of(text), length, most, beam)
        return {"text": target.decode_in_graph(written)}

    def align(text):
        ids = ids_of(text)
        written = encoder_decoder.search(model, ids, length, BEAMS)
        return {
            "tokens": tf.gather(tf.constant(source.names), ids),
            "translation": tf.gather(tf.constant(target.names), written),
            "weights": encoder_decoder.attention_weights(model, ids, written),
        }

    signatures = {"serving_default": (translate, {"text": "string", "beam": "int32"})}
    signatures |= {"align": (align, {"text": "string"})} if model.has_attention else {}
    saved_model.save(folder, model, signatures, [table])


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Fits on the training part; the epoch that is best on validation counts."""
    from kit.length import Length
    from kit.pair_batches import PairBatches
    from kit.training import Checkpoint

    pairs, longest = len(data["texts"]["train"][0]), config.max_tokens
    batch = int(np.clip(pairs // STEPS, MIN_BATCH, BATCH))
    training = PairBatches(*data["ids"]["train"], batch, config.seed, longest)
    validation = PairBatches(*data["ids"]["validation"], BATCH, max_tokens=longest)
    if config.dropout is None and pairs < FEW:
        model.dropout.rate = DROPOUT_OF_FEW
    if pairs < FEW and vocabulary["unit"] != "char":  # larger vectors do better
        for vectors in (model.source_vectors, model.target_vectors):
            vectors.set_weights([LARGER * vectors.get_weights()[0]])
    length = Length(run, training, config.epochs, MAX_PASSES, f"{pairs:,} pairs")
    rate = length.schedule(config.learning_rate, warm_up=200)
    adam = keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=1.0)
    loss = SmoothedCrossentropy(SMOOTHING)
    model.compile(adam, loss, weighted_metrics=[accuracy], jit_compile=use_xla())
    checkpoint = Checkpoint(run, model, training, length, "val_loss", "min")
    model.fit(
        training,
        validation_data=validation,
        callbacks=[checkpoint],
        **checkpoint.fit_options,
    )
    return checkpoint.finish()


def evaluate(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Metrics of the test parts, greedy and with beams, and of the memory's."""
    from tasks import translations

    texts, test = data["texts"], data["ids"]["test"]
    metrics = {"test_token_accuracy": translations.token_accuracy(model, *test)}
    for part in (name for name in texts if name.startswith("test")):
        sources, targets = texts[part]
        written = translate(model, vocabulary, sources)
        metrics |= translations.scores(written, targets, f"{part}_{{}}")
    sources, targets = texts["test"]
    written = translate(model, vocabulary, sources, BEAMS)
    metrics |= translations.scores(written, targets, f"test_{{}}_beam{BEAMS}")
    known, answers = texts["train"]
    most_similar = functools.partial(translations.most_similar, known, sources)
    rows = run.cached("translation memory", make=most_similar)["rows"]
    remembered = [answers[row] for row in rows]
    metrics |= translations.scores(remembered, targets, "baseline_test_{}")

    lines = translations.samples(sources, written, targets)
    run.write("samples.txt", "\n".join(lines[:50]) + "\n")
    shown = sources[:SHOWN] if model.has_attention else []
    alignments = align(model, vocabulary, shown, BEAMS)
    for place, each in enumerate(alignments):
        lines[place] += f"\n    {translations.most_attended(*each)}"
    print("\nNever seen:", *lines[:SHOWN], sep="\n  ")
    figure = translations.alignment_figure(alignments)
    run.write("figures.json", [figure] if alignments else [])
    run.write("request.json", {"text": sources[0], "beam": BEAMS})
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
