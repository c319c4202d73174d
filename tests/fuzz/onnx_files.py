"""Damaged ONNX files, made from good ones by a number, and what may come of loading and running them.

As a program it goes on for so many seconds, in child processes with little memory, and prints what went wrong:

    python tests/fuzz/onnx_files.py --seconds 600
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

import pyconv.onnx
from pyconv.onnx import memory, registry

# What pyconv says may come of a file, and of calling a model.
DOCUMENTED_ON_LOADING = (pyconv.onnx.InvalidModelError, pyconv.onnx.UnsupportedError)
DOCUMENTED_ON_CALLING = (ValueError, TypeError)
EXTREMES = (-(2**63), -(2**31), -100, -2, -1, 0, 1, 2, 3, 7, 100, 2**31 - 1, 2**31, 2**62, 2**63 - 1)
# A call of these models makes kilobytes; one result may take this, the process some times as much.
MOST_RESULT, MOST_MEMORY = 2**24, 2**32
SECONDS_A_CASE = 10


def seeds() -> list[Any]:
    """Small models to damage: those of ONNX' suite of operators that pyconv has, and some of several nodes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases  # noqa: PLC0415 - it computes for seconds

        cases = collect_testcases(None)
    known = {name for _, name in registry.names()}
    models = [
        case.model
        for case in cases
        if case.model is not None
        and case.model.ByteSize() < 100_000
        and all(node.op_type in known for node in case.model.graph.node)
    ]
    return models[::3] + [network()] * (len(models) // 10)


def network() -> Any:
    """A convnet with a branch, a loop of shapes, and constants."""
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[N,3,H,W] x) => (float[N,M] y) <
        float[4,3,3,3] w, float[4] b, float[4,1,3,3] d, float[8,5] m
    >
    {
        a = Conv <pads = [1,1,1,1], strides = [2,2]> (x, w, b)
        n = BatchNormalization (a, b, b, b, b)
        r = Relu (n)
        c = Conv <pads = [1,1,1,1], group = 4> (r, d)
        s = Sigmoid (c)
        p = Mul (c, s)
        k = Concat <axis = 1> (p, r)
        q = MaxPool <kernel_shape = [2,2], strides = [2,2], ceil_mode = 1> (k)
        f = GlobalAveragePool (q)
        h = Shape (f)
        z = Slice (h, i0, i2, i0)
        l = Reshape (f, z)
        y = MatMul (l, m)
    }
    """
    model = onnx.parser.parse_model(text)
    rng = np.random.default_rng(1)
    del model.graph.initializer[:]
    shapes = {"w": (4, 3, 3, 3), "b": (4,), "d": (4, 1, 3, 3), "m": (8, 5)}
    for name, shape in shapes.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(rng.random(shape, np.float32), name))
    for name, number in (("i0", 0), ("i2", 2)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([number]), name))
    return model


def messages(message: Any) -> list[Any]:
    """A message and all that are in it."""
    found = [message]
    for field, value in message.ListFields():
        if field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                found += messages(item)
    return found


def damaged_field(model: Any, rng: random.Random) -> None:
    """Changes, copies, exchanges or removes one field somewhere in the model."""
    message = rng.choice(messages(model))
    fields = message.ListFields()
    if not fields:
        return
    field, value = rng.choice(fields)
    if rng.random() < 0.1:
        message.ClearField(field.name)
    elif field.is_repeated and len(value) > 1 and rng.random() < 0.4:
        place, other = rng.randrange(len(value)), rng.randrange(len(value))
        if rng.random() < 0.5:
            del value[place]
        elif field.message_type is None:
            value[place] = value[other]
        else:
            value[place].CopyFrom(value[other])
    elif field.is_repeated and rng.random() < 0.3:
        value.append(value[0]) if field.message_type is None else value.add().CopyFrom(value[0])
    elif field.message_type is None:
        place = rng.randrange(len(value)) if field.is_repeated else None
        new = other_value(model, field, value[place] if place is not None else value, rng)
        if place is not None:
            value[place] = new
        else:
            setattr(message, field.name, new)


def other_value(model: Any, field: Any, value: Any, rng: random.Random) -> Any:
    """Another value for a field without parts."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return rng.choice([0.0, -1.0, 1e38, -1e-38, float("nan"), float("inf"), value * 2])
    if isinstance(value, bytes):
        cut = rng.randrange(len(value) + 1)
        return rng.choice([value[:cut], value + value[:cut], b"", rng.randbytes(len(value))])
    if isinstance(value, int):
        if field.enum_type is not None:
            return rng.choice(field.enum_type.values).number
        new = rng.choice([*EXTREMES, value + 1, value - 1])
        return new if -(2**63) <= new < 2**63 and not (abs(new) >= 2**31 and "32" in str(field.type)) else value
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    operators = [name for _, name in sorted(registry.names())]
    return rng.choice(operators if field.name == "op_type" else [*names, "", "SAME_UPPER", "reflect", "cubic"])


def damaged(model: Any, number: int) -> bytes:
    """The bytes of a model after a few changes that the number says."""
    rng = random.Random(number)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for _ in range(rng.choice([1, 1, 2, 3, 5])):
        try:
            damaged_field(copy, rng)
        except (ValueError, TypeError):  # numbers that the field's type doesn't hold
            continue
    content = bytearray(copy.SerializeToString())
    if rng.random() < 0.2 and content:
        for _ in range(rng.choice([1, 2, 8])):
            content[rng.randrange(len(content))] = rng.randrange(256)
    if rng.random() < 0.05:
        del content[rng.randrange(len(content) + 1) :]
    return bytes(content)


def arrays_for(model: Any, number: int) -> list[Any]:
    """Inputs of the shapes that a loaded model names, with something for sizes that are open."""
    rng = np.random.default_rng(number)
    arrays = []
    for value in model.inputs:
        sizes = [size if isinstance(size, int) else int(rng.integers(1, 9)) for size in value.shape or ()]
        shape = memory.checked(sizes, value.dtype)
        arrays.append((rng.random(shape) * rng.choice([1, 3, 100])).astype(value.dtype))
    return arrays


def attempt(content: bytes, number: int) -> str:
    """Loads and runs a file; how far it came. Anything but documented errors gets out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a float that is no whole number, say
        try:
            model = pyconv.onnx.load(content)
        except DOCUMENTED_ON_LOADING:
            return "refused"
        try:
            with memory.limited(MOST_RESULT):
                model(*arrays_for(model, number))
        except DOCUMENTED_ON_CALLING:
            return "failed"
        return "ran"


def _limited_loop(models: list[Any], start: int, current: Any, counts: Any, seconds: float) -> None:
    """The child: one number after the other, the present one where the parent sees it."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))

    def late(*_: Any) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    end, number = time.monotonic() + seconds, start
    outcomes: list[str] = ["refused", "failed", "ran", "wrong"]
    while time.monotonic() < end:
        current.value = number
        signal.alarm(SECONDS_A_CASE)
        try:
            outcome = attempt(damaged(models[number % len(models)], number), number)
        except BaseException:
            outcome = "wrong"
            print(f"number {number}:", traceback.format_exc(limit=-4), flush=True)
        signal.alarm(0)
        counts[outcomes.index(outcome)] += 1
        number += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600, help="how long to go on (600)")
    parser.add_argument("--start", type=int, default=0, help="the first number (0)")
    parser.add_argument("--only", type=int, help="run one number alone, here")
    arguments = parser.parse_args()
    models = seeds()
    if arguments.only is not None:
        print(attempt(damaged(models[arguments.only % len(models)], arguments.only), arguments.only))
        return 0
    current, counts = multiprocessing.Value("q", arguments.start), multiprocessing.Array("q", 4)
    end, start, died = time.monotonic() + arguments.seconds, arguments.start, 0
    run: Callable[..., Any] = _limited_loop
    while (left := end - time.monotonic()) > 0:
        child = multiprocessing.Process(target=run, args=(models, start, current, counts, left))
        child.start()
        seen = -1
        while child.is_alive():
            child.join(3 * SECONDS_A_CASE)
            if child.is_alive() and current.value == seen:
                print(f"number {seen}: no end", flush=True)
                child.kill()
            seen = current.value
        if child.exitcode:
            died += 1
            print(f"number {current.value}: the process ended with {child.exitcode}", flush=True)
        start = current.value + 1
    print(dict(zip(["refused", "failed", "ran", "wrong"], counts, strict=True)), f"died: {died}, next: {start}")
    return int(bool(died or counts[3]))


if __name__ == "__main__":
    sys.exit(main())
