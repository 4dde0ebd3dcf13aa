"""Metrics, the simpler model and figures for classifiers."""

from collections.abc import Callable

import numpy as np

CONSTANTS, TUNED = (3.0, 30.0), 10_000  # candidates for C; rows to choose it


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
    """Accuracies of logistic regression on the tf-idf of words and word pairs.

    It knows nothing of the order of the words except in pairs. The model is fitted on
    the training part, its regularisation constant C is chosen on the validation part.

    Args:
        parts: Parts by name, including `train` and `validation`; each has `texts` and
            `labels`.
        tokenize: Returns the words of a text.

    Returns:
        `baseline_NAME_accuracy` of each part except `train`.
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
    # C is chosen on a sample: all rows are slower and choose no better.
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
    """Lines for `samples.txt`: the first five right answers, then five wrong ones."""
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
    """A figure for the report: the last class's probability after each word."""
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
    """A figure for the report: test rows by true and predicted class."""
    matrix = np.zeros((len(names), len(names)), int)
    np.add.at(matrix, (labels, probabilities.argmax(axis=-1)), 1)
    return {
        "kind": "confusion_matrix",
        "title": "Test rows by true and predicted class",
        "labels": names,
        "matrix": matrix.tolist(),
    }
