"""How much memory a model needs at a batch size: counted on batches of one and two samples. Measures nothing.

Every result of an operation is as large as a constant plus a multiple of the batch, so that two small runs tell the
sizes at any batch, and nothing large is ever allocated for the answer. A run at which a tape watches gives three
things: the bytes of results alive after each operation, what the gradient functions hold, and the convolutions, whose
plans know their workspaces. Where the model predicts by a program, that knows what it needs.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from pyconv import _core, config, ops, random, symbolic, tree
from pyconv.gradient import Array, Link, PullBack, Tape
from pyconv.layers.layer import Layer
from pyconv.ops.conv_plans import Direction, Problem, plan_for
from pyconv.ops.geometry import integer
from pyconv.program.cache import footprint_of
from pyconv.program.footprint import Footprint

_INFERENCE: tuple[Direction, ...] = ("forward",)
_TRAINING: tuple[Direction, ...] = ("forward", "backward_data", "backward_weights")


class MemoryPlan(NamedTuple):
    """Bytes that a model needs at a batch size; printed as a table."""

    batch_size: int
    weights: int  # all of them
    packed: int  # copies in the order that convolutions read, kept between calls of predict
    inference_activations: int  # results alive at once, at most, while it predicts; of a program its arena among them
    inference_workspace: int  # the largest scratch memory of a convolution
    kept_activations: int  # what gradients need, at the end of the forward pass of a training step
    weight_gradients: int  # at the end of the step
    activations_and_gradients: int  # the largest sum of what is kept of the first and there of the second, at any time
    training_workspace: int

    @property
    def inference(self) -> int:
        """The sum while the model predicts."""
        return self.weights + self.packed + self.inference_activations + self.inference_workspace

    @property
    def training(self) -> int:
        """The sum in a training step, without the optimizer's state: the trainable weights once or twice."""
        return self.weights + self.activations_and_gradients + self.training_workspace

    def __str__(self) -> str:
        lines = [
            ("weights", self.weights),
            ("inference", self.inference),
            ("  packed weights", self.packed),
            ("  activations", self.inference_activations),
            ("  workspace", self.inference_workspace),
            ("training, without the optimizer's state", self.training),
            ("  activations kept for gradients", self.kept_activations),
            ("  gradients of weights", self.weight_gradients),
            ("  activations and all gradients, at most", self.activations_and_gradients),
            ("  workspace", self.training_workspace),
        ]
        rows = [f"{name:<44}{size / 2**20:10.1f} MiB" for name, size in lines]
        return "\n".join([f"a batch of {self.batch_size}", *rows])


def memory_plan(model: Layer, batch_size: int) -> MemoryPlan:
    """What a model will need; see `Model.memory_plan`."""
    op = f"{model._op}.memory_plan"
    batch_size = integer(op, "batch_size", batch_size)
    if not model._is_all_built() or model.input_shape is None:
        raise ValueError(f"{op}: build the model {model.name!r} first.")
    if any(None in shape[1:] for shape in symbolic.flat_shapes(model.input_shape)):
        raise ValueError(f"{op}: all sizes of the input must be known. Received: input_shape={model.input_shape}.")
    with _left_alone(model):
        one, two = (_Trace(model, batch) for batch in (1, 2))

    def at_batch(first: Any, second: Any) -> Any:
        return np.asarray(first) + (batch_size - 1) * (np.asarray(second) - first)

    problems = [_extended(*pair, batch_size) for pair in zip(one.problems, two.problems, strict=True)]
    samples = (shape[1:] for shape in symbolic.flat_shapes(model.input_shape))
    known = tuple(tuple(size for size in sample if size is not None) for sample in samples)
    predicting = footprint_of(model, known, batch_size) if config.get_programs() else None
    if predicting is None:  # layer by layer
        predicting = Footprint(
            int(at_batch(one.predicting, two.predicting).max(initial=0)),
            sum(plan_for(_core.get_isa(), "forward", problem).packed_bytes for problem in problems),
            _workspace(problems, _INFERENCE),
        )
    return MemoryPlan(
        batch_size,
        sum(weight.value.nbytes for weight in model.weights),
        predicting.packed,
        predicting.activations,
        predicting.workspace,
        int(at_batch(one.held[-1:], two.held[-1:]).sum()),
        sum(weight.value.nbytes for weight in model.trainable_weights),
        int(at_batch(one.training, two.training).max(initial=0)),
        _workspace(problems, _TRAINING),
    )


@contextlib.contextmanager
def _left_alone(model: Layer) -> Iterator[None]:
    """Undoes what a run as in training changes: moving averages, and the state of random numbers."""
    values = [(weight, weight.numpy()) for weight in model.non_trainable_weights]
    layers = _inside(model)
    generators = {
        id(g): g for g in (random.generator(), *(getattr(layer, "_generator", None) for layer in layers)) if g
    }
    states = [(generator, generator.bit_generator.state) for generator in generators.values()]
    try:
        yield
    finally:
        for weight, value in values:
            if not np.array_equal(weight.value, value, equal_nan=True):
                weight.assign(value)
        for generator, state in states:
            generator.bit_generator.state = state


def _inside(layer: Layer) -> Iterator[Layer]:
    yield layer
    for part in layer._parts():
        yield from _inside(part)


class _Trace:
    """What one run over a batch of ones shows, as bytes for each operation."""

    def __init__(self, model: Layer, batch: int) -> None:
        inputs = symbolic.map_shapes(lambda shape: np.ones((batch, *shape[1:]), model.dtype), model.input_shape)
        with _Meter() as meter:
            model(inputs, training=False)
        self.predicting = meter.series
        weights = [weight.value for weight in model.trainable_weights]
        with _Meter() as meter, _SizedTape(weights) as tape:
            results = [ops.sum(y) for y in tree.flatten(model(inputs, training=True))]
            total = functools.reduce(ops.add, results)
        del results, total
        self.problems: list[Problem] = []
        self.held = self._held(tape, {id(_root(array)) for array in weights})
        self.training = meter.series + self._backward(tape)

    def _held(self, tape: _SizedTape, weights: set[int]) -> list[int]:
        """Bytes that gradient functions hold up to each note beside weights, each array where it is held first."""
        seen, total, found = set(weights), 0, []
        for note in tape._notes:
            things = list(_contents([pull_back for _, pull_back in note.links]))
            problems = (thing for thing in things if isinstance(thing, Problem))
            # Once for a note, whose functions may hold it with the activation and without.
            linear = (problem._replace(activation="linear", negative_slope=0.0) for problem in problems)
            self.problems += dict.fromkeys(linear)
            for root in (_root(thing) for thing in things if isinstance(thing, np.ndarray)):
                if id(root) not in seen:
                    seen.add(id(root))
                    total += root.nbytes
            found.append(total)
        return found

    def _backward(self, tape: _SizedTape) -> list[int]:
        """Bytes alive at each note when it is played back: what is still held, and the gradients that there are."""
        gradients = {note.output for note in tape._notes[-1:]}
        series = []
        for note, held in zip(reversed(tape._notes), reversed(self.held), strict=True):
            gradients |= {number for number, _ in note.links}
            series.append(held + sum(tape.sizes[number] for number in gradients))
            gradients.discard(note.output)
        return series


class _Meter(Tape):
    """Counts the bytes of results that are alive after each operation; notes nothing."""

    def __init__(self) -> None:
        super().__init__(())
        self.series: list[int] = []
        self._alive: dict[int, tuple[int, weakref.ref[Array]]] = {}

    def _record(self, output: Array, links: tuple[Link, ...]) -> None:
        root, alive = _root(output), self._alive
        inputs = {id(_root(array)) for array, _ in links}
        if (key := id(root)) not in alive and (key not in inputs or root.base is None):
            alive[key] = root.nbytes, weakref.ref(root, functools.partial(alive.pop, key))
        self.series.append(sum(size for size, _ in alive.values()))


class _SizedTape(Tape):
    """Knows how large the results are that its notes number."""

    def __init__(self, watch: list[Array]) -> None:
        super().__init__(watch)
        self.sizes = {number: array.nbytes for array in watch if (number := self._numbers.get(array)) is not None}

    def _record(self, output: Array, links: tuple[Link, ...]) -> None:
        super()._record(output, links)
        if (number := self._numbers.get(output)) is not None:
            self.sizes[number] = output.nbytes


def _root(array: Array) -> Array:
    """The array whose memory it is."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _contents(functions: list[Callable[..., Any]]) -> Iterator[Any]:
    """Arrays and problems of convolutions that functions hold in closures, defaults, arguments and attributes."""
    stack: list[Any] = list(reversed(functions))
    seen: set[int] = set()
    while stack:
        thing = stack.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray | Problem):
            yield thing
        elif isinstance(thing, FunctionType):
            stack += [cell.cell_contents for cell in thing.__closure__ or ()]
            stack += thing.__defaults__ or ()
        elif isinstance(thing, functools.partial):
            stack += [thing.func, *thing.args, *thing.keywords.values()]
        elif isinstance(thing, PullBack):
            stack += vars(thing).values()
        elif isinstance(thing, list | tuple | dict):
            stack += tree.flatten(thing) if isinstance(thing, dict) else thing


def _extended(one: Problem, two: Problem, batch: int) -> Problem:
    """The problem at another batch; that of Dense has its samples in a line of pixels."""
    sizes = zip(one.input_size, two.input_size, strict=True)
    return one._replace(
        batch=one.batch + (batch - 1) * (two.batch - one.batch),
        input_size=tuple(a + (batch - 1) * (b - a) for a, b in sizes),
    )


def _workspace(problems: list[Problem], directions: tuple[Direction, ...]) -> int:
    plans = (plan_for(_core.get_isa(), direction, problem) for problem in problems for direction in directions)
    return max((plan.workspace_bytes for plan in plans), default=0)
