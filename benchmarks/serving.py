"""How many requests per second `make serve` answers, and how long each takes.

    python -m benchmarks.serving

Serves the newest runs of sentiment, translation and char_lm with and without joined
calls, and beside them the same SavedModels by a FastAPI application of a few lines. 1,
8 and 64 clients, in a process of their own, each send the next request when the answer
to the last one has arrived. Ends with 10,000 requests to sentiment, for the memory.

Writes `results/serving.json`; `make results` puts its table into docs/serving.md.
"""

import asyncio
import contextlib
import csv
import itertools
import json
import math
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from benchmarks.report import write_record
from data.errors import UserError, one_line_errors
from kit.machine import describe_machine
from kit.publish import export_of

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "results" / "serving.json"
CLIENTS = (1, 8, 64)
SERVERS = ("joined", "single", "FastAPI")
REQUESTS = 10_000  # for the memory
DATES = (
    "May 21, 1999",
    "21 мая 1999 г.",
    "1999年5月21日",
    "21. Mai 1999",
    "21/05/1999",
)
PROMPTS = ("import ", "def ", "class Test", "    return ", "for x in ")


@dataclass(frozen=True)
class Options:
    seconds: float = 5.0  # of each measurement
    fastapi: Path | None = None  # serve this SavedModel, at `port`
    port: int = 8601


def rows_of(recipe: str):
    """Yields rows of inputs, the same ones in every measurement."""
    if recipe == "sentiment":
        with (ROOT / "data/reviews_handwritten.csv").open(encoding="utf-8") as file:
            texts = [row["text"] for row in csv.DictReader(file)]
        yield from ({"text": text} for text in itertools.cycle(texts))
    elif recipe == "translation":
        yield from ({"text": date, "beam": 1} for date in itertools.cycle(DATES))
    else:
        settings = {"length": 50, "temperature": 0.7, "top_k": 0, "top_p": 1.0}
        for seed, prompt in enumerate(itertools.cycle(PROMPTS)):
            yield {"prompt": prompt, **settings, "seed": seed}


def request(path: str, row: dict) -> bytes:
    body = json.dumps({"instances": [row]}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


async def client(port: int, requests, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for content in requests:
        start = time.perf_counter()
        writer.write(content)
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(re.search(rb"content-length: (\d+)", head.lower())[1])
        answer = await reader.readexactly(size)
        if not head.startswith(b"HTTP/1.1 200"):
            raise UserError(f"a request failed: {answer[:200]!r}")
        times.append(time.perf_counter() - start)
    writer.close()


def load(
    port: int, path: str, recipe: str, clients: int, seconds=math.inf, count=math.inf
) -> tuple[list[float], float]:
    """The seconds that each request took, and all of them together.

    Ends after `seconds`, or `count` requests.
    """
    times: list[float] = []
    start = time.perf_counter()

    def is_open(_) -> bool:
        return len(times) < count and time.perf_counter() - start < seconds

    requests = (request(path, row) for row in rows_of(recipe))
    shared = itertools.takewhile(is_open, requests)

    async def all_clients() -> None:
        await asyncio.gather(*(client(port, shared, times) for _ in range(clients)))

    asyncio.run(all_clients())
    return times, time.perf_counter() - start


@contextlib.contextmanager
def running(*command):
    """A server in a process of its own, from its first line on."""
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, command)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        for line in process.stdout:
            if line.startswith("Serving"):
                break
        else:
            raise UserError(f"{' '.join(map(str, command))} did not start")
        yield process
    finally:
        process.terminate()
        process.wait()


def megabytes(process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def measure(port: int, path: str, recipe: str, seconds: float) -> dict:
    found = {}
    for clients in CLIENTS:
        load(port, path, recipe, clients, seconds=1)  # not counted
        times, elapsed = load(port, path, recipe, clients, seconds)
        half, most = (1000 * np.percentile(times, [50, 99])).tolist()
        found[str(clients)] = {
            "requests_per_second": len(times) / elapsed,
            "p50_ms": half,
            "p99_ms": most,
        }
        print(f"  {clients:>2} clients: {found[str(clients)]}", flush=True)
    return found


def memory(process, port: int, path: str) -> dict:
    """The memory after a tenth of the requests, and after all of them."""
    sizes = []
    for count in (REQUESTS // 10, REQUESTS):
        load(port, path, "sentiment", 8, count=count)
        sizes.append(megabytes(process))
    return {"requests": REQUESTS, "first_mb": sizes[0], "last_mb": sizes[1]}


def by_fastapi(folder: Path, port: int) -> None:
    """The yardstick: what one writes first to serve a SavedModel."""
    import fastapi
    import tensorflow as tf
    import uvicorn

    model, app = tf.saved_model.load(str(folder)), fastapi.FastAPI()
    serve = model.signatures["serving_default"]
    specs = serve.structured_input_signature[1]

    @app.post("/predict")
    def predict(body: dict):
        rows = body["instances"]
        outputs = serve(
            **{
                name: tf.constant([row[name] for row in rows], spec.dtype)
                for name, spec in specs.items()
            }
        )
        lists = {name: value.numpy().tolist() for name, value in outputs.items()}
        return {
            "predictions": [
                dict(zip(lists, row, strict=True))
                for row in zip(*lists.values(), strict=True)
            ]
        }

    print("Serving", flush=True)
    uvicorn.run(app, port=port, log_level="error")


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    if options.fastapi:
        by_fastapi(options.fastapi, options.port)
        return
    record, port = {"environment": describe_machine(), "load": {}}, options.port
    for recipe in ("sentiment", "translation", "char_lm"):
        run = export_of(recipe).parent.parent
        for server in SERVERS:
            print(f"{recipe}, {server}", flush=True)
            command = ["kit.serve", "--run", run, "--port", port]
            path = f"/v1/models/{recipe}:predict"
            if server == "single":
                command += ["--batch", 1]
            if server == "FastAPI":
                command = ["benchmarks.serving", "--fastapi", run / "saved_model/1"]
                command += ["--port", port]
                path = "/predict"
            with running(*command) as process:
                time.sleep(3)  # until it listens
                found = measure(port, path, recipe, options.seconds)
                record["load"].setdefault(recipe, {})[server] = found
                if (recipe, server) == ("sentiment", "joined"):
                    record["memory"] = memory(process, port, path)
                    print(f"  {record['memory']}")
    write_record(record, RECORD)
    print(RECORD)


def markdown(record: dict) -> str:
    head = "| model | clients | joined calls | single calls | FastAPI |"
    lines = [head, "|---|---:|---:|---:|---:|"]
    for recipe, servers in record["load"].items():
        for clients in map(str, CLIENTS):
            cells = [
                "{requests_per_second:,.0f} ({p50_ms:.3g}, {p99_ms:.3g} ms)".format(
                    **servers[server][clients]
                )
                for server in SERVERS
            ]
            lines.append(f"| {recipe} | {clients} | {' | '.join(cells)} |")
    memory = (
        "After {requests:,} requests the server has {last_mb:,.0f} MB, after a tenth "
    )
    memory += "of them {first_mb:,.0f} MB."
    return "\n".join([*lines, "", memory.format(**record["memory"])]) + "\n"


if __name__ == "__main__":
    with one_line_errors():
        main()
