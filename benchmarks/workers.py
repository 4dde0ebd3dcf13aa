"""Processes that hold the contenders and run training steps on request.

In one process, the thread pools of two libraries would compete. Each library therefore
has its own process, which answers one request at a time: a line of JSON on its standard
input, a line of JSON on its standard output.

A worker is started by `python -m benchmarks.workers keras float32`. PyTorch's may run
in another Python, which needs only NumPy and torch.
"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from data.errors import UserError
from kit.machine import processor_name

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Several processes share a GPU, so none may reserve its whole memory.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


class Worker:
    """A process with contenders; as a context manager, it ends the process.

    Args:
        kind: `keras` or `pytorch`; the module is `benchmarks.KIND_worker`.
        dtype: `float32` or `bfloat16`.
        python: the interpreter it runs in.
    """

    def __init__(self, kind, dtype="float32", python=sys.executable):
        self.kind = kind
        self.errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        command = [str(python), "-m", "benchmarks.workers", kind, dtype]
        try:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**ENVIRONMENT, **os.environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            self.errors.close()
            raise UserError(f"{python}: {error.strerror}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, do, **arguments):
        """Returns the answer of the worker's method `do`, or raises a `UserError`."""
        try:
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin)
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise UserError(self.last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise UserError(f"the {self.kind} worker failed: {answer['error']}")
        return answer["answer"]

    def last_words(self):
        """Returns why there is no answer: exit status and last line of the errors."""
        status = self.process.wait()
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors if line.strip()]
        how = f"was killed by signal {-status}" if status < 0 else f"ended ({status})"
        return f"the {self.kind} worker {how}" + "".join(f": {x}" for x in lines[-1:])

    def close(self):
        """Ends the process by closing its input, or kills it after five seconds."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def serve(kind, dtype):
    """Answers requests until the input ends."""
    # Output of the libraries goes to standard error, not between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module = importlib.import_module(f"benchmarks.{kind}_worker")
    contenders = module.Contenders(dtype)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            method = getattr(contenders, request.pop("do"))
            answer = {"answer": method(**request)}
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            answer = {"error": f"{type(error).__name__}: {lines[0]}"}
        print(json.dumps(answer), file=answers, flush=True)


def cores():
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def describe_hardware():
    """Returns processor, cores and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor_name(),
        "cores": cores(),
        "memory_gib": round(memory / 2**30),
    }


if __name__ == "__main__":
    serve(*sys.argv[1:])
