"""The recurrent equations in NumPy, and gradients by central differences.

Written from the papers' equations, one row and one step at a time, without regard to
speed: a reference that is independent of the backend.
"""

import numpy as np

FEATURES, UNITS, BATCH, TIME = 3, 4, 3, 5
LAYERS = {
    "SimpleRNN": ("SimpleRNN", {}),
    "LSTM": ("LSTM", {}),
    "GRU": ("GRU", {}),
    "GRU-before": ("GRU", {"reset_after": False}),
}
STATES = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1, "GRU-before": 1}
MASKS = {
    "none": None,
    "right": [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]],
    "left": [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1]],
    "holes": [[1, 0, 1, 0, 1], [0, 1, 1, 0, 1], [1, 1, 0, 1, 0]],
    "empty row": [[1, 1, 0, 1, 1], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0]],
}


def make_mask(kind):
    return None if MASKS[kind] is None else np.array(MASKS[kind], dtype=bool)


def make_weights(name, rng, bias=True):
    """Random weights, never constant: equal gates would hide a swap."""
    gates = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3, "GRU-before": 3}[name]
    width = gates * UNITS
    weights = [rng.normal(size=(FEATURES, width)), rng.normal(size=(UNITS, width))]
    if bias:
        weights.append(rng.normal(size=(2, width) if name == "GRU" else (width,)))
    return [0.7 * weight for weight in weights]


def make_inputs(rng):
    return rng.normal(size=(BATCH, TIME, FEATURES))


def make_states(name, rng):
    return [0.5 * rng.normal(size=(BATCH, UNITS)) for _ in range(STATES[name])]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(name, x, states, kernel, recurrent_kernel, bias=None):
    """Returns the new states of one row after one step; the first is the output."""
    bias = np.zeros((2, kernel.shape[1])) if bias is None else np.atleast_2d(bias)
    x = x @ kernel + bias[0]
    h = states[0]
    if name == "SimpleRNN":
        return [np.tanh(x + h @ recurrent_kernel)]
    if name == "LSTM":
        i, f, g, o = np.split(x + h @ recurrent_kernel, 4)
        c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
        return [sigmoid(o) * np.tanh(c), c]
    x_z, x_r, x_g = np.split(x, 3)
    u_z, u_r, u_g = np.split(recurrent_kernel, 3, axis=1)
    if name == "GRU":
        b_z, b_r, b_g = np.split(bias[1], 3)
        z, r = sigmoid(x_z + h @ u_z + b_z), sigmoid(x_r + h @ u_r + b_r)
        g = np.tanh(x_g + r * (h @ u_g + b_g))
    else:
        z, r = sigmoid(x_z + h @ u_z), sigmoid(x_r + h @ u_r)
        g = np.tanh(x_g + (r * h) @ u_g)
    return [z * h + (1 - z) * g]


def run(name, inputs, states, weights, mask=None, backwards=False, zero_output=False):
    """Returns outputs `(batch, time, units)` and last states as `keras.layers` do."""
    inputs = np.asarray(inputs, "float64")
    outputs = np.zeros((*inputs.shape[:2], UNITS))
    last_states = [np.array(state, "float64") for state in states]
    length = inputs.shape[1]
    for row in range(len(inputs)):
        current = [state[row] for state in last_states]
        for index in range(length):
            t = length - 1 - index if backwards else index
            used = mask is None or mask[row, t]
            if used:
                current = step(name, inputs[row, t], current, *weights)
            outputs[row, index] = current[0] if used or not zero_output else 0
        for last, state in zip(last_states, current, strict=True):
            last[row] = state
    return outputs, last_states


def central_differences(function, arrays, epsilon=1e-6):
    """Returns the gradients of a scalar `function(*arrays)`, one array per argument."""
    arrays = [np.array(array, "float64") for array in arrays]
    gradients = []
    for array in arrays:
        gradient = np.zeros_like(array)
        for index in np.ndindex(*array.shape):
            value = array[index]
            array[index] = value + epsilon
            above = function(*arrays)
            array[index] = value - epsilon
            below = function(*arrays)
            array[index] = value
            gradient[index] = (above - below) / (2 * epsilon)
        gradients.append(gradient)
    return gradients
