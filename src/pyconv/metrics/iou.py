"""Intersection over union of classes, as segmentation measures it: right / (right + missed + invented), by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import config
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.metrics.metric import Metric, arrays, weights_for
from pyconv.ops.geometry import integer


class IoU(Metric):
    """The mean over some classes; classes that occur neither in labels nor in predictions don't count.

    Args:
        num_classes: the number of classes K.
        target_class_ids: the classes whose mean is taken.
        name: the metric's name.
        dtype: as in `Metric`.
        ignore_class: a number among the labels whose places don't count.
        sparse_y_true: whether labels are class numbers; otherwise one-hot along axis.
        sparse_y_pred: whether predictions are class numbers; otherwise the largest one along axis is meant.
        axis: the axis of the classes.

    Raises:
        ValueError: if a class number is out of range.

    Example:
    >>> from pyconv.metrics import IoU
    >>> round(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        op = type(self).__name__
        self.num_classes = integer(op, "num_classes", num_classes)
        self.target_class_ids = [
            integer(op, "target_class_ids", each, 0, self.num_classes - 1) for each in target_class_ids
        ]
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = bool(sparse_y_true), bool(sparse_y_pred)
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Takes a batch into account."""
        op = type(self).__name__
        true, pred = arrays(op, y_true, y_pred)
        true = true if self.sparse_y_true else true.argmax(axis=self.axis)
        pred = pred if self.sparse_y_pred else pred.argmax(axis=self.axis)
        if true.size != pred.size:
            raise ValueError(
                f"{op}: y_true and y_pred must have equally many places. "
                f"Received: y_true.shape={true.shape}, y_pred.shape={pred.shape}."
            )
        weights = weights_for(op, sample_weight, true.shape).ravel()
        labels, found = true.ravel().astype(np.int64), pred.ravel().astype(np.int64)
        counts = (labels >= 0) & (labels < self.num_classes) & (found >= 0) & (found < self.num_classes)
        if self.ignore_class is not None:
            counts &= labels != self.ignore_class
        places = labels[counts] * self.num_classes + found[counts]
        pairs = np.bincount(places, weights[counts], minlength=self.num_classes**2)
        self.total_cm += pairs.reshape(self.num_classes, self.num_classes)

    def result(self) -> float:
        """The mean so far, 0 if none of the classes has occurred."""
        right = np.diag(self.total_cm)
        union = (self.total_cm.sum(axis=0) + self.total_cm.sum(axis=1) - right)[self.target_class_ids]
        occurs = union > 0
        if not occurs.any():
            return 0.0
        return float((right[self.target_class_ids][occurs] / (union[occurs] + config.epsilon())).mean())

    def reset_state(self) -> None:
        """Forgets all batches."""
        self.total_cm: Array = np.zeros((self.num_classes, self.num_classes))  # labels x predictions

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


class MeanIoU(IoU):
    """The mean over all classes; arguments as in `IoU`, without target_class_ids."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        classes = range(integer(type(self).__name__, "num_classes", num_classes))
        super().__init__(num_classes, classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_config().items() if name != "target_class_ids"}


class BinaryIoU(IoU):
    """The mean over no, 0, and yes, 1, or one of them, for predictions that are probabilities of yes.

    Args:
        target_class_ids: the classes whose mean is taken.
        threshold: a prediction of at least this means yes.
        name: the metric's name.
        dtype: as in `Metric`.
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = real_number("BinaryIoU", "threshold", threshold, 0, 1)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Takes a batch into account."""
        true, pred = arrays("BinaryIoU", y_true, y_pred)
        super().update_state(true, (pred >= self.threshold).astype(np.float32), sample_weight)

    def get_config(self) -> dict[str, Any]:
        own = {"target_class_ids": self.target_class_ids, "threshold": self.threshold}
        return super(IoU, self).get_config() | own
