"""Batches, losses and scores of recipes that turn one sequence into another."""

import keras
import numpy as np
import pytest

from custom_layers.losses import SmoothedCrossentropy, accuracy
from kit.pair_batches import PairBatches
from tasks.translations import most_attended, most_similar, samples, scores


def some_pairs(count=150, seed=0):
    rng = np.random.default_rng(seed)
    return [
        [
            rng.integers(4, 99, rng.integers(1, longest)).astype("int32")
            for _ in "x" * count
        ]
        for longest in (30, 20)
    ]


def batches_of(batches):
    return [batches[number] for number in range(len(batches))]


def test_every_pair_stands_once_in_an_epoch():
    sources, targets = some_pairs()
    targets = [np.concatenate([[2], row, [3]]).astype("int32") for row in targets]
    batches = PairBatches(sources, targets, 8, seed=1)
    for epoch in (0, 1):
        batches.set_epoch(epoch)
        seen = []
        for (source, before), following, weights in batches_of(batches):
            assert source.shape[0] == before.shape[0] == 8
            assert before.shape == following.shape == weights.shape
            np.testing.assert_array_equal(weights, following > 0)
            np.testing.assert_array_equal(before[:, 1:], following[:, :-1])
            for row, first, rest in zip(source, before, following, strict=True):
                if rest.any():
                    target = [*first[:1], *rest[rest > 0]]
                    seen.append((row[row > 0].tolist(), [int(id) for id in target]))
        pairs = zip(sources, targets, strict=True)
        assert sorted(seen) == sorted((s.tolist(), t.tolist()) for s, t in pairs)
    assert sum(map(batches.tokens, range(len(batches)))) == sum(map(len, targets)) - 150


def test_few_shapes_and_little_padding():
    sources, targets = some_pairs(2000)
    batches = PairBatches(sources, targets, 16, seed=0)
    contents = batches_of(batches)
    assert len({(s.shape, t.shape) for (s, _), t, _ in contents}) <= 6
    # Keras takes the shape of all batches from the first two.
    assert contents[0][0][0].shape != contents[1][0][0].shape
    real = sum(np.count_nonzero(source) for (source, _), _, _ in contents)
    assert real > 0.75 * sum(source.size for (source, _), _, _ in contents)


def test_an_order_belongs_to_a_seed_and_an_epoch():
    sources, targets = some_pairs()

    def order(seed, epoch):
        batches = PairBatches(sources, targets, 8, seed)
        batches.set_epoch(epoch)
        return [source.tolist() for (source, _), _, _ in batches_of(batches)]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


def test_label_smoothing_by_hand():
    logits = np.float32([[[0.0, 1.0, 2.0], [5.0, 0.0, 0.0]]])
    right = np.int32([[2, 1]])
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    share = 0.3
    wanted = np.full((1, 2, 3), share / 3)
    for place, token in enumerate(right[0]):
        wanted[0, place, token] += 1 - share
    each = -(wanted * np.log(p)).sum(axis=-1)
    loss = SmoothedCrossentropy(share)
    assert float(loss(right, logits)) == pytest.approx(each.mean(), rel=1e-5)
    first = float(loss(right, logits, np.float32([[1, 0]])))
    assert first == pytest.approx(each[0, 0], rel=1e-5)
    plain = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    none = SmoothedCrossentropy(0.0)
    assert float(none(right, logits)) == pytest.approx(float(plain(right, logits)))


def test_scores():
    assert scores(["1", "2"], ["1", "3"], "{}_x") == {"exact_match_x": 0.5}
    part = scores(["a cat sat down", "b"], ["a cat sat down", "c c c"], "test_{}")
    assert part.keys() == {"test_bleu_lowercase", "test_chrf_lowercase"}
    assert 0 < part["test_bleu_lowercase"] < 100
    same = ["A man sits on a bench.", "Two dogs run fast."]
    figures = scores([text.upper() for text in same], same, "{}")
    assert figures["bleu_lowercase"] == pytest.approx(100)
    assert figures["chrf_lowercase"] == pytest.approx(100)


def test_the_most_similar_text():
    known = ["3 May 2021", "the cat", "12 June 1999"]
    rows = most_similar(known, ["a cat", "3 may 2022", "June 12"])["rows"]
    assert rows.tolist() == [1, 0, 2]


def test_samples_show_the_reference_where_it_differs():
    lines = samples(["1", "2", "3"], ["a", "B", "c"], ["a", "b", "d"])
    assert lines == ["1 -> a", "2 -> B", "3 -> c   (is: d)"]


def test_each_written_token_beside_the_source_token_with_the_largest_weight():
    weights = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3], [0.2, 0.2, 0.6]])
    line = most_attended(["a", " ", "c"], ["x", "y", "END"], weights)
    assert line == "x<-␣  y<-a  END<-c"


def test_accuracy_is_that_of_keras():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 40, 7)).astype("float32")
    right = rng.integers(0, 7, (3, 40)).astype("int32")
    ours = keras.ops.convert_to_numpy(accuracy(right, logits))
    np.testing.assert_array_equal(ours, logits.argmax(axis=-1) == right)
    assert 0 < ours.mean() < 1
