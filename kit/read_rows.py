"""Reads the rows of a file, one after the other, to answer each of them.

Content is never trusted: a row that cannot be used keeps its place, and says why. Of a
file, its beginning and one row at a time are in memory.
"""

import contextlib
import csv
import gzip
import io
import itertools
import json
import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from data.errors import UserError
from data.plain import MARKS, codec_name
from data.tables import OTHERS, find_column, find_delimiter, is_quoted

HEAD = 1 << 20  # characters by which delimiter, quoting and columns are found
MAX_FIELD = 1 << 24  # characters of a field; a longer one lacks its closing quote
STANDARD = "-"  # names the standard input and output
MARK = "\ufeff"
MAX_CHARACTERS = 1 << 21  # of a batch, if all its texts were as long as the longest
UNREAD = (".parquet", ".zip", ".xlsx", ".conll", ".conllu")


class Row(NamedTuple):
    """A row; `text` is its input, or `fault` the reason why it has none."""

    fields: list[str]  # in JSON Lines, those of the first row with each key
    text: str
    fault: str
    line: str = ""  # of JSON Lines, as it was read
    values: dict | None = None  # those of the JSON object


@dataclass
class Rows:
    """The rows of a file, and its format."""

    kind: str  # .csv, .tsv, .jsonl; .txt for lines of text
    names: list[str]  # of the columns
    each: Iterator[Row]  # raises `UserError` for a fault of the file
    has_header: bool = True
    delimiter: str = ","
    has_own_quotes: bool = False  # which enclose no fields
    has_mark: bool = False  # begins with a byte order mark, which Excel needs
    share: Callable[[], float | None] = lambda: None  # read so far; None: unknown


class _Counted(Iterator[str]):
    """Lines, and how many characters of them have been read."""

    def __init__(self, lines: Iterator[str]):
        self.lines, self.size = lines, 0

    def __next__(self) -> str:
        line = next(self.lines)
        self.size += len(line)
        return line


@contextlib.contextmanager
def reading(data: str) -> Iterator[BinaryIO]:
    """Opens a file, or yields the standard input for `-`."""
    if data == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        file = Path(data).open("rb")  # noqa: SIM115
    except OSError as error:
        raise UserError(f"{data}: cannot be read: {error.strerror}") from None
    with file:
        yield file


def read_rows(
    file: BinaryIO, name: str, column: str | None, usual: list[str], encoding: str
) -> Rows:
    """Reads the rows of a file, packed if its name ends in `.gz`.

    - `.jsonl`: a JSON object per line.
    - `.txt`: a text per line, unless `column` is given.
    - `-`, the standard input: JSON Lines if it begins with `{`; a table if `column` is
      given or the first line names a usual column; otherwise a text per line.
    - Otherwise a table, as in `data.tables`.

    Args:
        file: A buffered file, which is read once, from its beginning to its end.
        name: Its path, or `-`.
        column: Name of the input column, in any case; or its number, counted from 1, in
            a table without a header. None: one of the usual ones, or the only one.
        usual: Usual names of the input column, the most likely one first.
        encoding: Of a file that does not begin with a byte order mark.

    Raises `UserError` for another encoding, a damaged file, no rows, or no such column.
    """
    path, opened = Path(name), file
    encoding = codec_name(encoding)
    if path.suffix.lower() == ".gz":
        file, path = gzip.GzipFile(fileobj=file), path.with_suffix("")
    kind = path.suffix.lower()
    if kind in UNREAD:
        raise UserError(f"{name}: expected CSV, TSV, JSON Lines or text, found {kind}")
    lines = _lines(file, name, encoding)
    head, size = [], 0
    while size < HEAD and (line := next(lines, None)) is not None:
        head.append(line)
        size += len(line)
    has_mark = bool(head) and head[0].startswith(MARK)
    if has_mark:
        head[0] = head[0][1:]
    first = next((line.strip() for line in head if line.strip()), "")
    if not first:
        raise UserError(f"{name}: expected rows, found an empty file")
    expected = size if size < HEAD else _expected(opened, size)
    lines = _Counted(itertools.chain(head, lines))
    if name == STANDARD and column is None:
        found = {part.strip(' "').casefold() for part in re.split(r"[,;\t|]", first)}
        is_table = not found.isdisjoint(map(str.casefold, usual))
        kind = ".jsonl" if first[0] == "{" else ".csv" if is_table else ".txt"
    if kind == ".jsonl":
        rows = _json_lines(name, column, usual, head, lines)
    elif kind == ".txt" and column is None:
        texts = (line.rstrip("\r\n") for line in lines)
        rows = Rows(".txt", ["text"], (_row([text], text, "text") for text in texts))
    else:
        is_whole = size < HEAD
        rows = _table(name, path, column, usual, head, is_whole, lines)
    rows.has_mark = has_mark
    rows.share = lambda: min(1.0, lines.size / expected) if expected else None
    return rows


def _expected(file: BinaryIO, size: int) -> float:
    """About how many characters a file has whose beginning, read just now, has `size`;
    0 for a pipe."""
    try:
        status = os.fstat(file.fileno())
        regular = stat.S_ISREG(status.st_mode)
        return size * status.st_size / file.tell() if regular else 0
    except OSError:  # not a file
        return 0


def batches(rows: Iterator[Row], most: int) -> Iterator[list[Row]]:
    """Up to `most` rows at a time; fewer where texts are very long."""
    batch, longest = [], 0
    for row in rows:
        longest = max(longest, len(row.text))
        if batch and (len(batch) + 1) * longest > MAX_CHARACTERS:
            yield batch
            batch, longest = [], len(row.text)
        batch.append(row)
        if len(batch) == most:
            yield batch
            batch, longest = [], 0
    if batch:
        yield batch


def _lines(file: BinaryIO, name: str, encoding: str) -> Iterator[str]:
    """Yields the lines with their ends; the first one also with a byte order mark."""
    number = 0
    try:
        beginning = file.peek(4)
        marks = (mark for mark in MARKS if beginning.startswith(mark))
        if mark := next(marks, None):
            encoding = f"{MARKS[mark]}-{'le' if mark[0] == 0xFF else 'be'}"
        text = io.TextIOWrapper(file, encoding, newline="")
        try:
            for line in text:
                yield line
                number += 1
        finally:
            with contextlib.suppress(ValueError):  # the caller has closed the file
                text.detach()  # else it would be closed here
    except UnicodeError as error:
        found = str(error)
        if isinstance(error, UnicodeDecodeError):
            number += 1 + error.object.count(b"\n", 0, error.start)
            byte = error.object[error.start]
            found = f"found byte 0x{byte:02x} in line {number}: {error.reason}"
        wanted = f"{name}: expected {encoding} text"
        raise UserError(f"{wanted}, {found}; {OTHERS}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{name}: expected a whole gzip file: {error}") from None
    except OSError as error:
        raise UserError(f"{name}: cannot be read: {error.strerror}") from None


def _row(fields: list[str], text: str, name: str, *more) -> Row:
    if "\0" in text:
        return Row(fields, "", "NUL byte", *more)
    return Row(fields, text, "" if text.strip() else f"empty {name}", *more)


def _column(name: str, column, usual, names: list[str], numbered=False) -> int:
    """The index of the input column."""
    wanted = [column] if column else usual
    for each in wanted:
        try:
            return find_column(each, names, numbered, Path(name))
        except UserError:
            if numbered:
                raise
    if column is None and len(names) == 1:
        return 0
    found = ", ".join(each[:40] for each in names[:12])
    raise UserError(
        f"{name}: expected a column {' or '.join(map(repr, wanted))}, found: {found}; "
        "--column names another one, or numbers it (from 1) if there is no header"
    )


def _table(name, path, column, usual, head, is_whole, lines: Iterator[str]) -> Rows:
    wanted = [column] if column else usual
    numbered = wanted[0].isdecimal()
    head = list(itertools.dropwhile(str.isspace, head))
    declared = re.fullmatch(r"sep=(.)\s*", head[0])  # Excel's
    if declared:
        lines = itertools.dropwhile(str.isspace, lines)
        head.remove(next(lines))
    if not is_whole:  # a quote that is open at the end would mislead
        is_open = sum(line.count('"') for line in head) % 2
        while is_open and len(head) > 1:
            is_open ^= head.pop().count('"') % 2
    delimiter = declared[1] if declared else find_delimiter(head[0], wanted, path)
    if delimiter not in head[0] and path.suffix.lower() == ".tsv":
        delimiter = "\t"  # one column
    has_own_quotes = delimiter == "\t" and not is_quoted("".join(head))
    records = _records(name, lines, delimiter, has_own_quotes)
    first, taken = next(records, (None, []))
    if first is None:
        found = "a misplaced quote in it" if taken else "nothing"
        raise UserError(f"{name}: expected a header and rows, found {found}")
    names = [field.strip() for field in first]
    place = _column(name, column, wanted, names, numbered)
    if numbered:
        names = [f"column {number}" for number in range(1, len(names) + 1)]
        records = itertools.chain([(first, taken)], records)

    def each() -> Iterator[Row]:
        for fields, taken in records:
            if fields is None:  # each of its lines is a row
                for line in filter(str.strip, taken):
                    yield Row([line.rstrip("\r\n")], "", "stray quote")
            elif len(fields) != len(names):
                yield Row(fields, "", f"not {len(names)} fields")
            else:
                yield _row(fields, fields[place], names[place])

    kind = ".tsv" if delimiter == "\t" else ".csv"
    return Rows(kind, names, each(), not numbered, delimiter, has_own_quotes)


def _records(name: str, lines, delimiter: str, has_own_quotes: bool) -> Iterator[tuple]:
    """Yields the fields of each record, None after a misplaced quote, and its lines."""
    taken, number = [], 0

    def noted() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD))
    # Strict: a misplaced quote spoils one row instead of swallowing the next ones.
    quoting = csv.QUOTE_NONE if has_own_quotes else csv.QUOTE_MINIMAL
    reader = csv.reader(noted(), delimiter=delimiter, quoting=quoting, strict=True)
    while True:
        number += len(taken)
        taken.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if re.search("unexpected end of data|larger than field limit", str(error)):
                wanted = f"expected a closing quote for line {number + 1}, found none"
                raise UserError(f"{name}: {wanted}") from None
            fields = None
        if fields != []:  # an empty line is no row
            yield fields, list(taken)


def _json_lines(name: str, column, usual, head, lines: Iterator[str]) -> Rows:
    names: dict[str, None] = {}
    for line in filter(str.strip, head):
        values = _json_object(line)
        if values is None and not names:
            wanted = "expected one JSON object per line"
            raise UserError(f"{name}: {wanted}, found {line.strip()[:40]!r}")
        names |= dict.fromkeys(values or ())
    key = list(names)[_column(name, column, usual, list(names))]

    def each() -> Iterator[Row]:
        for line in map(str.strip, filter(str.strip, lines)):
            values = _json_object(line)
            if values is None:
                yield Row([line], "", "not a JSON object", line)
                continue
            fields = [as_field(values.get(name)) for name in names]
            value = values.get(key)
            if isinstance(value, (dict, list)):
                yield Row(fields, "", f"{key} not a text or a number", line, values)
                continue
            text = "" if value is None else str(value)
            yield _row(fields, text, key, line, values)

    return Rows(".jsonl", list(names), each())


def _json_object(line: str) -> dict | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def as_field(value) -> str:
    """A JSON value as the field of a table."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
