"""Ratios and means of measured times, as Markdown tables and a plot."""

import json
import math

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from kit.files import write_whole

TITLES = {
    "cells": "cells: milliseconds per training step",
    "masked": "masked: with random lengths and dropouts, milliseconds per step",
    "language-model": "language-model: milliseconds per training step",
    "growth": "growth: one size varied, milliseconds per training step",
    "memory": "memory: first step and memory of later ones, in a new process",
}
RATIOS = {
    "XLA": "Keras / ours, both with XLA",
    "better": "Keras / ours, each in its better mode",
    "pytorch": "PyTorch / ours in its better mode",
    "limit": "arithmetic limit / ours in its better mode",
}
COSTS = {"memory": "memory_mib", "first step": "first_step_s"}
# Blue and orange are distinguishable with every kind of colour vision.
LINES = {
    "Keras": {"color": "#d9742b", "marker": "s"},
    "ours": {"color": "#0b5fa5", "marker": "o"},
    "arithmetic limit": {"color": "#555555", "linestyle": "--"},
}
AXES = {"time": "length (time steps)", "batch": "batch (sequences)", "units": "units"}


def write_record(record, path):
    """Writes the results of a benchmark as JSON, with four significant digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rounded(record), indent=1, ensure_ascii=False)
    write_whole(path, f"{text}\n".encode())


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def better(times, maker):
    """Returns the time of the fastest mode of `maker`: keras, ours or pytorch."""
    return min(ms for name, ms in times.items() if name.startswith(maker))


def ratios(times, limit_ms=None):
    """Returns the times of others over ours, with the keys of `RATIOS`."""
    ours = better(times, "ours")
    values = {
        "XLA": times["keras XLA"] / times["ours XLA"],
        "better": better(times, "keras") / ours,
    }
    if "pytorch" in times:
        values["pytorch"] = times["pytorch"] / ours
    if limit_ms is not None:
        values["limit"] = limit_ms / ours
    return values


def memory_row(task, costs):
    """Returns the costs of a task by contender, and ours over Keras's with XLA."""
    row = {key: getattr(task, key) for key in ("layer", "units", "batch", "time")}
    row["ratios"] = {}
    for name, field in COSTS.items():
        row[field] = {contender: cost[field] for contender, cost in costs.items()}
        keras, ours = row[field]["keras XLA"], row[field]["ours XLA"]
        row["ratios"][name] = ours / keras if keras and ours else None
    return row


def geometric_mean(values):
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def summary(tables):
    """Returns each ratio's geometric mean and extremes, by table and layer."""
    summaries = {}
    for name, table in tables.items():
        summarise = growth_of_last if name == "growth" else summary_of_rows
        summaries[name] = {
            layer: summarise([row for row in table["rows"] if row["layer"] == layer])
            for layer in dict.fromkeys(row["layer"] for row in table["rows"])
        }
    return summaries


def summary_of_rows(rows):
    ratios_of = {}
    for key in dict.fromkeys(key for row in rows for key in row["ratios"]):
        values = [row["ratios"].get(key) for row in rows]
        values = [value for value in values if value is not None]
        if values:
            ratios_of[key] = {
                "geometric_mean": geometric_mean(values),
                "smallest": min(values),
                "largest": max(values),
            }
    return ratios_of


def growth_of_last(rows):
    """Returns the last time over the one before: near 2 for twice the size."""
    growth = {}
    for varied in ("time", "batch"):
        *_, before, last = [row for row in rows if row["varied"] == varied]
        growth[varied] = {
            maker: better(last["ms"], maker) / better(before["ms"], maker)
            for maker in ("keras", "ours")
        }
    return growth


def line(row):
    """Returns one row as text, to print as soon as it is measured."""
    shape = f"{row['layer']:4} {row['units']:4} x {row['batch']:3} x {row['time']:3}"
    if "ms" in row:
        parts = [f"{name} {ms:.4g}" for name, ms in row["ms"].items()]
    else:
        parts = [
            f"{name} {seconds:.1f} s, {mebibytes(row['memory_mib'][name])}"
            for name, seconds in row["first_step_s"].items()
        ]
    known = [f"{key} {x:.2f}" for key, x in row["ratios"].items() if x is not None]
    return f"{shape} | {'; '.join(parts)} | {', '.join(known)}"


def mebibytes(value):
    return "memory not known" if value is None else f"{value:.0f} MiB"


def text(record):
    """Returns the summary as lines of text, then the table of `cells`."""
    lines = ["\nRatios: geometric mean (smallest)"]
    for name, layers in record["summary"].items():
        for layer, values in layers.items():
            if name == "growth":
                parts = [
                    f"largest {varied} over the one before: "
                    f"keras {times['keras']:.2f}, ours {times['ours']:.2f}"
                    for varied, times in values.items()
                ]
            else:
                parts = [
                    f"{key} {x['geometric_mean']:.2f} ({x['smallest']:.2f})"
                    for key, x in values.items()
                ]
            lines.append(f"{name:15}{layer:5}{'; '.join(parts)}")
    lines += [f"{key}: {meaning}" for key, meaning in RATIOS.items()]
    lines.append("memory, first step: ours / Keras, both with XLA")
    return "\n".join([*lines, "", markdown(record)]).rstrip()


def markdown(record):
    """Returns the table `cells`, one row per shape, each in its better mode."""
    if "cells" not in record["tables"]:
        return ""
    shapes = {}
    for row in record["tables"]["cells"]["rows"]:
        shape = (row["units"], row["batch"], row["time"])
        shapes.setdefault(shape, {})[row["layer"]] = row["ms"]
    layers = list(next(iter(shapes.values())))
    makers = ("ours", "keras", "pytorch")
    makers = makers if "pytorch" in shapes[shape][layers[0]] else makers[:2]
    names = {"ours": "ours", "keras": "Keras", "pytorch": "PyTorch"}
    head = ["units", "batch", "length"]
    head += [f"{layer}: {names[maker]}" for layer in layers for maker in makers]
    lines = [head, ["---:"] * len(head)]
    for shape, times in shapes.items():
        cells = [better(times[layer], maker) for layer in layers for maker in makers]
        lines.append([*map(str, shape), *map(milliseconds, cells)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# Rows of the summary in docs/layers.md: the text, and the ratio of a table.
SUMMARY = (
    ("training step, each in its better mode", "cells", "better"),
    ("training step, both with XLA", "cells", "XLA"),
    ("training step with masks, dropout and recurrent dropout", "masked", "better"),
    ("training step of a small language model", "language-model", "better"),
    ("PyTorch's time over ours", "cells", "pytorch"),
    ("memory of a training step with XLA, ours over Keras's", "memory", "memory"),
    ("first step with XLA, ours over Keras's", "memory", "first step"),
)


def summary_markdown(record):
    """Returns the geometric means of a record, one row per entry of `SUMMARY`."""
    summary = record["summary"]
    layers = list(next(iter(summary.values())))
    backend = {"tensorflow": "TensorFlow", "jax": "JAX"}[record["machine"]["backend"]]
    lines = [[f"{backend}, {record['machine']['device'].upper()}", *layers]]
    lines.append(["---", *["---:"] * len(layers)])
    for label, table, ratio in SUMMARY:
        values = [summary.get(table, {}).get(layer, {}).get(ratio) for layer in layers]
        if all(values):
            lines.append([label, *map(mean_and_extremes, values)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mean_and_extremes(ratio):
    mean, smallest, largest = (f"{value:.2f}" for value in ratio.values())
    return mean if smallest == largest else f"{mean} ({smallest} to {largest})"


def milliseconds(value):
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def draw(record, path):
    """Plots the table `growth`, with one row per layer and one column per size."""
    rows = record["tables"]["growth"]["rows"]
    layers = list(dict.fromkeys(row["layer"] for row in rows))
    figure = Figure(figsize=(10, 1.2 + 2.9 * len(layers)), layout="constrained")
    grid = figure.subplots(len(layers), len(AXES), squeeze=False, sharey="row")
    for layer, axes in zip(layers, grid, strict=True):
        for varied, axis in zip(AXES, axes, strict=True):
            picked = [row for row in rows if row["layer"] == layer]
            draw_lines(axis, [row for row in picked if row["varied"] == varied], varied)
            axis.set_title(layer, loc="left", fontweight="bold")
        axes[0].set_ylabel("ms per training step")
    machine = record["machine"]
    processor = f"{machine['processor']}, {machine['cores']} cores"
    base = next(row for row in rows if row["varied"] == "units")
    units = next(row for row in rows if row["varied"] == "time")["units"]
    figure.suptitle(
        "Time of a training step as one size grows, the others at "
        f"{units} units, batch {base['batch']}, length {base['time']}\n"
        f"({machine['device_name'] or processor}, {machine['backend']}, "
        f"{record['dtype']}; Keras and ours each with or without XLA, "
        "whichever is faster)",
        fontsize=11,
    )
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=120)
    return path


def draw_lines(axis, rows, varied):
    sizes = [row[varied] for row in rows]
    heights = {
        "Keras": [better(row["ms"], "keras") for row in rows],
        "ours": [better(row["ms"], "ours") for row in rows],
        "arithmetic limit": [row["limit_ms"] for row in rows],
    }
    for label, values in heights.items():
        axis.plot(sizes, values, label=label, linewidth=1.8, **LINES[label])
    axis.set(xscale="log", yscale="log", xlabel=AXES[varied])
    axis.set_xticks(sizes, [str(size) for size in sizes])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter("{x:g}")
    axis.grid(alpha=0.3)
