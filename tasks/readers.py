"""Parts of the network of a tagger: beginnings and ends of words, and what reads a
sentence instead of a recurrent layer."""

import keras
from keras import layers, ops

from custom_layers.self_attention import SelfAttention, sinusoidal_positions

AFFIXES = (2, 3, 4)  # letters
WINDOW = 9  # words: the one in the middle is tagged
HEADS, BLOCKS = 4, 2


def affixes(letters, rows: int):
    """Numbers of each word's first and last two, three and four letters.

    Args:
        letters: Ids `int32 [batch, time, letters]`, 0 after the end of a word.
        rows: The numbers are below this one; rare affixes may share one.

    Returns:
        `int32 [batch, time, 6]`.
    """
    length = ops.sum(ops.cast(letters > 0, "int32"), axis=-1, keepdims=True)
    numbers = []
    for size in AFFIXES:
        places = ops.maximum(length - size + ops.arange(size), 0)
        last = ops.take_along_axis(letters, places, axis=-1)
        for salt, part in ((2 * size, letters[:, :, :size]), (2 * size + 1, last)):
            number = ops.full_like(part[:, :, 0], salt)
            for place in range(size):
                number = (number * 131 + part[:, :, place]) % rows
            numbers.append(number)
    return ops.stack(numbers, axis=-1)


def window(x, mask, width: int):
    """A hidden layer over each word and its neighbours, without recurrence: `[batch,
    time, features]` -> `[batch, time, width]` (Collobert et al., 2011, window
    approach)."""
    x = ops.where(ops.expand_dims(mask, -1), x, 0.0)
    return layers.Conv1D(width, WINDOW, padding="same", activation="tanh")(x)


@keras.saving.register_keras_serializable(package="sequence_recipes")
class AddPositions(layers.Layer):
    """Adds sinusoidal positions to vectors `(batch, time, features)`."""

    def __init__(self, **options):
        super().__init__(**options)
        self.supports_masking = True

    def call(self, inputs):
        _, time, features = ops.shape(inputs)
        return inputs + ops.cast(sinusoidal_positions(time, features), inputs.dtype)


def attention(x, mask, width: int, dropout: float):
    """Blocks of self-attention and two dense layers, each normalised first: `[batch,
    time, features]` -> `[batch, time, width]` (Vaswani et al., 2017; normalised as by
    Xiong et al., 2020)."""
    x = AddPositions()(layers.Dense(width)(x))
    for _ in range(BLOCKS):
        y = SelfAttention(HEADS)(layers.LayerNormalization()(x), mask=mask)
        x = x + layers.Dropout(dropout)(y)
        y = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(x))
        x = x + layers.Dropout(dropout)(layers.Dense(width)(y))
    return layers.LayerNormalization()(x)
