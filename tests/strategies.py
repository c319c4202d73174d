"""What hypothesis draws from: small problems of every kind that have an output."""

from __future__ import annotations

from hypothesis import strategies as st

from problems import Problem


@st.composite
def convolutions(draw: st.DrawFn) -> Problem:
    """Convolutions of one to three dimensions with any strides, dilation, groups and pads; the batch may be empty."""
    groups = draw(st.integers(1, 3))
    return _windowed(
        draw,
        longest=5,
        groups=groups,
        in_channels=groups * draw(st.integers(1, 5)),
        out_channels=groups * draw(st.integers(1, 20)),
        dilated=True,
    )


@st.composite
def special_convolutions(draw: st.DrawFn) -> Problem:
    """Two-dimensional ones of the kinds that algorithms are made for, beyond one vector and one tile of each size."""
    kind = draw(st.sampled_from(["3x3", "5x5", "1x1", "halves", "line", "depthwise", "grouped", "halved", "strided"]))
    kernel = {"3x3": 3, "5x5": 5, "1x1": 1, "halves": 1, "halved": 3}.get(kind) or draw(st.integers(2, 5))
    kernels = draw(st.permutations([1, draw(st.sampled_from([3, 5, 7]))])) if kind == "line" else [kernel, kernel]
    groups = {"depthwise": draw(st.integers(1, 70)), "grouped": draw(st.integers(2, 9))}.get(kind, 1)
    of_group = st.just(1) if kind == "depthwise" else st.integers(1, 12 if kind == "grouped" else 70)
    in_channels, out_channels = groups * draw(of_group), groups * draw(of_group)
    if kind == "halves":  # both kinds of channels have them
        in_channels, out_channels = 2 * in_channels, 2 * out_channels
    stride = {"halved": 2, "strided": draw(st.integers(2, 3))}.get(kind, 1)
    dilation = 1 if kind == "halved" else draw(st.integers(1, 3))
    axes = []
    for kernel in kernels:
        most = 0 if kind == "halves" else kernel
        before, after = draw(st.integers(0, most)), draw(st.integers(0, most))
        smallest = max((kernel - 1) * dilation + 1 - before - after, 1)
        size = draw(st.integers(smallest, smallest + 20))
        axes.append((size, (before, after), (size + before + after - (kernel - 1) * dilation - 1) // stride + 1))
    sizes, pads, outputs = zip(*axes, strict=True)
    batch = draw(st.integers(1, 2))
    windows = tuple(kernels), (stride,) * 2, (dilation,) * 2
    return Problem(kind, batch, groups, in_channels, out_channels, sizes, outputs, *windows, pads)


@st.composite
def poolings(draw: st.DrawFn) -> Problem:
    """Poolings whose pads are smaller than their windows."""
    return _windowed(draw, longest=6, groups=1, in_channels=draw(st.integers(1, 20)), out_channels=None, dilated=False)


def _windowed(
    draw: st.DrawFn, longest: int, groups: int, in_channels: int, out_channels: int | None, dilated: bool
) -> Problem:
    rank = draw(st.integers(1, 3))
    axes = [draw(_axis(longest, dilated)) for _ in range(rank)]
    sizes, kernels, strides, dilations, pads = zip(*axes, strict=True)
    outputs = tuple((n + sum(p) - (k - 1) * d - 1) // s + 1 for n, k, s, d, p in axes)
    batch = draw(st.integers(0, 2))
    return Problem("", batch, groups, in_channels, out_channels, sizes, outputs, kernels, strides, dilations, pads)


@st.composite
def _axis(draw: st.DrawFn, longest: int, dilated: bool) -> tuple[int, int, int, int, tuple[int, int]]:
    kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    dilation = draw(st.integers(1, 3)) if dilated else 1
    most = 3 if dilated else kernel - 1
    before, after = draw(st.integers(0, most)), draw(st.integers(0, most))
    smallest = max((kernel - 1) * dilation + 1 - before - after, 1)
    return draw(st.integers(smallest, smallest + longest)), kernel, stride, dilation, (before, after)
