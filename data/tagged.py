"""Sentences with a tag for each token, in a file or a folder, as training, validation
and test parts."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.errors import UserError
from data.parts import PARTS
from data.tables import decoded, report_skipped

NO_LABEL = "_"  # the tag of a token that is neither trained nor counted
MIN_SENTENCES = 10
MAX_LABELS = 1000
TABLES = (".csv", ".json", ".jsonl", ".parquet")
ENDINGS = (".conll", ".conllu", ".txt", ".tsv", ".iob", ".bio", ".annotated", "")
# Words in the names of public sets: eng.testa, emerging.dev.conll, wnut17train.conll.
PART_OF = {
    "train": "train",
    **dict.fromkeys(("validation", "valid", "val", "dev", "devel"), "validation"),
    "testa": "validation",
    "test": "test",
    "testb": "test",
}
WORD = re.compile(r"(?<![a-z])(?:" + "|".join(PART_OF) + r")(?![a-z])")
CONLLU_COLUMNS = 10
CONLLU_ID = re.compile(r"\d+([-.]\d+)?")
TAG = re.compile(r"([BIESLUM])-(.+)", re.DOTALL)  # of a chunk, such as an entity


class Sentence(NamedTuple):
    tokens: list[str]
    tags: list[str]  # one of each token; `_` is no label


def read_tagged(
    data: Path,
    test_data: Path | None,
    columns: tuple[int, int],
    seed: int,
    labels: list[str] | None = None,
) -> tuple[dict[str, list[Sentence]], list[str]]:
    """Returns the sentences of each part, and the labels: `O` first, the others sorted.

    A file is in one of two formats. An empty line ends a sentence.

    - CoNLL columns: a token a line, its columns separated by tabs or by spaces, as in
      CoNLL-2003. Lines that begin with `-DOCSTART-` are no tokens, and neither are
      lines that begin with `# ` if their number of columns is not that of the others.
    - CoNLL-U, which is recognized by the ending `.conllu` or by its ten columns.
      Comments, ranges such as 1-2 and empty nodes such as 1.1 are no tokens.

    A folder contains a file for training, and optionally one for validation and one for
    test. They are named `train`, `validation` and `test`, and any `test_NAME` is a
    further part; or they have names of public sets, such as `eng.testa`,
    `en_ewt-ud-dev.conllu` or `wnut17train.conll`.

    A missing part is split off from training: a fifth for test, then a tenth of the
    rest for validation, by whole sentences, with equal sentences in the same part.

    If all tags of training are `O` or have a prefix, as in `B-PER`, they mark chunks,
    and the tags of all parts become IOB2 (see `to_iob2`). A token with the tag `_` has
    no label.

    Args:
        data: A file or a folder as above.
        test_data: A file for the part `test`, or `None`.
        columns: Numbers of the columns of tokens and tags, counted from 1. 0: the
            format's own, which is the first and the last column, or in CoNLL-U `FORM`
            and `UPOS`.
        seed: Random seed of the split.
        labels: Those of an earlier run; `None`: the tags of the training part.

    Tags that are not in `labels` stay in the other parts, but become `_` in training,
    where they occur only if `labels` are given. Their number is printed.

    Raises `UserError` for a file that is missing, not UTF-8 or without columns; a
    column that it does not have; over 1 % of the rows with too few columns or an empty
    token; fewer than 10 different sentences in all or fewer than two labels in
    training, more than 1,000 labels; a file without any known tag.
    """
    files = _files_of_parts(data) if data.is_dir() else {"train": data}
    if test_data:
        files["test"] = test_data
    files = _ordered(files)
    parts = {name: _read_file(path, columns) for name, path in files.items()}
    tags = {tag for sentence in parts["train"] for tag in sentence.tags} - {NO_LABEL}
    if _are_chunks(tags):
        parts = {name: _as_iob2(part, files[name]) for name, part in parts.items()}
        tags = {tag for sentence in parts["train"] for tag in sentence.tags}
    lacking = "the earlier run lacks" if labels else "training lacks"
    if labels is None:
        labels = sorted(tags - {NO_LABEL}, key=lambda tag: (tag != "O", tag))
        _check_labels(labels, files["train"])
    for name, part in parts.items():
        _check_known(part, labels, files[name])
    _check_count(parts, data)
    for name, share in (("test", 0.2), ("validation", 0.1)):
        if name not in parts:
            parts[name], parts["train"] = split_off(parts["train"], share, seed)
    parts = _ordered(parts)
    for name, part in parts.items():
        if unknown := _unknown(part, labels):
            shown = ", ".join(sorted(tag[:40] for tag in unknown)[:12])
            use = "are left out" if name == "train" else "count as wrong"
            count = _number(unknown.total(), "token")
            print(f"{name}: tags that {lacking} ({shown}) {use}: {count}")
            if name == "train":
                parts[name] = _known(part, labels)
    return parts, labels


def is_bio(labels: Iterable[str]) -> bool:
    """Whether labels mark chunks in IOB2: all are `O`, `B-X` or `I-X`, not all `O`."""
    others = set(labels) - {"O"}
    return bool(others) and all(re.match("[BI]-.", label) for label in others)


def to_iob2(tags: Iterable[str]) -> list[str]:
    """Returns the tags of a sentence as IOB2, in which every chunk begins with `B-`.

    IOB1 has `B-` only between adjacent chunks of a type. IOBES has `S-` for a chunk of
    one token and `E-` for the last of several; BILOU names these `U-` and `L-`; BMES
    has `M-` instead of `I-`. Other tags do not change and end a chunk.
    """
    converted = []
    inside = None  # the type of the chunk that goes on
    for tag in tags:
        match = TAG.fullmatch(tag)
        if not match:
            converted.append(tag)
            inside = None
            continue
        prefix, chunk = match.groups()
        begins = prefix in "BSU" or chunk != inside
        converted.append(f"{'B' if begins else 'I'}-{chunk}")
        inside = None if prefix in "ELSU" else chunk
    return converted


def split_off(
    sentences: list[Sentence], share: float, seed: int
) -> tuple[list[Sentence], list[Sentence]]:
    """Splits off a share of the different sentences; equal ones stay on one side."""
    keys = [tuple(sentence.tokens) for sentence in sentences]
    different = list(dict.fromkeys(keys))
    order = np.random.default_rng(seed).permutation(len(different))
    count = max(1, round(share * len(different)))
    chosen = {different[index] for index in order[:count]}
    taken, left = [], []
    for key, sentence in zip(keys, sentences, strict=True):
        (taken if key in chosen else left).append(sentence)
    return taken, left


def write_tagged(path: Path, sentences: Iterable[Sentence]) -> None:
    """Writes a token, a tab and its tag a line, and an empty line after a sentence."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for tokens, tags in sentences:
            rows = zip(tokens, tags, strict=True)
            file.write("".join(f"{token}\t{tag}\n" for token, tag in rows) + "\n")


def _ordered(parts: dict) -> dict:
    """Training, validation, test, then the others."""
    return {name: parts[name] for name in PARTS if name in parts} | parts


def _files_of_parts(folder: Path) -> dict[str, Path]:
    """The file of each part: by `train`, `test_NAME` ..., else by words in its name."""
    found: dict[str, list[Path]] = {}
    files, paths = {}, sorted(path for path in folder.iterdir() if path.is_file())
    for path in paths:
        name = path.name.lower()
        ending = path.suffix.lower()
        is_text = ending in ENDINGS or ending[1:] in PART_OF
        if name.startswith(".") or not is_text:
            continue
        if path.stem.startswith("test_"):
            found.setdefault(path.stem, []).append(path)
            continue
        named = {PART_OF[word] for word in WORD.findall(name)}
        if not named and "train" in name:
            named = {"train"}  # as in `trainset.txt`
        if len(named) == 1:  # not in `train_dev.tsv`
            found.setdefault(named.pop(), []).append(path)
    for part, candidates in found.items():
        exact = [path for path in candidates if path.stem == part]
        if len(exact or candidates) > 1:
            names = ", ".join(path.name[:40] for path in candidates[:12])
            raise UserError(f"{folder}: expected one file for {part}, found {names}")
        files[part] = (exact or candidates)[0]
    if "train" not in files:
        names = ", ".join(path.name[:40] for path in paths[:12]) or "no files"
        raise UserError(
            f"{folder}: expected train.conll, or a file with train in its name and an "
            f"ending such as .conllu, .txt or .tsv; found: {names}"
        )
    return files


def _read_file(path: Path, columns: tuple[int, int]) -> list[Sentence]:
    lines = _lines(path)
    separator, usual = _layout(lines, path)
    is_conllu = usual == CONLLU_COLUMNS and _has_ids(lines, separator)
    if path.suffix.lower() == ".conllu" and not is_conllu:
        wanted = f"expected the {CONLLU_COLUMNS} columns of CoNLL-U"
        raise UserError(f"{path}: {wanted}, found {_first_row(lines)}")
    defaults = (2, 4) if is_conllu else (1, usual)
    places = [given or own for given, own in zip(columns, defaults, strict=True)]
    _check_columns(places, usual, lines, path)
    # The last column is where it is expected only in a row of the usual length.
    exact = is_conllu or columns[1] == 0
    sentences, skipped, kept = [], Counter(), 0
    tokens: list[str] = []
    tags: list[str] = []
    for line in [*lines, ""]:
        if not line:
            if tokens:
                sentences.append(Sentence(tokens, tags))
                kept += len(tokens)
                tokens, tags = [], []
            continue
        row = _columns(line, separator)
        if is_conllu and (line[0] == "#" or re.fullmatch(r"\d+[-.]\d+", row[0])):
            continue
        if _is_start(line) or (line.startswith("# ") and len(row) != usual):
            continue
        if len(row) < max(places) or (exact and len(row) != usual):
            skipped[f"not {usual} columns"] += 1
            continue
        token, tag = (row[place - 1] for place in places)
        if not token:
            skipped["empty token"] += 1
        elif not tag:
            skipped["empty tag"] += 1
        elif "\0" in token + tag:
            skipped["NUL byte"] += 1
        else:
            tokens.append(token)
            tags.append(tag)
    report_skipped(path, kept, skipped)
    if not sentences:
        raise UserError(f"{path}: expected tagged sentences, found no tokens")
    return sentences


def _lines(path: Path) -> list[str]:
    """The lines of a file without spaces, tabs and carriage returns at their ends."""
    if path.suffix.lower() in TABLES:
        wanted = "expected a token and its tag a line, as in CoNLL files"
        raise UserError(f"{path}: {wanted}, found a {path.suffix} file")
    try:
        text = decoded(path.read_bytes(), path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if not text.strip():
        raise UserError(f"{path}: expected tagged sentences, found an empty file")
    # Not `splitlines`: a token may be, or contain, another separator, such as U+2028.
    return [line.rstrip(" \t\r") for line in text.split("\n")]


def _layout(lines: list[str], path: Path) -> tuple[str, int]:
    """The separator of columns, and the usual number of columns."""
    rows = _rows(lines)
    separator = "\t" if 2 * sum("\t" in line for line in rows) > len(rows) else " "
    if separator == "\t":
        counts = Counter(line.count("\t") + 1 for line in rows)
    else:
        counts = Counter(len(_columns(line, separator)) for line in rows)
    usual = counts.most_common(1)[0][0] if counts else 0
    if usual < 2:
        wanted = "expected a token and its tag a line, separated by a tab or spaces"
        raise UserError(f"{path}: {wanted}, found {_first_row(lines)}")
    return separator, usual


def _rows(lines: list[str]) -> list[str]:
    """The lines that are neither empty nor, by their beginning, no tokens."""
    return [x for x in lines if x and not _is_start(x) and not x.startswith("# ")]


def _first_row(lines: list[str]) -> str:
    rows = _rows(lines) or [line for line in lines if line]
    return repr(rows[0][:60])


def _is_start(line: str) -> bool:
    """Whether a line begins a document of CoNLL-2003."""
    return line.startswith("-DOCSTART-")


def _columns(line: str, separator: str) -> list[str]:
    """The columns of a row; between tabs they may be empty, between spaces not."""
    fields = [field.strip(" ") for field in line.split(separator)]
    return fields if separator == "\t" else [field for field in fields if field]


def _has_ids(lines: list[str], separator: str) -> bool:
    """Whether the first column has the numbers of CoNLL-U, as far as 100 rows tell."""
    rows = [line for line in _rows(lines)[:100] if line[0] != "#"]
    return all(CONLLU_ID.fullmatch(_columns(line, separator)[0]) for line in rows)


def _check_columns(places: list[int], usual: int, lines: list[str], path: Path) -> None:
    for place, option in zip(places, ("--token-column", "--tag-column"), strict=True):
        if not 1 <= place <= usual:
            raise UserError(
                f"{path}: {option} {place}: expected a column from 1 to {usual}, the "
                f"first row is {_first_row(lines)}"
            )
    if places[0] == places[1]:
        wanted = "expected different columns for --token-column and --tag-column"
        raise UserError(f"{path}: {wanted}, found {places[0]} for both")


def _are_chunks(tags: set[str]) -> bool:
    """Whether tags mark chunks in any of the schemes that `to_iob2` reads."""
    others = tags - {"O"}
    return bool(others) and all(TAG.fullmatch(tag) for tag in others)


def _as_iob2(sentences: list[Sentence], path: Path) -> list[Sentence]:
    """`to_iob2` of all sentences; prints the scheme and how many tags changed."""
    # Many sentences have the same tags.
    counts = Counter(tuple(tags) for _, tags in sentences)
    iob2_of = {tags: to_iob2(tags) for tags in counts}
    begun = renamed = 0  # I-X that became B-X; tags with a prefix of another scheme
    is_iob1 = True  # B-X only after a token of the same type
    for old, times in counts.items():
        for place, (tag, iob2) in enumerate(zip(old, iob2_of[old], strict=True)):
            renamed += times * (TAG.fullmatch(tag) is not None and tag[0] not in "BI")
            begun += times * (tag[0] == "I" and iob2[0] == "B")
            before = old[place - 1][1:] if place else ""
            is_iob1 &= tag[:2] != "B-" or tag[1:] == before
    converted = [
        Sentence(tokens, [*iob2_of[tuple(tags)]]) for tokens, tags in sentences
    ]
    without = f"{_number(begun, 'tag')} I-X without a beginning became B-X"
    if renamed:
        prefixes = f"{_number(renamed, 'tag')} E-, S-, L-, U- or M- became B- or I-"
        print(f"{path.name}: read as IOBES, BILOU or BMES: {prefixes}")
    elif begun:
        print(f"{path.name}: {'read as IOB1: ' if is_iob1 else ''}{without}")
    return converted


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _check_labels(labels: list[str], path: Path) -> None:
    if len(labels) < 2:
        found = repr(labels[0][:40]) if labels else "only `_`, which is no label"
        raise UserError(
            f"{path}: expected two tags or more, found {found}; --tag-column names "
            f"another column"
        )
    if len(labels) > MAX_LABELS:
        raise UserError(
            f"{path}: expected at most {MAX_LABELS:,} different tags, found "
            f"{len(labels):,}: probably another column holds them (--tag-column)"
        )


def _check_known(part: list[Sentence], labels: list[str], path: Path) -> None:
    tags = {tag for sentence in part for tag in sentence.tags} - {NO_LABEL}
    if not tags & set(labels):
        wanted = ", ".join(label[:40] for label in labels[:12])
        found = ", ".join(sorted(tag[:40] for tag in tags)[:12]) or "only `_`"
        raise UserError(f"{path}: expected tags such as {wanted}, found: {found}")


def _unknown(part: list[Sentence], labels: list[str]) -> Counter:
    """How often each tag that is not in `labels` occurs."""
    known = {*labels, NO_LABEL}
    tags = (tag for sentence in part for tag in sentence.tags)
    return Counter(tag for tag in tags if tag not in known)


def _known(part: list[Sentence], labels: list[str]) -> list[Sentence]:
    """The sentences with `_` instead of tags that are not in `labels`."""
    known = set(labels)
    return [
        Sentence(tokens, [tag if tag in known else NO_LABEL for tag in tags])
        for tokens, tags in part
    ]


def _check_count(parts: dict[str, list[Sentence]], data: Path) -> None:
    different = {tuple(s.tokens) for part in parts.values() for s in part}
    in_training = len({tuple(sentence.tokens) for sentence in parts["train"]})
    if len(different) < MIN_SENTENCES or in_training < 3:
        found = f"found {len(different)}, {in_training} of them for training"
        raise UserError(
            f"{data}: expected {MIN_SENTENCES} different sentences or more, with an "
            f"empty line after each, {found}"
        )


def pieces(sentences: list[Sentence], most: int, name: str) -> list[Sentence]:
    """Cuts sentences of more than `most` tokens into pieces, and says how many of the
    part `name` were cut."""
    cut = [
        Sentence(tokens[start : start + most], tags[start : start + most])
        for tokens, tags in sentences
        for start in range(0, len(tokens), most)
    ]
    if count := sum(len(sentence.tokens) > most for sentence in sentences):
        print(f"{name}: {count:,} with more than {most} tokens are cut in pieces")
    return cut
