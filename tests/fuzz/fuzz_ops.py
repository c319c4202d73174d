"""Runs operations on hostile arrays and compares with float64. Not a test by itself; test_ops_fuzz.py runs a slice.

    PYTHONPATH=tests python tests/fuzz/fuzz_ops.py --cases 50000 --seed 1

Hypothesis draws the cases and makes a failing one small. What must hold of each:
- the result is that of tests/reference.py or NumPy in float64, within the roundings that its sum allows;
- it has the dtype and the shape, and the same bits on other threads and with the numbers in plain memory (sums that
  NumPy computes only to rounding); precision is "strict", for else sums are of transformed numbers, and no such bound;
- the arguments are unchanged; an error is ValueError, TypeError or MemoryError and begins with the operation's name.
Gradients are held to the same, layers to their operations, and small networks run by their program as layer by layer.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
from hypothesis import strategies as st

from fuzz import bad_arguments, gradient_cases, image_cases, layer_cases, network_cases, op_cases
from fuzz.gradient_cases import GradientCase
from fuzz.hostile_arrays import Array
from fuzz.layer_cases import LayerCase
from fuzz.network_cases import NetworkCase
from fuzz.op_cases import Case
from pyconv import _core, config
from pyconv.gradient import Tape

_BYTES = 4 << 30
DOCUMENTED = (ValueError, TypeError, MemoryError)
_SETTINGS = st.fixed_dictionaries({"threads": st.sampled_from((1, 2)), "isa": st.sampled_from(_core.available_isas())})

# NumPy adds in an order that follows the strides.
_SUMMED_BY_NUMPY = ("layer_normalization", "log_softmax", "mean", "rms_normalization", "softmax", "std", "sum", "var")
_GRADIENTS_SUMMED_BY_NUMPY = ("batch_normalization",)


def kept_dtype(x: Array) -> Any:
    """What `as_float` makes of an array's dtype."""
    return np.float64 if x.dtype.kind == "f" and x.dtype.itemsize >= 8 else np.float32


def truth_of(case: Case) -> tuple[Array, Array, Any]:
    """The result in float64, the size of what was rounded, and the dtype that the operation should give."""
    dtype = np.result_type(*(kept_dtype(x) for x in case.arrays.values()))
    if case.op == "where":
        dtype = np.result_type(*(kept_dtype(case.arrays[name]) for name in ("x1", "x2")))
    given = {name: np.asarray(x).astype(dtype).astype(np.float64) for name, x in case.arrays.items()}
    y, size = case.truth(**given)
    return y, size, dtype


def compare(case: Case, actual: Any) -> None:
    """Raises AssertionError where the result isn't what it should be."""
    require_near(actual, *truth_of(case), case.roundings)


def require_near(actual: Any, expected: Array, size: Array, dtype: Any, roundings: float) -> None:
    """Raises AssertionError unless actual differs by so many roundings of numbers of that size at most."""
    assert isinstance(actual, np.ndarray), type(actual)
    assert actual.dtype == dtype, (actual.dtype, dtype)
    assert actual.shape == expected.shape, (actual.shape, expected.shape)
    info = np.finfo(dtype)
    actual = actual.astype(np.float64)
    beyond = np.abs(expected) > float(info.max) * (1 - roundings * info.eps)  # may round to infinity, or not quite
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    sure = np.isfinite(expected) & ~beyond
    np.testing.assert_array_equal(np.sign(actual[beyond]), np.sign(expected[beyond]))
    # A number below the smallest normal one is as far from the next as that is; some CPUs' modes make it nought.
    allowed = roundings * info.eps * size[sure] + (roundings > 0) * float(info.smallest_normal)
    wrong = ~(np.abs(actual[sure] - expected[sure]) <= allowed)
    assert not wrong.any(), (actual[sure][wrong][:3], expected[sure][wrong][:3], allowed[wrong][:3])


def check(case: Case, settings: dict[str, Any]) -> str:
    """Runs a case; says whether it ran or was refused."""
    before = {name: x.copy() for name, x in case.arrays.items()}
    _core.set_isa(settings["isa"])
    _core.set_num_threads(settings["threads"])
    try:
        y = op_cases.run(case)
    except DOCUMENTED as error:
        if not str(error).startswith(f"{case.op}: "):
            raise AssertionError(f"the operation isn't named: {error}") from error
        plain = case._replace(arrays={name: np.array(x, order="C") for name, x in case.arrays.items()})
        try:
            op_cases.run(plain)
        except type(error):
            return "refused"
        raise
    for name, x in case.arrays.items():
        np.testing.assert_array_equal(x, before[name])
    compare(case, y)
    _core.set_num_threads(3 - settings["threads"])
    plain = {name: x.astype(x.dtype.newbyteorder("="), order="C") for name, x in before.items()}
    again = op_cases.run(case._replace(arrays=plain))
    if case.op in _SUMMED_BY_NUMPY:
        compare(case, again)
    else:
        np.testing.assert_array_equal(np.asarray(again), y)
    return "ran"


def gradients(case: GradientCase, upstream: Array) -> list[Array]:
    """The gradients for all arguments."""
    with Tape(case.arrays.values()) as tape:
        y = case.run(**case.arrays)
    assert y.shape == upstream.shape, (y.shape, upstream.shape)
    return tape.gradient(y, upstream)


def check_gradients(case: GradientCase, settings: dict[str, Any]) -> str:
    """As `check`, of an operation's gradients."""
    before = {name: x.copy() for name, x in case.arrays.items()}
    dtype = np.result_type(*(kept_dtype(x) for x in case.arrays.values()))
    upstream = case.upstream.astype(dtype) if kept_dtype(case.upstream) != dtype else case.upstream
    _core.set_isa(settings["isa"])
    _core.set_num_threads(settings["threads"])
    found = gradients(case, upstream)
    _core.set_num_threads(3 - settings["threads"])
    plain = {name: x.astype(kept_dtype(x), order="C") for name, x in before.items()}
    again = gradients(case._replace(arrays=plain), upstream.astype(dtype, order="C"))
    truth = case.truth(upstream=upstream.astype(np.float64), **{n: x.astype(np.float64) for n, x in before.items()})
    for (name, x), one, other in zip(case.arrays.items(), found, again, strict=True):
        np.testing.assert_array_equal(x, before[name])
        assert one.dtype == x.dtype, (name, one.dtype, x.dtype)
        for gradient in (one.astype(kept_dtype(x)), other):
            require_near(gradient, *truth[name], kept_dtype(x), case.roundings)
        if case.op not in _GRADIENTS_SUMMED_BY_NUMPY:
            np.testing.assert_array_equal(one, other)
    return "differentiated"


def run(cases: int, seed: int, counts: Counter[str]) -> None:
    """Draws so many cases: half are values, a sixth each gradients, layers and networks, bad arguments."""

    def values(case: Case, settings: dict[str, Any]) -> None:
        counts[f"{case.op} {check(case, settings)}"] += 1

    def derivatives(case: GradientCase, settings: dict[str, Any]) -> None:
        counts[f"{case.op} {check_gradients(case, settings)}"] += 1

    def models(case: LayerCase | NetworkCase, settings: dict[str, Any]) -> None:
        _core.set_isa(settings["isa"])
        _core.set_num_threads(settings["threads"])
        if isinstance(case, LayerCase):
            counts[f"{case.name} {layer_cases.check(case)}"] += 1
        else:
            counts[f"network {network_cases.check(case)}"] += 1

    def errors(call: bad_arguments.Call) -> None:
        counts[f"{call.op} {bad_arguments.check(call)}"] += 1

    def draw(count: int, function: Callable[..., None], **strategies: Any) -> None:
        settled = hypothesis.settings(
            max_examples=count,
            database=None,
            deadline=None,
            print_blob=False,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.seed(seed)(settled(hypothesis.given(**strategies)(function)))()

    sixth = max(cases // 6, 1)
    was = _core.get_isa(), _core.get_num_threads(), config.get_precision()
    config.set_precision("strict")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            draw(
                max(cases - 3 * sixth, 1), values, case=st.one_of(op_cases.CASES, image_cases.CASES), settings=_SETTINGS
            )
            draw(sixth, derivatives, case=gradient_cases.CASES, settings=_SETTINGS)
            draw(sixth, models, case=st.one_of(layer_cases.CASES, network_cases.CASES), settings=_SETTINGS)
            draw(sixth, errors, call=bad_arguments.CALLS)
    finally:
        _core.set_isa(was[0])
        _core.set_num_threads(was[1])
        config.set_precision(was[2])


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))  # what is too large is refused before it is touched
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=2_000, help="cases between two lines of progress")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    start = time.monotonic()
    for number in range(0, options.cases, options.at_once):
        run(min(options.at_once, options.cases - number), options.seed * 1_000_003 + number, counts)
        print(f"{counts.total()} cases, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    for name, count in sorted(counts.items()):
        print(f"{count:8} {name}")


if __name__ == "__main__":
    main()
