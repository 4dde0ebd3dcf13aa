"""Tagging: a sentence in, a label for every word out (many-to-many of equal length).

    make tagging                                 # names in generated sentences, offline
    make tagging DATA=ud-english-ewt             # parts of speech, downloads 18 MB
    make tagging DATA=mine.conll                 # your file; ARGS=--help: all options
    make try RECIPE=tagging                      # type a sentence, get its tags

Data     CoNLL columns: a token and its tag in each line, an empty line between
         sentences; or CoNLL-U. One file, or a folder with `train.conll`, `test.conll`
         and optionally `validation.conll` and further `test_NAME.conll`. Tags that mark
         entities (B-PER, I-PER, O) are scored by entities, others by tokens. Tokens
         with the tag `_` are read, but neither trained nor counted.
Model    words and their letters -> vectors -> bidirectional LSTM -> a score per tag ->
         the best path through the tags by a conditional random field. The simpler
         models are CRFsuite, and the most frequent tag of each word.
Needs    python-crfsuite.
Writes   runs/tagging/<UTC time>/: report.html, metrics.json, samples.txt, and
         saved_model/1/, which maps strings to tokens, tags and probabilities.
Try      --reader window      nine words at a time, without recurrence
         --output softmax     each tag for itself: no path through the tags
         --one-direction      reads from left to right only
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers import saved_model
from custom_layers.best_tags import BestTags
from custom_layers.crf import CRF, CRFLoss, bio_forbidden
from custom_layers.lstm import LSTM
from custom_layers.xla import use_xla
from tasks.readers import affixes, attention, window
from tasks.tag_batches import predict
from tokens.cased_words import tokenize, tokenize_in_graph
from tokens.spelled_words import LETTERS, PADDING, UNKNOWN, SpelledWords


@dataclass(frozen=True)
class Config:
    data: str = "people"  # a name (people, wnut17, ...) or a path
    test_data: str = ""  # path of a test file; default: the folder's, or split off
    token_column: int = 0  # of a file, counted from 1; 0: the format's own
    tag_column: int = 0  # of a file, counted from 1; 0: the format's own
    seed: int = 0  # of the split, the initial weights, dropout and the batches' order
    epochs: int = 0  # passes over the training part; 0: chosen by the data's size
    reader: Literal["lstm", "attention", "both", "window"] = "lstm"
    one_direction: bool = False  # whether the LSTM reads from left to right only
    output: Literal["crf", "softmax"] = "crf"  # a path through the tags, or each alone
    units: int = 128  # width of the state, in each direction
    max_tokens: int = 200  # longer sentences are cut into pieces of this length
    rare: float = 0.25  # training hides a word that occurs n times at rare / (rare + n)
    dropout: float = 0.5  # share of the features dropped in training
    embeddings: str = ""  # initial vectors: a run of word2vec, or its vectors.txt
    learning_rate: float = 2e-3  # after 200 steps of warm-up; then a cosine to zero


SMOKE = {"epochs": 2, "units": 16, "max_tokens": 40}  # under --smoke
SETTINGS = {  # measured to suit a data set
    "people": {"epochs": 1, "rare": 2.0, "learning_rate": 3e-3},
    "ud-english-ewt": {"epochs": 10, "units": 200},
    "wnut17": {"epochs": 10, "rare": 1.0},
}
READING = ("token_column", "tag_column", "seed", "max_tokens")  # decide what is read
SIMPLER = {
    "name": "CRFsuite",
    "metrics": ("test_f1", "test_accuracy"),
    "maximize": True,
    "advice": "more sentences; --embeddings with vectors of more text; more --epochs",
}

WORDS = 10_000  # most frequent words of the training part; the rest is unknown
VECTOR, LETTER_VECTOR = 100, 32  # widths of the vectors of words and letters
AFFIXES, AFFIX_VECTOR = 1 << 14, 32  # beginnings and ends of words
FILTERS = 100  # of the convolution over three letters
BATCH, STEPS = 64, 400  # sentences per step; fewer, if a pass had fewer steps
AVERAGED = 200  # steps whose weights are averaged; at most half a pass
MAX_PASSES = 60  # where --epochs does not say: see kit/length.py
EXAMPLES = (  # the report shows what the words to the right decide
    "He said, Teddy Roosevelt was a great president.",
    "He said, Teddy bears are on sale.",
)


# 1. Sentences to numbers -------------------------------------------------------------


def load_data(config: Config, run) -> tuple[dict[str, dict], dict]:
    """The data by part, each with `sentences`, `ids` and `tags`; the vocabulary:
    `words` (the first has id 2), `letters`, `labels`, `max_tokens`."""
    from data.tagged import pieces, read_tagged
    from kit.tagged_batches import UNLABELLED

    known = run.vocabulary() or {}
    columns = (config.token_column, config.tag_column)
    parts, labels = read_tagged(
        run.data, run.test_data, columns, config.seed, known.get("labels")
    )
    parts = {
        name: pieces(run.some(each), config.max_tokens, name)
        for name, each in parts.items()
    }
    number = {label: place for place, label in enumerate(labels)}

    def encode_all() -> dict:
        seen = [token for sentence in parts["train"] for token in sentence.tokens]
        words, letters = SpelledWords.choose(seen, WORDS)
        words, letters = known.get("words", words), known.get("letters", letters)
        spelled, rows = SpelledWords(words, letters), {}
        for name, each in parts.items():
            ids = spelled.encode([sentence.tokens for sentence in each])
            tags = [[number.get(tag, UNLABELLED) for tag in s.tags] for s in each]
            rows[f"{name} ids"] = [row.ravel() for row in ids]
            rows[f"{name} tags"] = [np.array(row, "int32") for row in tags]
        return {"words": words, "letters": letters, **rows}

    encoded = run.cached("ids", make=encode_all)
    data = {
        name: {
            "sentences": each,
            "ids": [row.reshape(-1, 1 + LETTERS) for row in encoded[f"{name} ids"]],
            "tags": encoded[f"{name} tags"],
        }
        for name, each in parts.items()
    }
    vocabulary = {"words": encoded["words"], "letters": encoded["letters"]}
    return data, {**vocabulary, "labels": labels, "max_tokens": config.max_tokens}


# 2. The network ----------------------------------------------------------------------


def build_model(config: Config, vocabulary: dict) -> keras.Model:
    """Ids `int32 [batch, time, 1 + LETTERS]` -> a score for each tag, `float32 [batch,
    time, labels]`. With the layer `crf`, the tags' transitions have scores too."""
    labels, size = vocabulary["labels"], len(vocabulary["words"]) + 2
    ids = layers.Input([None, 1 + LETTERS], dtype="int32", name="ids")
    words, letters = ids[:, :, 0], ids[:, :, 1:]
    mask = ops.not_equal(words, PADDING)  # [batch, time]
    initial = keras.initializers.RandomNormal(stddev=0.1)
    x = layers.Embedding(size, VECTOR, initial, name="vectors")(words)
    letter_vectors = layers.Embedding(
        len(vocabulary["letters"]) + 2, LETTER_VECTOR, name="letters"
    )
    y = letter_vectors(letters)  # [batch, time, LETTERS, LETTER_VECTOR]
    y = layers.Conv2D(FILTERS, (1, 3), padding="same", name="spelling")(y)
    y = ops.tanh(ops.max(y, axis=2))
    ends = layers.Embedding(AFFIXES, AFFIX_VECTOR, initial, name="affixes")
    ends = layers.Reshape((-1, 6 * AFFIX_VECTOR))(ends(affixes(letters, AFFIXES)))
    x = layers.Dropout(config.dropout)(ops.concatenate([x, y, ends], axis=-1))
    if config.reader in ("lstm", "both"):
        lstm = LSTM(config.units, return_sequences=True)
        lstm = lstm if config.one_direction else layers.Bidirectional(lstm)
        x = lstm(x, mask=mask)  # [batch, time, 2 * units]
    if config.reader in ("attention", "both"):
        x = attention(x, mask, 2 * config.units, config.dropout / 2)
    if config.reader == "window":
        x = window(x, mask, 2 * config.units)
    x = layers.Dropout(config.dropout)(x)
    scores = layers.Dense(len(labels), dtype="float32", name="scores")(x)
    if config.output == "crf":
        crf = CRF(len(labels), bio_forbidden(labels), dtype="float32", name="crf")
        scores = crf(scores, mask=mask)
    return keras.Model(ids, scores, name="tagging")


def load(folder: str | Path) -> tuple[keras.Model, dict]:
    """The model and the vocabulary of a run."""
    model = keras.models.load_model(Path(folder) / "model.keras", compile=False)
    return model, json.loads((Path(folder) / "vocabulary.json").read_text("utf-8"))


# 3. Its answers ----------------------------------------------------------------------


# A model that chooses the best tags of another one, compiled only once.
tagger = functools.lru_cache(maxsize=1)(BestTags)


def tag(model: keras.Model, vocabulary: dict, sentences: list) -> list[list[tuple]]:
    """Each token of the sentences, with its tag and the tag's probability.

    A sentence is a text, or a list of tokens.

    Example:
        >>> model, vocabulary = load("runs/tagging/latest")
        >>> tag(model, vocabulary, ["Ada lives here."])[0][0]
        ("Ada", "B-PER", 0.997)
    """
    tokens = [tokenize(x) if isinstance(x, str) else x for x in sentences]
    spelled = SpelledWords(vocabulary["words"], vocabulary["letters"])
    most, names = vocabulary["max_tokens"], vocabulary["labels"]
    answers = predict(tagger(model), spelled.encode(tokens), most)
    return [
        [(t, names[best], float(p)) for t, best, p in zip(words, *answer, strict=True)]
        for words, answer in zip(tokens, answers, strict=True)
    ]


# 4. The export -----------------------------------------------------------------------


def export(model: keras.Model, vocabulary: dict, folder: Path) -> None:
    """Writes one SavedModel, for TensorFlow Serving or `tf.saved_model.load`.

    `serving_default`: text [batch] -> tokens, tags and probabilities [batch, n], each
    filled up after its length [batch].
    `tokens`: tokens [batch, n], filled up with "" -> tags, probabilities, length.
    `labels`: -> labels [labels].
    """
    import tensorflow as tf

    most, labels = vocabulary["max_tokens"], tf.constant(vocabulary["labels"])
    spelled = SpelledWords(vocabulary["words"], vocabulary["letters"])
    tables = [
        saved_model.lookup_table(vocabulary[name], first=2, default=UNKNOWN)
        for name in ("words", "letters")
    ]
    answers = tagger(model)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, 1 + LETTERS], tf.int32)],
        autograph=False,
    )
    def answer(ids):  # [batch, time, 1 + LETTERS] -> two of [batch, time]
        return answers(ids, training=False)

    def tags_of(tokens, lengths):  # [batch, time], [batch]
        batch, time = tf.shape(tokens)[0], tf.shape(tokens)[1]
        real = tf.sequence_mask(lengths, time)
        ids = spelled.encode_in_graph(tf.reshape(tokens, [-1]), tables)
        ids = tf.reshape(ids, [batch, time, 1 + LETTERS])
        ids = tf.where(real[:, :, None], ids, PADDING)
        # Long sentences are cut in pieces; there is always a column, even if empty.
        piece = tf.clip_by_value(time, 1, most)
        count = tf.maximum(-(-time // piece), 1)
        ids = tf.pad(ids, [[0, 0], [0, count * piece - time], [0, 0]])
        ids = tf.reshape(ids, [batch * count, piece, 1 + LETTERS])
        best, shares = (tf.reshape(x, [batch, -1])[:, :time] for x in answer(ids))
        return {
            "tags": tf.where(real, tf.gather(labels, best), ""),
            "probabilities": tf.where(real, shares, 0.0),
            "length": tf.cast(lengths, tf.int32),
        }

    def serve(text):
        words = tokenize_in_graph(text)
        tokens = words.to_tensor("")
        return {"tokens": tokens, **tags_of(tokens, words.row_lengths())}

    def serve_tokens(tokens):
        places = tf.where(tokens != "", 1 + tf.range(tf.shape(tokens)[1]), 0)
        return tags_of(tokens, tf.maximum(tf.reduce_max(places, axis=1), 0))

    signatures = {
        "serving_default": (serve, {"text": "string"}),
        "tokens": (serve_tokens, {"tokens": tf.TensorSpec([None, None], tf.string)}),
        "labels": (lambda: {"labels": tf.identity(labels)}, {}),
    }
    saved_model.save(folder, model, signatures, tables)


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Fits on the training part; the epoch that is best on validation counts."""
    from kit.batches import bucket_lengths
    from kit.length import Length
    from kit.tagged_batches import TaggedBatches
    from kit.training import Checkpoint, ValidationScore
    from tasks.taggers import known_texts

    rows, words = data["train"]["ids"], vocabulary["words"]
    size = int(np.clip(len(rows) // STEPS, 8, BATCH))
    counts = np.bincount(np.concatenate(rows)[:, 0], minlength=len(words) + 2)
    hidden = config.rare / (config.rare + counts)  # rarer words more often
    hidden[: UNKNOWN + 1] = 0
    buckets = bucket_lengths([len(x) for x in [*rows, *data["validation"]["ids"]]])
    training, validation = (
        TaggedBatches(data[part]["ids"], data[part]["tags"], size, buckets, *more)
        for part, *more in (("train", config.seed, hidden), ("validation",))
    )
    if config.embeddings:
        vectors = model.get_layer("vectors")
        vectors.set_weights([initial_vectors(config, vectors.get_weights()[0], words)])
    said = f"{len(rows):,} sentences"
    length = Length(run, training, config.epochs, MAX_PASSES, said)
    rate = length.schedule(config.learning_rate, warm_up=200)
    if config.output == "crf":
        loss = CRFLoss(model.get_layer("crf"))
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=-1, reduction="mean_with_sample_weight"
        )
    averages = {"ema_momentum": 1 - 1 / min(AVERAGED, 1 + len(training) // 2)}
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1, use_ema=True, **averages)
    model.compile(optimizer, loss, jit_compile=use_xla())
    known = known_texts(data["train"]["sentences"], vocabulary["labels"])
    answers, part = tagger(model), data["validation"]

    def score() -> float:
        return scores(answers, vocabulary, part, known)[0].value

    checkpoint = Checkpoint(run, model, training, length, "val_score", "max")
    model.fit(
        training,
        validation_data=validation,
        callbacks=[ValidationScore(score), checkpoint],
        **checkpoint.fit_options,
    )
    return checkpoint.finish()


def initial_vectors(config: Config, vectors: np.ndarray, words: list[str]):
    """`vectors`, but with those of the file that `--embeddings` names."""
    from data.vectors import vectors_from_file

    found, places = vectors_from_file(config.embeddings, words, VECTOR)
    print(f"{config.embeddings} has vectors of {len(places)} of {len(words)} words")
    vectors[places + 2] = found * (0.3 / max(found.std(), 1e-6))
    return vectors


def scores(answers: keras.Model, vocabulary: dict, part: dict, known: set):
    """`tasks.taggers.Scores` of a part of the data, and the tags that were given.

    `known` are the texts of the training part.
    """
    from tasks.taggers import Scores

    labels = vocabulary["labels"]
    found = predict(answers, part["ids"], vocabulary["max_tokens"])
    tags = [[labels[number] for number in best] for best, _ in found]
    return Scores(part["sentences"], tags, known, labels), tags


def evaluate(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Metrics of each held-out part, ours and those of two simpler models."""
    from tasks import taggers

    labels, answers, metrics, given = vocabulary["labels"], tagger(model), {}, {}
    known = taggers.known_texts(data["train"]["sentences"], labels)
    for name in (name for name in data if name != "train"):
        of_part, given[name] = scores(answers, vocabulary, data[name], known)
        metrics |= {f"{name}_{key}": x for key, x in of_part.metrics().items()}
        if name == "test":
            figures, table = [of_part.lengths_figure()], of_part.table()
    parts = {name: part["sentences"] for name, part in data.items()}
    metrics |= run.cached(
        "simpler models", make=lambda: taggers.simpler_models(parts, labels, run.folder)
    )
    test, tags = parts["test"], given["test"]
    lines = taggers.samples(test, tags, labels)
    run.write("samples.txt", "\n".join([*lines, "", table]) + "\n")
    print("\nUnseen sentences", *(line[:200] for line in lines[:6]), sep="\n  ")
    figures.append(taggers.confusion_figure(test, tags, labels))
    if config.output == "crf":
        crf = model.get_layer("crf")
        transitions = np.where(crf.allowed[:-1, :-1], crf.get_weights()[0], -np.inf)
        figures.append(taggers.transitions_figure(transitions, labels))
    sides = [
        (text, tag(model, vocabulary, [text])[0], left_alone(model, vocabulary, text))
        for text in EXAMPLES
    ]
    figures.append(taggers.sides_figure(sides, labels))
    run.write("figures.json", [taggers.sentences_figure(test, tags, labels), *figures])
    run.write("request.json", {"text": EXAMPLES[0]})
    return metrics


def left_alone(model: keras.Model, vocabulary: dict, text: str) -> list[tuple]:
    """What `tag` answers for each token if the text ended with it."""
    tokens = tokenize(text)
    beginnings = [tokens[: n + 1] for n in range(len(tokens))]
    return [answer[-1] for answer in tag(model, vocabulary, beginnings)]


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
