"""Draws the attention weights of one translation per run, side by side.

    python -m benchmarks.alignments runs/translation/A runs/translation/B

Reads the runs' `figures.json`; writes `results/alignments.png`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.workers import ROOT
from data.errors import UserError, one_line_errors
from kit.figures import draw_alignment


@dataclass(frozen=True)
class Options:
    runs: tyro.conf.Positional[tuple[Path, ...]]  # folders of runs with attention
    items: tuple[int, ...] = ()  # number of a translation per run; default: the first


def draw(items: list[dict], path: Path) -> None:
    """Draws one heat map per item, side by side, with cells of equal size."""
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
    if len(numbers) != len(options.runs):
        raise UserError(f"--items: expected {len(options.runs)}, found {len(numbers)}")
    for run, number in zip(options.runs, numbers, strict=True):
        path = run / "figures.json"
        if not path.is_file():
            raise UserError(f"{path}: no such file; expected a run of translation")
        figures = json.loads(path.read_text("utf-8"))
        alignments = [f["items"] for f in figures if f["kind"] == "alignment"]
        if not alignments or not 0 <= number < len(alignments[0]):
            raise UserError(f"{path}: no alignment number {number}")
        items.append(alignments[0][number])
    path = ROOT / "results" / "alignments.png"
    draw(items, path)
    print(path)


if __name__ == "__main__":
    with one_line_errors():
        main()
