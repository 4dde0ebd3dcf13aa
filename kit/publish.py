"""``make publish RECIPE=name TO=models``: the export as a new version to serve.

TensorFlow Serving watches ``models/name/`` and loads the folder with the highest number
as soon as it exists. So a version appears complete, by a rename, and is never replaced.
"""

import json
import os
import shlex
import shutil
from pathlib import Path

from data.errors import UserError, one_line_errors
from kit.files import read_json
from kit.run_folders import newest_run


def export_of(recipe: str, run: Path | None = None) -> Path:
    """Returns the folder of a run's SavedModel; by default, that of the newest run."""
    if not recipe.isidentifier():
        raise UserError(f"expected RECIPE=the name of a recipe, found {recipe!r}")
    export = (run or newest_run(recipe)) / "saved_model" / "1"
    if not (export / "saved_model.pb").is_file():
        raise UserError(f"{export}: expected the export of a run, found none")
    return export


def main(recipe: str, to: str, run: Path | None = None) -> None:
    """Copies the export of RUN, or of the newest run, to TO/RECIPE/<next number>/."""
    export, models = export_of(recipe, run), Path(to) / recipe
    if not to:
        raise UserError("expected TO=the folder of the served models, found nothing")
    partial = models / f".part-{os.getpid()}"  # not a number: the server ignores it
    try:
        models.mkdir(parents=True, exist_ok=True)
        shutil.copytree(export, partial)
        numbers = [int(x.name) for x in models.iterdir() if x.name.isdecimal()]
        target = partial.rename(models / str(max(numbers, default=0) + 1))
    except OSError as error:
        raise UserError(f"{models} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(
        f"{target}\n"
        "To serve it, and later versions:\n"
        f"  docker run -p 8501:8501 -v '{models.resolve()}:/models/{recipe}' "
        f"-e MODEL_NAME={recipe} tensorflow/serving"
    )
    request = export.parent.parent / "request.json"
    if request.is_file():
        body = json.dumps({"instances": [read_json(request)]}, ensure_ascii=False)
        url = f"http://localhost:8501/v1/models/{recipe}:predict"
        print(f"To send a request:\n  curl -d {shlex.quote(body)} {url}")


if __name__ == "__main__":
    import tyro

    with one_line_errors():
        tyro.cli(main, config=(tyro.conf.PositionalRequiredArgs,))
