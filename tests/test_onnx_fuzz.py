"""Damaged ONNX files: some of the fuzzer's numbers, and what it found once. The fuzzer is fuzz/onnx_files.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyconv.onnx

onnx = pytest.importorskip("onnx")
from fuzz import onnx_files  # noqa: E402 - which needs onnx


def test_damaged_files_give_documented_errors() -> None:
    model = onnx_files.network()
    assert onnx_files.attempt(model.SerializeToString(), 0) == "ran"
    outcomes = [onnx_files.attempt(onnx_files.damaged(model, number), number) for number in range(1500)]
    assert {outcome: outcomes.count(outcome) > 50 for outcome in set(outcomes)} == {
        "refused": True,
        "failed": True,
        "ran": True,
    }


def parsed(body: str, opset: int = 17) -> Any:
    return onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]> g (float[N] x) => (float[N] y) {{ {body} }}'
    )


def names_that_are_not_utf8() -> bytes:
    return bytes(parsed("abc = Neg (x) y = Neg (abc)").SerializeToString().replace(b"abc", b"\xff\xfe\xfd"))


def an_output_without_a_name() -> bytes:
    model = parsed("y = Neg (x)")
    model.graph.output[0].name = ""
    model.graph.node[0].output.append("")
    return bytes(model.SerializeToString())


def left_out() -> bytes:
    model = parsed("y = Sum (x)")
    model.graph.node[0].input[0] = ""
    return bytes(model.SerializeToString())


def groups_of_no_channels() -> bytes:
    model = parsed("y = ConvTranspose <group = 3> (x, w)")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((4, 1, 2, 2), np.float32), "w"))
    return bytes(model.SerializeToString())


FINDINGS = {
    "groups that channels can't be cut into": groups_of_no_channels(),
    "a name that isn't UTF-8": names_that_are_not_utf8(),
    "an output without a name": an_output_without_a_name(),
    "a version that no integer of C++ holds": parsed("y = Mystery (x)", 2**62).SerializeToString(),
    "a list for a number": parsed("y = Concat <axis = [1, 2]> (x)").SerializeToString(),
    "a text for a number": parsed('y = Softmax <axis = "last"> (x)').SerializeToString(),
    "nothing to join": parsed("y = Concat <axis = 0> ()").SerializeToString(),
    "nothing to add": parsed("y = Sum ()").SerializeToString(),
    "something left out that is to be added": left_out(),
}


@pytest.mark.parametrize("content", FINDINGS.values(), ids=FINDINGS)
def test_what_the_fuzzer_found(content: bytes) -> None:
    with pytest.raises(onnx_files.DOCUMENTED_ON_LOADING):
        pyconv.onnx.load(content)


def test_more_axes_than_can_be_broadcast() -> None:
    model = parsed("y = Expand (x, s)")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(60, np.int64), "s"))
    with pytest.raises(ValueError, match="more than 32 axes"):
        pyconv.onnx.load(model)([1.0])
