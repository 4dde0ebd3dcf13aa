"""Label smoothing, and the accuracy of tokens."""

import keras
from keras import ops


class SmoothedCrossentropy(keras.losses.Loss):
    """Nats of the next token, of whose probability all tokens get a share.

    Label smoothing (Szegedy et al., 2016): against (1 - share) on the right token and
    share / vocab on each. Mean over the tokens of weight above 0.
    """

    def __init__(self, share, name="loss"):
        super().__init__(name=name, reduction="mean_with_sample_weight")
        self.share = share

    def call(self, y_true, y_pred):
        logits = ops.cast(y_pred, "float32")
        y_true = ops.cast(y_true, "int32")[..., None]  # Keras brings floats
        right = ops.take_along_axis(logits, y_true, axis=-1)[..., 0]
        wanted = (1 - self.share) * right + self.share * ops.mean(logits, axis=-1)
        return ops.logsumexp(logits, axis=-1) - wanted


def accuracy(y_true, y_pred):
    """1 where the right token has the largest logit, else 0: as Keras's accuracy, whose
    argmax takes a fifth of a step with 8,000 words on a CPU."""
    y_true = ops.cast(y_true, "int32")[..., None]
    right = ops.take_along_axis(y_pred, y_true, axis=-1)[..., 0]
    return ops.cast(right >= ops.max(y_pred, axis=-1), "float32")
