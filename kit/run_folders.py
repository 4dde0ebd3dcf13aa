"""Where runs lie: `runs/RECIPE/UTC-TIME/`, and `latest` beside them."""

import contextlib
import datetime
import os
import shutil
from pathlib import Path

from data.errors import UserError


def newest_run(recipe: str) -> Path:
    """The folder of the recipe's newest finished run."""
    latest = Path("runs") / recipe / "latest"
    if not latest.is_dir():
        raise UserError(f"no finished run of {recipe} yet: make {recipe}")
    return latest.parent / latest.readlink() if latest.is_symlink() else latest


def newest_unfinished_run(recipe: str) -> Path:
    """The folder of the newest run that was begun and not finished."""
    folders = sorted(
        path.parent
        for path in (Path("runs") / recipe).glob("2*/config.json")
        if not is_finished(path.parent)
    )
    if not folders:
        raise UserError(f"nothing to resume: no unfinished run in runs/{recipe}")
    return folders[-1]


def is_finished(folder: Path) -> bool:
    """Whether its metrics exist and its checkpoint, kept until the end, is gone."""
    return (folder / "metrics.json").exists() and not (
        folder / "checkpoint.npz"
    ).exists()


def point_latest_to(folder: Path) -> None:
    """Replaces the symbolic link `latest` atomically."""
    link = folder.parent / f".latest-{os.getpid()}"
    link.symlink_to(folder.name)
    link.replace(folder.parent / "latest")


def new_run(recipe: str, chosen: Path | None, smoke: bool) -> Path:
    """Makes the folder of a new run; `chosen` is what `--run-dir` names, if given."""
    base = Path("runs") / recipe
    try:
        if chosen:
            return _make_chosen(chosen)
        if smoke:
            shutil.rmtree(base / "smoke", ignore_errors=True)
            (base / "smoke").mkdir(parents=True)
            return base / "smoke"
        now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        for suffix in ["", *(f"-{n}" for n in range(2, 1000))]:
            with contextlib.suppress(FileExistsError):
                (base / (now + suffix)).mkdir(parents=True)
                return base / (now + suffix)
        raise UserError(f"no new folder can be made in {base}")
    except OSError as error:
        raise UserError(
            f"the run folder {chosen or base} cannot be written: {error.strerror}"
        ) from None


def _make_chosen(folder: Path) -> Path:
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty: --run-dir needs a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".probe").touch()  # fails here, not after an hour of training
    (folder / ".probe").unlink()
    return folder
