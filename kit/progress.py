"""Progress lines for work that takes more than a few seconds."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

SILENT = 5  # maximum number of seconds without a line


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Prints `what`, and again every few seconds until the work is done."""
    print(f"{what} ...", flush=True)
    start = time.monotonic()

    def report() -> None:
        print(f"{what} ... {time.monotonic() - start:.0f} s", flush=True)

    with repeated(report, SILENT):
        yield


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
