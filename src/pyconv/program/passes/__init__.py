"""What is done to a graph before it becomes a program: passes in their order, each a function graph -> changes made."""

from __future__ import annotations

from collections.abc import Callable

from pyconv.program.graph import Graph
from pyconv.program.passes.cancel_transposes import cancel_transposes
from pyconv.program.passes.fold_affine import fold_affine_after, fold_affine_before
from pyconv.program.passes.fold_constants import fold_constants
from pyconv.program.passes.fold_padding import fold_padding
from pyconv.program.passes.fuse_activation import fuse_activation
from pyconv.program.passes.fuse_chains import fuse_chains
from pyconv.program.passes.fuse_factors import fuse_factors
from pyconv.program.passes.fuse_residual import fuse_residual
from pyconv.program.passes.fuse_row_blocks import fuse_row_blocks
from pyconv.program.passes.remove_identity import remove_identity

# Axes come first, for the other passes know channels last alone. Factors and offsets go into a convolution before its
# activation does, and zeros round the image before offsets that they forbid. A sum can be taken over only by a
# convolution without activation, and an activation may follow the sum. What is left becomes chains.
PASSES: tuple[Callable[[Graph], int], ...] = (
    cancel_transposes,
    fold_constants,
    remove_identity,
    fold_affine_after,
    fuse_activation,
    fold_padding,
    fold_affine_before,
    fuse_residual,
    fuse_activation,
    fuse_chains,
    fuse_factors,
    fuse_row_blocks,
)


def simplify(graph: Graph) -> None:
    """Runs all passes."""
    for run in PASSES:
        run(graph)
