"""A run that is killed and resumed equals an uninterrupted run bit for bit."""

import contextlib
import functools
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from data.errors import UserError
from kit.batches import Batches, bucket_lengths
from kit.length import Length
from kit.training import Checkpoint
from tests.processes import ROOT, python
from tests.test_length import Folder

WORDS = [*"abcdefghijklmnop", "not", "very", "good", "bad", "dull", "fine"]
OPTIONS = ["--epochs", 3, "--units", 8, "--max-tokens", 8, "--cell", "simple_rnn"]
TEXT_OPTIONS = ["--epochs", 1, "--units", 8, "--dropout", "0.3", "--prompt", "a"]

# Runs a recipe and kills the process at the place that the second argument names. A
# language model's pass is split into epochs, between which states are carried on.
UNTIL = """
import importlib, os, pathlib, signal, sys
import kit.report
from kit.training import Checkpoint
from kit.run import Run
from kit.command import command
name, place, *options = sys.argv[1:]
sys.argv[1:] = options
recipe = importlib.import_module(f"recipes.{name}")
if name == "char_lm":
    recipe.MAX_TOKENS, recipe.SAMPLES, recipe.LENGTH = 10_000, 2, 9
kit.report.write_report = Run.export = lambda *arguments: None

def reach(here, with_signal=signal.SIGKILL):
    if place == here:
        os.kill(os.getpid(), with_signal)

def at_batch(checkpoint, batch, logs=None):
    here = f"batch {batch} after {len(checkpoint.history)} epochs"
    reach(f"interrupt at {here}", signal.SIGINT)
    reach(here)
    end_batch(checkpoint, batch, logs)

def replace(path, target):
    count = len(kept.history) if path.name.startswith(".checkpoint") else 0
    reach(f"checkpoint {count}")
    return move(path, target)

def write(run, name, content):
    reach(f"history {content.count(chr(10)) - 1}" if name == "history.csv" else name)
    write_in(run, name, content)
    reach(f"after {name}")

def keep(checkpoint, *arguments):
    global kept
    kept = checkpoint
    begin(checkpoint, *arguments)

begin, Checkpoint.set_model = Checkpoint.set_model, keep
end_batch, Checkpoint.on_train_batch_end = Checkpoint.on_train_batch_end, at_batch
move, pathlib.Path.replace = pathlib.Path.replace, replace
write_in, Run.write = Run.write, write
command(recipe.main)
"""
# Before the first checkpoint; inside an epoch; before a checkpoint is renamed into
# place; between a checkpoint and the history, also after the last epoch.
KILLS = ["batch 1 after 0 epochs", "batch 1 after 1 epochs", "checkpoint 2"]
KILLS += ["history 2", "history 3"]
KILLED = [
    ("sentiment", "tensorflow", [KILLS[0], "history 3"]),
    ("sentiment", "jax", ["checkpoint 2"]),
    ("char_lm", "tensorflow", [KILLS[1], "history 2"]),
    ("char_lm", "jax", ["history 2"]),
    *(
        pytest.param(recipe, backend, KILLS, marks=pytest.mark.exhaustive)
        for recipe in ("sentiment", "char_lm")
        for backend in ("tensorflow", "jax")
    ),
]
# Number of epochs in the history after each kill.
AFTER = dict(zip(KILLS, (0, 1, 1, 1, 2), strict=True))


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A long text of a few words, for the language models."""
    path = tmp_path_factory.mktemp("data") / "mine.txt"
    path.write_text(" ".join(random.Random(5).choices(WORDS, k=9000)))
    return path


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """A file of labelled texts on which training takes a second."""
    path = tmp_path_factory.mktemp("data") / "mine.csv"
    rng = random.Random(5)
    lines = ["text,label"]
    for _ in range(400):
        words = rng.choices(WORDS, k=rng.randint(3, 8))
        lines.append(f"{' '.join(words)},{'good' if 'good' in words else 'bad'}")
    path.write_text("\n".join(lines) + "\n")
    return path


def until(place, *arguments, folder, recipe="sentiment", backend="tensorflow"):
    """Runs a recipe in a child process that is killed if it reaches `place`."""
    environment = {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    command = ["-c", UNTIL, recipe, place, *arguments]
    return python(*command, folder=folder, **environment)


def weights(run):
    with zipfile.ZipFile(run / "model.keras") as archive:
        return archive.read("model.weights.h5")


def figures(run):
    metrics = json.loads((run / "metrics.json").read_text())
    times = ("train_seconds", "tokens_per_second")
    return {name: value for name, value in metrics.items() if name not in times}


@pytest.mark.parametrize(("recipe", "backend", "kills"), KILLED)
def test_killed_runs_end_as_if_never_killed(
    recipe, backend, kills, reviews, text, tmp_path
):
    """With `char_lm`, the carried states are resumed, too."""
    run = functools.partial(until, folder=tmp_path, recipe=recipe, backend=backend)
    data = ["--data", reviews, *OPTIONS]
    if recipe == "char_lm":
        data = ["--data", text, *TEXT_OPTIONS]
    child = run("never", *data, "--run-dir", "whole")
    assert child.returncode == 0, child.stderr
    assert epochs_done(tmp_path / "whole") >= 3
    arguments = [*data, "--run-dir", "killed"]
    for place in kills:
        assert run(place, *arguments).returncode == -signal.SIGKILL
        assert epochs_done(tmp_path / "killed") == AFTER[place]
        arguments = ["--resume", "--run-dir", "killed"]
    child = run("never", *arguments)
    assert child.returncode == 0, child.stderr
    assert_same(tmp_path / "killed", tmp_path / "whole")


def assert_same(killed, whole, message=""):
    """Asserts that two runs have equal weights, figures and histories."""
    ours, theirs = (load_weights(run) for run in (killed, whole))
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=message)
    assert figures(killed) == figures(whole), message
    histories = [(run / "history.csv").read_text() for run in (killed, whole)]
    assert histories[0] == histories[1], message
    assert not (killed / "checkpoint.npz").exists()


def start(backend, folder, *arguments, recipe="sentiment"):
    return subprocess.Popen(
        [sys.executable, "-m", f"recipes.{recipe}", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0, out


@pytest.mark.exhaustive
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
@pytest.mark.parametrize("recipe", ["sentiment", "char_lm"])
def test_commands_killed_at_any_moment(recipe, backend, reviews, text, tmp_path):
    """Kills the real command, including its export, at random moments."""
    start_recipe = functools.partial(start, backend, tmp_path, recipe=recipe)
    data = ["--data", reviews, *OPTIONS]
    if recipe == "char_lm":
        data = ["--data", text, *TEXT_OPTIONS, "--epochs", 3]
    finish(start_recipe(*data, "--run-dir", "whole"))
    rng = random.Random(time.time_ns())
    arguments, kills = [*data, "--run-dir", "killed"], []
    killed = tmp_path / "killed"
    for epochs_seen in (0, 1):  # inside the first epoch, later
        process = start_recipe(*arguments)
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None:
            if (killed / "config.json").exists() and epochs_done(killed) >= epochs_seen:
                break
            time.sleep(0.01)
        time.sleep(rng.random() * (0.3 if epochs_seen else 4.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills.append(epochs_done(killed))
        arguments = ["--resume", "--run-dir", "killed"]
    if not (killed / "metrics.json").exists() or (killed / "checkpoint.npz").exists():
        finish(start_recipe(*arguments))
    assert_same(killed, tmp_path / "whole", str(kills))


def epochs_done(run):
    try:
        return len((run / "history.csv").read_text().splitlines()) - 1
    except FileNotFoundError:
        return 0


def load_weights(run):
    """Returns every array in the run's `model.keras`, by its name in the file."""
    import io

    import h5py

    arrays = {}
    with h5py.File(io.BytesIO(weights(run)), "r") as file:
        file.visititems(
            lambda name, item: (
                arrays.update({name: item[()]}) if hasattr(item, "shape") else None
            )
        )
    return arrays


def test_interrupt_names_the_way_on(reviews, tmp_path):
    run = functools.partial(until, folder=tmp_path)
    child = run("interrupt at batch 1 after 1 epochs", "--data", reviews, *OPTIONS)
    assert child.returncode == 130, child.stderr
    assert "python -m recipes.sentiment --resume" in child.stderr
    assert epochs_done(next(tmp_path.glob("runs/sentiment/2*"))) == 1
    child = run("never", "--resume")
    assert child.returncode == 0, child.stderr
    assert (tmp_path / "runs/sentiment/latest/metrics.json").exists()


def test_an_interrupt_that_was_swallowed_is_raised_after_the_batch():
    class Stopped:
        folder, interrupted, verbose, started = Path(), True, 0, None
        at_work = contextlib.ExitStack()

    model = keras.Sequential([keras.Input([1]), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    data, _ = batches(seed=0)
    length = Length(Stopped(), data, 1, 1, "")
    checkpoint = Checkpoint(Stopped(), model, data, length, "val_loss", "min")
    with pytest.raises(KeyboardInterrupt):
        checkpoint.on_train_batch_end(0)


def batches(seed, rows=100):
    rng = np.random.default_rng(0)
    sequences = [np.arange(1, n + 1, dtype="int32") for n in rng.integers(1, 30, rows)]
    buckets = bucket_lengths([len(s) for s in sequences])
    return Batches(sequences, np.arange(rows), 8, buckets, seed), buckets


def classifier():
    """A small model for `batches`."""
    return keras.Sequential(
        [
            keras.Input([None], dtype="int32"),
            keras.layers.Embedding(40, 4),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(100, activation="softmax"),
        ]
    )


def contents(data):
    return [data[index] for index in range(len(data))]


def test_order_is_a_function_of_seed_and_epoch():
    first, _ = batches(seed=3)
    first.set_epoch(4)
    later = contents(first)
    again, _ = batches(seed=3)
    for epoch in (0, 1, 4):
        again.set_epoch(epoch)
    for one, other in zip(later, contents(again), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    again.set_epoch(5)
    assert any(
        not np.array_equal(one[1], other[1])
        for one, other in zip(later, contents(again), strict=True)
    )


def test_every_row_once_and_padding_weighs_nothing():
    data, buckets = batches(seed=1)
    data.set_epoch(2)
    rows, shapes = [], set()
    for ids, labels, weight in contents(data):
        shapes.add(ids.shape)
        rows += labels[weight > 0].tolist()
        assert (ids[weight == 0] == 0).all()
    assert sorted(rows) == list(range(100))
    assert shapes <= {(8, length) for length in buckets}
    assert len(shapes) <= 6
    total = sum(data.tokens(index) for index in range(len(data)))
    assert total == data.lengths.sum()


def test_buckets_leave_the_least_padding():
    rng = np.random.default_rng(1)
    for longest, step in ((60, 8), (700, 16)):
        lengths = rng.integers(0, longest, 50)
        lengths[7] = longest
        sizes = range(step, longest + step, step)
        least = min(
            np.array(chosen)[np.searchsorted(chosen, lengths)].sum()
            for count in (1, 2, 3)
            for chosen in itertools.combinations(sizes, count)
            if chosen[-1] >= longest
        )
        buckets = bucket_lengths(lengths, count=3)
        assert np.array(buckets)[np.searchsorted(buckets, lengths)].sum() == least
    assert bucket_lengths([0]) == [8]
    assert bucket_lengths([3, 5, 5, 9], count=2, step=1) == [5, 9]
    assert bucket_lengths([3, 65], step=1) == [4, 66]


def test_a_sequence_longer_than_the_last_bucket_is_refused():
    with pytest.raises(ValueError, match="9 ids"):
        Batches([np.ones(9, "int32")], [0], 2, [8])


def test_training_data_work_with_fit_in_any_order():
    """Keras takes the shape of all batches from the first two, so these must differ."""
    data, _ = batches(seed=0)
    for epoch in range(20):
        data.set_epoch(epoch)
        assert data[0][0].shape != data[1][0].shape


def test_averaged_weights_are_validated_and_kept(tmp_path):
    """With `use_ema`, averaged weights are kept; training continues with raw ones."""

    run = Folder(tmp_path)

    def fit(epochs):
        keras.utils.set_random_seed(0)
        model = classifier()
        model.compile(
            keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9),
            "sparse_categorical_crossentropy",
        )
        data, _ = batches(seed=0)
        held_out, _ = batches(seed=None)
        length = Length(run, data, epochs, epochs, "100 rows")
        checkpoint = Checkpoint(run, model, data, length, "val_loss", "min")
        model.fit(
            data,
            validation_data=held_out,
            callbacks=[checkpoint],
            **checkpoint.fit_options,
        )
        checkpoint.finish()
        best = min(row["val_loss"] for row in checkpoint.history)
        assert model.evaluate(held_out, verbose=0) == pytest.approx(best)
        return [row["val_loss"] for row in checkpoint.history], model.get_weights()

    whole = fit(4)
    (tmp_path / "checkpoint.npz").unlink()
    fit(2)
    resumed = fit(4)
    assert resumed[0] == whole[0]
    for ours, theirs in zip(resumed[1], whole[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkpoint_in_the_wrong_order_is_an_error(tmp_path):
    run = Folder(tmp_path)
    data, _ = batches(seed=0)
    model = classifier()
    length = Length(run, data, 2, 2, "100 rows")
    arguments = (run, model, data, length, "loss")
    with pytest.raises(ValueError, match="must be compiled"):
        Checkpoint(*arguments, "min")
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="Received: mode='least'"):
        Checkpoint(*arguments, "least")
    checkpoint = Checkpoint(*arguments, "min")
    with pytest.raises(ValueError, match="before `fit`"):
        checkpoint.finish()
    model.fit(data, callbacks=[checkpoint], **checkpoint.fit_options)
    kept = (tmp_path / "checkpoint.npz").read_bytes()
    for size in (0, 40, len(kept) // 2, len(kept) - 10):
        (tmp_path / "checkpoint.npz").write_bytes(kept[:size])
        with pytest.raises(UserError, match="is damaged: remove it"):
            Checkpoint(*arguments, "min")
    (tmp_path / "checkpoint.npz").write_bytes(kept)
    # As in a new process: without `fit_options`, training would start at epoch 1.
    again = Checkpoint(*arguments, "min")
    with pytest.raises(ValueError, match=r"\*\*checkpoint\.fit_options"):
        model.fit(data, epochs=3, verbose=0, callbacks=[again])


@pytest.mark.parametrize(
    ("jit", "seconds", "step"),
    [(False, 0, 4), (True, 0, 4), (False, 1e9, None)],  # None: at the epoch's end
)
def test_a_loss_that_is_not_finite_ends_the_run_at_once(
    tmp_path, monkeypatch, jit, seconds, step
):
    """With what to try; the checkpoint stays that of the epoch before."""
    monkeypatch.setattr("kit.training.CHECK", seconds)

    run = Folder(tmp_path)
    run.config = SimpleNamespace(learning_rate=0.5)

    class Poison(keras.callbacks.Callback):
        steps = 0

        def on_train_batch_begin(self, batch, logs=None):
            self.steps += 1
            if self.steps == len(data) + 4:  # the fourth of the second epoch
                self.model.layers[-1].bias.assign(np.full(100, np.nan))

    data, _ = batches(seed=0)
    model = classifier()
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=jit)
    length = Length(run, data, 3, 3, "100 rows")
    checkpoint = Checkpoint(run, model, data, length, "loss", "min")
    with pytest.raises(UserError) as caught:
        model.fit(data, callbacks=[Poison(), checkpoint], **checkpoint.fit_options)
    hint = "try a --learning-rate below 0.5"
    expected = f"not finite in epoch 2, step {step or len(data)}: {hint}"
    assert str(caught.value).endswith(expected)
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 2


def test_a_console_that_cannot_show_a_character_shows_another(tmp_path):
    """A run must not end for a character that its last lines contain."""
    program = (
        "import sys; from data.errors import one_line_errors, UserError\n"
        "with one_line_errors():\n    print('naïve 中文', chr(0xdce9), '█')\n"
        "    raise UserError('é missing')"
    )
    for encoding, shown in (("ascii", "na?ve ?? ? ?"), ("cp1252", "naïve ?? ? ?")):
        child = subprocess.run(
            [sys.executable, "-c", program],
            cwd=Path(__file__).parent.parent,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
        )
        assert child.returncode == 2
        assert child.stdout.decode(encoding).rstrip() == shown
        assert child.stderr.decode(encoding).startswith("error: ")
