"""The n-gram model equals its equations, computed here with dictionaries."""

import math
import time
from collections import Counter

import numpy as np
import pytest

from tasks.ngram import NGram, unigram_nats

VOCAB = 9  # the last two occur in no text


class ByDefinition:
    """Interpolated Kneser-Ney by the equations, gram by gram."""

    def __init__(self, ids, vocab, order, modified):
        self.vocab, self.order, self.counts = vocab, order, []
        for length in range(1, order + 1):
            grams = self.grams(ids, length)
            if length < order:  # count the distinct tokens that precede it
                grams = [gram[1:] for gram in {*self.grams(ids, length + 1)}]
            self.counts.append(Counter(grams))
        self.discounts = [self.discount(count, modified) for count in self.counts]

    @staticmethod
    def grams(ids, length):
        return [tuple(ids[n : n + length]) for n in range(len(ids) - length + 1)]

    @staticmethod
    def discount(counts, modified):
        n = Counter(counts.values())
        single = n[1] / (n[1] + 2 * n[2]) if n[1] and n[2] else 0.5
        three = [single] * 3
        if modified and n[1] and n[2] and n[3] and n[4]:
            modified = [k - (k + 1) * single * n[k + 1] / n[k] for k in (1, 2, 3)]
            if all(0 < value <= k for k, value in enumerate(modified, 1)):
                three = modified
        return lambda count: three[min(count, 3) - 1] if count else 0

    def probability(self, token, context):
        context = tuple(context)[max(0, len(context) - self.order + 1) :]
        below = self.probability(token, context[1:]) if context else 1 / self.vocab
        counts = self.counts[len(context)]
        discount = self.discounts[len(context)]
        after = [c for gram, c in counts.items() if gram[:-1] == context]
        if not sum(after):
            return below
        count = counts[(*context, token)]
        backoff = sum(discount(c) for c in after)
        return (count - discount(count) + backoff * below) / sum(after)


def text(length, seed=0):
    """Returns random ids with skewed frequencies; many depend on the previous id."""
    random = np.random.default_rng(seed)
    ids = random.zipf(1.6, length) % 5
    return (ids + 2 * np.roll(ids, 1) * (random.random(length) < 0.7)) % (VOCAB - 2)


@pytest.mark.parametrize("modified", [False, True])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("length", [1, 2, 4, 30, 400])
def test_equal_to_the_equations(length, order, modified):
    train, test = text(length), np.append(text(60, 1), [VOCAB - 1, 0, 0, VOCAB - 2])
    model = NGram(train, VOCAB, order, modified)
    naive = ByDefinition(train.tolist(), VOCAB, min(order, length), modified)
    expected = [
        math.log(naive.probability(token, test[:n].tolist()))
        for n, token in enumerate(test.tolist())
    ]
    np.testing.assert_allclose(model.log_probabilities(test), expected, atol=1e-12)
    assert model.nats(test) == pytest.approx(-np.mean(expected))


@pytest.mark.parametrize("modified", [False, True])
def test_distributions_sum_to_one(modified):
    train = text(500)
    model = NGram(train, VOCAB, 4, modified)
    contexts = [train[:n] for n in range(6)]  # the beginning
    contexts += [train[-n:] for n in range(1, 6)]  # the end
    contexts += [text(n, n) for n in range(1, 30)]
    contexts += [np.array([VOCAB - 1]), np.array([1, VOCAB - 1, 0])]
    for context in contexts:
        shares = model.probabilities(context)
        assert shares.shape == (VOCAB,) and shares.min() > 0
        assert shares.sum() == pytest.approx(1, abs=1e-12)
        # Scoring a text uses the same probabilities.
        tokens = [*context, 3]
        assert np.exp(model.log_probabilities(tokens)[-1]) == pytest.approx(shares[3])


def test_a_longer_context_helps():
    train, test = text(20000), text(5000, 1)
    nats = [NGram(train, VOCAB, order).nats(test) for order in (1, 2, 3)]
    assert nats[1] < nats[0] - 0.03
    assert nats[0] == pytest.approx(unigram_nats(train, test, VOCAB), abs=0.01)


def test_a_text_that_repeats_is_learnt():
    train = np.tile([0, 1, 2, 0, 1, 3], 500)
    model = NGram(train, VOCAB, 4)
    assert model.nats(train) < 0.02
    np.testing.assert_array_equal(model.generate(train[:5], 60, 1)[:13], train[5:18])


def test_words_whose_grams_do_not_fit_a_number():
    """100,000 ** 5 does not fit into 64 bits."""
    random = np.random.default_rng(0)
    train = random.integers(0, 100_000, 3000)
    model = NGram(train, 100_000, 5)
    assert model.nats(train) < 3 < math.log(100_000) - 1 < model.nats(train[::-1])
    assert model.probabilities(train[7:11]).argmax() == train[11]


def test_generated_tokens_follow_the_law():
    train = text(2000)
    model = NGram(train, VOCAB, 3)
    shares = model.probabilities(train[:2])
    drawn = [model.generate(train[:2], 1, seed)[0] for seed in range(4000)]
    observed = np.bincount(drawn, minlength=VOCAB) / len(drawn)
    np.testing.assert_allclose(observed, shares, atol=4 * math.sqrt(0.25 / len(drawn)))
    # Later tokens depend on earlier ones: the nats of the text equal the entropy.
    tokens = model.generate(train[:2], 5000, 0)
    assert tokens.shape == (5000,) and tokens.dtype == np.int32
    entropy = -np.mean(
        [(p := model.probabilities(tokens[n : n + 2])) @ np.log(p) for n in range(3000)]
    )
    assert model.nats(tokens) == pytest.approx(entropy, abs=0.05)


def test_temperature_sharpens_the_law():
    train = np.random.default_rng(0).choice(3, 5000, p=[0.6, 0.3, 0.1])
    model = NGram(train, 3, 1)
    tokens = model.generate([], 4000, 0, temperature=0.5)
    expected = model.probabilities([]) ** 2
    shares = np.bincount(tokens, minlength=3) / len(tokens)
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=0.02)


def test_seed_decides_what_is_generated():
    model = NGram(text(300), VOCAB, 3)
    first, same, other = (model.generate([1, 2], 40, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    assert model.generate([], 3, 0).shape == (3,)
    assert model.generate([1], 0, 0).shape == (0,)


def test_generates_fast_enough():
    ids = np.random.default_rng(0).zipf(1.3, 50_000) % 150
    model = NGram(ids, 150, 6)
    start = time.perf_counter()
    model.generate(ids[:9], 500, 0)
    assert 500 / (time.perf_counter() - start) > 2000


def test_unigram_adds_one():
    assert unigram_nats([0, 0, 1], [0, 1, 2, 2], 4) == pytest.approx(
        -math.log(3 / 7 * 2 / 7 * 1 / 7 * 1 / 7) / 4
    )


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "1 or more"),
        ([0.5], "float64"),
        ([[1]], r"shape \(1, 1\)"),
        ([0, 4], r"0 \.\.\. 3. Received: 0 to 4"),
        ([-1], "Received: -1"),
    ],
)
def test_bad_ids(ids, message):
    model = NGram([0, 1, 2], 4, 2)
    for use in (lambda: NGram(ids, 4, 2), lambda: model.nats(ids)):
        with pytest.raises(ValueError, match=message):
            use()
    with pytest.raises(ValueError, match="`order` must be positive"):
        NGram([0], 4, 0)


def test_a_long_text_is_read_in_chunks(monkeypatch):
    train, test = text(400, seed=1), text(300, seed=2)
    model = NGram(train, VOCAB, 4)
    whole = -model.log_probabilities(test).mean()
    alone = unigram_nats(train, test, VOCAB)
    for size in (1, 2, 7, 300):
        monkeypatch.setattr("tasks.ngram.CHUNK", size)
        assert model.nats(test) == pytest.approx(whole, abs=1e-12)
        assert unigram_nats(train, test, VOCAB) == pytest.approx(alone, abs=1e-12)
