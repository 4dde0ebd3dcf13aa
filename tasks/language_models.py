"""Metrics, baselines and figures for language models."""

import ast
import contextlib
from collections.abc import Callable

import keras
import numpy as np

from tasks.likelihood import nats_of, nats_of_each

CHUNK = 1 << 22  # tokens compared at a time
LINES = 5  # of held-out text in a figure
SHAPES = str.maketrans({" ": "\u2423", "\n": "\u23ce"})  # visible signs for white space
MAX_COUNTED = 8_000_000  # tokens that an n-gram model counts: about 1 GB


def metrics_of(model: keras.Model, data: dict, characters: int) -> dict[str, float]:
    """Nats per token of the validation and test parts; test perplexity and bits.

    Args:
        model: as in `nats_of_each`.
        data: ids `[tokens]` by part.
        characters: number of characters in the test part. A word model does not predict
            the letters of unknown words, so its bits per character are too low if many
            words are unknown.
    """
    nats = nats_of(model, data["test"])
    bits = nats / np.log(2) * (len(data["test"]) - 1)
    return {
        "validation_nats_per_token": nats_of(model, data["validation"]),
        "test_nats_per_token": nats,
        "test_perplexity": float(np.exp(nats)),
        "test_bits_per_char": float(bits / characters),
    }


def probabilities_figure(model: keras.Model, ids, names: Callable, each: int) -> dict:
    """A figure for the report: the probability of each of a text's first tokens.

    Args:
        model: as in `nats_of_each`.
        ids: `[tokens]`; the first one is only read.
        names: returns the text of ids.
        each: tokens per line; there are `LINES` lines.
    """
    shown = np.asarray(ids[: LINES * each + 1])
    nats = np.concatenate([*nats_of_each(model, shown), np.zeros(0, "float32")])
    items = []
    for start in range(0, len(nats), each):
        line, line_nats = shown[start + 1 :][:each], nats[start:][:each]
        item = {"text": names(line), "probabilities": np.exp(-line_nats).tolist()}
        item["words"] = [names([index]).translate(SHAPES) for index in line]
        item["said"] = f"{line_nats.mean():.2f} nats per token"
        items.append(item)
    title = "Probability of each token at the beginning of held-out text"
    return {"kind": "word_by_word", "title": title, "label": "", "items": items}


def baselines(
    parts: dict, vocab: int, order: int, prompt, length: int, seeds, temperature: float
) -> dict:
    """Test nats per token of simpler models, and texts `written` by the n-gram model.

    Args:
        parts: ids `[tokens]` of `train` and `test`.
        vocab: number of ids.
        order: tokens of the longest n-grams, `order - 1` of context.
        prompt: ids `[tokens]` that the n-gram model continues.
        length: number of ids per text.
        seeds: one per text.
        temperature: of sampling.

    The n-gram model counts the first 8 million tokens of a longer training text.
    """
    from tasks.ngram import NGram, unigram_nats

    training, test = np.asarray(parts["train"][:MAX_COUNTED]), parts["test"]
    model = NGram(training, vocab, order)
    return {
        "baseline_test_nats_per_token": model.nats(test),
        "unigram_test_nats_per_token": unigram_nats(training, test, vocab),
        "uniform_test_nats_per_token": float(np.log(vocab)),
        "written": [
            model.generate(prompt, length, seed, temperature).tolist() for seed in seeds
        ],
    }


def copied_share(written: list[np.ndarray], read, width: int = 50) -> float:
    """Share of the windows of `width` ids in `written` that occur in `read`.

    Args:
        written: a list of ids `[tokens]`.
        read: ids `[tokens]`, may be mapped from disk.
        width: ids per window.
    """
    wanted = [window_hashes(row, width) for row in written if len(row) >= width]
    if not wanted:
        return 0.0
    wanted = np.concatenate(wanted)
    is_copied = np.zeros(len(wanted), bool)
    for start in range(0, len(read), CHUNK):
        # Chunks overlap, so that every window is in one of them.
        chunk = np.asarray(read[start : start + CHUNK + width - 1])
        if len(chunk) >= width:
            is_copied |= np.isin(wanted, window_hashes(chunk, width))
    return float(is_copied.mean())


def parsed_share(texts: list[str]) -> float:
    """Share of the texts whose first Python function is accepted by `ast.parse`.

    The function ends before the first line that is indented less than the first line
    of its body. A function that does not end is not accepted.
    """
    accepted = 0
    for text in texts:
        head, *lines = text.split("\n")
        depths = [len(line) - len(line.lstrip()) for line in lines]
        depth = next(
            (d for d, line in zip(depths, lines, strict=True) if line.strip()), 0
        )
        ends = [
            number
            for number, line in enumerate(lines)
            if depths[number] < depth and line.lstrip()[:1].strip(")]}")
        ]
        if ends:
            with contextlib.suppress(SyntaxError, ValueError, RecursionError):
                ast.parse("\n".join([head, *lines[: ends[0]]]))
                accepted += 1
    return accepted / max(len(texts), 1)


def window_hashes(ids: np.ndarray, width: int) -> np.ndarray:
    """A hash per window of `width` ids: uint64 `[tokens - width + 1]`.

    The hash is a polynomial in an odd base modulo 2^64, so that a window's hash is the
    difference of two prefixes, shifted back by powers of the inverse base.
    """
    numbers = np.random.default_rng(0).integers(2**64, size=2**16, dtype="uint64")
    base = 0x9E3779B97F4A7C15
    powers, back = (
        np.cumprod(np.r_[np.uint64(1), np.full(len(ids), factor, "uint64")])
        for factor in (base, pow(base, -1, 2**64))
    )
    prefixes = np.r_[np.uint64(0), np.cumsum(numbers[ids] * powers[:-1])]
    return (prefixes[width:] - prefixes[:-width]) * back[: len(ids) - width + 1]
