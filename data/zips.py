"""Reads zip archives: shared by `text8` and `wikitext`."""

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
    """The files of an open archive, by name without folders."""

    def __init__(self, packed: zipfile.ZipFile, archive: Path):
        self._packed, self._archive = packed, archive
        self._members = {PurePosixPath(m.filename).name: m for m in packed.infolist()}

    def open(self, name: str, max_size: int):
        """Opens a file of at most `max_size` unpacked bytes, because a few MB of zip
        can claim to hold petabytes. Raises `UserError` if there is none."""
        member = self._members.get(name)
        if member is None or member.file_size > max_size:
            found = f"{member.file_size} bytes" if member else "none"
            wanted = f"{name} of at most {max_size} bytes"
            raise UserError(f"{self._archive}: expected {wanted}, found {found}")
        return self._packed.open(member)


@contextmanager
def opened(archive: Path) -> Iterator[Members]:
    """Opens a zip archive. Raises `UserError` if it is none, or broken."""
    try:
        with zipfile.ZipFile(archive) as packed:
            yield Members(packed, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UserError(f"{archive}: expected a whole zip, found: {error}") from None
