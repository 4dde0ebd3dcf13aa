"""Training that can be killed at any moment and resumed exactly.

The order of the batches is a pure function of the seed and the epoch, and at the end of
every epoch one file is replaced atomically that holds everything that training changes.
A run killed within an epoch repeats that epoch; on a CPU it ends bit for bit like one
that was never killed.
"""

import io
import json
import math
import time
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from data.errors import UserError
from data.progress import SILENT, working
from kit.files import DAMAGED, write_whole
from kit.length import Length

CHECK = 1  # seconds between two looks at the loss within an epoch


class Checkpoint(keras.callbacks.Callback):
    """Stores the state of a training after every epoch, and its best weights.

    It is constructed after `compile`, and restores what an interrupted run has reached:

        checkpoint = Checkpoint(run, model, training, length, "val_loss", "min")
        model.fit(training, callbacks=[checkpoint], **checkpoint.fit_options)
        metrics = checkpoint.finish()

    If the optimizer averages weights (`use_ema`), validation and the best weights use
    the averages.

    Args:
        run: Its folder gets `checkpoint.npz` and `history.csv`.
        model: A compiled model.
        training: Batches with `set_epoch`, `shape` and `tokens`: see `kit.batches`.
        length: The `kit.length.Length` of the training.
        monitor: The metric by which the best epoch is chosen; the last of equal ones.
        mode: "max" if a higher value is better, "min" if a lower one is.

    Attributes:
        fit_options: Arguments for `fit`.

    Raises:
        ValueError: The model is not compiled, or `fit` runs without `fit_options`.
        UserError: The stored state belongs to another model or is damaged, or during
            `fit` a loss is not finite.
    """

    def __init__(self, run, model, training, length: Length, monitor: str, mode: str):
        super().__init__()
        if not model.compiled:
            raise ValueError("Argument `model` must be compiled before `Checkpoint`.")
        if mode not in ("max", "min"):
            raise ValueError(
                f'Argument `mode` must be "max" or "min". Received: mode={mode!r}'
            )
        self.run, self.training, self.length = run, training, length
        self.monitor, self.sign = monitor, {"max": 1.0, "min": -1.0}[mode]
        self.file = run.folder / "checkpoint.npz"
        self.history, self.best, self.best_score = [], [], -float("inf")
        self.timing = {"train_seconds": 0.0, "tokens": 0, "seconds": 0.0}
        self.shapes, self.raw, self.told, self.checked = set(), None, 0.0, 0.0
        self.set_model(model)
        if run.started:
            run.start(model)
        model.optimizer.build(model.trainable_variables)
        length.decide(model)
        if self.file.exists():
            self._restore(model)
        self.fit_options = {
            "epochs": length.epochs,
            "initial_epoch": len(self.history),
            "shuffle": False,  # `training` has an order of its own
            "verbose": run.verbose,
        }

    def _restore(self, model) -> None:
        variables = self._variables(model)
        try:
            with self.file.open("rb") as stream, np.load(stream) as arrays:
                kept = dict(arrays)
            state = json.loads(kept["state"].tobytes())
        except DAMAGED:
            raise UserError(
                f"{self.file} is damaged: remove it, and --resume begins anew"
            ) from None
        if len(variables) != state["variables"]:
            raise UserError(f"{self.file} belongs to another model")
        for index, variable in enumerate(variables):
            variable.assign(kept[f"v{index}"])
        self.best = [kept[f"b{index}"] for index in range(len(model.weights))]
        self.history, self.timing = state["history"], state["timing"]
        self.best_score = state["best_score"]
        self._write_history()  # a kill may have come between the two files
        self.length.replay(self._scores(), model)
        if self.length.end == len(self.history):
            self.length.epochs = self.length.end

    def finish(self, use_best: bool = True) -> dict:
        """Gives the model the best epoch's weights, and returns metrics: `epochs`,
        `train_seconds`, `tokens_per_second`.

        Args:
            use_best: Whether the best weights count, or the last ones.
        """
        if not self.history:
            raise ValueError("`finish` was called before `fit`.")
        if use_best:
            self.model.set_weights(self.best)
            best = len(self.history) - int(np.argmax(self._scores()[::-1]))
            print(f"Best epoch by {self.monitor}: {best} of {len(self.history)}")
        seconds = max(self.timing["seconds"], 1e-9)
        return {
            "epochs": len(self.history),
            "train_seconds": round(self.timing["train_seconds"], 1),
            "tokens_per_second": round(self.timing["tokens"] / seconds),
        }

    def _scores(self) -> list[float]:
        """The monitored metric of each epoch; higher is better."""
        return [self.sign * row[self.monitor] for row in self.history]

    @staticmethod
    def _variables(model):
        """Weights, states, seed generators and the optimizer's, in a fixed order."""
        metrics = {id(variable) for variable in model.metrics_variables}
        own = [variable for variable in model.variables if id(variable) not in metrics]
        return own + list(model.optimizer.variables)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch != len(self.history):
            raise ValueError("`fit` needs **checkpoint.fit_options.")
        self.training.set_epoch(epoch)
        self.clock = self.epoch_clock = time.perf_counter()
        self.run.at_work.enter_context(working("Preparing the first step", False))

    def on_train_batch_end(self, batch, logs=None):
        self.run.at_work.close()
        if self.run.interrupted:
            raise KeyboardInterrupt
        now = time.perf_counter()
        if now - self.checked > CHECK:  # reading the loss waits for the step
            self._check_loss(epoch=len(self.history), batch=batch + 1, logs=logs)
            self.checked = now
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

    def _check_loss(self, epoch, batch, logs):
        losses = {n: float(v) for n, v in (logs or {}).items() if "loss" in n}
        if all(map(math.isfinite, losses.values())):
            return
        hints = []
        if hasattr(self.run.config, "learning_rate"):
            hints.append(f"a --learning-rate below {self.run.config.learning_rate}")
        if keras.config.dtype_policy().name == "mixed_float16":
            hints.append("--precision mixed_bfloat16")
        hint = f": try {' or '.join(hints)}" if hints else ""
        where = f"in epoch {epoch + 1}, step {batch}"
        raise UserError(f"the loss is not finite {where}{hint}")

    def on_epoch_end(self, epoch, logs=None):
        self._check_loss(epoch, len(self.training), logs)
        model = self.model  # on JAX this brings the variables up to date
        self.timing["train_seconds"] += time.perf_counter() - self.epoch_clock
        row = {name: float(value) for name, value in (logs or {}).items()}
        self.history.append({"epoch": epoch + 1, **row})
        if self.sign * row[self.monitor] >= self.best_score:
            self.best_score = self.sign * row[self.monitor]
            self.on_test_begin()
            self.best = [np.array(value) for value in model.get_weights()]
            self.on_test_end()
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


class ValidationScore(keras.callbacks.Callback):
    """Adds `score()` to the metrics after each validation, as `val_score`.

    For scores that Keras's metrics cannot compute batch by batch. It stands before
    `Checkpoint` in the list of callbacks, so that averaged weights are scored.
    """

    def __init__(self, score: Callable[[], float]):
        super().__init__()
        self.score = score

    def on_test_end(self, logs=None):
        self.value = self.score()

    def on_epoch_end(self, epoch, logs=None):
        logs["val_score"] = self.value


def _numpy(variable) -> np.ndarray:
    return ops.convert_to_numpy(ops.copy(variable))
