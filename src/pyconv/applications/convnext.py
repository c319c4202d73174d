"""ConvNeXtTiny: depthwise convolutions, dense layers and residual sums. Liu and others, 2022, arXiv:2201.03545."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.applications.network import Top, channel_axis, network
from pyconv.gradient import Array
from pyconv.layers import (
    Activation,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    Layer,
    LayerNormalization,
    Normalization,
)
from pyconv.models import Sequential
from pyconv.symbolic import KerasTensor

_STAGES = ((96, 3), (192, 3), (384, 9), (768, 3))  # channels and blocks
# ImageNet's, of images from 0 to 255.
_MEAN = tuple(255 * mean for mean in (0.485, 0.456, 0.406))
_VARIANCE = tuple((255 * deviation) ** 2 for deviation in (0.229, 0.224, 0.225))


class LayerScale(Layer):
    """A learnt factor for each channel, small at first, so that blocks begin as little more than identities.

    Args:
        init_values: the factors' first value.
        projection_dim: the number of channels.
        **kwargs: name, dtype, trainable, input_shape.
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, input_shape: Any) -> None:
        initializer = {"class_name": "Constant", "config": {"value": self.init_values}}
        self.gamma = self.add_weight((self.projection_dim,), initializer, name="gamma")

    def call(self, x: Array) -> Array:
        return ops.multiply(x, self.gamma)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"init_values": self.init_values, "projection_dim": self.projection_dim}


@network("convnext_tiny")
def ConvNeXtTiny(  # noqa: N802 - Keras' name
    images: KerasTensor, top: Top, *, include_preprocessing: bool = True
) -> Any:
    """ConvNeXt's smallest network; images are channels_last. Liu and others, 2022, arXiv:2201.03545."""
    if channel_axis() == 1:
        raise ValueError('ConvNeXtTiny: pyconv.config.image_data_format() must be "channels_last".')
    name = "convnext_tiny"
    x: Any = images
    if include_preprocessing:
        x = Normalization(mean=_MEAN, variance=_VARIANCE, name=f"{name}_prestem_normalization")(x)
    stem = [Conv2D(96, 4, strides=4, name=f"{name}_stem_conv"), _normalization(f"{name}_stem_layernorm")]
    x = Sequential([Input(x.shape[1:]), *stem], name=f"{name}_stem")(x)
    for stage, (channels, blocks) in enumerate(_STAGES):
        if stage > 0:
            step = stage - 1
            narrowing = [
                _normalization(f"{name}_downsampling_layernorm_{step}"),
                Conv2D(channels, 2, strides=2, name=f"{name}_downsampling_conv_{step}"),
            ]
            x = Sequential([Input(x.shape[1:]), *narrowing], name=f"{name}_downsampling_block_{step}")(x)
        for block in range(blocks):
            x = x + _block(x, channels, f"{name}_stage_{stage}_block_{block}_")
    if not top.include:
        return LayerNormalization(epsilon=1e-6)(top.pooled(x))
    x = _normalization(f"{name}_head_layernorm")(GlobalAveragePooling2D(name=f"{name}_head_gap")(x))
    return top.predictions(x, f"{name}_head_dense")


def _block(x: Any, channels: int, name: str) -> Any:
    x = Conv2D(channels, 7, padding="same", groups=channels, name=f"{name}depthwise_conv")(x)
    x = _normalization(f"{name}layernorm")(x)
    x = Activation("gelu", name=f"{name}gelu")(Dense(4 * channels, name=f"{name}pointwise_conv_1")(x))
    x = Dense(channels, name=f"{name}pointwise_conv_2")(x)
    x = LayerScale(1e-6, channels, name=f"{name}layer_scale")(x)
    return Activation("linear", name=f"{name}identity")(x)


def _normalization(name: str) -> LayerNormalization:
    return LayerNormalization(epsilon=1e-6, name=name)
