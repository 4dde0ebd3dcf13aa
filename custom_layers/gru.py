"""Gated recurrent units: the cell, and the layer for whole sequences."""

import keras
from keras import ops

from .recurrent import (
    RecurrentCell,
    RecurrentLayer,
    activate,
    bias_gradient,
    entering_states,
    gradient_list,
    outer_sum,
    project,
    saturate,
    scan_steps,
)


@keras.saving.register_keras_serializable(package="sequence_recipes")
class GRUCell(RecurrentCell):
    """One step of a gated recurrent unit.

    Learning Phrase Representations using RNN Encoder-Decoder (Cho et al., 2014):

        z = sigmoid(x W_z + h U_z + b_z)
        r = sigmoid(x W_r + h U_r + b_r)
        g = tanh(x W_g + (r * h) U_g + b_g)         `reset_after=False`, the paper's
        g = tanh(x W_g + b_g + r * (h U_g + c_g))   `reset_after=True`, cuDNN's
        h' = z * h + (1 - z) * g

    As in the paper and in Keras, z keeps the old state; many texts use the complement.
    With `reset_after`, the recurrent products have their own biases c (c_z and c_r are
    added to b_z and b_r), and `bias` is `(2, 3 * units)`.

    Args:
        units: Width of h, a positive integer.
        reset_after: Whether r acts after the recurrent product. Default True.
        use_bias: Whether to use a bias. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: As in Keras.
            Defaults "glorot_uniform", "orthogonal", "zeros".

    Call arguments:
        inputs: x, `(batch, features)`.
        states: List with h, `(batch, units)`.

    Returns:
        h', `(batch, units)`, and a list with h'.

    Example:
        >>> keras.layers.RNN(GRUCell(8))(keras.ops.ones((2, 5, 3))).shape
        (2, 8)
    """

    gates = 3

    def __init__(self, units, reset_after=True, **kwargs):
        super().__init__(units, **kwargs)
        self.reset_after = reset_after

    def bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(self, inputs, states):
        (h,) = states
        bias, recurrent_bias = self.biases()
        x = ops.matmul(inputs, self.kernel)
        x = x if bias is None else x + bias
        x_z, x_r, x_g = ops.split(x, 3, axis=-1)
        kernel_zr, kernel_g = ops.split(
            ops.convert_to_tensor(self.recurrent_kernel), [2 * self.units], axis=-1
        )
        if self.reset_after:
            s = ops.matmul(h, self.recurrent_kernel)
            s = s if recurrent_bias is None else s + recurrent_bias
            s_z, s_r, s_g = ops.split(s, 3, axis=-1)
            z = ops.sigmoid(x_z + s_z)
            r = ops.sigmoid(x_r + s_r)
            g = ops.tanh(x_g + r * s_g)
        else:
            s_z, s_r = ops.split(ops.matmul(h, kernel_zr), 2, axis=-1)
            z = ops.sigmoid(x_z + s_z)
            r = ops.sigmoid(x_r + s_r)
            g = ops.tanh(x_g + ops.matmul(r * h, kernel_g))
        h = z * h + (1 - z) * g
        return h, [h]

    def biases(self):
        if self.bias is None:
            return None, None
        if self.reset_after:
            return self.bias[0], self.bias[1]
        return self.bias, None

    def get_config(self):
        return {**super().get_config(), "reset_after": self.reset_after}


@keras.saving.register_keras_serializable(package="sequence_recipes")
class GRU(RecurrentLayer):
    """Gated recurrent units for whole sequences.

    Cho et al., 2014; the equations are in `GRUCell`. The backward pass, with dh the
    gradient that reaches h' from its output and from the next step, dz, dr and dg the
    gradients before sigmoid and tanh, and s = h U + c the recurrent products:

        dz = dh * (h - g) * z * (1 - z)
        dg = dh * (1 - z) * (1 - g * g)

        `reset_after=True`:
        dr = dg * s_g * r * (1 - r)
        ds = join(dz, dr, dg * r)
        dh of the previous step = dh * z + ds U^T
        dU = sum over time and batch of h^T ds

        `reset_after=False`:
        dr = (dg U_g^T) * h * r * (1 - r)
        dh of the previous step = dh * z + join(dz, dr) U_zr^T + (dg U_g^T) * r
        dU_zr, dU_g = sums of h^T join(dz, dr), (r * h)^T dg

    So the loop multiplies only by U^T, and dU, dW and dx take one product each after
    it. The factors of dh depend only on forward values: the forward loop stores them
    (the slopes) instead of the gates, and the backward loop is linear. In a masked step
    z = 1, so h is kept and dz, dr and dg are 0: a mask adds little work to the loop.

    Differs from `keras.layers.GRU`: no `activation`s, regularisers, constraints or
    `unroll`; one recurrent dropout mask per sequence instead of one per gate;
    `stateful` works on JAX too.

    Args:
        units: Width of h, a positive integer.
        reset_after: Whether r acts after the recurrent product. Default True.
        use_bias: Whether to use a bias. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: As in Keras.
            Defaults "glorot_uniform", "orthogonal", "zeros".
        dropout, recurrent_dropout, recurrent_weight_dropout, seed, return_sequences,
            return_state, go_backwards, stateful, zero_output_for_mask: See
            `RecurrentLayer`, also for call arguments, results, masking and errors.

    Example:
        >>> GRU(8, return_sequences=True)(keras.ops.ones((2, 5, 3))).shape
        (2, 5, 8)
    """

    def __init__(
        self,
        units,
        use_bias=True,
        reset_after=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        **kwargs,
    ):
        cell = GRUCell(
            units,
            use_bias=use_bias,
            reset_after=reset_after,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
        )
        super().__init__(cell, **kwargs)

    def loop(self, sequences, initial_state, weights, mask, dropped, training):
        kernel, recurrent_kernel, bias = weights
        projected = project(sequences, kernel)
        run = reset_after_steps if self.cell.reset_after else reset_before_steps
        hs = run(
            projected, *initial_state, recurrent_kernel, bias, mask, dropped, training
        )
        return hs, [hs[-1]]


def reset_after_steps(projected, first_h, kernel, bias, mask, dropped, training):
    """Returns all h, from x W, `(time, batch, 3 * units)`; `bias` holds b and c."""
    units = first_h.shape[-1]

    @ops.custom_gradient
    def run(projected, first_h, kernel, bias):
        def forward(states, x, t):
            (h,) = states
            entering = h if dropped is None else h * dropped
            x = x + bias[0]
            s = ops.matmul(entering, kernel) + bias[1]
            zr = x[:, : 2 * units] + s[:, : 2 * units]
            zr = zr if mask is None else saturate(zr, mask[t], (1, 0))
            new_h, (s_slopes, *slopes) = reset_after_forward(
                zr, x[:, 2 * units :], s[:, 2 * units :], h
            )
            return [new_h], s_slopes, [new_h, *slopes]

        def run_forward(slopes):
            kept = 3 if slopes else 1
            return scan_steps(forward, [first_h], projected, kept, write=slopes)

        _, slopes, (hs, *more) = run_forward(slopes=training)

        def gradient(*gradients):
            (dhs,) = gradient_list(gradients)
            s_slopes, (_, g_slopes, zs) = (
                (slopes, [hs, *more]) if training else run_forward(slopes=True)[1:]
            )
            transposed = ops.transpose(kernel)

            def backward(arriving, s_slopes, t):
                dh = arriving[0] + dhs[t]
                ds = ops.concatenate([dh, dh, dh], axis=-1) * s_slopes
                product = ops.matmul(ds, transposed)
                product = product if dropped is None else product * dropped
                return [dh * zs[t] + product], ds, [dh * g_slopes[t]]

            arriving = [ops.zeros_like(first_h)]
            (dh,), ds, (dg,) = scan_steps(backward, arriving, s_slopes, 1, reverse=True)
            dx = ops.concatenate([ds[:, :, : 2 * units], dg], axis=-1)
            db, dc = bias_gradient(dg), bias_gradient(ds)
            dbias = ops.stack([ops.concatenate([dc[: 2 * units], db]), dc])
            entered = entering_states(first_h, hs, dropped)
            return dx, dh, outer_sum(entered, ds), dbias

        return hs, gradient

    return run(projected, first_h, kernel, bias)


def reset_before_steps(projected, first_h, kernel, bias, mask, dropped, training):
    """Returns all h, from x W, `(time, batch, 3 * units)`."""
    units = first_h.shape[-1]

    @ops.custom_gradient
    def run(projected, first_h, kernel, bias):
        kernel_zr, kernel_g = kernel[:, : 2 * units], kernel[:, 2 * units :]

        def forward(states, x, t):
            (h,) = states
            entering = h if dropped is None else h * dropped
            x = x + bias
            zr = x[:, : 2 * units] + ops.matmul(entering, kernel_zr)
            zr = zr if mask is None else saturate(zr, mask[t], (1, 0))
            new_h, (x_slopes, *slopes) = reset_before_forward(
                zr, x[:, 2 * units :], entering, h, kernel_g
            )
            return [new_h], x_slopes, [new_h, *slopes]

        def run_forward(slopes):
            kept = 3 if slopes else 1
            return scan_steps(forward, [first_h], projected, kept, write=slopes)

        _, slopes, (hs, *more) = run_forward(slopes=training)

        def gradient(*gradients):
            (dhs,) = gradient_list(gradients)
            x_slopes, (_, zs, rs) = (
                (slopes, [hs, *more]) if training else run_forward(slopes=True)[1:]
            )
            transposed_zr = ops.transpose(kernel_zr)
            transposed_g = ops.transpose(kernel_g)

            def backward(arriving, x_slopes, t):
                dh = arriving[0] + dhs[t]
                dx, product = reset_before_backward(
                    dh, x_slopes, rs[t], transposed_zr, transposed_g
                )
                product = product if dropped is None else product * dropped
                return [dh * zs[t] + product], dx, []

            arriving = [ops.zeros_like(first_h)]
            (dh,), dx, _ = scan_steps(backward, arriving, x_slopes, 0, reverse=True)
            entered = entering_states(first_h, hs, dropped)
            dkernel = [
                outer_sum(entered, dx[:, :, : 2 * units]),
                outer_sum(rs * entered, dx[:, :, 2 * units :]),
            ]
            dkernel = ops.concatenate(dkernel, axis=-1)
            return dx, dh, dkernel, bias_gradient(dx)

        return hs, gradient

    return run(projected, first_h, kernel, bias)


def reset_after_forward(zr, x_g, s_g, h):
    """h', and its slopes with respect to s, x_g and h."""
    (z, r), derivatives = activate(zr, ("sigmoid", "sigmoid"))
    z_derivative, r_derivative = ops.split(derivatives, 2, axis=-1)
    g = ops.tanh(x_g + r * s_g)
    g_slope = (1 - z) * (1 - g * g)
    s_slopes = [(h - g) * z_derivative, g_slope * s_g * r_derivative, g_slope * r]
    slopes = [ops.concatenate(s_slopes, axis=-1), g_slope, z]
    return z * h + (1 - z) * g, slopes


def reset_before_forward(zr, x_g, entering, h, kernel_g):
    """h', and a list: the slopes for the three parts of x, concatenated; z; r."""
    (z, r), derivatives = activate(zr, ("sigmoid", "sigmoid"))
    z_derivative, r_derivative = ops.split(derivatives, 2, axis=-1)
    g = ops.tanh(x_g + ops.matmul(r * entering, kernel_g))
    slopes = [(h - g) * z_derivative, entering * r_derivative, (1 - z) * (1 - g * g)]
    return z * h + (1 - z) * g, [ops.concatenate(slopes, axis=-1), z, r]


def reset_before_backward(dh, slopes, r, transposed_zr, transposed_g):
    """dx, and the gradient that the entering h gets through the recurrent products."""
    z_slope, r_slope, g_slope = ops.split(slopes, 3, axis=-1)
    dg = dh * g_slope
    d_reset = ops.matmul(dg, transposed_g)
    dzr = ops.concatenate([dh * z_slope, d_reset * r_slope], axis=-1)
    product = ops.matmul(dzr, transposed_zr) + d_reset * r
    return ops.concatenate([dzr, dg], axis=-1), product
