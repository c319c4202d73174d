"""Changes Keras files at random and reads them: nothing but documented errors may come of it. Not a test by itself.

    python tests/fuzz/fuzz_keras_files.py --minutes 30 --seed 1 --keep findings

A case is its number and the seed alone, so a finding can be made again with `--seed S --first N --cases 1`. Cases run
in a process of their own: one that crashes, hangs for half a minute, takes memory beyond ten times the file, or raises
anything but `ModelFileError`, is reported and kept, and the next begins after it.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyconv
from pyconv import layers
from pyconv.saving import ModelFileError

_SECONDS = 30  # for one case; the slowest sound one takes less than a second
# What Python, NumPy and HDF5 take for themselves whatever the file, measured on sound files with room to spare.
_SLACK_BYTES = 96 << 20
_NUMBERS = (0, -1, 1, 2, 3, 255, 65535, 2**31 - 1, 2**31, 2**32, 2**63, 10**30, 0.5, 1e308, -1e308, float("nan"))
_TEXTS = (
    "",
    "relu",
    "same",
    "Dense",
    "Conv2D",
    "Sequential",
    "__keras_tensor__",
    "function",
    "os",
    "keras.layers",
    "\0",
)


def seeds(folder: Path) -> list[Path]:
    """Sound files of every form to begin with."""
    image = (8, 8, 3)
    chain = pyconv.Sequential(
        [
            pyconv.Input(image),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.SeparableConv2D(3, 3, padding="same"),
            layers.Flatten(),
            layers.Dense(2, kernel_regularizer="l2"),
        ]
    )
    x = pyconv.Input(image)
    inner = pyconv.Sequential([pyconv.Input(image), layers.DepthwiseConv2D(3, padding="same"), layers.PReLU()])
    y = layers.Concatenate()([inner(x) * 0.5 + x, layers.Resizing(8, 8)(x)])
    graph = pyconv.Model(x, pyconv.ops.mean(layers.ZeroPadding2D(1)(y), axis=(1, 2)))
    made = []
    for name, model in (("chain", chain), ("graph", graph)):
        for suffix in (".keras", ".h5"):
            made.append(folder / f"{name}{suffix}")
            model.save(made[-1])
        made.append(folder / f"{name}.weights.h5")
        model.save_weights(made[-1])
    return made


def changed_bytes(draw: random.Random, data: bytes) -> bytes:
    """Bytes with some of them overwritten, cut out, doubled or put elsewhere."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 5, 20))):
        place = draw.randrange(len(changed) or 1)
        if draw.random() < 0.5:
            place %= 4096  # where HDF5 and the archive keep what describes the rest
        how = draw.randrange(6)
        length = draw.choice((1, 2, 4, 8, 64))
        if how == 0:
            changed[place : place + 1] = bytes([draw.randrange(256)])
        elif how == 1:
            changed[place : place + length] = draw.choice((b"\0", b"\xff", b"\x7f")) * length
        elif how == 2:
            changed[place : place + 1] = bytes([changed[place] ^ (1 << draw.randrange(8))]) if changed else b""
        elif how == 3:
            del changed[place : place + draw.choice((1, length, len(changed) // 4))]
        elif how == 4:
            other = draw.randrange(len(changed) or 1)
            changed[place : place + length] = changed[other : other + length]
        else:
            changed[place:place] = changed[place : place + length]
    return bytes(changed)


def changed_json(draw: random.Random, text: bytes) -> bytes:
    """A description with some of its values replaced, taken out, doubled or exchanged."""
    described = json.loads(text)
    for _ in range(draw.choice((1, 1, 2, 4))):
        parent, key = draw.choice(list(_places(described)))
        value = parent[key]
        how = draw.randrange(7)
        if how == 0:
            parent[key] = draw.choice(_NUMBERS)
        elif how == 1:
            parent[key] = draw.choice(_TEXTS)
        elif how == 2:
            del parent[key]
        elif how == 3:
            parent[key] = draw.choice(([], {}, None, True, [value], {"a": value}, [value] * 3))
        elif how == 4:
            other, name = draw.choice(list(_places(described)))
            parent[key] = json.loads(json.dumps(other[name]))
        elif how == 5 and isinstance(value, int):
            parent[key] = value + draw.choice((-1, 1, 2**20))
        elif isinstance(parent, list):
            parent.append(json.loads(json.dumps(value)))
        if not isinstance(described, dict | list) or not described:
            break
    return json.dumps(described).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)


def changed_file(draw: random.Random, data: bytes, name: str) -> bytes:
    """A file of a form with a change: in its bytes, its description or its weights."""
    if name.endswith(".keras") and draw.random() < 0.8:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        if draw.random() < 0.6:
            members["config.json"] = changed_json(draw, members["config.json"])
        else:
            members["model.weights.h5"] = changed_bytes(draw, members["model.weights.h5"])
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return file.getvalue()
    return changed_bytes(draw, data)


def read(path: Path) -> str:
    """Reads a file as a caller would; returns "fine" or the error's name, and raises what may not be."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    try:
        if path.name.endswith(".weights.h5"):
            _targets[path.name].load_weights(path)
        else:
            pyconv.load_model(path)
        outcome = "fine"
    except ModelFileError as error:
        if isinstance(error.__cause__, MemoryError):
            raise AssertionError("memory ran out") from error
        outcome = type(error.__cause__ or error).__name__
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    if taken > 10 * path.stat().st_size + _SLACK_BYTES:
        raise AssertionError(f"{taken} bytes were taken for a file of {path.stat().st_size}")
    return outcome


_targets: dict[str, Any] = {}


def work(folder: Path, seed: int, first: int, until: float, last: int, at: Any, outcomes: Any) -> None:
    """Runs cases; the number of the one that is running is in `at`, what came of the others is sent when done."""
    warnings.simplefilter("ignore")
    sources = sorted(folder.glob("seed/*"))
    for name in ("chain", "graph"):
        _targets[f"case-{name}.weights.h5"] = pyconv.load_model(folder / "seed" / f"{name}.keras")
    for path in sources:
        read_sound = pyconv.load_model if "weights" not in path.name else _targets[f"case-{path.name}"].load_weights
        read_sound(path)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + (1 << 30), resource.RLIM_INFINITY))
    counts: Counter[str] = Counter()
    for case in range(first, last):
        if time.monotonic() > until:
            break
        at.value = case
        draw = random.Random(f"{seed} {case}")
        source = draw.choice(sources)
        path = folder / f"case-{source.name}"
        path.write_bytes(changed_file(draw, source.read_bytes(), source.name))
        signal.alarm(_SECONDS)
        counts[read(path)] += 1
        signal.alarm(0)
    at.value = -1
    outcomes.put(counts)


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main() -> int:
    """Runs workers until the time is up; returns how many findings there were."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--cases", type=int, default=sys.maxsize, help="how many at most")
    parser.add_argument("--keep", type=Path, help="a folder for files that something came of")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    context = multiprocessing.get_context("spawn")
    at, outcomes = context.Value("q", options.first), context.SimpleQueue()
    first, last, findings = options.first, options.first + options.cases, 0
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "seed").mkdir()
        seeds(folder / "seed")
        while first < last and time.monotonic() < until:
            at.value = first
            arguments = (folder, options.seed, first, until, last, at, outcomes)
            worker = context.Process(target=work, args=arguments)
            worker.start()
            worker.join()
            if at.value == -1:
                counts += outcomes.get()
                break
            findings += 1
            print(f"case {at.value} of seed {options.seed}: the process ended with {worker.exitcode}", flush=True)
            if options.keep is not None:
                options.keep.mkdir(parents=True, exist_ok=True)
                newest = max(folder.glob("case-*"), key=lambda path: path.stat().st_mtime)
                newest.rename(options.keep / f"{options.seed}-{at.value}-{newest.name}")
            first = at.value + 1
    print(f"{findings} findings; in the last process: {dict(counts.most_common())}")
    return findings


if __name__ == "__main__":
    sys.exit(min(main(), 1))
