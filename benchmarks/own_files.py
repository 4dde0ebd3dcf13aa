"""Runs each recipe with its default options on real files of several sizes.

    python -m benchmarks.own_files --data FOLDER             # three sizes per recipe
    python -m benchmarks.own_files --data FOLDER --recipes char_lm --sizes 300 3000
    python -m benchmarks.own_files --data FOLDER --at OTHER  # recipes of that checkout

FOLDER holds the data sets under their original names: `imdb/aclImdb_labelled.tar.gz`,
`enwiki-2021-sample/enwiki_sample.txt.gz`, `fra-eng/fra-eng.zip`,
`jsb-chorales/jsb-chorales-16th.json` and `word-similarity/`. After each run the result
is added to `results/own-files.json`, from which `make results` writes the table of
docs/own-files.md. Nothing else should run on the machine meanwhile.
"""

import gzip
import json
import random
import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import tyro

from benchmarks.measure import run_recipe
from benchmarks.report import write_record
from data import aclimdb, rolls
from data.errors import UserError, one_line_errors
from data.tables import read_table, write_table

RECORD = Path(__file__).parent.parent / "results" / "own-files.json"
SEED = 1  # of the samples: defaults were chosen on other samples of the same sets
TEST_ROWS = 4000  # of the labelled sentences: 10 % of 300 rows would be too few


class Case(NamedTuple):
    """How a recipe is run; `cut(source, size, folder)` writes a sample of the data and
    returns the arguments of the recipe."""

    source: str  # path of the data set in FOLDER
    cut: Callable[[Path, int, Path], list[str]]
    what: str  # what a sample contains; the table puts its size in front
    sizes: tuple[int, ...]
    figure: str  # a key of metrics.json
    unit: str  # its name in the table
    high: bool  # whether a higher figure is better
    simpler: str  # name of the simpler model
    # Options of a second run that measures the simpler model if the first does not, as
    # in an older checkout (--at).
    second: tuple[str, ...] = ()


def some(rows: Iterable, size: int, what: str) -> list:
    """Returns `size` random rows, in random order."""
    rows = list(rows)
    if len(rows) < size:
        raise UserError(f"{what}: expected {size:,} rows or more, found {len(rows):,}")
    return random.Random(SEED).sample(rows, size)


def reviews(source: Path, folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Returns the texts and labels of IMDB, by part."""
    (folder / "imdb").mkdir()
    aclimdb.convert(source, folder / "imdb")
    return {
        part: read_table(folder / "imdb" / f"{part}.csv", ("text", "label"))[0]
        for part in ("train", "test")
    }


def sentences(source: Path, size: int, folder: Path) -> list[str]:
    """Writes the last sentences of reviews; test and training films differ."""
    arguments = []
    for part, rows in reviews(source, folder).items():
        last = [(re.split(r"(?<=[.!?])\s+", text)[-1], label) for text, label in rows]
        last = [row for row in last if 3 <= len(row[0].split()) <= 40]
        count = size if part == "train" else TEST_ROWS
        path = folder / f"{part}.csv"
        write_table(path, ("text", "label"), some(last, count, f"imdb, {part}"))
        arguments += ["--data" if part == "train" else "--test-data", str(path)]
    return arguments


def review_text(source: Path, size: int, folder: Path) -> list[str]:
    """Writes reviews as running text."""
    texts = [text for text, _ in some(reviews(source, folder)["train"], size, "imdb")]
    return text_file(folder, "\n\n".join(texts) + "\n")


def articles(source: Path, size: int, folder: Path) -> list[str]:
    """Writes Wikipedia articles, which contain only the letters a to z and spaces."""
    with gzip.open(source, "rt") as lines:
        return text_file(folder, "".join(some(lines, size, source.name)))


def text_file(folder: Path, text: str) -> list[str]:
    (folder / "text.txt").write_text(text)
    return ["--data", f"{folder}/text.txt"]


def rated_articles(source: Path, size: int, folder: Path) -> list[str]:
    rated = source.parents[1] / "word-similarity"
    return [*articles(source, size, folder), "--test-data", f"{rated}"]


def pairs(source: Path, size: int, folder: Path) -> list[str]:
    """Writes pairs of an English and a French sentence."""
    with zipfile.ZipFile(source) as archive:
        lines = archive.read("fra.txt").decode().splitlines()
    chosen = some(lines, size, source.name)
    (folder / "pairs.tsv").write_text("\n".join(chosen) + "\n")
    return ["--data", f"{folder}/pairs.tsv"]


def midi_files(source: Path, size: int, folder: Path) -> list[str]:
    """Writes Bach's chorales in sixteenth notes, one MIDI file each."""
    rolls.convert(source, folder / "all")
    files = sorted((folder / "all").rglob("*.mid"))
    (folder / "midi").mkdir()
    for number, file in enumerate(some(files, size, source.name)):
        shutil.copy(file, folder / "midi" / f"{number:03d}.mid")
    return ["--data", f"{folder}/midi"]


IMDB = "imdb/aclImdb_labelled.tar.gz"
WIKIPEDIA = "enwiki-2021-sample/enwiki_sample.txt.gz"
CASES = {
    "sentiment": Case(
        source=IMDB,
        cut=sentences,
        what="labelled sentences from film reviews",
        sizes=(300, 3000, 15_000),
        figure="test_accuracy",
        unit="accuracy",
        high=True,
        simpler="bag of words",
    ),
    "char_lm": Case(
        source=IMDB,
        cut=review_text,
        what="film reviews",
        sizes=(300, 3000, 20_000),
        figure="test_nats_per_token",
        unit="nats per character",
        high=False,
        simpler="6-gram",
    ),
    "word_lm": Case(
        source=WIKIPEDIA,
        cut=articles,
        what="Wikipedia articles",
        sizes=(70, 700, 7000),
        figure="test_nats_per_token",
        unit="nats per word",
        high=False,
        simpler="Kneser-Ney 5-gram",
    ),
    "translation": Case(
        source="fra-eng/fra-eng.zip",
        cut=pairs,
        what="English-French sentence pairs",
        sizes=(300, 3000, 30_000),
        figure="test_bleu_lowercase",
        unit="BLEU",
        high=True,
        simpler="translation memory",
    ),
    "music": Case(
        source="jsb-chorales/jsb-chorales-16th.json",
        cut=midi_files,
        what="chorales as MIDI files",
        sizes=(30, 100, 380),
        figure="test_nll_per_frame",
        unit="nats per frame",
        high=False,
        simpler="note frequencies",
    ),
    "word2vec": Case(
        source=WIKIPEDIA,
        cut=rated_articles,
        what="Wikipedia articles",
        sizes=(70, 700, 7000),
        figure="wordsim353_spearman",
        unit="WordSim-353",
        high=True,
        simpler="counts",
        second=("--model", "counts"),
    ),
}


@dataclass(frozen=True)
class Options:
    data: Path  # folder with the data sets
    recipes: tuple[Literal[tuple(CASES)], ...] = tuple(CASES)
    sizes: tuple[int, ...] = ()  # default: three sizes per recipe
    at: Path | None = None  # another checkout, whose recipes are run instead
    name: str = "now"  # key of the results: "now" or "before" in the table


def tried(recipe: str, case: Case, size: int, options: Options) -> dict:
    """Runs a recipe; returns its figure, the simpler model's, minutes and machine."""
    with tempfile.TemporaryDirectory() as name:
        folder, source = Path(name), options.data.resolve() / case.source
        if not source.is_file():
            raise UserError(f"{source}: no such file")
        try:
            arguments = case.cut(source, size, folder)
        except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, LookupError) as error:
            raise UserError(f"{source}: {error}") from None
        start = time.perf_counter()
        ours = run_recipe(recipe, arguments, folder / "run", options.at)
        minutes = (time.perf_counter() - start) / 60
        simpler = ours["metrics"].get(f"baseline_{case.figure}")
        if simpler is None and case.second:
            arguments = [*arguments, *case.second]
            other = run_recipe(recipe, arguments, folder / "other", options.at)
            simpler = other["metrics"][case.figure]
    return {
        "ours": ours["metrics"][case.figure],
        "simpler": simpler,
        "epochs": ours["metrics"]["epochs"],
        "minutes": minutes,
        "seed": ours["config"]["seed"],
        "environment": ours["environment"],
    }


def markdown(figures: dict) -> str:
    """Returns the table; figures better than the simpler model's are in bold."""
    lines = [
        "| recipe | file | metric | before | ours | simpler model | minutes "
        "| machine |",
        "|---|---|---|---:|---:|---:|---:|---|",
    ]
    for recipe, case in CASES.items():
        for size in case.sizes:
            rows = figures.get(f"{recipe} {size}", {})
            if "now" not in rows:
                continue
            now, before = rows["now"], rows.get("before", {})
            above = now["ours"] - now["simpler"]
            mark = "**" if (above > 0 if case.high else above < 0) else ""
            lines.append(
                f"| {recipe} | {size:,} {case.what} | {case.unit} | "
                f"{shown(before.get('ours'))} | {mark}{shown(now['ours'])}{mark} | "
                f"{case.simpler} {shown(now['simpler'])} | {now['minutes']:.1f} | "
                f"{now['environment']['device_name']} |"
            )
    return "\n".join(lines) + "\n"


def shown(value: float | None) -> str:
    return "" if value is None else f"{value:.{1 if abs(value) >= 10 else 3}f}"


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    figures = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    with one_line_errors():
        if options.at and not (options.at / "recipes").is_dir():
            raise UserError(f"--at: expected a checkout, found {options.at}")
        for recipe in options.recipes:
            for size in options.sizes or CASES[recipe].sizes:
                if size < 1:
                    raise UserError(f"--sizes must be at least 1, found {size}")
                row = tried(recipe, CASES[recipe], size, options)
                figures.setdefault(f"{recipe} {size}", {})[options.name] = row
                print(f"{recipe} {size}: {row}\n", flush=True)
                write_record(figures, RECORD)


if __name__ == "__main__":
    main()
