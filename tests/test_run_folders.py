"""Run folders: finished and unfinished runs, the newest run, and new ones."""

from pathlib import Path

import pytest

from data.errors import UserError
from kit.run_folders import (
    is_finished,
    new_run,
    newest_run,
    newest_unfinished_run,
    point_latest_to,
)


def make_run(name, *files):
    folder = Path("runs/tiny") / name
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).touch()
    return folder


def test_the_newest_unfinished_run_is_resumed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run("20260101T000000Z", "config.json")
    stopped = make_run("20260102T000000Z", "config.json", "checkpoint.npz")
    finished = make_run("20260103T000000Z", "config.json", "metrics.json")
    make_run("20260104T000000Z")  # stopped before there was anything to resume
    make_run("smoke", "config.json")
    assert is_finished(finished) and not is_finished(stopped)
    assert newest_unfinished_run("tiny") == stopped
    # A run that was stopped just before its end has metrics and a checkpoint.
    (stopped / "metrics.json").touch()
    assert newest_unfinished_run("tiny") == stopped
    with pytest.raises(UserError, match="nothing to resume: no unfinished run in"):
        newest_unfinished_run("other")


def test_latest_is_the_run_that_it_was_pointed_to_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no finished run of tiny yet: make tiny"):
        newest_run("tiny")
    for name in ("20260102T000000Z", "20260101T000000Z"):
        folder = make_run(name)
        point_latest_to(folder)
        assert newest_run("tiny") == folder
    assert len([*Path("runs/tiny").iterdir()]) == 3  # no link is left behind


def test_a_new_run_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (new_run("tiny", None, smoke=False) for _ in range(2))
    assert first != second and first.is_dir() and second.is_dir()
    smoke = new_run("tiny", None, smoke=True)
    (smoke / "old.txt").touch()
    assert new_run("tiny", None, smoke=True) == smoke  # emptied
    assert not list(smoke.iterdir())
    assert not list(new_run("tiny", Path("chosen"), smoke=False).iterdir())


def test_runs_may_lie_on_another_disk(tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("runs").symlink_to(tmp_path / "disk")
    folder = make_run("20260101T000000Z")
    point_latest_to(folder)
    assert newest_run("tiny") == folder
