"""Which steps take a batch sample by sample, and which all of it at once. Runs nothing.

Sample by sample, what lies between two steps stays in the cache, each thread takes samples of its own, one program
serves every size of batch, and its results are the same bits in all of them. Measured with ResNet-50, 16 images and
two threads: 36.9 images/s with blocks of 1, 38.1 with 2, 36.8 with 4 and 30.1 with all 16.
Where weights are larger than a cache and met by few pixels they should be read once for all samples: those of Dense and
of 1x1 convolutions of small images, as plain sums of products. Larger windows stay with single samples, for their
algorithm, and with it the last bits of a result, depends on the batch.
"""

from __future__ import annotations

import math

from pyconv.program.graph import Node
from pyconv.program.kinds import Conv

# Weights up to here stay in a core's cache (1 MiB is the usual half of one) from sample to sample.
_CACHED = 2**20
# With so many pixels the products take longer than reading a weight: two operations a pixel at some 100 GFLOP/s, four
# bytes at some 20 GB/s make ten.
_PIXELS = 10


def takes_batch(node: Node) -> bool:
    """Whether a node should see the whole batch at once."""
    return isinstance(node.kind, Conv) and reads_weights_once(node.kind, math.prod(node.output.shape[:-1]))


def reads_weights_once(conv: Conv, pixels: int) -> bool:
    """Whether a convolution with so many pixels a sample should see all samples before the next weight."""
    return math.prod(conv.weights.shape[:-2]) == 1 and conv.weights.nbytes > _CACHED and pixels < _PIXELS
