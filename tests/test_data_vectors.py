"""Word vectors from counts equal their definition, computed here with loops."""

import math

import numpy as np
import pytest

from data.errors import UserError
from data.vectors import vectors_from_file
from tasks import count_vectors
from tasks.count_vectors import vectors_from_counts

SIZE = 14


@pytest.fixture(scope="module")
def texts():
    random = np.random.default_rng(0)
    share = 1 / np.arange(1, SIZE + 1)
    lengths = [0, 1, 2, 7, *random.integers(3, 30, 40)]
    share /= share.sum()
    return [random.choice(SIZE, n, p=share).astype("int32") for n in lengths]


def by_definition(texts, width, window=5, first=2):
    counts = np.zeros((SIZE, SIZE))
    for text in texts:
        for i, word in enumerate(text):
            for j, other in enumerate(text):
                if 0 < abs(i - j) <= window and min(word, other) >= first:
                    counts[word, other] += 1 / abs(i - j)
    context = counts.sum(0) ** 0.75
    context /= context.sum()
    ppmi = np.zeros_like(counts)
    for word, other in zip(*np.nonzero(counts), strict=True):
        share = counts[word, other] / counts[word].sum()
        ppmi[word, other] = max(0.0, math.log(share / context[other]))
    left, strength, _ = np.linalg.svd(ppmi)
    return (left * np.sqrt(strength))[:, :width]


def test_equal_to_the_definition(texts):
    vectors = vectors_from_counts(texts, SIZE, 5)
    assert vectors.shape == (SIZE, 5) and vectors.dtype == np.float32
    assert np.abs(vectors[:2]).max() < 1e-6  # padding and unknown
    expected = by_definition(texts, 5)
    # The sign of a singular vector is arbitrary.
    signs = np.sign((vectors * expected).sum(axis=0))
    np.testing.assert_allclose(vectors * signs, expected, atol=1e-4)


@pytest.mark.parametrize(("window", "first"), [(2, 1), (9, 4)])
def test_other_windows_and_ids_in_pieces(texts, window, first, monkeypatch):
    """Texts are counted in pieces, even a text that is longer than a piece."""
    monkeypatch.setattr(count_vectors, "TOGETHER", 40)
    vectors = vectors_from_counts(iter(texts), SIZE, 4, window, first)
    expected = by_definition(texts, 4, window, first)
    expected *= np.sign((vectors * expected).sum(axis=0))  # arbitrary signs
    np.testing.assert_allclose(vectors, expected, atol=1e-4)


def test_the_same_each_time(texts):
    first, second = (vectors_from_counts(texts, SIZE, 5) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_more_numbers_than_words(texts):
    rows = vectors_from_counts(texts, SIZE, 40)
    assert rows.shape == (SIZE, 40) and rows[:, 0].any() and not rows[:, SIZE:].any()


@pytest.mark.parametrize("texts", [[[]], [[5], [1, 5, 1]], [[5, 5]]])
def test_texts_without_pairs_of_words(texts):
    """One word per text, or a single distinct word: the vectors are zero, not NaN."""
    texts = [np.array(text, "int32") for text in texts]
    assert not vectors_from_counts(texts, SIZE, 3).any()


@pytest.mark.parametrize(
    ("content", "naming"),
    [
        ("", "none of the 2 words"),
        ("3 5\n", "2 numbers per word"),
        ("a 1\n", "2 numbers per word"),
        ("2 2\nb 1 2\na 1\n", "line 3"),
        ("2 2\nb 1 2\na 1 nan\n", "line 3: expected a word and 2 finite numbers"),
        ("a 1 inf\n", "line 1: expected a word and 2 finite numbers"),
        ("2 2\na 1 much\n", "line 2"),
        ("1 2\nc 1 2\n", "none of the 2 words"),
        (b"1 2\n\xff 1 2\n", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_files_of_vectors_of_another_form(tmp_path, content, naming):
    path = tmp_path / "vectors.txt"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=naming) as caught:
        vectors_from_file(path, ["a", "b"], 2)
    assert "vectors.txt" in str(caught.value)


def test_the_vectors_of_a_file(tmp_path):
    (tmp_path / "vectors.txt").write_text("4 2\nB 1 3\nb 9 9\nzz 1 1\na -1 0.5\n")
    vectors, rows = vectors_from_file(tmp_path, ["a", "x", "b"], 2)
    assert rows.tolist() == [2, 0]
    np.testing.assert_allclose(vectors, [[1, 3], [-1, 0.5]], rtol=1e-6)


def test_vectors_of_glove(tmp_path):
    """Without a first line of sizes; a word of it may be several."""
    path = tmp_path / "glove.txt"
    path.write_text("the 0 0\n. . . 5 6\nA -1 0.5\nnew york 3 4\n")
    vectors, rows = vectors_from_file(path, ["a", "x", "new york"], 2)
    assert rows.tolist() == [0, 2]
    np.testing.assert_allclose(vectors, [[-1, 0.5], [3, 4]], rtol=1e-6)
