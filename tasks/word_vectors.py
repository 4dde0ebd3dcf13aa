"""Word vectors: files for other programs, metrics and figures."""

import tempfile
from pathlib import Path

import numpy as np

from data.errors import UserError
from kit.files import write_whole
from tokens.words import lower

ANALOGIES = "questions-words.txt"
PAIRS = {"wordsim353": "wordsim353_combined.tab", "simlex999": "SimLex-999.txt"}
DRAWN = 120  # words of the map
SCORE = "SimLex999"  # the column with this header; default: the third


def write(folder: Path, words: list[str], vectors: np.ndarray) -> None:
    """Writes `vectors.txt` and `vectors.bin`, word2vec's text and binary formats."""
    head = f"{len(words)} {vectors.shape[1]}\n"
    rows = zip(words, np.asarray(vectors, "float32"), strict=True)
    text, packed = [head], [head.encode()]
    for word, row in rows:
        text.append(f"{word} {' '.join(f'{x:.6g}' for x in row.tolist())}\n")
        packed.append(f"{word} ".encode() + row.astype("<f4").tobytes() + b"\n")
    write_whole(folder / "vectors.txt", "".join(text).encode())
    write_whole(folder / "vectors.bin", b"".join(packed))


def read_evaluation(folder: Path) -> dict:
    """Reads the questions for `evaluate`: as `analogies`, the path of word2vec's
    `questions-words.txt` (lines `: section` and lines of four words); as lists of rows,
    `wordsim353_combined.tab` and `SimLex-999.txt` (a header, then two words and a
    number per line, separated by tabs).

    Raises `UserError` if all of them are missing, or a line has another format.
    """
    names = {"analogies": ANALOGIES, **PAIRS}
    if not folder.is_dir():
        raise UserError(f"{folder}: expected a folder with {_listed(names.values())}")
    questions = {}
    for key, name in names.items():
        path = folder / name
        if not path.is_file():
            continue
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} cannot be read: {error}") from None
        read = _pairs if key in PAIRS else _questions
        questions[key] = read(path, lines)
    if not questions:
        raise UserError(f"{folder}: expected {_listed(names.values())}, found none")
    return questions


def _listed(names) -> str:
    return " or ".join(names)


def _questions(path: Path, lines: list[str]) -> Path:
    for number, line in enumerate(lines, start=1):
        wanted = ": section" if number == 1 else ": section, or four words"
        if not line.startswith(":") and (number == 1 or len(line.split()) != 4):
            raise UserError(
                f"{path}, line {number}: expected {wanted}, found {line[:50]!r}"
            )
    if not any(not line.startswith(":") for line in lines):
        raise UserError(f"{path}: expected questions of four words, found none")
    return path


def _pairs(path: Path, lines: list[str]) -> list[tuple[str, str, float]]:
    head = lines[0].split("\t") if lines else []
    column = head.index(SCORE) if SCORE in head else 2
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split("\t")
        try:
            rows.append((cells[0], cells[1], float(cells[column])))
        except (IndexError, ValueError):
            wanted = "two words and a number, with tabs between them"
            raise UserError(
                f"{path}, line {number}: expected {wanted}, found {line[:50]!r}"
            ) from None
    if len(rows) < 3:
        raise UserError(f"{path}: expected a header and pairs of words, found none")
    return rows


def evaluate(
    words: list[str], vectors: np.ndarray, questions: dict
) -> tuple[dict, list[tuple[str, int, int]]]:
    """Measures word vectors with gensim.

    Args:
        words: Distinct words.
        vectors: `[words, units]`.
        questions: as `read_evaluation` returns them.

    Returns:
        Metrics: `analogy_accuracy`, the share of right answers among the questions
        whose words all have vectors, and `analogy_questions`, their number; Spearman's
        correlations `wordsim353_spearman` and `simlex999_spearman`, if at least three
        pairs of words have vectors. And for each section of the analogies its name, the
        number of right answers and the number of questions.
    """
    try:
        from gensim.models import KeyedVectors
    except ModuleNotFoundError:
        raise UserError("--test-data needs gensim: pip install gensim") from None
    loaded = KeyedVectors(vectors.shape[1])
    loaded.add_vectors(words, np.asarray(vectors, "float32"))
    figures, sections = {}, []
    if "analogies" in questions:
        figures["analogy_accuracy"], details = loaded.evaluate_word_analogies(
            str(questions["analogies"])
        )
        *sections, (_, _, asked) = (  # the last one is the total
            (name, len(right), len(right) + len(wrong))
            for name, right, wrong in (
                (each["section"], each["correct"], each["incorrect"])
                for each in details
            )
        )
        figures["analogy_questions"] = asked
    for name in PAIRS:
        known = loaded.key_to_index
        rows = [
            (one, other, rating)
            for one, other, rating in questions.get(name, ())
            if one.lower() in known and other.lower() in known
        ]
        if len(rows) > 2:  # too few to rank
            with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
                lines = ("\t".join(map(str, row)) for row in rows)
                file.write("\n".join(lines) + "\n")
                file.flush()
                _, spearman, _ = loaded.evaluate_word_pairs(file.name)
            figures[f"{name}_spearman"] = float(spearman[0])
    return figures, sections


def map_figure(words: list[str], vectors: np.ndarray, groups: int = 8) -> dict:
    """A figure for the report: a map on which similar words are close, in groups.

    Made by t-SNE (van der Maaten and Hinton, 2008) and k-means; vectors have length 1.
    """
    from sklearn.cluster import KMeans
    from sklearn.manifold import TSNE

    groups = min(groups, len(words))
    group = KMeans(groups, n_init=4, random_state=0).fit_predict(vectors)
    places = vectors[:, :2]
    if len(words) > 3:
        perplexity = min(12.0, (len(words) - 1) / 3)
        places = TSNE(
            perplexity=perplexity, metric="cosine", init="random", random_state=0
        ).fit_transform(vectors)
    items = zip(words, places.tolist(), group.tolist(), strict=True)
    return {
        "kind": "map",
        "title": f"A map of {len(words)} frequent words",
        "items": [{"word": w, "place": p, "group": g} for w, p, g in items],
    }


def frequent_places(words: list[str]) -> list[int]:
    """Indices of frequent words for the map, without the most frequent, such as "the"
    and "of", and without words of one or two characters."""
    places = [place for place, word in enumerate(words) if len(word) > 2]
    return places[min(50, len(places) // 3) :][:DRAWN]


def neighbour_lines(neighbours: dict[str, list[tuple[str, float]]]) -> list[str]:
    """One line per word with its nearest words and their cosines."""
    lines = []
    for word, near in neighbours.items():
        nearest = "  ".join(f"{other} {cosine:.2f}" for other, cosine in near)
        lines.append(f"{word:<10} {nearest or '(not in the vocabulary)'}")
    return lines


def cosines_figure(words: list[str], units: np.ndarray, neighbours: dict) -> dict:
    """A figure for the report: the cosines of some words and their two nearest words.

    Args:
        words: All words.
        units: Their vectors `[words, units]`, of length 1.
        neighbours: By word, its nearest words and their cosines.
    """
    place_of = {word: place for place, word in enumerate(words)}
    near = [
        [lower(word), *(other for other, _ in each[:2])]
        for word, each in neighbours.items()
        if lower(word) in place_of
    ]
    names = list(dict.fromkeys(word for words in near for word in words))
    rows = units[[place_of[word] for word in names]]
    item = {"source": names, "written": names, "weights": (rows @ rows.T).tolist()}
    return {"kind": "similarities", "title": "Cosines of words", "items": [item]}


def sections_figure(sections: list[tuple[str, int, int]]) -> dict:
    """A figure for the report: the share of right analogies in each section."""
    items = [
        {"name": name, "share": right / asked, "said": f"{right} of {asked}"}
        for name, right, asked in sections
        if asked
    ]
    return {"kind": "shares", "title": "Analogy accuracy", "items": items}
