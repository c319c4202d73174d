"""Weights of PyTorch's networks: the same results from both, and reasons where that can't be."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import layers

PADDED = {"padding": "same"}


def network(torch: ModuleType) -> Any:
    nn = torch.nn
    torch.manual_seed(1)
    features = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.PReLU(8),
        nn.MaxPool2d(2),
        nn.ConvTranspose2d(8, 6, 2, stride=2),
        nn.Conv2d(6, 6, 3, groups=2),
        nn.GroupNorm(2, 6),
    )
    end = nn.Sequential(
        nn.Flatten(), nn.Dropout(0.5), nn.BatchNorm1d(6 * 6 * 4), nn.Linear(6 * 6 * 4, 5), nn.Linear(5, 3)
    )
    whole = nn.Sequential(features, end)
    with torch.no_grad():
        for tensor in whole.state_dict().values():
            if tensor.ndim == 1:
                tensor.uniform_(0.5, 1.5)
    return whole.eval()


def counterpart(data_format: str = "channels_last", nested: bool = False) -> Any:
    first = data_format == "channels_first"
    axis, shared, form = (1, [2, 3], {"data_format": data_format}) if first else (-1, [1, 2], {})
    features = [
        pyconv.Input((3, 8, 6) if first else (8, 6, 3)),
        layers.Conv2D(8, 3, use_bias=False, **PADDED, **form),
        layers.BatchNormalization(axis, epsilon=1e-5),
        layers.ReLU(),
        layers.DepthwiseConv2D(3, **PADDED, **form),
        layers.PReLU(shared_axes=shared),
        layers.MaxPooling2D(2, **form),
        layers.Conv2DTranspose(6, 2, strides=2, **form),
        layers.Conv2D(6, 3, groups=2, **form),
        layers.GroupNormalization(2, axis=axis, epsilon=1e-5),
    ]
    end = [
        layers.Flatten(**form),
        layers.Dropout(0.5),
        layers.BatchNormalization(epsilon=1e-5),
        layers.Dense(5),
        layers.Dense(3),
    ]
    if nested:
        x = features[0]
        return pyconv.Model(x, pyconv.Sequential(end)(pyconv.Sequential(features)(x)))
    return pyconv.Sequential(features + end)


def require_same(ours: Any, theirs: Any, torch: ModuleType, first: bool = False) -> None:
    """Sums of up to 144 products in float32."""
    x = np.random.default_rng(2).standard_normal((2, 3, 8, 6)).astype(np.float32)
    with torch.no_grad():
        right = theirs(torch.tensor(x)).numpy()
    np.testing.assert_allclose(ours(x if first else x.transpose(0, 2, 3, 1)), right, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_network_gives_the_same(data_format: str, nested: bool, torch: ModuleType) -> None:
    theirs, ours = network(torch), counterpart(data_format, nested)
    ours.load_torch_state_dict(theirs.state_dict())
    require_same(ours, theirs, torch, data_format == "channels_first")
    ours.load_torch_state_dict({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    require_same(ours, theirs, torch, data_format == "channels_first")


def test_a_safetensors_file(torch: ModuleType, tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.numpy").save_file
    theirs, ours = network(torch), counterpart()
    save_file({name: tensor.numpy() for name, tensor in theirs.state_dict().items()}, tmp_path / "net.safetensors")
    ours.load_torch_state_dict(tmp_path / "net.safetensors")
    require_same(ours, theirs, torch)
    two = {"a.weight": np.zeros((4, 4), np.float32), "b.weight": np.ones((4, 4), np.float32)}
    save_file(two, tmp_path / "two.safetensors")
    dense = pyconv.Sequential([pyconv.Input((4,)), *(layers.Dense(4, use_bias=False) for _ in range(2))])
    with pytest.raises(ValueError, match=r"does not say which module .* \['a', 'b'\] could be"):
        dense.load_torch_state_dict(tmp_path / "two.safetensors")
    dense.load_torch_state_dict(two)


def test_a_depth_multiplier(torch: ModuleType) -> None:
    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 3, groups=3))
    ours = pyconv.Sequential([pyconv.Input((8, 6, 3)), layers.DepthwiseConv2D(3, depth_multiplier=2)])
    ours.load_torch_state_dict(theirs.state_dict())
    x = np.random.default_rng(3).standard_normal((2, 3, 8, 6)).astype(np.float32)
    right = theirs(torch.tensor(x)).detach().numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(ours(x.transpose(0, 2, 3, 1)), right, rtol=1e-4, atol=1e-5)


def dense(**arguments: Any) -> Any:
    return pyconv.Sequential([pyconv.Input((4,)), layers.Dense(3, name="d", **arguments)])


def branching() -> Any:
    x = pyconv.Input((4,))
    return pyconv.Model(x, layers.Add(name="both")([layers.Dense(4)(x), x]))


def reshaped() -> Any:
    behind = [layers.Flatten(), layers.Reshape((6, 2), name="r"), layers.Dense(3)]
    return pyconv.Sequential([pyconv.Input((2, 3, 2)), *behind])


STATE = {"0.weight": np.zeros((3, 4)), "0.bias": np.zeros(3)}


@pytest.mark.parametrize(
    ("make", "state", "words"),
    [
        (dense, {"0.weight": np.zeros((4, 3)), "0.bias": np.zeros(3)}, "'0' does not fit layer 'd'"),
        (dense, {"0.weight": np.zeros((3, 4))}, "'0' does not fit layer 'd'"),
        (lambda: dense(use_bias=False), STATE, "'0' does not fit layer 'd'"),
        (dense, {}, "no module left for layer 'd'"),
        (dense, {**STATE, "1.weight": np.zeros(3)}, r"no layers for the modules \['1'\]"),
        (branching, STATE, "the model branches at 'both'"),
        (reshaped, STATE, "behind Flatten 'r'"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, state: Any, words: str) -> None:
    model = make()
    before = model.get_weights()
    with pytest.raises(ValueError, match=words):
        model.load_torch_state_dict(state)
    for array, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_a_state_must_be_one() -> None:
    with pytest.raises(TypeError, match="load_torch_state_dict: state must be"):
        dense().load_torch_state_dict(3)
