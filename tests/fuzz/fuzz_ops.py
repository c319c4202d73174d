"""Runs operations on hostile arrays and compares with float64. Not a test by itself; test_ops_fuzz.py runs a slice.

    PYTHONPATH=tests python tests/fuzz/fuzz_ops.py --cases 50000 --seed 1

Hypothesis draws the cases and makes a failing one small. What must hold of each:
- the result is that of tests/reference.py or NumPy in float64, within the roundings that its sum allows;
- it has the dtype and the shape, and the same bits on other threads and with the numbers in plain memory (sums that
  NumPy computes only to rounding); precision is "strict", for else sums are of transformed numbers, and no such bound;
- the arguments are unchanged; an error is ValueError, TypeError or MemoryError and begins with the operation's name.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
import warnings
from collections import Counter
from typing import Any

import hypothesis
import numpy as np
from hypothesis import strategies as st

from fuzz import bad_arguments, image_cases, op_cases
from fuzz.hostile_arrays import Array
from fuzz.op_cases import Case
from pyconv import _core, config

_BYTES = 4 << 30
DOCUMENTED = (ValueError, TypeError, MemoryError)
_SETTINGS = st.fixed_dictionaries({"threads": st.sampled_from((1, 2)), "isa": st.sampled_from(_core.available_isas())})

# NumPy adds in an order that follows the strides.
_SUMMED_BY_NUMPY = ("layer_normalization", "log_softmax", "mean", "rms_normalization", "softmax", "std", "sum", "var")


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
    expected, size, dtype = truth_of(case)
    assert isinstance(actual, np.ndarray), type(actual)
    assert actual.dtype == dtype, (actual.dtype, dtype)
    assert actual.shape == expected.shape, (actual.shape, expected.shape)
    info = np.finfo(dtype)
    actual = actual.astype(np.float64)
    beyond = np.abs(expected) > float(info.max) * (1 - case.roundings * info.eps)  # may round to infinity, or not quite
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    sure = np.isfinite(expected) & ~beyond
    np.testing.assert_array_equal(np.sign(actual[beyond]), np.sign(expected[beyond]))
    # A number below the smallest normal one is as far from the next as that is; some CPUs' modes make it nought.
    allowed = case.roundings * info.eps * size[sure] + (case.roundings > 0) * float(info.smallest_normal)
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


def run(cases: int, seed: int, counts: Counter[str]) -> None:
    """Draws so many cases of values and half as many of bad arguments again."""

    def settled(count: int) -> Any:
        return hypothesis.settings(
            max_examples=count,
            database=None,
            deadline=None,
            print_blob=False,
            suppress_health_check=list(hypothesis.HealthCheck),
        )

    @hypothesis.seed(seed)
    @settled(cases * 2 // 3)
    @hypothesis.given(case=st.one_of(op_cases.CASES, image_cases.CASES), settings=_SETTINGS)
    def values(case: Case, settings: dict[str, Any]) -> None:
        counts[f"{case.op} {check(case, settings)}"] += 1

    @hypothesis.seed(seed)
    @settled(cases - cases * 2 // 3)
    @hypothesis.given(call=bad_arguments.CALLS)
    def errors(call: bad_arguments.Call) -> None:
        counts[f"{call.op} {bad_arguments.check(call)}"] += 1

    was = _core.get_isa(), _core.get_num_threads(), config.get_precision()
    config.set_precision("strict")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            values()
            errors()
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
