"""Decoding: sampling and beam search, each in one compiled loop.

Both work with any `step(token, state) -> (logits, state)`. A token depends only on its
own row: the logits, the settings, and one number hashed from the row's seed and the
position of the token. So equal logits give a row the same tokens alone and in any
batch, on every backend, in memory and in an export, compiled by XLA or not. Compile the
call with `tf.function` or `jax.jit`: otherwise TensorFlow runs one operation at a time,
and JAX compiles the loop at every call.
"""

import keras
from keras import ops

INFINITY = float("inf")
LARGEST = 3.4028234663852886e38  # the largest finite float32
SCALE = 2.0**23  # probabilities times this, rounded, add up exactly in float32


def uniform(seed, position):
    """Returns random numbers that depend only on a seed and a position.

    Applies the finaliser of MurmurHash3 (Appleby, 2011) to both, and keeps 24 of its 32
    bits: the numbers are equal to the last bit on every backend.

    Args:
        seed: 32-bit integers, possibly negative, `(batch,)`.
        position: Integers, a scalar or of a shape that broadcasts with that of `seed`.

    Returns:
        float32 from 0 to below 1, `(batch,)` or the broadcast shape of the two.
    """
    seed, position = (
        ops.cast(ops.convert_to_tensor(x, "int32"), "uint32") for x in (seed, position)
    )
    seed = finalise(seed ^ word(0x9E3779B9))
    position = finalise(position ^ word(0x3C6EF372))
    bits = ops.right_shift(finalise(seed ^ position), 8)
    return ops.cast(ops.cast(bits, "int32"), "float32") * 2.0**-24


def finalise(h):
    """Mixes h: each bit depends on every bit of h, and different h stay different."""
    h = (h ^ ops.right_shift(h, 16)) * word(0x85EBCA6B)
    h = (h ^ ops.right_shift(h, 13)) * word(0xC2B2AE35)
    return h ^ ops.right_shift(h, 16)


def word(value):
    return ops.convert_to_tensor(value, "uint32")


def choose(logits, uniforms, temperature=1.0, top_k=0, top_p=1.0, banned=None):
    """Draws one token per row from a softmax with temperature, top-k and top-p.

        p = softmax(logits / temperature)
        token = first v with p_0 + ... + p_v > uniform

    Before the draw, p is set to 0 except for the `top_k` most probable tokens, then
    except for the smallest set of most probable tokens that holds a share `top_p` of
    what remains (nucleus sampling, Holtzman et al., 2020), and rescaled to sum to 1. Of
    equal logits, the first ranks higher.

    A setting is a number, or a tensor `(batch,)` with one value per row. The draw is
    the same either way; numbers that leave out no token avoid the extra work.

    Args:
        logits: `(batch, vocab)`.
        uniforms: Numbers from 0 to below 1, `(batch,)`; unused if `temperature` is the
            number 0.
        temperature: 0 or more; 0 takes the most probable token. Default 1.
        top_k: How many of the most probable tokens may be drawn; 0: all. Default 0.
        top_p: Share from 0 (only the most probable token) to 1 (all). Default 1.
        banned: Booleans `(vocab,)`, True for tokens never to be drawn (stop words,
            padding), or None. At least one must be False. Default None.

    Returns:
        int32 `(batch,)`.

    Raises:
        ValueError: If a setting given as a number is out of range.
    """
    check_settings(temperature, top_k, top_p)
    logits = permitted(logits, banned)
    if is_number(temperature) and temperature == 0:
        return most_probable(logits)
    shares = cut(shares_of(logits, temperature), logits, top_k, top_p)
    target = uniforms[:, None] * ops.sum(shares, axis=-1, keepdims=True)
    below = ops.cumsum(shares, axis=-1) <= target
    drawn = ops.sum(ops.cast(below, "int32"), axis=-1)
    if is_number(temperature):
        return drawn
    return ops.where(temperature > 0, drawn, most_probable(logits))


def permitted(logits, banned):
    """Logits as float32: -inf for banned tokens, finite for all others."""
    logits = ops.clip(ops.cast(logits, "float32"), -LARGEST, LARGEST)
    if banned is None:
        return logits
    return ops.where(ops.convert_to_tensor(banned, "bool"), -INFINITY, logits)


def most_probable(logits):
    return ops.cast(ops.argmax(logits, axis=-1), "int32")


def shares_of(logits, temperature):
    """Probabilities as integers, in units of 2^-23.

    Integers add up to the same sum in any order, so no rounding of a cumulative sum can
    draw a token of probability 0 or make a row depend on its batch.
    """
    # Temperatures beyond these limits have the same effect, but could overflow.
    temperature = ops.clip(column(temperature, "float32"), 1e-30, 1e30)
    logits = logits - ops.max(logits, axis=-1, keepdims=True)
    return ops.round(SCALE * ops.softmax(logits * (1 / temperature), axis=-1))


def cut(shares, logits, top_k, top_p):
    """The shares, 0 for tokens that `top_k` and `top_p` leave out; see `choose`."""
    if is_number(top_k) and is_number(top_p):
        if top_k == 0 and top_p == 1:
            return shares
        count = min(top_k or logits.shape[-1], logits.shape[-1])
        return ops.where(kept(shares, logits, count, top_k, top_p), shares, 0.0)
    # Sorting takes longer than everything else, so it is done only if a row needs it.
    top_k, top_p = column(top_k, "int32"), column(top_p, "float32")
    count = logits.shape[-1]
    return ops.cond(
        ops.any(top_k > 0) | ops.any(top_p < 1),
        lambda: ops.where(kept(shares, logits, count, top_k, top_p), shares, 0.0),
        lambda: shares,
    )


def kept(shares, logits, max_kept, top_k, top_p):
    """Booleans `(batch, vocab)`: the tokens kept, at most `max_kept` per row."""
    values, indices = ops.top_k(logits, max_kept)
    rank = ops.arange(max_kept, dtype="int32")
    top_k, top_p = column(top_k, "int32"), column(top_p, "float32")
    first = (rank < top_k) | (top_k < 1)
    sorted_shares = ops.take_along_axis(shares, indices, axis=-1)
    sorted_shares = ops.where(first, sorted_shares, 0.0)
    before = ops.cumsum(sorted_shares, axis=-1) - sorted_shares
    nucleus = before < top_p * ops.sum(sorted_shares, axis=-1, keepdims=True)
    count = ops.sum(ops.cast(first & nucleus, "int32"), axis=-1, keepdims=True)
    last = rank == ops.maximum(count, 1) - 1
    # Back in the order of the vocabulary: tokens that rank no lower than the last one.
    value = ops.max(ops.where(last, values, -INFINITY), axis=-1, keepdims=True)
    index = ops.max(ops.where(last, indices, 0), axis=-1, keepdims=True)
    token = ops.arange(logits.shape[-1], dtype="int32")
    return (logits > value) | ((logits == value) & (token <= index))


def generate(
    step,
    token,
    state,
    length,
    seed=0,
    temperature=1.0,
    top_k=0,
    top_p=1.0,
    banned=None,
    end=None,
):
    """Draws tokens one by one, each from the logits of `step` for the previous one.

    Args:
        step: `step(token, state) -> (logits, state)`, with token int32 `(batch,)` and
            logits `(batch, vocab)`; structure, shapes and types of the state must not
            change.
        token: The last token of the text to be continued, int32 `(batch,)`.
        state: The state before that token, any nested structure of `(batch, ...)`.
        length: Number of tokens, an integer; on TensorFlow also a scalar tensor.
        seed: 32-bit integer, or int32 `(batch,)`. Default 0.
        temperature, top_k, top_p, banned: See `choose`.
        end: A token that ends its row, which then holds only `end`, or None. The loop
            stops when all rows have ended. Default None.

    Returns:
        int32 `(batch, length)`. Position t is drawn with `uniform(seed, t)`.

    Raises:
        ValueError: If an argument given as a number is out of range.

    Example:
        >>> def step(token, state):
        ...     return keras.ops.one_hot((token + 1) % 5, 5), state
        >>> generate(step, keras.ops.array([0, 3]), (), 4, temperature=0)
        [[1 2 3 4] [4 0 1 2]]
    """
    check_settings(temperature, top_k, top_p)
    check_length(length)
    check_token("end", end, or_none=True)
    check_seed(seed)
    length = length if is_number(length) else ops.cast(length, "int32")
    token = ops.convert_to_tensor(token, "int32")
    (batch,) = ops.shape(token)
    if is_number(length) and length == 0:
        return ops.zeros((batch, 0), "int32")
    state = keras.tree.map_structure(ops.convert_to_tensor, state)
    seed = ops.broadcast_to(ops.convert_to_tensor(seed, "int32"), (batch,))
    # All numbers at once: many small operations in the loop would take longer.
    uniforms = uniform(seed, ops.arange(length, dtype="int32")[:, None])
    tokens = ops.full((length, batch), 0 if end is None else end, "int32")
    ended = ops.zeros((batch,), "bool")

    def any_unfinished(t, token, state, tokens, ended):
        return ops.logical_not(ops.all(ended))

    def body(t, token, state, tokens, ended):
        logits, state = step(token, state)
        token = choose(logits, uniforms[t], temperature, top_k, top_p, banned)
        if end is not None:
            token = ops.where(ended, end, token)
            ended = token == end
        tokens = ops.scatter_update(tokens, [[t]], token[None])
        return t + 1, token, state, tokens, ended

    start = ops.zeros((), "int32")
    _, _, _, tokens, _ = ops.while_loop(
        any_unfinished,
        body,
        (start, token, state, tokens, ended),
        maximum_iterations=length,
    )
    return ops.transpose(tokens)


def beam_search(
    step,
    token,
    state,
    length,
    beams,
    end,
    length_penalty=1.0,
    banned=None,
    widths=None,
):
    """Searches for the most probable texts with a beam of limited width.

    Every row has `beams` texts. At each step all continuations of them compete, and the
    `beams` best are kept, according to the score of a text of n tokens (with `end`):

        score = (log p_1 + ... + log p_n) / n ** length_penalty

    A text that has reached `end` is not continued, but still competes with its score.
    With `length_penalty=0` the score is the log probability, which favours short texts;
    with 1 it is the mean per token. Wu et al. (2016) divide by
    ((5 + n) / 6) ** length_penalty instead. The search stops after `length` tokens, or
    when all texts have ended; with one beam it takes the most probable token each time.

    Args:
        step, token, state, length: See `generate`; `step` gets `batch * beams` rows.
        beams: Texts per row, a positive integer; on TensorFlow also a tensor.
        end: The token that ends a text.
        length_penalty: Exponent of the length, 0 or more. Default 1.
        banned: See `choose`.
        widths: int32 `(batch,)`, how many of the `beams` each row uses, 1 to `beams`;
            its results equal those of a search with this many beams. Default: all.

    Returns:
        The texts, best first, int32 `(batch, beams, length)`, filled up with `end`, and
        their scores, float32 `(batch, beams)`. If fewer texts than beams exist, the
        last ones hold only `end` and have score -inf.

    Raises:
        ValueError: If an argument given as a number is out of range.
    """
    check_length(length)
    check_token("end", end)
    if not is_tensor(beams) and (not is_integer(beams) or beams < 1):
        raise ValueError(
            f"Argument `beams` must be a positive integer. Received: beams={beams!r}"
        )
    if not is_number(length_penalty) or not 0 <= length_penalty < INFINITY:
        raise ValueError(
            "Argument `length_penalty` must be a non-negative number. "
            f"Received: length_penalty={length_penalty!r}"
        )
    length = length if is_number(length) else ops.cast(length, "int32")
    token = ops.convert_to_tensor(token, "int32")
    (batch,) = ops.shape(token)
    rows = batch * beams

    def repeated(x):
        return ops.repeat(ops.convert_to_tensor(x), beams, axis=0)

    token, state = repeated(token), keras.tree.map_structure(repeated, state)
    first_beam = repeated(ops.arange(batch, dtype="int32") * beams)
    tokens = ops.full((length, rows), end, "int32")
    # All beams of a row start equal, so at first only one of them counts as a text.
    is_first = ops.arange(rows, dtype="int32") == first_beam
    log_p = ops.where(is_first, 0.0, ops.full((rows,), -INFINITY, "float32"))
    sizes, scores = ops.zeros((rows,), "float32"), log_p
    unused = None
    if widths is not None:
        beam = ops.arange(rows, dtype="int32") - first_beam
        unused = beam >= repeated(ops.cast(widths, "int32"))
    ended = ops.zeros((rows,), "bool")

    def any_unfinished(t, token, state, tokens, log_p, sizes, scores, ended):
        return ops.logical_not(ops.all(ended | (log_p == -INFINITY)))

    def body(t, token, state, tokens, log_p, sizes, scores, ended):
        logits, state = step(token, state)
        vocab = logits.shape[-1]
        continued = ops.log_softmax(permitted(logits, banned), axis=-1)
        only_end = ops.where(ops.arange(vocab, dtype="int32") == end, 0.0, -INFINITY)
        continued = ops.where(ended[:, None], ops.cast(only_end, "float32"), continued)
        continued = log_p[:, None] + continued
        sizes = ops.where(ended, sizes, sizes + 1)

        candidates = continued / (sizes**length_penalty)[:, None]
        candidates = ops.reshape(candidates, (batch, beams * vocab))
        scores, best = (ops.reshape(x, (rows,)) for x in ops.top_k(candidates, beams))
        if unused is not None:
            scores = ops.where(unused, -INFINITY, scores)
        parents, token = first_beam + best // vocab, best % vocab

        def of_parents(x):
            return ops.take(x, parents, axis=0)

        state = keras.tree.map_structure(of_parents, state)
        tokens = ops.take(tokens, parents, axis=1)
        tokens = ops.scatter_update(tokens, [[t]], token[None])
        log_p = ops.take(ops.reshape(continued, (-1,)), parents * vocab + token)
        log_p = ops.where(scores == -INFINITY, -INFINITY, log_p)
        return (
            t + 1,
            token,
            state,
            tokens,
            log_p,
            of_parents(sizes),
            scores,
            token == end,
        )

    if not is_number(length) or length > 0:
        start = ops.zeros((), "int32")
        _, _, _, tokens, _, _, scores, _ = ops.while_loop(
            any_unfinished,
            body,
            (start, token, state, tokens, log_p, sizes, scores, ended),
            maximum_iterations=length,
        )
    tokens = ops.where(scores == -INFINITY, end, tokens)
    tokens = ops.reshape(ops.transpose(tokens), (batch, beams, length))
    return tokens, ops.reshape(scores, (batch, beams))


def column(value, dtype):
    """A setting as a tensor, `(1, 1)` or `(batch, 1)`."""
    return ops.reshape(ops.convert_to_tensor(value, dtype), (-1, 1))


def is_number(value):
    """Whether a value is a Python number, known before compiling, and no tensor."""
    return isinstance(value, (int, float))


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_tensor(value):
    return hasattr(value, "shape")


def check_settings(temperature, top_k, top_p):
    if not is_tensor(temperature) and not (
        is_number(temperature) and 0 <= temperature < INFINITY
    ):
        raise ValueError(
            "Argument `temperature` must be a non-negative number, or a tensor. "
            f"Received: temperature={temperature!r}"
        )
    if not is_tensor(top_k) and not (is_integer(top_k) and top_k >= 0):
        raise ValueError(
            "Argument `top_k` must be a non-negative integer, or a tensor. "
            f"Received: top_k={top_k!r}"
        )
    if not is_tensor(top_p) and not (is_number(top_p) and 0 <= top_p <= 1):
        raise ValueError(
            "Argument `top_p` must be a number from 0 to 1, or a tensor. "
            f"Received: top_p={top_p!r}"
        )


def check_length(length):
    if not is_tensor(length) and not (is_integer(length) and length >= 0):
        raise ValueError(
            "Argument `length` must be a non-negative integer, or a tensor. "
            f"Received: length={length!r}"
        )


def check_token(name, token, or_none=False):
    if not (token is None and or_none) and not (is_integer(token) and token >= 0):
        raise ValueError(
            f"Argument `{name}` must be a token, a non-negative integer. "
            f"Received: {name}={token!r}"
        )


def check_seed(seed):
    if not is_tensor(seed) and not (is_integer(seed) and -(2**31) <= seed < 2**31):
        raise ValueError(
            "Argument `seed` must be a 32-bit integer, or a tensor. "
            f"Received: seed={seed!r}"
        )
