"""Losses, and token accuracy."""

import keras
from keras import ops


class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy in nats with label smoothing (Szegedy et al., 2016).

    The target distribution is 1 - share on the correct token, plus share / vocab on
    every token. The loss is the mean over the tokens whose weight is above 0.

    Args:
        share: From 0 (plain cross-entropy) to below 1.
    """

    def __init__(self, share, name="loss"):
        super().__init__(name=name, reduction="mean_with_sample_weight")
        self.share = share

    def call(self, y_true, y_pred):
        logits = ops.cast(y_pred, "float32")
        y_true = ops.cast(y_true, "int32")[..., None]  # Keras passes floats
        correct = ops.take_along_axis(logits, y_true, axis=-1)[..., 0]
        target = (1 - self.share) * correct + self.share * ops.mean(logits, axis=-1)
        return ops.logsumexp(logits, axis=-1) - target


def accuracy(y_true, y_pred):
    """Returns 1 where the correct token has the largest logit, else 0.

    Same as Keras's accuracy, whose argmax takes a fifth of a training step with 8,000
    words on a CPU.
    """
    y_true = ops.cast(y_true, "int32")[..., None]
    correct = ops.take_along_axis(y_pred, y_true, axis=-1)[..., 0]
    return ops.cast(correct >= ops.max(y_pred, axis=-1), "float32")


def output_is_loss(nothing, losses):
    """A loss for `compile`, for a model whose outputs are the losses of its rows."""
    return losses
