"""``make report RECIPE=name [RUN=folder]``: a run's plots and ``report.html``.

The page is a single file that can be opened offline. It contains words and class names
as text, so that the browser can display every script. Pictures contain only texts for
which matplotlib's font has all characters.
"""

import base64
import contextlib
import csv
import html
import textwrap
import unicodedata
from pathlib import Path

import numpy as np

from data.catalog import CATALOG
from data.errors import one_line_errors
from kit.files import read_json
from kit.run_folders import newest_run

BLUE, GREY = "#3572b0", "#8a8f98"
COLORS = ("#d9742b", BLUE)  # of probabilities below 0.5, and of others
GROUPS = (BLUE, "#d9742b", "#4a9b6e", "#a04ba0", "#b5342f", "#6b6f1d", "#2f8f9d", GREY)
UNITS = {"loss": "loss (nats)", "accuracy": "accuracy (share correct)"}
TRAINING = (
    *("seed", "epochs", "words", "parameters"),
    *("train_seconds", "tokens_per_second", "words_per_second"),
)
NOTES = {0: "C", 4: "E", 7: "G"}  # tick labels of piano rolls, by semitones above C
DRAWN = 3  # alignments in the picture; the page shows all
LINE = 84  # characters per line of words in a picture
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; media-src data:;
  style-src 'unsafe-inline'"><style>
:root { color-scheme: light dark; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: auto;
  padding: 1rem; overflow-wrap: anywhere; }
h1 { line-height: 1.2; } h2 { margin-top: 2rem; } small { opacity: .8; }
div { overflow-x: auto; } table { border-collapse: collapse; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--soft); }
th { text-align: start; overflow-wrap: break-word; }
.n td, .n th + th { text-align: end; white-space: nowrap; }
.a { margin: 1rem 0; } .a th { padding: .1rem .3rem; text-align: end; }
.n [style] { background: color-mix(in srgb, #3572b0 calc(var(--p) * 75%), #0000); }
.curves { display: flex; flex-wrap: wrap; gap: 1rem; }
img { flex: 1 1 18rem; min-width: 0; max-width: 30rem; } .wide { max-width: 100%; }
@media (prefers-color-scheme: dark) { img { filter: invert(.93) hue-rotate(180deg); } }
pre, .words { background: var(--soft); padding: .8rem; white-space: pre-wrap; }
.words { margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .6rem .35rem; }
p { width: 100%; margin: 0; } span { text-align: center; }
i, span small { display: block; min-width: 1.7rem; font-size: .7rem; }
i { height: 3rem; background: linear-gradient(#0000 49%, #8a8f98 49% 52%, #0000 52%),
  linear-gradient(to top, var(--c) calc(var(--p) * 100%), var(--soft) 0); }
</style><h1>{title}</h1>{body}"""


def write_report(run: Path) -> Path:
    """Draws `plots/*.png` and writes `report.html`; returns its path."""
    config, environment, metrics = (
        read_json(run / f"{name}.json") for name in ("config", "environment", "metrics")
    )
    (run / "plots").mkdir(exist_ok=True)
    data, source = Path(config.get("data", "")).name, CATALOG.get(config.get("data"))
    data += " (generated)" if source and source.generated else ""
    names = sorted(metrics, key=lambda name: name in TRAINING)
    names = dict.fromkeys(name.removeprefix("baseline_") for name in names)
    rows = [(n, metrics.get(n, ""), metrics.get(f"baseline_{n}", "")) for n in names]
    body = [f"<p>{_text(environment.get('started', run.name))}</p>"]
    body.append(_table("Metrics", rows, ("ours", "baseline"), "n"))
    body.append(_curves(run, data))
    for figure in read_json(run / "figures.json"):
        png = run / "plots" / f"{figure.get('name', figure['kind'])}.png"
        draw = {
            "confusion_matrix": _matrix,
            "word_by_word": _words,
            "alignment": _alignment,
            "similarities": _alignment,
            "map": _map,
            "shares": _shares,
            "piano_roll": _piano_roll,
        }[figure["kind"]]
        body.append(f"<h2>{_text(figure['title'])}</h2>")
        body.append(draw(figure, png, f"{figure['title']}, {data}"))
    if (run / "samples.txt").exists():
        samples = _text((run / "samples.txt").read_text("utf-8"))
        body.append(f'<h2>Samples</h2><pre dir="auto">{samples}</pre>')
    body.append(_table("Configuration", config.items()))
    body.append(_table("Environment", environment.items()))
    title = _text(f"{run.resolve().parent.name} on {data}")
    page = PAGE.replace("{title}", title).replace("{body}", "\n".join(body))
    (run / "report.html").write_text(page, "utf-8", errors="replace")
    return run / "report.html"


def _table(title: str, rows, head: tuple = (), kind: str = "") -> str:
    lines = ["".join(f"<th>{name}</th>" for name in ("", *head))] if head else []
    for name, *cells in rows:
        values = "".join(f"<td>{_text(cell)}</td>" for cell in cells)
        lines.append(f"<th>{_text(name.replace('_', ' '))}</th>{values}")
    return f'<h2>{title}</h2><table class="{kind}"><tr>{"<tr>".join(lines)}</table>'


def _curves(run: Path, data: str) -> str:
    """Plots the loss, and every metric that is measured in validation too."""
    if not (run / "history.csv").exists():  # a run with --load does not train
        return ""
    rows = list(csv.DictReader((run / "history.csv").read_text("utf-8").splitlines()))
    images = ""
    for name in (n for n in rows[0] if n == "loss" or f"val_{n}" in rows[0]):
        png = run / "plots" / f"{name}.png"
        with _picture(png, (4.8, 3.3), f"{name}, {data}") as (axes,):
            for side, prefix, color in (
                ("training", "", GREY),
                ("validation", "val_", BLUE),
            ):
                values = [float(row.get(prefix + name, "nan")) for row in rows]
                epochs = [int(row["epoch"]) for row in rows]
                axes.plot(epochs, values, "o-", color=color, label=side, markersize=4)
            axes.set(xlabel="epoch", ylabel=UNITS.get(name, name))
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.legend(frameon=False)
        images += _image(png, name)
    return f'<h2>Learning curves</h2><div class="curves">{images}</div>'


def _image(png: Path, alt: str, kind: str = "") -> str:
    """Embeds a picture in the page; returns "" if it was not drawn."""
    if not png.exists():
        return ""
    image = base64.b64encode(png.read_bytes()).decode()
    image = f'alt="{_text(alt)}" src="data:image/png;base64,{image}"'
    return f'<img class="{kind}" {image}>'


def _matrix(figure: dict, png: Path, title: str) -> str:
    """A confusion matrix: true classes in rows, predicted ones in columns."""
    labels, counts = figure["labels"], np.array(figure["matrix"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    if _drawable("".join(labels)):
        size = 0.9 * len(labels) + 2
        with _picture(png, (size + 1, size), title) as (axes,):
            axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
            for (row, column), share in np.ndenumerate(shares):
                text = f"{counts[row, column]:,}\n{share:.1%}"
                style = {
                    "ha": "center",
                    "va": "center",
                    "color": "wk"[int(share < 0.6)],
                }
                axes.text(column, row, text, **style)
            axes.set_xticks(range(len(labels)), labels)
            axes.set_yticks(range(len(labels)), labels)
            axes.set(xlabel="predicted", ylabel="true")
    table = "<th>true ↓ predicted →" + "".join(f"<th>{_text(name)}" for name in labels)
    for label, row, line in zip(labels, counts, shares, strict=True):
        table += f"<tr><th>{_text(label)}"
        for count, share in zip(row, line, strict=True):
            table += f'<td style="--p:{share}">{count:,}<br><small>{share:.1%}</small>'
    return f'<div><table class="n"><tr>{table}</table></div>'


def _words(figure: dict, png: Path, title: str) -> str:
    """Sentences, with a bar over each word for the probability of one label."""
    lines, page = [], ""  # the picture's lines, the page's HTML
    for item in figure["items"]:
        pairs = list(zip(item["words"], item["probabilities"], strict=True))
        caption = f"{figure['label']} {pairs[-1][1]:.2f}" if pairs else "no words"
        caption = item.get("said", caption)
        caption += f", true: {item['true']}" if item.get("true") else ""
        page += f'<div class="words" dir="auto"><p>{_text(item["text"])} '
        page += f'<small dir="auto">({_text(caption)})</small></p>'
        for word, p in pairs:
            page += (
                f'<span><i style="--p:{p:.3f};--c:{COLORS[p >= 0.5]}"></i>{_text(word)}'
            )
            page += f"<small>{p:.2f}</small></span>"
        page += "</div>"
        while pairs and _drawable(caption + "".join(item["words"])):
            ends = np.cumsum([len(word) + 1 for word, _ in pairs])
            count = max(1, int((ends <= LINE).sum()))
            lines.append((pairs[:count], caption))
            pairs, caption = pairs[count:], ""
    if lines:
        columns = max(sum(len(word) + 1 for word, _ in pairs) for pairs, _ in lines)
        size = (max(5, 1.2 + 0.1 * columns), 0.6 + 1.2 * len(lines))
        with _picture(png, size, title, len(lines)) as all_axes:
            for axes, (pairs, caption) in zip(all_axes, lines, strict=True):
                words, values = zip(*pairs, strict=True)
                widths = np.array([len(word) for word in words])
                middles = np.cumsum(widths + 1) - widths / 2 - 1
                axes.bar(
                    middles, values, widths, color=[COLORS[p >= 0.5] for p in values]
                )
                axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
                axes.set_xticks(middles, words, family="monospace")
                axes.tick_params(axis="x", length=0)
                axes.set(xlim=(-1, columns), ylim=(0, 1), yticks=(0, 0.5, 1))
                axes.set_title(caption, loc="left", fontsize=10)
    return page


def _alignment(figure: dict, png: Path, title: str) -> str:
    """Attention weights: written tokens in rows, source tokens in columns."""
    page = ""
    for item in figure["items"]:
        table = "<th>" + "".join(f"<th>{_text(token)}" for token in item["source"])
        for token, row in zip(item["written"], item["weights"], strict=True):
            cells = (f'<td style="--p:{w:.3f}" title="{w:.2f}">' for w in row)
            table += f"<tr><th>{_text(token)}" + "".join(cells)
        page += f'<div><table class="a n"><tr>{table}</table></div>'
    drawn = [
        item
        for item in figure["items"]
        if item["source"] and _drawable("".join(item["source"] + item["written"]))
    ][:DRAWN]
    if drawn:
        width = max(len(item["source"]) for item in drawn)
        heights = [len(item["written"]) for item in drawn]
        longest = max(len(token) for item in drawn for token in item["source"])
        room = 0.09 * longest * (longest > 1) + 0.4  # for rotated words
        size = (0.3 * width + 1.6, 0.3 * sum(heights) + room * len(drawn) + 0.6)
        with _picture(png, size, title, len(drawn), heights) as all_axes:
            for axes, item in zip(all_axes, drawn, strict=True):
                draw_alignment(axes, item)
    return page


def _map(figure: dict, png: Path, title: str) -> str:
    """Words at their coordinates, in the color of their group."""
    items = [item for item in figure["items"] if _drawable(item["word"])]
    if items:
        places = np.array([item["place"] for item in items], "float64")
        places -= places.min(axis=0)
        places /= np.maximum(places.max(axis=0), 1e-9)
        sizes = [[0.0075 * len(item["word"]) + 0.005, 0.022] for item in items]
        with _picture(png, (11, 8), title) as (axes,):
            for item, (x, y) in zip(items, apart(places, np.array(sizes)), strict=True):
                color = GROUPS[item["group"] % len(GROUPS)]
                style = {"color": color, "ha": "center", "va": "center", "fontsize": 9}
                axes.text(x, y, item["word"], **style)
            axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
    groups = {}
    for item in figure["items"]:
        groups.setdefault(item["group"], []).append(item["word"])
    return _image(png, figure["title"], "wide") + "".join(
        f'<p dir="auto">{_text("  ".join(words))}</p>' for words in groups.values()
    )


def apart(places: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Moves labels up and down until none overlaps another; returns their centres.

    Args:
        places: centres of the labels, `[labels, 2]`.
        sizes: their widths and heights, `[labels, 2]`.
    """
    places = places.copy()
    for _ in range(200):
        moved = False
        for i in range(len(places)):
            gaps = np.abs(places - places[i]) - (sizes + sizes[i]) / 2
            gaps[i] = 1
            for j in np.flatnonzero((gaps < -1e-6).all(axis=1)):
                upper, lower = (i, j) if places[i, 1] > places[j, 1] else (j, i)
                room = (sizes[i, 1] + sizes[j, 1]) / 2
                overlap = room - abs(places[i, 1] - places[j, 1])
                if overlap > 1e-6:
                    places[upper, 1] += overlap / 2
                    places[lower, 1] -= overlap / 2
                    moved = True
        if not moved:
            break
    return places


def _shares(figure: dict, png: Path, title: str) -> str:
    """One bar per name, from 0 to 1."""
    items = figure["items"]
    if items and _drawable("".join(item["name"] for item in items)):
        with _picture(png, (8, 0.32 * len(items) + 1.2), title) as (axes,):
            names = [item["name"] for item in items]
            bars = axes.barh(names, [item["share"] for item in items], color=BLUE)
            axes.bar_label(bars, [item["said"] for item in items], padding=4)
            axes.set(xlim=(0, 1), xlabel="share")
            axes.invert_yaxis()
    rows = [(item["name"], item["share"], item["said"]) for item in items]
    return _table("", rows, ("share", ""), "n").removeprefix("<h2></h2>")


def _piano_roll(figure: dict, png: Path, title: str) -> str:
    """Piano rolls, one color per voice; the page plays the pieces."""
    items, run = figure["items"], png.parents[1]
    pitches = [pitch for item in items for *_, pitch, _ in item["notes"]]
    if pitches:
        longest = max(item["frames"] for item in items)
        low, high = min(pitches) - 1, max(pitches) + 1
        rows = len(items)
        size = (min(40, 2 + 0.1 * longest), (0.9 + 0.075 * (high - low)) * rows + 0.5)
        with _picture(png, size, title, rows) as all_axes:
            for axes, item in zip(all_axes, items, strict=True):
                for first, end, pitch, voice in item["notes"]:
                    color = GROUPS[voice % len(GROUPS)]
                    axes.barh(pitch, end - first - 0.1, 0.9, first, color=color)
                for bar in range(0, longest + 1, figure["bar"]):
                    axes.axvline(bar, color=GREY, linewidth=0.5, zorder=0)
                bars = range(0, longest, 2 * figure["bar"])
                axes.set_xticks(bars, [1 + bar // figure["bar"] for bar in bars])
                named = [p for p in range(low, high + 1) if p % 12 in (0, 4, 7)]
                axes.set_yticks(
                    named, [NOTES[p % 12] + str(p // 12 - 1) for p in named]
                )
                axes.tick_params(labelsize=8)
                axes.set(xlim=(0, longest), ylim=(low, high), xlabel="bar")
                axes.set_title(item["title"], loc="left", fontsize=10)
    page = ""
    for item in items:
        sound = base64.b64encode((run / item["sound"]).read_bytes()).decode()
        page += f"<p>{_text(item['title'])}</p><audio controls preload=metadata"
        page += f' src="data:audio/wav;base64,{sound}"></audio>'
    return page + f"<div>{_image(png, title, 'wide')}</div>"


def draw_alignment(axes, item: dict) -> None:
    """Draws attention `weights` `[written, source]`, with the tokens as labels."""
    axes.imshow(item["weights"], cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(item["source"])), item["source"])
    axes.set_yticks(range(len(item["written"])), item["written"])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if max(map(len, item["source"])) > 1:  # horizontal words would overlap
        for label in axes.get_xticklabels():
            label.set(rotation=60, ha="left", rotation_mode="anchor")


@contextlib.contextmanager
def _picture(path: Path, size: tuple, title: str, rows: int = 1, heights=None):
    """Yields `rows` axes, then saves the picture; keeps matplotlib's settings."""
    import matplotlib
    from matplotlib.figure import Figure

    spines = {"axes.spines.top": False, "axes.spines.right": False}
    with matplotlib.rc_context({"text.parse_math": False, "font.size": 11, **spines}):
        figure = Figure(size, layout="constrained")
        title = textwrap.fill(title, int(10 * size[0])) if _drawable(title) else ""
        figure.suptitle(title, fontsize=12)
        yield figure.subplots(rows, squeeze=False, height_ratios=heights)[:, 0]
        figure.savefig(path, dpi=160)


def _drawable(text: str) -> bool:
    """Whether matplotlib can draw the text: all characters, from left to right."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans Mono"))
    right_to_left = any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)
    return not right_to_left and all(font.get_char_index(ord(c)) for c in text)


def _text(value) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {item}" for key, item in value.items())
    elif isinstance(value, float):
        value = f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
    return html.escape(f"{value:,}" if type(value) is int else str(value))


def main(recipe: str, run: Path | None = None) -> None:
    """Writes the report of RUN, or of the newest run, again."""
    print(write_report(run or newest_run(recipe)))


if __name__ == "__main__":
    import tyro

    with one_line_errors():
        tyro.cli(main, config=(tyro.conf.PositionalRequiredArgs,))
