"""A stand-in for `kit.run.Run`, to call functions of a recipe without a run."""

import contextlib
from pathlib import Path
from types import SimpleNamespace

from data.catalog import locate
from kit.files import mapped, sha256


def run_in(folder: Path, data: str) -> SimpleNamespace:
    """Returns the attributes of a run that recipes use; `folder` is temporary."""
    path = locate(data)
    return SimpleNamespace(
        folder=folder,
        data=path,
        test_data=None,
        vocabulary=lambda: None,
        data_sha256=sha256(path),
        some=lambda rows: rows,
        cached=lambda *key, make: make(),
        mapped=lambda *key, make: mapped(folder / "ids", make),
        write=lambda name, content: None,
        verbose=2,
        interrupted=False,
        at_work=contextlib.ExitStack(),
        started=None,
    )
