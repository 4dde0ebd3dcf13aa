"""Downloads one file, checked by size and sha256, completely or not at all."""

import contextlib
import hashlib
import http.client
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from data.errors import UserError
from data.folders import sync_folder

CHUNK = 1 << 18  # bytes
TIMEOUT = 30  # seconds without a byte


def fetch(url: str, path: Path, sha256: str, size: int | None = None) -> Path:
    """Downloads `url` to `path` and returns `path`.

    The bytes go to a temporary file in the same folder, which is renamed to `path` only
    when its size and sha256 are right and it is on disk. On any failure, including
    Ctrl-C, the temporary file is removed and an existing `path` is left unchanged.

    Raises `UserError`: no network, HTTP error, wrong size or hash, disk full.
    """
    path = Path(path)
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".part", path.name + ".", path.parent)
        partial = Path(name)
        with os.fdopen(handle, "wb") as file:
            digest, received = _copy(url, file, path.name, size)
            file.flush()
            os.fsync(file.fileno())
        if size is not None and received != size:
            raise UserError(f"{url}: expected {size} bytes, found {received}")
        if digest != sha256:
            raise UserError(f"{url}: expected sha256 {sha256}, found {digest}")
        partial.chmod(0o644)  # mkstemp gives access to the owner only
        partial.replace(path)
        partial = None
        sync_folder(path.parent)
    except urllib.error.HTTPError as error:
        error.close()
        raise UserError(f"{url}: HTTP {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise UserError(f"{url}: no connection: {error.reason}") from None
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise UserError(f"{url}: the connection broke: {error!r}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        if partial is not None:
            with contextlib.suppress(OSError):
                partial.unlink()
    return path


def _copy(url: str, file, name: str, size: int | None) -> tuple[str, int]:
    digest, received, shown = hashlib.sha256(), 0, 0.0
    request = urllib.request.Request(url, headers={"User-Agent": "sequence-recipes"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        size = size or int(response.headers.get("Content-Length") or 0)
        while chunk := response.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            if size and received > size:
                raise UserError(f"{url}: expected {size} bytes, found more")
            if sys.stderr.isatty() and time.monotonic() - shown > 0.2:
                shown = time.monotonic()
                _show(name, received, size)
    if sys.stderr.isatty():
        _show(name, received, size, end="\n")
    return digest.hexdigest(), received


def _show(name: str, received: int, size: int, end: str = "") -> None:
    share = f" of {size / 1e6:.1f} MB, {received / size:.0%}" if size else " MB"
    sys.stderr.write(f"\r{name}: {received / 1e6:.1f}{share}{end}")
    sys.stderr.flush()
