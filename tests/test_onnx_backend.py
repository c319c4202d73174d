"""ONNX' own test suite: one node or a small model each, with what must come out."""

from __future__ import annotations

import re
import unittest
import warnings
from typing import Any

import pytest

import pyconv.onnx

pytest.importorskip("onnx")
with warnings.catch_warnings():
    # The suite computes what it expects when it is collected, overflows and all.
    warnings.simplefilter("ignore")
    import onnx.backend.test
    from onnx import TensorProto, numpy_helper

# What of the suite isn't run, and why. Whatever else fails fails here.
EXCLUDED = {
    "operators for training": (
        r"test_nllloss_(?!.*_expanded)|test_sce_|gradient_of|adagrad|adam|test_(nesterov_)?momentum"
    ),
    "dropout that drops, at random": r"training_dropout_(default|mask|cpu)",
    "random numbers, whose values the suite doesn't know": r"bernoulli",
    "attention as a single operator, where exporters of convnets write MatMul and Softmax": (
        r"(attention|rotary_embedding|causal_conv_with_state)_(?!.*expanded)"
    ),
    "half precision that the suite rounds elsewhere, or that overflows": r"attention_4d_causal_(fp|padded_kv_bf)16",
    "sequences, optionals and text, which no convnet has": (
        r"test_sequence_|optional|string_(concat|split)|strnorm|tfidf|regex|split_to_sequence|identity_sequence"
        r"|identity_opt|_(if|loop)\d*_(seq|opt)"
    ),
    "the Scan of version 8, which had a batch": r"scan_sum",
    "sound: Fourier transforms": r"_dft|stft|melweight",
    "trees and other classical learners": r"ai_onnx_ml",
    "warped and sampled images": r"gridsample|affine_grid_(?!.*_expanded)|roialign|deform_conv|col2im|image_decoder",
    "floats of eight bits or fewer and integers of fewer, but for what becomes of them": (
        r"to_(FLOAT[48]|U?INT[24]_|U?INT[24]$)|linear_(e4m3fn|e5m2|float4|u?int[24])|tensorscatter|bitcast"
    ),
}
# What has to be run, so that a pattern above can't take more away unseen.
LEAST = 1400


class Prepared:
    """A loaded model as the suite calls it."""

    def __init__(self, model: Any) -> None:
        self.model = pyconv.onnx.load(model)

    def run(self, inputs: Any) -> tuple[Any, ...]:
        arrays = (numpy_helper.to_array(x) if isinstance(x, TensorProto) else x for x in inputs)
        return self.model(*arrays)


class Backend:
    """What the suite asks for."""

    @staticmethod
    def supports_device(device: str) -> bool:
        return device == "CPU"

    @classmethod
    def is_compatible(cls, model: Any, device: str = "CPU", **kwargs: Any) -> bool:
        return True

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **kwargs: Any) -> Prepared:
        return Prepared(model)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    suite = onnx.backend.test.BackendTest(Backend, __name__)
for pattern in EXCLUDED.values():
    suite.exclude(pattern)


def _cases() -> dict[str, Any]:
    cases: dict[str, Any] = suite.test_cases
    del cases["OnnxBackendRealModelTest"]  # large networks whose weights are all alike, or to be downloaded
    for case in cases.values():
        for name in [name for name in vars(case) if name.endswith("_cuda")]:  # a second time for another device
            delattr(case, name)
    return cases


CASES = _cases()
globals().update(CASES)


def test_the_patterns_leave_the_suite_whole() -> None:
    tests = unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, CASES.values()))
    names = [str(test).split()[0] for case in tests for test in case]  # type: ignore[attr-defined]
    skipped = re.compile("|".join(EXCLUDED.values()))
    assert sum(not skipped.search(name) for name in names) > LEAST
