"""Pictures of what a network sees and learns, as matplotlib figures. Shows and writes nothing by itself.

The figures are made without pyplot, so they need no screen and leave no global state behind: save one with
`figure.savefig("maps.png")`, or let a notebook display it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import layers
from pyconv.callbacks import History
from pyconv.gradient import Array
from pyconv.layers.layer import Layer
from pyconv.models.sequential import Sequential
from pyconv.ops.arrays import as_float

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pyconv.program.report import ProgramReport

__all__ = ["feature_maps", "filters", "history", "profile"]

_TILE = 1.1  # inches a side of a picture in a grid, enough for its title


def feature_maps(
    model: Sequential, image: ArrayLike, layer: str | int | Layer | None = None, cmap: str = "viridis"
) -> Figure:
    """The response maps of every filter of a layer for one image.

    Args:
        model: the network.
        image: one image (H, W, C), also (H, W) or (1, H, W, C), scaled as the network was trained with.
        layer: the layer, its name or its place in `model.layers`; by default the first convolution.
        cmap: matplotlib's name of the colours; dark is low, bright is high, one scale for all maps.

    Returns:
        A figure with one picture for each channel of the layer's result.

    Raises:
        ImportError: if matplotlib isn't installed.
        ValueError: if there is no such layer, or the image or the layer's result isn't one image.

    Example:
    >>> import numpy as np
    >>> from pyconv import Sequential, layers, plotting
    >>> model = Sequential([layers.Input((28, 28, 1)), layers.Conv2D(8, 3)])
    >>> figure = plotting.feature_maps(model, np.zeros((28, 28, 1)))
    >>> len([axes for axes in figure.axes if axes.get_title()])
    8
    """
    shown = _find_layer("feature_maps", model, layer)
    maps = _response("feature_maps", model, shown, image)
    height, width, count = maps.shape
    title = f"{shown.name}: {count} response maps of {height} x {width}"
    pictures = [maps[:, :, index] for index in range(count)]
    return _grid(pictures, title, cmap, (float(maps.min()), float(maps.max())))


def filters(layer: Layer, channel: int | None = None, cmap: str = "RdBu_r") -> Figure:
    """The kernels that a convolution layer has learnt, red for positive weights and blue for negative ones.

    Args:
        layer: a convolution layer of images, built.
        channel: the input channel whose weights are shown; by default the mean over all of them.
        cmap: matplotlib's name of the colours, the middle one standing for 0.

    Returns:
        A figure with one picture for each filter.

    Raises:
        ImportError: if matplotlib isn't installed.
        TypeError: if layer isn't a convolution layer.
        ValueError: if it isn't built, isn't two-dimensional, or has no such channel.

    Example:
    >>> from pyconv import layers, plotting
    >>> layer = layers.Conv2D(8, 3)
    >>> layer.build((None, 28, 28, 1))
    >>> len([axes for axes in plotting.filters(layer).axes if axes.get_title()])
    8
    """
    if not isinstance(layer, layers.Conv2D):
        raise TypeError(f"filters: layer must be a Conv2D layer. Received: layer={layer!r}.")
    if not layer.built:
        raise ValueError(f"filters: layer must be built. Received: layer={layer!r}.")
    kernel = layer.kernel.numpy()
    height, width, channels, count = kernel.shape
    if channel is not None and not -channels <= channel < channels:
        raise ValueError(f"filters: channel must be one of {channels} input channels. Received: channel={channel}.")
    weights = kernel.mean(axis=2) if channel is None else kernel[:, :, channel]
    what = "" if channels == 1 else ", mean over input channels" if channel is None else f", input channel {channel}"
    limit = float(np.abs(weights).max())
    pictures = [weights[:, :, index] for index in range(count)]
    return _grid(pictures, f"{layer.name}: {count} filters of {height} x {width}{what}", cmap, (-limit, limit))


def history(history: History | Mapping[str, Sequence[float]]) -> Figure:
    """Loss and metrics over the epochs, training beside validation.

    Args:
        history: what `fit` returned, or its `history` dictionary.

    Returns:
        A figure with one diagram for the loss and one for each metric.

    Raises:
        ImportError: if matplotlib isn't installed.
        ValueError: if history holds no epoch.

    Example:
    >>> from pyconv import plotting
    >>> figure = plotting.history({"loss": [0.5, 0.2], "val_loss": [0.6, 0.4]})
    >>> [axes.get_title() for axes in figure.axes]
    ['loss']
    """
    curves = history.history if isinstance(history, History) else history
    first = history.epoch[0] + 1 if isinstance(history, History) and history.epoch else 1
    names = [name for name in curves if not name.startswith("val_")]
    if not names:
        raise ValueError(f"history: at least one epoch must have been trained. Received: history={dict(curves)}.")
    figure = _figure(4.5 * len(names), 3.4)
    for place, name in enumerate(names, start=1):
        axes = figure.add_subplot(1, len(names), place)
        for key, label, style in ((name, "training", "o-"), (f"val_{name}", "validation", "s--")):
            if key in curves:
                axes.plot(range(first, first + len(curves[key])), curves[key], style, label=label, markersize=4)
        axes.set_title(name.replace("_", " "))
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure


def profile(report: ProgramReport, count: int = 30) -> Figure:
    """The time of each step of a model's program, the longest of them first.

    Args:
        report: what `model.profile` returned.
        count: how many steps are shown at most.

    Returns:
        A figure with a bar a step, and beside it the share of the machine's limit that it reached.

    Raises:
        ImportError: if matplotlib isn't installed.
        ValueError: if the report has no times, as that of `model.plan`.
    """
    if report.seconds is None or not report.peak:
        raise ValueError("profile: report must have times, as that of model.profile has them. Received: a plan.")
    steps = sorted(report.steps, key=lambda step: -(step.seconds or 0))[:count]
    figure = _figure(8, 1 + 0.25 * len(steps))
    axes = figure.add_subplot()
    times = [1e3 * (step.seconds or 0) for step in steps]
    names = [f"{'+'.join(step.layers)[:40]} ({step.algorithm})" for step in steps]
    bars = axes.barh(range(len(steps)), times)
    shares = [100 * step.flops / step.seconds / report.peak if step.seconds else 0 for step in steps]
    axes.bar_label(bars, [f"{share:.0f} % of peak" if share else "" for share in shares], padding=3)
    axes.set_yticks(range(len(steps)), names)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.set_xlabel("ms")
    axes.set_title(f"a batch of {report.batch_size}: {1e3 * report.seconds:.2f} ms on {report.threads} threads")
    return figure


def _find_layer(op: str, model: Sequential, layer: str | int | Layer | None) -> Layer:
    if isinstance(layer, Layer):
        if not any(layer is other for other in model.layers):
            raise ValueError(f"{op}: layer must be one of the model's. Received: layer={layer!r}.")
        return layer
    if layer is None:
        for candidate in model.layers:
            if isinstance(candidate, layers.Conv2D):
                return candidate
        raise ValueError(
            f"{op}: the model {model.name!r} has no two-dimensional convolution layer, name another layer."
        )
    return model.get_layer(name=layer) if isinstance(layer, str) else model.get_layer(index=layer)


def _response(op: str, model: Sequential, shown: Layer, image: ArrayLike) -> Array:
    """The result (H, W, channels) of the layer `shown` for one image."""
    x = as_float(op, "image", image)
    x = x[:, :, np.newaxis] if x.ndim == 2 else x
    x = x[np.newaxis] if x.ndim == 3 else x
    if x.ndim != 4 or len(x) != 1:
        raise ValueError(f"{op}: image must be one image (H, W, C). Received: image.shape={np.shape(image)}.")
    for layer in model.layers:
        x = layer(x, training=False)
        if layer is shown:
            break
    if x.ndim != 4:
        raise ValueError(f"{op}: {shown.name!r} must give maps (H, W, channels). Received: its shape {x.shape[1:]}.")
    maps: Array = x[0].transpose(1, 2, 0) if getattr(shown, "data_format", "") == "channels_first" else x[0]
    return maps


def _grid(pictures: Sequence[Array], title: str, cmap: str, limits: tuple[float, float]) -> Figure:
    """The pictures side by side, wider than high, numbered, with one scale of colours for all."""
    columns = min(len(pictures), math.ceil(math.sqrt(2 * len(pictures))))
    rows = math.ceil(len(pictures) / columns)
    figure = _figure(max(_TILE * columns, 5.0) + 0.6, (_TILE + 0.15) * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False)
    shown: Any = None
    for index, axes in enumerate(grid.flat):
        axes.set_axis_off()
        if index < len(pictures):
            shown = axes.imshow(pictures[index], cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
            axes.set_title(str(index), fontsize=8, pad=2)
    figure.colorbar(shown, ax=grid, shrink=0.8, aspect=30, pad=0.02)
    figure.suptitle(title, fontsize=11)
    return figure


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise ImportError("pyconv.plotting needs matplotlib: pip install pyconv-nn[plot]") from error
    return Figure(figsize=(width, height), layout="constrained")
