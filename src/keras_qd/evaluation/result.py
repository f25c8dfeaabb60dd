"""What an evaluation found, and how it is kept on disk."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from keras_qd._files import replacing, write_json
from keras_qd.errors import DataError, RunError, UnknownNameError, UsageError
from keras_qd.evaluation.cost import Worth
from keras_qd.evaluation.examples import (
    Example,
    Parity,
    pack_examples,
    pack_parities,
    unpack_examples,
    unpack_parities,
)
from keras_qd.evaluation.scores import Score, ranking_score
from keras_qd.evaluation.uncertainty import Uncertainty

Array = NDArray[Any]


_SUFFIXES = (".csv", ".parquet")


def check_table_path(path: Path) -> None:
    """Raise unless a table can be written to `path`.

    Parameters
    ----------
    path : Path
        The file to be.

    Raises
    ------
    UsageError
        If its suffix is neither ``.csv`` nor ``.parquet``, or pyarrow is missing for the latter.
    """
    if path.suffix not in _SUFFIXES:
        raise UsageError(f"{path} must end in one of {', '.join(_SUFFIXES)}")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise UsageError(
            f"{path} needs pyarrow: pip install 'keras-qd[parquet]', or choose a .csv file"
        )


def write_table(path: Path, columns: Mapping[str, Array]) -> None:
    """Write a table, whole or not at all.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.parquet`` file.
    columns : mapping of str to ndarray, shape (n,)
        The columns, by name. CSV has as many digits as tell every number from its neighbours.

    Raises
    ------
    UsageError
        As :func:`check_table_path`.
    """
    check_table_path(path)
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            import pyarrow as pa
            from pyarrow import parquet

            parquet.write_table(pa.table(dict(columns)), temporary)
            return
        with temporary.open("w", encoding="utf-8", newline="") as file:
            print_csv(columns, file)


def print_csv(columns: Mapping[str, Array], file: TextIO) -> None:
    """Write a table as CSV to an open file."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def read_table(path: Path) -> dict[str, Array]:
    """Read a table that :func:`write_table` wrote as CSV."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return {name: np.array(_column(rows, index)) for index, name in enumerate(header)}


def _column(rows: list[list[str]], index: int) -> list[Any]:
    """Return a column as numbers where all of it are numbers."""
    cells = [row[index] for row in rows]
    for kind in (int, float):
        try:
            return [kind(cell) for cell in cells]
        except ValueError:
            continue
    return cells


#: Version of ``metrics.json``; raised when an older reader would misread it.
SCHEMA = 2

_KEPT = "kept/"


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Parameters
    ----------
    folder : Path
        Where it is kept: the run directory, or for other data a folder of its own inside.
    data : mapping
        ``split``, ``n_samples``, ``digest``, ``systems`` (checksum of what was to be predicted),
        ``own`` (whether it is the data set the run was trained on), ``length`` (side of the box in
        a0*, where known), ``units`` (of the data set's numbers), ``drawn`` (names of the parameters
        drawn for the potentials), ``notice`` (what has to be said of the data, or None) and
        ``baseline`` (what the trivial prediction is, in words).
    scores : tuple of Score
        Every metric of every target field, in physical units and in the scaled space of the
        network.
    samples : mapping of str to ndarray, shape (n,)
        Table with a row a system: ``index``, the data set's numbers of it, what was drawn for it,
        every metric in physical units as ``FIELD_METRIC``, and ``FIELD_spread`` where it was
        predicted more than once.
    examples : tuple of Example
        The best, the median and the worst system by :attr:`ranking`.
    parities : tuple of Parity
        Predicted against exact values, one for each target field.
    seconds : float
        Time that predicting took.
    kept : mapping of str to ndarray
        What the view of this kind of target keeps for its figures.
    uncertainty : Uncertainty, optional
        Whether the spread of several predictions tells their error, where there were several.
    worth : Worth, optional
        The model beside the exact solver, where there is one and it was asked for.

    Examples
    --------
    >>> evaluation = Evaluation.read("runs/first")  # doctest: +SKIP
    >>> evaluation.fields, evaluation.score("r2").value  # doctest: +SKIP
    (('density',), 0.98)
    """

    folder: Path
    data: Mapping[str, Any]
    scores: tuple[Score, ...]
    samples: Mapping[str, Array]
    examples: tuple[Example, ...]
    parities: tuple[Parity, ...]
    seconds: float
    kept: Mapping[str, Array] = dataclasses.field(default_factory=dict)
    uncertainty: Uncertainty | None = None
    worth: Worth | None = None

    @property
    def summary(self) -> dict[str, Any]:
        """All but the table and the examples, as plain values that JSON can hold."""
        return {
            "schema": SCHEMA,
            "data": dict(self.data),
            "seconds": self.seconds,
            "metrics": [_plain(dataclasses.asdict(score)) for score in self.scores],
            "uncertainty": self.uncertainty and dataclasses.asdict(self.uncertainty),
            "worth": self.worth and self.worth.to_json(),
        }

    @property
    def ranking(self) -> Score | None:
        """The score that systems are ranked by; None where no metric tells them apart."""
        return ranking_score(self.scores)

    @property
    def fields(self) -> tuple[str, ...]:
        """The target fields."""
        return tuple(dict.fromkeys(score.field for score in self.scores))

    @property
    def numbers(self) -> dict[str, Array]:
        """The data set's numbers of each system, without the metrics."""
        return {name: self.samples[name] for name in self.data["units"]}

    def score(self, metric: str, field: str | None = None, space: str = "physical") -> Score:
        """Return one score.

        Parameters
        ----------
        metric : str
            Registered name of the metric.
        field : str, optional
            Name of the target field; the first one by default.
        space : str
            ``"physical"`` or ``"scaled"``.

        Returns
        -------
        Score
            Its ``value`` and what belongs to it.

        Raises
        ------
        UnknownNameError
            If there is no such score.
        """
        field = field if field is not None else self.scores[0].field
        found = [each for each in self.scores if (each.field, each.space) == (field, space)]
        for each in found:
            if each.metric == metric:
                return each
        raise UnknownNameError(
            f"metric of {field!r} in {space!r} values", metric, [each.metric for each in found]
        )

    def write(self) -> None:
        """Write ``metrics.json``, ``samples.csv`` and ``figures/data.npz`` into the folder.

        Each is written whole or not at all, the summary last: where it is, the rest is too.
        """
        write_table(self.folder / "samples.csv", self.samples)
        arrays: dict[str, Any] = {**pack_examples(self.examples), **pack_parities(self.parities)}
        arrays.update({_KEPT + name: values for name, values in self.kept.items()})
        with replacing(self.folder / "figures" / "data.npz") as temporary:
            np.savez_compressed(temporary, **arrays)
        write_json(self.folder / "metrics.json", self.summary)

    @classmethod
    def read(cls, folder: str | Path) -> Evaluation:
        """Read what :meth:`write` wrote.

        Parameters
        ----------
        folder : str or Path
            The run directory, or the folder of other data inside.

        Returns
        -------
        Evaluation
            As it was written.

        Raises
        ------
        RunError
            If there is no evaluation in `folder`, or one of a newer version of keras-qd.
        DataError
            If its files cannot be read.
        """
        folder = Path(folder)
        if not (folder / "metrics.json").is_file():
            raise RunError(f"{folder} holds no evaluation yet; run: keras-qd evaluate {folder}")
        try:
            return _read(folder)
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise DataError(
                f"the evaluation in {folder} cannot be read ({cause}); "
                f"make it again with: keras-qd evaluate {folder}"
            ) from cause


def _read(folder: Path) -> Evaluation:
    summary = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    if summary["schema"] > SCHEMA:
        raise RunError(
            f"{folder / 'metrics.json'} was written by a newer keras-qd; upgrade it to read this"
        )
    with np.load(folder / "figures" / "data.npz", allow_pickle=False) as archive:
        arrays = dict(archive)
    return Evaluation(
        folder=folder,
        data=summary["data"],
        scores=tuple(_score(entry) for entry in summary["metrics"]),
        samples=read_table(folder / "samples.csv"),
        examples=tuple(unpack_examples(arrays)),
        parities=tuple(unpack_parities(arrays)),
        seconds=summary["seconds"],
        kept={
            key.removeprefix(_KEPT): values
            for key, values in arrays.items()
            if key.startswith(_KEPT)
        },
        uncertainty=summary["uncertainty"] and Uncertainty(**summary["uncertainty"]),
        worth=summary["worth"] and Worth.from_json(summary["worth"]),
    )


def _score(entry: dict[str, Any]) -> Score:
    """Return a score from its JSON, where null stands for an undefined number."""
    interval = entry["interval"]
    numbers = {
        key: float("nan") if entry[key] is None else entry[key] for key in ("value", "baseline")
    }
    return Score(**{**entry, **numbers, "interval": tuple(interval) if interval else None})


def _plain(value: Any) -> Any:
    """Return `value` with null for numbers that JSON does not know."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def rank_runs(
    evaluations: Mapping[str, Evaluation], metric: str | None = None, field: str | None = None
) -> list[str]:
    """Return the names of runs, best first.

    Parameters
    ----------
    evaluations : mapping of str to Evaluation
        Name of the run -> what was found.
    metric : str, optional
        What decides; the first metric of the first run by default.
    field : str, optional
        The target field; the first one by default.

    Returns
    -------
    list of str
        Runs whose value is undefined come last.

    Raises
    ------
    UsageError
        If the runs were not judged on the same systems, or predict other fields.
    UnknownNameError
        If a run was not judged by the metric.
    """
    _require_same_systems(evaluations)
    first = next(iter(evaluations.values())).scores[0]
    field = field if field is not None else first.field
    metric = metric if metric is not None else first.metric
    scores = {name: each.score(metric, field) for name, each in evaluations.items()}
    sign = -1 if next(iter(scores.values())).higher_is_better else 1
    values = {name: sign * score.value for name, score in scores.items()}
    return sorted(values, key=lambda name: (np.isnan(values[name]), values[name]))


def _require_same_systems(evaluations: Mapping[str, Evaluation]) -> None:
    """Check that all runs were judged on the same systems, in the same fields."""
    judged: dict[tuple[str, tuple[str, ...]], tuple[str, Evaluation]] = {}
    for name, each in evaluations.items():
        judged.setdefault((each.data["systems"], each.fields), (name, each))
    if len(judged) > 1:
        listing = ", ".join(
            f"{name}: {', '.join(each.fields)} on {each.data['split']} of {each.data['digest']}"
            for name, each in judged.values()
        )
        raise UsageError(
            f"runs can only be ranked on the same systems, but these differ ({listing}); "
            "name the data for all of them with --data"
        )
