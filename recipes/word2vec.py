"""Words into vectors, from the words around them (word2vec), or by counting.

    make word2vec                                    # Python's documentation, offline
    make word2vec DATA=mine.txt ARGS="--min-count 10 --shown 'king paris music'"
    make word2vec DATA=text8 ARGS="--test-data folder"
    make try RECIPE=word2vec                         # a word, or man : king :: woman

Data     Text: a file, or a folder of files. Words as in `tokens/words.py`, lower-cased,
         without punctuation; those that occur fewer than 5 times are left out.
Model    A vector per word that tells the words near it from words drawn at random
         (negative sampling): `skipgram` predicts from each word those around it, `cbow`
         from their mean the word. Windows are of random width, and frequent words are
         left out now and then, as in word2vec's own code. The simpler model, `counts`,
         is the truncated SVD of positive pointwise mutual information.
Needs    scipy and scikit-learn for `counts` and the map, gensim for `--test-data`.
Writes   runs/word2vec/<UTC time>/: vectors.txt and vectors.bin, which gensim, spaCy and
         TensorBoard's projector read; report.html with a map, metrics.json,
         samples.txt, and saved_model/1/: `nearest`, `analogy`, `embed`.
Try      --model cbow         faster, and a little worse
         --model counts       better for a text of a few million words
         --learning-rate 0.1  diverges, and says so
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers import negative_sampling, saved_model
from custom_layers.losses import output_is_loss
from custom_layers.xla import use_xla
from tokens.words import lower, lower_in_graph, most_frequent, tokenize


@dataclass(frozen=True)
class Config:
    data: str = "pydocs"  # a name (pydocs, text8) or a path
    # A folder with questions-words.txt, wordsim353_combined.tab, SimLex-999.txt
    test_data: str = ""
    seed: int = 0  # of the initial vectors, the windows, the draws
    epochs: int = 0  # passes over the text; 0: chosen by the data's size
    model: Literal["skipgram", "cbow", "counts"] = "skipgram"
    units: int = 100  # width of the vectors
    window: int = 5  # words to each side, at most
    negatives: int = 5  # wrong answers per right one
    min_count: int = 5  # rarer words are left out
    max_vocab: int = field(default=60_000, metadata={"max": 65_000})  # most frequent
    # Words more frequent than this share are left out now and then; 0: none is.
    subsample: float = field(default=1e-3, metadata={"min": 0})
    learning_rate: float = 0.05  # of the first step; from there in a line to zero
    shown: str = "string array raise layer file number"  # whose neighbours are printed


SMOKE = {"epochs": 1, "units": 16, "min_count": 2}  # under --smoke
SETTINGS = {"pydocs": {"epochs": 5}}  # measured to suit a data set
READING = ("min_count", "max_vocab")  # options that decide what is read
SIMPLER = {
    "name": "Counting",
    "metrics": ("wordsim353_spearman",),
    "maximize": True,
    "advice": "more text; more passes (--epochs); or --model counts",
}

CENTRES, DRAWS = 16, 16  # words of a block; negatives that they share
MAX_PAIRS = 30  # of a step whose updates of one vector are added up in full
PASSES, TRAINED = (5, 50), 20_000_000  # at least and at most; words in all of them
SHORT, NEIGHBOURS = 1_000_000, 8  # words below which counts are often better; shown


# 1. Text to numbers ------------------------------------------------------------------


def load_data(config: Config, run) -> tuple[dict[str, np.ndarray], dict]:
    """`ids` of the text's words, `[words]`, on disk; the vocabulary: `words` (the first
    has id 1), the most frequent first, and their `counts`. Text is read in pieces."""
    from data.errors import UserError
    from data.texts import between_words, read_parts
    from tasks.word_vectors import read_evaluation

    if run.test_data:
        read_evaluation(run.test_data)  # fails here, not after training
    parts = read_parts(run.data).values()

    def pieces() -> Iterator[list[str]]:
        few = 1 if run.options.smoke else None  # some 200,000 words
        texts = (text for part in parts for text in between_words(part))
        return map(tokenize, islice(texts, few))

    def choose_words() -> dict:
        counts = Counter()
        for words in pieces():
            counts.update(words)
        counts.pop("<eos>", None)  # the end of a line
        counts = {w: n for w, n in counts.items() if any(map(str.isalnum, w))}
        words = most_frequent(counts, config.max_vocab, config.min_count)
        return {"words": words, "counts": [counts[word] for word in words]}

    vocabulary = run.vocabulary() or run.cached("words", make=choose_words)
    words = vocabulary["words"]
    if len(words) <= config.negatives:
        raise UserError(
            f"{run.data}: expected more than --negatives {config.negatives} distinct "
            f"words that occur --min-count {config.min_count} times, found {len(words)}"
        )

    def encode() -> dict:
        id_of = {word: number for number, word in enumerate(words, start=1)}
        ids = ([id_of[w] for w in piece if w in id_of] for piece in pieces())
        return {"ids": (np.array(piece, "uint16") for piece in ids)}

    return run.mapped("ids", make=encode), vocabulary


# 2. The network ----------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="sequence_recipes")
class WordVectors(keras.Model):
    """Blocks of ids `int32 [blocks, window + CENTRES + window]` -> losses `[blocks]`,
    nats per word.

    Args:
        config: A `Config` as a dictionary.
        counts: How often each id occurs.
    """

    def __init__(self, config, counts, **name):
        super().__init__(**name)
        self.arguments = {"config": config, "counts": counts}
        config = Config(**config)
        self.window, self.cbow = config.window, config.model == "cbow"
        half = 0.5 / config.units
        small = keras.initializers.RandomUniform(-half, half)
        self.vectors = layers.Embedding(len(counts), config.units, small)
        sampler = negative_sampling.UnigramSampler(counts, seed=config.seed)
        self.loss_layer = negative_sampling.NegativeSampling(
            sampler, config.negatives, samples=DRAWS, most=MAX_PAIRS
        )
        self.draws = keras.random.SeedGenerator(config.seed)
        places = np.arange(CENTRES + 2 * config.window)
        distance = np.abs(places - config.window - np.arange(CENTRES)[:, None])
        # A word is not in its own window.
        self.distance = np.where(distance == 0, len(places), distance).astype("int32")

    def get_config(self):
        return {**super().get_config(), **self.arguments}

    def build(self, ids_shape):
        self.vectors.build(ids_shape)
        self.loss_layer.build((*ids_shape, self.vectors.output_dim))

    def limited_vectors(self, ids, pairs):
        rows = self.vectors(ids)
        return negative_sampling.limit_updates(
            rows, ids, pairs, MAX_PAIRS, self.vectors.input_dim
        )

    def call(self, ids):
        centres = ids[:, self.window : -self.window]
        shape = (ops.shape(ids)[0], CENTRES, 1)
        reach = keras.random.randint(shape, 1, self.window + 1, seed=self.draws)
        near = ops.logical_and(self.distance <= reach, ids[:, None] > 0)
        near = ops.cast(ops.logical_and(near, centres[:, :, None] > 0), "float32")
        if not self.cbow:  # the word finds those around it
            pairs = ops.sum(near, axis=2)
            vectors = self.limited_vectors(centres, pairs)
            return self.loss_layer(vectors, ids, near) / CENTRES
        count = ops.sum(near, axis=2, keepdims=True)
        share = near / ops.maximum(count, 1)
        mean = ops.matmul(share, self.limited_vectors(ids, ops.sum(near, axis=1)))
        # As in word2vec's code, each word of a mean gets the whole of its gradient.
        mean = negative_sampling.scale_gradient(mean, count)
        itself = np.eye(CENTRES, dtype="float32") * ops.cast(count > 0, "float32")
        return self.loss_layer(mean, centres, itself) / CENTRES


def build_model(config: Config, vocabulary: dict) -> WordVectors:
    """See `WordVectors`; its `vectors` are the words', that of padding first."""
    model = WordVectors(asdict(config), [0, *vocabulary["counts"]])
    model.build((None, CENTRES + 2 * config.window))
    return model


def load(folder: str | Path) -> tuple[WordVectors, dict]:
    """The model and the vocabulary of a run."""
    model = keras.models.load_model(Path(folder) / "model.keras", compile=False)
    return model, json.loads((Path(folder) / "vocabulary.json").read_text("utf-8"))


# 3. What it answers ------------------------------------------------------------------


def nearest(model, vocabulary: dict, word: str, k: int = NEIGHBOURS) -> list[tuple]:
    """The `k` words nearest to one, by the cosine; none for an unknown word.

    Example:
        >>> model, vocabulary = load("runs/word2vec/latest")
        >>> nearest(model, vocabulary, "list", 2)
        [("tuple", 0.81), ("dict", 0.78)]
        >>> analogy(model, vocabulary, "man", "king", "woman", 1)
        [("queen", 0.71)]
    """
    return closest(model, vocabulary, [(1.0, word)], k)


def analogy(model, vocabulary: dict, a: str, b: str, c: str, k: int = NEIGHBOURS):
    """What is to `c` as `b` is to `a`: the words nearest to b - a + c, except these
    (Mikolov, Yih and Zweig, 2013)."""
    return closest(model, vocabulary, [(-1.0, a), (1.0, b), (1.0, c)], k)


def closest(model, vocabulary: dict, parts: list[tuple[float, str]], k: int):
    """The words nearest to a sum of signed words, except these."""
    words = vocabulary["words"]
    place_of = {word: place for place, word in enumerate(words)}
    places = [place_of.get(lower(word)) for _, word in parts]
    if None in places:
        return []
    units = unit_length(vectors_of(model))
    wanted = unit_length(np.array([sign for sign, _ in parts]) @ units[places])
    cosines = units @ wanted
    cosines[places] = -np.inf
    order = np.argsort(-cosines)[: min(k, len(words) - len(set(places)))]
    return [(words[place], float(cosines[place])) for place in order]


def vectors_of(model: WordVectors) -> np.ndarray:
    """The words' vectors, `float32 [words, units]`."""
    return ops.convert_to_numpy(model.vectors.embeddings)[1:]


def unit_length(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-9)


# 4. The export -----------------------------------------------------------------------


def export(model: WordVectors, vocabulary: dict, folder: Path) -> None:
    """Writes one SavedModel, for TensorFlow Serving or `tf.saved_model.load`.

    `serving_default`, `nearest`: word `[batch]`, k `[batch]` -> words, cosines
    `[batch, largest k]`. `analogy`: a, b, c, k `[batch]` -> the same, of b - a + c.
    `embed`: word `[batch]` -> vectors `[batch, units]`.
    Words may have any case. Where a row asks for fewer than the largest k, or for an
    unknown word, its answers are "" and NaN.
    """
    import tensorflow as tf

    words = vocabulary["words"]
    table = saved_model.lookup_table(words, first=0, default=-1)
    names = tf.constant([*words, ""])
    units = tf.Variable(unit_length(vectors_of(model)), trainable=False)

    def closest(parts, k):
        places = [table.lookup(lower_in_graph(word)) for _, word in parts]
        places = tf.stack(places, axis=1)  # [batch, parts]
        known = tf.reduce_all(places >= 0, axis=1)
        safe = tf.maximum(places, 0)
        signs = tf.constant([[[sign] for sign, _ in parts]], units.dtype)
        wanted = tf.reduce_sum(signs * tf.gather(units, safe), axis=1)
        cosines = tf.linalg.matmul(
            tf.math.l2_normalize(wanted, axis=1), units, transpose_b=True
        )
        asked = tf.reduce_max(tf.one_hot(safe, len(words)), axis=1)
        cosines = tf.where(asked > 0, float("-inf"), cosines)
        most = tf.clip_by_value(tf.reduce_max(k), 0, len(words))
        cosines, best = tf.math.top_k(cosines, most)
        real = known[:, None] & (tf.range(most) < k[:, None])
        real &= cosines > float("-inf")
        best = tf.gather(names, tf.where(real, best, len(words)))
        return {"words": best, "cosines": tf.where(real, cosines, float("nan"))}

    def nearest(word, k):
        return closest([(1.0, word)], k)

    def analogy(a, b, c, k):
        return closest([(-1.0, a), (1.0, b), (1.0, c)], k)

    def embed(word):
        places = table.lookup(lower_in_graph(word))
        rows = tf.gather(model.vectors.embeddings.value, places + 1)
        return {"vectors": tf.where(places[:, None] < 0, float("nan"), rows)}

    one = {"word": "string", "k": "int32"}
    three = {"a": "string", "b": "string", "c": "string", "k": "int32"}
    signatures = {
        "serving_default": (nearest, one),
        "nearest": (nearest, one),
        "analogy": (analogy, three),
        "embed": (embed, {"word": "string"}),
    }
    saved_model.save(folder, model.vectors, signatures, [table, units])


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Fits on the whole text; the last weights count. Or counts."""
    from data.errors import UserError
    from kit.length import Length
    from kit.training import Checkpoint
    from tasks.word_windows import Blocks

    ids, counts = data["ids"], np.array([0, *vocabulary["counts"]])
    if config.model == "counts":
        model.vectors.set_weights([counted_vectors(config, run, ids, len(counts))])
        return {"epochs": 0}
    training = Blocks(
        ids, counts, CENTRES, config.window, config.subsample, config.seed
    )
    most = int(np.clip(TRAINED // len(ids), *PASSES))
    length = Length(run, training, config.epochs, most, f"{len(ids):,} words")
    # The loss is a mean over so many words; each pair's gradient counts in full.
    rate = config.learning_rate * training.blocks * CENTRES
    sgd = keras.optimizers.SGD(length.schedule(rate, warm_up=0, shape="line"))
    model.compile(sgd, output_is_loss, jit_compile=use_xla())
    checkpoint = Checkpoint(run, model, training, length, "loss", "min")
    model.fit(training, callbacks=[checkpoint], **checkpoint.fit_options)
    metrics = checkpoint.finish(use_best=False)
    if not np.isfinite(vectors_of(model)).all():
        given = config.learning_rate
        raise UserError(f"training diverged: lower --learning-rate, found {given}")
    metrics["words_per_second"] = metrics.pop("tokens_per_second")
    return metrics


def counted_vectors(config: Config, run, ids: np.ndarray, vocab: int) -> np.ndarray:
    """Vectors `[vocab, units]` by counting which words stand together."""
    from tasks.count_vectors import vectors_from_counts

    def count() -> dict:
        pieces = np.split(ids, range(1 << 20, len(ids), 1 << 20))
        size = (vocab, config.units, config.window)
        return {"vectors": vectors_from_counts(pieces, *size, first=1)}

    return run.cached("counts", config.window, config.units, make=count)["vectors"]


def evaluate(config: Config, run, model, vocabulary: dict, data: dict) -> dict:
    """Metrics of the vectors, ours and the counted ones'; writes neighbours, a map."""
    from tasks import word_vectors

    words, vectors = vocabulary["words"], vectors_of(model)
    word_vectors.write(run.folder, words, vectors)
    metrics, figures = {"words": len(words)}, []
    if run.test_data:
        questions = word_vectors.read_evaluation(run.test_data)
        found, sections = word_vectors.evaluate(words, vectors, questions)
        metrics |= found
        figures += [word_vectors.sections_figure(sections)] if sections else []
        if config.model != "counts":
            counted = counted_vectors(config, run, data["ids"], len(words) + 1)[1:]
            found, _ = word_vectors.evaluate(words, counted, questions)
            metrics |= {f"baseline_{name}": value for name, value in found.items()}
    elif config.model != "counts" and len(data["ids"]) < SHORT:
        print("\nFor so short a text counting is often better: --model counts")

    frequent = word_vectors.frequent_places(words)
    shown = config.shown.split()
    if not set(map(lower, shown)) & set(words):
        print(f"Not in the vocabulary: {config.shown}. Frequent words instead")
        shown = [words[place] for place in frequent[::20]]
    neighbours = {word: nearest(model, vocabulary, word) for word in shown}
    lines = word_vectors.neighbour_lines(neighbours)
    run.write("samples.txt", "\n".join(lines) + "\n")
    print("\nNearest by cosine", *lines, sep="\n  ")
    units = unit_length(vectors)
    map_figure = word_vectors.map_figure([words[p] for p in frequent], units[frequent])
    cosines = word_vectors.cosines_figure(words, units, neighbours)
    run.write("figures.json", [map_figure, cosines, *figures])
    run.write("request.json", {"word": shown[0], "k": NEIGHBOURS})
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
