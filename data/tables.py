"""Reads a user's table of texts: CSV, TSV, JSON Lines or Parquet.

Content is never trusted: unusable rows are skipped and their number is printed, or the
file is rejected with a `UserError`, shown as one line after `error: `.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from data.errors import UserError

MAX_SKIPPED = 0.01  # share of the rows; a file with more unusable rows is rejected
DELIMITERS = ",;\t|"
QUOTED = re.compile(r'"(?:[^"]|"")*"')
OTHERS = "other encodings: --encoding cp1252, for example"
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")

# The values of a row, or None and why the row is of no use; the number of its lines.
Row = tuple[list[str] | None, str, int]


def read_table(
    path: str | Path,
    columns: tuple[str, ...],
    check: Callable[[tuple[str, ...]], str | None] | None = None,
) -> tuple[list[tuple[str, ...]], int]:
    """Reads some columns of a table.

    - Text with a header, in UTF-8. Fields are separated by commas, semicolons, tabs or
      `|`, whichever gives the header the columns. Fields may be quoted as in RFC 4180;
      in a file with tabs, quotes are a part of the text unless all of them are paired
      in this way.
    - Text without a header, if `columns` are numbers, such as `("2", "1")`: the first
      column is 1.
    - `.jsonl`: one JSON object per line.
    - `.parquet`, if pyarrow is installed.

    Names match exactly, or else in any case. `check` gets the values of a row and
    returns a reason to skip it, or None.

    Returns the values of `columns` for each row, and the number of skipped rows.
    Raises `UserError` for no such file or column, not UTF-8, no rows, or over 1 %
    skipped.
    """
    skipped = Counter()
    return list(each_row(path, columns, check, skipped)), skipped.total()


def each_row(
    path: str | Path,
    columns: tuple[str, ...],
    check: Callable[[tuple[str, ...]], str | None] | None = None,
    skipped: Counter | None = None,
) -> Iterator[tuple[str, ...]]:
    """Yields the rows of `read_table`; JSON Lines and Parquet may exceed the memory.

    Counts in `skipped`, by reason, the rows that are skipped. Errors may only be raised
    at the end.
    """
    path = Path(path)
    readers = {".jsonl": _json_lines, ".parquet": _parquet}
    read = readers.get(path.suffix.lower(), _delimited)
    kept, skipped = 0, Counter() if skipped is None else skipped
    for values, reason, lines in read(path, columns):
        if values is not None:
            reason = _fault(values, columns) or (check and check(tuple(values)))
        if reason:
            skipped[reason] += lines
        else:
            kept += 1
            yield tuple(values)
    if not kept and not skipped:
        raise UserError(f"{path}: expected rows after the header, found none")
    report_skipped(path, kept, skipped)


def _delimited(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    text = _read_text(path)
    csv.field_size_limit(max(csv.field_size_limit(), min(len(text), 2**31 - 1)))
    first, _, rest = text.lstrip("\n\r").partition("\n")
    if declared := re.fullmatch(r"sep=(.)\r?", first):  # Excel's
        text, (first, _, _) = rest, rest.partition("\n")
    delimiter = declared[1] if declared else find_delimiter(first, columns, path)
    numbered = all(name.isdecimal() for name in columns)
    quoting = csv.QUOTE_MINIMAL
    if delimiter == "\t" and not is_quoted(text):
        quoting = csv.QUOTE_NONE
    # Strict: a misplaced quote spoils one row instead of swallowing the next ones.
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True
    )
    header, lines = None, 0
    for fields in _records(reader, path):
        lines_read, lines = reader.line_num - lines, reader.line_num
        if fields is None:  # the bad record may span several lines, each of them a row
            yield None, "stray quote", lines_read
            continue
        if fields and header is None:
            header = [name.strip() for name in fields]
            places = [
                find_column(name, header, numbered, path, text) for name in columns
            ]
            if not numbered:
                continue
        if fields and len(fields) != len(header):
            yield None, f"not {len(header)} fields", lines_read
        elif fields:
            yield [fields[place] for place in places], "", 1


def find_delimiter(header: str, columns: tuple[str, ...], path: Path) -> str:
    """The delimiter that gives the header most of the columns, or else most columns."""
    preferred = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower())

    def fit(delimiter: str) -> tuple:
        names = {name.strip(' "\r').casefold() for name in header.split(delimiter)}
        found = sum(name.casefold() in names for name in columns)
        count = header.count(delimiter)
        return found, delimiter == preferred and count > 0, count

    return max(DELIMITERS, key=fit)


def is_quoted(text: str) -> bool:
    """Whether quotes in a text with tabs enclose fields, instead of being its own."""
    rows = [line.split("\t") for line in text.splitlines() if line.strip()]
    quoted = [field for row in rows for field in row if field.startswith('"')]
    if all(QUOTED.fullmatch(field) for field in quoted):
        return bool(quoted)
    if all(len(row) == len(rows[0]) for row in rows):
        return False
    # Tabs and line breaks within quotes cut rows apart: then quoting leaves fewer
    # rows of a wrong length.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    try:
        wrong = sum(len(fields) not in (0, len(rows[0])) for fields in reader)
    except csv.Error:
        return False
    return wrong < sum(len(row) != len(rows[0]) for row in rows)


def _json_lines(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    header = None
    for line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            if header is None:
                wanted = "expected one JSON object per line"
                raise UserError(f"{path}: {wanted}, found {line[:40]!r}")
            yield None, "not a JSON object", 1
            continue
        if header is None:
            header = list(row)
            names = [header[find_column(name, header, False, path)] for name in columns]
        values = [row.get(name) for name in names]
        if any(isinstance(value, (dict, list)) for value in values):
            yield None, "not a text or a number", 1
            continue
        yield ["" if value is None else str(value) for value in values], "", 1


def _parquet(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        wanted = "Parquet needs pyarrow (pip install pyarrow), or save it as CSV"
        raise UserError(f"{path}: {wanted}") from None
    try:
        file = parquet.ParquetFile(path)
        header = file.schema_arrow.names
        names = [header[find_column(name, header, False, path)] for name in columns]
        for batch in file.iter_batches(columns=names):
            for values in zip(
                *(batch[name].to_pylist() for name in names), strict=True
            ):
                yield ["" if value is None else str(value) for value in values], "", 1
    except (OSError, ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: cannot be read as Parquet: {reason}") from None


def _lines(path: Path) -> Iterator[str]:
    """Yields the lines of a file, one at a time. Raises `UserError` as `decoded`."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield decoded(line, path, number)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _read_text(path: Path) -> str:
    try:
        text = decoded(path.read_bytes(), path)
    except OSError as error:  # a folder, no permission
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if not text.strip():
        raise UserError(f"{path}: expected a header and rows, found an empty file")
    return text


def decoded(content: bytes, path: Path, line: int = 1) -> str:
    """Decodes UTF-8, without a byte order mark, from a line of a file.

    Raises `UserError` if it is invalid.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line += content.count(b"\n", 0, error.start)
        found = f"found byte {error.start}, line {line}: {error.reason}"
        raise UserError(f"{path}: expected UTF-8 text, {found}; {OTHERS}") from None


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


def find_column(
    name: str, header: list[str], numbered: bool, path: Path, text: str = ""
) -> int:
    """The index of a column. An error guesses from `text` which column is which."""
    if numbered:
        if not 1 <= int(name) <= len(header):
            found = f"found {len(header)} columns"
            raise UserError(f"{path}: expected a column {name}, {found}")
        return int(name) - 1
    if name in header:
        return header.index(name)
    folded = [column.casefold() for column in header]
    if folded.count(name.casefold()) == 1:
        return folded.index(name.casefold())
    found = ", ".join(column[:40] for column in header[:12])
    hint = _without_header(text) if text else ""
    raise UserError(f"{path}: expected a column {name!r}, found: {found}{hint}")


def _without_header(text: str) -> str:
    """The options that would read a table without a header, as far as can be guessed:
    the column with the longest values holds texts, one with few values labels."""
    first = text.lstrip("\n\r").partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    lines = [line.split(delimiter) for line in text.splitlines()[:1000] if line.strip()]
    rows = [line for line in lines if len(line) == len(lines[0])]
    columns = list(zip(*rows, strict=True))
    if len(columns) < 2:
        return ""
    lengths = [sum(map(len, column)) for column in columns]
    longest = lengths.index(max(lengths))
    others = [place for place in range(len(columns)) if place != longest]

    def variety(place: int) -> tuple[int, bool]:
        values = set(columns[place])
        return len(values), all(value.strip().isdecimal() for value in values)

    label = min(others, key=variety)
    return (
        f". If this is no header: --text-column {longest + 1} --label-column "
        f"{label + 1} (columns are counted from 1)"
    )


def _fault(values: list[str], columns: tuple[str, ...]) -> str | None:
    for value, column in zip(values, columns, strict=True):
        if "\0" in value:
            return "NUL byte"
        if not value.strip():
            return f"empty {column}"
    return None


def report_skipped(path: Path, kept: int, skipped: Counter) -> None:
    """Prints how many rows were skipped, and why. Raises `UserError` if over 1 %."""
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
