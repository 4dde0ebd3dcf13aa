"""Loops over time with hand-derived gradients, which the recurrent layers share.

A cell's module describes one step, forward and backward, in a subclass of `Steps`.
`run_steps` runs it over whole sequences. The decoder with attention has a loop of its
own, in attention_steps.py, over the same steps.
"""

import keras
from keras import ops


class Steps:
    """One step of a cell, forward and backward, given the inputs times their kernel.

    The forward step returns slopes, factors of the gradient that depend only on forward
    values, so the backward step is linear. Once all steps are done, the gradients of
    the weights are computed for all of them in one product each.

    Args:
        kernel: Recurrent kernel, `(units, gates * units)`.
        bias: Bias, of the cell's `bias_shape`.

    Attributes:
        slope_widths: Widths of the slopes in units; the first is as wide as x.
        extras: How many arrays `(batch, units)` the backward step returns besides dz.
        saturates: Whether `saturate` alone keeps h in masked steps. Otherwise the loop
            selects the previous h there.
    """

    slope_widths = (1,)
    extras = 0
    saturates = False

    def __init__(self, kernel, bias):
        self.kernel, self.bias = kernel, bias
        self.transposed = ops.transpose(kernel)

    def forward(self, x, states, entering, mask=None):
        """Runs one step.

        Args:
            x: Inputs times their kernel, `(batch, gates * units)`.
            states: List of the previous states, `(batch, units)` each; h is the first.
            entering: h as it enters the recurrent product, with dropout.
            mask: Booleans `(batch, 1)`, or None.

        Returns:
            The new states, and the list of slopes.
        """
        raise NotImplementedError

    def backward(self, dstates, slopes):
        """Runs one step backward.

        Args:
            dstates: Gradients of the new states, a list.
            slopes: As returned by `forward`.

        Returns:
            `dz, extras, dentering, direct`: the gradient of the recurrent product, as
            wide as x; a list of as many arrays as `extras` says; the gradient of
            `entering`; a list of the gradients that reach the previous states directly,
            None for h if it acts only through `entering`.
        """
        raise NotImplementedError

    def dstates(self, dentering, direct):
        """The gradients of the previous states."""
        dh, *others = direct
        return [dentering if dh is None else dh + dentering, *others]

    def dx(self, dz, extras):
        """The gradient of x, of one step or of all."""
        return dz

    def gradients(self, entered, dz, extras, slopes):
        """The gradients of kernel and bias, from arrays of all steps, time first."""
        return [outer_sum(entered, dz), bias_gradient(dz)]


def run_steps(cell, x, states, weights, mask, dropped, training):
    """Runs a cell over all time steps, with a hand-derived gradient.

    Outside training the steps are the cell's own equations; in training they are those
    of its `Steps`, which store slopes.

    Args:
        cell: A `RecurrentCell`.
        x: Inputs times their kernel, `(time, batch, gates * units)`.
        states: List of the states before the first step, `(batch, units)` each.
        weights: List of recurrent kernel and bias.
        mask: Booleans `(time, batch, 1)`, or None. Masked steps keep the states.
        dropped: Factors `(batch, units)` on the h that enters the recurrent product, or
            None.
        training: Whether to store the slopes. If a gradient is computed without them,
            a loop that stores them runs first.

    Returns:
        All h, `(time, batch, units)`, and the list of the last states.
    """
    count = len(states)

    @ops.custom_gradient
    def run(x, *arguments):
        first, (kernel, bias) = arguments[:count], arguments[count:]
        steps = cell.steps(kernel, bias)

        def infer(states, x, t):
            new_states = cell.step(x, states, kernel, bias)
            if mask is not None:
                pairs = zip(new_states, states, strict=True)
                new_states = [ops.where(mask[t], *pair) for pair in pairs]
            return new_states, None, new_states

        def forward(states, x, t):
            h = states[0]
            entering = h if dropped is None else h * dropped
            step_mask = None if mask is None else mask[t]
            (new_h, *others), (slopes, *more) = steps.forward(
                x, states, entering, step_mask
            )
            if mask is not None and not steps.saturates:
                new_h = ops.where(step_mask, new_h, h)
            return [new_h, *others], slopes, [new_h, *more]

        def run_forward():
            return scan_steps(forward, first, x, len(steps.slope_widths))

        if training:
            (_, *others), slopes, (hs, *more) = run_forward()
        else:
            biased = x + cell.input_bias(bias)
            (_, *others), _, (hs,) = scan_steps(infer, first, biased, 1, write=False)

        def gradient(*gradients):
            dhs, *dothers = gradient_list(gradients)
            all_slopes, (_, *more_slopes) = (
                (slopes, [hs, *more]) if training else run_forward()[1:]
            )

            def backward(dstates, slopes, t):
                dh = dstates[0] + dhs[t]
                slopes = [slopes, *(more[t] for more in more_slopes)]
                dstates = [dh, *dstates[1:]]
                dz, extras, dentering, direct = steps.backward(dstates, slopes)
                dentering = dentering if dropped is None else dentering * dropped
                dstates = steps.dstates(dentering, direct)
                if mask is not None and not steps.saturates:
                    dstates[0] = ops.where(mask[t], dstates[0], dh)
                return dstates, dz, extras

            dfirst, dz, extras = scan_steps(
                backward,
                [ops.zeros_like(first[0]), *dothers],
                all_slopes,
                steps.extras,
                reverse=True,
            )
            entered = entering_states(first[0], hs, dropped)
            dweights = steps.gradients(entered, dz, extras, [all_slopes, *more_slopes])
            return steps.dx(dz, extras), *dfirst, *dweights

        return (hs, *others), gradient

    hs, *others = run(x, *states, *weights)
    return hs, [hs[-1], *others]


def scan_steps(step, states, tape, kept, write=True, reverse=False):
    """Runs `states, written, outputs = step(states, tape[t], t)` for every step t.

    Each step reads `tape[t]` and may then overwrite it: the forward loop reads x W and
    writes slopes, the backward loop reads slopes and writes gradients. JAX overwrites
    the tape in place. That avoids a second copy of the largest arrays, and new memory
    is slow: the operating system clears it page by page.

    Args:
        states: List of the states before the first step, `(batch, units)` each.
        tape: `(time, batch, width)`.
        kept: How many of a step's outputs, `(batch, units)` each, are kept.
        write: Whether the tape is written. Default True. If not, the outputs are the
            states.
        reverse: Whether to run from the last step to the first. Default False.

    Returns:
        The last states, a list; the tape, written or unchanged; the outputs kept, a
        list of `(time, batch, units)`.
    """
    if keras.backend.backend() == "jax" and tape.shape[0] != 1:
        return scan_in_place(step, list(states), tape, kept, write, reverse)

    time = ops.shape(tape)[0]
    if not write and tape.shape[0] != 1:

        def same(states, t):
            states, _, _ = step(list(states), tape[t], t)
            return states, states

        numbers = ops.arange(time, dtype="int32")
        states, stacked = ops.scan(same, list(states), numbers, reverse=reverse)
        return list(states), tape, stacked[:kept]

    def on_tape(states, t):
        states, written, outputs = step(states, tape[t], t)
        return states, [written, *outputs[:kept]] if write else outputs[:kept]

    like = [*([tape[0]] if write else []), *[states[0]] * kept]
    states, stacked = scan(on_tape, states, like, time, reverse)
    if write:
        tape, *stacked = stacked
    return states, tape, stacked


def scan_in_place(step, states, tape, kept, write, reverse):
    """`scan_steps` for JAX: XLA compiles every loop and updates slices in place."""
    steps = ops.shape(tape)[0]
    stacked = [ops.zeros((steps, *ops.shape(states[0])), tape.dtype)] * kept

    def body(index, carry):
        states, tape, stacked = carry
        t = steps - 1 - index if reverse else index

        def put(values, value):
            return ops.slice_update(values, (t, 0, 0), value[None])

        states, written, outputs = step(states, tape[t], t)
        stacked = [put(*pair) for pair in zip(stacked, outputs[:kept], strict=True)]
        return list(states), put(tape, written) if write else tape, stacked

    return ops.fori_loop(0, steps, body, (states, tape, stacked))


def scan(step, states, like, time, reverse=False):
    """Runs `states, outputs = step(states, t)` for all t, and stacks the outputs.

    On TensorFlow, a step of `ops.scan` must return as many outputs as there are states,
    of the same shapes. So tensors `like` the outputs are carried in addition to the
    states; only their shapes and types matter. In the place of the states, each step
    outputs the first states, which are never read. Only one tensor is scanned, the step
    numbers: `ops.scan` fails with several if the length is unknown.

    Returns:
        The last states, and a list of the stacked outputs, `(time, batch, ...)` each.
    """
    if isinstance(time, int) and time == 1:  # as in generation: no loop
        states, outputs = step(list(states), 0)
        return states, [x[None] for x in outputs]
    count = len(states)
    like = [ops.zeros_like(x) for x in like]

    def body(carry, t):
        after, outputs = step(list(carry[:count]), t)
        return [*after, *carry[count:]], [*states, *outputs]

    numbers = ops.arange(time, dtype="int32")
    last, stacked = ops.scan(body, [*states, *like], numbers, reverse=reverse)
    return list(last[:count]), stacked[count:]


def project(sequences, kernel):
    """Inputs of all steps times the kernel, in one product: `(time, batch, width)`."""
    time, batch, features = ops.shape(sequences)
    flat = ops.matmul(ops.reshape(sequences, (-1, features)), kernel)
    return ops.reshape(flat, (time, batch, kernel.shape[-1]))


def per_gate(values, like):
    """One value per gate, repeated over its units: `(gates * units,)`."""
    units = like.shape[-1] // len(values)
    return ops.repeat(ops.convert_to_tensor(values, like.dtype), units)


def activate(z, functions):
    """Applies "sigmoid" or "tanh" to each gate, and returns the derivatives too.

    One tanh serves all gates, as sigmoid(x) = 1/2 + u with u = tanh(x / 2) / 2, and the
    derivatives are 1/4 - u^2 for sigmoid and, with u = tanh(x), 1 - u^2 for tanh: a few
    passes over the whole array instead of several over each gate.

    Returns:
        The gates, a list of `(batch, units)`, and the derivatives, concatenated.
    """
    half = per_gate([0.5 if name == "sigmoid" else 1.0 for name in functions], z)
    shift = per_gate([0.5 if name == "sigmoid" else 0.0 for name in functions], z)
    u = ops.tanh(z * half) * half
    return ops.split(u + shift, len(functions), axis=-1), half * half - u * u


def saturate(z, mask, gates):
    """Replaces the pre-activations of masked steps, to open or close gates fully.

    `gates` has one entry per gate: 1 opens it, -1 closes it, 0 sets its pre-activation
    to 0. The sigmoid of 10,000 is 1 in every float type, so states are kept exactly.
    """
    return ops.where(mask, z, per_gate([1e4 * gate for gate in gates], z))


def entering_states(first, states, dropped):
    """The states before each step, with dropout, as they entered the products."""
    entering = ops.concatenate([first[None], states[:-1]], axis=0)
    return entering if dropped is None else entering * dropped


def outer_sum(left, right):
    """Sum over time and batch of `left`^T `right`: a kernel's gradient, one product."""
    return ops.tensordot(left, right, axes=[[0, 1], [0, 1]])


def bias_gradient(dz):
    """Sum over time and batch, as a product with ones: faster than a sum on a CPU."""
    flat = ops.reshape(dz, (-1, dz.shape[-1]))
    return ops.matmul(ops.ones((1, ops.shape(flat)[0]), dz.dtype), flat)[0]


def gradient_list(gradients):
    """Gradients as one list: TensorFlow passes several arguments, JAX one tuple."""
    if len(gradients) == 1 and isinstance(gradients[0], (list, tuple)):
        return list(gradients[0])
    return list(gradients)
