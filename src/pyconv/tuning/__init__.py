"""The choice of algorithms by measurement, and files for what was chosen; as it comes, the core chooses by formulas."""

from pyconv.tuning.files import load, save
from pyconv.tuning.remembered import clear
from pyconv.tuning.results import Trial, Tuning
from pyconv.tuning.search import tune

__all__ = ["Trial", "Tuning", "clear", "load", "save", "tune"]
