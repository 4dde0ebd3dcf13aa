"""The word-level WikiText archives as three parts, in the division they come in."""

import hashlib
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from data.tables import UserError

MAX_TEXT = 10**9  # bytes of a part unpacked: a few MB can claim petabytes
NAMES = {"train": "train", "validation": "valid", "test": "test"}


def digest(archive: Path) -> str:
    """sha256 of this code and the archive."""
    total = hashlib.sha256(Path(__file__).read_bytes())
    with archive.open("rb") as file:
        total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def convert(archive: Path, folder: Path) -> None:
    """Write `wiki.train.tokens` ... as `train.txt`, `validation.txt`, `test.txt`."""
    try:
        with zipfile.ZipFile(archive) as packed:
            members = {PurePosixPath(m.filename).name: m for m in packed.infolist()}
            for part, name in NAMES.items():
                member = members.get(f"wiki.{name}.tokens")
                if member is None or member.file_size > MAX_TEXT:
                    wanted = f"wiki.{name}.tokens of at most {MAX_TEXT} bytes"
                    found = f"{member.file_size} bytes" if member else "none"
                    raise UserError(f"{archive}: expected {wanted}, found {found}")
                target = folder / f"{part}.txt"
                with packed.open(member) as text, target.open("wb") as file:
                    shutil.copyfileobj(text, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UserError(f"{archive}: expected a whole zip, found: {error}") from None
