"""Downloads from a local server: a complete and correct file, or none."""

import contextlib
import hashlib
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from data import download
from data.download import fetch
from data.errors import UserError

CONTENT = bytes(range(256)) * 4096  # 1 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/missing":
            self.send_error(404)
        elif self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                while True:
                    self.wfile.write(CONTENT)
        else:
            self.send_response(200)
            if self.path != "/no-length":
                self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            cut = len(CONTENT) // 2 if self.path == "/cut" else None
            self.wfile.write(CONTENT[:cut])

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "file.bin"


def files(target):
    return sorted(path.name for path in target.parent.iterdir())


@pytest.mark.parametrize("page", ["/file", "/no-length", "/moved"])
def test_whole(server, target, page, capsys):
    assert fetch(server + page, target, SHA256, len(CONTENT)) == target
    assert target.read_bytes() == CONTENT
    assert files(target) == ["file.bin"]
    assert target.stat().st_mode & 0o777 == 0o644
    assert capsys.readouterr() == ("", "")  # progress is for terminals only


def test_progress_on_a_terminal(server, target, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    fetch(server + "/file", target, SHA256)
    assert "file.bin: 1.0 of 1.0 MB, 100%\n" in capsys.readouterr().err


@pytest.mark.parametrize("older", [None, b"an older file"])
@pytest.mark.parametrize(
    ("page", "sha256", "size", "message"),
    [
        ("/file", "0" * 64, None, f"expected sha256 {'0' * 64}, found {SHA256}"),
        ("/file", SHA256, 10, "expected 10 bytes"),
        ("/file", SHA256, 10**7, f"expected {10**7} bytes, found {len(CONTENT)}"),
        ("/cut", SHA256, len(CONTENT), f"expected {len(CONTENT)} bytes, found"),
        ("/cut", SHA256, None, "expected sha256"),
        (
            "/endless",
            SHA256,
            len(CONTENT),
            f"expected {len(CONTENT)} bytes, found more",
        ),
        ("/missing", SHA256, None, "HTTP 404 Not Found"),
    ],
)
def test_wrong(server, target, older, page, sha256, size, message):
    if older:
        target.parent.mkdir()
        target.write_bytes(older)
    with pytest.raises(UserError) as caught:
        fetch(server + page, target, sha256, size)
    assert message in str(caught.value) and page in str(caught.value)
    assert files(target) == (["file.bin"] if older else [])
    assert not older or target.read_bytes() == older


def test_refused_connection(target):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UserError, match=r"no connection: .*refused"):
        fetch(f"http://127.0.0.1:{port}/file", target, SHA256)
    assert files(target) == []


def test_unknown_host(target):
    with pytest.raises(UserError, match="no connection"):
        fetch("http://no-such-host.invalid/file", target, SHA256)
    assert files(target) == []


def test_silent_server(target, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(UserError, match=r"timed out|connection"):
            fetch(url, target, SHA256)
    assert files(target) == []


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_disk_full(server, target, monkeypatch, call):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    if call == "write":
        open_file = os.fdopen

        def opened(*arguments):
            file = open_file(*arguments)
            return type(
                "Full",
                (),
                {
                    "__enter__": lambda self: self,
                    "__exit__": lambda self, *error: file.close(),
                    "write": full,
                },
            )()

        monkeypatch.setattr(download.os, "fdopen", opened)
    elif call == "fsync":
        monkeypatch.setattr(download.os, "fsync", full)
    else:
        monkeypatch.setattr(download.Path, "replace", full)
    with pytest.raises(UserError, match=r"file\.bin: .*No space left on device"):
        fetch(server + "/file", target, SHA256)
    assert files(target) == []


def test_unwritable_folder(server, tmp_path):
    (tmp_path / "new").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="cannot be written"):
        fetch(server + "/file", tmp_path / "new" / "file.bin", SHA256)


def test_interrupted(server, target, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(download.hashlib, "sha256", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(server + "/file", target, SHA256)
    assert files(target) == []
