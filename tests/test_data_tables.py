"""The table reader: every kind of valid and invalid content."""

import csv
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import UserError
from data.tables import read_table, write_table


def write(path, content: bytes | str):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(path, columns=("text", "label")):
    return read_table(path, columns)[0]


GOOD = [("a fine film", "pos"), ("a dull one", "neg")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\na fine film,pos\na dull one,neg\n"),
        ("a.csv", "\ufefftext,label\r\na fine film,pos\r\n\r\na dull one,neg"),
        ("a.csv", 'label,id,"text"\npos,1,a fine film\nneg,2,"a dull one"\n'),
        ("a.tsv", "text\tlabel\na fine film\tpos\na dull one\tneg\n"),
        ("a.TSV", " text\tlabel \na fine film\tpos\na dull one\tneg\n"),
        ("a.txt", "\n\ntext\tlabel\na fine film\tpos\na dull one\tneg\n"),
        ("a", "text,label\na fine film,pos\na dull one,neg\n"),
        ("a.csv", "text;label\na fine film;pos\na dull one;neg\n"),  # Excel in Europe
        ("a.csv", "sep=;\r\ntext;label\r\na fine film;pos\r\na dull one;neg\r\n"),
        ("a.txt", "label|text\npos|a fine film\nneg|a dull one\n"),
        ("a.csv", "text\tlabel\na fine film\tpos\na dull one\tneg\n"),
        ("a.tsv", "text,label\na fine film,pos\na dull one,neg\n"),
        ("a.csv", "ID,Text, LABEL\n1,a fine film,pos\n2,a dull one,neg\n"),
        (
            "a.csv",
            "id;text, as typed;label;text\n1;x;pos;a fine film\n2;y;neg;a dull one",
        ),
        ("a.tsv", '"text"\t"label"\n"a fine film"\t"pos"\n"a dull one"\t"neg"\n'),
        (
            "a.jsonl",
            '{"text": "a fine film", "label": "pos"}\n\n'
            '{"label": "neg", "text": "a dull one", "more": [1]}\n',
        ),
    ],
)
def test_accepted(tmp_path, capsys, name, content):
    assert read_table(write(tmp_path / name, content), ("text", "label")) == (GOOD, 0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        # Quotes at the beginning of a text, as in public corpora: its own.
        (
            '"Hello" she said\tx\n"never closed\ty\n',
            ['"Hello" she said', '"never closed'],
        ),
        ('"opened\tx\nclosed"\ty\n', ['"opened', 'closed"']),
        ('say "so"\tx\n', ['say "so"']),
        # Quotes around fields, as `csv.writer` and Excel write them.
        ('"a ""quoted"" word"\tx\nplain\ty\n', ['a "quoted" word', "plain"]),
        ('"two\nlines"\tx\n"a\ttab"\ty\n', ["two\nlines", "a\ttab"]),
    ],
)
def test_quotes_in_a_file_with_tabs(tmp_path, content, texts):
    path = write(tmp_path / "a.tsv", "text\tlabel\n" + content)
    assert [text for text, _ in rows_of(path)] == texts


def test_columns_by_number_in_a_file_without_a_header(tmp_path):
    path = write(tmp_path / "a.csv", "1,pos,a fine film\n2,neg,a dull one\n")
    assert rows_of(path, ("3", "2")) == GOOD
    with pytest.raises(UserError, match="expected a column 4, found 3 columns"):
        rows_of(path, ("4", "2"))
    with pytest.raises(UserError) as caught:
        rows_of(path)
    assert "--text-column 3 --label-column 2 (columns are counted" in str(caught.value)


def test_json_lines(tmp_path, capsys):
    good = '{"text": "fine", "stars": 5}\n' * 99
    path = write(tmp_path / "a.jsonl", good + '{"text": "no stars"}\n')
    rows, skipped = read_table(path, ("text", "stars"))
    assert (rows[0], len(rows), skipped) == (("fine", "5"), 99, 1)
    assert "1 empty stars" in capsys.readouterr().out
    for bad, reason in (
        ("[1]", "not a JSON object"),
        ('{"text": ["a"]}', "not a text"),
    ):
        write(path, good + bad)
        assert read_table(path, ("text", "stars"))[1] == 1
        assert reason in capsys.readouterr().out
    with pytest.raises(UserError, match="one JSON object per line, found 'text,lab"):
        rows_of(write(path, "text,label\nfine,pos\n"))


def test_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        path.write_bytes(b"PAR1")
        with pytest.raises(UserError, match="needs pyarrow"):
            rows_of(path)
        return
    texts, labels = zip(*GOOD, strict=True)
    parquet.write_table(
        pyarrow.table({"Text": texts, "n": [1, 2], "label": labels}), path
    )
    assert rows_of(path) == GOOD
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        rows_of(path)


def test_quotes_separators_and_line_breaks_in_fields(tmp_path):
    rows = [
        ('she said "no", twice', "x"),
        ("two\nlines\r\nand\ttab", "y,z"),
        ("中文", "好"),
    ]
    for name in ("a.csv", "b.csv"):
        write_table(tmp_path / name, ("text", "label"), rows)
        assert rows_of(tmp_path / name) == rows


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            *2
            * [
                st.text(
                    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1
                )
            ]
        ).filter(lambda row: all(value.strip() for value in row)),
        min_size=1,
    )
)
def test_what_is_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("tables") / "any.csv"
    write_table(path, ("text", "label"), rows)
    assert rows_of(path) == rows


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_rows_or_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("tables") / "any.csv"
    path.write_bytes(b"text,label\n" + content)
    try:
        rows_of(path)
    except UserError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (",neg\n", "1 empty text"),
        ("  ,neg\n", "1 empty text"),
        ("good,\n", "1 empty label"),
        ("go\0od,neg\n", "1 NUL byte"),
        ("one field\n", "1 not 2 fields"),
        ("three,fields,here\n", "1 not 2 fields"),
        ('"stray" quote,neg\n', "1 stray quote"),
    ],
)
def test_skipped_rows_are_counted_and_reported(tmp_path, capsys, bad, reason):
    path = write(tmp_path / "mine.csv", "text,label\n" + "fine,pos\n" * 99 + bad)
    rows, skipped = read_table(path, ("text", "label"))
    assert len(rows) == 99 and skipped == 1
    assert capsys.readouterr().out == f"skipped 1 of 100 rows of mine.csv: {reason}\n"


def test_reasons_are_summed_up(tmp_path, capsys):
    bad = ",pos\n,pos\nx\0,pos\n"
    path = write(tmp_path / "mine.csv", "text,label\n" + "fine,pos\n" * 997 + bad)
    assert read_table(path, ("text", "label"))[1] == 3
    message = "skipped 3 of 1000 rows of mine.csv: 2 empty text, 1 NUL byte\n"
    assert capsys.readouterr().out == message


def test_over_one_percent_skipped_is_an_error(tmp_path):
    path = write(
        tmp_path / "mine.csv", "text,label\n" + "fine,pos\n" * 98 + ",pos\n" * 2
    )
    with pytest.raises(UserError, match=r"2 of 100 rows of mine\.csv: 2 empty text"):
        rows_of(path)


def test_a_quote_that_swallows_rows_counts_them_all(tmp_path):
    lines = (
        ['"opened,pos'] + ["fine,pos"] * 50 + ['closed" late,pos'] + ["fine,pos"] * 500
    )
    path = write(tmp_path / "mine.csv", "text,label\n" + "\n".join(lines))
    with pytest.raises(UserError, match=r"52 stray quote"):
        rows_of(path)


def test_check_gives_a_reason(tmp_path, capsys):
    path = write(tmp_path / "mine.csv", "text,label\n" + "fine,pos\n" * 99 + "fine,?\n")
    rows, skipped = read_table(
        path, ("text", "label"), lambda row: "strange label" if row[1] == "?" else None
    )
    assert (len(rows), skipped) == (99, 1)
    assert "1 strange label" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty file"),
        (" \n\n", "empty file"),
        ("text,label\n", "found none"),
        ("review,stars\ngood,5\n", "expected a column 'text', found: review, stars"),
        ("a fine film\n", "expected a column 'text', found: a fine film"),
        ('text,label\n"never closed,pos\nfine,pos\n', "closing quote for line 2"),
        (
            b"text,label\nfine,pos\ncaf\xe9,neg\n",
            "expected UTF-8 text, found byte 23, line 3",
        ),
        (
            "text,label\nfine,pos\n".encode("utf-16"),
            "expected UTF-8 text, found byte 0",
        ),
        ("x" * 10**6, "expected a column 'text', found: xxx"),
    ],
)
def test_refused(tmp_path, content, message):
    with pytest.raises(UserError) as caught:
        rows_of(write(tmp_path / "mine.csv", content))
    assert message in str(caught.value) and "mine.csv" in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(UserError, match=r"mine\.csv: .* No such file"):
        rows_of(tmp_path / "mine.csv")
    with pytest.raises(UserError, match="Is a directory"):
        rows_of(tmp_path)


def test_a_line_of_ten_megabytes_is_kept(tmp_path):
    path = write(
        tmp_path / "mine.csv", f"text,label\n{'word ' * 2_000_000},pos\nfine,neg\n"
    )
    limit = csv.field_size_limit()
    tracemalloc.start()
    assert [len(text) for text, _ in rows_of(path)] == [10_000_000, 4]
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()
    csv.field_size_limit(limit)
