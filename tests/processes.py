"""What tests run in a process of its own: Python without a library, on a backend."""

import os
import subprocess
import sys
from pathlib import Path

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


def python_on_jax(folder, *command, **more):
    """What `python command` printed, run in `folder` on JAX; `more` environment."""
    environment = {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), **more}
    child = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**CHILD, **environment},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stderr + child.stdout
    return child.stdout
