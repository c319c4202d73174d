"""A count of changes to weights, layers and settings in this process, so that what was made of them knows when to look.

Whoever has made something of them compares one number; only where it has changed he asks what did.
"""

from __future__ import annotations

import itertools

_numbers = itertools.count(1)


class Changes:
    """The number of the latest change; another after each. Two threads' changes never leave the number as it was."""

    latest = 0


def note() -> None:
    """Says that something has changed; after the change."""
    Changes.latest = next(_numbers)
