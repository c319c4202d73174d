"""What SpatialDropout1D, 2D and 3D share: whole channels are dropped. Single numbers are Dropout's."""

from __future__ import annotations

from typing import Any, ClassVar

from pyconv.layers.dropout import Dropout
from pyconv.ops import geometry


class BaseSpatialDropout(Dropout):
    """Dropout with one random number for each channel of each sample; see `SpatialDropout2D` for the arguments."""

    rank: ClassVar[int]

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        if self.rank == 1 and data_format is not None:  # Keras has none there: refused as any unknown argument
            kwargs["data_format"] = data_format
        noise_shape = kwargs.pop("noise_shape", None)  # None in Keras 2's configurations
        if noise_shape is not None:
            raise TypeError(
                f"{type(self).__name__}: noise_shape is that of whole channels and can't be given. "
                f"Received: noise_shape={noise_shape}."
            )
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        self.data_format = "channels_last" if self.rank == 1 else geometry.data_format(self._op, data_format)
        self.input_rank = self.rank + 2
        ones = (1,) * self.rank
        self.noise_shape = (None, None, *ones) if self.data_format == "channels_first" else (None, *ones, None)

    def get_config(self) -> dict[str, Any]:
        # Keras' constructor takes these and no others, not even trainable.
        kept = {
            name: value for name, value in super().get_config().items() if name in ("name", "dtype", "rate", "seed")
        }
        return kept if self.rank == 1 else kept | {"data_format": self.data_format}
