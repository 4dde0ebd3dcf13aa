"""Read a user's CSV or TSV: UTF-8 text with a header, e.g. `text,label`.

Content is never trusted: what cannot be used is skipped and counted aloud, or ends in
a `UserError`, the one line shown after `error: `.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from data.errors import UserError

MAX_SKIPPED = 0.01  # share of the rows: beyond it, the file is not what it is taken for


def read_table(
    path: str | Path,
    columns: tuple[str, ...],
    check: Callable[[tuple[str, ...]], str | None] | None = None,
) -> tuple[list[tuple[str, ...]], int]:
    """Read some columns of a CSV or TSV file with a header.

    Fields are split at tabs in `.tsv`, at commas in `.csv`, else at whichever of the
    two the header has more of; quotes are those of RFC 4180. `check` gets the values
    of a row and says why it is skipped, or None to keep it.

    Returns the values of `columns` row by row, and the number of rows skipped.
    Raises `UserError`: no such file or column, not UTF-8, no rows, over 1 % skipped.
    """
    text = _read_text(path := Path(path))
    csv.field_size_limit(max(csv.field_size_limit(), min(len(text), 2**31 - 1)))
    first = text.lstrip().partition("\n")[0]
    tabs = first.count("\t") > first.count(",")
    separator = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower(), ",\t"[tabs])
    # Strict: a quote out of place is one bad row here, not a field that swallows rows.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header, rows, skipped, lines = None, [], Counter(), 0
    for fields in _records(reader, path):
        lines_read, lines = reader.line_num - lines, reader.line_num
        if fields is None:  # may have run over several lines: each was a row
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
    """The text of a file's bytes, without a byte order mark; else a `UserError`."""
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
    """Says how many rows were skipped and why; over 1 % of them is a `UserError`."""
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
