"""The simple recurrent network: the cell, and the layer for whole sequences."""

import keras
from keras import ops

from .recurrent import (
    RecurrentCell,
    RecurrentLayer,
    bias_gradient,
    entering_states,
    gradient_list,
    outer_sum,
    project,
    scan_steps,
)


@keras.saving.register_keras_serializable(package="sequence_recipes")
class SimpleRNNCell(RecurrentCell):
    """One step of the simple recurrent network.

    Finding Structure in Time (Elman, 1990):

        h' = tanh(x W + h U + b)

    Args:
        units: Width of h, a positive integer.
        use_bias: Whether to use a bias. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: As in Keras.
            Defaults "glorot_uniform", "orthogonal", "zeros".

    Call arguments:
        inputs: x, `(batch, features)`.
        states: List with h, `(batch, units)`.

    Returns:
        h', `(batch, units)`, and a list with h'.

    Example:
        >>> keras.layers.RNN(SimpleRNNCell(8))(keras.ops.ones((2, 5, 3))).shape
        (2, 8)
    """

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
    """The simple recurrent network for whole sequences.

    Finding Structure in Time (Elman, 1990); the equation is in `SimpleRNNCell`. The
    backward pass, with dh the gradient that reaches h' from its output and from the
    next step, and z = x W + h U + b:

        dz = dh * (1 - h' * h')
        dh of the previous step = dz U^T
        dU = sum over time and batch of h^T dz

    So the loop multiplies only by U^T, and dU, dW and dx take one product each after
    it.

    Differs from `keras.layers.SimpleRNN`: no `activation`, regularisers, constraints or
    `unroll`; one recurrent dropout mask per sequence; `stateful` works on JAX too.

    Args:
        units: Width of h, a positive integer.
        use_bias: Whether to use a bias. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: As in Keras.
            Defaults "glorot_uniform", "orthogonal", "zeros".
        dropout, recurrent_dropout, recurrent_weight_dropout, seed, return_sequences,
            return_state, go_backwards, stateful, zero_output_for_mask: See
            `RecurrentLayer`, also for call arguments, results, masking and errors.

    Example:
        >>> SimpleRNN(8, return_sequences=True)(keras.ops.ones((2, 5, 3))).shape
        (2, 5, 8)
    """

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

    def loop(self, sequences, initial_state, weights, mask, dropped, training):
        kernel, recurrent_kernel, bias = weights
        projected = project(sequences, kernel)
        hs = simple_rnn_steps(
            projected, *initial_state, recurrent_kernel, bias, mask, dropped
        )
        return hs, [hs[-1]]


def simple_rnn_steps(projected, first_h, recurrent_kernel, bias, mask, dropped):
    """Returns all h, `(time, batch, units)`, from x W, of the same shape."""

    @ops.custom_gradient
    def run(projected, first_h, recurrent_kernel, bias):
        def forward(states, x, t):
            (h,) = states
            entering = h if dropped is None else h * dropped
            z = x + ops.matmul(entering, recurrent_kernel) + bias
            new_h = ops.tanh(z)
            new_h = new_h if mask is None else ops.where(mask[t], new_h, h)
            return [new_h], new_h, []

        _, hs, _ = scan_steps(forward, [first_h], projected, 0)

        def gradient(*gradients):
            (dhs,) = gradient_list(gradients)
            transposed = ops.transpose(recurrent_kernel)

            def backward(arriving, dh, t):
                dh = arriving[0] + dh
                dz = dh * (1 - hs[t] * hs[t])
                dz = dz if mask is None else ops.where(mask[t], dz, 0.0)
                product = ops.matmul(dz, transposed)
                product = product if dropped is None else product * dropped
                product = product if mask is None else ops.where(mask[t], product, dh)
                return [product], dz, []

            arriving = [ops.zeros_like(first_h)]
            (dh,), dz, _ = scan_steps(backward, arriving, dhs, 0, reverse=True)
            entered = entering_states(first_h, hs, dropped)
            return dz, dh, outer_sum(entered, dz), bias_gradient(dz)

        return hs, gradient

    return run(projected, first_h, recurrent_kernel, bias)
