"""Pairs of sequences in batches: what recipes share that turn one into another."""

import numpy as np


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


def most_similar(known: list[str], asked: list[str]) -> np.ndarray:
    """The row of the most similar text of `known`, `int32 [asked]`: what a translation
    memory looks up. Cosine of the tf-idf of characters, pairs and triples of them.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    rows = vectorizer.fit_transform(known).T.tocsc()
    asked = vectorizer.transform(asked)
    found = [
        np.asarray((asked[start : start + 64] @ rows).argmax(axis=1)).ravel()
        for start in range(0, asked.shape[0], 64)
    ]
    return np.concatenate(found).astype("int32")


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
