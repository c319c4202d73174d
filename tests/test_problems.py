"""The reader of problem lines, and that every problem file of the repository means what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

import problems

ROOT = Path(__file__).parents[1]
FILES = sorted(ROOT.glob("benchmarks/problems/*.txt")) + sorted(ROOT.glob("tests/problems/*.txt"))


def test_a_full_line() -> None:
    problem = problems.parse('g2mb3_ic4ih9iw8_oc6oh4ow8_kh3kw2_sh2sw1_ph0pw1_dh0dw1_n"a name"')
    assert problem == problems.Problem(
        name="a name",
        batch=3,
        groups=2,
        in_channels=4,
        out_channels=6,
        input_size=(9, 8),
        output_size=(4, 8),
        kernel_size=(3, 2),
        strides=(2, 1),
        dilation=(1, 2),
        pads=((0, 0), (1, 1)),
    )


def test_the_larger_dimension_stands_for_the_smaller_ones() -> None:
    square = problems.parse("mb1ic3ih7oc5kh3ph1")
    assert (square.input_size, square.output_size, square.kernel_size) == ((7, 7), (7, 7), (3, 3))
    cube = problems.parse("mb1ic3id7oc5kd3")
    assert (cube.input_size, cube.output_size) == ((7, 7, 7), (5, 5, 5))


def test_one_dimension_and_the_default_batch() -> None:
    line = problems.parse("ic3iw10oc5kw3sw2")
    assert (line.batch, line.rank, line.output_size, line.pads) == (2, 1, (4,), ((0, 0),))


def test_pads_follow_from_the_output_size() -> None:
    assert problems.parse("ic1iw8oc1ow8kw4").pads == ((1, 2),)
    assert problems.parse("ic1iw8oc1ow4kw3sw2pw0").pads == ((0, 1),)
    assert problems.parse("ic1iw8oc1ow4kw1sw2").pads == ((0, 0),)


def test_without_out_channels_it_is_a_pooling() -> None:
    assert problems.parse("mb1ic3ih6oh3kh2sh2").out_channels is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ic3ih7oc5kh3zz1", "zz1"),
        ("--dir=BWD_D ic3ih7oc5kh3", "--dir"),
        ("ic3ic3ih7oc5kh3", "ic must appear once"),
        ("ih7oc5kh3", "ic must be given"),
        ("ic3oc5", "sizes must be given"),
        ("ic3ih7oc5kh3sw2", "sizes must be given"),
        ("ic3ih7oc5", "kh and sh must be positive"),
        ("ic3ih2oc5kh3", "oh must be positive"),
    ],
)
def test_bad_lines(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        problems.parse(line)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_hold_distinct_named_problems_of_the_size_they_claim(path: Path) -> None:
    found = problems.read(path)
    assert found
    assert all(problem.name for problem in found)
    assert len({problem.name for problem in found}) == len(found)
    for problem in found:
        axes = zip(
            problem.input_size, problem.kernel_size, problem.strides, problem.dilation, problem.pads, strict=True
        )
        sizes = tuple((n + sum(p) - (k - 1) * d - 1) // s + 1 for n, k, s, d, p in axes)
        assert sizes == problem.output_size, problem.name
        assert problem.in_channels % problem.groups == 0
        assert (problem.out_channels or 0) % problem.groups == 0
