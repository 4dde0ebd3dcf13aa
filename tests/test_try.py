"""Queries to an exported model, with the real command in a child process."""

import numpy as np
import pytest

from kit.try_run import load, words_and_bars
from recipes.word2vec import Config, build_model, export
from tests.exports import export_tagger
from tests.processes import ROOT, python


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def run(tf, tmp_path_factory):
    """A classifier: the probability of `good` is the share of words that are `yes`."""
    texts = tf.TensorSpec([None], tf.string)

    class Tiny(tf.Module):
        def __init__(self):
            super().__init__()
            self.names = tf.Variable(["bad", "good"])

        def shares(self, texts):
            yes = tf.strings.split(texts) == "yes"
            good = tf.reduce_mean(tf.cast(yes, tf.float32), axis=1)
            return tf.stack([1 - good, good], axis=-1)

        @tf.function(input_signature=[texts])
        def serve(self, text):
            probabilities = self.shares(text)
            label = tf.gather(self.names, tf.argmax(probabilities, axis=-1))
            return {"probabilities": probabilities, "label": label}

        @tf.function(input_signature=[])
        def labels(self):
            return {"labels": tf.identity(self.names)}

        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def word_by_word(self, text):
            words = tf.strings.split(text)
            ends = tf.range(1, tf.size(words) + 1)
            before = tf.RaggedTensor.from_row_lengths(
                tf.gather(words, tf.ragged.range(ends).values), ends
            )
            yes = tf.cast(before == "yes", tf.float32)
            good = tf.reduce_mean(yes, axis=1)
            return {
                "words": words,
                "probabilities": tf.stack([1 - good, good], axis=-1),
            }

    folder = tmp_path_factory.mktemp("run")
    tiny = Tiny()
    signatures = {
        "serving_default": tiny.serve,
        "labels": tiny.labels,
        "word_by_word": tiny.word_by_word,
    }
    tf.saved_model.save(tiny, str(folder / "saved_model" / "1"), signatures)
    return folder


def ask(run, *options, lines=""):
    command = ["-m", "kit.try_run", "tiny", "--run", run, *options]
    return python(*command, folder=ROOT, written=lines)


def test_each_line_is_answered_word_by_word(run):
    child = ask(run, lines="yes no 好 yes\n\n  yes\n")
    assert child.stdout.splitlines() == [
        "bad 0.500",
        "  yes  0.000",
        f"  no   0.500 {'█' * 12}",
        f"  好   0.667 {'█' * 16}",
        f"  yes  0.500 {'█' * 12}",
        "good 1.000",
        f"  yes  1.000 {'█' * 24}",
    ]
    assert (child.stderr, child.returncode) == ("", 0)


def test_a_model_without_word_by_word_prints_its_outputs(tf, tmp_path):
    class Reverse(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "prompt")])
        def serve(self, prompt):
            return {"text": prompt + "!", "tokens": tf.strings.length(prompt)}

    model = Reverse()
    tf.saved_model.save(model, str(tmp_path), {"serving_default": model.serve})
    assert list(load(tmp_path)(" hello ")) == ["text: hello!\ntokens: 5"]


def test_what_each_written_token_looked_at(tf, tmp_path):
    text = tf.TensorSpec([None], tf.string, "text")

    class Mirror(tf.Module):
        @tf.function(input_signature=[text, tf.TensorSpec([None], tf.int32, "beam")])
        def serve(self, text, beam):
            words = tf.strings.split(text)
            text = tf.strings.reduce_join(tf.reverse(words, [1]), 1, separator=" ")
            return {"text": tf.strings.join([text, tf.strings.as_string(beam)], " ")}

        @tf.function(input_signature=[text])
        def align(self, text):
            words = tf.strings.split(text).to_tensor()
            count = tf.shape(words)[1]
            weights = tf.reverse(tf.eye(count)[None], [1]) * 0.75
            written = tf.reverse(words, [1])
            return {"tokens": words, "translation": written, "weights": weights}

    model = Mirror()
    signatures = {"serving_default": model.serve, "align": model.align}
    tf.saved_model.save(model, str(tmp_path), signatures)
    shown = "".join(load(tmp_path)(" ab 好的 c"))
    lines = ["text: c 好的 ab 5", "  c     0.75  c", "  好的  0.75  好的"]
    assert shown.splitlines() == [*lines, "  ab    0.75  ab"]


def test_a_text_is_continued_piece_by_piece(tf, tmp_path):
    """Each piece continues the text so far; the typed text keeps its spaces."""
    kinds = {"prompt": tf.string, "length": tf.int32, "temperature": tf.float32}
    kinds |= {"top_k": tf.int32, "top_p": tf.float32, "seed": tf.int32}
    specs = [tf.TensorSpec([None], kind, name) for name, kind in kinds.items()]

    class Count(tf.Module):
        @tf.function(input_signature=specs)
        def serve(self, prompt, length, temperature, top_k, top_p, seed):
            size = tf.strings.as_string(tf.strings.length(prompt))
            return {"text": tf.strings.join(["<", size, ">"])}

    model = Count()
    tf.saved_model.save(model, str(tmp_path), {"serving_default": model.serve})
    pieces = list(load(tmp_path)("def "))
    assert pieces[:4] == ["def ", "<4>", "<7>", "<10>"]
    assert len(pieces) > 10


def test_words_near_a_word_and_analogies(tf, tmp_path):
    words = ["man", "king", "woman", "queen", "boat"]
    vectors = [[0, 0, 0], [2, 0, 0], [3, 3, 0], [0, 0, 1], [0, 5, 5], [1, -1, 0]]
    vocabulary = {"words": words, "counts": [5] * 5}
    model = build_model(Config(units=3), vocabulary)
    model.vectors.set_weights([np.array(vectors, "float32")])
    export(model, vocabulary, tmp_path)
    answer = load(tmp_path)

    def lines_of(text):
        return [line.split() for line in "".join(answer(text)).splitlines()]

    assert [line[0] for line in lines_of(" King ")] == ["man", "queen", "woman", "boat"]
    assert lines_of("king")[0][1] == "0.707"
    for text in ("man : king :: woman", "man:king::woman"):
        assert lines_of(text)[0][0] == "queen"
        assert len(lines_of(text)) == 2
    assert list(answer("nobody")) == ["not in the vocabulary: nobody"]
    assert list(answer("man : x :: y")) == ["not in the vocabulary: x, y"]
    assert list(answer("a : b")) == ["expected a word, or a : b :: c"]


def test_entities_in_brackets_and_what_is_in_doubt(tf, tmp_path):
    labels = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    known = {"Paul": ("B-PER", 0.75), "Simon": ("I-PER", 1.0), "Paris": ("B-LOC", 0.5)}
    known |= {"May": ("O", 0.625), "باريس": ("B-LOC", 1.0), "York": ("I-LOC", 0.25)}
    export_tagger(tmp_path, labels, known)
    answer = load(tmp_path)
    (shown,) = answer(" May Paul Simon live in\tParis? ")
    assert shown.splitlines() == [
        "May [PER Paul Simon] live in [LOC Paris] ?",
        f"  May    O      0.625 {'█' * 15}",
        f"  Paul   B-PER  0.750 {'█' * 18}",
        f"  Simon  I-PER  1.000 {'█' * 24}",
        f"  Paris  B-LOC  0.500 {'█' * 12}",
    ]
    (shown,) = answer("أحمد في باريس")
    assert shown.splitlines()[0] == "أحمد في [LOC باريس]"
    assert list(answer("nothing <b>")) == ["no entity found"]
    assert list(answer("\u200b")) == ["no entity found"]
    # An entity has a beginning; what is in doubt is shown all the same.
    (shown,) = answer("York")
    assert shown == f"no entity found\n  York  I-LOC  0.250 {'█' * 6}"
    (shown,) = answer("Paul in Paris. " * 500)
    lines = shown.splitlines()
    assert lines[0].count("[PER Paul] in [LOC Paris] .") == 500
    assert len(lines) == 62 and lines[-1] == "  ... and 940 more words"


def test_other_tags_stand_beside_every_word(tf, tmp_path):
    known = {"dogs": ("NOUN", 0.5), "电": ("VERB", 1.0)}
    export_tagger(tmp_path, ["X", "NOUN", "VERB"], known)
    answer = load(tmp_path)
    (shown,) = answer("dogs bark 电")
    assert shown.splitlines() == [
        f"  dogs  NOUN  0.500 {'█' * 12}",
        f"  bark  X     0.969 {'█' * 23}▎",
        f"  电    VERB  1.000 {'█' * 24}",
    ]
    assert list(answer("\u200b")) == ["no word found"]


def test_bars_stand_in_one_column_of_the_terminal():
    shown = words_and_bars(
        ["ab", "电影", "e\u0301te", "x" * 30], [0.5, 0.25, 0.01, 1.0]
    )
    assert shown.splitlines() == [
        f"  ab                    0.500 {'█' * 12}",
        f"  电影                  0.250 {'█' * 6}",
        "  e\u0301te                   0.010 ▎",
        f"  {'x' * 19}…  1.000 {'█' * 24}",
    ]
    assert words_and_bars(["w"] * 63, [0.5] * 63).endswith("\n  ... and 3 more words")
    assert words_and_bars([], []) == ""


def test_a_run_without_export_is_one_error(tmp_path):
    child = ask(tmp_path, "--text", "yes")
    assert child.returncode == 2
    assert child.stdout == ""
    assert child.stderr.count("\n") == 1
    assert child.stderr.startswith("error: ")
    assert "saved_model" in child.stderr
