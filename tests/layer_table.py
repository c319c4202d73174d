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

CASES: list[Case] = [*CONVOLUTIONS]
