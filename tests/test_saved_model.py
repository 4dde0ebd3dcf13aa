"""Functions saved as the signatures of one SavedModel."""

import keras
import numpy as np
import pytest

from custom_layers import saved_model


def test_signatures_have_the_names_and_types_that_they_were_given(tmp_path):
    tf = pytest.importorskip("tensorflow")
    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
    table = saved_model.lookup_table(["a", "b"], first=5, default=1)
    traced = []

    def ids(words):
        traced.append(words.name)
        return {"ids": table.lookup(words)}

    def scores(rows):
        return {"scores": model(rows)}

    signatures = {
        "serving_default": (ids, {"word": "string"}),
        "ids": (ids, {"word": "string"}),
        "scores": (scores, {"numbers": tf.TensorSpec([None, 2], tf.float32)}),
    }
    saved_model.save(tmp_path / "1", model, signatures, [table])
    assert len(traced) == 1  # one function with two names is traced once
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    for name in ("serving_default", "ids"):
        answer = loaded.signatures[name](word=tf.constant(["b", "x", "a"]))
        assert answer["ids"].numpy().tolist() == [6, 1, 5]
    rows = np.ones((3, 2), "float32")
    answer = loaded.signatures["scores"](numbers=tf.constant(rows))
    np.testing.assert_allclose(answer["scores"], model(rows), rtol=1e-6)


def test_a_batch_of_unequal_arguments_is_refused_by_name(tmp_path):
    tf = pytest.importorskip("tensorflow")
    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])

    def longer(text, count, scale):
        return {"text": tf.strings.join([text, tf.strings.as_string(count)])}

    inputs = {"text": "string", "count": "int32", "scale": tf.TensorSpec([], tf.int32)}
    saved_model.save(tmp_path / "1", model, {"longer": (longer, inputs)})
    ask = tf.saved_model.load(str(tmp_path / "1")).signatures["longer"]
    answer = ask(text=tf.constant(["a", "b"]), count=tf.range(2), scale=tf.constant(1))
    assert answer["text"].numpy().tolist() == [b"a0", b"b1"]
    for rows in (1, 3):  # one row would be broadcast to both
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            ask(
                text=tf.constant(["a", "b"]), count=tf.range(rows), scale=tf.constant(1)
            )
        assert "`count` must have as many rows as `text`" in str(caught.value)


def test_answers_are_float32_whatever_the_precision(tmp_path):
    tf = pytest.importorskip("tensorflow")
    dense = keras.layers.Dense(1, dtype="mixed_bfloat16")
    model = keras.Sequential([keras.Input([2]), dense])

    def score(numbers):
        return {"score": model(numbers), "rows": tf.shape(numbers)}

    signatures = {"score": (score, {"numbers": tf.TensorSpec([None, 2], tf.float32)})}
    saved_model.save(tmp_path / "1", model, signatures)
    ask = tf.saved_model.load(str(tmp_path / "1")).signatures["score"]
    answer = ask(numbers=tf.ones([3, 2]))
    assert (answer["score"].dtype, answer["rows"].dtype) == (tf.float32, tf.int32)


def test_a_table_of_nothing():
    tf = pytest.importorskip("tensorflow")
    table = saved_model.lookup_table([], first=2, default=1)
    assert table.lookup(tf.constant(["a"])).numpy().tolist() == [1]
