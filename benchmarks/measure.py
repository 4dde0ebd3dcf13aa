"""Runs a recipe with several seeds and writes one JSON file per run.

    python -m benchmarks.measure sentiment --data reviews
    python -m benchmarks.measure char_lm --data mine.txt --options="--units 512"

Writes `results/RECIPE-DATA-seedN.json`: metrics, options, versions, hardware and the
command. Nothing else should run on the machine meanwhile. `make results` writes the
tables of README and docs from these files.
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
    data: str = ""  # a name from the catalog or a path; empty: the recipe's default
    seeds: tuple[int, ...] = (0, 1, 2)
    options: str = ""  # further options of the recipe
    tag: str = ""  # added to the file names; the tables show only runs without a tag


def run_recipe(recipe: str, arguments: list[str], folder: Path, at=None) -> dict:
    """Runs a recipe in a new process, with `folder` as its run folder.

    Returns its `metrics`, `config` and `environment`. `at` is the checkout whose recipe
    runs; default: this one. If the run fails, it has printed why, and this process ends
    with the same exit status.
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
    """Runs a recipe once, in a folder of `runs/`, and returns its results."""
    run = Path("runs") / recipe / f"measured-{Path(data).name or 'default'}-seed{seed}"
    shutil.rmtree(run, ignore_errors=True)
    arguments = [*shlex.split(options), *(["--data", data] if data else [])]
    result = run_recipe(recipe, [*arguments, "--seed", str(seed)], run)
    config = result["config"]
    for name in ("data", "test_data"):  # file names without their folders
        config[name] = Path(config[name]).name
    shown = ["python", "-m", f"recipes.{recipe}", "--data", config["data"]]
    shown += [*shlex.split(options), "--seed", str(seed)]
    return {"recipe": recipe, "command": shlex.join(shown), **result}


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
