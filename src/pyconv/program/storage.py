"""Which memory each value of some nodes lives in: shared, overwritten, given from outside. Offsets are in memory.py."""

from __future__ import annotations

from collections.abc import Sequence

from pyconv.program.concat_views import concat_views
from pyconv.program.graph import Node, Value
from pyconv.program.kinds import Chain, Conv, Reshape, ScaledConv
from pyconv.program.memory import Span, arrange

FLOAT = 4  # bytes

# A place as _core.ProgramBuilder takes it: buffer, offset, how far each repeat lies further on (there are none here).
Place = tuple[int, int, int]
_ARENA, _OUTSIDE = 0, 2


class Storage:
    """Memory of one value, or of several that have it one after another."""

    def __init__(self, size: int, step: int) -> None:
        self.size = size  # in floats, of a sample
        self.first = self.last = step
        self.outside: int | None = None  # which input or output it is


class Placement:
    """The places of all values that some nodes read and make.

    Args:
        nodes: the nodes, in their order.
        inputs: values from outside.
        outputs: values that are wanted outside, each made by one of the nodes and no view of another of them.
        block: how many samples they take at a time.

    Attributes:
        bytes: of the arena that the values inside lie in.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        block: int,
    ) -> None:
        self._block = block
        self._storage: dict[Value, Storage] = {}
        for number, value in enumerate(inputs):
            self._storage[value] = storage = Storage(value.size, -1)
            storage.outside = number
        self._views = concat_views(nodes, (*inputs, *outputs))
        self._last_use = {value: step for step, node in enumerate(nodes) for value in node.inputs}
        roots = _roots(nodes)
        self._wanted = {roots.get(value, value): len(inputs) + number for number, value in enumerate(outputs)}
        for step, node in enumerate(nodes):
            for value in node.inputs:
                if value.constant is None:
                    self._storage[value].last = step
            for value in node.outputs:
                storage = self._made(node, value, step)
                storage.last = step
                self._storage[value] = storage
        self._arrange()

    def stride(self, value: Value) -> int:
        """How many floats apart the value's pixels lie."""
        view = self._views.get(value)
        return (value if view is None else view.whole).shape[-1] if value.shape else 1

    def sample(self, value: Value) -> int:
        """How many floats apart its samples lie."""
        return self._storage[value].size

    def lies_in(self, part: Value, value: Value, channel: int) -> bool:
        """Whether a part of a concatenation lies where it belongs, at this channel."""
        whole, offset = self._views.get(value, (value, 0))
        return self._views.get(part) == (whole, offset + channel)

    def is_whole(self, value: Value) -> bool:
        """Whether it is no slice of another."""
        return value not in self._views

    def place(self, value: Value, offset: int = 0) -> Place:
        """Where a value begins, plus so many floats."""
        storage = self._storage[value]
        if value in self._views:
            offset += self._views[value].offset
        if storage.outside is not None:
            return _OUTSIDE + storage.outside, offset * FLOAT, 0
        return _ARENA, self._offsets[id(storage)] + offset * FLOAT, 0

    def _made(self, node: Node, value: Value, step: int) -> Storage:
        """The storage of a new value: that of an input which it is a view of or overwrites, or one of its own."""
        if isinstance(node.kind, Reshape):
            return self._storage[node.inputs[0]]
        own = value not in self._wanted and value not in self._views and value not in self._storage
        for source in _overwritable(node) if own else ():
            storage = self._storage[source]
            if storage.outside is None and storage.size == value.size and self._dies(storage, node, step):
                return storage
        whole = self._views[value].whole if value in self._views else value
        if whole not in self._storage:  # no slice of it has been made before
            self._storage[whole] = storage = Storage(whole.size, step)
            storage.outside = self._wanted.get(whole)
        return self._storage[whole]

    def _dies(self, storage: Storage, node: Node, step: int) -> bool:
        """Whether nobody reads a storage after this step, and in it as one input alone."""
        mine = [value for value, other in self._storage.items() if other is storage]
        read_once = sum(value in mine for value in node.inputs) == 1
        return read_once and all(self._last_use.get(value, -1) <= step for value in mine)

    def _arrange(self) -> None:
        """Gives every storage inside an offset."""
        inside = list({id(s): s for s in self._storage.values() if s.outside is None}.values())
        layout = arrange([Span(s.size * self._block * FLOAT, s.first, s.last) for s in inside])
        self._offsets = {id(s): offset for s, offset in zip(inside, layout.offsets, strict=True)}
        self.bytes = layout.bytes


def _roots(nodes: Sequence[Node]) -> dict[Value, Value]:
    """The value that each view shows in another shape."""
    roots: dict[Value, Value] = {}
    for node in nodes:
        if isinstance(node.kind, Reshape):
            roots[node.output] = roots.get(node.inputs[0], node.inputs[0])
    return roots


def _overwritable(node: Node) -> Sequence[Value]:
    """The inputs in whose place a node may write: those that it reads no further than it has written."""
    match node.kind:
        case Conv():
            return node.inputs[1:]  # the residual
        case ScaledConv():
            return node.inputs[2:]
        case Chain():
            # An operand of fewer numbers has another size, and one that another link reads again isn't free.
            return node.inputs
    return ()
