"""Read a user's CSV or TSV: UTF-8 text with a header, e.g. `text,label`.

Content is never trusted: a row that cannot be used is skipped and counted aloud, and
what cannot be skipped ends in a `UserError`, the one line shown after `error: `.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

MAX_SKIPPED = 0.01  # share of the rows: beyond it, the file is not what it is taken for


class UserError(Exception):
    """What a user can get wrong: names the thing, what was expected and found."""


def read_table(
    path: str | Path,
    columns: tuple[str, ...],
    check: Callable[[tuple[str, ...]], str | None] | None = None,
) -> tuple[list[tuple[str, ...]], int]:
    """Read some columns of a CSV or TSV file with a header.

    Fields are split at tabs in `.tsv`, at commas in `.csv`, else at whichever of the
    two stands more often in the header; quotes are those of RFC 4180. `check` gets the
    values of a row and says why it is skipped, or None to keep it.

    Returns the values of `columns` row by row, and the number of rows skipped: no
    value, a NUL byte, another number of fields than the header, a stray quote.
    Raises `UserError`: no such file or column, not UTF-8, no rows, over 1 % skipped.
    """
    path, text = Path(path), _read_text(Path(path))
    csv.field_size_limit(max(csv.field_size_limit(), min(len(text), 2**31 - 1)))
    header_line = text.lstrip().partition("\n")[0]
    tabs = header_line.count("\t") > header_line.count(",")
    separator = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower(), ",\t"[tabs])
    # Strict: a quote out of place is one bad row here, not a field that swallows rows.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header, rows, skipped, lines = None, [], Counter(), 0
    for fields in _records(reader, path):
        lines_read, lines = reader.line_num - lines, reader.line_num
        if fields is None:  # may have run over several lines: each was a row
            skipped["stray quote"] += lines_read
        elif not fields:
            continue
        elif header is None:
            header = [name.strip() for name in fields]
            places = [_place(name, header, path) for name in columns]
        elif len(fields) != len(header):
            skipped[f"not {len(header)} fields"] += lines_read
        else:
            values = tuple(fields[place] for place in places)
            reason = _fault(values, columns) or (check and check(values))
            if reason:
                skipped[reason] += 1
            else:
                rows.append(values)
    _report(path, len(rows), skipped)
    return rows, skipped.total()


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"0x{content[error.start]:02x} at byte {error.start}"
        raise UserError(f"{path}: not UTF-8: {byte}, line {line}") from None
    except OSError as error:  # a folder, no permission
        why = f"cannot be read: {error.strerror}"
        raise UserError(f"{path}: expected a CSV or TSV file; {why}") from None
    if not text.strip():
        raise UserError(f"{path}: expected a header and rows, found an empty file")
    return text


def _records(reader, path: Path) -> Iterator[list[str] | None]:
    while True:
        line = reader.line_num + 1
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                found = f"a quote opened in line {line} and never closed"
                raise UserError(f"{path}: expected a table, found {found}") from None
            yield None


def _place(name: str, header: list[str], path: Path) -> int:
    if name in header:
        return header.index(name)
    found = ", ".join(column[:40] for column in header[:12])
    raise UserError(f"{path}: expected a column {name!r} in the header, found: {found}")


def _fault(values: tuple[str, ...], columns: tuple[str, ...]) -> str | None:
    for value, column in zip(values, columns, strict=True):
        if "\0" in value:
            return "NUL byte"
        if not value.strip():
            return f"empty {column}"
    return None


def _report(path: Path, kept: int, skipped: Counter) -> None:
    total = kept + skipped.total()
    if not total:
        raise UserError(f"{path}: expected rows after the header, found none")
    if skipped:
        reasons = ", ".join(f"{n} {reason}" for reason, n in skipped.most_common())
        what = f"{skipped.total()} of {total} rows of {path.name}: {reasons}"
        if skipped.total() > MAX_SKIPPED * total:
            raise UserError(f"at most 1 % of the rows may be unusable, found {what}")
        print(f"skipped {what}")


def write_table(path: Path, columns: tuple[str, ...], rows: list[tuple]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
