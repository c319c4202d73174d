"""Variable: who may write to it, what is kept of it, and that nothing kept is ever stale."""

from __future__ import annotations

import copy
import gc
import importlib
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array
from pyconv import Variable, layers, ops
from pyconv.gradient import Tape

X = np.ones((2, 5, 5, 3), np.float32)
KERNEL = np.arange(3 * 3 * 3 * 4, dtype=np.float32).reshape(3, 3, 3, 4)


def test_the_value_is_read_only_and_always_the_same_object() -> None:
    variable = Variable([1.0, 2.0])
    value = variable.value
    with pytest.raises(ValueError, match="read-only"):
        value[0] = 5.0
    with pytest.raises(ValueError, match="read-only"):
        variable.value[...] = 0
    with pytest.raises(AttributeError):
        variable.value = np.zeros(2)  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(variable)[0] = 5.0
    variable.assign([3.0, 4.0])
    assert variable.value is value
    np.testing.assert_array_equal(value, [3.0, 4.0])


def test_numpy_copies() -> None:
    variable = Variable([1.0, 2.0])
    variable.numpy()[...] = 0
    np.array(variable)[...] = 0
    np.testing.assert_array_equal(variable.value, [1.0, 2.0])


def test_the_version_changes_with_the_value() -> None:
    variable = Variable([1.0, 2.0])
    versions = {variable.version}
    variable.assign([1.0, 2.0])
    versions.add(variable.version)
    with variable.writing() as array:
        array[...] += 1
    versions.add(variable.version)
    with pytest.raises(ZeroDivisionError), variable.writing() as array:
        array[:] = [7.0, 1 / 0]
    versions.add(variable.version)  # it may have been changed before the error
    assert len(versions) == 4
    np.testing.assert_array_equal(variable.value, [2.0, 3.0])
    assert variable.value.flags.writeable is False


CHANGES: dict[str, Callable[[layers.Conv2D], Any]] = {
    "assign": lambda layer: layer.kernel.assign(np.zeros(layer.kernel.shape)),
    "set_weights": lambda layer: layer.set_weights([np.zeros(weight.shape) for weight in layer.weights]),
    "optimizer": lambda layer: pyconv.optimizers.SGD(1.0).apply([layer.kernel.numpy()], [layer.kernel]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_call_after_a_change_sees_it(change: str) -> None:
    layer = layers.Conv2D(4, 3)
    for batch in (1, 2, 1):
        assert layer(X[:batch]).any()
    CHANGES[change](layer)
    for batch in (1, 2, 1):
        assert not layer(X[:batch]).any()


@pytest.mark.parametrize("op", ["conv", "depthwise_conv", "dense"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_variable_computes_as_its_array(op: str, dtype: str) -> None:
    kernel = Variable(KERNEL[0, 0] if op == "dense" else KERNEL, dtype=dtype)
    for x in (X, X.astype(np.float64), X[:, :, ::-1], X[:0]):  # other dtypes and layouts go another way
        for _ in range(2):
            y = getattr(ops, op)(x, kernel)
            right = getattr(ops, op)(x, kernel.numpy())
            assert y.dtype == right.dtype
            np.testing.assert_array_equal(y, right)


def test_a_plan_is_packed_for_once_and_four_are_kept() -> None:
    kernel = Variable(KERNEL)
    plans, made = [], []
    conv_plans = importlib.import_module("pyconv.ops.conv_plans")
    settled, dtype = layers.Conv2D(4, 3).convolution, np.dtype(np.float32)
    for batch in range(1, 7):
        shapes = (batch, 5, 5, 3), kernel.shape, None
        request = conv_plans.Request(pyconv.get_isa(), pyconv.get_precision(), settled, dtype, *shapes)
        plans.append(conv_plans.forward(request).plan)
    for plan in plans:
        packed = kernel.packed(plan)
        assert kernel.packed(plan) is packed
        made.append(packed)
    assert [kernel.packed(plan) for plan in plans[-4:]] == made[-4:]
    assert kernel._packed.cache_info().currsize == 4
    kernel.assign(KERNEL)
    assert kernel._packed is None


def test_training_keeps_no_packed_weights() -> None:
    kernel = Variable(KERNEL)
    with Tape([kernel.value]) as tape:
        y = ops.conv(X, kernel)
    assert kernel._packed is None
    (gradient,) = tape.gradient(y)
    np.testing.assert_array_equal(gradient, np.full(KERNEL.shape, 18.0))  # 2 images of 3 x 3 pixels that are one


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_copies_are_independent_and_carry_no_packed_weights(again: Callable[[Any], Any]) -> None:
    variable = Variable(KERNEL, trainable=False, name="kernel")
    ops.conv(X, variable)
    other = again(variable)
    assert (other.name, other.trainable, other.dtype) == ("kernel", False, np.float32)
    assert other._packed is None
    other.assign(np.zeros(KERNEL.shape))
    np.testing.assert_array_equal(variable.value, KERNEL)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_models_can_be_copied_and_pickled(again: Callable[[Any], Any]) -> None:
    model = pyconv.Sequential([layers.Conv2D(4, 3), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(2)])
    model.compile("adam", "mse")
    y = model.predict(X, verbose=0)
    other = again(model)
    np.testing.assert_array_equal(other.predict(X, verbose=0), y)
    other.fit(X, np.zeros((2, 2)), verbose=0)
    assert (other.predict(X, verbose=0) != y).any()
    np.testing.assert_array_equal(model.predict(X, verbose=0), y)


def test_a_variable_is_freed_without_the_garbage_collector() -> None:
    """A cycle through the cache would keep weights until the collector comes round."""
    variable = Variable(KERNEL)
    ops.conv(X, variable)
    gone = weakref.ref(variable)
    gc.disable()
    try:
        del variable
        assert gone() is None
    finally:
        gc.enable()


def test_many_threads_call_one_layer_while_its_kernel_changes() -> None:
    """A reader may see the old or the new value while it changes, but never an old one after the change."""
    layer = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="zeros")
    layer(X)
    failures: list[Array] = []
    number = 0
    stop = threading.Event()

    def read(batch: int) -> None:
        x = np.ones((batch, 2, 2, 3), np.float32)
        while not stop.is_set():
            before = number
            y = layer(x)
            if y.min() < 3 * before:
                failures.append(y)

    threads = [threading.Thread(target=read, args=(batch,)) for batch in (1, 2, 3, 3)]
    for thread in threads:
        thread.start()
    for value in range(1, 300):
        layer.kernel.assign(np.full(layer.kernel.shape, value, np.float32))
        number = value
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
