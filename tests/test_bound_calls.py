"""A layer, or a model, that is called again as before runs its plan at once. What comes between must be seen."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable

import numpy as np
import pytest

import pyconv
from arrays import Array, normal
from pyconv import Sequential, _core, layers
from pyconv.changes import Changes
from pyconv.gradient import Tape
from pyconv.program.cache import KEPT

X = normal(np.random.default_rng(0), (2, 6, 7, 8), np.float32)
MAKERS: dict[str, Callable[[], layers.Layer]] = {
    "conv": lambda: layers.Conv2D(5, 3, padding="same", activation="relu"),
    "depthwise": lambda: layers.DepthwiseConv2D(3, use_bias=False),
    "dense": lambda: layers.Dense(5, activation="relu"),
    "max": lambda: layers.MaxPooling2D(2),
    "average": lambda: layers.AveragePooling2D(3, 2, padding="same"),
    "transposed": lambda: layers.Conv2DTranspose(5, 3, 2, activation="relu"),
    "global max": layers.GlobalMaxPooling2D,
    "global average": lambda: layers.GlobalAveragePooling2D(keepdims=True),
}


def bound(layer: layers.Layer) -> tuple[Array, Callable[[Array], Array | None]]:
    """A result, and the run that the next calls come to."""
    for _ in range(3):
        y = layer(X)
    run = layer._bound[1]
    assert isinstance(run, _core.BoundRun)
    return y, run


@pytest.mark.parametrize("name", MAKERS)
def test_it_gives_the_same_bits_in_new_memory(name: str) -> None:
    layer = MAKERS[name]()
    y, run = bound(layer)
    again, first = run(X), layer.call(X)
    assert again is not None
    assert again is not y
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("name", MAKERS)
def test_arrays_that_do_not_fit_go_the_long_way(name: str) -> None:
    layer = MAKERS[name]()
    y, run = bound(layer)
    for x in (X[:1], np.asfortranarray(X), X.astype(np.float64), X.astype(">f4"), X[..., :4]):
        assert run(x) is None
    np.testing.assert_array_equal(layer(X[:1]), y[:1])
    np.testing.assert_array_equal(layer(np.asfortranarray(X)), y)
    np.testing.assert_array_equal(layer(X.astype(">f4").astype(np.float64)), y)
    assert type(layer(X.tolist())) is np.ndarray


def test_rows_that_are_not_the_plans_are_refused() -> None:
    layer = MAKERS["dense"]()
    bound(layer)
    last = layer.kernel.last_use
    packed = layer.kernel.packed(last.plan)
    assert last.plan.bind(packed, None, (84,))(X.reshape(84, 8)).shape == (84, 5)
    with pytest.raises(ValueError, match=r"ConvPlan\.bind: rows must be as many .* rows=\(83\)"):
        last.plan.bind(packed, None, (83,))


def test_a_shape_that_is_not_the_results_is_refused() -> None:
    plan = _core.PoolPlan("max_pool", "max", "float32", 2, 8, (6, 7), (6, 7), (1, 1), (1, 1), ((0, 0), (0, 0)))
    np.testing.assert_array_equal(plan.bind((2, 8))(X), X.max((1, 2)))
    with pytest.raises(ValueError, match=r"PoolPlan\.bind: shape must hold as many .* shape=\(2, 9\)"):
        plan.bind((2, 9))


def test_a_change_is_seen() -> None:
    layer = layers.Conv2D(5, 3)
    y, run = bound(layer)
    layer.kernel.assign(-layer.kernel.value)
    layer.bias.assign_add(np.ones(5))
    assert run(X) is None  # the old packed weights are gone
    np.testing.assert_allclose(layer(X), 1 - y, rtol=1e-5, atol=1e-6)
    bound(layer)
    layer.activation = pyconv.activations.relu
    np.testing.assert_allclose(layer(X), np.maximum(1 - y, 0), rtol=1e-5, atol=1e-6)
    layer.activity_regularizer = pyconv.regularizers.L2(1.0)
    layer(X)
    assert len(layer.losses) == 1


def test_settings_are_seen() -> None:
    layer = layers.Conv2D(16, 3)
    x = normal(np.random.default_rng(0), (4, 30, 30, 32), np.float32)
    for _ in range(3):
        layer(x)
    assert layer.kernel.last_use.plan.algorithm.startswith("winograd")
    before = pyconv.get_precision()
    try:
        pyconv.set_precision("strict")
        layer(x)
        assert layer.kernel.last_use.plan.algorithm == "direct"
    finally:
        pyconv.set_precision(before)


def test_another_isa_is_seen(isa: str) -> None:
    layer = MAKERS["conv"]()
    _, run = bound(layer)
    for other in _core.available_isas():
        _core.set_isa(other)
        assert (run(X) is None) == (other != isa)


@pytest.mark.parametrize("name", MAKERS)
def test_a_tape_records(name: str) -> None:
    layer = MAKERS[name]()
    bound(layer)
    with Tape([X]) as tape:
        y = layer(X)
    (dx,) = tape.gradient(y, np.ones_like(y))
    assert dx.shape == X.shape


def test_a_copy_is_bound_to_weights_of_its_own() -> None:
    layer = MAKERS["conv"]()
    y, _ = bound(layer)
    other = copy.deepcopy(layer)
    other.kernel.assign(np.zeros(other.kernel.shape))
    other.bias.assign(np.ones(5))
    np.testing.assert_array_equal(bound(other)[0], np.ones_like(y))
    np.testing.assert_array_equal(layer(X), y)


def test_it_does_not_hold_packed_weights() -> None:
    layer = layers.Conv2D(5, 3)
    _, run = bound(layer)
    kernel = weakref.ref(layer.kernel)
    del layer
    gc.collect()
    assert kernel() is None
    assert run(X) is None


def model_bound() -> tuple[Sequential, Array, Callable[[Array], Array | None]]:
    """A model, its result, and the run that its next calls come to."""
    model = Sequential([layers.Input((6, 7, 8)), layers.Conv2D(5, 3, activation="relu"), layers.MaxPooling2D(2)])
    for _ in range(3):
        y = model(X)
    assert model._programs is not None
    run = model._programs._bound[2]
    assert isinstance(run, _core.BoundRun)
    return model, y, run


def test_a_models_program_gives_the_same_bits_in_new_memory() -> None:
    model, y, run = model_bound()
    again = run(X)
    assert again is not None
    assert again is not y
    np.testing.assert_array_equal(again, y)
    for x in (X[:1], np.asfortranarray(X), X.astype(np.float64), X.astype(">f4"), X[..., :4]):
        assert run(x) is None
    np.testing.assert_array_equal(model(X[:1]), y[:1])
    np.testing.assert_array_equal(model(np.asfortranarray(X)), y)
    np.testing.assert_array_equal(model(X), y)


def test_a_change_of_a_model_is_seen() -> None:
    model, y, _ = model_bound()
    model.layers[0].kernel.assign(np.zeros(model.layers[0].kernel.shape))
    assert not model(X).any()
    assert y.any()
    model.layers[0].bias.assign(np.full(5, -1))
    model.layers[0].activation = pyconv.activations.linear
    for _ in range(3):
        np.testing.assert_array_equal(model(X), np.full_like(y, -1))
    model.pop()
    assert model(X).shape == (2, 4, 5, 5)


def test_predicting_changes_nothing() -> None:
    model, y, _ = model_bound()
    model.compile(loss="mse")
    for run in (lambda: model.predict(X, verbose=0), lambda: model.evaluate(X, y, verbose=0)):
        run()
        latest = Changes.latest
        run()
        assert Changes.latest == latest
    model.stop_predicting = True  # a change is one, and taken back it is another
    model.predict(X, verbose=0)
    assert Changes.latest == latest + 2


def test_tapes_training_and_other_kernels_are_seen_by_a_model() -> None:
    model, y, run = model_bound()
    with Tape([X]) as tape:
        recorded = model(X)
    (dx,) = tape.gradient(recorded, np.ones_like(y))
    assert dx.any()
    model.add(layers.Dropout(0.5, seed=0))
    for _ in range(3):
        np.testing.assert_array_equal(model(X), y)
    assert (model(X, training=True) != y).any()
    before = _core.get_isa()
    for other in _core.available_isas():
        try:
            _core.set_isa(other)
            assert (run(X) is None) == (other != before)
        finally:
            _core.set_isa(before)


def test_a_models_bound_program_is_one_of_those_that_it_keeps() -> None:
    model = Sequential([layers.Input((None, 8)), layers.Conv1D(4, 3)])
    first = np.ones((2, 5, 8), np.float32)
    for length in range(6, 6 + 2 * KEPT):
        y = model(first)
        np.testing.assert_array_equal(model(first), y)
        model(np.ones((2, length, 8), np.float32))
        assert model._programs is not None
        assert len(model._programs._entries) <= KEPT
        assert (first.shape[1:],) in model._programs._entries  # it was used but a call ago
    copied = copy.deepcopy(model)
    assert copied._programs is None
    np.testing.assert_array_equal(copied(first), y)


def copying() -> _core.Program:
    """Copies two numbers a round."""
    builder = _core.ProgramBuilder([8], [8], 0)
    builder.copy((2, 0, 8), (3, 0, 8), (1, 2), (2, 1), (2, 1))
    return builder.build()


def test_programs_run_one_after_the_other() -> None:
    program = copying()
    sequence = _core.ProgramSequence([(program, 3, [0, 2]), (program, 3, [2, 1])], [(24, 0), (24, 0), (24, 64)], 128)
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(sequence.bind((3, 2), (2, 3))(x), x.reshape(2, 3))
    y = np.zeros(6, np.float32)
    sequence.run(x, y)
    np.testing.assert_array_equal(y, x.ravel())
    for shapes in (((3, 2), (3, 3)), ((3,), (3, 2))):
        with pytest.raises(ValueError, match=r"ProgramSequence\.bind: the shapes must have the bytes"):
            sequence.bind(*shapes)
    for given, made in ((x[:2], y), (x, y[:3])):
        with pytest.raises(ValueError, match=r"ProgramSequence\.run: . must have 24 bytes"):
            sequence.run(given, made)


@pytest.mark.parametrize(
    ("rounds", "numbers", "between", "rule"),
    [
        (3, [0, 1], None, "there must be an input and an output"),
        (3, [0, 2], (24, 128), "arrays must lie within 128 bytes"),
        (3, [0, 2], (24, 4), "arrays must lie within 128 bytes, at multiples of 64"),
        (3, [0, 2], (-24, 0), "arrays must lie within 128 bytes"),
        (3, [0], (24, 0), "a program must have an array for each input and output"),
        (-1, [0, 1], (24, 0), "a program must have an array for each input and output"),
        (3, [0, 3], (24, 0), "a part's arrays must be numbers of those given"),
        (3, [2, 0], (24, 0), "a part's arrays must be numbers of those given, and not write the input"),
        (2, [0, 1], (24, 0), "an array must have as many bytes as all rounds of a part"),
    ],
)
def test_what_a_sequence_cannot_be_made_of_is_refused(
    rounds: int, numbers: list[int], between: tuple[int, int] | None, rule: str
) -> None:
    arrays = [(24, 0)] if between is None else [(24, 0), (24, 0), between]
    with pytest.raises(ValueError, match=f"ProgramSequence: {rule}"):
        _core.ProgramSequence([(copying(), rounds, numbers)], arrays, 128)


def test_a_model_that_takes_its_batch_in_two_ways_is_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Sequential(
        [
            layers.Input((8, 8, 16)),
            layers.Conv2D(80, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),  # 1.25 MiB of weights
            layers.Dense(10, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(0)
    for batch in (1, 3):
        x = expected = normal(rng, (batch, 8, 8, 16), np.float32)
        for layer in model.layers:
            expected = layer(expected)
        y = model(x)
        programs = model._programs
        assert programs is not None
        compiled = programs._entries[(8, 8, 16),].compiled
        assert compiled is not None
        assert len(compiled.stages) == 3
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-7)  # Winograd's choice depends on the batch
        out = np.empty((batch, 10), np.float32)
        assert model(x, out=out) is out
        for other in (out, model.predict(x, verbose=0), model(x)):
            np.testing.assert_array_equal(other, y)
        with monkeypatch.context() as patch:  # Python does nothing between the programs
            patch.setattr(type(compiled), "run", None)
            patch.setattr(type(compiled), "run_one", None)
            np.testing.assert_array_equal(model(x), y)
