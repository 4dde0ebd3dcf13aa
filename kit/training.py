"""Training that can be killed at any moment and goes on exactly.

The order of the data is a pure function of (seed, epoch), and at every epoch's end one
file is replaced atomically that holds all that training changes. So a run killed
inside an epoch repeats that epoch, and ends bit for bit as if never killed (CPU).
"""

import io
import json
import time

import keras
import numpy as np
from keras import ops

from data.errors import UserError
from kit.batches import Streams
from kit.files import write_whole
from kit.length import Length
from kit.progress import SILENT
from kit.run import Run


class Checkpoint(keras.callbacks.Callback):
    """Keeps all that training changes, the best weights, the history and the time.

    If the optimizer averages weights (`use_ema`), validation sees the averages, and
    the best weights are averages too.

    Args:
        run: Its folder gets `checkpoint.npz` and `history.csv`.
        training: Data with `set_epoch`, `shape` and `tokens`, as `Batches`.
        monitor: The validation figure by which the best epoch is chosen, of equal ones
            the last.
        highest: Whether a high figure is good.
        length: Says how many epochs there are, and ends them early.
    """

    def __init__(
        self,
        run: Run,
        training,
        monitor: str,
        highest: bool,
        length: Length | None = None,
    ):
        super().__init__()
        self.length = length
        self.file, self.run, self.training = (
            run.folder / "checkpoint.npz",
            run,
            training,
        )
        self.monitor, self.sign = monitor, 1.0 if highest else -1.0
        self.history, self.best, self.best_score = [], [], -float("inf")
        self.timing = {"train_seconds": 0.0, "tokens": 0, "seconds": 0.0}
        self.shapes, self.raw, self.told = set(), None, 0.0

    def restore(self, model) -> int:
        """Loads the checkpoint, if there is one; the number of epochs it holds."""
        model.optimizer.build(model.trainable_variables)
        if self.length:
            self.length.decide(model)
        if not self.file.exists():
            return 0
        with np.load(self.file) as kept:
            state = json.loads(kept["state"].tobytes())
            variables = self._variables(model)
            if len(variables) != state["variables"]:
                raise UserError(f"{self.file} belongs to another model")
            for index, variable in enumerate(variables):
                variable.assign(kept[f"v{index}"])
            self.best = [kept[f"b{index}"] for index in range(len(model.weights))]
        self.history, self.timing = state["history"], state["timing"]
        self.best_score = state["best_score"]
        self._write_history()  # a kill may have come between the two files
        if self.length:
            self.length.replay(self._scores(), model)
            if self.length.end == len(self.history):
                self.length.epochs = self.length.end
        return len(self.history)

    def _scores(self) -> list[float]:
        """Of each epoch; high is good."""
        return [self.sign * row[self.monitor] for row in self.history]

    def use_best(self, model) -> dict:
        """Puts the best epoch's weights into the model and says which it was; gives
        `metrics`."""
        model.set_weights(self.best)
        best = len(self.history) - int(np.argmax(self._scores()[::-1]))
        print(f"Best epoch by {self.monitor}: {best} of {len(self.history)}")
        return self.metrics()

    def metrics(self) -> dict:
        """`epochs`, `train_seconds`, `tokens_per_second`."""
        return {
            "epochs": len(self.history),
            "train_seconds": round(self.timing["train_seconds"], 1),
            "tokens_per_second": round(
                self.timing["tokens"] / max(self.timing["seconds"], 1e-9)
            ),
        }

    @staticmethod
    def _variables(model):
        """Weights, states, seed generators and the optimizer's; one fixed order."""
        metrics = {id(variable) for variable in model.metrics_variables}
        own = [variable for variable in model.variables if id(variable) not in metrics]
        return own + list(model.optimizer.variables)

    def on_epoch_begin(self, epoch, logs=None):
        self.training.set_epoch(epoch)
        self.clock = self.epoch_clock = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if self.run.interrupted:
            raise KeyboardInterrupt
        now = time.perf_counter()
        shape = self.training.shape(batch)
        if shape in self.shapes:  # the first step of a shape compiles
            self.timing["tokens"] += self.training.tokens(batch)
            self.timing["seconds"] += now - self.clock
        self.shapes.add(shape)
        self.clock = now
        if self.run.verbose == 2 and now - self.told > SILENT:  # a log has no bar
            if self.told:
                print(f"  step {batch + 1:,} of {len(self.training):,}", flush=True)
            self.told = now

    def on_test_begin(self, logs=None):
        if self.model.optimizer.use_ema:
            weights = self.model.trainable_variables
            self.raw = [_numpy(weight) for weight in weights]
            self._assign(self._averages())

    def on_test_end(self, logs=None):
        if self.raw is not None:
            self._assign(self.raw)
            self.raw = None

    def _averages(self):
        averages = self.model.optimizer._model_variables_moving_average
        return [_numpy(average) for average in averages]

    def _assign(self, values):
        for weight, value in zip(self.model.trainable_variables, values, strict=True):
            weight.assign(value)

    def on_epoch_end(self, epoch, logs=None):
        model = self.model  # on JAX this brings the variables up to date
        self.timing["train_seconds"] += time.perf_counter() - self.epoch_clock
        row = {name: float(value) for name, value in (logs or {}).items()}
        self.history.append({"epoch": epoch + 1, **row})
        if self.sign * row[self.monitor] >= self.best_score:
            self.best_score = self.sign * row[self.monitor]
            self.on_test_begin()
            self.best = [np.array(value) for value in model.get_weights()]
            self.on_test_end()
        if self.length:
            self.length.after_epoch(self._scores(), self.best, model)
        state = {
            "history": self.history,
            "timing": self.timing,
            "best_score": self.best_score,
            "variables": len(self._variables(model)),
        }
        arrays = {"state": np.frombuffer(json.dumps(state).encode(), np.uint8)}
        for index, variable in enumerate(self._variables(model)):
            arrays[f"v{index}"] = _numpy(variable)
        arrays |= {f"b{index}": value for index, value in enumerate(self.best)}
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        write_whole(self.file, packed.getvalue())
        self._write_history()

    def _write_history(self):
        columns = list(self.history[0])
        lines = [columns, *([row[name] for name in columns] for row in self.history)]
        text = "\n".join(",".join(str(value) for value in line) for line in lines)
        self.run.write("history.csv", text + "\n")


def _numpy(variable) -> np.ndarray:
    return keras.ops.convert_to_numpy(keras.ops.copy(variable))


class FreshStates(keras.callbacks.Callback):
    """States are zero where a pass begins, and where validation does.

    What training had carried comes back after validation: an epoch may be a part of a
    pass.
    """

    def __init__(self, training: Streams):
        super().__init__()
        self.training = training

    def states(self):
        layers = self.model.layers  # on JAX this brings the variables up to date
        stateful = [layer for layer in layers if getattr(layer, "stateful", False)]
        return [state for layer in stateful for state in layer.states]

    def reset(self):
        for state in self.states():
            state.assign(keras.ops.zeros(state.shape, state.dtype))

    def on_epoch_begin(self, epoch, logs=None):
        if epoch % self.training.parts == 0:
            self.reset()

    def on_test_begin(self, logs=None):
        self.kept = [np.array(state) for state in self.states()]
        self.reset()

    def on_test_end(self, logs=None):
        for state, value in zip(self.states(), self.kept, strict=True):
            state.assign(value)


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """All but the carried states, which a model in training has alone."""
    pairs = zip(source.trainable_variables, target.trainable_variables, strict=True)
    for weight, other in pairs:
        other.assign(weight)


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
