"""Draws the figures of a report: a function for each kind of figure.

A function gets the figure, the path of its picture and the picture's title; it writes
the picture if matplotlib can draw the figure's texts, and returns HTML.
"""

import base64
import colorsys
import math
from pathlib import Path

import numpy as np

from kit.report_parts import (
    BLUE,
    GREY,
    as_html,
    drawing,
    html_image,
    html_table,
    is_drawable,
)

COLORS = ("#d9742b", BLUE)  # of probabilities below 0.5, and of others
GROUPS = (BLUE, "#d9742b", "#4a9b6e", "#a04ba0", "#b5342f", "#6b6f1d", "#2f8f9d", GREY)
NOTES = {0: "C", 4: "E", 7: "G"}  # tick labels of piano rolls, by semitones above C
WRONG = "#c62828"
CLASSES = 30  # rows and columns of a matrix that are shown
CELL, FEW = (0.9, 0.62), 8  # inches per cell, of up to so many classes and of more
NUMBERED = 20  # columns of a heat map whose cells have room for numbers
DRAWN = 3  # alignments in the picture; the page shows all
LINE, LINES = 84, 40  # characters per line of words in a picture; such lines


def _matrix(figure: dict, png: Path, title: str) -> str:
    """A confusion matrix: true classes in rows, predicted ones in columns."""
    counts = np.array(figure["matrix"])
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    # Of many classes the most frequent ones, in their usual order.
    places = np.sort(np.argsort(-totals[:, 0], kind="stable")[:CLASSES])
    labels = [figure["labels"][place] for place in places]
    caption = f"<p>The {CLASSES} most frequent of {len(counts):,} classes</p>"
    caption = caption if len(counts) > CLASSES else ""
    counts, shares = (each[np.ix_(places, places)] for each in (counts, shares))
    if is_drawable("".join(labels)):
        width = CELL[len(labels) > FEW]
        size = width * len(labels) + 2
        with drawing(png, (size + 1, size), title) as (axes,):
            axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
            for (row, column), share in np.ndenumerate(shares):
                if count := counts[row, column]:
                    color = "wk"[int(share < 0.6)]
                    style = {"color": color, "ha": "center", "va": "center"}
                    axes.text(column, row, f"{count:,}\n{share:.1%}", **style)
            _name_cells(axes, labels, labels, width)
            axes.set(xlabel="predicted", ylabel="true")
    kind = "n many" if len(labels) > FEW else "n"
    table = "<th>true ↓ predicted →"
    table += "".join(f"<th>{as_html(name)}" for name in labels)
    for label, row, line in zip(labels, counts, shares, strict=True):
        table += f"<tr><th>{as_html(label)}"
        for count, share in zip(row, line, strict=True):
            said = f"{count:,}<br><small>{share:.1%}</small>" if count else ""
            table += f'<td style="--p:{share}">{said}'
    return f'{caption}<div><table class="{kind}"><tr>{table}</table></div>'


def _heat_map(figure: dict, png: Path, title: str) -> str:
    """Numbers of any sign by row and column; some cells have none."""
    rows, columns = figure["rows"][:CLASSES], figure["columns"][:CLASSES]
    values = np.array(figure["values"], "float64")[:CLASSES, :CLASSES]  # None: NaN
    known = np.isfinite(values)
    most = np.abs(values[known]).max(initial=1e-9)
    if is_drawable("".join(rows + columns)):
        width = CELL[max(len(rows), len(columns)) > FEW]
        size = (width * len(columns) + 3, width * len(rows) + 2)
        with drawing(png, size, title) as (axes,):
            axes.set_facecolor("#e6e6e6")
            axes.imshow(values, cmap=_diverging(), vmin=-most, vmax=most)
            for (row, column), value in np.ndenumerate(values):
                if known[row, column] and len(columns) <= NUMBERED:
                    color = "wk"[int(abs(value) < 0.8 * most)]
                    style = {"color": color, "ha": "center", "va": "center"}
                    axes.text(column, row, f"{value:z.1f}", **style)
            _name_cells(axes, rows, columns, width)
            axes.set(xlabel=figure["x"], ylabel=figure["y"])
    kind = "n many" if len(columns) > FEW else "n"
    table = f"<th>{as_html(figure['y'])} ↓ {as_html(figure['x'])} →"
    table += "".join(f"<th>{as_html(name)}" for name in columns)
    for name, row in zip(rows, values, strict=True):
        table += f"<tr><th>{as_html(name)}"
        for value in row:
            if np.isfinite(value):
                style = f"--p:{abs(value) / most:.3f};--c:{COLORS[int(value >= 0)]}"
                table += f'<td style="{style}">{value:z.2f}'
            else:
                table += "<td>–"
    caption = "" if known.all() else "<p>–: not allowed</p>"
    return f'{caption}<div><table class="{kind}"><tr>{table}</table></div>'


def _diverging():
    """Colors of numbers from -1 to 1, white for 0."""
    from matplotlib.colors import LinearSegmentedColormap

    below, above = COLORS
    return LinearSegmentedColormap.from_list("", [below, "white", above])


def _name_cells(axes, rows: list[str], columns: list[str], width: float) -> None:
    """Writes names beside and below cells that are `width` inches wide."""
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(range(len(columns)), columns)
    if max(map(len, columns)) > 10 * width:  # horizontal names would overlap
        for label in axes.get_xticklabels():
            label.set(rotation=60, ha="right", rotation_mode="anchor")


def _words(figure: dict, png: Path, title: str) -> str:
    """Sentences, with a bar over each word for the probability of one label."""
    lines, page = [], ""  # the picture's lines, the page's HTML
    for item in figure["items"]:
        pairs = list(zip(item["words"], item["probabilities"], strict=True))
        caption = f"{figure['label']} {pairs[-1][1]:.2f}" if pairs else "no words"
        caption = item.get("said", caption)
        caption += f", true: {item['true']}" if item.get("true") else ""
        page += f'<div class="words" dir="auto"><p>{as_html(item["text"])} '
        page += f'<small dir="auto">({as_html(caption)})</small></p>'
        for word, p in pairs:
            style = f"--p:{p:.3f};--c:{COLORS[p >= 0.5]}"
            page += f'<span><i style="{style}"></i>{as_html(word)}'
            page += f"<small>{p:.2f}</small></span>"
        page += "</div>"
        while pairs and is_drawable(caption + "".join(item["words"])):
            ends = np.cumsum([len(word) + 1 for word, _ in pairs])
            count = max(1, int((ends <= LINE).sum()))
            lines.append((pairs[:count], caption))
            pairs, caption = pairs[count:], ""
    if lines:
        columns = max(sum(len(word) + 1 for word, _ in pairs) for pairs, _ in lines)
        size = (max(5, 1.2 + 0.1 * columns), 0.6 + 1.2 * len(lines))
        with drawing(png, size, title, len(lines)) as all_axes:
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


def _tagged(figure: dict, png: Path, title: str) -> str:
    """Sentences with a box around each tagged word, or around each entity if `bio`."""
    bio = figure["bio"]
    tags = {word["tag"] for item in figure["items"] for word in item["words"]}
    # With all labels of the run, a kind has the same color in each of its figures.
    labels = tags.union(figure.get("labels", ()))
    kinds = sorted({_kind(label, bio) for label in labels} - {""})
    colors = _colors_of(kinds)
    page, lines = "", []
    for item in figure["items"]:
        heading = item["title"] or ""
        boxes = _boxes(item["words"], bio)
        page += f'<p dir="auto">{as_html(heading)}</p>' if heading else ""
        page += '<div class="tagged" dir="auto">'
        for kind, words in boxes:
            style = f'class="box" style="--c:{colors[kind]}"' if kind else ""
            inner = " ".join(map(_html_word, words))
            page += f"<span {style}>{inner}"
            page += f"<em>{as_html(kind)}</em></span>" if kind else "</span>"
        page += "</div>"
        texts = [word["text"] + word["said"] for word in item["words"]]
        if is_drawable("".join([heading, *texts, *kinds])):
            lines += _lines_of(heading, boxes)
    if lines:
        _draw_boxes(lines[:LINES], colors, png, title)
    return page


def _kind(tag: str, bio: bool) -> str:
    """The kind of an entity, or the tag itself; "" for words outside of any."""
    return tag[2:] if bio else tag.strip("_")


def _boxes(words: list[dict], bio: bool) -> list[tuple[str, list[dict]]]:
    """The words that share a box, with the box's kind."""
    boxes = []
    for word in words:
        kind = _kind(word["tag"], bio)
        if bio and word["tag"][:2] == "I-" and boxes and boxes[-1][0] == kind:
            boxes[-1][1].append(word)
        else:
            boxes.append((kind, [word]))
    return boxes


def _colors_of(kinds: list[str]) -> dict[str, str]:
    if len(kinds) <= len(GROUPS):
        return dict(zip(kinds, GROUPS, strict=False))
    # Neighbors in the list get hues that are far apart: steps of the golden angle.
    rows = [colorsys.hls_to_rgb(0.618 * n % 1, 0.5, 0.6) for n in range(len(kinds))]
    names = ["#" + "".join(f"{round(255 * x):02x}" for x in row) for row in rows]
    return dict(zip(kinds, names, strict=True))


def _html_word(word: dict) -> str:
    text, said = as_html(word["text"]), as_html(word["said"])
    text = f"<u>{text}</u>" if word["wrong"] else text
    return f"<span>{text}<small>{said}</small></span>" if said else text


def _width(word: dict) -> int:
    """Columns of a word in a picture, with what is said below it in a smaller font."""
    return max(len(word["text"]), math.ceil(0.8 * len(word["said"])))


def _lines_of(heading: str, boxes: list) -> list:
    """Lines of a picture: a heading, or boxes that are at most `LINE` columns wide."""
    lines, line, used = [heading] if heading else [], [], 0
    for kind, words in boxes:
        width = max(sum(map(_width, words)) + len(words), math.ceil(0.8 * len(kind)))
        if line and used + width > LINE:
            lines.append(line)
            line, used = [], 0
        line.append((used, width, kind, words))
        used += width + 1
    return [*lines, line] if line else lines


def _draw_boxes(lines: list, colors: dict, png: Path, title: str) -> None:
    """Draws what `_lines_of` returns, one line below the other."""
    from matplotlib.patches import Rectangle

    columns, rows, y = 0, [], 0.0  # one unit: a character, or a row of text
    for line in lines:
        is_heading = isinstance(line, str)
        columns = max(columns, len(line) if is_heading else sum(line[-1][:2]))
        has_said = not is_heading and any(w["said"] for box in line for w in box[3])
        rows.append((y, has_said))
        y += 1.5 if is_heading else 2.6 + 0.8 * has_said
    style = {"ha": "center", "va": "center"}
    with drawing(png, (0.1 * columns + 0.4, 0.22 * y + 0.6), title) as (axes,):
        axes.set(xlim=(-1, columns + 1), ylim=(y, 0))
        axes.set_axis_off()
        for line, (y, has_said) in zip(lines, rows, strict=True):
            if isinstance(line, str):
                axes.text(0, y + 0.8, line, fontsize=10, va="center")
                continue
            for start, width, kind, words in line:
                if kind:
                    height, color = 1.9 + 0.8 * has_said, colors[kind]
                    at = (start - 0.2, y + 0.1)
                    box = Rectangle(at, width, height, color=color, alpha=0.25, lw=0)
                    axes.add_patch(box)
                    at = (start - 0.2, y + height)
                    axes.add_patch(Rectangle(at, width, 0.1, color=color, lw=0))
                    middle, below = start + width / 2 - 0.2, y + height - 0.35
                    axes.text(middle, below, kind, fontsize=8, weight="bold", **style)
                x = start + (width - sum(map(_width, words)) - len(words) + 1) / 2 - 0.2
                for word in words:
                    x += _width(word) / 2
                    color = WRONG if word["wrong"] else "black"
                    text = {"family": "monospace", "color": color, **style}
                    axes.text(x, y + 0.7, word["text"], **text)
                    axes.text(x, y + 1.55, word["said"], fontsize=8, **style)
                    x += _width(word) / 2 + 1


def _alignment(figure: dict, png: Path, title: str) -> str:
    """Attention weights: written tokens in rows, source tokens in columns."""
    page = ""
    for item in figure["items"]:
        table = "<th>" + "".join(f"<th>{as_html(token)}" for token in item["source"])
        for token, row in zip(item["written"], item["weights"], strict=True):
            cells = (f'<td style="--p:{w:.3f}" title="{w:.2f}">' for w in row)
            table += f"<tr><th>{as_html(token)}" + "".join(cells)
        page += f'<div><table class="a n"><tr>{table}</table></div>'
    drawn = [
        item
        for item in figure["items"]
        if item["source"] and is_drawable("".join(item["source"] + item["written"]))
    ][:DRAWN]
    if drawn:
        width = max(len(item["source"]) for item in drawn)
        heights = [len(item["written"]) for item in drawn]
        longest = max(len(token) for item in drawn for token in item["source"])
        room = 0.09 * longest * (longest > 1) + 0.4  # for rotated words
        size = (0.3 * width + 1.6, 0.3 * sum(heights) + room * len(drawn) + 0.6)
        with drawing(png, size, title, len(drawn), heights) as all_axes:
            for axes, item in zip(all_axes, drawn, strict=True):
                draw_alignment(axes, item)
    return page


def _map(figure: dict, png: Path, title: str) -> str:
    """Words at their coordinates, in the color of their group."""
    items = [item for item in figure["items"] if is_drawable(item["word"])]
    if items:
        places = np.array([item["place"] for item in items], "float64")
        places -= places.min(axis=0)
        places /= np.maximum(places.max(axis=0), 1e-9)
        sizes = [[0.0075 * len(item["word"]) + 0.005, 0.022] for item in items]
        with drawing(png, (11, 8), title) as (axes,):
            for item, (x, y) in zip(items, apart(places, np.array(sizes)), strict=True):
                color = GROUPS[item["group"] % len(GROUPS)]
                style = {"color": color, "ha": "center", "va": "center", "fontsize": 9}
                axes.text(x, y, item["word"], **style)
            axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
    groups = {}
    for item in figure["items"]:
        groups.setdefault(item["group"], []).append(item["word"])
    return html_image(png, figure["title"], "wide") + "".join(
        f'<p dir="auto">{as_html("  ".join(words))}</p>' for words in groups.values()
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
    if items and is_drawable("".join(item["name"] for item in items)):
        with drawing(png, (8, 0.32 * len(items) + 1.2), title) as (axes,):
            names = [item["name"] for item in items]
            bars = axes.barh(names, [item["share"] for item in items], color=BLUE)
            axes.bar_label(bars, [item["said"] for item in items], padding=4)
            axes.set(xlim=(0, 1), xlabel="share")
            axes.invert_yaxis()
    rows = [(item["name"], item["share"], item["said"]) for item in items]
    return html_table("", rows, ("share", ""), "n").removeprefix("<h2></h2>")


def _piano_roll(figure: dict, png: Path, title: str) -> str:
    """Piano rolls, one color per voice; the page plays the pieces."""
    items, run = figure["items"], png.parents[1]
    pitches = [pitch for item in items for *_, pitch, _ in item["notes"]]
    if pitches:
        longest = max(item["frames"] for item in items)
        low, high = min(pitches) - 1, max(pitches) + 1
        rows = len(items)
        size = (min(40, 2 + 0.1 * longest), (0.9 + 0.075 * (high - low)) * rows + 0.5)
        with drawing(png, size, title, rows) as all_axes:
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
        page += f"<p>{as_html(item['title'])}</p><audio controls preload=metadata"
        page += f' src="data:audio/wav;base64,{sound}"></audio>'
    return page + f"<div>{html_image(png, title, 'wide')}</div>"


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


DRAW = {  # by kind
    "confusion_matrix": _matrix,
    "heat_map": _heat_map,
    "tagged": _tagged,
    "word_by_word": _words,
    "alignment": _alignment,
    "similarities": _alignment,
    "map": _map,
    "shares": _shares,
    "piano_roll": _piano_roll,
}
