"""The error of Winograd's algorithms and Strassen's against float64, and the precision that lets them run."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import problems
import pyconv
from arrays import Array, conv_shapes, normal, relative_error
from guards import Guarded, blank
from plans import plan
from pyconv import _core, config, ops

LINES = [
    'mb1_ic64ih28iw28_oc64oh28ow28_kh3kw3_ph1pw1_n"plain"',
    'mb2_ic20ih21iw18_oc40oh19ow16_kh3kw3_n"few_channels"',
    'mb1_ic25ih13iw30_oc35oh15ow32_kh3kw3_ph2pw2_n"odd_channels"',
    'mb1_ic256ih14iw14_oc64oh14ow14_kh3kw3_ph1pw1_n"many_channels"',
    'mb1_ic70ih15iw14_oc90oh15ow14_kh3kw3_ph1pw1_n"panels_in_parts"',
    'mb1_ic32ih24iw27_oc48oh24ow27_kh3kw3_ph3pw2_dh2dw1_n"dilated"',
    'mb1_ic96ih3iw5_oc64oh3ow5_kh3kw3_ph1pw1_n"one_tile_high"',
    'mb2_ic96iw60_ih1_oc80ow60_oh1_kh3kw3_ph1pw1_n"one_row"',
    'g3mb1_ic75ih18iw14_oc66oh18ow14_kh3kw3_ph1pw1_n"groups_25to22"',
    'g2mb1_ic48ih11iw14_oc74oh11ow14_kh3kw3_ph1pw1_n"groups_24to37"',
]
LINES_5X5 = [
    'mb1_ic64ih28iw28_oc64oh28ow28_kh5kw5_ph2pw2_n"plain5"',
    'mb2_ic20ih21iw18_oc40oh17ow14_kh5kw5_n"few_channels5"',
    'mb1_ic25ih13iw30_oc35oh17ow34_kh5kw5_ph4pw4_n"odd_channels5"',
    'mb1_ic256ih14iw14_oc64oh14ow14_kh5kw5_ph2pw2_n"many_channels5"',
    'mb1_ic32ih24iw27_oc48oh24ow27_kh5kw5_ph6pw4_dh2dw1_n"dilated5"',
    'g3mb1_ic60ih14iw15_oc30oh14ow15_kh5kw5_ph2pw2_n"groups5"',
]
LINES_STRIDE2 = [
    'mb1_ic64ih28iw28_oc64oh14ow14_kh3kw3_sh2sw2_ph1pw1_n"plain_s2"',
    'mb2_ic3ih21iw18_oc40oh10ow8_kh3kw3_sh2sw2_n"colour_s2"',
    'mb1_ic25ih13iw30_oc35oh8ow16_kh3kw3_sh2sw2_ph2pw1_n"odd_channels_s2"',
    'mb1_ic256ih14iw14_oc64oh7ow7_kh3kw3_sh2sw2_ph0pw0_n"many_channels_s2"',
    'mb1_ic96ih3iw5_oc64oh2ow3_kh3kw3_sh2sw2_ph1pw1_n"one_tile_s2"',
    'g3mb1_ic45ih18iw15_oc30oh9ow8_kh3kw3_sh2sw2_ph1pw1_n"groups_s2"',
]
LINES_OF_THREE = [
    'mb1_ic64ih14iw30_oc64oh14ow30_kh1kw3_ph0pw1_n"row3"',
    'mb2_ic24ih30iw5_oc35oh32ow5_kh3kw1_ph2pw0_n"column3"',
    'mb2_ic25iw90_oc40ow92_kw3_dw1_pw3_n"dilated3"',
    'g3mb1_ic45ih14iw15_oc36oh14ow15_kh1kw3_ph0pw1_n"groups3"',
]
LINES_OF_FIVE = [
    'mb1_ic64ih14iw30_oc64oh14ow30_kh1kw5_ph0pw2_n"row5"',
    'mb2_ic75ih30iw5_oc75oh26ow5_kh5kw1_n"column5"',
    'mb1_ic100ih5iw50_oc100oh7ow34_kh1kw5_ph1pw0_dw3_n"padded_across5"',
]
LINES_OF_SEVEN = [
    'mb1_ic160ih17iw17_oc64oh17ow17_kh1kw7_ph0pw3_n"row7"',
    'mb2_ic75ih30iw5_oc75oh30ow5_kh7kw1_ph3pw0_n"column7"',
    'mb2_ic90iw101_oc90ow89_kw7_dw1_n"dilated7"',
]
LINES_WEIGHTS = [
    'mb1_ic64ih28iw28_oc64oh28ow28_kh3kw3_ph1pw1_n"plain"',
    'mb6_ic25ih7iw7_oc35oh7ow7_kh3kw3_ph1pw1_n"few_pixels"',
    'mb2_ic3ih21iw18_oc40oh19ow16_kh3kw3_n"colour"',
    'mb1_ic32ih24iw27_oc48oh24ow27_kh3kw3_ph3pw2_dh2dw1_n"dilated"',
    'mb1_ic96ih3iw120_oc64oh3ow120_kh3kw3_ph1pw1_n"one_tile_high"',
    'mb1_ic9ih64iw65_oc17oh64ow65_kh3kw3_ph1pw1_n"in_parts"',
]
LINES_TRANSPOSED = [
    'mb40_ic33ih13iw13_oc64oh11ow11_kh3kw3_n"more_images_than_a_block"',
    'mb64_ic64ih5iw5_oc64oh3ow3_kh3kw3_n"one_tile_t"',
    'mb3_ic40ih5iw18_oc60oh3ow16_kh3kw3_n"one_tile_high_t"',
    'mb1_ic35ih18iw21_oc40oh16ow19_kh3kw3_n"one_image_t"',
    'mb2_ic20ih24iw17_oc70oh20ow15_kh3kw3_dh1dw0_n"dilated_t"',
    'g3mb2_ic45ih13iw13_oc90oh11ow11_kh3kw3_n"groups_t"',
]
LINES_POINTWISE = [
    'mb1_ic512ih14iw14_oc256oh14ow14_kh1kw1_n"plain1"',
    'mb3_ic64ih5iw7_oc96oh5ow7_kh1kw1_n"odd_pixels1"',
    'mb2_ic26ih9iw31_oc70oh9ow31_kh1kw1_n"halves_of_no_vector1"',
    'mb1_ic320iw130_oc1000ow130_kw1_n"matrices1"',
]
# How much larger than the plain sum's the error may be, by algorithm.
BOUNDS = {
    "winograd4_weights": 2.5,
    "winograd4_transposed": 2.5,
    "winograd4": 2.5,
    "winograd2": 1.25,
    "winograd2_5x5": 2.5,
    "winograd3_stride2": 1.5,
    "winograd4_line3": 2.0,
    "winograd4_line5": 2.5,
    "winograd2_line7": 2.5,
    "strassen": 1.75,
}
OF_THEIR_OWN = {
    "winograd4_weights": (["backward_weights"], LINES_WEIGHTS),
    "winograd4_transposed": (["backward_data"], LINES_TRANSPOSED),
    "winograd2_5x5": (["forward", "backward_data"], LINES_5X5),
    "winograd3_stride2": (["forward"], LINES_STRIDE2),
    "winograd4_line3": (["forward", "backward_data"], LINES_OF_THREE),
    "winograd4_line5": (["forward", "backward_data"], LINES_OF_FIVE),
    "winograd2_line7": (["forward", "backward_data"], LINES_OF_SEVEN),
    "strassen": (["forward", "backward_data"], LINES_POINTWISE),
}
CASES = [
    pytest.param(problem, direction, algorithm, id=f"{problem.name}-{algorithm}-{direction}")
    for algorithm in BOUNDS
    for directions, lines in [OF_THEIR_OWN.get(algorithm, (["forward", "backward_data"], LINES))]
    for direction in directions
    for problem in map(problems.parse, lines)
]
by_case = pytest.mark.parametrize(("problem", "direction", "algorithm"), CASES)
by_direction = pytest.mark.parametrize("direction", ["forward", "backward_data"])


def run(problem: problems.Problem, direction: Any, dtype: Any, algorithm: str, arrays: list[Array]) -> Array:
    """What the plan makes of the arrays x, kernel, bias and y, all but that result between guards."""
    made = plan(problem, direction, dtype, algorithm)
    assert made.algorithm == algorithm
    result = ("backward_data", "backward_weights", "", "forward").index(direction)
    given = [
        blank(array.shape, dtype) if place == result else Guarded(array.astype(dtype))
        for place, array in enumerate(arrays)
    ]
    x, kernel, bias, y = (guarded.array for guarded in given)
    made.run(x, kernel, None if direction == "backward_data" else bias, y)
    for guarded in given:
        guarded.check()
    return given[result].array


@by_case
def test_the_error_beside_that_of_a_plain_sum(
    problem: problems.Problem, direction: str, algorithm: str, isa: str
) -> None:
    """The promise of precision "auto", and no single result off by more than 5e-6 of the largest.

    Small tiles are as accurate as the plain sum, a little less where that meets mostly padding (one row: 1.1) or has
    few terms (27 with stride 2: 1.41).
    """
    arrays = [normal(np.random.default_rng(5), shape, "float32") for shape in conv_shapes(problem)]
    truth = run(problem, direction, "float64", "reference", arrays)
    plain = run(problem, direction, "float32", "direct", arrays)
    fast = run(problem, direction, "float32", algorithm, arrays)
    assert relative_error(fast, truth) <= BOUNDS[algorithm] * relative_error(plain, truth)
    assert np.abs(fast - truth).max() <= 5e-6 * np.abs(truth).max()


def test_every_algorithm_has_a_bound() -> None:
    """Those of plain sums have one for all, in test_core_conv.py."""
    lines = problems.read(Path(__file__).parent / "problems/conv.txt")
    others = set()
    for problem, direction in itertools.product(lines, ("forward", "backward_data", "backward_weights")):
        for algorithm in set(_core.conv_algorithms()) - others:
            with contextlib.suppress(ValueError):
                if not plan(problem, direction, "float32", algorithm).plain_sums:
                    others.add(algorithm)
    assert others == set(BOUNDS)


@by_case
def test_bit_identical_whatever_the_threads(problem: problems.Problem, direction: str, algorithm: str) -> None:
    arrays = [normal(np.random.default_rng(6), shape, "float32") for shape in conv_shapes(problem)]
    before = _core.get_num_threads()
    results = []
    try:
        for count in (1, 2, 5):
            _core.set_num_threads(count)
            results.append(run(problem, direction, "float32", algorithm, arrays).tobytes())
    finally:
        _core.set_num_threads(before)
    assert len(set(results)) == 1


def test_the_weight_gradient_refuses_few_pixels() -> None:
    problem = problems.parse("mb1_ic32ih14iw14_oc32oh14ow14_kh3kw3_ph1pw1")
    with pytest.raises(ValueError, match="winograd4_weights: so few pixels"):
        plan(problem, "backward_weights", "float32", "winograd4_weights")
    assert plan(problem, "backward_weights", "float32").algorithm == "direct"


@by_direction
@pytest.mark.parametrize("line", ["ic19ih24oc19kh3ph1", "ic40iw60ih1oc40ow60oh1kh3kw3ph1pw1"])
def test_it_refuses_where_the_plain_sum_has_so_few_terms_that_it_is_much_more_accurate(
    line: str, direction: Any
) -> None:
    problem = problems.parse(f"mb1{line}")
    with pytest.raises(ValueError, match="winograd4: so few products"):
        plan(problem, direction, "float32", "winograd4")


@by_direction
def test_strassens_refuses_few_source_channels(direction: Any) -> None:
    with pytest.raises(ValueError, match="strassen: so few products"):
        plan(problems.parse("mb1ic6ih24oc6kh1"), direction, "float32", "strassen")
    assert plan(problems.parse("mb1ic8ih24oc8kh1"), direction, "float32", "strassen").algorithm == "strassen"


def test_precision_is_a_setting_of_the_process(rng: np.random.Generator) -> None:
    """Whole numbers come out exactly only from plain sums, so they tell which algorithm ran."""
    x, kernel = (rng.integers(-4, 5, shape).astype("float32") for shape in ((1, 32, 32, 64), (3, 3, 64, 64)))
    exact = ops.conv(x.astype("float64"), kernel.astype("float64"))
    assert config.get_precision() == "auto"
    assert not np.array_equal(ops.conv(x, kernel), exact)
    try:
        pyconv.set_precision("strict")
        np.testing.assert_array_equal(ops.conv(x, kernel), exact)
    finally:
        pyconv.set_precision("auto")
    assert not np.array_equal(ops.conv(x, kernel), exact)


def test_fast_takes_winograd_where_auto_finds_it_too_inaccurate(rng: np.random.Generator) -> None:
    """Of 12 channels a plain sum has too few terms: 108, where six points in two dimensions ask for 180."""
    x, kernel = (rng.integers(-4, 5, shape).astype("float32") for shape in ((1, 40, 40, 12), (3, 3, 12, 64)))
    exact = ops.conv(x.astype("float64"), kernel.astype("float64"))
    auto = ops.conv(x, kernel)
    try:
        pyconv.set_precision("fast")
        fast = ops.conv(x, kernel)
    finally:
        pyconv.set_precision("auto")
    assert relative_error(auto, exact) < relative_error(fast, exact) < 1e-6


def test_bad_precision() -> None:
    with pytest.raises(ValueError, match=r"set_precision: precision .*'high'"):
        pyconv.set_precision("high")
