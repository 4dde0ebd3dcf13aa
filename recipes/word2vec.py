"""Words into vectors, from the words around them (word2vec, and by counting).

    make word2vec                                    # Python's documentation, offline
    make word2vec ARGS="--model cbow"
    make word2vec DATA=mine.txt ARGS="--min-count 10 --shown 'king paris music'"
    make word2vec DATA=text8 ARGS="--test-data folder"
    make try RECIPE=word2vec                         # a word, or man : king :: woman

Data     Text: a file, or a folder of files. Words as in `tokens/words.py`, in
         lower case, without marks; those of fewer than 5 places are passed over.
Model    A vector a word that finds the words near it among words drawn at random
         (negative sampling): `skipgram` from each word those around it, `cbow` from
         the mean of those around it the word. Windows of random width up to 5, and
         frequent words left out now and then, as in word2vec's own code. `counts`
         needs no training: positive pointwise mutual information and a truncated
         singular value decomposition.
Needs    scipy, scikit-learn for `counts` and the map, gensim for `--test-data`:
         `make setup` has them.
Writes   runs/word2vec/<UTC time>/: vectors.txt and vectors.bin, which gensim, spaCy and
         TensorBoard's projector read; report.html with a map, metrics.json,
         samples.txt, and saved_model/1/: `nearest`, `analogy`, `embed`.
Try      Analogies that are right, on 3.3 million words of Wikipedia, by default 0.112:
         --model cbow         0.084
         --model counts       0.182: a text of this size is better counted
         --learning-rate 0.1  none: so large updates fly off, the run says so
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers.negative_sampling import (
    NegativeSampling,
    UnigramSampler,
    limit_updates,
    scale_gradient,
)
from kit.length import Length
from kit.machine import use_xla
from kit.run import Run, command
from kit.training import Checkpoint
from tokens.words import lower, lower_in_graph, tokenize


@dataclass(frozen=True)
class Config:
    data: str = "pydocs"  # a name (pydocs, text8) or a path
    # A folder with questions-words.txt, wordsim353_combined.tab and SimLex-999.txt, or
    # with some of them: how good the vectors are.
    test_data: str = ""
    seed: int = 0  # of the first vectors, the windows, the draws
    epochs: int = 0  # passes over the text; 0: as many as pay
    model: Literal["skipgram", "cbow", "counts"] = "skipgram"
    units: int = 100  # numbers a word
    window: int = 5  # words to each side, at most
    negatives: int = 5  # wrong answers a right one
    min_count: int = 5  # rarer words are passed over
    max_vocab: int = 60_000  # of the rest the most frequent
    # Words more frequent than this share are left out now and then; 0: none is.
    subsample: float = 1e-3
    learning_rate: float = 0.05  # of the first step; from there in a line to zero
    shown: str = "string array raise layer file number"  # whose neighbours are printed


SETTINGS = {"pydocs": {"epochs": 5}}  # what suits it, where not given otherwise
MOST_PASSES = 50  # where --epochs does not say: see kit/length.py
SPAN, LEAST_SPAN = 8192, 1024  # words of the text that a step reads
STEPS = 64  # of a pass: where they are fewer, a step reads less
SHORT = 1_000_000  # words below which counts often do better
CENTRES = 16  # words of a block
DRAWS = 16  # negatives that a block shares
MOST = 30  # pairs of a step whose updates of one vector are added up whole
NEIGHBOURS, DRAWN = 8, 120  # shown of a word; words of the map
SMOKE = {"epochs": 1, "units": 16, "min_count": 2}  # instead, under --smoke


# 1. Text to numbers ------------------------------------------------------------------


def load_data(config: Config, run: Run) -> tuple[np.ndarray, dict]:
    """Ids of the text's words, `[words]`, on disk; the vocabulary: `words` (the first:
    id 1), the most frequent first, and their `counts`.

    A text larger than memory works: it is read, encoded and mapped piece by piece.
    """
    from data.errors import UserError
    from data.texts import between_words, read_parts

    for name in ("window", "negatives", "units", "min_count"):
        if (found := getattr(config, name)) < 1:
            option = name.replace("_", "-")
            raise UserError(f"--{option} must be at least 1, found {found}")
    if config.subsample < 0:
        raise UserError(f"--subsample must not be below 0, found {config.subsample}")
    if not 0 < config.max_vocab <= 65_000:  # ids lie on disk in two bytes each
        found = f"found {config.max_vocab}"
        raise UserError(f"--max-vocab must be between 1 and 65000, {found}")
    parts = read_parts(run.data).values()

    def pieces() -> Iterator[list[str]]:
        few = 1 if run.options.smoke else None  # some 200,000 words
        texts = (text for part in parts for text in between_words(part))
        return map(tokenize, islice(texts, few))

    def most_frequent() -> dict:
        counts = Counter()
        for words in pieces():
            counts.update(words)
        counts.pop("<eos>", None)  # a line's end
        spoken = [word for word in counts if any(map(str.isalnum, word))]
        # Equal counts in the order of the alphabet: the same data, the same ids.
        order = sorted(spoken, key=lambda word: (-counts[word], word))
        kept = [w for w in order[: config.max_vocab] if counts[w] >= config.min_count]
        return {"words": kept, "counts": [counts[word] for word in kept]}

    options = (run.options.smoke, config.min_count, config.max_vocab)
    vocabulary = run.vocabulary() or run.cached("words", *options, make=most_frequent)
    words = vocabulary["words"]
    if len(words) <= config.negatives:
        raise UserError(
            f"{run.data}: expected more than --negatives {config.negatives} distinct "
            f"words that occur --min-count {config.min_count} times, found {len(words)}"
        )

    def encode() -> dict:
        id_of = {word: number for number, word in enumerate(words, start=1)}
        found = ([id_of[w] for w in piece if w in id_of] for piece in pieces())
        return {"ids": (np.array(piece, "uint16") for piece in found)}

    return run.mapped("ids", *options, vocabulary, make=encode)["ids"], vocabulary


class Blocks(keras.utils.PyDataset):
    """A text's words in blocks, frequent ones left out now and then.

    A word of share f in the text stays with probability sqrt(t / f) + t / f, at most 1
    (word2vec's code; the paper has the first term alone).

    Args:
        ids: `[words]`, may lie on disk.
        counts: how often each id occurs, `[vocab]`.
        config: window and t, `subsample`.

    A batch is `(ids [blocks, window + CENTRES + window], nothing [blocks])`, made of
    `span` words of the text; 0 stands where there is none.
    """

    def __init__(self, ids: np.ndarray, counts: np.ndarray, config: Config):
        super().__init__()
        self.ids, self.window, self.seed = ids, config.window, config.seed
        self.span = int(np.clip(len(ids) // STEPS, LEAST_SPAN, SPAN))
        ratio = config.subsample * counts.sum() / np.maximum(counts, 1)
        self.kept = np.minimum(np.sqrt(ratio) + ratio, 1).astype("float32")
        if not config.subsample:
            self.kept[:] = 1
        expected = self.span * (self.kept * counts).sum() / counts.sum()
        # As many as there are but for one step of many thousands.
        most = min(expected + 5 * np.sqrt(expected), self.span, len(ids))
        self.blocks = -(-int(most) // CENTRES)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draws anew what is left out."""
        self.epoch = epoch

    def __len__(self):
        return -(-len(self.ids) // self.span)

    def __getitem__(self, index):
        random = np.random.default_rng([self.seed, self.epoch, index])
        read = self.ids[index * self.span : (index + 1) * self.span]
        stays = random.random(len(read), "float32") < self.kept[read]
        read = read[stays][: self.blocks * CENTRES]
        line = np.zeros(self.blocks * CENTRES + 2 * self.window, "int32")
        line[self.window : self.window + len(read)] = read
        width = CENTRES + 2 * self.window
        rows = np.lib.stride_tricks.sliding_window_view(line, width)[::CENTRES]
        return np.array(rows), np.zeros(self.blocks, "float32")

    def shape(self, index: int) -> int:
        """What distinguishes the compiled programs: nothing."""
        return self.blocks

    def tokens(self, index: int) -> int:
        """Words of the text that a batch is made of."""
        return min(self.span, len(self.ids) - index * self.span)


# 2. The network ----------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="sequence_recipes")
class WordVectors(keras.Model):
    """Blocks of ids `int32 [blocks, window + CENTRES + window]` -> losses `[blocks]`,
    nats a word.

    Arguments: a `Config` as a dictionary, and how often each id occurs.
    """

    def __init__(self, config, counts, **name):
        super().__init__(**name)
        self.arguments = {"config": config, "counts": counts}
        config = Config(**config)
        self.window, self.cbow = config.window, config.model == "cbow"
        small = keras.initializers.RandomUniform(
            -0.5 / config.units, 0.5 / config.units
        )
        self.vectors = layers.Embedding(len(counts), config.units, small)
        sampler = UnigramSampler(counts, seed=config.seed)
        self.loss_layer = NegativeSampling(
            sampler, config.negatives, samples=DRAWS, most=MOST
        )
        self.draws = keras.random.SeedGenerator(config.seed)
        places = np.arange(CENTRES + 2 * config.window)
        distance = np.abs(places - config.window - np.arange(CENTRES)[:, None])
        # A word is not in its own window.
        self.distance = np.where(distance == 0, len(places), distance).astype("int32")

    def get_config(self):
        return {**super().get_config(), **self.arguments}

    def limited(self, ids, pairs):
        rows = self.vectors(ids)
        return limit_updates(rows, ids, pairs, MOST, self.vectors.input_dim)

    def call(self, ids):
        centres = ids[:, self.window : -self.window]
        shape = (ops.shape(ids)[0], CENTRES, 1)
        reach = keras.random.randint(shape, 1, self.window + 1, seed=self.draws)
        near = ops.logical_and(self.distance <= reach, ids[:, None] > 0)
        near = ops.cast(ops.logical_and(near, centres[:, :, None] > 0), "float32")
        if not self.cbow:  # the word finds those around it
            pairs = ops.sum(near, axis=2)
            found = self.limited(centres, pairs)
            return self.loss_layer(found, ids, near) / CENTRES
        count = ops.sum(near, axis=2, keepdims=True)
        share = near / ops.maximum(count, 1)
        mean = ops.matmul(share, self.limited(ids, ops.sum(near, axis=1)))
        # As in word2vec's code, each word of a mean gets the whole of its gradient.
        mean = scale_gradient(mean, count)
        itself = np.eye(CENTRES, dtype="float32") * ops.cast(count > 0, "float32")
        return self.loss_layer(mean, centres, itself) / CENTRES


def build_model(config: Config, vocabulary: dict) -> WordVectors:
    model = WordVectors(asdict(config), [0, *vocabulary["counts"]])
    model(np.zeros((1, CENTRES + 2 * config.window), "int32"))  # makes its weights
    return model


def nats_of_a_word(nothing, losses):
    """What `fit` makes the mean of: the model's output is the loss itself."""
    return losses


# 3. What it answers ------------------------------------------------------------------


class Nearest:
    """Words near others, by the cosine of their vectors.

    Example:
        >>> words = Nearest(vocabulary["words"], vectors)
        >>> words.nearest("list", 2)
        [("tuple", 0.81), ("dict", 0.78)]
        >>> words.analogy("man", "king", "woman", 1)
        [("queen", 0.71)]
    """

    def __init__(self, words: list[str], vectors: np.ndarray):
        self.words, self.vectors = words, unit_length(vectors)
        self.place = {word: number for number, word in enumerate(words)}

    def nearest(self, word: str, k: int = NEIGHBOURS) -> list[tuple[str, float]]:
        """The `k` words nearest to one; none of a word that is unknown."""
        return self.search([(1.0, word)], k)

    def analogy(self, a: str, b: str, c: str, k: int = NEIGHBOURS):
        """What is to `c` as `b` is to `a`: the words nearest to b - a + c, but these
        (Mikolov, Yih and Zweig, 2013)."""
        return self.search([(-1.0, a), (1.0, b), (1.0, c)], k)

    def search(self, parts: list[tuple[float, str]], k: int) -> list[tuple[str, float]]:
        places = [self.place.get(lower(word)) for _, word in parts]
        if None in places:
            return []
        signs = [sign for sign, _ in parts]
        wanted = unit_length(np.array(signs) @ self.vectors[places])
        cosines = self.vectors @ wanted
        cosines[places] = -np.inf
        order = np.argsort(-cosines)[: min(k, len(cosines) - len(set(places)))]
        return [(self.words[place], float(cosines[place])) for place in order]


def unit_length(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-9)


# 4. The export -----------------------------------------------------------------------


def export(words: list[str], vectors: np.ndarray, folder: Path) -> None:
    """One SavedModel for TensorFlow Serving or `tf.saved_model.load`.

    `serving_default`, `nearest`: word `[batch]`, k `[batch]` -> words, cosines
    `[batch, most k]`. `analogy`: a, b, c, k `[batch]` -> the same, of b - a + c.
    `embed`: word `[batch]` -> vectors `[batch, units]`. Words in any case. A row that
    asks for fewer than the most, or for a word that is unknown, has "" and NaN where it
    has no answer.
    """
    import tensorflow as tf

    class Exported(tf.Module):
        def __init__(self):
            super().__init__()
            places = tf.range(len(words), dtype=tf.int64)
            keys = tf.lookup.KeyValueTensorInitializer(tf.constant(words), places)
            self.table = tf.lookup.StaticHashTable(keys, -1)
            self.names = tf.constant([*words, ""])
            self.vectors = tf.Variable(vectors, trainable=False)
            self.units = tf.Variable(unit_length(vectors), trainable=False)

        def search(self, parts, k):
            places = [self.table.lookup(lower_in_graph(word)) for _, word in parts]
            places = tf.stack(places, axis=1)  # [batch, parts]
            known = tf.reduce_all(places >= 0, axis=1)
            safe = tf.maximum(places, 0)
            signs = tf.constant([[[sign] for sign, _ in parts]], self.units.dtype)
            wanted = tf.reduce_sum(signs * tf.gather(self.units, safe), axis=1)
            cosines = tf.linalg.matmul(
                tf.math.l2_normalize(wanted, axis=1), self.units, transpose_b=True
            )
            asked = tf.reduce_max(tf.one_hot(safe, len(words)), axis=1)
            cosines = tf.where(asked > 0, float("-inf"), cosines)
            most = tf.clip_by_value(tf.reduce_max(k), 0, len(words))
            cosines, found = tf.math.top_k(cosines, most)
            real = known[:, None] & (tf.range(most) < k[:, None])
            real &= cosines > float("-inf")
            found = tf.gather(self.names, tf.where(real, found, len(words)))
            return {"words": found, "cosines": tf.where(real, cosines, float("nan"))}

        def nearest(self, word, k):
            return self.search([(1.0, word)], k)

        def analogy(self, a, b, c, k):
            return self.search([(-1.0, a), (1.0, b), (1.0, c)], k)

        def embed(self, word):
            places = self.table.lookup(lower_in_graph(word))
            rows = tf.gather(self.vectors, tf.maximum(places, 0))
            return {"vectors": tf.where(places[:, None] < 0, float("nan"), rows)}

    def signature(verb, *names):
        inputs = [
            tf.TensorSpec([None], tf.int32 if name == "k" else tf.string, name)
            for name in names
        ]
        return tf.function(verb, input_signature=inputs, autograph=False)

    module = Exported()
    module.answers = nearest, analogy, embed = (
        signature(module.nearest, "word", "k"),
        signature(module.analogy, "a", "b", "c", "k"),
        signature(module.embed, "word"),
    )
    signatures = {
        "serving_default": nearest,
        "nearest": nearest,
        "analogy": analogy,
        "embed": embed,
    }
    # No server needs the layers' gradients: tracing them took a third of the time.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures, options)


# 5. The run --------------------------------------------------------------------------


def train(config: Config, run: Run, model: keras.Model, ids, counts) -> dict:
    """Fits on the whole text; the last weights count."""
    from data.errors import UserError

    training = Blocks(ids, counts, config)
    # The loss is a mean over so many words; each pair's gradient counts whole.
    first = config.learning_rate * training.blocks * CENTRES
    length = Length(run, training, config.epochs, MOST_PASSES, f"{len(ids):,} words")
    rate = length.schedule(first, warm_up=0, shape="line")
    model.compile(keras.optimizers.SGD(rate), nats_of_a_word, jit_compile=use_xla())
    checkpoint = Checkpoint(run, training, monitor="loss", highest=False, length=length)
    start = checkpoint.restore(model)
    model.fit(
        training,
        epochs=length.epochs,
        initial_epoch=start,
        callbacks=[checkpoint],
        shuffle=False,
        verbose=run.verbose,
    )
    if not np.isfinite(ops.convert_to_numpy(model.vectors.embeddings)).all():
        found = f"found {config.learning_rate}"
        raise UserError(f"the vectors flew off: --learning-rate is too large, {found}")
    metrics = checkpoint.metrics()
    metrics["words_per_second"] = metrics.pop("tokens_per_second")
    return metrics


def main(config: Config, run: Run) -> None:
    from tasks.count_vectors import vectors_from_counts
    from tasks.word_vectors import evaluate, map_figure, read_evaluation, write_vectors

    questions = read_evaluation(run.test_data) if run.test_data else {}
    ids, vocabulary = load_data(config, run)
    words, counts = vocabulary["words"], np.array([0, *vocabulary["counts"]])
    metrics = {"seed": config.seed, "words": len(words)}
    if config.model == "counts":
        found = run.cached(
            *("counts", config.window, config.units, vocabulary),
            make=lambda: {
                "vectors": vectors_from_counts(
                    np.split(ids, range(1 << 20, len(ids), 1 << 20)),
                    len(counts),
                    config.units,
                    config.window,
                    first=1,
                )
            },
        )
        vectors, metrics["epochs"] = found["vectors"][1:], 0
    else:
        model = build_model(config, vocabulary)
        metrics["parameters"] = model.count_params()
        if run.loaded:
            model.load_weights(run.loaded / "model.keras")
        else:
            metrics |= train(config, run, model, ids, counts)
        model.save(run.folder / "model.keras")
        vectors = ops.convert_to_numpy(model.vectors.embeddings)[1:]
    run.write("vocabulary.json", vocabulary)
    run.export(export, words, vectors)
    if run.only_export:
        return
    write_vectors(run.folder, words, vectors)
    search = Nearest(words, vectors)
    shown, lines = config.shown.split(), []
    if not any(lower(word) in search.place for word in shown):
        print(f"Not in the vocabulary: {config.shown}. Frequent words instead")
        shown = mapped(search)[0][:: DRAWN // 6]
    for word in shown:
        near = search.nearest(word)
        said = "  ".join(f"{other} {cosine:.2f}" for other, cosine in near)
        lines.append(f"{word:<10} {said or '(not in the vocabulary)'}")
    run.write("samples.txt", "\n".join(lines) + "\n")
    print("\nNearest by cosine", *lines, sep="\n  ")

    figures = [map_figure(*mapped(search)), similarities(search, shown)]
    if questions:
        found, sections = evaluate(run.folder / "vectors.bin", questions)
        metrics |= found
        figures += [sections_figure(sections)] if sections else []
    run.write("figures.json", figures)
    run.finish(metrics)
    if config.model != "counts" and len(ids) < SHORT:
        print("\nOf a text as short as this, counts often do better: --model counts")


def mapped(search: Nearest) -> tuple[list[str], np.ndarray]:
    """The words of the map, and theirs: the most frequent but the very most, which
    are "the" and "of", and the short ones."""
    places = [place for place, word in enumerate(search.words) if len(word) > 2]
    places = places[min(50, len(places) // 3) :][:DRAWN]
    return [search.words[place] for place in places], search.vectors[places]


def similarities(search: Nearest, shown: list[str]) -> dict:
    """A heat map of the cosines of the shown words and the nearest of each."""
    known = [lower(word) for word in shown if lower(word) in search.place]
    near = [[word, *(w for w, _ in search.nearest(word, 2))] for word in known]
    names = list(dict.fromkeys(word for words in near for word in words))
    rows = search.vectors[[search.place[word] for word in names]]
    item = {"source": names, "written": names, "weights": (rows @ rows.T).tolist()}
    return {
        "kind": "similarities",
        "title": "Cosines of words",
        "items": [item],
    }


def sections_figure(sections: list[tuple[str, int, int]]) -> dict:
    """The share of the analogies that is right, section by section."""
    items = [
        {"name": name, "share": right / asked, "said": f"{right} of {asked}"}
        for name, right, asked in sections
        if asked
    ]
    return {"kind": "shares", "title": "Analogies that are right", "items": items}


if __name__ == "__main__":
    command(main, Config, SMOKE, SETTINGS)
