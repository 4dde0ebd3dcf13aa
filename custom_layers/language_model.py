"""Text generation with a recurrent language model: in Python, and as a SavedModel.

Everything here takes a model `[ids, *states] -> [logits, *states]`: ids int32
`(batch, time)`, padded with 0 at the end, which leaves the states unchanged; states
`(batch, units)` each, before and after the ids; logits `(batch, time, vocab)` of the
next ids.
"""

import functools
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import ops

from . import saved_model
from .decoding import check_settings, generate

PADDING = 0
WINDOW = 64  # tokens scored at once: their logits are in memory together


def first_states(model, rows):
    """Zeros `(rows, units)` per state: the states before a text."""
    return [ops.zeros((rows, x.shape[-1]), x.dtype) for x in model.outputs[1:]]


def begin(model, ids):
    """Reads prompts and returns what `generate` and `beam_search` start from.

    All ids but each row's last one are read at once.

    Args:
        model: See the module.
        ids: int32 `(batch, time)`, padded with 0; at least one id per row.

    Returns:
        `step(token, states) -> (logits, states)` with tokens `(batch,)`; the last id
        of each row; the states before it.
    """
    count = ops.sum(ops.cast(ops.not_equal(ids, PADDING), "int32"), axis=1)
    last = ops.arange(ops.shape(ids)[1], dtype="int32") == count[:, None] - 1
    token = ops.sum(ops.where(last, ids, 0), axis=1)
    before = ops.where(last, PADDING, ids)
    _, *states = model([before, *first_states(model, ops.shape(ids)[0])])

    def step(token, states):
        logits, *states = model([token[:, None], *states])
        return logits[:, 0], states

    return step, token, states


def continue_prompts(
    model, prompts, length, banned, temperature=1.0, top_k=0, top_p=1.0, seed=0
):
    """Draws ids that follow each prompt, int32 `(prompts, length)`, in a compiled loop.

    A row depends only on its prompt, the settings and its own seed.

    Args:
        model: See the module.
        prompts: A list of lists of ids, at least one id each.
        length: How many ids to draw per prompt.
        banned: Booleans `(vocab,)`, True for ids that are never drawn.
        temperature: 0 takes the most probable id; 1 uses the model's probabilities.
        top_k: Draws from the `top_k` most probable ids; 0: from all.
        top_p: Draws from the smallest set of ids with this total probability.
        seed: Row i is drawn with `seed + i`.
    """
    check_settings(temperature, top_k, top_p)
    rows = len(prompts)
    # A power of two: few different lengths, so few programs to compile.
    time = 1 << max(4, max(map(len, prompts)).bit_length())
    ids = np.full((rows, time), PADDING, "int32")
    for row, prompt in zip(ids, prompts, strict=True):
        row[: len(prompt)] = prompt
    inputs = [
        ids,
        np.zeros((rows, length), "int8"),  # its shape says how many ids to draw
        np.tile(np.asarray(banned, bool), (rows, 1)),
        np.full(rows, temperature, "float32"),
        np.full(rows, top_k, "int32"),
        np.full(rows, top_p, "float32"),
        np.arange(seed, seed + rows).astype("int32"),
    ]
    return _continuation(model).predict_on_batch(inputs)


@functools.lru_cache(maxsize=4)  # compiled once for all prompts
def _continuation(model):
    return Continuation(model)


class Continuation(keras.Model):
    """`continue_prompts` as a Keras model, so that Keras compiles it."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.compile(jit_compile=True)

    def call(self, inputs):
        ids, drawn, banned, temperature, top_k, top_p, seed = inputs
        start = begin(self.model, ids)
        length = ops.shape(drawn)[1]
        return generate(*start, length, seed, temperature, top_k, top_p, banned[0])


def save_language_model(
    folder: Path,
    model,
    encode: Callable,
    decode: Callable,
    banned: np.ndarray,
    max_prompt: int,
    max_length: int,
    resources=(),
) -> None:
    """Writes a SavedModel that continues prompts and scores texts.

    `serving_default`: prompt, length, temperature, top_k, top_p, seed, `[batch]` each
    -> text `[batch]`, the continuation of each prompt.
    `score`: text `[batch]` -> nats `[batch]`, the mean per token, 0 without tokens.

    Args:
        folder: The folder to write.
        model: See the module.
        encode: Strings `[batch]` -> ragged int32 ids `[batch, time]`, one or more each.
        decode: Ragged ids and the prompts -> strings `[batch]`.
        banned: Booleans `(vocab,)`, True for ids that are never drawn.
        max_prompt: How many ids of a prompt to read, counted from its end.
        max_length: Maximum number of ids of a continuation; more is an error.
        resources: The lookup tables and variables of `encode` and `decode`.
    """
    import tensorflow as tf

    def write(prompt, length, temperature, top_k, top_p, seed):
        tf.debugging.assert_non_negative(temperature, "temperature is negative")
        tf.debugging.assert_less_equal(
            length, max_length, f"expected a length of at most {max_length}"
        )
        length = tf.maximum(length, 0)
        ids = encode(prompt)[:, -max_prompt:].to_tensor(PADDING)
        ids = tf.pad(ids, [[0, 0], [0, 1]])  # at least one column
        longest = tf.maximum(tf.reduce_max(length), 0)  # 0 for an empty batch
        start = begin(model, ids)
        drawn = generate(*start, longest, seed, temperature, top_k, top_p, banned)
        drawn = tf.RaggedTensor.from_tensor(drawn, lengths=length)
        return {"text": decode(drawn, prompt)}

    def score(text):
        ids = encode(text).to_tensor(PADDING)
        inputs, targets = ids[:, :-1], ids[:, 1:]

        def add(start, nats, *states):
            next_ids = targets[:, start : start + WINDOW]
            window = inputs[:, start : start + WINDOW]
            logits, *states = model([window, *states], training=False)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(next_ids, logits)
            real = tf.cast(next_ids != PADDING, tf.float32)
            return [start + WINDOW, nats + tf.reduce_sum(each * real, axis=1), *states]

        _, nats, *_ = tf.while_loop(
            lambda start, *_: start < tf.shape(inputs)[1],
            add,
            [0, tf.zeros(tf.shape(ids)[:1]), *first_states(model, tf.shape(ids)[0])],
        )
        count = tf.reduce_sum(tf.cast(targets != PADDING, tf.float32), axis=1)
        return {"nats": nats / tf.maximum(count, 1.0)}

    settings = {
        "prompt": "string",
        "length": "int32",
        "temperature": "float32",
        "top_k": "int32",
        "top_p": "float32",
        "seed": "int32",
    }
    signatures = {
        "serving_default": (write, settings),
        "score": (score, {"text": "string"}),
    }
    saved_model.save(folder, model, signatures, resources)
