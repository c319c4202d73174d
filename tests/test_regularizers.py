"""regularizers and constraints by themselves, in layers, and in training."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array, normal
from pyconv import constraints, layers, ops, regularizers
from pyconv.gradient import Tape

MATRIX = normal(np.random.default_rng(40), (5, 4), np.float64)
PENALTIES: list[tuple[Any, float]] = [
    (regularizers.L1(0.5), 0.5 * np.abs(MATRIX).sum()),
    (regularizers.L2(0.5), 0.5 * (MATRIX**2).sum()),
    (regularizers.L1L2(0.5, 0.25), 0.5 * np.abs(MATRIX).sum() + 0.25 * (MATRIX**2).sum()),
    (regularizers.L1L2(), 0.0),
    (regularizers.L1(None), 0.01 * np.abs(MATRIX).sum()),  # type: ignore[arg-type] # Keras' None
]
CONSTRAINTS = [
    constraints.MaxNorm(1.0),
    constraints.MaxNorm(1.5, axis=[0, 1]),
    constraints.MinMaxNorm(0.5, 1.5, rate=0.25, axis=1),
    constraints.UnitNorm(axis=0),
    constraints.NonNeg(),
]


@pytest.mark.parametrize(("regularizer", "expected"), PENALTIES)
def test_penalties(regularizer: Any, expected: float) -> None:
    assert float(regularizer(MATRIX)) == pytest.approx(expected, rel=1e-14)
    assert regularizer(MATRIX.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal(mode: str) -> None:
    rows = MATRIX if mode == "rows" else MATRIX.T
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    above = np.abs(unit @ unit.T)[np.triu_indices(len(unit), 1)]
    assert float(regularizers.OrthogonalRegularizer(0.5, mode)(MATRIX)) == pytest.approx(0.5 * above.mean(), rel=1e-12)


@pytest.mark.parametrize(
    "regularizer",
    [*(penalty for penalty, _ in PENALTIES[:3]), regularizers.OrthogonalRegularizer(0.5, "columns")],
)
def test_gradients(regularizer: Any) -> None:
    """Central differences in float64: h^2 times a third derivative, near 1e-10."""
    direction = normal(np.random.default_rng(41), MATRIX.shape, np.float64)
    with Tape([MATRIX]) as tape:
        y = regularizer(MATRIX)
    (gradient,) = tape.gradient(y)
    slope = (regularizer(MATRIX + 1e-5 * direction) - regularizer(MATRIX - 1e-5 * direction)) / 2e-5
    assert float((gradient * direction).sum()) == pytest.approx(float(slope), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_constraints_do_what_they_say(constraint: Any) -> None:
    w = constraint(MATRIX)
    assert w.shape == MATRIX.shape
    if isinstance(constraint, constraints.NonNeg):
        np.testing.assert_array_equal(w, np.maximum(MATRIX, 0))
        return
    axes = tuple(np.atleast_1d(constraint.axis))
    before, after = (np.sqrt((a**2).sum(axis=axes)) for a in (MATRIX, w))
    if isinstance(constraint, constraints.UnitNorm):
        wanted = np.ones_like(before)
    elif isinstance(constraint, constraints.MaxNorm):
        wanted = np.minimum(before, constraint.max_value)
    else:
        wanted = 0.25 * np.clip(before, 0.5, 1.5) + 0.75 * before
    np.testing.assert_allclose(after, wanted, rtol=1e-6)  # 1e-7 is added to norms so that none is divided by zero


@pytest.mark.parametrize("thing", [*(penalty for penalty, _ in PENALTIES[:3]), *CONSTRAINTS])
def test_against_keras(thing: Any, keras: ModuleType) -> None:
    module = "constraints" if isinstance(thing, constraints.Constraint) else "regularizers"
    theirs = getattr(getattr(keras, module), type(thing).__name__)(**thing.get_config())
    np.testing.assert_allclose(thing(MATRIX), np.asarray(theirs(keras.ops.convert_to_tensor(MATRIX))), rtol=1e-6)
    saved = getattr(pyconv, module).serialize(thing)
    assert saved == getattr(keras, module).serialize(theirs) | {"config": saved["config"]}
    for name, value in theirs.get_config().items():
        assert saved["config"][name] == pytest.approx(value)


def test_the_orthogonal_regularizer_against_keras(keras: ModuleType) -> None:
    for mode in ("rows", "columns"):
        theirs = keras.regularizers.OrthogonalRegularizer(0.5, mode)(keras.ops.convert_to_tensor(MATRIX))
        ours = regularizers.OrthogonalRegularizer(0.5, mode)(MATRIX)
        assert float(ours) == pytest.approx(float(theirs), rel=1e-5)  # Keras multiplies matrices in float32


@pytest.mark.parametrize("module", [regularizers, constraints])
def test_every_way_to_name_one(module: Any) -> None:
    known = {
        regularizers: (regularizers.L2, "l2", {"l2": 0.3}),
        constraints: (constraints.MaxNorm, "max_norm", {"axis": 1}),
    }
    cls, name, config = known[module]
    assert module.get(None) is None
    assert module.serialize(None) is None
    for identifier in (name, cls.__name__, cls, cls(), {"class_name": name, "config": {}}):
        assert type(module.get(identifier)) is cls
    made = module.get({"module": f"keras.{module.__name__}", "class_name": cls.__name__, "config": config})
    assert made.get_config() | config == made.get_config()
    assert module.get(module.serialize(made)).get_config() == made.get_config()
    assert module.get(np.sum) is np.sum
    with pytest.raises(ValueError, match=r"\.get: identifier must be one of.*nonesuch"):
        module.get("nonesuch")
    with pytest.raises(TypeError, match=r"\.get: .*0\.1"):
        module.get(0.1)
    with pytest.raises(TypeError, match=r"\.serialize: "):
        module.serialize(np.sum)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: regularizers.L1("much"), TypeError, "L1: .*l1.*much"),
        (lambda: regularizers.L2(float("nan")), ValueError, "L2: .*l2.*nan"),
        (lambda: regularizers.L1L2(-1), ValueError, "L1L2: .*l1.*-1"),
        (lambda: regularizers.OrthogonalRegularizer(mode="x"), ValueError, "OrthogonalRegularizer: mode.*x"),
        (
            lambda: regularizers.OrthogonalRegularizer()(np.ones(3)),
            ValueError,
            r"OrthogonalRegularizer: .*rank 2.*\(3,\)",
        ),
        (lambda: constraints.MaxNorm(-1), ValueError, "MaxNorm: .*max_value.*-1"),
        (lambda: constraints.MinMaxNorm(rate=2), ValueError, "MinMaxNorm: .*rate.*2"),
        (lambda: constraints.UnitNorm(axis=3)(MATRIX), ValueError, "axis.*3"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def network() -> pyconv.Sequential:
    return pyconv.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(4, kernel_regularizer="l2", activity_regularizer=regularizers.L1(0.5), name="first"),
            layers.Dense(2, bias_regularizer=lambda b: ops.sum(ops.absolute(b)), name="second"),
        ]
    )


def test_losses_are_collected_and_belong_to_one_call() -> None:
    model, x = network(), np.ones((2, 3))
    kernel, bias = model.get_layer("first").get_weights()
    assert [float(loss) for loss in model.losses] == pytest.approx([0.01 * (kernel**2).sum(), 0.0], rel=1e-6)
    for _ in range(2):
        model(x)
    results = np.abs(np.float32(x) @ kernel + bias)
    # A sample's share: the sum over both divided by two.
    assert [float(loss) for loss in model.losses] == pytest.approx(
        [0.5 * results.sum() / 2, 0.01 * (kernel**2).sum(), 0.0], rel=1e-6
    )
    model.trainable = False
    assert len(model.losses) == 1, "weights that aren't trained aren't pulled"


def test_a_layer_of_ones_own_adds_losses() -> None:
    class Penalized(layers.Layer):
        def call(self, x: Array) -> Array:
            self.add_loss(ops.sum(x))
            self.add_loss(ops.mean(x))
            return x

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    layer = Penalized()
    for _ in range(2):
        layer(np.ones((2, 3)))
        assert [float(loss) for loss in layer.losses] == [6.0, 1.0]
    model = pyconv.Sequential([layer, layers.Flatten()])
    model(np.ones((1, 3)))
    assert [float(loss) for loss in model.losses] == [3.0, 1.0]


def test_training_against_keras(keras: ModuleType) -> None:
    """A step of plain descent with every kind of penalty, and a constraint after it, in float32."""

    def make(library: Any) -> Any:
        return library.Sequential(
            [
                library.layers.Input((5, 4)),
                library.layers.Conv1D(3, 2, kernel_regularizer="L1L2", kernel_constraint="unit_norm"),
                library.layers.Flatten(),
                library.layers.Dense(
                    2, bias_regularizer="l2", activity_regularizer="l1", kernel_regularizer=library.regularizers.L2(0.1)
                ),
            ]
        )

    ours, theirs = make(pyconv), make(keras)
    ours.set_weights(theirs.get_weights())
    x, y = normal(np.random.default_rng(42), (6, 5, 4)), normal(np.random.default_rng(43), (6, 2))
    for library, model in ((pyconv, ours), (keras, theirs)):
        model.compile(library.optimizers.SGD(0.1), "mean_squared_error")
    assert ours.train_on_batch(x, y) == pytest.approx(float(theirs.train_on_batch(x, y)), rel=1e-5)
    for mine, peers in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, peers, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose((ours.get_weights()[0] ** 2).sum(axis=0), 1.0, rtol=1e-5)
    assert ours.evaluate(x, y, verbose=0) == pytest.approx(float(theirs.evaluate(x, y, verbose=0)), rel=1e-5)


def test_configs_of_regularizers() -> None:
    made = regularizers.OrthogonalRegularizer(0.5, "columns")
    again = regularizers.OrthogonalRegularizer.from_config(made.get_config())
    assert (again.factor, again.mode) == (0.5, "columns")
    assert regularizers.Regularizer().get_config() == {}
    with pytest.raises(NotImplementedError, match="Regularizer"):
        regularizers.Regularizer()([1.0])
