"""The C++ core as Python sees it: plans that run on arrays, and the settings of the process.

Arrays must be C-contiguous, of the plan's dtype and of exactly the plan's shapes; `pyconv.ops`
sees to that. Images are (batch, *spatial, channels), weights (*kernel, in_channels / groups, out_channels).
"""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, final

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float32] | NDArray[np.float64]
_Activation = Literal["linear", "relu", "relu6", "leaky_relu"]

__version__: str

min_result_bytes: int
"""From this size on memory is kept for results to come."""

@final
class BoundRun:
    """A plan and all that it reads but its input, or a program: the quickest way to run it again."""

    def __call__(self, x: _Array) -> _Array | None:
        """The result; None if x has another shape, dtype or order, another ISA is in use, or the weights are gone."""

@final
class PackedWeights:
    """Weights in the form that one plan's runs read: a copy, immutable, so any number of threads may share it."""

    @property
    def nbytes(self) -> int: ...

@final
class ConvPlan:
    """A convolution ready to run: the problem, the algorithm chosen for it, its workspace size."""

    def __init__(
        self,
        op: str,
        direction: Literal["forward", "backward_data", "backward_weights"],
        dtype: Literal["float32", "float64"],
        batch: int,
        in_channels: int,
        out_channels: int,
        groups: int,
        input_size: Sequence[int],
        kernel_size: Sequence[int],
        strides: Sequence[int],
        dilation: Sequence[int],
        pads: Sequence[tuple[int, int]],
        algorithm: str = "",
        precision: Literal["strict", "auto", "fast"] = "auto",
        activation: _Activation = "linear",
        negative_slope: float = 0.0,
        src_stride: int = 0,
        dst_stride: int = 0,
    ) -> None:
        """The pixels of src, and those of dst and the residual, may lie more elements apart than they have channels:
        slices of the channels of wider images. 0 means dense, as it must be for backward_weights.
        """
    @property
    def algorithm(self) -> str: ...
    @property
    def plain_sums(self) -> bool:
        """Whether every result is a plain sum of products, so that whole numbers come out exactly."""

    @property
    def can_scale(self) -> bool:
        """Whether a program's step may multiply the channels of src by factors, which it does to the weights."""

    @property
    def output_size(self) -> tuple[int, ...]: ...
    @property
    def src_shape(self) -> tuple[int, ...]: ...
    @property
    def weights_shape(self) -> tuple[int, ...]: ...
    @property
    def dst_shape(self) -> tuple[int, ...]: ...
    @property
    def flops(self) -> int: ...
    @property
    def packed_bytes(self) -> int:
        """Bytes of packed weights, 0 where the algorithm reads them as they are."""

    @property
    def workspace_bytes(self) -> int:
        """Bytes of scratch memory a run needs with the present number of threads."""

    @property
    def workspace_bytes_alone(self) -> int:
        """Bytes of scratch memory a run on one thread needs, as within a program that runs several samples at once."""

    @property
    def refusals(self) -> list[tuple[str, str]]:
        """The algorithms asked before the chosen one, and why each refused."""

    def describe(self) -> str:
        """The problem, the algorithm chosen, and why those before it refused, in one line."""

    def pack(self, weights: _Array) -> PackedWeights:
        """The weights as they are now, for any number of runs of this plan; not for backward_weights."""

    def bind(self, weights: PackedWeights, bias: _Array | None, rows: Sequence[int] | None = None) -> BoundRun:
        """A run of the plan, forward or for data, on dense arrays with these weights, while somebody else keeps them.

        rows: the shape of src and dst but for the channels, as many as the pixels, where it isn't the plan's.
        """

    def run(
        self,
        src: _Array,
        weights: _Array | PackedWeights,
        bias: _Array | None,
        dst: _Array | None = None,
        residual: _Array | None = None,
    ) -> _Array:
        """Runs the plan: forward writes dst, backward_data src, backward_weights weights and bias.

        Weights given as an array are packed for this run alone. Forward computes
        activation(convolution + bias + residual), where residual may be dst itself; backward_data, whose bias has
        in_channels numbers, activation(gradient + bias), a transposed convolution. Returns dst, a new array that begins
        at a cache line if none is given.
        """

@final
class PoolPlan:
    """A max- or average-pooling ready to run, forward and backward."""

    def __init__(
        self,
        op: str,
        kind: Literal["max", "average"],
        dtype: Literal["float32", "float64"],
        batch: int,
        channels: int,
        input_size: Sequence[int],
        pool_size: Sequence[int],
        strides: Sequence[int],
        dilation: Sequence[int],
        pads: Sequence[tuple[int, int]],
        src_stride: int = 0,
        dst_stride: int = 0,
    ) -> None:
        """Strides as those of ConvPlan; backward is for dense arrays."""

    @property
    def output_size(self) -> tuple[int, ...]: ...
    @property
    def scratch_bytes(self) -> int:
        """Bytes of memory that each thread needs in `forward`."""

    def bind(self, shape: Sequence[int] | None = None) -> BoundRun:
        """A forward run of the plan on dense arrays, whose results have this shape instead of dst's."""

    def forward(self, src: _Array, dst: _Array | None = None) -> _Array:
        """Returns dst, a new array that begins at a cache line if none is given."""

    def backward(self, src: _Array, diff_dst: _Array, diff_src: _Array) -> None:
        """Writes diff_src; src is read by max-pooling alone (the first largest element wins)."""

# Where a tensor of a program begins: (buffer, offset, advance). Buffer 0 is the arena, 1 what is kept between sections,
# then come the inputs and then the outputs; offset is the first byte in it; by advance bytes each repeat of the section
# lies further on, 0 in the arena.
_Place = tuple[int, int, int]

class _StepFacts(TypedDict):
    """A step of a program, for each repeat of its section."""

    kind: str
    algorithm: str
    repeats: int
    flops: int
    bytes_read: int
    bytes_written: int
    weights_bytes: int
    workspace_bytes: int

@final
class Program:
    """Planned steps over one memory, run by one call; immutable, from any number of threads at once."""

    def run(self, inputs: Sequence[_Array], outputs: Sequence[_Array], rounds: int = 1) -> None:
        """Runs all sections `rounds` times, each on the next stretch of the arrays: float32, contiguous, any shape.

        Each array has as many bytes as the builder was told for it, times rounds.
        """

    def profile(self, inputs: Sequence[_Array], outputs: Sequence[_Array], rounds: int = 1) -> list[float]:
        """Runs, and returns the seconds that each step took in all its repeats and rounds.

        Where threads ran repeats at once, that is the time of a thread divided by their number.
        """

    def steps(self) -> list[_StepFacts]: ...

@final
class ProgramSequence:
    """Programs run one after the other by one call, from one array to another.

    Args:
        parts: each program, how many rounds of it, and the numbers of the arrays that are its inputs and then outputs.
        arrays: bytes of each array, and where it begins in what lies between. The first is the sequence's input, the
            second its output; these begin where run is told.
        between: bytes of what lies between.
    """

    def __init__(
        self, parts: Sequence[tuple[Program, int, Sequence[int]]], arrays: Sequence[tuple[int, int]], between: int
    ) -> None: ...
    def run(self, x: _Array, y: _Array) -> None:
        """Reads x and writes y: float32, contiguous, any shape."""

    def bind(self, input: Sequence[int], output: Sequence[int]) -> BoundRun:
        """One call, for an input and with an output of these shapes."""

def row_blocks_workspace(plans: Sequence[ConvPlan], blocks: int) -> int:
    """Bytes between convolutions in blocks of rows, of all threads; see ProgramBuilder.row_blocks."""

@final
class ProgramBuilder:
    """Collects the steps of a program, in the order in which they run.

    Every place is checked when a step is added: ValueError where one lies outside of its memory, where an input is
    written to, or where two repeats of a section write to the same bytes. What a step reads must have been written by
    a step before it; that isn't checked.

    Args:
        inputs: bytes of each input, for one round.
        outputs: the same of the outputs.
        arena: bytes of what lives within a repeat of a section, and is lost after it.
        kept: bytes of what one section leaves for later ones.
    """

    def __init__(self, inputs: Sequence[int], outputs: Sequence[int], arena: int, kept: int = 0) -> None: ...
    def section(self, repeats: int, share: Literal["auto", "steps", "repeats"] = "auto") -> None:
        """The steps that follow are run so many times, before those that follow another call.

        Threads share each of the steps, or the repeats, each thread with an arena of its own. Without a call all steps
        are one section that is run once.
        """

    def conv(
        self,
        plan: ConvPlan,
        src: _Place,
        packed: PackedWeights,
        bias: _Array | None,
        dst: _Place,
        residual: _Place | None = None,
        factors: _Place | None = None,
    ) -> None:
        """A plan's run with weights from its `pack`; bias is copied; residual may be dst.

        factors are in_channels numbers that those of src are multiplied by, of a plan of one image that `can_scale`.

        A plan of backward_data is a transposed convolution: what its problem calls dst lies at src. It has no residual.
        """

    def row_blocks(
        self,
        convs: Sequence[
            tuple[ConvPlan, PackedWeights, _Array | None, Sequence[tuple[_ElementOp, _Operand, float, float]]]
        ],
        blocks: int,
        src: _Place,
        dst: _Place,
        residual: _Place | None = None,
    ) -> None:
        """Convolutions that follow one another, in so many blocks of rows.

        Each has packed weights, bias, and the links of a chain that its results go through, which read no arrays. Plans
        are of plain sums, for one image. residual is added by the last one; dst must be neither it nor src.
        """

    def pool(self, plan: PoolPlan, src: _Place, dst: _Place) -> None: ...
    def copy(
        self, src: _Place, dst: _Place, shape: Sequence[int], src_strides: Sequence[int], dst_strides: Sequence[int]
    ) -> None:
        """Copies an array of that shape, whose axes have such strides, in floats, on either side.

        Slices, crops, concatenation, other orders of axes; a stride of 0 in src repeats. Places begin at the array's
        first element. No two elements may share a place in dst, and strides must not be negative.
        """

    def pad(
        self,
        src: _Place,
        dst: _Place,
        shape: Sequence[int],
        before: Sequence[int],
        after: Sequence[int],
        value: float,
    ) -> None:
        """Copies an array of that shape into the middle of dst, and fills the rest with value."""

    def chain(
        self, chain: Chain, src: _Place, dst: _Place, operands: Sequence[_Place | NDArray[np.float32]] = ...
    ) -> None:
        """A chain's run; an operand, one for each link that reads an array, is a place or numbers, which are copied.

        dst may be src or an operand that is a tensor.
        """

    def softmax(self, rows: int, channels: int, src: _Place, dst: _Place) -> None: ...
    def row_normalize(
        self,
        rows: int,
        channels: int,
        centred: bool,
        epsilon: float,
        scale: NDArray[np.float32] | None,
        shift: NDArray[np.float32] | None,
        src: _Place,
        dst: _Place,
    ) -> None: ...
    def resample(self, plan: Resampling, src: _Place, dst: _Place) -> None: ...
    def build(self) -> Program: ...

_ElementOp = Literal[
    "relu", "leaky_relu", "clip", "abs", "neg", "square", "sqrt", "rsqrt", "exp", "log", "erf", "tanh", "sigmoid",
    "silu", "hard_sigmoid", "hard_silu", "gelu", "gelu_tanh", "elu", "softplus", "softsign", "mish",
    "add", "sub", "rsub", "mul", "div", "rdiv", "max", "min",
]  # fmt: skip
_Operand = Literal["none", "number", "tensor", "channels", "image_channels", "pixels"]

@final
class Chain:
    """Operations on each element of (batch, pixels, channels), one after the other, in one pass over memory.

    A link is (operation, operand, alpha, beta); src/cpp/element_op.h has the equations. Operations of one number have
    no operand, "none". Those of two take their second from "number", which is alpha, or from an array: "tensor" (batch,
    pixels, channels), "channels" (channels,), "image_channels" (batch, channels) or "pixels" (batch, pixels).
    """

    def __init__(
        self,
        dtype: Literal["float32", "float64"],
        batch: int,
        pixels: int,
        channels: int,
        links: Sequence[tuple[_ElementOp, _Operand, float, float]],
        src_stride: int = 0,
        dst_stride: int = 0,
    ) -> None:
        """Pixels lie so many elements apart, 0 for as many as there are channels; else only programs run it."""

    def run(self, src: _Array, operands: Sequence[_Array] = ..., dst: _Array | None = None) -> _Array:
        """Returns dst, a new array if none is given; dst may be src or a tensor among the operands."""

def element(op: _ElementOp, src: _Array, alpha: float = 0.0, beta: float = 0.0, dst: _Array | None = None) -> _Array:
    """One operation on each element of an array of any shape; the second number of those of two is alpha."""

def softmax(src: _Array, dst: _Array | None = None) -> _Array:
    """e^x over its sum along the last axis. Returns dst, which may be src, a new array if none is given."""

def row_normalize(
    src: _Array,
    centred: bool,
    epsilon: float,
    scale: _Array | None = None,
    shift: _Array | None = None,
    dst: _Array | None = None,
) -> _Array:
    """(src - mean) / sqrt(variance + epsilon) * scale + shift along the last axis; the mean is 0 unless centred."""

@final
class Resampling:
    """Images (batch, height, width, channels) whose pixels are weighted sums of a few of others, axis by axis.

    rows and cols are elements of the source and their weights, both (results, taps).
    """

    def __init__(
        self,
        dtype: Literal["float32", "float64"],
        batch: int,
        height: int,
        width: int,
        channels: int,
        rows: tuple[NDArray[np.integer[Any]], NDArray[np.float64]],
        cols: tuple[NDArray[np.integer[Any]], NDArray[np.float64]],
    ) -> None: ...
    @property
    def scratch_bytes(self) -> int:
        """Bytes of memory that each thread needs in a run."""

    def run(self, src: _Array, dst: _Array | None = None) -> _Array:
        """Returns dst, a new array if none is given."""

def empty(dtype: Literal["float32", "float64"], shape: Sequence[int]) -> _Array:
    """An uninitialised array that begins at a cache line, a large one in memory that a freed one may have left."""

def sgd_update(
    weights: _Array,
    gradients: _Array,
    keep: float,
    rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    velocity: _Array | None = None,
    factor: float = 1.0,
    limit: float = ...,
) -> None:
    """A step in one pass; this and the next two change weights and what is kept, by the equations of kernel_table.h."""

def adam_update(
    weights: _Array,
    gradients: _Array,
    keep: float,
    rate: float,
    mean_share: float,
    square_share: float,
    epsilon: float,
    mean: _Array,
    square: _Array,
    largest: _Array | None = None,
    factor: float = 1.0,
    limit: float = ...,
) -> None: ...
def rmsprop_update(
    weights: _Array,
    gradients: _Array,
    keep: float,
    rate: float,
    square_keep: float,
    square_share: float,
    epsilon: float,
    square: _Array,
    momentum: float = 0.0,
    velocity: _Array | None = None,
    mean_share: float = 0.0,
    mean: _Array | None = None,
    factor: float = 1.0,
    limit: float = ...,
) -> None: ...
def sum_of_squares(src: _Array) -> float:
    """Added up in double, the same for any number of threads."""

def channel_moments(src: _Array) -> tuple[_Array, _Array]:
    """The mean and the variance of each column of src, (rows, channels); rows must not be 0."""

class ChannelNormalization:
    """z = (src - centre) * scale + shift and an activation of it; src and the results are (rows, channels).

    The gradients are of the same without residual, d being diff_dst times the activation's derivative at z.
    """

    def __init__(
        self,
        src: _Array,
        centre: _Array,
        scale: _Array,
        shift: _Array,
        activation: _Activation = "linear",
        negative_slope: float = 0.0,
    ) -> None: ...
    def run(self, residual: _Array | None = None) -> _Array:
        """The activation of z + residual."""

    def gradient_sums(self, diff_dst: _Array) -> tuple[_Array, _Array]:
        """For each column the sum of d, and that of d * (src - centre)."""

    def gradient(self, diff_dst: _Array, slope: _Array, lift: _Array) -> _Array:
        """That of src: d * scale + (src - centre) * slope + lift."""

def activation_backward(activation: _Activation, negative_slope: float, dst: _Array, diff_dst: _Array) -> _Array:
    """diff_dst times the derivative of an activation whose result is dst, a new array."""

def pad(src: _Array, before: Sequence[int], after: Sequence[int], value: float, dst: _Array) -> None:
    """Copies src into the middle of dst and fills the rest with value; up to eight dimensions."""

def transpose(src: _Array, dst: _Array) -> None:
    """Writes src, matrices (N, rows, columns), to dst, (N, columns, rows)."""

def conv_algorithms() -> list[str]:
    """The algorithms of ConvPlan in the order they are asked, the reference last."""

def available_isas() -> list[str]:
    """The instruction sets this build has kernels for and this CPU runs, best first."""

def get_isa() -> str: ...
def set_isa(name: str) -> None: ...
def get_num_threads() -> int: ...
def set_num_threads(count: int) -> None: ...
def fma_peak(threads: int, seconds: float) -> float:
    """float32 FLOP/s of multiply-adds in registers, measured for so long: the limit a direct convolution runs into."""

def release_workspaces() -> None: ...
def kept_workspace_bytes() -> int:
    """Bytes of scratch memory kept between runs, that which a run holds at the moment not counted."""

def kept_result_bytes() -> int:
    """Bytes of freed results kept for results to come."""

def build_config() -> dict[str, Any]:
    """Compiler and tile sizes of the ISA in use, for pyconv.show_config()."""
