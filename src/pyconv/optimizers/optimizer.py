"""The base of all optimizers: the order of a step, and the state it leaves behind. The formulas are in subclasses."""

from __future__ import annotations

import functools
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pyconv import _core, initializers
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.naming import unique_name
from pyconv.ops.arrays import contiguous
from pyconv.ops.geometry import integer
from pyconv.optimizers import clipping, schedules
from pyconv.variable import Variable

LearningRate = float | Callable[..., float]


class Scaling(NamedTuple):
    """What comes before an optimizer's formula."""

    keep: float = 1.0  # the weight becomes this times itself
    of_gradient: tuple[float, float] = (1.0, math.inf)  # a factor, and a limit that its numbers are then cut to


class Optimizer:
    """Changes weights, in place, along their gradients; a subclass says how in `update_step`.

    A step takes, in this order: the mean of the gradients accumulated, clipping, weight decay, the subclass' formula,
    the moving average of the weights, the weights' constraints.

    Args:
        learning_rate: how far a step goes: a number, one of `pyconv.optimizers.schedules`, or a function without
            arguments. A number may be changed between steps through the attribute of that name.
        weight_decay: before each step weights become w - weight_decay * learning_rate * w.
        clipnorm: gradients of a larger Euclidean norm are scaled down to it, each by itself.
        clipvalue: gradients are cut to [-clipvalue, clipvalue].
        global_clipnorm: all gradients are scaled down together if the norm of all is larger.
        use_ema: whether averages = ema_momentum * averages + (1 - ema_momentum) * weights are kept. `fit` puts them in
            the place of the weights when it ends; elsewhere call `finalize_variable_values`.
        ema_momentum: see use_ema, 0 to 1.
        ema_overwrite_frequency: after how many steps each the averages replace the weights also in between.
        loss_scale_factor: gradients are divided by it, for losses that were multiplied with `scale_loss`.
        gradient_accumulation_steps: the weights change only at each such step, along the mean of the gradients since.
        name: the optimizer's name.

    Raises:
        TypeError: if an argument is of a wrong type.
        ValueError: if one is out of its range, or more than one kind of clipping is asked for.

    Example:
    >>> from pyconv import Variable
    >>> from pyconv.optimizers import Optimizer
    >>> class SignDescent(Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         variable.assign_sub(learning_rate * np.sign(gradient))
    >>> weight = Variable([1.0, 2.0])
    >>> SignDescent(0.5).apply([np.array([7.0, -3.0])], [weight])
    >>> weight.numpy()
    array([0.5, 2.5])
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _once(cls.build)  # type: ignore[method-assign]
        if "update_step" in vars(cls) and "_scaled_step" not in vars(cls):
            cls._scaled_step = Optimizer._scaled_step  # type: ignore[method-assign]  # not that of its base

    def __init__(
        self,
        learning_rate: LearningRate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        op = type(self).__name__
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(value is not None for value in clips.values()) > 1:
            raise ValueError(
                f"{op}: only one of clipnorm, clipvalue and global_clipnorm can be set. Received: {clips}."
            )
        self.name = unique_name(op) if name is None else name
        self.weight_decay = _positive(op, "weight_decay", weight_decay)
        self.clipnorm = _positive(op, "clipnorm", clipnorm)
        self.clipvalue = _positive(op, "clipvalue", clipvalue)
        self.global_clipnorm = _positive(op, "global_clipnorm", global_clipnorm)
        self.use_ema = bool(use_ema)
        self.ema_momentum = real_number(op, "ema_momentum", ema_momentum, 0, 1)
        self.ema_overwrite_frequency = _count(op, "ema_overwrite_frequency", ema_overwrite_frequency, minimum=1)
        self.loss_scale_factor = _positive(op, "loss_scale_factor", loss_scale_factor)
        self.gradient_accumulation_steps = _count(
            op, "gradient_accumulation_steps", gradient_accumulation_steps, minimum=2
        )
        self.built = False
        self._iterations = Variable(0, "int64", trainable=False, name="iteration")
        self._state: list[Variable] = [self._iterations]
        self._rate: Variable | Callable[..., float] = _rate(op, learning_rate)
        if isinstance(self._rate, Variable):
            self._state.append(self._rate)
        self._indices: dict[Variable, int] = {}
        self._averages: list[Variable] = []
        self._accumulated: list[Variable] = []
        self._not_decayed: tuple[list[Variable], list[str]] = [], []

    @property
    def learning_rate(self) -> float:
        """How far the next step goes. What a schedule gives can't be set, but be replaced by another schedule."""
        if isinstance(self._rate, Variable):
            return float(self._rate.value)
        scheduled = isinstance(self._rate, schedules.LearningRateSchedule)
        return float(self._rate(int(self._iterations.value)) if scheduled else self._rate())

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        op = type(self).__name__
        if callable(value):
            if isinstance(self._rate, Variable):
                self._state.remove(self._rate)
            self._rate = value
        elif not isinstance(self._rate, Variable):
            raise TypeError(
                f"{op}: learning_rate follows a schedule, so no number can be set. Received: learning_rate={value!r}."
            )
        else:
            self._rate.assign(real_number(op, "learning_rate", value, 0, math.inf, open_end=True))

    @property
    def iterations(self) -> int:
        """How many steps have been taken, those that only accumulated gradients not counted."""
        return int(self._iterations.value) // (self.gradient_accumulation_steps or 1)

    @property
    def variables(self) -> list[Variable]:
        """The state: all that a step depends on beside weights and gradients, in the order of Keras' files."""
        return list(self._state)

    def build(self, variables: Sequence[Variable]) -> None:
        """Makes the state for these weights, once; else the first step does. A subclass adds its own after this."""
        if self.built:
            return
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated = self.add_optimizer_variables(variables, "gradient_accumulator")
        self._indices = {variable: index for index, variable in enumerate(variables)}
        self.built = True

    def update_step(self, gradient: Array, variable: Variable, learning_rate: float) -> None:
        """Changes one variable; `iterations` counts the steps before this one."""
        raise NotImplementedError(f"{type(self).__name__}: an optimizer must define update_step.")

    def apply(self, grads: Sequence[Array | None], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Takes one step: the first gradient changes the first variable, and so on.

        Args:
            grads: the gradients; where one is None the variable stays, with a warning.
            trainable_variables: the variables; by default those that the optimizer was built for.

        Raises:
            ValueError: if the numbers of gradients and variables differ, a gradient's shape and its variable's, there
                is no gradient at all, or the optimizer was built for other variables.
        """
        variables = list(self._indices if trainable_variables is None else trainable_variables)
        gradients = self._checked(list(grads), variables)
        if not self.built:
            self.build(variables)
        if unknown := [variable for variable in variables if variable not in self._indices]:
            raise ValueError(
                f"{type(self).__name__}: Unknown variable: {unknown[0]}. An optimizer keeps to the variables it was "
                "built for; compile the model again, or make a new optimizer, when layers have become trainable."
            )
        present = [index for index, gradient in enumerate(gradients) if gradient is not None]
        if len(present) < len(variables):
            names = [variable.path for variable, gradient in zip(variables, gradients, strict=True) if gradient is None]
            warnings.warn(f"{type(self).__name__}: Gradients do not exist for variables {names}.", stacklevel=2)
            variables = [variables[index] for index in present]
        self._step([gradients[index] for index in present], variables)
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))
        self._iterations.assign_add(1)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Array | None, Variable]]) -> None:
        """`apply` for pairs of a gradient and its variable."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])

    def scale_loss(self, loss: Array) -> Array:
        """The loss multiplied by loss_scale_factor, if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Takes variables out of weight_decay.

        Args:
            var_list: the variables.
            var_names: patterns (`re.search`) for the names of others, "bias" say.

        Raises:
            ValueError: if the optimizer is built already.
        """
        if self.built:
            raise ValueError(f"{type(self).__name__}: exclude_from_weight_decay must be called before the first step.")
        self._not_decayed = list(var_list or ()), list(var_names or ())

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Puts the moving averages in the place of the weights, if use_ema."""
        for variable in var_list if self._averages else ():
            variable.assign(self._averages[self._indices[variable]].value)

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str = "var", initializer: Any = "zeros"
    ) -> Variable:
        """A new part of the state, of a variable's shape and dtype."""
        value = initializers.get(initializer)(reference_variable.shape, reference_variable.dtype.name)
        path = f"{reference_variable.path.replace('/', '_')}_{name}"
        variable = Variable(value, reference_variable.dtype, trainable=False, name=path)
        variable.path = f"{self.name}/{path}"
        self._state.append(variable)
        return variable

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Variable], name: str | Sequence[str], initializer: Any = "zeros"
    ) -> Any:
        """New parts of the state for all variables: a list, or for several names as many lists."""
        names = [name] if isinstance(name, str) else list(name)
        made = [
            [self.add_variable_from_reference(variable, each, initializer) for each in names]
            for variable in trainable_variables
        ]
        columns = [[row[column] for row in made] for column in range(len(names))]
        return columns[0] if isinstance(name, str) else columns

    def save_own_variables(self, store: MutableMapping[str, Array]) -> None:
        """Puts the state into a dictionary, numbered as `variables` are."""
        store.update({str(index): variable.numpy() for index, variable in enumerate(self._state)})

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Takes the state from what `save_own_variables`, or Keras', has written.

        Raises:
            ValueError: if there are more or fewer arrays than `variables`, or one has another shape.
        """
        if len(store) != len(self._state):
            raise ValueError(
                f"{type(self).__name__}.load_own_variables: there must be {len(self._state)} arrays"
                f"{'' if self.built else ' (build the optimizer first)'}. Received: {len(store)}."
            )
        for index, variable in enumerate(self._state):
            variable.assign(np.asarray(store[str(index)]))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        rate = self.learning_rate if isinstance(self._rate, Variable) else schedules.serialize(self._rate)
        return {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
        """A new optimizer made from what `get_config` returned, without its state."""
        rate = config["learning_rate"]
        if isinstance(rate, Mapping):
            rate = schedules.deserialize(rate, custom_objects)
        return cls(**{**config, "learning_rate": rate})

    def _get_variable_index(self, variable: Variable) -> int:
        return self._indices[variable]  # the name that optimizers written for Keras use

    def _checked(self, grads: list[Array | None], variables: list[Variable]) -> list[Any]:
        op = type(self).__name__
        if len(grads) != len(variables):
            raise ValueError(
                f"{op}: each variable needs a gradient. Received: {len(grads)} gradients, {len(variables)} variables."
            )
        if grads and all(gradient is None for gradient in grads):
            raise ValueError(f"{op}: No gradients provided for any variable. Received: None for all {len(grads)}.")
        for gradient, variable in zip(grads, variables, strict=True):
            if gradient is not None and np.shape(gradient) != variable.shape:
                raise ValueError(
                    f"{op}: a gradient must have its variable's shape. "
                    f"Received: gradient.shape={np.shape(gradient)}, variable={variable}."
                )
        scale = self.loss_scale_factor or 1.0
        return [
            None if gradient is None else np.asarray(gradient / scale if scale != 1 else gradient, variable.dtype)
            for gradient, variable in zip(grads, variables, strict=True)
        ]

    def _step(self, gradients: list[Array], variables: list[Variable]) -> None:
        if self.gradient_accumulation_steps is None:
            self._update(gradients, variables)
        else:
            sums = [self._accumulated[self._indices[variable]] for variable in variables]
            for total, gradient in zip(sums, gradients, strict=True):
                total.assign_add(gradient)
            if (int(self._iterations.value) + 1) % self.gradient_accumulation_steps == 0:
                self._update([total.value for total in sums], variables, 1 / self.gradient_accumulation_steps)
                for total in sums:
                    with total.writing() as array:
                        array[...] = 0
        if self.use_ema:
            self._average()

    def _update(self, gradients: list[Array], variables: list[Variable], factor: float = 1.0) -> None:
        rate, limit = self.learning_rate, self.clipvalue or math.inf
        if self.global_clipnorm:
            factor *= clipping.by_global_norm(gradients, self.global_clipnorm / factor)
        for gradient, variable in zip(gradients, variables, strict=True):
            own = factor * clipping.by_norm(gradient, self.clipnorm / factor) if self.clipnorm else factor
            decay = self.weight_decay if self.weight_decay and self._is_decayed(variable) else 0.0
            self._scaled_step(gradient, variable, rate, Scaling(1 - decay * rate, (own, limit)))

    def _scaled_step(self, gradient: Array, variable: Variable, learning_rate: float, scaling: Scaling) -> None:
        """`update_step`, after what scaling says; pyconv's own optimizers do it all at once."""
        if scaling.keep != 1:
            with variable.writing() as array:
                array *= scaling.keep
        factor, limit = scaling.of_gradient
        if factor != 1:
            gradient = gradient * factor
        if limit != math.inf:
            gradient = np.clip(gradient, -limit, limit)
        self.update_step(gradient, variable, learning_rate)

    def _is_decayed(self, variable: Variable) -> bool:
        listed, patterns = self._not_decayed
        return not (
            any(variable is other for other in listed) or any(re.search(pattern, variable.name) for pattern in patterns)
        )

    def _average(self) -> None:
        momentum = self.ema_momentum if self.iterations else 0.0  # the first step's weights are the first average
        for variable, index in self._indices.items():
            with self._averages[index].writing() as average:
                # momentum * average + (1 - momentum) * weight, as a step of gradient descent that goes upwards.
                _core.sgd_update(average, contiguous(variable.value), momentum, momentum - 1)
        if self.ema_overwrite_frequency and (self.iterations + 1) % self.ema_overwrite_frequency == 0:
            self.finalize_variable_values(list(self._indices))


def _once(build: Callable[..., None]) -> Callable[..., None]:
    """A subclass' `build` that does nothing where the state is made already."""

    @functools.wraps(build)
    def build_once(self: Optimizer, variables: Sequence[Variable]) -> None:
        if not self.built:
            build(self, variables)

    return build_once


def _rate(op: str, learning_rate: LearningRate) -> Variable | Callable[..., float]:
    if callable(learning_rate):
        return learning_rate
    value = real_number(op, "learning_rate", learning_rate, 0, math.inf, open_end=True)
    # In float64, so that a number that was saved and loaded again is the same number.
    return Variable(value, "float64", trainable=False, name="learning_rate")


def _positive(op: str, name: str, value: float | None) -> float | None:
    return None if value is None else real_number(op, name, value, 0, math.inf, open_end=True)


def _count(op: str, name: str, value: int | None, minimum: int) -> int | None:
    return None if value is None else integer(op, name, value, minimum)
