"""What every test shares: the instruction sets and thread counts to run under, and hypothesis' profile."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from types import ModuleType

import hypothesis
import numpy as np
import pytest

from pyconv import _core
from scripts import Finished, Scripts

# Keras reads this once, at its first import anywhere in the process; torch is the backend that the tests need.
os.environ.setdefault("KERAS_BACKEND", "torch")

# No deadline: shared CI machines stall. No database: a run leaves nothing behind. A fixture's instruction set is the
# same for all examples of a test, which is what is wanted here.
hypothesis.settings.register_profile(
    "quick",
    max_examples=100,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("thorough", hypothesis.settings.get_profile("quick"), max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_finish() -> None:
    """18,000 tests and what they import stay to the end: each run of the cycle collector would look at them again."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keras' torch backend calls np.array on tensors, of which NumPy 2 warns; nothing that we could do better."""
    ignored = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
    for item in items:
        if "keras" in getattr(item, "fixturenames", ()):
            item.add_marker(ignored)


@pytest.fixture(params=_core.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once under every instruction set of this machine."""
    before = _core.get_isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(before)


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Runs the test once with one thread and once with two."""
    before = _core.get_num_threads()
    _core.set_num_threads(request.param)
    yield request.param
    _core.set_num_threads(before)


@pytest.fixture(autouse=True)
def settings_are_restored() -> Iterator[None]:
    """A test that leaves another number of threads or instruction set behind would change those after it."""
    before = _core.get_num_threads(), _core.get_isa()
    yield
    after = _core.get_num_threads(), _core.get_isa()
    _core.set_num_threads(before[0])
    _core.set_isa(before[1])
    assert after == before


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture(scope="module")
def scripts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripts]:
    """Those of the module's `SCRIPTS` whose tests were chosen, running."""
    tests = {item.name for item in request.session.items if item.path == request.path}
    running = Scripts(request.module.SCRIPTS, tests, lambda: tmp_path_factory.mktemp("script"))
    yield running
    running.end()


@pytest.fixture
def script(scripts: Scripts, request: pytest.FixtureRequest) -> Finished:
    """The test's script, which has ended; its exit status is the test's to judge."""
    return scripts.result(request.node.name)


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    module: ModuleType = pytest.importorskip("torch")
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="session")
def keras(torch: ModuleType) -> ModuleType:
    module: ModuleType = pytest.importorskip("keras")
    gc.freeze()  # half a million objects that stay
    if module.backend.backend() != "torch":
        pytest.skip(f"Keras runs on {module.backend.backend()}, not on torch")
    return module
