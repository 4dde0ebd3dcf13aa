"""Writing with a recurrent model of the next token.

All here works on any model `[ids, *states] -> [logits, *states]`: ids int32
`(batch, time)`, of which 0 pads the end and leaves the states as they are; states
`(batch, units)` each, those before the ids and those after; logits
`(batch, time, vocab)` of the next id each.
"""

import keras
import numpy as np
from keras import ops

from .decoding import check_settings, generate

PADDING = 0


def first_states(model, rows):
    """Zeros `(rows, units)`, one a state: what stands before a text."""
    return [ops.zeros((rows, state.shape[-1])) for state in model.inputs[1:]]


def begin(model, ids):
    """`step`, the last id of each row and the states before it: where decoding begins.

    The ids are read at once, all but each row's last one.

    Args:
        model: see the module.
        ids: int32 `(batch, time)`, 0 after a row's end; of one id or more each.

    Returns:
        `step(token, states) -> (logits, states)`, the token `(batch,)`, the states, as
        `generate` and `beam_search` want them.
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


class Writer(keras.Model):
    """Continues prompts, `length` tokens each, in one compiled loop.

    What a row gets depends on its prompt, the settings and its seed only.

    Args:
        model: see the module.
        length: how many tokens.
        encode: gives the ids of a prompt, one or more.
        decode: gives the text of ids `(length,)`, from them and the prompt.
        banned: booleans `(vocab,)`, True for tokens that are never written.

    Example:
        >>> writer = Writer(model, 200, encode, decode)
        >>> writer.write(["def ", "class "], temperature=0.8)
    """

    def __init__(self, model, length, encode, decode, banned=None):
        super().__init__()
        self.model, self.length, self.banned = model, length, banned
        self.encode, self.decode = encode, decode
        self.compile(jit_compile=True)

    def call(self, inputs):
        ids, temperature, top_k, top_p, seed = inputs
        return generate(
            *begin(self.model, ids),
            self.length,
            seed,
            temperature,
            top_k,
            top_p,
            self.banned,
        )

    def write(self, prompts, temperature=1.0, top_k=0, top_p=1.0, seed=0):
        """What follows each prompt: a list of texts. Row i is drawn from `seed + i`.

        Args:
            prompts: a list of texts, of any length.
            temperature: 0: always the most probable token; 1: as learned.
            top_k: only the most probable `top_k` tokens; 0: all.
            top_p: only the most probable ones that reach this probability together.
            seed: the same one gives the same text.
        """
        check_settings(temperature, top_k, top_p)
        rows = [self.encode(prompt) for prompt in prompts]
        # Few lengths, few programs to compile.
        time = 1 << max(4, max(map(len, rows)).bit_length())
        ids = np.full((len(rows), time), PADDING, "int32")
        for row, known in zip(ids, rows, strict=True):
            row[: len(known)] = known
        settings = [
            np.full(len(rows), temperature, "float32"),
            np.full(len(rows), top_k, "int32"),
            np.full(len(rows), top_p, "float32"),
            np.arange(seed, seed + len(rows)).astype("int32"),
        ]
        written = self.predict_on_batch([ids, *settings])
        return [self.decode(*pair) for pair in zip(written, prompts, strict=True)]
