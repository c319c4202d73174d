"""Bad input of every operation: the exception, and the words its message must hold. Never a crash, never a result."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyconv import ops

X = np.zeros((2, 6, 6, 4), np.float32)
K = np.zeros((3, 3, 4, 8), np.float32)
HUGE = 2**31

# What is no array of real numbers, whatever the operation.
NOT_NUMBERS: dict[str, Any] = {
    "none": None,
    "string": "digits",
    "strings": np.array(["a", "b"]),
    "object": np.array([[object()]]),
    "complex": np.zeros((2, 6, 6, 4), np.complex64),
    "dates": np.zeros((2, 6, 6, 4), "datetime64[s]"),
    "masked": np.ma.masked_array(X, mask=X == 0),
    "structured": np.zeros((2, 6, 6, 4), [("r", "f4")]),
    "dict": {"x": X},
    "set": {1, 2},
    "function": np.zeros,
}

# Operations that need more than the images.
WITH_MORE: dict[str, Callable[[Any], Any]] = {
    "add": lambda x: ops.add(x, 1.0),
    "adaptive_average_pool": lambda x: ops.adaptive_average_pool(x, 2),
    "adaptive_max_pool": lambda x: ops.adaptive_max_pool(x, 2),
    "average_pool": lambda x: ops.average_pool(x, 2),
    "batch_normalization": lambda x: ops.batch_normalization(x, np.zeros(4), np.ones(4), -1),
    "clip": lambda x: ops.clip(x, 0, 1),
    "concatenate": lambda x: ops.concatenate([X, x]),
    "conv": lambda x: ops.conv(x, K),
    "conv_transpose": lambda x: ops.conv_transpose(x, np.zeros((3, 3, 8, 4), np.float32)),
    "dense": lambda x: ops.dense(x, np.zeros((4, 2), np.float32)),
    "depthwise_conv": lambda x: ops.depthwise_conv(x, np.zeros((3, 3, 4, 1), np.float32)),
    "divide": lambda x: ops.divide(x, 2),
    "max_pool": lambda x: ops.max_pool(x, 2),
    "maximum": lambda x: ops.maximum(x, 0),
    "where": lambda x: ops.where(True, x, 0),
    "minimum": lambda x: ops.minimum(0, x),
    "moments": lambda x: ops.moments(x, 0),
    "multiply": lambda x: ops.multiply(1.0, x),
    "pad": lambda x: ops.pad(x, 1),
    "power": lambda x: ops.power(x, 2),
    "repeat": lambda x: ops.repeat(x, 2),
    "expand_dims": lambda x: ops.expand_dims(x, 0),
    "reshape": lambda x: ops.reshape(x, (-1,)),
    "separable_conv": lambda x: ops.separable_conv(x, np.zeros((3, 3, 4, 1)), np.zeros((1, 1, 4, 2))),
    "true_divide": lambda x: ops.true_divide(x, 2),
    "subtract": lambda x: ops.subtract(x, 1),
    "get_item": lambda x: ops.get_item(x, 0),
    "matmul": lambda x: ops.matmul(x, np.zeros((4, 2), np.float32)),
    "threshold": lambda x: ops.threshold(x, 0, 0),
}
# What makes arrays takes any numbers, booleans and whole ones too, as they are.
FOR_ANYTHING = {"cast", "convert_to_numpy", "convert_to_tensor", "full", "ones", "shape", "stop_gradient", "zeros"}
ON_IMAGES = {name: WITH_MORE.get(name, getattr(ops, name)) for name in ops.__all__ if name not in FOR_ANYTHING}


@pytest.mark.parametrize("op", sorted(ON_IMAGES))
@pytest.mark.parametrize("kind", NOT_NUMBERS)
def test_not_numbers(op: str, kind: str) -> None:
    with pytest.raises(TypeError, match=f"^{op}: .*(must hold real numbers|masked array)"):
        ON_IMAGES[op](NOT_NUMBERS[kind])


@pytest.mark.parametrize("op", sorted(ON_IMAGES))
def test_ragged_lists(op: str) -> None:
    with pytest.raises(ValueError, match=f"^{op}: "):
        ON_IMAGES[op]([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        # Kernels and biases are arrays as well.
        (lambda: ops.conv(X, None), TypeError, "conv: kernel must hold real numbers"),
        (lambda: ops.conv(X, K, bias="b"), TypeError, "conv: bias must hold real numbers"),
        (lambda: ops.dense(X, {}), TypeError, "dense: kernel must hold real numbers"),
        # Ranks.
        (lambda: ops.conv(X[0], K), ValueError, "conv: .*6, 6, 4"),
        (lambda: ops.conv(X, K[0]), ValueError, "conv: .*3, 4, 8"),
        (lambda: ops.conv(X[:, 0, 0], K[0, 0]), ValueError, "conv: .*2, 4"),
        (lambda: ops.conv(np.zeros((1,) * 6), np.zeros((1,) * 6)), ValueError, "conv: "),
        (lambda: ops.conv(1.0, 2.0), ValueError, "conv: "),
        (lambda: ops.dense(1.0, np.zeros((1, 1))), ValueError, "dense: "),
        (lambda: ops.dense(X, K), ValueError, "dense: .*3, 3, 4, 8"),
        (lambda: ops.max_pool(X[0, 0], 2), ValueError, "max_pool: .*6, 4"),
        (lambda: ops.average_pool(np.zeros((1,) * 6), 2), ValueError, "average_pool: "),
        (lambda: ops.flatten(1.0), ValueError, "flatten: "),
        # Channels and groups.
        (lambda: ops.conv(X[..., :3], K), ValueError, "conv: .*channels.*3.*"),
        (lambda: ops.conv(X, K[:, :, :0]), ValueError, "conv: .*channels"),
        (lambda: ops.conv(X[..., :0], K[:, :, :0]), ValueError, "conv: .*channels"),
        (lambda: ops.conv(X, K[..., :0]), ValueError, "conv: .*filters"),
        (lambda: ops.conv(X, np.zeros((3, 3, 2, 7))), ValueError, "conv: .*filters must be divisible by groups.*7.*2"),
        (lambda: ops.depthwise_conv(X, np.zeros((3, 3, 3, 1))), ValueError, "depthwise_conv: .*channels.*4"),
        (lambda: ops.depthwise_conv(X, np.zeros((3, 3, 4, 0))), ValueError, "depthwise_conv: "),
        (lambda: ops.dense(X, np.zeros((3, 2))), ValueError, "dense: .*3, 2"),
        (lambda: ops.dense(np.zeros((2, 0)), np.zeros((0, 2))), ValueError, "dense: "),
        (lambda: ops.dense(np.zeros((2, 3)), np.zeros((3, 0))), ValueError, "dense: "),
        (lambda: ops.conv(X, K, bias=np.zeros(7)), ValueError, "conv: bias.*8.*7"),
        (lambda: ops.conv(X, K, bias=np.zeros((1, 8))), ValueError, "conv: bias"),
        (lambda: ops.dense(X, np.zeros((4, 2)), bias=1.0), ValueError, "dense: bias"),
        # Strides, dilation, windows.
        (lambda: ops.conv(X, K, 0), ValueError, "conv: .*strides.*0"),
        (lambda: ops.conv(X, K, -1), ValueError, "conv: .*strides.*-1"),
        (lambda: ops.conv(X, K, (1, 2, 3)), ValueError, r"conv: .*strides.*\(1, 2, 3\)"),
        (lambda: ops.conv(X, K, ()), ValueError, "conv: .*strides"),
        (lambda: ops.conv(X, K, 1.0), TypeError, "conv: .*strides.*1.0"),
        (lambda: ops.conv(X, K, True), TypeError, "conv: .*strides.*True"),
        (lambda: ops.conv(X, K, "2"), TypeError, "conv: .*strides"),
        (lambda: ops.conv(X, K, None), TypeError, "conv: .*strides"),
        (lambda: ops.conv(X, K, (1, np.nan)), TypeError, "conv: .*strides"),
        (lambda: ops.conv(X, K, HUGE), ValueError, "conv: .*strides.*2147483648"),
        (lambda: ops.conv(X, K, 10**30), ValueError, "conv: .*strides"),
        (lambda: ops.conv(X, K, dilation_rate=0), ValueError, "conv: .*dilation_rate.*0"),
        (lambda: ops.conv(X, K, dilation_rate=2.5), TypeError, "conv: .*dilation_rate.*2.5"),
        (lambda: ops.conv(X, K[:0]), ValueError, "conv: kernel"),
        (lambda: ops.max_pool(X, 0), ValueError, "max_pool: .*pool_size.*0"),
        (lambda: ops.max_pool(X, (2, -1)), ValueError, "max_pool: .*pool_size.*-1"),
        (lambda: ops.max_pool(X, 2.0), TypeError, "max_pool: .*pool_size.*2.0"),
        (lambda: ops.max_pool(X, None), TypeError, "max_pool: .*pool_size"),
        (lambda: ops.average_pool(X, 2, 0), ValueError, "average_pool: .*strides.*0"),
        (lambda: ops.average_pool(X, 2, (1, False)), TypeError, "average_pool: .*strides.*False"),
        # Padding.
        (lambda: ops.conv(X, K, padding=-1), ValueError, "conv: .*padding.*-1"),
        (lambda: ops.conv(X, K, padding=(1, -1)), ValueError, "conv: .*padding.*-1"),
        (lambda: ops.conv(X, K, padding=((1, 2), (3, -4))), ValueError, "conv: .*padding.*-4"),
        (lambda: ops.conv(X, K, padding=((1, 2, 3), (1, 1))), ValueError, "conv: .*padding"),
        (lambda: ops.conv(X, K, padding=(1, 1, 1)), ValueError, "conv: .*padding"),
        (lambda: ops.conv(X, K, padding="full"), ValueError, "conv: .*padding.*full"),
        (lambda: ops.conv(X, K, padding="causal"), ValueError, "conv: .*padding.*causal"),
        (lambda: ops.conv(X, K, padding=1.5), TypeError, "conv: .*padding.*1.5"),
        (lambda: ops.conv(X, K, padding=None), TypeError, "conv: .*padding.*None"),
        (lambda: ops.conv(X, K, padding=HUGE), ValueError, "conv: .*padding"),
        (lambda: ops.max_pool(X, 2, padding=2), ValueError, "max_pool: .*padding.*2"),
        (lambda: ops.average_pool(X, 2, padding=((0, 2), 0)), ValueError, "average_pool: .*padding"),
        (lambda: ops.pad(X, -1), ValueError, "pad: .*pad_width.*-1"),
        (lambda: ops.pad(X, (1, 2, 3)), ValueError, "pad: .*pad_width"),
        (lambda: ops.pad(X, ((1, 1), (1, 1))), ValueError, "pad: .*pad_width"),
        (lambda: ops.pad(X, 0.5), TypeError, "pad: .*pad_width.*0.5"),
        (lambda: ops.pad(X, 1, "mirror"), ValueError, "pad: mode.*mirror"),
        (lambda: ops.pad(X, 1, "reflect", 3.0), ValueError, "pad: constant_values"),
        (lambda: ops.pad(X, 1, constant_values="0"), TypeError, "pad: constant_values"),
        (lambda: ops.pad(np.zeros((0, 2)), 1, "edge"), ValueError, "pad: "),
        # Data formats.
        (lambda: ops.conv(X, K, data_format="NHWC"), ValueError, "conv: data_format.*NHWC"),
        (lambda: ops.max_pool(X, 2, data_format=1), ValueError, "max_pool: data_format.*1"),
        # Outputs that would be empty, with the numbers that make them so.
        (lambda: ops.conv(X[:, :2], K), ValueError, "conv: .*empty.*3.*2"),
        (lambda: ops.conv(X, K, dilation_rate=3), ValueError, "conv: .*empty.*7.*6"),
        (lambda: ops.conv(X[:, :0], K, padding=3), ValueError, "conv: input"),
        (lambda: ops.max_pool(X, 7), ValueError, "max_pool: .*empty.*7.*6"),
        (lambda: ops.average_pool(X[:, :0], 2), ValueError, "average_pool: "),
        # Axes.
        (lambda: ops.softmax(X, axis=4), ValueError, "softmax: .*axis.*4"),
        (lambda: ops.softmax(X, axis=1.0), TypeError, "softmax: .*axis.*1.0"),
        (lambda: ops.log_softmax(1.0), ValueError, "log_softmax: .*axis"),
        (lambda: ops.mean(X, axis=(0, 0)), ValueError, "mean: .*axis"),
        (lambda: ops.mean(X[:0]), ValueError, "mean: "),
        (lambda: ops.sum(X, axis=-5), ValueError, "sum: .*axis.*-5"),
        (lambda: ops.transpose(X, (0, 1)), ValueError, "transpose: axes"),
        (lambda: ops.transpose(X, (0, 1, 2, 2)), ValueError, "transpose: axes"),
        (lambda: ops.transpose(X, (0, 1, 2, 4)), ValueError, "transpose: axes"),
        (lambda: ops.reshape(X, (7, -1)), ValueError, "reshape: .*newshape"),
        (lambda: ops.reshape(X, (-1, -1)), ValueError, "reshape: .*newshape"),
        (lambda: ops.reshape(X, (2.0, -1)), TypeError, "reshape: .*newshape"),
        (lambda: ops.add(np.zeros(2), np.zeros(3)), ValueError, "add: "),
        (lambda: ops.multiply(np.zeros((2, 2)), np.zeros(3)), ValueError, "multiply: "),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"(?s)^{words}"):
        call()


TOO_LARGE = """
import resource
import numpy as np
from pyconv import ops
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
try:
    {call}
except MemoryError:
    print("MemoryError")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
@pytest.mark.skipif("san" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer needs the address space")
@pytest.mark.parametrize(
    "call",
    [
        "ops.conv(np.zeros((1, 1, 1, 1), np.float32), np.zeros((1, 1, 1, 1), np.float32), padding=2**16)",
        "ops.pad(np.zeros((1, 1), np.float32), 2**16)",
        "ops.max_pool(np.broadcast_to(np.float32(0), (1, 2**16, 2**16, 1)), 2)",
    ],
)
def test_what_cannot_be_allocated_is_a_memory_error(call: str) -> None:
    """Some 16 GB each, where 4 GB of address space are allowed; in a process of its own, which must not crash."""
    done = subprocess.run(
        [sys.executable, "-c", TOO_LARGE.format(call=call)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout == "MemoryError\n", done.stderr
    assert done.returncode == 0
