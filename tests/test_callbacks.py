"""Callbacks: what Keras' do with the same numbers, files, and a run that goes on after an interruption."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import Sequential, callbacks, layers, optimizers

X = np.random.default_rng(5).random((20, 3), np.float32)
Y = (X.sum(axis=1) > 1.5).astype(np.int64)
LOSSES = [1.0, 0.9, 0.95, 0.895, 0.7, 0.71, 0.72, 0.73, 0.69, 0.75, 0.8, 0.9, 0.95]


def model(library: Any = pyconv, **compiled: Any) -> Any:
    made = library.Sequential([library.layers.Input((3,)), library.layers.Dense(2, activation="softmax")])
    made.compile(library.optimizers.SGD(0.5), "sparse_categorical_crossentropy", **compiled)
    return made


def test_an_interrupt_leaves_a_history_of_whole_epochs() -> None:
    class Interrupted(dict[str, float]):
        def items(self) -> Any:
            yield from super().items()
            raise KeyboardInterrupt

    history = callbacks.History()
    history.on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(KeyboardInterrupt):
        history.on_epoch_end(1, Interrupted(loss=0.5, val_loss=0.5))
    assert (history.epoch, history.history) == ([0], {"loss": [1.0]})


def followed(library: Any, callback: Any, values: list[float], name: str = "val_loss") -> list[Any]:
    """What the callback has done after each epoch whose number is the next value."""
    watched = model(library)
    callback.set_model(watched)
    callback.set_params({})
    watched.stop_training = False
    callback.on_train_begin({})
    seen = []
    for epoch, value in enumerate(values):
        logs = {name: value}
        callback.on_epoch_begin(epoch, {})
        callback.on_epoch_end(epoch, logs)
        rate = pytest.approx(float(np.asarray(watched.optimizer.learning_rate)), rel=1e-6)
        seen.append((watched.stop_training, rate, sorted(logs)))
    return seen


@pytest.mark.parametrize(
    ("name", "arguments", "values"),
    [
        ("EarlyStopping", {"patience": 2}, LOSSES),
        ("EarlyStopping", {"patience": 3, "min_delta": 0.06}, LOSSES),
        ("EarlyStopping", {"patience": 2, "baseline": 0.8}, LOSSES),
        ("EarlyStopping", {"patience": 1, "mode": "max", "start_from_epoch": 4}, LOSSES),
        ("EarlyStopping", {}, [1.0, 1.0]),
        ("ReduceLROnPlateau", {"patience": 2}, LOSSES),
        ("ReduceLROnPlateau", {"patience": 1, "factor": 0.5, "min_delta": 0.1, "cooldown": 2, "min_lr": 0.2}, LOSSES),
        ("ReduceLROnPlateau", {"patience": 1, "mode": "max"}, LOSSES),
        ("LearningRateScheduler", {"schedule": lambda epoch: 0.5 / (1 + epoch)}, LOSSES[:4]),
        ("LearningRateScheduler", {"schedule": lambda epoch, rate: rate * 0.5}, LOSSES[:4]),
    ],
)
def test_what_kerass_do(name: str, arguments: dict[str, Any], values: list[float], keras: ModuleType) -> None:
    ours = followed(pyconv, getattr(callbacks, name)(**arguments), values)
    theirs = followed(keras, getattr(keras.callbacks, name)(**arguments), values)
    assert [(stop, log) for stop, _, log in ours] == [(stop, log) for stop, _, log in theirs]
    assert [rate.expected for _, rate, _ in ours] == [rate for _, rate, _ in theirs]


def test_the_best_weights_come_back() -> None:
    class Losses(callbacks.Callback):
        """Weights that tell the epoch, and a loss that was best in the second one."""

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.set_weights([np.full(w.shape, epoch, np.float32) for w in self.model.get_weights()])
            logs["loss"] = [3.0, 1.0, 2.0, 2.0, 2.0][epoch]

    patient = callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    trained = model()
    assert trained.fit(X, Y, epochs=9, callbacks=[Losses(), patient], verbose=0).epoch == [0, 1, 2, 3]
    assert (trained.get_weights()[0] == 1).all()
    trained.fit(X, Y, epochs=3, callbacks=[Losses(), patient], verbose=0)  # to the end, and anew
    assert (trained.get_weights()[0] == 1).all()


def test_accuracy_is_better_when_it_is_more() -> None:
    trained = model(metrics=["accuracy"])
    trained.evaluate(X, Y, verbose=0)
    watching = callbacks.EarlyStopping("val_accuracy")
    watching.set_model(trained)
    assert watching.is_better(0.9, 0.8)
    unknown = callbacks.EarlyStopping("val_something")
    unknown.set_model(trained)
    with pytest.raises(ValueError, match=r'EarlyStopping: .*"max" or "min"'):
        unknown.is_better(0.9, 0.8)


def test_csv_logger(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    logger = callbacks.CSVLogger(path, separator=";", append=True)
    history = model(metrics=["accuracy"]).fit(
        X, Y, epochs=3, validation_data=(X, Y), validation_freq=2, callbacks=[logger], verbose=0
    )
    model().fit(X, Y, epochs=1, callbacks=[callbacks.CSVLogger(path, ";", append=True)], verbose=0)
    rows = list(csv.DictReader(path.read_text().splitlines(), delimiter=";"))
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "0"]
    assert [float(row["loss"]) for row in rows[:3]] == history.history["loss"]
    assert [row["val_accuracy"] == "NA" for row in rows[:3]] == [True, False, True]


def test_lambda_callback() -> None:
    calls: list[Any] = []
    tell = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: calls.append(epoch), on_test_begin=lambda logs: calls.append("test")
    )
    model().fit(X, Y, epochs=2, validation_data=(X, Y), callbacks=tell, verbose=0)
    assert calls == ["test", 0, "test", 1]


def test_terminate_on_nan(capsys: pytest.CaptureFixture[str]) -> None:
    spoilt = X.copy()
    spoilt[12] = np.nan
    trained = model()
    stop = callbacks.TerminateOnNaN()
    history = trained.fit(spoilt, Y, 5, epochs=3, shuffle=False, callbacks=[stop], verbose=0)
    assert history.epoch == [0]
    assert trained.optimizer.iterations == 3
    assert "Batch 2: Invalid loss" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="after batch 2"):
        model().fit(spoilt, Y, 5, shuffle=False, callbacks=[callbacks.TerminateOnNaN(raise_error=True)], verbose=0)


def test_model_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    trained = model(metrics=["accuracy"])
    whole = callbacks.ModelCheckpoint(tmp_path / "new" / "{epoch:02d}-{loss:.1f}.keras")
    weights = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=3)
    best = callbacks.ModelCheckpoint(tmp_path / "best.keras", "accuracy", save_best_only=True, verbose=1)
    history = trained.fit(X, Y, 10, epochs=3, callbacks=[whole, weights, best], verbose=0)
    names = [f"{epoch + 1:02d}-{loss:.1f}.keras" for epoch, loss in enumerate(history.history["loss"])]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == names
    assert sorted(path.name for path in tmp_path.glob("*.weights.h5")) == ["2-1.weights.h5", "3-2.weights.h5"]
    assert (tmp_path / "best.keras").exists()
    again = pyconv.models.load_model(tmp_path / "new" / names[-1])
    np.testing.assert_array_equal(again.predict(X, verbose=0), trained.predict(X, verbose=0))


def noisy() -> Sequential:
    """Shuffling, Dropout, which draws from the process' numbers, noise, which has its own, and Adam's memory."""
    made = Sequential(
        [
            layers.Input((3,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.GaussianNoise(0.1, seed=3),
            layers.Dense(2, activation="softmax"),
        ]
    )
    rate = optimizers.schedules.CosineDecay(0.01, 30)
    made.compile(optimizers.Adam(rate, use_ema=True), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


@pytest.mark.parametrize("interrupted", [1, 3])
def test_a_resumed_run_comes_to_the_same_bits(tmp_path: Path, interrupted: int) -> None:
    class Interrupt(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if len(self.model.history.epoch) == interrupted and batch == 1:
                raise KeyboardInterrupt

    pyconv.seed(4)
    whole = noisy()
    start = whole.get_weights()
    state = pyconv.random.generator().bit_generator.state
    expected = whole.fit(X, Y, 6, epochs=5, verbose=0).history

    pyconv.random.generator().bit_generator.state = state
    first = noisy()
    first.set_weights(start)
    pyconv.random.generator().bit_generator.state = state
    with pytest.raises(KeyboardInterrupt):
        first.fit(X, Y, 6, epochs=5, callbacks=[callbacks.BackupAndRestore(tmp_path), Interrupt()], verbose=0)
    pyconv.seed(99)
    second = noisy()
    history = second.fit(X, Y, 6, epochs=5, callbacks=[callbacks.BackupAndRestore(tmp_path)], verbose=0)
    assert history.epoch == list(range(interrupted, 5))
    assert history.history == {name: values[interrupted:] for name, values in expected.items()}
    assert [w.tobytes() for w in second.get_weights()] == [w.tobytes() for w in whole.get_weights()]
    assert not list(tmp_path.iterdir())


def test_a_saved_model_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """By hand: the file has weights, the optimizer's state and the rate; the random numbers' state is kept apart."""
    pytest.importorskip("h5py")
    path = tmp_path / "{epoch}.keras"
    states = []
    keep = callbacks.LambdaCallback(
        on_epoch_end=lambda e, logs: states.append(pyconv.random.generator().bit_generator.state)
    )
    pyconv.seed(4)
    whole = model(metrics=["accuracy"])
    whole.compile(optimizers.Adam(0.013), "sparse_categorical_crossentropy", metrics=["accuracy"])
    whole.fit(X, Y, 6, epochs=4, callbacks=[callbacks.ModelCheckpoint(path), keep], verbose=0)
    resumed: Any = pyconv.models.load_model(tmp_path / "2.keras")
    pyconv.random.generator().bit_generator.state = states[1]
    resumed.fit(X, Y, 6, epochs=4, initial_epoch=2, verbose=0)
    assert [w.tobytes() for w in resumed.get_weights()] == [w.tobytes() for w in whole.get_weights()]


def test_a_backup_of_another_model_is_refused(tmp_path: Path) -> None:
    model().fit(X, Y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)])
    with pytest.raises(ValueError, match=r"BackupAndRestore: .*of another model"):
        noisy().fit(X, Y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: callbacks.EarlyStopping(mode="up"), ValueError, "EarlyStopping: mode.*up"),
        (lambda: callbacks.EarlyStopping(patience=-1), ValueError, "patience.*-1"),
        (lambda: callbacks.ReduceLROnPlateau(factor=1.0), ValueError, "factor.*1"),
        (lambda: callbacks.LearningRateScheduler(0.1), TypeError, "schedule must be a function"),
        (lambda: callbacks.LambdaCallback(on_epoch=print), ValueError, "no hook of that name.*on_epoch"),
        (lambda: callbacks.LambdaCallback(on_epoch_end=3), TypeError, "on_epoch_end must be a function"),
        (lambda: callbacks.ModelCheckpoint("model.npz"), ValueError, "filepath must end in .keras or .h5"),
        (lambda: callbacks.ModelCheckpoint("m.keras", save_weights_only=True), ValueError, "end in .weights.h5"),
        (lambda: callbacks.ModelCheckpoint("m.keras", save_freq=0), ValueError, "save_freq.*0"),
        (lambda: callbacks.BackupAndRestore("b", save_freq=3), ValueError, "save_freq.*3"),
    ],
)
def test_bad_arguments(make: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_a_log_that_is_missing_is_told() -> None:
    with pytest.warns(UserWarning, match="EarlyStopping: the logs have no 'val_loss', only loss"):
        model().fit(X, Y, callbacks=[callbacks.EarlyStopping()], verbose=0)


@pytest.mark.parametrize(
    ("callback", "line"),
    [
        (callbacks.EarlyStopping(patience=2, verbose=1), "Epoch 7: early stopping"),
        (
            callbacks.ReduceLROnPlateau(patience=2, factor=0.5, verbose=1),
            "Epoch 7: the learning rate is reduced to 0.25.",
        ),
        (callbacks.LearningRateScheduler(lambda epoch: 0.1 * epoch, verbose=1), "Epoch 4: the learning rate is 0.3."),
    ],
)
def test_what_is_printed_with_verbose(callback: Any, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    followed(pyconv, callback, [1.0, 0.9, 0.8, 0.7, 0.6, 0.6, 0.6])
    callback.on_train_end()
    assert line in capsys.readouterr().out.splitlines()


def test_a_number_that_is_not_in_the_logs(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    checkpoint = callbacks.ModelCheckpoint(
        tmp_path / "best.weights.h5", "gone", save_best_only=True, save_weights_only=True
    )
    with pytest.warns(UserWarning, match="gone"):
        followed(pyconv, checkpoint, [1.0])
    assert (tmp_path / "best.weights.h5").exists()
    plateau = callbacks.ReduceLROnPlateau("gone", patience=0)
    with pytest.warns(UserWarning, match="gone"):
        assert [rate for _, rate, _ in followed(pyconv, plateau, [1.0, 2.0])] == [0.5, 0.5]


def test_only_better_epochs_are_saved(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    checkpoint = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.weights.h5", "val_loss", save_best_only=True, save_weights_only=True
    )
    followed(pyconv, checkpoint, [1.0, 2.0, 0.5])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.weights.h5", "3.weights.h5"]
