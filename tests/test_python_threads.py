"""Many Python threads on everything that calls share: plans, packed weights, workspaces, results, names, tapes.

It is the test for Python without a global lock; with one it still finds what the core does while the lock is released.
What is shared, and why that is safe without the lock:

- `functools.lru_cache` and `cache` (plans, settled problems, packed weights): CPython's own, locked for each call; two
  threads may both compute a missing value, which is the same, and one of them is kept.
- `Variable._packed`, `Variable.last_use`: replaced whole, never changed; a reader takes one reference and uses that.
- `Layer._passed_shape`: the same; a stale one costs a check that is made again.
- `Calls`, `Code`, the tape that records: one a thread (threading.local).
- naming's counters, the numbers of calls: `next` of an `itertools.count`, which CPython makes atomic from 3.14 on.
- `config._defaults`: single items of a dictionary are read and written.
- workspaces and result memory: atomic slots in the core; the thread pool: one job at a time, others run by themselves.
A weight that is assigned, a layer that is built or a model that is trained while others call it needs a lock of the
caller's own, as with NumPy's arrays.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import layers, ops
from pyconv.gradient import Tape

THREADS = 8


def together(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """The results of work(0), work(1), ... in as many threads, which begin at once."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> Any:
        barrier.wait()
        return work(number)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # with a global lock, as many switches as may be
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(run, range(threads)))
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("threads", [2], indirect=True)
def test_more_shapes_than_plans_are_kept(threads: int) -> None:
    """Each thread goes through all shapes from elsewhere on: plans and packed weights come and go under the others."""
    kernel = pyconv.Variable(np.ones((3, 3, 4, 8)), "float32")
    x = np.ones((2, 40, 40, 4), np.float32)
    shapes = [(h, w) for h in range(4, 24) for w in range(4, 20)]  # 320, where 256 plans are kept

    def work(number: int) -> bool:
        ok = True
        for h, w in shapes[number * 40 :] + shapes[: number * 40]:
            y = ops.conv(x[:, :h, :w], kernel, bias=np.ones(8, np.float32))
            ok = ok and y.shape == (2, h - 2, w - 2, 8) and bool((y == 37).all())
            ok = ok and bool((ops.max_pool(x[:, :h, :w], 2) == 1).all())
        return ok

    assert all(together(work))


@pytest.mark.parametrize("threads", [2], indirect=True)
def test_results_and_workspaces_come_and_go(threads: int) -> None:
    def work(number: int) -> bool:
        x = np.full((1, 300, 300, 2), number, np.float32)
        ok = True
        for turn in range(12):
            y = ops.conv(x, np.ones((1, 1, 2, 4), np.float32))  # 1.4 MB: kept for the next one of its size
            ok = ok and bool((y == 2 * number).all())
            if turn % 4 == number % 4:
                pyconv.release_workspaces()
        return ok

    assert all(together(work))
    pyconv.release_workspaces()


def test_one_model_in_many_threads(rng: np.random.Generator) -> None:
    model = pyconv.Sequential(
        [
            pyconv.Input((None, None, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    images = [rng.standard_normal((n, 8 + n, 9, 3)).astype(np.float32) for n in range(1, 5)]
    right = [model(x) for x in images]
    results = together(lambda number: [model(images[(number + i) % 4]) for i in range(20)])
    for number, ys in enumerate(results):
        for i, y in enumerate(ys):
            np.testing.assert_array_equal(y, right[(number + i) % 4])


def test_a_tape_in_each_thread(rng: np.random.Generator) -> None:
    """Each records its own steps on weights that all share."""
    kernel = rng.standard_normal((3, 3, 2, 4)).astype(np.float32)

    def gradient(number: int) -> Any:
        x = np.full((1, 9, 9, 2), number + 1, np.float32)
        for _ in range(10):
            with Tape([kernel]) as tape:
                y = ops.relu(ops.conv(x, kernel, padding="same"))
            (found,) = tape.gradient(y)
        return found

    alone = [gradient(number) for number in range(THREADS)]
    for found, right in zip(together(gradient), alone, strict=True):
        np.testing.assert_array_equal(found, right)


def test_training_a_model_in_each_thread() -> None:
    def train(number: int) -> Any:
        model = pyconv.Sequential([pyconv.Input((6, 6, 1)), layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(2)])
        model.set_weights([np.full(w.shape, 0.1 + number, np.float32) for w in model.weights])
        model.compile("adam", "mse")
        x = np.ones((8, 6, 6, 1), np.float32)
        model.fit(x, np.zeros((8, 2)), epochs=3, batch_size=4, shuffle=False, verbose=0)
        return model.get_weights()

    alone = [train(number) for number in range(4)]
    for found, right in zip(together(train, 4), alone, strict=True):
        for a, b in zip(found, right, strict=True):
            np.testing.assert_array_equal(a, b)


def test_models_made_in_many_threads_have_names_of_their_own() -> None:
    if sys.version_info < (3, 14) and not getattr(sys, "_is_gil_enabled", lambda: True)():
        pytest.skip("itertools.count isn't atomic there")
    names = together(lambda _: [layers.Identity().name for _ in range(200)])
    flat = [name for mine in names for name in mine]
    assert len(set(flat)) == len(flat)


def test_an_argument_that_its_owner_lets_go_of_stays_until_the_call_ends() -> None:
    """The call holds its arguments: another thread that drops the last other reference frees nothing."""
    stop = threading.Event()
    box = {"x": np.ones((1, 64, 64, 8), np.float32)}

    def exchange() -> None:
        while not stop.is_set():
            box["x"] = np.ones((1, 64, 64, 8), np.float32)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        kernel = np.ones((3, 3, 8, 8), np.float32)
        for _ in range(100):
            assert (ops.conv(box["x"], kernel) == 72).all()
    finally:
        stop.set()
        thread.join()
