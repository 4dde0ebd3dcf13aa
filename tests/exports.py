"""How tests ask the export of a model that writes texts."""

import json
import shutil

import numpy as np

from tests.processes import python, saved_model_cli

FRESH = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
prompts = json.loads(sys.argv[2])
rows = len(prompts)
answer = model.signatures["serving_default"](
    prompt=tf.constant(prompts), length=tf.fill([rows], 25),
    temperature=tf.fill([rows], 0.8), top_k=tf.fill([rows], 9),
    top_p=tf.fill([rows], 0.95), seed=tf.range(rows))
score = model.signatures["score"](text=tf.constant(prompts))["nats"].numpy().tolist()
assert not {"custom_layers", "data", "kit", "recipes"} & set(sys.modules)
print(json.dumps([[t.decode() for t in answer["text"].numpy()], score]))
"""


class Author:
    """Writes so many tokens after each prompt by a recipe's `write`, as `ask` does."""

    def __init__(self, write, vocabulary, model, length, **more):
        self.write_by, self.model, self.vocabulary = write, model, vocabulary
        self.length, self.more = length, more

    def write(self, prompts, temperature=1.0, **settings):
        settings = {"temperature": temperature, **settings, **self.more}
        run = (self.model, self.vocabulary)
        return self.write_by(*run, prompts, self.length, **settings)


def ask(loaded, prompts, length, temperature=1.0, top_k=0, top_p=1.0, seed=0):
    """Texts of the export; the settings are those of the recipes' `write`."""
    import tensorflow as tf

    rows = len(prompts)
    answer = loaded.signatures["serving_default"](
        prompt=tf.constant(prompts, tf.string, [rows]),
        length=tf.constant(np.broadcast_to(length, rows), tf.int32),
        temperature=tf.fill([rows], float(temperature)),
        top_k=tf.fill([rows], top_k),
        top_p=tf.fill([rows], float(top_p)),
        seed=tf.range(seed, seed + rows),
    )
    return [text.decode() for text in answer["text"].numpy()]


def score(loaded, text):
    """Nats per token of one text, by the export."""
    import tensorflow as tf

    return float(loaded.signatures["score"](text=tf.constant([text]))["nats"][0])


def ask_elsewhere(folder, prompts, away):
    """Texts and nats of the prompts by a copy of the export, in a process without the
    project: 25 tokens at temperature 0.8, top 9, nucleus 0.95."""
    copy = shutil.copytree(folder, away / "elsewhere")
    child = python("-c", FRESH, copy, json.dumps(prompts), folder=away)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout.splitlines()[-1])


def ask_by_saved_model_cli(folder, prompts, away):
    """Nine tokens after each prompt, the most probable ones."""
    rows = len(prompts)
    inputs = {
        "prompt": np.array([prompt.encode() for prompt in prompts]),
        "length": np.full(rows, 9, "int32"),
        "temperature": np.zeros(rows, "float32"),
        "top_k": np.zeros(rows, "int32"),
        "top_p": np.ones(rows, "float32"),
        "seed": np.zeros(rows, "int32"),
    }
    np.savez(away / "in.npz", **inputs)
    named = ";".join(f"{name}={away / 'in.npz'}[{name}]" for name in inputs)
    saved_model_cli(folder, ["--inputs", named], away)
    found = np.load(away / "text.npy", allow_pickle=True)
    return [text.decode() for text in found]


def answer_to_its_request(run):
    """What a run's export answers to the request that the run wrote.

    Asked without rows, every signature answers without rows.
    """
    import tensorflow as tf

    request = json.loads((run / "request.json").read_text())
    loaded = tf.saved_model.load(str(run / "saved_model/1"))
    serve = loaded.signatures
    for name, signature in serve.items():
        specs = signature.structured_input_signature[1]
        if not specs or any(spec.shape.rank == 0 for spec in specs.values()):
            continue  # what takes no batch
        shapes = {x: [0, *spec.shape[1:]] for x, spec in specs.items()}
        none = {x: tf.zeros(shapes[x], spec.dtype) for x, spec in specs.items()}
        answer = signature(**none)
        assert all(value.shape[0] == 0 for value in answer.values()), name
    specs = serve["serving_default"].structured_input_signature[1]
    assert request.keys() == specs.keys()
    rows = {x: tf.constant([value], specs[x].dtype) for x, value in request.items()}
    return serve["serving_default"](**rows)
