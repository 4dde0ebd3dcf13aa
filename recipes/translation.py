"""Sentences into another language, dates into ISO, sums into answers (many-to-many).

    make translation                                 # dates in 39 languages, offline
    make translation DATA=addition ARGS="--epochs 10"
    make translation DATA=multi30k ARGS="--units 256 --epochs 12 --dropout 0.4 \\
        --learning-rate 3e-3"
    make translation DATA=mine.tsv ARGS="--backward"
    make try RECIPE=translation                      # type a sentence

Data     Pairs: a TSV file (source, tab, target), also packed, as in `fra-eng.zip`; of
         its sources 10 % become the test, 5 % the validation. Or a folder with
         `train.tsv`, `validation.tsv` and `test.tsv`, or with a file a language:
         `train.de`, `train.en`, `val.de` ...
Model    A bidirectional LSTM reads the source. The decoder, an LSTM, writes the target
         token by token, and at each looks back at the source (attention). `--model` has
         what came before it: to `plain` the encoder, in one direction, leaves its last
         state alone; `reverse` reads the source backwards; `peeky` does, and sees that
         state at every step. Beside it always a translation memory: the target of the
         most similar source in training (tf-idf of character 1- to 3-grams).
Needs    babel for `dates`, sacrebleu for BLEU, scikit-learn for the memory, keras-nlp
         for `--unit subword`: `make setup` has them.
Writes   runs/translation/<UTC time>/: report.html with the alignments, metrics.json,
         samples.txt, and saved_model/1/: `serving_default` translates texts, `align`
         shows what each token looked at.
Try      Share of the dates that is exact, seed 0, by default 1.0000:
         --model plain        0.9995: a date is short enough to remember
         --model reverse      0.9970: the year, written first, mostly stood last already
         --model peeky        0.9970, backwards too
"""

from dataclasses import asdict, dataclass, replace
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
from custom_layers.decoding import beam_search
from custom_layers.lstm import LSTM, LSTMCell
from kit.batches import PairBatches
from kit.length import Length
from kit.machine import use_xla
from kit.run import Run, Simpler, command
from kit.training import Checkpoint, SmoothedCrossentropy, accuracy
from tasks.translations import alignment_figure, most_similar, scores
from tokens.vocabulary import END, PADDING, START, Vocabulary


@dataclass(frozen=True)
class Config:
    data: str = "dates"  # a name (dates, addition, multi30k) or a path
    test_data: str = ""  # path of a test file; without: split off, or the folder's
    seed: int = 0  # of the first weights, the order of batches, dropout, the split
    epochs: int = 0  # passes over the training part; 0: as many as pay
    backward: bool = False  # from the second column to the first
    model: Literal["plain", "reverse", "peeky", "attention"] = "attention"
    attention: Literal["bahdanau", "dot", "general"] = "bahdanau"
    # What a text is cut into; auto: characters where most targets are one word, words
    # where they are more.
    unit: Literal["auto", "char", "word", "subword"] = "auto"
    max_vocab: int = 8000  # most frequent tokens of each side; the rest is unknown
    max_tokens: int = 100  # longer pairs are left out of training
    units: int = 128  # width of vectors and states; of the encoder's directions, half
    layers: int = 1  # recurrent layers of each side; residual from the third on
    # Share dropped of vectors and outputs, in training; none: 0.4 of pairs so few that
    # they are read many times, else 0.2.
    dropout: float | None = None
    learning_rate: float = 5e-3  # after 200 steps; from there along a cosine to zero


BATCH, LEAST_BATCH = 64, 8  # pairs a step
STEPS = 150  # of a pass: where they are fewer, a step has fewer pairs
SETTINGS = {"dates": {"epochs": 3}, "addition": {"epochs": 10}}  # where not given
FEW = 10_000  # pairs below which more dropout pays
MOST_PASSES = 30  # where --epochs does not say: see kit/length.py
SMOOTHING = 0.1  # share of the target's probability that all tokens get
SIMPLER = Simpler(
    *("The translation memory", "test_bleu_lowercase", True),
    "more pairs; more passes (--epochs); more --units",
)
BEAMS = 5  # texts that the wider search keeps beside each other
MOST_BEAMS, MOST_SOURCE = 16, 1000  # of the export; tokens of a source that are read
SHOWN = 6  # translations in the report
SMOKE = {"epochs": 1, "units": 16}  # instead, under --smoke


# 1. Text to numbers ------------------------------------------------------------------


def choose_unit(targets: list[str]) -> str:
    return "char" if np.median([len(text.split()) for text in targets]) <= 1 else "word"


def both_sides(vocabulary: dict) -> list[Vocabulary]:
    """Of the source and of the target."""
    unit = vocabulary["unit"]
    return [Vocabulary(unit, vocabulary[side]) for side in ("source", "target")]


def load_data(config: Config, run: Run) -> tuple[dict, dict, dict]:
    """Texts by part, `(sources, targets)`; their ids, lists of `int32 [time]`, targets
    between START and END; the vocabulary: `unit`, the tokens of `source` and `target`,
    `length`, the most tokens that a translation has."""
    from data.errors import UserError
    from data.pairs import read_pairs

    if config.units % 2:
        raise UserError(f"--units must be even, found {config.units}")
    parts = read_pairs(run.data, run.test_data, config.backward, config.seed)
    if run.options.smoke:
        few = {name: max(1, len(pairs) // 300) for name, pairs in parts.items()}
        parts = {name: pairs[:: few[name]] for name, pairs in parts.items()}
    texts = {name: tuple(zip(*pairs, strict=True)) for name, pairs in parts.items()}
    unit = config.unit if config.unit != "auto" else choose_unit(texts["train"][1])

    def choose() -> dict:
        source, target = (
            Vocabulary.choose(column, unit, config.max_vocab)
            for column in texts["train"]
        )
        ids = map(Vocabulary(unit, target).encode, texts["train"][1])
        length = min(max(map(len, ids)) + 1, config.max_tokens)
        return {"unit": unit, "source": source, "target": target, "length": length}

    reading = (config.backward, config.seed, run.options.smoke)
    key = (*reading, unit, config.max_vocab, config.max_tokens)
    vocabulary = run.vocabulary() or run.cached("tokens", *key, make=choose)

    def encode_all() -> dict:
        source, target = both_sides(vocabulary)
        ids = {}
        for name, (sources, targets) in texts.items():
            ids[f"{name}.source"] = map(source.encode, sources)
            ids[f"{name}.target"] = (
                [START, *target.encode(text), END] for text in targets
            )
        return {
            name: [np.array(row, "int32") for row in rows] for name, rows in ids.items()
        }

    found = run.cached("ids", *reading, vocabulary, make=encode_all)
    ids = {name: (found[f"{name}.source"], found[f"{name}.target"]) for name in texts}
    return texts, ids, vocabulary


# 2. The network ----------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="sequence_recipes")
class Seq2Seq(keras.Model):
    """Source ids `int32 [batch, source]` and target ids `int32 [batch, time]` -> logits
    `[batch, time, target_vocab]` of the next target id each.

    Arguments: a `Config` as a dictionary, and how many ids the sides have.
    """

    def __init__(self, config, source_vocab, target_vocab, **name):
        super().__init__(**name)
        self.arguments = {
            "config": config,
            "source_vocab": source_vocab,
            "target_vocab": target_vocab,
        }
        config = Config(**config)
        units, depth = config.units, config.layers
        self.looks, self.peeks = config.model == "attention", config.model == "peeky"
        self.reverses = config.model in ("reverse", "peeky")
        self.dropout = layers.Dropout(config.dropout or 0.0)
        # Of words, Keras's first vectors are too small: learning begins far slower.
        large = keras.initializers.RandomNormal(stddev=0.5)
        initializer = "uniform" if config.unit == "char" else large
        self.source_vectors = layers.Embedding(source_vocab, units, initializer)
        self.target_vectors = layers.Embedding(target_vocab, units, initializer)
        self.logits = layers.Dense(target_vocab, dtype="float32")

        def layer(width):
            return LSTM(width, return_sequences=True, return_state=True)

        if self.looks:  # half of the units in each direction
            both = layers.Bidirectional
            self.readers = [both(layer(units // 2)) for _ in range(depth)]
            before = config.attention == "bahdanau"  # the others look after the step
            score = BahdanauAttention(units) if before else None
            first = AttentionDecoder(
                LSTMCell(units),
                score or LuongAttention(config.attention),
                attend="before" if before else "after",
                units=units,
                input_feeding=not before,
            )
            first.build((None, None, units), (None, None, units))
            self.writers = [first, *(layer(units) for _ in range(depth - 1))]
        else:
            self.readers = [layer(units) for _ in range(depth)]
            self.writers = [layer(units) for _ in range(depth)]

    def get_config(self):
        return {**super().get_config(), **self.arguments}

    def call(self, inputs, training=False):
        source, target = inputs
        seen, states = self.encode(source, training)
        logits, *_ = self.decode(target, seen, states, training)
        return logits

    def encode(self, source, training=False):
        """Source ids -> `seen`, a list of what the decoder has at every step, and
        `states`, a list of those that it begins with, `[batch, units]` each.

        Seen are, with attention, what was read, `[batch, source, units]`, its keys and
        its mask; of `peeky` the state, `[batch, units]`; else nothing.
        """
        source = ops.flip(source, axis=1) if self.reverses else source
        real, states = ops.not_equal(source, PADDING), []
        x = self.dropout(self.source_vectors(source), training=training)
        for number, reader in enumerate(self.readers):
            read, *last = reader(x, mask=real, training=training)
            x = residual(x, read, number)
            x = self.dropout(x, training=training)
            # Of both directions the ends: where each has read everything.
            states += [ops.concatenate(last[i::2], axis=-1) for i in (0, 1)]
        if not self.looks:
            return ([states[-2]] if self.peeks else []), states
        if self.writers[0].input_feeding:  # no vector stands before the first step
            states.append(ops.zeros_like(states[0]))
        return [x, self.writers[0].project(x), real], states

    def decode(self, target, seen, states, training=False):
        """Target ids, `seen` and states -> logits, states, and with attention the
        weights `[batch, time, source]` of what was looked at, else None."""
        y = self.dropout(self.target_vectors(target), training=training)
        after, fed, weights = [], [], None
        for number, writer in enumerate(self.writers):
            x = beside(y, *seen) if self.peeks else y
            first = states[2 * number : 2 * number + 2]
            if self.looks and number == 0:
                memory, keys, mask = seen
                first = [*first, *states[2 * len(self.writers) :]]
                written, weights, h, c, *fed = writer(
                    x, memory, keys, memory_mask=mask, initial_state=first
                )
            else:
                written, h, c = writer(x, initial_state=first, training=training)
            y = residual(y, written, number)
            y = self.dropout(y, training=training)
            after += [h, c]
        y = beside(y, *seen) if self.peeks else y
        return self.logits(y), [*after, *fed], weights


def residual(x, y, number):
    """The third layer and those above it add to what is below."""
    return x + y if number > 1 else y


def beside(y, context):
    """`context` `[batch, units]` beside each step of `y` `[batch, time, units]`."""
    return ops.concatenate([y, ops.zeros_like(y[..., :1]) + context[:, None]], axis=-1)


def build_model(config: Config, vocabulary: dict) -> Seq2Seq:
    config = replace(config, unit=vocabulary["unit"])
    model = Seq2Seq(asdict(config), *map(len, both_sides(vocabulary)))
    nothing = np.zeros((1, 1), "int32")
    model([nothing, nothing])  # makes its weights
    return model


# 3. What it translates ---------------------------------------------------------------


def search(model: Seq2Seq, source, length: int, beams=1, widths=None):
    """The best translations that a search finds: ids `int32 [batch, length]`, END after
    each one's end.

    source: ids `int32 [batch, source]`.
    beams: texts side by side; 1: the most probable token each time.
    widths: of `beams` fewer in some rows, `int32 [batch]`.
    """
    seen, states = model.encode(source)
    seen = [ops.repeat(x, beams, axis=0) for x in seen]  # each text looks at its row

    def step(token, states):
        logits, states, _ = model.decode(token[:, None], seen, states)
        return logits[:, 0], states

    start = ops.full(ops.shape(source)[:1], START, "int32")
    banned = np.arange(model.logits.units) < END  # all but END and tokens
    found, _ = beam_search(
        step, start, states, length, beams, END, banned=banned, widths=widths
    )
    return found[:, 0]


def align(model: Seq2Seq, source, written):
    """What each token looked at: weights `[batch, length, source]` for `written`, ids
    `[batch, length]`."""
    seen, states = model.encode(source)
    start = ops.full_like(written[:, :1], START)
    before = ops.concatenate([start, written[:, :-1]], axis=1)
    _, _, weights = model.decode(before, seen, states)
    return weights


class Translator(keras.Model):
    """Translates texts, in one compiled program a shape.

    Example:
        >>> translator = Translator(model, vocabulary)
        >>> translator.translate(["3. Mai 2021", "21 мая 1999 г."])
        ["2021-05-03", "1999-05-21"]
    """

    def __init__(self, model: Seq2Seq, vocabulary: dict, beams: int = 1):
        super().__init__()
        self.model, self.beams = model, beams
        self.source, self.target = both_sides(vocabulary)
        self.length = vocabulary["length"]
        self.compile(jit_compile=use_xla())

    def call(self, ids):
        return search(self.model, ids, self.length, self.beams)

    def translate(self, texts: list[str], rows: int = 128) -> list[str]:
        """The translations; texts of similar length share a batch of `rows`."""
        found = [""] * len(texts)
        for places, ids in self.batches(texts, rows):
            for place, line in zip(places, self.predict_on_batch(ids), strict=False):
                found[place] = self.target.decode(line)
        return found

    def align(self, texts: list[str]) -> list[tuple[list[str], list[str], np.ndarray]]:
        """Of each text its tokens, those of the translation and then END, and the
        weights `[translation, tokens]` with which they looked at the source's."""
        found = [([], [], np.zeros((0, 1)))] * len(texts)
        for places, ids in self.batches(texts, len(texts)):
            written = self.predict_on_batch(ids)
            weights = ops.convert_to_numpy(align(self.model, ids, written))
            for place, read, line, each in zip(
                places, ids, written, weights, strict=False
            ):
                tokens = [self.source.names[index] for index in read if index]
                names = [self.target.names[index] for index in line if index != END]
                names = [*names, "END"][: self.length]
                found[place] = tokens, names, each[: len(names), : len(tokens)]
        return found

    def batches(self, texts: list[str], rows: int):
        """Places in `texts` and ids `int32 [rows, time]`, of all but the empty ones."""
        ids = [self.source.encode(text)[:MOST_SOURCE] for text in texts]
        filled = [place for place, each in enumerate(ids) if each]
        order = sorted(filled, key=lambda place: len(ids[place]))
        for start in range(0, len(order), rows):
            places = order[start : start + rows]
            # Few lengths, few programs to compile.
            time = 1 << max(3, (len(ids[places[-1]]) - 1).bit_length())
            batch = np.full((rows, time), PADDING, "int32")
            for line, place in zip(batch, places, strict=False):
                line[: len(ids[place])] = ids[place]
            yield places, batch


# 4. The export -----------------------------------------------------------------------


def export(model: Seq2Seq, vocabulary: dict, folder: Path):
    """One SavedModel for TensorFlow Serving or `tf.saved_model.load`, texts in and out.

    `serving_default` text `[batch]`, beam `[batch]` (1: greedy, up to 16) -> text; with
    attention `align` text `[batch]` -> tokens, translation, `[batch, tokens]` each, and
    weights `[batch, translation, tokens]`, with beam 5. Of a source it reads
    1,000 tokens; a translation has at most as many as the longest in training.
    """
    import tensorflow as tf

    source, target = both_sides(vocabulary)
    length = vocabulary["length"]

    class Exported(tf.Module):
        def __init__(self):
            super().__init__()
            # Not the model: it would be stored twice, and `saved_model_cli` stumbles.
            self.weights = [weight.value for weight in model.weights]
            self.table = source.table()

        def ids_of(self, text):  # [batch] -> [batch, time], padded
            ids = source.encode_in_graph(text, self.table)[:, :MOST_SOURCE]
            # Never without a column.
            return tf.pad(ids.to_tensor(PADDING), [[0, 0], [0, 1]])

        # Autograph would read this file again: perhaps changed while it trained.
        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, "text"),
                tf.TensorSpec([None], tf.int32, "beam"),
            ],
            autograph=False,
        )
        def translate(self, text, beam):
            ids, beam = self.ids_of(text), tf.clip_by_value(beam, 1, MOST_BEAMS)
            beams = tf.maximum(tf.reduce_max(beam), 1)  # of no rows, too
            found = search(model, ids, length, beams, beam)
            found = tf.where(ids[:, :1] == PADDING, END, found)
            return {"text": target.decode_in_graph(found)}

        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.string, "text")], autograph=False
        )
        def align(self, text):
            ids = self.ids_of(text)
            found = search(model, ids, length, BEAMS)
            found = tf.where(ids[:, :1] == PADDING, END, found)
            return {
                "tokens": tf.gather(tf.constant(source.names), ids),
                "translation": tf.gather(tf.constant(target.names), found),
                "weights": align(model, ids, found),
            }

    module = Exported()
    signatures = {"serving_default": module.translate}
    if model.looks:
        signatures["align"] = module.align
    # No server needs the layers' gradients: tracing them took a third of the time.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures, options)


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run: Run, model: keras.Model, ids: dict) -> dict:
    """Fits on the training part, keeps the weights that do best on validation."""
    pairs = short(ids["train"], config)
    batch = int(np.clip(len(pairs[0]) // STEPS, LEAST_BATCH, BATCH))
    training = PairBatches(*pairs, batch, config.seed)
    validation = PairBatches(*short(ids["validation"], config), BATCH)
    size = f"{len(training.targets):,} pairs"
    length = Length(run, training, config.epochs, MOST_PASSES, size)
    rate = length.schedule(config.learning_rate, warm_up=200)
    model.compile(
        keras.optimizers.Adam(rate, beta_2=0.99, global_clipnorm=1.0),
        SmoothedCrossentropy(SMOOTHING),
        weighted_metrics=[accuracy],
        jit_compile=use_xla(),
    )
    checkpoint = Checkpoint(
        run, training, monitor="val_loss", highest=False, length=length
    )
    start = checkpoint.restore(model)
    model.fit(
        training,
        validation_data=validation,
        epochs=length.epochs,
        initial_epoch=start,
        callbacks=[checkpoint],
        shuffle=False,
        verbose=run.verbose,
    )
    return checkpoint.use_best(model)


def token_accuracy(model: keras.Model, pairs: tuple[list, list]) -> float:
    """Share of the tokens that the model finds, given the right ones before them."""
    loss = SmoothedCrossentropy(0.0)
    model.compile("sgd", loss, weighted_metrics=[accuracy], jit_compile=use_xla())
    batches = PairBatches(*pairs, BATCH)
    return model.evaluate(batches, verbose=0, return_dict=True)["accuracy"]


def short(pairs: tuple[list, list], config: Config) -> list[list]:
    """The pairs of which both sides have at most `max_tokens`."""
    from data.errors import UserError

    most = config.max_tokens + 2  # with START and END
    kept = [pair for pair in zip(*pairs, strict=True) if max(map(len, pair)) <= most]
    if not kept:
        raise UserError(f"no pair has at most --max-tokens {config.max_tokens}")
    return [list(column) for column in zip(*kept, strict=True)]


def looked(tokens: list[str], written: list[str], weights: np.ndarray) -> str:
    """A line that says of each written token what it looked at most."""
    pairs = zip(written, weights.argmax(axis=1), strict=True)
    line = "  ".join(f"{token}<-{tokens[place]}" for token, place in pairs)
    return line.replace("<- ", "<-␣")  # of characters, one may be a space


def main(config: Config, run: Run) -> None:
    texts, ids, vocabulary = load_data(config, run)
    if config.dropout is None:
        dropout = 0.4 if len(texts["train"][0]) < FEW else 0.2
        config = replace(config, dropout=dropout)
    model = build_model(config, vocabulary)
    if run.loaded:
        model.load_weights(run.loaded / "model.keras")
        if run.only_export:
            run.export(export, model, vocabulary)
            return
    metrics = {"seed": config.seed, "parameters": model.count_params()}
    if not run.loaded:
        metrics |= train(config, run, model, ids)
    run.write("vocabulary.json", vocabulary)
    model.save(run.folder / "model.keras")
    run.export(export, model, vocabulary)

    metrics["test_token_accuracy"] = token_accuracy(model, ids["test"])
    greedy, wider = (Translator(model, vocabulary, beams) for beams in (1, BEAMS))
    for part in (name for name in texts if name.startswith("test")):
        sources, targets = texts[part]
        metrics |= scores(greedy.translate(sources), targets, f"{part}_{{}}")
    sources, targets = texts["test"]
    written = wider.translate(sources)
    metrics |= scores(written, targets, f"test_{{}}_beam{BEAMS}")
    nearest = run.cached(
        *("memory", config.backward, config.seed, run.options.smoke),
        make=lambda: {"rows": most_similar(texts["train"][0], sources)},
    )
    remembered = [texts["train"][1][row] for row in nearest["rows"]]
    metrics |= scores(remembered, targets, "baseline_test_{}")

    lines = [
        f"{source} -> {ours}"
        + ("" if ours.lower() == right.lower() else f"   (is: {right})")
        for source, ours, right in zip(sources, written, targets, strict=True)
    ]
    run.write("samples.txt", "\n".join(lines[:50]) + "\n")
    shown, figures = lines[:SHOWN], []
    if model.looks:
        found = wider.align(sources[:SHOWN])
        shown = [
            f"{line}\n    {looked(*each)}"
            for line, each in zip(shown, found, strict=True)
        ]
        figures.append(alignment_figure(found))
    print("\nNever seen:", *shown, sep="\n  ")
    run.write("figures.json", figures)
    run.finish(metrics, SIMPLER)


if __name__ == "__main__":
    command(main, Config, SMOKE, SETTINGS)
