"""ops.conv_transpose against the NumPy reference, as the adjoint of ops.conv, and against PyTorch."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import reference
from arrays import LAYOUTS, integers, normal, relative_error
from pyconv import ops
from pyconv.ops.conv_transpose import output_size, settle_transpose

# sizes, window, strides, dilation, what is cut off, output_padding
CASES: list[tuple[Any, ...]] = [
    ((5,), (3,), (1,), (1,), ((0, 0),), (0,)),
    ((5,), (2,), (3,), (1,), ((0, 1),), (2,)),
    ((7,), (4,), (2,), (3,), ((2, 3),), (1,)),
    ((4, 5), (3, 2), (2, 3), (1, 1), ((1, 0), (0, 1)), (0, 2)),
    ((1, 6), (5, 3), (2, 1), (1, 2), ((1, 1), (2, 2)), (1, 0)),
    ((2, 3, 4), (2, 3, 1), (1, 2, 2), (1, 1, 1), ((0, 1), (1, 1), (0, 0)), (0, 1, 1)),
]
cases = pytest.mark.parametrize(("size", "window", "strides", "dilation", "crops", "more"), CASES)


@cases
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_against_numpy(
    size: Any,
    window: Any,
    strides: Any,
    dilation: Any,
    crops: Any,
    more: Any,
    data_format: str,
    isa: str,
    rng: np.random.Generator,
) -> None:
    """Integers, so exactly."""
    x, kernel, bias = integers(rng, (2, *size, 5)), integers(rng, (*window, 3, 5)), integers(rng, (3,))
    pads = [(before, after - extra) for (before, after), extra in zip(crops, more, strict=True)]
    right = reference.conv_transpose(x, kernel, bias, strides, dilation, pads)
    given = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
    y = ops.conv_transpose(given, kernel, strides, crops, more, data_format, dilation, bias=bias)
    np.testing.assert_array_equal(y if data_format == "channels_last" else np.moveaxis(y, 1, -1), right)


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("s", [1, 2, 3])
@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_it_is_the_adjoint_of_convolution(
    n: int, k: int, s: int, d: int, padding: str, rng: np.random.Generator
) -> None:
    """sum(conv(y) * x) == sum(y * conv_transpose(x)), where conv with the same words makes y as long as x."""
    x, kernel = integers(rng, (1, n, 3)), integers(rng, (k, 2, 3))
    there = ops.conv_transpose(x, kernel, s, padding, dilation_rate=d)
    y = integers(rng, there.shape)
    back = ops.conv(y, kernel, s, padding, dilation_rate=d)
    assert back.shape == x.shape
    assert float((back * x).sum()) == float((y * there).sum())
    span = (k - 1) * d + 1
    assert there.shape[1] == (n * s if padding == "same" else (n - 1) * s + max(span, s))


@pytest.mark.parametrize("k", [2, 3])
def test_output_padding_sets_the_size_of_same(k: int) -> None:
    for extra in range(3):
        settled = settle_transpose("conv_transpose", 1, 3, "same", extra, None, 1)
        assert output_size("conv_transpose", settled, (4,), (k,)) == (3 * 3 + k % 2 + extra,)


@cases
def test_against_torch(
    size: Any,
    window: Any,
    strides: Any,
    dilation: Any,
    crops: Any,
    more: Any,
    torch: ModuleType,
    rng: np.random.Generator,
) -> None:
    """float32 sums of at most 45 products: 45 * eps / 2. Nothing is cut off: Torch cuts both ends alike."""
    x, kernel = normal(rng, (2, *size, 5)), normal(rng, (*window, 3, 5))
    function = getattr(torch.nn.functional, f"conv_transpose{len(size)}d")
    right = function(
        torch.tensor(np.moveaxis(x, -1, 1).copy()),
        torch.tensor(np.moveaxis(kernel, (-1, -2), (0, 1)).copy()),
        stride=strides,
        output_padding=more,
        dilation=dilation,
    ).numpy()
    y = ops.conv_transpose(x, kernel, strides, 0, more, dilation_rate=dilation)
    assert relative_error(y, np.moveaxis(right, 1, -1)) < 3e-6


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_memory_layout(layout: str, rng: np.random.Generator) -> None:
    x, kernel = integers(rng, (2, 4, 5, 3)), integers(rng, (3, 3, 2, 3))
    right = ops.conv_transpose(x, kernel, 2)
    np.testing.assert_array_equal(ops.conv_transpose(LAYOUTS[layout](x), LAYOUTS[layout](kernel), 2), right)


def test_dtypes_and_an_empty_batch(rng: np.random.Generator) -> None:
    x, kernel = integers(rng, (2, 4, 3)), integers(rng, (3, 2, 3), np.float64)
    assert ops.conv_transpose(x, kernel).dtype == np.float64
    assert ops.conv_transpose(x.astype(np.int8), kernel.astype(np.float32)).dtype == np.float32
    assert ops.conv_transpose(x[:0], kernel, 2, "same").shape == (0, 8, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kernel": np.ones((3, 2, 4))}, r"kernel \(its axis -1\).*channels=3"),
        ({"kernel": np.ones((3, 3, 2, 3))}, "3, 4 or 5 axes"),
        ({"strides": 2, "output_padding": 2}, "output_padding.*less than .strides"),
        ({"strides": 0}, "strides.*0"),
        ({"padding": "full"}, "padding.*full"),
        ({"padding": 3}, r"empty.*input size=4, window=3.*cover 6 and 3\+3"),
        ({"bias": np.ones(3)}, r"bias.*\(2,\).*\(3,\)"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], words: str) -> None:
    given = {"inputs": np.ones((2, 4, 3)), "kernel": np.ones((3, 2, 3))} | arguments
    with pytest.raises(ValueError, match=f"^conv_transpose: .*{words}"):
        ops.conv_transpose(**given)
