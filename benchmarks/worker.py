"""The process of one peer: waits for a job, runs it, times it. Decides nothing."""

from __future__ import annotations

import importlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference_networks import Inference
from jobs import GRADIENTS, POOLINGS, Job
from peers import RUNNERS, TABLES, TRAINERS
from training_networks import Step

# Calls before those that count fill caches. The system may also wake two threads on one core, and takes some of its
# ticks (4 ms) to move one to the other: within 10 ms of a pause two threads were often no faster than one.
SETTLE, SETTLE_ALONE = 0.03, 0.01
LONG = 10 * SETTLE
# A thread that looks for work all the time takes all of a look; what wakes now and then takes less than a tenth.
LOOK, IDLE = 0.002, 0.1
# Whoever's threads look for work longer than this is not waited for.
LONGEST_REST = 0.1


@dataclass(frozen=True)
class Refusal:
    """Why a peer can't do what it was asked for."""

    reason: str


def serve(connection: Connection, name: str, threads: int) -> None:
    """Sends the library's version, then answers orders until None comes; a Refusal where the library raises.

    ("prepare", (job, dtype)) with the result, ("time", seconds) with seconds a call, and ("config", None) with what
    pyconv says of itself. Where threads have worked, they sleep before it answers.
    """
    # For the OpenMP runtimes that a library brings along; set before it is imported.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    silence()
    try:
        peer = importlib.import_module((RUNNERS | TABLES | TRAINERS)[name]).Peer(threads)
    except ImportError as error:
        connection.send(Refusal(str(error)))
        return
    connection.send(peer.version)
    run: Callable[[], Any] | None = None
    while (message := connection.recv()) is not None:
        order, argument = message
        if order == "prepare":
            run = None  # frees the last job's memory first
            try:
                run = prepared(peer, *argument)
                result = peer.as_array(run())
                rest()
                connection.send(result)
            except Exception as error:
                connection.send(Refusal(str(error).strip().split("\n")[0][:200] or type(error).__name__))
        elif order == "time" and run is not None:
            seconds = seconds_per_call(run, argument, settling(threads))
            rest()
            connection.send(seconds)
        elif order == "config":
            connection.send(importlib.import_module("pyconv").config.show_config(mode="dicts"))


def silence() -> None:
    """Libraries talk of themselves while they load and convert models; what matters goes through the connection."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def prepared(peer: Any, job: Job | Step | Inference, dtype: str) -> Callable[[], Any]:
    if isinstance(job, Step):
        return peer.prepare_step(job, dtype)  # type: ignore[no-any-return]
    if isinstance(job, Inference):
        return peer.prepare_network(job.folder, aligned(job.images()))  # type: ignore[no-any-return]
    x, *weights = (aligned(array.astype(dtype, copy=False)) for array in data(job))
    if job.kind in POOLINGS:
        return peer.prepare_pool(job.problem, job.kind, x)  # type: ignore[no-any-return]
    if job.kind in GRADIENTS:
        return peer.prepare_gradient(job.problem, job.kind, x, *weights)  # type: ignore[no-any-return]
    return peer.prepare(job.problem, x, *weights)  # type: ignore[no-any-return]


def data(job: Job) -> list[NDArray[Any]]:
    """Images and, for a convolution, kernel and bias, or for its gradients kernel and the result's gradient: normal
    numbers, the same in every process.

    The weights are scaled so that the results are near 1.
    """
    problem, generator = job.problem, np.random.default_rng(1)
    x = generator.standard_normal((problem.batch, *problem.input_size, problem.in_channels), np.float32)
    if problem.out_channels is None:
        return [x]
    channels = problem.in_channels // problem.groups
    terms = channels * math.prod(problem.kernel_size)
    kernel = generator.standard_normal((*problem.kernel_size, channels, problem.out_channels), np.float32)
    shape = (problem.batch, *problem.output_size) if job.kind in GRADIENTS else ()
    last = generator.standard_normal((*shape, problem.out_channels), np.float32)
    return [x, kernel / np.float32(math.sqrt(terms)), last]


def aligned(x: NDArray[Any]) -> NDArray[Any]:
    """A copy that begins at a cache line, as the results of all these libraries do, and in a network every input."""
    memory = np.empty(x.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    copy = memory[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
    np.copyto(copy, x)
    return copy


def settling(threads: int) -> float:
    return SETTLE if threads > 1 else SETTLE_ALONE


def seconds_per_call(run: Callable[[], Any], least: float, settle: float) -> float:
    """The mean over as many calls as fill `least` seconds, after some for `settle` seconds."""
    first = calls(run, settle)
    # A call as long as this settles within itself.
    return first if first > max(least, LONG) else calls(run, least)


def calls(run: Callable[[], Any], least: float) -> float:
    """Seconds a call, over as many as fill `least` seconds, one at least."""
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < least or count == 0:
        run()
        count += 1
    return elapsed / count


def rest() -> None:
    """Waits until this process' threads sleep: idle ones of most runtimes look for work for a while, and the next peer
    must not be timed beside them.
    """
    end = time.perf_counter() + LONGEST_REST
    while (start := time.perf_counter()) < end:
        used = time.process_time()
        time.sleep(LOOK)
        if time.process_time() - used < IDLE * (time.perf_counter() - start):
            return
