"""Gated recurrent units: the cell, and the layer for whole sequences."""

import keras
from keras import ops

from .recurrent import RecurrentCell, RecurrentLayer
from .steps import Steps, activate, bias_gradient, outer_sum, saturate


class ResetAfterSteps(Steps):
    """One step of a GRU with `reset_after`; `GRU` has the equations.

    dz is ds, the gradient of the recurrent products, and the one extra array is dg.
    """

    slope_widths = (3, 1, 1)
    extras = 1
    saturates = True

    def forward(self, x, states, entering, mask=None):
        (h,) = states
        units = h.shape[-1]
        x = x + self.bias[0]
        s = ops.matmul(entering, self.kernel) + self.bias[1]
        zr = x[:, : 2 * units] + s[:, : 2 * units]
        zr = zr if mask is None else saturate(zr, mask, (1, 0))
        (z, r), derivatives = activate(zr, ("sigmoid", "sigmoid"))
        z_derivative, r_derivative = ops.split(derivatives, 2, axis=-1)
        s_g = s[:, 2 * units :]
        g = ops.tanh(x[:, 2 * units :] + r * s_g)
        g_slope = (1 - z) * (1 - g * g)
        s_slopes = [(h - g) * z_derivative, g_slope * s_g * r_derivative, g_slope * r]
        slopes = [ops.concatenate(s_slopes, axis=-1), g_slope, z]
        return [z * h + (1 - z) * g], slopes

    def backward(self, dstates, slopes):
        (dh,) = dstates
        s_slopes, g_slope, z = slopes
        ds = ops.concatenate([dh, dh, dh], axis=-1) * s_slopes
        return ds, [dh * g_slope], ops.matmul(ds, self.transposed), [dh * z]

    def dx(self, dz, extras):
        (dg,) = extras
        return ops.concatenate([dz[..., : 2 * dg.shape[-1]], dg], axis=-1)

    def gradients(self, entered, dz, extras, slopes):
        (dg,) = extras
        db, dc = bias_gradient(dg), bias_gradient(dz)
        dbias = ops.stack([ops.concatenate([dc[: 2 * dg.shape[-1]], db]), dc])
        return [outer_sum(entered, dz), dbias]


class ResetBeforeSteps(Steps):
    """One step of a GRU without `reset_after`; `GRU` has the equations."""

    slope_widths = (3, 1, 1)
    saturates = True

    def __init__(self, kernel, bias):
        super().__init__(kernel, bias)
        self.units = kernel.shape[0]
        self.kernel_zr = kernel[:, : 2 * self.units]
        self.kernel_g = kernel[:, 2 * self.units :]
        self.transposed_zr = ops.transpose(self.kernel_zr)
        self.transposed_g = ops.transpose(self.kernel_g)

    def forward(self, x, states, entering, mask=None):
        (h,) = states
        x = x + self.bias
        zr = x[:, : 2 * self.units] + ops.matmul(entering, self.kernel_zr)
        zr = zr if mask is None else saturate(zr, mask, (1, 0))
        (z, r), derivatives = activate(zr, ("sigmoid", "sigmoid"))
        z_derivative, r_derivative = ops.split(derivatives, 2, axis=-1)
        g = ops.tanh(x[:, 2 * self.units :] + ops.matmul(r * entering, self.kernel_g))
        x_slopes = [
            (h - g) * z_derivative,
            entering * r_derivative,
            (1 - z) * (1 - g * g),
        ]
        slopes = [ops.concatenate(x_slopes, axis=-1), z, r]
        return [z * h + (1 - z) * g], slopes

    def backward(self, dstates, slopes):
        (dh,) = dstates
        x_slopes, z, r = slopes
        z_slope, r_slope, g_slope = ops.split(x_slopes, 3, axis=-1)
        dg = dh * g_slope
        d_reset = ops.matmul(dg, self.transposed_g)
        dzr = ops.concatenate([dh * z_slope, d_reset * r_slope], axis=-1)
        dentering = ops.matmul(dzr, self.transposed_zr) + d_reset * r
        return ops.concatenate([dzr, dg], axis=-1), [], dentering, [dh * z]

    def gradients(self, entered, dz, extras, slopes):
        dkernel = [
            outer_sum(entered, dz[:, :, : 2 * self.units]),
            outer_sum(slopes[-1] * entered, dz[:, :, 2 * self.units :]),
        ]
        return [ops.concatenate(dkernel, axis=-1), bias_gradient(dz)]


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

    @property
    def steps(self):
        return ResetAfterSteps if self.reset_after else ResetBeforeSteps

    def bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def input_bias(self, bias):
        return bias[0] if self.reset_after else bias

    def step(self, x, states, recurrent_kernel, bias):
        (h,) = states
        x_zr, x_g = ops.split(x, [2 * self.units], axis=-1)
        if self.reset_after:
            s = ops.matmul(h, recurrent_kernel) + bias[1]
            s_zr, s_g = ops.split(s, [2 * self.units], axis=-1)
            z, r = ops.split(ops.sigmoid(x_zr + s_zr), 2, axis=-1)
            g = ops.tanh(x_g + r * s_g)
        else:
            kernel_zr, kernel_g = ops.split(
                ops.convert_to_tensor(recurrent_kernel), [2 * self.units], axis=-1
            )
            s_zr = ops.matmul(h, kernel_zr)
            z, r = ops.split(ops.sigmoid(x_zr + s_zr), 2, axis=-1)
            g = ops.tanh(x_g + ops.matmul(r * h, kernel_g))
        return [z * h + (1 - z) * g]

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
