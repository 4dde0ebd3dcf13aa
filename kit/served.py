"""Answers requests by an exported SavedModel, several of them in one call.

Requests and answers are those of TensorFlow Serving's REST interface, without HTTP:
`by_rows_or_columns` takes the body of a request and returns that of its answer.
"""

import asyncio
import base64
import binascii
import os
import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from kit.try_run import load_export

MAX_BODY = 4 << 20  # bytes of a request
MAX_ROWS, MAX_TEXT = 1_000, 100_000  # of a request; bytes of a text in it
BATCH = 64  # maximum number of rows that different requests share a call for
CORES = os.cpu_count() or 1
DEFAULT = "serving_default"


class BadRequest(ValueError):
    """A request that cannot be answered. The message is one sentence for its sender."""


class Served:
    """A SavedModel in memory.

    Attributes:
        folder: Where it was loaded from.
        version: A whole number, in digits.
        signatures: Its functions by name, each a `Signature`.
    """

    def __init__(
        self, folder: Path, version: str, slots: asyncio.Semaphore, batch: int
    ):
        """`slots` bounds the calls in progress; for `batch` see `Signature`."""
        self.folder, self.version = folder, version
        # Kept here, because tables live only as long as the loaded object.
        self._model = load_export(folder)
        self.signatures = {
            name: Signature(function, slots, batch)
            for name, function in self._model.signatures.items()
        }
        for signature in self.signatures.values():
            signature.warm_up()

    def signature(self, name=None) -> "Signature":
        name = name or DEFAULT
        if name not in self.signatures:
            names = ", ".join(sorted(self.signatures))
            raise BadRequest(
                f"no signature {str(name)[:40]!r}: expected one of {names}"
            )
        return self.signatures[name]

    async def by_rows_or_columns(self, body) -> dict:
        """The answer to `{"instances": rows}` or `{"inputs": columns}`.

        Raises `BadRequest`.
        """
        if not isinstance(body, dict) or ("instances" in body) == ("inputs" in body):
            raise BadRequest('expected a JSON object with "instances" or "inputs"')
        name = body.get("signature_name")
        if name is not None and not isinstance(name, str):
            raise BadRequest(f'"signature_name": expected a text, found {_kind(name)}')
        signature = self.signature(name)
        if "inputs" in body:
            columns = body["inputs"]
            if not isinstance(columns, dict) or columns.keys() == {"b64"}:
                columns = {signature.only_input(): columns}
        else:
            rows = body["instances"]
            if not isinstance(rows, list):
                raise BadRequest(f'"instances": expected a list, found {_kind(rows)}')
            if not signature.takes_rows:
                raise BadRequest('this signature takes no rows: send "inputs"')
            columns = signature.columns_of(rows)
        outputs = await signature(signature.arrays(columns))
        shown = {name: jsonable(value) for name, value in outputs.items()}
        only = next(iter(shown.values())) if len(shown) == 1 else None
        if "inputs" in body:
            return {"outputs": shown if only is None else only}
        if only is not None:
            return {"predictions": only}
        rows = zip(*shown.values(), strict=True)
        return {"predictions": [dict(zip(shown, row, strict=True)) for row in rows]}


class Signature:
    """A function of a SavedModel.

    Attributes:
        inputs, outputs: By name, the type and the shape (-1: any) of its tensors.
        takes_rows: Whether the first axis of every input and output are the rows.
    """

    _threads = ThreadPoolExecutor(CORES)

    def __init__(self, function, slots: asyncio.Semaphore, batch: int):
        """`batch`: maximum number of rows of different requests in one call."""
        specs = function.structured_input_signature[1]
        self._function, self._specs = function, specs
        self._slots, self._batch = slots, batch
        self.inputs = {name: _type(spec) for name, spec in sorted(specs.items())}
        outputs = sorted(function.structured_outputs.items())
        self.outputs = {name: _type(spec) for name, spec in outputs}
        shapes = [shape for _, shape in (*self.inputs.values(), *self.outputs.values())]
        self.takes_rows = bool(specs) and all(shape[:1] == [-1] for shape in shapes)
        # The rows of other requests may lengthen an output of no fixed size.
        fixed = all(-1 not in shape[1:] for _, shape in self.outputs.values())
        self._is_shared = self.takes_rows and fixed and batch > 1
        self._waiting: deque = deque()

    def warm_up(self) -> None:
        """A first call prepares the function; this one has no rows."""
        if self.takes_rows:
            self._call({name: _array(name, [], x) for name, x in self._specs.items()})

    def only_input(self) -> str:
        if len(self.inputs) != 1:
            names = ", ".join(self.inputs) or "nothing"
            raise BadRequest(f"expected an object with the inputs {names}")
        return next(iter(self.inputs))

    def columns_of(self, rows: list) -> dict[str, list]:
        """The inputs by name, of rows that are objects, or values of the only input."""
        if len(self.inputs) == 1:
            (name,) = self.inputs
            named = [isinstance(row, dict) and row.keys() != {"b64"} for row in rows]
            if not any(named):
                return {name: rows}
        for place, row in enumerate(rows):
            if not isinstance(row, dict):
                raise BadRequest(f"row {place}: expected an object, found {_kind(row)}")
            self._check_names(row, f"row {place}: ")
        return {name: [row[name] for row in rows] for name in self.inputs}

    def arrays(self, columns: dict) -> dict[str, np.ndarray]:
        """Checks the inputs of a request. Raises `BadRequest`."""
        self._check_names(columns)
        arrays = {
            name: _array(name, columns[name], self._specs[name]) for name in self.inputs
        }
        if self.takes_rows:
            counts = {name: len(array) for name, array in arrays.items()}
            if len(set(counts.values())) > 1:
                found = ", ".join(f"{n} of {name}" for name, n in counts.items())
                raise BadRequest(f"expected as many rows of each input, found {found}")
            rows = next(iter(counts.values()))
            if rows > MAX_ROWS:
                raise BadRequest(f"expected at most {MAX_ROWS:,} rows, found {rows:,}")
        return arrays

    def _check_names(self, given: dict, where: str = "") -> None:
        names = ", ".join(self.inputs) or "nothing"
        for name in sorted(self.inputs.keys() - given.keys()):
            raise BadRequest(f"{where}the input {name!r} is missing: expected {names}")
        for name in sorted(given.keys() - self.inputs.keys()):
            raise BadRequest(f"{where}no input {name[:40]!r}: expected {names}")

    async def __call__(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the function. Requests that wait for a free core are run together.

        Raises `BadRequest` if the function refuses the values.
        """
        if not self._is_shared:
            async with self._slots:
                return await self._run(arrays)
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((arrays, done))
        async with self._slots:
            while self._waiting and not done.done():
                running = asyncio.ensure_future(self._run_joined(self._take()))
                # Shielded: a client that leaves must not take others with it.
                await asyncio.shield(running)
        return await done

    def _take(self) -> list[tuple]:
        """The oldest waiting requests that fit into one batch, at least one."""
        requests, rows = [], 0
        while self._waiting:
            count = len(next(iter(self._waiting[0][0].values())))
            if requests and rows + count > self._batch:
                break
            requests.append((count, *self._waiting.popleft()))
            rows += count
        return requests

    async def _run_joined(self, requests: list[tuple]) -> None:
        joined = {
            name: np.concatenate([arrays[name] for _, arrays, _ in requests])
            for name in self.inputs
        }
        try:
            outputs = await self._run(joined)
        except Exception as error:
            if len(requests) == 1:
                _settle(requests[0][2], error=error)
                return
            for _, arrays, done in requests:  # whose fault it is shows alone
                try:
                    _settle(done, await self._run(arrays))
                except Exception as own:
                    _settle(done, error=own)
            return
        place = 0
        for count, _, done in requests:
            end = place + count
            _settle(done, {name: value[place:end] for name, value in outputs.items()})
            place = end

    async def _run(self, arrays: dict) -> dict[str, np.ndarray]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, arrays)

    def _call(self, arrays: dict) -> dict[str, np.ndarray]:
        import tensorflow as tf

        tensors = {
            name: tf.constant(value, self._specs[name].dtype)
            for name, value in arrays.items()
        }
        try:
            outputs = self._function(**tensors)
        except tf.errors.InvalidArgumentError as error:
            found = re.search(r"assertion failed: \[([^\]]*)", str(error))
            reason = found[1] if found else str(error).splitlines()[0]
            raise BadRequest(reason.strip()) from None
        return {name: np.asarray(outputs[name].numpy()) for name in self.outputs}


def _settle(done: asyncio.Future, value=None, error=None) -> None:
    if not done.cancelled():
        done.set_exception(error) if error else done.set_result(value)


def _type(spec) -> tuple[str, list[int]]:
    return spec.dtype.name, [-1 if size is None else size for size in spec.shape]


def _array(name: str, value, spec) -> np.ndarray:
    """The values of an input as an array of the wanted type and number of axes."""
    dtype = spec.dtype.as_numpy_dtype
    convert = _text if dtype is object else _number

    def walk(value, axes: int):
        if not axes:
            return convert(name, value, np.dtype(dtype))
        if not isinstance(value, list):
            raise BadRequest(f"{name!r}: expected a list, found {_kind(value)}")
        return [walk(item, axes - 1) for item in value]

    try:
        array = np.array(walk(value, spec.shape.rank), dtype)
        # Of no rows; texts in lists of unequal length have too few axes, too.
        return array.reshape(array.shape + (0,) * (spec.shape.rank - array.ndim))
    except ValueError as error:
        if isinstance(error, BadRequest):
            raise
        raise BadRequest(f"{name!r}: expected lists of equal length") from None


def _text(name: str, value, dtype) -> bytes:
    if isinstance(value, dict) and value.keys() == {"b64"}:
        try:
            content = base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise BadRequest(f"{name!r}: expected base64 after b64") from None
    elif isinstance(value, str):
        content = value.encode(errors="replace")
    elif isinstance(value, bytes):
        content = value
    else:
        raise BadRequest(f"{name!r}: expected a text, found {_kind(value)}")
    if len(content) > MAX_TEXT:
        found = f"found {len(content):,}"
        raise BadRequest(f"{name!r}: expected at most {MAX_TEXT:,} bytes, {found}")
    return content


def _number(name: str, value, dtype):
    whole = dtype.kind in "iu"
    wanted = "a whole number" if whole else "a number"
    if dtype.kind == "b":
        wanted, fits = "true or false", isinstance(value, bool)
    else:
        kinds = int if whole else (int, float)
        fits = isinstance(value, kinds) and not isinstance(value, bool)
        limits = np.iinfo(dtype) if whole else np.finfo(dtype)
        if fits and not float(limits.min) <= value <= float(limits.max):
            raise BadRequest(f"{name!r}: {value} is too large")
    if not fits:
        raise BadRequest(f"{name!r}: expected {wanted}, found {_kind(value)}")
    return value


def _kind(value) -> str:
    kinds = {bool: "true or false", dict: "an object", list: "a list", str: "a text"}
    return kinds.get(type(value)) or ("null" if value is None else str(value)[:40])


def jsonable(array: np.ndarray):
    """Nested lists. Text that is not UTF-8 becomes `{"b64": ...}`."""

    def plain(value):
        if isinstance(value, list):
            return [plain(item) for item in value]
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}

    values = array.tolist()
    return plain(values) if array.dtype.kind in "OS" else values
