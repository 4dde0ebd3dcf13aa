"""A served model behind KServe's REST and gRPC interfaces."""

import logging
import sys
import uuid
import warnings
from pathlib import Path

from data.errors import UserError
from kit.served import MAX_BODY, BadRequest, Served

try:
    arguments, sys.argv = sys.argv, sys.argv[:1]  # KServe would read our options
    import kserve
    import orjson
    import uvicorn  # noqa: F401  (for kit.serve)
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import FileResponse, JSONResponse
    from kserve import ModelRepository
    from kserve.errors import InvalidInput, ModelNotFound
    from kserve.model_server import app
    from kserve.protocol.dataplane import DataPlane
    from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as grpc_v2
    from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
    from kserve.protocol.grpc.servicer import InferenceServicer
    from kserve.protocol.infer_type import InferOutput, InferRequest, InferResponse
    from kserve.protocol.model_repository_extension import ModelRepositoryExtension
    from kserve.protocol.rest.server import RESTServer
    from kserve.protocol.rest.v2_datamodels import InferenceRequest
    from pydantic import ValidationError
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect
finally:
    sys.argv = arguments

PAGE = Path(__file__).parent / "page"
BINARY = "inference-header-content-length"  # of a body with binary tensors
DRAINED = 64 << 20  # bytes read of a request that is too large
KINDS = {"string": "BYTES", "int32": "INT32", "int64": "INT64", "float32": "FP32"}
ENUMS = {"string": "DT_STRING", "int32": "DT_INT32", "int64": "DT_INT64"}
ENUMS |= {"float32": "DT_FLOAT"}
SAFE = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
logging.getLogger("kserve").setLevel(logging.CRITICAL)  # it logs each refusal at length
warnings.filterwarnings("ignore", "ORJSONResponse is deprecated")  # KServe's


class Model(kserve.Model):
    """One name of the server, and the version that answers for it now."""

    def __init__(self, name: str, served: Served):
        super().__init__(name)
        self.served, self.ready = served, True

    def get_input_types(self) -> list[dict]:
        return _tensors(self.served.signature().inputs)

    def get_output_types(self) -> list[dict]:
        return _tensors(self.served.signature().outputs)

    async def predict(self, payload, headers=None, response_headers=None):
        """Answers a body of the REST interface, or a request of the Open Inference
        Protocol."""
        served = self.served  # this request's, also if a newer one arrives meanwhile
        try:
            if isinstance(payload, InferRequest):
                return await _infer(served, payload, self.name)
            return await served.by_rows_or_columns(payload)
        except BadRequest as error:
            raise InvalidInput(str(error)) from None


def _tensors(types: dict) -> list[dict]:
    return [
        {"name": name, "datatype": KINDS[kind], "shape": shape}
        for name, (kind, shape) in types.items()
    ]


async def _infer(served: Served, request: InferRequest, name: str) -> InferResponse:
    parameters = request.parameters or {}
    chosen = parameters.get("signature_name")
    chosen = getattr(chosen, "string_param", chosen)  # of gRPC
    signature = served.signature(str(chosen or ""))
    columns = {}
    for tensor in request.inputs:
        kind = KINDS.get(signature.inputs.get(tensor.name, ("",))[0], tensor.datatype)
        if tensor.datatype != kind:
            wanted = f"{tensor.name!r}: expected the datatype {kind}"
            raise BadRequest(f"{wanted}, found {tensor.datatype[:20]}")
        try:
            columns[tensor.name] = tensor.as_numpy().tolist()
        except Exception as error:  # NumPy's, about values or the shape
            reason = str(error).splitlines()[0]
            raise BadRequest(f"{tensor.name[:40]!r}: {reason}") from None
    outputs = await signature(signature.arrays(columns))
    wanted = [output.name for output in request.request_outputs or []] or list(outputs)
    answers = []
    for output in wanted:
        if output not in outputs:
            names = ", ".join(outputs)
            raise BadRequest(f"no output {output[:40]!r}: expected one of {names}")
        value = outputs[output]
        kind = KINDS[signature.outputs[output][0]]
        answers.append(InferOutput(output, list(value.shape), kind))
        answers[-1].set_data_from_numpy(value, binary_data=bool(request.from_grpc))
    number = request.id or str(uuid.uuid4())
    return InferResponse(number, name, answers, served.version)


class Plane(DataPlane):
    """Reads every body of the REST interface as JSON, whatever its content type."""

    def decode(self, body, headers, protocol_version="v1", model_name=None):
        try:
            if protocol_version == "v1" and isinstance(body, bytes):
                return orjson.loads(body), {}
            if isinstance(body, bytes) and BINARY not in headers:
                body = InferenceRequest.model_validate(orjson.loads(body))
            return super().decode(body, headers, protocol_version, model_name)
        except InvalidInput:
            raise
        except orjson.JSONDecodeError as error:
            raise InvalidInput(f"expected JSON: {error}") from None
        except ValidationError as error:
            raise InvalidInput(_first(error.errors())) from None
        except Exception as error:  # whatever a binary body makes of the readers
            raise InvalidInput(f"the request cannot be read: {error}") from None


class FromFolders(ModelRepositoryExtension):
    """Clients do not decide what is loaded."""

    async def load(self, model_name: str) -> None:
        raise InvalidInput("models are loaded from the server's own folders only")

    unload = load


class Limited:
    """Answers 413 to a body of more than `MAX_BODY` bytes, without keeping it."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        size, has_more = 0, True

        async def counted():
            nonlocal size, has_more
            message = await receive()
            size += len(message.get("body", b""))
            has_more = message.get("more_body", False)
            if size > MAX_BODY:
                raise ClientDisconnect
            return message

        async def answer(message):
            if size <= MAX_BODY:
                await send(message)

        await self.app(scope, counted, answer)
        if size <= MAX_BODY:
            return
        # Most clients read no answer before they have sent everything.
        while has_more and size < DRAINED:
            message = await receive()
            size += len(message.get("body", b""))
            has_more = message.get("more_body", False)
        reason = f"expected at most {MAX_BODY:,} bytes, found more"
        refusal = JSONResponse({"error": reason}, 413, {"connection": "close"})
        await refusal(scope, receive, send)


def application(models: ModelRepository):
    """KServe's application with our page, errors in one sentence, and a limit."""
    plane = Plane(model_registry=models)

    @app.get("/")
    async def page():
        return FileResponse(PAGE / "index.html", headers=SAFE)

    @app.get("/page/{name}")
    async def part(name: str):
        if name not in {path.name for path in PAGE.iterdir()}:
            raise HTTPException(404, f"no page {name[:40]}")
        return FileResponse(PAGE / name, headers=SAFE)

    @app.get("/v1/models/{name}")
    async def status(name: str):
        if ":" in name:
            raise HTTPException(405, "expected POST, found GET")
        state = {"error_code": "OK", "error_message": ""}
        version = {"version": find(name).version, "state": "AVAILABLE", "status": state}
        return {"name": name, "ready": True, "model_version_status": [version]}

    @app.get("/v1/models/{name}/metadata")
    async def metadata(name: str):
        return described(name, find(name))

    def find(name: str) -> Served:
        model = models.get_model(name)
        if model is None:
            raise ModelNotFound(name)
        return model.served

    # Above KServe's own routes, of which some have the same address.
    extension = FromFolders(model_registry=models)
    RESTServer(app, plane, extension, 0).create_application()

    def refuse(status: int):
        async def handler(request, error):
            return JSONResponse({"error": _sentence(error)}, status)

        return handler

    async def fail(request, error):
        logging.getLogger("serve").error("%s", request.url.path, exc_info=error)
        return JSONResponse({"error": "the server failed; its log says why"}, 500)

    async def refuse_as(request, error: HTTPException):
        return JSONResponse({"error": str(error.detail)}, error.status_code)

    for kind, status_code in (
        (InvalidInput, 400),
        (RequestValidationError, 400),
        (ClientDisconnect, 400),
        (ModelNotFound, 404),
        (NotImplementedError, 404),
    ):
        app.add_exception_handler(kind, refuse(status_code))
    app.add_exception_handler(HTTPException, refuse_as)
    app.add_exception_handler(Exception, fail)
    return Limited(app), plane, extension


def _sentence(error: Exception) -> str:
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return f"expected JSON: {first['ctx']['error']}"
        return _first(error.errors())
    return str(error) or "the request was not complete"


def _first(errors: list) -> str:
    place = [str(part) for part in errors[0]["loc"] if part != "body"]
    return f"{'.'.join(place)}: {errors[0]['msg']}"


def described(name: str, served: Served) -> dict:
    """The model's metadata, in TensorFlow Serving's form."""

    def tensors(types: dict) -> dict:
        return {
            name: {
                "dtype": ENUMS[kind],
                "tensor_shape": {
                    "dim": [{"size": str(size), "name": ""} for size in shape],
                    "unknown_rank": False,
                },
                "name": name,
            }
            for name, (kind, shape) in types.items()
        }

    signatures = {
        key: {
            "inputs": tensors(signature.inputs),
            "outputs": tensors(signature.outputs),
            "method_name": "tensorflow/serving/predict",
        }
        for key, signature in served.signatures.items()
    }
    spec = {"name": name, "signature_name": "", "version": served.version}
    return {
        "model_spec": spec,
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


async def start_grpc(plane: Plane, extension: FromFolders, address: str):
    from grpc import aio

    server = aio.server(
        interceptors=(ExceptionToStatusInterceptor(),),
        options=[("grpc.max_receive_message_length", MAX_BODY)],
    )
    servicer = InferenceServicer(plane, extension)
    grpc_v2.add_GRPCInferenceServiceServicer_to_server(servicer, server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        raise UserError(f"{address} cannot be used for gRPC: is it in use?") from None
    await server.start()
    return server, port
