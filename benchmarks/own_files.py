"""A file of one's own: each recipe with its default options on real files.

    python -m benchmarks.own_files --data FOLDER             # three sizes each
    python -m benchmarks.own_files --data FOLDER --recipes char_lm --sizes 300 3000
    python -m benchmarks.own_files --data FOLDER --at OTHER  # recipes of that checkout

FOLDER holds what is cut, as its publishers name it: `imdb/aclImdb_labelled.tar.gz`,
`enwiki-2021-sample/enwiki_sample.txt.gz`, `fra-eng/fra-eng.zip`,
`jsb-chorales/jsb-chorales-16th.json` and `word-similarity/`. Writes
`results/own-files.json` run by run, beside what stands there, and `docs/own-files.md`
from it. Nothing else should run meanwhile.
"""

import csv
import gzip
import json
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import tyro

from benchmarks.report import write_record
from benchmarks.workers import ROOT, describe_hardware
from data import rolls
from kit.files import write_whole
from kit.run import git_commit, one_line_errors

RECORD, PAGE = ROOT / "results" / "own-files.json", ROOT / "docs" / "own-files.md"
TEST_ROWS = 4000  # of the labelled sentences: 10 % of 300 would say nothing


@dataclass(frozen=True)
class Options:
    data: Path  # folder with the sets
    recipes: tuple[str, ...] = ()  # of these alone
    sizes: tuple[int, ...] = ()  # of these alone
    at: Path = ROOT  # the checkout whose recipes run
    name: str = "now"  # under which its figures are kept


class Case(NamedTuple):
    """How a recipe is tried; `cut(source, size, folder)` gives its arguments."""

    what: str  # what the file holds, after its size
    cut: Callable[[Path, int, Path], list[str]]
    figure: str  # of metrics.json
    unit: str
    simpler: str
    high: bool  # whether a high figure is good
    sizes: tuple[int, ...] = (300, 3000, 30_000)
    second: tuple[str, ...] = ()  # the simpler model is this run of the recipe


def reviews(source: Path, part: str) -> list[tuple[str, str]]:
    """Texts and labels of IMDB's part, shuffled."""
    found = []
    with tarfile.open(source / "imdb" / "aclImdb_labelled.tar.gz") as tar:
        for member in tar:
            if match := re.search(rf"/{part}/(pos|neg)/[^/]+\.txt$", member.name):
                text = tar.extractfile(member).read().decode().replace("<br />", " ")
                found.append((text, match[1]))
    random.Random(0).shuffle(found)
    return found


def sentences(source: Path, size: int, folder: Path) -> list[str]:
    """The last sentence of each review, of other films in the test."""
    for part, count in (("train", size), ("test", TEST_ROWS)):
        rows = []
        for text, label in reviews(source, part):
            last = re.split(r"(?<=[.!?])\s+", text.strip())[-1]
            if len(rows) < count and 3 <= len(last.split()) <= 40:
                rows.append((last, label))
        assert len(rows) == count, f"{part}: {len(rows)} of {count}"
        with (folder / f"{part}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
    return ["--data", f"{folder}/train.csv", "--test-data", f"{folder}/test.csv"]


def review_text(source: Path, size: int, folder: Path) -> list[str]:
    """Reviews as running text."""
    texts = [text for text, _ in reviews(source, "train")[:size]]
    (folder / "reviews.txt").write_text("\n\n".join(texts) + "\n")
    return ["--data", f"{folder}/reviews.txt"]


def articles(source: Path, size: int, folder: Path) -> list[str]:
    """Pages of Wikipedia, letters a to z alone."""
    packed = source / "enwiki-2021-sample" / "enwiki_sample.txt.gz"
    with gzip.open(packed, "rt") as lines:
        (folder / "wiki.txt").write_text("".join(islice(lines, size)))
    return ["--data", f"{folder}/wiki.txt"]


def rated_articles(source: Path, size: int, folder: Path) -> list[str]:
    return [*articles(source, size, folder), "--test-data", f"{source}/word-similarity"]


def pairs(source: Path, size: int, folder: Path) -> list[str]:
    """English and French sentences."""
    with zipfile.ZipFile(source / "fra-eng" / "fra-eng.zip") as archive:
        lines = archive.read("fra.txt").decode().splitlines()
    chosen = random.Random(0).sample(lines, size)
    (folder / "pairs.tsv").write_text("\n".join(chosen) + "\n")
    return ["--data", f"{folder}/pairs.tsv"]


def midi_files(source: Path, size: int, folder: Path) -> list[str]:
    """Bach's chorales in sixteenths, a file each."""
    rolls.convert(source / "jsb-chorales" / "jsb-chorales-16th.json", folder / "all")
    files = sorted((folder / "all").rglob("*.mid"))
    (folder / "midi").mkdir()
    for number, file in enumerate(random.Random(0).sample(files, size)):
        shutil.copy(file, folder / "midi" / f"{number:03d}.mid")
    return ["--data", f"{folder}/midi"]


NATS = {"figure": "test_nats_per_token", "high": False}
CASES = {
    "sentiment": Case(
        *("labelled sentences of film reviews", sentences, "test_accuracy"),
        *("accuracy", "bag of words", True, (300, 3000, 20_000)),
    ),
    "char_lm": Case(
        *("film reviews", review_text),
        **NATS,
        unit="nats",
        simpler="6-gram",
        sizes=(300, 3000, 20_000),
    ),
    "word_lm": Case(
        *("articles of Wikipedia", articles),
        **NATS,
        unit="nats",
        simpler="Kneser-Ney 5-gram",
        sizes=(70, 700, 7000),
    ),
    "translation": Case(
        *("pairs of sentences, English and French", pairs, "test_bleu_lowercase"),
        *("BLEU", "translation memory", True),
    ),
    "music": Case(
        *("chorales as MIDI files", midi_files, "test_nll_per_frame"),
        *("nats a frame", "how often each key sounds", False, (30, 100, 380)),
    ),
    "word2vec": Case(
        *("articles of Wikipedia", rated_articles, "wordsim353_spearman"),
        *("WordSim-353", "counts", True, (70, 700, 7000)),
        second=("--model", "counts"),
    ),
}


def run(recipe: str, arguments: list[str], options: Options, folder: Path) -> dict:
    """One run in a process of its own: its figures, and the minutes of all of it."""
    command = [sys.executable, "-m", f"recipes.{recipe}", *arguments]
    start = time.perf_counter()
    done = subprocess.run([*command, "--run-dir", str(folder)], cwd=options.at)
    if done.returncode:
        return {}
    metrics = json.loads((folder / "metrics.json").read_text())
    return {**metrics, "minutes": (time.perf_counter() - start) / 60}


def tried(recipe: str, case: Case, size: int, options: Options) -> dict:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = case.cut(options.data.resolve(), size, folder)
        ours = run(recipe, arguments, options, folder / "run")
        simpler = ours.get(f"baseline_{case.figure}")
        if case.second:
            other = run(recipe, [*arguments, *case.second], options, folder / "other")
            simpler = other.get(case.figure)
    return {
        "ours": ours.get(case.figure),
        "simpler": simpler,
        "epochs": ours.get("epochs"),
        "minutes": ours.get("minutes"),
    }


def page(record: dict) -> str:
    """The table as Markdown."""
    lines = [
        "# A file of your own",
        "",
        "Each recipe with its default options on real files of up to three sizes, beside",
        "its simpler model; one seed. What `translation`, `word_lm` and `word2vec` do with",
        "short files was chosen with these very files in sight, so theirs may flatter.",
        "",
        "```sh",
        "python -m benchmarks.own_files --data FOLDER",
        "```",
        "",
        f"{record['machine']['processor']}, {record['machine']['cores']} cores.",
        "Minutes are the whole run's, from the command to the report. `before`: the",
        "same files when the number of passes did not follow from the data.",
        "",
        "| recipe | file | figure | before | ours | simpler model | minutes |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for recipe, case in CASES.items():
        for size in case.sizes:
            rows = record["figures"].get(f"{recipe} {size}", {})
            if "now" not in rows:
                continue
            now, before = rows["now"], rows.get("before", {})
            better = now["ours"] is not None and (
                (now["ours"] > now["simpler"])
                if case.high
                else (now["ours"] < now["simpler"])
            )
            mark = "**" if better else ""
            lines.append(
                f"| {recipe} | {size:,} {case.what} | {case.unit} | "
                f"{shown(before.get('ours'))} | {mark}{shown(now['ours'])}{mark} | "
                f"{case.simpler} {shown(now['simpler'])} | {now['minutes']:.1f} |"
            )
    return "\n".join(lines) + "\n"


def shown(value: float | None) -> str:
    return "" if value is None else f"{value:.{1 if abs(value) >= 10 else 3}f}"


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"figures": {}}
    with one_line_errors():
        for recipe in options.recipes or CASES:
            for size in options.sizes or CASES[recipe].sizes:
                found = tried(recipe, CASES[recipe], size, options)
                record["machine"] = describe_hardware()
                rows = record["figures"].setdefault(f"{recipe} {size}", {})
                rows[options.name] = {**found, "commit": git_commit()}
                print(f"{recipe} {size}: {found}\n", flush=True)
                write_record(record, RECORD)
                PAGE.parent.mkdir(exist_ok=True)
                write_whole(PAGE, page(record).encode())


if __name__ == "__main__":
    main()
