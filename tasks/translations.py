"""Metrics, baseline and figures for translations."""

import keras
import numpy as np

from custom_layers.losses import SmoothedCrossentropy, accuracy
from custom_layers.xla import use_xla
from kit.pair_batches import PairBatches


def token_accuracy(model: keras.Model, sources: list, targets: list) -> float:
    """Share of tokens predicted correctly, given the right tokens before them.

    Args:
        model: takes the inputs of `PairBatches`.
        sources, targets: ids, as `PairBatches` takes them.
    """
    loss = SmoothedCrossentropy(0.0)
    model.compile("sgd", loss, weighted_metrics=[accuracy], jit_compile=use_xla())
    batches = PairBatches(sources, targets, batch_size=64)
    return model.evaluate(batches, verbose=0, return_dict=True)["accuracy"]


def scores(written: list[str], targets: list[str], name: str) -> dict[str, float]:
    """Compares translations with references: the share of exact matches, if most
    references are a single word; else BLEU (Papineni et al., 2002) and chrF (Popović,
    2015) of the lower-cased texts, from 0 to 100, as defined by sacreBLEU.

    Args:
        written, targets: translations and references.
        name: pattern for the names of the metrics, such as `"test_{}"`.
    """
    if np.median([len(text.split()) for text in targets]) <= 1:
        same = [ours == theirs for ours, theirs in zip(written, targets, strict=True)]
        metrics = {"exact_match": float(np.mean(same))}
    else:
        import sacrebleu

        ours, theirs = ([text.lower() for text in side] for side in (written, targets))
        metrics = {
            "bleu_lowercase": sacrebleu.corpus_bleu(ours, [theirs]).score,
            "chrf_lowercase": sacrebleu.corpus_chrf(ours, [theirs]).score,
        }
    return {name.format(key): value for key, value in metrics.items()}


def most_similar(known: list[str], asked: list[str]) -> dict[str, np.ndarray]:
    """Finds for each of `asked` the most similar text in `known`, as a translation
    memory does, by the cosine of the tf-idf of character 1- to 3-grams. Returns their
    indices as `rows`, `int32 [asked]`.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    rows = vectorizer.fit_transform(known).T.tocsc()
    asked = vectorizer.transform(asked)
    indices = [
        np.asarray((asked[start : start + 64] @ rows).argmax(axis=1)).ravel()
        for start in range(0, asked.shape[0], 64)
    ]
    return {"rows": np.concatenate(indices).astype("int32")}


def samples(sources: list[str], written: list[str], targets: list[str]) -> list[str]:
    """One line per translation, with the reference where it differs."""
    return [
        f"{source} -> {ours}"
        + ("" if ours.lower() == right.lower() else f"   (is: {right})")
        for source, ours, right in zip(sources, written, targets, strict=True)
    ]


def most_attended(tokens: list[str], written: list[str], weights: np.ndarray) -> str:
    """One line: each written token and the source token with the largest weight."""
    pairs = zip(written, weights.argmax(axis=1), strict=True)
    line = "  ".join(f"{token}<-{tokens[place]}" for token, place in pairs)
    return line.replace("<- ", "<-\u2423")  # a token may be a space


def alignment_figure(items: list[tuple[list[str], list[str], np.ndarray]]) -> dict:
    """A figure for the report of attention weights. Each item has the tokens of the
    source, the written tokens, and the weights `[written, source]`."""
    return {
        "kind": "alignment",
        "name": "alignment",
        "title": "Attention weights",
        "items": [
            {"source": source, "written": written, "weights": weights.tolist()}
            for source, written, weights in items
        ],
    }
