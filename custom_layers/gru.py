import keras
from keras import ops

from .recurrent import (
    RecurrentCell,
    RecurrentLayer,
    following,
    outer_sum,
    saturate,
    scan_steps,
    shifted,
    upstream,
)


@keras.saving.register_keras_serializable(package="sequence_recipes")
class GRUCell(RecurrentCell):
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

    def loop(self, sequences, initial_state, mask, dropped):
        kernel = ops.convert_to_tensor(self.cell.recurrent_kernel)
        bias, recurrent_bias = self.cell.biases()
        projected = self.project(sequences, bias)
        h = initial_state[0]
        if self.cell.reset_after:
            if recurrent_bias is None:
                recurrent_bias = ops.zeros(kernel.shape[-1:], kernel.dtype)
            hs = reset_after_steps(projected, h, kernel, recurrent_bias, mask, dropped)
        else:
            hs = reset_before_steps(projected, h, kernel, mask, dropped)
        return hs, [hs[-1]]


def reset_after_steps(projected, first_h, kernel, bias, mask=None, dropped=None):
    steps = ops.shape(projected)[0]
    units = first_h.shape[-1]

    @ops.custom_gradient
    def run(projected, first_h, kernel, bias):
        if mask is not None:
            projected = saturate(projected, mask, (1, 0, 0))
        x_zr, x_g = projected[..., : 2 * units], projected[..., 2 * units :]

        def gates(x_zr, x_g, s):
            z, r = ops.split(ops.sigmoid(x_zr + s[..., : 2 * units]), 2, axis=-1)
            s_g = s[..., 2 * units :]
            return z, r, s_g, ops.tanh(x_g + r * s_g)

        def forward(states, t):
            (h,) = states
            entering = h if dropped is None else h * dropped
            s = ops.matmul(entering, kernel) + bias
            z, _, _, g = gates(x_zr[t], x_g[t], s)
            return [z * h + (1 - z) * g]

        (hs,) = scan_steps(forward, [first_h], steps)

        def gradient(*gradients):
            (dhs,) = upstream(gradients)
            before = shifted(first_h, hs)
            entered = before if dropped is None else before * dropped
            s = ops.matmul(ops.reshape(entered, (-1, units)), kernel) + bias
            s = ops.reshape(s, ops.shape(projected))
            z, r, s_g, g = gates(x_zr, x_g, s)
            # What each gate's pre-activation gets is dh times these.
            to_z = (before - g) * z * (1 - z)
            to_g = (1 - z) * (1 - g * g)
            to_r = to_g * s_g * r * (1 - r)
            to_s = to_g * r
            transposed = ops.transpose(kernel)

            def backward(arriving, t):
                dh = arriving[0] + dhs[t]
                ds = [dh * to_z[t], dh * to_r[t], dh * to_s[t]]
                product = ops.matmul(ops.concatenate(ds, axis=-1), transposed)
                product = product if dropped is None else product * dropped
                return [dh * z[t] + product]

            zeros = ops.zeros_like(first_h)
            (arriving,) = scan_steps(backward, [zeros], steps, reverse=True)
            dh = dhs + following(arriving, zeros)
            dz, dr = dh * to_z, dh * to_r
            dx = ops.concatenate([dz, dr, dh * to_g], axis=-1)
            ds = ops.concatenate([dz, dr, dh * to_s], axis=-1)
            return dx, arriving[0], outer_sum(entered, ds), ops.sum(ds, axis=(0, 1))

        return hs, gradient

    return run(projected, first_h, kernel, bias)


def reset_before_steps(projected, first_h, kernel, mask=None, dropped=None):
    steps = ops.shape(projected)[0]
    units = first_h.shape[-1]

    @ops.custom_gradient
    def run(projected, first_h, kernel):
        if mask is not None:
            projected = saturate(projected, mask, (1, 0, 0))
        x_zr, x_g = projected[..., : 2 * units], projected[..., 2 * units :]
        kernel_zr, kernel_g = kernel[:, : 2 * units], kernel[:, 2 * units :]

        def gates(x_zr, x_g, h):
            s_zr = ops.reshape(
                ops.matmul(ops.reshape(h, (-1, units)), kernel_zr), ops.shape(x_zr)
            )
            z, r = ops.split(ops.sigmoid(x_zr + s_zr), 2, axis=-1)
            s_g = ops.reshape(
                ops.matmul(ops.reshape(r * h, (-1, units)), kernel_g), ops.shape(x_g)
            )
            return z, r, ops.tanh(x_g + s_g)

        def forward(states, t):
            (h,) = states
            entering = h if dropped is None else h * dropped
            z, _, g = gates(x_zr[t], x_g[t], entering)
            return [z * h + (1 - z) * g]

        (hs,) = scan_steps(forward, [first_h], steps)

        def gradient(*gradients):
            (dhs,) = upstream(gradients)
            before = shifted(first_h, hs)
            entered = before if dropped is None else before * dropped
            z, r, g = gates(x_zr, x_g, entered)
            # dz = dh * to_z, dg = dh * to_g, dr = (dg times kernel_g) * to_r.
            to_z = (before - g) * z * (1 - z)
            to_g = (1 - z) * (1 - g * g)
            to_r = entered * r * (1 - r)
            transposed_zr = ops.transpose(kernel_zr)
            transposed_g = ops.transpose(kernel_g)

            def backward(carry, t):
                dh = carry[0] + dhs[t]
                d_reset = ops.matmul(dh * to_g[t], transposed_g)
                dr = d_reset * to_r[t]
                dzr = ops.concatenate([dh * to_z[t], dr], axis=-1)
                product = ops.matmul(dzr, transposed_zr) + d_reset * r[t]
                product = product if dropped is None else product * dropped
                return [dh * z[t] + product, dr]

            zeros = ops.zeros_like(first_h)
            arriving, dr = scan_steps(backward, [zeros, zeros], steps, reverse=True)
            dh = dhs + following(arriving, zeros)
            dzr = ops.concatenate([dh * to_z, dr], axis=-1)
            dg = dh * to_g
            dx = ops.concatenate([dzr, dg], axis=-1)
            dkernel = [outer_sum(entered, dzr), outer_sum(r * entered, dg)]
            return dx, arriving[0], ops.concatenate(dkernel, axis=-1)

        return hs, gradient

    return run(projected, first_h, kernel)
