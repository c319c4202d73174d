"""Weight gradients of so many pixels that they are summed in parts, and some lines at a time."""

from __future__ import annotations

import numpy as np
import pytest

import problems
import reference
from arrays import Array, conv_shapes, integers, normal
from plans import plan
from problems import Problem
from pyconv import _core

CASES = [
    pytest.param(problems.parse(line), algorithm, id=name)
    for name, algorithm, line in (
        ("first layer, as it lies", "direct", "mb3_ic3ih32iw30_oc16oh32ow30_kh3kw3_ph1pw1"),
        ("packed", "direct", "mb2_ic3ih36iw33_oc10oh36ow33_kh3kw3_ph1pw1"),
        ("several panels as they lie", "direct", "mb2_ic24ih34iw40_oc144oh34ow40_kh1kw1"),
        ("several panels packed", "direct", "mb2_ic70ih34iw34_oc70oh34ow34_kh1kw1"),
        ("groups of 4", "grouped_weights", "g8mb2_ic32ih40iw40_oc32oh40ow40_kh3kw3_ph1pw1"),
        ("3 to 2, strided", "grouped_weights", "g16mb2_ic48ih61iw60_oc32oh31ow30_kh3kw3_sh2sw2_ph1pw1"),
        ("multiplier, dilated", "grouped_weights", "g20mb1_ic20ih52iw41_oc80oh48ow37_kh3kw3_dh1dw1"),
    )
]
by_case = pytest.mark.parametrize(("problem", "algorithm"), CASES)


def gradients(problem: Problem, algorithm: str, x: Array, dy: Array) -> tuple[Array, Array]:
    _, kernel, bias, _ = conv_shapes(problem)
    results = np.empty(kernel, x.dtype), np.empty(bias, x.dtype)
    plan(problem, "backward_weights", x.dtype.name, algorithm).run(x, *results, dy)
    return results


@by_case
def test_parts_are_exact_on_integers(problem: Problem, algorithm: str, isa: str, rng: np.random.Generator) -> None:
    x, kernel, _, dy = (integers(rng, shape) for shape in conv_shapes(problem))
    expected = reference.conv_gradients(x, kernel, dy, problem.strides, problem.dilation, problem.pads)[1:]
    for result, exact in zip(gradients(problem, algorithm, x, dy), expected, strict=True):
        np.testing.assert_array_equal(result, exact)


@by_case
def test_threads_change_no_bit(problem: Problem, algorithm: str, rng: np.random.Generator) -> None:
    x, _, _, dy = (normal(rng, shape) for shape in conv_shapes(problem))
    before, results = _core.get_num_threads(), []
    for threads in (1, 2, 3):
        _core.set_num_threads(threads)
        results.append(gradients(problem, algorithm, x, dy))
    _core.set_num_threads(before)
    for kernel, bias in results[1:]:
        np.testing.assert_array_equal(kernel, results[0][0])
        np.testing.assert_array_equal(bias, results[0][1])
