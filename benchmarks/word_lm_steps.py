"""What each technique of the word model pays: one after the other, each kept.

    python -m benchmarks.word_lm_steps

The network of `recipes.word_lm`'s preset `small` on `pydocs`, trained from the same
seed for the same number of epochs: plain, then with dropout, tied weights, dropout of
the recurrent weights, averaged weights. Perplexities are over every word of the
held-out parts with the state carried. Beside them the n-gram model's.

Writes `results/word-lm-steps.json` and prints a table in Markdown.
"""

import dataclasses
import json
import math
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import tyro

from benchmarks.recurrent import rounded
from benchmarks.workers import ROOT, describe_hardware
from data.catalog import locate
from data.ngram import NGram
from kit.files import mapped, sha256, write_whole
from kit.language import nats_of
from kit.machine import describe_machine
from kit.run import git_commit, one_line_errors
from recipes.word_lm import (
    ORDER,
    PRESETS,
    Config,
    build_model,
    load_data,
    train,
)

SMALL = PRESETS["small"]
PLAIN = {"tied": False, "words": 0.0, "inputs": 0.0, "between": 0.0, "outputs": 0.0}
PLAIN |= {"recurrent_weights": 0.0, "average": 0.0}
STEPS = (  # a name and what is changed then; what was changed before stays
    ("plain", PLAIN),
    ("+ dropout", {"inputs": SMALL.inputs, "outputs": SMALL.outputs}),
    ("+ tied weights", {"tied": True}),
    ("+ recurrent weight dropout", {"recurrent_weights": 0.3}),
    ("+ averaged weights", {"average": 0.998}),
)


@dataclasses.dataclass(frozen=True)
class Options:
    data: str = "pydocs"  # a name or a path
    epochs: int = 6  # passes of each network over the training part
    seed: int = 0
    out: Path = ROOT / "results" / "word-lm-steps.json"


def run_in(folder: Path, data: str) -> SimpleNamespace:
    """What the recipe's functions ask of a run, in a folder that is thrown away."""
    return SimpleNamespace(
        folder=folder,
        data=locate(data),
        test_data=None,
        vocabulary=lambda: None,
        cached=lambda *key, make: make(),
        mapped=lambda *key, make: mapped(folder / "ids", make),
        write=lambda name, content: None,
        verbose=2,
        interrupted=False,
    )


def measure(options: Options) -> dict:
    """Perplexities of every step, and of the n-gram model."""
    preset, rows = SMALL, []
    with tempfile.TemporaryDirectory() as folder:
        run = run_in(Path(folder), options.data)
        config = Config(data=options.data, seed=options.seed)
        parts, vocabulary, _ = load_data(config, run)
        vocab = len(vocabulary["words"]) + 2
        ngram = NGram(parts["train"], vocab, ORDER)
        for name, change in STEPS:
            preset = dataclasses.replace(preset, **change)
            keras.utils.set_random_seed(options.seed)
            model = build_model(preset, vocab)
            start = time.perf_counter()
            train(preset, options.epochs, options.seed, run, model, parts)
            row = {
                "step": name,
                "train_seconds": time.perf_counter() - start,
                "parameters": model.count_params(),
            }
            for part in ("validation", "test"):
                row[f"{part}_perplexity"] = math.exp(nats_of(model, parts[part]))
            rows.append(row)
            print(row, flush=True)
            (run.folder / "checkpoint.npz").unlink()
        return {
            "words": {name: len(ids) for name, ids in parts.items()},
            "data_sha256": sha256(run.data),
            "ngram_test_perplexity": math.exp(ngram.nats(parts["test"])),
            "rows": rows,
        }


def table(record: dict) -> str:
    lines = [
        "| network | validation perplexity | test perplexity | parameters | seconds |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['step']} | {row['validation_perplexity']:.1f} "
        f"| {row['test_perplexity']:.1f} | {row['parameters']:,} "
        f"| {row['train_seconds']:.0f} |"
        for row in record["rows"]
    ]
    last = (
        f"| Kneser-Ney, order {ORDER} | | {record['ngram_test_perplexity']:.1f} | | |"
    )
    return "\n".join([*lines, last])


def main(arguments=None):
    options = tyro.cli(Options, description=__doc__, args=arguments)
    with one_line_errors():
        record = {
            "command": "python -m benchmarks.word_lm_steps",
            "git_commit": git_commit(),
            "data": options.data,
            "epochs": options.epochs,
            "seed": options.seed,
            "machine": {**describe_hardware(), **describe_machine()},
            **measure(options),
        }
        print(table(record))
        text = json.dumps(rounded(record), indent=1, ensure_ascii=False)
        write_whole(options.out, f"{text}\n".encode())
        print(options.out)


if __name__ == "__main__":
    main()
