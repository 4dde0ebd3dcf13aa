"""``make predict RECIPE=name DATA=file OUT=file [RUN=folder]``: the rows of a file,
with the answers of an exported model.

The SavedModel is called through plain TensorFlow, as a server would. Its signatures
decide what is added to each row:

- `tokens`: the `tokens` of a text, their `tags` and `probabilities`;
- only `labels`: the `label`, and the probability of each class, `probability_NAME`;
- `score`: `nats`, the mean per token of the text;
- `nearest`: `neighbours`, the nearest words of a word, and their `cosines`;
- a `beam` as input: the `translation`.

DATA is a table (CSV with commas, semicolons, tabs or `|`; TSV), JSON Lines (`.jsonl`)
or a text per line (`.txt`), also packed (`.gz`). Of a table the column is read that the
run was trained on, or that `--column` names; without a header, `--column 2` counts from
1. `-` is the standard input: JSON Lines, a table whose first line names that column,
or a text per line.

OUT ends in `.csv`, `.tsv` or `.jsonl`, or is `-`, the standard output, in the format of
DATA. Texts without a column become a column `text`. A table that has semicolons or `|`
keeps them in a `.csv`. OUT appears at the end, complete. Rows that cannot be used have
no answer; how many is printed.
"""

import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from data.errors import UserError, one_line_errors
from kit.files import read_json
from kit.publish import export_of
from kit.read_rows import STANDARD, Rows, batches, read_rows, reading
from kit.try_run import SETTINGS, load_export
from kit.watching import watching
from kit.write_rows import ENDINGS, writer, writing

UNKNOWN = "not in the vocabulary"


class Answerer(NamedTuple):
    """What an export answers to a row."""

    names: list[str]  # of the answers
    columns: list[str]  # usual names of the input's column
    answer: Callable[[list[str]], list[list | None]]  # None: an unknown word


def answerer(model, recipe: str, config: dict) -> Answerer:
    """Returns what the signatures of a loaded export answer.

    `config` is that of the run, which names the column that it was trained on.
    """
    import tensorflow as tf

    signatures = model.signatures
    serve = signatures["serving_default"]

    # The functions refer to `model`, because its tables live only as long as it.
    def ask(name: str, **inputs) -> dict:
        outputs = model.signatures[name](**inputs)
        return {key: value.numpy() for key, value in outputs.items()}

    def tensor(texts: list[str]):
        return tf.constant([text.encode("utf-8", "replace") for text in texts])

    def classify(texts: list[str]) -> list[list]:
        got = ask("serving_default", text=tensor(texts))
        pairs = zip(got["label"], got["probabilities"], strict=True)
        return [[_text(label), *map(_number, row)] for label, row in pairs]

    def tag(texts: list[str]) -> list[list]:
        got = ask("serving_default", text=tensor(texts))
        rows = []
        for place, count in enumerate(got["length"]):  # the rest of a row is padding
            tokens, tags = (
                map(_text, got[x][place, :count]) for x in ("tokens", "tags")
            )
            shares = map(_number, got["probabilities"][place, :count])
            rows.append([[*tokens], [*tags], [*shares]])
        return rows

    def score(texts: list[str]) -> list[list]:
        return [[_number(nats)] for nats in ask("score", text=tensor(texts))["nats"]]

    def translate(texts: list[str]) -> list[list]:
        beam = tf.fill([len(texts)], SETTINGS["beam"])
        texts = tensor([text.strip() for text in texts])
        return [
            [_text(x)] for x in ask("serving_default", text=texts, beam=beam)["text"]
        ]

    def nearest(texts: list[str]) -> list[list | None]:
        k = tf.fill([len(texts)], SETTINGS["k"])
        got = ask("nearest", word=tensor([text.strip() for text in texts]), k=k)
        rows = []
        for words, cosines in zip(got["words"], got["cosines"], strict=True):
            count = sum(map(bool, words))
            known = [_text(x) for x in words[:count]], [*map(_number, cosines[:count])]
            rows.append([*known] if count else None)
        return rows

    if "tokens" in signatures:
        return Answerer(["tokens", "tags", "probabilities"], ["text"], tag)
    if "labels" in signatures:
        labels = map(_text, ask("labels")["labels"])
        names = ["label", *(f"probability_{label}" for label in labels)]
        columns = dict.fromkeys([config.get("text_column", "text"), "text"])
        return Answerer(names, [*columns], classify)
    if "score" in signatures:
        return Answerer(["nats"], ["text"], score)
    if "nearest" in signatures:
        return Answerer(["neighbours", "cosines"], ["word", "text"], nearest)
    if "beam" in serve.structured_input_signature[1]:
        source = "target" if config.get("backward") else "source"
        return Answerer(["translation"], [source, "text"], translate)
    raise UserError(
        f"the export of {recipe} takes no rows of text: make try RECIPE={recipe}"
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _number(value) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


class Progress:
    """How far the work is, as one line."""

    def __init__(self, doing: str):
        self.doing, self.rows, self.share = doing, 0, None
        self.start = time.monotonic()

    def __str__(self) -> str:
        seconds = time.monotonic() - self.start
        if self.doing:
            return f"{self.doing} ... {seconds:.0f} s" if seconds > 1 else self.doing
        rate = f"{self.rows:,} rows, {self.rows / max(seconds, 0.1):,.0f} per second"
        if self.share is None:
            return rate
        bar = "█" * int(self.share * 20)
        return f"{bar:·<20} {self.share:4.0%}  {rate}"


def main(
    recipe: str,
    data: str,
    out: str,
    run: Path | None = None,
    column: str | None = None,
    encoding: str = "utf-8",
    batch: int = 64,
) -> None:
    """Writes the rows of DATA and the answers of an export to OUT.

    Args:
        recipe: Name of the recipe.
        data: A table, JSON Lines or lines of text; `-`: the standard input.
        out: A file ending in .csv, .tsv or .jsonl; `-`: the standard output.
        run: Folder of a run; by default the newest one.
        column: Name of the input column, or its number if there is no header.
        encoding: Of DATA, such as cp1252.
        batch: Rows that the model answers at a time.
    """
    if not data or not out:
        raise UserError("expected DATA=a file of rows and OUT=a file for the answers")
    if batch < 1:
        raise UserError(f"--batch must be at least 1, found {batch}")
    folder = export_of(recipe, run)
    config = folder.parent.parent / "config.json"
    config = read_json(config) if config.exists() else {}
    try:
        with reading(data) as file, writing(out, data) as stream:
            progress = Progress(f"Loading {folder}")
            with watching(lambda: str(progress)):
                asked = answerer(load_export(folder), recipe, config)
                rows = read_rows(file, data, column or None, asked.columns, encoding)
                kind = Path(out).suffix.lower()
                if out == STANDARD:
                    kind = rows.kind if rows.kind in ENDINGS else ".tsv"
                with writer(stream, kind, rows, asked.names) as write:
                    faults = answer_rows(rows, asked, batch, write, progress)
            if not progress.rows:
                raise UserError(f"{data}: expected rows after the header, found none")
    except OSError as error:
        raise UserError(
            f"{out}: cannot be written: {error.strerror or error}"
        ) from None
    told = sys.stderr if out == STANDARD else sys.stdout
    if faults:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in faults.most_common())
        total = f"{faults.total():,} of {progress.rows:,} rows have no answer"
        print(f"{total}: {reasons}", file=told)
    seconds = max(time.monotonic() - progress.start, 0.1)
    rate = f"{progress.rows / seconds:,.0f} per second"
    print(f"{progress.rows:,} rows in {seconds:.1f} s ({rate}): {out}", file=told)


def answer_rows(
    rows: Rows, asked: Answerer, most: int, write: Callable, progress: Progress
) -> Counter:
    """Writes each row with its answers; returns how many have none, by reason."""
    faults = Counter()
    progress.doing, progress.start = "", time.monotonic()
    for batch in batches(rows.each, most):
        texts = [row.text for row in batch if not row.fault]
        answers = iter(asked.answer(texts) if texts else [])
        for row in batch:
            answer = None if row.fault else next(answers)
            write(row, answer)
            if answer is None:
                faults[row.fault or UNKNOWN] += 1
        progress.rows += len(batch)
        progress.share = rows.share()
    return faults


if __name__ == "__main__":
    import tyro

    with one_line_errors():
        tyro.cli(main, config=(tyro.conf.PositionalRequiredArgs,))
