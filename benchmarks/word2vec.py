"""Compares speed and quality of our word vectors with gensim's.

    python -m benchmarks.word2vec --data enwiki-2021-sample.txt --test-data FOLDER

Both learn from the same text: 100 numbers per word, window 5, 5 negatives, 5 passes,
words that occur 5 times or more; gensim with 2 workers. They take turns, with three
seeds each, and are evaluated by the same code on the sets in FOLDER (see
`recipes/word2vec.py`). Words per second are the words of the text that are in the
vocabulary, times the passes, over the seconds of the whole training. `counts`, which
needs no training, is run once.

Then the recipe runs alone, for one pass over the text and over four copies of it, to
measure the seconds and the peak of the process's own memory.

Writes `results/word2vec.json`, from which `make results` writes a table of
docs/results.md. Nothing else should run on the machine meanwhile.
"""

import dataclasses
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

import tyro

from benchmarks.measure import measure
from benchmarks.report import write_record
from benchmarks.workers import ROOT, describe_hardware
from data.errors import UserError, one_line_errors
from data.texts import read_whole
from kit.machine import describe_machine, git_commit
from tasks.word_vectors import evaluate, read_evaluation
from tokens.words import tokenize

PATH = ROOT / "results" / "word2vec.json"
MODELS = {"skipgram": 1, "cbow": 0}  # name -> `sg` of gensim
QUALITY = ("analogy_accuracy", "wordsim353_spearman", "simlex999_spearman")
TIMES = (1, 4)  # copies of the text in the file


@dataclasses.dataclass(frozen=True)
class Options:
    data: str  # path of the text
    test_data: str  # folder of the evaluation sets
    seeds: tuple[int, ...] = (0, 1, 2)
    epochs: int = 5
    workers: int = 2  # threads of gensim


def gensims(lines, model: str, seed: int, questions: dict, options: Options) -> dict:
    """Trains gensim on the text; returns words, seconds and figures."""
    from gensim.models import Word2Vec

    learner = Word2Vec(
        vector_size=100,
        window=5,
        negative=5,
        min_count=5,
        sg=MODELS[model],
        workers=options.workers,
        seed=seed,
    )
    learner.build_vocab(lines)
    clock = time.perf_counter()
    learner.train(lines, total_examples=len(lines), epochs=options.epochs)
    seconds = time.perf_counter() - clock
    counts = [learner.wv.get_vecattr(word, "count") for word in learner.wv.key_to_index]
    wv = learner.wv
    figures, _ = evaluate(wv.index_to_key, wv.vectors, questions)
    return {"words": sum(counts), "train_seconds": seconds, **figures}


def ours(model: str, seed: int, options: Options) -> dict:
    arguments = f"--model {model} --epochs {options.epochs} --units 100 --window 5"
    arguments += f" --negatives 5 --min-count 5 --test-data {options.test_data}"
    return measure("word2vec", options.data, seed, arguments)["metrics"]


def lengths(options: Options) -> list[dict]:
    """Returns seconds and peak memory of one pass over texts of several lengths."""
    text, rows = Path(options.data).read_bytes(), []
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:  # /tmp may be memory
        path = Path(folder) / "text.txt"
        for times in TIMES:
            path.write_bytes(text * times)
            command = [sys.executable, "-m", "recipes.word2vec", "--data", str(path)]
            # So that the vocabulary does not depend on the length.
            command += ["--epochs", "1", "--min-count", str(5 * times)]
            command += ["--run-dir", f"{folder}/{times}"]
            child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
            peak = 0
            while child.poll() is None:
                status = Path(f"/proc/{child.pid}/status").read_text()
                own = re.search(r"RssAnon:\s+(\d+)", status)
                peak = max(peak, 1024 * int(own[1]) if own else 0)
                time.sleep(0.05)
            if child.returncode:
                raise UserError(f"{' '.join(command)} ended with {child.returncode}")
            metrics = json.loads(Path(f"{folder}/{times}/metrics.json").read_text())
            row = {"times": times, "bytes": path.stat().st_size, "peak_bytes": peak}
            row |= {k: metrics[k] for k in ("train_seconds", "words_per_second")}
            rows.append(row)
            print(row, flush=True)
    return rows


def summary(runs: list[dict]) -> dict[str, dict[str, float]]:
    """Returns means over the seeds, by model and library."""
    groups: dict[str, list[dict]] = {}
    for run in runs:
        groups.setdefault(f"{run['model']}, {run['by']}", []).append(run)
    names = ("words_per_second", *QUALITY)
    return {
        group: {
            name: mean(run[name] for run in same)
            for name in names
            if all(name in run for run in same)
        }
        for group, same in groups.items()
    }


def markdown(record: dict) -> str:
    """Returns the table of docs/results.md."""
    rows = ["| vectors | words per second | analogies | WordSim-353 | SimLex-999 |"]
    rows.append("|---|---:|---:|---:|---:|")
    for group, means in record["summary"].items():
        speed = means.get("words_per_second")
        quality = " | ".join(f"{means[name]:.3f}" for name in QUALITY)
        rows.append(f"| {group} | {f'{speed:,.0f}' if speed else ''} | {quality} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    questions = read_evaluation(Path(options.test_data))
    lines = "".join(read_whole(Path(options.data)).chunks()).splitlines()
    lines = [[w for w in tokenize(line) if w != "<eos>"] for line in lines]
    runs = []
    for seed in options.seeds:
        for model in MODELS:
            theirs = gensims(lines, model, seed, questions, options)
            words = theirs["words"] * options.epochs
            for by, run in (("gensim", theirs), ("ours", ours(model, seed, options))):
                speed = words / run["train_seconds"]
                kept = {name: run[name] for name in ("train_seconds", *QUALITY)}
                head = {"model": model, "by": by, "seed": seed}
                runs.append({**head, **kept, "words_per_second": speed})
                print(runs[-1], flush=True)
    counts = ours("counts", options.seeds[0], options)
    runs.append({"model": "counts", "by": "ours", **{n: counts[n] for n in QUALITY}})
    record = {
        "command": "python -m benchmarks.word2vec --data "
        f"{Path(options.data).name} --test-data FOLDER",
        "git_commit": git_commit(),
        "machine": {**describe_hardware(), **describe_machine()},
        "gensim": importlib.metadata.version("gensim"),
        "workers": options.workers,
        "summary": summary(runs),
        "runs": runs,
        "lengths": lengths(options),
    }
    write_record(record, PATH)
    print(markdown(record), PATH, sep="\n")


if __name__ == "__main__":
    with one_line_errors():
        main()
