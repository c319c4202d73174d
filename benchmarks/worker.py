"""The process of one peer: waits for a problem, runs it, times it. Decides nothing."""

from __future__ import annotations

import importlib
import math
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers import MODULES
from problems import Problem


def serve(connection: Connection, name: str, threads: int) -> None:
    """Answers ("prepare", problem) with the result and ("time", seconds) with seconds a call, until None comes."""
    # For the OpenMP runtimes that a library brings along; set before it is imported.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    peer = importlib.import_module(MODULES[name]).Peer(threads)
    connection.send(peer.version)
    run: Callable[[], Any] | None = None
    while (message := connection.recv()) is not None:
        order, argument = message
        if order == "prepare":
            run = peer.prepare(argument, *data(argument))
            connection.send(peer.as_array(run()))
        elif run is not None:
            connection.send(seconds_per_call(run, argument))


def data(problem: Problem) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Normal numbers, the same in every process; the weights scaled so that the results are near 1."""
    generator = np.random.default_rng(1)
    channels, filters = problem.in_channels // problem.groups, problem.out_channels or 0
    terms = channels * math.prod(problem.kernel_size)
    x = generator.standard_normal((problem.batch, *problem.input_size, problem.in_channels), np.float32)
    kernel = generator.standard_normal((*problem.kernel_size, channels, filters), np.float32)
    bias = generator.standard_normal(filters, np.float32)
    return x, kernel / np.float32(math.sqrt(terms)), bias


def seconds_per_call(run: Callable[[], Any], least: float) -> float:
    """The mean over as many calls as fill `least` seconds, after one that wakes caches and threads."""
    run()
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < least or count == 0:
        run()
        count += 1
    return elapsed / count
