"""The layers of Keras 1 by the names of their arguments in Keras 2. Theano's order of axes is refused."""

from __future__ import annotations

from typing import Any

from pyconv.saving.errors import ModelFileError

_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "SeparableConvolution2D": "SeparableConv2D",
}
_RENAMED = {
    "nb_filter": "filters",
    "output_dim": "units",
    "filter_length": "kernel_size",
    "subsample": "strides",
    "subsample_length": "strides",
    "border_mode": "padding",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
    "p": "rate",
    "pool_length": "pool_size",
    "stride": "strides",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
    "length": "size",
}
_GONE = ("dim_ordering", "nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3", "mode", "input_dim")
_INITIALIZERS = {"normal": "random_normal", "uniform": "random_uniform", "one": "ones", "zero": "zeros"}
_MERGES = {"sum": "Add", "mul": "Multiply", "concat": "Concatenate", "ave": "Average", "max": "Maximum"}


def layer(name: str, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A layer's class and configuration as Keras 2 has them.

    Raises:
        ModelFileError: if it has Theano's order of axes, or merges in a way that is no layer now.
    """
    if config.get("dim_ordering") == "th":
        raise ModelFileError(f"layer {config.get('name')!r} has the order of axes of Theano, which can't be read.")
    made = {_RENAMED.get(key, key): value for key, value in config.items() if key not in _GONE}
    if "nb_row" in config:
        made["kernel_size"] = [config["nb_row"], config["nb_col"]]
    elif "kernel_dim1" in config:
        made["kernel_size"] = [config[f"kernel_dim{axis}"] for axis in (1, 2, 3)]
    for key in [key for key in made if key.endswith("_initializer")]:
        made[key] = _INITIALIZERS.get(made[key], made[key])
    if name == "Merge":
        if config.get("mode") not in _MERGES:
            raise ModelFileError(f"layer {config.get('name')!r} merges by {config.get('mode')!r}, which is no layer.")
        name = _MERGES[config["mode"]]
        made = {"name": config.get("name")} | ({"axis": config["concat_axis"]} if name == "Concatenate" else {})
    if name == "BatchNormalization" and config.get("mode", 0) != 0:
        raise ModelFileError(f"layer {config.get('name')!r}: mode {config['mode']} of Keras 1 is no layer now.")
    return _CLASSES.get(name, name), made
