"""The tags of sentences and their probabilities, from a model that scores tags."""

import keras
from keras import ops

from .crf import CRF


class BestTags(keras.Model):
    """Chooses a tag for each step.

    Args:
        model: Maps ids `(batch, time, features)` to scores `(batch, time, tags)`. If
            it has a `CRF`, the tags are the best path, and the probabilities are its
            marginals, given the whole sequence. Otherwise each tag is chosen for
            itself, with the softmax of its scores.

    Call arguments:
        ids: Integers `(batch, time, features)`. Steps whose first id is 0 are padding.

    Returns:
        `tags, probabilities`: numbers of the tags, int32 `(batch, time)`, and the
        probability of each, `(batch, time)`. In padding they have no meaning.
    """

    def __init__(self, model: keras.Model):
        super().__init__()
        self.model = model
        self.crf = next((x for x in model.layers if isinstance(x, CRF)), None)

    def call(self, ids):
        scores = self.model(ids, training=False)
        if self.crf is None:
            tags, shares = ops.argmax(scores, axis=-1), ops.softmax(scores, axis=-1)
        else:
            mask = ops.not_equal(ids[:, :, 0], 0)
            tags = self.crf.decode(scores, mask=mask)
            shares = self.crf.marginals(scores, mask=mask)
        chosen = ops.take_along_axis(shares, ops.expand_dims(tags, -1), axis=-1)
        return ops.cast(tags, "int32"), chosen[:, :, 0]
