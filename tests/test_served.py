"""Requests to a loaded SavedModel: checked, joined, answered in order."""

import asyncio
import base64
import json
import math
import time

import numpy as np
import pytest

from kit.served import MAX_ROWS, MAX_TEXT, BadRequest, Served


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that repeats a text and counts, with an input of every type."""
    tf = pytest.importorskip("tensorflow")
    rows = {
        name: tf.TensorSpec([None], dtype, name)
        for name, dtype in (("text", "string"), ("times", "int32"), ("part", "float32"))
    }

    @tf.function(input_signature=[*rows.values()])
    def repeat(text, times, part):
        tf.debugging.assert_less(times, 100, "times must be below 100")
        long = tf.map_fn(
            lambda row: tf.strings.reduce_join(tf.repeat(row[0], row[1])),
            (text, times),
            fn_output_signature=tf.string,
        )
        count = tf.strings.length(long)
        shares = tf.stack([part, part * tf.cast(count, tf.float32)], axis=1)
        return {"text": long, "shares": shares}

    @tf.function(input_signature=[rows["text"]])
    def size(text):
        return {"size": tf.strings.length(text)}

    @tf.function(input_signature=[rows["text"]])
    def words(text):
        return {"words": tf.strings.split(text).to_tensor("")}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, "cells")])
    def widths(cells):
        return {"widths": tf.reduce_sum(tf.strings.length(cells), axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.string, "text")])
    def letters(text):
        return {"letters": tf.strings.bytes_split(text), "root": tf.sqrt(-1.0)}

    @tf.function(input_signature=[])
    def names():
        return {"names": tf.constant(["a", "é"])}

    module = tf.Module()
    functions = {"serving_default": repeat, "size": size, "words": words}
    functions |= {"letters": letters, "names": names, "widths": widths}
    folder = tmp_path_factory.mktemp("export")
    tf.saved_model.save(module, str(folder), functions)
    return folder


def answers(folder, *bodies, batch=64, prepare=None):
    """The answers to requests that arrive together; errors as their messages."""

    async def ask():
        served = Served(folder, "1", asyncio.Semaphore(1), batch)
        if prepare:
            prepare(served)
        requests = map(served.by_rows_or_columns, bodies)
        answered = asyncio.gather(*requests, return_exceptions=True)
        return await asyncio.wait_for(answered, 20)

    found = asyncio.run(ask())
    for answer in found:
        if isinstance(answer, Exception) and not isinstance(answer, BadRequest):
            raise answer
    return [str(a) if isinstance(a, BadRequest) else a for a in found]


ROW = {"text": "ab", "times": 2, "part": 0.5}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (
            {"instances": [ROW, {"text": "好", "times": 0, "part": 1}]},
            {
                "predictions": [
                    {"shares": [0.5, 2.0], "text": "abab"},
                    {"shares": [1.0, 0.0], "text": ""},
                ]
            },
        ),
        (
            {"inputs": {"text": ["ab", "\0"], "times": [1, 3], "part": [0.25, -2]}},
            {
                "outputs": {
                    "shares": [[0.25, 0.5], [-2.0, -6.0]],
                    "text": ["ab", "\0" * 3],
                }
            },
        ),
        ({"instances": []}, {"predictions": []}),
        (
            {"inputs": {"text": [], "times": [], "part": []}},
            {"outputs": {"shares": [], "text": []}},
        ),
        (
            {"signature_name": "size", "instances": ["abc", {"b64": "/wA="}]},
            {"predictions": [3, 2]},
        ),
        (
            {"signature_name": "size", "instances": [{"text": "abc"}]},
            {"predictions": [3]},
        ),
        ({"signature_name": "size", "inputs": ["abc"]}, {"outputs": [3]}),
        ({"signature_name": "size", "inputs": {"text": [""]}}, {"outputs": [0]}),
        (
            {"signature_name": "widths", "instances": [["ab", "c"], ["é", ""]]},
            {"predictions": [3, 2]},
        ),
        ({"signature_name": "widths", "instances": [[], []]}, {"predictions": [0, 0]}),
        ({"signature_name": "widths", "instances": []}, {"predictions": []}),
        (
            {"signature_name": "words", "instances": ["a b", "c", ""]},
            {"predictions": [["a", "b"], ["c", ""], ["", ""]]},
        ),
        ({"signature_name": "names", "inputs": {}}, {"outputs": ["a", "é"]}),
    ],
)
def test_rows_and_columns(folder, body, answer):
    assert answers(folder, body) == [answer]


def test_values_that_json_has_no_form_for(folder):
    content = "é".encode() + b"\xff"
    text = {"b64": base64.b64encode(content).decode()}
    for inputs in (text, {"text": text}):
        body = {"signature_name": "letters", "inputs": inputs}
        (answer,) = answers(folder, body)
        letters = answer["outputs"]["letters"]
        assert [base64.b64decode(letter["b64"]) for letter in letters] == [
            bytes([byte]) for byte in content
        ]
        assert math.isnan(answer["outputs"]["root"])


BAD = [
    (None, 'JSON object with "instances" or "inputs"'),
    ([], 'JSON object with "instances" or "inputs"'),
    ({}, 'JSON object with "instances" or "inputs"'),
    ({"instances": [], "inputs": {}}, 'JSON object with "instances" or "inputs"'),
    ({"instances": "ab"}, '"instances": expected a list, found a text'),
    ({"instances": {"text": "ab"}}, '"instances": expected a list, found an object'),
    ({"instances": ["ab"]}, "row 0: expected an object, found a text"),
    ({"instances": [ROW, None]}, "row 1: expected an object, found null"),
    (
        {"instances": [{"text": "ab", "part": 1}]},
        "row 0: the input 'times' is missing: expected part, text, times",
    ),
    (
        {"instances": [{**ROW, "more": 1}]},
        "row 0: no input 'more': expected part, text, times",
    ),
    ({"instances": [{**ROW, "text": 5}]}, "'text': expected a text, found 5"),
    ({"instances": [{**ROW, "text": None}]}, "'text': expected a text, found null"),
    ({"instances": [{**ROW, "text": ["a"]}]}, "'text': expected a text, found a list"),
    ({"instances": [{**ROW, "text": {"b64": "?"}}]}, "'text': expected base64"),
    ({"instances": [{**ROW, "text": {"b64": 5}}]}, "'text': expected base64"),
    ({"instances": [{**ROW, "times": 2.5}]}, "'times': expected a whole number"),
    ({"instances": [{**ROW, "times": True}]}, "'times': expected a whole number"),
    ({"instances": [{**ROW, "times": "2"}]}, "'times': expected a whole number"),
    ({"instances": [{**ROW, "times": 2**31}]}, "'times': 2147483648 is too large"),
    ({"instances": [{**ROW, "part": 1e39}]}, "'part': 1e+39 is too large"),
    ({"instances": [{**ROW, "part": "x"}]}, "'part': expected a number, found a text"),
    ({"instances": [{**ROW, "times": 100}]}, "times must be below 100"),
    (
        {"inputs": {"text": ["a"], "times": [1, 2], "part": [1]}},
        "expected as many rows of each input, found 1 of part, 1 of text, 2 of times",
    ),
    ({"inputs": {"text": "a", "times": 1, "part": 1}}, "'part': expected a list"),
    ({"inputs": ["a"]}, "expected an object with the inputs part, text, times"),
    ({"inputs": {"text": ["a"]}}, "the input 'part' is missing"),
    ({"inputs": {"x": ["a"]}, "signature_name": "size"}, "the input 'text' is missing"),
    ({"instances": [1], "signature_name": "no"}, "no signature 'no': expected one of"),
    ({"instances": [1], "signature_name": 5}, '"signature_name": expected a text'),
    ({"instances": ["a"], "signature_name": "letters"}, "takes no rows"),
    ({"instances": [], "signature_name": "names"}, "takes no rows"),
    ({"inputs": {"x": 1}, "signature_name": "names"}, "no input 'x': expected nothing"),
    ({"inputs": 5, "signature_name": "size"}, "'text': expected a list, found 5"),
    (
        {"instances": [["a", "b"], ["c"]], "signature_name": "widths"},
        "'cells': expected lists of equal length",
    ),
    ({"instances": [["a"], []], "signature_name": "widths"}, "lists of equal length"),
    ({"instances": [["a"], "b"], "signature_name": "widths"}, "expected a list, found"),
    (
        {"instances": ["a"] * (MAX_ROWS + 1), "signature_name": "size"},
        "expected at most 1,000 rows, found 1,001",
    ),
    (
        {"instances": ["é" * (MAX_TEXT // 2 + 1)], "signature_name": "size"},
        "expected at most 100,000 bytes, found 100,002",
    ),
]


def test_bad_requests_end_in_one_sentence(folder):
    found = answers(folder, *(body for body, _ in BAD))
    for (body, message), answer in zip(BAD, found, strict=True):
        assert isinstance(answer, str), body
        assert message in answer and "\n" not in answer, (body, answer)


def calls_of(served, name, slow=0.0):
    """Records the number of rows of each call, which takes `slow` seconds longer."""
    signature, rows = served.signatures[name], []
    call = signature._call

    def recorded(arrays):
        rows.append(len(arrays["text"]))
        time.sleep(slow)
        return call(arrays)

    signature._call = recorded
    return rows


@pytest.mark.parametrize(
    ("batch", "sizes"), [(64, [1, 9]), (4, [1, 2, 4, 3]), (1, [1, 2, 3, 1, 1, 2])]
)
def test_waiting_requests_share_calls(folder, batch, sizes):
    counts, rows = [1, 2, 3, 1, 1, 2], []
    bodies = [
        {
            "signature_name": "size",
            "instances": ["x" * (9 * n + k) for k in range(count)],
        }
        for n, count in enumerate(counts)
    ]
    found = answers(
        folder,
        *bodies,
        batch=batch,
        prepare=lambda served: rows.append(calls_of(served, "size")),
    )
    for n, (count, answer) in enumerate(zip(counts, found, strict=True)):
        assert answer == {"predictions": [9 * n + k for k in range(count)]}
    assert rows[0] == sizes


def test_calls_on_several_cores(folder):
    """Each request is answered once, whichever call it shares."""

    async def ask():
        served = Served(folder, "1", asyncio.Semaphore(3), 4)
        calls_of(served, "size", slow=0.01)

        async def each(n):
            await asyncio.sleep(0.001 * (n % 7))
            body = {"signature_name": "size", "instances": ["x" * n]}
            return await served.by_rows_or_columns(body)

        return await asyncio.wait_for(asyncio.gather(*map(each, range(99))), 20)

    assert asyncio.run(ask()) == [{"predictions": [n]} for n in range(99)]


def test_lengths_of_others_are_not_seen(folder):
    """Rows of a varying length are not joined: that of others would show."""
    bodies = [
        {"signature_name": "words", "instances": [x]} for x in ("a", "b c d", "e")
    ]
    assert answers(folder, *bodies) == [
        {"predictions": [["a"]]},
        {"predictions": [["b", "c", "d"]]},
        {"predictions": [["e"]]},
    ]


def test_a_bad_request_costs_no_other(folder):
    bodies = [{"instances": [{**ROW, "times": n}]} for n in (1, 2, 500, 3)]
    found = answers(folder, *bodies)
    assert "times must be below 100" in found.pop(2)
    texts = [answer["predictions"][0]["text"] for answer in found]
    assert texts == ["ab", "abab", "ababab"]


def test_a_client_that_leaves_costs_no_other(folder):
    async def ask():
        served = Served(folder, "1", asyncio.Semaphore(1), 64)
        calls_of(served, "size", slow=0.3)
        body = {"signature_name": "size", "instances": ["abc"]}
        tasks = [asyncio.create_task(served.by_rows_or_columns(body)) for _ in range(6)]
        await asyncio.sleep(0.1)  # the first one runs, the others wait
        for task in tasks[:2]:
            task.cancel()
        left = await asyncio.wait_for(asyncio.gather(*tasks[2:]), 20)
        return left, await served.by_rows_or_columns(body)

    left, later = asyncio.run(ask())
    assert [*left, later] == 5 * [{"predictions": [3]}]


def test_json_is_the_same_as_that_of_numpy(folder):
    """32-bit floats keep their value on the way through JSON."""
    part = np.float32(0.1)
    body = {"instances": [{**ROW, "part": float(part)}]}
    (answer,) = answers(folder, json.loads(json.dumps(body)))
    shares = json.loads(json.dumps(answer))["predictions"][0]["shares"]
    assert np.float32(shares[0]) == part
