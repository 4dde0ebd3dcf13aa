"""Shared by all tests: TensorFlow without its log, recipes run in this process."""

import contextlib
import fcntl
import importlib
import multiprocessing
import os
import re
import sys
import warnings
from collections import Counter
from pathlib import Path
from unittest import mock

import hypothesis
import pytest
from _pytest.runner import CallInfo, runtestprotocol

if "PYTEST_XDIST_WORKER" in os.environ:
    # TensorFlow starts threads when it lists devices; a fork would not have them.
    with (
        contextlib.suppress(ImportError),
        mock.patch("tensorflow.config.list_physical_devices"),
    ):
        import recipes
import recipes  # noqa: F401  (imports the backend without its start-up log)

import keras  # isort: skip

from kit.run import Run
from tests.processes import ROOT, python

# The same examples in every run; `pytest --hypothesis-profile=default` draws others.
hypothesis.settings.load_profile("ci")
LEFT_OUT = pytest.StashKey[Counter]()


def pytest_configure(config):
    """Turns XLA optimisation off for `make test`; `make test-all` keeps it."""
    if config.option.markexpr:
        os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


def pytest_deselected(items):
    """Counts the tests that only `make test-all` runs."""
    for item in items:
        if item.get_closest_marker("exhaustive"):
            counts = item.config.stash.setdefault(LEFT_OUT, Counter())
            counts[item.originalname] += 1


def pytest_terminal_summary(terminalreporter, config):
    if counts := config.stash.get(LEFT_OUT, None):
        names = ", ".join(f"{name} ({count})" for name, count in counts.items())
        terminalreporter.write_line(f"run only by make test-all or -m '': {names}")


# TensorFlow never frees what it has traced and compiled, so a worker would grow with
# every file. Each file is therefore run by a fork of the worker, which then ends.
FORK = pytest.StashKey["Fork | None"]()
MAX_FORK_MB = 1200  # after a larger fork, the file's next test gets a new one


class Fork:
    """A fork of this process that runs the tests it is sent."""

    def __init__(self, session):
        # Make the folder of temporary folders here, so that all forks share it.
        session.config._tmp_path_factory.getbasetemp()
        self.pipe, child_pipe = multiprocessing.Pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the threads that talk to xdist
            self.process = os.fork()
        if self.process == 0:
            self.pipe.close()
            answer(session, child_pipe)
        child_pipe.close()

    def run(self, index, following):
        """Returns the reports of a test, or None if the fork has ended.

        Fixtures that the `following` test does not need are torn down.
        """
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
    """Runs tests and sends their reports until the pipe is closed."""
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
    same_file = nextitem is not None and nextitem.path == item.path
    indices = {id(each): index for index, each in enumerate(item.session.items)}
    following = indices[id(nextitem)] if same_file else None
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    received = fork.run(indices[id(item)], following)
    if received is None or not same_file or fork.megabytes() > MAX_FORK_MB:
        status = fork.end()
        fork = None
    config.stash[FORK] = fork
    if received is None:
        message = f"the process that ran {item.path.name} ended: {status}"
        call = CallInfo.from_call(lambda: pytest.fail(message), "call")
        reports = [pytest.TestReport.from_item_and_call(item, call)]
    else:
        reports = [
            hook.pytest_report_from_serializable(config=config, data=data)
            for data in received
        ]
    for report in reports:
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory):
    """`smoke_run(recipe)` is the folder of a finished `--smoke` run.

    It is made once for all tests and workers, which must not change it.
    """
    place = tmp_path_factory.getbasetemp()
    place = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place

    def finished(recipe):
        folder = place / f"smoke-{recipe}"
        with Path(f"{folder}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                command = ("-m", f"recipes.{recipe}", "--smoke", "--run-dir", "making")
                at = folder.with_suffix(".at")
                at.mkdir()
                child = python(*command, folder=at, PYTHONPATH=str(ROOT))
                assert child.returncode == 0, child.stderr
                (at / "making").rename(folder)
        return folder

    return finished


@pytest.fixture
def unexported(monkeypatch):
    """Runs write no SavedModel, which takes seconds; other tests cover it."""
    monkeypatch.setattr(Run, "export", lambda run, *arguments: None)


@pytest.fixture
def without_xla(monkeypatch):
    """Models are compiled without XLA, which takes seconds per shape.

    Other tests check that the results are the same with XLA.
    """
    original = keras.Model.compile

    def compile(model, *arguments, jit_compile=None, **settings):
        original(model, *arguments, jit_compile=False, **settings)

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
def tagging(tmp_path, monkeypatch, capsys):
    return in_this_process("tagging", tmp_path, monkeypatch, capsys)


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
    """Returns a function `run("--smoke", ...)` that runs the recipe in an empty folder.

    `run` returns the exit status (0 for a finished run), the output and the errors.
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
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run
