"""out= of the operations that the core computes: the same numbers, in the caller's array, or a clear refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from arrays import Array, integers
from pyconv import Variable, ops
from pyconv.gradient import Tape

GENERATOR = np.random.default_rng(8)
X = integers(GENERATOR, (2, 6, 6, 4))
KERNEL = integers(GENERATOR, (3, 3, 4, 2))
BIAS = integers(GENERATOR, (2,))

CALLS: dict[str, Callable[..., Array]] = {
    "conv": lambda x, **kw: ops.conv(x, KERNEL, bias=BIAS, **kw),
    "depthwise_conv": lambda x, **kw: ops.depthwise_conv(x, KERNEL, **kw),
    "dense": lambda x, **kw: ops.dense(x, KERNEL[0, 0], bias=BIAS, **kw),
    "max_pool": lambda x, **kw: ops.max_pool(x, 2, **kw),
    "average_pool": lambda x, **kw: ops.average_pool(x, 2, **kw),
}
each = pytest.mark.parametrize("op", CALLS)
with_format = pytest.mark.parametrize("op", sorted(set(CALLS) - {"dense"}))


@each
def test_the_result_is_written_there(op: str) -> None:
    right = CALLS[op](X)
    out = np.full_like(right, np.nan)
    assert CALLS[op](X, out=out) is out
    np.testing.assert_array_equal(out, right)


@with_format
def test_channels_first(op: str) -> None:
    images = np.ascontiguousarray(np.moveaxis(X, -1, 1))
    right = CALLS[op](images, data_format="channels_first")
    out = np.full_like(right, np.nan)
    assert CALLS[op](images, data_format="channels_first", out=out) is out
    np.testing.assert_array_equal(out, right)


@each
@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (lambda out: out[..., :-1].copy(), ValueError, "shape"),
        (lambda out: out.astype(np.float64), ValueError, "dtype float32.*float64"),
        (lambda out: out.repeat(2, axis=-1)[..., ::2], ValueError, "c_contiguous=False"),
        (lambda out: np.broadcast_to(out[:1], out.shape) if len(out) > 1 else out, ValueError, "c_contiguous=False"),
        (lambda out: out.tolist(), TypeError, "list"),
    ],
)
def test_what_does_not_fit_is_refused(op: str, fault: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"(?s)^{op}: out must be|^{op}: out must have.*{words}"):
        CALLS[op](X, out=fault(CALLS[op](X)))


@each
def test_a_read_only_array_is_refused(op: str) -> None:
    out = CALLS[op](X)
    out.flags.writeable = False
    with pytest.raises(ValueError, match=f"^{op}: out must be .*writeable=False"):
        CALLS[op](X, out=out)


@each
def test_an_array_that_shares_memory_with_the_input_is_refused(op: str) -> None:
    right = CALLS[op](X)
    memory = np.zeros(X.size + right.size, np.float32)
    x = memory[: X.size].reshape(X.shape)
    x[...] = X
    apart = memory[X.size :].reshape(right.shape)
    np.testing.assert_array_equal(CALLS[op](x, out=apart), right)
    overlapping = memory[X.size - 1 : X.size - 1 + right.size].reshape(right.shape)
    with pytest.raises(ValueError, match=f"^{op}: out must not share memory"):
        CALLS[op](x, out=overlapping)


def test_an_array_that_shares_memory_with_the_weights_is_refused() -> None:
    x = np.ones((1, 3), np.float32)
    kernel, bias = np.eye(3, dtype=np.float32), np.ones(3, np.float32)
    for arguments in ({"kernel": kernel, "bias": None}, {"kernel": Variable(kernel), "bias": bias}):
        out = kernel[:1] if arguments["bias"] is None else bias.reshape(1, 3)
        with pytest.raises(ValueError, match="dense: out must not share memory"):
            ops.dense(x, out=out, **arguments)  # type: ignore[arg-type]
    variable = Variable(kernel)
    with variable.writing() as array, pytest.raises(ValueError, match="dense: out must not share memory"):
        ops.dense(x, variable, out=array[:1])


@each
def test_it_is_refused_while_a_tape_records(op: str) -> None:
    out = CALLS[op](X)
    with Tape([X]), pytest.raises(ValueError, match=f"^{op}: out must not be given while a Tape records"):
        CALLS[op](X, out=out)
