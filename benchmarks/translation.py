"""Times training and decoding of the translation recipe against Keras's own parts.

    python -m benchmarks.translation

The model is that of `recipes.translation` with attention and random weights, in its
sizes for `dates` and `multi30k`.

- Training, batches of 64: against the same model built from
  `keras.layers.Bidirectional(LSTM)` and an `LSTMCell` with
  `keras.layers.AdditiveAttention` in Keras's own loop. Both are compiled, with and
  without XLA; the faster mode counts. The limit is the time of the matrix products
  alone, at the speed of one large product.
- Decoding, 64 sentences: against the usual loop, which calls the compiled model for one
  token at a time and chooses the token in NumPy, greedily and with 5 beams.

The contenders take turns; the figures are medians. Writes
`results/translation-BACKEND-DEVICE.json`.
"""

import dataclasses
import time
from pathlib import Path
from statistics import median

import keras
import numpy as np
import tyro
from keras import layers, ops

import recipes  # noqa: F401  (imports the backend without its start-up log)
from benchmarks.keras_worker import Contenders
from benchmarks.report import write_record
from benchmarks.workers import ROOT, describe_hardware
from custom_layers.encoder_decoder import search
from custom_layers.losses import SmoothedCrossentropy
from data.errors import one_line_errors
from kit.machine import describe_machine, git_commit
from recipes.translation import (
    BEAMS,
    SMOOTHING,
    Config,
    build_model,
)
from tokens.vocabulary import END, FIRST, START

BATCH = 64


@dataclasses.dataclass(frozen=True)
class Sizes:
    units: int
    source_vocab: int
    target_vocab: int
    source: int  # tokens of a sentence
    target: int

    @property
    def flop(self) -> int:
        """Floating-point operations in the matrix products of a training step.

        One multiplication and one addition per weight and token, and for the scores and
        the context of attention; three times: for the forward pass and for the
        gradients of both factors.
        """
        units = self.units
        read = 2 * (units + units // 2) * 2 * units + units**2  # two LSTMs, the keys
        write = 3 * units * 4 * units + 3 * units**2 + units * self.target_vocab
        attention = 2 * units * self.source
        return 6 * BATCH * (self.source * read + self.target * (write + attention))


SIZES = {
    "dates": Sizes(128, 525, 15, 24, 11),
    "multi30k": Sizes(256, 7853, 5970, 13, 14),
}


@dataclasses.dataclass(frozen=True)
class Options:
    rounds: int = 7  # of each contender
    out: Path | None = None  # default: results/translation-BACKEND-DEVICE.json


class AttendingCell(layers.Layer):
    """A cell for `keras.layers.RNN` that attends to `memory`, set before each call."""

    def __init__(self, units):
        super().__init__()
        self.cell = layers.LSTMCell(units)
        self.query = layers.Dense(units, use_bias=False)
        self.attention = layers.AdditiveAttention()
        self.state_size, self.output_size = [units, units], 2 * units

    def build(self, shape):
        units = shape[-1]
        self.cell.build((None, 2 * units))
        self.query.build((None, units))
        self.attention.build([(None, 1, units), (None, None, units)])

    def call(self, token, states, training=False):
        memory, keys, real = self.memory
        query = self.query(states[0])[:, None]
        context = self.attention([query, memory, keys], mask=[None, real])[:, 0]
        inputs = ops.concatenate([token, context], axis=-1)
        h, states = self.cell(inputs, states, training=training)
        return ops.concatenate([h, context], axis=-1), states


class KerasParts(keras.Model):
    """The recipe's network, built from Keras's layers."""

    def __init__(self, sizes):
        super().__init__()
        units = sizes.units
        half = layers.LSTM(units // 2, return_sequences=True, return_state=True)
        self.reader = layers.Bidirectional(half)
        self.source_vectors = layers.Embedding(sizes.source_vocab, units)
        self.target_vectors = layers.Embedding(sizes.target_vocab, units)
        self.keys = layers.Dense(units, use_bias=False)
        self.attending = AttendingCell(units)
        self.loop = layers.RNN(self.attending, return_sequences=True)
        self.joined = layers.Dense(units, "tanh", use_bias=False)
        self.logits = layers.Dense(sizes.target_vocab)
        self.dropout = layers.Dropout(0.2)

    def call(self, inputs, training=False):
        source, target = inputs
        real = ops.not_equal(source, 0)
        x = self.dropout(self.source_vectors(source), training=training)
        memory, *ends = self.reader(x, mask=real, training=training)
        memory = self.dropout(memory, training=training)
        states = [ops.concatenate(ends[i::2], axis=-1) for i in (0, 1)]
        self.attending.memory = [memory, self.keys(memory), real]
        y = self.dropout(self.target_vectors(target), training=training)
        written = self.loop(y, initial_state=states, training=training)
        written = self.dropout(self.joined(written), training=training)
        return self.logits(written)


def some_ids(vocab, time):
    return (
        np.random.default_rng(0).integers(FIRST, vocab, [BATCH, time]).astype("int32")
    )


def recipes_model(sizes):
    vocabulary = {"unit": "word"}
    for side in ("source", "target"):
        ids = range(FIRST, getattr(sizes, f"{side}_vocab"))
        vocabulary[side] = [str(number) for number in ids]
    return build_model(Config(units=sizes.units), vocabulary)


def trainer(make, sizes, jit):
    """Returns a function that takes five training steps, and their target tokens."""
    model = make(sizes)
    model.compile(
        keras.optimizers.Adam(1e-3, beta_2=0.99, global_clipnorm=1.0),
        SmoothedCrossentropy(SMOOTHING),
        jit_compile=jit,
    )
    source = some_ids(sizes.source_vocab, sizes.source)
    target = some_ids(sizes.target_vocab, sizes.target + 1)
    weights = np.ones([BATCH, sizes.target], "float32")

    def work():
        for _ in range(5):
            loss = model.train_on_batch(
                (source, target[:, :-1]), target[:, 1:], weights
            )
        float(loss)

    return work, 5 * BATCH * sizes.target


class Search(keras.Model):
    def __init__(self, model, length, beams):
        super().__init__()
        self.model, self.length, self.beams = model, length, beams
        self.compile(jit_compile=True)

    def call(self, ids):
        return search(self.model, ids, self.length, self.beams)


def decoder(sizes, beams):
    """Returns a function that translates a batch in one program, and the batch size."""
    searcher = Search(recipes_model(sizes), sizes.target, beams)
    ids = some_ids(sizes.source_vocab, sizes.source)
    return lambda: searcher.predict_on_batch(ids), BATCH


class Step(keras.Model):
    """Decodes one token: returns log probabilities and the new states."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.compile(jit_compile=True)

    def call(self, inputs):
        token, memory, keys, mask, h, c = inputs
        logits, states, _ = self.model.decode(token, [memory, keys, mask], [h, c])
        return [ops.log_softmax(logits[:, 0]), *states]


class Reader(keras.Model):
    def __init__(self, model):
        super().__init__()
        self.model = model
        self.compile(jit_compile=True)

    def call(self, ids):
        context, states = self.model.encode(ids)
        return [*context, *states]


def one_token_at_a_time(sizes, beams):
    """Returns the usual loop, a compiled model with the search in NumPy, and the batch
    size."""
    model = recipes_model(sizes)
    reader, step = Reader(model), Step(model)
    ids = some_ids(sizes.source_vocab, sizes.source)
    rows, vocab = np.arange(BATCH)[:, None], sizes.target_vocab

    def work():
        memory, keys, mask, *states = (
            np.repeat(x, beams, axis=0) for x in reader.predict_on_batch(ids)
        )
        token = np.full([BATCH * beams, 1], START, "int32")
        total = np.where(np.arange(beams), -np.inf, np.zeros([BATCH, 1]))
        over, written = np.zeros([BATCH, beams], bool), []
        for _ in range(sizes.target):
            p, *states = step.predict_on_batch([token, memory, keys, mask, *states])
            p = p.reshape(BATCH, beams, vocab)
            p[over] = -np.inf
            p[over, END] = 0
            every = (total[..., None] + p).reshape(BATCH, -1)
            best = np.argpartition(-every, beams - 1, axis=1)[:, :beams]
            total = np.take_along_axis(every, best, axis=1)
            parents = best // vocab
            token = (best % vocab).astype("int32")
            over = (token == END) | np.take_along_axis(over, parents, axis=1)
            written.append((parents, token))
            states = [x[(rows * beams + parents).ravel()] for x in states]
            token = token.reshape(-1, 1)
        return written

    return work, BATCH


def measure(sizes: Sizes, rounds: int) -> dict[str, float]:
    """Returns the target tokens or sentences per second of each contender."""
    tasks = {}
    for jit in (True, False):
        name = "with XLA" if jit else "without XLA"
        tasks[f"training, ours, {name}"] = trainer(recipes_model, sizes, jit)
        tasks[f"training, Keras's parts, {name}"] = trainer(KerasParts, sizes, jit)
    for beams in (1, BEAMS):
        tasks[f"decoding, ours, beam {beams}"] = decoder(sizes, beams)
        tasks[f"decoding, token by token, beam {beams}"] = one_token_at_a_time(
            sizes, beams
        )
    speeds = {name: [] for name in tasks}
    for work, _ in tasks.values():
        work()  # compiles
    for _ in range(rounds):
        for name, (work, count) in tasks.items():
            start = time.perf_counter()
            work()
            speeds[name].append(count / (time.perf_counter() - start))
    return {name: median(values) for name, values in speeds.items()}


def ratios(speeds: dict[str, float]) -> dict[str, float]:
    def best(who):
        return max(speed for name, speed in speeds.items() if name.startswith(who))

    ours = best("training, ours")
    values = {"training": ours / best("training, Keras's parts")}
    values["training, share of the limit"] = ours / best("training, limit")
    for beams in (1, BEAMS):
        ours, other = (
            speeds[f"decoding, {who}, beam {beams}"]
            for who in ("ours", "token by token")
        )
        values[f"decoding, beam {beams}"] = ours / other
    return values


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    machine = {**describe_hardware(), **describe_machine()}
    measured, gflops = {}, Contenders("float32").gflops()
    for name, sizes in SIZES.items():
        speeds = measure(sizes, options.rounds)
        per_token = sizes.flop / (BATCH * sizes.target)
        speeds["training, limit of arithmetic"] = 1e9 * gflops / per_token
        measured[name] = {
            "sizes": dataclasses.asdict(sizes),
            "tokens_or_sentences_per_second": speeds,
            "ratios": ratios(speeds),
        }
        print(f"\n{name}")
        for what, value in speeds.items():
            print(f"{what:<42} {value:10,.0f}")
        for what, value in measured[name]["ratios"].items():
            print(f"{what:<42} {value:10.2f} x")
        keras.utils.clear_session()
    record = {
        "command": "python -m benchmarks.translation",
        "git_commit": git_commit(),
        "machine": machine,
        "batch": BATCH,
        "gflops": gflops,
        "measured": measured,
    }
    name = f"translation-{machine['backend']}-{machine['device'].lower()}.json"
    path = options.out or ROOT / "results" / name
    write_record(record, path)
    print(path)


if __name__ == "__main__":
    with one_line_errors():
        main()
