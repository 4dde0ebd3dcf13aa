"""A run killed at any moment and resumed equals, bit for bit, one never killed."""

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

import keras
import numpy as np
import pytest

from kit.resume import Batches, bucket_lengths
from kit.run import Run

ROOT = Path(__file__).parent.parent
WORDS = [*"abcdefghijklmnop", "not", "very", "good", "bad", "dull", "fine"]
OPTIONS = ["--epochs", "6", "--units", "8", "--max-tokens", "24"]


TEXT_OPTIONS = ["--epochs", "6", "--units", "8", "--dropout", "0.3", "--prompt", "a"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A long text of a few words, for the language models."""
    path = tmp_path_factory.mktemp("data") / "mine.txt"
    path.write_text(" ".join(random.Random(5).choices(WORDS, k=20_000)))
    return path


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """A file that trains in seconds, long enough to be killed in."""
    path = tmp_path_factory.mktemp("data") / "mine.csv"
    chance = random.Random(5)
    lines = ["text,label"]
    for _ in range(400):
        words = chance.choices(WORDS, k=chance.randint(3, 20))
        lines.append(f"{' '.join(words)},{'good' if 'good' in words else 'bad'}")
    path.write_text("\n".join(lines) + "\n")
    return path


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
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out


def weights(run):
    with zipfile.ZipFile(run / "model.keras") as archive:
        return archive.read("model.weights.h5")


def figures(run):
    metrics = json.loads((run / "metrics.json").read_text())
    times = ("train_seconds", "tokens_per_second")
    return {name: value for name, value in metrics.items() if name not in times}


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
@pytest.mark.parametrize("recipe", ["sentiment", "char_lm"])
def test_killed_runs_end_as_if_never_killed(recipe, backend, reviews, text, tmp_path):
    """With `char_lm`: what the states carried, too."""
    start_recipe = functools.partial(start, backend, tmp_path, recipe=recipe)
    data = ["--data", reviews, *OPTIONS]
    if recipe == "char_lm":
        data = ["--data", text, *TEXT_OPTIONS]
    undisturbed = start_recipe(*data, "--run-dir", "whole")
    chance = random.Random(time.time_ns())  # other moments each time
    arguments, kills = [*data, "--run-dir", "killed"], []
    killed = tmp_path / "killed"
    for epochs_seen in (0, 2, 4):  # inside the first epochs, later, near the end
        process = start_recipe(*arguments)
        wanted = epochs_seen and (lambda n=epochs_seen: epochs_done(killed) >= n)
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None:
            if (killed / "config.json").exists() and (not wanted or wanted()):
                break
            time.sleep(0.01)
        time.sleep(chance.random() * (4.0 if epochs_seen == 0 else 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills.append(epochs_done(killed))
        arguments = ["--resume", "--run-dir", "killed"]
    finish(undisturbed)
    if not (killed / "metrics.json").exists() or (killed / "checkpoint.npz").exists():
        finish(start_recipe(*arguments))
    whole = tmp_path / "whole"
    ours, theirs = (load_weights(run) for run in (killed, whole))
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=str(kills))
    assert figures(killed) == figures(whole), kills
    histories = [(run / "history.csv").read_text() for run in (killed, whole)]
    assert histories[0] == histories[1], kills


def epochs_done(run):
    try:
        return len((run / "history.csv").read_text().splitlines()) - 1
    except FileNotFoundError:
        return 0


def load_weights(run):
    """Every array in the run's `model.keras`, by its place in the file."""
    import io

    import h5py

    found = {}
    with h5py.File(io.BytesIO(weights(run)), "r") as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]}) if hasattr(item, "shape") else None
            )
        )
    return found


def test_interrupt_names_the_way_on(reviews, tmp_path):
    process = start("tensorflow", tmp_path, "--data", reviews, *OPTIONS)
    while process.poll() is None and not list(tmp_path.glob("runs/*/*/history.csv")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert "python -m recipes.sentiment --resume" in out
    finish(start("tensorflow", tmp_path, "--resume"))
    assert (tmp_path / "runs/sentiment/latest/metrics.json").exists()


def test_a_stop_between_the_last_checkpoint_and_its_history(
    sentiment, reviews, monkeypatch
):
    """Nothing is left to train then, but a row to write."""
    options = ("--data", reviews, *OPTIONS[2:], "--epochs", 2)
    assert sentiment(*options, "--run-dir", "whole")[0] == 0
    write = Run.write

    def stop(run, name, content):
        if name == "history.csv" and content.count("\n") == 3:
            raise KeyboardInterrupt
        write(run, name, content)

    with monkeypatch.context() as patched:
        patched.setattr(Run, "write", stop)
        assert sentiment(*options, "--run-dir", "stopped")[0] == 130
    assert sentiment("--resume", "--run-dir", "stopped")[0] == 0
    histories = [Path(run, "history.csv").read_text() for run in ("whole", "stopped")]
    assert histories[0] == histories[1]
    assert not Path("stopped/checkpoint.npz").exists()


def test_an_interrupt_that_was_swallowed_is_raised_after_the_batch():
    from kit.resume import Checkpoint

    class Stopped:
        folder, interrupted = Path(), True

    checkpoint = Checkpoint(Stopped(), None, "val_loss", highest=False)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.on_train_batch_end(0)


def batches(seed, rows=100):
    chance = np.random.default_rng(0)
    sequences = [
        np.arange(1, n + 1, dtype="int32") for n in chance.integers(1, 30, rows)
    ]
    buckets = bucket_lengths([len(s) for s in sequences])
    return Batches(sequences, np.arange(rows), 8, buckets, seed), buckets


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
    chance = np.random.default_rng(1)
    for longest, step in ((60, 8), (700, 16)):
        lengths = chance.integers(0, longest, 50)
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
    """Keras takes the shape of all from the first two batches: they must differ."""
    data, _ = batches(seed=0)
    for epoch in range(20):
        data.set_epoch(epoch)
        assert data[0][0].shape != data[1][0].shape


def test_averaged_weights_are_validated_and_kept(tmp_path):
    """With `use_ema` the best weights are the averages, raw ones go on training."""
    from kit.resume import Checkpoint

    class Folder:
        folder, interrupted = tmp_path, False

        def write(self, name, text):
            (tmp_path / name).write_text(text)

    def fit(epochs):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input([None], dtype="int32"),
                keras.layers.Embedding(40, 4),
                keras.layers.GlobalAveragePooling1D(),
                keras.layers.Dense(100, activation="softmax"),
            ]
        )
        model.compile(
            keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9),
            "sparse_categorical_crossentropy",
        )
        data, _ = batches(seed=0)
        held_out, _ = batches(seed=None)
        checkpoint = Checkpoint(Folder(), data, "val_loss", highest=False)
        start = checkpoint.restore(model)
        model.fit(
            data,
            validation_data=held_out,
            epochs=epochs,
            initial_epoch=start,
            callbacks=[checkpoint],
            shuffle=False,
            verbose=0,
        )
        best = checkpoint.use_best(model)
        row = checkpoint.history[best - 1]
        assert model.evaluate(held_out, verbose=0) == pytest.approx(row["val_loss"])
        return [row["val_loss"] for row in checkpoint.history], model.get_weights()

    whole = fit(4)
    (tmp_path / "checkpoint.npz").unlink()
    fit(2)
    resumed = fit(4)
    assert resumed[0] == whole[0]
    for ours, theirs in zip(resumed[1], whole[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)
