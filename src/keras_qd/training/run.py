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
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_qd import _files
from keras_qd._checks import (
    MOST_SEED,
    anything,
    csv_cell,
    entries,
    from_csv_cell,
    optional,
    read_json,
    sequence,
    table,
    text,
    whole,
)
from keras_qd._files import LockedError, replacing, write_json
from keras_qd._shown import Tabled, data_frame, plot
from keras_qd.backend import ensure_backend
from keras_qd.data.dataset import SPLITS
from keras_qd.data.io.arrays import open_archive
from keras_qd.errors import DataError, RunError
from keras_qd.registry import check_modules
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


#: The file that makes a directory a run.
_CONFIG_FILE = "config.json"

#: Name of the page that a run's report is.
REPORT = "report.html"

#: What to do about a damaged file of a run.
REMEDY = "restore it from a copy, or train again"

_SHAPES = table(sequence(whole(1)))
#: The entries of ``config.json``.
_CONFIG = entries(
    {
        "task": table(anything),
        "pipeline": entries(
            {"inputs": _SHAPES, "targets": _SHAPES, "scalings": table(table(anything))}
        ),
        "data": table(anything),
        "fields": table(entries({"unit": text, "meaning": text})),
        "samples": entries(dict.fromkeys(SPLITS, whole(0))),
        "seed": whole(0, MOST_SEED),
        "backend": text,
        "callbacks": sequence(text),
        "command": text,
    },
    {"devices": whole(1), "fresh": whole(1)},
)
#: The entries of ``environment.json``.
_ENVIRONMENT = entries(
    {"backend": text, "python": text, "platform": text, "packages": table(text)},
    {"processors": optional(whole(1)), "processor": text, "date": text},
)


def describe_environment() -> dict[str, Any]:
    """Return the backend, the versions of the packages that matter, and the kind of machine.

    Returns
    -------
    dict
        ``backend``, ``date`` (of the start, UTC), ``python``, ``platform``, ``processors``,
        ``processor`` (its model) and ``packages`` (name -> version); nothing in it names a person
        or a path.

    Examples
    --------
    >>> sorted(describe_environment())
    ['backend', 'date', 'packages', 'platform', 'processor', 'processors', 'python']
    """
    return {
        "backend": ensure_backend(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "processor": _processor(),
        "packages": installed_versions(),
    }


def _processor() -> str:
    """Return the model of the processor, or at least its architecture."""
    information = Path("/proc/cpuinfo")  # what Python's platform does not know on Linux
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


def installed_versions() -> dict[str, str]:
    """Return the versions of those packages that matter here and are installed."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def require_free(path: Path) -> None:
    """Raise a RunError if there is something at the path of a new run already."""
    if (path / _CONFIG_FILE).exists():
        raise RunError(f"{path} exists already; resume it (--resume), or choose another name")
    if path.is_symlink() or path.exists():
        if not path.is_dir():
            raise RunError(f"{path} is a file; choose another name")
        if any(path.iterdir()):
            raise RunError(f"{path} is not empty; choose another name")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Exclude other processes that train into a directory; a dead process holds no lock."""
    try:
        with _files.locked(path):
            yield
    except LockedError:
        raise RunError(
            f"{path} is in use: another process trains into it; wait until it has finished, or "
            "end it"
        ) from None


@dataclass(frozen=True)
class Run(Tabled):
    """A run directory on disk, finished or not.

    Parameters
    ----------
    path : str or Path
        The directory. What there is of the run is read when it is asked for.

    Raises
    ------
    RunError
        If `path` is not a run directory; :meth:`create` makes one.

    Examples
    --------
    >>> import tempfile
    >>> run = Run.create(tempfile.mkdtemp(), config={}, environment={})
    >>> run.finished, run.config_path.name, Run(str(run.path)) == run
    (False, 'config.json', True)
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if not self.config_path.is_file():
            raise RunError(f"{self.path} is not a run directory: it has no config.json")

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
        path = Path(path)
        require_free(path)
        write_json(path / "environment.json", environment)
        write_json(path / _CONFIG_FILE, config)
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run directory: the same as ``Run(path)``.

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
        return cls(Path(path))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude other processes that train into this directory; a dead process holds no lock.

        Yields
        ------
        None

        Raises
        ------
        RunError
            If another process trains into it.
        """
        with locked(self.path):
            yield

    @property
    def config_path(self) -> Path:
        """Path of the configuration."""
        return self.path / _CONFIG_FILE

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
    def start_path(self) -> Path:
        """Path of the weights that the training started from, if they were given."""
        return self.path / "checkpoints" / "start.npz"

    @property
    def example_path(self) -> Path:
        """Path of the inputs of three systems of the test split, in physical units."""
        return self.path / "example.npz"

    @property
    def history_path(self) -> Path:
        """Path of the losses and metrics by epoch."""
        return self.path / "history.csv"

    @property
    def finished(self) -> bool:
        """Whether the training is finished."""
        return self.model_path.is_file()

    @cached_property
    def config(self) -> dict[str, Any]:
        """The fully resolved configuration, checked entry by entry."""
        return read_config(self.config_path)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """The versions that the run was trained with."""
        return dict(read_json(self.path / "environment.json", _ENVIRONMENT, REMEDY))

    @cached_property
    def task(self) -> Task:
        """The task, as it was configured for this run."""
        with self._reading("task"):
            return Task.from_config(self.config["task"])

    @cached_property
    def pipeline(self) -> Pipeline:
        """The fitted scalings and the fields in and out."""
        with self._reading("pipeline"):
            return Pipeline.from_config(self.config["pipeline"])

    @contextmanager
    def _reading(self, entry: str) -> Iterator[None]:
        """Name the file and its entry in errors about what it describes."""
        try:
            yield
        except (ValueError, TypeError, KeyError, AttributeError) as cause:
            if str(self.config_path) in str(cause):
                raise
            raise DataError(
                f"{self.config_path} is damaged: {entry}: {str(cause) or cause!r}; {REMEDY}"
            ) from cause

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
        self.require_same_data(dataset)
        return dataset

    def require_same_data(self, dataset: Dataset) -> None:
        """Raise a RunError unless a data set is the one that the run was trained on.

        Parameters
        ----------
        dataset : Dataset
            A data set, loaded again.
        """
        expected, found = self.config["data"].get("digest"), dataset.metadata.get("digest")
        if expected != found:
            raise RunError(
                f"the data set has changed since {self.path} was trained: its digest was "
                f"{expected} and now is {found}; restore it, or train again"
            )

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
        DataError
            If the file is damaged.
        """
        try:
            return _read_history(self.history_path)
        except FileNotFoundError:
            raise RunError(f"{self.path} has no history yet: no epoch was finished") from None
        except (OSError, ValueError, csv.Error) as cause:
            raise DataError(f"{self.history_path} is damaged: {cause}; {REMEDY}") from cause

    def plot_history(self) -> Any:
        """Draw the losses and metrics over the epochs, as the report does.

        Returns
        -------
        matplotlib.figure.Figure
            Shown by a notebook; ``savefig`` writes it into a file.
        """
        return plot(self)

    def to_dataframe(self) -> Any:
        """Return the history as a :class:`pandas.DataFrame`, a row per epoch.

        Returns
        -------
        pandas.DataFrame
            Losses and metrics, indexed by the epoch.

        Raises
        ------
        UsageError
            If pandas is not installed.
        """
        return data_frame(self.history(), "epoch")

    def _entries(self) -> dict[str, Any]:
        """Return the rows of the table for notebooks, those of the last epoch among them."""
        known: dict[str, Any] = {"path": self.path, "finished": self.finished}
        if not self.history_path.is_file():
            return known
        return known | {name: values[-1] for name, values in self.history().items() if values}

    def write_history(self, columns: Mapping[str, list[float]]) -> None:
        """Rewrite ``history.csv``.

        Parameters
        ----------
        columns : mapping of str to list of float
            Name of the quantity -> its values, one an epoch.
        """
        target = self.history_path
        with (
            replacing(target) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(map(csv_cell, columns))
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


def read_config(path: Path) -> dict[str, Any]:
    """Return the configuration of a run, checked entry by entry."""
    config: dict[str, Any] = read_json(path, _CONFIG, REMEDY)
    check_modules([str(config["task"].get("model", ""))], path)
    missing = list(_missing(config))
    if missing:
        raise DataError(f"{path} is damaged: without {', '.join(missing)}; {REMEDY}")
    return config


def _missing(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the entries that the fields of a configuration lack."""
    pipeline = config["pipeline"]
    for end in ("inputs", "targets"):
        if not pipeline[end]:
            yield f"pipeline.{end}"
        for name in pipeline[end]:
            if name not in config["fields"]:
                yield f"fields.{name}"
            if name not in pipeline["scalings"]:
                yield f"pipeline.scalings.{name}"


def read_arrays(path: Path, remedy: str = REMEDY) -> dict[str, np.ndarray]:
    """Return the arrays of a ``.npz`` file, or raise a DataError that ends in a remedy."""
    try:
        return {name: np.array(values) for name, values in open_archive(path).items()}
    except (OSError, ValueError, MemoryError) as cause:
        raise DataError(f"{path} cannot be read: {cause}; {remedy}") from cause


def _read_history(path: Path) -> dict[str, list[float]]:
    """Return the columns of a history, or raise a ValueError where it is not one."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file, strict=True)) or [[]]
    names = [from_csv_cell(cell) for cell in header]
    if "epoch" not in names or len(set(names)) < len(names):
        raise ValueError("its first line does not name each column once, epoch among them")
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise ValueError(f"line {number} has {len(row)} values; expected {len(names)}")
    columns = {name: [float(row[index]) for row in rows] for index, name in enumerate(names)}
    if columns["epoch"] != list(range(1, len(rows) + 1)):
        raise ValueError("its epochs are not numbered 1, 2, 3, ...")
    return columns
