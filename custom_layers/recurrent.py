"""What the recurrent layers share: weights, masks, dropout, carried states.

A layer here multiplies the inputs of all time steps by the kernel in one product,
and hands the result, time first, to the loop of its own file. The loop keeps the
recurrent product only. Masked steps carry the states on unchanged.
"""

import keras
from keras import ops


def check_units(units):
    if not isinstance(units, int) or isinstance(units, bool) or units < 1:
        raise ValueError(
            f"Argument `units` must be a positive integer. Received: units={units!r}"
        )
    return units


def check_rate(name, rate):
    if not isinstance(rate, (int, float)) or not 0 <= rate < 1:
        raise ValueError(
            f"Argument `{name}` must be a number from 0 to below 1. "
            f"Received: {name}={rate!r}"
        )
    return float(rate)


class RecurrentCell(keras.layers.Layer):
    """Weights of one recurrent step: what the three cells have in common.

    A subclass sets `gates` and `state_size`, and writes `call`.
    """

    gates = 1

    def __init__(
        self,
        units,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = check_units(units)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.state_size = self.units
        self.output_size = self.units

    def build(self, input_shape):
        width = self.gates * self.units
        self.kernel = self.add_weight(
            (input_shape[-1], width), self.kernel_initializer, name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, width), self.recurrent_initializer, name="recurrent_kernel"
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                self.bias_shape(), self.initial_bias, name="bias"
            )

    def bias_shape(self):
        """The shape of the bias; `GRUCell` has another."""
        return (self.gates * self.units,)

    def initial_bias(self, shape, dtype=None):
        """The first values of the bias; `LSTMCell` has others."""
        return self.bias_initializer(shape, dtype)

    def get_initial_state(self, batch_size=None):
        """Zeros: list of `(batch_size, units)`, one a state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.units]
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in sizes]

    def get_config(self):
        serialize = keras.initializers.serialize
        return {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": serialize(self.kernel_initializer),
            "recurrent_initializer": serialize(self.recurrent_initializer),
            "bias_initializer": serialize(self.bias_initializer),
        }


class CarriedStates(keras.layers.Layer):
    """The states of a `stateful` layer: weights that no optimiser moves.

    A layer of their own, so that they stand after the cell's weights.
    """

    def __init__(self, sizes, **kwargs):
        super().__init__(**kwargs)
        self.sizes = sizes
        self.variables_of_states = None

    def build(self, batch_size):
        self.variables_of_states = [
            self.add_weight(
                (batch_size, size), "zeros", trainable=False, name=f"state_{index}"
            )
            for index, size in enumerate(self.sizes)
        ]


class RecurrentLayer(keras.layers.RNN):
    """Whole sequences through one cell: what the three layers have in common.

    A subclass writes `loop`, and nothing else of the calculation.

    Args:
        cell: the cell that holds the weights.
        dropout: share of the inputs dropped in training, 0 to below 1. Default 0.
        recurrent_dropout: share of the state dropped before the recurrent product in
            training, 0 to below 1. Default 0. Either is drawn once a sequence.
        recurrent_weight_dropout: share of the recurrent kernel's entries dropped in
            training, 0 to below 1, drawn once a batch (DropConnect, Wan et al., 2013;
            so used by Merity, Keskar and Socher, 2017). Default 0.
        seed: integer for the three, or None. Default None.
        return_sequences: every step's output, not the last one's only. Default False.
        return_state: the last states too. Default False.
        go_backwards: from the last step to the first; outputs come in the order of
            the calculation. Default False.
        stateful: begin a batch with the states that ended the last one. They are
            weights that no optimiser moves, behind the cell's: saved with the model,
            set to 0 by `reset_state()`. Needs a fixed batch size. Default False.
        zero_output_for_mask: 0 as the output of masked steps. Default False.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: list of `(batch, units)` a state. Default zeros.
        mask: booleans `(batch, time)`, False where a step is left out. Default None.
        training: whether dropout is on. Default False.

    Returns:
        `(batch, time, units)` with `return_sequences`, else `(batch, units)`; with
        `return_state` followed by the last states, `(batch, units)` each.

    A masked step, wherever it stands, carries the states on unchanged and gives the
    carried output. Keras does so on JAX; on TensorFlow its outputs before the first
    unmasked step are 0 instead.

    Raises:
        ValueError: `units` is no positive integer, a rate is not from 0 to below 1,
            or with `stateful` the batch size is unknown or changes.
    """

    def __init__(
        self,
        cell,
        dropout=0.0,
        recurrent_dropout=0.0,
        recurrent_weight_dropout=0.0,
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        zero_output_for_mask=False,
        **kwargs,
    ):
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=False,
            zero_output_for_mask=zero_output_for_mask,
            **kwargs,
        )
        self.dropout = check_rate("dropout", dropout)
        self.recurrent_dropout = check_rate("recurrent_dropout", recurrent_dropout)
        self.recurrent_weight_dropout = check_rate(
            "recurrent_weight_dropout", recurrent_weight_dropout
        )
        self.seed = seed
        if self.dropout or self.recurrent_dropout or self.recurrent_weight_dropout:
            self.seed_generator = keras.random.SeedGenerator(seed)
        if stateful:
            self.carried = CarriedStates(self.state_size, dtype=self.dtype_policy)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    @property
    def units(self):
        return self.cell.units

    @property
    def states(self):
        """The carried states, a list of variables; None unless `stateful`."""
        return self.carried.variables_of_states if self.stateful else None

    @states.setter
    def states(self, value):
        """Ignored: `keras.layers.RNN` sets None, and would track a list twice."""

    def build(self, sequences_shape, initial_state_shape=None):
        batch_size, _, features = sequences_shape
        if not self.cell.built:
            self.cell.build((batch_size, features))
        if self.stateful and not self.carried.built:
            if batch_size is None:
                raise ValueError(
                    "A layer with `stateful=True` needs a fixed batch size, as in "
                    "`keras.Input(batch_shape=(32, None, 8))`. "
                    f"Received: sequences.shape={tuple(sequences_shape)}"
                )
            self.carried.build(batch_size)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Runs the loop, and gives `keras.layers.RNN` what it asks for.

        Args:
            sequences: `(batch, time, features)`.
            initial_state: list of `(batch, units)`.
            mask: booleans `(batch, time)`, or None.
            training: whether dropout is on, and a gradient to come.

        Returns:
            `(last_output, outputs, states)`: `(batch, units)`, `(batch, time, units)`
            and a list of `(batch, units)`. Backwards, outputs are in the order of
            the calculation, last step first.
        """
        self.check_batch(sequences, initial_state)
        if training and self.dropout:
            shape = (ops.shape(sequences)[0], 1, sequences.shape[2])
            sequences = sequences * self.dropout_mask(shape, self.dropout)
        dropped = None
        if training and self.recurrent_dropout:
            dropped = self.dropout_mask(
                ops.shape(initial_state[0]), self.recurrent_dropout
            )
        sequences = ops.transpose(sequences, (1, 0, 2))
        if mask is not None:
            mask = ops.cast(
                mask[0] if isinstance(mask, (list, tuple)) else mask, "bool"
            )
            mask = ops.transpose(mask)[:, :, None]
        if self.go_backwards:
            sequences = ops.flip(sequences, axis=0)
            mask = None if mask is None else ops.flip(mask, axis=0)

        weights = self.weights_of_steps(training)
        run = self.two_loops if training and two_loops_pay() else self.loop
        outputs, states = run(
            sequences, initial_state, weights, mask, dropped, training
        )

        if mask is not None and self.zero_output_for_mask:
            outputs = ops.where(mask, outputs, ops.zeros_like(outputs))
        last_output = outputs[-1]
        if not self.return_sequences:
            return last_output, last_output[:, None], states
        return last_output, ops.transpose(outputs, (1, 0, 2)), states

    def loop(self, sequences, initial_state, weights, mask, dropped, training):
        """The steps: `(outputs, states)`, all time first.

        Args:
            sequences: `(time, batch, features)`.
            initial_state: list of `(batch, units)`.
            weights: what `weights_of_steps` gives.
            mask: booleans `(time, batch, 1)`, or None.
            dropped: `(batch, units)`, factors on the state that enters the recurrent
                product, or None.
            training: whether to keep what the gradient needs. Where it is asked for
                without, the loop runs a second time.
        """
        raise NotImplementedError

    def two_loops(self, sequences, initial_state, weights, mask, dropped, training):
        """`loop` over either half of the batch: rows know nothing of each other."""
        half = ops.shape(sequences)[1] // 2
        runs = [
            self.loop(
                sequences[:, rows],
                [state[rows] for state in initial_state],
                weights,
                None if mask is None else mask[:, rows],
                None if dropped is None else dropped[rows],
                training,
            )
            for rows in (slice(None, half), slice(half, None))
        ]
        outputs = ops.concatenate([outputs for outputs, _ in runs], axis=1)
        states = zip(*(states for _, states in runs), strict=True)
        return outputs, [ops.concatenate(parts, axis=0) for parts in states]

    def weights_of_steps(self, training=False):
        """Kernel, recurrent kernel and bias (zeros without one), in compute dtype.

        In training part of the recurrent kernel is dropped, where that is asked for.
        """
        cell, dtype = self.cell, self.compute_dtype
        bias = ops.zeros(cell.bias_shape(), dtype) if cell.bias is None else cell.bias
        kernel, recurrent_kernel, bias = (
            ops.cast(weight, dtype)
            for weight in (cell.kernel, cell.recurrent_kernel, bias)
        )
        if training and self.recurrent_weight_dropout:
            recurrent_kernel = recurrent_kernel * self.dropout_mask(
                ops.shape(recurrent_kernel), self.recurrent_weight_dropout
            )
        return kernel, recurrent_kernel, bias

    def dropout_mask(self, shape, rate):
        """Factors 0 or 1 / (1 - rate): one draw for all steps."""
        ones = ops.ones(shape, self.compute_dtype)
        return keras.random.dropout(ones, rate, seed=self.seed_generator)

    def check_batch(self, sequences, initial_state):
        batch, states = sequences.shape[0], initial_state[0].shape[0]
        if self.stateful and None not in (batch, states) and batch != states:
            raise ValueError(
                f"A layer with `stateful=True` keeps the batch size {states} that it "
                f"was built with. Received: sequences.shape={tuple(sequences.shape)}"
            )

    def get_config(self):
        config = super().get_config()
        del config["cell"], config["unroll"]
        return {
            **self.cell.get_config(),
            **config,
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "recurrent_weight_dropout": self.recurrent_weight_dropout,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def two_loops_pay():
    """Whether two loops over half the batch beat one: on TensorFlow's CPU without XLA.

    Its small operations leave cores idle, and two loops run side by side. XLA, and a
    GPU, would run one after the other.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf  # Keras cannot say whether XLA compiles what is traced

    in_xla = tf.__internal__.get_enclosing_xla_context() is not None
    return not in_xla and not keras.distribution.list_devices("gpu")


def scan_steps(step, states, tape, kept, write=True, reverse=False):
    """Runs `states, written, found = step(states, tape[t], t)` for every step t.

    The tape is what a loop reads at a step and may write there when it has read: going
    forward x W, then slopes; going back slopes, then gradients. JAX writes over it, in
    place. That spares the largest arrays a second copy, and memory that is fresh is
    slow: the system clears it, page by page.

    Args:
        states: list of `(batch, units)`, those before the first step.
        tape: `(time, batch, width)`.
        kept: how many of what a step finds, `(batch, units)` each, are kept.
        write: whether the tape is written. Default True.
        reverse: from the last step to the first. Default False.

    Returns:
        The last states, a list; the tape, written or as it was; what was kept, a list
        of `(time, batch, units)`.
    """
    if tape.shape[0] == 1:  # one step needs no loop: so text is written
        states, written, found = step(list(states), tape[0], 0)
        return states, written[None] if write else tape, [x[None] for x in found[:kept]]
    run = scan_in_place if keras.backend.backend() == "jax" else scan_apart
    return run(step, list(states), tape, kept, write, reverse)


def scan_in_place(step, states, tape, kept, write, reverse):
    """`scan_steps` where XLA compiles every loop, and a slice is updated in place."""
    steps = ops.shape(tape)[0]
    every = [ops.zeros((steps, *ops.shape(states[0])), tape.dtype)] * kept

    def body(index, carry):
        states, tape, every = carry
        t = steps - 1 - index if reverse else index

        def put(values, value):
            return ops.slice_update(values, (t, 0, 0), value[None])

        states, written, found = step(states, tape[t], t)
        every = [put(*pair) for pair in zip(every, found[:kept], strict=True)]
        return list(states), put(tape, written) if write else tape, every

    return ops.fori_loop(0, steps, body, (states, tape, every))


def scan_apart(step, states, tape, kept, write, reverse):
    """`scan_steps` where what steps leave goes to arrays of its own.

    `ops.scan` on TensorFlow wants of every step the structure of the states, so what
    is to be kept rides along: of `riding` only number, shapes and types count. The
    loop runs over the step numbers, one tensor: over several, it fails where the
    length is unknown. Slices picked in the step spare packing them.
    """
    count = len(states)
    riding = [ops.zeros_like(states[0])] * kept
    if write:
        riding = [ops.zeros_like(tape[0]), *riding]

    def body(carry, t):
        states, written, found = step(carry[:count], tape[t], t)
        left = [written, *found[:kept]] if write else found[:kept]
        return [*states, *carry[count:]], [*states, *left]

    numbers = ops.arange(ops.shape(tape)[0], dtype="int32")
    last, every = ops.scan(body, [*states, *riding], numbers, reverse=reverse)
    every = every[count:]
    if write:
        tape, *every = every
    return last[:count], tape, every


def project(sequences, kernel):
    """Inputs of all steps times the kernel, one product: `(time, batch, width)`."""
    time, batch, features = ops.shape(sequences)
    flat = ops.matmul(ops.reshape(sequences, (-1, features)), kernel)
    return ops.reshape(flat, (time, batch, kernel.shape[-1]))


def per_gate(values, like):
    """One value a gate, repeated over its units: `(gates * units,)`."""
    units = like.shape[-1] // len(values)
    return ops.repeat(ops.convert_to_tensor(values, like.dtype), units)


def activate(z, functions):
    """The gates from what stands before "sigmoid" or "tanh", and their derivatives.

    One tanh over all gates, as sigmoid(x) = 1/2 + u with u = tanh(x / 2) / 2, and the
    derivatives 1/4 - u^2 of the sigmoid, 1 - u^2 of the tanh: few passes over all,
    not several over each.

    Returns:
        The gates, a list of `(batch, units)`, and the derivatives side by side.
    """
    half = per_gate([0.5 if name == "sigmoid" else 1.0 for name in functions], z)
    shift = per_gate([0.5 if name == "sigmoid" else 0.0 for name in functions], z)
    u = ops.tanh(z * half) * half
    return ops.split(u + shift, len(functions), axis=-1), half * half - u * u


def saturate(z, mask, gates):
    """Pre-activations with which the gates of masked steps are fully open or shut.

    One entry of `gates` a gate: 1 opens it, -1 shuts it, 0 leaves nothing of it. The
    sigmoid of 10,000 is 1 in every float type, so what a gate keeps, it keeps exactly.
    """
    return ops.where(mask, z, per_gate([1e4 * gate for gate in gates], z))


def entering_states(first, states, dropped):
    """The states that entered the products: those before each step, dropped."""
    entering = ops.concatenate([first[None], states[:-1]], axis=0)
    return entering if dropped is None else entering * dropped


def outer_sum(left, right):
    """Sum over time and batch of `left`^T `right`: a weight's gradient, one product."""
    return ops.tensordot(left, right, axes=[[0, 1], [0, 1]])


def bias_gradient(dz):
    """Sum over time and batch, as a product with ones: on a CPU faster than a sum."""
    flat = ops.reshape(dz, (-1, dz.shape[-1]))
    return ops.matmul(ops.ones((1, ops.shape(flat)[0]), dz.dtype), flat)[0]


def upstream(gradients):
    """One list of gradients: TensorFlow gives several arguments, JAX one tuple."""
    if len(gradients) == 1 and isinstance(gradients[0], (list, tuple)):
        return list(gradients[0])
    return list(gradients)
