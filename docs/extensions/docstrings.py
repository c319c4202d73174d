"""Brings pyconv's docstrings into the form that the site wants. Changes no wording.

In the sources an example stands below its heading without indentation, and an equation
is a line of its own; Markdown would make quotations and running text of them.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe

# Google's form wants what belongs to a heading indented.
EXAMPLE = re.compile(r"^Example:\n((?:(?!\s*$).*\n?)+)", re.MULTILINE)
# Sections that Google's form doesn't know become paragraphs.
SHAPES = re.compile(r"^(Input shape|Output shape):\n((?: +.*\n?)+)", re.MULTILINE)
# Paragraphs that begin like y[n, o] = ... or m += ... and go on with such lines.
EQUATIONS = re.compile(
    r"(?<=\n\n)(?:[a-z]\w*(?:\[[^\]]*\])? [-+*]?= .*\n?)+", re.MULTILINE
)


class Docstrings(griffe.Extension):
    """Called for each object as its docstring is found."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = readable(obj.docstring.value)


def readable(text: str) -> str:
    """The docstring with its example indented and its equations as code."""
    text = EXAMPLE.sub(lambda found: "Examples:\n" + _indented(found[1]), text)
    text = SHAPES.sub(
        lambda found: f"**{found[1]}:** {textwrap.dedent(found[2])}", text
    )
    return EQUATIONS.sub(lambda found: _indented(found[0]), text)


def _indented(block: str) -> str:
    return re.sub(r"^(?=.)", "    ", block, flags=re.MULTILINE)
