"""The server, as a user starts it: every recipe's export over HTTP and gRPC."""

import concurrent.futures
import contextlib
import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from kit.served import MAX_BODY
from tests.processes import CHILD, ROOT

pytestmark = pytest.mark.exhaustive
pytest.importorskip("kserve", reason="kserve is not installed: make serve installs it")

RECIPES = ["sentiment", "char_lm", "word_lm", "translation", "tagging", "music"]
RECIPES += ["word2vec"]
TEXTS = ["", "good", "not bad at all!", "好看的电影 😀", "é\n\t\0x", "a " * 300]
PREDICT = "/v1/models/sentiment:predict"
INFER = "/v2/models/sentiment/infer"


class Server:
    """A server in a process of its own, on free ports."""

    def __init__(self, folder, *options):
        self.log = folder / "server.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kit.serve", "--port", "0", *map(str, options)],
                cwd=folder,
                env={**CHILD, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        pattern = r"Serving at http://127\.0\.0\.1:(\d+), gRPC at 127\.0\.0\.1:(\d+)"
        for _ in range(1200):
            if found := re.search(pattern, self.log.read_text()):
                break
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        self.port, self.grpc_port = map(int, found.groups())

    def ask(self, path, body=None, method=None, headers=None):
        """Returns the status and the answer, both read as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        method = method or ("GET" if body is None else "POST")
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        ) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            content = answer.read()
        assert answer.headers["content-type"].startswith("application/json"), content
        return answer.status, json.loads(content)

    def predict(self, name, body):
        status, answer = self.ask(f"/v1/models/{name}:predict", body)
        assert status == 200, answer
        return answer

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def megabytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def publish(run, folder, name, time="20260101T000000Z"):
    """Makes a run the newest one of a recipe in `folder`."""
    target = folder / "runs" / name / time
    shutil.copytree(run, target)
    link = target.with_name("new")
    link.symlink_to(target.name)
    link.replace(target.with_name("latest"))


@pytest.fixture(scope="module")
def runs(smoke_run):
    return {name: smoke_run(name) for name in RECIPES}


@pytest.fixture(scope="module")
def server(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    for name, run in runs.items():
        publish(run, folder, name)
    server = Server(folder)
    yield server
    assert server.end() in (0, -signal.SIGINT, 130)
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def loaded(runs):
    import tensorflow as tf

    return {
        name: tf.saved_model.load(str(run / "saved_model/1"))
        for name, run in runs.items()
    }


def some_inputs(name, signature, rows):
    """Values of a signature's inputs; texts of many kinds."""
    chance = np.random.default_rng(rows)
    specs = signature.structured_input_signature[1]
    whole = {"length": 7, "top_k": 5, "seed": 3, "beam": 2, "k": 4}
    inputs = {}
    for key, spec in specs.items():
        if key == "first":
            values = [["", "C4", "D minor: A4 F4"][i % 3] for i in range(rows)]
        elif key == "tokens":
            values = [[["Paul", "in", "好"][i % 3], "é", "", ""] for i in range(rows)]
        elif spec.dtype.name == "string":
            values = [TEXTS[i] for i in chance.integers(0, len(TEXTS), rows)]
        elif spec.dtype.name == "float32":
            values = [float(np.float32(x)) for x in chance.uniform(0.5, 1, rows)]
        else:
            values = [int(x) for x in chance.integers(1, whole[key] + 1, rows)]
        inputs[key] = values if spec.shape.rank else values[0]
    return inputs


def by_tensorflow(signature, inputs):
    import tensorflow as tf

    specs = signature.structured_input_signature[1]
    tensors = {key: tf.constant(x, specs[key].dtype) for key, x in inputs.items()}
    return {key: value.numpy() for key, value in signature(**tensors).items()}


def check_equal(found, expected, where):
    expected = np.asarray(expected)
    if expected.dtype.kind in "OS":
        found = np.vectorize(str.encode, otypes=[object])(np.array(found, object))
        assert found.tolist() == expected.tolist(), where
    else:
        found = np.array(found, float)  # null, for NaN
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5, err_msg=where)


@pytest.mark.parametrize("rows", [1, 64])
@pytest.mark.parametrize("name", RECIPES)
def test_answers_are_those_of_the_export(server, loaded, name, rows):
    for key, signature in loaded[name].signatures.items():
        inputs = some_inputs(name, signature, rows)
        expected = by_tensorflow(signature, inputs)
        body = {"signature_name": key, "inputs": inputs}
        found = server.predict(name, body)["outputs"]
        found = found if len(expected) > 1 else {next(iter(expected)): found}
        assert found.keys() == expected.keys()
        for output, value in expected.items():
            check_equal(found[output], value, f"{name} {key} {output}")
        if not inputs or not all(isinstance(x, list) for x in inputs.values()):
            continue
        instances = [
            dict(zip(inputs, row, strict=True))
            for row in zip(*inputs.values(), strict=True)
        ]
        body = {"signature_name": key, "instances": instances}
        for place, row in enumerate(server.predict(name, body)["predictions"]):
            for output, value in expected.items():
                each = row[output] if len(expected) > 1 else row
                check_equal(each, value[place], f"{name} {key} {output} {place}")


def v2_request(signature, inputs, **more):
    kinds = {"string": "BYTES", "int32": "INT32", "float32": "FP32"}
    specs = signature.structured_input_signature[1]
    tensors = [
        {
            "name": key,
            "shape": list(np.shape(value)),
            "datatype": kinds[specs[key].dtype.name],
            "data": np.array(value, object).ravel().tolist(),
        }
        for key, value in inputs.items()
    ]
    return {"inputs": tensors, **more}


@pytest.mark.parametrize("name", RECIPES)
def test_the_open_inference_protocol_by_rest(server, loaded, name):
    for key, signature in loaded[name].signatures.items():
        inputs = some_inputs(name, signature, 3)
        expected = by_tensorflow(signature, inputs)
        chosen = {"signature_name": key}
        body = v2_request(signature, inputs, id="17", parameters=chosen)
        status, answer = server.ask(f"/v2/models/{name}/infer", body)
        assert status == 200, answer
        assert (answer["id"], answer["model_name"]) == ("17", name)
        for output in answer["outputs"]:
            value = expected.pop(output["name"])
            assert output["shape"] == list(np.shape(value))
            found = np.array(output["data"], object).reshape(output["shape"])
            check_equal(found, value, f"{name} {key} {output['name']}")
        assert not expected
    status, answer = server.ask(f"/v2/models/{name}")
    assert status == 200
    specs = loaded[name].signatures["serving_default"].structured_input_signature[1]
    assert {tensor["name"] for tensor in answer["inputs"]} == specs.keys()


@pytest.mark.parametrize("name", RECIPES)
def test_the_open_inference_protocol_by_grpc(server, loaded, name):
    import grpc
    from kserve import InferInput, InferRequest, InferResponse
    from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub, bad = GRPCInferenceServiceStub(channel), None
        for key, signature in loaded[name].signatures.items():
            inputs = some_inputs(name, signature, 3)
            specs = signature.structured_input_signature[1]
            tensors = []
            for tensor in v2_request(signature, inputs)["inputs"]:
                dtype = specs[tensor["name"]].dtype.as_numpy_dtype
                data = [x.encode() if dtype is object else x for x in tensor["data"]]
                array = np.array(data, dtype).reshape(tensor["shape"])
                tensors.append(
                    InferInput(tensor["name"], tensor["shape"], tensor["datatype"])
                )
                tensors[-1].set_data_from_numpy(array)
            request = InferRequest(
                name, tensors, parameters={"signature_name": key}
            ).to_grpc()
            bad = request if inputs else bad
            answer = InferResponse.from_grpc(stub.ModelInfer(request))
            for output, value in by_tensorflow(signature, inputs).items():
                found = answer.get_output_by_name(output).as_numpy()
                found = np.asarray(found)
                if found.dtype == object:
                    found = np.vectorize(bytes.decode, otypes=[object])(found)
                check_equal(found, value, f"{name} {key} {output}")
        bad.model_name = "none"
        with pytest.raises(grpc.RpcError) as caught:
            stub.ModelInfer(bad)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        bad.model_name, bad.inputs[0].name = name, "none"
        with pytest.raises(grpc.RpcError) as caught:
            stub.ModelInfer(bad)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_tags_of_rows_of_any_length(server, loaded):
    """A row is as long as the longest of its request; what fills it up is empty."""
    texts = ["Paul lives in Paris", "", "好。"]
    found = server.predict("tagging", {"instances": texts})["predictions"]
    assert [row["length"] for row in found] == [4, 0, 2]
    assert [row["tokens"] for row in found] == [
        ["Paul", "lives", "in", "Paris"],
        [""] * 4,
        ["好", "。", "", ""],
    ]
    for text, row in zip(texts, found, strict=True):
        (alone,) = server.predict("tagging", {"instances": [text]})["predictions"]
        for name in ("tokens", "tags", "probabilities"):
            real, rest = row[name][: row["length"]], row[name][row["length"] :]
            if name == "probabilities":
                np.testing.assert_allclose(real, alone[name], atol=1e-5)
            else:
                assert real == alone[name]
            assert not any(rest)
    body = {"signature_name": "tokens", "instances": [["Paul", "lives"], ["Paris", ""]]}
    found = server.predict("tagging", body)["predictions"]
    assert [row["length"] for row in found] == [2, 1]
    assert found[1]["tags"][1] == "" and found[1]["probabilities"][1] == 0
    body = {"signature_name": "tokens", "instances": [["Paul", "lives"], ["Paris"]]}
    status, answer = server.ask("/v1/models/tagging:predict", body)
    assert (status, answer) == (
        400,
        {"error": "'tokens': expected lists of equal length"},
    )


def test_what_is_served_is_described(server, loaded):
    assert server.ask("/v1/models") == (200, {"models": sorted(RECIPES)})
    status, answer = server.ask("/v1/models/char_lm")
    assert status == 200
    (version,) = answer["model_version_status"]
    assert version["version"] == "20260101000000" and version["state"] == "AVAILABLE"
    status, answer = server.ask("/v1/models/char_lm/metadata")
    assert answer["model_spec"]["name"] == "char_lm"
    described = answer["metadata"]["signature_def"]["signature_def"]
    assert described.keys() == loaded["char_lm"].signatures.keys()
    text = described["score"]["inputs"]["text"]
    assert text["dtype"] == "DT_STRING"
    assert text["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]
    assert server.ask("/v2/health/live") == (200, {"live": True})
    assert server.ask("/v2/health/ready") == (200, {"ready": True})
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", server.port)
    ) as connection:
        connection.request("GET", "/metrics")
        metrics = connection.getresponse().read().decode()
    assert 'request_predict_seconds_count{model_name="sentiment"}' in metrics


def test_the_page_and_its_parts(server):
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", server.port)
    ) as connection:
        for path, kind in (("/", "text/html"), ("/page/page.js", "text/javascript")):
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200 and answer.read()
            assert answer.headers["content-type"].startswith(kind)
            assert "'self'" in answer.headers["content-security-policy"]


def tensor(**changes):
    values = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}
    return {"inputs": [{**values, **changes}]}


SETTINGS = {"temperature": [1.0], "top_k": [0], "top_p": [1.0], "seed": [0]}
WRITE = {"prompt": ["a"], "length": [5], **SETTINGS}
LM = "/v1/models/char_lm:predict"
BAD = [
    (PREDICT, b"", 400, "expected JSON"),
    (PREDICT, b"{", 400, "expected JSON"),
    (PREDICT, b"\xff\xfe{}", 400, "expected JSON"),
    (PREDICT, b'{"instances": ["\\ud800"]}', 400, "expected JSON"),
    (PREDICT, b'{"instances": [NaN]}', 400, "expected JSON"),
    (PREDICT, b"[" * 100_000, 400, "expected JSON"),
    (PREDICT, b"<xml/>", 400, "expected JSON"),
    (PREDICT, {}, 400, '"instances" or "inputs"'),
    (PREDICT, [], 400, '"instances" or "inputs"'),
    (PREDICT, "x", 400, '"instances" or "inputs"'),
    (PREDICT, b"null", 400, '"instances" or "inputs"'),
    (PREDICT, {"instances": [1], "inputs": [1]}, 400, '"instances" or "inputs"'),
    (PREDICT, {"instances": "good"}, 400, "expected a list"),
    (PREDICT, {"instances": [5]}, 400, "expected a text, found 5"),
    (PREDICT, {"instances": [None]}, 400, "expected a text, found null"),
    (PREDICT, {"instances": [["a"]]}, 400, "expected a text, found a list"),
    (PREDICT, {"instances": [{"b64": "?"}]}, 400, "expected base64"),
    (PREDICT, {"instances": [{"txt": "a"}]}, 400, "the input 'text' is missing"),
    (PREDICT, {"inputs": {"text": "a"}}, 400, "expected a list, found a text"),
    (PREDICT, {"instances": ["a"], "signature_name": "x"}, 400, "no signature 'x'"),
    (PREDICT, {"instances": ["a"] * 10_000}, 400, "at most 1,000 rows"),
    (PREDICT, {"instances": ["a" * 200_000]}, 400, "at most 100,000 bytes"),
    (PREDICT, {"instances": ["a" * 10_000_000]}, 413, f"at most {MAX_BODY:,} bytes"),
    (LM, {"inputs": {**WRITE, "length": [10_000_000]}}, 400, "at most 10000"),
    (LM, {"inputs": {**WRITE, "length": [10**12]}}, 400, "too large"),
    (LM, {"inputs": {**WRITE, "length": [2.5]}}, 400, "expected a whole number"),
    (LM, {"inputs": {**WRITE, "length": ["5"]}}, 400, "expected a whole number"),
    (LM, {"inputs": {**WRITE, "temperature": [-1]}}, 400, "temperature is negative"),
    (LM, {"inputs": {**WRITE, "prompt": ["a", "b"]}}, 400, "as many rows"),
    (LM, {"inputs": {"prompt": ["a"]}}, 400, "is missing"),
    (LM, {"inputs": {**WRITE, "more": [1]}}, 400, "no input 'more'"),
    ("/v1/models/none:predict", {"instances": ["a"]}, 404, "none does not exist"),
    ("/v1/models/none", None, 404, "none does not exist"),
    ("/v1/models/none/metadata", None, 404, "none does not exist"),
    ("/nowhere", None, 404, "Not Found"),
    ("/page/none.js", None, 404, "no page none.js"),
    ("/page/..%2fserve.py", None, 404, "Not Found"),
    (PREDICT, None, 405, "expected POST"),
    (INFER, b"{", 400, "expected JSON"),
    (INFER, {}, 400, "inputs: Field required"),
    (INFER, {"inputs": []}, 400, "the input 'text' is missing"),
    (INFER, tensor(data=[5]), 400, "expected a text, found 5"),
    (INFER, tensor(shape=[2]), 400, "cannot reshape"),
    (INFER, tensor(shape=[-1, "x"]), 400, "valid integer"),
    (INFER, tensor(datatype="INT32"), 400, "expected the datatype BYTES"),
    (INFER, tensor(name="x"), 400, "the input 'text' is missing"),
    (INFER, {**tensor(), "outputs": [{"name": "x"}]}, 400, "no output 'x'"),
    (INFER, {**tensor(), "parameters": {"signature_name": "x"}}, 400, "no signature"),
    ("/v2/models/none/infer", tensor(), 404, "none does not exist"),
    ("/v2/repository/models/sentiment/unload", {}, 400, "own folders only"),
]


def test_bad_requests_end_in_one_sentence(server):
    for path, body, status, message in BAD:
        found, answer = server.ask(path, body)
        where = (path, str(body)[:80], found, answer)
        assert found == status and answer.keys() == {"error"}, where
        assert message in answer["error"] and "\n" not in answer["error"], where
    binary = {"Inference-Header-Content-Length": "2"}
    binary["Content-Type"] = "application/octet-stream"
    assert server.ask(INFER, b"{}xx", headers=binary)[0] == 400
    assert server.ask(PREDICT, b"x", method="PUT")[0] == 405
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # curl's default
    assert server.ask(PREDICT, {"instances": ["good"]}, headers=form)[0] == 200


def test_clients_that_leave_do_no_harm(server):
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()
    chunks = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole = json.dumps({"instances": ["good"] * 500}).encode()
    asked = head.replace(b"100", str(len(whole)).encode()) + whole
    for sent in (
        b"",
        b"POST",
        head,
        head + b'{"inst',
        chunks.encode() + b"5\r\n{",
        asked,
    ):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(sent)
    for sent in (
        b"\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        head.replace(b"100", b"-1"),
    ):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(sent)
            assert connection.recv(99).startswith(b"HTTP/1.1 400")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(chunks.encode())  # a body whose length is not told
        block = f"{1 << 20:x}\r\n".encode() + b"x" * (1 << 20) + b"\r\n"
        for _ in range(6):
            connection.sendall(block)
        connection.sendall(b"0\r\n\r\n")
        assert connection.recv(99).startswith(b"HTTP/1.1 413")
    assert server.predict("sentiment", {"instances": ["good"]})


def test_a_kept_connection_is_answered_at_once(server):
    """Not after the 40 ms of a delayed acknowledgement."""
    body, times = json.dumps({"instances": ["good"]}), []
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", server.port)
    ) as connection:
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(40):
            start = time.perf_counter()
            connection.request("POST", PREDICT, body)
            assert connection.getresponse().read()
            times.append(time.perf_counter() - start)
    assert min(times) < 0.03


def test_many_clients_get_their_own_answers(server, loaded):
    """Also while requests share calls; memory does not grow."""
    texts = [f"{a} {b}" for a in ("good", "not bad", "好") for b in range(20)]
    serve = loaded["sentiment"].signatures["serving_default"]
    expected = by_tensorflow(serve, {"text": texts})["probabilities"]

    def ask(n):
        place = n % len(texts)
        answer = server.predict("sentiment", {"instances": [texts[place]]})
        found = answer["predictions"][0]["probabilities"]
        check_equal(found, expected[place], texts[place])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(1000)))
        before = server.megabytes()
        list(pool.map(ask, range(2000)))
    assert server.megabytes() < 1.05 * before


@pytest.fixture
def alone(runs, tmp_path):
    """A server of one recipe, in a folder that a test may change."""
    publish(runs["sentiment"], tmp_path, "sentiment")
    server = Server(tmp_path)
    yield server, tmp_path
    server.end()


def version(server, name="sentiment"):
    status, answer = server.ask(f"/v1/models/{name}")
    assert status == 200
    return answer["model_version_status"][0]["version"]


def test_a_newer_run_replaces_the_older_one_without_a_pause(alone, runs):
    server, folder = alone
    statuses, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            statuses.append(server.ask(PREDICT, {"instances": ["good"]})[0])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        publish(runs["sentiment"], folder, "sentiment", "20260202T000000Z")
        publish(runs["word2vec"], folder, "words")  # a new name
        for _ in range(300):
            if version(server) == "20260202000000" and (
                "words" in server.ask("/v1/models")[1]["models"]
            ):
                break
            time.sleep(0.1)
        stop.set()
        for each in asking:
            each.result()
    assert version(server) == "20260202000000"
    assert len(statuses) > 50 and set(statuses) == {200}
    assert server.predict("words", {"inputs": {"word": ["a"], "k": [1]}})


def test_a_damaged_run_leaves_the_older_one(alone, runs):
    server, folder = alone
    damaged = folder / "damaged"
    shutil.copytree(runs["sentiment"], damaged)
    (damaged / "saved_model/1/saved_model.pb").write_bytes(b"no model")
    publish(damaged, folder, "sentiment", "20260303T000000Z")
    for _ in range(100):
        if "cannot be loaded" in server.log.read_text():
            break
        time.sleep(0.1)
    assert "cannot be loaded" in server.log.read_text()
    assert version(server) == "20260101000000"
    assert server.predict("sentiment", {"instances": ["good"]})


def test_published_models_and_single_runs(runs, tmp_path):
    for number in ("2", "10", "9"):
        export = runs["sentiment"] / "saved_model/1"
        shutil.copytree(export, tmp_path / "models/mine" / number)
    server = Server(tmp_path, "--run", "models")
    try:
        assert version(server, "mine") == "10"
        assert server.predict("mine", {"instances": ["good"]})
    finally:
        server.end()


def failing(folder, *options):
    child = subprocess.run(
        [sys.executable, "-m", "kit.serve", *options],
        cwd=folder,
        env={**CHILD, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 2
    *_, line = child.stderr.splitlines()
    assert line.startswith("error: ") and "Traceback" not in child.stderr
    return line


def test_what_cannot_be_served_is_said_in_one_line(server, runs, tmp_path):
    assert "no finished run yet: make sentiment" in failing(tmp_path)
    assert "no folder models" in failing(tmp_path, "--run", "models")
    assert "found none" in failing(tmp_path, "--run", ".")
    (tmp_path / "damaged/saved_model/1").mkdir(parents=True)
    (tmp_path / "damaged/saved_model/1/saved_model.pb").write_bytes(b"no model")
    assert "found none" in failing(tmp_path, "--run", "damaged")
    assert "--port must be from 0 to 65534, found -1" in failing(
        tmp_path, "--port", "-1"
    )
    assert "--port must be" in failing(tmp_path, "--port", "65535")
    assert "--batch must be at least 1, found 0" in failing(tmp_path, "--batch", "0")
    busy = ("--run", str(runs["sentiment"]), "--port", str(server.port))
    assert f"127.0.0.1:{server.port} cannot be used: Address already" in failing(
        tmp_path, *busy
    )
