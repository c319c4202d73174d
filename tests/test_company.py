"""pyconv beside other libraries that bring threads: all at once in one process, and under threadpoolctl."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

import pyconv
from scripts import Finished, Script

ALL_AT_ONCE = """
import sys, threading
import numpy as np
{imports}

from pyconv import ops

x, kernel = np.ones((2, 40, 40, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
a = np.ones((300, 300))
right = ops.conv(x, kernel)

def ours():
    assert np.array_equal(ops.conv(x, kernel), right)

def blas():
    assert (a @ a == 300).all()

{others}
calls = [ours, blas, {names}]
for _ in range(5):  # in turns
    for call in calls:
        call()
failed = []
def many(call):
    try:
        for _ in range(20):
            call()
    except BaseException as error:
        failed.append(error)
threads = [threading.Thread(target=many, args=(call,)) for call in [*calls, ours]]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failed or "fine")
"""
OTHERS = {
    "torch": (
        "import torch",
        "assert (torch.nn.functional.conv2d(torch.ones(2, 8, 40, 40), torch.ones(8, 8, 3, 3)) == 72).all()",
    ),
    "sklearn": (
        "from sklearn.cluster import KMeans",
        "KMeans(2, n_init=1, random_state=0).fit(np.random.default_rng(0).random((500, 4)))",
    ),
    "onnxruntime": (
        "import onnx, onnxruntime\n"
        'graph = onnx.parser.parse_model(\'<ir_version: 8, opset_import: ["" : 17]> g (float[64, 64] x) => '
        "(float[64, 64] y) { y = MatMul (x, x) }')\n"
        "session = onnxruntime.InferenceSession(graph.SerializeToString())",
        'assert (session.run(None, {"x": np.ones((64, 64), np.float32)})[0] == 64).all()',
    ),
}


THERE = {name: code for name, code in OTHERS.items() if importlib.util.find_spec(name)}
ORDERS = ("we are imported first", "we are imported last")


def all_at_once(order: str) -> list[str]:
    imports = [code for code, _ in THERE.values()]
    code = ALL_AT_ONCE.format(
        imports="\n".join(["import pyconv", *imports] if order == ORDERS[0] else [*imports, "import pyconv"]),
        others="\n".join(f"def with_{name}():\n    {call}" for name, (_, call) in THERE.items()),
        names=", ".join(f"with_{name}" for name in THERE),
    )
    return ["-c", code]


SCRIPTS = {
    f"test_beside_others_without_deadlock_or_abort[{order}]": Script(lambda _, order=order: all_at_once(order))
    for order in ORDERS
}


@pytest.mark.parametrize("order", ORDERS)
def test_beside_others_without_deadlock_or_abort(order: str, script: Finished) -> None:
    """In turns and at once, in whatever order they came; two OpenMP runtimes in one process may abort it."""
    if not THERE:
        pytest.skip(f"none of {', '.join(OTHERS)} is installed")
    assert (script.stdout, script.returncode) == ("fine\n", 0), (order, script.stderr)


def test_threadpoolctl_sees_and_limits_our_threads() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    pyconv.threadpool.register()
    pyconv.threadpool.register()  # once is enough
    before = pyconv.get_num_threads()
    found = [entry for entry in threadpoolctl.threadpool_info() if entry["user_api"] == "pyconv"]
    assert [(entry["num_threads"], entry["version"]) for entry in found] == [(before, pyconv.__version__)]
    with threadpoolctl.threadpool_limits({"pyconv": 3}):
        assert pyconv.get_num_threads() == 3
    with threadpoolctl.threadpool_limits(1):  # all libraries
        assert pyconv.get_num_threads() == 1
    assert pyconv.get_num_threads() == before


def test_threadpoolctl_imported_first_needs_no_call() -> None:
    pytest.importorskip("threadpoolctl")
    code = "import threadpoolctl, pyconv; print([e['user_api'] for e in threadpoolctl.threadpool_info()])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "pyconv" in done.stdout


def test_threadpoolctl_is_not_imported_by_us() -> None:
    code = "import sys, pyconv; print('threadpoolctl' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"
