"""Creates a folder completely or not at all."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from data.errors import UserError

STALE = 3600  # seconds without a change after which no process writes there any more


def make_once(target: Path, write: Callable[[Path], None]) -> Path:
    """Returns the folder `target`; `write(folder)` fills it if it does not exist yet.

    Removes temporary folders that killed processes left next to it.

    Raises `UserError` if the folder cannot be made.
    """
    if target.is_dir():
        return target
    part = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for stale in target.parent.glob("*.part"):
            if stale.is_dir() and time.time() - _changed(stale) > STALE:
                shutil.rmtree(stale, ignore_errors=True)
        part = Path(tempfile.mkdtemp(".part", target.name + ".", target.parent))
        part.chmod(0o755)  # mkdtemp gives access to the owner only
        write(part)
        for file in part.rglob("*"):
            if file.is_dir():
                sync_folder(file)
                continue
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        sync_folder(part)
        part.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        if not target.is_dir():  # else another process made it meanwhile
            raise UserError(f"{target}: cannot be made: {error.strerror}") from None
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
    return target


def _changed(folder: Path) -> float:
    """Returns the time of the last change in a folder; now, if it is being renamed."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:
        return time.time()


def files_in(folder: Path) -> list[Path]:
    """Returns all files in a folder, at any depth, sorted, except hidden ones."""

    def shown(path: Path) -> bool:
        names = path.relative_to(folder).parts
        return path.is_file() and not any(name.startswith(".") for name in names)

    return sorted(path for path in folder.rglob("*") if shown(path))


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` survive a power cut (on POSIX systems)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
