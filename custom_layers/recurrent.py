"""Common parts of the recurrent layers: weights, masks, dropout, carried states.

A layer multiplies the inputs of all time steps by the kernel in one product, and passes
the result, time first, to the loop in steps.py. Only the recurrent product is left in
the loop. Masked steps leave the states unchanged.
"""

import keras
from keras import ops

from .checks import check_rate, check_units
from .steps import Steps, project, run_steps


class RecurrentCell(keras.layers.Layer):
    """Base class of the three cells: the weights of one recurrent step.

    A subclass sets `gates`, `state_size` and `steps`, and implements `step`.

    Attributes:
        gates: Width of the kernels, in units.
        steps: The same step for training, with its gradient: a subclass of `Steps`.
    """

    gates = 1
    steps = Steps

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

    def call(self, inputs, states):
        bias = self.weights_of_steps(self.compute_dtype)[1]
        x = ops.matmul(inputs, self.kernel) + self.input_bias(bias)
        states = self.step(x, states, self.recurrent_kernel, bias)
        return states[0], states

    def step(self, x, states, recurrent_kernel, bias):
        """The equations of one step.

        Args:
            x: Inputs times the kernel plus `input_bias`, `(batch, gates * units)`.
            states: List of the previous states, `(batch, units)` each.
            recurrent_kernel: `(units, gates * units)`.
            bias: Of shape `bias_shape`.

        Returns:
            The list of the new states; h is the first.
        """
        raise NotImplementedError

    def input_bias(self, bias):
        """The part of the bias that does not depend on the states."""
        return bias

    def bias_shape(self):
        """The shape of the bias; `GRUCell` overrides it."""
        return (self.gates * self.units,)

    def initial_bias(self, shape, dtype=None):
        """The initial values of the bias; `LSTMCell` overrides them."""
        return self.bias_initializer(shape, dtype)

    def weights_of_steps(self, dtype):
        """Recurrent kernel and bias (zeros without one), for `steps`."""
        bias = ops.zeros(self.bias_shape(), dtype) if self.bias is None else self.bias
        return [ops.cast(self.recurrent_kernel, dtype), ops.cast(bias, dtype)]

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
    """The states of a `stateful` layer.

    They are among its `variables`, so that compiled training updates them on every
    backend and a saved model has them, but not among its `weights`: layers exchange
    weights whether or not they carry states, and whatever the batch size.
    """

    def __init__(self, sizes, **kwargs):
        super().__init__(**kwargs)
        self.sizes = sizes
        self.states = None

    def build(self, batch_size):
        self.states = [
            self.add_weight(
                (batch_size, size), "zeros", trainable=False, name=f"state_{index}"
            )
            for index, size in enumerate(self.sizes)
        ]

    @property
    def weights(self):
        return []

    def load_own_variables(self, store):
        """Restores the states, or zeros if none of this batch size were saved."""
        names = store.keys()  # what Keras gives here is no full dictionary
        saved = {name: store[name] for name in names}
        for index, state in enumerate(self.states):
            value = saved.get(str(index))
            fits = value is not None and tuple(value.shape) == tuple(state.shape)
            state.assign(value if fits else ops.zeros(state.shape, state.dtype))


class RecurrentLayer(keras.layers.RNN):
    """Runs one of the three cells over whole sequences; their layers derive from it.

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
            states are saved with the model, but are not in `get_weights()`;
            `reset_state()` sets them to 0. Requires a fixed batch size. Default False.
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
            1, or with `stateful` the batch size is unknown or changes. Where TensorFlow
            has compiled the layer for any batch size, as in `fit` with a smaller last
            batch, a change is a `tf.errors.InvalidArgumentError`.
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
        return self.carried.states if self.stateful else None

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
        sequences = self.check_batch(sequences, initial_state)
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
        """Runs the steps and returns all h, time first, and the last states."""
        kernel, *weights = weights
        x = project(sequences, kernel)
        return run_steps(self.cell, x, initial_state, weights, mask, dropped, training)

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
        kernel = ops.cast(self.cell.kernel, self.compute_dtype)
        recurrent_kernel, bias = self.cell.weights_of_steps(self.compute_dtype)
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
        """Returns the sequences, if a `stateful` layer has states for all of them."""
        batch, states = sequences.shape[0], initial_state[0].shape[0]
        if not self.stateful or states is None or batch == states:
            return sequences
        if batch is None and keras.backend.backend() == "tensorflow":
            import tensorflow as tf  # Keras has no check at run time

            return tf.ensure_shape(sequences, (states, *sequences.shape[1:]))
        raise ValueError(
            f"A layer with `stateful=True` keeps the batch size {states} that it was "
            f"built with. Received: sequences.shape={tuple(sequences.shape)}"
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
