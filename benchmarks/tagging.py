"""The networks of the tagging recipe, each with the same data and number of passes.

    python -m benchmarks.tagging
    python -m benchmarks.tagging --data ud-english-ewt --epochs 8

Writes `results/tagging-networks.json` and prints its table. Nothing else should run on
the machine meanwhile.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.measure import run_recipe
from benchmarks.report import write_record
from data.errors import one_line_errors

RECORD = Path(__file__).parent.parent / "results" / "tagging-networks.json"
NETWORKS = {
    "LSTM in both directions, CRF": "",
    "the same, softmax": "--output softmax",
    "LSTM from left to right, CRF": "--one-direction",
    "window of nine words, CRF": "--reader window",
    "window of nine words, softmax": "--reader window --output softmax",
    "self-attention, CRF": "--reader attention",
    "LSTM and self-attention, CRF": "--reader both",
}


@dataclass(frozen=True)
class Options:
    data: str = "people"  # a name from the catalog or a path
    epochs: int = 0  # passes; 0: those of the recipe
    seed: int = 0


def markdown(record: dict) -> str:
    """A row for each network and data set, and one for each simpler model."""
    lines = []
    for data, runs in record.items():
        found = [run["metrics"] for run in runs.values()]
        parts = [
            name
            for name in found[0]
            if name.startswith("test") and "unseen" not in name
        ]
        names = " | ".join(f"`{name}`" for name in parts)
        minutes = sum(x["train_seconds"] for x in found) / len(found) / 60
        passes = next(iter(runs.values()))["metrics"]["epochs"]
        lines += [
            f"`{data}`, {passes} pass{'es' * (passes > 1)}, {minutes:.1f} minutes on "
            "average:",
            "",
            f"| network | {names} | weights | seconds |",
            f"|---|{'---:|' * (len(parts) + 2)}",
        ]
        for network, metrics in zip(runs, found, strict=True):
            figures = " | ".join(f"{metrics[name]:.4f}" for name in parts)
            weights, seconds = metrics["parameters"], metrics["train_seconds"]
            lines.append(f"| {network} | {figures} | {weights:,} | {seconds:.0f} |")
        for network, prefix in (
            ("CRFsuite", "baseline"),
            ("most frequent", "frequent"),
        ):
            figures = " | ".join(f"{found[0][f'{prefix}_{x}']:.4f}" for x in parts)
            lines.append(f"| {network} | {figures} |  |  |")
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    runs, folder = {}, Path("runs/tagging/measured-network")
    with one_line_errors():
        for network, arguments in NETWORKS.items():
            arguments = [*arguments.split(), "--data", options.data]
            arguments += ["--seed", str(options.seed)]
            if options.epochs:
                arguments += ["--epochs", str(options.epochs)]
            shutil.rmtree(folder, ignore_errors=True)
            runs[network] = run_recipe("tagging", arguments, folder)
            record[Path(options.data).name] = runs
            write_record(record, RECORD)
    print(markdown(record))


if __name__ == "__main__":
    main()
