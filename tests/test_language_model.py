"""Models of the next token: tied embeddings, the start of decoding, writing."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops

from custom_layers import GRU, LSTM
from custom_layers.decoding import beam_search
from custom_layers.language_model import begin, continue_prompts, first_states
from custom_layers.tied_embedding import TiedEmbedding

VOCAB = 7


def random(layer):
    chance = np.random.default_rng(3)
    layer.set_weights([chance.normal(size=w.shape) for w in layer.get_weights()])


@pytest.mark.parametrize("tied", [True, False])
def test_tied_embedding_by_its_equations(tied):
    layer = TiedEmbedding(VOCAB, 4, tied=tied)
    layer.build((None, None))
    assert len(layer.weights) == 2 + (not tied)
    fresh = np.array(layer.vectors)
    assert not np.array(layer.bias).any()
    random(layer)
    vectors, bias, *own = layer.get_weights()
    ids = np.array([[1, 6, 1], [0, 2, 5]])
    np.testing.assert_allclose(layer(ids), vectors[ids] * 2, rtol=1e-6)
    features = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    logits = features @ (own[0] if own else vectors).T + bias
    np.testing.assert_allclose(layer(features, reverse=True), logits, rtol=1e-5)
    wide = TiedEmbedding(3000, 64)
    wide.build((None, None))
    assert float(ops.std(wide.vectors)) == pytest.approx(1 / 8, rel=0.03)
    assert fresh.std() > 0


def test_tied_embedding_is_saved_whole_and_keeps_its_types(tmp_path):
    ids = layers.Input([None], dtype="int32")
    layer = TiedEmbedding(VOCAB, 4, tied=False, dtype="mixed_float16", name="vectors")
    model = keras.Model(ids, layer(layer(ids), reverse=True))
    random(layer)
    assert layer(np.array([1])).dtype == "float16"
    assert model(np.array([[1]])).dtype == "float32"  # logits always
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_layer("vectors").get_config() == layer.get_config()
    rows = np.array([[1, 2, 3]])
    np.testing.assert_array_equal(again(rows), model(rows))


def reader(cell=LSTM, count=2):
    """Returns a model of two layers whose states are inputs and outputs."""
    ids = layers.Input([None], dtype="int32")
    vectors = TiedEmbedding(VOCAB, 5)
    x, entering, leaving = vectors(ids), [], []
    for _ in range(2):
        first = [layers.Input([5]) for _ in range(count)]
        layer = cell(5, return_sequences=True, return_state=True)
        x, *last = layer(x, initial_state=first, mask=ops.not_equal(ids, 0))
        entering, leaving = [*entering, *first], [*leaving, *last]
    model = keras.Model([ids, *entering], [vectors(x, reverse=True), *leaving])
    random(model)
    return model


def logits_of(model, rows):
    """Returns logits `[batch, time, vocab]` in float64, from zero states."""
    ids = ops.convert_to_tensor(rows, "int32")
    return np.array(model([ids, *first_states(model, len(rows))])[0], "float64")


@pytest.mark.parametrize(("cell", "count"), [(LSTM, 2), (GRU, 1)])
def test_decoding_begins_where_each_prompt_ends(cell, count):
    model = reader(cell, count)
    rows = [[3, 1, 4, 1, 5], [2], [6, 2]]
    ids = np.zeros((3, 8), "int32")
    for row, known in zip(ids, rows, strict=True):
        row[: len(known)] = known
    step, token, states = begin(model, ids)
    assert np.array(token).tolist() == [5, 2, 2]
    logits, _ = step(token, states)
    for known, row_logits in zip(rows, logits, strict=True):
        alone = logits_of(model, [known])[0, -1]
        np.testing.assert_allclose(row_logits, alone, atol=1e-5)


def test_prompts_are_continued_by_the_most_probable_token_each_time():
    model = reader()
    banned = np.arange(VOCAB) < 2
    prompts = [[3], [6, 4, 2, 5, 3], [1] * 40]
    written = continue_prompts(model, prompts, 6, banned, temperature=0)
    for prompt, ids in zip(prompts, written, strict=True):
        text = list(prompt)
        for _ in range(6):
            logits = logits_of(model, [text])[0, -1]
            text.append(int(np.where(banned, -np.inf, logits).argmax()))
        assert ids.tolist() == text[len(prompt) :]
    (one,) = continue_prompts(model, prompts[1:2], 6, banned, seed=8)
    both = continue_prompts(model, prompts[:2], 6, banned, seed=7)
    assert one.tolist() == both[1].tolist()
    many = continue_prompts(model, [[3]] * 20, 6, banned)
    assert len({tuple(ids) for ids in many.tolist()}) > 10
    # Each model keeps a compiled loop of its own.
    other_model = reader()
    other_model.set_weights([-w for w in model.get_weights()])
    other = continue_prompts(other_model, prompts, 6, banned, temperature=0)
    assert other.tolist() != written.tolist()
    again = continue_prompts(model, prompts, 6, banned, temperature=0)
    assert again.tolist() == written.tolist()


def test_beam_search_finds_the_most_probable_text_after_a_prompt():
    model = reader()
    step, token, states = begin(model, np.array([[3, 4]], "int32"))
    texts, scores = beam_search(
        step, token, states, 3, beams=36, end=0, banned=np.arange(VOCAB) < 1
    )
    every = np.array(list(itertools.product(range(1, VOCAB), repeat=3)))
    ids = np.concatenate([np.tile([3, 4], (len(every), 1)), every], axis=1)
    logits = logits_of(model, ids)[:, 1:-1, 1:]
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    means = np.take_along_axis(logs, every[..., None] - 1, axis=2).mean(axis=(1, 2))
    assert np.array(texts)[0, 0].tolist() == every[means.argmax()].tolist()
    assert float(scores[0, 0]) == pytest.approx(means.max(), abs=1e-5)
