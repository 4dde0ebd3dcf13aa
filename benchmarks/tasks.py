"""The models that are trained: their shapes, random data and operation counts."""

from dataclasses import dataclass

import numpy as np

FEATURES = 128  # width of the inputs, and of the embedding
VOCABULARY = 128  # of the language model
DROPOUT = 0.2  # of the inputs and of the state in the masked model
GATES = {"LSTM": 4, "GRU": 3}


@dataclass(frozen=True)
class Task:
    """One model and the size of its batch.

    `regression`: float inputs -> layer -> Dense(1), MSE, SGD(0.01). `masked`: the
    same with a mask over random lengths, dropout and recurrent dropout.
    `language-model`: Embedding -> layer -> Dense, cross-entropy, Adam.
    """

    layer: str  # LSTM or GRU
    units: int
    batch: int
    time: int
    model: str = "regression"

    @property
    def flop(self) -> int:
        """Floating-point operations in the matrix products of one training step.

        One multiplication and one addition per weight, sequence and time step: twice
        for both kernels (forward pass, weight gradients), and once more for the
        recurrent kernel (gradient of the state). The gradient of the inputs is not
        needed. Padded steps count.
        """
        width = GATES[self.layer] * self.units
        rows = 2 * (FEATURES + self.units) + self.units
        return 2 * width * self.batch * self.time * rows


def make_arrays(task: Task) -> tuple:
    """Returns inputs (a list with the mask for the masked model) and targets."""
    rng = np.random.default_rng(0)
    shape = (task.batch, task.time)
    if task.model == "language-model":
        tokens = rng.integers(VOCABULARY, size=(2, *shape), dtype="int32")
        return tokens[0], tokens[1]
    inputs = rng.normal(size=(*shape, FEATURES)).astype("float32")
    targets = rng.normal(size=(*shape, 1)).astype("float32")
    if task.model == "masked":
        lengths = rng.integers(1, task.time + 1, task.batch)
        return [inputs, np.arange(task.time) < lengths[:, None]], targets
    return inputs, targets
