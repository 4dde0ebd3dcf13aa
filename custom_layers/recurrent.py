"""Common parts of the recurrent layers: weights, masks, dropout, carried states.

A layer multiplies the inputs of all time steps by the kernel in one product, and passes
the result, time first, to the loop in its own module. Only the recurrent product is
left in the loop. Masked steps leave the states unchanged.
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
    """Base class of the three cells: the weights of one recurrent step.

    A subclass sets `gates` and `state_size`, and implements `call`.
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
        """The shape of the bias; `GRUCell` overrides it."""
        return (self.gates * self.units,)

    def initial_bias(self, shape, dtype=None):
        """The initial values of the bias; `LSTMCell` overrides them."""
        return self.bias_initializer(shape, dtype)

    def get_initial_state(self, batch_size=None):
        """Returns a list of zeros, `(batch_size, units)` per state."""
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
    """The states of a `stateful` layer: weights that are not trained.

    They are in a separate layer so that they come after the cell's weights.
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
    """Base class of the three layers: runs one cell over whole sequences.

    Of the computation, a subclass implements only `loop`.

    Args:
        cell: The cell that holds the weights.
        dropout: Share of the inputs dropped in training, 0 to below 1; the mask is
            drawn once per sequence. Default 0.
        recurrent_dropout: Share of the state dropped before the recurrent product in
            training, 0 to below 1; also drawn once per sequence. Default 0.
        recurrent_weight_dropout: Share of the recurrent kernel's entries dropped in
            training, 0 to below 1, drawn once per batch (DropConnect, Wan et al., 2013;
            used this way by Merity, Keskar and Socher, 2017). Default 0.
        seed: Integer seed of all dropout, or None. Default None.
        return_sequences: Whether to return the outputs of all steps instead of only the
            last one. Default False.
        return_state: Whether to return the last states too. Default False.
        go_backwards: Whether to run from the last step to the first; outputs are in the
            order of computation. Default False.
        stateful: Whether a batch starts with the last states of the previous batch. The
            states are weights that are not trained, listed after the cell's: saved with
            the model, set to 0 by `reset_state()`. Requires a fixed batch size. Default
            False.
        zero_output_for_mask: Whether the output of masked steps is 0. Default False.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: List of states, `(batch, units)` each. Default: zeros.
        mask: Booleans `(batch, time)`, False at steps to leave out. Default None.
        training: Whether dropout is applied. Default False.

    Returns:
        `(batch, time, units)` with `return_sequences`, else `(batch, units)`; with
        `return_state` followed by the last states, `(batch, units)` each.

    A masked step, wherever it is, leaves the states unchanged and outputs the unchanged
    h. Keras does the same on JAX; on TensorFlow its outputs before the first unmasked
    step are 0 instead.

    Raises:
        ValueError: If `units` is not a positive integer, a rate is not from 0 to below
            1, or with `stateful` the batch size is unknown or changes.
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
        """Ignored: `keras.layers.RNN` sets None, and a list would be tracked twice."""

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
        """Runs the loop, with the results that `keras.layers.RNN` expects.

        Args:
            sequences: `(batch, time, features)`.
            initial_state: List of `(batch, units)`.
            mask: Booleans `(batch, time)`, or None.
            training: Whether dropout is applied and a gradient will be computed.

        Returns:
            `(last_output, outputs, states)`: `(batch, units)`, `(batch, time, units)`
            and a list of `(batch, units)`. With `go_backwards`, outputs are in the
            order of computation, last step first.
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
        """Runs the steps and returns `(outputs, states)`, outputs with time first.

        Args:
            sequences: `(time, batch, features)`.
            initial_state: List of `(batch, units)`.
            weights: As returned by `weights_of_steps`.
            mask: Booleans `(time, batch, 1)`, or None.
            dropped: Factors `(batch, units)` on the state that enters the recurrent
                product, or None.
            training: Whether to store what the gradient needs. If a gradient is
                computed without it, the loop runs a second time.
        """
        raise NotImplementedError

    def two_loops(self, sequences, initial_state, weights, mask, dropped, training):
        """Runs `loop` over each half of the batch, as rows are independent."""
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

        In training, `recurrent_weight_dropout` is applied to the recurrent kernel.
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
        """Factors 0 or 1 / (1 - rate), drawn once for all steps."""
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
    """Whether two loops over half the batch are faster: on a TensorFlow CPU, no XLA.

    Small operations leave cores idle there, so two loops run in parallel. XLA or a GPU
    would run one after the other.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf  # Keras does not report whether XLA compiles this trace

    in_xla = tf.__internal__.get_enclosing_xla_context() is not None
    return not in_xla and not keras.distribution.list_devices("gpu")


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
        write: Whether the tape is written. Default True.
        reverse: Whether to run from the last step to the first. Default False.

    Returns:
        The last states, a list; the tape, written or unchanged; the outputs kept, a
        list of `(time, batch, units)`.
    """
    if tape.shape[0] == 1:  # a single step, as in generation, needs no loop
        states, written, outputs = step(list(states), tape[0], 0)
        outputs = [output[None] for output in outputs[:kept]]
        return states, written[None] if write else tape, outputs
    run = scan_in_place if keras.backend.backend() == "jax" else scan_apart
    return run(step, list(states), tape, kept, write, reverse)


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


def scan_apart(step, states, tape, kept, write, reverse):
    """`scan_steps` with separate arrays for what the steps write.

    On TensorFlow, the outputs of a step of `ops.scan` must have the structure of the
    states. So the states are extended by `placeholders` for the outputs, of which only
    number, shapes and types matter. The loop runs over one tensor, the step numbers:
    `ops.scan` fails with several if the length is unknown. Slicing the tape in the step
    avoids packing the slices.
    """
    count = len(states)
    placeholders = [ops.zeros_like(states[0])] * kept
    if write:
        placeholders = [ops.zeros_like(tape[0]), *placeholders]

    def body(carry, t):
        states, written, outputs = step(carry[:count], tape[t], t)
        outputs = [written, *outputs[:kept]] if write else outputs[:kept]
        return [*states, *carry[count:]], [*states, *outputs]

    numbers = ops.arange(ops.shape(tape)[0], dtype="int32")
    last, stacked = ops.scan(body, [*states, *placeholders], numbers, reverse=reverse)
    stacked = stacked[count:]
    if write:
        tape, *stacked = stacked
    return last[:count], tape, stacked


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
