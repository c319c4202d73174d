"""Operators defined by other operators: by the model itself, or by ONNX where pyconv has no function for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyconv.onnx.package import onnx


def domain_of(proto: Any) -> str:
    """The domain of a node, function or import; ONNX' own has two names."""
    return "" if proto.domain == "ai.onnx" else str(proto.domain)


class Functions:
    """The functions of a model and of ONNX.

    Args:
        model: the ModelProto.
    """

    def __init__(self, model: Any) -> None:
        self._own = {(domain_of(each), each.name, getattr(each, "overload", "")): each for each in model.functions}

    def own(self, node: Any) -> Any:
        """The model's function that a node calls, None if it has none."""
        return self._own.get((domain_of(node), node.op_type, getattr(node, "overload", "")))

    def standard(self, domain: str, name: str, version: int) -> Any:
        """ONNX' definition of an operator by other operators, None if there is none or it depends on types."""
        defs = onnx().defs
        try:
            schema = defs.get_schema(name, version, domain)
        except (defs.SchemaError, TypeError):  # the latter for a version that no integer of C++ holds
            return None
        if not schema.has_function:
            return None
        function = schema.function_body
        for attribute in schema.attributes.values():
            if attribute.default_value.name:
                function.attribute_proto.append(attribute.default_value)
        return function

    def body(self, function: Any, call: Any, number: int) -> tuple[list[Any], dict[str, int]]:
        """The nodes of a function in the place of a call, and the operator sets that they mean.

        Args:
            function: the FunctionProto.
            call: the NodeProto.
            number: tells this call's names from those of others.
        """
        names = dict.fromkeys(function.input, "") | dict(zip(function.input, call.input, strict=False))
        names |= {mine: wanted for mine, wanted in zip(function.output, call.output, strict=False) if wanted}
        given = {each.name: each for each in call.attribute}
        defaults = {each.name: each for each in getattr(function, "attribute_proto", ())}
        prefix = f"{call.op_type}:{number}:"
        nodes = []
        for inner in function.node:
            node = onnx().NodeProto()
            node.CopyFrom(inner)
            _rename(node, names, prefix)
            _fill(node, defaults | given)
            nodes.append(node)
        return nodes, {domain_of(entry): entry.version for entry in function.opset_import}


def _rename(node: Any, names: dict[str, str], prefix: str) -> None:
    for field in (node.input, node.output):
        for place, name in enumerate(field):
            if name:
                field[place] = names.setdefault(name, prefix + name)
    for graph in _subgraphs(node):
        # What a subgraph names itself may stay, under the prefix; the rest comes from around it.
        for value in (*graph.input, *graph.output, *graph.initializer):
            value.name = names.setdefault(value.name, prefix + value.name)
        for inner in graph.node:
            _rename(inner, names, prefix)


def _fill(node: Any, given: dict[str, Any]) -> None:
    """Puts the call's attributes in the place of references to them."""
    kept = []
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            kept.append(attribute)
        elif attribute.ref_attr_name in given:
            filled = onnx().AttributeProto()
            filled.CopyFrom(given[attribute.ref_attr_name])
            filled.name = attribute.name
            kept.append(filled)
    del node.attribute[:]
    node.attribute.extend(kept)
    for graph in _subgraphs(node):
        for inner in graph.node:
            _fill(inner, given)


def _subgraphs(node: Any) -> Iterator[Any]:
    return (attribute.g for attribute in node.attribute if attribute.HasField("g"))
