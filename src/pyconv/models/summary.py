"""The table that `summary` prints: one row a layer, as Keras draws it. Only text is made here."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyconv.symbolic import Operation, flat_shapes
from pyconv.tree import flatten
from pyconv.variable import Variable

if TYPE_CHECKING:
    from pyconv.models.graph import Graph
    from pyconv.models.model import Model

# Lines' lengths and where the columns end, in parts of the line: Keras' choices.
_LINE_LENGTH, _POSITIONS = 80, (0.45, 0.80, 1.0)
_CONNECTED_LINE_LENGTH, _CONNECTED_POSITIONS = 108, (0.3, 0.56, 0.74, 1.0)


def summary_text(
    model: Model,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
) -> str:
    """The table of a model's layers and the sums under it, as one string."""
    # A Sequential's graph is a line: what its layers follow need not be said.
    graph = model._graph if model._graph is not None and _branches(model._graph) else None
    header = ["Layer (type)", "Output Shape", "Param #"]
    ends = list(positions or (_CONNECTED_POSITIONS if graph else _POSITIONS))
    length = line_length or (_CONNECTED_LINE_LENGTH if graph else _LINE_LENGTH)
    if graph:
        header.append("Connected to")
    if show_trainable:
        header.append("Trainable")
        ends = [0.9 * end for end in ends] + [1.0]
        length += 0 if line_length else 12
    rows = [cells[: len(header)] for cells in _rows(model, graph, expand_nested, show_trainable)]
    widths = _widths(length, ends)
    between = _rule("├", "─", "┼", "┤", widths)
    return "\n".join(
        [
            f'Model: "{model.name}"',
            _rule("┏", "━", "┳", "┓", widths),
            *_lines(header, widths, "┃"),
            _rule("┡", "━", "╇", "┩", widths),
            f"\n{between}\n".join("\n".join(_lines(row, widths, "│")) for row in rows),
            _rule("└", "─", "┴", "┘", widths),
            _total("Total params", model.weights),
            _total("Trainable params", model.trainable_weights),
            _total("Non-trainable params", model.non_trainable_weights),
        ]
    )


def _rows(
    model: Any, graph: Graph | None, expand_nested: bool, show_trainable: bool, depth: int = 0
) -> Iterator[list[str]]:
    for operation in model.layers if depth else model.operations:
        prefix = "   " * depth + "└ " if depth else ""
        row = [f"{prefix}{operation.name} ({_type(operation)})", _output_shape(model, operation), _params(operation)]
        if graph is not None:
            row.append(_connections(graph, operation))
        if show_trainable:
            has_weights = not isinstance(operation, Operation) and operation.weights
            row.append("-" if not has_weights else "Y" if operation.trainable else "N")
        yield row
        if expand_nested and hasattr(operation, "layers"):
            yield from _rows(operation, graph, expand_nested, show_trainable, depth + 1)


def _branches(graph: Graph) -> bool:
    """Whether the steps aren't simply one after another."""
    once = len(graph.nodes) == len(graph.operations)
    return (
        not once
        or len(graph.flat_inputs) > 1
        or any(len(node.inputs) > 1 for node in graph.nodes)
        or any(
            node.inputs and node.inputs[0].node is not before
            for before, node in zip(graph.nodes, graph.nodes[1:], strict=False)
        )
    )


def _type(operation: Any) -> str:
    return operation.class_name if isinstance(operation, Operation) else type(operation).__name__


def _params(operation: Any) -> str:
    if isinstance(operation, Operation):
        return "0"
    return f"{operation.count_params():,}" if operation.built else "0 (unbuilt)"


def _output_shape(model: Model, operation: Any) -> str:
    """The shape that an operation gives in the model, or elsewhere where the model's own call uses it."""
    nodes = model._graph.nodes_of(operation) if model._graph is not None else []
    if nodes:
        shapes = {tuple(tensor.shape for tensor in flatten(node.outputs)) for node in nodes}
        if len(shapes) > 1:
            return "multiple"
        (found,) = shapes
    elif getattr(operation, "built", False) and getattr(operation, "input_shape", None) is not None:
        found = tuple(flat_shapes(operation.output_shape))
    else:
        return "?"
    return ", ".join(map(str, found)) if len(found) == 1 else f"[{', '.join(map(str, found))}]"


def _connections(graph: Graph, operation: Any) -> str:
    sources = [tensor for node in graph.nodes_of(operation) for tensor in node.inputs]
    names = []
    for tensor in sources:
        if tensor.node is not None:
            number = graph.nodes_of(tensor.node.operation).index(tensor.node)
            names.append(f"{tensor.node.operation.name}[{number}][{tensor.index}]")
    return ", ".join(names) or "-"


def _widths(line_length: int, positions: Sequence[float]) -> list[int]:
    """How many characters each column holds, without its border and the blanks beside it."""
    ends = [round(line_length * position) for position in positions]
    return [max(end - start - 3, 1) for start, end in zip([0, *ends], [*ends[:-1], ends[-1] - 1], strict=False)]


def _rule(left: str, dash: str, cross: str, right: str, widths: Sequence[int]) -> str:
    return left + cross.join(dash * (width + 2) for width in widths) + right


def _lines(cells: Sequence[str], widths: Sequence[int], border: str) -> list[str]:
    """One row of the table; a cell too long for its column runs over several lines."""
    wrapped = [_wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(len(lines) for lines in wrapped)
    columns = [lines + [""] * (height - len(lines)) for lines in wrapped]
    signs = "<<><^"  # numbers stand to the right
    return [
        f"{border} "
        + f" {border} ".join(f"{cell:{sign}{width}}" for cell, sign, width in zip(row, signs, widths, strict=False))
        + f" {border}"
        for row in zip(*columns, strict=True)
    ]


def _wrap(text: str, width: int) -> list[str]:
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [line if len(line) <= width else line[: width - 1] + "…" for line in lines]


def _total(title: str, weights: Sequence[Variable]) -> str:
    count = sum(weight.size for weight in weights)
    size = float(sum(weight.size * weight.dtype.itemsize for weight in weights))
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f" {title}: {count:,} ({size:.2f} {unit})"
