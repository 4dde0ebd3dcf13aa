"""Models with known answers, and a server of them for the tests of the page.

A model has signatures by name; each is a `Signature`, whose function takes inputs and
returns outputs by name. A text with `slow` is answered after a second, and one with
`broken` is refused.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np

from tests.processes import ROOT
from tokens import notes

PAGE = ROOT / "kit" / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
TYPES |= {".svg": "image/svg+xml"}
HTML = "<b>bold</b><img src=x>"  # to be shown as it is
NAN = float("nan")


class Signature(NamedTuple):
    inputs: dict[str, tuple]  # name -> type and shape
    outputs: tuple[str, ...]
    answer: Callable


class Refused(Exception):
    """A request that is answered with status 400."""


# 1. Signatures -----------------------------------------------------------------------

STRINGS, INTS, FLOATS = ("DT_STRING", -1), ("DT_INT32", -1), ("DT_FLOAT", -1)


def heed(text: str) -> None:
    if "broken" in text:
        raise Refused("the text is broken,\n  as expected. " + "More lines\n" * 99)
    time.sleep(1 if "slow" in text else 0)


def classifier(labels: list[str]) -> dict[str, Signature]:
    """The probability of `good`, the second class, is the share of words that are."""

    def share_of_good(text):
        words = text.split()
        good = [words[:n].count("good") / n for n in range(1, len(words) + 1)]
        return words, [[1 - p, p, *[0] * (len(labels) - 2)] for p in good]

    def classify(text):
        heed(text[0])
        probabilities = share_of_good(text[0])[1][-1]
        label = labels[int(np.argmax(probabilities))]
        return {"label": [label], "probabilities": [probabilities]}

    def word_by_word(text):
        words, probabilities = share_of_good(text)
        return {"words": words, "probabilities": probabilities}

    answers = ("label", "probabilities")
    return {
        "serving_default": Signature({"text": STRINGS}, answers, classify),
        "word_by_word": Signature(
            {"text": ("DT_STRING",)}, ("words", "probabilities"), word_by_word
        ),
        "labels": Signature({}, ("labels",), lambda: {"labels": labels}),
    }


def write(prompt, length, temperature, top_k, top_p, seed):
    """Continues a text with what was asked for."""
    heed(prompt[0])
    time.sleep(0.1)
    settings = [length[0], temperature[0], top_k[0], top_p[0]]
    return {"text": [f" {seed[0]}:{','.join(map(str, settings))}"]}


def translate(text, beam):
    """The words in reverse order, and the number of beams."""
    return {"text": [" ".join([*text[0].split()[::-1], str(beam[0])])]}


def align(text):
    words = text[0].split()
    count = len(words)
    weights = np.full((count + 1, count + 1), 0.25 / max(count - 1, 1))
    weights[range(count), range(count)[::-1]] = 0.75
    return {
        "tokens": [[*words, ""]],
        "translation": [[*words[::-1], ""]],
        "weights": [weights.tolist()],
    }


NEAR = {"king": ["queen", HTML], "queen": ["king"], "man": ["woman"]}


def nearest(word, k):
    rows = [NEAR.get(each, [])[:k] for each, k in zip(word, k, strict=True)]
    most = max(map(len, rows))
    return {
        "words": [row + [""] * (most - len(row)) for row in rows],
        "cosines": [[0.75] * len(row) + [NAN] * (most - len(row)) for row in rows],
    }


def analogy(a, b, c, k):
    if all(word[0] in NEAR for word in (a, b, c)):
        return {"words": [["boat"]], "cosines": [[0.5]]}
    return {"words": [[""]], "cosines": [[NAN]]}


def compose(first, length, temperature, top_p, seed):
    """The first notes, half a beat each, over one C3 that is held."""
    try:
        key, tops = notes.beginning(first[0])
    except ValueError as error:
        reason = f"assertion failed: [{error}] [Condition x == y did not hold]"
        raise Refused(f"Graph execution error:\n\nDetected at:\n{reason}") from None
    piece, bass = np.zeros((length[0], notes.KEYS), "uint8"), 48 - notes.LOWEST
    piece[: 2 * len(tops), bass] = notes.IS_HELD
    piece[0, bass] = notes.IS_STRUCK
    for place, top in enumerate(tops):
        piece[2 * place, top - notes.STRUCK] = notes.IS_STRUCK
    return {"notes": [notes.encode(piece, key).tolist()[1:]]}


def coding():
    return {"names": notes.names(), "quarter": 2, "bar": 8}


TAG_OF = {"Paul": "B-PER", "Simon": "I-PER", "Paris": "B-LOC", "باريس": "B-LOC"}
TAG_OF |= {
    "O'Neill": "I-PER",
    "York": "I-LOC",
    "<b>bold</b><img": "B-LOC",
    "changed": "B-PER",
}


def tagger(labels: list[str], tag_of: dict[str, str]) -> dict[str, Signature]:
    """Words and full stops; each has its tag with the probability 0.75. The tokens
    after the length do not count."""

    def serve(text):
        heed(text[0])
        found = text[0].replace("’", "'").replace("Lima", "changed")
        tokens = found.replace(".", " . ").split()
        count, tokens = len(tokens), [*tokens, *tag_of]
        return {
            "tokens": [tokens],
            "tags": [[tag_of.get(token, labels[0]) for token in tokens]],
            "probabilities": [[0.75] * len(tokens)],
            "length": [count],
        }

    answers = ("tokens", "tags", "probabilities", "length")
    rows = {"tokens": ("DT_STRING", -1, -1)}
    return {
        "serving_default": Signature({"text": STRINGS}, answers, serve),
        "tokens": Signature(rows, answers[1:], lambda tokens: None),
        "labels": Signature({}, ("labels",), lambda: {"labels": labels}),
    }


def describe(text, count, table):
    return {"text": [f"{text[0]} {count[0] + 1} {table[0][1]}"]}


# 2. Models ---------------------------------------------------------------------------

SAMPLING = {"temperature": FLOATS, "top_p": FLOATS, "seed": INTS}
PROMPT = {"prompt": STRINGS, "length": INTS, "top_k": INTS, **SAMPLING}
FIRST = {"first": STRINGS, "length": INTS, **SAMPLING}
TABLE = {"text": STRINGS, "count": INTS, "table": ("DT_FLOAT", -1, 2)}
CLOSEST = ("words", "cosines")
ALIGNED = ("tokens", "translation", "weights")
MODELS = {
    "opinions": classifier(["bad", "good"]),
    "moods": classifier(["sad", "good", HTML]),
    "writer": {"serving_default": Signature(PROMPT, ("text",), write)},
    "mirror": {
        "serving_default": Signature(
            {"text": STRINGS, "beam": INTS}, ("text",), translate
        ),
        "align": Signature({"text": STRINGS}, ALIGNED, align),
    },
    "names": tagger(["O", "B-LOC", "I-LOC", "B-PER", "I-PER"], TAG_OF),
    "grammar": tagger(
        [f"T{n}" for n in range(17)], {f"w{n}": f"T{n}" for n in range(17)}
    ),
    "vectors": {
        "nearest": Signature({"word": STRINGS, "k": INTS}, CLOSEST, nearest),
        "analogy": Signature(
            {**dict.fromkeys("abc", STRINGS), "k": INTS}, CLOSEST, analogy
        ),
    },
    "choir": {
        "serving_default": Signature(FIRST, ("notes",), compose),
        "coding": Signature({}, ("names", "quarter", "bar"), coding),
    },
    "other kind": {"serving_default": Signature(TABLE, ("text",), describe)},
}
UNREADABLE = {"unreadable": None}  # a model whose metadata cannot be had


# 3. The server -----------------------------------------------------------------------


def metadata(model: dict[str, Signature]) -> dict:
    def specification(kind, *shape):
        dimensions = [{"size": str(size), "name": ""} for size in shape]
        shape = {"dim": dimensions, "unknown_rank": False}
        return {"dtype": kind, "tensor_shape": shape, "name": "given:0"}

    signatures = {
        name: {
            "inputs": {k: specification(*v) for k, v in signature.inputs.items()},
            "outputs": {k: specification(*FLOATS) for k in signature.outputs},
            "method_name": "tensorflow/serving/predict",
        }
        for name, signature in model.items()
    }
    return {"metadata": {"signature_def": {"signature_def": signatures}}}


@contextlib.contextmanager
def serving(models: dict) -> Iterator[str]:
    """Serves the page and models in the REST form of TensorFlow Serving; yields the
    address, with a slash at its end."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def send(self, status, body, kind="application/json"):
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            with contextlib.suppress(OSError):  # the page has aborted its request
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def do_GET(self):
            path = unquote(self.path)
            name = path.removeprefix("/v1/models/").removesuffix("/metadata")
            file = PAGE / Path("index.html" if path == "/" else path).name
            if path == "/v1/models":
                self.send(200, {"models": list(models)})
            elif models.get(name):
                self.send(200, metadata(models[name]))
            elif file.is_file() and (path == "/" or path.startswith("/page/")):
                self.send(200, file.read_bytes(), TYPES[file.suffix])
            else:
                self.send(404, {"error": f"{path}: expected a model or a file."})

        def do_POST(self):
            name = unquote(self.path).removeprefix("/v1/models/")
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            signature = models[name.removesuffix(":predict")][body["signature_name"]]
            try:
                outputs = signature.answer(**body["inputs"])
            except Refused as error:
                self.send(400, {"error": str(error)})
                return
            assert outputs.keys() == set(signature.outputs)
            if len(outputs) == 1:
                (outputs,) = outputs.values()
            self.send(200, {"outputs": outputs})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
