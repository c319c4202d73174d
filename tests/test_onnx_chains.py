"""Elementwise steps in blocks: the same numbers as one after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyconv.onnx
from arrays import Array
from pyconv import config
from pyconv.onnx import chains

onnx = pytest.importorskip("onnx")

BODY = """
    f = Flatten <axis = 2> (x)
    a = Add (x, three)
    c = Clip (a, zero, six)
    m = Mul (x, c)
    d = Div (m, six)
    s = Mul (d, scale)
    r = Mul (rows, s)
    p = PRelu (r, scale)
    y = Sub (p, x)
    z = Identity (f)
"""


def model() -> Any:
    scale = np.linspace(-1, 2, 8, dtype=np.float32)
    numbers = {"three": np.float32(3), "zero": np.float32(0), "six": np.float32(6), "scale": scale}
    text = (
        f'<ir_version: 8, opset_import: ["" : 17]> g (float[A,B,C] x, float[M,N,K] rows) => (float[P] y) {{ {BODY} }}'
    )
    parsed = onnx.parser.parse_model(text)
    parsed.graph.output[0].type.tensor_type.ClearField("shape")
    for name, number in numbers.items():
        parsed.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(number), name))
    return pyconv.onnx.load(parsed)


@pytest.mark.parametrize("form", [(50, 3, 8), (1, 1, 8), (1, 1, 1), (50, 1, 8), (50, 3, 1)])
def test_blocks_change_no_bit(form: tuple[int, ...], rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    x: Array = rng.standard_normal((50, 3, 8)).astype(np.float32)
    x[0, 0, 0] = np.nan
    rows = rng.standard_normal(form).astype(np.float32)
    monkeypatch.setitem(config._defaults, "programs", False)  # they have chains of their own
    loaded = model()
    assert len([line for line in loaded.summary().splitlines() if "PRelu" in line]) == 1
    (whole,) = loaded(x, rows)
    monkeypatch.setattr(chains, "_LEAST", 1)
    for block in (8, 100, 1199, 1200):
        monkeypatch.setattr(chains, "_BLOCK", block)
        np.testing.assert_array_equal(loaded(x, rows)[0], whole)
    scale = np.linspace(-1, 2, 8, dtype=np.float32)
    s = rows * (x * np.clip(x + 3, 0, 6) / 6 * scale)
    np.testing.assert_allclose(whole, np.where(s < 0, s * scale, s) - x, rtol=1e-6)


def test_what_others_need_ends_a_chain() -> None:
    head = '<ir_version: 8, opset_import: ["" : 17]> g (float[N] x) => (float[N] a, float[N] y)'
    text = f"{head} {{ a = Neg (x) y = Exp (a) }}"
    a, y = pyconv.onnx.load(onnx.parser.parse_model(text))([1.0, 2.0])
    np.testing.assert_array_equal(a, [-1, -2])
    np.testing.assert_allclose(y, np.exp(a), rtol=1e-6)
