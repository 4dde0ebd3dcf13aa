"""How long a recipe trains, and its learning rate meanwhile: one rule for all.

`--epochs` sets the number of passes over the training part. Without it, a data set
that the recipe names in `SETTINGS` has the number that was measured to suit it. For any
other data, as many passes are planned as fit into `MINUTES` on this machine, at most as
many as the recipe allows; training ends earlier where validation no longer improves.
"""

import time

import keras
import numpy as np
from keras import ops

from kit.files import read_json

MINUTES = 8  # of training, where `--epochs` is not given
MEASURED = 8  # steps that measure the speed
START_RATE = 0.3  # of the learning rate of the run that `--start` names


@keras.saving.register_keras_serializable(package="sequence_recipes")
class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate with a warm-up and a decay to zero.

    It rises linearly from a tenth of the peak to the peak in `warm_up` steps, at most a
    tenth of all steps; then it falls to zero at step `total`, along a cosine
    (Loshchilov and Hutter, 2017) or, with `shape="line"`, linearly. `land(first, last)`
    lets it fall to zero sooner, linearly from step `first` to step `last`.
    """

    def __init__(self, peak: float, warm_up: int, total: int = 1, shape="cosine"):
        self.peak, self.warm_up, self.shape = peak, warm_up, shape
        # Variables, so that TensorFlow's compiled step sees later values.
        self.total, self.first, self.last = (
            keras.Variable(float(value), trainable=False, dtype="float32")
            for value in (total, 1e9, 2e9)
        )

    def land(self, first: int, last: int) -> None:
        self.first.assign(first)
        self.last.assign(last)

    def __call__(self, step):
        step = ops.cast(step, "float32")
        until = ops.minimum(step, self.first)
        warm_up = ops.minimum(float(self.warm_up), ops.floor(self.total / 10))
        rise = 0.1 + 0.9 * until / ops.maximum(warm_up, 1.0)
        share = (until - warm_up) / ops.maximum(self.total - warm_up, 1.0)
        share = ops.clip(share, 0.0, 1.0)
        cosine = self.shape == "cosine"
        fall = 0.5 * (1.0 + ops.cos(np.pi * share)) if cosine else 1.0 - share
        left = ops.clip((self.last - step) / (self.last - self.first), 0.0, 1.0)
        return self.peak * left * ops.where(until < warm_up, rise, fall)

    def get_config(self):
        return {
            "peak": self.peak,
            "warm_up": self.warm_up,
            "total": int(ops.convert_to_numpy(self.total)),
            "shape": self.shape,
        }


class Length:
    """The number of epochs of a training; see the module.

    An epoch is a pass over the data, or a part of a pass if `training.parts` says so.

    Args:
        run: Its folder gets `plan.json`, which a resumed run follows.
        training: Batches with `set_epoch`: see `kit.batches`.
        asked: Number of passes that `--epochs` or `SETTINGS` gives; 0: decide it.
        most: Maximum number of passes, if it is decided.
        size: The amount of data, for the first lines: "7,000 rows".

    Attributes:
        epochs: The number of epochs, after `decide`.
        end: The epoch at which training ends early, or None.
    """

    def __init__(self, run, training, asked: int, most: int, size: str):
        self.run, self.training, self.size = run, training, size
        self.parts = getattr(training, "parts", 1)
        self.asked, self.most = asked, most
        self.epochs, self.end, self.rate = asked * self.parts, None, None

    def schedule(self, peak: float, warm_up: int, shape="cosine") -> LearningRate:
        """Returns the learning rate, for the optimizer."""
        if self.run.started and not hasattr(self.run.config, "learning_rate"):
            peak *= START_RATE  # no option, but a part of a preset
        steps = (self.asked or self.most) * self.parts * len(self.training)
        self.rate = LearningRate(peak, warm_up, steps, shape)
        return self.rate

    def decide(self, model: keras.Model) -> None:
        """Measures the speed of a compiled model, sets `epochs` and prints the plan."""
        place = self.run.folder / "plan.json"
        if self.asked:
            return
        if place.exists():
            self.epochs = read_json(place)["epochs"]
        else:
            seconds = _seconds_of_step(model, self.training) * len(self.training)
            most = self.most * self.parts
            self.epochs = int(np.clip(MINUTES * 60 // seconds, 1, most))
            self.run.write("plan.json", {"epochs": self.epochs})
            minutes = max(1, round(self.epochs * seconds / 60))
            print(
                f"{self.size}: up to {self._passes()}, about {minutes} "
                f"minute{'s' * (minutes > 1)}; --epochs sets it"
            )
        self.rate.total.assign(self.epochs * len(self.training))
        _read_again(model)

    def _passes(self) -> str:
        if self.epochs % self.parts:
            return f"{self.epochs / self.parts:.1f} passes"
        passes = self.epochs // self.parts
        return f"{passes} pass{'es' * (passes > 1)}"

    def replay(self, scores: list[float], model: keras.Model) -> None:
        """Repeats the decisions of earlier epochs, when a run is resumed."""
        for epoch in range(1, len(scores) + 1):
            self._lands(scores[:epoch])
        if self.end:
            _read_again(model)

    def after_epoch(self, scores: list[float], best: list, model: keras.Model) -> None:
        """Ends training early where validation no longer improves.

        Training then continues from the best weights, with a learning rate that falls
        to zero, for a quarter of the epochs that led to them.

        Args:
            scores: The monitored metric of each epoch; higher is better.
            best: The weights of the best epoch.
        """
        if self._lands(scores):
            model.set_weights(best)
            _read_again(model)
            print(f"No better for {self._patience()} epochs: ends at {self.end}")
        if self.end == len(scores):
            model.stop_training = True

    def _patience(self) -> int:
        return max(2, self.epochs // 5)

    def _lands(self, scores) -> bool:
        done, best = len(scores), len(scores) - int(np.argmax(scores[::-1]))
        more = max(1, best // 4)
        waited = done - best >= self._patience()
        if self.asked or self.end or not waited or done + more >= self.epochs:
            return False
        self.end = done + more
        steps = len(self.training)
        self.rate.land(done * steps, self.end * steps)
        return True


class _Some(keras.utils.PyDataset):
    """A few of the batches, from all over an epoch."""

    def __init__(self, data):
        super().__init__()
        # The first two stay: Keras takes the shapes of all from them.
        later = np.linspace(2, len(data) - 1, MEASURED - 2).astype(int)
        self.data, self.places = data, [0, 1, *later] if len(data) > 2 else [0]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, index):
        return self.data[self.places[index]]


class _Clock(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self.start


def _seconds_of_step(model: keras.Model, data) -> float:
    """Measured in a few steps, of which the model keeps nothing."""
    print("Measuring the speed of a training step")
    variables = [*model.variables, *model.optimizer.variables]
    kept = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    some, clock = _Some(data), _Clock()
    for _ in range(2):  # the first time compiles
        model.fit(some, shuffle=False, verbose=0, callbacks=[clock])
    for variable, value in zip(variables, kept, strict=True):
        variable.assign(value)
    return clock.seconds / len(some)


def _read_again(model: keras.Model) -> None:
    """JAX's compiled step holds the schedule's numbers: it is compiled anew."""
    if keras.backend.backend() == "jax":
        model.make_train_function(force=True)
