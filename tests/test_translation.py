"""The translation recipe: training, translation, alignment and export."""

import importlib
import json
import random
from pathlib import Path

import keras
import numpy as np
import pytest

from custom_layers import encoder_decoder
from custom_layers.encoder_decoder import (
    align_ids,
    attention_weights,
    search,
    translate_ids,
)
from data.errors import UserError
from kit.pair_batches import PairBatches
from recipes.translation import (
    BEAMS,
    Config,
    align,
    build_model,
    export,
    load,
    translate,
)
from tests.exports import answer_to_its_request
from tests.processes import (
    WITHOUT_KIT,
    WITHOUT_TENSORFLOW,
    python,
    python_on_jax,
    saved_model_cli,
)
from tokens.vocabulary import END, FIRST, START, choose_unit

ROOT = Path(__file__).parent.parent
CHARACTERS = list(" abcde12好é,")
WORDS = ["the", ".", ",", "cat", "sat", "don't", "好", "é", "on", "a", "mat", "!"]
PIECES = [*WORDS, *"ctsmon", "##at", "##t", "##o", "##n", "##'", "x", "##x"]
TOKENS = {"char": CHARACTERS, "word": WORDS, "subword": PIECES}
KINDS = [
    {"unit": "char"},
    {"unit": "word", "attention": "dot"},
    {"unit": "subword", "attention": "general", "layers": 3},
    {"unit": "char", "model": "plain"},
    {"unit": "word", "model": "reverse", "layers": 2},
    {"unit": "char", "model": "peeky"},
]


def kind_name(kind):
    return "-".join(map(str, kind.values()))


def random_model(kind, scale=0.5):
    """Returns a model whose large weights make inputs matter, and its vocabulary."""
    tokens = TOKENS[kind["unit"]]
    vocabulary = {"unit": kind["unit"], "source": tokens, "target": tokens, "length": 9}
    keras.utils.set_random_seed(1)
    model = build_model(Config(units=12, **kind), vocabulary)
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        value = keras.ops.convert_to_numpy(weight)
        weight.assign(value + scale * rng.normal(size=value.shape))
    return model, vocabulary


def some_texts(count=20, seed=0):
    rng = random.Random(seed)
    words = [*WORDS, "xyz", "Cat", "omat", "a1", "é,", "😀"]
    sizes = [rng.randrange(1, 9) for _ in range(count)]
    return [" ".join(rng.choices(words, k=size)) for size in sizes]


@pytest.fixture(
    scope="module",
    params=[
        *KINDS[:3],
        *(pytest.param(kind, marks=pytest.mark.exhaustive) for kind in KINDS[3:]),
    ],
    ids=kind_name,
)
def exported(request, tmp_path_factory):
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("export") / "saved_model"
    model, vocabulary = random_model(request.param)
    export(model, vocabulary, folder)
    return model, vocabulary, tf.saved_model.load(str(folder)), folder


def ask(loaded, texts, beam):
    import tensorflow as tf

    beam = tf.constant(np.broadcast_to(beam, len(texts)), tf.int32)
    texts = tf.constant(texts, tf.string, [len(texts)])
    translations = loaded.signatures["serving_default"](text=texts, beam=beam)["text"]
    return [text.decode() for text in translations.numpy()]


def test_the_export_translates_as_the_model_to_the_letter(exported):
    model, vocabulary, loaded, _ = exported
    texts = ["", " ", "the cat", "😀", "好的é", *some_texts(58), "mat " * 1200]
    greedy, wide = (translate(model, vocabulary, texts, beams) for beams in (1, 4))
    assert ask(loaded, texts, 1) == greedy
    assert ask(loaded, texts, 4) == wide
    assert greedy != wide
    assert len(set(greedy)) > 7  # so that equality means something
    assert greedy[0] == ""
    # A beam width for each row, and a single row.
    rows = np.arange(len(texts)) % 2
    mixed = [wide[n] if row else greedy[n] for n, row in enumerate(rows)]
    assert ask(loaded, texts, np.where(rows, 4, 1)) == mixed
    assert ask(loaded, texts[7:8], 4) == wide[7:8]
    assert ask(loaded, [], 3) == []
    assert ask(loaded, texts[2:4], -7) == greedy[2:4]


def test_the_alignment_of_the_export(exported):
    import tensorflow as tf

    model, vocabulary, loaded, _ = exported
    if not model.has_attention:
        assert "align" not in loaded.signatures
        return
    texts = ["the cat sat", "", "好 mat!"]
    outputs = loaded.signatures["align"](text=tf.constant(texts))
    outputs = {name: value.numpy() for name, value in outputs.items()}
    expected = align(model, vocabulary, texts, BEAMS)
    for row, (tokens, written, weights) in enumerate(expected):
        shown = [token.decode() for token in outputs["tokens"][row] if token]
        assert shown == tokens
        shown = [token.decode() for token in outputs["translation"][row] if token]
        assert shown == [token for token in written if token != "END"]
        size = weights.shape
        np.testing.assert_allclose(
            outputs["weights"][row, : size[0], : size[1]], weights, atol=1e-5
        )
        if tokens:
            np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
            np.testing.assert_array_equal(outputs["weights"][row, :, size[1] :], 0)


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
def test_writing_step_by_step_equals_training_on_what_was_written(kind):
    """With greedy search, each token is the most probable next one."""
    model, _ = random_model(kind)
    rng = np.random.default_rng(0)
    vocab = model.logits.units
    source = rng.integers(FIRST, vocab, [6, 7]).astype("int32")
    source[2:4, 4:] = 0
    written = np.array(search(model, source, 9))
    target = np.concatenate([np.full([6, 1], START), written], axis=1).astype("int32")
    logits = np.array(model([source, target[:, :-1]]))
    logits[..., :END] = -np.inf
    best = logits.argmax(axis=-1)
    for tokens, expected in zip(written, best, strict=True):
        end = np.append(np.flatnonzero(tokens == END), 9)[0] + 1
        assert tokens[:end].tolist() == expected[:end].tolist()


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
def test_padding_changes_nothing(kind):
    model, _ = random_model(kind)
    rng = np.random.default_rng(0)
    vocab = model.logits.units
    source = rng.integers(FIRST, vocab, [2, 5]).astype("int32")
    target = rng.integers(FIRST, vocab, [2, 4]).astype("int32")
    padded = np.pad(source, [[0, 0], [0, 3]])
    np.testing.assert_allclose(
        model([padded, target]), model([source, target]), atol=1e-5
    )


def test_what_stands_before_the_models_of_attention():
    """`reverse` equals `plain` on reversed sources; only `peeky` has a context."""
    source = np.array([[4, 5, 6, 7, 8]], "int32")
    target = np.array([[START, 4]], "int32")
    plain, _ = random_model({"unit": "char", "model": "plain"})
    reverse, _ = random_model({"unit": "char", "model": "reverse"})
    peeky, _ = random_model({"unit": "char", "model": "peeky"})
    np.testing.assert_allclose(
        reverse([source[:, ::-1], target]), plain([source, target]), atol=1e-5
    )
    for model, count in ((plain, 0), (reverse, 0), (peeky, 1)):
        context, states = model.encode(source)
        assert len(context) == count
        assert len(states) == 2
    # With the same states, another context changes the output of `peeky`.
    logits, _, _ = peeky.decode(target, context, states)
    other, _, _ = peeky.decode(target, [context[0] * 0], states)
    assert np.abs(np.array(logits) - np.array(other)).max() > 0.01


def test_the_decoder_begins_where_each_direction_has_read_everything():
    model, _ = random_model({"unit": "char", "attention": "dot"})
    source = np.array([[4, 5, 6, 0], [7, 8, 9, 10]], "int32")
    (memory, *_), (h, *_) = model.encode(source)
    half = memory.shape[-1] // 2
    for row, last in enumerate((2, 3)):
        np.testing.assert_allclose(h[row, :half], memory[row, last, :half], atol=1e-6)
        np.testing.assert_allclose(h[row, half:], memory[row, 0, half:], atol=1e-6)


@pytest.mark.parametrize("name", ["plain", "attention"])
def test_a_third_layer_that_says_nothing_changes_nothing(name):
    """On both sides, the third layer is residual and the second is not."""
    pair = [np.array([[4, 5, 6]], "int32"), np.array([[START, 5]], "int32")]
    deep, _ = random_model({"unit": "char", "model": name, "layers": 3})
    for side in (deep.encoders, deep.decoders):
        for weight in side[2].trainable_variables:
            weight.assign(0 * weight)  # h = sigmoid(0) tanh(0) = 0
    shallow, _ = random_model({"unit": "char", "model": name, "layers": 2})
    for mine, other in (
        *zip(shallow.encoders, deep.encoders, strict=False),
        *zip(shallow.decoders, deep.decoders, strict=False),
        (shallow.source_vectors, deep.source_vectors),
        (shallow.target_vectors, deep.target_vectors),
        (shallow.logits, deep.logits),
    ):
        mine.set_weights(other.get_weights())
    np.testing.assert_allclose(deep(pair), shallow(pair), atol=1e-5)
    for weight in deep.decoders[1].trainable_variables:
        weight.assign(0 * weight)
    assert np.abs(np.array(deep(pair)) - np.array(shallow(pair))).max() > 0.01


def test_weights_come_back_from_the_file(tmp_path):
    for kind in KINDS[:2]:
        model, _ = random_model(kind)
        model.save(tmp_path / "model.keras")
        again = keras.saving.load_model(tmp_path / "model.keras")
        pair = [np.array([[4, 5, 6]], "int32"), np.array([[START, 5]], "int32")]
        np.testing.assert_array_equal(again(pair), model(pair))


def test_a_loaded_model_translates_as_the_saved_one(exported, tmp_path, without_xla):
    model, vocabulary, _, _ = exported
    model.save(tmp_path / "model.keras")
    (tmp_path / "vocabulary.json").write_text(json.dumps(vocabulary))
    again, names = load(tmp_path)
    assert names == vocabulary
    texts = ["", "the cat", "好的é", *some_texts()]
    for beams in (1, 4):
        expected = translate(model, vocabulary, texts, beams)
        assert translate(again, names, texts, beams) == expected
    assert len(set(expected)) > 5  # so that equality means something


def test_translations_follow_the_weights_and_the_length(without_xla):
    """A compiled search is cached, but follows new weights and lengths."""
    model, vocabulary = random_model({"unit": "char"})
    other, _ = random_model({"unit": "char"}, scale=1.0)
    texts = some_texts()
    expected = translate(other, vocabulary, texts)
    assert translate(model, vocabulary, texts) != expected
    model.set_weights(other.get_weights())
    assert translate(model, vocabulary, texts) == expected
    short = translate(model, {**vocabulary, "length": 3}, texts)
    assert short == [text[:3] for text in expected] != expected


def test_the_unit_by_the_targets():
    assert choose_unit(["2021-05-03", "1999-01-01"]) == "char"
    assert choose_unit(["a man sits .", "two dogs run", "hello"]) == "word"


FRESH = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
texts = json.loads(sys.argv[2])
outputs = model.signatures["serving_default"](
    text=tf.constant(texts), beam=tf.fill([len(texts)], 3))
assert not {"custom_layers", "data", "kit", "recipes"} & set(sys.modules)
print(json.dumps([text.decode() for text in outputs["text"].numpy()]))
"""


@pytest.mark.parametrize("exported", KINDS[:3], ids=kind_name, indirect=True)
def test_export_in_a_fresh_process_and_by_saved_model_cli(exported, tmp_path):
    model, vocabulary, _, folder = exported
    texts = ["", "the cat", "好的 mat"]
    expected = translate(model, vocabulary, texts, 3)
    child = python("-c", FRESH, folder, json.dumps(texts), folder=tmp_path)
    assert child.returncode == 0, child.stderr
    assert json.loads(child.stdout.splitlines()[-1]) == expected
    if vocabulary["unit"] != "word":
        return
    rows = np.array([text.encode() for text in texts])
    np.savez(tmp_path / "in.npz", text=rows, beam=np.full(3, 3, "int32"))
    named = ";".join(f"{n}={tmp_path}/in.npz[{n}]" for n in ("text", "beam"))
    saved_model_cli(folder, ["--inputs", named], tmp_path)
    translations = np.load(tmp_path / "text.npy", allow_pickle=True)
    assert [text.decode() for text in translations] == expected


def pairs_file(path, count=1500, seed=0, sizes=range(2, 7)):
    """Writes pairs of letters and the same letters reversed, in capitals."""
    rng = random.Random(seed)
    lines = []
    while len(lines) < count:
        text = "".join(rng.choices("abcdefgh", k=rng.choice(sizes)))
        lines.append(f"{text}\t{text.upper()[::-1]}")
    path.write_text("\n".join(dict.fromkeys(lines)))


def test_words_begin_with_larger_vectors_than_characters():
    def spread(unit):
        tokens = [f"{number}" for number in range(300)]
        vocabulary = {"unit": unit, "source": tokens, "target": tokens, "length": 9}
        model = build_model(Config(units=16), vocabulary)
        vectors = (model.source_vectors, model.target_vectors)
        return [float(np.std(layer.get_weights()[0])) for layer in vectors]

    assert spread("word") == pytest.approx([0.15, 0.15], rel=0.1)
    assert spread("char") == pytest.approx([0.05 / 3**0.5] * 2, rel=0.1)


@pytest.mark.parametrize("few", [0, 10_000])
@pytest.mark.parametrize("asked", [None, 0.0])
def test_dropout_follows_from_the_number_of_pairs(
    translation, tmp_path, monkeypatch, few, asked
):
    rates = []

    def checkpoint(run, model, *more):
        rates.append(model.dropout.rate)
        raise UserError("seen")

    recipe = importlib.import_module("recipes.translation")
    pairs_file(tmp_path / "mine.tsv", 400)
    monkeypatch.setattr(recipe, "FEW", few)
    monkeypatch.setattr("kit.training.Checkpoint", checkpoint)
    options = [] if asked is None else ["--dropout", asked]
    assert translation("--data", "mine.tsv", *options)[0] == 2
    assert rates == [asked if asked is not None else 0.4 if few else 0.2]


@pytest.mark.parametrize(
    ("unit", "few", "deviation"),
    [("word", 10_000, 0.5), ("word", 0, 0.15), ("char", 10_000, 0.05 / 3**0.5)],
)
def test_vectors_of_words_begin_larger_where_pairs_are_few(
    translation, tmp_path, monkeypatch, unit, few, deviation
):
    deviations = []

    def checkpoint(run, model, *more):
        vectors = (model.source_vectors, model.target_vectors)
        deviations.extend(np.std(layer.get_weights()[0]) for layer in vectors)
        raise UserError("seen")

    recipe = importlib.import_module("recipes.translation")
    pairs_file(tmp_path / "mine.tsv", 400)
    monkeypatch.setattr(recipe, "FEW", few)
    monkeypatch.setattr("kit.training.Checkpoint", checkpoint)
    assert translation("--data", "mine.tsv", "--unit", unit)[0] == 2
    assert deviations == pytest.approx([deviation] * 2, rel=0.15)


@pytest.mark.parametrize("steps, batch", [(150, 8), (15, 20), (2, 64)])
def test_few_pairs_are_read_in_small_batches(
    translation, tmp_path, monkeypatch, steps, batch
):
    """Few training pairs, here 304, are read in small batches."""
    sizes = []

    def batches(sources, targets, size, *more):
        sizes.append(size)
        raise UserError(f"{len(sources)} pairs seen")

    recipe = importlib.import_module("recipes.translation")
    pairs_file(tmp_path / "mine.tsv", 400)
    monkeypatch.setattr(recipe, "STEPS", steps)
    monkeypatch.setattr("kit.pair_batches.PairBatches", batches)
    status, _, errors = translation("--data", "mine.tsv")
    assert (status, sizes) == (2, [batch]), errors


def test_from_a_file_of_pairs_to_an_answer(translation, tmp_path, request):
    pairs_file(tmp_path / "mine.tsv")
    options = ["--data", "mine.tsv", "--epochs", 12, "--units", 64]
    status, out, _ = translation(*options, "--learning-rate", "0.01")
    assert status == 0
    run = Path("runs/translation/latest")
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test_exact_match"] > 0.9
    assert metrics["test_exact_match_beam5"] > 0.9
    assert metrics["test_token_accuracy"] > 0.97
    assert metrics["baseline_test_exact_match"] < 0.2
    assert "test_bleu_lowercase" not in metrics
    for name in ("report.html", "samples.txt", "history.csv", "model.keras"):
        assert (run / name).stat().st_size > 0
    assert (run / "plots/alignment.png").stat().st_size > 0
    for word in ("tensorflow", "CPU", "XLA"):
        assert word in out.splitlines()[0]
    assert answer_to_its_request(run)["text"].shape == (1,)
    source, ours = (
        (run / "samples.txt").read_text().split("\n")[0].split("   ")[0].split(" -> ")
    )
    assert translate(*load(run), [source], BEAMS) == [ours]

    # --load: the same figures without training.
    request.getfixturevalue("unexported")
    assert translation("--load", run, "--run-dir", "again")[0] == 0
    again = json.loads(Path("again/metrics.json").read_text())
    for name in ("test_exact_match", "test_token_accuracy"):
        assert again[name] == metrics[name]
    assert "train_seconds" not in again
    samples = [Path(folder, "samples.txt").read_text() for folder in (run, "again")]
    assert samples[0] == samples[1]


def test_jax_trains_without_tensorflow_and_both_translate_the_same(tmp_path):
    pairs_file(tmp_path / "mine.tsv", sizes=(3, 5))  # few lengths to compile
    out = python_on_jax(
        tmp_path, *["-c", WITHOUT_TENSORFLOW, "translation", "--data", "mine.tsv"]
    )
    assert "No SavedModel: TensorFlow is not installed here" in out
    load = ["-m", "recipes.translation", "--load", "runs/translation/smoke"]
    load += ["--run-dir", "tensorflow"]
    python_on_jax(tmp_path, *load, KERAS_BACKEND="tensorflow")
    assert (tmp_path / "tensorflow/saved_model/1/saved_model.pb").exists()
    samples = [
        (tmp_path / folder / "samples.txt").read_text()
        for folder in ("runs/translation/smoke", "tensorflow")
    ]
    assert samples[0] == samples[1]


HIDDEN = f"""
{WITHOUT_KIT}
import json
from pathlib import Path
from recipes.translation import Config, build_model, export, load, translate
vocabulary = {{"unit": "char", "source": ["a"], "target": ["b"], "length": 5}}
model = build_model(Config(units=8), vocabulary)
(text,) = translate(model, vocabulary, ["aa"])
assert set(text) <= {{"b"}}
export(model, vocabulary, "saved_model")
model.save("model.keras")
Path("vocabulary.json").write_text(json.dumps(vocabulary))
assert translate(*load("."), ["aa"]) == [text]
"""


def test_model_translates_exports_and_loads_without_kit_and_data(tmp_path):
    child = python("-c", HIDDEN, folder=tmp_path, PYTHONPATH=str(ROOT))
    assert child.returncode == 0, child.stderr
    assert (tmp_path / "saved_model/saved_model.pb").exists()


def test_long_pairs_are_left_out():
    """The longer side counts, without START and END."""
    sources = [np.ones(n, "int32") for n in (2, 3, 1, 2)]
    targets = [np.ones(n + 2, "int32") for n in (2, 1, 3, 1)]
    data = PairBatches(sources, targets, 8, max_tokens=2)
    assert [len(x) for x in data.sequences] == [2, 2]
    assert [len(x) for x in data.targets] == [4, 3]
    assert len(PairBatches(sources, targets, 8, max_tokens=3).targets) == 4
    with pytest.raises(UserError, match="no pair has at most --max-tokens 1"):
        PairBatches(sources[:2], targets[:2], 8, max_tokens=1)


def test_nothing_is_translated_as_nothing():
    model, _ = random_model({"unit": "char"})
    empty = np.array([[0, 0], [4, 5]], "int32")
    written = np.array(search(model, empty, 5))
    assert (written[0] == END).all() and (written[1] != END).any()
    rows = translate_ids(model, [[], [4, 5]], 5)
    np.testing.assert_array_equal(rows[0], np.full(5, END))
    np.testing.assert_array_equal(rows[1], written[1])
    (nothing, unseen), (ids, weights) = align_ids(model, [[], [4, 5]], 5)
    assert (len(nothing), len(unseen)) == (0, 0)
    assert weights.shape == (len(ids), 2)


def test_training_and_validation_leave_long_pairs_out(
    translation, tmp_path, monkeypatch
):
    """Texts have 2 to 6 letters, and targets END in addition."""
    widest = []

    class Recorded(PairBatches):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            widest.append(self.widest.tolist())

    def checkpoint(*arguments):
        raise UserError("seen")

    pairs_file(tmp_path / "mine.tsv", 400)
    monkeypatch.setattr("kit.pair_batches.PairBatches", Recorded)
    monkeypatch.setattr("kit.training.Checkpoint", checkpoint)
    for options, longest in ([], 6), (["--max-tokens", 4], 4):
        assert translation("--data", "mine.tsv", *options)[0] == 2
        assert widest == [[longest, longest + 1]] * 2
        widest.clear()
    status, _, errors = translation("--data", "mine.tsv", "--max-tokens", 1)
    assert status == 2
    assert "no pair has at most --max-tokens 1" in errors


@pytest.mark.parametrize(
    ("content", "expected_words"),
    [
        (b"", ["mine.tsv", "empty"]),
        (b"no tab here\n" * 30, ["mine.tsv", "tab"]),
        (b"a\tb\n\tc\n" * 30, ["mine.tsv", "empty source"]),
        (b"a\tb\nc\td\n", ["mine.tsv", "pairs"]),
        (b"\xff\ta\n" * 30, ["mine.tsv", "UTF-8"]),
    ],
)
def test_bad_pairs_end_in_one_line(translation, tmp_path, content, expected_words):
    (tmp_path / "mine.tsv").write_bytes(content)
    status, _, errors = translation("--data", "mine.tsv")
    assert status == 2
    assert len(errors.strip().splitlines()) == 1, errors
    for word in ("error:", *expected_words):
        assert word in errors
    assert not list(Path("runs/translation").iterdir())


def test_equal_sides_are_an_error(translation, tmp_path):
    rows = "".join(f"word {n}\tword {n}\n" for n in range(50))
    (tmp_path / "mine.tsv").write_text(rows)
    status, _, errors = translation("--data", "mine.tsv")
    assert status == 2
    assert "equal" in errors


def test_an_odd_number_of_units_is_an_error(translation, tmp_path):
    pairs_file(tmp_path / "mine.tsv", 40)
    status, _, errors = translation("--data", "mine.tsv", "--units", 33)
    assert status == 2
    assert "--units must be even" in errors


def test_the_alignment_is_what_was_looked_at_while_writing():
    """All weights at once equal those of decoding token by token."""
    model, _ = random_model({"unit": "char", "attention": "general"})
    source = np.array([[4, 5, 6, 0], [7, 8, 9, 10]], "int32")
    written = np.array(search(model, source, 6))
    context, states = model.encode(source)
    token = np.full([2, 1], START, "int32")
    for place in range(6):
        _, states, weights = model.decode(token, context, states)
        at_once = np.array(attention_weights(model, source, written))[:, place]
        np.testing.assert_allclose(at_once, np.array(weights)[:, 0], atol=1e-5)
        token = written[:, place : place + 1]


def test_of_a_long_source_1000_tokens_are_read(exported, monkeypatch):
    import tensorflow as tf

    model, vocabulary, loaded, _ = exported
    read = []

    def recorded(model, sources, *more):
        read.extend(map(len, sources))
        return translate_ids(model, sources, *more)

    monkeypatch.setattr(encoder_decoder, "translate_ids", recorded)
    within = "a " * (500 if vocabulary["unit"] == "char" else 1000)
    text = within + "cat on! " * 50
    expected = translate(model, vocabulary, [within])
    assert translate(model, vocabulary, [text]) == expected
    assert read == [1000, 1000]
    assert ask(loaded, [text], 1) == expected
    if model.has_attention:
        ((tokens, _, _),) = align(model, vocabulary, [text])
        assert len(tokens) == 1000
        outputs = loaded.signatures["align"](text=tf.constant([text]))
        assert sum(token != b"" for token in outputs["tokens"].numpy()[0]) == 1000


def test_weights_of_attention_for_every_kind():
    for attention in ("bahdanau", "dot", "general"):
        model, _ = random_model({"unit": "char", "attention": attention})
        source = np.array([[4, 5, 6, 0]], "int32")
        written = search(model, source, 9)
        weights = np.array(attention_weights(model, source, written))
        assert weights.shape == (1, 9, 4)
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
        np.testing.assert_array_equal(weights[..., 3], 0)


def test_the_ladder_is_drawn(tmp_path):
    ladder = pytest.importorskip("benchmarks.translation_ladder")
    groups = [{"source_tokens": n, "exact_match": 0.1 * n} for n in (3.0, 5.0)]
    rows = [
        {"model": name, "curve": [2.0, 1.0], "by_length": groups}
        for name in ladder.MODELS
    ]
    ladder.draw(rows, "dates", tmp_path / "ladder.png")
    assert (tmp_path / "ladder.png").read_bytes().startswith(b"\x89PNG")


def test_ratios_are_of_the_better_modes():
    bench = pytest.importorskip("benchmarks.translation")
    speeds = {
        "training, ours, with XLA": 30,
        "training, ours, without XLA": 20,
        "training, Keras's parts, with XLA": 5,
        "training, Keras's parts, without XLA": 15,
        "training, limit of arithmetic": 40,
        "decoding, ours, beam 1": 100,
        "decoding, token by token, beam 1": 25,
        "decoding, ours, beam 5": 60,
        "decoding, token by token, beam 5": 10,
    }
    expected = {"training": 2, "decoding, beam 1": 4, "decoding, beam 5": 6}
    expected["training, share of the limit"] = 0.75
    assert bench.ratios(speeds) == expected


def test_flop_of_a_step_by_hand():
    bench = pytest.importorskip("benchmarks.translation")
    # Per source token: two LSTMs of 2 units, (4 + 2) x 8 each, and keys 4 x 4. Per
    # target token: an LSTM of 4 units, (4 + 4 + 4) x 16, the query 4 x 4, the vector
    # 8 x 4, logits 4 x 10, and for each of 3 source tokens a score and a product of 4.
    read, written = 2 * 6 * 8 + 16, 12 * 16 + 16 + 32 + 40 + 2 * 3 * 4
    sizes = bench.Sizes(4, 9, 10, 3, 5)
    assert sizes.flop == 2 * 3 * bench.BATCH * (3 * read + 5 * written)
