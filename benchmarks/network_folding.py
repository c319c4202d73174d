"""What pyconv wrote of a network as ONNX, brought into the form that the peers like best. Runs nothing.

pyconv writes a layer after the other, with images whose channels come last. Every library would fold most of what that
leaves to fold, some would not; so it is done here, once and for all of them: channels come first and nothing is
transposed, batch normalizations and pads are in the convolutions where they can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from network_graph import INPUT, OUTPUT, Graph, Node, parsed

FIRST, LAST = [0, 3, 1, 2], [0, 2, 3, 1]  # the permutations to channels first and last


def simplified(exported: Any) -> Any:
    """The same network with channels first, and less to do; the batch stays open."""
    proto = shape_inference.infer_shapes(exported)
    graph = parsed(proto)
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*proto.graph.input, *proto.graph.value_info, *proto.graph.output)
    }
    rank = len(shapes[proto.graph.output[0].name])
    _rename(graph, {proto.graph.input[0].name: INPUT})
    shapes[INPUT] = shapes[proto.graph.input[0].name]
    result = _channels_first(graph, shapes, proto.graph.output[0].name)
    for change in (_join_affine, _fold_batch_normalizations, _fold_pads, _join_dense):
        change(graph)
    _rename(graph, {result: OUTPUT})
    used = graph.users()
    float32 = onnx.TensorProto.FLOAT
    made = helper.make_graph(
        [helper.make_node(n.op, n.inputs, [n.output], name=n.output, **n.attributes) for n in graph.nodes],
        "network",
        [helper.make_tensor_value_info(INPUT, float32, [graph.input_shape[i] for i in FIRST])],
        [helper.make_tensor_value_info(OUTPUT, float32, ["batch", *[None] * (rank - 1)])],
        [numpy_helper.from_array(array, name) for name, array in graph.constants.items() if used[name]],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return shape_inference.infer_shapes(model)


def _rename(graph: Graph, names: dict[str, str]) -> None:
    for node in graph.nodes:
        node.inputs = [names.get(name, name) for name in node.inputs]
        node.output = names.get(node.output, node.output)


def _channels_first(graph: Graph, shapes: dict[str, Any], result: str) -> str:
    """Lets every image have its channels first, which leaves no transposition; returns the result's new name.

    `last` are the values that had them last. A reshape of one pixel's channels to an image of one pixel is none either.
    """
    last, alias, flattened, kept = {INPUT}, {}, {}, []
    for node in graph.nodes:
        was_last = [name in last and len(shapes.get(name, ())) == 4 for name in node.inputs]
        old, node.inputs = node.inputs, [alias.get(name, name) for name in node.inputs]
        shape = shapes.get(node.output, [])
        if node.op == "Identity" or (node.op == "Transpose" and node.attributes["perm"] in (FIRST, LAST)):
            alias[node.output] = node.inputs[0]
            if node.op == "Transpose" and node.attributes["perm"] == LAST:
                last.add(node.output)
            if node.op == "Identity" and was_last[0]:
                last.add(node.output)
            continue
        if node.op == "Reshape" and len(shape) == 4 and shape[1:3] == [1, 1]:
            alias[node.output] = flattened[node.inputs[0]]
            last.add(node.output)
            continue
        if node.op == "Flatten":
            flattened[node.output] = node.inputs[0]
            if was_last[0]:
                _flatten_channels_first(graph, node.output, shapes[old[0]][1:])
        if any(was_last):
            _turn(graph, node, old)
            last.add(node.output)
        kept.append(node)
    used = {name for node in kept for name in node.inputs} | {alias.get(result, result)}
    graph.nodes = [node for node in kept if node.output in used]
    return alias.get(result, result)


def _flatten_channels_first(graph: Graph, name: str, shape: Sequence[int]) -> None:
    """Reorders the rows of the dense weights behind a flattened image of this shape, channels last."""
    for user in graph.nodes:
        if name in user.inputs and user.op == "MatMul":
            kernel = graph.constants[user.inputs[1]]
            rows = kernel.reshape(*shape, -1).transpose(2, 0, 1, 3)
            graph.constants[user.inputs[1]] = np.ascontiguousarray(rows.reshape(kernel.shape))


def _turn(graph: Graph, node: Node, names: Sequence[str]) -> None:
    """Constants and axes of a node on images whose channels were last and now are first."""
    if node.op in ("Concat", "Softmax"):
        node.attributes["axis"] = 1
    for number, name in enumerate(names[1:], 1):
        constant = graph.constants.get(name)
        if constant is None:
            continue
        if node.op == "Pad" and number == 1:
            constant = np.concatenate([constant[:4][FIRST], constant[4:][FIRST]])
        elif node.op != "Pad" and constant.ndim >= 1 and constant.size > 1:
            constant = constant.reshape(-1, 1, 1)  # one for each channel
        node.inputs[number] = f"{name}/first"
        graph.constants[f"{name}/first"] = constant


def _join_affine(graph: Graph) -> None:
    """Additions, products and so on with constants, one after the other, as one product and one addition."""
    used, start = graph.users(), 0
    while start < len(graph.nodes):
        end, scale, shift = start, np.float64(1), np.float64(0)
        while end < len(graph.nodes):
            node = graph.nodes[end]
            follows = end == start or (node.inputs[0] == graph.nodes[end - 1].output and used[node.inputs[0]] == 1)
            constant = graph.constants.get(node.inputs[1]) if len(node.inputs) == 2 else None
            if not follows or constant is None or node.op not in ("Mul", "Add", "Sub", "Div"):
                break
            number = constant.astype(np.float64)
            if node.op in ("Mul", "Div"):
                factor = number if node.op == "Mul" else 1 / number
                scale, shift = scale * factor, shift * factor
            else:
                shift = shift + (number if node.op == "Add" else -number)
            end += 1
        if end - start > 2:
            first, name = graph.nodes[start].inputs[0], graph.nodes[end - 1].output
            graph.constants |= {f"{name}/scale": np.float32(scale), f"{name}/shift": np.float32(shift)}
            scaled = Node("Mul", [first, f"{name}/scale"], f"{name}/scaled", {})
            graph.nodes[start:end] = [scaled, Node("Add", [scaled.output, f"{name}/shift"], name, {})]
        start += 1


def _fold_batch_normalizations(graph: Graph) -> None:
    """Those behind a convolution that nobody else looks at become part of its weights."""
    used, makers, kept = graph.users(), {node.output: node for node in graph.nodes}, []
    for node in graph.nodes:
        conv = makers.get(node.inputs[0])
        if node.op != "BatchNormalization" or conv is None or conv.op != "Conv" or used[conv.output] != 1:
            kept.append(node)
            continue
        gamma, beta, mean, variance = (graph.constants[name].astype(np.float64) for name in node.inputs[1:])
        scale = gamma / np.sqrt(variance + node.attributes["epsilon"])
        bias = graph.constants[conv.inputs[2]] if len(conv.inputs) == 3 else 0.0
        kernel = graph.constants[conv.inputs[1]] * scale[:, None, None, None]
        names = [f"{conv.output}/kernel", f"{conv.output}/bias"]
        arrays = [kernel, beta + (bias - mean) * scale]
        graph.constants |= {name: array.astype(np.float32) for name, array in zip(names, arrays, strict=True)}
        conv.inputs[1:], conv.output = names, node.output
        makers[node.output] = conv
    graph.nodes = kept


def _fold_pads(graph: Graph) -> None:
    """Zeros around images become pads of the window behind; of a max-pooling too where nothing is negative."""
    used, makers, kept = graph.users(), {node.output: node for node in graph.nodes}, []
    for node in graph.nodes:
        pad = makers.get(node.inputs[0])
        if node.op in ("Conv", "MaxPool") and pad is not None and pad.op == "Pad" and used[pad.output] == 1:
            before = makers.get(pad.inputs[0])
            if node.op == "Conv" or (before is not None and before.op == "Relu"):
                amounts = graph.constants[pad.inputs[1]]
                more = [*amounts[2:4], *amounts[6:8]]
                old = node.attributes.get("pads", [0, 0, 0, 0])
                node.attributes["pads"] = [int(a + b) for a, b in zip(old, more, strict=True)]
                node.inputs[0] = pad.inputs[0]
                kept.remove(pad)
        kept.append(node)
    graph.nodes = kept


def _join_dense(graph: Graph) -> None:
    """A matrix product and the addition of its bias, as one."""
    makers, kept = {node.output: node for node in graph.nodes}, []
    for node in graph.nodes:
        product = makers.get(node.inputs[0])
        if node.op == "Add" and product is not None and product.op == "MatMul" and node.inputs[1] in graph.constants:
            product.op, product.output, product.inputs = "Gemm", node.output, [*product.inputs, node.inputs[1]]
        else:
            kept.append(node)
    graph.nodes = kept
