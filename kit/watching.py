"""A line on the standard error that says how far some work is."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from data.progress import SILENT, repeated

REFRESH = 0.25  # seconds between two states of the line in a terminal


@contextlib.contextmanager
def watching(state: Callable[[], str]) -> Iterator[None]:
    """Shows `state()` on the standard error until the work is done: in a terminal as
    one line that changes, elsewhere as a new line every few seconds."""
    is_terminal = sys.stderr.isatty()
    before, after = ("\r", "\x1b[K") if is_terminal else ("", "\n")
    with _standard_error() as stream:

        def report() -> None:
            print(before, state(), sep="", end=after, file=stream, flush=True)

        report()
        try:
            with repeated(report, REFRESH if is_terminal else SILENT):
                yield
        finally:
            if is_terminal:
                print(before, sep="", end=after, file=stream, flush=True)


@contextlib.contextmanager
def _standard_error() -> Iterator[TextIO]:
    """The standard error, which stays visible where descriptor 2 is closed meanwhile,
    as it is while TensorFlow is loaded."""
    try:
        copy = os.dup(sys.stderr.fileno())
    except OSError:  # a test or an app has replaced it
        yield sys.stderr
        return
    with open(copy, "w", errors="replace") as stream:  # noqa: PTH123
        yield stream
