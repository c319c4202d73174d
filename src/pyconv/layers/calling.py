"""How a layer is called: arrays are taken in, weights built for them, symbolic tensors noted. The base of `Layer`."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from pyconv import ops, symbolic, tree
from pyconv.changes import Changes
from pyconv.gradient import Array, record, recording
from pyconv.layers.inputs import are_several, has_arrays, of_any_batch, shape_of
from pyconv.operators import TracedArray, code, traced, value_of
from pyconv.ops.arrays import as_float
from pyconv.symbolic import KerasTensor, Node, Shape


class Calls:
    """A thread's calls: what layers inside a model, or a lone layer, add to the loss belongs to an outermost one."""

    depth = 0
    number = 0  # of the outermost call
    training: bool | None = None  # what the outermost layer was told; those inside follow it


class _Thread(threading.local):
    def __init__(self) -> None:
        self.calls = Calls()  # a plain object, for every look into a threading.local costs as much as ten into it


_thread = _Thread()
_numbers = itertools.count(1)


def calls() -> Calls:
    """The calls of this thread."""
    return _thread.calls


def _unbound(x: Array) -> None:
    """In the place of what no call has been bound to."""


class Called:
    """The call of a layer, and what is known of it: shapes, symbolic inputs and results. `Layer` is the other half."""

    _op: str  # how errors name the layer
    name: str
    dtype: str
    built: bool
    input_shape: Any
    inbound_nodes: list[Node]
    activity_regularizer: Any
    _input_dtype: np.dtype[Any]
    _passed_shape: Any
    _takes_training: ClassVar[bool] = False
    _trains_unless_told: ClassVar[bool] = False  # what that is where nobody has said anything
    _takes_mask: ClassVar[bool] = False
    _has_layers: ClassVar[bool] = False  # which are to know of the mode, and to whose model their losses belong
    _is_own: ClassVar[bool] = False  # of a user's, whose `call` may use Python's operators
    # `call` as it was written, where nothing is to be done around it unless a tape records.
    _plain_call: ClassVar[Callable[..., Any] | None] = None
    _build_arity: ClassVar[int] = 1  # how many shapes `build` takes
    # The last of `Changes` that a plain call saw, and what another one comes to until the next.
    _bound: tuple[int, Callable[[Array], Array | None]] = (-1, _unbound)

    def build(self, input_shape: Any) -> None:
        raise NotImplementedError

    def call(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def check_input_shape(self, shape: Any) -> None:
        raise NotImplementedError

    def add_loss(self, loss: Any) -> None:
        raise NotImplementedError

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Runs the layer on a batch, building it if need be.

        Args:
            inputs: real numbers of any dtype, converted to the layer's dtype. A list, tuple or dictionary of arrays is
                several inputs: `call` gets such a structure, `build` and `compute_output_shape` one of shapes.
                KerasTensors make the layer a step of a functional model.
            *args: further arguments of `call`, handed on as they are.
            training: whether the layer runs to be trained; Dropout asks for it. None: as the layer around it, and if
                there is none or it doesn't know, as `call` has it by default.
            **kwargs: further arguments of `call`; `mask` is left out where `call` doesn't take it.

        Raises:
            TypeError: if inputs aren't real numbers.
            ValueError: if their shape doesn't fit the layer.
        """
        if type(inputs) is np.ndarray and not (args or kwargs or recording()):
            # As most calls are, at a tenth of the cost of what follows, or a twentieth.
            seen, bound = self._bound
            if seen == Changes.latest and (y := bound(inputs)) is not None:
                return y
            if self.takes_as_it_is(inputs) and self._plain_call is not None and self.activity_regularizer is None:
                return self._call_plain(inputs)
        is_traced = recording() and code.is_own
        if type(inputs) is not np.ndarray or args or kwargs:
            if not self._takes_mask:
                kwargs.pop("mask", None)
            leaves = tree.flatten((inputs, args, kwargs))
            if any(isinstance(leaf, KerasTensor) for leaf in leaves):
                return self._call_symbolic(
                    inputs, args, kwargs if training is None else kwargs | {"training": training}
                )
            is_traced = is_traced or any(isinstance(leaf, TracedArray) for leaf in leaves)
            args, kwargs = tree.map_structure(value_of, (args, kwargs))
        x = self._taken("inputs", inputs)
        shape = x.shape if isinstance(x, np.ndarray) else tree.map_structure(shape_of, x)
        if not self.built or shape != self._passed_shape:
            self.check_input_shape(shape)
            if not self.built:
                self._build_for(symbolic.map_shapes(of_any_batch, shape), args, kwargs)
            self._passed_shape = shape
        y = self._run(x, args, kwargs, training)
        return tree.map_structure(traced, y) if is_traced else y

    def _call_plain(self, x: Array) -> Array:
        """Calls `call` and, if nothing has changed since the last call, keeps what the next ones come to."""
        seen = Changes.latest  # before anything is read: what changes meanwhile is looked at next time
        assert self._plain_call is not None
        y: Array = self._plain_call(x)
        again = self._bound[0] == seen
        self._bound = (seen, (self.bound_to(x) if again else None) or _unbound)
        return y

    def takes_as_it_is(self, x: Array) -> bool:
        """Whether `call` may have such an array at once, as the last was like it: nothing to convert or to check."""
        return type(x) is np.ndarray and x.shape == self._passed_shape and x.dtype == self._input_dtype

    def bound_to(self, x: Array) -> Callable[[Array], Array | None] | None:
        """What `call` does with arrays like this one as long as nothing changes; None if that is not a single run."""
        return None

    def _run(self, x: Any, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None) -> Any:
        """Calls `call`, with what it takes and in the mode that it is to run in."""
        calls = _thread.calls
        outer = calls.training
        if training is None:
            training = outer
        if self._takes_training:
            kwargs["training"] = self._trains_unless_told if training is None else bool(training)
        if calls.depth == 0:
            calls.number = next(_numbers)
        calls.depth += 1
        calls.training = training
        try:
            y = self._run_recorded(x, args, kwargs) if recording() else self.call(x, *args, **kwargs)
            if self.activity_regularizer is not None:
                for result in tree.flatten(y):
                    penalty = value_of(self.activity_regularizer(traced(result)))
                    self.add_loss(ops.multiply(penalty, 1 / max(1, len(result))))  # a sample's share
        finally:
            calls.depth -= 1
            calls.training = outer
        return y

    def _run_recorded(self, x: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls `call` while a tape records: Python's operators in somebody's own leave notes too."""
        with code.of(self._is_own):
            if not self._is_own:
                return self.call(x, *args, **kwargs)
            x, args, kwargs = tree.map_structure(traced, (x, args, kwargs))
            return tree.map_structure(value_of, self.call(x, *args, **kwargs))

    def _call_symbolic(self, inputs: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Notes the call and gives symbolic results."""
        shapes = tree.map_structure(shape_of, inputs)
        self.check_input_shape(shapes)
        if not self.built:
            self._build_for(shapes, args, kwargs)
        if type(self).compute_output_shape is Called.compute_output_shape or args or kwargs.keys() - {"training"}:
            outputs = symbolic.infer(self, (inputs, *args), kwargs)
        else:
            outputs = symbolic.tensors(self.compute_output_shape(shapes), self.dtype)
        return symbolic.connect(self, (inputs, *args), kwargs, outputs)

    def _build_for(self, shapes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Builds for the first argument's shape, and for the other arrays' where `build` takes several shapes."""
        others = [tree.map_structure(shape_of, value) for value in (*args, *kwargs.values()) if has_arrays(value)]
        self.build(shapes, *others[: self._build_arity - 1])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The result's shape for an input's shape or several inputs' shapes, None where a size is unknown."""
        given = symbolic.tensors(input_shape, self.dtype)
        return tree.map_structure(shape_of, symbolic.infer(self, (given,), {}))

    @property
    def input(self) -> Any:
        """The symbolic input of the layer's first call in a functional model, or the inputs."""
        inputs: Any = self._first_node("input").args[0]
        return inputs

    @property
    def output(self) -> Any:
        """The symbolic result of the layer's first call in a functional model, from which other models can begin."""
        return self._first_node("output").outputs

    def _first_node(self, what: str) -> Node:
        if not self.inbound_nodes:
            raise AttributeError(
                f"{self._op}: the layer {self.name!r} has never been called on a KerasTensor and thus has no defined "
                f"{what}."
            )
        return self.inbound_nodes[0]

    @property
    def output_shape(self) -> Shape | None:
        """The result's shape for the input's shape that the layer was built for."""
        return None if self.input_shape is None else self.compute_output_shape(self.input_shape)

    def _taken(self, name: str, value: Any) -> Any:
        """The argument `name` as an array of the layer's dtype, or a structure of such arrays."""
        if isinstance(value, dict):
            return {key: self._taken(f"{name}[{key!r}]", item) for key, item in value.items()}
        if are_several(value):
            return [self._taken(f"{name}[{i}]", item) for i, item in enumerate(value)]
        return self._cast(as_float(self._op, name, value))

    def _cast(self, x: Array) -> Array:
        if x.dtype == self._input_dtype:
            return x
        y = x.astype(self._input_dtype)
        before = x.dtype
        record(y, (x, lambda dy: dy.astype(before)))
        return y
