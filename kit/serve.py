"""``make serve [RUN=folder] [HOST=...] [PORT=...]``: exported models as a service.

The server is KServe's (https://kserve.github.io), which also runs on a cluster:

- TensorFlow Serving's REST interface: `POST /v1/models/NAME:predict`, also with
  `signature_name`, `GET /v1/models/NAME` and `/v1/models/NAME/metadata`;
- the Open Inference Protocol: `/v2/models/NAME/infer` ..., and gRPC on the next port;
  the request's parameter `signature_name` chooses a signature;
- `/v2/health/live`, `/v2/health/ready`, and `/metrics` for Prometheus;
- a page to try the models at `/`.

It serves the newest finished run of every recipe, or RUN, which is a run or a folder of
published models. A newer run or version replaces the older one without a pause.
"""

import asyncio
import socket
import sys
from pathlib import Path

from data.errors import UserError, one_line_errors
from kit.run_folders import newest_run
from kit.served import BATCH, CORES, Served

MAX_PORT = 65535  # that of gRPC, which is the next one
LOOK = 1  # seconds between looks for a newer version


def find_models(run: Path | None) -> dict[str, tuple[Path, str]]:
    """The folder and the version of each model to serve, by its name.

    The version of a run is the time at which it began, as a number.
    """
    if run is None:
        runs = [path.parent.name for path in sorted(Path("runs").glob("*/latest"))]
        return {name: _export(newest_run(name)) for name in runs}
    if (run / "saved_model").is_dir():
        at = run.absolute()
        named = at.parent if at.parent.parent.name == "runs" else at
        return {named.name: _export(run)}
    models = {}
    for path in sorted(run.glob("*/*/saved_model.pb")):
        name, number = path.parent.parent.name, path.parent.name
        if number.isdecimal() and int(number) > int(models.get(name, ("", -1))[1]):
            models[name] = (path.parent, number)
    return models


def _export(run: Path) -> tuple[Path, str]:
    digits = "".join(filter(str.isdecimal, run.absolute().name))
    return run / "saved_model" / "1", digits or "1"


class Models:
    """The models of the server, kept up to date with their folders."""

    def __init__(self, run: Path | None, batch: int):
        from kit.protocols import ModelRepository

        self.run, self.batch = run, batch
        self.served, self.damaged = ModelRepository(), set()
        self.slots = asyncio.Semaphore(CORES)

    async def update(self) -> None:
        """Loads what is new, beside what answers meanwhile."""
        from kit.protocols import Model

        for name, (folder, version) in find_models(self.run).items():
            model = self.served.get_model(name)
            if model and model.served.version == version:
                continue
            if (name, version) in self.damaged:
                continue
            print(f"Loading {name} from {folder} ...", flush=True)
            arguments = (folder, version, self.slots, self.batch)
            try:
                served = await asyncio.to_thread(Served, *arguments)
            except Exception as error:  # whatever TensorFlow makes of a damaged file
                reason = (str(error) or repr(error)).splitlines()[0]
                print(f"{folder} cannot be loaded: {reason}", flush=True)
                self.damaged.add((name, version))
                continue
            if model:
                model.served = served
            else:
                self.served.update(Model(name, served))

    async def keep_up(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            await self.update()


async def serve(run: Path | None, host: str, port: int, batch: int) -> None:
    from kit.protocols import application, start_grpc, uvicorn

    models = Models(run, batch)
    await models.update()
    names = list(models.served.get_models())
    if not names:
        where = f"{run}: expected a run or published models, found none"
        raise UserError(where if run else "no finished run yet: make sentiment")
    http, plane, extension = application(models.served)
    try:
        sock = socket.create_server((host, port))
        # Inherited by connections. Without it, each answer to a kept connection waits
        # some 40 ms for the client's acknowledgement of its headers.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise UserError(f"{host}:{port} cannot be used: {error.strerror}") from None
    address = f"{host}:{port + 1 if port else 0}"
    port = sock.getsockname()[1]
    grpc, grpc_port = await start_grpc(plane, extension, address)
    print(f"Serving at http://{host}:{port}, gRPC at {host}:{grpc_port}; Ctrl-C ends")
    for name in names:
        print(f"  http://{host}:{port}/v1/models/{name}:predict")
    sys.stdout.flush()
    keeping_up = asyncio.create_task(models.keep_up())
    config = uvicorn.Config(http, log_config=None, timeout_graceful_shutdown=5)
    try:
        await uvicorn.Server(config).serve(sockets=[sock])
    finally:
        keeping_up.cancel()
        await grpc.stop(grace=1)


def main(
    run: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8501,
    batch: int = BATCH,
) -> None:
    """Serves RUN, or the newest run of every recipe.

    Args:
        run: The folder of a run, or of published models.
        host: The address to listen at; 0.0.0.0: reachable from other machines.
        port: For HTTP; gRPC uses the next one. 0: any two that are free.
        batch: Maximum number of rows of different requests that share a call; 1: none.
    """
    if run is not None and not run.is_dir():
        raise UserError(f"no folder {run}: expected a run, or published models")
    if not 0 <= port < MAX_PORT:
        raise UserError(f"--port must be from 0 to {MAX_PORT - 1}, found {port}")
    if batch < 1:
        raise UserError(f"--batch must be at least 1, found {batch}")
    try:
        asyncio.run(serve(run, host, port, batch))
    except ModuleNotFoundError as error:
        if error.name not in ("kserve", "uvicorn"):
            raise
        raise UserError("serving needs kserve: `make serve` installs it") from None


if __name__ == "__main__":
    import tyro

    with one_line_errors():
        tyro.cli(main)
