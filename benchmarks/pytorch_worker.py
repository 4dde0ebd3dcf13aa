"""The contender with PyTorch's layers, served by `benchmarks.workers`."""

import gc
import time

import torch

from benchmarks.tasks import FEATURES, VOCABULARY, Task, make_arrays
from benchmarks.workers import cores

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Contenders:
    """The model of one task at a time, trained step by step."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.steps = {}
        torch.set_num_threads(cores())

    def names(self):
        return ["pytorch"]

    def machine(self):
        return {"pytorch": f"{torch.__version__} on {DEVICE}"}

    def build(self, contender, task):
        task = Task(**task)
        model = Model(task).to(DEVICE)
        optimizer, loss_of = training(task, model)
        arrays = make_arrays(task)
        mixed = torch.autocast(DEVICE, torch.bfloat16, enabled=self.dtype == "bfloat16")

        def step():
            # As in Keras's step, the inputs are NumPy arrays.
            inputs, targets = (torch.from_numpy(array).to(DEVICE) for array in arrays)
            optimizer.zero_grad()
            with mixed:
                loss = loss_of(model(inputs), targets)
            loss.backward()
            optimizer.step()
            return loss.item()

        self.steps[contender] = step

    def step(self, contender):
        """Returns the milliseconds of one training step, until its loss is read."""
        start = time.perf_counter()
        self.steps[contender]()
        return (time.perf_counter() - start) * 1e3

    def write(self, units, vocab, batch, length):
        """Returns the characters per second of the usual loop over `nn.LSTMCell`."""
        torch.manual_seed(0)
        vectors = torch.nn.Embedding(vocab, 64, device=DEVICE)
        cell = torch.nn.LSTMCell(64, units, device=DEVICE)
        logits = torch.nn.Linear(units, vocab, device=DEVICE)
        token = torch.zeros(batch, dtype=torch.long, device=DEVICE)
        states = [torch.zeros(batch, units, device=DEVICE) for _ in range(2)]
        written = []
        start = time.perf_counter()
        with torch.inference_mode():
            for _ in range(length):
                states = cell(vectors(token), states)
                probabilities = torch.softmax(logits(states[0]) / 0.8, dim=-1)
                token = torch.multinomial(probabilities, 1)[:, 0]
                written.append(token)
            torch.stack(written).cpu()
        return batch * length / (time.perf_counter() - start)

    def forget(self):
        self.steps.clear()
        gc.collect()


class Model(torch.nn.Module):
    def __init__(self, task):
        super().__init__()
        is_language = task.model == "language-model"
        layer = getattr(torch.nn, task.layer)
        self.embedding = (
            torch.nn.Embedding(VOCABULARY, FEATURES)
            if is_language
            else torch.nn.Identity()
        )
        self.layer = layer(FEATURES, task.units, batch_first=True)
        self.dense = torch.nn.Linear(task.units, VOCABULARY if is_language else 1)

    def forward(self, inputs):
        outputs, _ = self.layer(self.embedding(inputs))
        return self.dense(outputs)


def training(task, model):
    """Returns the optimizer and a function of outputs and targets: the loss."""
    if task.model == "language-model":
        optimizer = torch.optim.Adam(model.parameters())

        def loss_of(logits, targets):
            return torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), targets.flatten().long()
            )

        return optimizer, loss_of
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    return optimizer, torch.nn.functional.mse_loss
