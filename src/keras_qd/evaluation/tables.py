"""Tables of an evaluation: the systems as CSV or Parquet, means of groups, runs ranked."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import csv_cell, from_csv_cell
from keras_qd._files import replacing
from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.evaluation.scores import divide

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation

Array = NDArray[Any]

_SUFFIXES = (".csv", ".parquet")


def check_table_path(path: Path) -> None:
    """Raise a UsageError unless a table can be written to `path`."""
    if path.suffix not in _SUFFIXES:
        raise UsageError(f"{path} must end in one of {', '.join(_SUFFIXES)}")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise UsageError(
            f"{path} needs pyarrow: pip install 'keras-qd[parquet]', or choose a .csv file"
        )


def write_table(path: Path, columns: Mapping[str, Array]) -> None:
    """Write columns of shape (n,) to a .csv or .parquet file, atomically and without rounding."""
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
    writer.writerow(map(csv_cell, columns))
    values = (map(csv_cell, column.tolist()) for column in columns.values())
    writer.writerows(zip(*values, strict=True))


def read_table(path: Path) -> dict[str, Array]:
    """Read a table that :func:`write_table` wrote as CSV."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, strict=True)
    if any(len(row) != len(header) for row in rows):
        raise DataError(f"{path} is damaged: its rows have different lengths")
    return {
        from_csv_cell(name): np.array(_column(rows, index)) for index, name in enumerate(header)
    }


def _column(rows: list[list[str]], index: int) -> list[Any]:
    """Return a column as numbers if all of its cells are numbers."""
    cells = [row[index] for row in rows]
    for kind in (int, float):
        try:
            return [kind(cell) for cell in cells]
        except ValueError:
            continue
    return [from_csv_cell(cell) for cell in cells]


@dataclass(frozen=True)
class Group:
    """Systems with similar values of one number, and the means of their metrics."""

    low: float
    high: float
    n_systems: int
    means: dict[str, float]


def group_by(evaluation: Evaluation, column: str, n_groups: int = 4) -> list[Group]:
    """Return the mean metrics of groups of about equal size, ascending by one of their numbers."""
    known = [*evaluation.numbers, *evaluation.data["drawn"]]
    if column not in known:
        raise UnknownNameError("number to group by", column, known)
    values = evaluation.samples[column]
    finite = np.flatnonzero(np.isfinite(values))
    metrics = [name for name in evaluation.samples if name not in ("index", *known)]
    return [
        Group(
            float(values[rows].min()),
            float(values[rows].max()),
            len(rows),
            {name: _finite_mean(evaluation.samples[name][rows]) for name in metrics},
        )
        for rows in (finite[part] for part in divide(values[finite], n_groups))
    ]


#: Field of a data set that says how decided its dots are, and the gap in Ha* of undecided ones.
DENSITY_GAP, UNDECIDED = "density_gap", 0.02


@dataclass(frozen=True)
class Decision:
    """Decided or undecided systems: share in all, mean error, share in the squared error."""

    name: str
    n_systems: int
    share: float
    error: float
    squared_share: float


def by_decision(evaluation: Evaluation) -> list[Decision]:
    """Return the parts of the error below and above `UNDECIDED`; empty without the field."""
    ranking = evaluation.ranking
    if ranking is None or DENSITY_GAP not in evaluation.numbers:
        return []
    gaps, errors = evaluation.samples[DENSITY_GAP], evaluation.samples[ranking.column]
    squares = np.square(evaluation.samples.get(f"{ranking.field}_l2", errors))
    return [
        Decision(
            name,
            int(rows.sum()),
            float(rows.mean()),
            _finite_mean(errors[rows]),
            float(squares[rows].sum() / squares.sum()),
        )
        for name, rows in (("undecided", gaps < UNDECIDED), ("decided", gaps >= UNDECIDED))
    ]


def decision_rows(evaluation: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return header and rows of `by_decision`, as the terminal and the report show them."""
    found, ranking = by_decision(evaluation), evaluation.ranking
    unit = f" ({ranking.unit})" if ranking is not None and ranking.unit else ""
    title = "" if ranking is None else f"{ranking.title}{unit}"
    header = (f"density gap, limit {1e3 * UNDECIDED:g} mHa*", "systems", title, "squared error")
    rows: list[tuple[str, ...]] = [
        (
            each.name,
            f"{each.n_systems} ({each.share:.1%})",
            f"{each.error:.3g}",
            f"{each.squared_share:.0%}",
        )
        for each in found
    ]
    return header, rows


def _finite_mean(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def rank_runs(
    evaluations: Mapping[str, Evaluation], metric: str | None = None, field: str | None = None
) -> list[str]:
    """Return the names of runs, best first by a metric of a field (the first ones by default)."""
    _require_same_systems(evaluations)
    first = next(iter(evaluations.values())).scores[0]
    field = field if field is not None else first.field
    metric = metric if metric is not None else first.metric
    scores = {name: each.score(metric, field) for name, each in evaluations.items()}
    sign = -1 if next(iter(scores.values())).higher_is_better else 1
    values = {name: sign * score.value for name, score in scores.items()}
    return sorted(values, key=lambda name: (np.isnan(values[name]), values[name]))


def _require_same_systems(evaluations: Mapping[str, Evaluation]) -> None:
    """Raise unless all runs were evaluated on the same systems, in the same fields."""
    found: dict[tuple[str, tuple[str, ...]], tuple[str, Evaluation]] = {}
    for name, each in evaluations.items():
        found.setdefault((each.data["systems"], each.fields), (name, each))
    if len(found) > 1:
        listing = ", ".join(
            f"{name}: {', '.join(each.fields)} on {each.data['split']} of {each.data['digest']}"
            for name, each in found.values()
        )
        raise UsageError(
            f"runs can only be ranked on the same systems, but these differ ({listing}); "
            "name the data for all of them with --data"
        )
