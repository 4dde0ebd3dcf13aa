"""Files answered by exported models: answers, formats, bad input, interruptions."""

import csv
import gc
import gzip
import importlib
import json
import math
import os
import threading
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from data.errors import UserError
from kit import predict, read_rows, watching
from kit.predict import Answerer, answerer
from kit.try_run import load_export
from tests.exports import export_tagger
from tests.processes import ROOT, python

# With the fake export below, a text has two answers: its length and its words.
TABLE = "id,Text,label\n1,a fine film,x\n2,dull,y\n"
ANSWERED = (
    "id,Text,label,length,words\n1,a fine film,x,11,a fine film\n2,dull,y,4,dull\n"
)


def answer(texts):
    return [[len(text), text.split()] for text in texts]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run whose export is a fake: `config.json` may be written into it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run/saved_model/1").mkdir(parents=True)
    (tmp_path / "run/saved_model/1/saved_model.pb").touch()
    made = Answerer(["length", "words"], ["text"], answer)
    monkeypatch.setattr(predict, "load_export", lambda folder: None)
    monkeypatch.setattr(predict, "answerer", lambda *arguments: made)
    return Path("run")


def answered(content, name="in.csv", out="out.csv", **options):
    """Writes a file, lets it be answered, and returns what is written."""
    content = content.encode() if isinstance(content, str) else content
    Path(name).write_bytes(content)
    predict.main("fake", name, out, run=Path("run"), **options)
    return Path(out).read_bytes().decode()


def error_of(*arguments, **options):
    with pytest.raises(UserError) as caught:
        predict.main("fake", *arguments, run=Path("run"), **options)
    return str(caught.value)


def left():
    return sorted(path.name for path in Path().iterdir())


# The exports of the recipes ----------------------------------------------------------

VOCABULARIES = {
    "sentiment": {
        "words": ["a", "fine", "dull", "film"],
        "labels": ["no", "yes, so", "好"],
        "max_tokens": 9,
    },
    "translation": {
        "unit": "char",
        "source": list(" abcde12好,"),
        "target": list(" abcde12好,"),
        "length": 9,
    },
    "char_lm": {"characters": "\n abcdefghi好é", "distinct": 30},
    "word_lm": {"words": ["<eos>", "a", "fine", "film", "."], "cut": False},
    "word2vec": {"words": ["a", "fine", "dull", "film", "好"], "counts": [5] * 5},
}
VOCABULARIES["word_lm"]["distinct"] = 30
TEXTS = ["a fine film", "dull", "a " * 70 + "film", "好 12", "b c\nd", "x", "a, e"]
WORDS = ["fine", "FILM", "nobody", "好"]


@pytest.fixture(scope="module", params=VOCABULARIES)
def exported(request, tmp_path_factory):
    """A recipe, and a run with an export of random weights."""
    pytest.importorskip("tensorflow")
    recipe = importlib.import_module(f"recipes.{request.param}")
    vocabulary = VOCABULARIES[request.param]
    small = {} if request.param == "word_lm" else {"units": 6}
    keras.utils.set_random_seed(1)
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "word_lm":
            tiny = recipe.Preset(
                vector=6, units=6, layers=1, batch=2, window=4, learning_rate=0.1
            )
            patch.setitem(recipe.PRESETS, "small", tiny)
        model = recipe.build_model(recipe.Config(**small), vocabulary)
    chance = np.random.default_rng(1)
    for weight in model.weights:
        if weight.trainable or request.param == "word2vec":
            value = keras.ops.convert_to_numpy(weight)
            weight.assign(value + 0.5 * chance.normal(size=value.shape))
    folder = tmp_path_factory.mktemp("run")
    recipe.export(model, vocabulary, folder / "saved_model" / "1")
    return request.param, folder


def direct(loaded, recipe, text):
    """The answers of an export to one text, called by TensorFlow alone."""
    import tensorflow as tf

    ask, text = loaded.signatures, tf.constant([text])
    if recipe == "sentiment":
        got = ask["serving_default"](text=text)
        return [got["label"][0].numpy().decode(), *got["probabilities"][0].numpy()]
    if recipe == "translation":
        got = ask["serving_default"](text=text, beam=tf.constant([5]))
        return [got["text"][0].numpy().decode()]
    if recipe == "word2vec":
        got = ask["nearest"](word=text, k=tf.constant([8]))
        words = [word.decode() for word in got["words"][0].numpy() if word]
        cosines = got["cosines"][0].numpy()[: len(words)]
        return [words, list(cosines)] if words else [None, None]
    return [ask["score"](text=text)["nats"][0].numpy()]


NAMES = {
    "sentiment": ["label", "probability_no", "probability_yes, so", "probability_好"],
    "translation": ["translation"],
    "char_lm": ["nats"],
    "word_lm": ["nats"],
    "word2vec": ["neighbours", "cosines"],
}
USUAL = {"translation": "source", "word2vec": "word"}


def test_answers_are_those_of_the_export(exported, tmp_path, monkeypatch, capsys):
    """In batches of texts with different lengths, as alone."""
    tf = pytest.importorskip("tensorflow")
    recipe, run = exported
    texts = WORDS if recipe == "word2vec" else TEXTS
    column = USUAL.get(recipe, "text")
    monkeypatch.chdir(tmp_path)
    rows = [["other", column], *([f"{n}", text] for n, text in enumerate(texts))]
    with Path("in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    loaded = tf.saved_model.load(str(run / "saved_model/1"))
    expected = [direct(loaded, recipe, text) for text in texts]
    predict.main(recipe, "in.csv", "out.jsonl", run, batch=3)
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [(line["other"], line[column]) for line in lines] == [*map(tuple, rows[1:])]
    assert list(lines[0])[2:] == NAMES[recipe]
    for line, wanted in zip(lines, expected, strict=True):
        for got, value in zip(list(line.values())[2:], wanted, strict=True):
            if isinstance(value, (float, np.floating)):
                assert math.isclose(got, value, abs_tol=1e-5)
            elif isinstance(value, list) and value and not isinstance(value[0], str):
                np.testing.assert_allclose(got, value, atol=1e-5)
            else:
                assert got == value
    said = capsys.readouterr().out
    unknown = "1 of 4 rows have no answer: 1 not in the vocabulary\n"
    assert (unknown in said) == (recipe == "word2vec")
    distinct = {json.dumps([*line.values()][2:]) for line in lines}
    assert len(distinct) > 2  # the random weights tell texts apart
    if recipe == "word2vec":  # in a table, lists are separated by spaces
        predict.main(recipe, "in.csv", "out.csv", run)
        with Path("out.csv").open(encoding="utf-8", newline="") as file:
            first = next(csv.DictReader(file))
        assert first["neighbours"].split() == lines[0]["neighbours"]
        assert [float(x) for x in first["cosines"].split()] == lines[0]["cosines"]


def test_the_column_of_the_run(exported):
    recipe, run = exported
    loaded = load_export(run / "saved_model/1")

    def usual(**config):
        return answerer(loaded, recipe, config).columns

    assert usual()[0] == USUAL.get(recipe, "text")
    (row,) = answerer(loaded, recipe, {}).answer(["fine \ud800"])  # half a character
    assert (row is None) == (recipe == "word2vec")
    if recipe == "sentiment":
        assert usual(text_column="comment") == ["comment", "text"]
    if recipe == "translation":
        assert usual(backward=True)[0] == "target"


def test_tags_of_texts_without_padding(tmp_path, monkeypatch):
    """A row has as many tags as its text has tokens, whatever texts share its batch."""
    pytest.importorskip("tensorflow")
    monkeypatch.chdir(tmp_path)
    known = {"Paul": ("B-PER", 0.75), "Simon": ("I-PER", 1 / 3), "好": ("B-PER", 1.0)}
    export_tagger(tmp_path / "run/saved_model/1", ["O", "B-PER", "I-PER"], known)
    Path("in.csv").write_text(
        'n,text\n1,"Paul Simon, 好"\n2,\n3,x\n4,\u200b\n', "utf-8"
    )
    predict.main("tagging", "in.csv", "out.jsonl", Path("run"))
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [[*line.values()][2:] for line in lines] == [
        [
            ["Paul", "Simon", ",", "好"],
            ["B-PER", "I-PER", "O", "B-PER"],
            [0.75, 0.333333, 0.96875, 1.0],
        ],
        [None] * 3,
        [["x"], ["O"], [0.96875]],
        [[], [], []],
    ]
    assert list(lines[0]) == ["n", "text", "tokens", "tags", "probabilities"]
    predict.main("tagging", "in.csv", "out.csv", Path("run"), batch=1)
    rows = Path("out.csv").read_text("utf-8").splitlines()
    answers = '"Paul Simon , 好",B-PER I-PER O B-PER,0.75 0.333333 0.96875 1.0'
    assert rows[1:3] == [f'1,"Paul Simon, 好",{answers}', "2,,,,"]


def test_an_export_without_rows_of_text(tmp_path):
    tf = pytest.importorskip("tensorflow")

    class Music(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "first")])
        def serve(self, first):
            return {"notes": tf.strings.length(first)}

    tf.saved_model.save(Music(), str(tmp_path), {"serving_default": Music().serve})
    with pytest.raises(UserError, match="no rows of text: make try RECIPE=music"):
        answerer(load_export(tmp_path), "music", {})


# Formats -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.csv", TABLE),
        ("in.csv.gz", gzip.compress(TABLE.encode())),
        ("in.csv", TABLE.replace("\n", "\r\n")),
        ("in.tsv", TABLE.replace(",", "\t")),
        ("in.txt", TABLE),
        ("in.csv", TABLE.encode("utf-16")),
        ("in.csv", b"\xfe\xff" + TABLE.encode("utf-16-be")),
        ("in.csv", TABLE.encode("utf-32")),
        ("in.csv", TABLE.replace("a fine film", '"a fine film"')),
        ("in", TABLE),
    ],
)
def test_tables(run, name, content):
    column = "text" if name == "in.txt" else None
    assert answered(content, name, column=column).lstrip("\ufeff") == ANSWERED


@pytest.mark.parametrize("delimiter", [";", "|"])
def test_a_table_keeps_its_delimiter_and_its_mark(run, delimiter):
    content = TABLE.replace(",", delimiter)
    assert answered(content) == ANSWERED.replace(",", delimiter)
    assert answered("\ufeff" + content) == "\ufeff" + ANSWERED.replace(",", delimiter)
    assert answered(f"sep={delimiter}\n{content}") == ANSWERED.replace(",", delimiter)
    assert answered(content, out="out.tsv") == ANSWERED.replace(",", "\t")


def test_fields_come_back_as_they_were(run):
    fields = ['say "so"', "two\nlines", "a\r\nb", "c\rd", " e ", "f,g;h\ti", "", "好"]
    with Path("in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "x"], *(["t", each] for each in fields)])
    for out, delimiter in (("out.csv", ","), ("out.tsv", "\t")):
        answered(Path("in.csv").read_bytes(), out=out)
        with Path(out).open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter=delimiter))
        assert [row[1] for row in rows[1:]] == fields
    lines = answered(Path("in.csv").read_bytes(), out="out.jsonl").splitlines()
    assert [json.loads(line)["x"] for line in lines] == fields


def test_quotes_that_belong_to_the_text(run):
    content = 'text\tn\n"Hello" she said\t1\n"never closed\t2\n'
    got = answered(content, "in.tsv", "out.tsv").splitlines()
    assert got[1:] == [
        '"Hello" she said\t1\t16\t"Hello" she said',
        '"never closed\t2\t13\t"never closed',
    ]
    got = answered('text\tn\nsay "so\t1\n"x"\t2\n', "in.tsv").splitlines()
    assert got[1:] == ['"say ""so",1,7,"say ""so"', "x,2,1,x"]  # as in data.tables


def test_quoting_is_found_though_the_beginning_ends_within_quotes(run, monkeypatch):
    """The beginning that is looked at may end inside a quoted field."""
    rows = '"one\nline"\t1\n' * 50
    for size in range(200, 215):
        monkeypatch.setattr(read_rows, "HEAD", size)
        got = answered(f"text\tn\n{rows}", "in.tsv", "out.jsonl").splitlines()
        assert {json.loads(line)["length"] for line in got} == {8} and len(got) == 50


def test_a_tsv_with_one_column(run):
    got = answered("text\na, b\n", "in.tsv", "out.tsv")
    assert got == "text\tlength\twords\na, b\t4\ta, b\n"


def test_lines_of_text(run, capsys):
    got = answered('not bad\n\n"a\tb\n', "in.txt", "out.tsv")
    rows = [
        "text\tlength\twords",
        "not bad\t7\tnot bad",
        "\t\t",
        '"""a\tb"\t4\t"""a b"',
    ]
    assert got.splitlines() == rows
    assert "1 of 3 rows have no answer: 1 empty text\n" in capsys.readouterr().out


def test_json_lines_keep_the_text_of_their_values(run, capsys):
    lines = [
        '{"id": 1.10, "text": "\\u597d", "x": {"b": [1, null]}}',
        "{}",
        '{"text": 25, "id": 1e400}',
        "[1]",
        '{"text": ["a"]}',
    ]
    got = answered("\n\n".join(lines) + "\n", "in.jsonl", "out.jsonl").splitlines()
    none = '"length": null, "words": null}'
    assert got == [
        lines[0][:-1] + ', "length": 1, "words": ["好"]}',
        "{" + none,
        lines[2][:-1] + ', "length": 2, "words": ["25"]}',
        '{"id": "[1]", ' + none,
        lines[4][:-1] + ", " + none,
    ]
    said = capsys.readouterr().out
    assert "3 of 5 rows have no answer: " in said
    for reason in ("1 empty text", "1 not a JSON object", "1 text not a text or a num"):
        assert reason in said
    table = answered("\n".join(lines), "in.jsonl").splitlines()
    assert table[0] == "id,text,x,length,words"
    assert table[1] == '1.1,好,"{""b"": [1, null]}",1,好'
    assert table[2] == ",,,,"
    assert table[4] == "[1],,,,"


def test_json_lines_with_keys_that_come_too_late(run, monkeypatch):
    monkeypatch.setattr(read_rows, "HEAD", 10)
    Path("a.jsonl").write_text('{"text": "long enough"}\n{"text": "a", "new": 1}\n')
    assert "a key 'new' that the lines before lack" in error_of("a.jsonl", "o.csv")
    Path("a.jsonl").write_text('{"text": "long enough"}\n{"text": "a", "words": 1}\n')
    assert "a key 'words' below lines that lack it" in error_of("a.jsonl", "o.jsonl")
    assert left() == ["a.jsonl", "run"]


def test_an_answer_whose_name_is_taken(run):
    got = answered("text,Length,words,words_answer\na,1,2,3\n").splitlines()
    header = "text,Length,words,words_answer,length_answer,words_answer_answer"
    assert got == [header, "a,1,2,3,1,a"]


# The column --------------------------------------------------------------------------


def test_the_column_that_is_read(run):
    assert answered(TABLE, column="LABEL").splitlines()[1].endswith(",x,1,x")
    assert answered("only\na b\n").splitlines()[1] == "a b,3,a b"  # the only column
    got = answered("5,a b\n6,c\n", column="2")
    assert got == "5,a b,3,a b\n6,c,1,c\n"  # no header, neither in nor out
    got = answered("5,a b\n", out="out.jsonl", column="2")
    assert list(json.loads(got))[:2] == ["column 1", "column 2"]


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        ("a,b\n1,2\n", None, "expected a column 'text', found: a, b; --column names"),
        (TABLE, "comment", "expected a column 'comment', found: id, Text, label; --c"),
        (TABLE, "4", "expected a column 4, found 3 columns"),
        ("TEXT,Text\na,b\n", None, "expected a column 'text', found: TEXT, Text"),
        (
            'a"b,"c"d\n1,2\n',
            None,
            "expected a header and rows, found a misplaced quote",
        ),
        ("", None, "expected rows, found an empty file"),
        ("\ufeff\n \n", None, "expected rows, found an empty file"),
        ("text,label\n", None, "expected rows after the header, found none"),
        ('text,n\na,1\n"open,2\nb,3\n', None, "a closing quote for line 3, found none"),
        (
            b"text\na\n\xe9t\xe9\n",
            None,
            "expected utf-8 text, found byte 0xe9 in line 3",
        ),
        (b"text\na\nb\xe9", None, "in line 3: unexpected end of data; other encodings"),
        (
            b"text\n" + b"a" * 20_000 + b"\n\xff",
            None,
            "byte 0xff in line 3: invalid st",
        ),
    ],
)
def test_files_that_cannot_be_answered(run, content, column, message):
    content = content.encode() if isinstance(content, str) else content
    Path("in.csv").write_bytes(content)
    Path("out.csv").write_text("before")
    found = error_of("in.csv", "out.csv", column=column)
    assert message in found and found.startswith("in.csv: ")
    assert Path("out.csv").read_text() == "before"
    assert left() == ["in.csv", "out.csv", "run"]


def test_other_encodings(run):
    content = "text\nété\n"
    assert answered(content.encode("cp1252"), encoding="cp1252").splitlines()[1] == (
        "été,3,été"
    )
    assert "--encoding klingon: no such" in error_of(
        "in.csv", "o.csv", encoding="klingon"
    )


def test_rows_that_cannot_be_used_keep_their_place(run, capsys):
    rows = ["a,b", "1", "2,x,3", ",y", "n\0,z", '"a"b,c', "d,e"]
    got = answered("text,more\n" + "\n".join(rows) + "\n").splitlines()
    assert got[1:] == [
        "a,b,1,a",
        "1,,,",
        "2,x,3,,",
        ",y,,",
        "n\0,z,,",
        '"""a""b,c",,,',  # as one field, because it cannot be divided
        "d,e,1,d",
    ]
    said = capsys.readouterr().out
    reasons = "2 not 2 fields, 1 empty text, 1 NUL byte, 1 stray quote"
    assert f"5 of 7 rows have no answer: {reasons}\n" in said
    assert "7 rows in " in said and said.endswith(": out.csv\n")
    lines = answered("text,more\n2,x,3\n", out="out.jsonl")
    assert json.loads(lines)["column 3"] == "3"


# Files -------------------------------------------------------------------------------


def test_paths_that_cannot_be_used(run, tmp_path):
    Path("in.csv").write_text(TABLE)
    Path("link.csv").symlink_to("in.csv")
    Path("in.parquet").write_text("PAR1")
    Path("in.conll").write_text("Ada\tO\n")
    Path("in.csv.gz").write_bytes(gzip.compress(TABLE.encode() * 99)[:-20])
    Path("folder.csv").mkdir()
    before = left()
    for data, out, message in (
        ("none.csv", "out.csv", "none.csv: cannot be read: No such file"),
        ("run", "out.csv", "run: cannot be read: Is a directory"),
        ("in.csv.gz", "out.csv", "expected a whole gzip file"),
        ("in.parquet", "out.csv", "found .parquet"),
        ("in.conll", "out.csv", "expected CSV, TSV, JSON Lines or text, found .conll"),
        ("in.csv", "in.csv", "is DATA"),
        ("in.csv", "link.csv", "is DATA"),
        ("in.csv", "run/none/out.csv", "run/none/out.csv: cannot be written: No such"),
        ("in.csv", "in.csv/out.csv", "in.csv/out.csv: cannot be written: Not a dir"),
        (
            "in.csv",
            "out.xlsx",
            "OUT=out.xlsx: expected a name ending in .csv, .tsv, .j",
        ),
        ("in.csv", "folder.csv", "OUT=folder.csv: expected a file"),
        ("", "out.csv", "expected DATA="),
        ("in.csv", "", "expected DATA="),
    ):
        assert message in error_of(data, out), (data, out)
    assert "--batch must be at least 1" in error_of("in.csv", "out.csv", batch=0)
    assert left() == before
    (run / "saved_model/1/saved_model.pb").unlink()
    assert "expected the export of a run" in error_of("in.csv", "out.csv")
    with pytest.raises(UserError, match="no finished run of fake yet: make fake"):
        predict.main("fake", "in.csv", "out.csv")
    twice = "text,n,n\na,1,2\n"
    Path("in.csv").write_text(twice)
    (run / "saved_model/1/saved_model.pb").touch()
    assert "expected names that differ" in error_of("in.csv", "out.jsonl")
    assert answered(twice) == "text,n,n,length,words\na,1,2,1,a\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left")])
def test_an_interruption_leaves_nothing_behind(run, monkeypatch, error):
    monkeypatch.setattr(read_rows, "HEAD", 4)  # the file is read while it is answered
    calls = []

    def fails_later(texts):
        calls.append(len(texts))
        if len(calls) == 3:
            assert any(name.startswith(".out.csv") for name in left())
            assert Path("out.csv").read_text() == "before"
            raise error
        return answer(texts)

    made = Answerer(["length", "words"], ["text"], fails_later)
    monkeypatch.setattr(predict, "answerer", lambda *arguments: made)
    Path("out.csv").write_text("before")
    with pytest.raises((KeyboardInterrupt, UserError)) as caught:
        answered("text,n\n" + "a,1\n" * 20, batch=4)
    if isinstance(error, OSError):
        assert "out.csv: cannot be written: No space left" in str(caught.value)
    del caught
    error.__traceback__ = None
    gc.collect()  # what is left of the reader goes without a warning
    assert calls == [4, 4, 4]
    assert Path("out.csv").read_text() == "before"
    assert left() == ["in.csv", "out.csv", "run"]


def test_a_file_through_a_pipe_takes_no_memory(run, monkeypatch):
    """Far more rows than the memory that answering them takes."""
    monkeypatch.setattr(read_rows, "HEAD", 1 << 12)
    os.mkfifo("in.csv")
    count, row = 8_000, f'{"a fine film " * 40},"x\ny"\n'  # 4 MB

    def write():
        with Path("in.csv").open("w") as file:
            file.write("text,label\n")
            for _ in range(count):
                file.write(row)

    thread = threading.Thread(target=write)
    thread.start()
    tracemalloc.start()
    predict.main("fake", "in.csv", "out.jsonl", run)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    thread.join()
    assert peak < 1.5e6 < count * len(row)
    with Path("out.jsonl").open() as file:
        assert sum(json.loads(line)["length"] == 480 for line in file) == count


@pytest.mark.parametrize("packed", [False, True])
def test_how_much_of_a_long_file_was_read(tmp_path, monkeypatch, packed):
    monkeypatch.setattr(read_rows, "HEAD", 1 << 17)
    path = tmp_path / ("in.csv.gz" if packed else "in.csv")
    chance = np.random.default_rng(0)
    lines = (f"{number},é\n" for number in chance.integers(1e9, 1e10, 60_000))
    content = ("n,text\n" + "".join(lines)).encode("utf-16")
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    with path.open("rb") as file:
        rows = read_rows.read_rows(file, str(path), None, ["text"], "utf-8")
        shares = [rows.share() for _ in rows.each]
    assert shares[0] < 1e-3 and 0.9 < shares[-1] <= 1
    assert 0.4 < shares[30_000] < 0.6


def test_batches_are_smaller_where_texts_are_very_long(monkeypatch):
    monkeypatch.setattr(read_rows, "MAX_CHARACTERS", 100)
    sizes = [1] * 5 + [60] + [1] * 2 + [200, 1, 30, 30, 30, 30]
    rows = [SimpleNamespace(text="a" * size) for size in sizes]
    got = [[len(row.text) for row in batch] for batch in read_rows.batches(rows, 4)]
    assert got == [[1] * 4, [1], [60], [1, 1], [200], [1, 30, 30], [30, 30]]


def test_progress_is_shown_where_a_batch_takes_long(run, monkeypatch, capsys):
    monkeypatch.setattr(watching, "SILENT", 0.01)
    seen = threading.Event()

    def slow(texts):
        seen.wait(0.1)
        return answer(texts)

    made = Answerer(["length", "words"], ["text"], slow)
    monkeypatch.setattr(predict, "answerer", lambda *arguments: made)
    answered("text,n\n" + "a,1\n" * 8, batch=4)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Loading run/saved_model/1"
    bar = f"{'█' * 11}{'·' * 9}  59%  4 rows, "  # 23 of 39 characters
    assert any(line.startswith(bar) for line in lines)


@pytest.mark.parametrize("exported", ["word2vec"], indirect=True)
def test_standard_input_and_output_without_keras(exported):
    """A child process: only the rows are on the standard output."""
    recipe, run = exported
    code = "import runpy, sys; sys.argv[0] = 'predict'\n"
    code += "runpy.run_module('kit.predict', run_name='__main__', alter_sys=True)\n"
    code += "assert not {'keras', 'jax'} & set(sys.modules)"
    given, typed = [recipe, "-", "-", "--run", run], "fine\n\nnobody\n"
    child = python("-c", code, *given, folder=ROOT, written=typed, fresh=True)
    assert child.returncode == 0, child.stderr
    header, first, *rest = child.stdout.splitlines()
    assert header == "text\tneighbours\tcosines"
    assert first.startswith("fine\t") and rest == ["\t\t", "nobody\t\t"]
    said = child.stderr.splitlines()
    assert said[0] == f"Loading {run}/saved_model/1"
    told = "2 of 3 rows have no answer: 1 empty text, 1 not in the vocabulary"
    assert told in said and said[-1].startswith("3 rows in ")


@pytest.mark.parametrize(
    ("typed", "kind", "first"),
    [
        ("a b\n", ".txt", "a b"),
        ("other,words\n", ".txt", "other,words"),
        ("n;Text\n1;a b\n", ".csv", "a b"),
        ('"text"\ta\nx y\t1\n', ".tsv", "x y"),
        ('{"text": "a b"}\n', ".jsonl", "a b"),
    ],
)
def test_what_the_standard_input_holds(tmp_path, typed, kind, first):
    path = tmp_path / "typed"
    path.write_text(typed)
    with path.open("rb") as file:
        rows = read_rows.read_rows(file, "-", None, ["text"], "utf-8")
        assert (rows.kind, next(rows.each).text) == (kind, first)
