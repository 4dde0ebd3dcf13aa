"""Progress lines for work that takes more than a few seconds."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

SILENT = 5  # maximum number of seconds without a line

_at_work: list["_Work"] = []  # the innermost last
_told = 0.0  # when the last line was printed


class _Work:
    """Something that may take long, and since when it does."""

    def __init__(self, what: str | Callable[[], str], stream: TextIO):
        self.what = what if callable(what) else lambda: what
        self.start, self.stream = time.monotonic(), stream

    def say(self, more: str = "") -> None:
        global _told
        print(f"{self.what()} ... {more}".rstrip(), file=self.stream, flush=True)
        _told = time.monotonic()

    def tell(self) -> None:
        now = time.monotonic()
        if self is _at_work[-1] and now - max(_told, self.start) >= SILENT:
            self.say(f"{now - self.start:.0f} s")


@contextlib.contextmanager
def working(
    what: str | Callable[[], str], at_once: bool = True, stream: TextIO | None = None
) -> Iterator[None]:
    """Prints `what`, or what it returns, now and every few seconds until the work ends.

    Of work within work, only the innermost is told.

    Args:
        what: A text, or a function that returns it.
        at_once: False for what usually takes no time: then not now. Default True.
        stream: Default: the standard output.
    """
    work = _Work(what, stream or sys.stdout)
    if at_once:
        work.say()
    _at_work.append(work)
    try:
        with repeated(work.tell, SILENT / 20):
            yield
    finally:
        _at_work.remove(work)


@contextlib.contextmanager
def repeated(report: Callable[[], None], seconds: float) -> Iterator[None]:
    """Calls `report` every so many seconds, from a thread of its own."""
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(seconds):
            report()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
