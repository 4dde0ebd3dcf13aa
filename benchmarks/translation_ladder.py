"""Compares translation without and with attention, at the same training budget.

    python -m benchmarks.translation_ladder
    python -m benchmarks.translation_ladder --data multi30k --epochs 6 --units 256 \\
        --dropout 0.4 --learning-rate 3e-3

Trains the models `plain`, `reverse`, `peeky` and `attention` of `recipes.translation`
with the same options, data, seed and number of passes.

Writes `results/translation-ladder-DATA.json` and `.png`: the learning curves, and the
quality of translations against the length of the source (Bahdanau, Cho and Bengio,
2015, figure 2), as exact matches, or as BLEU if the targets are sentences.
"""

import csv
import dataclasses
import tempfile
from pathlib import Path
from typing import get_args, get_type_hints

import keras
import numpy as np
import tyro

import recipes  # noqa: F401  (imports the backend without its start-up log)
from benchmarks.report import write_record
from benchmarks.throwaway import run_in
from benchmarks.workers import ROOT, describe_hardware
from data.errors import one_line_errors
from kit.files import sha256
from kit.machine import describe_machine, git_commit
from recipes.translation import Config, build_model, load_data, train, translate
from tasks.translations import scores

MODELS = get_args(get_type_hints(Config)["model"])
COLORS = dict(zip(MODELS, ("#8a8f98", "#d9742b", "#4a9b6e", "#3572b0"), strict=True))
BINS = 6  # groups of test rows by the length of their source
NAMES = {"bleu_lowercase": "BLEU, lower-cased", "exact_match": "share of exact matches"}


@dataclasses.dataclass(frozen=True)
class Options:
    data: str = "dates"  # a name or a path
    epochs: int = 3  # passes of each model over the training part
    units: int = 128
    dropout: float = 0.2
    learning_rate: float = 5e-3
    seed: int = 0


def measure(options: Options) -> tuple[list[dict], str]:
    """Returns a row for each model, and the sha256 of the data."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        run = run_in(Path(folder), options.data)
        run.write = lambda name, content: (run.folder / name).write_text(content)
        common = dataclasses.asdict(options)
        data, vocabulary = load_data(Config(**common), run)
        sources, targets = data["texts"]["test"]
        lengths = np.array([len(row) for row in data["ids"]["test"][0]])
        groups = np.array_split(np.argsort(lengths, kind="stable"), BINS)
        for name in MODELS:
            config = Config(**common, model=name)
            keras.utils.set_random_seed(options.seed)
            model = build_model(config, vocabulary)
            row = {"model": name, "parameters": model.count_params()}
            row |= train(config, run, model, vocabulary, data)
            with (run.folder / "history.csv").open() as lines:
                history = csv.DictReader(lines)
                row["curve"] = [float(each["val_loss"]) for each in history]
            written = translate(model, vocabulary, sources)
            row |= scores(written, targets, "test_{}")
            row["by_length"] = [
                {
                    "source_tokens": float(lengths[group].mean()),
                    **scores(
                        [written[place] for place in group],
                        [targets[place] for place in group],
                        "{}",
                    ),
                }
                for group in groups
            ]
            rows.append(row)
            print({key: value for key, value in row.items() if key != "by_length"})
            (run.folder / "checkpoint.npz").unlink()
        return rows, sha256(run.data)


def draw(rows: list[dict], data: str, path: Path) -> None:
    """Plots learning curves, and quality against the length of the source."""
    from matplotlib.figure import Figure

    figure = Figure((10, 4), layout="constrained")
    figure.suptitle(f"translation on {data}")
    curves, lengths = figure.subplots(1, 2)
    key = next(name for name in NAMES if name in rows[0]["by_length"][0])
    for row in rows:
        style = {"color": COLORS[row["model"]], "label": row["model"], "marker": "o"}
        curves.plot(range(1, len(row["curve"]) + 1), row["curve"], **style)
        groups = row["by_length"]
        x, y = ([group[name] for group in groups] for name in ("source_tokens", key))
        lengths.plot(x, y, **style)
    curves.set(xlabel="epoch", ylabel="validation loss (nats)")
    curves.xaxis.get_major_locator().set_params(integer=True)
    lengths.set(xlabel="tokens in the source", ylabel=NAMES[key])
    for axes in (curves, lengths):
        axes.spines[["top", "right"]].set_visible(False)
    curves.legend(frameon=False)
    figure.savefig(path, dpi=160)


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    rows, digest = measure(options)
    name = f"translation-ladder-{Path(options.data).name}"
    record = {
        "command": "python -m benchmarks.translation_ladder",
        "options": {**dataclasses.asdict(options), "data": Path(options.data).name},
        "git_commit": git_commit(),
        "data_sha256": digest,
        "machine": {**describe_hardware(), **describe_machine()},
        "rows": rows,
    }
    write_record(record, ROOT / "results" / f"{name}.json")
    draw(rows, record["options"]["data"], ROOT / "results" / f"{name}.png")
    print(ROOT / "results" / f"{name}.png")


if __name__ == "__main__":
    with one_line_errors():
        main()
