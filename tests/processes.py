"""What tests run in a process of its own: Python without a library, on a backend.

To import TensorFlow takes longer than most tests. So on Linux one process a backend
imports it, and nothing of the project, and each child is a fork of that one: it begins
where a process that has just imported the library is. `fresh=True` starts Python anew.
"""

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent
CHILD = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}

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

# Imports what its argument names, then forks for each line that it reads.
PARENT = """
import gc, importlib, json, os, runpy, sys, traceback, types
for name in sys.argv[1].split():
    importlib.import_module(name)
gc.freeze()  # else a child's collector copies every page
print("ready", flush=True)
job = None
while job is None and (line := sys.stdin.readline()):
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(status, flush=True)
    else:
        job = json.loads(line)
if job:
    for descriptor, name in enumerate(["input", "output", "errors"]):
        mode = os.O_RDWR if descriptor else os.O_RDONLY
        file = os.open(job[name], mode)
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


class Parent:
    """A process that has imported some modules, and is forked for each command."""

    def __init__(self, modules, environment):
        # What JAX compiled for one child need not be compiled for the next.
        self.compiled = tempfile.TemporaryDirectory()
        cache = {
            "JAX_COMPILATION_CACHE_DIR": self.compiled.name,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", PARENT, modules],
            env={**CHILD, **cache, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        atexit.register(self.end)
        assert self.process.stdout.readline() == "ready\n"

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.compiled.cleanup()

    def run(self, command, folder, environment, written):
        with tempfile.TemporaryDirectory() as away:
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
            print(json.dumps(job), file=self.process.stdin, flush=True)
            return SimpleNamespace(
                returncode=int(self.process.stdout.readline()),
                stdout=names["output"].read_text(),
                stderr=names["errors"].read_text(),
            )


@functools.cache
def parent(backend):
    """The process whose forks have imported TensorFlow, or Keras on JAX."""
    modules = {"tensorflow": "tensorflow", "jax": "keras"}[backend]
    return Parent(modules, {"KERAS_BACKEND": backend})


def python(*command, folder, written="", fresh=False, **environment):
    """`python command` in `folder`: its `returncode`, `stdout` and `stderr`.

    `written` is what it reads; `environment` is added, as KERAS_BACKEND.
    """
    environment = {**CHILD, **environment}
    if not fresh and sys.platform == "linux":
        backend = environment.get("KERAS_BACKEND", "tensorflow")
        return parent(backend).run(command, folder, environment, written)
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
