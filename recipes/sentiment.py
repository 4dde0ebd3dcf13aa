"""Sentiment: a text in, one of a few classes out (many-to-one).

    make sentiment                               # generated film reviews, offline
    make sentiment DATA=imdb                     # fetched, 84 MB
    make sentiment DATA=mine.csv                 # your file; ARGS=--help: all options
    make try RECIPE=sentiment                    # type a sentence, get its answer

Data     A CSV or TSV with the columns `text` and `label`, any number of classes, any
         language; or a folder with `train.csv`, `test.csv` and, if there are such,
         `validation.csv` and further `test_NAME.csv`, each reported apart. What has no
         validation or test part is split by text, stratified, from `--seed`.
Model    words -> vectors -> bidirectional LSTM -> largest and mean output over time,
         and the mean vector -> classes; added to them a score of each word and pair of
         words. Vectors and scores start from counts of the training part. Beside it
         always a bag of words: logistic regression on the tf-idf of words and word
         pairs, tuned on validation (scikit-learn).
Writes   runs/sentiment/<UTC time>/: report.html, metrics.json, samples.txt, and
         saved_model/1/, which takes strings and gives probabilities and labels.
Result   reviews (generated): test accuracy 0.978, mean of seeds 0 to 2, a bag of words
         0.765; 80 seconds of training on 2 CPU cores. Sixty reviews by hand: 0.800, a
         bag of words 0.667. IMDB by the command above, before it had scores of words:
         0.901, a bag of words 0.907; five minutes (results/).
Try      Test accuracy on reviews, seed 0, on an Intel Xeon, by default 0.978:
         --cell simple_rnn    0.894: it forgets
         --cell gru           0.980 with three gates' weights instead of four
         --units 128          0.983
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import numpy as np
from keras import layers, ops

from custom_layers.gru import GRU
from custom_layers.lstm import LSTM
from custom_layers.simple_rnn import SimpleRNN
from kit.batches import Batches, bucket_lengths
from kit.length import Length
from kit.machine import use_xla
from kit.run import Run, Simpler, command
from kit.training import Checkpoint
from tasks.classifiers import (
    bag_of_words,
    confusion_figure,
    figures_of,
    samples,
    word_figure,
)
from tokens.words import APOSTROPHE, lower, lower_in_graph


@dataclass(frozen=True)
class Config:
    data: str = "reviews"  # a name (reviews, imdb) or a path
    test_data: str = ""  # path of a test file; without: split off, or the folder's
    text_column: str = "text"  # name in the header
    label_column: str = "label"  # name in the header
    seed: int = 0  # of the split, the first weights, dropout and the order
    epochs: int = 0  # passes over the training part; 0: as many as pay
    cell: Literal["lstm", "gru", "simple_rnn"] = "lstm"  # what steps through time
    units: int = 64  # width of the state, in each direction
    max_tokens: int = 400  # of longer texts: the first and the last half of these
    word_dropout: float = 0.3  # share of words blanked in training
    dropout: float = 0.5  # share of the pooled features dropped in training
    embeddings: str = ""  # first vectors: a run of word2vec, or its vectors.txt
    learning_rate: float = 1e-3  # after 200 steps; from there along a cosine to zero


VOCABULARY = 10_000  # most frequent words of the training part; the rest is unknown
VECTOR = 100  # numbers a word
PAIRS = 1 << 17  # numbers that pairs of words have between them
BATCH = 128  # texts a step; fewer of a small file, for it to take steps enough
SETTINGS = {  # what was measured to suit a data set, where not given otherwise
    "reviews": {
        "epochs": 2,
        "word_dropout": 0.03,
        "dropout": 0.3,
        "learning_rate": 1e-2,
    },
    "imdb": {"epochs": 3, "word_dropout": 0.4, "learning_rate": 5e-3},
}
MOST_PASSES = 40  # where --epochs does not say: see kit/length.py
EXAMPLES = (  # their probabilities word by word are drawn in the report
    "not bad at all",
    "a dull start, but a moving end",
    "I wanted to love it, but it bored me",
)
SIMPLER = Simpler(
    *("The bag of words", "test_accuracy", True),
    "more rows; --embeddings with word vectors of more text; other --epochs",
)
PADDING, UNKNOWN = 0, 1  # the first two ids


SMOKE = {"epochs": 2, "units": 16, "max_tokens": 64}  # instead, under --smoke


class Split(NamedTuple):
    texts: list[str]
    ids: list[np.ndarray]  # int32 [time] each
    labels: np.ndarray  # int32 [rows]


# 1. Text to numbers ------------------------------------------------------------------

# Words are split at spaces and punctuation; ! and ? stay, and each character of a
# script without spaces (Thai, Lao, Myanmar, Khmer, Kana, Han) is a word. Explicit
# characters, no \w and \s: `export` does the same in TensorFlow, on any Unicode.
ALONE = (
    "([!?\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
BETWEEN = (
    '[\x00- "-&(-/:->@\\[-`{-\xa9\xab-\xb1\xb4\xb6-\xb9\xbb-\xbf\u1680\u2000-\u206f'
    "\u3000-\u303f\ufe30-\ufe4f\uff00-\uff0f\uff1a-\uff20]+"
)
RULES = [(APOSTROPHE, "'"), (ALONE, r" \1 "), (BETWEEN, " "), ("'* +'*", " ")]


def tokenize(text: str) -> list[str]:
    """`"Don't miss it!"` -> `["don't", "miss", "it", "!"]`."""
    text = f" {lower(text)} "
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return [word for word in text.split(" ") if word]


def encode(texts: list[str], words: list[str], max_tokens: int) -> list[np.ndarray]:
    """Ids `int32 [time]` of each text; of a long one its beginning and its end."""
    id_of = {word: number for number, word in enumerate(words, start=2)}
    rows = []
    for text in texts:
        ids = [id_of.get(word, UNKNOWN) for word in tokenize(text)]
        if len(ids) > max_tokens:
            head = max_tokens // 2
            ids = ids[:head] + ids[len(ids) - (max_tokens - head) :]
        rows.append(np.array(ids, "int32"))
    return rows


def load_data(
    config: Config, run: Run
) -> tuple[dict[str, Split], list[str], list[str]]:
    """The parts by name, the words (the first has id 2), the class names."""
    from data.splits import read_splits

    known = run.vocabulary() or {}
    columns = (config.text_column, config.label_column)
    rows, labels = read_splits(
        run.data, run.test_data, columns, config.seed, known.get("labels")
    )
    if run.options.smoke:
        rows = {name: part[:: max(1, len(part) // 300)] for name, part in rows.items()}
    texts = {name: [text for text, _ in part] for name, part in rows.items()}

    def encode_all() -> dict:
        counts = Counter(word for text in texts["train"] for word in tokenize(text))
        # Equal counts in the order of the alphabet: the same data, the same ids.
        frequent = sorted(counts, key=lambda word: (-counts[word], word))
        words = [word for word in frequent[:VOCABULARY] if counts[word] > 1]
        words = known.get("words", words)
        ids = {name: encode(texts[name], words, config.max_tokens) for name in texts}
        return {"words": words, **ids}

    key = [*data_key(config, run), config.max_tokens, known]
    encoded = run.cached("ids", *key, make=encode_all)
    parts = {}
    for name, part in rows.items():
        numbers = np.array([labels.index(label) for _, label in part], "int32")
        parts[name] = Split(texts[name], encoded[name], numbers)
    return parts, encoded["words"], labels


def data_key(config: Config, run: Run) -> list:
    """What decides, beside the files, which words stand in which part."""
    columns = [config.text_column, config.label_column]
    return [*columns, config.seed, run.options.smoke]


# 2. The network ----------------------------------------------------------------------


def build_model(config: Config, words: int, classes: int) -> keras.Model:
    """Ids `int32 [batch, time]` -> probabilities `float32 [batch, classes]`."""
    cell = {"lstm": LSTM, "gru": GRU, "simple_rnn": SimpleRNN}[config.cell]
    ids = layers.Input([None], dtype="int32", name="ids")
    real = ops.not_equal(ids, PADDING)  # [batch, time]
    x = layers.Embedding(words + 2, VECTOR, name="vectors")(ids)
    # Blanks whole words: the network may not hang on one of them.
    x = layers.Dropout(config.word_dropout, noise_shape=(None, None, 1))(x)
    reader = layers.Bidirectional(cell(config.units, return_sequences=True))
    y = reader(x, mask=real)  # [batch, time, 2 * units]
    real = ops.expand_dims(real, -1)
    count = ops.maximum(ops.sum(ops.cast(real, y.dtype), axis=1), 1.0)
    largest = ops.max(ops.where(real, y, -1.0), axis=1)  # outputs lie in (-1, 1)
    # Beside what was read in order, the mean word: long texts are told by it too.
    means = [ops.sum(ops.where(real, z, 0.0), axis=1) / count for z in (y, x)]
    x = layers.Dropout(config.dropout)(ops.concatenate([largest, *means], axis=-1))
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    # What each word and each pair of neighbours says by itself, as a bag of words.
    first, second = ids[:, :-1], ids[:, 1:]
    known = ops.logical_and(first > UNKNOWN, second > UNKNOWN)
    pairs = ops.where(known, number_of_pair(first, second, words), PADDING)
    places = ops.concatenate([ids, pairs], axis=1)
    scores = layers.Embedding(words + 2 + PAIRS, classes, name="scores")(places)
    scores = layers.Dropout(config.word_dropout, noise_shape=(None, None, 1))(scores)
    scores = ops.where(ops.expand_dims(places > UNKNOWN, -1), scores, 0.0)
    scores = ops.cast(ops.sum(scores, axis=1) / ops.sqrt(count), "float32")
    outputs = layers.Softmax(dtype="float32")(logits + scores)
    return keras.Model(ids, outputs, name="sentiment")


def number_of_pair(first, second, words: int):
    """Place of a pair of ids among the scores; rare pairs may share one."""
    return words + 2 + (first * 7919 + second) % PAIRS


# 3. Its answers ----------------------------------------------------------------------


def classify(model: keras.Model, words: list[str], texts: list[str], max_tokens: int):
    """Probabilities `float32 [texts, classes]` of any texts."""
    return probabilities_of(model, encode(texts, words, max_tokens), max_tokens)


def probabilities_of(
    model: keras.Model, ids: list[np.ndarray], max_tokens: int
) -> np.ndarray:
    """Probabilities `[rows, classes]`; rows of similar length share a batch."""
    found = np.zeros((len(ids), model.output_shape[-1]), "float32")
    order = np.argsort([len(row) for row in ids], kind="stable")
    for start in range(0, len(ids), 256):
        rows = order[start : start + 256]
        # Always 256 rows, and one of four lengths: few programs to compile.
        longest = len(ids[rows[-1]])
        time = next(n for n in (32, 128, 256, max_tokens) if n >= longest)
        batch = np.zeros((256, time), "int32")
        for place, row in enumerate(rows):
            batch[place, : len(ids[row])] = ids[row]
        found[rows] = model.predict_on_batch(batch)[: len(rows)]
    return found


# 4. The export -----------------------------------------------------------------------


def export(model, words: list[str], labels: list[str], max_tokens: int, folder: Path):
    """One SavedModel for TensorFlow Serving or `tf.saved_model.load`, strings in.

    `serving_default` text [batch] -> probabilities [batch, classes], label [batch];
    `labels` -> labels [classes]; `word_by_word` text [] -> words [n], probabilities
    [n, classes] after each of the first 200 words.
    """
    import tensorflow as tf

    class Classifier(tf.Module):
        def __init__(self):
            super().__init__()
            # Not the model: it would be stored twice, and `saved_model_cli` stumbles.
            self.weights = [weight.value for weight in model.weights]
            self.labels = tf.constant(labels)
            keys = tf.constant(words or [""])
            numbers = tf.range(2, 2 + len(keys), dtype=tf.int64)
            pairs = tf.lookup.KeyValueTensorInitializer(keys, numbers)
            self.table = tf.lookup.StaticHashTable(pairs, UNKNOWN)

        def words_of(self, texts):  # [batch] -> ragged [batch, words], as `tokenize`
            texts = tf.strings.join([" ", lower_in_graph(texts), " "])
            for pattern, replacement in RULES:
                texts = tf.strings.regex_replace(texts, pattern, replacement)
            found = tf.strings.split(texts, " ")
            return tf.ragged.boolean_mask(found, found != "")

        @tf.function(
            input_signature=[tf.TensorSpec([None, None], tf.int64)], autograph=False
        )
        def answer(self, ids):  # [batch, time] -> [batch, classes]
            ids = tf.pad(ids, [[0, 0], [0, 1]])  # never without a column
            return model(tf.cast(ids, tf.int32), training=False)

        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.string, "text")], autograph=False
        )
        def serve(self, text):
            found = self.words_of(text)
            lengths, head = found.row_lengths(), max_tokens // 2
            place = tf.ragged.range(lengths).with_row_splits_dtype(tf.int64)
            end = tf.expand_dims(lengths - (max_tokens - head), 1)
            ids = found.with_values(self.table.lookup(found.values))
            ids = tf.ragged.boolean_mask(ids, (place < head) | (place >= end))
            probabilities = self.answer(ids.to_tensor(PADDING))
            label = tf.gather(self.labels, tf.argmax(probabilities, axis=-1))
            return {"probabilities": probabilities, "label": label}

        @tf.function(input_signature=[], autograph=False)
        def names(self):
            return {"labels": self.labels}

        @tf.function(
            input_signature=[tf.TensorSpec([], tf.string, "text")], autograph=False
        )
        def word_by_word(self, text):
            found = self.words_of(text[None]).values[: min(200, max_tokens)]
            count = tf.size(found)
            seen = tf.linalg.band_part(tf.ones([count + 1, count], tf.int64), -1, 0)
            probabilities = self.answer(seen * self.table.lookup(found))
            return {"words": found, "probabilities": probabilities[:count]}

    module = Classifier()
    signatures = {
        "serving_default": module.serve,
        "labels": module.names,
        "word_by_word": module.word_by_word,
    }
    # No server needs the layers' gradients: tracing them took a third of the time.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures, options)


# 5. The run --------------------------------------------------------------------------


def train(
    config: Config, run: Run, model: keras.Model, parts: dict, words: list[str]
) -> dict:
    """Fits on the training part, keeps the weights that do best on validation."""
    fitted = [*parts["train"].ids, *parts["validation"].ids]
    buckets = bucket_lengths([len(ids) for ids in fitted])
    batch = int(np.clip(len(parts["train"].ids) // 32, 8, BATCH))
    training, validation = (
        Batches(parts[name].ids, parts[name].labels, batch, buckets, seed)
        for name, seed in (("train", config.seed), ("validation", None))
    )
    model.get_layer("vectors").set_weights([first_vectors(config, run, parts, words)])
    scores = first_scores(parts["train"], len(words), model.output_shape[-1])
    model.get_layer("scores").set_weights([scores])
    size = f"{len(parts['train'].ids):,} rows"
    length = Length(run, training, config.epochs, MOST_PASSES, size)
    model.compile(
        keras.optimizers.Adam(
            length.schedule(config.learning_rate, warm_up=200), global_clipnorm=1.0
        ),
        # The mean over real rows: those that only fill a batch weigh nothing.
        keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
        weighted_metrics=["accuracy"],
        jit_compile=use_xla(),
    )
    checkpoint = Checkpoint(
        run, training, monitor="val_accuracy", highest=True, length=length
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


def first_vectors(config: Config, run: Run, parts: dict, words: list[str]):
    """What the words' vectors begin at: those of a file, where `--embeddings` names
    one, else by counting which words stand together in training."""
    from data.vectors import vectors_from_file
    from tasks.count_vectors import vectors_from_counts

    shape = (len(words) + 2, VECTOR)
    if config.embeddings:
        first = np.zeros(shape, "float32")  # words that the file lacks
        found, places = vectors_from_file(config.embeddings, words, VECTOR)
        first[places + 2] = found
        print(f"{config.embeddings} has vectors of {len(places)} of {len(words)} words")
        return first
    return run.cached(
        *["vectors", *data_key(config, run), config.max_tokens],
        make=lambda: {"vectors": vectors_from_counts(parts["train"].ids, *shape)},
    )["vectors"]


def first_scores(part: Split, words: int, classes: int) -> np.ndarray:
    """What words and pairs say before training, `[words + 2 + PAIRS, classes]`: half of
    naive Bayes' log-ratio (Wang and Manning, 2012), 0 of those that training lacks."""
    size = words + 2 + PAIRS
    counts = np.zeros((size, classes))
    for label in range(classes):
        # One after the other, with padding between them: no pair stands across texts.
        rows = [part.ids[row] for row in np.flatnonzero(part.labels == label)]
        ids = np.concatenate([np.append(row, PADDING) for row in rows] or [[PADDING]])
        known = (ids[:-1] > UNKNOWN) & (ids[1:] > UNKNOWN)
        pairs = number_of_pair(ids[:-1], ids[1:], words)[known]
        counts[:, label] = np.bincount(np.append(ids, pairs), minlength=size)
    counts[: UNKNOWN + 1] = 0
    scores = np.log(counts + 1) - np.log(np.maximum(counts.sum(axis=0), 1))
    scores -= scores.mean(axis=1, keepdims=True)
    scores[counts.sum(axis=1) == 0] = 0
    return 0.5 * scores.astype("float32")


def main(config: Config, run: Run) -> None:
    parts, words, labels = load_data(config, run)
    model = build_model(config, len(words), len(labels))
    to_export = (export, model, words, labels, config.max_tokens)
    if run.loaded:
        model.load_weights(run.loaded / "model.keras")
        if run.only_export:
            run.export(*to_export)
            return
    metrics = {"seed": config.seed, "parameters": model.count_params()}
    if not run.loaded:
        metrics |= train(config, run, model, parts, words)
    run.write("vocabulary.json", {"words": words, "labels": labels})
    run.write("labels.txt", "\n".join(labels) + "\n")
    model.save(run.folder / "model.keras")
    run.export(*to_export)

    answers = {}
    for name, part in parts.items():
        if name != "train":
            answers[name] = probabilities_of(model, part.ids, config.max_tokens)
            figures = figures_of(answers[name], part.labels)
            metrics |= {f"{name}_{figure}": value for figure, value in figures.items()}
    key = data_key(config, run)
    metrics |= run.cached(
        "bag of words", *key, make=lambda: bag_of_words(parts, tokenize)
    )

    test, answers = parts["test"], answers["test"]
    lines = samples(test.texts, answers, test.labels, labels)
    run.write("samples.txt", "\n".join(lines) + "\n")
    print("\nUnseen texts", *(line[:200] for line in lines[:6]), sep="\n  ")
    texts = [*EXAMPLES, *(text for text in test.texts if len(text) < 120)][:6]
    by_word = word_figure(
        texts, tokenize, lambda t: classify(model, words, t, config.max_tokens), labels
    )
    confusion = confusion_figure(answers, test.labels, labels)
    run.write("figures.json", [by_word, confusion])
    run.finish(metrics, SIMPLER)


if __name__ == "__main__":
    command(main, Config, SMOKE, SETTINGS)
