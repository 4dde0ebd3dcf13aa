"""A run of a recipe whose folder is thrown away."""

from pathlib import Path
from types import SimpleNamespace

from data.catalog import locate
from kit.files import mapped, sha256


def run_in(folder: Path, data: str) -> SimpleNamespace:
    """What the recipe's functions ask of a run, in a folder that is thrown away."""
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
        started=None,
    )
