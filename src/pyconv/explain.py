"""What a layer's convolution comes down to for one shape of input, in words. Computes nothing and times nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyconv import _core, activations, config
from pyconv.layers.layer import Layer, Shape, shape_tuple
from pyconv.ops.conv_plans import Activation, Direction, Problem, Request, Settled, forward, plan_by, plan_for, tuned
from pyconv.ops.conv_transpose import crops, problem_of

__all__ = ["explain"]


def explain(layer: Layer, input_shape: tuple[int, ...]) -> str:
    """Says how a layer, or each layer of a model, is computed for inputs of a shape; to be printed.

    For Conv, DepthwiseConv, SeparableConv, ConvTranspose and Dense: the shapes, the pads and their formula, the
    algorithm chosen and why those before it refused, the operations and the memory. A layer that isn't built is built.

    Args:
        layer: a layer or a `Sequential`.
        input_shape: the input's shape, batch axis included, without None: the choice depends on all sizes.

    Raises:
        TypeError: if layer isn't a layer or a size isn't an integer.
        ValueError: if a size is unknown or the shape doesn't fit the layer.

    Example:
    >>> import pyconv
    >>> layer = pyconv.layers.Conv2D(8, 3, strides=2, padding="same", name="stem")
    >>> print(pyconv.explain(layer, (1, 28, 28, 3)))
    stem (Conv2D), float32
      input      (1, 28, 28, 3), channels last
      kernel     (3, 3, 3, 8), strides (2, 2), dilation (1, 1), groups 1, bias (8,)
      output     (1, 14, 14, 8)
      pads       axis 1: "same", max((ceil(28 / 2) - 1) * 2 + (3 - 1) * 1 + 1 - 28, 0) = 1: 0 before, 1 after
                 axis 2: "same", max((ceil(28 / 2) - 1) * 2 + (3 - 1) * 1 + 1 - 28, 0) = 1: 0 before, 1 after
      sizes      axis 1: floor((28 + 0 + 1 - (3 - 1) * 1 - 1) / 2) + 1 = 14
                 axis 2: floor((28 + 0 + 1 - (3 - 1) * 1 - 1) / 2) + 1 = 14
      algorithm  direct on ...
                 depthwise refuses: more than one channel a group...
      work       84672 FLOPs, 2 for each of 14 * 14 * 3 * 3 * 3 * 8 multiply-adds
      memory     input 9408, kernel 864, bias 32, output 6272 bytes
                 packed weights ... bytes, workspace ... bytes with ... threads
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"explain: layer must be a layer. Received: {layer!r}.")
    shape = tuple(size for size in shape_tuple("explain", "input_shape", input_shape) if size is not None)
    if len(shape) != len(input_shape):
        raise ValueError(f"explain: input_shape must hold no None. Received: input_shape={input_shape}.")
    layer.build((None, *shape[1:]))
    layer.check_input_shape(shape)
    return "\n".join(_paragraphs(layer, shape))


def _paragraphs(layer: Any, shape: tuple[int, ...]) -> Iterator[str]:
    from pyconv.models import Sequential  # noqa: PLC0415 - models come late

    if isinstance(layer, Sequential):
        for part in layer.layers:
            yield from _paragraphs(part, shape)
            shape = _output_shape(part, shape)
        return
    title = f"{layer.name} ({type(layer).__name__}), {layer.dtype}"
    # By their attributes, for the classes' files are read when somebody wants such a layer.
    transposed, separable = hasattr(layer, "transposition"), hasattr(layer, "pointwise_kernel")
    if not transposed and not isinstance(getattr(layer, "convolution", None), Settled):
        yield f"{title}\n  {shape} -> {_output_shape(layer, shape)}, no convolution"
        return
    if transposed:
        yield "\n".join([title, *_transposed(layer, shape)])
        return
    bias_shape = None if layer.bias is None else layer.bias.shape
    activation = activations.fused(layer.activation) or "linear"
    if separable:
        lines = _convolution(layer.convolution, layer.depthwise_kernel.shape, None, "linear", layer.dtype, shape)
        yield "\n".join([title, *lines])
        output_shape, kernel_shape = layer.compute_output_shape(shape), layer.pointwise_kernel.shape
        shape = _known(layer.with_spatial(output_shape, layer.spatial(output_shape), kernel_shape[-2]))
        one, title = (1,) * layer.rank, "  followed by"
        settled = Settled("conv", one, "valid", one, layer.convolution.channels_first)
    else:
        settled, kernel_shape = layer.convolution, layer.kernel.shape
    yield "\n".join([title, *_convolution(settled, kernel_shape, bias_shape, activation, layer.dtype, shape)])


def _convolution(
    settled: Settled,
    kernel_shape: tuple[int, ...],
    bias_shape: tuple[int, ...] | None,
    activation: Activation,
    dtype_name: str,
    shape: tuple[int, ...],
) -> Iterator[str]:
    x_shape = (shape[0], *shape[2:], shape[1]) if settled.channels_first else shape
    shapes, dtype = (x_shape, kernel_shape, bias_shape), np.dtype(dtype_name)
    problem, plan, last = forward(Request(_core.get_isa(), config.get_precision(), settled, dtype, *shapes, activation))
    output_shape = (last[0], last[-1], *last[1:-1]) if settled.channels_first else last
    yield from _arrays(shape, kernel_shape, bias_shape, output_shape, problem, settled.channels_first, activation)
    if settled.op != "dense":  # whose line of pixels has a window of one
        first_axis = 2 if settled.channels_first else 1
        yield from _listed("pads", _pads(settled, problem, first_axis))
        yield from _listed("sizes", _sizes(problem, plan.output_size, first_axis))
    yield from _listed("algorithm", _choice(plan, "forward", problem))
    yield from _costs(problem, plan, shape, kernel_shape, bias_shape, output_shape)


def _transposed(layer: Any, shape: tuple[int, ...]) -> Iterator[str]:
    settled, kernel_shape = layer.transposition, layer.kernel.shape
    x_shape = (shape[0], *shape[2:], shape[1]) if settled.channels_first else shape
    activation = activations.fused(layer.activation) or "linear"
    problem = problem_of(config.get_precision(), settled, np.dtype(layer.dtype), x_shape, kernel_shape, activation)
    plan = plan_for(_core.get_isa(), "backward_data", problem)
    bias_shape, output_shape = None if layer.bias is None else layer.bias.shape, _output_shape(layer, shape)
    yield from _arrays(shape, kernel_shape, bias_shape, output_shape, problem, settled.channels_first, activation)
    cut = crops(settled, problem.kernel_size)
    axes = zip(x_shape[1:-1], problem.kernel_size, problem.strides, problem.dilation, cut, strict=True)
    yield from _listed(
        "sizes",
        (
            f"axis {axis}: ({n} - 1) * {s} + ({k} - 1) * {d} + 1, less {before} before and {after} after = "
            f"{(n - 1) * s + (k - 1) * d + 1 - before - after}"
            for axis, (n, k, s, d, (before, after)) in enumerate(axes, 2 if settled.channels_first else 1)
        ),
    )
    yield "  as         the data gradient of a convolution from the output to the input"
    yield from _listed("algorithm", _choice(plan, "backward_data", problem))
    yield from _costs(problem, plan, shape, kernel_shape, bias_shape, output_shape)


def _arrays(
    shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    bias_shape: tuple[int, ...] | None,
    output_shape: tuple[int, ...],
    problem: Problem,
    channels_first: bool,
    activation: Activation,
) -> Iterator[str]:
    yield f"  input      {shape}, channels {'first' if channels_first else 'last'}"
    bias = "no bias" if bias_shape is None else f"bias {bias_shape}"
    yield (
        f"  kernel     {kernel_shape}, strides {problem.strides}, dilation {problem.dilation}, "
        f"groups {problem.groups}, {bias}"
    )
    yield f"  output     {output_shape}" + ("" if activation == "linear" else f", {activation} in the same pass")


def _costs(
    problem: Problem,
    plan: _core.ConvPlan,
    shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    bias_shape: tuple[int, ...] | None,
    output_shape: tuple[int, ...],
) -> Iterator[str]:
    factors = (problem.batch, *plan.output_size, *problem.kernel_size, plan.weights_shape[-2], problem.out_channels)
    product = " * ".join(str(factor) for factor in factors if factor != 1) or "1"
    yield f"  work       {plan.flops} FLOPs, 2 for each of {product} multiply-adds"
    arrays = {"input": shape, "kernel": kernel_shape, "bias": bias_shape or (0,), "output": output_shape}
    itemsize = np.dtype(problem.dtype).itemsize
    sizes = ", ".join(f"{name} {math.prod(sizes) * itemsize}" for name, sizes in arrays.items())
    yield f"  memory     {sizes} bytes"
    yield (
        f"  {'':<11}packed weights {plan.packed_bytes} bytes, workspace {plan.workspace_bytes} bytes with "
        f"{_core.get_num_threads()} threads"
    )


def _pads(settled: Settled, problem: Problem, first_axis: int) -> Iterator[str]:
    axes = zip(problem.input_size, problem.kernel_size, problem.strides, problem.dilation, problem.pads, strict=True)
    for axis, (n, k, s, d, (before, after)) in enumerate(axes, first_axis):
        formula = settled.padding if isinstance(settled.padding, str) else "given"
        if settled.padding == "same":
            formula = f'"same", max((ceil({n} / {s}) - 1) * {s} + ({k} - 1) * {d} + 1 - {n}, 0) = {before + after}'
        yield f"axis {axis}: {formula}: {before} before, {after} after"


def _sizes(problem: Problem, output_size: tuple[int, ...], first_axis: int) -> Iterator[str]:
    axes = zip(
        problem.input_size,
        problem.kernel_size,
        problem.strides,
        problem.dilation,
        problem.pads,
        output_size,
        strict=True,
    )
    for axis, (n, k, s, d, (before, after), o) in enumerate(axes, first_axis):
        yield f"axis {axis}: floor(({n} + {before} + {after} - ({k} - 1) * {d} - 1) / {s}) + 1 = {o}"


def _choice(plan: _core.ConvPlan, direction: Direction, problem: Problem) -> Iterator[str]:
    isa = _core.get_isa()
    chosen = f"{plan.algorithm} on {isa}"
    if tuned((isa, direction, problem)):
        plan = plan_by(isa, direction, problem, "")
        chosen += f", tuned: measured to be faster than {plan.algorithm}, which would be chosen"
    yield chosen
    for name, reason in plan.refusals:
        yield f"{name} refuses: {reason}"


def _listed(title: str, lines: Iterator[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        yield f"  {title if index == 0 else '':<11}{line}"


def _output_shape(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    return _known(layer.compute_output_shape(shape))


def _known(shape: Shape) -> tuple[int, ...]:
    return tuple(size for size in shape if size is not None)
