"""The loop of `AttentionDecoder`, and its hand-derived backward pass.

With attention inside the loop, each step depends on the one before. Everything that
does not is computed outside the loop: the inputs arrive multiplied by the kernel, and
after the loop the gradients of the kernels, of the memory and of multiplicative keys
take one product each.

With a = softmax(score) the weights of a step, c = sum over j of a_j m_j its context,
and dc the gradient that reaches c:

    da_j = m_j . dc
    dscore = a * (da - sum over j of a_j da_j)
    dm_j = sum over steps of a_j dc

A masked position has a_j = 0, so its dscore is 0 as well. For multiplicative scores
q . k_j:

    dq = sum over j of dscore_j k_j
    dk_j = sum over steps of dscore_j q

For additive scores v . u_j with u_j = tanh(q + k_j) and q = h W:

    dq = v * sum over j of dscore_j (1 - u_j * u_j)
    dk_j = v * sum over steps of dscore_j (1 - u_j * u_j)
    dv = sum over batch, steps and j of dscore_j u_j
    dW = sum over batch and steps of h^T dq

The backward pass recomputes u, which is not stored: `(time, batch, memory_time, units)`
would be by far the largest array. The steps of each cell are those of its own module,
without masks and dropout.
"""

import keras
from keras import ops

from .steps import entering_states, gradient_list, outer_sum, scan


def decoder_steps(cell, score, x, states, memory, keys, mask, entering, weights):
    """Runs all steps of a decoder that has attention inside the loop.

    Args:
        cell: Class of the cell's steps, a subclass of `Steps`.
        score: `AdditiveScore` or `MultiplicativeScore`.
        x: Contribution of the inputs to the cell's gates, `(time, batch, width)`.
        states: List of the states before the first step, `(batch, units)` each.
        memory: `(batch, memory_time, features)`.
        keys: `(batch, memory_time, ...)`.
        mask: Booleans `(batch, memory_time)`, or None.
        entering: Kernel of the vector that enters the gates in addition to x.
        weights: Three lists: the cell's recurrent weights, the weights of the score,
            and, with input feeding, the two kernels of the attentional vector, for h'
            and c.

    Without the two kernels, the query is the state before the step, and the context
    enters the step. With them, the query is the state after the step, and the previous
    attentional vector, which is the last of the states, enters the step.

    Returns:
        `outputs, weights, states`: the list of all h and all contexts, `(time, batch,
        ...)` each, or with input feeding the list of all attentional vectors; the
        attention weights, `(time, batch, memory_time)`; the list of the last states.
    """
    sizes = [len(states), *map(len, weights)]
    feeding = bool(weights[-1])

    @ops.custom_gradient
    def run(x, memory, keys, entering, *more):
        first, cell_weights, score_weights, vector = cut(more, sizes)
        steps = cell(*cell_weights)
        scores = score(keys, *score_weights)

        def attend(h):
            a = masked_softmax(scores.forward(h), mask)
            return row_times(a, memory), a

        def forward(states, t):
            if feeding:
                *states, f = states
                xf = x[t] + ops.matmul(f, entering)
                states, slopes = steps.forward(xf, states, states[0])
                h = states[0]
                c, a = attend(h)
                f = ops.tanh(ops.matmul(h, vector[0]) + ops.matmul(c, vector[1]))
                return [*states, f], [h, c, a, f, *slopes]
            c, a = attend(states[0])
            xc = x[t] + ops.matmul(c, entering)
            states, slopes = steps.forward(xc, states, states[0])
            return states, [states[0], c, a, *slopes]

        h, a = first[0], keys[:, :, 0]
        like = [h, memory[:, 0], a] + [first[-1]] * feeding
        like += [ops.repeat(h, width, axis=-1) for width in steps.slope_widths]
        time = ops.shape(x)[0]
        last, (hs, contexts, every_a, *slopes) = scan(forward, first, like, time)
        others = last[1 : len(last) - feeding]
        if feeding:
            fs, *slopes = slopes
            results = (fs, hs, every_a, *others)
        else:
            results = (hs, contexts, every_a, *others)

        def gradient(*gradients):
            douts, dothers, das, *dlasts = gradient_list(gradients)
            dhs, dcs = (dothers, None) if feeding else (douts, dothers)
            before = entering_states(h, hs, None)
            scored = hs if feeding else before
            queries = scores.queries(scored)
            transposed = ops.transpose(entering)

            def attend_backward(dc, t, sums):
                da = times_column(memory, dc) + das[t]
                dscore = softmax_gradient(every_a[t], da)
                dq, sums = scores.backward(dscore, queries[t], sums)
                return scores.dh(dq), [dscore, dq], sums

            def backward(arriving, t):
                dstates, sums = arriving[: len(first)], arriving[len(first) :]
                step_slopes = [slope[t] for slope in slopes]
                if feeding:
                    *dstates, df = dstates
                    dp = (df + douts[t]) * (1 - fs[t] * fs[t])
                    dc = ops.matmul(dp, ops.transpose(vector[1]))
                    dh, dscoring, sums = attend_backward(dc, t, sums)
                    dh = dh + dhs[t] + ops.matmul(dp, ops.transpose(vector[0]))
                    dstates[0] = dstates[0] + dh
                    dz, extras, *parts = steps.backward(dstates, step_slopes)
                    df = ops.matmul(steps.dx(dz, extras), transposed)
                    dstates = [*steps.dstates(*parts), df]
                    dscoring += [dp]
                else:
                    dstates[0] = dstates[0] + dhs[t]
                    dz, extras, *parts = steps.backward(dstates, step_slopes)
                    dc = ops.matmul(steps.dx(dz, extras), transposed) + dcs[t]
                    dh, dscoring, sums = attend_backward(dc, t, sums)
                    dstates = steps.dstates(*parts)
                    dstates[0] = dstates[0] + dh
                return [*dstates, *sums], [dz, dc, *dscoring, *extras]

            arriving = [ops.zeros_like(h), *dlasts]
            arriving += [ops.zeros_like(first[-1])] * feeding
            like = [x[0], memory[:, 0], a, queries[0]] + [first[-1]] * feeding
            like += [h] * steps.extras
            arriving, stacked = scan(
                backward, [*arriving, *scores.sums()], like, time, reverse=True
            )
            dz, dcontexts, dscores, dqueries, *extras = stacked
            dfirst, sums = arriving[: len(first)], arriving[len(first) :]
            dvector = []
            if feeding:
                dp, *extras = extras
                dvector = [outer_sum(hs, dp), outer_sum(contexts, dp)]
            entered = entering_states(first[-1], fs, None) if feeding else contexts
            dkeys, dscore_weights = scores.gradients(scored, dscores, dqueries, sums)
            dx = steps.dx(dz, extras)
            return (
                dx,
                sum_over_steps(every_a, dcontexts),
                dkeys,
                outer_sum(entered, dx),
                *dfirst,
                *steps.gradients(before, dz, extras, slopes),
                *dscore_weights,
                *dvector,
            )

        return results, gradient

    flat = [weight for part in weights for weight in part]
    results = run(x, memory, keys, entering, *states, *flat)
    if feeding:
        fs, hs, every_a, *others = results
        return [fs], every_a, [hs[-1], *others, fs[-1]]
    hs, contexts, every_a, *others = results
    return [hs, contexts], every_a, [hs[-1], *others]


class AdditiveScore:
    """The score v . tanh(h W + k) and its gradients."""

    def __init__(self, keys, query_kernel, v):
        self.keys, self.query_kernel, self.v = keys, query_kernel, v

    def hidden(self, q):
        return ops.tanh(q[:, None] + self.keys)

    def forward(self, h):
        return times_column(self.hidden(ops.matmul(h, self.query_kernel)), self.v)

    def queries(self, scored):
        return ops.matmul(scored, self.query_kernel)

    def sums(self):
        """Zeros, to which the backward steps add their terms for the keys and v."""
        return [ops.zeros_like(self.keys), ops.zeros_like(self.keys[:, 0])]

    def backward(self, dscore, q, sums):
        u = self.hidden(q)
        slopes = dscore[:, :, None] * (1 - u * u)
        dq = self.v * ops.sum(slopes, axis=1)
        return dq, [sums[0] + slopes, sums[1] + row_times(dscore, u)]

    def dh(self, dq):
        return ops.matmul(dq, ops.transpose(self.query_kernel))

    def gradients(self, scored, dscores, dqueries, sums):
        """The gradient of the keys, and a list of the gradients of the weights."""
        weights = [outer_sum(scored, dqueries), ops.sum(sums[1], axis=0)]
        return sums[0] * self.v, weights


class MultiplicativeScore:
    """The score h . k and its gradients."""

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


def masked_softmax(scores, mask=None):
    """Softmax over the last axis, exactly 0 where the mask is False.

    If the mask is False along the whole axis, all results and gradients are 0. The sum
    of many small numbers needs float32, whatever the type of the scores. `ops.softmax`
    would warn about a memory with one position, which is valid here.
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
    """The gradient of the scores from that of the weights, `(batch, memory_time)`."""
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
    """Sum over time of outer products, `(batch, n, m)`, as one product.

    Args:
        left: `(time, batch, n)`.
        right: `(time, batch, m)`.
    """
    return ops.matmul(ops.transpose(left, (1, 2, 0)), ops.transpose(right, (1, 0, 2)))


def cut(values, sizes):
    """Splits values into lists of these sizes."""
    values = iter(values)
    return [[next(values) for _ in range(size)] for size in sizes]
