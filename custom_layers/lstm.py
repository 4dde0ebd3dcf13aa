"""Long short-term memory: the cell, and the layer for whole sequences."""

import keras
from keras import ops

from .recurrent import RecurrentCell, RecurrentLayer
from .steps import Steps, activate, saturate


class LSTMSteps(Steps):
    """One step of the LSTM, forward and backward; `LSTM` has the equations."""

    slope_widths = (4, 1, 1)

    def forward(self, x, states, entering, mask=None):
        _, c = states
        z = x + ops.matmul(entering, self.kernel) + self.bias
        z = z if mask is None else saturate(z, mask, (-1, 1, 0, -1))
        gates, derivatives = activate(z, ("sigmoid", "sigmoid", "tanh", "sigmoid"))
        i, f, g, o = gates
        new_c = f * c + i * g
        tanh_c = ops.tanh(new_c)
        h = o * tanh_c
        z_slopes = ops.concatenate([g, c, i, tanh_c], axis=-1) * derivatives
        return [h, new_c], [z_slopes, o - h * tanh_c, f]

    def backward(self, dstates, slopes):
        dh, dc = dstates
        z_slopes, c_slope, f = slopes
        dc = dc + dh * c_slope
        dz = ops.concatenate([dc, dc, dc, dh], axis=-1) * z_slopes
        return dz, [], ops.matmul(dz, self.transposed), [None, dc * f]


@keras.saving.register_keras_serializable(package="sequence_recipes")
class LSTMCell(RecurrentCell):
    """One step of long short-term memory.

    Long Short-Term Memory (Hochreiter and Schmidhuber, 1997), with the forget gate of
    Learning to Forget (Gers, Schmidhuber and Cummins, 2000):

        i, f, g, o = split(x W + h U + b)
        c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h' = sigmoid(o) * tanh(c')

    Args:
        units: Width of h and c, a positive integer.
        unit_forget_bias: Whether the bias of f starts at 1, so that an untrained cell
            remembers (Jozefowicz, Zaremba and Sutskever, 2015). Default True.
        use_bias: Whether to use a bias. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: As in Keras.
            Defaults "glorot_uniform", "orthogonal", "zeros".

    Call arguments:
        inputs: x, `(batch, features)`.
        states: List with h and c, `(batch, units)` each.

    Returns:
        h', `(batch, units)`, and a list with h' and c'.

    Example:
        >>> keras.layers.RNN(LSTMCell(8))(keras.ops.ones((2, 5, 3))).shape
        (2, 8)
    """

    gates = 4
    steps = LSTMSteps

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

    def step(self, x, states, recurrent_kernel, bias):
        h, c = states
        i, f, g, o = ops.split(x + ops.matmul(h, recurrent_kernel), 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return [h, c]

    def get_config(self):
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}


@keras.saving.register_keras_serializable(package="sequence_recipes")
class LSTM(RecurrentLayer):
    """Long short-term memory for whole sequences.

    Hochreiter and Schmidhuber, 1997; the equations are in `LSTMCell`. The backward
    pass, with i, f, g, o the gates after sigmoid and tanh, z = x W + h U + b their
    inputs, dh the gradient that reaches h' from its output and from the next step, and
    dc the one that reaches c' from the next step:

        dc = dc + dh * o * (1 - tanh(c')^2)
        di, df, dg = dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g)
        do = dh * tanh(c') * o * (1 - o)
        dz = join(di, df, dg, do)
        dh, dc of the previous step = dz U^T, dc * f
        dU = sum over time and batch of h^T dz

    So the loop multiplies only by U^T, and dU, dW and dx take one product each after
    it. The factors of dh and dc depend only on forward values: the forward loop stores
    them (the slopes) instead of the gates, and the backward loop is linear. In a masked
    step i = o = 0 and f = 1, so c is kept and dz is 0; only h is selected by the mask.

    Differs from `keras.layers.LSTM`: no `activation`s, regularisers, constraints or
    `unroll`; one recurrent dropout mask per sequence instead of one per gate;
    `stateful` works on JAX too.

    Args:
        units: Width of h and c, a positive integer.
        unit_forget_bias: Whether the bias of f starts at 1. Default True.
        use_bias: Whether to use a bias. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: As in Keras.
            Defaults "glorot_uniform", "orthogonal", "zeros".
        dropout, recurrent_dropout, recurrent_weight_dropout, seed, return_sequences,
            return_state, go_backwards, stateful, zero_output_for_mask: See
            `RecurrentLayer`, also for call arguments, results, masking and errors.

    Example:
        >>> LSTM(8, return_sequences=True)(keras.ops.ones((2, 5, 3))).shape
        (2, 5, 8)
    """

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
