"""A model that predicts by programs: what they do, what they need, what they cost. They are made in pyconv/program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyconv import config, symbolic
from pyconv.gradient import Array
from pyconv.models.training import Trainer
from pyconv.ops import geometry

if TYPE_CHECKING:
    from pyconv.models.memory import MemoryPlan
    from pyconv.program.cache import Programs
    from pyconv.program.report import ProgramReport


class Inference(Trainer):
    """What `Model` can tell of its predictions."""

    _programs: Programs | None = None

    def memory_plan(self, batch_size: int) -> MemoryPlan:
        """How much memory `predict` and `fit` need at a batch size, in bytes; found without allocating it.

        Counted are weights, results of layers as long as they live, what gradients need of them, gradients, and the
        workspaces of convolutions. Not counted are the samples, the optimizer's state (the trainable weights once or
        twice), what an operation that NumPy computes in steps holds in between (an exact gelu: four times its result),
        and the memory that is kept for the next results (`pyconv.release_workspaces` gives it back). Activations and
        gradients of a training step come out within a quarter of what is measured, as a rule within a few per cent.

        Args:
            batch_size: the number of samples.

        Returns:
            A `MemoryPlan`; printed it is a table.

        Raises:
            TypeError: if batch_size isn't an integer.
            ValueError: if it is less than 1, the model isn't built, or a size of its input isn't known.

        Example:
        >>> from pyconv import Sequential, layers
        >>> model = Sequential([layers.Input((32, 32, 3)), layers.Conv2D(16, 3, activation="relu"), layers.Flatten()])
        >>> plan = model.memory_plan(64)
        >>> plan.weights == (3 * 3 * 3 * 16 + 16) * 4
        True
        >>> print(plan)
        a batch of 64
        weights                                            0.0 MiB
        inference                                          ... MiB
        ...
        """
        from pyconv.models.memory import memory_plan  # noqa: PLC0415 - so that `import pyconv` stays light

        return memory_plan(self, batch_size)

    def plan(self, batch_size: int) -> ProgramReport:
        """The steps by which the model predicts a batch: what each joins, its algorithm, shapes, operations, memory.

        Args:
            batch_size: the number of samples.

        Returns:
            A `ProgramReport`; printed it is a table, `as_dict()` and `to_json()` have its numbers.

        Raises:
            TypeError: if batch_size isn't an integer.
            ValueError: if it is less than 1, a size of the input isn't known, or the layers run one by one.

        Example:
        >>> from pyconv import Sequential, layers
        >>> model = Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv"), layers.ReLU(name="relu")])
        >>> [step.layers for step in model.plan(1).steps]
        [('conv', 'relu')]
        """
        from pyconv.program import report  # noqa: PLC0415 - so that `import pyconv` stays light
        from pyconv.program.cache import compiled_for  # noqa: PLC0415 - likewise

        op = f"{self._op}.plan"
        batch_size = geometry.integer(op, "batch_size", batch_size)
        return report.plan(compiled_for(op, self, self._sample_shapes(op)), batch_size)

    def profile(self, x: Any, repeats: int = 5) -> ProgramReport:
        """The steps of `plan` with times: milliseconds, operations a second, and their share of the machine's limit.

        Args:
            x: a batch of samples, or of each of several inputs.
            repeats: how many runs; of each step's times the least counts.

        Returns:
            A `ProgramReport`; `pyconv.plotting.profile` draws it.

        Raises:
            TypeError: if x isn't numbers or repeats no integer.
            ValueError: if x doesn't fit the model, or the layers run one by one.
        """
        from pyconv.program import report  # noqa: PLC0415 - see plan
        from pyconv.program.cache import compiled_for  # noqa: PLC0415 - likewise

        op = f"{self._op}.profile"
        repeats = geometry.integer(op, "repeats", repeats)
        self(x, training=False)  # which builds the model, and refuses what doesn't fit it
        arrays = [np.asarray(array, np.float32) for array in self._flat_inputs(self._taken("x", x))]
        return report.profile(compiled_for(op, self, tuple(array.shape[1:] for array in arrays)), arrays, repeats)

    def _sample_shapes(self, op: str) -> tuple[tuple[int, ...], ...]:
        """The shapes of a sample of each input; ValueError where a size isn't known."""
        shapes = symbolic.flat_shapes(self.input_shape) if self.input_shape is not None else [(None, None)]
        samples = [tuple(size for size in shape[1:] if size is not None) for shape in shapes]
        if any(len(sample) < len(shape) - 1 for sample, shape in zip(samples, shapes, strict=True)):
            raise ValueError(f"{op}: all sizes of the input must be known. Received: input_shape={self.input_shape}.")
        return tuple(samples)

    def freeze(self) -> None:
        """Drops the weights that the model's programs have packed copies of, which halves its memory, for serving.

        What works afterwards: calls and `predict` with samples of the shapes that the model has been called with, or
        of its `input_shape` if that is known, in batches of any size, by any number of threads. What needs a weight's
        numbers raises RuntimeError: training, saving, `get_weights`, samples of other shapes, and predictions after
        `pyconv.set_isa` or `set_precision`, or after `pyconv.tune` has changed one of its algorithms. Dense layers of
        more than 1 MiB stay, for each size of batch packs them anew; so do layers that the programs call. There is no
        way back but to load or make the model anew.

        Raises:
            ValueError: if the model has no program: it hasn't been called and a size of its input isn't known, or its
                layers run one by one.

        Example:
        >>> import numpy as np
        >>> from pyconv import Sequential, layers
        >>> model = Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3)])
        >>> model.freeze()
        >>> model.predict(np.zeros((5, 8, 8, 3)), verbose=0).shape
        (5, 6, 6, 4)
        """
        from pyconv.program.cache import compiled_for  # noqa: PLC0415 - see plan

        op = f"{self._op}.freeze"
        programs = self._program_cache()
        if not programs.has_any():
            compiled_for(op, self, self._sample_shapes(op))
        programs.freeze()

    def _run_program(self, arrays: list[Array]) -> list[Array] | None:
        """The flat results by the model's program, None where the layers must run; see pyconv/program."""
        if not config.get_programs():
            self._programs = None
            return None
        return self._program_cache().run(arrays)

    def _program_cache(self) -> Programs:
        if self._programs is None:
            from pyconv.program.cache import Programs  # noqa: PLC0415 - so that `import pyconv` stays light

            self._programs = Programs(self)
        return self._programs

    def _flat_inputs(self, inputs: Any) -> list[Array]:
        """The given arrays in the order of the model's inputs."""
        raise NotImplementedError
