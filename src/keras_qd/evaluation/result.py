"""The result of an evaluation, in one sentence and in files: metrics.json, samples.csv, ..."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import (
    anything,
    csv_cell,
    entries,
    from_csv_cell,
    number,
    optional,
    real,
    sequence,
    table,
    text,
    whole,
)
from keras_qd._files import parse_json, replacing, write_json
from keras_qd._shown import Shown, data_frame
from keras_qd.errors import DataError, RunError, UnknownNameError, UsageError
from keras_qd.evaluation.cost import CostComparison
from keras_qd.evaluation.figure_data import (
    Example,
    Parity,
    pack_examples,
    pack_parities,
    unpack_examples,
    unpack_parities,
)
from keras_qd.evaluation.scores import Score, ranking_score
from keras_qd.evaluation.uncertainty import Uncertainty
from keras_qd.training.run import read_arrays

Array = NDArray[Any]


#: Version of ``metrics.json``; raised when an older reader would misread it.
SCHEMA = 3

_KEPT = "kept/"

_SUFFIXES = (".csv", ".parquet")

_SCORE = entries(
    {
        "field": text,
        "metric": text,
        "space": text,
        "title": text,
        "unit": text,
        "value": optional(number),
        "baseline": optional(number),
        "interval": optional(sequence(optional(number))),
    }
)
_VERSION = entries({"schema": whole(1)})
#: The entries of ``metrics.json``.
_SUMMARY = entries(
    {
        "schema": whole(1),
        "data": entries(
            {"split": text, "n_samples": whole(1), "units": table(text), "drawn": sequence(text)}
        ),
        "seconds": real(0),
        "metrics": sequence(_SCORE, empty=False),
        "uncertainty": optional(table(anything)),
        "cost": optional(table(anything)),
    }
)


@dataclass(frozen=True)
class Evaluation(Shown):
    """The result of an evaluation.

    Parameters
    ----------
    folder : Path
        Where its files are: the run directory, or for other data a folder inside.
    data : mapping
        ``split``, ``n_samples``, ``digest``, ``systems`` (checksum of what was to be predicted),
        ``own`` (whether it is the data set the run was trained on), ``length`` (side of the box in
        a0*, where known), ``units`` (of the data set's numbers), ``drawn`` (names of the parameters
        drawn for the potentials), ``notice`` (a warning about the data, or None), ``baseline``
        (name of the trivial prediction, such as ``"mean image"``),
        ``label_error`` (target field -> ``median``, ``largest`` and ``unit`` of the estimated
        errors of its exact values) and ``adversary`` (what the discriminator contributed, or None).
    scores : tuple of Score
        Every metric of every target field, in physical units and in the scaled space of the
        network.
    samples : mapping of str to ndarray, shape (n,)
        Table with a row per system: ``index``, the data set's numbers, the parameters drawn for it,
        every metric in physical units as ``FIELD_METRIC``, and ``FIELD_spread`` if there were
        several predictions.
    examples : tuple of Example
        The best, the median and the worst system by :attr:`ranking`.
    parities : tuple of Parity
        Predicted against exact values, one for each target field.
    seconds : float
        Duration of the prediction.
    kept : mapping of str to ndarray
        Arrays kept for figures, by ``FIELD/NAME``; which ones depends on the kind of target.
    uncertainty : Uncertainty, optional
        Spread of the predictions against their error, if there were several.
    cost : CostComparison, optional
        Times of the model and of the exact solver, if there is one and it was asked for.

    Examples
    --------
    >>> score = Score("density", "r2", "physical", "R2", "", True, 0.98, 0.0)
    >>> evaluation = Evaluation(Path("runs/first"), {}, (score,), {}, (), (), 0.1)
    >>> evaluation.fields, evaluation.score("r2").value
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
    cost: CostComparison | None = None

    @property
    def summary(self) -> dict[str, Any]:
        """All but the table and the arrays, as plain values that JSON can hold."""
        return {
            "schema": SCHEMA,
            "data": dict(self.data),
            "seconds": self.seconds,
            "metrics": [_plain(dataclasses.asdict(score)) for score in self.scores],
            "uncertainty": self.uncertainty and dataclasses.asdict(self.uncertainty),
            "cost": self.cost and self.cost.to_json(),
        }

    @property
    def ranking(self) -> Score | None:
        """The score that systems are ranked by; None if no metric has a value per system."""
        return ranking_score(self.scores)

    @property
    def headlines(self) -> tuple[Score, ...]:
        """The first score of each target field, in physical units: what it is measured by."""
        physical = [each for each in self.scores if each.space == "physical"]
        return tuple({each.field: each for each in reversed(physical)}.values())[::-1]

    @property
    def verdict(self) -> str:
        """How good the model is, in one sentence for each target field."""
        several = len(self.fields) > 1
        parts = [
            (f"{score.field.replace('_', ' ')}: " if several else "") + _sentence(score, self)
            for score in self.headlines
        ]
        return ". ".join(parts)

    @property
    def warning(self) -> str:
        """What is worse than its trivial baseline, in one sentence; empty if nothing is."""
        several = len(self.fields) > 1
        losing = [each for each in self.scores if each.space == "physical" and each.loses]
        if not losing:
            return ""
        listing = ", ".join(
            f"{each.title}{f' of {each.field}' if several else ''} "
            f"{each.value:.4g} against {each.baseline:.4g}"
            for each in losing
        )
        baseline = self.data["baseline"]
        return f"worse than predicting the {baseline} for every system: {listing}"

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
            With its ``value``, interval and baseline.

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

    def to_dataframe(self) -> Any:
        """Return the table of the systems as a :class:`pandas.DataFrame`.

        Returns
        -------
        pandas.DataFrame
            The columns of `samples`.

        Raises
        ------
        UsageError
            If pandas is not installed.
        """
        return data_frame(self.samples)

    def __str__(self) -> str:
        """Return the scores in physical units, one in a line."""
        entries = self._entries()
        width = max(map(len, entries), default=0)
        return "\n".join(
            [
                f"Evaluation of {self.data['n_samples']} systems:",
                *(f"  {name:{width}}  {value}" for name, value in entries.items()),
            ]
        )

    def _entries(self) -> dict[str, Any]:
        return {
            f"{each.title} of the {each.field}": each.summary_text()
            for each in self.scores
            if each.space == "physical"
        }

    def write(self) -> None:
        """Write ``metrics.json``, ``samples.csv`` and ``figures/data.npz`` into the folder.

        Each is written atomically and the summary last, so that it vouches for the others.
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
            Equal to the one that was written.

        Raises
        ------
        RunError
            If there is no evaluation in `folder`, or one of a newer version of keras-qd.
        DataError
            If its files cannot be read.
        """
        folder = Path(folder)
        if not (folder / "metrics.json").is_file():
            raise RunError(f"{folder} holds no evaluation; run: keras-qd evaluate {folder}")
        try:
            return _read(folder)
        except (OSError, LookupError, ValueError, TypeError, AttributeError, csv.Error) as cause:
            if isinstance(cause, RunError):
                raise
            raise DataError(
                f"the evaluation in {folder} cannot be read ({cause}); "
                f"repeat it with: keras-qd evaluate {folder}"
            ) from cause


def _read(folder: Path) -> Evaluation:
    """Return the evaluation in a folder whose files are complete."""
    entries_found = parse_json((folder / "metrics.json").read_text(encoding="utf-8"))
    if _VERSION(entries_found)["schema"] > SCHEMA:
        raise RunError(
            f"{folder / 'metrics.json'} was written by a newer keras-qd; upgrade it to read this"
        )
    summary = _SUMMARY(entries_found)
    arrays = read_arrays(folder / "figures" / "data.npz", "evaluate again")
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
        cost=summary["cost"] and CostComparison.from_json(summary["cost"]),
    )


def _score(entry: dict[str, Any]) -> Score:
    """Return a score from JSON, where null stands for an undefined number."""
    interval = entry["interval"]
    numbers = {
        key: float("nan") if entry[key] is None else entry[key] for key in ("value", "baseline")
    }
    return Score(**{**entry, **numbers, "interval": tuple(interval) if interval else None})


def _plain(value: Any) -> Any:
    """Return `value` with None in place of NaN and infinity, which JSON lacks."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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


#: "1 system in ..." for the tail, and how many systems a set needs for each.
_TAILS = ((50, 100), (10, 20))


def _sentence(score: Score, evaluation: Evaluation) -> str:
    """Return the median system, the error of the labels and the tail, as far as they are known."""
    values = evaluation.samples.get(score.column)
    known = np.empty(0) if values is None else values[np.isfinite(values)]
    if not known.size or not score.typical:
        return f"{score.title} is {_quantity(score.value, score)}"
    found = (score.headline or f"{score.title} is {{}}").format(
        _quantity(float(np.median(known)), score)
    )
    parts = [f"on the median system {found}", *_label_error(score, evaluation)]
    return "; ".join([*parts, _tail(known, score)])


def _label_error(score: Score, evaluation: Evaluation) -> Iterator[str]:
    """Yield how good the exact densities are, where the data set knows it."""
    found = label_error(score, evaluation)
    if found is not None:
        yield f"labels are good to {found[0]:.2g} % (the worst one checked, to {found[1]:.2g} %)"


def _tail(values: Array, score: Score) -> str:
    """Return how wrong the worst systems are, as far into the tail as their number allows."""
    ordered = np.sort(-values if score.higher_is_better else values)
    sign = -1 if score.higher_is_better else 1
    below = "below" if score.higher_is_better else "above"
    wrong = "wrong by more than" if score.headline else below
    for one_in, least in _TAILS:
        if len(ordered) >= least:
            limit = sign * float(np.quantile(ordered, 1 - 1 / one_in))
            return f"1 system in {one_in} is {wrong} {_quantity(limit, score)}"
    return f"the worst of {len(ordered)} is at {_quantity(sign * float(ordered[-1]), score)}"


def label_error(score: Score, evaluation: Evaluation) -> tuple[float, float] | None:
    """Return median and largest error of the exact values, of what is measured in percent."""
    found = evaluation.data.get("label_error", {}).get(score.field)
    if found is None or score.unit != "%":
        return None
    return 100 * found["median"], 100 * found["largest"]


def _quantity(value: float, score: Score) -> str:
    """Return a value of a metric with its unit, in two or three digits."""
    if not math.isfinite(value):
        return "undefined"
    number = f"{value:.2g}" if abs(value) < 10 else f"{value:.3g}"
    return f"{number} {score.unit}".rstrip()
