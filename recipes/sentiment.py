"""Sentiment: a text in, one of a few classes out (many-to-one).

    make sentiment                               # generated film reviews, offline
    make sentiment DATA=imdb                     # downloads 84 MB
    make sentiment DATA=mine.csv                 # your file; ARGS=--help: all options
    make try RECIPE=sentiment                    # type a sentence, get its answer

Data     A CSV or TSV file with the columns `text` and `label`, in any language and with
         any number of classes; or a folder with `train.csv`, `test.csv` and optionally
         `validation.csv` and further `test_NAME.csv`, which are reported separately.
         Missing parts are split off by text, stratified by label.
Model    words -> vectors -> bidirectional LSTM -> maximum and mean over time, and the
         mean vector -> logits; plus a score per word and pair of words. Vectors and
         scores are initialised by counting in the training part. The simpler model is
         logistic regression on the tf-idf of words and word pairs.
Needs    scikit-learn and scipy.
Writes   runs/sentiment/<UTC time>/: report.html, metrics.json, samples.txt, and
         saved_model/1/, which maps strings to probabilities and labels.
Try      --cell simple_rnn    forgets the beginning of longer texts
         --cell gru           three gates instead of four: fewer weights, as accurate
         --units 128          a little more accurate, slower
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import numpy as np
from keras import layers, ops

from custom_layers import saved_model
from custom_layers.gru import GRU
from custom_layers.lstm import LSTM
from custom_layers.simple_rnn import SimpleRNN
from custom_layers.xla import use_xla
from tokens.plain_words import tokenize, tokenize_in_graph
from tokens.words import most_frequent


@dataclass(frozen=True)
class Config:
    data: str = "reviews"  # a name (reviews, imdb) or a path
    test_data: str = ""  # path of a test file; default: the folder's, or split off
    text_column: str = "text"  # name in the header
    label_column: str = "label"  # name in the header
    seed: int = 0  # of the split, the initial weights, dropout and the batches' order
    epochs: int = 0  # passes over the training part; 0: chosen by the data's size
    cell: Literal["lstm", "gru", "simple_rnn"] = "lstm"  # recurrent layer
    units: int = 64  # width of the state, in each direction
    max_tokens: int = 400  # of a longer text the first and the last half of these
    word_dropout: float = 0.3  # share of the words that training hides
    dropout: float = 0.5  # share of the pooled features dropped in training
    embeddings: str = ""  # initial vectors: a run of word2vec, or its vectors.txt
    learning_rate: float = 1e-3  # after 200 steps of warm-up; then a cosine to zero


SMOKE = {"epochs": 2, "units": 16, "max_tokens": 64}  # under --smoke
SETTINGS = {  # measured to suit a data set
    "reviews": {
        "epochs": 2,
        "word_dropout": 0.03,
        "dropout": 0.3,
        "learning_rate": 1e-2,
    },
    "imdb": {"epochs": 3, "word_dropout": 0.4, "learning_rate": 5e-3},
}
READING = ("text_column", "label_column", "seed", "max_tokens")  # decide what is read
SIMPLER = {
    "name": "The bag of words",
    "metrics": ("test_accuracy",),
    "maximize": True,
    "advice": "more rows; --embeddings with vectors of more text; other --epochs",
}

VOCABULARY = 10_000  # most frequent words of the training part; the rest is unknown
PADDING, UNKNOWN = 0, 1  # the first two ids
VECTOR = 100  # width of the word vectors
PAIRS = 1 << 17  # scores that all word pairs share
BATCH, STEPS = 128, 32  # texts per step; fewer, if a pass had fewer steps
MAX_PASSES = 40  # where --epochs does not say: see kit/length.py
EXAMPLES = (  # the report draws their probability after each word
    "not bad at all",
    "a dull start, but a moving end",
    "I wanted to love it, but it bored me",
)


class Split(NamedTuple):
    texts: list[str]
    ids: list[np.ndarray]  # int32 [time] each
    labels: np.ndarray  # int32 [rows]


# 1. Text to numbers ------------------------------------------------------------------


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


def load_data(config: Config, run) -> tuple[dict[str, Split], dict]:
    """The data by part; the vocabulary: `words` (the first has id 2), `labels`,
    `max_tokens`."""
    from data.splits import read_splits

    known = run.vocabulary() or {}
    columns = (config.text_column, config.label_column)
    rows, labels = read_splits(
        run.data, run.test_data, columns, config.seed, known.get("labels")
    )
    rows = {part: run.some(each) for part, each in rows.items()}
    texts = {part: [text for text, _ in each] for part, each in rows.items()}

    def encode_all() -> dict:
        counts = Counter(word for text in texts["train"] for word in tokenize(text))
        words = known.get("words", most_frequent(counts, VOCABULARY, least=2))
        ids = {part: encode(texts[part], words, config.max_tokens) for part in texts}
        return {"words": words, **ids}

    encoded = run.cached("ids", make=encode_all)
    data = {}
    for part, each in rows.items():
        numbers = np.array([labels.index(label) for _, label in each], "int32")
        data[part] = Split(texts[part], encoded[part], numbers)
    vocabulary = {"words": encoded["words"], "labels": labels}
    return data, {**vocabulary, "max_tokens": config.max_tokens}


# 2. The network ----------------------------------------------------------------------


def build_model(config: Config, vocabulary: dict) -> keras.Model:
    """Ids `int32 [batch, time]` -> probabilities `float32 [batch, classes]`."""
    words, classes = len(vocabulary["words"]), len(vocabulary["labels"])
    cell = {"lstm": LSTM, "gru": GRU, "simple_rnn": SimpleRNN}[config.cell]
    ids = layers.Input([None], dtype="int32", name="ids")
    mask = ops.not_equal(ids, PADDING)  # [batch, time]
    x = layers.Embedding(words + 2, VECTOR, name="vectors")(ids)
    # Word dropout: zero whole word vectors so that no single word decides.
    x = layers.Dropout(config.word_dropout, noise_shape=(None, None, 1))(x)
    reader = layers.Bidirectional(cell(config.units, return_sequences=True))
    y = reader(x, mask=mask)  # [batch, time, 2 * units]
    mask = ops.expand_dims(mask, -1)
    count = ops.maximum(ops.sum(ops.cast(mask, "float32"), axis=1), 1.0)
    maximum = ops.max(ops.where(mask, y, -1.0), axis=1)  # outputs lie in (-1, 1)
    # Also pool the raw word vectors; they help on long texts.
    means = [ops.sum(ops.where(mask, z, 0.0), axis=1) / count for z in (y, x)]
    x = layers.Dropout(config.dropout)(ops.concatenate([maximum, *means], axis=-1))
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)

    # Beside the network, a bag of words: a score per word and pair of neighbours.
    first, second = ids[:, :-1], ids[:, 1:]
    known = ops.logical_and(first > UNKNOWN, second > UNKNOWN)
    pairs = ops.where(known, pair_id(first, second, words), PADDING)
    bag = ops.concatenate([ids, pairs], axis=1)
    scores = layers.Embedding(words + 2 + PAIRS, classes, name="scores")(bag)
    scores = layers.Dropout(config.word_dropout, noise_shape=(None, None, 1))(scores)
    scores = ops.where(ops.expand_dims(bag > UNKNOWN, -1), scores, 0.0)
    scores = ops.cast(ops.sum(scores, axis=1) / ops.sqrt(count), "float32")
    outputs = layers.Softmax(dtype="float32")(logits + scores)
    return keras.Model(ids, outputs, name="sentiment")


def pair_id(first, second, words: int):
    """Row of a pair of word ids among the scores; rare pairs may share one."""
    return words + 2 + (first * 7919 + second) % PAIRS


def load(folder: str | Path) -> tuple[keras.Model, dict]:
    """The model and the vocabulary of a run."""
    model = keras.models.load_model(Path(folder) / "model.keras", compile=False)
    return model, json.loads((Path(folder) / "vocabulary.json").read_text("utf-8"))


# 3. Its answers ----------------------------------------------------------------------


def classify(model: keras.Model, vocabulary: dict, texts: list[str]) -> np.ndarray:
    """Probabilities `float32 [texts, classes]`, in the order of `labels`.

    Example:
        >>> model, vocabulary = load("runs/sentiment/latest")
        >>> vocabulary["labels"][classify(model, vocabulary, ["not bad"])[0].argmax()]
        "positive"
    """
    max_tokens = vocabulary["max_tokens"]
    ids = encode(texts, vocabulary["words"], max_tokens)
    return predict(model, ids, max_tokens)


def predict(model: keras.Model, ids: list[np.ndarray], max_tokens: int) -> np.ndarray:
    """Probabilities `float32 [rows, classes]`; similar lengths share a batch."""
    probabilities = np.zeros((len(ids), model.output_shape[-1]), "float32")
    order = np.argsort([len(row) for row in ids], kind="stable")
    for start in range(0, len(ids), 256):
        rows = order[start : start + 256]
        # Always 256 rows of one of four lengths: few programs to compile.
        longest = len(ids[rows[-1]])
        time = next(n for n in (32, 128, 256, max_tokens) if n >= longest)
        batch = np.zeros((256, time), "int32")
        for place, row in enumerate(rows):
            batch[place, : len(ids[row])] = ids[row]
        probabilities[rows] = model.predict_on_batch(batch)[: len(rows)]
    return probabilities


# 4. The export -----------------------------------------------------------------------


def export(model: keras.Model, vocabulary: dict, folder: Path) -> None:
    """Writes one SavedModel, for TensorFlow Serving or `tf.saved_model.load`.

    `serving_default`: text [batch] -> probabilities [batch, classes], label [batch].
    `labels`: -> labels [classes].
    `word_by_word`: text [] -> words [n], and probabilities [n, classes] after each of
    the first 200 words.
    """
    import tensorflow as tf

    max_tokens, labels = vocabulary["max_tokens"], tf.constant(vocabulary["labels"])
    table = saved_model.lookup_table(vocabulary["words"], first=2, default=UNKNOWN)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False
    )
    def answer(ids):  # [batch, time] -> [batch, classes]
        return model(tf.pad(ids, [[0, 0], [0, 1]]), training=False)  # never empty

    def serve(text):
        words = tokenize_in_graph(text)
        lengths, head = words.row_lengths(), max_tokens // 2
        place = tf.ragged.range(lengths).with_row_splits_dtype(tf.int64)
        end = tf.expand_dims(lengths - (max_tokens - head), 1)
        ids = words.with_values(table.lookup(words.values))
        ids = tf.ragged.boolean_mask(ids, (place < head) | (place >= end))
        probabilities = answer(ids.to_tensor(PADDING))
        label = tf.gather(labels, tf.argmax(probabilities, axis=-1))
        return {"probabilities": probabilities, "label": label}

    def word_by_word(text):
        words = tokenize_in_graph(text[None]).values[: min(200, max_tokens)]
        count = tf.size(words)
        beginnings = tf.linalg.band_part(tf.ones([count + 1, count], tf.int32), -1, 0)
        probabilities = answer(beginnings * table.lookup(words))
        return {"words": words, "probabilities": probabilities[:count]}

    signatures = {
        "serving_default": (serve, {"text": "string"}),
        "labels": (lambda: {"labels": tf.identity(labels)}, {}),
        "word_by_word": (word_by_word, {"text": tf.TensorSpec([], tf.string)}),
    }
    saved_model.save(folder, model, signatures, [table])


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Fits on the training part; the epoch that is best on validation counts."""
    from kit.batches import Batches, bucket_lengths
    from kit.length import Length
    from kit.training import Checkpoint

    rows, words = data["train"].ids, vocabulary["words"]
    buckets = bucket_lengths([len(ids) for ids in [*rows, *data["validation"].ids]])
    size = int(np.clip(len(rows) // STEPS, 8, BATCH))
    training, validation = (
        Batches(data[part].ids, data[part].labels, size, buckets, seed)
        for part, seed in (("train", config.seed), ("validation", None))
    )
    vectors = initial_vectors(config, run, words, rows)
    model.get_layer("vectors").set_weights([vectors])
    scores = initial_scores(data["train"], len(words), len(vocabulary["labels"]))
    model.get_layer("scores").set_weights([scores])
    length = Length(run, training, config.epochs, MAX_PASSES, f"{len(rows):,} rows")
    rate = length.schedule(config.learning_rate, warm_up=200)
    model.compile(
        keras.optimizers.Adam(rate, global_clipnorm=1.0),
        # The mean over real rows: those that only fill a batch weigh nothing.
        keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
        weighted_metrics=["accuracy"],
        jit_compile=use_xla(),
    )
    checkpoint = Checkpoint(run, model, training, length, "val_accuracy", "max")
    model.fit(
        training,
        validation_data=validation,
        callbacks=[checkpoint],
        **checkpoint.fit_options,
    )
    return checkpoint.finish()


def initial_vectors(config: Config, run, words: list[str], texts: list[np.ndarray]):
    """Word vectors `[words + 2, VECTOR]`, of standard deviation 0.3: from the file that
    `--embeddings` names, else from counts of which words stand together."""
    from data.vectors import vectors_from_file
    from tasks.count_vectors import vectors_from_counts

    vectors = np.zeros((len(words) + 2, VECTOR), "float32")
    if not config.embeddings:
        counted = run.cached(
            "vectors",
            make=lambda: {"vectors": vectors_from_counts(texts, *vectors.shape)},
        )
        vectors = counted["vectors"]
        return vectors * (0.3 / max(vectors.std(), 1e-6))
    found, places = vectors_from_file(config.embeddings, words, VECTOR)
    print(f"{config.embeddings} has vectors of {len(places)} of {len(words)} words")
    vectors[places + 2] = found * (0.3 / max(found.std(), 1e-6))
    return vectors


def initial_scores(part: Split, words: int, classes: int) -> np.ndarray:
    """Scores of words and pairs, `[words + 2 + PAIRS, classes]`: half of the log ratio
    of naive Bayes (Wang and Manning, 2012); 0 for those that training lacks."""
    size = words + 2 + PAIRS
    counts = np.zeros((size, classes))
    for label in range(classes):
        # Texts one after the other, with padding between them: no pair spans two.
        rows = [part.ids[row] for row in np.flatnonzero(part.labels == label)]
        ids = np.concatenate([np.append(row, PADDING) for row in rows] or [[PADDING]])
        known = (ids[:-1] > UNKNOWN) & (ids[1:] > UNKNOWN)
        pairs = pair_id(ids[:-1], ids[1:], words)[known]
        counts[:, label] = np.bincount(np.append(ids, pairs), minlength=size)
    counts[: UNKNOWN + 1] = 0
    scores = np.log(counts + 1) - np.log(np.maximum(counts.sum(axis=0), 1))
    scores -= scores.mean(axis=1, keepdims=True)
    scores[counts.sum(axis=1) == 0] = 0
    return 0.5 * scores.astype("float32")


def evaluate(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Metrics of each held-out part, ours and the bag of words'."""
    from tasks import classifiers

    labels, metrics, probabilities = vocabulary["labels"], {}, {}
    for part in (name for name in data if name != "train"):
        probabilities[part] = predict(model, data[part].ids, config.max_tokens)
        of_part = classifiers.metrics(probabilities[part], data[part].labels)
        metrics |= {f"{part}_{name}": value for name, value in of_part.items()}
    metrics |= run.cached(
        "bag of words", make=lambda: classifiers.bag_of_words(data, tokenize)
    )

    test, probabilities = data["test"], probabilities["test"]
    lines = classifiers.samples(test.texts, probabilities, test.labels, labels)
    run.write("samples.txt", "\n".join(lines) + "\n")
    print("\nUnseen texts", *(line[:200] for line in lines[:6]), sep="\n  ")
    texts = [*EXAMPLES, *(text for text in test.texts if len(text) < 120)][:6]
    by_word = classifiers.word_by_word_figure(
        texts, tokenize, lambda texts: classify(model, vocabulary, texts), labels
    )
    confusion = classifiers.confusion_figure(probabilities, test.labels, labels)
    run.write("figures.json", [by_word, confusion])
    run.write("request.json", {"text": EXAMPLES[0]})
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
