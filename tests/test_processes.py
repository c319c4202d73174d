"""Forks, other ways to start processes, the end of the interpreter, signals: each in a process of its own, no hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks are those of POSIX")

# A convolution that is worth two threads, and what it should give.
SETUP = """
import atexit, multiprocessing, os, signal, sys, threading, time, warnings
import numpy as np
import pyconv
from pyconv import layers, ops

warnings.simplefilter("ignore")  # of forks beside threads
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so would we
pyconv.set_num_threads(2)
x, kernel = np.ones((4, 32, 32, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)

def work():
    return float(ops.conv(x, kernel).sum())

right = 4 * 30 * 30 * 16 * 144.0
assert work() == right
"""
ENDS = {
    "a daemon thread computes at the end": """
for _ in range(3):
    threading.Thread(target=lambda: [work() for _ in range(10**9)], daemon=True).start()
time.sleep(0.1)
""",
    "a function at the end computes": """
atexit.register(lambda: print(work() == right))
atexit.register(work)
""",
    "no tidy end": """
threading.Thread(target=lambda: [work() for _ in range(10**9)], daemon=True).start()
time.sleep(0.05)
os._exit(0)
""",
    "an exception": """
threading.Thread(target=lambda: [work() for _ in range(10**9)], daemon=True).start()
time.sleep(0.05)
sys.exit(0)
""",
    "a thread forks while another holds the locks of the caches": """
model = pyconv.Sequential([layers.Input((32, 32, 16)), layers.Conv2D(4, 3, kernel_initializer="ones")])
pyconv.seed(1)
held, done = threading.Event(), threading.Event()
def hold():
    with model._program_cache()._lock, pyconv.random._lock:
        held.set()
        done.wait()
holder = threading.Thread(target=hold)
holder.start()
held.wait()
child = os.fork()
if child == 0:
    layers.Dense(2)(x)
    os._exit(0 if (model(x) == 144).all() else 3)
done.set()
holder.join()
assert os.waitpid(child, 0)[1] == 0
""",
    "a thread other than the first forks while others compute": """
stop = threading.Event()
def compute():
    while not stop.is_set():
        assert work() == right
def fork():
    for _ in range(10):
        child = os.fork()
        if child == 0:
            os._exit(0 if work() == right and work() == right else 3)
        assert os.waitpid(child, 0)[1] == 0
threads = [threading.Thread(target=compute) for _ in range(2)]
for thread in threads: thread.start()
forker = threading.Thread(target=fork)
forker.start()
forker.join()
stop.set()
for thread in threads: thread.join()
assert work() == right
""",
    "a child of a child": """
child = os.fork()
if child == 0:
    assert work() == right
    grandchild = os.fork()
    if grandchild == 0:
        os._exit(0 if work() == right else 3)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
assert os.waitpid(child, 0)[1] == 0
""",
    "signals arrive all the time": """
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append(work() == right))
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
end = time.monotonic() + 0.5
while time.monotonic() < end:
    assert work() == right
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
signal.setitimer(signal.ITIMER_REAL, 0)
assert seen and all(seen)
""",
}


def run(code: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SETUP + code], capture_output=True, text=True, check=False, timeout=seconds
    )


@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS)
def test_a_process_ends_without_a_hang_or_a_crash(code: str) -> None:
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


START = """
if __name__ == "__main__":
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(2) as pool:
            results = [pool.apply_async(work) for _ in range(4)]
            assert work() == right
            assert [result.get(60) for result in results] == [right] * 4
        assert work() == right
    print(*multiprocessing.get_all_start_methods())
"""


def test_every_way_to_start_a_process(tmp_path: Path) -> None:
    """Used before, in the children, and after; a child that is spawned imports the file anew."""
    script = tmp_path / "start.py"
    script.write_text(SETUP + START, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    assert "spawn" in done.stdout


LONG_RUNS = {
    "predict": "model.predict(images, batch_size=1, verbose=0)",
    "fit": "model.fit(images, labels, batch_size=8, epochs=1000, verbose=0)",
    "epochs": "model.fit(images[:32], labels[:32], batch_size=8, epochs=10**6, verbose=0)",
    "tiles": "pyconv.predict_tiled(wide, np.zeros((1, 20000, 2000, 1), np.float32), 64)",
}


@pytest.mark.parametrize("call", LONG_RUNS.values(), ids=LONG_RUNS)
def test_an_interrupt_ends_a_long_run(call: str) -> None:
    """Ctrl-C within a second or so, as KeyboardInterrupt, after which everything works."""
    code = f"""
model = pyconv.Sequential([pyconv.Input((16, 16, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
wide = pyconv.Sequential([pyconv.Input((None, None, 1)), layers.Conv2D(4, 3)])
model.compile("sgd", "mse")
images, labels = np.zeros((100_000, 16, 16, 1), np.float32), np.zeros((100_000, 2), np.float32)
print("begins", flush=True)
try:
    {call}
except KeyboardInterrupt:
    assert work() == right
    if done := model.history:  # of the epochs that were completed; and training goes on
        assert done.epoch == list(range(len(done.history.get("loss", [])))), (done.epoch, done.history)
        assert bool(done.epoch) == ("10**6" in {call!r})
        assert model.fit(images[:32], labels[:32], epochs=2, verbose=0).epoch == [0, 1]
        assert np.isfinite(model.predict(images[:32], verbose=0)).all()
    print("interrupted")
"""
    with subprocess.Popen(
        [sys.executable, "-c", SETUP + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        try:
            out, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (out, process.returncode) == ("interrupted\n", 0), errors


TOO_LITTLE_MEMORY = """
import resource
layer = layers.Conv2D(64, 3, padding="same")
model = pyconv.Sequential([pyconv.Input((None, None, 3)), layer, layers.GlobalAveragePooling2D()])
model.compile("adam", "mse")
small = np.ones((1, 32, 32, 3), np.float32)
before = model.predict(small, verbose=0)
train = np.ones((1, 4096, 4096, 3), np.float32)
pages = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
# 400 MB are left; each of these takes a gigabyte or more.
resource.setrlimit(resource.RLIMIT_AS, (pages + (400 << 20),) * 2)
calls = {
    "conv": lambda: ops.conv(train, np.ones((3, 3, 3, 32), np.float32)),
    "conv_transpose": lambda: ops.conv_transpose(train, np.ones((2, 2, 8, 3), np.float32), strides=2),
    "average_pool": lambda: ops.average_pool(np.broadcast_to(np.float32(0), (8, 8192, 8192, 1)), 2),
    "max_pool": lambda: ops.max_pool(np.broadcast_to(np.float32(0), (1, 16384, 16384, 1)), 2),
    "dense": lambda: ops.dense(np.ones((1 << 20, 1), np.float32), np.ones((1, 1 << 10), np.float32)),
    "layer": lambda: layer(train),
    "predict": lambda: model.predict(train, verbose=0),
    "train": lambda: model.train_on_batch(train, np.zeros((1, 64), np.float32)),
}
for name, call in calls.items():
    try:
        call()
    except MemoryError:
        assert np.array_equal(model.predict(small, verbose=0), before), name
    else:
        raise SystemExit(f"{name} had memory enough")
assert work() == right
model.train_on_batch(small, np.zeros((1, 64), np.float32))
assert not np.array_equal(model.predict(small, verbose=0), before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif("san" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer needs the address space")
def test_without_memory_there_is_a_memory_error_and_the_process_goes_on() -> None:
    done = run(TOO_LITTLE_MEMORY)
    assert done.returncode == 0, done.stderr + done.stdout
