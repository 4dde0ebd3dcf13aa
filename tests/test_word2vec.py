"""The word2vec recipe: data, training, queries, export and evaluation."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

import recipes.word2vec as recipe
from data.errors import UserError
from kit import length as length_module
from recipes.word2vec import (
    CENTRES,
    DRAWS,
    Config,
    analogy,
    build_model,
    export,
    load,
    nearest,
    unit_length,
)
from tasks import word_vectors, word_windows
from tasks.word_vectors import evaluate, map_figure, read_evaluation
from tasks.word_windows import Blocks
from tests.exports import answer_to_its_request
from tests.processes import (
    ROOT,
    WITHOUT_KIT,
    WITHOUT_TENSORFLOW,
    python,
    python_on_jax,
)

TOPICS = [
    "apple pear plum cherry grape",
    "red green blue yellow black",
    "monday tuesday friday sunday thursday",
]


def topical_text(lines=400, seed=0):
    """Returns lines of random words, each line from one random topic."""
    random = np.random.default_rng(seed)
    topics = [topic.split() for topic in TOPICS]
    chosen = random.integers(len(topics), size=lines)
    return "\n".join(" ".join(random.choice(topics[t], 12)) for t in chosen) + "\n"


def model_with(words, vectors):
    """Returns a model with these vectors, and its vocabulary."""
    vocabulary = {"words": words, "counts": [7] * len(words)}
    model = build_model(Config(units=vectors.shape[1]), vocabulary)
    padding = np.zeros((1, vectors.shape[1]))
    model.vectors.set_weights([np.concatenate([padding, vectors])])
    return model, vocabulary


def blocks_of(ids, counts, window=5, subsample=1e-3):
    return Blocks(ids, counts, CENTRES, window, subsample, seed=0)


# Data -------------------------------------------------------------------------------


def test_blocks_hold_the_text_in_order(monkeypatch):
    monkeypatch.setattr(word_windows, "SPAN", 100)
    ids = (1 + np.arange(250) % 60).astype("uint16")
    blocks = blocks_of(ids, np.bincount(ids), window=3, subsample=1.0)
    assert len(blocks) == 3
    assert [blocks.tokens(n) for n in range(3)] == [100, 100, 50]
    for index in range(3):
        rows, dummy_targets = blocks[index]
        assert rows.shape == (len(dummy_targets), CENTRES + 6)
        read = rows[:, 3:-3].ravel()
        wanted = ids[index * 100 : index * 100 + 100]
        np.testing.assert_array_equal(read[: len(wanted)], wanted)
        assert not read[len(wanted) :].any()
        # A block is surrounded by the words before and after it.
        np.testing.assert_array_equal(rows[1, :3], rows[0, -6:-3])
        np.testing.assert_array_equal(rows[0, -3:], rows[1, 3:6])
        assert not rows[0, :3].any()


def test_of_a_short_text_a_step_reads_less():
    def span(words):
        ids = np.ones(words, "uint16")
        return blocks_of(ids, np.array([0, words])).span

    assert [span(words) for words in (5000, 200_000, 10**6)] == [1024, 3125, 8192]


def test_frequent_words_are_left_out_now_and_then():
    counts = np.array([0, 90_000, 9000, 900, 100])
    ids = np.random.default_rng(0).permutation(np.repeat(np.arange(5), counts))
    blocks = blocks_of(ids.astype("uint16"), counts, subsample=1e-2)
    kept_counts = np.zeros(5)
    for index in range(len(blocks)):
        kept_counts += np.bincount(blocks[index][0][:, 5:-5].ravel(), minlength=5)
    share = counts[1:] / counts.sum()
    stays = np.minimum(np.sqrt(1e-2 / share) + 1e-2 / share, 1)
    np.testing.assert_allclose(kept_counts[1:] / counts[1:], stays, rtol=0.05)
    assert kept_counts[4] == 100  # rare words stay
    for share in (0.0, 1.0):  # all stay
        assert (blocks_of(ids, counts, subsample=share).kept[1:] == 1).all()
    # The choice depends only on seed and epoch.
    again = blocks_of(ids.astype("uint16"), counts, subsample=1e-2)
    np.testing.assert_array_equal(blocks[2][0], again[2][0])
    again.set_epoch(1)
    assert (blocks[2][0] != again[2][0]).any()


# Training ---------------------------------------------------------------------------


VOCAB, WINDOW = 12, 2


def model_with_known_draws(kind, monkeypatch):
    """Returns a model with fixed reaches and negatives; ids, reaches and negatives."""
    random = np.random.default_rng(3)
    config = Config(model=kind, units=6, window=WINDOW)
    words = [f"w{n}" for n in range(1, VOCAB)]
    model = build_model(config, {"words": words, "counts": [5] * (VOCAB - 1)})
    ids = random.integers(1, VOCAB, (2, CENTRES + 2 * WINDOW)).astype("int32")
    ids[0, :WINDOW] = ids[1, -4:] = 0
    reach = random.integers(1, WINDOW + 1, (2, CENTRES, 1)).astype("int32")
    drawn = random.integers(1, VOCAB, (2, DRAWS)).astype("int32")

    def reaches(shape, least, beyond, **settings):
        assert (least, beyond) == (1, WINDOW + 1)  # as in word2vec's own code
        return ops.array(reach)

    monkeypatch.setattr(keras.random, "randint", reaches)
    model.loss_layer.sampler.draw = lambda shape: ops.array(drawn)
    for weight in (model.vectors.embeddings, model.loss_layer.vectors):
        weight.assign(random.normal(size=weight.shape))
    return model, ids, reach[..., 0], drawn


def windows(ids, reach):
    """Yields the block, the centre, and the ids around it."""
    for block, line in enumerate(ids):
        for place in range(CENTRES):
            here = WINDOW + place
            near = [
                other
                for other in range(here - reach[block, place], here)
                if line[other]
            ]
            near += [
                other
                for other in range(here + 1, here + reach[block, place] + 1)
                if line[other]
            ]
            if line[here] and near:
                yield block, line[here], [line[other] for other in near]


@pytest.mark.parametrize("kind", ["skipgram", "cbow"])
def test_loss_is_that_of_the_windows(kind, monkeypatch):
    model, ids, reach, drawn = model_with_known_draws(kind, monkeypatch)
    inputs, outputs = (
        ops.convert_to_numpy(weight)
        for weight in (model.vectors.embeddings, model.loss_layer.vectors)
    )

    def nats(u, target, block):
        total = np.log1p(np.exp(-u @ outputs[target]))
        for negative in drawn[block]:
            if negative != target:
                total += 5 / DRAWS * np.log1p(np.exp(u @ outputs[negative]))
        return total

    wanted = np.zeros(2)
    for block, centre, near in windows(ids, reach):
        if kind == "skipgram":
            wanted[block] += sum(nats(inputs[centre], t, block) for t in near)
        else:
            wanted[block] += nats(inputs[near].mean(axis=0), centre, block)
    losses = ops.convert_to_numpy(model(ids))
    np.testing.assert_allclose(losses, wanted / CENTRES, rtol=1e-4)


def test_each_word_of_a_mean_gets_the_whole_gradient(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(recipe, "MAX_PAIRS", 1e9)
    model, ids, reach, drawn = model_with_known_draws("cbow", monkeypatch)
    outputs = ops.convert_to_numpy(model.loss_layer.vectors)
    inputs = ops.convert_to_numpy(model.vectors.embeddings)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(ids)) * CENTRES
    gradient = tf.convert_to_tensor(
        tape.gradient(total, model.vectors.embeddings.value)
    )
    wanted = np.zeros_like(inputs)
    for block, centre, near in windows(ids, reach):
        u = inputs[near].mean(axis=0)
        slope = -outputs[centre] / (1 + np.exp(u @ outputs[centre]))
        for negative in drawn[block]:
            if negative != centre:
                row = outputs[negative]
                slope = slope + 5 / DRAWS * row / (1 + np.exp(-u @ row))
        for word in near:
            wanted[word] += slope
    np.testing.assert_allclose(gradient, wanted, atol=1e-4)


@pytest.mark.parametrize(
    "kind",
    ["skipgram", pytest.param("cbow", marks=pytest.mark.exhaustive), "counts"],
)
def test_a_run_finds_the_topics(word2vec, tmp_path, kind, request):
    (tmp_path / "mine.txt").write_text(topical_text(), "utf-8")
    shown = "apple red monday nonsense"
    status, out, errors = word2vec(
        *("--data", "mine.txt", "--run-dir", "run", "--model", kind),
        *("--units", 10, "--subsample", 1, "--epochs", 20, "--shown", shown),
    )
    assert status == 0, errors
    run = Path("run")
    vocabulary = json.loads((run / "vocabulary.json").read_text())
    rebuilt = model_with(vocabulary["words"], read_bin(run / "vectors.bin"))
    loaded = load(run)
    parts = ("apple", "pear", "red")
    assert analogy(*loaded, *parts) == analogy(*rebuilt, *parts) != []
    for topic in TOPICS:
        words = topic.split()
        for word in words:
            near = {other for other, _ in nearest(*rebuilt, word, len(words) - 1)}
            assert near == set(words) - {word}
            assert nearest(*loaded, word) == nearest(*rebuilt, word)
    samples = (run / "samples.txt").read_text()
    assert samples.startswith("apple  ")
    assert "nonsense   (not in the vocabulary)" in samples
    assert samples.splitlines()[0] in out
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["words"] == 15
    assert metrics["epochs"] == (0 if kind == "counts" else 20)
    assert ("words_per_second" in metrics) == (kind != "counts")
    for name in ("report.html", "plots/map.png", "plots/similarities.png"):
        assert (run / name).stat().st_size > 0
    assert (run / "saved_model/1/saved_model.pb").exists()
    assert answer_to_its_request(run)["words"].shape == (1, 8)

    # --load: the same vectors without training.
    request.getfixturevalue("unexported")
    assert word2vec("--load", run, "--run-dir", "again")[0] == 0
    for name in ("vectors.bin", "samples.txt"):
        assert Path("again", name).read_bytes() == (run / name).read_bytes()


@pytest.mark.usefixtures("unexported")
def test_a_stopped_run_goes_on_exactly(word2vec, tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text(topical_text(), "utf-8")
    options = ("--data", "mine.txt", "--epochs", 3, "--units", 8)
    assert word2vec(*options, "--run-dir", "whole")[0] == 0
    begin = Blocks.set_epoch

    def stop(blocks, epoch):
        begin(blocks, epoch)
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Blocks, "set_epoch", stop)
        assert word2vec(*options, "--run-dir", "stopped")[0] == 130
    assert not Path("stopped/metrics.json").exists()
    assert word2vec("--resume", "--run-dir", "stopped")[0] == 0
    for name in ("vectors.bin", "samples.txt"):
        assert Path("stopped", name).read_bytes() == Path("whole", name).read_bytes()


def read_bin(path):
    content = path.read_bytes()
    head, content = content.split(b"\n", 1)
    rows, units = map(int, head.split())
    vectors = []
    for _ in range(rows):
        _, content = content.split(b" ", 1)
        vectors.append(np.frombuffer(content[: 4 * units], "<f4"))
        content = content[4 * units + 1 :]
    return np.array(vectors)


@pytest.mark.usefixtures("unexported")
def test_where_none_of_the_shown_words_is_known_others_are(word2vec, tmp_path):
    (tmp_path / "mine.txt").write_text(topical_text(60), "utf-8")
    status, out, errors = word2vec("--smoke", "--data", "mine.txt", "--shown", "no yes")
    assert status == 0, errors
    assert "Not in the vocabulary: no yes. Frequent words instead" in out
    first, *_ = Path("runs/word2vec/smoke/samples.txt").read_text().split()
    assert first in " ".join(TOPICS).split()


@pytest.mark.usefixtures("unexported")
def test_words_are_those_of_the_text(word2vec, tmp_path):
    text = "Don't stop: 3.14, well-known! 东京 <eos> rare\n" * 6 + "once twice twice\n"
    (tmp_path / "mine.txt").write_text(text, "utf-8")
    options = ("--epochs", 5, "--min-count", 2, "--shown", "STOP", "--run-dir", "run")
    status, out, errors = word2vec("--data", "mine.txt", *options)
    assert status == 0, errors
    assert "not in the vocabulary" not in out  # upper case does not matter
    vocabulary = json.loads(Path("run/vocabulary.json").read_text())
    counts = dict(zip(vocabulary["words"], vocabulary["counts"], strict=True))
    assert counts.pop("twice") == 2
    wanted = ["3.14", "don't", "eos", "rare", "stop", "well-known", "东", "京"]
    assert sorted(counts) == wanted  # no punctuation, no word that occurs once
    assert set(counts.values()) == {6}


# Queries ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    import tensorflow as tf

    random = np.random.default_rng(1)
    words = ["king", "queen", "man", "woman", "été", "东京", "a", "b"]
    vectors = random.normal(size=(len(words), 5)).astype("float32")
    folder = tmp_path_factory.mktemp("export") / "saved_model"
    model = model_with(words, vectors)
    export(*model, folder)
    return model, vectors, tf.saved_model.load(str(folder)), folder


def answers(outputs, row):
    words = [word.decode() for word in outputs["words"].numpy()[row]]
    return words, outputs["cosines"].numpy()[row]


def test_the_export_answers_as_in_memory(exported):
    import tensorflow as tf

    model, vectors, loaded, _ = exported
    words = model[1]["words"]
    asked = [*words, "KING", "Été", "nobody", ""]
    k = np.array([3, 1, 7, 0, 2, 9, 3, 3, 3, 3, 3, 3], "int32")
    outputs = loaded.signatures["nearest"](word=tf.constant(asked), k=tf.constant(k))
    assert outputs["words"].shape == (12, 8)
    for row, word in enumerate(asked):
        near = nearest(*model, word, k[row])
        assert len(near) == (0 if row > 9 else min(k[row], len(words) - 1))
        shown, cosines = answers(outputs, row)
        assert shown == [*(w for w, _ in near), *[""] * (8 - len(near))]
        np.testing.assert_allclose(
            cosines[: len(near)], [c for _, c in near], atol=1e-6
        )
        assert np.isnan(cosines[len(near) :]).all()

    parts = [["man", "king", "woman"], ["a", "b", "a"], ["man", "nobody", "king"]]
    a, b, c = (tf.constant(column) for column in zip(*parts, strict=True))
    outputs = loaded.signatures["analogy"](a=a, b=b, c=c, k=tf.constant([4, 9, 4]))
    for row, part in enumerate(parts):
        near = analogy(*model, *part, k=(4, 9, 4)[row])
        shown, cosines = answers(outputs, row)
        assert shown == [*(w for w, _ in near), *[""] * (8 - len(near))]
        assert not set(shown) & set(part)
        np.testing.assert_allclose(
            cosines[: len(near)], [c for _, c in near], atol=1e-6
        )
    assert analogy(*model, "man", "nobody", "king") == []

    outputs = loaded.signatures["embed"](word=tf.constant(["b", "x", "Queen"]))
    rows = outputs["vectors"].numpy()
    np.testing.assert_array_equal(rows[[0, 2]], vectors[[7, 1]])
    assert np.isnan(rows[1]).all()


def test_analogies_by_hand():
    """b - a + c of unit vectors; a, b and c themselves are no answers."""
    words = ["man", "king", "woman", "queen", "boat"]
    vectors = np.array([[2, 0, 0], [3, 3, 0], [0, 0, 1], [0, 5, 5], [1, -1, 0]])
    model = model_with(words, vectors)
    (best, cosine), *_ = analogy(*model, "man", "king", "woman")
    wanted = np.array([1, 1, 0]) / 2**0.5 - [1, 0, 0] + [0, 0, 1]
    queen = np.array([0, 1, 1]) / 2**0.5
    assert best == "queen"
    assert cosine == pytest.approx(wanted @ queen / np.linalg.norm(wanted))


FRESH = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
words = json.loads(sys.argv[2])
outputs = model.signatures["serving_default"](
    word=tf.constant(words), k=tf.fill([len(words)], 3))
assert not {"custom_layers", "data", "kit", "recipes"} & set(sys.modules)
print(json.dumps([[w.decode() for w in row] for row in outputs["words"].numpy()]))
"""


def test_a_fresh_process_answers_alike(exported, tmp_path):
    model, _, _, folder = exported
    words = model[1]["words"]
    copy = shutil.copytree(folder, tmp_path / "elsewhere")
    asked = [*words, "nobody", "\u0130", "a b"]
    child = python("-c", FRESH, copy, json.dumps(asked), folder=tmp_path)
    assert child.returncode == 0, child.stderr
    wanted = [[word for word, _ in nearest(*model, each, 3)] for each in asked]
    wanted = [row or [""] * 3 for row in wanted]
    assert json.loads(child.stdout.splitlines()[-1]) == wanted


def test_no_rows_and_none_asked_for(exported):
    import tensorflow as tf

    _, _, loaded, _ = exported
    nearest = loaded.signatures["nearest"]
    none = nearest(word=tf.constant([], tf.string), k=tf.constant([], tf.int32))
    assert none["words"].shape[0] == 0
    outputs = nearest(word=tf.constant(["a"]), k=tf.constant([-3]))
    assert outputs["words"].shape == (1, 0)


def test_jax_trains_without_tensorflow_and_exports_the_same(tmp_path):
    (tmp_path / "mine.txt").write_text(topical_text(60))
    out = python_on_jax(
        tmp_path, *["-c", WITHOUT_TENSORFLOW, "word2vec", "--data", "mine.txt"]
    )
    assert "No SavedModel: TensorFlow is not installed here" in out
    load = ["-m", "recipes.word2vec", "--load", "runs/word2vec/smoke"]
    load += ["--run-dir", "tensorflow"]
    python_on_jax(tmp_path, *load, KERAS_BACKEND="tensorflow")
    assert (tmp_path / "tensorflow/saved_model/1/saved_model.pb").exists()
    one, other = (
        (tmp_path / folder / "vectors.bin").read_bytes()
        for folder in ("runs/word2vec/smoke", "tensorflow")
    )
    assert one == other


HIDDEN = f"""
{WITHOUT_KIT}
import json
from pathlib import Path
from recipes.word2vec import Config, build_model, export, load, nearest
vocabulary = {{"words": ["a", "b", "c"], "counts": [3, 2, 1]}}
model = build_model(Config(units=4), vocabulary)
near = nearest(model, vocabulary, "a")
assert len(near) == 2
export(model, vocabulary, "saved_model")
model.save("model.keras")
Path("vocabulary.json").write_text(json.dumps(vocabulary))
assert nearest(*load("."), "a") == near
"""


def test_model_answers_exports_and_loads_without_kit_and_data(tmp_path):
    child = python("-c", HIDDEN, folder=tmp_path, PYTHONPATH=str(ROOT))
    assert child.returncode == 0, child.stderr
    assert (tmp_path / "saved_model/saved_model.pb").exists()


# Files for other programs, and evaluation -------------------------------------------


def evaluation(folder):
    folder.mkdir()
    (folder / "questions-words.txt").write_text(
        ": family\nman king woman queen\nMan Queen woman king\n"
        ": none\nman king nobody queen\n"
    )
    (folder / "wordsim353_combined.tab").write_text(
        "Word 1\tWord 2\tHuman (mean)\nking\tqueen\t9\nking\tman\t5\nking\tboat\t1\n"
        "nobody\tman\t3\n"
    )
    (folder / "SimLex-999.txt").write_text(
        "word1\tword2\tPOS\tSimLex999\nking\tqueen\tN\t1\nking\tman\tN\t5\n"
        "king\tboat\tN\t9\n"
    )
    return folder


def test_gensim_reads_and_scores_what_is_written(tmp_path):
    gensim = pytest.importorskip("gensim.models")
    words = ["man", "king", "woman", "queen", "boat"]
    vectors = np.array([[2, 0, 0], [3, 3, 0], [0, 0, 1], [0, 5, 5], [1, -1, 0]])
    vectors = (vectors + np.float32(0.1) / 3).astype("float32")
    word_vectors.write(tmp_path, words, vectors)
    load = gensim.KeyedVectors.load_word2vec_format
    for name, binary in (("vectors.txt", False), ("vectors.bin", True)):
        read = load(str(tmp_path / name), binary=binary)
        assert read.index_to_key == words
        np.testing.assert_allclose(read.vectors, vectors, rtol=0 if binary else 1e-5)
    questions = read_evaluation(evaluation(tmp_path / "sets"))
    figures, sections = evaluate(words, vectors, questions)
    assert figures["analogy_questions"] == 2  # "nobody" has no vector
    model = model_with(words, vectors)
    right = [
        analogy(*model, "man", "king", "woman", 1)[0][0] == "queen",
        analogy(*model, "man", "queen", "woman", 1)[0][0] == "king",
    ]
    assert figures["analogy_accuracy"] == np.mean(right)
    assert sections[0] == ("family", sum(right), 2)
    units = unit_length(vectors)
    cosines = units @ units[1]
    order = np.argsort(-cosines[[3, 0, 4]]).tolist()
    by_hand = np.corrcoef(np.argsort(order), [0, 1, 2])[0, 1]
    assert figures["wordsim353_spearman"] == pytest.approx(by_hand)
    assert figures["simlex999_spearman"] == pytest.approx(-by_hand)


def test_words_that_no_set_asks_for(tmp_path):
    pytest.importorskip("gensim")
    words = ["king", "man", "boats"]
    vectors = np.random.default_rng(0).normal(size=(3, 4))
    questions = read_evaluation(evaluation(tmp_path / "sets"))
    figures, sections = evaluate(words, vectors, questions)
    assert figures == {"analogy_accuracy": 0, "analogy_questions": 0}
    assert [asked for _, _, asked in sections] == [0, 0]


@pytest.mark.usefixtures("unexported")
def test_a_run_is_measured(word2vec, tmp_path):
    pytest.importorskip("gensim")
    (tmp_path / "mine.txt").write_text("king queen man woman boat sea sail\n" * 40)
    status, _, errors = word2vec(
        *("--data", "mine.txt", "--smoke", "--test-data", evaluation(tmp_path / "sets"))
    )
    assert status == 0, errors
    run = Path("runs/word2vec/smoke")
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["analogy_questions"] == 2
    names = {"analogy_accuracy", "wordsim353_spearman", "simlex999_spearman"}
    assert names | {f"baseline_{name}" for name in names} <= metrics.keys()
    # The simpler model's figures are those of `--model counts`.
    options = ("--data", "mine.txt", "--smoke", "--test-data", tmp_path / "sets")
    assert word2vec(*options, "--model", "counts", "--run-dir", "counts")[0] == 0
    counts = json.loads(Path("counts/metrics.json").read_text())
    assert not any(name.startswith("baseline_") for name in counts)
    for name in names:
        assert metrics[f"baseline_{name}"] == pytest.approx(counts[name])
    assert "1 of 2" in (page := (run / "report.html").read_text()) or "of 2" in page
    assert (run / "plots/shares.png").exists()


@pytest.mark.parametrize(
    ("name", "content", "expected_words"),
    [
        ("questions-words.txt", "man king woman queen\n", ["line 1", ": section"]),
        ("questions-words.txt", ": a\none two three\n", ["line 2", "four words"]),
        ("questions-words.txt", ": a\n", ["questions"]),
        ("questions-words.txt", b"\xff\xfe", ["cannot be read"]),
        ("SimLex-999.txt", "word1\tword2\tSimLex999\na b 3\n", ["line 2", "tabs"]),
        ("SimLex-999.txt", "", ["header"]),
        ("wordsim353_combined.tab", "a\tb\tc\na\tb\tmuch\n", ["line 2", "number"]),
        ("other.txt", "", ["questions-words.txt", "found none"]),
    ],
)
def test_evaluation_files_of_a_wrong_form(tmp_path, name, content, expected_words):
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_evaluation(tmp_path)
    for word in expected_words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "options", "expected_words"),
    [
        ("one two three four\n" * 9, [], ["--negatives 5", "found 4"]),
        ("all words once only here in this text\n", [], ["--min-count", "found 0"]),
        (topical_text(9), ["--window", 0], ["--window", "found 0"]),
        (topical_text(9), ["--negatives", 0], ["--negatives", "found 0"]),
        (topical_text(9), ["--min-count", 0], ["--min-count", "found 0"]),
        (topical_text(9), ["--subsample", -1.0], ["--subsample", "found -1.0"]),
        (topical_text(9), ["--subsample", -1], ["--subsample", "found -1"]),
        (topical_text(9), ["--max-vocab", 70_000], ["--max-vocab", "70000"]),
        (topical_text(9), ["--test-data", "nowhere"], ["nowhere"]),
        ("", [], ["mine.txt"]),
    ],
)
def test_bad_input_ends_in_one_line(word2vec, tmp_path, text, options, expected_words):
    (tmp_path / "mine.txt").write_text(text)
    status, _, errors = word2vec("--data", "mine.txt", *options)
    assert status == 2
    assert len(errors.strip().splitlines()) == 1, errors
    for word in ("error:", *expected_words):
        assert word in errors
    assert not list(Path("runs/word2vec").glob("*"))


@pytest.mark.usefixtures("unexported")
def test_no_word_need_be_left_out(word2vec, tmp_path):
    (tmp_path / "mine.txt").write_text(topical_text(60))
    options = ("--smoke", "--data", "mine.txt", "--subsample", 0)
    assert word2vec(*options)[0] == 0


def test_the_larger_the_text_the_fewer_the_passes(word2vec, tmp_path, monkeypatch):
    """All passes together read `TRAINED` words, but there are 5 to 50 passes."""
    planned = []

    def decide(length, model):
        planned.append(length.most)
        raise UserError("seen")

    monkeypatch.setattr(length_module.Length, "decide", decide)
    (tmp_path / "mine.txt").write_text(topical_text())  # 4,800 words
    for trained in (10_000, 48_000, 10**9):
        monkeypatch.setattr(recipe, "TRAINED", trained)
        assert word2vec("--data", "mine.txt")[0] == 2
    assert planned == [5, 10, 50]


def test_training_that_diverges_ends_in_one_line(word2vec, tmp_path):
    (tmp_path / "mine.txt").write_text(topical_text())
    options = ("--learning-rate", 1e30, "--epochs", 3)
    status, _, errors = word2vec("--data", "mine.txt", *options)
    assert status == 2
    assert len(errors.strip().splitlines()) == 1, errors
    assert "the loss is not finite in epoch 1" in errors
    assert "try a --learning-rate below 1e+30" in errors


def test_a_map_of_few_words():
    for count in (1, 2, 5):
        vectors = np.random.default_rng(0).normal(size=(count, 4))
        figure = map_figure([str(n) for n in range(count)], vectors)
        assert [item["word"] for item in figure["items"]] == [
            str(n) for n in range(count)
        ]
        assert np.isfinite([item["place"] for item in figure["items"]]).all()
