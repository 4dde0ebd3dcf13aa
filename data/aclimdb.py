"""Labelled texts in the layout of the Large Movie Review Dataset, as CSV files.

The layout is `train/pos/*.txt`, `train/neg/*.txt` and the same under `test`, in a tar
or a folder, perhaps one folder deeper (`aclImdb/train/...`).

In the original, training and test cover different films, and the files
`NUMBER_RATING.txt` are numbered film by film. Validation texts drawn one by one would
share films with training and favour models that memorise names, so the validation part
consists of runs of consecutive numbers.
"""

import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from data.errors import UserError
from data.tables import write_table

MAX_TEXT = 10**7  # bytes of one text
MAX_ARCHIVE = 4 * 10**9  # bytes unpacked: a few MB can claim to hold petabytes
LABELS = {"neg": "negative", "pos": "positive"}
RUN = 250  # consecutive numbers that go to the same part
NUMBERED = re.compile(r"(\d+)_\d+\.txt")
WANTED = re.compile(r"(^|.*/)(train|test)/(neg|pos)/[^/.][^/]*\.txt")


def find_root(path: Path) -> Path | None:
    """Returns a tar, or the folder with `train/pos` at or in `path`; else None."""
    if path.is_dir():
        roots = [path, *(inner for inner in sorted(path.iterdir()) if inner.is_dir())]
        return next((root for root in roots if (root / "train/pos").is_dir()), None)
    text = path.suffix.lower() in (".csv", ".tsv", ".txt")
    return path if not text and tarfile.is_tarfile(path) else None


def digest(root: Path) -> str:
    """sha256 of this code and the archive, or the folder's texts with their names."""
    total = hashlib.sha256(Path(__file__).read_bytes())
    if root.is_file():
        with root.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
        return total.hexdigest()
    for name, content in _folder_texts(root):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def convert(root: Path, folder: Path) -> None:
    """Writes `train.csv`, `test.csv` and, if the training part is large and numbered,
    `validation.csv` into `folder`, with rows in the order of the file names."""
    parts = {}
    for name, content in _folder_texts(root) if root.is_dir() else _tar_texts(root):
        split, label = PurePosixPath(name).parts[-3:-1]
        try:
            text = re.sub(r"<br\s*/?>", " ", content.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            found = f"found byte {error.start}: {error.reason}"
            raise UserError(f"{root}: {name}: expected UTF-8 text, {found}") from None
        parts.setdefault(split, {})[name] = (text, LABELS[label])
    train = parts.get("train", {})
    numbers = {name: NUMBERED.fullmatch(PurePosixPath(name).name) for name in train}
    if len(train) >= 20 * RUN and all(numbers.values()):
        held_out = [name for name in train if int(numbers[name][1]) // RUN % 10 == 0]
        parts["validation"] = {name: train.pop(name) for name in held_out}
    for split in ("train", *(parts.keys() - {"train"})):
        rows = [row for _, row in sorted(parts.get(split, {}).items())]
        if len({label for _, label in rows}) < 2:
            wanted = f"expected texts {split}/pos/*.txt and {split}/neg/*.txt"
            raise UserError(f"{root}: {wanted}, found {len(rows)} of one kind or none")
        write_table(folder / f"{split}.csv", ("text", "label"), rows)


def _folder_texts(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("t*/*/*.txt")):
        name = path.relative_to(folder).as_posix()
        if WANTED.fullmatch(name) and path.is_file():
            _check_size(f"{folder}: {name}", path.stat().st_size, MAX_TEXT)
            yield name, path.read_bytes()


def _tar_texts(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Reads an archive's texts in memory: nothing is extracted, no name is trusted."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _check_size(f"{archive}", member.offset_data + member.size, MAX_ARCHIVE)
                tar.members = []  # tarfile keeps them all: 100,000 in the original
                if not member.isreg() or ".." in PurePosixPath(member.name).parts:
                    continue  # folders, links, devices
                if WANTED.fullmatch(member.name):
                    _check_size(f"{archive}: {member.name}", member.size, MAX_TEXT)
                    yield member.name, tar.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError, zlib.error, LZMAError) as error:
        raise UserError(f"{archive}: expected a whole tar, found: {error}") from None


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise UserError(f"{what}: expected at most {limit} bytes, found {size}")
