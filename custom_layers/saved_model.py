"""Exports functions as one SavedModel, for TensorFlow Serving or `tf.saved_model.load`.

TensorFlow is imported only when these functions are called: training does not need it.
"""

import functools
from pathlib import Path


def save(folder: Path, model, signatures: dict, resources=()) -> None:
    """Writes a SavedModel.

    It answers in float32, whatever the precision of the model. A batch whose arguments
    differ in their number of rows is an error that names them.

    Args:
        folder: The folder to write.
        model: The model that the functions call, for its weights.
        signatures: Per name, a function that returns a dictionary of tensors, and the
            types of its arguments by name, such as `{"text": "string"}`. An argument
            has the shape `[None]`, a batch, unless given as a `tf.TensorSpec`.
        resources: The lookup tables and variables that the functions use in addition.
    """
    import tensorflow as tf

    @functools.cache  # a function with two names is traced once
    def compile(function, inputs: tuple):
        specs = []
        for name, kind in inputs:
            is_spec = isinstance(kind, tf.TensorSpec)
            spec = kind if is_spec else tf.TensorSpec([None], kind)
            specs.append(tf.TensorSpec(spec.shape, spec.dtype, name))
        batches = [place for place, spec in enumerate(specs) if spec.shape.rank]

        @functools.wraps(function)
        def checked(*arguments):
            rows = [tf.shape(arguments[place])[0] for place in batches]
            asserts = [
                tf.debugging.assert_equal(
                    count,
                    rows[0],
                    f"`{specs[place].name}` must have as many rows as "
                    f"`{specs[batches[0]].name}`",
                )
                for place, count in zip(batches[1:], rows[1:], strict=True)
            ]
            with tf.control_dependencies(asserts):
                arguments = [tf.identity(argument) for argument in arguments]
            return {
                name: tf.cast(value, "float32") if value.dtype.is_floating else value
                for name, value in function(*arguments).items()
            }

        # Autograph would read the source code again, which may have changed since.
        return tf.function(checked, input_signature=specs, autograph=False)

    module = tf.Module()
    # The weights, not the model: it would be stored twice, as `saved_model_cli` shows.
    module.weights = [weight.value for weight in model.weights]
    module.resources = list(resources)
    module.functions = {
        name: compile(function, tuple(inputs.items()))
        for name, (function, inputs) in signatures.items()
    }
    # Serving needs no custom gradients; tracing them took a third of the time.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), module.functions, options)


def lookup_table(tokens: list[str], first: int, default: int):
    """A TensorFlow table from tokens to the ids `first`, `first + 1`, ...: int32.

    Args:
        tokens: Distinct tokens.
        first: Id of the first token.
        default: Id of everything else.
    """
    import tensorflow as tf

    keys = tf.constant(tokens or [""])
    ids = tf.range(first, first + len(keys))
    pairs = tf.lookup.KeyValueTensorInitializer(keys, ids)
    return tf.lookup.StaticHashTable(pairs, default)
