"""Writes rows again, each with its answers, as a table or as JSON Lines."""

import contextlib
import csv
import io
import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from data.errors import UserError
from kit.files import writing_whole
from kit.read_rows import MARK, STANDARD, Row, Rows, as_field

ENDINGS = (".csv", ".tsv", ".jsonl")


@contextlib.contextmanager
def writing(out: str, data: str) -> Iterator[BinaryIO]:
    """Opens a file that appears complete or not at all, or the standard output, `-`.

    Raises `UserError` if it cannot be written, has another ending, or is `data`.
    """
    if out == STANDARD:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise
        return
    path = Path(out)
    if path.suffix.lower() not in ENDINGS:
        raise UserError(
            f"OUT={out}: expected a name ending in {', '.join(ENDINGS)}, or -"
        )
    if path.exists() and not path.is_file():
        raise UserError(f"OUT={out}: expected a file, found something else")
    if path.exists() and data != STANDARD and path.samefile(data):
        raise UserError(f"OUT={out} is DATA: expected another file")
    with writing_whole(path.resolve()) as stream:
        yield stream


@contextlib.contextmanager
def writer(
    stream: BinaryIO, kind: str, rows: Rows, answers: list[str]
) -> Iterator[Callable[[Row, Sequence | None], None]]:
    """Yields a function that writes a row and its answers, or None for no answers.

    Args:
        stream: Stays open.
        kind: `.csv`, `.tsv` or `.jsonl`.
        rows: Where the rows come from.
        answers: Names of the answers; `_answer` is appended to one that a column has.

    An answer is a text, a number, or a list of them, which a table separates by spaces.
    """
    taken = {name.casefold() for name in rows.names}
    names = []
    for name in answers:
        while name.casefold() in taken:
            name += "_answer"
        names.append(name)
    text = io.TextIOWrapper(stream, "utf-8", errors="replace", newline="")
    try:
        if kind == ".jsonl":
            yield _json_writer(text, rows, names)
        else:
            text.write(MARK if rows.has_mark else "")
            yield _table_writer(text, kind, rows, names)
    finally:
        text.detach()


def _json_writer(text: io.TextIOBase, rows: Rows, names: list[str]) -> Callable:
    if len(set(rows.names)) < len(rows.names):
        wanted = "expected names that differ, to write JSON Lines"
        raise UserError(f"{wanted}, found: {', '.join(rows.names)[:200]}")

    def write(row: Row, answers: Sequence | None) -> None:
        answers = dict(zip(names, answers or [None] * len(names), strict=True))
        if row.values is not None:  # keeps the text of its values
            if again := answers.keys() & row.values.keys():
                found = f"found a key {min(again)!r} below lines that lack it"
                raise UserError(f"expected the same keys on all lines, {found}")
            more = json.dumps(answers, ensure_ascii=False)[1:]
            text.write(row.line[:-1] + (", " if row.values else "") + more + "\n")
            return
        more = (f"column {number}" for number in itertools.count(len(rows.names) + 1))
        values = dict(zip(itertools.chain(rows.names, more), row.fields, strict=False))
        text.write(json.dumps(values | answers, ensure_ascii=False) + "\n")

    return write


def _table_writer(text, kind: str, rows: Rows, names: list[str]) -> Callable:
    kept = rows.delimiter if rows.delimiter != "\t" else ","
    delimiter = "\t" if kind == ".tsv" else kept
    style = {"delimiter": delimiter, "lineterminator": "\n"}
    is_unquoted = rows.has_own_quotes and kind == ".tsv"
    if is_unquoted:
        style |= {"quoting": csv.QUOTE_NONE, "quotechar": None}
    some = csv.writer(text, **style)
    every = csv.writer(text, **style | {"quoting": csv.QUOTE_ALL, "quotechar": '"'})

    def write_fields(fields: list[str]) -> None:
        if is_unquoted:
            fields = [re.sub(r"[\t\r\n]", " ", field) for field in fields]
        # Before Python 3.13 the writer does not quote a field for its "\r".
        (every if any("\r" in field for field in fields) else some).writerow(fields)

    def write(row: Row, answers: Sequence | None) -> None:
        if row.values and (new := row.values.keys() - rows.names):
            found = f"found a key {min(new)!r} that the lines before lack"
            raise UserError(
                f"expected the same keys on all lines, {found}: write .jsonl"
            )
        missing = [""] * (len(rows.names) - len(row.fields))
        said = [
            " ".join(map(as_field, each)) if isinstance(each, list) else as_field(each)
            for each in answers or [""] * len(names)
        ]
        write_fields(row.fields + missing + said)

    if rows.has_header:
        write_fields(rows.names + names)
    return write
