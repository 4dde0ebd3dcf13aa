"""Calls to the SavedModels of the recipes that write texts; a tagger's SavedModel."""

import json
import shutil
from types import SimpleNamespace

import numpy as np

from custom_layers import saved_model
from tests.processes import python, saved_model_cli
from tokens.cased_words import tokenize_in_graph

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
    """Calls a recipe's `write`, with the defaults that `ask` has for its export."""

    def __init__(self, write, vocabulary, model, length, **more):
        self.write_by, self.model, self.vocabulary = write, model, vocabulary
        self.length, self.more = length, more

    def write(self, prompts, temperature=1.0, **settings):
        settings = {"temperature": temperature, **settings, **self.more}
        run = (self.model, self.vocabulary)
        return self.write_by(*run, prompts, self.length, **settings)


def ask(loaded, prompts, length, temperature=1.0, top_k=0, top_p=1.0, seed=0):
    """Returns the texts of the export; the settings are those of a recipe's `write`."""
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
    """Returns the nats per token of one text, computed by the export."""
    import tensorflow as tf

    return float(loaded.signatures["score"](text=tf.constant([text]))["nats"][0])


def ask_elsewhere(folder, prompts, away):
    """Returns texts and nats of the prompts from a copy of the export.

    The copy runs in a process that does not import the project, and writes 25 tokens
    with temperature 0.8, top-k 9 and top-p 0.95.
    """
    copy = shutil.copytree(folder, away / "elsewhere")
    child = python("-c", FRESH, copy, json.dumps(prompts), folder=away)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout.splitlines()[-1])


def ask_by_saved_model_cli(folder, prompts, away):
    """Returns nine tokens after each prompt, each the most probable one."""
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
    sources = ";".join(f"{name}={away / 'in.npz'}[{name}]" for name in inputs)
    saved_model_cli(folder, ["--inputs", sources], away)
    texts = np.load(away / "text.npy", allow_pickle=True)
    return [text.decode() for text in texts]


def answer_to_its_request(run):
    """Returns the answer of a run's export to the `request.json` of that run.

    Also checks that every signature answers a batch without rows without rows.
    """
    import tensorflow as tf

    request = json.loads((run / "request.json").read_text())
    loaded = tf.saved_model.load(str(run / "saved_model/1"))
    serve = loaded.signatures
    for name, signature in serve.items():
        specs = signature.structured_input_signature[1]
        if not specs or any(spec.shape.rank == 0 for spec in specs.values()):
            continue  # what takes no batch
        shapes = {x: [0, *(n or 0 for n in s.shape[1:])] for x, s in specs.items()}
        none = {x: tf.zeros(shapes[x], spec.dtype) for x, spec in specs.items()}
        answer = signature(**none)
        assert all(value.shape[0] == 0 for value in answer.values()), name
    specs = serve["serving_default"].structured_input_signature[1]
    assert request.keys() == specs.keys()
    rows = {x: tf.constant([value], specs[x].dtype) for x, value in request.items()}
    return serve["serving_default"](**rows)


def export_tagger(folder, labels, known):
    """Writes an export with the signatures of a tagger.

    Args:
        folder: The folder to write.
        labels: All tags. A word that is not known has the first one, with the
            probability 0.96875.
        known: By word, its tag and the tag's probability.
    """
    import tensorflow as tf

    table = saved_model.lookup_table([*known], first=0, default=len(known))
    names, rows = tf.constant(labels), [*known.values(), (labels[0], 0.96875)]
    places = tf.constant([labels.index(tag) for tag, _ in rows])
    shares = tf.constant([share for _, share in rows])

    def tags_of(tokens):
        real = tokens != ""
        row = table.lookup(tokens)
        return {
            "tags": tf.where(real, tf.gather(names, tf.gather(places, row)), ""),
            "probabilities": tf.where(real, tf.gather(shares, row), 0.0),
            "length": tf.reduce_sum(tf.cast(real, tf.int32), axis=1),
        }

    def serve(text):
        tokens = tokenize_in_graph(text).to_tensor("")
        return {"tokens": tokens, **tags_of(tokens)}

    signatures = {
        "serving_default": (serve, {"text": "string"}),
        "tokens": (tags_of, {"tokens": tf.TensorSpec([None, None], tf.string)}),
        "labels": (lambda: {"labels": tf.identity(names)}, {}),
    }
    saved_model.save(folder, SimpleNamespace(weights=[]), signatures, [table])
