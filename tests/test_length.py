"""The length of training: how it is decided, and that a resumed run keeps it."""

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kit import length as length_module
from kit.batches import WORKERS, Batches, EpochDataset
from kit.length import LearningRate, Length
from kit.training import Checkpoint
from tests.processes import ROOT, python_on_jax

TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow reads ahead"
)


class Folder:
    """The attributes of a run that `Length` and `Checkpoint` use."""

    interrupted, verbose, started = False, 0, None

    def __init__(self, folder):
        self.folder, self.at_work = folder, contextlib.ExitStack()

    def write(self, name, content):
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / name).write_text(text)


@pytest.fixture
def run(tmp_path):
    return Folder(tmp_path)


def rates(schedule, steps):
    return [float(keras.ops.convert_to_numpy(schedule(step))) for step in steps]


def test_the_rate_rises_falls_and_ends_at_zero():
    schedule = LearningRate(0.5, warm_up=10, total=110)
    values = rates(schedule, [0, 5, 10, 60, 110, 200])
    np.testing.assert_allclose(values, [0.05, 0.275, 0.5, 0.25, 0, 0], atol=1e-7)
    line = LearningRate(0.5, warm_up=0, total=100, shape="line")
    np.testing.assert_allclose(rates(line, [0, 25, 100]), [0.5, 0.375, 0], atol=1e-7)


def test_the_rate_equals_the_one_of_keras():
    keras_rate = keras.optimizers.schedules.CosineDecay(
        0.01, 90, warmup_target=0.1, warmup_steps=10
    )
    steps = range(0, 100, 7)
    ours = LearningRate(0.1, 10, 100)
    np.testing.assert_allclose(rates(ours, steps), rates(keras_rate, steps), rtol=1e-5)


def test_a_started_run_whose_rate_is_no_option_takes_a_part_of_it(run):
    run.config = SimpleNamespace()
    peaks = []
    for started in (None, Path("a")):
        run.started = started
        length = Length(run, range(10), 2, 2, "10 rows")
        peaks.append(length.schedule(0.5, warm_up=0).peak)
    assert peaks == [0.5, pytest.approx(0.15)]
    run.config = SimpleNamespace(learning_rate=0.5)  # lowered already
    assert Length(run, range(10), 2, 2, "10 rows").schedule(0.5, 0).peak == 0.5


def test_a_landing_begins_where_the_rate_is_and_ends_at_zero():
    schedule = LearningRate(0.5, 0, 100)
    before = rates(schedule, [40])[0]
    schedule.land(40, 60)
    expected = [before, before / 2, 0, 0]
    np.testing.assert_allclose(rates(schedule, [40, 50, 60, 90]), expected, atol=1e-7)
    assert rates(schedule, [39])[0] > before


def test_a_saved_rate_is_the_same():
    schedule = LearningRate(0.5, 3, 100)
    again = LearningRate.from_config(json.loads(json.dumps(schedule.get_config())))
    assert rates(again, [1, 50]) == rates(schedule, [1, 50])


def texts(rows=40, seed=None):
    chance = np.random.default_rng(0)
    sequences = [chance.integers(1, 9, chance.integers(2, 12)) for _ in range(rows)]
    return Batches(sequences, chance.integers(0, 2, rows), 8, [4, 8, 12], seed)


def network(rate):
    keras.utils.set_random_seed(3)
    ids = keras.Input([None], dtype="int32")
    x = keras.layers.Dropout(0.5)(keras.layers.Embedding(9, 4)(ids))
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(ids, keras.layers.Dense(2, activation="softmax")(x))
    loss = keras.losses.SparseCategoricalCrossentropy(
        reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.Adam(rate), loss)
    return model


def fit(run, epochs=0, max_epochs=12, stop=None):
    """Trains as a recipe does; with `stop`, only for so many epochs, as if killed."""
    data, held_out = texts(seed=1), texts(16)
    length = Length(run, data, epochs, max_epochs, "40 rows")
    model = network(length.schedule(0.05, warm_up=20))
    checkpoint = Checkpoint(run, model, data, length, "val_loss", "min")
    options = checkpoint.fit_options | ({"epochs": stop} if stop else {})
    model.fit(data, validation_data=held_out, callbacks=[checkpoint], **options)
    checkpoint.finish()
    return model, checkpoint, length


def test_what_is_asked_for_is_done(run, capsys):
    _, checkpoint, length = fit(run, epochs=3)
    assert length.epochs == len(checkpoint.history) == 3
    assert not (run.folder / "plan.json").exists()
    assert "Measuring" not in capsys.readouterr().out


def test_a_fast_machine_runs_all_a_slow_one_what_the_minutes_hold(
    run, monkeypatch, capsys
):
    steps = len(texts())
    for seconds, epochs in ((0.001, 12), (120 / steps, 4), (1e4, 1)):
        monkeypatch.setattr(length_module, "_seconds_of_step", lambda *_, s=seconds: s)
        length = Length(run, texts(), 0, 12, "40 rows")
        model = network(length.schedule(0.1, 20))
        model.optimizer.build(model.trainable_variables)
        length.decide(model)
        assert length.epochs == epochs
        # The schedule has the same length: the rate is zero after the last step.
        ends = rates(length.rate, [epochs * steps - 1, epochs * steps])
        assert ends[0] > ends[1] == 0
        (run.folder / "plan.json").unlink()
    printed = capsys.readouterr().out
    assert "40 rows: up to 4 passes, about 8 minutes; --epochs sets it" in printed
    assert "up to 1 pass, about" in printed


def test_parts_of_a_pass_count(run, monkeypatch, capsys):
    data = texts()
    data.parts = 3
    monkeypatch.setattr(length_module, "_seconds_of_step", lambda *_: 96 / len(texts()))
    length = Length(run, data, 0, 12, "a long text")
    model = network(length.schedule(0.1, 20))
    model.optimizer.build(model.trainable_variables)
    length.decide(model)
    assert length.epochs == 5  # of 96 s each, in 8 minutes
    assert "up to 1.7 passes" in capsys.readouterr().out
    assert Length(run, data, 2, 12, "").epochs == 6


def test_measuring_leaves_no_trace():
    data = texts(seed=1)
    model = network(LearningRate(0.1, 0, 100))
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.array(variable) for variable in variables]
    assert length_module._seconds_of_step(model, data) > 0
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(np.array(variable), value)
    assert len(before) > 8  # weights, seeds, and Adam's variables


def test_training_ends_where_validation_no_longer_improves(run):
    """From the best weights the rate then falls to zero in a quarter as many epochs."""
    _, checkpoint, length = fit(run, max_epochs=60)
    losses = [row["val_loss"] for row in checkpoint.history]
    assert length.end == len(losses) < 60
    waits = [e for e in range(1, 61) if e - 1 - int(np.argmin(losses[:e])) >= 12]
    best = 1 + int(np.argmin(losses[: waits[0]]))
    assert length.end == waits[0] + max(1, best // 4)
    assert rates(length.rate, [length.end * len(length.training)])[0] == 0


@pytest.mark.parametrize("stop", [1, 14, 15, 16])
def test_a_resumed_run_lands_where_the_undisturbed_one_does(tmp_path, stop):
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole, history, length = fit(Folder(tmp_path / "whole"), max_epochs=60)
    stop = min(stop, length.end)
    fit(Folder(tmp_path / "killed"), max_epochs=60, stop=stop)
    model, again, _ = fit(Folder(tmp_path / "killed"), max_epochs=60)
    assert again.history == history.history
    for ours, theirs in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_plan_is_kept(run, monkeypatch):
    """A resumed run does not measure again: the machine may be busier now."""
    fit(run, max_epochs=5, stop=1)
    monkeypatch.setattr(length_module, "_seconds_of_step", None)
    _, checkpoint, length = fit(run, max_epochs=5)
    assert length.epochs == len(checkpoint.history) == 5


class Numbered(EpochDataset):
    """Batches whose targets are the number of the epoch."""

    def __init__(self):
        super().__init__()
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return np.zeros((2, 1), "float32"), np.full((2, 1), self.epoch, "float32")


def test_no_batch_is_read_before_its_epoch():
    """Also in a resumed training, whose first epoch is not 0."""
    data = Numbered()
    begin = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: data.set_epoch(epoch)
    )
    zero = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([zero])
    model.compile("sgd", "mse")
    history = model.fit(
        data, epochs=5, initial_epoch=3, shuffle=False, verbose=0, callbacks=[begin]
    )
    assert history.history["loss"] == [9, 16]


@TENSORFLOW
def test_keras_reads_ahead_on_tensorflow():
    """Not tf.data, whose tuning delays the next epoch."""
    assert WORKERS > 1 and Numbered().workers == WORKERS


@TENSORFLOW
def test_epochs_hold_under_jax():
    pytest.importorskip("jax")
    name = "test_no_batch_is_read_before_its_epoch"
    python_on_jax(ROOT, "-c", f"from tests import test_length as t; t.{name}()")
