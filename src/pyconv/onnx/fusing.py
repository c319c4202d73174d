"""Steps that a convolution takes over: scales and offsets of channels go into its weights, some activations into it.

Only where nobody else needs what lies between.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.graph import Graph, Node, consumers
from pyconv.ops.elementwise import NEGATIVE_SLOPE

# The axis of the weights that numbers the result's channels; of a transposed convolution in one group.
_FILTERS = {"Conv": 0, "ConvTranspose": 1}


def fuse(graph: Graph) -> None:
    """Fuses what can be, and changes the graph."""
    used = consumers(graph.nodes)
    wanted = {value.name for value in graph.outputs}
    maker: dict[str, Node] = {}
    kept = []
    for node in graph.nodes:
        before = next((maker[name] for name in node.inputs if name in maker), None)
        alone = before is not None and before.outputs[0] not in wanted and len(used[before.outputs[0]]) == 1
        if before is not None and alone and any(absorb(graph, before, node) for absorb in _ABSORB):
            before.outputs = node.outputs
            maker[node.outputs[0]] = before
            continue
        kept.append(node)
        if node.op in _FILTERS and len(node.outputs) == 1:
            maker[node.outputs[0]] = node
    graph.nodes = kept


def _absorb_affine(graph: Graph, conv: Node, node: Node) -> bool:
    """Takes over a BatchNormalization, or a product or sum with one number a channel."""
    weights = graph.constants.get(conv.inputs[1])
    bias_name = conv.inputs[2] if len(conv.inputs) > 2 else ""
    if weights is None or weights.ndim < 3 or (bias_name and bias_name not in graph.constants):
        return False
    if conv.attributes.get("activation", "linear") != "linear" or weights.dtype not in (np.float32, np.float64):
        return False
    if conv.op == "ConvTranspose" and conv.attributes.get("group", 1) != 1:
        return False
    axis = _FILTERS[conv.op]
    filters = weights.shape[axis]
    found = _affine(graph, node, conv.outputs[0], filters, weights.ndim)
    if found is None:
        return False
    scale, offset = found
    shape = [1] * weights.ndim
    shape[axis] = filters
    bias = graph.constants[bias_name].astype(np.float64) if bias_name else np.zeros(filters)
    if bias.shape != (filters,):
        return False
    name = f"{conv.outputs[0]}:{node.outputs[0]}"
    if not np.all(scale == 1):
        graph.constants[f"{name}:weights"] = (weights * scale.reshape(shape)).astype(weights.dtype)
        conv.inputs[1] = f"{name}:weights"
    graph.constants[f"{name}:bias"] = (bias * scale + offset).astype(weights.dtype)
    conv.inputs = [*conv.inputs[:2], f"{name}:bias"]
    return True


def _affine(graph: Graph, node: Node, image: str, filters: int, rank: int) -> tuple[Array, Array] | None:
    """Scale and offset, a float64 a filter, if the node computes image * scale + offset."""
    ones, zeros = np.ones(filters), np.zeros(filters)
    if node.op == "BatchNormalization":
        return _normalization(graph, node, image, filters)
    if node.op not in ("Add", "Mul", "Sub", "Div") or len(node.inputs) != 2 or node.inputs.count(image) != 1:
        return None
    (other,) = (name for name in node.inputs if name != image)
    numbers = _per_channel(graph.constants.get(other), filters, rank)
    reversed_order = node.op in ("Sub", "Div") and node.inputs[0] != image
    if numbers is None or reversed_order or (node.op == "Div" and not numbers.all()):
        return None
    if node.op in ("Add", "Sub"):
        return ones, numbers if node.op == "Add" else -numbers
    return numbers if node.op == "Mul" else 1 / numbers, zeros


def _normalization(graph: Graph, node: Node, image: str, filters: int) -> tuple[Array, Array] | None:
    """`_affine` for a BatchNormalization whose statistics are constants."""
    arrays = [graph.constants.get(name) for name in node.inputs[1:]]
    plain = len(node.outputs) == 1 and not node.attributes.get("training_mode", 0) and node.inputs[0] == image
    if not plain or len(arrays) != 4 or any(array is None or array.shape != (filters,) for array in arrays):
        return None
    gamma, beta, mean, variance = (np.asarray(array, np.float64) for array in arrays)
    scale = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return scale, beta - mean * scale


def _per_channel(array: Array | None, filters: int, rank: int) -> Array | None:
    """A constant as one number a filter, if that is what it is when broadcast against (N, filters, *spatial)."""
    if array is None or array.ndim > rank or array.dtype.kind != "f":
        return None
    sizes = (1,) * (rank - array.ndim) + array.shape
    if math.prod(sizes) not in (1, sizes[1]) or sizes[1] not in (1, filters):
        return None
    return np.broadcast_to(array.astype(np.float64).ravel(), (filters,))


def _absorb_activation(graph: Graph, conv: Node, node: Node) -> bool:
    """Takes over relu, relu6 and the leaky relu that the core knows."""
    if conv.op != "Conv" or conv.attributes.get("activation", "linear") != "linear" or len(node.outputs) != 1:
        return False
    name: Any = None
    if node.op == "Relu":
        name = "relu"
    elif node.op == "LeakyRelu" and math.isclose(node.attributes.get("alpha", 0.01), NEGATIVE_SLOPE, rel_tol=1e-6):
        name = "leaky_relu"
    elif node.op == "Clip":
        bounds = [node.attributes.get("min"), node.attributes.get("max")]
        for place, bound in enumerate(node.inputs[1:]):
            bounds[place] = graph.constants.get(bound, [None]) if bound else None
        name = "relu6" if all(b is not None and np.size(b) == 1 for b in bounds) and _is_relu6(bounds) else None
    if name is None or node.inputs[0] != conv.outputs[0]:
        return False
    conv.attributes = conv.attributes | {"activation": name}
    return True


def _is_relu6(bounds: list[Any]) -> bool:
    low, high = (np.asarray(bound).item() for bound in bounds)
    return bool(low == 0 and high == 6)


_ABSORB = (_absorb_affine, _absorb_activation)
