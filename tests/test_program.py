"""Models as programs: equal to their layers, for every network and layer; made anew when anything changes; threads."""

from __future__ import annotations

import copy
import json
import mmap
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconv
from layer_examples import EXAMPLES
from layer_table import CONVOLUTIONS
from programs import Array, assert_near, assert_program_equals_layers, by_layers, compiled, lively
from pyconv import Input, Model, Sequential, applications, config, layers, ops
from pyconv.gradient import Tape
from pyconv.program.cache import KEPT

SIZES = {"Xception": (71, 80), "InceptionV3": (75, 80)}


def images(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def resident_bytes() -> int:
    """Of this process; 0 where the system doesn't tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * mmap.PAGESIZE if statm.exists() else 0


def digits() -> Sequential:
    model = Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    lively(model)
    return model


@pytest.mark.parametrize("name", applications.__all__)
def test_networks_equal_their_layers(name: str) -> None:
    shape = (*SIZES.get(name, (33, 48)), 3)
    model = getattr(applications, name)(input_shape=shape, include_top=False, pooling="avg")
    lively(model)
    program = assert_program_equals_layers(model, images(2, *shape))
    x = images(5, *shape, seed=1)
    y = model(x)
    np.testing.assert_array_equal(model(x[:1]), y[:1])  # the same bits at any batch size
    np.testing.assert_array_equal(model(x[2:]), y[2:])
    before = pyconv.config.get_num_threads()
    for threads in (1, 2, 3):
        pyconv.set_num_threads(threads)
        np.testing.assert_array_equal(model(x), y)
        np.testing.assert_array_equal(model(x[:1]), y[:1])
    pyconv.set_num_threads(before)
    assert len(program.graph.nodes) <= len(model.layers)


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_layer_in_a_model(name: str) -> None:
    make, shape = EXAMPLES[name]
    shapes = shape if isinstance(shape, list) else [shape]
    inputs = [Input(each[1:]) for each in shapes]
    layer = make()
    results = layer(inputs if isinstance(shape, list) else inputs[0])
    model = Model(inputs, layers.Activation("tanh")(results))
    x = [images(*each) for each in shapes]
    assert_program_equals_layers(model, x if len(x) > 1 else x[0])


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_each_convolution_between_others(case: Any) -> None:
    name, arguments, shape = case
    first = arguments.get("data_format") == "channels_first"
    x = layers.BatchNormalization(1 if first else -1)(Input(shape[1:]))
    y = getattr(layers, name)(**arguments)(x)
    y = layers.ReLU()(layers.BatchNormalization(1 if first else -1)(y)) if y.ndim > 2 else y
    model = Model(x, y)
    lively(model)
    assert_program_equals_layers(model, images(*shape))


def test_a_shared_layer_several_ends_and_nested_models() -> None:
    x, z = Input((8, 8, 4)), Input((8, 8, 4))
    shared = layers.Conv2D(4, 3, padding="same")
    inner = Sequential([layers.Input((8, 8, 4)), layers.Conv2D(4, 1), layers.BatchNormalization(), layers.ReLU()])
    y = layers.Add()([shared(x), shared(z)])
    w = inner(y) * 2 + x
    model = Model({"a": x, "b": z}, [w, layers.Flatten()(y), y, layers.Reshape((64, 4))(x)])
    lively(model)
    assert_program_equals_layers(model, {"a": images(3, 8, 8, 4), "b": images(3, 8, 8, 4, seed=1)})
    outputs = model({"a": images(1, 8, 8, 4), "b": images(1, 8, 8, 4)})
    assert [y.shape for y in outputs] == [(1, 8, 8, 4), (1, 256), (1, 8, 8, 4), (1, 64, 4)]


class Twice(layers.Layer):
    """Somebody's own layer."""

    def call(self, x: Array) -> Array:
        return ops.multiply(x, 2)


def test_layers_of_ones_own_and_operations_are_called() -> None:
    x = Input((6, 6, 2))
    y = ops.mean(Twice()(layers.Conv2D(3, 3)(x)), axis=(1, 2))
    model = Model(x, layers.Dense(2)(y))
    program = assert_program_equals_layers(model, images(2, 6, 6, 2))
    assert len(program.stages) > 1


def test_a_layer_of_ones_own_may_change_as_it_runs() -> None:
    """What it sets doesn't make the program anew; a result of another shape than was known sends it back to layers."""

    class Grows(layers.Layer):
        times = 1

        def call(self, x: Array) -> Array:
            self.seen = x.shape
            return ops.concatenate([x] * self.times, axis=-1)

    x = Input((6,))
    grows = Grows()
    model = Model(x, layers.Activation("tanh")(grows(layers.Dense(4)(x))))
    batch = images(3, 6)
    assert model(batch).shape == (3, 4)
    program = compiled(model, batch)
    model(batch)
    assert compiled(model, batch) is program
    grows.times = 2
    assert model(batch).shape == (3, 8)


def test_what_must_run_layer_by_layer_does() -> None:
    x = images(2, 6)
    transposed = Input((6,), name="t")
    cases = [
        Model(transposed, ops.matmul(ops.transpose(transposed), transposed)),  # no batch axis
        Sequential([layers.Input((6,)), layers.Dense(3, dtype="float64")]),
    ]
    for model in cases:
        np.testing.assert_array_equal(model(x), by_layers(model, x)[0])
        assert model(x).dtype == by_layers(model, x)[0].dtype


def test_changed_weights_are_seen() -> None:
    model, x = digits(), images(4, 12, 12, 1)
    before = model(x)
    for weight in model.weights:
        weight.assign(weight.numpy() * 1.25)
        assert_near(model(x), by_layers(model, x)[0])
    with model.layers[0].kernel.writing() as kernel:
        kernel[...] = -kernel
    assert_near(model(x), by_layers(model, x)[0])
    assert np.abs(model(x) - before).max() > 1e-3
    model.compile("sgd", "sparse_categorical_crossentropy")
    for _ in range(2):
        model.fit(x, np.arange(4), verbose=0)
        assert_near(model.predict(x, verbose=0), by_layers(model, x)[0])


def test_changed_layers_and_settings_are_seen() -> None:
    model, x = digits(), images(4, 12, 12, 1)
    model(x)
    model.layers[-1].activation = pyconv.activations.linear
    assert_near(model(x), by_layers(model, x)[0])
    model.layers[0].bias = None
    assert_near(model(x), by_layers(model, x)[0])
    model(x)
    program = compiled(model, x)
    assert compiled(model, x) is program
    config.set_precision("strict")
    assert compiled(model, x) is not program
    config.set_precision("auto")
    model.pop()
    assert model(x).shape == by_layers(model, x)[0].shape == (4, 200)
    model.add(layers.Dense(3))
    assert_near(model(x), by_layers(model, x)[0])


def test_training_and_tapes_run_the_layers() -> None:
    x = Input((6,))
    dropout = layers.Dropout(0.5, seed=1)
    model = Model(x, dropout(layers.Dense(50)(x)))
    batch = images(4, 6)
    assert (model(batch) != 0).all()
    assert (model(batch, training=True) == 0).any()
    assert (model(batch, training=False) != 0).all()
    outer = Sequential([model])
    assert (outer(batch, training=True) == 0).any()
    with Tape(weight.value for weight in model.trainable_weights) as tape:
        y = model(batch)
    assert all(np.abs(gradient).max() > 0 for gradient in tape.gradient(y))
    always = Model(x, dropout(layers.Dense(50)(x), training=True))
    assert (always(batch) == 0).any()


def test_activity_regularizers_count_in_evaluate() -> None:
    model = Sequential([layers.Input((6,)), layers.Dense(3, activity_regularizer="l2"), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = images(8, 6)
    expected = float(np.mean(by_layers(model, x)[0] ** 2) + 0.01 * np.sum(model.layers[0](x) ** 2) / 8)
    assert model.evaluate(x, np.zeros((8, 1)), verbose=0) == pytest.approx(expected, rel=1e-5)


def test_errors_are_those_of_the_layers() -> None:
    model = digits()
    model(images(1, 12, 12, 1))
    for wrong in (images(1, 11, 12, 1), images(12, 12), images(1, 12, 12, 2)):
        with pytest.raises(ValueError, match=r"Received: inputs.shape"):
            model(wrong)
    assert model(np.ones((2, 12, 12, 1), np.uint8)).shape == (2, 10)
    assert model(np.zeros((0, 12, 12, 1), np.float32)).shape == (0, 10)
    assert model(images(2, 12, 24, 1)[:, :, ::2]).shape == (2, 10)


def test_a_model_with_a_program_is_copied_and_pickled() -> None:
    model, x = digits(), images(2, 12, 12, 1)
    model.pop()  # a softmax can't be pickled
    y = model(x)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other(x), y)


def test_results_are_new_arrays_and_threads_dont_matter() -> None:
    model, x = digits(), images(5, 12, 12, 1)
    y = model(x)
    kept = y.copy()
    model(images(5, 12, 12, 1, seed=3))
    np.testing.assert_array_equal(y, kept)
    before = pyconv.config.get_num_threads()
    for threads in (1, 2):
        pyconv.set_num_threads(threads)
        np.testing.assert_array_equal(model(x), y)
    pyconv.set_num_threads(before)


def test_eight_threads_call_one_model_ten_thousand_times() -> None:
    """Of more batches and sizes than are kept: each call gets its own images' result, and memory stays bounded."""
    x = Input((None, None, 3))
    y = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = layers.Add()([layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(y)), y])
    model = Model(x, layers.Dense(5)(layers.GlobalAveragePooling2D()(y)))
    lively(model)
    sizes = (5, 7, 8, 11, 12, 16)  # of images; their results are the same bits in any batch
    assert len(sizes) > KEPT
    batches = [images(3, size, size + 1, 3, seed=size) for size in sizes]
    expected = [by_layers(model, batch)[0] for batch in batches]

    def check(numbers: range) -> None:
        for number in numbers:
            which, batch = number // 40 % len(sizes), 1 + number % 3
            assert_near(model(batches[which][:batch]), expected[which][:batch])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(check, [range(thread, 2_000, 8) for thread in range(8)]))
        before = resident_bytes()
        list(pool.map(check, [range(thread, 10_000, 8) for thread in range(8)]))
        # What a call left behind would be seen from 400 bytes on.
        assert resident_bytes() - before < 4e6
    assert model._programs is not None
    assert len(model._programs._entries) <= KEPT


def test_programs_can_be_switched_off() -> None:
    model, x = digits(), images(2, 12, 12, 1)
    model(x)
    config.set_programs(False)
    assert not config.get_programs()
    model(x)
    assert model._programs is None
    config.set_programs(True)
    model(x)
    assert compiled(model, x)


def test_a_plan_lists_the_steps_and_a_profile_their_times() -> None:
    x = Input((12, 12, 3))
    y = layers.ReLU(name="relu")(layers.BatchNormalization(name="bn")(layers.Conv2D(8, 3, name="conv")(x)))
    y = layers.Concatenate(name="join")([y, layers.Conv2D(4, 3, name="side", activation="relu")(x)])
    model = Model(x, layers.GlobalAveragePooling2D(name="pool")(Twice(name="own")(y)))
    plan = model.plan(2)
    assert [step.layers for step in plan.steps] == [("conv", "bn", "relu"), ("side",), ("own",), ("pool",)]
    assert plan.steps[0].flops == 2 * 2 * 10 * 10 * 9 * 3 * 8
    assert [step.kind for step in plan.steps] == ["conv", "conv", "call", "pool"]  # what is joined isn't copied
    assert plan.seconds is None
    assert "conv+bn+relu" in str(plan)
    profile = model.profile(images(2, 12, 12, 3), repeats=2)
    assert profile.seconds is not None
    assert profile.seconds > 0
    assert profile.peak
    assert json.loads(profile.to_json())["steps"][0]["layers"] == ["conv", "bn", "relu"]
    assert "% of peak" in str(profile)
    with pytest.raises(ValueError, match=r"Sequential.plan: all sizes of the input must be known"):
        Sequential([layers.Input((None, 3)), layers.Conv1D(2, 3)]).plan(1)
    with pytest.raises(ValueError, match=r"Sequential.plan: the model .* has no program"):
        Sequential([layers.Input((6,)), layers.Dense(3, dtype="float64")]).plan(1)


def test_a_profile_is_drawn() -> None:
    pytest.importorskip("matplotlib")
    model = Sequential([layers.Input((12, 12, 3)), layers.Conv2D(8, 3), layers.MaxPooling2D()])
    profile = model.profile(images(2, 12, 12, 3), repeats=2)
    assert len(pyconv.plotting.profile(profile).axes[0].patches) == 2  # a bar for each step
    with pytest.raises(ValueError, match=r"profile: report must have times"):
        pyconv.plotting.profile(model.plan(2))


def test_concatenations_are_written_in_place_where_readers_allow_it() -> None:
    """As in a DenseNet, whose parts are concatenations too; as an operand of a sum or as an output a part is copied."""
    x = Input((6, 6, 4))
    y = x
    for _ in range(3):
        new = layers.Conv2D(3, 3, padding="same")(layers.ReLU()(layers.BatchNormalization()(y)))
        y = layers.Concatenate()([y, new])
    pooled = layers.MaxPooling2D(2)(y)
    other = layers.Conv2D(2, 2, strides=2)(y)
    ends = layers.Concatenate()([pooled, other, layers.Add()([other, other])])
    model = Model(x, [ends, pooled, layers.Flatten()(layers.Concatenate(1)([ends, ends]))])
    lively(model)
    assert_program_equals_layers(model, images(3, 6, 6, 4))
    steps = Model(x, layers.Conv2D(1, 1)(y)).plan(1).steps
    assert [step.kind for step in steps].count("concat") == 1  # the input is copied, no other part


def test_transposed_convolutions_are_steps_and_write_in_place() -> None:
    """As in a U-Net: what was made large again lies beside what was small before."""
    x = Input((8, 12, 3))
    skip = layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    small = layers.Conv2D(9, 3, strides=2, padding="same")(skip)
    large = layers.ReLU()(layers.BatchNormalization()(layers.Conv2DTranspose(5, 3, strides=2, padding="same")(small)))
    joined = layers.Concatenate()([skip, large])
    model = Model(x, layers.Conv2DTranspose(2, (3, 1), dilation_rate=(2, 1), activation="tanh")(joined))
    lively(model)
    program = assert_program_equals_layers(model, images(3, 8, 12, 3))
    assert len(program.stages) == 1
    steps = model.plan(1).steps
    assert [step.kind for step in steps] == ["conv", "conv", "convtranspose", "convtranspose", "chain"]
    assert steps[2].layers[-1] == model.layers[5].name  # the activation


@pytest.mark.parametrize("filters", [3, 37])
def test_squeeze_and_excitation_goes_into_weights(filters: int, isa: str, threads: int) -> None:
    """Its factors are a step's result, the products and a residual a convolution's; of each sample by itself."""
    x = Input((20, 24, filters))
    y = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    factors = layers.Dense(filters, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(y))
    y = layers.Conv2D(filters, 1, strides=1)(layers.Multiply()([y, factors]))
    model = Model(x, layers.ReLU()(layers.Add()([y, x])))
    lively(model)
    program = assert_program_equals_layers(model, images(3, 20, 24, filters))
    kinds = [type(node.kind).__name__ for node in program.graph.nodes]
    assert kinds == ["Conv", "Pool", "Conv", "Chain", "ScaledConv"]
    batch = images(3, 20, 24, filters)
    np.testing.assert_array_equal(model(batch)[1:2], model(batch[1:2]))


def test_a_padding_that_nothing_takes_in_is_a_step() -> None:
    """Zeros would win over negative numbers, and what is padded doesn't count in a pooling: so they are written."""
    x = Input((6, 7, 3))
    padded = layers.ZeroPadding2D(((1, 0), (2, 1)))(layers.Conv2D(5, 3, padding="same")(x))
    model = Model(x, [layers.MaxPooling2D(3, 2)(padded), padded])
    program = assert_program_equals_layers(model, images(3, 6, 7, 3))
    assert len(program.stages) == 1


def test_chains_of_operations_in_a_program() -> None:
    x, z = Input((5, 6, 4)), Input((5, 6, 4))
    weighed = layers.Multiply()([x, layers.Activation("sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))])
    y = 1 - layers.Activation("gelu")(layers.Add()([weighed, 2 / (ops.absolute(z) + 1)])) * [1.0, 2.0, 3.0, 4.0]
    y = layers.LayerNormalization()(layers.ELU(0.5)(y)) / layers.Activation("softmax")(z)
    y = layers.Resizing(9, 4)(layers.UpSampling2D(2)(layers.maximum([y, layers.Activation("selu")(x)])))
    model = Model([x, z], y)
    program = assert_program_equals_layers(model, [images(3, 5, 6, 4), images(3, 5, 6, 4, seed=1)])
    assert len(program.stages) == 1


def test_a_frozen_model_predicts_and_no_more() -> None:
    model, x = digits(), images(5, 12, 12, 1)
    y = model(x)
    held = model.layers[0].kernel.shape
    model.freeze()
    model.freeze()
    for batch in (x, x[:2], x[:1]):
        np.testing.assert_array_equal(model.predict(batch, verbose=0), y[: len(batch)])
    assert model.layers[0].kernel.shape == held
    assert model.count_params() > 0
    for needs_weights in (model.get_weights, lambda: model(images(1, 12, 12, 1), training=True)):
        with pytest.raises(RuntimeError, match=r"conv2d.*/kernel has no numbers any more: its model has been frozen"):
            needs_weights()
    with pytest.raises(ValueError, match=r"Sequential.freeze: the model .* has no program"):
        Sequential([layers.Input((6,)), layers.Dense(3, dtype="float64")]).freeze()


def test_dense_layers_of_a_frozen_model_stay_where_batches_need_them() -> None:
    model = Sequential([layers.Input((600,)), layers.Dense(600), layers.Dense(3)])
    x = images(4, 600)
    y = model(x)
    model.freeze()
    assert_near(model(x[:3]), y[:3])
    assert model.layers[0].kernel.numpy().shape == (600, 600)
    with pytest.raises(RuntimeError, match=r"frozen"):
        model.layers[1].kernel.numpy()
