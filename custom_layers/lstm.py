import keras
from keras import ops

from .recurrent import (
    RecurrentCell,
    RecurrentLayer,
    outer_sum,
    saturate,
    scan_steps,
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
        recurrent_kernel = ops.cast(self.cell.recurrent_kernel, self.compute_dtype)
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
            i, f, g, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)
            new_c = f * c + i * g
            tanh_c = ops.tanh(new_c)
            new_h = o * tanh_c
            new_h = new_h if mask is None else ops.where(mask[t], new_h, h)
            return [new_h, new_c], [new_h, entering, c, i, f, g, o, tanh_c]

        zeros = ops.zeros_like(first_h)
        (_, last_c), (hs, entered, *kept) = scan_steps(
            forward, [first_h, first_c], [zeros] * 8, steps
        )

        def gradient(*gradients):
            dhs, last_dc = upstream(gradients)
            transposed = ops.transpose(recurrent_kernel)

            def backward(arriving, t):
                dh, dc = arriving
                c, i, f, g, o, tanh_c = (values[t] for values in kept)
                dh = dh + dhs[t]
                dc = dc + dh * (o * (1 - tanh_c * tanh_c))
                di = dc * g * (i * (1 - i))
                df = dc * c * (f * (1 - f))
                dg = dc * i * (1 - g * g)
                do = dh * tanh_c * (o * (1 - o))
                dz = ops.concatenate([di, df, dg, do], axis=-1)
                product = ops.matmul(dz, transposed)
                product = product if dropped is None else product * dropped
                product = product if mask is None else ops.where(mask[t], product, dh)
                return [product, dc * f], [dz]

            (dh, dc), (dz,) = scan_steps(
                backward,
                [zeros, last_dc],
                [ops.zeros_like(projected[0])],
                steps,
                reverse=True,
            )
            return dz, dh, dc, outer_sum(entered, dz)

        return (hs, last_c), gradient

    return run(projected, first_h, first_c, recurrent_kernel)
