"""The table that `summary` prints: one row a layer, as Keras draws it. Only text is made here."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyconv.layers.layer import Layer
from pyconv.variable import Variable

if TYPE_CHECKING:
    from pyconv.models.sequential import Sequential

_LINE_LENGTH = 80
_POSITIONS = (0.45, 0.80, 1.0)  # where the columns end, in parts of the line
_HEADER = ("Layer (type)", "Output Shape", "Param #")


def summary_text(model: Sequential, line_length: int | None = None, positions: Sequence[float] | None = None) -> str:
    """The table of a model's layers and the sums under it, as one string."""
    rows = [_row(layer, shape) for layer, shape in zip(model.layers, model.output_shapes(), strict=True)]
    widths = _widths(line_length or _LINE_LENGTH, positions or _POSITIONS)
    between = _rule("├", "─", "┼", "┤", widths)
    return "\n".join(
        [
            f'Model: "{model.name}"',
            _rule("┏", "━", "┳", "┓", widths),
            *_lines(_HEADER, widths, "┃"),
            _rule("┡", "━", "╇", "┩", widths),
            f"\n{between}\n".join("\n".join(_lines(row, widths, "│")) for row in rows),
            _rule("└", "─", "┴", "┘", widths),
            _total("Total params", model.weights),
            _total("Trainable params", model.trainable_weights),
            _total("Non-trainable params", model.non_trainable_weights),
        ]
    )


def _row(layer: Layer, shape: tuple[int | None, ...] | None) -> tuple[str, str, str]:
    name = f"{layer.name} ({type(layer).__name__})"
    if shape is None:
        return name, "?", "0 (unbuilt)"
    return name, str(shape), f"{layer.count_params():,}"


def _widths(line_length: int, positions: Sequence[float]) -> list[int]:
    """How many characters each column holds, without its border and the blanks beside it."""
    ends = [round(line_length * position) for position in positions]
    return [max(end - start - 3, 1) for start, end in zip([0, *ends], [*ends[:-1], ends[-1] - 1], strict=False)]


def _rule(left: str, dash: str, cross: str, right: str, widths: Sequence[int]) -> str:
    return left + cross.join(dash * (width + 2) for width in widths) + right


def _lines(cells: Sequence[str], widths: Sequence[int], border: str) -> list[str]:
    """One row of the table; a cell too long for its column runs over several lines."""
    wrapped = [_wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(len(lines) for lines in wrapped)
    columns = [lines + [""] * (height - len(lines)) for lines in wrapped]
    return [
        f"{border} {name:<{widths[0]}} {border} {shape:<{widths[1]}} {border} {params:>{widths[2]}} {border}"
        for name, shape, params in zip(*columns, strict=True)
    ]


def _wrap(text: str, width: int) -> list[str]:
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [line if len(line) <= width else line[: width - 1] + "…" for line in lines]


def _total(title: str, weights: Sequence[Variable]) -> str:
    count = sum(weight.value.size for weight in weights)
    size = float(sum(weight.value.nbytes for weight in weights))
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f" {title}: {count:,} ({size:.2f} {unit})"
