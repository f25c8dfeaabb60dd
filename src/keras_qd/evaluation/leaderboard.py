"""Several runs side by side, judged on the same systems."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from keras_qd.errors import UsageError
from keras_qd.evaluation.result import Evaluation


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
