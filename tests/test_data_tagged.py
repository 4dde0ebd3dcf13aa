"""The reader of tagged sentences: formats, schemes of tags, parts, and bad input."""

import gzip
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import UserError
from data.plain import as_plain
from data.tagged import (
    Sentence,
    is_bio,
    read_tagged,
    split_off,
    to_iob2,
    write_tagged,
)

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("SHARED_DATA", ROOT / ".." / "shared" / "data"))
OWN = (0, 0)  # the format's own columns


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def folder_of(folder, train, test="", name="txt"):
    """A folder with the parts, whose sentences are all for training or test."""
    write(folder / f"train.{name}", train)
    write(folder / f"validation.{name}", test or train)
    write(folder / f"test.{name}", test or train)
    return folder


def sentences(count, tags=("B-PER", "O"), separator="\t"):
    """`count` different sentences of two tokens."""
    return "".join(
        f"Ann{n}{separator}{tags[0]}\nran{separator}{tags[1]}\n\n" for n in range(count)
    )


def train_of(path, columns=OWN):
    return read_tagged(path, None, columns, 0)[0]["train"]


def everything(path, columns=OWN):
    """All sentences of a file, whichever part they are in, in alphabetical order."""
    parts = read_tagged(path, None, columns, 0)[0]
    return sorted(sentence for part in parts.values() for sentence in part)


FILLER = sentences(10)
READ = [Sentence(["EU", "calls", "Ann"], ["B-ORG", "O", "B-PER"])]


@pytest.mark.parametrize(
    "content",
    [
        "EU\tB-ORG\ncalls\tO\nAnn\tB-PER\n\n",
        "EU B-ORG\ncalls O\nAnn B-PER\n\n",
        "EU   B-ORG\ncalls O\n Ann\xa0 \xa0B-PER \n\n".replace("\xa0", ""),
        "\ufeffEU\tB-ORG  \r\ncalls\tO\t\r\nAnn \t B-PER\r\n\r\n \t\r\n\r\n",
        "\n\n\nEU\tB-ORG\ncalls\tO\nAnn\tB-PER\n\n\n",
        "-DOCSTART-\tO\n\nEU\tB-ORG\ncalls\tO\nAnn\tB-PER\n\n",
        "# a comment\nEU\tB-ORG\n# two: of three columns\ncalls\tO\nAnn\tB-PER\n\n",
    ],
)
def test_forms_of_the_same_sentence(tmp_path, content, capsys):
    filler = FILLER if "\t" in content else FILLER.replace("\t", " ")
    path = folder_of(tmp_path / "mine", content + filler.removesuffix("\n\n"))
    train = train_of(path)
    assert train[:1] == READ and len(train) == 11
    assert train[-1] == Sentence(["Ann9", "ran"], ["B-PER", "O"])
    assert capsys.readouterr().out == ""


def test_spaces_belong_to_tokens_between_tabs_only(tmp_path):
    path = folder_of(tmp_path / "a", "New York\tB-LOC\ny\u2028 z\tO\n\n" + FILLER)
    assert train_of(path)[0].tokens == ["New York", "y\u2028 z"]
    path = folder_of(
        tmp_path / "b", "New\xa0York B-LOC\nis O\n\n" + FILLER.replace("\t", " ")
    )
    assert train_of(path)[0].tokens == ["New\xa0York", "is"]


def test_number_signs_are_tokens_where_they_can_be(tmp_path, capsys):
    for separator in "\t ":
        content = "# O\n#tag O\n\n# a comment here\n".replace(" O", f"{separator}O")
        content += sentences(10, separator=separator)
        path = folder_of(tmp_path / f"{ord(separator)}", content)
        assert train_of(path)[0] == Sentence(["#", "#tag"], ["O", "O"])
    assert capsys.readouterr().out == ""


CONLL_2003 = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC
call NN I-NP O
. . O O

Anna NNP I-NP I-PER
Paris NNP I-NP B-PER
Rome NNP I-NP I-LOC

"""
FILLER_2003 = "".join(
    "I-PER NNP I-NP I-PER\n" * n + f"Bob{n} NNP I-NP I-PER\n\n" for n in range(10)
)


def test_conll_2003(tmp_path, capsys):
    folder = folder_of(tmp_path, CONLL_2003 + FILLER_2003, "Ann NNP I-NP B-PER\n")
    parts, labels = read_tagged(folder, None, OWN, 0)
    assert [*parts] == ["train", "validation", "test"]
    first, second = parts["train"][:2]
    assert first == (
        ["EU", "rejects", "German", "call", "."],
        ["B-ORG", "O", "B-MISC", "O", "O"],
    )
    assert second.tags == ["B-PER", "B-PER", "B-LOC"]
    assert labels == ["O", "B-LOC", "B-MISC", "B-ORG", "B-PER", "I-PER"]
    message = "train.txt: read as IOB1: 14 tags I-X without a beginning became B-X\n"
    assert capsys.readouterr().out == message
    parts, labels = read_tagged(folder, None, (0, 2), 0)
    assert labels == [".", "JJ", "NN", "NNP", "VBZ"]
    assert parts["train"][0].tags == ["NNP", "VBZ", "JJ", "NN", "."]
    assert train_of(folder, (4, 3))[1] == (
        ["I-PER", "B-PER", "I-LOC"],
        ["B-NP", "I-NP", "I-NP"],
    )


def test_conll_2000(tmp_path, capsys):
    content = (
        "Confidence NN B-NP\nin IN B-PP\nthe DT B-NP\npound NN I-NP\nis VBZ B-VP\n\n"
    )
    content += "".join(f"word{n} NN B-NP\n. . O\n\n" for n in range(10))
    parts, labels = read_tagged(folder_of(tmp_path, content), None, OWN, 0)
    assert parts["train"][0].tags == ["B-NP", "B-PP", "B-NP", "I-NP", "B-VP"]
    assert labels == ["O", "B-NP", "B-PP", "B-VP", "I-NP"]
    assert capsys.readouterr().out == ""


def conllu(rows):
    return "".join("\t".join([*row, *"______"]) + "\n" for row in rows) + "\n"


CONLLU = "#newdoc\n# sent_id = 1\n# text = a\tb\n" + conllu(
    [
        ("1-2", "don't", "_", "_"),
        ("1", "do", "do", "AUX"),
        ("2", "n't", "not", "PART"),
        ("2.1", "go", "go", "VERB"),
        ("3", "#", "#", "_"),
        ("4", "New York", "New York", "PROPN"),
    ]
)
FILLER_U = "".join(conllu([("1", f"word{n}", f"{n}", "NOUN")]) for n in range(10))


@pytest.mark.parametrize("name", ["conllu", "txt"])
def test_conllu(tmp_path, name, capsys):
    folder = folder_of(tmp_path, CONLLU + FILLER_U, name=name)
    parts, labels = read_tagged(folder, None, OWN, 0)
    first = parts["train"][0]
    assert first.tokens == ["do", "n't", "#", "New York"]
    assert first.tags == ["AUX", "PART", "_", "PROPN"]
    assert labels == ["AUX", "NOUN", "PART", "PROPN"] and not is_bio(labels)
    assert train_of(folder, (3, 4))[0].tokens[1] == "not"
    assert len(parts["train"]) == 11 and capsys.readouterr().out == ""


def test_ten_columns_without_numbers_are_no_conllu(tmp_path):
    rows = "".join(f"x{n}" + "\ty" * 8 + f"\t{'AB'[n % 2]}\n\n" for n in range(10))
    folder = folder_of(tmp_path, rows)
    assert read_tagged(folder, None, OWN, 0)[1] == ["A", "B"]
    assert train_of(folder)[1] == (["x1"], ["B"])
    folder_of(tmp_path / "u", rows, name="conllu")
    with pytest.raises(UserError, match=r"the 10 columns of CoNLL-U, found 'x0\\ty"):
        read_tagged(tmp_path / "u", None, OWN, 0)


def test_tags_that_mark_no_chunks_stay_as_they_are(tmp_path, capsys):
    """As in sentence compression: `0` is no `O`."""
    content = "".join(f"w{n}\tB-DEL\nx\t0\ny\tI-DEL\n\n" for n in range(10))
    parts, labels = read_tagged(folder_of(tmp_path, content), None, OWN, 0)
    assert labels == ["0", "B-DEL", "I-DEL"] and not is_bio(labels)
    assert parts["train"][0].tags == ["B-DEL", "0", "I-DEL"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O B-A I-A O B-B", "O B-A I-A O B-B"),
        ("B-A B-A I-A", "B-A B-A I-A"),
        ("I-A I-A O I-B", "B-A I-A O B-B"),  # IOB1
        ("I-A B-A I-A I-B", "B-A B-A I-A B-B"),
        ("B-A I-B O I-A", "B-A B-B O B-A"),  # broken IOB2
        ("B-A I-A E-A S-A S-B O", "B-A I-A I-A B-A B-B O"),  # IOBES
        ("B-A E-A E-A I-A", "B-A I-A B-A B-A"),
        ("B-A I-A L-A U-A I-A", "B-A I-A I-A B-A B-A"),  # BILOU
        ("B-A M-A E-A", "B-A I-A I-A"),  # BMES
        ("B-A U-A B-B S-B", "B-A B-A B-B B-B"),
        ("I-A _ I-A X I-A", "B-A _ B-A X B-A"),
        ("B-a-b I-a-b I-a", "B-a-b I-a-b B-a"),
        ("", ""),
    ],
)
def test_iob2(tags, expected):
    assert to_iob2(tags.split()) == expected.split()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(["O", "_", *(f"{a}-{b}" for a in "BIESLUM" for b in "XY")])
    )
)
def test_iob2_is_valid_and_stays_as_it_is(tags):
    converted = to_iob2(tags)
    assert to_iob2(converted) == converted and len(converted) == len(tags)
    for before, tag in zip(["O", *converted], converted, strict=False):
        assert tag[0] in "OB_" or before in ("B" + tag[1:], tag)
    for old, new in zip(tags, converted, strict=True):
        assert old[1:] == new[1:]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["O", "B-PER", "I-PER"], True),
        (["B-PER"], True),
        (["O"], False),
        ([], False),
        (["O", "B-PER", "NOUN"], False),
        (["0", "B-DEL"], False),
        (["O", "S-PER"], False),
        (["O", "B-"], False),
    ],
)
def test_which_labels_are_bio(labels, expected):
    assert is_bio(labels) is expected


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("Jo\tI-PER\nLi\tB-PER\n", "read as IOB1: 11 tags I-X without a beginning"),
        ("Jo\tI-PER\nin\tO\nLi\tB-PER\n", ": 11 tags I-X without a beginning became"),
        ("Jo\tB-PER\nLi\tE-PER\n\nX\tS-LOC\n", "IOBES, BILOU or BMES: 2 tags E-, S-,"),
    ],
)
def test_schemes_are_said(tmp_path, capsys, first, said):
    filler = FILLER if "S-" in first else FILLER.replace("B-", "I-")
    folder = folder_of(tmp_path, first + "\n" + filler, FILLER)
    read_tagged(folder, None, OWN, 0)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and lines[0].startswith("train.txt: ") and said in lines[0]
    assert ("read as" in lines[0]) == ("read as" in said or "IOBES" in said)


def test_a_single_tag_is_said_in_the_singular(tmp_path, capsys):
    read_tagged(folder_of(tmp_path, "Jo\tI-PER\n\n" + FILLER, FILLER), None, OWN, 0)
    line = "train.txt: 1 tag I-X without a beginning became B-X\n"
    assert capsys.readouterr().out == line


def test_a_tag_that_is_no_label(tmp_path):
    content = "".join(f"it{n}\t_\n___\t{'a' if n % 2 else 'an'}\n\n" for n in range(10))
    parts, labels = read_tagged(folder_of(tmp_path, content), None, OWN, 0)
    assert labels == ["a", "an"]
    assert parts["train"][1] == (["it1", "___"], ["_", "a"])
    content = "Jo\tI-PER\nor\t_\nLi\tI-PER\n\n" + FILLER
    parts, labels = read_tagged(folder_of(tmp_path, content), None, OWN, 0)
    assert labels == ["O", "B-PER"]
    assert parts["train"][0].tags == ["B-PER", "_", "B-PER"]


def test_a_file_alone_becomes_three_parts(tmp_path):
    path = write(tmp_path / "mine.conll", sentences(100))
    parts, labels = read_tagged(path, None, OWN, 0)
    assert labels == ["O", "B-PER"]
    sizes = {name: len(part) for name, part in parts.items()}
    assert [*sizes.items()] == [("train", 72), ("validation", 8), ("test", 20)]
    assert len({s.tokens[0] for part in parts.values() for s in part}) == 100
    again, other = (read_tagged(path, None, OWN, seed)[0] for seed in (0, 1))
    assert again == parts and other["test"] != parts["test"]


def test_equal_sentences_stay_on_one_side():
    rows = [Sentence([f"w{n % 40}"], ["A" if n < 40 else "B"]) for n in range(100)]
    taken, left = split_off(rows, 0.3, 0)
    assert len(taken) + len(left) == 100
    assert len({s.tokens[0] for s in taken}) == 12
    assert not {s.tokens[0] for s in taken} & {s.tokens[0] for s in left}


@pytest.mark.parametrize(
    "names",
    [
        ("train.conll", "validation.conll", "test.conll"),
        ("train.conll", "dev.txt", "test.tsv", "LICENSE.txt", "train.log", "test.py"),
        ("train.tsv", "devel.tsv", "test.tsv", "train_dev.tsv"),
        ("train.txt", "valid.txt", "test.txt", "metadata_train.txt"),
        ("eng.train", "eng.testa", "eng.testb"),
        ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"),
        ("en-ud-train.conllu", "en-ud-dev.conllu", "en-ud-test.conllu"),
        ("trainset.bio", "my_val.iob", "Test.BIO", ".train.txt", "values.txt"),
    ],
)
def test_names_of_parts(tmp_path, names):
    for number, name in enumerate(names):
        first = f"first{number}"
        content = f"{first}\tB-A\n\n" + sentences(10)
        if name.endswith(".conllu"):
            content = conllu([("1", first, "_", "X")]) + FILLER_U
        write(tmp_path / name, content)
    (tmp_path / "train").mkdir()
    parts, _ = read_tagged(tmp_path, None, OWN, 0)
    firsts = {name: part[0].tokens[0] for name, part in parts.items()}
    assert firsts == {"train": "first0", "validation": "first1", "test": "first2"}


def test_further_test_parts(tmp_path):
    for name in ("train", "test", "test_chat", "test_by_hand"):
        write(tmp_path / f"{name}.conll", f"{name}\tB-PER\n\n{FILLER}")
    parts, _ = read_tagged(tmp_path, None, OWN, 0)
    names = ["train", "validation", "test", "test_by_hand", "test_chat"]
    assert [*parts] == names
    assert all(parts[name][0].tokens == [name] for name in names[2:])
    assert len(parts["train"]) + len(parts["validation"]) == 11


def test_a_test_file_replaces_that_of_the_folder(tmp_path):
    folder = folder_of(tmp_path / "mine", FILLER)
    other = write(tmp_path / "other.txt", "Ann\tB-PER\nran\tO\n")
    parts, _ = read_tagged(folder, other, OWN, 0)
    assert parts["test"] == [(["Ann", "ran"], ["B-PER", "O"])]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["eng.train", "ned.train"], "one file for train, found eng.train, ned.train"),
        (["train.txt", "train.conll"], "found train.conll, train.txt"),
        (["train.txt", "a.dev.txt", "b.dev.txt"], "for validation, found a.dev.txt, b"),
        (["notes.md", "contest.txt"], "train.conll, or a file with train in its name"),
        (["notes.md", "contest.txt"], "found: contest.txt, notes.md"),
        ([], "found: no files"),
    ],
)
def test_folders_that_are_not_clear(tmp_path, names, message):
    for name in names:
        write(tmp_path / name, FILLER)
    with pytest.raises(UserError) as caught:
        read_tagged(tmp_path, None, OWN, 0)
    assert message in str(caught.value) and str(tmp_path) in str(caught.value)


def test_packed_files_and_other_encodings(tmp_path):
    content = "Zoë\tB-PER\n\n" + FILLER
    for name, data in (
        ("train.conll.gz", gzip.compress(content.encode())),
        ("dev.conll", content.encode("utf-16")),
        ("test.conll", content.encode()),
    ):
        write(tmp_path / "mine" / name, data)
    path = as_plain(tmp_path / "mine", "utf-8", tmp_path / "plain")
    parts, _ = read_tagged(path, None, OWN, 0)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 11,
        "validation": 11,
        "test": 11,
    }
    assert {part[0].tokens[0] for part in parts.values()} == {"Zoë"}
    alone = as_plain(tmp_path / "mine/train.conll.gz", "utf-8", tmp_path / "plain")
    assert Sentence(["Zoë"], ["B-PER"]) in everything(alone)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("alone\n", "1 not 2 columns"),
        ("a\tb\tO\n", "1 not 2 columns"),
        ("\tO\n", "1 empty token"),
        ("  \tO\n", "1 empty token"),
        ("a\0\tO\n", "1 NUL byte"),
    ],
)
def test_skipped_rows_are_counted(tmp_path, capsys, bad, reason):
    path = write(tmp_path / "mine.conll", sentences(50) + "kept\tO\n" + bad)
    rows = everything(path)
    assert len(rows) == 51 and Sentence(["kept"], ["O"]) in rows
    message = f"skipped 1 of 102 rows of mine.conll: {reason}\n"
    assert capsys.readouterr().out == message
    write(path, sentences(49) + bad)
    with pytest.raises(UserError, match=f"1 of 99 rows of mine.conll: {reason}"):
        everything(path)


def test_an_empty_tag_between_columns_is_skipped(tmp_path, capsys):
    rows = "".join(f"Ann{n}\tB-PER\tx\nran\tO\tx\n\n" for n in range(50))
    path = write(tmp_path / "mine.conll", rows + "a\t\tx\n")
    assert len(everything(path, (1, 2))) == 50
    assert "1 empty tag" in capsys.readouterr().out


def test_longer_rows_are_read_by_number(tmp_path, capsys):
    """CoNLL-2012, for example, has one more column for each verb of the sentence."""
    content = "".join(f"d w{n} NN (S{n} *\nd x VB (S * *\n\n" for n in range(10))
    assert len(everything(write(tmp_path / "a.txt", content), (2, 3))) == 10
    assert capsys.readouterr().out == ""
    with pytest.raises(UserError, match="10 not 5 columns"):
        everything(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        ("", OWN, "expected tagged sentences, found an empty file"),
        (" \n\n\t\n", OWN, "found an empty file"),
        (b"caf\xe9\tO\n", OWN, "expected UTF-8 text, found byte 3, line 1"),
        ("# only\n# comments, three\n", OWN, "found '# only'"),
        ("-DOCSTART- -X- O O\n\n", OWN, "found '-DOCSTART- -X- O O'"),
        ("Sentence,Word,Tag\n1,EU,B-ORG\n", OWN, "found 'Sentence,Word,Tag'"),
        ("alone\n\ntokens\n", OWN, "a token and its tag a line, separated by a tab or"),
        ("# a\nEU X B-ORG\n", (4, 0), "--token-column 4: expected a column from 1 to "),
        ("# a\nEU X B-ORG\n", (4, 0), "1 to 3, the first row is 'EU X B-ORG'"),
        ("-DOCSTART- O\nEU O\n", (0, 9), "--tag-column 9: expected a column from 1 to"),
        ("-DOCSTART- O\nEU O\n", (0, 9), "1 to 2, the first row is 'EU O'"),
        ("#EU\tB-ORG\n", (0, -1), "--tag-column -1: expected a column from 1 to 2"),
        (FILLER, (2, 0), "different columns for --token-column and --tag-column, fo"),
        (sentences(12, "OO"), OWN, "two tags or more, found 'O'; --tag-column names"),
        (sentences(12, "__"), OWN, "found only `_`, which is no label; --tag-column"),
        (sentences(9), OWN, "expected 10 different sentences or more"),
        (FILLER.replace("\n\n", "\n"), OWN, "an empty line after each, found 1, 1 of"),
        ("a\tB\n\nb\tO\n\n" * 9, OWN, "found 2, 2 of them for training"),
        (conllu([("1.1", "x", "_", "X")]), OWN, "expected tagged sentences, found no"),
        (
            "".join(f"a\tb{n}\n\n" for n in range(1001)),
            OWN,
            "at most 1,000 different tags, found 1,001: probably another column holds "
            "them (--tag-column)",
        ),
    ],
)
def test_refused(tmp_path, content, columns, message):
    path = write(tmp_path / "mine.conll", content)
    with pytest.raises(UserError) as caught:
        read_tagged(path, None, columns, 0)
    assert message in str(caught.value) and "mine.conll" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_tables_are_refused(tmp_path, name):
    path = write(tmp_path / name, FILLER)
    with pytest.raises(UserError, match=r"as in CoNLL files, found a \.\w+ file"):
        read_tagged(path, None, OWN, 0)


def test_missing_files(tmp_path):
    with pytest.raises(UserError, match=r"mine\.conll: cannot be read: No such file"):
        read_tagged(tmp_path / "mine.conll", None, OWN, 0)
    path = write(tmp_path / "mine.conll", FILLER)
    with pytest.raises(UserError, match="Is a directory"):
        read_tagged(path, tmp_path, OWN, 0)


def test_tags_that_training_lacks_stay_and_are_said(tmp_path, capsys):
    test = "Ann\tB-PER\nto\tB-XY\nUlm\tB-LOC\n\nUlm\tB-LOC\n"
    parts, labels = read_tagged(folder_of(tmp_path, FILLER, test), None, OWN, 0)
    assert labels == ["O", "B-PER"]
    assert parts["test"][0].tags == ["B-PER", "B-XY", "B-LOC"]
    assert capsys.readouterr().out.splitlines() == [
        f"{name}: tags that training lacks (B-LOC, B-XY) count as wrong: 3 tokens"
        for name in ("validation", "test")
    ]


def test_a_part_without_any_known_tag_is_refused(tmp_path):
    folder = folder_of(tmp_path, FILLER, "Ann\tNOUN\nran\tVERB\n")
    wanted = r"validation\.txt: expected tags such as O, B-PER, found: NOUN, VERB"
    with pytest.raises(UserError, match=wanted):
        read_tagged(folder, None, OWN, 0)


def test_too_few_sentences_to_split_are_refused(tmp_path):
    write(tmp_path / "train.txt", sentences(2))
    write(tmp_path / "test.txt", FILLER)
    with pytest.raises(UserError, match="found 10, 2 of them for training"):
        read_tagged(tmp_path, None, OWN, 0)


def test_labels_of_an_earlier_run(tmp_path, capsys):
    content = sentences(20) + "Ulm\tB-LOC\nsays\tO\nBonn\tB-LOC\n\n"
    folder = folder_of(tmp_path / "a", content)
    earlier = ["O", "I-PER", "B-PER"]
    parts, labels = read_tagged(folder, None, OWN, 0, earlier)
    assert labels is earlier
    assert parts["train"][-1] == (["Ulm", "says", "Bonn"], ["_", "O", "_"])
    assert parts["test"][-1].tags == ["B-LOC", "O", "B-LOC"]
    lacking = "tags that the earlier run lacks (B-LOC)"
    assert capsys.readouterr().out.splitlines() == [
        f"train: {lacking} are left out: 2 tokens",
        f"validation: {lacking} count as wrong: 2 tokens",
        f"test: {lacking} count as wrong: 2 tokens",
    ]
    with pytest.raises(UserError, match="expected tags such as X, Y, found: B-LOC"):
        read_tagged(folder, None, OWN, 0, ["X", "Y"])


def test_unknown_tags_of_a_split_off_part_are_kept(tmp_path):
    rows = [f"Ann{n}\tB-PER\nUlm\tB-LOC\n\n" for n in range(20)]
    path = write(tmp_path / "mine.conll", "".join(rows))
    parts, _ = read_tagged(path, None, OWN, 0, ["O", "B-PER"])
    assert {tag for s in parts["train"] for tag in s.tags} == {"B-PER", "_"}
    assert {tag for s in parts["test"] for tag in s.tags} == {"B-PER", "B-LOC"}


def test_a_long_sentence_is_kept(tmp_path):
    content = FILLER + "word\tO\n" * 5000
    lengths = [len(s.tokens) for s in everything(write(tmp_path / "a.txt", content))]
    assert sorted(lengths)[-2:] == [2, 5000]


TOKENS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\t\n\r \ufeff"), min_size=1
).filter(lambda token: not token.startswith("-DOCSTART-"))  # begins a document


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(TOKENS, min_size=1), max_size=9))
def test_what_is_written_is_read(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("tagged")
    rows = [["x", f"{n}"] for n in range(10)] + drawn
    rows = [Sentence(tokens, ["A", *"B" * (len(tokens) - 1)]) for tokens in rows]
    for part in ("train", "validation", "test"):
        write_tagged(folder / f"{part}.conll", rows)
    assert train_of(folder) == rows


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text("\t\n\r\0 #-1.O_BI", max_size=300).map(str.encode),
    )
)
def test_any_bytes_give_sentences_or_one_line(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("tagged")
    for name, beginning in (("a.conllu", ""), ("b.conll", ""), ("c.txt", FILLER)):
        path = write(folder / name, beginning.encode() + content)
        try:
            everything(path)
        except UserError as error:
            assert "\n" not in str(error)


def test_the_sentences_by_hand_are_valid(capsys):
    path = ROOT / "data/people_handwritten.conll"
    rows = everything(path)
    assert len(rows) == 60 and capsys.readouterr().out == ""
    assert {tag for s in rows for tag in s.tags} == {"O"} | {
        f"{prefix}-{kind}" for prefix in "BI" for kind in ("PER", "LOC", "ORG")
    }
    tokens = [token for s in rows for token in s.tokens]
    assert not [t for t in tokens if re.search(r"\w[.,!?\"()]$|^[.,!?\"()]\w", t)]


COUNTS = {  # sentences and tokens of training, validation and test; labels
    "wnut17": ([(3394, 62730), (1009, 15733), (1287, 23394)], 13, True),
    "ud-english-ewt": ([(12544, 204577), (2001, 25147), (2077, 25094)], 17, False),
    "sentence-compression": (
        [(8000, 212842), (1000, 26609), (1000, 26888)],
        2,
        False,
    ),
}


@pytest.mark.parametrize("name", COUNTS)
def test_public_sets(name, tmp_path, capsys):
    if not (SHARED / name).is_dir():
        pytest.skip(f"needs the data sets in {SHARED}")
    folder = as_plain(SHARED / name, "utf-8", tmp_path)
    parts, labels = read_tagged(folder, None, OWN, 0)
    counts = [(len(p), sum(len(s.tokens) for s in p)) for p in parts.values()]
    assert (counts, len(labels), is_bio(labels)) == COUNTS[name]
    assert capsys.readouterr().out == ""  # nothing skipped, nothing converted
