"""A pass: relu, relu6 and leaky_relu are applied by the convolution before it writes its results."""

from __future__ import annotations

from typing import Any, get_args

from pyconv.ops.conv_plans import Activation
from pyconv.program.graph import Graph, Uses
from pyconv.program.kinds import Conv, ConvTranspose, Unary


def fuse_activation(graph: Graph) -> int:
    """Lets a convolution apply the activation that alone reads its result."""
    uses, gone = Uses(graph), []
    for node in graph.nodes:
        kind = node.kind
        if not isinstance(kind, (Conv, ConvTranspose)) or kind.activation != "linear":
            continue
        user = uses.only_user(node.output)
        if user is None or not isinstance(user.kind, Unary):
            continue
        activation: Any = user.kind.function
        if activation not in get_args(Activation):
            continue
        slope = user.kind.numbers[0] if user.kind.numbers else 0.0
        node.kind = kind._replace(activation=activation, negative_slope=slope)
        node.outputs, node.layers = user.outputs, node.layers + user.layers
        gone.append(user)
    graph.remove(gone)
    return len(gone)
