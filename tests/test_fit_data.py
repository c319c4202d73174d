"""Where fit, evaluate and predict take batches from: datasets, iterables, generators, files; and what is refused."""

from __future__ import annotations

import gc
import pickle
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array
from pyconv import Model, Sequential, callbacks, layers, losses

X = np.random.default_rng(5).random((20, 3), np.float32)
Y = (2 * X[:, :2]).astype(np.float32)


def linear(loss: Any = "mse", **compiled: Any) -> Sequential:
    model = Sequential([layers.Dense(2, kernel_initializer="ones", input_dim=3)])
    model.compile("sgd", loss, **compiled)
    return model


class Halves(pyconv.utils.PyDataset):
    """Two batches of ten, and a record of what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        self.asked.append(index)
        return X[10 * index : 10 * index + 10], Y[10 * index : 10 * index + 10]

    def on_epoch_begin(self) -> None:
        self.asked.append("begin")

    def on_epoch_end(self) -> None:
        self.asked.append("end")


def in_batches(times: int = 1) -> Iterator[tuple[Array, Array]]:
    for _ in range(times):
        yield from ((X[:10], Y[:10]), (X[10:], Y[10:]))


class Loader:
    """An iterable with a length that is no sequence, as loaders of other libraries are; its batches are lists."""

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[list[Array]]:
        return (list(batch) for batch in in_batches())


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (Halves, {}),
        (lambda: in_batches(3), {"steps_per_epoch": 2}),
        (Loader, {}),
        (lambda: X, {"y": Y, "batch_size": 10}),
        (lambda: X, {"y": Y, "steps_per_epoch": 2}),
    ],
)
def test_all_sources_train_alike(make: Callable[[], Any], arguments: dict[str, Any]) -> None:
    model, other = linear(), linear()
    alike: dict[str, Any] = {"epochs": 3, "shuffle": False, "verbose": 0, "validation_data": (X, Y)}
    history = model.fit(make(), **alike, validation_batch_size=10, **arguments).history
    expected = other.fit(X, Y, 10, **alike).history
    assert history == expected
    assert model.get_weights()[0].tobytes() == other.get_weights()[0].tobytes()


def test_validation_evaluation_and_prediction_from_batches() -> None:
    model = linear()
    arrays = model.evaluate(X, Y, batch_size=10, verbose=0)
    for make in (Halves, Loader, in_batches):
        assert model.evaluate(make(), verbose=0) == arrays
    by_batch = [model.predict(make(), verbose=0) for make in (Halves, Loader, in_batches)]
    for predicted in by_batch:
        np.testing.assert_array_equal(predicted, model.predict(X, verbose=0))
    assert model.predict(Halves(), steps=1, verbose=0).shape == (10, 2)
    assert model.predict(X, batch_size=4, steps=2, verbose=0).shape == (8, 2)
    validated = model.fit(X, Y, 20, verbose=0, validation_data=Halves()).history["val_loss"]
    assert validated == [model.evaluate(X, Y, batch_size=10, verbose=0)]


def test_a_datasets_batches_are_shuffled_and_its_hooks_called() -> None:
    dataset = Halves()
    pyconv.seed(3)
    linear().fit(dataset, epochs=20, verbose=0)
    epochs = [dataset.asked[start : start + 4] for start in range(0, 80, 4)]
    assert {tuple(epoch) for epoch in epochs} == {("begin", 0, 1, "end"), ("begin", 1, 0, "end")}


def test_shuffling_within_batches() -> None:
    seen: list[Array] = []

    class Noting(Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def train_step(self, data: Any) -> Any:
            seen.append(data[0][:, 0])
            return super().train_step(data)

    model = Noting()
    model.compile("sgd", "mse")
    numbers = np.arange(12, dtype=np.float32)[:, np.newaxis]
    model.fit(numbers, numbers, 4, shuffle="batch", verbose=0)
    assert [sorted(batch.tolist()) for batch in seen] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert any(batch.tolist() != sorted(batch.tolist()) for batch in seen)


def test_a_generator_that_ends_too_soon_ends_the_training() -> None:
    model = linear()
    with pytest.warns(UserWarning, match="fit: the data ran out after 1 batches of an epoch of 3"):
        history = model.fit(in_batches(2), epochs=2, steps_per_epoch=3, verbose=0)
    assert history.epoch == [0, 1]
    once = in_batches()
    with pytest.warns(UserWarning, match="fit: the data ran out after 0 batches"):
        assert linear().fit(once, epochs=3, verbose=0).epoch == [0]


def test_a_memory_mapped_file_is_not_read_whole(tmp_path: Path) -> None:
    """8 MB in the file, in batches of 32 KB, shuffled or not: what is held at a time stays far below."""
    images = np.lib.format.open_memmap(str(tmp_path / "x.npy"), "w+", np.float32, (2048, 1024))
    images[:] = 0.01
    labels = np.zeros((2048, 1), np.float32)
    model = Sequential([layers.Dense(1, input_dim=1024)])
    model.compile("sgd", "mse")
    model.fit(images[:8], labels[:8], verbose=0)
    for arguments in ({"shuffle": False}, {"shuffle": True, "validation_split": 0.25}):
        tracemalloc.start()
        model.fit(np.load(tmp_path / "x.npy", mmap_mode="r"), labels, 8, steps_per_epoch=20, verbose=0, **arguments)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000


def test_memory_is_flat_over_steps() -> None:
    """120 steps hold what 20 held, but for the logs that History keeps and a few small objects in caches."""
    model = Sequential([layers.Conv2D(4, 3, input_shape=(8, 8, 1)), layers.Flatten(), layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mse"])
    x, y = np.ones((40, 8, 8, 1), np.float32), np.ones((40, 2), np.float32)
    held = []
    tracemalloc.start()
    for epochs in (2, 2, 12):
        model.fit(x, y, 4, epochs=epochs, verbose=0)
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[2] - held[1] < 20_000  # a copy of the weights alone has 1,500 bytes, a step's activations 30,000


def test_interrupted_training_leaves_a_model_and_its_history() -> None:
    class Impatient(callbacks.Callback):
        ended = False

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.model.history.epoch == [0, 1] and batch == 1:
                raise KeyboardInterrupt

        def on_train_end(self, logs: Any = None) -> None:
            self.ended = True

    model, impatient = linear(), Impatient()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, 5, epochs=9, callbacks=[impatient])
    assert model.history is not None
    assert model.history.epoch == [0, 1]
    assert len(model.history.history["loss"]) == 2
    assert not impatient.ended
    assert model.optimizer is not None
    assert model.optimizer.iterations == 2 * 4 + 2
    assert model.fit(X, Y, 5, verbose=0).history["loss"][0] < model.history.history["loss"][0] + 1e-6


def test_progress_tells_the_speed(capsys: pytest.CaptureFixture[str]) -> None:
    model = linear(metrics=["mse"])
    model.fit(X, Y, 5, epochs=2, validation_data=(X, Y))
    shown = capsys.readouterr().err
    for words in ("Epoch 2/2", "4/4", "loss: ", "mse: ", "val_loss: ", "images/s", "batch/s"):
        assert words in shown
    model.fit(in_batches(3), epochs=1)
    model.evaluate(X, Y)
    model.predict(X, batch_size=5)
    shown = capsys.readouterr().err
    assert "Evaluate" in shown
    assert "Predict" in shown
    model.fit(X, Y, verbose=2)
    assert "images/s" in capsys.readouterr().out


def test_a_loss_that_is_no_number_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    model = linear()
    history = model.fit(X * np.float32(np.nan), Y)
    assert np.isnan(history.history["loss"][0])
    assert "loss: nan" in capsys.readouterr().err


def test_add_loss_alone_needs_no_labels() -> None:
    class Shrinking(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight((input_shape[-1],), "ones", name="w")

        def call(self, x: Any) -> Any:
            y = x * self.w
            self.add_loss(pyconv.ops.mean(y * y))
            return y

    model = Sequential([Shrinking()])
    model.compile("sgd")
    history = model.fit(X, epochs=3, verbose=0).history["loss"]
    assert history[2] < history[0]


def test_compile_configs_come_back() -> None:
    model = linear(losses.MeanSquaredError(), metrics=["mse"], loss_weights=[0.5])
    config = model.get_compile_config()
    other = Sequential([layers.Dense(2, kernel_initializer="ones", input_dim=3)])
    assert other.get_compile_config() == {}
    other.compile_from_config(config)
    assert other.get_compile_config() == config
    assert other.optimizer is not None
    assert other.optimizer.built
    assert (
        other.fit(X, Y, verbose=0).history == linear(metrics=["mse"], loss_weights=[0.5]).fit(X, Y, verbose=0).history
    )


def test_a_compiled_model_can_be_copied() -> None:
    x = layers.Input((3,))
    model = Model(x, [layers.Dense(2, name="a")(x), layers.Dense(2, name="b")(x)])
    model.compile("adam", "mse", metrics=[["mse"], ["mae"]])
    model.fit(X, [Y, Y], verbose=0)
    other = pickle.loads(pickle.dumps(model))
    first, second = (each.fit(X, [Y, Y], shuffle=False, verbose=0).history for each in (model, other))
    assert first == second
    assert "b_mae" in second


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: m.fit(Halves(), Y), ValueError, "fit: a dataset or generator brings y"),
        (lambda m: m.fit(iter([(X, Y, X, Y)])), ValueError, "fit: a batch must be x, .*4 parts"),
        (lambda m: m.fit(iter([(X, Y[:3])])), ValueError, "fit: x and y must have equally many.*20 in x, 3 in y"),
        (lambda m: m.fit(X, Y, sample_weight=np.ones(3)), ValueError, "fit: .*3 in sample_weight"),
        (lambda m: m.fit(X, Y, sample_weight=np.ones(20), class_weight={0: 1.0}), ValueError, "not both"),
        (lambda m: m.fit(X, Y, class_weight=[1.0]), TypeError, "fit: class_weight must be a dictionary"),
        (lambda m: m.fit(X, Y, shuffle="often"), ValueError, "fit: shuffle .*often"),
        (lambda m: m.fit(X, Y, steps_per_epoch=0), ValueError, "fit: .*steps.*0"),
        (lambda m: m.fit(X, Y, validation_freq=0), ValueError, "fit: .*validation_freq.*0"),
        (lambda m: m.fit(X, Y, validation_data=(X, Y, Y, Y)), ValueError, "fit: validation_data"),
        (lambda m: m.fit(Halves(), validation_split=0.5), ValueError, "fit: validation_split is for arrays"),
        (lambda m: m.fit(X), ValueError, "labels are needed"),
        (lambda m: m.fit(X, [Y, Y]), ValueError, "y must have a part for each.*2 of them"),
        (lambda m: m.train_on_batch(X, Y, np.ones(20), {0: 1.0}), ValueError, "train_on_batch: .*not both"),
        (lambda m: m.predict(iter([])), ValueError, "predict: .*at least one batch"),
        (lambda m: m.evaluate(X[:0], Y[:0]), ValueError, "evaluate: x must hold at least one sample"),
        (lambda m: m.compile("sgd", loss_weights="a", loss="mse"), TypeError, "loss_weights"),
        (lambda m: m.compile("sgd", "mse", steps_per_execution=0), ValueError, "steps_per_execution.*0"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*the data ran out:UserWarning")
def test_bad_arguments(call: Callable[[Any], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call(linear())
