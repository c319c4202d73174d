"""The pictures: what is on them, that nothing global is touched, and bad input. Not how they look."""

from __future__ import annotations

import builtins
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyconv import Sequential, callbacks, layers, plotting

pytest.importorskip("matplotlib")

IMAGE = np.random.default_rng(1).random((12, 10, 1), np.float32)


def model() -> Sequential:
    return Sequential(
        [
            layers.Conv2D(6, 3, activation="relu", input_shape=(12, 10, 1), name="first"),
            layers.MaxPooling2D(2),
            layers.Conv2D(3, 2, name="second"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def pictures(figure: Any) -> list[Any]:
    """The numbers of each map that a figure shows, in order; a colour bar holds no image of them."""
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


@pytest.mark.parametrize("choice", [None, "first", 0, "object"])
def test_feature_maps_of_the_first_convolution(choice: Any) -> None:
    network = model()
    layer = network.layers[0] if choice == "object" else choice
    maps = pictures(plotting.feature_maps(network, IMAGE, layer=layer))
    right = network.layers[0](IMAGE[np.newaxis])[0]
    assert len(maps) == 6
    for index, picture in enumerate(maps):
        np.testing.assert_allclose(picture, right[:, :, index], rtol=1e-6)


@pytest.mark.parametrize("image", [IMAGE, IMAGE[:, :, 0], IMAGE[np.newaxis], IMAGE.tolist()])
def test_feature_maps_of_a_later_layer_and_forms_of_the_image(image: Any) -> None:
    figure = plotting.feature_maps(model(), image, layer="second")
    assert [picture.shape for picture in pictures(figure)] == [(4, 3)] * 3


def test_filters() -> None:
    network = model()
    kernels = pictures(plotting.filters(network.layers[0]))
    assert len(kernels) == 6
    np.testing.assert_allclose(kernels[4], network.get_weights()[0][:, :, 0, 4], rtol=1e-6)
    assert len(pictures(plotting.filters(network.get_layer("second")))) == 3


def test_history() -> None:
    values = {"loss": [3.0, 2.0, 1.5], "val_loss": [3.1, 2.2, 1.9], "accuracy": [0.2, 0.5, 0.7]}
    history = callbacks.History()
    for epoch in range(3):
        history.on_epoch_end(epoch, {name: numbers[epoch] for name, numbers in values.items()})
    for given in (history, values):
        figure = plotting.history(given)
        lines = [line for axes in figure.axes for line in axes.get_lines()]
        shown = sorted(np.asarray(line.get_ydata()).tolist() for line in lines)
        assert shown == sorted(values.values())
        assert all(list(line.get_xdata()) == [1, 2, 3] for line in lines)


def test_figures_can_be_saved(tmp_path: Any) -> None:
    for index, figure in enumerate(
        [
            plotting.feature_maps(model(), IMAGE),
            plotting.filters(model().layers[0]),
            plotting.history({"loss": [1.0]}),
        ]
    ):
        path = tmp_path / f"{index}.png"
        figure.savefig(path)
        assert path.read_bytes().startswith(b"\x89PNG")


def test_constant_maps_and_kernels_are_drawn_without_a_warning(tmp_path: Any) -> None:
    network = model()
    network.set_weights([np.zeros_like(weight) for weight in network.get_weights()])
    plotting.feature_maps(network, IMAGE).savefig(tmp_path / "maps.png")
    plotting.filters(network.layers[0]).savefig(tmp_path / "filters.png")


def test_pyplot_is_not_imported_and_nothing_is_written(tmp_path: Any) -> None:
    code = (
        "import sys, numpy as np, pyconv\n"
        "m = pyconv.Sequential([pyconv.layers.Conv2D(2, 3, input_shape=(8, 8, 1))])\n"
        "pyconv.plotting.feature_maps(m, np.zeros((8, 8, 1)))\n"
        "pyconv.plotting.filters(m.layers[0])\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=120
    )
    assert done.stdout == "False\n"
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == "matplotlib":
            raise ImportError(name)
        return find(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"pip install pyconv-nn\[plot\]"):
        plotting.history({"loss": [1.0]})


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: plotting.feature_maps(model(), IMAGE, layer="third"), ValueError, "third"),
        (lambda: plotting.feature_maps(model(), IMAGE, layer=9), ValueError, "9"),
        (lambda: plotting.feature_maps(model(), IMAGE, layer=layers.Flatten()), ValueError, "feature_maps: layer"),
        (lambda: plotting.feature_maps(model(), IMAGE, layer=4), ValueError, "feature_maps: "),
        (lambda: plotting.feature_maps(model(), np.zeros((2, 12, 10, 1))), ValueError, "feature_maps: image"),
        (lambda: plotting.feature_maps(model(), np.zeros(12)), ValueError, "feature_maps: image"),
        (lambda: plotting.feature_maps(model(), None), TypeError, "feature_maps: image"),
        (
            lambda: plotting.feature_maps(Sequential([layers.Dense(2)]), IMAGE),
            ValueError,
            "feature_maps: .*convolution",
        ),
        (lambda: plotting.filters(layers.Dense(2)), TypeError, "filters: layer"),
        (lambda: plotting.filters(layers.Conv2D(2, 3)), ValueError, "filters: .*built"),
        (lambda: plotting.history({}), ValueError, "history: "),
    ],
)
def test_bad_input(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
