"""Snapshots of the predictions for a few fixed systems, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_qd._files import replacing
from keras_qd.errors import DataError
from keras_qd.training.run import REMEDY, Run, read_arrays

if TYPE_CHECKING:
    from keras_qd.tasks.pipeline import Pipeline


Array = NDArray[Any]

#: Snapshots of a training at most, and systems in each.
_MOST_SNAPSHOTS, _MOST_SYSTEMS = 24, 4
#: Numbers in a snapshot at most: of large images there are fewer.
_MOST_VALUES = 2**18


@dataclass(frozen=True)
class Snapshots:
    """Indices of systems in the validation split, their fields, and predictions by epoch."""

    indices: Array
    inputs: Mapping[str, Array]
    targets: Mapping[str, Array]
    predictions: Mapping[int, Mapping[str, Array]]


class Evolution(keras.callbacks.Callback):
    """Store the predictions for some systems of the validation split, one file per epoch."""

    # A file depends on the weights alone, so a resumed training leaves the same files. This
    # callback must run before the one that writes the checkpoint.

    def __init__(self, run: Run, split: Mapping[str, Any]) -> None:
        super().__init__()
        self._folder, self._pipeline = evolution_folder(run), run.pipeline
        self._epochs = snapshot_epochs(run.task.epochs)
        names = (*self._pipeline.inputs, *self._pipeline.targets)
        rows = _choose(self._pipeline, len(next(iter(split.values()))))
        self._indices, self._shown = rows, shown_targets(self._pipeline)
        self._fields = {name: np.asarray(split[name][rows]) for name in names}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Write the inputs and targets of the systems."""
        arrays = {f"inputs/{name}": self._fields[name] for name in self._pipeline.inputs}
        arrays |= {f"targets/{name}": self._fields[name] for name in self._shown}
        _write(self._folder / "systems.npz", {"indices": self._indices, **arrays})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the predictions after this epoch, if it is one of those to keep."""
        if epoch + 1 not in self._epochs and not self.model.stop_training:
            return
        scaled = self._pipeline.scale_inputs(self._fields)
        found = self._pipeline.restore(self.model.predict_on_batch(scaled))
        small = {name: found[name].astype(np.float32) for name in self._shown}
        _write(self._folder / f"epoch-{epoch + 1:05}.npz", small)


def can_be_watched(pipeline: Pipeline, n_samples: int) -> bool:
    """Return whether there are samples, with maps, profiles or images among their targets."""
    return n_samples > 0 and bool(shown_targets(pipeline))


def shown_targets(pipeline: Pipeline) -> list[str]:
    """Return the targets that are maps, profiles or images."""
    return [name for name in pipeline.targets if pipeline.kind(name) in ("lines", "maps")]


def evolution_folder(run: Run) -> Path:
    """Return the folder of the snapshots of a run."""
    return run.path / "evolution"


def snapshot_epochs(epochs: int) -> set[int]:
    """Return the epochs after which a snapshot is kept: frequent at first, and the last."""
    if epochs <= _MOST_SNAPSHOTS:
        return set(range(1, epochs + 1))
    count = _MOST_SNAPSHOTS
    while True:  # the first equally spaced logarithms round to the same numbers
        spaced = np.unique(np.rint(np.geomspace(1, epochs, count)).astype(int))
        if len(spaced) >= _MOST_SNAPSHOTS:
            break
        count += 1
    kept = spaced[:_MOST_SNAPSHOTS]
    kept[-1] = epochs
    return {int(epoch) for epoch in kept}


def read_snapshots(run: Run) -> Snapshots | None:
    """Return the snapshots of a run; None where it was trained without them."""
    folder = evolution_folder(run)
    if not (folder / "systems.npz").is_file():
        return None
    systems = _read(folder / "systems.npz")
    if "indices" not in systems:
        raise DataError(f"{folder / 'systems.npz'} is damaged: it has no indices; {REMEDY}")
    return Snapshots(
        indices=systems["indices"],
        inputs=_under(systems, "inputs/"),
        targets=_under(systems, "targets/"),
        predictions={
            int(path.stem.removeprefix("epoch-")): _read(path)
            for path in sorted(folder.glob("epoch-[0-9]*.npz"))
            if path.stem.removeprefix("epoch-").isdecimal()
        },
    )


def _under(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {
        key.removeprefix(prefix): each for key, each in arrays.items() if key.startswith(prefix)
    }


def _choose(pipeline: Pipeline, n_samples: int) -> Array:
    """Return indices spread evenly over a split, fewer where samples are large."""
    largest = max(int(np.prod(pipeline.targets[name])) for name in shown_targets(pipeline))
    count = max(1, min(_MOST_SYSTEMS, _MOST_VALUES // largest, n_samples))
    return np.unique(np.linspace(0, n_samples - 1, count).astype(int))


def _write(path: Path, arrays: dict[str, Array]) -> None:
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def _read(path: Path) -> dict[str, Array]:
    return read_arrays(path)
