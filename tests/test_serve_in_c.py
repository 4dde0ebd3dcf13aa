"""A C program without Python gives the answers that TensorFlow gives in Python.

The program is built with the command that `docs/serving.md` shows.
"""

import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from recipes import char_lm, sentiment
from tests.processes import ROOT

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="the command is for Linux"),
]
WORDS = ["not", "bad", "at", "all", "好看", "的", "été", "film", "!"]
CHARACTERS = "\n abcdefghij(){}好的é😀"


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def program(tf, tmp_path_factory):
    folder = tmp_path_factory.mktemp("program")
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "serve_in_c.c", folder / "tests")
    shown = (ROOT / "docs" / "serving.md").read_text()
    command = re.search(r"^gcc .*?(?=\n```)", shown, re.MULTILINE | re.DOTALL)[0]
    build = subprocess.run(
        f"TF={tf.sysconfig.get_lib()}\n{command} -Wall -Wextra -Werror",
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, build.stderr
    return folder / "serve_in_c"


def run(program, *arguments):
    """Runs the program in an environment in which no Python can be found."""
    return subprocess.run(
        [program, *arguments],
        env={"PATH": "/nowhere", "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=program.parent,
        capture_output=True,
    )


class Export:
    """The export of an untrained model whose random weights are large."""

    def __init__(self, recipe, config, vocabulary, folder):
        import tensorflow as tf
        from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

        keras.utils.set_random_seed(1)
        model = recipe.build_model(config, vocabulary)
        chance = np.random.default_rng(1)
        model.set_weights(
            [w + 0.5 * chance.normal(size=w.shape) for w in model.get_weights()]
        )
        recipe.export(model, vocabulary, folder)
        self.folder, self.loaded = folder, tf.saved_model.load(str(folder))
        saved = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        self.tensors = saved.meta_graphs[0].signature_def["serving_default"]

    def arguments(self, **inputs):
        """The program's arguments: bytes, because a text need not be UTF-8."""
        for name, value in inputs.items():
            value = value if isinstance(value, bytes) else str(value).encode()
            yield self.tensors.inputs[name].name.encode() + b"=" + value
        for name in sorted(self.tensors.outputs):
            yield self.tensors.outputs[name].name

    def answer_in_python(self, **inputs):
        import tensorflow as tf

        serve = self.loaded.signatures["serving_default"]
        specs = serve.structured_input_signature[1]
        rows = {x: tf.constant([v], specs[x].dtype) for x, v in inputs.items()}
        return {name: value.numpy()[0] for name, value in serve(**rows).items()}


@pytest.fixture(scope="module")
def classifier(tf, tmp_path_factory):
    vocabulary = {"words": WORDS, "labels": ["bad", "好", "mixed"], "max_tokens": 30}
    folder = tmp_path_factory.mktemp("sentiment") / "1"
    return Export(sentiment, sentiment.Config(units=8), vocabulary, folder)


@pytest.fixture(scope="module")
def author(tf, tmp_path_factory):
    vocabulary = {"characters": CHARACTERS, "distinct": 30}
    folder = tmp_path_factory.mktemp("char_lm") / "1"
    return Export(char_lm, char_lm.Config(units=12), vocabulary, folder)


def test_the_program_is_linked_to_no_python(program):
    linked = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    names = [line.split()[0] for line in linked.splitlines()]
    assert "libtensorflow_cc.so.2" in names
    assert not [name for name in names if "python" in name]


def test_a_text_is_classified(program, classifier):
    texts = ["not bad at all!", "", "好看的 film, ÉTÉ 😀", 'a = "b":\n\\ film']
    texts = [*(text.encode() for text in texts), b"\xff not bad \xe5\xa5", b"film" * 9]
    labels = set()
    for text in texts:
        child = run(program, classifier.folder, *classifier.arguments(text=text))
        assert child.returncode == 0, child.stderr.decode()
        label, probabilities = child.stdout.splitlines()
        expected = classifier.answer_in_python(text=text)
        assert label == expected["label"]
        found = np.array(probabilities.split(), "float32")
        np.testing.assert_allclose(found, expected["probabilities"], rtol=0, atol=1e-5)
        labels.add(label)
    assert len(labels) > 1


@pytest.mark.parametrize(
    "values",
    [
        ("abc(", 40, 0.0, 0, 1.0, 0),
        ("", 60, 1.0, 0, 1.0, 0),
        ("", 60, 1.0, 0, 1.0, -7),
        ("好的 é?\n", 60, 0.8, 9, 0.95, 3),
        ("abc", 0, 1.0, 0, 1.0, 0),
    ],
)
def test_a_text_is_continued(program, author, values):
    names = ("prompt", "length", "temperature", "top_k", "top_p", "seed")
    settings = dict(zip(names, values, strict=True))
    child = run(program, author.folder, *author.arguments(**settings))
    assert child.returncode == 0, child.stderr.decode()
    text = child.stdout.decode().removesuffix("\n")
    assert text == author.answer_in_python(**settings)["text"].decode()
    assert len(text) == settings["length"]


def test_a_failure_is_one_line(program, author, classifier, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"no model")
    some, any_output = "serving_default_text:0=film", "StatefulPartitionedCall:0"
    length = "serving_default_length:0"
    failures = [
        ([], "expected FOLDER INPUT=VALUE ... OUTPUT ..."),
        (["missing", some, any_output], "missing: Could not find SavedModel"),
        ([tmp_path, some, any_output], f"{tmp_path}: "),
        ([classifier.folder, some], f"{classifier.folder}: Must specify"),
        ([classifier.folder, any_output], "You must feed a value"),
        ([classifier.folder, "text=film"], "text: expected a tensor of the model"),
        ([classifier.folder, "serving_default_text:9=film"], "expected a tensor"),
        ([classifier.folder, some, "StatefulPartitionedCall:9"], "expected a tensor"),
        ([author.folder, f"{length}=2x"], f"{length}: expected a number"),
        ([author.folder, f"{length}="], f"{length}: expected a number"),
        ([author.folder, f"{length}=4294967296"], "expected a number of 32 bits"),
    ]
    for arguments, message in failures:
        child = run(program, *arguments)
        *log, error = child.stderr.decode().splitlines()
        assert error.startswith("error: ") and message in error
        assert not [line for line in log if line.startswith("error")]
        assert (child.returncode, child.stdout) == (1, b"")
