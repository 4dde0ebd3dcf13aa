"""``make report RECIPE=name [RUN=folder]``: a run's plots and ``report.html``.

The page is a single file that can be opened offline. It contains words and class names
as text, so that the browser can display every script. Pictures contain only texts for
which matplotlib's font has all characters.
"""

import csv
import re
from pathlib import Path

from data.catalog import CATALOG
from data.errors import one_line_errors
from kit.figures import DRAW
from kit.files import read_json
from kit.report_parts import BLUE, GREY, as_html, drawing, html_image, html_table
from kit.run_folders import newest_run

UNITS = {"loss": "loss (nats)", "accuracy": "accuracy (share correct)"}
TRAINING = (
    *("seed", "epochs", "words", "parameters"),
    *("train_seconds", "tokens_per_second", "words_per_second"),
)
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
.n th:first-child { position: sticky; left: 0; background: Canvas; }
.n [style] { --c: #3572b0;
  background: color-mix(in srgb, var(--c) calc(var(--p) * 75%), #0000); }
.many { font-size: .8rem; } .many :is(td, th) { padding: .15rem .3rem; }
.curves { display: flex; flex-wrap: wrap; gap: 1rem; }
img { flex: 1 1 18rem; min-width: 0; max-width: 30rem; } .wide { max-width: 100%; }
@media (prefers-color-scheme: dark) { img { filter: invert(.93) hue-rotate(180deg); } }
pre, .words { background: var(--soft); padding: .8rem; white-space: pre-wrap; }
.words { margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .6rem .35rem; }
p { width: 100%; margin: 0; } span { text-align: center; }
i, span small { display: block; min-width: 1.7rem; font-size: .7rem; }
i { height: 3rem; background: linear-gradient(#0000 49%, #8a8f98 49% 52%, #0000 52%),
  linear-gradient(to top, var(--c) calc(var(--p) * 100%), var(--soft) 0); }
.tagged { margin: 0 0 1rem; padding: .8rem; background: var(--soft);
  display: flex; flex-wrap: wrap; gap: .35rem; align-items: start; }
.tagged span { display: inline-block; padding: 0 .15rem; text-align: center; }
.tagged .box { padding: 0 .3rem .1rem; border-bottom: 3px solid var(--c);
  background: color-mix(in srgb, var(--c) 25%, #0000); }
.tagged em { display: block; font: 700 .7rem system-ui, sans-serif; }
.tagged u { text-decoration: underline wavy #e04040; text-underline-offset: .2em; }
</style><h1>{title}</h1>{body}"""


def write_report(run: Path) -> Path:
    """Draws `plots/*.png` and writes `report.html`; returns its path."""
    config, environment, metrics = (
        read_json(run / f"{name}.json") for name in ("config", "environment", "metrics")
    )
    (run / "plots").mkdir(exist_ok=True)
    data, source = Path(config.get("data", "")).name, CATALOG.get(config.get("data"))
    data += " (generated)" if source and source.generated else ""
    models = {"ours": "", "baseline": "baseline_"}
    if any(name.startswith("frequent_") for name in metrics):
        models["most frequent"] = "frequent_"
    names = sorted(metrics, key=lambda name: name in TRAINING)
    names = dict.fromkeys(re.sub("^(baseline|frequent)_", "", name) for name in names)
    rows = [(n, *(metrics.get(x + n, "") for x in models.values())) for n in names]
    body = [f"<p>{as_html(environment.get('started', run.name))}</p>"]
    body.append(html_table("Metrics", rows, tuple(models), "n"))
    body.append(_curves(run, data))
    for figure in read_json(run / "figures.json"):
        png = run / "plots" / f"{figure.get('name', figure['kind'])}.png"
        body.append(f"<h2>{as_html(figure['title'])}</h2>")
        body.append(DRAW[figure["kind"]](figure, png, f"{figure['title']}, {data}"))
    if (run / "samples.txt").exists():
        samples = as_html((run / "samples.txt").read_text("utf-8"))
        body.append(f'<h2>Samples</h2><pre dir="auto">{samples}</pre>')
    body.append(html_table("Configuration", config.items()))
    body.append(html_table("Environment", environment.items()))
    title = as_html(f"{run.resolve().parent.name} on {data}")
    page = PAGE.replace("{title}", title).replace("{body}", "\n".join(body))
    (run / "report.html").write_text(page, "utf-8", errors="replace")
    return run / "report.html"


def _curves(run: Path, data: str) -> str:
    """Plots the loss, and every metric that is measured in validation too."""
    if not (run / "history.csv").exists():  # a run with --load does not train
        return ""
    rows = list(csv.DictReader((run / "history.csv").read_text("utf-8").splitlines()))
    images = ""
    for name in (n for n in rows[0] if n == "loss" or f"val_{n}" in rows[0]):
        png = run / "plots" / f"{name}.png"
        with drawing(png, (4.8, 3.3), f"{name}, {data}") as (axes,):
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
        images += html_image(png, name)
    return f'<h2>Learning curves</h2><div class="curves">{images}</div>'


def main(recipe: str, run: Path | None = None) -> None:
    """Writes the report of RUN, or of the newest run, again."""
    print(write_report(run or newest_run(recipe)))


if __name__ == "__main__":
    import tyro

    with one_line_errors():
        tyro.cli(main, config=(tyro.conf.PositionalRequiredArgs,))
