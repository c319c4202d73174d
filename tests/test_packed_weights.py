"""Weights packed by a plan: the same results as from the array, by every algorithm, and for that plan alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import problems
from arrays import Array, conv_shapes, integers, normal
from plans import plan
from problems import Problem
from pyconv import _core

ALGORITHMS = _core.conv_algorithms()
PROBLEMS = {
    "dense": problems.parse("mb2_ic9ih12iw12_oc20oh12ow12_kh3kw3_ph1pw1"),
    "few_tiles": problems.parse("mb2_ic70ih9iw12_oc40oh7ow10_kh3kw3"),
    "depthwise": problems.parse("g6mb2_ic6ih9iw9_oc6oh9ow9_kh3kw3_ph1pw1"),
    "grouped": problems.parse("g6mb2_ic18ih9iw9_oc18oh9ow9_kh3kw3_ph1pw1"),
}


def example(problem: Problem, seed: int = 1, dtype: Any = np.float32) -> list[Array]:
    generator = np.random.default_rng(seed)
    return [normal(generator, shape, dtype) for shape in conv_shapes(problem)]


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("direction", ["forward", "backward_data"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_packed_weights_give_the_same_bits(name: str, algorithm: str, direction: str, dtype: str, isa: str) -> None:
    problem = PROBLEMS[name]
    try:
        made = plan(problem, direction, dtype, algorithm)
    except ValueError as error:
        assert "refuses" in str(error)  # noqa: PT017 - nothing is to be computed then
        return
    x, kernel, bias, y = example(problem, dtype=dtype)
    offsets = bias if direction == "forward" else None
    output = y if direction == "forward" else x
    made.run(x, kernel, offsets, y)
    right = output.copy()
    packed = made.pack(kernel)
    kernel[...] = np.nan  # a copy is packed, whatever the algorithm
    for _ in range(2):
        output[...] = np.nan
        made.run(x, packed, offsets, y)
        np.testing.assert_array_equal(output, right)
    assert packed.nbytes >= kernel.nbytes


def test_another_plan_refuses_them() -> None:
    problem = PROBLEMS["dense"]
    x, kernel, bias, y = example(problem)
    one, other = plan(problem), plan(problem)
    packed = one.pack(kernel)
    with pytest.raises(ValueError, match=r"same plan.*ic9oc20"):
        other.run(x, packed, bias, y)
    del one
    made = plan(problem)  # may lie where the first one lay
    with pytest.raises(ValueError, match="same plan"):
        made.run(x, packed, bias, y)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (lambda kernel: kernel[..., :-1].copy(), ValueError, "weights must have shape"),
        (lambda kernel: kernel.astype(np.float64), TypeError, "weights must have dtype"),
        (lambda kernel: kernel.repeat(2, axis=-1)[..., ::2], ValueError, "weights must be C-contiguous"),
        (lambda kernel: kernel.tolist(), TypeError, "weights"),
    ],
)
def test_bad_weights(fault: Any, error: type[Exception], words: str) -> None:
    kernel = example(PROBLEMS["dense"])[1]
    with pytest.raises(error, match=words):
        plan(PROBLEMS["dense"]).pack(fault(kernel))


def test_the_weights_gradient_has_nothing_to_pack() -> None:
    with pytest.raises(ValueError, match="backward_weights"):
        plan(PROBLEMS["dense"], "backward_weights").pack(example(PROBLEMS["dense"])[1])


def test_a_plan_says_its_shapes_and_refusals() -> None:
    made = plan(PROBLEMS["dense"])
    assert made.src_shape == (2, 12, 12, 9)
    assert made.weights_shape == (3, 3, 9, 20)
    assert made.dst_shape == (2, 12, 12, 20)
    assert [name for name, _ in made.refusals] == ALGORITHMS[: ALGORITHMS.index(made.algorithm)]
    assert all(reason in made.describe() for _, reason in made.refusals)


def test_threads_may_share_packed_weights(threads: int) -> None:
    problem = problems.parse("mb1_ic16ih24iw24_oc32oh24ow24_kh3kw3_ph1pw1")
    _, kernel, bias, y = example(problem)
    made = plan(problem)
    packed = made.pack(kernel)
    images = [example(problem, seed)[0] for seed in range(4)]

    def run(x: Array) -> Array:
        result = np.empty_like(y)
        made.run(x, packed, bias, result)
        return result

    alone = [run(x) for x in images]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            for result, right in zip(pool.map(run, images), alone, strict=True):
                np.testing.assert_array_equal(result, right)


def test_integers_are_exact() -> None:
    problem = PROBLEMS["dense"]
    generator = np.random.default_rng(2)
    x, kernel, bias, y = (integers(generator, shape) for shape in conv_shapes(problem))
    made, plain = plan(problem), plan(problem, algorithm="reference")
    made.run(x, made.pack(kernel), bias, y)
    right = np.empty_like(y)
    plain.run(x, plain.pack(kernel), bias, right)
    np.testing.assert_array_equal(y, right)
