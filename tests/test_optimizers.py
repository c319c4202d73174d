"""Optimizers: three steps against Keras' own, their formulas, and bad arguments."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pyconv import Variable, optimizers

CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.01}),
    ("Adam", {"learning_rate": 0.01, "amsgrad": True}),
    ("AdamW", {"weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.1, "rho": 0.5, "momentum": 0.9, "epsilon": 0.01}),
    ("RMSprop", {"learning_rate": 0.1, "centered": True}),
    ("Adagrad", {}),
    ("Adagrad", {"learning_rate": 0.5, "initial_accumulator_value": 0.0, "epsilon": 0.01}),
]
by_case = pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
SHARED: list[dict[str, Any]] = [
    {"weight_decay": 0.1},
    {"clipnorm": 0.5},
    {"clipvalue": 0.3},
    {"global_clipnorm": 0.7},
    {"global_clipnorm": 100.0},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_overwrite_frequency": 2},
    {"gradient_accumulation_steps": 2},
    {"gradient_accumulation_steps": 2, "clipnorm": 0.5},
    {"gradient_accumulation_steps": 2, "clipvalue": 0.3},
    {"gradient_accumulation_steps": 2, "global_clipnorm": 0.7, "weight_decay": 0.1},
    {"gradient_accumulation_steps": 3, "use_ema": True, "weight_decay": 0.01, "ema_overwrite_frequency": 1},
    {"loss_scale_factor": 4.0},
]
SHAPES = {"kernel": (4, 3), "bias": (3,)}


def compare_steps(
    keras: ModuleType, name: str, arguments: dict[str, Any], rate: Any = None, peers_rate: Any = None
) -> None:
    """Seven steps of two weights beside Keras', then everything that is remembered.

    float32 beside float32: a few roundings of numbers near 1 a step. Keras takes 1 - beta_2^t in float32 also where
    it is 0.001 and has lost four digits: rates are small where beta_2 is 0.999.
    """
    generator = np.random.default_rng(4)
    start = {key: generator.standard_normal(shape).astype(np.float32) for key, shape in SHAPES.items()}
    ours = [Variable(value, name=key) for key, value in start.items()]
    theirs = [keras.Variable(value, name=key) for key, value in start.items()]
    optimizer = getattr(optimizers, name)(**arguments, **({} if rate is None else {"learning_rate": rate}))
    peer = getattr(keras.optimizers, name)(**arguments, **({} if rate is None else {"learning_rate": peers_rate}))
    if "weight_decay" in arguments:
        optimizer.exclude_from_weight_decay(var_names=["bia"])
        peer.exclude_from_weight_decay(var_names=["bia"])
    for step in range(7):
        gradients = [generator.standard_normal(shape).astype(np.float32) for shape in SHAPES.values()]
        gradients[0][0] = 0.0
        optimizer.apply(gradients, ours)
        peer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients], theirs)
        close(ours, theirs)
        assert optimizer.iterations == int(peer.iterations), step
    assert [each.name for each in optimizer.variables] == [each.name for each in peer.variables]
    close(optimizer.variables, peer.variables)
    optimizer.finalize_variable_values(ours)
    peer.finalize_variable_values(theirs)
    close(ours, theirs)


def close(ours: list[Variable], theirs: list[Any]) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.numpy(), other.value.detach().numpy(), rtol=2e-6, atol=2e-6)


@by_case
def test_steps_are_kerass(name: str, arguments: dict[str, Any], keras: ModuleType) -> None:
    compare_steps(keras, name, arguments)


@pytest.mark.parametrize("shared", SHARED, ids=str)
@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adagrad", "Adam", "AdamW"])
def test_what_all_optimizers_share_is_kerass(name: str, shared: dict[str, Any], keras: ModuleType) -> None:
    compare_steps(keras, name, shared)


def test_steps_with_a_schedule_are_kerass(keras: ModuleType) -> None:
    arguments = (0.1, 3, 0.5)
    ours = optimizers.schedules.ExponentialDecay(*arguments)
    compare_steps(keras, "SGD", {"momentum": 0.9}, ours, keras.optimizers.schedules.ExponentialDecay(*arguments))


def test_adam_by_its_formula() -> None:
    """float64 by hand: epsilon is added to the root, outside of its correction."""
    w, m, v = 1.0, 0.0, 0.0
    variable, optimizer = Variable(np.array([w])), optimizers.Adam(0.1, 0.9, 0.99, 0.1)
    for t, g in enumerate([0.5, -2.0, 0.0], start=1):
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        w -= 0.1 * (1 - 0.99**t) ** 0.5 / (1 - 0.9**t) * m / (v**0.5 + 0.1)
        optimizer.apply([np.array([g])], [variable])
        assert variable.numpy()[0] == pytest.approx(w, rel=1e-14)


@by_case
def test_dtype_and_identity_are_kept(name: str, arguments: dict[str, Any]) -> None:
    variable = Variable(np.ones((2, 2), np.float32))
    array = variable.value
    getattr(optimizers, name)(**arguments).apply([np.ones((2, 2))], [variable])
    assert variable.value is array  # a tape watches this array
    assert array.dtype == np.float32
    assert (array < 1).all()


def test_each_variable_has_its_own_memory() -> None:
    optimizer = optimizers.SGD(1.0, momentum=0.5)
    one, other = Variable([0.0]), Variable([0.0])
    optimizer.build([one, other])
    optimizer.apply([np.array([1.0])], [one])
    optimizer.apply([np.array([0.0]), np.array([1.0])])
    assert (one.numpy()[0], other.numpy()[0]) == (-1.5, -1.0)


def test_a_variable_without_a_gradient_stays() -> None:
    optimizer, one, other = optimizers.SGD(1.0), Variable([0.0], name="one"), Variable([0.0], name="other")
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['one'\]"):
        optimizer.apply_gradients([(None, one), (np.array([1.0]), other)])
    assert (one.numpy()[0], other.numpy()[0]) == (0.0, -1.0)


@by_case
def test_a_saved_state_continues_bit_for_bit(name: str, arguments: dict[str, Any]) -> None:
    gradients = np.random.default_rng(4).standard_normal((6, 4, 3)).astype(np.float32)
    whole, first, second = (Variable(np.ones((4, 3), np.float32)) for _ in range(3))
    cls, settings = getattr(optimizers, name), {**arguments, "use_ema": True, "gradient_accumulation_steps": 2}
    optimizer, interrupted, resumed = cls(**settings), cls(**settings), cls(**settings)
    for gradient in gradients:
        optimizer.apply([gradient], [whole])
    for gradient in gradients[:3]:
        interrupted.apply([gradient], [first])
    store: dict[str, Any] = {}
    interrupted.save_own_variables(store)
    second.assign(first.value)
    resumed.build([second])
    resumed.build([second])  # the second time it is made already
    resumed.load_own_variables(store)
    for gradient in gradients[3:]:
        resumed.apply([gradient], [second])
    assert second.numpy().tobytes() == whole.numpy().tobytes()
    assert [v.numpy().tobytes() for v in resumed.variables] == [v.numpy().tobytes() for v in optimizer.variables]


def test_an_optimizer_of_ones_own_as_for_keras() -> None:
    """The words that Keras' documentation uses for one."""

    class Momentum(optimizers.Optimizer):
        def build(self, variables: Any) -> None:
            super().build(variables)
            self.momentums = [self.add_variable_from_reference(v, name="momentum") for v in variables]

        def update_step(self, gradient: Any, variable: Variable, learning_rate: float) -> None:
            m = self.momentums[self._get_variable_index(variable)]
            m.assign(m * 0.5 - gradient * learning_rate)
            variable.assign_add(m)

    own, ours = Variable([1.0, 2.0]), Variable([1.0, 2.0])
    for optimizer, variable in ((Momentum(0.1), own), (optimizers.SGD(0.1, 0.5), ours)):
        for _ in range(3):
            optimizer.apply([np.array([1.0, -2.0])], [variable])
    np.testing.assert_allclose(own.numpy(), ours.numpy(), rtol=1e-12)


def test_a_step_of_ones_own_takes_the_place_of_a_built_in_one() -> None:
    """Weights decay before it all the same, and it may go on with the step of its base."""

    class Halved(optimizers.AdamW):
        def update_step(self, gradient: Any, variable: Variable, learning_rate: float) -> None:
            super().update_step(gradient, variable, learning_rate / 2)

    own, ours = Variable([1.0, 2.0]), Variable([1.0, 2.0])
    Halved(0.1, weight_decay=0.25).apply([np.array([1.0, -2.0])], [own])
    optimizers.AdamW(0.05, weight_decay=0.5).apply([np.array([1.0, -2.0])], [ours])
    np.testing.assert_allclose(own.numpy(), ours.numpy(), rtol=1e-12)


def test_the_learning_rate_may_be_changed() -> None:
    optimizer, variable = optimizers.SGD(1.0), Variable([0.0])
    optimizer.learning_rate = 0.25
    optimizer.apply([np.array([1.0])], [variable])
    assert variable.numpy()[0] == -0.25


def test_the_learning_rate_of_a_schedule_or_function() -> None:
    rates = iter([1.0, 0.25])
    optimizer, variable = optimizers.SGD(lambda: next(rates)), Variable([0.0])
    optimizer.apply([np.array([1.0])], [variable])
    optimizer.apply([np.array([1.0])], [variable])
    assert variable.numpy()[0] == -1.25
    with pytest.raises(TypeError, match=r"SGD: learning_rate follows a schedule.*0\.1"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = optimizers.schedules.PiecewiseConstantDecay([1], [1.0, 0.5])
    assert optimizer.learning_rate == 0.5  # of the third step


@by_case
def test_configs(name: str, arguments: dict[str, Any]) -> None:
    optimizer = getattr(optimizers, name)(**arguments)
    config = optimizer.get_config()
    assert arguments.items() <= config.items()
    assert type(optimizer).from_config(config).get_config() == config


def test_configs_are_kerass(keras: ModuleType) -> None:
    for library in (optimizers, keras.optimizers):
        rate = library.schedules.CosineDecay(0.5, 10, warmup_target=1.0, warmup_steps=2)
        optimizer = library.RMSprop(rate, clipnorm=1.0, name="mine")
        config = library.serialize(optimizer)["config"]
        assert keras.optimizers.RMSprop.from_config(dict(config)).get_config() == config
        assert optimizers.RMSprop.from_config(config).get_config() == config


@pytest.mark.parametrize("name", ["sgd", "SGD", "Adam", "rmsprop", "ADAMW", "Adagrad"])
def test_get(name: str) -> None:
    optimizer = optimizers.get(name)
    assert type(optimizer).__name__.lower() == name.lower()
    assert optimizers.get(optimizer) is optimizer
    assert optimizers.get(optimizers.serialize(optimizer)).get_config() == optimizer.get_config()
    assert type(optimizers.get(type(optimizer))) is type(optimizer)


def used(optimizer: optimizers.Optimizer) -> optimizers.Optimizer:
    optimizer.apply([np.ones(1)], [Variable([1.0])])
    return optimizer


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: optimizers.SGD(-0.1), ValueError, "SGD: .*learning_rate.*-0.1"),
        (lambda: optimizers.SGD("fast"), TypeError, "SGD: .*learning_rate.*fast"),
        (lambda: optimizers.SGD(float("nan")), ValueError, "SGD: .*learning_rate.*nan"),
        (lambda: optimizers.SGD(momentum=1.5), ValueError, "SGD: .*momentum.*1.5"),
        (lambda: optimizers.Adam(beta_1=1.0), ValueError, "Adam: .*beta_1.*1"),
        (lambda: optimizers.Adam(beta_2=-1), ValueError, "Adam: .*beta_2.*-1"),
        (lambda: optimizers.RMSprop(rho=2), ValueError, "RMSprop: .*rho.*2"),
        (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), ValueError, "SGD: only one of clipnorm"),
        (lambda: optimizers.SGD(clipnorm=-1.0), ValueError, "SGD: .*clipnorm.*-1"),
        (lambda: optimizers.SGD(clip=1.0), TypeError, "clip"),
        (lambda: optimizers.SGD(gradient_accumulation_steps=1), ValueError, "gradient_accumulation_steps.*1"),
        (lambda: optimizers.SGD(ema_momentum=1.5), ValueError, "ema_momentum.*1.5"),
        (lambda: optimizers.AdamW(weight_decay=None), TypeError, "AdamW: .*weight_decay"),
        (lambda: optimizers.Adagrad(initial_accumulator_value=-1), ValueError, "Adagrad: .*initial_acc"),
        (lambda: optimizers.SGD().apply([None], [Variable([1.0])]), ValueError, "No gradients"),
        (lambda: used(optimizers.SGD()).apply([np.ones(1)], [Variable([1.0])]), ValueError, "Unknown variable"),
        (lambda: used(optimizers.SGD()).exclude_from_weight_decay(), ValueError, "before the first step"),
        (lambda: optimizers.SGD().load_own_variables({}), ValueError, "2 arrays .build the optimizer first"),
        (lambda: optimizers.SGD().apply([], [Variable([1.0])]), ValueError, "SGD: .*0.*1"),
        (lambda: optimizers.SGD().apply([np.ones(2)], [Variable([1.0])]), ValueError, r"SGD: .*\(2,\).*\(1,\)"),
        (lambda: optimizers.get("sdg"), ValueError, "sdg"),
        (lambda: optimizers.get(None), TypeError, "None"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_deserialize_knows_given_classes() -> None:
    class Slow(optimizers.SGD):
        pass

    config = optimizers.serialize(Slow(0.125))
    again = optimizers.deserialize(config, {"Slow": Slow})
    assert type(again) is Slow
    assert again.learning_rate == 0.125
    with pytest.raises(ValueError, match="Slow"):
        optimizers.deserialize(config)
