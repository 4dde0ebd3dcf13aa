"""The tags of a sentence and their probabilities, as a layer."""

import keras
from keras import ops


class BestTags(keras.layers.Layer):
    """Chooses a tag for each step from the scores of all tags.

    Args:
        crf: The `CRF` that the scores are the potentials of: then the tags are the best
            path, and the probabilities its marginals, given the whole sequence. `None`:
            each tag is chosen for itself, with the softmax of its scores.

    Call arguments:
        scores: `(batch, time, tags)`.
        mask: Booleans `(batch, time)`, or None.

    Returns:
        `tags, probabilities`: numbers of the tags, int32 `(batch, time)`, and the
        probability of each, `(batch, time)`. In masked steps they have no meaning.
    """

    def __init__(self, crf=None, **options):
        super().__init__(dtype="float32", **options)
        self.crf = crf
        self.supports_masking = True

    def compute_mask(self, inputs, previous_mask=None):
        return None

    def call(self, scores, mask=None):
        if self.crf is None:
            tags, shares = ops.argmax(scores, axis=-1), ops.softmax(scores, axis=-1)
        else:
            tags = self.crf.decode(scores, mask=mask)
            shares = self.crf.marginals(scores, mask=mask)
        chosen = ops.take_along_axis(shares, ops.expand_dims(tags, -1), axis=-1)
        return ops.cast(tags, "int32"), chosen[:, :, 0]
