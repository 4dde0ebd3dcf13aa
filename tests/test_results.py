"""The figures in README and docs are those in `results/`."""

import json
from pathlib import Path

import pytest

from benchmarks import crf, own_files, tagging
from benchmarks.results_table import PAGES, ROWS, filled, load

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", PAGES)
def test_pages_show_the_measured_figures(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in PAGES[page]:
        assert text.count(f"<!-- {name} -->\n") == 1
        assert text.count(f"<!-- /{name} -->\n") == 1
    assert filled(text, PAGES[page]) == text, "run `make results`"


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


def test_own_files_mark_where_the_network_is_better():
    def row(ours, simpler):
        where = {"minutes": 1.0, "environment": {"device_name": "a processor"}}
        return {"now": {"ours": ours, "simpler": simpler, **where}}

    figures = {
        "sentiment 300": row(0.6, 0.5),
        "sentiment 3000": row(0.6, 0.7),
        "char_lm 300": row(1.6, 1.7) | {"before": {"ours": 1.9, "simpler": 1.7}},
        "char_lm 3000": row(1.6, 1.5),
        "char_lm 20000": row(1.5, 1.5),
    }
    lines = own_files.markdown(figures).splitlines()
    rows = [
        [cell.strip() for cell in line.split("|")[4:-2]]
        for line in lines
        if "film" in line
    ]
    assert rows == [
        ["", "**0.600**", "bag of words 0.500", "1.0"],
        ["", "0.600", "bag of words 0.700", "1.0"],
        ["1.900", "**1.600**", "6-gram 1.700", "1.0"],
        ["", "1.600", "6-gram 1.500", "1.0"],
        ["", "1.500", "6-gram 1.500", "1.0"],
    ]


@pytest.mark.parametrize("older", [False, True])
def test_own_files_run_the_simpler_model_where_the_recipe_does_not(
    older, tmp_path, monkeypatch
):
    ran = []

    def run_recipe(recipe, arguments, folder, at):
        ran.append((arguments, folder.name, at))
        metrics = {"wordsim353_spearman": 0.1 * len(ran), "epochs": 5}
        if not older:
            metrics["baseline_wordsim353_spearman"] = 0.7
        return {"metrics": metrics, "config": {"seed": 0}, "environment": {}}

    monkeypatch.setattr(own_files, "run_recipe", run_recipe)
    case = own_files.CASES["word2vec"]._replace(
        source="text", cut=lambda source, size, folder: ["--data", "cut"]
    )
    (tmp_path / "text").touch()
    options = own_files.Options(tmp_path, at=tmp_path if older else None)
    row = own_files.tried("word2vec", case, 70, options)
    assert row["ours"] == 0.1
    assert row["simpler"] == (0.2 if older else 0.7)
    first = (["--data", "cut"], "run", options.at)
    second = (["--data", "cut", "--model", "counts"], "other", options.at)
    assert ran == ([first, second] if older else [first])


def test_crf_table_shows_the_faster_mode_of_each():
    times = {"ours": 3.0, "ours XLA": 2.0, "unrolled": 8.0, "unrolled XLA": 9.0}
    row = {"task": "train", "batch": 32, "time": 40, "tags": 17, "ratio": 3.5}
    row["ms"] = {**times, "scan": 7.0}
    machine = {"backend": "tensorflow", "device": "CPU"}
    table = crf.markdown([{"machine": machine, "rows": [row]}])
    cells = [cell.strip() for cell in table.splitlines()[-1].split("|")[1:-1]]
    assert cells[2:] == ["32, 40, 17", "2.0", "8.0", "7.0", "3.5"]


def test_networks_table_has_each_network_and_the_simpler_models():
    def run(figure, epochs):
        metrics = {"test_f1": figure, "test_unseen_f1": 0.1, "epochs": epochs}
        metrics |= {"baseline_test_f1": 0.25, "frequent_test_f1": 0.125}
        return {"metrics": {**metrics, "train_seconds": 90.0, "parameters": 1234}}

    table = tagging.markdown({"mine": {"one": run(0.5, 3), "two": run(0.75, 3)}})
    rows = [row.split(" | ") for row in table.splitlines() if row.startswith("| ")]
    figures = {row[0].strip("| "): row[1] for row in rows[1:]}
    assert figures == {
        "one": "0.5000",
        "two": "0.7500",
        "CRFsuite": "0.2500",
        "most frequent": "0.1250",
    }
    assert "3 passes, 1.5 minutes on average" in table
