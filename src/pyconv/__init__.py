"""Convolutional networks on the CPU with Keras' words: NumPy arrays in, NumPy arrays out.

>>> import pyconv
>>> model = pyconv.Sequential([pyconv.Input((28, 28, 1)), pyconv.layers.Conv2D(32, 3, activation="relu")])
>>> model.output_shape
(None, 26, 26, 32)
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from pyconv import activations, config, constraints, gradient, initializers, layers, ops, random, regularizers, tree
from pyconv._core import __version__
from pyconv.config import (
    available_isas,
    get_isa,
    get_num_threads,
    get_precision,
    release_workspaces,
    set_isa,
    set_num_threads,
    set_precision,
    show_config,
)
from pyconv.differentiation import GradientTape, value_and_grad
from pyconv.explain import explain
from pyconv.initializers import Initializer
from pyconv.layers import Input, Layer
from pyconv.random import seed
from pyconv.symbolic import KerasTensor
from pyconv.variable import Variable

# What comes late means this, for editors and type checkers.
if TYPE_CHECKING:
    from pyconv import callbacks, losses, metrics, models, optimizers, plotting, threadpool, tuning, utils
    from pyconv.losses import Loss
    from pyconv.metrics import Metric
    from pyconv.models import Model, Sequential
    from pyconv.optimizers import Optimizer
    from pyconv.saving import from_keras, load_model
    from pyconv.tiling import predict_tiled, receptive_field
    from pyconv.tuning import tune

__all__ = [
    "GradientTape",
    "Initializer",
    "Input",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Sequential",
    "Variable",
    "__version__",
    "activations",
    "applications",
    "available_isas",
    "callbacks",
    "compare",
    "config",
    "constraints",
    "explain",
    "from_keras",
    "get_isa",
    "get_num_threads",
    "get_precision",
    "gradient",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "onnx",
    "ops",
    "optimizers",
    "plotting",
    "predict_tiled",
    "random",
    "receptive_field",
    "regularizers",
    "release_workspaces",
    "saving",
    "seed",
    "set_isa",
    "set_num_threads",
    "set_precision",
    "show_config",
    "threadpool",
    "tree",
    "tune",
    "tuning",
    "utils",
    "value_and_grad",
]

# Imported when first asked for: who only reads a model needs no losses, and each file takes 0.3 ms.
_LATE = (
    "applications",
    "callbacks",
    "losses",
    "metrics",
    "models",
    "onnx",
    "optimizers",
    "plotting",
    "saving",
    "threadpool",
    "tuning",
    "utils",
)
_LATE_NAMES = {
    "Loss": "pyconv.losses",
    "Metric": "pyconv.metrics",
    "Model": "pyconv.models",
    "Optimizer": "pyconv.optimizers",
    "Sequential": "pyconv.models",
    "compare": "pyconv.comparing",
    "from_keras": "pyconv.saving",
    "load_model": "pyconv.saving",
    "predict_tiled": "pyconv.tiling",
    "receptive_field": "pyconv.tiling",
    "tune": "pyconv.tuning",
}

if "threadpoolctl" in sys.modules:
    importlib.import_module("pyconv.threadpool").register()


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return importlib.import_module(f"pyconv.{name}")
    if name not in _LATE_NAMES:
        raise AttributeError(f"module 'pyconv' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_LATE_NAMES[name]), name)  # the next time it is there
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
