"""One of each layer, with an input shape it serves: what the tests that all layers share run on."""

from __future__ import annotations

from collections.abc import Callable

from pyconv import layers

# A new layer adds a line here. A list of shapes: a list of inputs.
EXAMPLES: dict[str, tuple[Callable[..., layers.Layer], tuple[int, ...]]] = {
    "Activation": (lambda **kw: layers.Activation("tanh", **kw), (2, 3)),
    "AveragePooling2D": (lambda **kw: layers.AveragePooling2D((2, 3), strides=1, padding="same", **kw), (2, 5, 6, 3)),
    "Conv1D": (lambda **kw: layers.Conv1D(4, 3, padding="causal", dilation_rate=2, **kw), (2, 9, 3)),
    "Conv1DTranspose": (lambda **kw: layers.Conv1DTranspose(4, 2, 3, "same", **kw), (2, 5, 3)),
    "Conv2DTranspose": (
        lambda **kw: layers.Conv2DTranspose(4, 3, 2, dilation_rate=2, output_padding=1, **kw),
        (2, 4, 5, 3),
    ),
    "Conv3D": (lambda **kw: layers.Conv3D(4, (2, 3, 1), 2, data_format="channels_first", **kw), (2, 3, 5, 6, 4)),
    "Conv3DTranspose": (lambda **kw: layers.Conv3DTranspose(2, 2, (1, 2, 1), **kw), (1, 2, 3, 4, 2)),
    "DepthwiseConv1D": (lambda **kw: layers.DepthwiseConv1D(3, 2, "same", 2, **kw), (2, 8, 3)),
    "DepthwiseConv2D": (lambda **kw: layers.DepthwiseConv2D(3, 2, dilation_rate=2, **kw), (2, 7, 8, 3)),
    "SeparableConv1D": (lambda **kw: layers.SeparableConv1D(4, 3, use_bias=False, **kw), (2, 8, 3)),
    "SeparableConv2D": (lambda **kw: layers.SeparableConv2D(4, 3, depth_multiplier=2, **kw), (2, 5, 6, 3)),
    "Conv2D": (
        lambda **kw: layers.Conv2D(6, (3, 2), (1, 2), "same", dilation_rate=2, groups=2, activation="relu", **kw),
        (2, 7, 6, 4),
    ),
    "Dense": (lambda **kw: layers.Dense(5, activation="softmax", **kw), (2, 3, 4)),
    "Dropout": (lambda **kw: layers.Dropout(0.4, noise_shape=(None, 1), seed=3, **kw), (4, 3)),
    "Flatten": (layers.Flatten, (2, 3, 4)),
    "GlobalAveragePooling2D": (lambda **kw: layers.GlobalAveragePooling2D(keepdims=True, **kw), (2, 3, 4, 5)),
    "InputLayer": (lambda **kw: layers.InputLayer((3, 4), **kw), (2, 3, 4)),
    "AdaptiveAveragePooling1D": (lambda **kw: layers.AdaptiveAveragePooling1D(3, **kw), (2, 7, 3)),
    "AdaptiveAveragePooling2D": (lambda **kw: layers.AdaptiveAveragePooling2D((3, None), **kw), (2, 7, 6, 3)),
    "AdaptiveAveragePooling3D": (lambda **kw: layers.AdaptiveAveragePooling3D(2, **kw), (1, 5, 4, 3, 2)),
    "AdaptiveMaxPooling1D": (lambda **kw: layers.AdaptiveMaxPooling1D(3, "channels_first", **kw), (2, 3, 7)),
    "AdaptiveMaxPooling2D": (lambda **kw: layers.AdaptiveMaxPooling2D((3, 2), **kw), (2, 7, 6, 3)),
    "AdaptiveMaxPooling3D": (lambda **kw: layers.AdaptiveMaxPooling3D((2, 3, 2), **kw), (1, 5, 4, 3, 2)),
    "AveragePooling1D": (lambda **kw: layers.AveragePooling1D(3, 2, "same", **kw), (2, 8, 3)),
    "AveragePooling3D": (lambda **kw: layers.AveragePooling3D(2, **kw), (1, 5, 4, 3, 2)),
    "Cropping1D": (layers.Cropping1D, (2, 5, 3)),
    "Cropping2D": (lambda **kw: layers.Cropping2D(((1, 0), (0, 2)), **kw), (2, 3, 4, 3)),
    "Cropping3D": (lambda **kw: layers.Cropping3D(1, "channels_first", **kw), (1, 2, 3, 4, 3)),
    "GlobalAveragePooling1D": (layers.GlobalAveragePooling1D, (2, 4, 3)),
    "GlobalAveragePooling3D": (layers.GlobalAveragePooling3D, (1, 2, 3, 4, 2)),
    "GlobalMaxPooling1D": (layers.GlobalMaxPooling1D, (2, 4, 3)),
    "GlobalMaxPooling2D": (lambda **kw: layers.GlobalMaxPooling2D(keepdims=True, **kw), (2, 3, 4, 5)),
    "GlobalMaxPooling3D": (lambda **kw: layers.GlobalMaxPooling3D("channels_first", **kw), (1, 2, 3, 4, 2)),
    "Identity": (layers.Identity, (2, 3)),
    "MaxPooling1D": (lambda **kw: layers.MaxPooling1D(padding="SAME", **kw), (2, 7, 3)),
    "MaxPooling3D": (lambda **kw: layers.MaxPooling3D((2, 1, 2), **kw), (1, 5, 4, 3, 2)),
    "Permute": (lambda **kw: layers.Permute((2, 1), **kw), (2, 3, 4)),
    "RepeatVector": (lambda **kw: layers.RepeatVector(3, **kw), (2, 4)),
    "Reshape": (lambda **kw: layers.Reshape((-1, 2), **kw), (2, 3, 4)),
    "UpSampling1D": (layers.UpSampling1D, (2, 5, 3)),
    "UpSampling2D": (lambda **kw: layers.UpSampling2D((2, 3), interpolation="bilinear", **kw), (2, 3, 4, 3)),
    "UpSampling3D": (lambda **kw: layers.UpSampling3D((1, 2, 3), **kw), (1, 2, 3, 4, 2)),
    "ZeroPadding1D": (lambda **kw: layers.ZeroPadding1D((1, 0), **kw), (2, 5, 3)),
    "ZeroPadding3D": (lambda **kw: layers.ZeroPadding3D((1, 2, 0), **kw), (1, 2, 3, 4, 2)),
    "MaxPooling2D": (lambda **kw: layers.MaxPooling2D(2, padding="same", **kw), (2, 5, 6, 3)),
    "ReLU": (lambda **kw: layers.ReLU(6.0, 0.1, 0.5, **kw), (2, 3)),
    "Softmax": (lambda **kw: layers.Softmax(axis=1, **kw), (2, 3, 4)),
    "ZeroPadding2D": (lambda **kw: layers.ZeroPadding2D(((1, 0), (2, 3)), **kw), (2, 3, 4, 2)),
}
