"""tune: the fastest algorithms for a layer's or model's convolutions on this machine, found by timing them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyconv import _core, config, symbolic, tree
from pyconv.gradient import Tape
from pyconv.layers.layer import Layer, shape_tuple
from pyconv.locks import Lock
from pyconv.ops.conv_plans import Key, noting, plan_by
from pyconv.program.blocks import takes_batch
from pyconv.program.graph import Graph
from pyconv.program.interpreter import direction_of, plans_of, problem_of
from pyconv.program.kinds import Conv, ConvTranspose, convolutions
from pyconv.program.lowering import NotLoweredError, can_inline, lower
from pyconv.program.lowering.registry import Lowering
from pyconv.program.passes import simplify
from pyconv.tuning.measuring import OutOfTimeError, Wanted, candidates, measured
from pyconv.tuning.remembered import remember
from pyconv.tuning.results import Trial, Tuning

_one_at_a_time = Lock()  # two would measure each other


def tune(layer: Layer, x: Any, seconds: float = 60.0) -> Tuning:
    """Times the algorithms for each convolution of a layer or model, and uses the fastest from now on.

    Algorithms are otherwise chosen by formulas of shapes and caches, which no machine fits exactly. This tries all
    that compute the convolution at the present precision (`pyconv.set_precision`), with the present instruction set and
    number of threads, forward only. One takes the place of the planned one if it is at least 3 % faster in two series
    of measurements. The choice holds for all convolutions of that problem in this process, whoever asks for them:
    layers, programs, and the forward half of training. `pyconv.explain` and `model.plan` show it; `pyconv.tuning.save`
    writes all choices to a file, `load` reads them, `clear` forgets them.

    Algorithms round differently, so a choice may change the last bits of results, within what the precision allows.
    What is promised of equal bits still holds as long as nothing is tuned, loaded or cleared in between: for any number
    of threads, and for a batch and its images when a model predicts by a program. Two processes agree to the bit only
    if they have the same choices, as of one file.

    Convolutions that a program joins with their neighbours keep their algorithms: their time alone would say little. So
    do products that take whole batches, whose bits must not depend on the batch. Tune a model before `freeze`, which
    drops the weights that another algorithm needs.

    Args:
        layer: the layer or model, which is built if need be. A model inside a model of one's own is tuned by itself. Of
            a model what `predict` computes is measured first, then what a call of each layer does.
        x: inputs, or their shape with the batch axis: the size of the batch that will be predicted, for threads share a
            single image, but take images of their own where there are enough.
        seconds: how long it may take. When time is up, or on Ctrl-C, what has been measured counts, and the rest is as
            it was; a run that has begun is finished.

    Returns:
        What was tried and chosen; printed it is a table.

    Raises:
        TypeError: if layer isn't a layer, or x neither numbers nor sizes.
        ValueError: if x doesn't fit the layer, or seconds is negative.

    Example:
    >>> import pyconv
    >>> from pyconv import Sequential, layers
    >>> model = Sequential([layers.Input((16, 16, 8)), layers.Conv2D(8, 3, activation="relu", name="conv")])
    >>> tuning = pyconv.tune(model, (1, 16, 16, 8), seconds=5)
    >>> print(tuning)
    convolution  planned  chosen  gain  milliseconds of each
    --dir=FWD_B --dt=f32 mb1g1ic8oc8_ih16oh14kh3sh1dh0ph0_iw16ow14kw3sw1dw0pw0 relu ...
    ...
    >>> pyconv.tuning.save("tuned.json")  # and load() it in the process that serves
    >>> pyconv.tuning.clear()
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"tune: layer must be a layer or a model. Received: {layer!r}.")
    if not seconds >= 0:
        raise ValueError(f"tune: seconds must not be negative. Received: seconds={seconds!r}.")
    deadline = time.monotonic() + seconds
    trials: list[Trial] = []
    complete = False
    with _one_at_a_time:
        try:
            for wanted in _all_wanted(layer, _inputs(layer, x)):
                plans = candidates(wanted.key)
                if len(plans) == 1:
                    continue
                trial = measured(wanted, plans, deadline)
                if _core.get_isa() != trial.isa:  # another thread has chosen another
                    break
                trials.append(trial)
            else:
                complete = True
        except (OutOfTimeError, KeyboardInterrupt):
            pass
        remember({trial[:3]: trial.chosen if trial.chosen != trial.planned else "" for trial in trials})
    return Tuning(trials, complete)


def _inputs(layer: Layer, x: Any) -> Any:
    """The arrays, normally distributed ones where shapes are given."""
    sizes = tree.flatten(x)
    if not isinstance(x, list | tuple | dict) or not all(type(size) is int or size is None for size in sizes):
        return x
    rng = np.random.default_rng(0)
    if None in sizes:
        raise ValueError(f"tune: all sizes of a shape must be known. Received: x={x!r}.")

    def array(shape: Any) -> Any:
        known = [size for size in shape_tuple("tune", "x", shape) if size is not None]
        return rng.standard_normal(known).astype(layer.dtype)

    return symbolic.map_shapes(array, x)


def _all_wanted(layer: Layer, x: Any) -> Iterator[Wanted]:
    """What the layer's program asks for and then what its call does, the most work first, each plan once."""
    with Tape([]), noting() as asked:  # nothing that was kept serves under a tape
        layer(x)
    weights = sum(weight.value.nbytes for weight in layer.weights)
    alone, joined = _of_program(layer, x)
    wanted = [(key, images) for keys, images in (alone, (list(asked.algorithms), 1)) for key in _by_work(keys)]
    for key, images in wanted:
        if key not in joined:
            joined.add(key)
            yield Wanted(key, images, weights)


def _by_work(keys: list[Key]) -> list[Key]:
    work = {key: plan_by(*key, "").flops for key in keys}
    return sorted((key for key in keys if work[key]), key=lambda key: -work[key])


def _of_program(model: Any, x: Any) -> tuple[tuple[list[Key], int], set[Key]]:
    """The plans of a program's convolutions, the images that threads share, and the plans to be left as they are."""
    keys, joined = list[Key](), set[Key]()
    if not can_inline(model) or not config.get_programs():
        return (keys, 1), joined
    arrays = model._flat_inputs(model._taken("x", x))
    graph = _graph(model, tuple(array.shape[1:] for array in arrays))
    images = max(1, min(len(arrays[0]), _core.get_num_threads()))
    for node in graph.nodes if graph else ():
        x_shape = 1, *node.inputs[0].shape
        kind = node.kind
        if isinstance(kind, Conv | ConvTranspose) and not takes_batch(node):
            keys.append((_core.get_isa(), direction_of(kind), problem_of(kind, x_shape)))
        elif convolutions(kind):
            with noting() as asked:
                plans_of(kind, x_shape)
            joined.update(asked.algorithms)
    return (keys, images), joined


def _graph(model: Any, samples: tuple[tuple[int, ...], ...]) -> Graph | None:
    try:
        graph = lower(model, list(samples), Lowering())
        simplify(graph)
        return graph
    except (NotLoweredError, ValueError, TypeError):
        return None  # it runs layer by layer
