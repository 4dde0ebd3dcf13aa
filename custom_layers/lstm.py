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
class LSTMCell(RecurrentCell):
    gates = 4

    def __init__(self, units, unit_forget_bias=True, **kwargs):
        super().__init__(units, **kwargs)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def initial_bias(self, shape, dtype=None):
        if not self.unit_forget_bias:
            return self.bias_initializer(shape, dtype)
        i = self.bias_initializer((self.units,), dtype)
        f = ops.ones((self.units,), dtype)
        g_and_o = self.bias_initializer((2 * self.units,), dtype)
        return ops.concatenate([i, f, g_and_o], axis=0)

    def call(self, inputs, states):
        h, c = states
        z = ops.matmul(inputs, self.kernel)
        z += ops.matmul(h, self.recurrent_kernel)
        z = z if self.bias is None else z + self.bias
        i, f, g, o = ops.split(z, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [h, c]

    def get_config(self):
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}


@keras.saving.register_keras_serializable(package="sequence_recipes")
class LSTM(RecurrentLayer):
    def __init__(
        self,
        units,
        use_bias=True,
        unit_forget_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        **kwargs,
    ):
        cell = LSTMCell(
            units,
            use_bias=use_bias,
            unit_forget_bias=unit_forget_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
        )
        super().__init__(cell, **kwargs)

    def loop(self, sequences, initial_state, mask, dropped):
        projected = self.project(sequences, self.cell.bias)
        recurrent_kernel = ops.convert_to_tensor(self.cell.recurrent_kernel)
        hs, last_c = lstm_steps(
            projected, *initial_state, recurrent_kernel, mask, dropped
        )
        return hs, [hs[-1], last_c]


def lstm_steps(projected, first_h, first_c, recurrent_kernel, mask=None, dropped=None):
    steps = ops.shape(projected)[0]

    @ops.custom_gradient
    def run(projected, first_h, first_c, recurrent_kernel):
        if mask is not None:
            projected = saturate(projected, mask, (-1, 1, 0, -1))

        def forward(states, t):
            h, c = states
            entering = h if dropped is None else h * dropped
            z = projected[t] + ops.matmul(entering, recurrent_kernel)
            i, f, g, o = ops.split(z, 4, axis=-1)
            new_c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
            new_h = ops.sigmoid(o) * ops.tanh(new_c)
            return [new_h if mask is None else ops.where(mask[t], new_h, h), new_c]

        hs, cs = scan_steps(forward, [first_h, first_c], steps)

        def gradient(*gradients):
            dhs, last_dc = upstream(gradients)
            transposed = ops.transpose(recurrent_kernel)
            entered = shifted(first_h, hs)
            entered = entered if dropped is None else entered * dropped
            units = first_h.shape[-1]
            z = ops.matmul(ops.reshape(entered, (-1, units)), recurrent_kernel)
            z = projected + ops.reshape(z, ops.shape(projected))
            i, f, g, o = ops.split(z, 4, axis=-1)
            i, f, g, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)
            tanh_c = ops.tanh(cs)
            # dz = d(h or c) times these; dc = dh times `to_c`.
            to_i = g * i * (1 - i)
            to_f = shifted(first_c, cs) * f * (1 - f)
            to_g = i * (1 - g * g)
            to_o = tanh_c * o * (1 - o)
            to_c = o * (1 - tanh_c * tanh_c)

            def backward(arriving, t):
                dh, dc = arriving
                dh = dh + dhs[t]
                dc = dc + dh * to_c[t]
                dz = ops.concatenate(
                    [dc * to_i[t], dc * to_f[t], dc * to_g[t], dh * to_o[t]], axis=-1
                )
                product = ops.matmul(dz, transposed)
                product = product if dropped is None else product * dropped
                product = product if mask is None else ops.where(mask[t], product, dh)
                return [product, dc * f[t]]

            zeros = ops.zeros_like(first_h)
            arriving_h, arriving_c = scan_steps(
                backward, [zeros, last_dc], steps, reverse=True
            )
            dh = dhs + following(arriving_h, zeros)
            dc = following(arriving_c, last_dc) + dh * to_c
            dz = ops.concatenate([dc * to_i, dc * to_f, dc * to_g, dh * to_o], axis=-1)
            return dz, arriving_h[0], arriving_c[0], outer_sum(entered, dz)

        return (hs, cs[-1]), gradient

    return run(projected, first_h, first_c, recurrent_kernel)
