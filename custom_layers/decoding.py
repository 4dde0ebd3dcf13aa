"""Decoding: drawing texts, and searching for likely ones, in one compiled loop.

Both work on any `step(token, state) -> (logits, state)`. What decides a token is the
row's own: its logits, its settings, and one number hashed from its seed and the place
of the token. So equal logits give a row the same tokens alone and in any batch, on
every backend, in memory and in an export, compiled by XLA or not. Compile the call, by
`tf.function` or `jax.jit`: TensorFlow would run one operation after the other, and JAX
would compile the loop at every call.
"""

import keras
from keras import ops

INFINITY = float("inf")
LARGEST = 3.4028234663852886e38  # of float32
WHOLE = 2.0**23  # shares of it add up exactly in float32


def uniform(seed, position):
    """Random numbers that depend on a seed and a position only.

    The finaliser of MurmurHash3 (Appleby, 2011) over both, in 32 bits of which 24 are
    kept: equal to the last bit on every backend.

    Args:
        seed: integers of 32 bits, negative ones too, `(batch,)`.
        position: integers, a scalar or of a shape that broadcasts against the seed's.

    Returns:
        float32 from 0 to below 1, `(batch,)` or what the two shapes broadcast to.
    """
    seed, position = (
        ops.cast(ops.convert_to_tensor(x, "int32"), "uint32") for x in (seed, position)
    )
    seed = finalise(seed ^ word(0x9E3779B9))
    position = finalise(position ^ word(0x3C6EF372))
    bits = ops.right_shift(finalise(seed ^ position), 8)
    return ops.cast(ops.cast(bits, "int32"), "float32") * 2.0**-24


def finalise(h):
    """Every bit of the result depends on every bit of h, and no two h collide."""
    h = (h ^ ops.right_shift(h, 16)) * word(0x85EBCA6B)
    h = (h ^ ops.right_shift(h, 13)) * word(0xC2B2AE35)
    return h ^ ops.right_shift(h, 16)


def word(value):
    return ops.convert_to_tensor(value, "uint32")


def choose(logits, uniforms, temperature=1.0, top_k=0, top_p=1.0, banned=None):
    """One token a row, drawn from a softmax that is sharpened and cut.

        p = softmax(logits / temperature)
        token = first v with p_0 + ... + p_v > uniform

    Before the draw, p is set to 0 but for the `top_k` most probable tokens, then but
    for the fewest most probable ones that hold a share `top_p` of the rest (nucleus
    sampling, Holtzman et al., 2020). Of equal logits the first counts as larger.

    A setting is a number, or a tensor `(batch,)` of one a row. The draw is the same
    either way; numbers that cut nothing spare the work.

    Args:
        logits: `(batch, vocab)`.
        uniforms: numbers from 0 to below 1, `(batch,)`; unused where the temperature
            is the number 0.
        temperature: 0 or more; 0 takes the most probable token. Default 1.
        top_k: how many tokens may be drawn; 0 is all. Default 0.
        top_p: share from 0, the most probable token alone, to 1, all. Default 1.
        banned: booleans `(vocab,)`, True for tokens never to be drawn (stop words,
            padding), or None. Not all of them. Default None.

    Returns:
        int32 `(batch,)`.

    Raises:
        ValueError: a setting given as a number is out of its range.
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
    """Logits as float32: -inf where banned, finite elsewhere."""
    logits = ops.clip(ops.cast(logits, "float32"), -LARGEST, LARGEST)
    if banned is None:
        return logits
    return ops.where(ops.convert_to_tensor(banned, "bool"), -INFINITY, logits)


def most_probable(logits):
    return ops.cast(ops.argmax(logits, axis=-1), "int32")


def shares_of(logits, temperature):
    """Probabilities as whole numbers of 2^-23.

    Whole numbers add up to the same in any order: no rounding of a running sum lets a
    token of probability 0 be drawn, nor makes a row depend on its batch.
    """
    # So high or low a temperature changes nothing more, but neither overflows.
    temperature = ops.clip(column(temperature, "float32"), 1e-30, 1e30)
    logits = logits - ops.max(logits, axis=-1, keepdims=True)
    return ops.round(WHOLE * ops.softmax(logits * (1 / temperature), axis=-1))


def cut(shares, logits, top_k, top_p):
    """The shares, 0 for tokens that `top_k` and `top_p` leave out: see `choose`."""
    if is_number(top_k) and is_number(top_p):
        if top_k == 0 and top_p == 1:
            return shares
        most = min(top_k or logits.shape[-1], logits.shape[-1])
        return ops.where(kept(shares, logits, most, top_k, top_p), shares, 0.0)
    # Sorting takes longer than all the rest: only where a row asks for it.
    top_k, top_p = column(top_k, "int32"), column(top_p, "float32")
    most = logits.shape[-1]
    return ops.cond(
        ops.any(top_k > 0) | ops.any(top_p < 1),
        lambda: ops.where(kept(shares, logits, most, top_k, top_p), shares, 0.0),
        lambda: shares,
    )


def kept(shares, logits, most, top_k, top_p):
    """Which tokens may be drawn, `(batch, vocab)`; at most `most` of a row."""
    values, indices = ops.top_k(logits, most)
    rank = ops.arange(most, dtype="int32")
    top_k, top_p = column(top_k, "int32"), column(top_p, "float32")
    first = (rank < top_k) | (top_k < 1)
    sorted_shares = ops.take_along_axis(shares, indices, axis=-1)
    sorted_shares = ops.where(first, sorted_shares, 0.0)
    before = ops.cumsum(sorted_shares, axis=-1) - sorted_shares
    nucleus = before < top_p * ops.sum(sorted_shares, axis=-1, keepdims=True)
    count = ops.sum(ops.cast(first & nucleus, "int32"), axis=-1, keepdims=True)
    last = rank == ops.maximum(count, 1) - 1
    # In the order of the vocabulary again: what stands no lower than the last.
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
    """Draws one token after the other, each from what `step` says of the last one.

    Args:
        step: `step(token, state) -> (logits, state)`, with token int32 `(batch,)`,
            logits `(batch, vocab)`, the state in the structure, shapes and types that
            it came in.
        token: the last token of what is to be continued, int32 `(batch,)`.
        state: the state before that token: any nest of tensors `(batch, ...)`.
        length: how many tokens, an integer; on TensorFlow also a scalar tensor.
        seed: integer of 32 bits, or int32 `(batch,)`. Default 0.
        temperature, top_k, top_p, banned: see `choose`.
        end: a token after which a row is over and holds `end` only, or None. The loop
            stops when all rows are over. Default None.

    Returns:
        int32 `(batch, length)`. The token at place t is drawn with `uniform(seed, t)`.

    Raises:
        ValueError: an argument given as a number is out of its range.

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
    # All numbers at once: a loop of small operations would take longer.
    uniforms = uniform(seed, ops.arange(length, dtype="int32")[:, None])
    tokens = ops.full((length, batch), 0 if end is None else end, "int32")
    over = ops.zeros((batch,), "bool")

    def some_go_on(t, token, state, tokens, over):
        return ops.logical_not(ops.all(over))

    def body(t, token, state, tokens, over):
        logits, state = step(token, state)
        token = choose(logits, uniforms[t], temperature, top_k, top_p, banned)
        if end is not None:
            token = ops.where(over, end, token)
            over = token == end
        tokens = ops.scatter_update(tokens, [[t]], token[None])
        return t + 1, token, state, tokens, over

    start = ops.zeros((), "int32")
    _, _, _, tokens, _ = ops.while_loop(
        some_go_on,
        body,
        (start, token, state, tokens, over),
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
    """The most probable texts that a search of limited width finds.

    Beside every row, `beams` texts grow. At each step all continuations compete, and
    the `beams` best stay, by

        score = (log p_1 + ... + log p_n) / n ** length_penalty

    of a text of n tokens, `end` among them. A text that reached `end` is continued by
    nothing, but competes with its score. The power 0 is the plain probability, which
    favours short texts; 1 the mean over tokens. Wu et al. (2016) divide by
    ((5 + n) / 6) ** length_penalty instead. The search stops at `length`, or when all
    texts have ended; with one beam it takes the most probable token each time.

    Args:
        step, token, state, length: see `generate`; `step` gets `batch * beams` rows.
        beams: how many texts a row, a positive integer; in TensorFlow also a tensor.
        end: the token that ends a text.
        length_penalty: the power of the length, 0 or more. Default 1.
        banned: see `choose`.
        widths: int32 `(batch,)`, how many of the `beams` a row has, 1 to `beams`: what
            it finds is that of a search with so many. Default all of them.

    Returns:
        The texts, best first, int32 `(batch, beams, length)`, with `end` from their end
        on; their scores, float32 `(batch, beams)`. Where there are fewer texts than
        beams, the last ones hold `end` only and have score -inf.

    Raises:
        ValueError: an argument given as a number is out of its range.
    """
    check_length(length)
    check_token("end", end)
    if not is_tensor(beams) and (not is_integer(beams) or beams < 1):
        raise ValueError(
            f"Argument `beams` must be a positive integer. Received: beams={beams!r}"
        )
    if not is_number(length_penalty) or not 0 <= length_penalty < INFINITY:
        raise ValueError(
            "Argument `length_penalty` must be a number of 0 or more. "
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
    # All beams of a row begin alike: one of them is a text, the others none yet.
    is_first = ops.arange(rows, dtype="int32") == first_beam
    log_p = ops.where(is_first, 0.0, ops.full((rows,), -INFINITY, "float32"))
    sizes, scores = ops.zeros((rows,), "float32"), log_p
    unused = None
    if widths is not None:
        number = ops.arange(rows, dtype="int32") - first_beam
        unused = number >= repeated(ops.cast(widths, "int32"))
    over = ops.zeros((rows,), "bool")

    def some_go_on(t, token, state, tokens, log_p, sizes, scores, over):
        return ops.logical_not(ops.all(over | (log_p == -INFINITY)))

    def body(t, token, state, tokens, log_p, sizes, scores, over):
        logits, state = step(token, state)
        vocab = logits.shape[-1]
        continued = ops.log_softmax(permitted(logits, banned), axis=-1)
        itself = ops.where(ops.arange(vocab, dtype="int32") == end, 0.0, -INFINITY)
        continued = ops.where(over[:, None], ops.cast(itself, "float32"), continued)
        continued = log_p[:, None] + continued
        sizes = ops.where(over, sizes, sizes + 1)

        every = continued / (sizes**length_penalty)[:, None]
        every = ops.reshape(every, (batch, beams * vocab))
        scores, places = (ops.reshape(x, (rows,)) for x in ops.top_k(every, beams))
        if unused is not None:
            scores = ops.where(unused, -INFINITY, scores)
        parents, token = first_beam + places // vocab, places % vocab

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
            some_go_on,
            body,
            (start, token, state, tokens, log_p, sizes, scores, over),
            maximum_iterations=length,
        )
    tokens = ops.where(scores == -INFINITY, end, tokens)
    tokens = ops.reshape(ops.transpose(tokens), (batch, beams, length))
    return tokens, ops.reshape(scores, (batch, beams))


def column(value, dtype):
    """A setting, `(1, 1)` or `(batch, 1)`."""
    return ops.reshape(ops.convert_to_tensor(value, dtype), (-1, 1))


def is_number(value):
    """A number of Python's, known before anything is compiled; else a tensor."""
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
            "Argument `temperature` must be a number of 0 or more, or a tensor. "
            f"Received: temperature={temperature!r}"
        )
    if not is_tensor(top_k) and not (is_integer(top_k) and top_k >= 0):
        raise ValueError(
            "Argument `top_k` must be an integer of 0 or more, or a tensor. "
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
            "Argument `length` must be an integer of 0 or more, or a tensor. "
            f"Received: length={length!r}"
        )


def check_token(name, token, or_none=False):
    if not (token is None and or_none) and not (is_integer(token) and token >= 0):
        raise ValueError(
            f"Argument `{name}` must be a token, an integer of 0 or more. "
            f"Received: {name}={token!r}"
        )


def check_seed(seed):
    if not is_tensor(seed) and not (is_integer(seed) and -(2**31) <= seed < 2**31):
        raise ValueError(
            "Argument `seed` must be an integer of 32 bits, or a tensor. "
            f"Received: seed={seed!r}"
        )
