"""A run directory: everything that one training leaves behind.

::

    runs/NAME/
      config.json         task, pipeline, data digest, seed, backend, command: fully resolved
      environment.json    versions of what it ran on
      history.csv         one row an epoch
      checkpoints/        the state to resume from
      model.keras         the trained model, in physical units; a run that has it is finished
      metrics.json        what an evaluation found
      figures/, report.html
"""

from __future__ import annotations

import csv
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_qd._files import replacing, write_json
from keras_qd.backend import ensure_backend
from keras_qd.errors import DataError, RunError
from keras_qd.tasks.pipeline import Pipeline
from keras_qd.tasks.task import Task

if TYPE_CHECKING:
    from keras_qd.data.dataset import Dataset
    from keras_qd.tasks.physical_model import PhysicalModel


_PACKAGES = (
    "keras-qd",
    "keras",
    "tensorflow",
    "torch",
    "jax",
    "numpy",
    "scipy",
    "scikit-image",
    "zarr",
)


def describe_environment() -> dict[str, Any]:
    """Return the backend, the versions of the packages that matter, and the kind of machine.

    Returns
    -------
    dict
        ``backend``, ``python``, ``platform``, ``processors`` and ``packages`` (name -> version);
        nothing in it names a person or a path.

    Examples
    --------
    >>> sorted(describe_environment())
    ['backend', 'packages', 'platform', 'processors', 'python']
    """
    return {
        "backend": ensure_backend(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "packages": installed_versions(),
    }


def installed_versions() -> dict[str, str]:
    """Return the versions of those packages that matter here and are installed."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


@dataclass(frozen=True)
class Run:
    """A run directory on disk.

    Parameters
    ----------
    path : Path
        The directory. :meth:`create` and :meth:`open` are the ways to get one.

    Examples
    --------
    >>> import tempfile
    >>> run = Run.create(tempfile.mkdtemp(), config={}, environment={})
    >>> run.finished, run.config_path.name
    (False, 'config.json')
    """

    path: Path

    @classmethod
    def create(
        cls, path: str | Path, config: Mapping[str, Any], environment: Mapping[str, Any]
    ) -> Run:
        """Make a new run directory.

        Parameters
        ----------
        path : str or Path
            Where nothing is yet.
        config : mapping
            What is trained how, as plain JSON.
        environment : mapping
            What it runs on, as plain JSON.

        Returns
        -------
        Run
            With these two files.

        Raises
        ------
        RunError
            If there is something at `path` already.
        """
        run = cls(Path(path))
        if run.path.exists() and any(run.path.iterdir()):
            raise RunError(
                f"{run.path} exists already; resume it (--resume), or choose another name"
            )
        write_json(run.path / "environment.json", environment)
        write_json(run.config_path, config)
        return run

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run directory, finished or not.

        Parameters
        ----------
        path : str or Path
            The directory.

        Returns
        -------
        Run
            What there is of it is read when it is asked for.

        Raises
        ------
        RunError
            If `path` is not a run directory.
        """
        run = cls(Path(path))
        if not run.config_path.is_file():
            raise RunError(f"{run.path} is not a run directory: it has no config.json")
        return run

    @property
    def config_path(self) -> Path:
        """Path of the configuration."""
        return self.path / "config.json"

    @property
    def model_path(self) -> Path:
        """Path of the trained model, once there is one."""
        return self.path / "model.keras"

    @property
    def checkpoint_path(self) -> Path:
        """Path of the state of an unfinished training."""
        return self.path / "checkpoints" / "last.npz"

    @property
    def best_path(self) -> Path:
        """Path of the weights of the best epoch so far, if the task monitors a metric."""
        return self.path / "checkpoints" / "best.npz"

    @property
    def finished(self) -> bool:
        """Whether the training is finished."""
        return self.model_path.is_file()

    @cached_property
    def config(self) -> dict[str, Any]:
        """The fully resolved configuration."""
        return _read_json(self.config_path)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """The versions that the run was trained with."""
        return _read_json(self.path / "environment.json")

    @cached_property
    def task(self) -> Task:
        """The task, as it was configured for this run."""
        return Task.from_config(self.config["task"])

    @cached_property
    def pipeline(self) -> Pipeline:
        """The fitted scalings and the fields in and out."""
        return Pipeline.from_config(self.config["pipeline"])

    def load_dataset(self, path: str | Path | None = None) -> Dataset:
        """Load the data set that the run was trained on, or another one of its kind.

        Parameters
        ----------
        path : str or Path, optional
            Where another data set is stored.

        Returns
        -------
        Dataset
            With all its splits.

        Raises
        ------
        RunError
            If the data set is no longer the one that the run was trained on.
        """
        if path is not None:
            return self.task.load_dataset(path=str(path))
        dataset = self.task.load_dataset()
        expected, found = self.config["data"].get("digest"), dataset.metadata.get("digest")
        if expected != found:
            raise RunError(
                f"the data set has changed since {self.path} was trained: "
                f"its digest was {expected} and now is {found}; name the data to use"
            )
        return dataset

    def load_model(self) -> PhysicalModel:
        """Load the trained model; see :func:`keras_qd.load_model`.

        Returns
        -------
        PhysicalModel
            Takes and returns fields in physical units.

        Raises
        ------
        RunError
            If the training is not finished, or the model cannot be read.
        """
        if not self.finished:
            raise RunError(
                f"{self.path} has no trained model yet; finish it with: "
                f"keras-qd train --resume {self.path}"
            )
        return _read_model(self.model_path)

    def history(self) -> dict[str, list[float]]:
        """Return the columns of ``history.csv``: one value an epoch each.

        Raises
        ------
        RunError
            If no epoch has been finished yet.
        """
        try:
            with (self.path / "history.csv").open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        except FileNotFoundError:
            raise RunError(f"{self.path} has no history yet: no epoch was finished") from None
        return {key: [float(row[key]) for row in rows] for key in (rows[0] if rows else {})}

    def write_history(self, columns: Mapping[str, list[float]]) -> None:
        """Rewrite ``history.csv``.

        Parameters
        ----------
        columns : mapping of str to list of float
            Name of the quantity -> its values, one an epoch.
        """
        target = self.path / "history.csv"
        with replacing(target) as temporary, temporary.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))


def load_model(source: Run | str | Path) -> PhysicalModel:
    """Load a trained model, which takes and returns fields in physical units.

    It loads on every backend, whichever it was trained on. Keras' safe mode is on: no code is
    unpickled.

    Parameters
    ----------
    source : Run, str or Path
        A finished run, its directory, or a ``model.keras`` file that was copied out of one.

    Returns
    -------
    PhysicalModel
        A Keras model: ``predict`` takes an array where there is a single input field, otherwise a
        dict of arrays by field. ``network`` is the scaled network inside, which was trained.

    Raises
    ------
    RunError
        If `source` is not a finished run, or the file cannot be read or was not saved by a run.
    UnknownNameError
        If the model belongs to a plug-in that is not installed.

    Examples
    --------
    >>> import keras_qd
    >>> model = keras_qd.load_model("runs/first")  # doctest: +SKIP
    >>> densities = model.predict(potentials)  # doctest: +SKIP
    """
    if isinstance(source, Run):
        return source.load_model()
    path = Path(source)
    return _read_model(path) if path.is_file() else Run.open(path).load_model()


def _read_model(path: Path) -> PhysicalModel:
    ensure_backend()
    from keras_qd.tasks.physical_model import read_model

    return read_model(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as cause:
        raise DataError(f"{path} cannot be read: {cause}") from cause
