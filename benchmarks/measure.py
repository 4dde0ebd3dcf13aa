"""Run a recipe with several seeds and keep its figures, one JSON a run.

    python -m benchmarks.measure sentiment --data reviews
    python -m benchmarks.measure char_lm --data mine.txt --options="--units 512"

Writes `results/RECIPE-DATA-seedN.json`: the figures, the options, versions, hardware
and the command. Nothing else should run on the machine meanwhile. `make results` puts
them into the README.
"""

import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

RESULTS = Path(__file__).parent.parent / "results"


@dataclass(frozen=True)
class Options:
    recipe: tyro.conf.Positional[str]  # its name
    data: str = ""  # a name of the catalog or a path; empty: the recipe's default
    seeds: tuple[int, ...] = (0, 1, 2)
    options: str = ""  # further options of the recipe
    tag: str = ""  # added to the files' names, where the options are not the default


def run_recipe(recipe: str, arguments: list[str], folder: Path, at=None) -> dict:
    """One run in a process of its own, kept in `folder`: its metrics, its config and
    its environment. `at`: the checkout whose recipe runs, if another than this.

    A run that fails ends this process too, with its exit status: it said why.
    """
    command = [sys.executable, "-m", f"recipes.{recipe}", *arguments]
    command += ["--run-dir", str(folder)]
    if status := subprocess.run(command, cwd=at).returncode:
        raise SystemExit(status)
    return {
        name: json.loads((folder / f"{name}.json").read_text())
        for name in ("metrics", "config", "environment")
    }


def measure(recipe: str, data: str, seed: int, options: str) -> dict:
    """One run, kept in `runs/`; what it wrote of itself."""
    run = Path("runs") / recipe / f"measured-{Path(data).name or 'default'}-seed{seed}"
    shutil.rmtree(run, ignore_errors=True)
    arguments = [*shlex.split(options), *(["--data", data] if data else [])]
    said = run_recipe(recipe, [*arguments, "--seed", str(seed)], run)
    for name in ("data", "test_data"):  # of a file given by its path only the name
        said["config"][name] = Path(said["config"][name]).name
    shown = ["python", "-m", f"recipes.{recipe}", "--data", said["config"]["data"]]
    shown += [*shlex.split(options), "--seed", str(seed)]
    return {"recipe": recipe, "command": shlex.join(shown), **said}


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    RESULTS.mkdir(exist_ok=True)
    for seed in options.seeds:
        result = measure(options.recipe, options.data, seed, options.options)
        result["tag"] = options.tag
        name = [options.recipe, result["config"]["data"], options.tag, f"seed{seed}"]
        path = RESULTS / f"{'-'.join(filter(None, name))}.json"
        path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        print(f"{path}\n")


if __name__ == "__main__":
    main()
