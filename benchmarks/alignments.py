"""Draw what the tokens of one translation of each run looked at, side by side.

    python -m benchmarks.alignments runs/translation/A runs/translation/B

Reads the runs' `figures.json`; writes `results/alignments.png`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.workers import ROOT
from kit.report import draw_alignment


@dataclass(frozen=True)
class Options:
    runs: tyro.conf.Positional[tuple[Path, ...]]  # folders of runs with attention
    items: tuple[int, ...] = ()  # which translation of each; default the first


def draw(items: list[dict], path: Path) -> None:
    """One heat map beside the other, with cells of one size."""
    from matplotlib.figure import Figure

    widths = [len(item["source"]) for item in items]
    height = max(len(item["written"]) for item in items)
    figure = Figure((0.3 * sum(widths) + 2, 0.3 * height + 1.4), layout="constrained")
    all_axes = figure.subplots(
        1, len(items), squeeze=False, gridspec_kw={"width_ratios": widths}
    )
    for axes, item in zip(all_axes[0], items, strict=True):
        draw_alignment(axes, item)
        axes.set_anchor("N")
    figure.savefig(path, dpi=130, bbox_inches="tight")


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    numbers = options.items or (0,) * len(options.runs)
    items = []
    for run, number in zip(options.runs, numbers, strict=True):
        (figure,) = json.loads((run / "figures.json").read_text("utf-8"))
        items.append(figure["items"][number])
    path = ROOT / "results" / "alignments.png"
    draw(items, path)
    print(path)


if __name__ == "__main__":
    main()
