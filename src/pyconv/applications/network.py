"""What the image networks share: the builder's arguments, the input and the end. No network of its own."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from pyconv import config, weight_budget
from pyconv.layers import Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Input
from pyconv.layers.layer import shape_tuple
from pyconv.models import Model
from pyconv.symbolic import KerasTensor

_ARGUMENTS = """

    Args:
        include_top: whether the network ends in its classifier, else in its last feature maps.
        weights: None for new random weights, or a file of trained ones as Keras writes them: .weights.h5, or .h5
            with weights alone, of the same network with the same top. Nothing is downloaded.
        input_tensor: a KerasTensor to begin with, instead of `Input(input_shape)`.
        input_shape: one image's shape; by default that of the publication, or any size without the top.
        pooling: without the top, "avg" or "max" for one number a channel, None for feature maps.
        classes: the number of classes.
        classifier_activation: what follows the last layer, None for logits.
        name: the model's name.{options}

    Returns:
        A functional `Model` with the layers' names and the weights' order of Keras'.

    Raises:
        ValueError: if weights isn't a file, or one of another network, or the images are too small.
"""


class Top(NamedTuple):
    """How a network ends, as the builder was told."""

    include: bool
    pooling: str | None
    classes: int
    activation: Any

    def __call__(self, x: KerasTensor, pool_name: str | None = "avg_pool") -> Any:
        """The usual end: a mean for each channel and one dense layer, or the pooling that was asked for."""
        if not self.include:
            return self.pooled(x)
        return self.predictions(GlobalAveragePooling2D(name=pool_name)(x))

    def predictions(self, x: KerasTensor, name: str = "predictions") -> Any:
        """The dense layer that scores the classes."""
        return Dense(self.classes, activation=self.activation, name=name)(x)

    def pooled(self, x: KerasTensor) -> Any:
        """The end without classifier."""
        pools = {"avg": GlobalAveragePooling2D, "max": GlobalMaxPooling2D}
        return pools[self.pooling]()(x) if self.pooling is not None else x


Body = Callable[..., Any]


def network(name: str, size: int = 224, smallest: int = 32) -> Callable[[Body], Callable[..., Model]]:
    """A decorator: (images, top, options) -> result becomes the builder of a model with Keras' arguments, by keyword.

    Args:
        name: the model's name, in which {alpha} and {rows} stand for that option and the images' height.
        size: the images' height and width in the publication.
        smallest: the least that the strides allow.
    """
    default_name = name

    def decorator(body: Body) -> Callable[..., Model]:
        options = [p for p in inspect.signature(body).parameters.values() if p.kind is p.KEYWORD_ONLY]

        @functools.wraps(body)
        def build(
            *,
            include_top: bool = True,
            weights: str | os.PathLike[str] | None = None,
            input_tensor: KerasTensor | None = None,
            input_shape: Any = None,
            pooling: str | None = None,
            classes: int = 1000,
            classifier_activation: Any = "softmax",
            name: str | None = None,
            **options: Any,
        ) -> Model:
            op = body.__name__
            if weights is not None and not os.path.isfile(weights):
                raise ValueError(
                    f"{op}: weights must be None or a file that is there, nothing is downloaded. "
                    f"Received: weights={weights!r}."
                )
            if pooling not in (None, "avg", "max"):
                raise ValueError(f'{op}: pooling must be None, "avg" or "max". Received: pooling={pooling!r}.')
            if input_tensor is None:
                input_tensor = Input(_image_shape(op, input_shape, size if include_top else None, smallest))
            top = Top(include_top, pooling, classes, classifier_activation)
            # Weights that a file is to replace need not be drawn.
            with contextlib.nullcontext() if weights is None else weight_budget.of(sys.maxsize):
                result = body(input_tensor, top, **options)
            rows = input_tensor.shape[2 if channel_axis() == 1 else 1] or size
            made = default_name.format(alpha=options.get("alpha", 1.0), rows=rows)
            model = Model(input_tensor, result, name=name or made)
            if weights is not None:
                model.load_weights(weights)
            return model

        listed = "".join(f"\n        {option.name}: {_OPTIONS[option.name]}" for option in options)
        build.__doc__ = (body.__doc__ or "") + _ARGUMENTS.format(options=listed)
        common = [p for p in inspect.signature(build, follow_wrapped=False).parameters.values() if p.name != "options"]
        build.__signature__ = inspect.Signature([*common, *options], return_annotation=Model)  # type: ignore[attr-defined]
        return build

    return decorator


_OPTIONS = {
    "alpha": "a factor for the number of channels.",
    "depth_multiplier": "channels that each depthwise convolution makes of one.",
    "dropout": "the part of numbers that is dropped before the classifier.",
    "dropout_rate": "the part of numbers that is dropped before the classifier.",
    "include_preprocessing": "whether the network itself scales bytes 0..255 as it needs them.",
}


def channel_axis() -> int:
    """The axis of channels in the data format that the layers are made for."""
    return 1 if config.image_data_format() == "channels_first" else -1


def rounded(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of divisor, but not less than nine tenths of the number: Sandler and others' rule."""
    near = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return near + divisor if near < 0.9 * channels else near


def halving_pads(x: KerasTensor, kernel: int) -> tuple[tuple[int, int], ...]:
    """The pads before and after each spatial axis with which a valid convolution of stride 2 halves it, rounding up."""
    sizes = x.shape[2:] if channel_axis() == 1 else x.shape[1:-1]
    # An axis of unknown size is taken for an odd one, as in Keras.
    return tuple((kernel // 2 - (size is not None and size % 2 == 0), kernel // 2) for size in sizes)


def _image_shape(op: str, shape: Any, size: int | None, smallest: int) -> Any:
    first = channel_axis() == 1
    if shape is None:
        return (3, size, size) if first else (size, size, 3)
    sizes = shape_tuple(op, "input_shape", shape, minimum=1)
    spatial = sizes[1:] if first else sizes[:-1]
    if len(sizes) != 3 or any(size is not None and size < smallest for size in spatial):
        raise ValueError(
            f"{op}: Input size must be at least {smallest}x{smallest}, in a shape of three sizes. "
            f"Received: input_shape={shape}."
        )
    return sizes
