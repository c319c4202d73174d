"""A model run step by step: the layers and operations in it, and the operations that each takes. Prints nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pyconv import tree
from pyconv.layers.base_conv_transpose import BaseConvTranspose
from pyconv.layers.base_separable_conv import BaseSeparableConv
from pyconv.layers.layer import Layer
from pyconv.models.model import Model
from pyconv.symbolic import substitute


class Step(NamedTuple):
    """One call in a run: what is called, on arrays of which shapes, and what it is called with."""

    name: str
    kind: str
    output_shapes: list[tuple[int, ...]]
    parameters: int
    flops: int | None  # 2 for each multiply-add of convolutions and dense layers; None where that isn't known
    call: Callable[[], Any]


def steps_of(model: Any, arrays: list[Any]) -> list[Step]:
    """Runs a model once and returns its steps, each of which can be called again."""
    steps: list[Step] = []
    if isinstance(model, Model):
        _run(model, arrays, "", steps)
    else:
        _run_program(model, arrays, steps)
    return steps


def _run(model: Model, arrays: list[Any], prefix: str, steps: list[Step]) -> Any:
    if model._graph is None:
        raise ValueError(f"the layers of {model.name!r} are called by code of its own, which is no list of steps.")
    graph = model._graph
    values = dict(zip(map(id, graph.flat_inputs), arrays, strict=True))
    for node in graph.nodes:
        if not node.inputs:
            continue
        args, kwargs = substitute((node.args, node.kwargs), lambda tensor: values[id(tensor)])
        operation, name = node.operation, f"{prefix}{node.operation.name}"
        if isinstance(operation, Model) and operation._graph is not None:
            result = _run(operation, tree.flatten((args, kwargs)), f"{name}/", steps)
        else:
            call = functools.partial(operation, *args, **kwargs)
            result = call()
            steps.append(_step(name, operation, tree.flatten((args, kwargs)), tree.flatten(result), call))
        values.update(zip(map(id, tree.flatten(node.outputs)), tree.flatten(result), strict=True))
    return tree.pack_sequence_as(graph.outputs, [values[id(tensor)] for tensor in graph.flat_outputs])


def _run_program(model: Any, arrays: list[Any], steps: list[Step]) -> None:
    program = model._program
    values = program._start.copy()
    values[: len(arrays)] = arrays
    values.append(None)
    for step in program.steps:
        call = functools.partial(step.function, *(values[place] for place in step.inputs))
        results = call()
        results = results if isinstance(results, tuple) else (results,)
        for place, result in zip(step.outputs, results, strict=False):
            values[place] = np.asarray(result)
        values[-1] = None
        shapes = [np.shape(result) for result in results]
        kind, _, name = step.label.partition(" '")  # Conv 'stem'
        steps.append(Step(name.rstrip("'") or kind, kind, shapes, 0, None, call))


def _step(name: str, operation: Any, inputs: list[Any], outputs: list[Any], call: Callable[[], Any]) -> Step:
    is_layer = isinstance(operation, Layer)
    kind = type(operation).__name__ if is_layer else operation.class_name
    shapes = [np.shape(output) for output in outputs]
    parameters = operation.count_params() if is_layer else 0
    return Step(name, kind, shapes, parameters, _flops(operation, inputs, outputs) if is_layer else 0, call)


def _flops(layer: Any, inputs: list[Any], outputs: list[Any]) -> int:
    if isinstance(layer, BaseConvTranspose):  # each input meets each of its channel's weights
        return int(2 * inputs[0].size * layer.kernel.size // layer.kernel.shape[-1])
    if isinstance(layer, BaseSeparableConv):
        places = outputs[0].size // layer.filters
        return int(2 * places * (layer.depthwise_kernel.size + layer.pointwise_kernel.size))
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    channels = outputs[0].shape[1 if getattr(layer, "data_format", None) == "channels_first" else -1]
    return int(2 * outputs[0].size // channels * kernel.size)
