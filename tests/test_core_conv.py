"""ConvPlan, by itself: every problem of the files, by every algorithm, under every instruction set.

On integers the result must be exact. Every buffer lies between sentinels, which must survive the run.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import DTypeLike

import problems
import reference
from arrays import Array, conv_shapes, integers, normal, relative_error
from guards import Guarded, blank
from plans import plan
from problems import Problem
from pyconv import _core
from strategies import special_convolutions

CONVS = problems.read(Path(__file__).parent / "problems/conv.txt")
# The layers that the reference algorithm does in some 20 ms.
REAL = [
    problem
    for name in ("mnist", "mobilenetv2", "resnet50")
    for problem in problems.read(Path(__file__).parents[1] / f"benchmarks/problems/{name}.txt")
    if math.prod((problem.batch, *problem.output_size, *problem.kernel_size, problem.out_channels or 0))
    * (problem.in_channels // problem.groups)
    < 30e6
]
ALGORITHMS = _core.conv_algorithms()
Direction = Literal["forward", "backward_data", "backward_weights"]


def refused(problem: Problem, direction: Direction, dtype: Any, algorithm: str) -> bool:
    try:
        plan(problem, direction, dtype, algorithm)
    except ValueError:
        return algorithm != ALGORITHMS[-1]  # the last one refuses nothing: a refusal of it is to fail in a test
    return False


CASES = [
    pytest.param(problem, algorithm, direction, dtype, id=f"{problem.name}-{algorithm}-{direction}-{dtype}")
    for problem, algorithm, direction, dtype in itertools.product(
        CONVS, ALGORITHMS, ("forward", "backward_data", "backward_weights"), ("float32", "float64")
    )
    if not refused(problem, direction, dtype, algorithm)
]
EXACT = [case for case in CASES if plan(case.values[0], case.values[2], case.values[3], case.values[1]).plain_sums]
by_case = pytest.mark.parametrize(("problem", "algorithm", "direction", "dtype"), CASES)
by_direction = pytest.mark.parametrize("direction", ["forward", "backward_data", "backward_weights"])


WRITTEN = {"forward": (3,), "backward_data": (0,), "backward_weights": (1, 2)}  # of x, kernel, bias, y


def run(
    made: _core.ConvPlan, direction: Direction, x: Array, kernel: Array, bias: Array | None, y: Array
) -> list[Array]:
    """Runs the plan between guards and returns what it wrote; checks that it left the rest alone."""
    given = {index: array for index, array in enumerate((x, kernel, bias, y)) if array is not None}
    outputs = [index for index in WRITTEN[direction] if index in given]
    arrays = {
        index: blank(array.shape, array.dtype) if index in outputs else Guarded(array) for index, array in given.items()
    }
    # That of a transposed convolution is test_epilogue.py's.
    offsets = arrays[2].array if bias is not None and direction != "backward_data" else None
    made.run(arrays[0].array, arrays[1].array, offsets, arrays[3].array)
    for index, guarded in arrays.items():
        guarded.check()
        if index not in outputs:
            np.testing.assert_array_equal(guarded.array, given[index])
    return [arrays[index].array for index in outputs]


def example(problem: Problem, make: Callable[..., Array], dtype: DTypeLike, seed: int = 7) -> list[Array]:
    generator = np.random.default_rng(seed)
    return [make(generator, shape, dtype) for shape in conv_shapes(problem)]


def truth(problem: Problem, direction: Direction, x: Array, kernel: Array, bias: Array | None, y: Array) -> list[Array]:
    geometry = problem.strides, problem.dilation, problem.pads
    if direction == "forward":
        return [reference.conv(x, kernel, bias, *geometry)]
    diff_x, diff_kernel, diff_bias = reference.conv_gradients(x, kernel, y, *geometry)
    if direction == "backward_data":
        return [diff_x]
    return [diff_kernel] if bias is None else [diff_kernel, diff_bias]


@pytest.mark.parametrize(("problem", "algorithm", "direction", "dtype"), EXACT)
def test_exact_on_integers(problem: Problem, algorithm: str, dtype: str, direction: Direction, isa: str) -> None:
    made = plan(problem, direction, dtype, algorithm)
    assert made.algorithm == algorithm
    assert made.output_size == problem.output_size
    x, kernel, bias, y = example(problem, integers, dtype)
    for offsets in (bias, None):
        results = run(made, direction, x, kernel, offsets, y)
        for result, expected in zip(results, truth(problem, direction, x, kernel, offsets, y), strict=True):
            np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(("problem", "algorithm", "direction", "dtype"), EXACT)
def test_close_on_normal_numbers(problem: Problem, algorithm: str, dtype: str, direction: Direction, isa: str) -> None:
    """In the Euclidean norm, n random terms added one by one err by about 0.2 * eps * sqrt(n).

    eps * sqrt(n) leaves a factor of five; 4 * eps is for the shortest sums.
    """
    made = plan(problem, direction, dtype, algorithm)
    x, kernel, bias, y = example(problem, normal, dtype)
    results = run(made, direction, x, kernel, bias, y)
    for result, expected in zip(results, truth(problem, direction, x, kernel, bias, y), strict=True):
        products = y.size if result.shape == bias.shape else y.size * kernel[..., 0].size
        terms = products / expected.size
        assert relative_error(result, expected) <= np.finfo(dtype).eps * (4 + np.sqrt(terms))


@given(problem=special_convolutions(), seed=st.integers(0, 2**16))
def test_random_problems_by_every_algorithm_that_does_not_refuse(problem: Problem, seed: int, isa: str) -> None:
    """Plain sums are exact on whole numbers; others err by little beside the sum of absolute products."""
    arrays = example(problem, integers, "float32", seed)
    for direction in ("forward", "backward_data", "backward_weights"):
        right = run(plan(problem, direction, "float32", ALGORITHMS[-1]), direction, *arrays)
        most = run(plan(problem, direction, "float32", ALGORITHMS[-1]), direction, *map(np.abs, arrays))
        for algorithm in ALGORITHMS[:-1]:
            try:
                made = plan(problem, direction, "float32", algorithm, precision="fast")
            except ValueError:
                continue
            for result, expected, size in zip(run(made, direction, *arrays), right, most, strict=True):
                tolerance = 0 if made.plain_sums else 1e-5 * size.max(initial=0)
                np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


def test_random_problems_are_for_every_algorithm() -> None:
    """Otherwise the test before this one would leave an algorithm out, and nobody would notice."""
    taken = set()

    @settings(derandomize=True, max_examples=300)
    @given(problem=special_convolutions())
    def draw(problem: Problem) -> None:
        for direction in ("forward", "backward_data", "backward_weights"):
            for algorithm in set(ALGORITHMS[:-1]) - taken:
                with contextlib.suppress(ValueError):
                    taken.add(plan(problem, direction, "float32", algorithm, precision="fast").algorithm)

    draw()
    assert taken == set(ALGORITHMS[:-1])


@by_case
def test_bit_identical_whatever_the_threads(problem: Problem, algorithm: str, direction: Direction, dtype: str) -> None:
    x, kernel, bias, y = example(problem, normal, dtype)
    before = _core.get_num_threads()
    results = []
    try:
        for count in (1, 2, 3, 7):
            _core.set_num_threads(count)
            made = plan(problem, direction, dtype, algorithm)
            results.append([array.tobytes() for array in run(made, direction, x, kernel, bias, y)])
    finally:
        _core.set_num_threads(before)
    assert all(result == results[0] for result in results[1:])


@pytest.mark.parametrize("threads_when_made", [1, 2])
def test_a_plan_may_run_with_another_number_of_threads(threads_when_made: int) -> None:
    problem = problems.parse("mb2_ic16ih20iw20_oc32oh20ow20_kh3kw3_ph1pw1")
    x, kernel, bias, y = example(problem, integers, "float32")
    before = _core.get_num_threads()
    try:
        _core.set_num_threads(threads_when_made)
        made = plan(problem, "forward", "float32")
        _core.set_num_threads(3 - threads_when_made)
        (result,) = run(made, "forward", x, kernel, bias, y)
    finally:
        _core.set_num_threads(before)
    np.testing.assert_array_equal(result, truth(problem, "forward", x, kernel, bias, y)[0])


@by_direction
def test_the_same_plan_gives_the_same_twice(direction: Direction, threads: int) -> None:
    problem = problems.parse("mb2_ic9ih12iw12_oc20oh12ow12_kh3kw3_ph1pw1")
    x, kernel, bias, y = example(problem, normal, "float32")
    made = plan(problem, direction, "float32")
    first, second = (run(made, direction, x, kernel, bias, y) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@by_direction
def test_one_plan_may_run_in_many_python_threads_at_once(direction: Direction, threads: int) -> None:
    """Each thread has its own arrays; a workspace that they shared would mix them up."""
    problem = problems.parse("mb2_ic16ih24iw24_oc32oh24ow24_kh3kw3_ph1pw1")
    made = plan(problem, direction, "float32")
    inputs = [example(problem, normal, "float32", seed) for seed in range(4)]
    alone = [run(made, direction, *arrays) for arrays in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            together = list(pool.map(lambda arrays: run(made, direction, *arrays), inputs))
            for left, right in zip(together, alone, strict=True):
                for one, other in zip(left, right, strict=True):
                    np.testing.assert_array_equal(one, other)


@by_direction
@pytest.mark.parametrize("line", ["mb0_ic3ih6iw6_oc4oh4ow4_kh3kw3", "g3mb0_ic3ih6iw6_oc3oh4ow4_kh3kw3"])
def test_an_empty_batch(line: str, direction: Direction, isa: str) -> None:
    problem = problems.parse(line)
    for algorithm in ALGORITHMS:
        if not refused(problem, direction, "float32", algorithm):
            made = plan(problem, direction, "float32", algorithm)
            results = run(made, direction, *example(problem, integers, "float32"))
            assert all((result == 0).all() for result in results)  # no image: gradients of zero, not what was there


@pytest.mark.parametrize("line", ["mb1_ic5ih9iw9_oc20oh9ow9_kh3kw3_ph1pw1", "g5mb1_ic5ih9iw9_oc5oh9ow9_kh3kw3_ph1pw1"])
def test_nan_and_infinity_reach_the_outputs_that_read_them(line: str, isa: str) -> None:
    problem = problems.parse(line)
    made = plan(problem, "forward", "float32")
    x, kernel, bias, y = example(problem, integers, "float32")
    kernel[...] = 1.0
    x[0, 4, 4, 2], x[0, 0, 0, 0] = np.nan, np.inf
    (result,) = run(made, "forward", x, kernel, bias, y)
    right = truth(problem, "forward", x, kernel, bias, y)[0]
    np.testing.assert_array_equal(result, right)
    assert np.isnan(right).any()
    assert np.isposinf(right).any()


@by_direction
@pytest.mark.parametrize("problem", REAL, ids=lambda problem: problem.name)
def test_layers_of_real_networks_equal_the_reference_algorithm(problem: Problem, direction: Direction) -> None:
    """Sizes at which blocks, panels and strips of the fast algorithms are full; too large for NumPy's reference.

    Where the sums aren't plain, the error on normal numbers is about 1e-6 at 64 channels, see test_winograd.py.
    """
    arrays = example(problem, integers, "float32")
    fast = plan(problem, direction, "float32")
    plain = plan(problem, direction, "float32", ALGORITHMS[-1])
    assert fast.output_size == problem.output_size
    for result, right in zip(run(fast, direction, *arrays), run(plain, direction, *arrays), strict=True):
        assert relative_error(result, right) <= (0 if fast.plain_sums else 2e-6)


def test_no_algorithm_is_left_out() -> None:
    """Otherwise the cases above would be empty for it, and nobody would notice."""
    assert {case.values[1] for case in CASES} == set(ALGORITHMS)
    directions = ("forward", "backward_data", "backward_weights")
    # Strassen's is chosen for no problem that is small enough to be computed here, where all serve that can.
    planned = [*CONVS, problems.parse("mb8_ic512ih14iw14_oc512oh14ow14_kh1kw1")]
    chosen = {plan(problem, direction, "float32").algorithm for problem in planned for direction in directions}
    assert chosen == set(ALGORITHMS[:-1])  # the reference is for nothing but comparison


def test_a_plan_tells_why_each_algorithm_before_the_chosen_one_was_left_out() -> None:
    for problem in CONVS:
        made = plan(problem, "forward", "float32")
        for algorithm in ALGORITHMS[: ALGORITHMS.index(made.algorithm)]:
            assert f"{algorithm}: " in made.describe()


def test_a_plan_describes_itself() -> None:
    problem = problems.parse("mb2_ic3ih8iw8_oc4oh6ow6_kh3kw3")
    made = plan(problem, "forward", "float32")
    assert made.flops == 2 * 2 * 6 * 6 * 4 * 3 * 3 * 3
    assert made.workspace_bytes >= 0
    assert made.algorithm in made.describe()
    assert "\n" not in made.describe()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": -1}, "batch"),
        ({"in_channels": 0}, "channels"),
        ({"in_channels": 5}, "channels"),
        ({"out_channels": 0}, "channels|filters"),
        ({"out_channels": 3}, "groups"),
        ({"groups": 0}, "groups"),
        ({"groups": 3}, "groups"),
        ({"input_size": (0, 8)}, "input|size"),
        ({"input_size": (8, -8)}, "input|size"),
        ({"input_size": (2, 8)}, "output|empty|positive"),
        ({"input_size": (8,)}, "rank|length|dimension|axes"),
        ({"kernel_size": (0, 3)}, "kernel"),
        ({"strides": (1, 0)}, "stride"),
        ({"dilation": (0, 1)}, "dilation"),
        ({"dilation": (4, 1)}, "output|empty|positive"),
        ({"pads": ((0, 0), (-1, 0))}, "pad"),
        ({"dtype": "float16"}, "dtype|float16"),
        ({"direction": "sideways"}, "direction|sideways"),
        ({"algorithm": "magic"}, "magic"),
        ({"batch": 2**31, "input_size": (2**30, 2**30)}, "large|overflow|2\\^|limit|many"),
        ({"kernel_size": (2**30, 2**30), "pads": ((2**30, 0), (2**30, 0))}, "large|overflow|2\\^|limit|many"),
    ],
)
def test_bad_problems(change: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {
        "op": "conv",
        "direction": "forward",
        "dtype": "float32",
        "batch": 1,
        "in_channels": 4,
        "out_channels": 6,
        "groups": 2,
        "input_size": (8, 8),
        "kernel_size": (3, 3),
        "strides": (1, 1),
        "dilation": (1, 1),
        "pads": ((0, 0), (0, 0)),
    }
    _core.ConvPlan(**arguments)
    with pytest.raises(ValueError, match=f"(?i)({words})"):
        _core.ConvPlan(**{**arguments, **change})


@pytest.mark.parametrize("position", [0, 1, 2, 3])
@pytest.mark.parametrize("fault", ["shape", "dtype", "order", "type"])
def test_bad_arrays(position: int, fault: str) -> None:
    problem = problems.parse("mb2_ic4ih6iw6_oc5oh4ow4_kh3kw3")
    made = plan(problem, "forward", "float32")
    arrays: list[Any] = example(problem, integers, "float32")
    good = arrays[position]
    arrays[position] = {
        "shape": good[..., :-1].copy(),
        "dtype": good.astype(np.float64),
        "order": good.repeat(2, axis=-1)[..., ::2],
        "type": good.tolist(),
    }[fault]
    name = ("src", "weights", "bias", "dst")[position]
    with pytest.raises((ValueError, TypeError), match=name):
        made.run(*arrays)


def test_a_read_only_output_is_refused() -> None:
    problem = problems.parse("mb2_ic4ih6iw6_oc5oh4ow4_kh3kw3")
    x, kernel, bias, y = example(problem, integers, "float32")
    y.flags.writeable = False
    with pytest.raises((ValueError, TypeError), match="dst"):
        plan(problem, "forward", "float32").run(x, kernel, bias, y)
