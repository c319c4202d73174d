"""Large images tile by tile, and what part of an image a model's results see."""

from pyconv.tiling.predict import predict_tiled
from pyconv.tiling.view import ReceptiveField, receptive_field

__all__ = ["ReceptiveField", "predict_tiled", "receptive_field"]
