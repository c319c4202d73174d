"""Files of what was tuned: JSON, for the machine and the version of pyconv that it was measured with."""

from __future__ import annotations

import json
import os
import platform
import warnings
from pathlib import Path
from typing import Any

from pyconv import _core
from pyconv.ops.conv_plans import Key, Problem, Tuned
from pyconv.tuning.remembered import remember

_CPUINFO = Path("/proc/cpuinfo")


def save(path: str | os.PathLike[str]) -> None:
    """Writes all that has been tuned in this process, or loaded, to a JSON file.

    Args:
        path: the file, which is overwritten.

    Raises:
        OSError: if it can't be written.
    """
    choices = [
        {"isa": isa, "direction": direction, "algorithm": algorithm, "problem": problem._asdict()}
        for (isa, direction, problem), algorithm in Tuned.algorithms.items()
    ]
    Path(path).write_text(json.dumps({**_machine(), "choices": choices}, indent=1), encoding="utf-8")


def load(path: str | os.PathLike[str]) -> int:
    """Takes the choices of a file that `save` wrote, beside those that there are.

    They were measured on one kind of CPU, with one number of threads and one version of pyconv, and serve with these
    alone: where something differs there is a warning, and nothing is taken.

    Args:
        path: the file.

    Returns:
        The number of choices taken.

    Raises:
        OSError: if it can't be read.
        ValueError: if it isn't such a file, or names an algorithm that doesn't exist or refuses the problem; nothing is
            taken then.
    """
    text = Path(path).read_bytes()
    try:
        content = json.loads(text)
        measured_on = {name: content[name] for name in _machine()}
        given = list(content["choices"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"tuning.load: {path} isn't a file of tuning.save: {error!r}.") from error
    differing = [f"{name} {measured_on[name]!r}" for name, mine in _machine().items() if measured_on[name] != mine]
    if differing:
        mine = ", ".join(f"{name} {value!r}" for name, value in _machine().items())
        warnings.warn(
            f"tuning.load: {path} was measured with {', '.join(differing)}, here it is {mine}: nothing is taken.",
            stacklevel=2,
        )
        return 0
    taken = dict(_choice(path, choice) for choice in given)
    remember(taken)
    return len(taken)


def _machine() -> dict[str, Any]:
    return {"pyconv": _core.__version__, "cpu": _cpu(), "threads": _core.get_num_threads()}


def _cpu() -> str:
    """The CPU's name as the system tells it."""
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines() if _CPUINFO.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()


def _choice(path: str | os.PathLike[str], choice: Any) -> tuple[Key, str]:
    try:
        isa, direction, algorithm = (choice[name] for name in ("isa", "direction", "algorithm"))
        problem = Problem(**{name: _as_tuples(value) for name, value in choice["problem"].items()})
        if not isinstance(isa, str) or algorithm in ("", "reference"):
            raise ValueError(f"isa {isa!r}, algorithm {algorithm!r}")
        _core.ConvPlan(direction=direction, algorithm=algorithm, **problem._asdict())  # which may refuse
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"tuning.load: {path}: a choice can't be used: {choice}: {error}") from error
    return (isa, direction, problem), algorithm


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
