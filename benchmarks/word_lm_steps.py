"""Measures the effect of each technique of the word model, added one by one.

    python -m benchmarks.word_lm_steps

The network of the preset `small` of `recipes.word_lm` is trained on the first 200,000
words of `pydocs`, each time from the same seed for the same number of passes.
Perplexities are over all words of the held-out parts, with the state carried. They are
compared with those of the n-gram model.

Writes `results/word-lm-steps.json` and prints a Markdown table.
"""

import dataclasses
import math
import tempfile
from pathlib import Path

import tyro

import recipes  # noqa: F401  (imports the backend without its start-up log)
from benchmarks.report import write_record
from benchmarks.throwaway import run_in
from benchmarks.workers import ROOT, describe_hardware
from data.errors import one_line_errors
from kit.files import sha256
from kit.machine import describe_machine, git_commit
from recipes.word_lm import ORDER, PRESETS, Config, build_model, load_data, train
from tasks.likelihood import nats_of
from tasks.ngram import NGram

SMALL = PRESETS["small"]
PLAIN = {"tied": False, "inputs": 0.0, "outputs": 0.0}
STEPS = (  # name of each technique, and the fields of the preset that it changes
    ("plain", PLAIN),
    (
        "+ dropout of inputs and outputs",
        {"inputs": SMALL.inputs, "outputs": SMALL.outputs},
    ),
    ("+ tied weights", {"tied": True}),
    ("+ one dropout mask per window (variational)", {"variational": True}),
    ("+ dropout of recurrent weights", {"recurrent_weights": 0.2}),
    ("+ averaged weights", {"average": 0.99}),
)


@dataclasses.dataclass(frozen=True)
class Options:
    data: str = "pydocs"  # a name or a path
    words: int = 200_000  # of the training part: few, so that regularisation matters
    epochs: int = 5  # passes over them, for each network
    seed: int = 0
    out: Path = ROOT / "results" / "word-lm-steps.json"


def measure(options: Options) -> dict:
    """Returns the perplexities of every step and of the n-gram model."""
    import keras

    preset, rows = SMALL, []
    with tempfile.TemporaryDirectory() as folder:
        run = run_in(Path(folder), options.data)
        config = Config(
            options.data, epochs=options.epochs, seed=options.seed, preset="awd"
        )
        parts, vocabulary = load_data(config, run)
        del parts["test_characters"]
        parts["train"] = parts["train"][: options.words]
        vocab = len(vocabulary["words"]) + 2
        ngram = NGram(parts["train"], vocab, ORDER)
        for name, change in STEPS:
            preset = dataclasses.replace(preset, **change)
            keras.utils.set_random_seed(options.seed)
            PRESETS["awd"] = preset  # `small` would change with the size of the text
            model = build_model(config, vocabulary)
            seconds = train(config, run, model, vocabulary, parts)
            row = {"step": name, "parameters": model.count_params(), **seconds}
            for part in ("validation", "test"):
                row[f"{part}_perplexity"] = math.exp(nats_of(model, parts[part]))
            rows.append(row)
            print(row, flush=True)
            (run.folder / "checkpoint.npz").unlink()
        row = {"step": f"Kneser-Ney, order {ORDER}"}
        for part in ("validation", "test"):
            row[f"{part}_perplexity"] = math.exp(ngram.nats(parts[part]))
        return {
            "words": {name: len(ids) for name, ids in parts.items()},
            "data_sha256": sha256(run.data),
            "rows": [*rows, row],
        }


def markdown(record: dict) -> str:
    lines = [
        "| word_lm, preset small | validation perplexity | test perplexity | weights |",
        "|---|---:|---:|---:|",
    ]
    for row in record["rows"]:
        weights = f"{row['parameters']:,}" if "parameters" in row else ""
        lines.append(
            f"| {row['step']} | {row['validation_perplexity']:.1f} "
            f"| {row['test_perplexity']:.1f} | {weights} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    record = {
        "command": "python -m benchmarks.word_lm_steps",
        "git_commit": git_commit(),
        "options": {
            name: getattr(options, name) for name in ("words", "epochs", "seed")
        },
        "data": Path(options.data).name,
        "machine": {**describe_hardware(), **describe_machine()},
        **measure(options),
    }
    write_record(record, options.out)
    print(markdown(record))


if __name__ == "__main__":
    with one_line_errors():
        main()
