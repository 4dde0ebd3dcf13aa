"""What every test shares: quiet TensorFlow, a recipe run in this process."""

import contextlib
import importlib
import multiprocessing
import os
import re
import sys
import warnings
from collections import Counter
from pathlib import Path
from unittest import mock

import pytest
from _pytest.runner import CallInfo, runtestprotocol

if "PYTEST_XDIST_WORKER" in os.environ:
    # TensorFlow begins threads when it looks for devices, and a fork has none of them.
    with (
        contextlib.suppress(ImportError),
        mock.patch("tensorflow.config.list_physical_devices"),
    ):
        import recipes
import recipes  # noqa: F401  (imports the backend without its start-up log)

import keras  # isort: skip

from kit.run import Run

LEFT_OUT = pytest.StashKey[Counter]()


def pytest_configure(config):
    """`make test` compiles quickly, `make test-all` as users do."""
    if config.option.markexpr:
        os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


def pytest_deselected(items):
    """Counts what `make test` leaves to `make test-all`."""
    for item in items:
        if item.get_closest_marker("exhaustive"):
            counts = item.config.stash.setdefault(LEFT_OUT, Counter())
            counts[item.originalname] += 1


def pytest_terminal_summary(terminalreporter, config):
    if counts := config.stash.get(LEFT_OUT, None):
        names = ", ".join(f"{name} ({count})" for name, count in counts.items())
        terminalreporter.write_line(f"left to make test-all, or -m '': {names}")


# A worker of many files would keep what TensorFlow traced and compiled for each, for
# it never frees that. So a fork of the worker runs each file, and takes it along.
FORK = pytest.StashKey["Fork | None"]()
MOST = 1200  # MB: of a larger one the next test of the file gets a fork anew


class Fork:
    """A fork of this process, which runs tests that it is told."""

    def __init__(self, session):
        # Where temporary folders are made, for all forks alike.
        session.config._tmp_path_factory.getbasetemp()
        self.pipe, other = multiprocessing.Pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the threads that talk with xdist
            self.process = os.fork()
        if self.process == 0:
            self.pipe.close()
            answer(session, other)
        other.close()

    def run(self, index, following):
        """The reports of a test; after it, what the test that follows does not need
        is taken down."""
        try:
            self.pipe.send((index, following))
            return self.pipe.recv()
        except (EOFError, OSError):
            return None

    def megabytes(self):
        status = Path(f"/proc/{self.process}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) // 1024

    def end(self):
        self.pipe.close()
        return os.waitpid(self.process, 0)[1]


def answer(session, pipe):
    hook, items = session.config.hook, session.items
    try:
        while True:
            index, following = pipe.recv()
            following = None if following is None else items[following]
            reports = runtestprotocol(items[index], log=False, nextitem=following)
            pipe.send(
                [
                    hook.pytest_report_to_serializable(config=session.config, report=r)
                    for r in reports
                ]
            )
    except EOFError:
        os._exit(0)
    finally:
        os._exit(1)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    config, hook = item.config, item.config.hook
    if not hasattr(config, "workerinput") or sys.platform != "linux":
        return None
    fork = config.stash.get(FORK, None) or Fork(item.session)
    goes_on = nextitem is not None and nextitem.path == item.path
    places = {id(each): place for place, each in enumerate(item.session.items)}
    following = places[id(nextitem)] if goes_on else None
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    found = fork.run(places[id(item)], following)
    if found is None or not goes_on or fork.megabytes() > MOST:
        status = fork.end()
        fork = None
    config.stash[FORK] = fork
    if found is None:
        said = f"the process that ran {item.path.name} ended: {status}"
        call = CallInfo.from_call(lambda: pytest.fail(said), "call")
        reports = [pytest.TestReport.from_item_and_call(item, call)]
    else:
        reports = [
            hook.pytest_report_from_serializable(config=config, data=data)
            for data in found
        ]
    for report in reports:
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture
def unexported(monkeypatch):
    """Runs end without their SavedModel, which takes seconds: others have it."""
    monkeypatch.setattr(Run, "export", lambda run, *arguments: None)


@pytest.fixture
def without_xla(monkeypatch):
    """Models that ask for XLA do without: it takes seconds to compile a shape.

    That they write the same with it, others tell.
    """
    begin = keras.Model.compile

    def compile(model, *arguments, jit_compile=None, **settings):
        begin(model, *arguments, jit_compile=False, **settings)

    monkeypatch.setattr(keras.Model, "compile", compile)


@pytest.fixture
def sentiment(tmp_path, monkeypatch, capsys):
    return in_this_process("sentiment", tmp_path, monkeypatch, capsys)


@pytest.fixture
def char_lm(tmp_path, monkeypatch, capsys):
    return in_this_process("char_lm", tmp_path, monkeypatch, capsys)


@pytest.fixture
def word_lm(tmp_path, monkeypatch, capsys):
    return in_this_process("word_lm", tmp_path, monkeypatch, capsys)


@pytest.fixture
def translation(tmp_path, monkeypatch, capsys):
    return in_this_process("translation", tmp_path, monkeypatch, capsys)


@pytest.fixture
def word2vec(tmp_path, monkeypatch, capsys):
    return in_this_process("word2vec", tmp_path, monkeypatch, capsys)


@pytest.fixture
def music_recipe(tmp_path, monkeypatch, capsys):
    return in_this_process("music", tmp_path, monkeypatch, capsys)


def in_this_process(recipe, tmp_path, monkeypatch, capsys):
    """`run("--smoke", ...)` runs the recipe in an empty folder.

    Returns the exit status (0 for a finished run), what it printed, and its errors.
    """
    from kit.command import command

    module = importlib.import_module(f"recipes.{recipe}")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", [recipe, *map(str, arguments)])
        status = 0
        try:
            command(module.main)
        except SystemExit as stop:
            status = stop.code
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
