"""Figures in the README are those of `results/`."""

import json
from pathlib import Path

from benchmarks.results_table import BLOCKS, ROWS, filled, load

ROOT = Path(__file__).parent.parent


def test_readme_shows_the_measured_figures():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in BLOCKS:
        assert readme.count(f"<!-- {name} -->\n") == 1
        assert readme.count(f"<!-- /{name} -->\n") == 1
    assert filled(readme) == readme, "run `make results`"


def test_each_result_says_how_it_was_made():
    files = sorted((ROOT / "results").glob("*-seed*.json"))
    assert files
    for path in files:
        result = json.loads(path.read_text())
        assert path.stem.endswith(f"-seed{result['metrics']['seed']}")
        assert result["command"].startswith("python -m recipes.")
        environment = result["environment"]
        assert {"device_name", "versions", "data_sha256", "git_commit"} <= (
            environment.keys()
        )
        assert environment["git_commit"], path


def test_generated_data_are_called_so():
    for (recipe, data, *_), row in ROWS.items():
        if data == "reviews":
            assert "generated" in row["data"], recipe
    assert load()
