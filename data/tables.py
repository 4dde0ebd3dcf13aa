"""Reads a user's CSV or TSV file: UTF-8 text with a header, e.g. `text,label`.

Content is never trusted: unusable rows are skipped and their number is printed, or the
file is rejected with a `UserError`, shown as one line after `error: `.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from data.errors import UserError

MAX_SKIPPED = 0.01  # share of the rows; a file with more unusable rows is rejected


def read_table(
    path: str | Path,
    columns: tuple[str, ...],
    check: Callable[[tuple[str, ...]], str | None] | None = None,
) -> tuple[list[tuple[str, ...]], int]:
    """Reads some columns of a CSV or TSV file with a header.

    Fields are separated by tabs in `.tsv`, by commas in `.csv`, and in other files by
    whichever of the two is more frequent in the header; quoting follows RFC 4180.
    `check` gets the values of a row and returns a reason to skip it, or None.

    Returns the values of `columns` for each row, and the number of skipped rows.
    Raises `UserError` for no such file or column, not UTF-8, no rows, or over 1 %
    skipped.
    """
    text = _read_text(path := Path(path))
    csv.field_size_limit(max(csv.field_size_limit(), min(len(text), 2**31 - 1)))
    first = text.lstrip().partition("\n")[0]
    tabs = first.count("\t") > first.count(",")
    separator = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower(), ",\t"[tabs])
    # Strict: a misplaced quote spoils one row instead of swallowing the next ones.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header, rows, skipped, lines = None, [], Counter(), 0
    for fields in _records(reader, path):
        lines_read, lines = reader.line_num - lines, reader.line_num
        if fields is None:  # the bad record may span several lines, each of them a row
            skipped["stray quote"] += lines_read
        elif header is None and fields:
            header = [name.strip() for name in fields]
            places = [_place(name, header, path) for name in columns]
        elif fields and len(fields) != len(header):
            skipped[f"not {len(header)} fields"] += lines_read
        elif fields:
            values = tuple(fields[place] for place in places)
            reason = _fault(values, columns) or (check and check(values))
            if reason:
                skipped[reason] += 1
            else:
                rows.append(values)
    if not rows and not skipped:
        raise UserError(f"{path}: expected rows after the header, found none")
    report_skipped(path, len(rows), skipped)
    return rows, skipped.total()


def _read_text(path: Path) -> str:
    try:
        text = decoded(path.read_bytes(), path)
    except OSError as error:  # a folder, no permission
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if not text.strip():
        raise UserError(f"{path}: expected a header and rows, found an empty file")
    return text


def decoded(content: bytes, path: Path) -> str:
    """Decodes UTF-8, without a byte order mark. Raises `UserError` if it is invalid."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"found byte {error.start}, line {line}: {error.reason}"
        raise UserError(f"{path}: expected UTF-8 text, {found}") from None


def _records(reader, path: Path) -> Iterator[list[str] | None]:
    while True:
        line = reader.line_num + 1
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                what = f"expected a closing quote for line {line}, found none"
                raise UserError(f"{path}: {what}") from None
            yield None


def _place(name: str, header: list[str], path: Path) -> int:
    if name in header:
        return header.index(name)
    found = ", ".join(column[:40] for column in header[:12])
    raise UserError(f"{path}: expected a column {name!r}, found: {found}")


def _fault(values: tuple[str, ...], columns: tuple[str, ...]) -> str | None:
    for value, column in zip(values, columns, strict=True):
        if "\0" in value:
            return "NUL byte"
        if not value.strip():
            return f"empty {column}"
    return None


def report_skipped(path: Path, kept: int, skipped: Counter) -> None:
    """Prints how many rows were skipped and why; `UserError` if over 1 % of them."""
    total = kept + skipped.total()
    reasons = ", ".join(f"{n} {reason}" for reason, n in skipped.most_common())
    what = f"{skipped.total()} of {total} rows of {path.name}: {reasons}"
    if skipped.total() > MAX_SKIPPED * total:
        raise UserError(f"{path}: expected 99 % usable rows, found unusable {what}")
    if skipped:
        print(f"skipped {what}")


def write_table(path: Path, columns: tuple[str, ...], rows: list[tuple]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([columns, *rows])
