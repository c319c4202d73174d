"""Operations against torch in float64 on normal numbers, forward and gradients: a second truth beside ours.

Both add up at most a few hundred products near 1 in float64: 1e-12 leaves a factor of a hundred over rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from arrays import Array, normal
from pyconv import ops
from pyconv.gradient import Tape

TOLERANCE = {"rtol": 1e-12, "atol": 1e-12}
SIZES = {1: (11,), 2: (9, 8), 3: (6, 5, 7)}
WINDOWS = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}


def compare(
    torch: ModuleType, arrays: list[Array], ours: Callable[..., Array], theirs: Callable[..., Any], isa: str
) -> None:
    """Channels first everywhere, as torch has them: y and all gradients of sum(y * upstream)."""
    with Tape(arrays) as tape:
        y = ours(*arrays)
    upstream = normal(np.random.default_rng(0), y.shape, np.float64)
    leaves = [torch.from_numpy(array.copy()).requires_grad_() for array in arrays]
    right = theirs(*leaves)
    right.backward(torch.from_numpy(upstream))
    np.testing.assert_allclose(y, right.detach().numpy(), **TOLERANCE)
    for gradient, leaf in zip(tape.gradient(y, upstream), leaves, strict=True):
        np.testing.assert_allclose(gradient, leaf.grad.numpy(), **TOLERANCE)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize(("stride", "dilation", "pad"), [(1, 1, 0), (2, 1, 1), (1, 2, 2), (2, 2, 1)])
def test_conv(
    rank: int, groups: int, stride: int, dilation: int, pad: int, torch: ModuleType, rng: np.random.Generator, isa: str
) -> None:
    x = normal(rng, (2, 6, *SIZES[rank]), np.float64)
    kernel = normal(rng, (*WINDOWS[rank], 6 // groups, 12), np.float64)
    bias = normal(rng, (12,), np.float64)
    order = (rank + 1, rank, *range(rank))  # HWIO as torch's OIHW

    def ours(x: Array, kernel: Array, bias: Array) -> Array:
        return ops.conv(x, kernel, stride, pad, "channels_first", dilation, bias=bias)

    def theirs(x: Any, kernel: Any, bias: Any) -> Any:
        function = getattr(torch.nn.functional, f"conv{rank}d")
        return function(x, kernel.permute(order), bias, stride, pad, dilation, groups)

    compare(torch, [x, kernel, bias], ours, theirs, isa)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(("window", "stride", "pad"), [(2, 2, 0), (3, 1, 1), (3, 2, 1), (2, 3, 0)])
def test_max_pool(
    rank: int, window: int, stride: int, pad: int, torch: ModuleType, rng: np.random.Generator, isa: str
) -> None:
    x = normal(rng, (2, 5, *SIZES[rank]), np.float64)
    function = getattr(torch.nn.functional, f"max_pool{rank}d")
    compare(
        torch,
        [x],
        lambda x: ops.max_pool(x, window, stride, pad, "channels_first"),
        lambda x: function(x, window, stride, pad),
        isa,
    )


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(("window", "stride", "pad"), [(2, 2, 0), (3, 1, 1), (3, 2, 1), (2, 3, 0)])
def test_average_pool(
    rank: int, window: int, stride: int, pad: int, torch: ModuleType, rng: np.random.Generator, isa: str
) -> None:
    x = normal(rng, (2, 5, *SIZES[rank]), np.float64)
    function = getattr(torch.nn.functional, f"avg_pool{rank}d")
    compare(
        torch,
        [x],
        lambda x: ops.average_pool(x, window, stride, pad, "channels_first"),
        lambda x: function(x, window, stride, pad, count_include_pad=False),
        isa,
    )
