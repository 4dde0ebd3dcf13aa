"""Metrics, simpler models and figures for taggers."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from data.tagged import NO_LABEL, is_bio

SHOWN = 12  # sentences in the report
ITERATIONS = 60  # of L-BFGS
LENGTHS = (5, 10, 20, 40)  # upper limits of the groups of sentences, in tokens

Spans = set[tuple[int, int, str]]  # first token, token after the last, kind


def spans(tags: list[str]) -> Spans:
    """The entities of a sentence in IOB2.

    An entity is one B-KIND and all I-KIND that follow it; an I-KIND without such a
    beginning is none. This is seqeval's strict mode.
    """
    found, start = set(), None
    for place, tag in enumerate([*tags, "O"]):
        if start is not None and tag != "I-" + tags[start][2:]:
            found.add((start, place, tags[start][2:]))
            start = None
        if tag.startswith("B-"):
            start = place
    return found


def f1(right: int, given: int, true: int) -> float:
    """The harmonic mean of precision and recall; 0 if nothing is right."""
    return 2 * right / max(given + true, 1)


class Scores:
    """How well tags fit the true ones: by entities if they are in IOB2, else by tokens.

    Args:
        sentences: With `tokens` and true `tags`.
        answers: For each sentence, the given tags.
        known: The `known_texts` of the training part; what it lacks is unseen.
        labels: Of the training part.
    """

    def __init__(self, sentences, answers: list[list[str]], known: set, labels):
        self.bio = is_bio(labels)
        self.all, self.unseen = Counter(), Counter()
        self.kinds, self.lengths = defaultdict(Counter), defaultdict(Counter)
        for sentence, given in zip(sentences, answers, strict=True):
            group = next((n for n in LENGTHS if len(given) <= n), LENGTHS[-1] + 1)
            count = self._count_entities if self.bio else self._count_tokens
            count(sentence, given, known, [self.all, self.lengths[group]])

    def _count_entities(self, sentence, given, known, counts):
        true, ours = spans(sentence.tags), spans(given)
        for span in true | ours:
            text = tuple(sentence.tokens[span[0] : span[1]])
            for count in (*counts, self.kinds[span[2]], *self._new(text, known)):
                count["true"] += span in true
                count["given"] += span in ours
                count["right"] += span in true and span in ours

    def _count_tokens(self, sentence, given, known, counts):
        for token, true, ours in zip(*sentence, given, strict=True):
            if true == NO_LABEL:
                continue
            for count in (*counts, *self._new(token, known)):
                count["true"] += 1
                count["given"] += 1
                count["right"] += true == ours
            self.kinds[true]["true"] += 1
            self.kinds[ours]["given"] += 1
            self.kinds[true]["right"] += true == ours

    def _new(self, text, known):
        return [] if text in known else [self.unseen]

    @property
    def value(self) -> float:
        """F1 of the entities, or the accuracy."""
        return f1(**self.all)

    def metrics(self) -> dict[str, float]:
        """`f1`, or `accuracy`, and of what training did not have `unseen_...`."""
        name = "f1" if self.bio else "accuracy"
        metrics = {name: self.value}
        if self.unseen["true"]:
            metrics[f"unseen_{name}"] = f1(**self.unseen)
        return metrics

    def table(self) -> str:
        """Precision, recall and F1 of each kind, a line for each."""
        width = max(map(len, self.kinds), default=4)
        lines = [f"{'':{width}}  precision  recall      F1   count"]
        for kind, n in sorted(self.kinds.items()):
            precision, recall = (n["right"] / max(n[x], 1) for x in ("given", "true"))
            lines.append(
                f"{kind:{width}}  {precision:9.3f}  {recall:6.3f}  {f1(**n):6.3f}"
                f"  {n['true']:6,}"
            )
        return "\n".join(lines)

    def lengths_figure(self) -> dict:
        """A figure for the report: F1 or accuracy by the length of the sentence."""
        names = [f"up to {n} tokens" for n in LENGTHS] + [f"more than {LENGTHS[-1]}"]
        items = []
        for name, group in zip(names, (*LENGTHS, LENGTHS[-1] + 1), strict=True):
            if (count := self.lengths[group])["true"]:
                share, what = f1(**count), "entities" if self.bio else "tokens"
                said = f"{share:.3f} of {count['true']:,} {what}"
                items.append({"name": name, "share": share, "said": said})
        title = f"{'F1' if self.bio else 'Accuracy'} by the length of the sentence"
        return {"kind": "shares", "name": "lengths", "title": title, "items": items}


def known_texts(sentences, labels: list[str]) -> set:
    """The entities of the sentences as tuples of tokens, or their words."""
    if not is_bio(labels):
        return {token for sentence in sentences for token in sentence.tokens}
    return {
        tuple(sentence.tokens[start:end])
        for sentence in sentences
        for start, end, _ in spans(sentence.tags)
    }


def most_frequent_tags(training, sentences) -> list[list[str]]:
    """Gives each word the tag that it has most often in training, and unknown words the
    tag that is most frequent among rare words."""
    counts, rare = defaultdict(Counter), Counter()
    for sentence in training:
        for token, tag in zip(sentence.tokens, sentence.tags, strict=True):
            if tag != NO_LABEL:
                counts[token][tag] += 1
    for tags in counts.values():
        if tags.total() == 1:
            rare.update(tags)
    every = sum(counts.values(), Counter())
    other = (rare or every).most_common(1)[0][0]
    best = {token: tags.most_common(1)[0][0] for token, tags in counts.items()}
    return [[best.get(token, other) for token in s.tokens] for s in sentences]


def features(tokens: list[str]) -> list[list[str]]:
    """The usual features of a word for a CRF: itself, its beginning and end, its shape,
    and its neighbours."""
    lowered = [token.lower() for token in tokens]
    shapes = [shape(token) for token in tokens]
    rows = []
    for place, word in enumerate(lowered):
        row = ["bias", f"w={word}", f"shape={shapes[place]}", f"W={tokens[place]}"]
        row += [f"p{n}={word[:n]}" for n in (1, 2, 3)]
        row += [f"s{n}={word[-n:]}" for n in (1, 2, 3, 4)]
        for step in (-2, -1, 1, 2):
            if 0 <= place + step < len(tokens):
                row.append(f"{step}w={lowered[place + step]}")
                row.append(f"{step}shape={shapes[place + step]}")
            else:
                row.append(f"{step}none")
        row += [f"-1w,w={lowered[place - 1]} {word}"] if place else []
        row += [f"w,1w={word} {lowered[place + 1]}"] if place + 1 < len(tokens) else []
        rows.append(row)
    return rows


def shape(token: str) -> str:
    """`"McDonald's-2"` -> `"XxXx'x-d"`: kinds of characters, without repetition."""
    kinds = [
        "X" if c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c
        for c in token[:40]
    ]
    return "".join(c for n, c in enumerate(kinds) if not n or kinds[n - 1] != c)


def simpler_models(parts: dict, labels: list[str], folder: Path) -> dict[str, float]:
    """Metrics of two simpler models on each held-out part: of CRFsuite as
    `baseline_PART_...`, of the most frequent tag of each word as `frequent_PART_...`.

    Args:
        parts: Sentences by name of the part, including `train`.
        labels: Of the training part.
        folder: For a file, which is removed.
    """
    training, metrics = parts["train"], {}
    known = known_texts(training, labels)
    parts = {name: part for name, part in parts.items() if name != "train"}
    given = {"baseline": crfsuite_tags(training, parts, folder)}
    given["frequent"] = {
        name: most_frequent_tags(training, part) for name, part in parts.items()
    }
    for model, answers in given.items():
        for name, part in parts.items():
            scores = Scores(part, answers[name], known, labels)
            metrics |= {f"{model}_{name}_{x}": y for x, y in scores.metrics().items()}
    return metrics


def crfsuite_tags(training, parts: dict, folder: Path) -> dict[str, list]:
    """Tags of each part by CRFsuite (Okazaki, 2007): a conditional random field on
    `features`, trained by L-BFGS.

    Tokens without a label are left out of the chains.
    """
    import pycrfsuite

    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params({"c1": 0.05, "c2": 0.05, "max_iterations": ITERATIONS})
    for sentence in training:
        rows = zip(features(sentence.tokens), sentence.tags, strict=True)
        rows = [row for row in rows if row[1] != NO_LABEL]
        if rows:
            trainer.append(*map(list, zip(*rows, strict=True)))
    path = folder / "crfsuite.model"
    try:
        trainer.train(str(path))
        tagger = pycrfsuite.Tagger()
        tagger.open(str(path))
        return {
            name: [_tagged(tagger, sentence) for sentence in sentences]
            for name, sentences in parts.items()
        }
    finally:
        path.unlink(missing_ok=True)


def _tagged(tagger, sentence) -> list[str]:
    labelled = [tag != NO_LABEL for tag in sentence.tags]
    rows = zip(features(sentence.tokens), labelled, strict=True)
    tags = iter(tagger.tag([row for row, has_label in rows if has_label]))
    return [next(tags) if has_label else NO_LABEL for has_label in labelled]


def samples(sentences, answers: list[list[str]], labels: list[str]) -> list[str]:
    """Lines for `samples.txt`: sentences with all tags right, then with wrong ones."""
    lines, bio = [], is_bio(labels)
    for verdict, all_right in (("right", True), ("WRONG", False)):
        shown = 0
        for sentence, given in zip(sentences, answers, strict=True):
            pairs = [
                (ours, true)
                for ours, true in zip(given, sentence.tags, strict=True)
                if true != NO_LABEL
            ]
            named = not bio or any(true != "O" for _, true in pairs)
            if shown == 5 or not named or all_right != all(a == b for a, b in pairs):
                continue
            shown += 1
            text = bracketed(sentence.tokens, given, bio)
            if not all_right:
                text += f"   (is: {bracketed(sentence.tokens, sentence.tags, bio)})"
            lines.append(f"{verdict}  {text}"[:1000])
    return lines


def bracketed(tokens: list[str], tags: list[str], bio: bool) -> str:
    """`"[PER Ada Byron] lives in [LOC Rome]"`; without entities, `"dogs/NOUN ..."`."""
    if not bio:
        pairs = zip(tokens, tags, strict=True)
        return " ".join(x if t in (NO_LABEL, "") else f"{x}/{t}" for x, t in pairs)
    words = list(tokens)
    for start, end, kind in spans(tags):
        words[start] = f"[{kind} {words[start]}"
        words[end - 1] += "]"
    return " ".join(words)


def sentences_figure(sentences, answers: list[list[str]], labels: list[str]) -> dict:
    """A figure for the report: the first test sentences; wrong tags are marked."""
    items = []
    for sentence, given in [*zip(sentences, answers, strict=True)][:SHOWN]:
        true = sentence.tags
        pairs = zip(given, true, strict=True)
        wrong = [right not in (ours, NO_LABEL) for ours, right in pairs]
        pairs = zip(true, wrong, strict=True)
        said = [f"is: {right}" if is_wrong else "" for right, is_wrong in pairs]
        items.append((None, sentence.tokens, given, said, wrong))
    return _tagged_figure("tagged", "Unseen sentences", items, labels)


def sides_figure(texts: list[tuple], labels: list[str]) -> dict:
    """A figure for the report: what the words to the right decide.

    Each item of `texts` has the text, and what is answered for each token, `(token,
    tag, probability)`: given the whole text, and given only the text up to the token.
    """
    items = []
    for text, whole, left in texts:
        both = ((f"{text} Word by word:", left), ("The whole text:", whole))
        for title, answers in both:
            tokens, tags, shares = zip(*answers, strict=True)
            said = [f"{share:.2f}" for share in shares]
            items.append((title, tokens, tags, said, [False] * len(tags)))
    title = "What each word is, before and after the words to its right are read"
    return _tagged_figure("sides", title, items, labels)


def _tagged_figure(name: str, title: str, items: list[tuple], labels) -> dict:
    """Each item has a title or None, and of each token its text, its tag, what is
    written below it and whether the tag is wrong."""
    names = ("text", "tag", "said", "wrong")
    return {
        "kind": "tagged",
        "name": name,
        "title": title,
        "labels": labels,
        "bio": is_bio(labels),
        "items": [
            {
                "title": heading,
                "words": [
                    dict(zip(names, word, strict=True))
                    for word in zip(*columns, strict=True)
                ],
            }
            for heading, *columns in items
        ],
    }


def confusion_figure(sentences, answers: list[list[str]], labels: list[str]) -> dict:
    """A figure for the report: test tokens by true and predicted tag."""
    place = {label: number for number, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), int)
    for sentence, given in zip(sentences, answers, strict=True):
        for true, ours in zip(sentence.tags, given, strict=True):
            if true in place and ours in place:
                matrix[place[true], place[ours]] += 1
    return {
        "kind": "confusion_matrix",
        "title": "Test tokens by true and predicted tag",
        "labels": labels,
        "matrix": matrix.tolist(),
    }


def transitions_figure(transitions: np.ndarray, labels: list[str]) -> dict:
    """A figure for the report: the scores of one tag after another, `[from, to]`."""
    return {
        "kind": "heat_map",
        "name": "transitions",
        "title": "Transition scores of the CRF",
        "rows": labels,
        "columns": labels,
        "values": [
            [float(x) if np.isfinite(x) else None for x in row] for row in transitions
        ],
        "x": "to",
        "y": "from",
    }
