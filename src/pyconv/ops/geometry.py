"""Sizes, strides and pads as users write them, turned into tuples of integers. Touches no array."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

import numpy as np

from pyconv import config
from pyconv.arguments import ArgumentTypeError

Pads = tuple[tuple[int, int], ...]

_MOST_ELEMENTS = 2**54  # as in the core, a tensor has fewer than 2**57 bytes
_LARGEST = 2**31 - 1  # no window or step is longer, and products of two such numbers fit 64 bits


def integer(op: str, name: str, value: Any, minimum: int = 1, maximum: int = _LARGEST) -> int:
    """The argument `name` of `op` as an int: anything with `__index__`, but no bool and no float."""
    if type(value) is int and minimum <= value <= maximum:
        return value  # as it nearly always is, at a quarter of the cost of what follows
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise ArgumentTypeError(f"{op}: Expected an integer value for `{name}`. Received: {name}={value!r}.") from None
    if number < minimum == 1:
        raise ValueError(
            f"{op}: Invalid value for argument `{name}`. Expected a strictly positive value. Received {name}={value}. "
            f"`{name}` should be a positive integer."
        )
    if not minimum <= number <= maximum:
        raise ValueError(f"{op}: {name} must be in {minimum}..{maximum}. Received: {name}={value}.")
    return number


def int_tuple(op: str, name: str, value: Any, rank: int, minimum: int = 1) -> tuple[int, ...]:
    """The argument `name` of `op` as one integer for each of `rank` spatial axes.

    Args:
        op: the operation's name, for errors.
        name: the argument's name, for errors.
        value: an integer for all axes, or a sequence of `rank` integers.
        rank: the number of spatial axes.
        minimum: the smallest integer allowed.

    Raises:
        TypeError: if an element isn't an integer.
        ValueError: if there are not `rank` of them or one is out of range.

    Example:
    >>> from pyconv.ops.geometry import int_tuple
    >>> int_tuple("conv", "strides", 2, rank=3)
    (2, 2, 2)
    """
    items = tuple(value) if is_sequence(value) else (value,) * rank
    if len(items) == rank:
        try:
            return tuple(integer(op, name, item, minimum) for item in items)
        except ArgumentTypeError:
            raise ArgumentTypeError(_not_integers(op, name, value, rank)) from None
        except ValueError:
            wrong = {item for item in items if item < minimum}
            if not wrong:
                raise
            rule = "value > 0" if minimum == 1 else f"value >= {minimum}"
            raise ValueError(
                f"{_not_integers(op, name, value, rank)}, including values {wrong} that do not satisfy `{rule}`."
            ) from None
    raise ValueError(_not_integers(op, name, value, rank))


def _not_integers(op: str, name: str, value: Any, rank: int) -> str:
    return f"{op}: The `{name}` argument must be a tuple of {rank} integers. Received {name}={value!r}"


def axes_argument(op: str, axis: Any) -> tuple[int, ...]:
    """The argument `axis` of `op`, one axis or several, as they were given; no array is known yet that has them."""
    try:
        return tuple(integer(op, "axis", item, minimum=-_LARGEST) for item in (axis if is_sequence(axis) else (axis,)))
    except ArgumentTypeError:
        raise ArgumentTypeError(
            f"{op}: Invalid value for `axis` argument: expected an int or a list/tuple of ints. "
            f"Received: axis={axis!r}."
        ) from None


def axis_tuple(op: str, axis: Any, ndim: int, name: str = "axis") -> tuple[int, ...]:
    """The argument `axis` (or `name`) of `op` as sorted axes counted from the front; None means all of them.

    Example:
    >>> from pyconv.ops.geometry import axis_tuple
    >>> axis_tuple("mean", (-1, 1), ndim=4)
    (1, 3)
    """
    if axis is None:
        return tuple(range(ndim))
    axes = [integer(op, name, item, minimum=-_LARGEST) for item in (axis if is_sequence(axis) else (axis,))]
    if not all(-ndim <= item < ndim for item in axes):
        raise ValueError(
            f"{op}: {name} is out of bounds. All `{name}` values must be in the range [{-ndim}, {ndim}) of an array "
            f"that has {ndim} axes. Received: {name}={axis!r}."
        )
    if len({item % ndim for item in axes}) < len(axes):
        raise ValueError(f"{op}: Duplicate axes in an array of {ndim}. Received: {name}={axis!r}.")
    return tuple(sorted(item % ndim for item in axes))


def one_axis(op: str, axis: Any, ndim: int) -> int:
    """The argument `axis` of `op`, one axis alone, counted from the front.

    Example:
    >>> from pyconv.ops.geometry import one_axis
    >>> one_axis("concatenate", -1, ndim=4)
    3
    """
    if axis is None or (is_sequence(axis) and len(tuple(axis)) != 1):
        raise ArgumentTypeError(f"{op}: axis must be one integer. Received: axis={axis!r}.")
    return axis_tuple(op, axis, ndim)[0]


def data_format(op: str, value: Any) -> str:
    """The argument `data_format` of `op`; None stands for `pyconv.config.image_data_format()`."""
    found = config.image_data_format() if value is None else value
    if not isinstance(found, str) or found not in ("channels_last", "channels_first"):
        raise ValueError(
            f'{op}: data_format must be "channels_last" or "channels_first". Received: data_format={value!r}.'
        )
    return found


def settled_padding(op: str, padding: Any, rank: int) -> str | Pads:
    """The argument `padding` of `op`, checked, as "valid", "same" or one (before, after) pair an axis.

    Example:
    >>> from pyconv.ops.geometry import settled_padding
    >>> settled_padding("conv", [1, (0, 2)], rank=2)
    ((1, 1), (0, 2))
    """
    return _padding_mode(op, padding) or explicit_pads(op, "padding", padding, rank)


def resolve_pads(
    op: str,
    padding: Any,
    input_size: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> Pads:
    """How many zeros stand before and after each spatial axis.

    "same" is TensorFlow's SAME_UPPER: ceil(n / s) results an axis, and where the zeros don't divide evenly
    the larger half comes after.

    Args:
        op: the operation's name, for errors.
        padding: "valid", "same", an integer for every side, or one integer or (before, after) pair an axis.
        input_size: n, the size of each spatial axis.
        window: the size of the kernel or pool.
        strides: the step of the window.
        dilation: the distance between the window's elements, 1 where they touch.

    Raises:
        TypeError: if a pad isn't an integer.
        ValueError: if padding has another form or a pad is negative.

    Example:
    >>> from pyconv.ops.geometry import resolve_pads
    >>> resolve_pads("conv", "same", (6, 5), window=(3, 3), strides=(2, 2), dilation=(1, 1))
    ((0, 1), (1, 1))
    """
    mode = _padding_mode(op, padding)
    if mode == "valid":
        return ((0, 0),) * len(input_size)
    if mode == "same":
        totals = (
            max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            for n, k, s, d in zip(input_size, window, strides, dilation, strict=True)
        )
        return tuple((total // 2, total - total // 2) for total in totals)
    return explicit_pads(op, "padding", padding, len(input_size))


def output_size(
    op: str,
    padding: Any,
    input_size: Sequence[int | None],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> tuple[int | None, ...]:
    """How many results each spatial axis gives; an axis of unknown size (None) stays unknown.

    Arguments as in `resolve_pads`. Each axis gives floor((n + pads - (k - 1) d - 1) / s) + 1.

    Raises:
        ValueError: also if an axis is too short for a single window.

    Example:
    >>> from pyconv.ops.geometry import output_size
    >>> output_size("conv", "valid", (28, None), window=(3, 3), strides=(1, 1), dilation=(1, 1))
    (26, None)
    """
    known = [1 if n is None else n for n in input_size]
    pads = resolve_pads(op, padding, known, window, strides, dilation)
    sizes: list[int | None] = []
    for n, (before, after), k, s, d in zip(input_size, pads, window, strides, dilation, strict=True):
        size = None if n is None else (n + before + after - (k - 1) * d - 1) // s + 1
        if size is not None and (n == 0 or size < 1):
            raise ValueError(
                f"{op}: Computed output size would be zero or negative, so that the output would be empty: an axis "
                f"must hold at least one window. Received: input size={n}, window={k}, dilation={d} (spanning "
                f"{(k - 1) * d + 1}), pads={before}+{after}."
            )
        sizes.append(size)
    return tuple(sizes)


def require_addressable(op: str, shape: Sequence[int | None]) -> None:
    """Raises ValueError if a result of this shape couldn't be addressed: the core's bound, 2**57 bytes a tensor."""
    if math.prod(size for size in shape if size is not None) > _MOST_ELEMENTS:
        raise ValueError(f"{op}: the output would be too large to address, of shape {tuple(shape)}.")


def _padding_mode(op: str, padding: Any) -> str | None:
    if not isinstance(padding, str):
        return None
    if (mode := padding.lower()) not in ("valid", "same"):
        raise ValueError(
            f'{op}: padding must be "valid", "same", an integer, or an integer or (before, after) pair for each '
            f"spatial axis. Received: padding={padding!r}."
        )
    return mode


def explicit_pads(op: str, name: str, value: Any, rank: int) -> Pads:
    """The argument `name` of `op`, an integer for every side or an integer or pair an axis, as one pair an axis."""
    if not is_sequence(value):
        return ((integer(op, name, value, minimum=0),) * 2,) * rank
    if len(items := tuple(value)) != rank:
        raise ValueError(
            f"{op}: {name} must have one integer or (before, after) pair for each of {rank} spatial axes. "
            f"Received: {name}={value!r}."
        )
    pairs = (int_tuple(op, name, item, rank=2, minimum=0) for item in items)
    return tuple((before, after) for before, after in pairs)


def is_sequence(value: Any) -> TypeGuard[Iterable[Any]]:
    """Whether value is a list, tuple, array ... of several things: no text and no array without axes."""
    if type(value) is tuple or type(value) is int:
        return type(value) is tuple  # at a twentieth of the cost of asking whether it is Iterable
    return isinstance(value, Iterable) and not isinstance(value, str | bytes) and getattr(value, "ndim", 1) > 0
