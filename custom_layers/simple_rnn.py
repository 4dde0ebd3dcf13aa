"""The simple recurrent network: the cell, and the layer for whole sequences."""

import keras
from keras import ops

from .recurrent import RecurrentCell, RecurrentLayer
from .steps import Steps


class SimpleRNNSteps(Steps):
    """One step of the simple recurrent network; `SimpleRNN` has the equations."""

    def forward(self, x, states, entering, mask=None):
        h = ops.tanh(x + ops.matmul(entering, self.kernel) + self.bias)
        slope = 1 - h * h
        return [h], [slope if mask is None else ops.where(mask, slope, 0.0)]

    def backward(self, dstates, slopes):
        dz = dstates[0] * slopes[0]
        return dz, [], ops.matmul(dz, self.transposed), [None]


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
    steps = SimpleRNNSteps

    def step(self, x, states, recurrent_kernel, bias):
        (h,) = states
        return [ops.tanh(x + ops.matmul(h, recurrent_kernel))]


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
