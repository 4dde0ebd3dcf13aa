"""Metrics, the simpler model and figures for classifiers."""

from collections.abc import Callable

import numpy as np

CONSTANTS, TUNED = (3.0, 30.0), 10_000  # of the bag of words; rows that choose one


def metrics(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy, macro-averaged F1 and mean cross-entropy in nats.

    Args:
        probabilities: `float32 [rows, classes]`.
        labels: `int32 [rows]`, the right classes.
    """
    from sklearn.metrics import accuracy_score, f1_score

    answers = probabilities.argmax(axis=-1)
    right = probabilities[np.arange(len(labels)), labels]
    return {
        "accuracy": float(accuracy_score(labels, answers)),
        "macro_f1": float(f1_score(labels, answers, average="macro")),
        "loss": float(-np.log(np.maximum(right, 1e-7)).mean()),
    }


def bag_of_words(parts: dict, tokenize: Callable) -> dict[str, float]:
    """Test accuracies of logistic regression on the tf-idf of words and word pairs.

    Fitted on the training part, its one constant chosen on validation: what can be
    said without the order of the words, but for pairs.

    Args:
        parts: By name, `train` and `validation` among them: `texts` and `labels` each.
        tokenize: Words of a text.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    counts = TfidfVectorizer(
        tokenizer=tokenize,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=2,
    )
    features = {"train": counts.fit_transform(parts["train"].texts)}
    features |= {
        name: counts.transform(part.texts)
        for name, part in parts.items()
        if name != "train"
    }
    labels = {name: part.labels for name, part in parts.items()}
    # Its constant is chosen on a sample: with all rows as good, and slow.
    sample = np.random.default_rng(0).permutation(len(labels["train"]))[:TUNED]

    def fitted(c: float, rows) -> LogisticRegression:
        model = LogisticRegression(C=c, max_iter=300)
        return model.fit(features["train"][rows], labels["train"][rows])

    chosen = max(
        CONSTANTS,
        key=lambda c: fitted(c, sample).score(
            features["validation"], labels["validation"]
        ),
    )
    model = fitted(chosen, slice(None))
    return {
        f"baseline_{name}_accuracy": float(model.score(features[name], labels[name]))
        for name in parts
        if name != "train"
    }


def samples(
    texts: list[str], probabilities: np.ndarray, labels: np.ndarray, names: list[str]
) -> list[str]:
    """Lines for `samples.txt`: the first five right answers, the first five wrong."""
    lines = []
    for verdict, right in (("right", True), ("WRONG", False)):
        for row in np.flatnonzero((probabilities.argmax(-1) == labels) == right)[:5]:
            name, share = names[probabilities[row].argmax()], probabilities[row].max()
            truth = "" if right else f" (is {names[labels[row]]})"
            text = " ".join(texts[row].split())
            lines.append(f"{verdict}  {name} {share:.3f}{truth}: {text[:1000]}")
    return lines


def word_by_word_figure(
    texts: list[str],
    tokenize: Callable[[str], list[str]],
    classify: Callable[[list[str]], np.ndarray],
    names: list[str],
) -> dict:
    """For the report: the last class's probability after each word of some texts."""
    items = []
    for text in texts:
        words = tokenize(text)
        beginnings = [" ".join(words[: n + 1]) for n in range(len(words))]
        share = classify(beginnings)[:, -1].tolist()
        items.append(
            {"text": text, "true": None, "words": words, "probabilities": share}
        )
    title = f"Probability of {names[-1]!r} after each word"
    return {"kind": "word_by_word", "title": title, "label": names[-1], "items": items}


def confusion_figure(
    probabilities: np.ndarray, labels: np.ndarray, names: list[str]
) -> dict:
    """For the report: how many test rows of each class got which answer."""
    matrix = np.zeros((len(names), len(names)), int)
    np.add.at(matrix, (labels, probabilities.argmax(axis=-1)), 1)
    return {
        "kind": "confusion_matrix",
        "title": "Test rows of each class by the answer given",
        "labels": names,
        "matrix": matrix.tolist(),
    }
