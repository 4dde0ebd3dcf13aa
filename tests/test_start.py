"""`--start`: training goes on from the weights of another run, on other data."""

import dataclasses
import importlib
import json

import numpy as np
import pytest

from data.tables import write_table
from kit.command import _parse
from recipes import sentiment as sentiment_recipe
from tests.conftest import in_this_process

RECIPES = ["sentiment", "char_lm", "word_lm", "translation", "tagging", "music"]
RECIPES += ["word2vec"]
CORE = "sentiment"


@pytest.mark.parametrize(
    "name",
    [
        name if name == CORE else pytest.param(name, marks=pytest.mark.exhaustive)
        for name in RECIPES
    ],
)
def test_weights_and_vocabulary_are_those_of_the_run(
    name, tmp_path, monkeypatch, capsys, request
):
    for fixture in ("unexported", "without_xla"):
        request.getfixturevalue(fixture)
    run = in_this_process(name, tmp_path, monkeypatch, capsys)
    recipe = importlib.import_module(f"recipes.{name}")
    assert run("--smoke", "--run-dir", "a")[0] == 0
    still = [] if name == "word_lm" else ["--learning-rate", "1e-30"]
    status, out, err = run("--smoke", "--run-dir", "b", "--start", "a", *still)
    assert status == 0, err
    assert "Starting from a" in out
    (first, vocabulary), (second, again) = map(recipe.load, ("a", "b"))
    assert vocabulary == again
    config = json.loads((tmp_path / "b/config.json").read_text())
    assert config["start"] == "a"
    # Averages of equal weights differ by rounding.
    same = np.allclose if name == "tagging" else np.array_equal
    same = [
        same(*pair)
        for pair in zip(first.get_weights(), second.get_weights(), strict=True)
    ]
    assert all(same) if still else not any(same)


def test_other_data_with_a_lower_rate(sentiment, tmp_path, request):
    for fixture in ("unexported", "without_xla"):
        request.getfixturevalue(fixture)
    rows = [("what a fine film", "positive"), ("what a dull film", "negative")]
    write_table(tmp_path / "test.csv", ("text", "label"), rows)
    first = ("--smoke", "--test-data", "test.csv", "--learning-rate", "0.01")
    assert sentiment("--run-dir", "a", *first)[0] == 0
    labels = json.loads((tmp_path / "a/vocabulary.json").read_text())["labels"]
    rows = [(f"word {n} of its own", labels[n % 2]) for n in range(60)]
    write_table(tmp_path / "mine.csv", ("text", "label"), rows)
    mine = ("--data", "mine.csv", "--run-dir", "b", "--epochs", "1")
    assert sentiment("--start", "a", *mine)[0] == 0
    before, after = (
        json.loads((tmp_path / run / "config.json").read_text()) for run in "ab"
    )
    assert after["learning_rate"] == pytest.approx(0.3 * before["learning_rate"])
    assert (after["data"], after["test_data"], after["epochs"]) == ("mine.csv", "", 1)
    kept = ("units", "cell", "dropout", "max_tokens")
    assert [after[x] for x in kept] == [before[x] for x in kept]
    status, _, err = sentiment("--resume", "--run-dir", "b")
    assert (status, err) == (2, "error: nothing to resume: b is finished\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--start", "a", "--load", "a"], "--start trains, --load does not"),
        (["--start", "nowhere"], "nowhere/config.json does not exist"),
        (["--start", "untrained"], "untrained has no model.keras"),
        (["--start", "a", "--units", "3"], "a has another network than the options"),
        (["--start", "damaged"], "damaged cannot be loaded"),
        (["--load", "damaged"], "damaged cannot be loaded"),
    ],
)
def test_refused(arguments, message, trained, monkeypatch, capsys):
    from kit.command import command
    from recipes import sentiment

    monkeypatch.chdir(trained)
    monkeypatch.setattr("sys.argv", ["sentiment", "--run-dir", "new", *arguments])
    with pytest.raises(SystemExit) as stop:
        command(sentiment.main)
    err = capsys.readouterr().err
    assert stop.value.code == 2 and err.startswith(f"error: {message}"), err
    assert err.count("\n") == 1 and not (trained / "new").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folders of runs: `a`, `untrained`, and `damaged`, whose weights are cut short."""
    from kit.command import command
    from kit.run import Run
    from recipes import sentiment

    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(Run, "export", lambda run, *arguments: None)
        patch.setattr("sys.argv", ["sentiment", "--smoke", "--run-dir", "a"])
        command(sentiment.main)
    for name in ("untrained", "damaged"):
        (folder / name).mkdir()
        for file in ("config.json", "vocabulary.json"):
            content = (folder / "a" / file).read_bytes()
            (folder / name / file).write_bytes(content)
    content = (folder / "a/model.keras").read_bytes()
    (folder / "damaged/model.keras").write_bytes(content[: len(content) // 2])
    return folder


@pytest.mark.parametrize("option", ["--load", "--start"])
def test_an_option_counts_though_it_has_the_default_value(
    option, tmp_path, monkeypatch
):
    config = dataclasses.replace(sentiment_recipe.Config(), data="mine.csv", units=9)
    (tmp_path / "config.json").write_text(json.dumps(dataclasses.asdict(config)))
    (tmp_path / "model.keras").touch()
    default = sentiment_recipe.Config().data
    for more, data in (
        ([], "mine.csv"),
        (["--data", default], default),
        ([f"--data={default}"], default),
    ):
        monkeypatch.setattr("sys.argv", ["sentiment", option, str(tmp_path), *more])
        found, _ = _parse(sentiment_recipe, "recipes.sentiment")
        assert (found.data, found.units) == (data, 9)
