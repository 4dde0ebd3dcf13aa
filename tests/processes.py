"""Child processes of the tests: Python on a given backend, or without some library.

Importing TensorFlow takes longer than most tests. On Linux, one process therefore
imports TensorFlow and another one Keras on JAX, without anything of the project, once
for all tests. Each child is a fork of one of these two and starts with the library
already imported. `fresh=True` starts a new interpreter instead.
"""

import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent
CHILD = {
    **{name: v for name, v in os.environ.items() if not name.startswith("PYTEST_")},
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONWARNINGS": "ignore",
}
# The process that lives as long as the tests run: with xdist, the workers' parent.
OWNER = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
PLACE = Path(tempfile.gettempdir()) / f"imported-for-{OWNER}"

# Answering, exporting and loading must work without `data`, `kit` and their imports.
WITHOUT_KIT = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("data", "kit", "matplotlib", "tyro"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
    del sys.modules[name]  # imported by TensorFlow, before the fork
"""

# Runs the recipe named by the first argument with `--smoke` and without TensorFlow.
WITHOUT_TENSORFLOW = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_text", "keras_nlp"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
import runpy
recipe, sys.argv[1] = sys.argv[1], "--smoke"
runpy.run_module(f"recipes.{recipe}", run_name="__main__", alter_sys=True)
assert "tensorflow" not in sys.modules
"""

# Imports a library, then runs each command received on its socket in a fork of a
# fork: the outer fork waits and sends the exit status of the inner one.
PARENT = """
import gc, importlib, json, os, runpy, select, shutil, signal, socket, sys
import traceback, types
library, place, owner = sys.argv[1:]
importlib.import_module(library)
gc.freeze()  # otherwise the collector of a child would copy every page
server = socket.socket(socket.AF_UNIX)
server.bind(place + ".making")
server.listen()
os.rename(place + ".making", place)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
job = None
while job is None:
    if not select.select([server], [], [], 1)[0]:
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            for name in (place, place + ".lock"):
                os.unlink(name)
            shutil.rmtree(os.getcwd())
            sys.exit()
        continue
    connection = server.accept()[0]
    if os.fork() == 0:
        server.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        job = json.loads(connection.makefile().readline())
        if child := os.fork():
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            connection.sendall(str(status).encode())
            os._exit(0)
    connection.close()
for descriptor, name in enumerate(["input", "output", "errors"]):
    file = os.open(job[name], os.O_RDWR if descriptor else os.O_RDONLY)
    os.dup2(file, descriptor)
    os.close(file)
sys.stdin = open(0, closefd=False)
os.chdir(job["folder"])
os.environ.clear()
os.environ.update(job["environment"])
if (jax := sys.modules.get("jax")) and "JAX_PLATFORMS" in os.environ:
    jax.config.update("jax_platforms", os.environ["JAX_PLATFORMS"])
places = os.environ.get("PYTHONPATH", "")
sys.path[:0] = [job["folder"], *filter(None, places.split(os.pathsep))]
kind, code, *rest = job["command"]
sys.argv = ["-c" if kind == "-c" else code, *rest]
status = 0
try:
    if kind == "-m":
        runpy.run_module(code, run_name="__main__", alter_sys=True)
    else:
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), vars(main))
except SystemExit as stop:
    status = stop.code or 0
except BaseException:
    traceback.print_exc()
    status = 1
if isinstance(status, str):
    print(status, file=sys.stderr)
    status = 1
for file in (sys.stdout, sys.stderr):
    file.flush()
os._exit(status)  # a regular exit of the libraries would take seconds
"""


def parent(backend: str) -> socket.socket:
    """Connects to the process with TensorFlow, or Keras on JAX; starts it if needed."""
    address = Path(f"{PLACE}-{backend}")
    with Path(f"{address}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (connection := connect(address)) is None:
            address.unlink(missing_ok=True)  # left by a process that was killed
            library = {"tensorflow": "tensorflow", "jax": "keras"}[backend]
            # Children share the functions that JAX has compiled.
            compiled = tempfile.mkdtemp(prefix="compiled-")
            environment = {
                "KERAS_BACKEND": backend,
                "JAX_COMPILATION_CACHE_DIR": compiled,
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", PARENT, library, str(address), str(OWNER)],
                env={**CHILD, **environment},
                cwd=compiled,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            while (connection := connect(address)) is None:
                assert process.poll() is None, f"{library} cannot be imported"
                time.sleep(0.05)
            process.returncode = 0  # it ends by itself, after the tests
    return connection


def connect(address: Path) -> socket.socket | None:
    """Returns a connection to the address, or None if nothing listens there."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        return None
    return connection


def forked(command, backend, folder, environment, written):
    """Runs `python`'s command in a fork; arguments and result are the same."""
    with tempfile.TemporaryDirectory() as away, parent(backend) as connection:
        names = {name: Path(away, name) for name in ("input", "output", "errors")}
        for path in names.values():
            path.touch()
        names["input"].write_text(written)
        job = {
            "command": [str(part) for part in command],
            "folder": str(Path(folder).resolve()),
            "environment": environment,
            **{name: str(path) for name, path in names.items()},
        }
        connection.sendall(json.dumps(job).encode() + b"\n")
        status = connection.makefile().read()
        assert status, "the process that imported the library is gone"
        return SimpleNamespace(
            returncode=int(status),
            stdout=names["output"].read_text(),
            stderr=names["errors"].read_text(),
        )


def python(*command, folder, written="", fresh=False, **environment):
    """Runs `python command` in `folder`: returns `returncode`, `stdout` and `stderr`.

    `written` is its standard input; `environment` adds variables like KERAS_BACKEND.
    """
    environment = {**CHILD, **environment}
    if not fresh and sys.platform == "linux":
        backend = environment.get("KERAS_BACKEND", "tensorflow")
        return forked(command, backend, folder, environment, written)
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=environment,
        input=written,
        capture_output=True,
        text=True,
    )


def python_on_jax(folder, *command, **more):
    """Runs `python command` in `folder` on JAX and returns its output."""
    environment = {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), **more}
    child = python(*command, folder=folder, **environment)
    assert child.returncode == 0, child.stderr + child.stdout
    return child.stdout


def passes_on_jax(file, request):
    """Runs a file of tests once more in a child process under JAX.

    A process has only one backend.
    """
    pytest.importorskip("jax")
    markers = request.config.getoption("-m")
    python_on_jax(
        ROOT,
        *("-m", "pytest", "-m", markers, "-p", "no:cacheprovider", "-p", "no:xdist"),
        Path(file).resolve(),
        JAX_PLATFORMS="cpu",
    )


def saved_model_cli(folder, inputs, away):
    """Runs `serving_default` with TensorFlow's own command; writes outputs to `away`.

    `inputs` are the command's arguments after those that name the export.
    """
    child = python(
        *("-m", "tensorflow.python.tools.saved_model_cli", "run", "--dir", folder),
        *("--tag_set", "serve", "--signature_def", "serving_default"),
        *("--outdir", away, *inputs),
        folder=away,
    )
    assert child.returncode == 0, child.stderr
