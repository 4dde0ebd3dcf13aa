"""Errors that users can make and correct: one line and exit status 2."""

import contextlib
import errno
import sys
from collections.abc import Iterator

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class UserError(Exception):
    """An error that a user can correct. The message names the file or argument, what
    was expected and what was found."""


@contextlib.contextmanager
def one_line_errors(resume: str | None = None) -> Iterator[None]:
    """Turns a `UserError` into one line and exit 2, Ctrl-C into a hint and exit 130.

    From here on, characters that the console cannot show are replaced by "?".
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where a test or an app replaced it
            stream.reconfigure(errors="replace")
    try:
        yield
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        if error.errno not in (*FULL_DISK, errno.EACCES, errno.EROFS):
            raise
        where = f" ({error.filename})" if error.filename else ""
        print(f"error: {error.strerror}{where}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        hint = f"; continue with: {resume}" if resume else ""
        print(f"\ninterrupted{hint}", file=sys.stderr)
        raise SystemExit(130) from None
