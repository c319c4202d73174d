"""compile, fit, evaluate, predict: what is learnt, what is reported, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array, normal
from pyconv import Sequential, callbacks, layers, losses, ops, optimizers


def classes(count: int = 60, seed: int = 4) -> tuple[Array, Array]:
    """Images 6x6 with a bright quarter, and the number of that quarter."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, count)
    images = generator.normal(0, 0.2, (count, 6, 6, 1)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(label, 2)
        image[3 * row : 3 * row + 3, 3 * column : 3 * column + 3] += 1
    return images, labels


def small(**arguments: Any) -> Sequential:
    model = Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(6, 6, 1)),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(
        **{"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **arguments}
    )
    return model


def test_a_small_model_learns() -> None:
    """Four classes apart by five standard deviations; chance is 0.25."""
    pyconv.seed(1)
    x, y = classes(200)
    model = small(optimizer=optimizers.Adam(0.01))
    history = model.fit(x, y, epochs=8, verbose=0, validation_data=classes(100, seed=5))
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(len(values) == 8 for values in history.history.values())
    assert history.epoch == list(range(8))
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert history.history["val_accuracy"][-1] > 0.95


def test_training_is_reproducible_whatever_the_threads() -> None:
    x, y = classes(50)
    results = []
    before = pyconv.get_num_threads()
    try:
        for threads in (1, 2, 3):
            pyconv.set_num_threads(threads)
            pyconv.utils.set_random_seed(9)
            model = small()
            history = model.fit(x, y, epochs=2, batch_size=16, verbose=0)
            results.append((history.history, [weight.tobytes() for weight in model.get_weights()]))
    finally:
        pyconv.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_fit_is_train_on_batch_in_a_loop(rng: np.random.Generator) -> None:
    x, y = classes(50)
    one, other = small(optimizer="sgd"), small(optimizer="sgd")
    other.set_weights(one.get_weights())
    one.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for _ in range(2):
        for start in range(0, 50, 16):
            other.train_on_batch(x[start : start + 16], y[start : start + 16])
    for left, right in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_reports_are_means_over_samples() -> None:
    """Batches of 16, 16, 16 and 2 samples: a mean over batches would differ. 1e-6 is for losses in float32."""
    x, y = classes(50)
    model = small()
    loss, accuracy = model.evaluate(x, y, batch_size=16, verbose=0)
    probabilities = model.predict(x, verbose=0)
    right = losses.sparse_categorical_crossentropy(y, probabilities)
    assert loss == pytest.approx(float(right.mean(dtype=np.float64)), rel=1e-6)
    assert accuracy == pytest.approx(np.mean(probabilities.argmax(axis=1) == y))
    assert model.evaluate(x, y, verbose=0, return_dict=True) == {
        "loss": pytest.approx(loss, rel=1e-6),
        "accuracy": pytest.approx(accuracy),
    }
    assert model.test_on_batch(x, y) == [pytest.approx(loss, rel=1e-6), pytest.approx(accuracy)]
    assert isinstance(small(metrics=None).evaluate(x, y, verbose=0), float)  # one number, no list


def test_evaluate_changes_nothing() -> None:
    x, y = classes()
    model = small()
    before = model.get_weights()
    model.evaluate(x, y, verbose=0)
    model.predict(x, verbose=0)
    for left, right in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("batch_size", [None, 1, 7, 1000])
def test_predict_does_not_depend_on_the_batch_size(batch_size: int | None) -> None:
    x, _ = classes(20)
    model = small()
    np.testing.assert_array_equal(model.predict(x, batch_size, verbose=0), model(x))


def test_predict_nothing() -> None:
    y = small().predict(np.zeros((0, 6, 6, 1)), verbose=0)
    assert y.shape == (0, 4)
    assert y.dtype == np.float32


def test_images_of_bytes_and_lists_of_labels() -> None:
    x, y = classes(20)
    model = small()
    model.fit((x * 10).astype(np.int8), y.tolist(), verbose=0)
    model.fit(x.astype(np.float64), y[:, np.newaxis], verbose=0)
    model.fit(x.tolist(), y.astype(np.uint8), verbose=0)


def test_one_hot_labels_give_the_same_as_class_numbers() -> None:
    x, y = classes(30)
    one, other = small(optimizer="sgd"), small(optimizer="sgd", loss="categorical_crossentropy")
    other.set_weights(one.get_weights())
    first = one.fit(x, y, epochs=2, shuffle=False, verbose=0).history
    second = other.fit(x, pyconv.utils.to_categorical(y), epochs=2, shuffle=False, verbose=0).history
    assert first.keys() == second.keys()
    for name in first:  # the same sums, taken in another order in float32
        assert first[name] == pytest.approx(second[name], rel=1e-5)


def test_regression() -> None:
    """Plain gradient descent finds y = 2 a - 3 b + 1."""
    generator = np.random.default_rng(2)
    x = generator.normal(size=(200, 2))
    y = x @ [2.0, -3.0] + 1
    model = Sequential([layers.Dense(1)])
    model.compile(optimizers.SGD(0.1), "mse")
    model.fit(x, y[:, np.newaxis], epochs=30, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0].ravel(), [2, -3], atol=1e-4)
    np.testing.assert_allclose(model.get_weights()[1], [1], atol=1e-4)


def test_validation_split_takes_the_last_samples_unshuffled() -> None:
    x, y = classes(40)
    one, other = small(), small()
    other.set_weights(one.get_weights())
    pyconv.seed(3)
    split = one.fit(x, y, validation_split=0.3, verbose=0).history
    pyconv.seed(3)
    given = other.fit(x[:28], y[:28], validation_data=(x[28:], y[28:]), verbose=0).history
    assert "val_loss" in split
    assert split == given


def test_shuffling_draws_from_the_seed_and_is_off_when_asked() -> None:
    x, y = classes(40)
    model = small(optimizer=optimizers.SGD(0.5))
    start = model.get_weights()

    def trained(seed: int, shuffle: bool) -> bytes:
        model.set_weights(start)
        pyconv.seed(seed)
        model.fit(x, y, batch_size=4, shuffle=shuffle, verbose=0)
        return model.get_weights()[0].tobytes()

    assert trained(1, True) == trained(1, True) != trained(2, True)
    assert trained(1, False) == trained(2, False)


def test_frozen_weights_stay() -> None:
    x, y = classes(30)
    model = small()
    model.layers[0].trainable = False
    frozen, free = model.layers[0].get_weights(), model.layers[-1].get_weights()
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], frozen[0])
    assert (model.layers[-1].get_weights()[0] != free[0]).any()


def test_callbacks_are_called_in_order() -> None:
    calls: list[str] = []

    class Recorder(callbacks.Callback):
        def __getattribute__(self, name: str) -> Any:
            if name.startswith("on_"):
                calls.append(name)
            return super().__getattribute__(name)

    x, y = classes(8)
    small().fit(x, y, batch_size=4, callbacks=[Recorder()], validation_data=(x[:4], y[:4]), verbose=0)
    batch = ["on_train_batch_begin", "on_batch_begin", "on_train_batch_end", "on_batch_end"]
    test = ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]
    assert calls == ["on_train_begin", "on_epoch_begin", *batch, *batch, *test, "on_epoch_end", "on_train_end"]


def test_a_callback_may_stop_the_training() -> None:
    class StopAfterTwo(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
            assert logs is not None
            assert logs["loss"] > 0
            self.model.stop_training = epoch == 1

    x, y = classes(20)
    model = small()
    assert model.fit(x, y, epochs=10, callbacks=StopAfterTwo(), verbose=0).epoch == [0, 1]
    assert model.fit(x, y, epochs=1, verbose=0).epoch == [0]  # the wish is forgotten


def test_initial_epoch() -> None:
    x, y = classes(20)
    assert small().fit(x, y, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]


def test_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = classes(20)
    model = small()
    model.fit(x, y, epochs=2, verbose=0)
    silent = capsys.readouterr()
    assert (silent.out, silent.err) == ("", "")
    model.fit(x, y, epochs=2, verbose=2)
    lines = capsys.readouterr()
    assert (lines.out + lines.err).count("loss") == 2
    model.fit(x, y, epochs=2)
    bar = capsys.readouterr()
    assert "Epoch 2/2" in bar.out + bar.err
    assert "accuracy" in bar.out + bar.err


def test_a_users_loss_and_metric() -> None:
    def mean_gap(y_true: Array, y_pred: Array) -> Array:
        gap = ops.add(y_pred, -y_true.astype(y_pred.dtype))
        return ops.mean(ops.multiply(gap, gap), axis=-1)

    def always_one(y_true: Array, y_pred: Array) -> Array:
        return np.ones(len(y_true))

    x = normal(np.random.default_rng(0), (16, 3))
    model = Sequential([layers.Dense(2)])
    model.compile("sgd", mean_gap, metrics=[always_one])
    history = model.fit(x, x[:, :2], epochs=3, verbose=0).history
    assert history["loss"][2] < history["loss"][0]
    assert history["always_one"] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m, x, y: Sequential([layers.Dense(1)]).fit(x, y), ValueError, "fit: .*compile"),
        (lambda m, x, y: Sequential([layers.Dense(1)]).evaluate(x, y), ValueError, "evaluate: .*compile"),
        (lambda m, x, y: m.fit(x, y[:-1]), ValueError, "fit: .*20.*19"),
        (lambda m, x, y: m.fit(x[:0], y[:0]), ValueError, "fit: x"),
        (lambda m, x, y: m.evaluate(x, y[:-1]), ValueError, "evaluate: .*20.*19"),
        (lambda m, x, y: m.fit(None, y), TypeError, "fit: x"),
        (lambda m, x, y: m.fit(x, "labels"), TypeError, "fit: y"),
        (lambda m, x, y: m.fit(x, y + 4), ValueError, "sparse_categorical_crossentropy: y_true"),
        (lambda m, x, y: m.fit(x, y - 1), ValueError, "sparse_categorical_crossentropy: y_true"),
        (lambda m, x, y: m.fit(x, y + 0.5), ValueError, "sparse_categorical_crossentropy: y_true"),
        (lambda m, x, y: m.fit(x, y, batch_size=0), ValueError, "fit: .*batch_size.*0"),
        (lambda m, x, y: m.fit(x, y, batch_size=2.5), TypeError, "fit: .*batch_size.*2.5"),
        (lambda m, x, y: m.fit(x, y, epochs=-1), ValueError, "fit: .*epochs.*-1"),
        (lambda m, x, y: m.fit(x, y, validation_split=1.0), ValueError, "fit: .*validation_split.*1"),
        (lambda m, x, y: m.fit(x, y, validation_split=-0.1), ValueError, "fit: .*validation_split.*-0.1"),
        (lambda m, x, y: m.fit(x, y, validation_split=0.99), ValueError, "fit: .*validation_split"),
        (lambda m, x, y: m.fit(x, y, validation_data=x), ValueError, "fit: validation_data"),
        (lambda m, x, y: m.fit(x, y, validation_data=(x, y[:3])), ValueError, "fit: validation.*20.*3"),
        (lambda m, x, y: m.fit(x, y, callbacks=[print]), TypeError, "fit: callbacks"),
        (lambda m, x, y: m.fit(x, y, verbose=3), ValueError, "fit: verbose.*3"),
        (lambda m, x, y: m.fit(x[..., :0], y), ValueError, "0"),
        (lambda m, x, y: m.predict(x, batch_size=-1), ValueError, "predict: .*batch_size.*-1"),
        (lambda m, x, y: m.compile("sdg", "mse"), ValueError, "sdg"),
        (lambda m, x, y: m.compile("sgd", "msee"), ValueError, "msee"),
        (lambda m, x, y: m.compile("sgd", "mse", metrics=["acuracy"]), ValueError, "acuracy"),
        (lambda m, x, y: m.compile(3, "mse"), TypeError, "3"),
        (lambda m, x, y: m.compile("sgd", 3), TypeError, "3"),
    ],
)
def test_bad_arguments(call: Callable[..., Any], error: type[Exception], words: str) -> None:
    x, y = classes(20)
    with pytest.raises(error, match=f"(?s){words}"):
        call(small(), x, y)


def test_a_loss_without_reduction_is_refused() -> None:
    x, y = classes(20)
    model = small(loss=losses.SparseCategoricalCrossentropy(reduction=None))
    with pytest.raises(ValueError, match="reduction"):
        model.fit(x, y, verbose=0)
