import keras
from keras import ops

from .recurrent import (
    RecurrentCell,
    RecurrentLayer,
    outer_sum,
    scan_steps,
    upstream,
)


@keras.saving.register_keras_serializable(package="sequence_recipes")
class SimpleRNNCell(RecurrentCell):
    gates = 1

    def call(self, inputs, states):
        (h,) = states
        z = ops.matmul(inputs, self.kernel)
        z += ops.matmul(h, self.recurrent_kernel)
        z = z if self.bias is None else z + self.bias
        h = ops.tanh(z)
        return h, [h]


@keras.saving.register_keras_serializable(package="sequence_recipes")
class SimpleRNN(RecurrentLayer):
    def __init__(
        self,
        units,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        **kwargs,
    ):
        cell = SimpleRNNCell(
            units,
            use_bias=use_bias,
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
        hs = simple_rnn_steps(
            projected, initial_state[0], recurrent_kernel, mask, dropped
        )
        return hs, [hs[-1]]


def simple_rnn_steps(projected, first_h, recurrent_kernel, mask=None, dropped=None):
    steps = ops.shape(projected)[0]

    @ops.custom_gradient
    def run(projected, first_h, recurrent_kernel):
        def forward(states, t):
            (h,) = states
            entering = h if dropped is None else h * dropped
            new_h = ops.tanh(projected[t] + ops.matmul(entering, recurrent_kernel))
            new_h = new_h if mask is None else ops.where(mask[t], new_h, h)
            return [new_h], [new_h, entering]

        zeros = ops.zeros_like(first_h)
        _, (hs, entered) = scan_steps(forward, [first_h], [zeros] * 2, steps)

        def gradient(*gradients):
            (dhs,) = upstream(gradients)
            transposed = ops.transpose(recurrent_kernel)

            def backward(arriving, t):
                dh = arriving[0] + dhs[t]
                dz = dh * (1 - hs[t] * hs[t])
                dz = dz if mask is None else ops.where(mask[t], dz, zeros)
                product = ops.matmul(dz, transposed)
                product = product if dropped is None else product * dropped
                product = product if mask is None else ops.where(mask[t], product, dh)
                return [product], [dz]

            (dh,), (dz,) = scan_steps(backward, [zeros], [zeros], steps, reverse=True)
            return dz, dh, outer_sum(entered, dz)

        return hs, gradient

    return run(projected, first_h, recurrent_kernel)
