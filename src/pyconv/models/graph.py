"""The steps between a functional model's inputs and outputs: found, put in order and run. Holds no weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from pyconv import tree
from pyconv.models.rectified import joined
from pyconv.symbolic import KerasTensor, Node, Shape, connect, flat_shapes, substitute


class Graph:
    """What lies between symbolic tensors.

    Args:
        op: who asks, for errors.
        inputs: a KerasTensor or a structure of them.
        outputs: a KerasTensor or a structure of them, computed from `inputs`.

    Raises:
        TypeError: if one isn't a KerasTensor.
        ValueError: if an output needs something that isn't among the inputs, or two operations have the same name.
    """

    def __init__(self, op: str, inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.flat_inputs: list[KerasTensor] = tree.flatten(inputs)
        self.flat_outputs: list[KerasTensor] = tree.flatten(outputs)
        for what, tensors in (("inputs", self.flat_inputs), ("outputs", self.flat_outputs)):
            for tensor in tensors:
                if not isinstance(tensor, KerasTensor):
                    raise TypeError(f"{op}: {what} must be KerasTensors, as Input gives them. Received: {tensor!r}.")
        if len({id(tensor) for tensor in self.flat_inputs}) < len(self.flat_inputs):
            raise ValueError(f"{op}: inputs must not contain a tensor twice. Received: inputs={inputs}.")
        self.nodes, seen = _walk(op, self.flat_inputs, self.flat_outputs)
        self.operations: list[Any] = _in_keras_order(self.nodes, seen)
        name, count = Counter(operation.name for operation in self.operations).most_common(1)[0]
        if count > 1:
            raise ValueError(
                f'{op}: The name "{name}" is used {count} times in the model. All operation names should be unique.'
            )
        self._plan()

    def run(self, arrays: list[Any]) -> list[Any]:
        """The outputs for arrays in the order of `flat_inputs`; each result is let go after its last use."""
        values: list[Any] = [None] * self._slots
        values[: len(arrays)] = arrays

        def fetch(leaf: Any) -> Any:
            return values[leaf] if type(leaf) is _Slot else leaf

        for operation, args, kwargs, slots, unused in self._steps:
            if isinstance(args, int):
                results: Any = operation(values[args])
            else:
                results = operation(*tree.map_structure(fetch, args), **tree.map_structure(fetch, kwargs))
            for slot, result in zip(slots, tree.flatten(results), strict=True):
                values[slot] = result
            for free in unused:
                values[free] = None
        return [values[slot] for slot in self._output_slots]

    def output_shapes(self, shapes: list[Shape]) -> list[Shape]:
        """The outputs' shapes for inputs of these shapes."""
        known = {id(tensor): shape for tensor, shape in zip(self.flat_inputs, shapes, strict=True)}
        for node in self.nodes:
            if node.inputs:
                given = substitute(node.args[0], lambda tensor: known[id(tensor)]) if node.args else None
                several = len(node.inputs) > len(tree.flatten(node.args[:1]))
                shape_args = [known[id(tensor)] for tensor in node.inputs] if several else [given]
                results = node.operation.compute_output_shape(*shape_args)
                for tensor, shape in zip(tree.flatten(node.outputs), flat_shapes(results), strict=True):
                    known[id(tensor)] = shape
        return [known[id(tensor)] for tensor in self.flat_outputs]

    def replay(
        self, operations: dict[int, Any], inputs: list[KerasTensor], call: Callable[..., Any] | None = None
    ) -> Any:
        """The outputs of the same steps from other inputs, by the operation that stands for each, by its id.

        With `call` a step is call(operation, *args, **kwargs).
        """
        made: dict[int, Any] = dict(zip(map(id, self.flat_inputs), inputs, strict=True))
        for node in self.nodes:
            if node.inputs:
                args, kwargs = substitute((node.args, node.kwargs), lambda tensor: made[id(tensor)])
                operation = operations[id(node.operation)]
                results = operation(*args, **kwargs) if call is None else call(operation, *args, **kwargs)
                made.update(zip(map(id, tree.flatten(node.outputs)), tree.flatten(results), strict=True))
        return substitute(self.outputs, lambda tensor: made[id(tensor)])

    def nodes_of(self, operation: Any) -> list[Node]:
        """The calls of an operation that belong to this graph, in the order in which they were made."""
        return [node for node in operation.inbound_nodes if id(node) in self._mine]

    def __getstate__(self) -> dict[str, Any]:
        calls = [(node.operation, node.args, node.kwargs, node.outputs) for node in self.nodes]
        return {"inputs": self.inputs, "outputs": self.outputs, "operations": self.operations, "calls": calls}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.nodes = []
        for operation, args, kwargs, outputs in state.pop("calls"):
            connect(operation, args, kwargs, outputs)
            self.nodes.append(operation.inbound_nodes[-1])
        vars(self).update(state)
        self.flat_inputs, self.flat_outputs = tree.flatten(self.inputs), tree.flatten(self.outputs)
        self._plan()

    def _plan(self) -> None:
        """Numbers a place for every tensor, and says after which step it is needed no more."""
        self._mine = {id(node) for node in self.nodes}
        slots = {id(tensor): _Slot(i) for i, tensor in enumerate(self.flat_inputs)}
        nodes = [node for node in self.nodes if any(id(tensor) not in slots for tensor in tree.flatten(node.outputs))]
        calls = joined(nodes, self.flat_outputs)
        last_use: dict[int, int] = {}
        for step, call in enumerate(calls):
            for tensor in tree.flatten(call.outputs):
                slots.setdefault(id(tensor), _Slot(len(slots)))
                last_use[slots[id(tensor)]] = step
            last_use |= {slots[id(tensor)]: step for tensor in call.inputs}
        self._slots = len(slots)
        self._output_slots = [slots[id(tensor)] for tensor in self.flat_outputs]
        unused: dict[int, list[int]] = {}
        for slot, step in last_use.items():
            if slot not in self._output_slots:
                unused.setdefault(step, []).append(slot)
        self._steps = []
        for step, call in enumerate(calls):
            args, kwargs = substitute((call.args, call.kwargs), lambda tensor: slots[id(tensor)])
            if len(args) == 1 and type(args[0]) is _Slot and not kwargs:
                args = int(args[0])
            results = [slots[id(tensor)] for tensor in tree.flatten(call.outputs)]
            self._steps.append((call.operation, args, kwargs, results, unused.get(step, ())))


class _Slot(int):
    """The place of a tensor's array, told from the numbers among arguments by its type."""


def _walk(op: str, inputs: list[KerasTensor], outputs: list[KerasTensor]) -> tuple[list[Node], dict[int, int]]:
    """The nodes from inputs to outputs, each after those it needs, and when each operation was first met.

    Depth first, with a stack of its own: deep networks have more layers than Python has frames.
    """
    known = {id(tensor) for tensor in inputs}
    order: list[Node] = []
    entered: set[int] = set()
    seen: dict[int, int] = {}
    stack: list[tuple[Node | None, Iterator[KerasTensor]]] = [(None, iter(outputs))]
    while stack:
        node, tensors = stack[-1]
        tensor = next(tensors, None)
        if tensor is None:
            stack.pop()
            if node is not None:
                order.append(node)
            continue
        parent = tensor.node
        if parent is None or (not parent.inputs and id(tensor) not in known):
            raise ValueError(
                f"{op}: Graph disconnected: cannot find parent for tensor {tensor}"
                f"{f' at operation {node.operation.name!r}' if node is not None else ''}. "
                f"It can't be computed from inputs={[tensor.name for tensor in inputs]}."
            )
        if id(parent) in entered or (id(tensor) in known and parent.inputs):
            continue
        entered.add(id(parent))
        seen.setdefault(id(parent.operation), len(seen))
        stack.append((parent, iter(parent.inputs)))
    for tensor in inputs:  # those that no output needs
        if tensor.node is not None and not tensor.node.inputs and id(tensor.node) not in entered:
            order.insert(0, tensor.node)
            seen[id(tensor.node.operation)] = -1
    return order, seen


def _in_keras_order(nodes: list[Node], seen: dict[int, int]) -> list[Any]:
    """The operations as Keras lists them, which is the order of a model's weights.

    Those farthest from the outputs come first; the distance is the largest over all ways, and over all calls of a
    shared layer. Among equals, what is met first from the outputs.
    """
    depth: dict[int, int] = {}  # of nodes and operations alike
    for node in reversed(nodes):
        here = max(depth.get(id(node), 0), depth.get(id(node.operation), 0))
        depth[id(node)] = depth[id(node.operation)] = here
        for tensor in node.inputs:
            if tensor.node is not None:
                depth[id(tensor.node)] = max(depth.get(id(tensor.node), 0), here + 1)
    operations = {id(node.operation): node.operation for node in nodes}
    return sorted(operations.values(), key=lambda operation: (-depth[id(operation)], seen[id(operation)]))
