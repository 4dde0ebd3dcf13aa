"""Sentence pairs in a file or a folder, as training, validation and test parts."""

import hashlib
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from data.errors import UserError
from data.parts import PARTS
from data.tables import decoded, read_table, report_skipped

HELD_OUT = {"test": (0.1, 10_000), "validation": (0.05, 2_000)}  # share, maximum
MIN_PAIRS = 10
MAX_TEXT = 10**9  # bytes unpacked: a few MB can claim to hold petabytes
COLUMNS = ("source", "target")
TABLES = (".csv", ".jsonl", ".parquet")  # with these columns: see `read_table`
PARALLEL = re.compile(
    r"(train|val|valid|validation|dev|test\w*)"
    r"\.(?!csv|tsv|txt)([a-z]{2,3}(?:[-_]\w+)?)"
)

Pairs = list[tuple[str, str]]


def read_pairs(
    path: str | Path,
    test_path: str | Path | None = None,
    reverse: bool = False,
    seed: int = 0,
) -> dict[str, Pairs]:
    """Returns the pairs `(source, target)` of each part, in the order of the files.

    - A TSV file: one pair per line, without quoting. If a header names `source` and
      `target` (in any case), these columns are read, otherwise the first two. It may be
      the only text in a `.zip` such as `fra-eng.zip` from
      http://www.manythings.org/anki, English first (its contents grow, so it has no
      fixed hash to download it by). Columns of numbers, such as those of Tatoeba's
      `number, text, number, text`, are passed over.
    - A CSV, JSON Lines or Parquet file with columns `source` and `target`.
    - A folder with `train.tsv`, optionally `validation.tsv`, `test.tsv` and any
      `test_NAME.tsv`.
    - A folder with one file for each of two languages, the same sentence in the same
      line: `train.de` and `train.en`, optionally `val.de` ..., `test_2016_flickr.de`
      ... The alphabetically first language is the source. The first of several test
      sets becomes `test`, the others keep their names.

    A missing part is split off from training: a tenth of the sources for test, at most
    10,000, and a twentieth for validation, at most 2,000, chosen by a hash of the
    source, in which case and spaces are ignored. Pairs with the same source stay
    together, and the order of the lines does not matter. Repeated pairs in training are
    removed.

    Args:
        path: A file or folder as above.
        test_path: A TSV file for the part `test`, or `None`.
        reverse: Swaps source and target before the split.
        seed: Random seed of the split.

    Returns at least `train`, `validation` and `test`, none of them empty.
    Raises `UserError` for a file that is missing, not UTF-8, or truncated; over 1 % of
    the lines without a tab or with an empty side; parallel files of unequal length;
    fewer than 10 pairs; equal sides in more than half of the pairs.
    """
    path = Path(path)
    try:
        parts = _read_folder(path) if path.is_dir() else {"train": _read_file(path)}
        own = "test" not in parts and not test_path
        if test_path:
            parts["test"] = _read_file(Path(test_path))
    except OSError as error:
        name = error.filename or path
        raise UserError(f"{name}: cannot be read: {error.strerror}") from None
    if reverse:
        parts = {name: [(t, s) for s, t in pairs] for name, pairs in parts.items()}
    parts["train"] = _once(parts["train"], path)
    _check(parts, path)
    count = len(_sources(parts["train"]))
    for part, (share, max_count) in HELD_OUT.items():
        if part not in parts:
            taken = min(max(1, round(share * count)), max_count)
            parts[part], parts["train"] = _split_off(parts["train"], taken, seed)
    if not own:
        _report_seen(parts)
    return {name: parts[name] for name in PARTS} | parts


def write_pairs(
    path: Path, rows: Iterable[tuple[str, ...]], columns: tuple[str, ...] = COLUMNS
) -> None:
    """Writes a TSV file with a header; tabs and line breaks in texts become spaces."""
    lines = ("\t".join(map(_one_line, row)) for row in (columns, *rows))
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def _one_line(text: str) -> str:
    return " ".join(text.replace("\t", " ").splitlines())


def _read_file(path: Path) -> Pairs:
    if path.suffix.lower() in TABLES:
        rows, _ = read_table(path, COLUMNS)
        return [(source.strip(), target.strip()) for source, target in rows]
    lines = _lines(path)
    header = [name.strip().casefold() for name in lines[0].split("\t")]
    named = set(COLUMNS) <= set(header)
    rows = [line.split("\t") for line in lines[named:] if line.strip()]
    places = [header.index(name) for name in COLUMNS] if named else _texts(rows, path)
    enough = max(places) + 1
    return _usable(
        ([row[p] for p in places] if len(row) >= enough else None for row in rows), path
    )


def _texts(rows: list[list[str]], path: Path) -> list[int]:
    """The first two columns, or if there are more, the first two that hold texts.

    Tatoeba's pairs, for example, are `number, text, number, text`.
    """
    sample = rows[:1000]
    width = min(map(len, sample))
    texts = [
        place
        for place in range(width)
        if not all(row[place].strip().isdigit() for row in sample)
    ]
    if len(texts) < 2 or texts[:2] == [0, 1]:
        return [0, 1]
    print(f"{path.name}: reading columns {texts[0] + 1} and {texts[1] + 1}")
    return texts[:2]


def _read_folder(folder: Path) -> dict[str, Pairs]:
    if (folder / "train.tsv").is_file():
        names = [folder / "train.tsv", folder / "validation.tsv"]
        names += sorted(folder.glob("test*.tsv"))
        return {path.stem: _read_file(path) for path in names if path.is_file()}
    parts = {}
    for part, (source, target) in _parallel(folder).items():
        lines = _lines(source), _lines(target)
        if len(lines[0]) != len(lines[1]):
            wanted = f"expected {len(lines[0])} lines as in {source.name}"
            raise UserError(f"{target}: {wanted}, found {len(lines[1])}")
        parts[part] = _usable(zip(*lines, strict=True), source)
    return parts


def _parallel(folder: Path) -> dict[str, tuple[Path, Path]]:
    """The source and target file of each part."""
    files_of: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if (match := PARALLEL.fullmatch(path.name)) and path.is_file():
            files_of.setdefault(match[1], {})[match[2]] = path
    languages = sorted(files_of.get("train", {}))
    if len(languages) != 2:
        names = sorted(path.name for path in folder.iterdir())
        names = ", ".join(name[:40] for name in names[:12]) or "nothing"
        wanted = "expected train.tsv, or train.XX and train.YY of two languages XX, YY"
        raise UserError(f"{folder}: {wanted}, found: {names}")
    parts, tests = {}, [name for name in sorted(files_of) if name.startswith("test")]
    for stem in ("train", "validation", "valid", "val", "dev", *tests):
        if files_of.get(stem, {}).keys() & set(languages):
            for language in languages:
                if language not in files_of[stem]:
                    raise UserError(f"{folder}: expected {stem}.{language}, found none")
            files = tuple(files_of[stem][language] for language in languages)
            kind = "test" if stem in tests else "validation"
            part = stem if stem == "train" or kind in parts else kind
            parts[part] = files
    return parts


def _lines(path: Path) -> list[str]:
    try:
        content = _content(path)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UserError(f"{path}: expected a whole archive, found: {error}") from None
    except RuntimeError as error:  # a password, or an unknown compression
        raise UserError(f"{path}: expected a readable archive: {error}") from None
    if len(content) > MAX_TEXT:
        raise UserError(f"{path}: expected at most {MAX_TEXT} bytes, found more")
    text = decoded(content, path).replace("\r\n", "\n").removesuffix("\n")
    if not text.strip():
        raise UserError(f"{path}: expected pairs of texts, found an empty file")
    return text.split("\n")  # not at other separators, or parallel files would differ


def _content(path: Path) -> bytes:
    """The uncompressed bytes of a text; at most `MAX_TEXT` + 1 of a zip."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as packed:
            # ManyThings.org's `_about.txt` and macOS's `._fra.txt` are not data.
            names = [
                member.filename
                for member in packed.infolist()
                if (name := PurePosixPath(member.filename)).name[:1] not in "._"
                and name.suffix.lower() in (".txt", ".tsv")
            ]
            if len(names) != 1:
                found = ", ".join(name[:40] for name in names[:12]) or "none"
                raise UserError(f"{path}: expected one .txt or .tsv, found {found}")
            with packed.open(names[0]) as file:
                return file.read(MAX_TEXT + 1)
    return path.read_bytes()


def _usable(rows: Iterable, path: Path) -> Pairs:
    """Returns the pairs with two sides, and prints how many others were skipped."""
    pairs, skipped = [], Counter()
    for row in rows:
        if row is None:
            skipped["without a tab"] += 1
            continue
        source, target = (text.strip() for text in row)
        if not source or not target:
            skipped[f"empty {COLUMNS[bool(source)]}"] += 1
        elif "\0" in source + target:
            skipped["NUL byte"] += 1
        else:
            pairs.append((source, target))
    report_skipped(path, len(pairs), skipped)
    return pairs


def _once(pairs: Pairs, path: Path) -> Pairs:
    distinct = list(dict.fromkeys(pairs))
    if len(distinct) < len(pairs):
        count = len(pairs) - len(distinct)
        print(f"left out {count} of {len(pairs)} pairs of {path.name}: repeated")
    return distinct


def _check(parts: dict[str, Pairs], path: Path) -> None:
    pairs = [pair for part in parts.values() for pair in part]
    if len(pairs) < MIN_PAIRS:
        found = f"found {len(pairs)}"
        raise UserError(
            f"{path}: expected {MIN_PAIRS} different pairs or more, {found}"
        )
    if empty := next((name for name, part in parts.items() if not part), None):
        raise UserError(f"{path}: expected pairs in every part, found none in {empty}")
    if len(sources := _sources(parts["train"])) < len(PARTS):
        found = f"found {len(sources)}"
        raise UserError(
            f"{path}: expected {len(PARTS)} different sources or more, {found}"
        )
    equal = sum(source == target for source, target in pairs)
    if 2 * equal > len(pairs):
        found = f"found both sides equal in {equal} of {len(pairs)} pairs"
        raise UserError(f"{path}: expected texts and their translations, {found}")


def _sources(pairs: Pairs) -> set[str]:
    return {_key(source) for source, _ in pairs}


def _key(source: str) -> str:
    """A key that is equal for sources that must be on the same side of a split."""
    return " ".join(source.casefold().split())


def _split_off(pairs: Pairs, count: int, seed: int) -> tuple[Pairs, Pairs]:
    """The pairs of `count` sources, and the rest."""

    def place(source: str) -> bytes:
        return hashlib.sha256(f"{seed}\0{source}".encode()).digest()

    chosen = set(sorted(_sources(pairs), key=place)[:count])
    taken, left = [], []
    for pair in pairs:
        (taken if _key(pair[0]) in chosen else left).append(pair)
    return taken, left


def _report_seen(parts: dict[str, Pairs]) -> None:
    """Prints how many sources of a given test part also occur in training."""
    train = _sources(parts["train"])
    seen = sum(_key(source) in train for source, _ in parts["test"])
    if seen:
        print(f"{seen} of {len(parts['test'])} test sources also occur in training")
