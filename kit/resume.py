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

from data.tables import UserError
from kit.files import write_whole
from kit.length import Length
from kit.progress import SILENT
from kit.run import Run


class Batches(keras.utils.PyDataset):
    """Sequences of ids in batches of few shapes: XLA compiles one program a shape.

    Each sequence goes to the smallest bucket that holds it and is padded with 0 to the
    bucket's length; each bucket's last batch is filled with rows of weight 0.

    Args:
        sequences: list of `int32 [time]` arrays.
        labels: `int32 [rows]`.
        batch_size: rows a batch.
        buckets: lengths, ascending; the last one holds every sequence.
        seed: shuffles, anew each epoch; `None` keeps the order within each bucket.

    A batch is `(ids [batch, time], labels [batch], weights [batch])`.
    """

    def __init__(self, sequences, labels, batch_size, buckets, seed=None):
        super().__init__()
        self.sequences, self.labels = sequences, np.asarray(labels, "int32")
        self.batch_size, self.buckets, self.seed = batch_size, buckets, seed
        self.lengths = np.array([len(sequence) for sequence in sequences])
        self.bucket_of = np.searchsorted(buckets, self.lengths)
        if self.lengths.max(initial=0) > buckets[-1]:
            raise ValueError(
                f"a sequence of {self.lengths.max()} ids, the last bucket holds "
                f"{buckets[-1]}"
            )
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Puts the batches in this epoch's order."""
        random = np.random.default_rng([self.seed or 0, epoch])
        batches = []
        for bucket in range(len(self.buckets)):
            rows = np.flatnonzero(self.bucket_of == bucket)
            if self.seed is not None:
                random.shuffle(rows)
            batches += [
                (bucket, rows[start : start + self.batch_size])
                for start in range(0, len(rows), self.batch_size)
            ]
        if self.seed is not None:
            order = random.permutation(len(batches))
            batches = [batches[index] for index in order]
        # Keras takes the shape from the first two batches: a length that they share
        # would be demanded of all.
        for index, (bucket, _) in enumerate(batches):
            if bucket != batches[0][0]:
                batches[1], batches[index] = batches[index], batches[1]
                break
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        bucket, rows = self.batches[index]
        ids = np.zeros((self.batch_size, self.buckets[bucket]), "int32")
        labels = np.zeros(self.batch_size, "int32")
        weights = np.zeros(self.batch_size, "float32")
        for place, row in enumerate(rows):
            ids[place, : self.lengths[row]] = self.sequences[row]
        labels[: len(rows)] = self.labels[rows]
        weights[: len(rows)] = 1.0
        return ids, labels, weights

    def shape(self, index: int) -> int:
        """What distinguishes the compiled programs: the padded length."""
        return self.buckets[self.batches[index][0]]

    def tokens(self, index: int) -> int:
        """Real tokens of a batch."""
        return int(self.lengths[self.batches[index][1]].sum())


def bucket_lengths(lengths, count: int = 6, step: int = 8) -> list[int]:
    """The at most `count` lengths that leave the least padding.

    Multiples of `step` (of more, where the longest sequence is above 64 times that);
    the last one holds every sequence.
    """
    lengths = np.maximum(lengths, 1)
    step *= -(-lengths.max() // (64 * step))
    sizes, rows = np.unique(-(-lengths // step) * step, return_counts=True)
    below = np.cumsum(rows)
    # For each size: the padded total of all sequences up to it, and its buckets.
    cheapest = [(rows * size, [size]) for rows, size in zip(below, sizes, strict=True)]
    for _ in range(count - 1):
        fewer = cheapest
        cheapest = [
            min(
                [fewer[i]]
                + [
                    (fewer[h][0] + (below[i] - below[h]) * size, [*fewer[h][1], size])
                    for h in range(i)
                ]
            )
            for i, size in enumerate(sizes)
        ]
    return [int(size) for size in cheapest[-1][1]]


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
