"""Sentence pairs: every accepted file format, and a split that leaks nothing."""

import gzip
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import pairs
from data.errors import UserError
from data.pairs import PARTS, read_pairs, write_pairs
from data.plain import as_plain

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("SHARED_DATA", ROOT / ".." / "shared" / "data"))

PAIRS = [(f"sentence {n}", f"Satz {n}") for n in range(200)]


def tsv(rows, header=""):
    return header + "".join("\t".join(row) + "\n" for row in rows)


def written(folder, files):
    """Writes the files into the folder and returns the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def test_columns_of_numbers_are_passed_over(tmp_path, capsys):
    """As of Tatoeba's pairs; numbers alone on one side are what there is."""
    rows = [(str(n), s, str(7 * n), t) for n, (s, t) in enumerate(PAIRS)]
    path = written(tmp_path, {"a.tsv": tsv(rows)}) / "a.tsv"
    assert all_of(read_pairs(path)) == sorted(PAIRS)
    assert "a.tsv: reading columns 2 and 4" in capsys.readouterr().out
    sums = [(f"{n}+{n}", str(2 * n)) for n in range(99)]
    path = written(tmp_path, {"b.tsv": tsv(sums)}) / "b.tsv"
    assert all_of(read_pairs(path)) == sorted(sums)
    assert capsys.readouterr().out == ""


def all_of(parts):
    return sorted(pair for part in parts.values() for pair in part)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", tsv(PAIRS)),
        ("a.txt", tsv(PAIRS).removesuffix("\n")),
        ("a", "\ufeff" + tsv(PAIRS, "Source\tTARGET\n").replace("\n", "\r\n")),
        ("a.tsv", tsv([(t, "x", s) for s, t in PAIRS], "target\tid\t source \n")),
        ("a.tsv", tsv([(*pair, "CC-BY 2.0 (France)") for pair in PAIRS])),
        ("a.tsv", tsv([(f" {s} ", f"{t} ") for s, t in PAIRS]) + "\n\n"),
        ("a.csv", "Target,Source\n" + "".join(f"{t},{s}\n" for s, t in PAIRS)),
        (
            "a.jsonl",
            "".join(f'{{"source": "{s}", "target": "{t}"}}\n' for s, t in PAIRS),
        ),
    ],
)
def test_a_file(tmp_path, capsys, name, content):
    parts = read_pairs(written(tmp_path, {name: content}) / name)
    assert list(parts) == list(PARTS)
    assert all_of(parts) == sorted(PAIRS)
    assert [len(part) for part in parts.values()] == [170, 10, 20]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["fra.txt", "deep/er/fra.tsv"])
def test_a_zip_as_of_manythings(tmp_path, name):
    others = {"_about.txt": "about", "__MACOSX/._fra.txt": "\0", "deep/": ""}
    path = zipped(tmp_path / "fra-eng.zip", others | {name: tsv(PAIRS)})
    assert all_of(read_pairs(path)) == sorted(PAIRS)
    assert [file.name for file in tmp_path.iterdir()] == ["fra-eng.zip"]


def test_quotes_are_letters(tmp_path):
    rows = [*PAIRS, ('"Go!', "„Geh!“"), ('say "no"', 'sag "nein"')]
    path = written(tmp_path, {"a.tsv": tsv(rows)}) / "a.tsv"
    assert all_of(read_pairs(path)) == sorted(rows)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            *2 * [st.text(st.characters(codec="utf-8", exclude_characters="\0"))]
        ),
        min_size=1,
    )
)
def test_what_is_written_is_read(tmp_path_factory, rows):
    """Except for tabs, line breaks and the spaces around a text."""
    rows = [(f"{n} {s}", f"x {t}") for n, (s, t) in enumerate(rows)]
    path = tmp_path_factory.mktemp("pairs") / "any.tsv"
    write_pairs(path, rows + PAIRS)
    parts = read_pairs(path)

    def plain(row):
        return tuple("".join(text.split()) for text in row)

    rows_read = sorted(map(plain, all_of(parts)))
    assert rows_read == sorted(map(plain, rows + PAIRS))
    assert path.read_bytes().decode().count("\t") == len(rows + PAIRS) + 1


def test_further_columns_are_written(tmp_path):
    path = tmp_path / "a.tsv"
    write_pairs(path, [("a\tb", "c\r\nd\u2028e", "xx")], ("source", "target", "kind"))
    assert path.read_bytes() == b"source\ttarget\tkind\na b\tc d e\txx\n"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "A", "\u00df", "SS", "ss"]), st.integers())
    ),
    st.integers(0, 5),
    st.booleans(),
)
def test_no_source_stands_on_two_sides(tmp_path_factory, rows, seed, reverse):
    """Case, spaces and the order of the lines make no difference."""
    rows = [(f"x {a}{' ' * (n % 3)} {n % 7}", f"{a} {n % 50}") for a, n in rows]
    rows += PAIRS[:10]
    path = tmp_path_factory.mktemp("pairs") / "any.tsv"
    path.write_text(tsv(rows), encoding="utf-8")
    parts = read_pairs(path, reverse=reverse, seed=seed)
    expected = {pair[::-1] if reverse else pair for pair in rows}
    assert all_of(parts) == sorted(expected)  # each once
    sides = [{"".join(s.casefold().split()) for s, _ in parts[name]} for name in PARTS]
    assert not sides[0] & sides[1] and not sides[0] & sides[2]
    assert not sides[1] & sides[2] and all(sides)
    path.write_text(tsv(sorted(rows, reverse=True)), encoding="utf-8")
    again = read_pairs(path, reverse=reverse, seed=seed)
    assert all(sorted(again[name]) == sorted(parts[name]) for name in PARTS)


def test_the_split_is_by_the_source_of_the_direction(tmp_path):
    """Many sources share one target: with `reverse` they have the same source."""
    rows = [(f"way {n} of {n % 50}", f"Art {n % 50}") for n in range(1000)]
    path = written(tmp_path, {"a.tsv": tsv(rows)}) / "a.tsv"
    there, back = read_pairs(path), read_pairs(path, reverse=True)
    targets = [{target for _, target in there[name]} for name in PARTS]
    assert targets[0] & targets[1]  # only sources are kept apart
    sources = [{source for source, _ in back[name]} for name in PARTS]
    assert not sources[0] & (sources[1] | sources[2]) and not sources[1] & sources[2]
    assert [len(names) for names in sources] == [43, 2, 5]


def test_a_line_more_moves_few(tmp_path):
    rows = [(f"s {n}", f"t {n}") for n in range(2000)]
    path = written(tmp_path, {"a.tsv": tsv(rows)}) / "a.tsv"
    before = read_pairs(path)
    path.write_text(tsv([("new", "neu"), *rows]))
    after = read_pairs(path)
    for name in PARTS:
        assert len(set(before[name]) ^ set(after[name])) <= 4
    other = read_pairs(path, seed=1)
    assert len(set(other["test"]) & set(after["test"])) < 50  # of 200


def test_of_many_pairs_a_limited_number_is_held_out(tmp_path, monkeypatch):
    shares = {"test": (0.1, 30), "validation": (0.05, 20)}
    monkeypatch.setattr("data.pairs.HELD_OUT", shares)
    rows = [(f"s {n}", f"t {n}") for n in range(2000)]
    parts = read_pairs(written(tmp_path, {"a.tsv": tsv(rows)}) / "a.tsv")
    assert [len(parts[name]) for name in PARTS] == [1950, 20, 30]


def test_repeated_pairs_of_training_stay_once(tmp_path, capsys):
    path = written(tmp_path, {"a.tsv": tsv(PAIRS + PAIRS[:7])}) / "a.tsv"
    assert all_of(read_pairs(path)) == sorted(PAIRS)
    assert capsys.readouterr().out == "left out 7 of 207 pairs of a.tsv: repeated\n"
    # A test set that comes with the data stays as its authors made it.
    test = tsv([PAIRS[0]] * 3)
    folder = written(tmp_path / "b", {"train.tsv": tsv(PAIRS[1:]), "test.tsv": test})
    assert read_pairs(folder)["test"] == [PAIRS[0]] * 3


def test_a_folder_of_tables(tmp_path):
    files = {name: tsv([(f"{name} {n}", "x") for n in range(9)]) for name in PARTS}
    files = {f"{name}.tsv": text for name, text in files.items()}
    files |= {"test_novel.tsv": "new\tneu\n", "other.tsv": "\xff", "train.de": "x"}
    parts = read_pairs(written(tmp_path, files))
    assert list(parts) == [*PARTS, "test_novel"]
    for name in PARTS:
        assert parts[name] == [(f"{name} {n}", "x") for n in range(9)]
    assert parts["test_novel"] == [("new", "neu")]


@pytest.mark.parametrize("missing", ["validation", "test"])
def test_a_missing_part_is_split_off_from_training(tmp_path, missing):
    given = "test" if missing == "validation" else "validation"
    files = {"train.tsv": tsv(PAIRS), f"{given}.tsv": "new\tneu\n"}
    parts = read_pairs(written(tmp_path, files))
    assert parts[given] == [("new", "neu")]
    assert len(parts[missing]) == {"validation": 10, "test": 20}[missing]
    assert sorted(parts["train"] + parts[missing]) == sorted(PAIRS)


def test_a_test_file_is_the_test_part(tmp_path, capsys):
    written(tmp_path, {"a.tsv": tsv(PAIRS), "b.tsv": tsv([*PAIRS[:3], ("new", "neu")])})
    parts = read_pairs(tmp_path / "a.tsv", tmp_path / "b.tsv")
    assert parts["test"] == [*PAIRS[:3], ("new", "neu")]
    assert len(parts["train"]) == 190 and len(parts["validation"]) == 10
    seen = sum(pair in parts["train"] for pair in PAIRS[:3])
    message = f"{seen} of 4 test sources also occur in training\n"
    assert capsys.readouterr().out == message
    reverse = read_pairs(tmp_path / "a.tsv", tmp_path / "b.tsv", reverse=True)
    assert reverse["test"][-1] == ("neu", "new")


def lines(name, language, count):
    return "".join(f"{name} {language} {n}\n" for n in range(count))


@pytest.mark.parametrize("valid", ["val", "valid", "validation", "dev"])
def test_parallel_files(tmp_path, valid):
    sizes = {"train": 30, valid: 5, "test_2016_flickr": 4, "test_2017": 3}
    files = {
        f"{stem}.{language}": lines(stem, language, size)
        for stem, size in sizes.items()
        for language in ("en", "de")
    }
    files |= {"README.md": "no data", "train.txt": "no language"}
    parts = read_pairs(written(tmp_path, files))
    assert list(parts) == [*PARTS, "test_2017"]
    for name, (stem, size) in zip(parts, sizes.items(), strict=True):
        assert parts[name] == [
            (f"{stem} de {n}", f"{stem} en {n}") for n in range(size)
        ]
    reverse = read_pairs(tmp_path, reverse=True)
    assert reverse["test"][0] == ("test_2016_flickr en 0", "test_2016_flickr de 0")


def test_lines_end_at_line_feeds_alone(tmp_path):
    """Otherwise an unusual character would shift all following lines."""
    odd = "a\u2028b\x0bc\x85d"
    files = {
        "train.de": "".join(f"{n} {odd}\r\n" for n in range(20)),
        "train.zh-Hans": "".join(f"x {n}\n" for n in range(20)),
    }
    parts = read_pairs(written(tmp_path, files))
    numbers = {(s.split()[0], t.split()[1]) for s, t in all_of(parts)}
    assert numbers == {(str(n), str(n)) for n in range(20)}


def test_packed_files(tmp_path):
    """A packed and an unpacked one may stand beside each other; the latter counts."""
    packed = gzip.compress(lines("train", "de", 20).encode())
    files = {"train.de.gz": packed, "train.en": lines("train", "en", 20)}
    files |= {"val.de.gz": b"no gzip"} | {f"val.{x}": f"{x}\n" for x in ("de", "en")}
    folder = written(tmp_path / "mine", files)
    parts = read_pairs(as_plain(folder, "utf-8", tmp_path / "cache"))
    assert len(all_of(parts)) == 21
    assert ("train de 7", "train en 7") in all_of(parts)
    assert parts["validation"] == [("de", "en")]


TEN = tsv(PAIRS[:10])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected pairs of texts, found an empty file"),
        ("\n \n", "expected pairs of texts, found an empty file"),
        ("source\ttarget\n", "expected 10 different pairs or more, found 0"),
        (tsv(PAIRS[:9]), "expected 10 different pairs or more, found 9"),
        (tsv([PAIRS[0]] * 20), "expected 10 different pairs or more, found 1"),
        (
            tsv([("a", str(n)) for n in range(20)]),
            "3 different sources or more, found 1",
        ),
        ("one, two\n" * 20, "unusable 20 of 20 rows of mine.tsv: 20 without a tab"),
        (TEN + "no tab\n", "1 of 11 rows of mine.tsv: 1 without a tab"),
        (TEN + "\tx\n", "1 of 11 rows of mine.tsv: 1 empty source"),
        (TEN + "x\t \n", "1 of 11 rows of mine.tsv: 1 empty target"),
        (TEN + "x\0\tx\n", "1 of 11 rows of mine.tsv: 1 NUL byte"),
        (
            "x\ttarget\tsource\n" + TEN,
            "10 of 10 rows of mine.tsv: 10 without a tab",
        ),
        (
            tsv([(s, s) for s, _ in PAIRS[:60]] + PAIRS[60:110]),
            "translations, found both sides equal in 60 of 110 pairs",
        ),
        (
            TEN.encode() + b"caf\xe9\tx\n",
            "expected UTF-8 text, found byte 183, line 11: invalid",
        ),
        (TEN.encode("utf-16"), "expected UTF-8 text, found byte 0, line 1"),
    ],
)
def test_a_file_is_refused(tmp_path, content, message):
    path = written(tmp_path, {"mine.tsv": content}) / "mine.tsv"
    with pytest.raises(UserError) as caught:
        read_pairs(path)
    assert message in str(caught.value) and "mine.tsv" in str(caught.value)
    assert "\n" not in str(caught.value) and "\0" not in str(caught.value)


def test_skipped_lines_are_counted_and_reported(tmp_path, capsys):
    bad = "no tab\n\tx\n"
    path = written(tmp_path, {"mine.tsv": tsv(PAIRS) + bad}) / "mine.tsv"
    assert all_of(read_pairs(path)) == sorted(PAIRS)
    printed = capsys.readouterr().out
    assert printed == (
        "skipped 2 of 202 rows of mine.tsv: 1 without a tab, 1 empty source\n"
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "expected train.tsv, or train.XX and train.YY of two languages"),
        ({"a.csv": "x"}, "of two languages XX, YY, found: a.csv"),
        ({"train.de": "x\n"}, "of two languages XX, YY, found: train.de"),
        (
            {f"train.{x}": "x\n" for x in ("cs", "de", "en")},
            "found: train.cs, train.de, train.en",
        ),
        (
            {"train.de": "x\n" * 20, "train.en": "y\n" * 19},
            "train.en: expected 20 lines as in train.de, found 19",
        ),
        (
            {"train.de": "x\n" * 20, "train.en": "y\n" * 20 + "\n"},
            "train.en: expected 20 lines as in train.de, found 21",
        ),
        (
            {"train.de": "x\n", "train.en": "y\n", "val.de": "z\n"},
            "expected val.en, found none",
        ),
        (
            {"train.de": lines("x", "de", 20), "train.en": "\n" + lines("y", "y", 19)},
            "train.de: expected 99 % usable rows, found unusable 1 of 20 rows of "
            "train.de: 1 empty target",
        ),
        (
            {"train.tsv": tsv(PAIRS), "validation.tsv": "source\ttarget\n"},
            "expected pairs in every part, found none in validation",
        ),
    ],
)
def test_a_folder_is_refused(tmp_path, files, message):
    with pytest.raises(UserError) as caught:
        read_pairs(written(tmp_path, files))
    assert message in str(caught.value) and str(tmp_path) in str(caught.value)


def test_missing_files_are_named(tmp_path):
    path = written(tmp_path, {"a.tsv": tsv(PAIRS)}) / "a.tsv"
    with pytest.raises(UserError, match=r"b\.tsv: cannot be read: No such file"):
        read_pairs(tmp_path / "b.tsv")
    with pytest.raises(UserError, match=r"b\.tsv: cannot be read: No such file"):
        read_pairs(path, tmp_path / "b.tsv")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_pairs(path, tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"_about.txt": "x"}, "expected one .txt or .tsv, found none"),
        ({"a.txt": "x", "b.txt": "y"}, "expected one .txt or .tsv, found a.txt, b.txt"),
        ({"../train.png": "x"}, "found none"),
    ],
)
def test_another_zip_is_refused(tmp_path, files, message):
    with pytest.raises(UserError, match=r"a\.zip: ") as caught:
        read_pairs(zipped(tmp_path / "a.zip", files))
    assert message in str(caught.value)


def test_damaged_zips_are_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.txt": tsv(PAIRS)})
    whole = path.read_bytes()
    for broken in (whole[:-30], whole[:60] + b"\0\0\0\0" + whole[64:], b"PK"):
        path.write_bytes(broken)
        with pytest.raises(UserError, match=r"a\.zip: expected a whole archive, found"):
            read_pairs(path)


def test_nothing_is_written_whatever_the_names_in_a_zip(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = zipped(inner / "a.zip", {"../../evil.txt": tsv(PAIRS)})
    assert all_of(read_pairs(path)) == sorted(PAIRS)  # read in memory, not extracted
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("name", ["a.zip", "a.tsv"])
def test_bombs_are_refused(tmp_path, monkeypatch, name):
    content = tsv(PAIRS).encode()
    path = tmp_path / name
    if name == "a.zip":
        zipped(path, {"a.txt": content})
    else:
        path.write_bytes(content)
    monkeypatch.setattr(pairs, "MAX_TEXT", len(content))
    assert all_of(read_pairs(path)) == sorted(PAIRS)
    monkeypatch.setattr(pairs, "MAX_TEXT", len(content) - 1)
    with pytest.raises(
        UserError, match=f"at most {len(content) - 1} bytes, found more"
    ):
        read_pairs(path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_pairs_or_one_line(tmp_path_factory, content):
    for name in ("any.tsv", "any.zip"):
        path = tmp_path_factory.mktemp("pairs") / name
        path.write_bytes(TEN.encode() + content if name == "any.tsv" else content)
        try:
            read_pairs(path)
        except UserError as error:
            assert "\n" not in str(error)


@pytest.mark.skipif(
    not (SHARED / "fra-eng").is_dir(), reason=f"needs the data sets in {SHARED}"
)
@pytest.mark.parametrize("reverse", [False, True])
def test_fra_eng(reverse):
    parts = read_pairs(SHARED / "fra-eng/fra-eng.zip", reverse=reverse)
    sizes = [len(part) for part in parts.values()]
    assert sum(sizes) == 142_782  # 142,787 lines, five of them repeated
    sources = {
        name: {" ".join(source.casefold().split()) for source, _ in pairs}
        for name, pairs in parts.items()
    }
    count = sum(map(len, sources.values()))
    assert len(sources["validation"]) == 2000
    assert len(sources["test"]) == min(10_000, round(0.1 * count))
    assert not sources["train"] & sources["test"]
    assert not sources["train"] & sources["validation"]
    pair = ("Go.", "Va !")
    pair = pair[::-1] if reverse else pair
    assert any(pair in part for part in parts.values())


@pytest.mark.skipif(
    not (SHARED / "multi30k").is_dir(), reason=f"needs the data sets in {SHARED}"
)
def test_multi30k(capsys, tmp_path):
    parts = read_pairs(as_plain(SHARED / "multi30k", "utf-8", tmp_path))
    sizes = {name: len(part) for name, part in parts.items()}
    assert sizes == {"train": 28_997, "validation": 1014, "test": 1000}
    source, target = parts["test"][0]
    assert source.startswith("Ein Mann mit einem orangefarbenen Hut")
    assert target.startswith("A man in an orange hat")
    assert "left out 3 of 29000 pairs" in capsys.readouterr().out
