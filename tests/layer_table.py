"""Layers with arguments and an input's shape, for the comparison with Keras: nothing that Keras refuses."""

from __future__ import annotations

from typing import Any

Case = tuple[str, dict[str, Any], tuple[int, ...]]

FIRST = {"data_format": "channels_first"}
SETTINGS = {
    "activation": "tanh",
    "kernel_initializer": "he_normal",
    "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.1, "l2": 0.2}},
    "bias_constraint": "non_neg",
    "activity_regularizer": "l2",
}

CONVOLUTIONS: list[Case] = [
    ("Conv1D", {"filters": 4, "kernel_size": 3}, (2, 9, 3)),
    ("Conv1D", {"filters": 4, "kernel_size": (3,), "strides": 2, "padding": "same", **FIRST}, (2, 3, 9)),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, (2, 9, 3)),
    ("Conv1D", {"filters": 4, "kernel_size": 4, "padding": "causal", "strides": 3, "groups": 2}, (2, 11, 6)),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", **FIRST}, (2, 2, 7)),
    ("Conv2D", {"filters": 6, "kernel_size": (3, 2), "strides": (1, 2), "padding": "SAME", "groups": 2}, (2, 7, 6, 4)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "dilation_rate": (2, 1), **SETTINGS}, (2, 7, 6, 2)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "use_bias": False, **FIRST}, (2, 3, 7, 6)),
    ("Conv3D", {"filters": 4, "kernel_size": 3, "strides": (1, 2, 1), "padding": "same"}, (2, 5, 4, 3, 2)),
    ("Conv3D", {"filters": 4, "kernel_size": (2, 1, 3), "groups": 2, **FIRST}, (1, 4, 5, 4, 3)),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 3}, (2, 5, 3)),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 2, "strides": 3, "padding": "same"}, (2, 5, 3)),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 2, "strides": 3, **FIRST}, (2, 3, 5)),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 4, "dilation_rate": 2, "padding": "same"}, (2, 5, 3)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": (3, 2), "strides": 2, "padding": "same"}, (2, 4, 5, 3)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "output_padding": 1, **SETTINGS}, (2, 4, 5, 2)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 5, "strides": (2, 3), "use_bias": False, **FIRST}, (2, 3, 4, 5)),
    (
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": (3, 5), "strides": 2, "padding": "same", "output_padding": 1},
        (2, 3, 5, 3),
    ),
    ("Conv3DTranspose", {"filters": 4, "kernel_size": 2, "strides": (1, 2, 2), "padding": "same"}, (1, 2, 3, 4, 2)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": (3, 1, 2), **FIRST}, (1, 3, 2, 3, 4)),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "padding": "same", "strides": 2}, (2, 8, 3)),
    ("DepthwiseConv1D", {"kernel_size": 3, "dilation_rate": 2, **FIRST}, (2, 3, 9)),
    ("DepthwiseConv2D", {"kernel_size": (3, 2), "padding": "same", "activation": "relu"}, (2, 5, 6, 3)),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3, "strides": 2, "depth_multiplier": 2, "depthwise_regularizer": "l2", **FIRST},
        (2, 3, 5, 6),
    ),
    ("SeparableConv1D", {"filters": 4, "kernel_size": 3, "padding": "same", "depth_multiplier": 2}, (2, 8, 3)),
    ("SeparableConv1D", {"filters": 4, "kernel_size": 3, "strides": 2, **FIRST}, (2, 3, 9)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, 7, 6, 3)),
    (
        "SeparableConv2D",
        {"filters": 4, "kernel_size": (3, 2), "use_bias": False, "pointwise_constraint": "unit_norm", **FIRST},
        (2, 3, 5, 6),
    ),
    ("Dense", {"units": 5, **SETTINGS}, (3, 4)),
    ("Dense", {"units": 5, "use_bias": False}, (2, 3, 4)),
]

# Average pools with "same" have stride 1 here: where it pads one side more, Keras' torch backend averages repeated
# border pixels, which its other backends and pyconv leave out.
POOLS: list[Case] = [
    ("MaxPooling1D", {}, (2, 7, 3)),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same", **FIRST}, (2, 3, 8)),
    ("MaxPooling2D", {"pool_size": (2, 3), "strides": 1, "padding": "same"}, (2, 5, 6, 3)),
    ("MaxPooling2D", {"pool_size": 3, "strides": (1, 2), **FIRST}, (2, 3, 5, 6)),
    ("MaxPooling3D", {"pool_size": (2, 1, 2), "padding": "same"}, (1, 5, 4, 3, 2)),
    ("MaxPooling3D", {**FIRST}, (1, 2, 5, 4, 3)),
    ("AveragePooling1D", {"pool_size": 3, "strides": 1, "padding": "same"}, (2, 7, 3)),
    ("AveragePooling1D", {"pool_size": (2,), **FIRST}, (2, 3, 7)),
    ("AveragePooling2D", {"pool_size": 3, "strides": 1, "padding": "same"}, (2, 5, 6, 3)),
    ("AveragePooling2D", {"pool_size": 3, "strides": (1, 2), **FIRST}, (2, 3, 5, 6)),
    ("AveragePooling3D", {"pool_size": 3, "strides": 1, "padding": "same"}, (1, 5, 4, 3, 2)),
    ("AveragePooling3D", {"pool_size": (2, 1, 2), "strides": 1, **FIRST}, (1, 2, 5, 4, 3)),
    *(
        (f"Global{kind}Pooling{rank}D", {"keepdims": keepdims, **data_format}, (2, 5, 4, 3, 6)[: rank + 2])
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
        for keepdims, data_format in ((False, {}), (True, FIRST))
    ),
    ("AdaptiveMaxPooling1D", {"output_size": (3,)}, (2, 7, 3)),
    ("AdaptiveMaxPooling2D", {"output_size": (3, 2), **FIRST}, (2, 3, 7, 6)),
    ("AdaptiveMaxPooling3D", {"output_size": (2, 3, 2)}, (1, 5, 4, 3, 2)),
    ("AdaptiveAveragePooling1D", {"output_size": (3,), **FIRST}, (2, 3, 7)),
    ("AdaptiveAveragePooling2D", {"output_size": (3, 2)}, (2, 7, 6, 3)),
    ("AdaptiveAveragePooling2D", {"output_size": (2, 3)}, (2, 4, 6, 3)),
    ("AdaptiveAveragePooling3D", {"output_size": (2, 3, 2), **FIRST}, (1, 2, 5, 4, 3)),
]
SHAPES: list[Case] = [
    ("ZeroPadding1D", {"padding": 2}, (2, 5, 3)),
    ("ZeroPadding1D", {"padding": (1, 0), **FIRST}, (2, 3, 5)),
    ("ZeroPadding2D", {"padding": (1, 2)}, (2, 3, 4, 3)),
    ("ZeroPadding2D", {"padding": ((1, 0), (0, 2)), **FIRST}, (2, 3, 3, 4)),
    ("ZeroPadding3D", {"padding": 1}, (1, 2, 3, 2, 2)),
    ("ZeroPadding3D", {"padding": ((1, 0), (0, 2), (1, 1)), **FIRST}, (1, 2, 2, 3, 2)),
    ("Cropping1D", {}, (2, 5, 3)),
    ("Cropping1D", {"cropping": 2}, (2, 5, 3)),
    ("Cropping2D", {"cropping": ((1, 0), (0, 2))}, (2, 3, 4, 3)),
    ("Cropping2D", {"cropping": 1, **FIRST}, (2, 3, 3, 4)),
    ("Cropping3D", {"cropping": ((1, 0), (0, 2), (1, 1))}, (1, 2, 3, 3, 2)),
    ("Cropping3D", {"cropping": 1, **FIRST}, (1, 2, 3, 4, 3)),
    ("UpSampling1D", {"size": 3}, (2, 5, 3)),
    ("UpSampling2D", {"size": (2, 3)}, (2, 3, 4, 3)),
    ("UpSampling2D", {**FIRST}, (2, 3, 3, 4)),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, (2, 3, 4, 3)),
    ("UpSampling2D", {"interpolation": "bilinear", **FIRST}, (2, 3, 3, 4)),
    ("UpSampling3D", {"size": (1, 2, 3)}, (1, 2, 3, 4, 2)),
    ("UpSampling3D", {**FIRST}, (1, 2, 2, 3, 4)),
    ("Reshape", {"target_shape": (3, -1)}, (2, 4, 3)),
    ("Reshape", {"target_shape": (12,)}, (2, 4, 3)),
    ("Permute", {"dims": (2, 3, 1)}, (2, 3, 4, 5)),
    ("RepeatVector", {"n": 3}, (2, 4)),
    ("Flatten", {}, (2, 3, 4, 5)),
    ("Flatten", {**FIRST}, (2, 3, 4, 5)),
    ("Identity", {}, (2, 3, 4)),
]

NORMS: list[Case] = [
    ("BatchNormalization", {}, (4, 5, 6, 3)),
    ("BatchNormalization", {"axis": 1, "scale": False, "momentum": 0.5, "epsilon": 0.1}, (4, 3, 5)),
    ("BatchNormalization", {"center": False, "gamma_regularizer": "l2", "beta_constraint": "non_neg"}, (4, 3)),
    ("LayerNormalization", {}, (3, 4, 5)),
    ("LayerNormalization", {"axis": [1, 2], "epsilon": 0.1, "gamma_regularizer": "l2"}, (3, 4, 5)),
    ("LayerNormalization", {"scale": False}, (3, 4, 5)),
    ("LayerNormalization", {"center": False}, (3, 4)),
    ("GroupNormalization", {"groups": 3}, (2, 5, 4, 6)),
    ("GroupNormalization", {"groups": 2, "axis": 1, "scale": False}, (2, 4, 5)),
    ("GroupNormalization", {"groups": -1, "center": False}, (2, 5, 4)),
    ("RMSNormalization", {}, (3, 4, 5)),
    ("RMSNormalization", {"axis": [1, 2], "epsilon": 0.1}, (3, 4, 5)),
    ("UnitNormalization", {}, (3, 4, 5)),
    ("UnitNormalization", {"axis": [1, 2]}, (3, 4, 5)),
    ("Normalization", {}, (3, 4, 5)),
    ("Normalization", {"axis": [1, 2]}, (3, 4, 5)),
    ("Normalization", {"axis": None, "invert": True}, (3, 4)),
    ("Normalization", {"mean": [1.0, 2.0, 3.0], "variance": [4.0, 1.0, 0.0]}, (2, 4, 3)),
    ("Normalization", {"axis": (1, 2), "mean": 1.0, "variance": 4.0, "invert": True}, (2, 4, 3)),
    ("Rescaling", {"scale": 0.5, "offset": -1.0}, (2, 3)),
    ("Rescaling", {"scale": [0.5, 2.0, 1.0], "offset": [1.0, 0.0, 2.0]}, (2, 4, 3)),
]
RESIZING: list[Case] = [
    ("Resizing", {"height": 7, "width": 9}, (2, 4, 5, 3)),
    ("Resizing", {"height": 3, "width": 2, **FIRST}, (2, 3, 4, 5)),
    ("Resizing", {"height": 3, "width": 9, "antialias": True}, (2, 7, 5, 3)),
    ("Resizing", {"height": 4, "width": 9, "crop_to_aspect_ratio": True}, (2, 7, 5, 3)),
    ("Resizing", {"height": 4, "width": 9, "pad_to_aspect_ratio": True, "fill_value": 2.0}, (2, 7, 5, 3)),
]
# Ranges of one number each, so that both libraries draw the same.
AUGMENTATIONS: list[Case] = [
    ("CenterCrop", {"height": 3, "width": 2}, (2, 6, 5, 3)),
    ("CenterCrop", {"height": 5, "width": 4, **FIRST}, (2, 3, 4, 7)),
    ("RandomBrightness", {"factor": (0.25, 0.25), "value_range": (-1.0, 1.0)}, (2, 4, 5, 3)),
    ("RandomBrightness", {"factor": (-0.1, -0.1), "seed": 1, **FIRST}, (2, 3, 4, 5)),
    ("RandomContrast", {"factor": (0.0, 0.0), "value_range": (-0.5, 1.0)}, (2, 4, 5, 3)),
    ("RandomRotation", {"factor": (0.1, 0.1)}, (2, 5, 6, 3)),
    ("RandomRotation", {"factor": (-0.3, -0.3), "fill_mode": "constant", "fill_value": 2.0, **FIRST}, (2, 3, 5, 6)),
    ("RandomRotation", {"factor": (0.2, 0.2), "fill_mode": "wrap", "interpolation": "nearest"}, (2, 5, 6, 3)),
    ("RandomTranslation", {"height_factor": (0.3, 0.3), "width_factor": (-0.9, -0.9)}, (2, 5, 6, 3)),
    ("RandomTranslation", {"height_factor": 0, "width_factor": (0.4, 0.4), "fill_mode": "nearest"}, (2, 5, 6, 3)),
    ("RandomZoom", {"height_factor": (0.4, 0.4)}, (2, 5, 6, 3)),
    (
        "RandomZoom",
        {"height_factor": (-0.3, -0.3), "width_factor": (0.7, 0.7), "fill_mode": "wrap", **FIRST},
        (2, 3, 5, 6),
    ),
]
ACTIVATIONS: list[Case] = [
    *(("Activation", {"activation": name}, (3, 4)) for name in ("gelu", "selu", "mish", "celu", "swish")),
    ("Activation", {"activation": "glu"}, (3, 4)),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.5}, (3, 4)),
    ("LeakyReLU", {}, (3, 4)),
    ("LeakyReLU", {"negative_slope": 0.1}, (3, 4)),
    ("PReLU", {"alpha_initializer": "ones", "alpha_regularizer": "l2"}, (3, 4, 5)),
    ("PReLU", {"shared_axes": [1, 2], "alpha_constraint": "non_neg"}, (3, 4, 5, 2)),
    ("ELU", {"alpha": 0.5}, (3, 4)),
    ("Softmax", {}, (3, 4)),
    ("Softmax", {"axis": 1}, (3, 4, 2)),
    ("SpatialDropout1D", {"rate": 0.0}, (3, 4, 2)),
    ("SpatialDropout2D", {"rate": 0.0, **FIRST}, (3, 4, 2, 2)),
    ("SpatialDropout3D", {"rate": 0.0, "seed": 3}, (3, 4, 2, 2, 2)),
    ("GaussianNoise", {"stddev": 0.0}, (3, 4)),
    ("GaussianDropout", {"rate": 0.0, "seed": 1}, (3, 4)),
    ("AlphaDropout", {"rate": 0.0, "noise_shape": (3, 1)}, (3, 4)),
]

CASES: list[Case] = [*CONVOLUTIONS, *POOLS, *SHAPES, *NORMS, *RESIZING, *AUGMENTATIONS, *ACTIVATIONS]

# Several inputs: the shape is that of each, or a list of different ones.
Merge = tuple[str, dict[str, Any], list[tuple[int, ...]]]
MERGES: list[Merge] = [
    *((name, {}, [(2, 3, 4)] * 3) for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")),
    ("Subtract", {}, [(2, 3, 4)] * 2),
    ("Add", {}, [(2, 3, 4), (2, 1, 4)]),
    ("Concatenate", {}, [(2, 3, 4), (2, 3, 1)]),
    ("Concatenate", {"axis": 1}, [(2, 3, 4), (2, 5, 4), (2, 1, 4)]),
]
