"""explain and PYCONV_VERBOSE: the right words and numbers about what is computed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest

import pyconv
from pyconv import _core, layers

ALGORITHMS = _core.conv_algorithms()


def test_a_convolution() -> None:
    layer = layers.Conv2D(8, (3, 2), strides=(2, 1), padding="same", dilation_rate=(1, 3), name="stem")
    text = pyconv.explain(layer, (4, 28, 20, 3))
    assert text.startswith("stem (Conv2D), float32\n")
    assert "(4, 28, 20, 3), channels last" in text
    assert "kernel     (3, 2, 3, 8), strides (2, 1), dilation (1, 3), groups 1, bias (8,)" in text
    assert "output     (4, 14, 20, 8)" in text
    assert "(ceil(28 / 2) - 1) * 2 + (3 - 1) * 1 + 1 - 28, 0) = 1: 0 before, 1 after" in text
    assert "(ceil(20 / 1) - 1) * 1 + (2 - 1) * 3 + 1 - 20, 0) = 3: 1 before, 2 after" in text
    assert "floor((28 + 0 + 1 - (3 - 1) * 1 - 1) / 2) + 1 = 14" in text
    assert "depthwise refuses: more than one channel a group" in text
    chosen = re.findall(r"algorithm  (\w+) on ", text)
    refusals = re.findall(r"(\w+) refuses: \w", text)
    assert [*refusals, *chosen] == ALGORITHMS[: len(refusals) + 1]
    assert re.search(r"packed weights \d+ bytes, workspace \d+ bytes with \d+ threads?", text)
    assert f"{2 * 4 * 14 * 20 * 3 * 2 * 3 * 8} FLOPs" in text
    assert (
        f"input {4 * 4 * 28 * 20 * 3}, kernel {4 * 3 * 2 * 3 * 8}, bias 32, output {4 * 4 * 14 * 20 * 8} bytes" in text
    )


def test_channels_first_and_given_pads() -> None:
    layer = layers.Conv2D(4, 3, padding=((1, 0), 2), data_format="channels_first", groups=2, use_bias=False)
    text = pyconv.explain(layer, (1, 2, 9, 8))
    assert "(1, 2, 9, 8), channels first" in text
    assert "output     (1, 4, 8, 10)" in text
    assert "axis 2: given: 1 before, 0 after" in text
    assert "axis 3: given: 2 before, 2 after" in text
    assert "groups 2, no bias" in text


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_separable_convolution_is_two(data_format: str) -> None:
    shape = (2, 9, 8, 3) if data_format == "channels_last" else (2, 3, 9, 8)
    layer = layers.SeparableConv2D(
        5, 3, 2, "same", data_format, depth_multiplier=4, activation="relu", name="separable"
    )
    depthwise, pointwise = pyconv.explain(layer, shape).split("\n  followed by\n")
    between = (2, 5, 4, 12) if data_format == "channels_last" else (2, 12, 5, 4)
    words = data_format.replace("_", " ")
    assert depthwise.startswith(f"separable (SeparableConv2D), float32\n  input      {shape}, {words}\n")
    assert "kernel     (3, 3, 3, 4), strides (2, 2), dilation (1, 1), groups 3, no bias" in depthwise
    assert depthwise.count(f"output     {between}\n") == 1
    assert f"{2 * 2 * 5 * 4 * 9 * 12} FLOPs" in depthwise
    assert pointwise.startswith(f"  input      {between}, {words}\n")
    assert "kernel     (1, 1, 12, 5), strides (1, 1), dilation (1, 1), groups 1, bias (5,)" in pointwise
    assert f"output     {layer.compute_output_shape(shape)}, relu in the same pass" in pointwise
    assert f"{2 * 2 * 5 * 4 * 12 * 5} FLOPs" in pointwise


def test_a_transposed_convolution() -> None:
    layer = layers.Conv2DTranspose(6, (3, 2), strides=(2, 3), padding="same", name="up")
    text = pyconv.explain(layer, (2, 5, 4, 3))
    assert text.startswith("up (Conv2DTranspose), float32\n  input      (2, 5, 4, 3), channels last\n")
    assert "kernel     (3, 2, 6, 3), strides (2, 3), dilation (1, 1), groups 1, bias (6,)" in text
    assert "output     (2, 10, 12, 6)\n" in text
    assert "axis 1: (5 - 1) * 2 + (3 - 1) * 1 + 1, less 0 before and 1 after = 10" in text
    assert "axis 2: (4 - 1) * 3 + (2 - 1) * 1 + 1, less 0 before and -1 after = 12" in text
    assert "the data gradient of a convolution from the output to the input" in text
    first = layers.Conv1DTranspose(4, 3, data_format="channels_first")
    assert "axis 2: (7 - 1) * 1 + (3 - 1) * 1 + 1, less 0 before and 0 after = 9" in pyconv.explain(first, (1, 2, 7))


def test_a_model_layer_by_layer() -> None:
    model = pyconv.Sequential([layers.Conv2D(4, 3), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10)])
    text = pyconv.explain(model, (2, 8, 8, 3))
    titles = [line.split(" ")[1] for line in text.splitlines() if not line.startswith(" ")]
    assert titles == ["(Conv2D),", "(MaxPooling2D),", "(Flatten),", "(Dense),"]
    assert "(2, 6, 6, 4) -> (2, 3, 3, 4), no convolution" in text
    assert f"{2 * 2 * 36 * 10} FLOPs, 2 for each of 2 * 36 * 10 multiply-adds" in text


@pytest.mark.parametrize(
    ("layer", "shape", "error", "words"),
    [
        ("conv", (1, 8, 8, 3), TypeError, "explain: layer.*'conv'"),
        (layers.Conv2D(4, 3), (None, 8, 8, 3), ValueError, "explain: .*input_shape.*None"),
        (layers.Conv2D(4, 3), (1, 8, 8), ValueError, "Conv2D: .*expected ndim=4"),
        (layers.Conv2D(4, 3), (1, 8.0, 8, 3), TypeError, "explain: .*input_shape.*8.0"),
        (layers.Conv2D(4, 3), (1, 2, 8, 3), ValueError, "Conv2D: .*empty"),
        (layers.Conv2D(4, 3), 8, TypeError, "explain: .*input_shape"),
    ],
)
def test_bad_arguments(layer: Any, shape: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        pyconv.explain(layer, shape)


def verbose(value: str, code: str) -> list[str]:
    environment = {**os.environ, "PYCONV_VERBOSE": value}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stderr.splitlines()


def test_verbose_says_one_line_a_plan() -> None:
    call = "ops.conv(np.ones(({}, 5, 5, 3)), np.ones((3, 3, 3, 4)), padding=((1, 0), 0))"
    code = "; ".join(["import numpy as np; from pyconv import ops", *(call.format(batch) for batch in (1, 2, 1))])
    lines = verbose("1", code)
    assert len(lines) == 2
    assert all("-> direct on" in line and "ic3oc4_ih5oh4kh3" in line for line in lines)
    for batch, line in enumerate(lines, 1):
        assert f", pads 1,0 0,0, {2 * batch * 4 * 3 * 4 * 27} FLOPs, " in line
        assert f" {8 * (batch * (75 + 4 * 3 * 4) + 27 * 4)} bytes read and written, packed weights " in line
        assert re.search(r" \d+ bytes, workspace \d+ bytes$", line)
    before = ALGORITHMS[: ALGORITHMS.index("direct")]
    assert all(re.search(rf"[(;] ?{name}: \w", line) for line in lines for name in before), "each refusal's reason"
    assert verbose("0", code) == []
