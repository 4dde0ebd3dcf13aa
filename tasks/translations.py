"""Metrics, the simpler model and figures for translations."""

import keras
import numpy as np

from custom_layers.losses import SmoothedCrossentropy, accuracy
from custom_layers.xla import use_xla
from kit.pair_batches import PairBatches


def token_accuracy(model: keras.Model, sources: list, targets: list) -> float:
    """Share of the tokens that the model predicts, given the right ones before them.

    Args:
        model: as `PairBatches` feed it.
        sources, targets: ids, as `PairBatches` takes them.
    """
    loss = SmoothedCrossentropy(0.0)
    model.compile("sgd", loss, weighted_metrics=[accuracy], jit_compile=use_xla())
    batches = PairBatches(sources, targets, batch_size=64)
    return model.evaluate(batches, verbose=0, return_dict=True)["accuracy"]


def scores(written: list[str], targets: list[str], name: str) -> dict[str, float]:
    """How near texts are to the right ones: where most of these are one word, the share
    that is exactly equal; else BLEU (Papineni et al., 2002) and chrF (Popović, 2015) of
    the lower-cased texts, 0 to 100, as sacreBLEU defines them.

    Args:
        written, targets: texts.
        name: of the figures, `"test_{}"`.
    """
    if np.median([len(text.split()) for text in targets]) <= 1:
        same = [ours == theirs for ours, theirs in zip(written, targets, strict=True)]
        found = {"exact_match": float(np.mean(same))}
    else:
        import sacrebleu

        ours, theirs = ([text.lower() for text in side] for side in (written, targets))
        found = {
            "bleu_lowercase": sacrebleu.corpus_bleu(ours, [theirs]).score,
            "chrf_lowercase": sacrebleu.corpus_chrf(ours, [theirs]).score,
        }
    return {name.format(key): value for key, value in found.items()}


def most_similar(known: list[str], asked: list[str]) -> dict[str, np.ndarray]:
    """`rows` `int32 [asked]` of the most similar texts of `known`, which a translation
    memory looks up: by the cosine of the tf-idf of character 1- to 3-grams.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    rows = vectorizer.fit_transform(known).T.tocsc()
    asked = vectorizer.transform(asked)
    found = [
        np.asarray((asked[start : start + 64] @ rows).argmax(axis=1)).ravel()
        for start in range(0, asked.shape[0], 64)
    ]
    return {"rows": np.concatenate(found).astype("int32")}


def samples(sources: list[str], written: list[str], targets: list[str]) -> list[str]:
    """A line per translation, with the right one where it differs."""
    return [
        f"{source} -> {ours}"
        + ("" if ours.lower() == right.lower() else f"   (is: {right})")
        for source, ours, right in zip(sources, written, targets, strict=True)
    ]


def most_attended(tokens: list[str], written: list[str], weights: np.ndarray) -> str:
    """For each written token the source token with the largest attention weight."""
    pairs = zip(written, weights.argmax(axis=1), strict=True)
    line = "  ".join(f"{token}<-{tokens[place]}" for token, place in pairs)
    return line.replace("<- ", "<-\u2423")  # a character may be a space


def alignment_figure(items: list[tuple[list[str], list[str], np.ndarray]]) -> dict:
    """What a report draws of tokens of a source, those written, and `[written,
    source]` weights."""
    return {
        "kind": "alignment",
        "name": "alignment",
        "title": "What each token looked at",
        "items": [
            {"source": source, "written": written, "weights": weights.tolist()}
            for source, written, weights in items
        ],
    }
