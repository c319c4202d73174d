"""Reads problem files in the line syntax of oneDNN's benchdnn. Not a benchdnn driver: knobs (--dir=...) are refused.

A line is letters and numbers, as `mb1_ic64ih56iw56_oc64oh56ow56_kh3kw3_sh1sw1_ph1pw1_dh0dw0_n"name"`; underscores
mean nothing and # starts a comment. benchdnn's implicit rules hold: mb is 2 unless given; where only the larger
dimensions are given (d, then h), the smaller ones equal them; a missing output size follows from the pads, missing
pads from the output size; the pad at the end is what the output size asks for. benchdnn's dilation 0 is Keras' 1.
A line without oc is a pooling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FIELD = re.compile(r"(mb|g|[io]c|[iokspd][dhw])(\d+)_*")
_AXES = {"dhw": "dhw", "d": "ddd", "hw": "hw", "h": "hh", "w": "w"}  # letters given -> the letter of each axis
_NAME = re.compile(r'n"?([^"]*)"?$')


@dataclass(frozen=True)
class Problem:
    """A convolution, or a pooling where out_channels is None; sizes hold one number a spatial axis."""

    name: str
    batch: int
    groups: int
    in_channels: int
    out_channels: int | None
    input_size: tuple[int, ...]
    output_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]  # 1 is dense
    pads: tuple[tuple[int, int], ...]

    @property
    def rank(self) -> int:
        return len(self.kernel_size)


@dataclass(frozen=True)
class _Axis:
    size: int
    output: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int


def parse(line: str) -> Problem:
    """The problem that one line describes; ValueError names the line and what it lacks."""
    fields: dict[str, int] = {}
    rest = line.strip()
    while match := _FIELD.match(rest):
        if match[1] in fields:
            raise ValueError(f"problem line: {match[1]} must appear once. Received: {line!r}")
        fields[match[1]] = int(match[2])
        rest = rest[match.end() :]
    name = _NAME.match(rest)
    if rest and name is None:
        raise ValueError(f"problem line: {rest!r} is not a field. Received: {line!r}")
    if "ic" not in fields:
        raise ValueError(f"problem line: ic must be given. Received: {line!r}")
    axes = [_axis(fields, letters, line) for letters in _letters(fields, line)]
    return Problem(
        name=name[1] if name else "",
        batch=fields.get("mb", 2),
        groups=fields.get("g", 1),
        in_channels=fields["ic"],
        out_channels=fields.get("oc"),
        input_size=tuple(axis.size for axis in axes),
        output_size=tuple(axis.output for axis in axes),
        kernel_size=tuple(axis.kernel for axis in axes),
        strides=tuple(axis.stride for axis in axes),
        dilation=tuple(axis.dilation for axis in axes),
        pads=tuple((axis.before, axis.after) for axis in axes),
    )


def read(path: Path) -> list[Problem]:
    """The problems of a file, one a line."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [parse(line) for line in lines if line]


def _letters(fields: dict[str, int], line: str) -> str:
    """For each spatial axis of the problem the letter whose fields describe it: "hw" as given, "hh" for a square."""
    given = "".join(letter for letter in "dhw" if any(f"{kind}{letter}" in fields for kind in "iokspd"))
    if given not in _AXES or any(f"i{letter}" not in fields for letter in given):
        raise ValueError(
            f"problem line: sizes must be given for d, h and w, or for the larger ones. Received: {line!r}"
        )
    return _AXES[given]


def _axis(fields: dict[str, int], letter: str, line: str) -> _Axis:
    size, kernel = fields[f"i{letter}"], fields.get(f"k{letter}", 0)
    stride, dilation = fields.get(f"s{letter}", 1), fields.get(f"d{letter}", 0) + 1
    output, before = fields.get(f"o{letter}"), fields.get(f"p{letter}")
    if kernel < 1 or stride < 1:
        raise ValueError(f"problem line: k{letter} and s{letter} must be positive. Received: {line!r}")
    extent = (kernel - 1) * dilation + 1
    if output is None:
        before = before or 0
        output = (size - extent + 2 * before) // stride + 1
    elif before is None:
        before = max((output - 1) * stride + extent - size, 0) // 2
    after = max((output - 1) * stride + extent - size - before, 0)
    if output < 1:
        raise ValueError(f"problem line: o{letter} must be positive, is {output}. Received: {line!r}")
    return _Axis(size, output, kernel, stride, dilation, before, after)
