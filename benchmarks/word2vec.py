"""Word vectors beside gensim's: how good, and how many words a second.

    python -m benchmarks.word2vec --data enwiki-2021-sample.txt --test-data FOLDER

The same text, 100 numbers a word, window 5, 5 negatives, 5 passes, words of 5 places or
more. gensim with 2 workers; each in turn, three seeds, judged by the same evaluator on
the sets in FOLDER (see `recipes/word2vec.py`). Words a second: those of the vocabulary
that stand in the text, times the passes, over the seconds of training, whole. `counts`
once, without training.

Then the recipe alone, one pass over the text once and four times: seconds, and
the most memory of the process's own.

Writes `results/word2vec.json`; `make results` puts it into the README. Nothing else
should run on the machine meanwhile.
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
MODELS = {"skipgram": 1, "cbow": 0}  # and gensim's `sg`
QUALITY = ("analogy_accuracy", "wordsim353_spearman", "simlex999_spearman")
TIMES = (1, 4)  # how often the text stands in the file


@dataclasses.dataclass(frozen=True)
class Options:
    data: str  # path of a text
    test_data: str  # folder of the evaluation sets
    seeds: tuple[int, ...] = (0, 1, 2)
    epochs: int = 5
    workers: int = 2  # threads of gensim


def gensims(lines, model: str, seed: int, questions: dict, options: Options) -> dict:
    """gensim's vectors of the text, measured."""
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
    """Seconds and memory of one pass over longer and longer texts."""
    text, found = Path(options.data).read_bytes(), []
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:  # /tmp may be memory
        path = Path(folder) / "text.txt"
        for times in TIMES:
            path.write_bytes(text * times)
            command = [sys.executable, "-m", "recipes.word2vec", "--data", str(path)]
            # The same words whatever the length.
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
            found.append(row)
            print(row, flush=True)
    return found


def summary(runs: list[dict]) -> dict[str, dict[str, float]]:
    """Means over the seeds, by model and maker."""
    groups: dict[str, list[dict]] = {}
    for run in runs:
        groups.setdefault(f"{run['model']}, {run['by']}", []).append(run)
    names = ("words_per_second", *QUALITY)
    return {
        group: {
            name: mean(run[name] for run in found)
            for name in names
            if all(name in run for run in found)
        }
        for group, found in groups.items()
    }


def markdown(record: dict) -> str:
    """The README's table."""
    rows = ["| vectors | words a second | analogies | WordSim-353 | SimLex-999 |"]
    rows.append("|---|---:|---:|---:|---:|")
    for group, found in record["summary"].items():
        model, by = group.split(", ")
        speed = found.get("words_per_second")
        quality = " | ".join(f"{found[name]:.3f}" for name in QUALITY)
        said = f"{speed:,.0f}" if speed else ""
        rows.append(f"| {model}, {by} | {said} | {quality} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    questions = read_evaluation(Path(options.test_data))
    lines = "".join(read_whole(Path(options.data)).chunks()).splitlines()
    lines = [[w for w in tokenize(line) if w != "<eos>"] for line in lines]
    runs = []
    for seed in options.seeds:
        for model in MODELS:
            found = gensims(lines, model, seed, questions, options)
            words = found["words"] * options.epochs
            for by, run in (("gensim", found), ("ours", ours(model, seed, options))):
                speed = words / run["train_seconds"]
                kept = {name: run[name] for name in ("train_seconds", *QUALITY)}
                head = {"model": model, "by": by, "seed": seed}
                runs.append({**head, **kept, "words_per_second": speed})
                print(runs[-1], flush=True)
    found = ours("counts", options.seeds[0], options)
    runs.append({"model": "counts", "by": "ours", **{n: found[n] for n in QUALITY}})
    found = summary(runs)
    record = {
        "command": "python -m benchmarks.word2vec --data "
        f"{Path(options.data).name} --test-data FOLDER",
        "git_commit": git_commit(),
        "machine": {**describe_hardware(), **describe_machine()},
        "gensim": importlib.metadata.version("gensim"),
        "workers": options.workers,
        "summary": found,
        "runs": runs,
        "lengths": lengths(options),
    }
    write_record(record, PATH)
    print(markdown(record), PATH, sep="\n")


if __name__ == "__main__":
    with one_line_errors():
        main()
