"""From a ModelProto to a graph: names resolved, functions written out, operators looked up. Computes nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pyconv.onnx import (
    operators,  # noqa: F401 - registers them
    registry,
)
from pyconv.onnx.errors import InvalidModelError, MissingOperator, UnsupportedError, UnsupportedOperatorsError
from pyconv.onnx.external import ExternalData
from pyconv.onnx.functions import Functions, domain_of
from pyconv.onnx.graph import Graph, Node, Value
from pyconv.onnx.package import onnx
from pyconv.onnx.tensors import array_of, dtype_of

# Functions that call functions can make a small file endless; the largest networks have some ten thousand nodes, and
# functions of functions of functions.
_MOST_NODES = 100_000
_MOST_LEVELS = 20


def read_model(model: Any, external: ExternalData) -> Graph:
    """The graph of a ModelProto.

    Raises:
        InvalidModelError: if it contradicts itself.
        UnsupportedError: if it needs what pyconv doesn't have; UnsupportedOperatorsError lists operators.
    """
    if not model.HasField("graph"):
        raise InvalidModelError("onnx.load: the file holds no graph: it isn't an ONNX model.")
    versions = {domain_of(entry): entry.version for entry in model.opset_import}
    newest = onnx().defs.onnx_opset_version()
    if not 1 <= versions.get("", 1) <= newest:
        raise UnsupportedError(
            f"onnx.load: the model needs version {versions['']} of ONNX' operators; the installed package onnx knows "
            f"those up to {newest}."
        )
    reader = _Reader(Functions(model), external)
    graph = reader.graph(model.graph, versions or {"": 1})
    if reader.missing:
        found = sorted(reader.missing.items())
        raise UnsupportedOperatorsError([MissingOperator(*key, count) for key, count in found])
    if unknown := graph.captured():
        raise InvalidModelError(f"onnx.load: nothing in the model makes {', '.join(map(repr, unknown[:5]))}.")
    return graph


class _Reader:
    def __init__(self, functions: Functions, external: ExternalData) -> None:
        self.functions, self.external = functions, external
        self.missing: Counter[tuple[str, str, int]] = Counter()
        self.count = 0

    def graph(self, proto: Any, versions: dict[str, int]) -> Graph:
        if proto.sparse_initializer:
            raise UnsupportedError("onnx.load: the model has sparse initializers, which pyconv doesn't read.")
        names = [each.name for each in (*proto.initializer, *proto.input, *proto.output)]
        _require_text(*names)
        if "" in names:
            raise InvalidModelError("onnx.load: an input, output or initializer of the model has no name.")
        constants = {tensor.name: array_of(tensor, self.external) for tensor in proto.initializer}
        # Before version 4 of the format initializers had to be inputs too.
        inputs = [_value(value) for value in proto.input if value.name not in constants]
        nodes: list[Node] = []
        for node in proto.node:
            self.add(node, versions, nodes, ())
        return Graph(inputs, [_value(value) for value in proto.output], nodes, constants)

    def add(self, proto: Any, versions: dict[str, int], nodes: list[Node], within: tuple[Any, ...]) -> None:
        """Appends a node, or the nodes of the function that it calls."""
        self.count += 1
        if self.count > _MOST_NODES:
            raise InvalidModelError(f"onnx.load: the model has more than {_MOST_NODES} nodes.")
        _require_text(proto.op_type, proto.domain, proto.name, *proto.input, *proto.output)
        domain = domain_of(proto)
        label = f"{proto.op_type} {proto.name!r}" if proto.name else f"{proto.op_type} making {list(proto.output)[:1]}"
        version = versions.get(domain)
        function = self.functions.own(proto)
        if function is None:
            if version is None:
                raise InvalidModelError(
                    f"onnx.load: {label}: the model imports no operator set {domain or 'ai.onnx'!r}."
                )
            if (found := registry.find(domain, proto.op_type, version)) is not None:
                attributes = {each.name: self.attribute(each, versions, label) for each in proto.attribute}
                node = Node(proto.op_type, found, list(proto.input), list(proto.output), attributes, label)
                found.check(label, node.inputs, attributes)
                nodes.append(node)
                return
            function = self.functions.standard(domain, proto.op_type, version)
        if function is None:
            self.missing[proto.op_type, domain, version or 0] += 1
            return
        key = (domain, proto.op_type, proto.overload if hasattr(proto, "overload") else "")
        if key in within or len(within) == _MOST_LEVELS:
            raise InvalidModelError(f"onnx.load: the function {proto.op_type!r} calls itself, or goes too deep.")
        body, imported = self.functions.body(function, proto, self.count)
        for inner in body:
            self.add(inner, versions | imported, nodes, (*within, key))

    def attribute(self, proto: Any, versions: dict[str, int], label: str) -> Any:  # noqa: PLR0911 - one for each kind
        kinds = onnx().AttributeProto
        _require_text(proto.name)
        if proto.ref_attr_name:
            raise InvalidModelError(f"onnx.load: {label}: an attribute refers to one of a function, outside of any.")
        if proto.type == kinds.FLOAT:
            return float(proto.f)
        if proto.type == kinds.INT:
            return int(proto.i)
        if proto.type == kinds.STRING:
            return _text(proto.s, label)
        if proto.type == kinds.TENSOR:
            return array_of(proto.t, self.external)
        if proto.type == kinds.GRAPH:
            return self.graph(proto.g, versions)
        if proto.type == kinds.FLOATS:
            return tuple(map(float, proto.floats))
        if proto.type == kinds.INTS:
            return tuple(map(int, proto.ints))
        if proto.type == kinds.STRINGS:
            return tuple(_text(item, label) for item in proto.strings)
        raise UnsupportedError(f"onnx.load: {label}: pyconv doesn't read the kind of the attribute {proto.name!r}.")


def _value(proto: Any) -> Value:
    kind = proto.type.WhichOneof("value")
    if kind is None:  # a subgraph need not say what it is given
        return Value(proto.name, None, None)
    if kind != "tensor_type":
        return Value(proto.name, kind, None)
    tensor = proto.type.tensor_type
    shape = None
    if tensor.HasField("shape"):
        # Old exporters write -1, or 0, where they mean any size.
        shape = tuple(
            (each.dim_value if each.dim_value > 0 else None) if each.HasField("dim_value") else each.dim_param or None
            for each in tensor.shape.dim
        )
    return Value(proto.name, dtype_of(tensor.elem_type) if tensor.elem_type else None, shape)


def _require_text(*names: Any) -> None:
    """Refuses names that aren't UTF-8, which protobuf hands over as bytes."""
    for name in names:
        if not isinstance(name, str):
            raise InvalidModelError(f"onnx.load: a name of the model isn't UTF-8: {name!r:.60}.")


def _text(item: bytes, label: str) -> str:
    try:
        return item.decode()
    except UnicodeDecodeError:
        raise InvalidModelError(f"onnx.load: {label}: a string attribute isn't UTF-8.") from None
