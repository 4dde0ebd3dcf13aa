"""Attention layers with two score functions, and a recurrent decoder with attention.

The memory is the output of an encoder, `(batch, memory_time, features)`. The keys, with
which queries are compared, are computed from it once per source sequence.
"""

import keras
from keras import ops

from .attention_steps import (
    AdditiveScore,
    MultiplicativeScore,
    decoder_steps,
    masked_softmax,
)
from .checks import check_units
from .recurrent import RecurrentCell, RecurrentLayer
from .steps import project


class Attention(keras.layers.Layer):
    """Base class of the two attention layers: computes weights and context from scores.

    A subclass implements `build`, `project`, `score` and `score_steps`.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, query, memory, keys=None, *, memory_mask=None):
        keys = self.project(memory) if keys is None else keys
        one_step = len(query.shape) == 2
        query = query[:, None] if one_step else query
        mask = None if memory_mask is None else ops.cast(memory_mask, "bool")[:, None]
        weights = masked_softmax(self.score(query, keys), mask)
        context = ops.matmul(weights, memory)
        return (context[:, 0], weights[:, 0]) if one_step else (context, weights)

    def compute_mask(self, query, previous_mask=None):
        """The mask of the query, for the contexts; the weights have none."""
        return previous_mask, None

    def project(self, memory):
        """Returns the keys of a memory, `(batch, memory_time, ...)`."""
        raise NotImplementedError

    def score(self, query, keys):
        """Scores `(batch, time, memory_time)` of queries `(batch, time, features)`."""
        raise NotImplementedError

    def score_steps(self):
        """Returns the class that scores inside a loop, and a list of its weights."""
        raise NotImplementedError

    def in_compute_dtype(self, *tensors):
        """Casts tensors in methods called directly: Keras casts only in `__call__`."""
        return [ops.cast(tensor, self.compute_dtype) for tensor in tensors]


@keras.saving.register_keras_serializable(package="sequence_recipes")
class BahdanauAttention(Attention):
    """Additive attention: a small network scores each position of the memory.

    Neural Machine Translation by Jointly Learning to Align and Translate (Bahdanau, Cho
    and Bengio, 2015). With query q, memory m_1, m_2, ... and keys k_j = m_j U:

        score_j = v . tanh(q W + k_j)
        weights = softmax(score)
        context = sum over j of weights_j m_j

    Differs from `keras.layers.AdditiveAttention`: W and U are part of the layer (the
    score in Keras is v . tanh(q + k) of its inputs), the query may be a single step,
    and the weights of a fully masked memory are 0 instead of equal. Neither has a bias.

    Args:
        units: Width of the keys, a positive integer.

    Call arguments:
        query: `(batch, features)` or `(batch, time, features)`.
        memory: `(batch, memory_time, features)`; may differ in width from the query.
        keys: `project(memory)`, `(batch, memory_time, units)`, if it has been computed
            already. Default None.
        memory_mask: Booleans `(batch, memory_time)`, False at positions to leave out.
            Default: the mask that Keras keeps with the memory, if there is one.

    Returns:
        The context, `(batch, features)` or `(batch, time, features)`, as wide as the
        memory, and the weights, `(batch, memory_time)` or `(batch, time, memory_time)`.

    Masked positions have weight exactly 0 and get no gradient. If all are masked, the
    weights and the context are 0. The softmax is computed in float32 or wider.

    Raises:
        ValueError: If `units` is not a positive integer.

    Example:
        >>> attention = BahdanauAttention(8)
        >>> query, memory = keras.ops.ones((2, 4)), keras.ops.ones((2, 5, 3))
        >>> context, weights = attention(query, memory)
        >>> context.shape, weights.shape
        ((2, 3), (2, 5))
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = check_units(units)

    def build(self, query_shape, memory_shape):
        self.query_kernel = self.add_weight(
            (query_shape[-1], self.units), "glorot_uniform", name="query_kernel"
        )
        self.memory_kernel = self.add_weight(
            (memory_shape[-1], self.units), "glorot_uniform", name="memory_kernel"
        )
        self.v = self.add_weight((self.units,), "glorot_uniform", name="v")

    def project(self, memory):
        return ops.matmul(*self.in_compute_dtype(memory, self.memory_kernel))

    def score(self, query, keys):
        q = ops.matmul(query, self.query_kernel)
        hidden = ops.tanh(q[:, :, None] + keys[:, None])
        return ops.matmul(hidden, ops.expand_dims(self.v, -1))[..., 0]

    def score_steps(self):
        return AdditiveScore, self.in_compute_dtype(self.query_kernel, self.v)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="sequence_recipes")
class LuongAttention(Attention):
    """Multiplicative attention: scores are dot products of the query with the keys.

    Effective Approaches to Attention-based Neural Machine Translation (Luong, Pham and
    Manning, 2015). With query q, memory m_1, m_2, ... and keys k_j:

        k_j = m_j           `score="dot"`, without weights
        k_j = m_j W         `score="general"`
        score_j = q . k_j
        weights = softmax(score)
        context = sum over j of weights_j m_j

    The paper writes the general score as q^T W m_j; W here is the transpose of its W.
    Differs from `keras.layers.Attention`: it has the general score, the query may be a
    single step, and the weights of a fully masked memory are 0 instead of equal; it has
    no dropout and no causal mask.

    Args:
        score: "dot" or "general". Default "general".

    Call arguments, returns, masking: see `BahdanauAttention`; keys are
        `(batch, memory_time, features)`, as wide as the query.

    Raises:
        ValueError: If `score` is neither, or if query and memory are not equally wide
            with "dot".

    Example:
        >>> attention = LuongAttention("dot")
        >>> query, memory = keras.ops.ones((2, 7, 3)), keras.ops.ones((2, 5, 3))
        >>> context, weights = attention(query, memory)
        >>> context.shape, weights.shape
        ((2, 7, 3), (2, 7, 5))
    """

    def __init__(self, score="general", **kwargs):
        super().__init__(**kwargs)
        if score not in ("dot", "general"):
            raise ValueError(
                'Argument `score` must be "dot" or "general". '
                f"Received: score={score!r}"
            )
        self.score_name = score

    def build(self, query_shape, memory_shape):
        if self.score_name == "general":
            self.memory_kernel = self.add_weight(
                (memory_shape[-1], query_shape[-1]),
                "glorot_uniform",
                name="memory_kernel",
            )
        elif query_shape[-1] != memory_shape[-1]:
            raise ValueError(
                'With `score="dot"` query and memory must be equally wide. Received: '
                f"query.shape={tuple(query_shape)}, memory.shape={tuple(memory_shape)}"
            )

    def project(self, memory):
        if self.score_name == "dot":
            return memory
        return ops.matmul(*self.in_compute_dtype(memory, self.memory_kernel))

    def score(self, query, keys):
        return ops.matmul(query, ops.transpose(keys, (0, 2, 1)))

    def score_steps(self):
        return MultiplicativeScore, []

    def get_config(self):
        return {**super().get_config(), "score": self.score_name}


@keras.saving.register_keras_serializable(package="sequence_recipes")
class AttentionDecoder(keras.layers.Layer):
    """A recurrent decoder that attends to a memory at every step.

    With x the input of a step, and h and h' the output of the cell before and after it:

        attend="before" (Bahdanau, Cho and Bengio, 2015)
        c = context of attention(h, memory)
        h' = cell(join(x, c), h)

        attend="after" (Luong, Pham and Manning, 2015)
        h' = cell(x, h)
        c = context of attention(h', memory)

        output = join(h', c)
        output = tanh(join(h', c) W)    with `units`: the attentional vector
        x = join(x, previous output)    with `input_feeding`

    Where possible, a product with joined vectors is computed as a sum of two products.
    The inputs of all steps are multiplied by the kernel in one product, and the keys
    are computed once per memory. Keras has no such layer; a cell of `keras.layers.RNN`
    does not receive a memory.

    Args:
        cell: `SimpleRNNCell`, `LSTMCell` or `GRUCell`.
        attention: `BahdanauAttention` or `LuongAttention`.
        attend: "before" queries the memory with the state that enters the step,
            "after" with the state that leaves it. Default "before".
        units: Width of the attentional vector, a positive integer. If None, the output
            is join(h', c). Default None.
        input_feeding: Whether the attentional vector is also an input of the next step.
            Requires `units` and `attend="after"`. Default False.

    Call arguments:
        inputs: `(batch, time, features)`.
        memory: `(batch, memory_time, features)`; may differ in width from the inputs.
        keys: `project(memory)`, if it has been computed already. Default None.
        memory_mask: Booleans `(batch, memory_time)`, False at positions to leave out.
            Default: the mask that Keras keeps with the memory, if there is one.
        initial_state: List of the cell's states, `(batch, cell.units)` each; with
            `input_feeding`, the previous attentional vector may follow. Default: zeros.

    Returns:
        `outputs, weights, *states`: outputs `(batch, time, units)`, or without `units`
        as wide as h' and c together; weights `(batch, time, memory_time)`; all the last
        states, in the order of `initial_state`.

    A mask of the inputs is passed on to the outputs and has no other effect: padding
    at the end of a row cannot influence the steps before it.

    Raises:
        ValueError: If an argument is not one of the above, or `initial_state` lacks a
            state.

    Example:
        >>> decoder = AttentionDecoder(GRUCell(8), BahdanauAttention(8), units=6)
        >>> inputs, memory = keras.ops.ones((2, 7, 4)), keras.ops.ones((2, 5, 3))
        >>> outputs, weights, h = decoder(inputs, memory)
        >>> outputs.shape, weights.shape, h.shape
        ((2, 7, 6), (2, 7, 5), (2, 8))
        >>> keys = decoder.project(memory)
        >>> output, weights, states = decoder.step(inputs[:, 0], [h], memory, keys)
        >>> output.shape, weights.shape
        ((2, 6), (2, 5))
    """

    def __init__(
        self,
        cell,
        attention,
        attend="before",
        units=None,
        input_feeding=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(cell, RecurrentCell):
            raise ValueError(
                "Argument `cell` must be a SimpleRNNCell, LSTMCell or GRUCell. "
                f"Received: cell={cell!r}"
            )
        if not isinstance(attention, Attention):
            raise ValueError(
                "Argument `attention` must be a BahdanauAttention or LuongAttention. "
                f"Received: attention={attention!r}"
            )
        if attend not in ("before", "after"):
            raise ValueError(
                'Argument `attend` must be "before" or "after". '
                f"Received: attend={attend!r}"
            )
        if input_feeding and (attend != "after" or units is None):
            raise ValueError(
                'Argument `input_feeding` needs `attend="after"` and `units`. '
                f"Received: attend={attend!r}, units={units!r}"
            )
        for part in (cell, attention):
            if kwargs.get("dtype") is not None:
                part.dtype_policy = self.dtype_policy
            elif part.compute_dtype != self.compute_dtype:
                raise ValueError(
                    "Argument `dtype` must be given if that of `cell` or `attention` "
                    f"differs from the default. Received: {part.dtype_policy}"
                )
        self.cell = cell
        self.runner = RecurrentLayer(
            cell, return_sequences=True, dtype=self.dtype_policy
        )
        self.attention = attention
        self.attend = attend
        self.units = None if units is None else check_units(units)
        self.input_feeding = input_feeding
        self.attentional = None
        if units is not None:
            self.attentional = keras.layers.Dense(
                units, "tanh", use_bias=False, dtype=self.dtype_policy
            )
        self.supports_masking = True

    def build(self, inputs_shape, memory_shape):
        batch, features, context = inputs_shape[0], inputs_shape[-1], memory_shape[-1]
        extra = context if self.attend == "before" else 0
        extra = self.units if self.input_feeding else extra
        if not self.cell.built:
            self.cell.build((batch, features + extra))
        self.runner.build((batch, None, features))
        if not self.attention.built:
            self.attention.build((batch, self.cell.units), tuple(memory_shape))
        if self.attentional is not None:
            self.attentional.build((batch, self.cell.units + context))

    def call(
        self,
        inputs,
        memory,
        keys=None,
        *,
        memory_mask=None,
        initial_state=None,
        training=False,
    ):
        keys = self.project(memory) if keys is None else keys
        states = self.all_states(initial_state, ops.shape(inputs)[0])
        if self.attend == "before" or self.input_feeding:
            outputs, weights, states = self.loop(
                inputs, memory, keys, memory_mask, states
            )
        else:
            _, hs, states = self.runner.inner_loop(inputs, states, None, training)
            c, weights = self.attention(hs, memory, keys, memory_mask=memory_mask)
            outputs = [hs, c]
        outputs = join(*outputs)
        if self.attentional is not None and not self.input_feeding:
            outputs = self.attentional(outputs)
        return outputs, weights, *states

    def loop(self, inputs, memory, keys, memory_mask, states):
        """Runs all steps with attention inside the loop; see `decoder_steps`."""
        dtype = self.compute_dtype
        kernel = ops.cast(self.cell.kernel, dtype)
        features = inputs.shape[-1]
        x = project(ops.transpose(inputs, (1, 0, 2)), kernel[:features])
        vector = []
        if self.input_feeding:
            vector_kernel = ops.cast(self.attentional.kernel, dtype)
            units = self.cell.units
            vector = [vector_kernel[:units], vector_kernel[units:]]
        mask = None if memory_mask is None else ops.cast(memory_mask, "bool")
        score, score_weights = self.attention.score_steps()
        outputs, weights, states = decoder_steps(
            self.cell.steps,
            score,
            x,
            states,
            memory,
            keys,
            mask,
            kernel[features:],
            [self.cell.weights_of_steps(dtype), score_weights, vector],
        )
        outputs = [ops.transpose(output, (1, 0, 2)) for output in outputs]
        return outputs, ops.transpose(weights, (1, 0, 2)), states

    def step(self, inputs, states, memory, keys=None, memory_mask=None):
        """Computes one step, following the equations of the class.

        Args:
            inputs: x, `(batch, features)`.
            states: List of states, as returned by `call` and `step`.
            memory, keys, memory_mask: As in `call`.

        Returns:
            `(output, weights, states)`: `(batch, units)`, `(batch, memory_time)`, and
            the list of new states.
        """

        def attend(query):
            return self.attention(query, memory, keys, memory_mask=memory_mask)

        *states, fed = states if self.input_feeding else (*states, None)
        if self.attend == "before":
            c, weights = attend(states[0])
            h, states = self.cell(join(inputs, c), states)
        else:
            x = join(inputs, fed) if self.input_feeding else inputs
            h, states = self.cell(x, states)
            c, weights = attend(h)
        output = join(h, c)
        output = output if self.attentional is None else self.attentional(output)
        return output, weights, [*states, output] if self.input_feeding else states

    def project(self, memory):
        """Returns the keys of a memory, to be computed once for all steps."""
        return self.attention.project(memory)

    def get_initial_state(self, batch_size=None):
        """Returns a list of zeros, `(batch_size, width)` per state."""
        states = self.cell.get_initial_state(batch_size)
        if self.input_feeding:
            states.append(ops.zeros((batch_size, self.units), self.compute_dtype))
        return states

    def all_states(self, initial_state, batch_size):
        """Returns the given states, followed by zeros for those not given."""
        states = self.get_initial_state(batch_size)
        if initial_state is None:
            return states
        given = initial_state
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        if not len(states) - self.input_feeding <= len(given) <= len(states):
            raise ValueError(
                "Argument `initial_state` must hold every state of the cell. "
                f"Received: {len(given)} states for a {type(self.cell).__name__}"
            )
        return given + states[len(given) :]

    def compute_mask(self, inputs, previous_mask=None):
        """The mask of the inputs, for the outputs; the other results have none."""
        count = len(self.get_initial_state(1))
        return previous_mask, None, *([None] * count)

    def get_config(self):
        return {
            **super().get_config(),
            "cell": keras.saving.serialize_keras_object(self.cell),
            "attention": keras.saving.serialize_keras_object(self.attention),
            "attend": self.attend,
            "units": self.units,
            "input_feeding": self.input_feeding,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("cell", "attention"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def join(*tensors):
    return ops.concatenate(tensors, axis=-1) if len(tensors) > 1 else tensors[0]
