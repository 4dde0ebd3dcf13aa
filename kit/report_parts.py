"""What the pages of reports are made of: texts, tables and pictures."""

import base64
import contextlib
import html
import textwrap
import unicodedata
from pathlib import Path

BLUE, GREY = "#3572b0", "#8a8f98"


def as_html(value) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {item}" for key, item in value.items())
    elif isinstance(value, float):
        value = f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
    return html.escape(f"{value:,}" if type(value) is int else str(value))


def html_table(title: str, rows, head: tuple = (), kind: str = "") -> str:
    lines = ["".join(f"<th>{name}</th>" for name in ("", *head))] if head else []
    for name, *cells in rows:
        values = "".join(f"<td>{as_html(cell)}</td>" for cell in cells)
        lines.append(f"<th>{as_html(name.replace('_', ' '))}</th>{values}")
    rows = "<tr>".join(lines)
    return f'<h2>{title}</h2><div><table class="{kind}"><tr>{rows}</table></div>'


def html_image(png: Path, alt: str, kind: str = "") -> str:
    """Embeds a picture in the page; returns "" if it was not drawn."""
    if not png.exists():
        return ""
    image = base64.b64encode(png.read_bytes()).decode()
    image = f'alt="{as_html(alt)}" src="data:image/png;base64,{image}"'
    return f'<img class="{kind}" {image}>'


@contextlib.contextmanager
def drawing(path: Path, size: tuple, title: str, rows: int = 1, heights=None):
    """Yields `rows` axes, then saves the picture; keeps matplotlib's settings."""
    import matplotlib
    from matplotlib.figure import Figure

    spines = {"axes.spines.top": False, "axes.spines.right": False}
    with matplotlib.rc_context({"text.parse_math": False, "font.size": 11, **spines}):
        figure = Figure(size, layout="constrained")
        title = textwrap.fill(title, int(10 * size[0])) if is_drawable(title) else ""
        figure.suptitle(title, fontsize=12)
        yield figure.subplots(rows, squeeze=False, height_ratios=heights)[:, 0]
        figure.savefig(path, dpi=160)


def is_drawable(text: str) -> bool:
    """Whether matplotlib can draw the text: all characters, from left to right."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans Mono"))
    right_to_left = any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)
    return not right_to_left and all(font.get_char_index(ord(c)) for c in text)
