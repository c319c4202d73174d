"""The programs of one model: made when a batch of a new shape comes, kept while nothing they were made of changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from pyconv import _core, config
from pyconv.changes import Changes
from pyconv.gradient import Array, recording
from pyconv.layers.calling import calls
from pyconv.layers.layer import Layer
from pyconv.locks import Lock
from pyconv.ops.arrays import checked_out
from pyconv.ops.conv_plans import Asked, noting
from pyconv.program.building import Compiled, UnforeseenError
from pyconv.program.footprint import Footprint, footprint
from pyconv.program.freezing import FrozenVariable, freeze
from pyconv.program.lowering import NotLoweredError, can_inline, lower
from pyconv.program.lowering.registry import Lowering
from pyconv.program.passes import simplify
from pyconv.variable import Variable

# Programs that a model keeps, each with packed weights of its own, as large as the weights: four sizes of images, as
# many as a Variable keeps packed copies for. Each serves batches of any size.
KEPT = 4

_ticks = itertools.count()
_Key = tuple[tuple[int, ...], ...]


class Entry:
    """A program for samples of certain shapes, None where the model must run layer by layer."""

    def __init__(self, compiled: Compiled | None, sources: Lowering, asked: Asked) -> None:
        self.compiled = compiled
        self._asked = asked
        self.used = next(_ticks)
        self.variables, self.called = sources.variables, sources.called
        self._variables = [(variable, variable.version) for variable in sources.variables.values()]
        self._layers = [(layer, layer._edits) for layer in sources.layers]
        self._graphs = sources.models

    def is_current(self) -> bool:
        """Whether all that the program was made of is as it was."""
        return (
            self._asked.is_current()
            and all(variable.version == version for variable, version in self._variables)
            and all(layer._edits == edits for layer, edits in self._layers)
            and all(can_inline(model) and model._graph is graph for model, graph in self._graphs)
        )


class Programs:
    """The programs of one model; any number of threads may ask for them at once."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lock = Lock()
        self._entries: dict[_Key, Entry] = {}
        self._seen = -1  # the latest change that was looked at
        self._settings: Any = None
        # What the last call comes to when it is made again, of which entry, after which change; see BoundRun.
        self._bound: tuple[int, Entry | None, Callable[[Array], Array | None]] = (-1, None, _unbound)

    def run_one(self, x: Array, training: bool | None, out: Array | None = None) -> Array | None:
        """A model's result for one array, by the shortest way; None where that isn't known to be right."""
        latest = Changes.latest
        if self._seen != latest or recording() or (training is None and calls().training):
            return None
        seen, entry, run = self._bound
        if seen == latest and entry is not None and out is None and (y := run(x)) is not None:
            entry.used = next(_ticks)
            return y
        if not _is_batch(x):
            return None
        entry = self._entries.get((x.shape[1:],))
        if entry is None or entry.compiled is None or not entry.compiled.in_core:
            return None
        entry.used = next(_ticks)
        compiled = entry.compiled
        if out is None:
            self._bound = latest, entry, compiled.bound(x)
        else:
            checked_out(self._model._op, out, (len(x), *compiled.graph.outputs[0].shape), x.dtype, x)
        return compiled.run_one(x, out)

    def run(self, arrays: list[Any]) -> list[Array] | None:
        """The flat results for arrays that came through the model's inputs; None where the layers must run."""
        if recording() or calls().training or not all(_is_batch(x) for x in arrays):
            return None
        if any(len(x) != len(arrays[0]) for x in arrays):
            return None
        entry = self.entry(tuple(x.shape[1:] for x in arrays))
        if entry.compiled is None:
            return None
        try:
            return entry.compiled.run(arrays)
        except UnforeseenError:
            entry.compiled = None
            return None

    def has_any(self) -> bool:
        """Whether there is a program, made of what is still as it was."""
        return any(entry.compiled and entry.is_current() for entry in self._entries.values())

    def freeze(self) -> None:
        """Drops the weights that programs have packed; those that a stage or call still reads stay."""
        with self._lock:
            kept: set[int] = set()
            packed: dict[int, Variable] = {}
            for entry in self._entries.values():
                if entry.compiled is not None:
                    packed |= entry.variables
                    kept |= {id(base_of(array)) for array in entry.compiled.unpacked()}
                    called = [layer for layer in entry.called if isinstance(layer, Layer)]
                    kept |= {id(base_of(weight.value)) for layer in called for weight in layer.weights}
            for variable in packed.values():
                if not isinstance(variable, FrozenVariable) and id(base_of(variable.value)) not in kept:
                    freeze(variable)

    def entry(self, samples: _Key) -> Entry:
        """The entry for samples of these shapes, made if need be."""
        with self._lock:
            seen = Changes.latest  # before anything is read: what changes meanwhile is looked at next time
            if seen != self._seen:
                settings = _core.get_isa(), config.get_precision(), config.image_data_format(), config.epsilon()
                if settings != self._settings:
                    self._entries = {}
                self._entries = {key: entry for key, entry in self._entries.items() if entry.is_current()}
                self._bound = -1, None, _unbound
                self._settings, self._seen = settings, seen
            entry = self._entries.get(samples)
            if entry is None:
                if len(self._entries) >= KEPT:
                    del self._entries[min(self._entries, key=lambda key: self._entries[key].used)]
                entry = self._entries[samples] = make(self._model, samples)
            entry.used = next(_ticks)
            return entry


def compiled_for(op: str, model: Any, samples: _Key) -> Compiled:
    """The model's program for samples of these shapes; ValueError where its layers run one by one."""
    programs: Programs = model._program_cache()
    found = programs.entry(samples).compiled if config.get_programs() else None
    if found is None:
        raise ValueError(
            f"{op}: the model {model.name!r} has no program, its layers run one by one: it isn't made of layers or "
            f"symbolic tensors of float32 with the batch axis first, a layer refuses the shape, or programs are "
            f"switched off. Received: samples of shapes {list(samples)}."
        )
    return found


def footprint_of(model: Any, samples: _Key, batch: int) -> Footprint | None:
    """The memory that the model's program needs for a batch of such samples, None where the layers will run."""
    try:
        graph = lower(model, list(samples), Lowering())
        simplify(graph)
        return footprint(graph, batch)
    except (NotLoweredError, ValueError, TypeError):
        return None


def make(model: Any, samples: _Key) -> Entry:
    """A program for samples of these shapes; an entry without one where the model must run layer by layer."""
    sources = Lowering()
    with noting() as asked:
        try:
            with np.errstate(all="ignore"):
                graph = lower(model, list(samples), sources)
                simplify(graph)
                return Entry(Compiled(graph), sources, asked)
        except (NotLoweredError, ValueError, TypeError):
            # What a layer refuses it refuses again, in its own words, when the layers run.
            return Entry(None, sources, asked)


def base_of(array: Array) -> Array:
    """The array whose memory it is."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _unbound(x: Array) -> None:
    """In the place of what no call has been bound to."""


def _is_batch(x: Any) -> bool:
    return type(x) is np.ndarray and x.dtype == np.float32 and x.ndim > 0 and len(x) > 0
