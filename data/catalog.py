"""From a name to files in the plain format a user brings.

    python -m data.catalog            the names
    python -m data.catalog imdb       make it ready, print where it is

`locate` is what the command line calls before a recipe starts; recipes read files and
know no names. Fetched files lie in `DATA_HOME/<name>/` (default `data/downloads/`).
What is made from them, or generated, lies there too, in a folder named by the hash of
what it was made from; where `DATA_HOME` is read-only, under `.cache/data/`.
"""

import difflib
import hashlib
import os
import re
import shutil
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from data import reviews
from data.download import fetch, sync_folder
from data.tables import UserError, write_table

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "data"
MAX_TEXT = 10**7  # bytes of one text in an archive
MAX_ARCHIVE = 4 * 10**9  # bytes of an archive unpacked: a few MB can claim petabytes


@dataclass(frozen=True)
class Source:
    about: str
    licence: str
    url: str = ""  # empty: generated here
    sha256: str = ""
    sha256_from: str = ""  # who published that hash: never taken from a copy at hand
    size: int = 0  # bytes
    accepted: tuple[str, ...] = ()  # other file names taken when they are there already


CATALOG = {
    "reviews": Source(
        about="generated film reviews in which word order decides; needs no network",
        licence="MIT, as this project",
    ),
    "imdb": Source(
        about="Large Movie Review Dataset v1.0: 25,000 + 25,000 film reviews, 84 MB",
        licence="none stated; cite Maas et al., Learning Word Vectors for Sentiment "
        "Analysis, ACL 2011",
        url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
        sha256_from="TensorFlow Datasets, github.com/tensorflow/datasets, "
        "tensorflow_datasets/datasets/imdb_reviews/checksums.tsv",
        size=84125825,
        accepted=("aclImdb_labelled.tar.gz",),
    ),
}


def locate(name_or_path: str) -> Path:
    """The file or folder that a catalog name or a path stands for, made ready.

    A name wins over a path (write `./imdb` for a folder). `reviews`, `imdb`, and any
    tar or folder in aclImdb's layout (`train/pos/*.txt` ...) give a folder with
    `train.csv`, `test.csv`, perhaps `validation.csv` and `test_NAME.csv`, each with the
    columns `text,label`. Other paths are returned as they are.

    Raises `UserError`: neither a name nor a path, a broken archive, a failed download.
    """
    if name_or_path in CATALOG:
        source = CATALOG[name_or_path]
        home = Path(os.environ.get("DATA_HOME") or ROOT / "data" / "downloads")
        folder = home / name_or_path
        if not source.url:
            return _make_once(_writable(folder), reviews.version(), reviews.write)
        names = (source.url.rpartition("/")[2], *source.accepted)
        archive = next((folder / n for n in names if (folder / n).is_file()), None)
        archive = archive or fetch(
            source.url, folder / names[0], source.sha256, source.size
        )
        return _convert(archive, _writable(folder))
    path = Path(name_or_path)
    try:
        if path.is_dir():
            roots = [path, *(p for p in sorted(path.iterdir()) if p.is_dir())]
            root = next((r for r in roots if (r / "train" / "pos").is_dir()), None)
            return _convert(root, CACHE) if root else path
        if path.is_file():
            text = path.suffix.lower() in (".csv", ".tsv", ".txt")
            tar = not text and tarfile.is_tarfile(path)
            return _convert(path, CACHE) if tar else path
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    near = difflib.get_close_matches(name_or_path.lower(), CATALOG, 1)
    names = f"a catalog name ({', '.join(CATALOG)}) or an existing file or folder"
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UserError(f"data: expected {names}, found {name_or_path!r}{hint}")


def _writable(folder: Path) -> Path:
    # Mode bits too: what is marked read-only is respected when root runs this.
    place = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    writable = os.access(place, os.W_OK) and place.stat().st_mode & 0o222
    return folder if writable else CACHE


def _make_once(parent: Path, key: str, write: Callable[[Path], None]) -> Path:
    """The folder `parent/key`, filled by `write`: there whole or not at all."""
    target, partial = parent / key, None
    if target.is_dir():
        return target
    try:
        parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(".part", key + ".", parent))
        partial.chmod(0o755)  # mkdtemp's folders are their owner's alone
        write(partial)
        for file in partial.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        sync_folder(partial)
        partial.rename(target)
        sync_folder(parent)
    except OSError as error:
        if not target.is_dir():  # else another process made it meanwhile
            raise UserError(f"{target}: cannot be made: {error.strerror}") from None
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def _convert(source: Path, parent: Path) -> Path:
    """A tar or folder in aclImdb's layout as a folder with train.csv and test.csv."""
    members = _folder_members if source.is_dir() else _tar_members
    digest = hashlib.sha256()
    if source.is_dir():
        for name, text in members(source):
            digest.update(f"{name}\0{len(text)}\0".encode() + text)
    else:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")

    def write(folder: Path) -> None:
        texts = {}
        for name, content in members(source):
            split, label = PurePosixPath(name).parts[-3:-1]
            try:
                text = re.sub(r"<br\s*/?>", " ", content.decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                where = f"{source}: {name}: expected UTF-8 text, found {error.reason}"
                raise UserError(f"{where} at byte {error.start}") from None
            texts.setdefault(split, {})[name] = text, label
        found = {
            s: sorted({label for _, label in t.values()}) for s, t in texts.items()
        }
        if found.get("train") != ["neg", "pos"]:
            expected = "expected texts train/pos/*.txt and train/neg/*.txt"
            raise UserError(f"{source}: {expected}, found {found or 'none'}")
        for split, rows in texts.items():
            named = {"neg": "negative", "pos": "positive"}
            rows = [(text, named[label]) for _, (text, label) in sorted(rows.items())]
            write_table(folder / f"{split}.csv", ("text", "label"), rows)

    return _make_once(parent, digest.hexdigest()[:12], write)


def _wanted(name: str) -> bool:
    return bool(re.search(r"(^|/)(train|test)/(pos|neg)/[^/.][^/]*\.txt$", name))


def _folder_members(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("t*/*/*.txt")):
        name = path.relative_to(folder).as_posix()
        if _wanted(name) and path.is_file() and path.stat().st_size <= MAX_TEXT:
            yield name, path.read_bytes()


def _tar_members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Texts of an archive, in memory: nothing is extracted, no name is trusted."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.offset_data + member.size > MAX_ARCHIVE:
                    raise UserError(f"{archive}: over {MAX_ARCHIVE} bytes unpacked")
                if not (member.isreg() and _wanted(member.name)):
                    continue  # folders, links and devices among them
                if member.size > MAX_TEXT:
                    raise UserError(f"{archive}: {member.name}: over {MAX_TEXT} bytes")
                if ".." not in PurePosixPath(member.name).parts:
                    yield member.name, tar.extractfile(member).read()
                tar.members = []  # tarfile remembers every member: 100,000 of them
    except (tarfile.TarError, EOFError, OSError, zlib.error, LZMAError) as error:
        raise UserError(f"{archive}: not a whole tar archive: {error}") from None


def main(arguments: list[str]) -> int:
    try:
        for name in arguments:
            print(locate(name))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if not arguments:
        for name, source in CATALOG.items():
            print(f"{name:10} {source.about}. Licence: {source.licence}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
