"""The loop of `AttentionDecoder`, and its backward pass by hand.

Where attention stands inside the loop, each step waits for the one before. What need
not wait is taken out: inputs times kernel come in, and the gradients of all weights, of
the memory and of multiplicative keys are one product each behind the loop.

With a = softmax(score) the weights of a step, c = sum over j of a_j m_j its context,
and dc the gradient that reaches c,

    da_j = m_j . dc
    dscore = a * (da - sum over j of a_j da_j)
    dm_j = sum over steps of a_j dc

A masked place has a_j = 0, so its dscore is 0 of itself. Multiplicative scores q . k_j:

    dq = sum over j of dscore_j k_j
    dk_j = sum over steps of dscore_j q

Additive scores v . u_j with u_j = tanh(q + k_j) and q = h W:

    dq = v * sum over j of dscore_j (1 - u_j * u_j)
    dk_j = v * sum over steps of dscore_j (1 - u_j * u_j)
    dv = sum over batch, steps and j of dscore_j u_j
    dW = sum over batch and steps of h^T dq

u is computed again going back, not kept: `(time, batch, memory_time, units)` would be
by far the largest array. The steps of the cells are those of their own files, without
masks and dropout.
"""

import keras
from keras import ops

from .gru import (
    GRUCell,
    reset_after_forward,
    reset_before_backward,
    reset_before_forward,
)
from .lstm import LSTMCell, lstm_backward, lstm_forward
from .recurrent import bias_gradient, entering_states, outer_sum, upstream
from .simple_rnn import SimpleRNNCell


def decoder_steps(cell, score, x, states, memory, keys, mask, entering, weights):
    """All steps of a decoder whose attention stands inside the loop.

    Args:
        cell: the class of the cell's steps, see `cell_steps`.
        score: `AdditiveScore` or `MultiplicativeScore`.
        x: what enters the cell's gates from the inputs, `(time, batch, width)`.
        states: list of those before the first step, `(batch, units)` each.
        memory: `(batch, memory_time, features)`.
        keys: `(batch, memory_time, ...)`.
        mask: booleans `(batch, memory_time)`, or None.
        entering: the kernel of what enters the gates beside x.
        weights: three lists, of the cell's recurrent weights, the score's, and with
            input feeding the two kernels of the attentional vector, for h' and c.

    Without the two kernels the state before the step is scored and the context enters
    the step. With them the state after the step is scored, and the attentional vector
    before, which is the last of the states, enters it.

    Returns:
        `outputs, weights, states`: the list of all h and all contexts, `(time, batch,
        ...)`, with feeding the list of all attentional vectors; the attention weights,
        `(time, batch, memory_time)`; the list of the last states.
    """
    sizes = [len(states), *map(len, weights)]
    feeding = bool(weights[-1])

    @ops.custom_gradient
    def run(x, memory, keys, entering, *more):
        first, cell_weights, score_weights, vector = cut(more, sizes)
        steps = cell(*cell_weights)
        scores = score(keys, *score_weights)

        def look(h):
            a = masked_softmax(scores.forward(h), mask)
            return row_times(a, memory), a

        def forward(states, t):
            if feeding:
                *states, f = states
                states, slopes = steps.forward(x[t] + ops.matmul(f, entering), states)
                c, a = look(states[0])
                h = states[0]
                f = ops.tanh(ops.matmul(h, vector[0]) + ops.matmul(c, vector[1]))
                return [*states, f], [h, c, a, f, *slopes]
            c, a = look(states[0])
            states, slopes = steps.forward(x[t] + ops.matmul(c, entering), states)
            return states, [states[0], c, a, *slopes]

        h, a = first[0], keys[:, :, 0]
        kept = [h, memory[:, 0], a] + [first[-1]] * feeding
        kept += [ops.repeat(h, width, axis=-1) for width in steps.slope_widths]
        time = ops.shape(x)[0]
        last, (hs, contexts, every_a, *slopes) = scan(forward, first, kept, time)
        others = last[1 : len(last) - feeding]
        if feeding:
            fs, *slopes = slopes
            results = (fs, hs, every_a, *others)
        else:
            results = (hs, contexts, every_a, *others)

        def gradient(*gradients):
            douts, dothers, das, *dlasts = upstream(gradients)
            dhs, dcs = (dothers, None) if feeding else (douts, dothers)
            before = entering_states(h, hs, None)
            scored = hs if feeding else before
            queries = scores.queries(scored)
            into = ops.transpose(entering)

            def dlook(dc, t, sums):
                da = times_column(memory, dc) + das[t]
                dscore = softmax_gradient(every_a[t], da)
                dq, sums = scores.backward(dscore, queries[t], sums)
                return scores.dh(dq), [dscore, dq], sums

            def backward(arriving, t):
                dstates, sums = arriving[: len(first)], arriving[len(first) :]
                here = [slope[t] for slope in slopes]
                if feeding:
                    *dstates, df = dstates
                    dp = (df + douts[t]) * (1 - fs[t] * fs[t])
                    dc = ops.matmul(dp, ops.transpose(vector[1]))
                    dh, found, sums = dlook(dc, t, sums)
                    dh = dh + dhs[t] + ops.matmul(dp, ops.transpose(vector[0]))
                    dstates[0] = dstates[0] + dh
                    dx, products, dstates = steps.backward(dstates, here)
                    dstates.append(ops.matmul(dx, into))
                    found += [dp]
                else:
                    dstates[0] = dstates[0] + dhs[t]
                    dx, products, dstates = steps.backward(dstates, here)
                    dc = ops.matmul(dx, into) + dcs[t]
                    dh, found, sums = dlook(dc, t, sums)
                    dstates[0] = dstates[0] + dh
                return [*dstates, *sums], [dx, dc, *found, *products]

            arriving = [ops.zeros_like(h), *dlasts]
            arriving += [ops.zeros_like(first[-1])] * feeding
            kept = [x[0], memory[:, 0], a, queries[0]] + [first[-1]] * feeding
            kept += [h] * steps.products
            arriving, found = scan(
                backward, [*arriving, *scores.sums()], kept, time, reverse=True
            )
            dx, dcontexts, dscores, dqueries, *found = found
            dfirst, sums = arriving[: len(first)], arriving[len(first) :]
            dvector = []
            if feeding:
                dp, *found = found
                dvector = [outer_sum(hs, dp), outer_sum(contexts, dp)]
            entered = entering_states(first[-1], fs, None) if feeding else contexts
            dkeys, dscore_weights = scores.gradients(scored, dscores, dqueries, sums)
            return (
                dx,
                sum_over_steps(every_a, dcontexts),
                dkeys,
                outer_sum(entered, dx),
                *dfirst,
                *steps.gradients(before, dx, found, slopes),
                *dscore_weights,
                *dvector,
            )

        return results, gradient

    flat = [weight for part in weights for weight in part]
    one, other, every_a, *others = run(x, memory, keys, entering, *states, *flat)
    if feeding:
        return [one], every_a, [other[-1], *others, one[-1]]
    return [one, other], every_a, [one[-1], *others]


class AdditiveScore:
    """v . tanh(h W + k), and its gradients."""

    def __init__(self, keys, query_kernel, v):
        self.keys, self.query_kernel, self.v = keys, query_kernel, v

    def hidden(self, q):
        return ops.tanh(q[:, None] + self.keys)

    def forward(self, h):
        return times_column(self.hidden(ops.matmul(h, self.query_kernel)), self.v)

    def queries(self, scored):
        return ops.matmul(scored, self.query_kernel)

    def sums(self):
        """What is added up over the steps: for the keys and for v."""
        return [ops.zeros_like(self.keys), ops.zeros_like(self.keys[:, 0])]

    def backward(self, dscore, q, sums):
        u = self.hidden(q)
        slopes = dscore[:, :, None] * (1 - u * u)
        dq = self.v * ops.sum(slopes, axis=1)
        return dq, [sums[0] + slopes, sums[1] + row_times(dscore, u)]

    def dh(self, dq):
        return ops.matmul(dq, ops.transpose(self.query_kernel))

    def gradients(self, scored, dscores, dqueries, sums):
        """Those of the keys, and a list of those of the weights."""
        weights = [outer_sum(scored, dqueries), ops.sum(sums[1], axis=0)]
        return sums[0] * self.v, weights


class MultiplicativeScore:
    """h . k, and its gradients."""

    def __init__(self, keys):
        self.keys = keys

    def forward(self, h):
        return times_column(self.keys, h)

    def queries(self, scored):
        return scored

    def sums(self):
        return []

    def backward(self, dscore, q, sums):
        return row_times(dscore, self.keys), sums

    def dh(self, dq):
        return dq

    def gradients(self, scored, dscores, dqueries, sums):
        return sum_over_steps(dscores, scored), []


class SimpleRNNSteps:
    """The steps of `SimpleRNNCell`, without their inputs' product."""

    slope_widths = (1,)
    products = 0

    def __init__(self, kernel):
        self.kernel, self.transposed = kernel, ops.transpose(kernel)

    def forward(self, x, states):
        """The states after the step, and what going back needs of it."""
        h = ops.tanh(x + ops.matmul(states[0], self.kernel))
        return [h], [1 - h * h]

    def backward(self, dstates, slopes):
        """dx, more that the weights' gradients need, and the states' gradients."""
        dz = dstates[0] * slopes[0]
        return dz, [], [ops.matmul(dz, self.transposed)]

    def gradients(self, before, dx, products, slopes):
        """A list of those of the weights, from all steps."""
        return [outer_sum(before, dx)]


class LSTMSteps(SimpleRNNSteps):
    """The steps of `LSTMCell`."""

    slope_widths = (4, 1, 1)

    def forward(self, x, states):
        h, c = states
        return lstm_forward(x + ops.matmul(h, self.kernel), c)

    def backward(self, dstates, slopes):
        dz, dc = lstm_backward(*dstates, slopes)
        return dz, [], [ops.matmul(dz, self.transposed), dc]


class ResetAfterSteps:
    """The steps of `GRUCell(reset_after=True)`."""

    slope_widths = (3, 1, 1)
    products = 1

    def __init__(self, kernel, bias):
        self.kernel, self.transposed = kernel, ops.transpose(kernel)
        self.bias = bias
        self.units = kernel.shape[0]

    def forward(self, x, states):
        (h,) = states
        s = ops.matmul(h, self.kernel) + self.bias
        zr = x[:, : 2 * self.units] + s[:, : 2 * self.units]
        h, slopes = reset_after_forward(
            zr, x[:, 2 * self.units :], s[:, 2 * self.units :], h
        )
        return [h], slopes

    def backward(self, dstates, slopes):
        (dh,) = dstates
        s_slopes, g_slope, z = slopes
        ds = ops.concatenate([dh, dh, dh], axis=-1) * s_slopes
        dx = ops.concatenate([ds[:, : 2 * self.units], dh * g_slope], axis=-1)
        before = dh * z + ops.matmul(ds, self.transposed)
        return dx, [ds[:, 2 * self.units :]], [before]

    def gradients(self, before, dx, products, slopes):
        ds = ops.concatenate([dx[:, :, : 2 * self.units], *products], axis=-1)
        return [outer_sum(before, ds), bias_gradient(ds)]


class ResetBeforeSteps:
    """The steps of `GRUCell(reset_after=False)`."""

    slope_widths = (3, 1, 1)
    products = 0

    def __init__(self, kernel):
        self.units = kernel.shape[0]
        self.kernel_zr = kernel[:, : 2 * self.units]
        self.kernel_g = kernel[:, 2 * self.units :]

    def forward(self, x, states):
        (h,) = states
        zr = x[:, : 2 * self.units] + ops.matmul(h, self.kernel_zr)
        h, slopes = reset_before_forward(
            zr, x[:, 2 * self.units :], h, h, self.kernel_g
        )
        return [h], slopes

    def backward(self, dstates, slopes):
        (dh,) = dstates
        slopes, z, r = slopes
        transposed = ops.transpose(self.kernel_zr), ops.transpose(self.kernel_g)
        dx, product = reset_before_backward(dh, slopes, r, *transposed)
        return dx, [], [dh * z + product]

    def gradients(self, before, dx, products, slopes):
        dkernel = [
            outer_sum(before, dx[:, :, : 2 * self.units]),
            outer_sum(slopes[-1] * before, dx[:, :, 2 * self.units :]),
        ]
        return [ops.concatenate(dkernel, axis=-1)]


def cell_steps(cell, dtype):
    """The class of a cell's steps, its recurrent weights, and the bias of its inputs.

    The bias is None without one.
    """
    kernel = ops.cast(cell.recurrent_kernel, dtype)
    bias = None if cell.bias is None else ops.cast(cell.bias, dtype)
    if isinstance(cell, LSTMCell):
        return LSTMSteps, [kernel], bias
    if isinstance(cell, SimpleRNNCell):
        return SimpleRNNSteps, [kernel], bias
    if not isinstance(cell, GRUCell) or not cell.reset_after:
        return ResetBeforeSteps, [kernel], bias
    if bias is None:
        return ResetAfterSteps, [kernel, ops.zeros_like(kernel[0])], None
    return ResetAfterSteps, [kernel, bias[1]], bias[0]


def scan(step, states, like, time, reverse=False):
    """Runs `states, found = step(states, t)` for all t, and keeps all that is found.

    `ops.scan` on TensorFlow wants of a step as many tensors as there are states, of the
    same shapes. So what is found rides along in `like`, of which shapes and types count
    only, and where the states would be kept, those before the first step stand: nobody
    reads them. One tensor is scanned, the steps' numbers: several fail where the length
    is unknown.

    Returns:
        The last states, and what was found, a list of `(time, batch, ...)`.
    """
    if isinstance(time, int) and time == 1:
        states, found = step(list(states), 0)
        return states, [x[None] for x in found]
    count = len(states)
    like = [ops.zeros_like(x) for x in like]

    def body(carry, t):
        after, found = step(list(carry[:count]), t)
        return [*after, *carry[count:]], [*states, *found]

    numbers = ops.arange(time, dtype="int32")
    last, every = ops.scan(body, [*states, *like], numbers, reverse=reverse)
    return list(last[:count]), every[count:]


def masked_softmax(scores, mask=None):
    """Shares of 1 over the last axis, exactly 0 where the mask is False.

    Where all of it is, all are 0, and gradients are 0 too. Sums of many small numbers
    want float32, whatever the scores come in. `ops.softmax` warns of a memory of one
    place, which is no fault here.
    """
    dtype = scores.dtype
    scores = ops.cast(scores, keras.backend.result_type(dtype, "float32"))
    scores = scores if mask is None else ops.where(mask, scores, -1e9)
    largest = ops.max(scores, axis=-1, keepdims=True)
    shares = ops.exp(scores - ops.stop_gradient(largest))
    shares = shares if mask is None else ops.where(mask, shares, 0.0)
    total = ops.sum(shares, axis=-1, keepdims=True)
    total = total if mask is None else ops.where(total > 0, total, 1.0)
    return ops.cast(shares / total, dtype)


def softmax_gradient(weights, gradient):
    """From that of the weights, `(batch, memory_time)`, that of the scores."""
    dtype = weights.dtype
    wide = keras.backend.result_type(dtype, "float32")
    weights, gradient = ops.cast(weights, wide), ops.cast(gradient, wide)
    mean = ops.sum(weights * gradient, axis=-1, keepdims=True)
    return ops.cast(weights * (gradient - mean), dtype)


def row_times(row, matrix):
    """`(batch, n)` times `(batch, n, m)`: `(batch, m)`."""
    return ops.matmul(row[:, None], matrix)[:, 0]


def times_column(matrix, column):
    """`(batch, n, m)` times `(batch, m)` or `(m,)`: `(batch, n)`."""
    return ops.matmul(matrix, ops.expand_dims(column, -1))[..., 0]


def sum_over_steps(left, right):
    """Of `(time, batch, n)` and `(time, batch, m)`: `(batch, n, m)`, one product."""
    return ops.matmul(ops.transpose(left, (1, 2, 0)), ops.transpose(right, (1, 0, 2)))


def cut(values, sizes):
    """A list of lists of these lengths."""
    values = iter(values)
    return [[next(values) for _ in range(size)] for size in sizes]
