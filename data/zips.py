"""What the makers of texts from zip archives share."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from data.errors import UserError


def digest(code: str, archive: Path) -> str:
    """sha256 of the file `code` and of the archive."""
    total = hashlib.sha256(Path(code).read_bytes())
    with archive.open("rb") as file:
        total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


class Members:
    """An open archive's files by their name without folders."""

    def __init__(self, packed: zipfile.ZipFile, archive: Path):
        self._packed, self._archive = packed, archive
        self._members = {PurePosixPath(m.filename).name: m for m in packed.infolist()}

    def open(self, name: str, most: int):
        """A member to read. Raises `UserError`: none of at most so many bytes, which
        a few MB may claim to hold petabytes of."""
        member = self._members.get(name)
        if member is None or member.file_size > most:
            found = f"{member.file_size} bytes" if member else "none"
            wanted = f"{name} of at most {most} bytes"
            raise UserError(f"{self._archive}: expected {wanted}, found {found}")
        return self._packed.open(member)


@contextmanager
def opened(archive: Path) -> Iterator[Members]:
    """Raises `UserError`: not a zip, or a broken one."""
    try:
        with zipfile.ZipFile(archive) as packed:
            yield Members(packed, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UserError(f"{archive}: expected a whole zip, found: {error}") from None
