"""What `--start` gains, and what a network forgets.

    python -m benchmarks.start --data FOLDER

- sentiment: 200 labelled reviews of IMDB, from a run on `reviews` and from nothing.
- char_lm: tinyshakespeare, from a run on `python` and from nothing; and how well the
  network still predicts `python` afterwards.
- word2vec: the second half of a text, from a run on the first half and from nothing;
  and how far the vectors of the same words are turned.

FOLDER holds `imdb/aclImdb_labelled.tar.gz`, `tinyshakespeare/input.txt` and
`enwiki-2021-sample/enwiki_sample.txt.gz`, as their publishers name them. Writes
`results/start.json`; `make results` puts its table into docs/results.md.
"""

import gzip
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import tyro

from benchmarks.measure import run_recipe
from benchmarks.own_files import IMDB, WIKIPEDIA, reviews, some, text_file
from benchmarks.report import write_record
from data.errors import one_line_errors
from data.tables import write_table

RECORD = Path(__file__).parent.parent / "results" / "start.json"
ROWS, TEST_ROWS = 200, 5_000
EPOCHS = "3"  # passes of char_lm over the second text


@dataclass(frozen=True)
class Options:
    data: Path  # folder with the sets
    seeds: tuple[int, ...] = (0, 1, 2)
    only: tuple[str, ...] = ("sentiment", "char_lm", "word2vec")


def sentiment(source: Path, folder: Path, seed: int) -> dict:
    first, seeded = folder / "first", ["--seed", str(seed)]
    run_recipe("sentiment", seeded, first)
    arguments = []
    for part, rows in reviews(source / IMDB, folder).items():
        count = ROWS if part == "train" else TEST_ROWS
        write_table(folder / f"{part}.csv", ("text", "label"), some(rows, count, part))
        option = "--data" if part == "train" else "--test-data"
        arguments += [option, f"{folder}/{part}.csv"]
    return both("sentiment", [*arguments, *seeded], folder, "test_accuracy")


def char_lm(source: Path, folder: Path, seed: int) -> dict:
    first, seeded = folder / "first", ["--seed", str(seed)]
    before = run_recipe("char_lm", seeded, first)["metrics"]
    data = ["--data", f"{source}/tinyshakespeare/input.txt", "--epochs", EPOCHS]
    found = both("char_lm", [*data, *seeded], folder, "test_nats_per_token")
    arguments = ["--load", f"{folder}/started", "--data", "python"]
    after = run_recipe("char_lm", arguments, folder / "loaded")["metrics"]
    figures = before["test_nats_per_token"], after["test_nats_per_token"]
    return {**found, "first_before": figures[0], "first_after": figures[1]}


def word2vec(source: Path, folder: Path, seed: int) -> dict:
    with gzip.open(source / WIKIPEDIA, "rt") as lines:
        articles = list(lines)
    middle, seeded = len(articles) // 2, ["--seed", str(seed)]
    rated = ["--test-data", f"{source}/word-similarity"]
    arguments = text_file(folder, "".join(articles[:middle]))
    run_recipe("word2vec", [*arguments, *rated, *seeded], folder / "first")
    arguments = text_file(folder, "".join(articles[middle:]))
    arguments = [*arguments, *rated, *seeded]
    found = both("word2vec", arguments, folder, "wordsim353_spearman")
    vectors = {run: vectors_of(folder / run) for run in ("first", "started", "scratch")}
    for run in ("started", "scratch"):
        words = vectors["first"].keys() & vectors[run].keys()
        cosines = [vectors["first"][word] @ vectors[run][word] for word in words]
        found[f"{run}_cosine"] = float(np.mean(cosines))
    return found


def vectors_of(run: Path) -> dict[str, np.ndarray]:
    """Words and their vectors, of length 1."""
    lines = (run / "vectors.txt").read_text("utf-8").splitlines()[1:]
    rows = (line.split(" ") for line in lines)
    vectors = {word: np.array(numbers, "float32") for word, *numbers in rows}
    return {word: vector / np.linalg.norm(vector) for word, vector in vectors.items()}


def both(recipe: str, arguments: list[str], folder: Path, figure: str) -> dict:
    """The figure of a run that starts from `first`, and of one from nothing."""
    start = ["--start", f"{folder}/first"]
    started = run_recipe(recipe, [*arguments, *start], folder / "started")
    scratch = run_recipe(recipe, arguments, folder / "scratch")
    return {
        "started": started["metrics"][figure],
        "scratch": scratch["metrics"][figure],
        "environment": started["environment"],
    }


# The first data, the second data, the metric.
ABOUT = {
    "sentiment": ("`reviews`", f"{ROWS} reviews of IMDB", "accuracy"),
    "char_lm": ("`python`", "tinyshakespeare", "nats per character"),
    "word2vec": ("half of a Wikipedia sample", "the other half", "WordSim-353"),
}
# What is left of the first data.
KEPT = {
    "sentiment": "",
    "char_lm": "`python` {first_before} nats before, {first_after} after",
    "word2vec": "mean cosine to the first vectors {started_cosine}, from nothing "
    "{scratch_cosine}",
}
CASES = {"sentiment": sentiment, "char_lm": char_lm, "word2vec": word2vec}


def markdown(figures: dict) -> str:
    """The table, as means over the seeds."""
    lines = [
        "| recipe | first data | then | metric | started | from nothing | kept |",
        "|---|---|---|---|---:|---:|---|",
    ]
    for recipe, runs in figures.items():
        rows = list(runs.values())
        names = [name for name in rows[0] if name != "environment"]
        means = {name: f"{mean(row[name] for row in rows):.3f}" for name in names}
        cells = [recipe, *ABOUT[recipe], means["started"], means["scratch"]]
        lines.append(f"| {' | '.join(cells)} | {KEPT[recipe].format(**means)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    figures = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    with one_line_errors():
        for recipe in options.only:
            for seed in options.seeds:
                with tempfile.TemporaryDirectory() as name:
                    found = CASES[recipe](options.data.resolve(), Path(name), seed)
                figures.setdefault(recipe, {})[f"seed {seed}"] = found
                print(f"{recipe}, seed {seed}: {found}\n", flush=True)
                write_record(figures, RECORD)


if __name__ == "__main__":
    main()
