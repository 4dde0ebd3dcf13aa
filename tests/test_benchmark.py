"""The benchmark on tiny shapes: its arithmetic, its worker processes, its files."""

import json
import math
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks import recipe_time, report, tables
from benchmarks.keras_worker import Contenders, forget_peak, make_model, memory_mib
from benchmarks.recurrent import Options, main, run, shown_command
from benchmarks.report import rounded
from benchmarks.tables import Bench, Plan, medians
from benchmarks.tasks import Task, make_arrays
from benchmarks.workers import ROOT, Worker
from data.errors import UserError

TINY = Plan(
    layers=("GRU",),
    cells=((4, 2, 3),),
    language_model=(4, 2, 3),
    grown_from=(4, 2, 3),
    time=(3, 6),
    batch=(2, 4),
    units=(4, 8),
    memory=((4, 2, 3),),
)
TIMES = {"keras": 30, "keras XLA": 24, "ours": 20, "ours XLA": 16, "pytorch": 40}
OURS = "ours XLA" if keras.backend.backend() == "jax" else "ours"


class Fake:
    """A worker whose steps take the given times."""

    def __init__(self, kind, version="1", times=TIMES):
        self.kind, self.version = kind, version
        self.times = {
            name: ms
            for name, ms in times.items()
            if (name == "pytorch") == (kind == "pytorch")
        }
        self.asked = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, do, **arguments):
        self.asked.append((do, arguments.get("contender")))
        if do == "machine":
            versions = {self.kind: self.version}
            device = {"backend": "tensorflow", "device": "cpu", "device_name": None}
            return versions | (device if self.kind == "keras" else {})
        if do == "step":
            return self.times[arguments["contender"]]
        if do == "cost":
            ms = self.times[arguments["contender"]]
            return {"first_step_s": ms / 10, "memory_mib": ms * 2}
        return {"names": list(self.times), "gflops": 100.0}.get(do)


def bench(options, pytorch="1", **keras_options):
    """Returns a benchmark with both workers; a `pytorch` of None leaves PyTorch out."""
    other = Fake("pytorch", pytorch) if pytorch else None
    return Bench(options, Fake("keras", **keras_options), other)


def test_flop_of_one_step_by_hand():
    # 2 operations x 3 gates x 2 units x 5 sequences x 7 steps = 420 per row of the
    # kernels. The rows, 128 inputs and 2 units, count twice; the 2 units once more.
    assert Task("GRU", 2, 5, 7).flop == 420 * (2 * 130 + 2)
    assert Task("LSTM", 2, 5, 7).flop == 560 * (2 * 130 + 2)


def test_ratios_are_of_the_better_modes_and_of_xla():
    assert report.ratios(TIMES, limit_ms=4) == {
        "XLA": 24 / 16,
        "better": 24 / 16,
        "pytorch": 40 / 16,
        "limit": 4 / 16,
    }
    times = {"keras": 9, "keras XLA": 20, "ours": 8, "ours XLA": 5}
    assert report.ratios(times) == {"XLA": 20 / 5, "better": 9 / 5}
    times = {"keras XLA": 6, "keras without cuDNN XLA": 3, "ours XLA": 2}
    assert report.ratios(times) == {"XLA": 3.0, "better": 1.5}


def test_memory_is_ours_over_keras_both_with_xla():
    costs = {
        "keras": {"first_step_s": 1, "memory_mib": 10},
        "keras XLA": {"first_step_s": 2, "memory_mib": 50},
        "ours": {"first_step_s": 1, "memory_mib": 10},
        "ours XLA": {"first_step_s": 3, "memory_mib": 40},
    }
    row = report.memory_row(Task("LSTM", 4, 2, 3), costs)
    assert row["ratios"] == {"memory": 0.8, "first step": 1.5}
    costs["ours XLA"]["memory_mib"] = None
    row = report.memory_row(Task("LSTM", 4, 2, 3), costs)
    assert row["ratios"] == {"memory": None, "first step": 1.5}
    assert "memory not known" in report.line(row)
    assert report.summary_of_rows([row]).keys() == {"first step"}


def test_summary_has_means_smallest_and_largest_of_each_layer():
    rows = [
        {"layer": layer, "ratios": {"XLA": ratio}}
        for layer, ratio in [("LSTM", 2.0), ("LSTM", 8.0), ("GRU", 3.0)]
    ]
    cells = report.summary({"cells": {"rows": rows}})["cells"]
    assert cells["LSTM"]["XLA"]["geometric_mean"] == pytest.approx(4)
    assert cells["LSTM"]["XLA"]["smallest"] == 2
    assert cells["LSTM"]["XLA"]["largest"] == 8
    assert cells["GRU"]["XLA"]["geometric_mean"] == pytest.approx(3)


def test_tables_of_the_readme_by_hand():
    rows = [
        {"layer": "LSTM", "units": 4, "batch": 2, "time": 3, "ms": {**TIMES}},
        {
            "layer": "LSTM",
            "units": 8,
            "batch": 2,
            "time": 3,
            "ms": {**TIMES, "ours": 4},
        },
    ]
    for row in rows:
        row["ratios"] = report.ratios(row["ms"])
    results = {"cells": {"rows": rows}}
    machine = {"backend": "jax", "device": "gpu"}
    record = {"tables": results, "machine": machine, "summary": report.summary(results)}
    assert report.markdown(record).splitlines()[2:] == [
        "| 4 | 2 | 3 | 16 | 24 | 40 |",
        "| 8 | 2 | 3 | 4.0 | 24 | 40 |",
    ]
    # 24 / 16 and 24 / 4, whose geometric mean is 3; with XLA both 24 / 16.
    assert report.summary_markdown(record).splitlines() == [
        "| JAX, GPU | LSTM |",
        "| --- | ---: |",
        "| training step, each in its better mode | 3.00 (1.50 to 6.00) |",
        "| training step, both with XLA | 1.50 |",
        "| PyTorch's time over ours | 5.00 (2.50 to 10.00) |",
    ]


def test_growth_compares_the_last_two():
    rows = [
        {"varied": varied, "ms": {"keras": 9, "keras XLA": ms, "ours": ms / 2}}
        for varied, times in [("time", (1, 2, 5)), ("batch", (2, 6))]
        for ms in times
    ]
    growth = report.growth_of_last(rows)
    assert growth["time"] == {"keras": 2.5, "ours": 2.5}
    assert growth["batch"] == {"keras": 3.0, "ours": 3.0}


def test_contenders_take_turns_and_the_median_counts():
    order = []

    def step(name, times):
        times = iter(times)
        return lambda: (order.append(name), next(times))[1]

    # Two untimed steps, then timed ones; a short step also runs untimed before each.
    long = [500, 500, 300, 900, 400]
    short = [50, 5, 99, 1, 99, 2, 99, 6]
    steps = {"long": step("long", long), "short": step("short", short)}
    assert medians(steps, rounds=3, seconds=9) == {"long": 400, "short": 2}
    assert order[4:] == ["long", "short", "short"] * 3


def test_a_slow_shape_stops_after_three_rounds():
    calls = []
    assert medians({"a": lambda: calls.append(1) or 999}, 7, seconds=0) == {"a": 999}
    assert len(calls) == 2 + 3


def test_numbers_keep_four_digits():
    assert rounded({"a": [1234.567, 0.00123456, 7]}) == {"a": [1235, 0.001235, 7]}


def test_command_holds_the_options_but_no_paths():
    options = Options(only=("cells", "growth"), rounds=3, pytorch=Path("/a/python"))
    assert shown_command("jax", options) == (
        "KERAS_BACKEND=jax python -m benchmarks.recurrent "
        "--only cells growth --rounds 3"
    )


def test_every_table_from_given_times(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tables, "Worker", Fake)
    options = Options(out=tmp_path / "out.json")
    run(bench(options), TINY, options)
    record = json.loads((tmp_path / "out.json").read_text())
    assert list(record["tables"]) == list(tables.TABLES)
    cells = record["tables"]["cells"]["rows"]
    assert cells[0]["ms"] == TIMES
    # At 100 GFLOP/s: 2 operations x 12 columns x 6 steps x (2 x 132 + 4) rows.
    assert cells[0]["limit_ms"] == pytest.approx(144 * 268 / 1e8, rel=1e-3)
    [masked] = record["tables"]["masked"]["rows"]
    assert masked["ms"].keys() == TIMES.keys() - {"pytorch"}
    [language] = record["tables"]["language-model"]["rows"]
    assert "limit" not in language["ratios"]
    growth = record["tables"]["growth"]["rows"]
    assert [row["varied"] for row in growth] == ["time"] * 2 + ["batch"] * 2 + [
        "units"
    ] * 2
    assert [(row["units"], row["batch"], row["time"]) for row in growth] == [
        (4, 2, 3), (4, 2, 6), (4, 2, 3), (4, 4, 3), (4, 2, 3), (8, 2, 3),
    ]  # fmt: skip
    assert "pytorch" not in growth[1]["ms"]
    [memory] = record["tables"]["memory"]["rows"]
    assert memory["memory_mib"]["ours XLA"] == 32
    assert record["summary"]["cells"]["GRU"]["better"]["geometric_mean"] == 1.5
    assert record["command"].endswith("python -m benchmarks.recurrent")
    assert {"processor", "cores", "memory_gib", "pytorch"} <= record["machine"].keys()
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert "| 4 | 2 | 3 | 16 | 24 | 40 |" in capsys.readouterr().out


def test_a_shape_is_measured_once_and_its_models_freed():
    both = bench(Options())
    row = both.row(Task("GRU", 4, 2, 3))
    asked = list(both.workers["keras"].asked)
    assert asked.count(("build", "ours")) == 1
    assert asked[-1] == ("forget", None)
    assert both.row(Task("GRU", 4, 2, 3)) is row
    assert both.workers["keras"].asked == asked


def test_only_keeps_the_other_tables_of_the_same_machine(tmp_path):
    path = tmp_path / "out.json"

    def tables_after(only, **keras_options):
        options = Options(only=(only,), out=path)
        run(bench(options, **keras_options), TINY, options)
        return json.loads(path.read_text())["tables"]

    cells = tables_after("cells")["cells"]
    other = {name: 2 * ms for name, ms in TIMES.items()}
    both = tables_after("language-model", times=other)
    assert both["cells"] == cells
    assert both["language-model"]["rows"][0]["ms"]["keras"] == 60
    assert tables_after("cells", times=other)["cells"] != cells
    assert tables_after("language-model", pytorch=None).keys() == both.keys()
    assert json.loads(path.read_text())["machine"]["pytorch"] == "1"
    assert tables_after("language-model", pytorch="2").keys() == {"language-model"}
    assert tables_after("cells", pytorch="2").keys() == both.keys()
    assert tables_after("language-model", version="2").keys() == {"language-model"}


def test_command_on_tiny_shapes_without_pytorch(tmp_path, monkeypatch, capsys):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = tmp_path / "out.json"
    main(["--only", "cells", "--rounds", "1", "--out", str(path)], TINY)
    printed = capsys.readouterr().out
    assert printed.count("PyTorch's rows are left out") == 1
    assert "no torch here" in printed
    record = json.loads(path.read_text())
    assert record["machine"]["pytorch"] is None
    assert record["machine"]["backend"] == keras.backend.backend()
    assert record["gflops"] > 0
    [row] = record["tables"]["cells"]["rows"]
    modes = [" XLA"] if keras.backend.backend() == "jax" else ["", " XLA"]
    assert {maker + mode for maker in ("keras", "ours") for mode in modes} <= set(
        row["ms"]
    )
    assert all(ms > 0 for ms in row["ms"].values())
    expected = row["ms"]["keras XLA"] / row["ms"]["ours XLA"]
    assert row["ratios"]["XLA"] == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("model", ["regression", "masked", "language-model"])
def test_a_step_trains(model):
    contenders = Contenders("float32")
    contenders.build(OURS, vars(Task("LSTM", 4, 2, 3, model)))
    losses = [contenders.steps[OURS]() for _ in range(2)]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[0] != losses[1]
    assert contenders.step(OURS) > 0
    contenders.forget()
    assert contenders.steps == {}


def test_the_mask_and_the_dropouts_reach_the_layer():
    task = Task("GRU", 4, 2, 3, "masked")
    model = make_model(task, keras.layers, cudnn=True, jit=False)
    [layer] = [x for x in model.layers if isinstance(x, keras.layers.GRU)]
    assert (layer.dropout, layer.recurrent_dropout) == (0.2, 0.2)
    [inputs, mask], _ = make_arrays(task)
    mask[:] = [[True, True, True], [True, False, False]]
    changed = np.where(mask[:, :, None], inputs, inputs + 1)
    before, after = (
        keras.ops.convert_to_numpy(model([array, mask])) for array in (inputs, changed)
    )
    assert np.array_equal(before, after)


def test_first_step_and_memory_of_a_task():
    cost = Contenders("float32").cost(OURS, vars(Task("GRU", 4, 2, 3)))
    assert cost["first_step_s"] > 0
    assert (cost["memory_mib"] is None) == (not forget_peak())


@pytest.mark.skipif(not forget_peak(), reason="no /proc/self/clear_refs")
def test_peak_memory_is_forgotten_and_found():
    before = memory_mib("VmRSS")
    held = np.ones(64 * 2**20, "uint8")
    del held
    assert memory_mib("VmHWM") > before + 50
    assert forget_peak()
    assert memory_mib("VmHWM") < before + 50


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is optional")
@pytest.mark.parametrize("model", ["regression", "language-model"])
def test_pytorch_takes_steps(model):
    with Worker("pytorch") as worker:
        worker.ask("build", contender="pytorch", task=vars(Task("GRU", 4, 2, 3, model)))
        assert worker.ask("step", contender="pytorch") > 0


def fails(capsys, arguments, naming):
    with pytest.raises(SystemExit) as stop:
        main(arguments, TINY)
    errors = capsys.readouterr().err
    assert stop.value.code == 2
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1, errors
    assert naming in errors


def test_a_worker_that_cannot_start_is_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    fails(capsys, ["--out", str(tmp_path / "out.json")], "nonsense")
    assert not (tmp_path / "out.json").exists()


def test_wrong_numbers_are_one_line(capsys):
    fails(capsys, ["--rounds", "0"], "--rounds must be above 0, found 0")
    fails(capsys, ["--only"], "--only")


def test_a_python_that_is_not_there_is_named():
    with pytest.raises(UserError, match="nowhere/python"):
        Worker("pytorch", python="/nowhere/python")


def test_a_worker_that_is_killed_is_named():
    with Worker("keras") as worker:
        worker.process.kill()
        with pytest.raises(UserError, match="keras worker was killed by signal 9"):
            worker.ask("names")


STUB = """
import os, sys, types
sys.modules["benchmarks.stub_worker"] = stub = types.ModuleType("stub")
class Contenders:
    def __init__(self, dtype):
        self.dtype = dtype
    def names(self):
        print("noise")
        os.write(1, b"more noise")
        return [self.dtype]
    def step(self):
        raise MemoryError("too large\\nby far")
stub.Contenders = Contenders
from benchmarks.workers import serve
serve("stub", "float32")
"""


def test_only_answers_get_into_the_channel():
    requests = "".join(json.dumps({"do": do}) + "\n" for do in ("names", "step"))
    served = subprocess.run(
        [sys.executable, "-c", STUB],
        input=requests,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert [json.loads(line) for line in served.stdout.splitlines()] == [
        {"answer": ["float32"]},
        {"error": "MemoryError: too large"},
    ]


def test_a_recipes_seconds_are_counted_once(monkeypatch):
    moments = iter([0, 1, 4, 10])  # outer starts, inner starts and ends, outer ends
    monkeypatch.setattr(recipe_time.time, "perf_counter", lambda: next(moments))
    clock = recipe_time.Clock()

    class Recipe:
        @staticmethod
        def train(): ...

    clock.watch(Recipe, "train", "train()")
    with clock("main()"):
        Recipe.train()
    assert clock.seconds == {"main()": 7, "train()": 3}


def test_a_recipe_that_is_not_there_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["recipe_time", "nothing"])
    with pytest.raises(SystemExit) as stop:
        recipe_time.main()
    assert stop.value.code == 2
    usage = "error: usage: python -m benchmarks.recipe_time RECIPE [options]\n"
    assert capsys.readouterr().err == usage
