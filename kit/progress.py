"""Progress lines for work that takes more than a few seconds."""

import contextlib
import threading
import time
from collections.abc import Iterator

SILENT = 5  # maximum number of seconds without a line


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Prints `what`, and again every few seconds until the work is done."""
    print(f"{what} ...", flush=True)
    done, start = threading.Event(), time.monotonic()

    def report() -> None:
        while not done.wait(SILENT):
            print(f"{what} ... {time.monotonic() - start:.0f} s", flush=True)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
