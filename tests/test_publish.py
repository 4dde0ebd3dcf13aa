"""Published versions are numbered, complete and never overwritten."""

import json
import shlex
import shutil

import pytest

from data.errors import UserError
from kit.publish import main


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export = tmp_path / "runs/tiny/20260101T000000Z/saved_model/1"
    (export / "variables").mkdir(parents=True)
    (export / "saved_model.pb").write_bytes(b"first")
    (export / "variables" / "variables.index").write_bytes(b"index")
    (tmp_path / "runs/tiny/latest").symlink_to("20260101T000000Z")
    return export.parent.parent


def test_versions_are_numbered_and_kept(run, tmp_path, capsys):
    main("tiny", "models")
    (run / "saved_model/1/saved_model.pb").write_bytes(b"second")
    (tmp_path / "models/tiny/9").mkdir()  # numbers continue after the highest
    main("tiny", "models", run)
    main("tiny", "models")  # 10 < 11, although "10" < "9"
    versions = {p.name: p for p in (tmp_path / "models/tiny").iterdir()}
    assert versions.keys() == {"1", "9", "10", "11"}
    assert (versions["1"] / "saved_model.pb").read_bytes() == b"first"
    assert (versions["10"] / "saved_model.pb").read_bytes() == b"second"
    assert (versions["10"] / "variables" / "variables.index").read_bytes() == b"index"
    printed = capsys.readouterr().out
    assert "models/tiny/10\n" in printed and "models/tiny/11\n" in printed
    assert f"-v '{tmp_path}/models/tiny:/models/tiny'" in printed


def test_the_request_is_that_of_the_run(run, capsys):
    main("tiny", "models")
    assert "curl" not in capsys.readouterr().out  # this run has no request
    request = {"text": "it's好", "beam": 5}
    (run / "request.json").write_text(json.dumps(request))
    main("tiny", "models")
    (line,) = (x for x in capsys.readouterr().out.splitlines() if "curl" in x)
    command, option, body, url = shlex.split(line)
    assert (command, option) == ("curl", "-d")
    assert json.loads(body) == {"instances": [request]}
    assert url == "http://localhost:8501/v1/models/tiny:predict"


def test_a_full_disk_leaves_no_version_behind(run, tmp_path, monkeypatch):
    def full(source, target):
        target.mkdir()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(UserError, match="models/tiny cannot be written: No space"):
        main("tiny", "models")
    assert not list((tmp_path / "models/tiny").iterdir())


@pytest.mark.parametrize(
    ("recipe", "to", "removed", "message"),
    [
        ("other", "models", None, "no finished run of other"),
        ("", "models", None, "RECIPE"),
        ("../tiny", "models", None, "RECIPE"),
        ("tiny", "", None, "TO="),
        ("tiny", "models", "saved_model/1/saved_model.pb", "expected the export"),
    ],
)
def test_errors_write_nothing(run, tmp_path, recipe, to, removed, message):
    if removed:
        (run / removed).unlink()
    with pytest.raises(UserError, match=message):
        main(recipe, to)
    assert {path.name for path in tmp_path.iterdir()} == {"runs"}
