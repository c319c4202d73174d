"""Two passes: factors and offsets of channels, BatchNormalization's and Rescaling's, go into convolutions' weights."""

from __future__ import annotations

from pyconv.program.graph import Graph, Uses
from pyconv.program.kinds import Conv, ConvTranspose
from pyconv.program.passes.constants import affine_of, scaled_inputs, scaled_results


def fold_affine_after(graph: Graph) -> int:
    """Folds y * factor + shift into the convolution that makes y for this alone."""
    uses, gone = Uses(graph), []
    for node in graph.nodes:
        kind = node.kind
        if not isinstance(kind, (Conv, ConvTranspose)) or kind.activation != "linear" or len(node.inputs) > 1:
            continue
        while (user := uses.only_user(node.output)) is not None:
            affine = affine_of(user, node.output)
            if affine is None:
                break
            node.kind = kind = scaled_results(kind, *affine)
            node.outputs, node.layers = user.outputs, node.layers + user.layers
            uses.makers[node.output] = node
            gone.append(user)
    graph.remove(gone)
    return len(gone)


def fold_affine_before(graph: Graph) -> int:
    """Folds x * factor + shift into the one convolution that reads it.

    A shift can't go where the convolution sees zeros round the image: they'd have to be shifted as well.
    """
    uses, gone = Uses(graph), []
    for node in graph.nodes:
        while isinstance(node.kind, Conv):
            before = uses.made_for(node, node.inputs[0])
            source = next((value for value in before.inputs if value.constant is None), None) if before else None
            affine = affine_of(before, source) if before and source else None
            padded = any(any(pair) for pair in node.kind.pads)
            if before is None or source is None or affine is None or (padded and affine[1].any()):
                break
            node.kind = scaled_inputs(node.kind, *affine)
            node.inputs[0], node.layers = source, before.layers + node.layers
            uses.users[source] = [node if user is before else user for user in uses.users[source]]
            gone.append(before)
    graph.remove(gone)
    return len(gone)
