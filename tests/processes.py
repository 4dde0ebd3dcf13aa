"""What tests run in a process of its own: Python without a library, on a backend.

To import TensorFlow takes longer than most tests. So on Linux one process imports it,
another one Keras on JAX, nothing of the project, once for all tests; and each child is
a fork of theirs: it begins where a process that has just imported the library is.
`fresh=True` starts Python anew.
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
# The process that lives as long as the tests run: the one that gives workers theirs.
OWNER = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
PLACE = Path(tempfile.gettempdir()) / f"imported-for-{OWNER}"

# What answers, exports and loads needs neither the run's kit nor what it imports.
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

# With a recipe's name as its first argument: `--smoke`, where TensorFlow is missing.
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

# Imports a library, then runs each command that comes by its socket in a fork of a
# fork: the outer one waits, and says how the inner one ended.
PARENT = """
import gc, importlib, json, os, runpy, select, shutil, signal, socket, sys
import traceback, types
library, place, owner = sys.argv[1:]
importlib.import_module(library)
gc.freeze()  # else a child's collector copies every page
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
    asked = server.accept()[0]
    if os.fork() == 0:
        server.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        job = json.loads(asked.makefile().readline())
        if child := os.fork():
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            asked.sendall(str(status).encode())
            os._exit(0)
    asked.close()
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
kind, what, *rest = job["command"]
sys.argv = ["-c" if kind == "-c" else what, *rest]
status = 0
try:
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), vars(main))
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
os._exit(status)  # to take the libraries down would cost seconds
"""


def parent(backend: str) -> socket.socket:
    """Asks the process that has imported TensorFlow, or Keras on JAX."""
    place = Path(f"{PLACE}-{backend}")
    with Path(f"{place}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (asked := reached(place)) is None:
            place.unlink(missing_ok=True)  # of one that was killed
            library = {"tensorflow": "tensorflow", "jax": "keras"}[backend]
            # What JAX compiled for one child need not be compiled for the next.
            compiled = tempfile.mkdtemp(prefix="compiled-")
            environment = {
                "KERAS_BACKEND": backend,
                "JAX_COMPILATION_CACHE_DIR": compiled,
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", PARENT, library, str(place), str(OWNER)],
                env={**CHILD, **environment},
                cwd=compiled,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            while (asked := reached(place)) is None:
                assert process.poll() is None, f"{library} cannot be imported"
                time.sleep(0.05)
            process.returncode = 0  # it ends by itself, after the tests
    return asked


def reached(place: Path) -> socket.socket | None:
    """What listens at a place, if there is somebody."""
    asked = socket.socket(socket.AF_UNIX)
    try:
        asked.connect(str(place))
    except OSError:
        asked.close()
        return None
    return asked


def forked(command, backend, folder, environment, written):
    with tempfile.TemporaryDirectory() as away, parent(backend) as asked:
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
        asked.sendall(json.dumps(job).encode() + b"\n")
        status = asked.makefile().read()
        assert status, "the process that imported the library is gone"
        return SimpleNamespace(
            returncode=int(status),
            stdout=names["output"].read_text(),
            stderr=names["errors"].read_text(),
        )


def python(*command, folder, written="", fresh=False, **environment):
    """`python command` in `folder`: its `returncode`, `stdout` and `stderr`.

    `written` is what it reads; `environment` is added, as KERAS_BACKEND.
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
    """What `python command` printed, run in `folder` on JAX; `more` environment."""
    environment = {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), **more}
    child = python(*command, folder=folder, **environment)
    assert child.returncode == 0, child.stderr + child.stdout
    return child.stdout


def passes_on_jax(file, request):
    """Runs a file of tests once more in a child process under JAX.

    JAX compiles, and a process has one backend.
    """
    pytest.importorskip("jax")
    which = request.config.getoption("-m")
    python_on_jax(
        ROOT,
        *("-m", "pytest", "-m", which, "-p", "no:cacheprovider", "-p", "no:xdist"),
        Path(file).resolve(),
        JAX_PLATFORMS="cpu",
    )


def saved_model_cli(folder, inputs, away):
    """Runs `serving_default` by TensorFlow's own command: outputs as files in `away`.

    `inputs` are its arguments after those that name the export.
    """
    child = python(
        *("-m", "tensorflow.python.tools.saved_model_cli", "run", "--dir", folder),
        *("--tag_set", "serve", "--signature_def", "serving_default"),
        *("--outdir", away, *inputs),
        folder=away,
    )
    assert child.returncode == 0, child.stderr
