"""BackupAndRestore: an interrupted training goes on where it was. Its file serves nothing else: see `model.save`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from pyconv import random
from pyconv.callbacks.callback import Callback, Logs
from pyconv.layers.layer import Layer

_FILE = "latest.npz"


class BackupAndRestore(Callback):
    """Saves weights, the optimizer's state, the epoch and the random numbers' state after each epoch.

    When `fit` is called again with the same arguments, in this process or another, and finds the backup, it goes on
    with the next epoch and comes to the same weights, bit for bit, as a run that wasn't interrupted. A run that comes
    to its end deletes the backup. Other callbacks begin anew: EarlyStopping forgets how long it has waited.

    Args:
        backup_dir: a folder for this run alone.
        save_freq: "epoch"; what happened within an interrupted epoch is lost.
        double_checkpoint: taken for programs written for Keras; a backup takes the place of the one before in one
            step, so there is always a whole one.
        delete_checkpoint: whether the backup is deleted at the end.

    Raises:
        ValueError: if save_freq is something else, or later, if the backup is of another model.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if save_freq != "epoch":
            raise ValueError(f'BackupAndRestore: save_freq must be "epoch". Received: save_freq={save_freq!r}.')
        self.backup_dir, self.delete_checkpoint = Path(backup_dir), delete_checkpoint
        self.double_checkpoint = double_checkpoint

    def on_train_begin(self, logs: Logs | None = None) -> None:
        path = self.backup_dir / _FILE
        if path.exists():
            with np.load(path, allow_pickle=False) as backup:
                self._restore(dict(backup))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        states = [generator.bit_generator.state for generator in self._generators()]
        notes = json.dumps({"epoch": epoch + 1, "generators": states})
        arrays = {f"array_{i}": variable.value for i, variable in enumerate(self._variables())}
        unfinished = self.backup_dir / f"unfinished_{_FILE}"
        np.savez(unfinished, notes=np.array(notes), **arrays)
        unfinished.replace(self.backup_dir / _FILE)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint:
            (self.backup_dir / _FILE).unlink(missing_ok=True)

    def _restore(self, backup: dict[str, Any]) -> None:
        variables = self._variables()
        notes = json.loads(str(backup.pop("notes")))
        arrays = [backup[f"array_{i}"] for i in range(len(backup))]
        generators = self._generators()
        shapes = [array.shape for array in arrays]
        if shapes != [variable.shape for variable in variables] or len(generators) != len(notes["generators"]):
            raise ValueError(
                f"BackupAndRestore: the backup in {self.backup_dir} is of another model or optimizer, or the model "
                f"isn't built. Received: {len(arrays)} arrays for {len(variables)} variables."
            )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        for generator, state in zip(generators, notes["generators"], strict=True):
            generator.bit_generator.state = state
        self.model._initial_epoch = notes["epoch"]

    def _variables(self) -> list[Any]:
        optimizer = self.model.optimizer
        return [*self.model.weights, *(() if optimizer is None else optimizer.variables)]

    def _generators(self) -> list[np.random.Generator]:
        """That of the process, and those of layers with seeds of their own."""
        found = [random.generator()]
        for layer in _all_layers(self.model):
            found += [value for value in vars(layer).values() if isinstance(value, np.random.Generator)]
        return list({id(generator): generator for generator in found}.values())


def _all_layers(layer: Layer) -> list[Layer]:
    inside = [each for part in layer._parts() for each in _all_layers(part)]
    return list({id(each): each for each in [layer, *inside]}.values())
