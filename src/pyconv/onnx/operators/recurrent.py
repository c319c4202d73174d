"""Recurrent layers: one step after another over sequences (time, batch, features), both ways if asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyconv import ops
from pyconv.gradient import Array
from pyconv.onnx.operators.activations import hard_sigmoid
from pyconv.onnx.operators.linear import matmul
from pyconv.onnx.registry import operator

Activation = Callable[[Array], Array]
_ACTIVATIONS: dict[str, Activation] = {
    "elu": ops.elu,
    "hardsigmoid": hard_sigmoid,
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "softplus": ops.softplus,
    "softsign": ops.softsign,
    "tanh": np.tanh,
}
# A step makes new states of: the input's share of the gates, the states, the recurrence's weights and bias, functions.
Step = Callable[[Array, list[Array], Array, Array, list[Activation]], list[Array]]


def _recurrent(
    name: str, step: Step, gates: int, defaults: tuple[str, ...], arrays: tuple[Array | None, ...], **settings: Any
) -> tuple[Array, ...]:
    """Every direction of a layer: its results (time, directions, batch, hidden), then the last states."""
    x, weights, recurrence, bias, lengths, *states = arrays
    if x is None or weights is None or recurrence is None:
        raise ValueError(f"{name}: X, W and R must be given.")
    if settings["layout"]:
        x = x.swapaxes(0, 1)
        states = [None if state is None else state.swapaxes(0, 1) for state in states]
    (time, batch, _), (directions, _, hidden) = x.shape, recurrence.shape
    forward = {"forward": [True], "reverse": [False], "bidirectional": [True, False]}[settings["direction"]]
    if settings["clip"] or settings["activation_alpha"] or settings["activation_beta"] or len(forward) != directions:
        raise ValueError(f"{name}: clip and the numbers of activations aren't supported; W must fit direction.")
    functions = [_ACTIVATIONS[each.lower()] for each in settings["activations"] or defaults * directions]
    ends = np.full(batch, time) if lengths is None else lengths
    results = np.zeros((time, directions, batch, hidden), x.dtype)
    last = []
    for d, onward in enumerate(forward):
        offsets = np.zeros(2 * gates * hidden, x.dtype) if bias is None else bias[d]
        inside = matmul(x, np.ascontiguousarray(weights[d].T)) + offsets[: gates * hidden]
        now = [np.zeros((batch, hidden), x.dtype) if state is None else state[d] for state in states]
        matrix, rest = np.ascontiguousarray(recurrence[d].T), offsets[gates * hidden :]
        chosen = functions[d * len(defaults) : (d + 1) * len(defaults)]
        for t in range(time) if onward else reversed(range(time)):
            alive = (t < ends)[:, None]  # a sequence that has ended keeps its states, and gives zeros
            new = step(inside[t], now, matrix, rest, chosen)
            now = [np.where(alive, fresh, old) for fresh, old in zip(new, now, strict=True)]
            results[t, d] = np.where(alive, now[0], 0)
        last.append(now)
    finals = [np.stack([now[place] for now in last]) for place in range(len(states))]
    if settings["layout"]:
        return results.transpose(2, 0, 1, 3), *(final.swapaxes(0, 1) for final in finals)
    return results, *finals


@operator("RNN")
def rnn(
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    lengths: Array | None = None,
    h: Array | None = None,
    *,
    hidden_size: int | None = None,
    activations: tuple[str, ...] | None = None,
    activation_alpha: tuple[float, ...] | None = None,
    activation_beta: tuple[float, ...] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    layout: int = 0,
) -> tuple[Array, ...]:
    def step(inside: Array, now: list[Array], matrix: Array, offset: Array, functions: list[Activation]) -> list[Array]:
        return [functions[0](inside + now[0] @ matrix + offset)]

    return _recurrent(
        "RNN",
        step,
        1,
        ("tanh",),
        (x, w, r, b, lengths, h),
        activations=activations,
        activation_alpha=activation_alpha,
        activation_beta=activation_beta,
        clip=clip,
        direction=direction,
        layout=layout,
    )


@operator("GRU")
def gru(
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    lengths: Array | None = None,
    h: Array | None = None,
    *,
    hidden_size: int | None = None,
    activations: tuple[str, ...] | None = None,
    activation_alpha: tuple[float, ...] | None = None,
    activation_beta: tuple[float, ...] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    layout: int = 0,
    linear_before_reset: int = 0,
) -> tuple[Array, ...]:
    """Gates in the order update, reset, candidate."""

    def step(inside: Array, now: list[Array], matrix: Array, offset: Array, functions: list[Activation]) -> list[Array]:
        (before,) = now
        hidden = before.shape[1]
        gate = functions[0](inside[:, : 2 * hidden] + before @ matrix[:, : 2 * hidden] + offset[: 2 * hidden])
        update, reset = gate[:, :hidden], gate[:, hidden:]
        columns, extra = matrix[:, 2 * hidden :], offset[2 * hidden :]
        memory = reset * (before @ columns + extra) if linear_before_reset else (reset * before) @ columns + extra
        candidate = functions[1](inside[:, 2 * hidden :] + memory)
        return [(1 - update) * candidate + update * before]

    return _recurrent(
        "GRU",
        step,
        3,
        ("sigmoid", "tanh"),
        (x, w, r, b, lengths, h),
        activations=activations,
        activation_alpha=activation_alpha,
        activation_beta=activation_beta,
        clip=clip,
        direction=direction,
        layout=layout,
    )


@operator("LSTM")
def lstm(
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    lengths: Array | None = None,
    h: Array | None = None,
    c: Array | None = None,
    peepholes: Array | None = None,
    *,
    hidden_size: int | None = None,
    activations: tuple[str, ...] | None = None,
    activation_alpha: tuple[float, ...] | None = None,
    activation_beta: tuple[float, ...] | None = None,
    clip: float | None = None,
    direction: str = "forward",
    layout: int = 0,
    input_forget: int = 0,
) -> tuple[Array, ...]:
    """Gates in the order input, output, forget, cell."""
    if input_forget:
        raise ValueError("LSTM: input_forget isn't supported.")
    if peepholes is not None and len(peepholes) > 1:
        raise ValueError("LSTM: peepholes in two directions aren't supported.")

    def step(inside: Array, now: list[Array], matrix: Array, offset: Array, functions: list[Activation]) -> list[Array]:
        before, cell = now
        i, o, f, g = np.split(inside + before @ matrix + offset, 4, 1)
        if peepholes is not None:
            of_input, of_output, of_forget = np.split(peepholes[0], 3)
            i, f = i + of_input * cell, f + of_forget * cell
        new = functions[0](f) * cell + functions[0](i) * functions[1](g)
        if peepholes is not None:
            o = o + of_output * new
        return [functions[0](o) * functions[2](new), new]

    return _recurrent(
        "LSTM",
        step,
        4,
        ("sigmoid", "tanh", "tanh"),
        (x, w, r, b, lengths, h, c),
        activations=activations,
        activation_alpha=activation_alpha,
        activation_beta=activation_beta,
        clip=clip,
        direction=direction,
        layout=layout,
    )
