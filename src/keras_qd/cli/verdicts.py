"""Results of an evaluation as text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from keras_qd.cli.format import format_number
from keras_qd.cli.options import print_table

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.scores import Score
    from keras_qd.evaluation.tables import Group


def print_scores(evaluation: Evaluation, space: str = "physical") -> None:
    """Print the scores of an evaluation as a table, and what a spread tells of the error.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    space : str
        ``"physical"`` or ``"scaled"``.
    """
    data, uncertainty = evaluation.data, evaluation.uncertainty
    whose = "" if data["own"] else " of other data than the model was trained on"
    mean = "" if uncertainty is None else f", mean of {uncertainty.source}"
    click.echo(f"{data['n_samples']} systems of the {data['split']} split{whose}{mean}\n")
    if data["notice"]:
        click.echo(f"note: {data['notice']}\n")
    scores = [each for each in evaluation.scores if each.space == space]
    several = len({each.field for each in scores}) > 1
    header = ("metric", "unit", "value", "95 % interval", data["baseline"], "median", "worst")
    print_table([_row(each, several) for each in scores], header=header)
    if uncertainty is not None:
        click.echo("\nthe spread and the error\n")
        print_table(uncertainty.rows, header=uncertainty.header)


def print_cost(evaluation: Evaluation) -> None:
    """Print the times of the model and of the exact solver, where they were measured.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    """
    cost = evaluation.cost
    if cost is None:
        return
    click.echo(f"\ncost on this machine ({cost.processors} processors, times of one)\n")
    print_table(cost.rows, header=cost.header)
    click.echo("\n" + textwrap.fill(cost.summary, 100))


def print_groups(by: str, groups: list[Group]) -> None:
    """Print the mean metrics of each group of systems, in physical units.

    Parameters
    ----------
    by : str
        The number that they are grouped by.
    groups : list of Group
        By ascending value.
    """
    rows = [
        (
            f"{format_number(group.low)} to {format_number(group.high)}",
            str(group.n_systems),
            *map(format_number, group.means.values()),
        )
        for group in groups
    ]
    click.echo()
    print_table(rows, header=(by, "systems", *(groups[0].means if groups else ())))


def print_ranking(evaluations: Mapping[str, Evaluation], space: str) -> None:
    """Print several runs side by side.

    Parameters
    ----------
    evaluations : mapping of str to Evaluation
        Name of the run -> what was found, best first.
    space : str
        ``"physical"`` or ``"scaled"``.
    """
    first = next(iter(evaluations.values()))
    scores = [each for each in first.scores if each.space == space]
    several = len({each.field for each in scores}) > 1
    rows = [
        (
            name,
            *(format_number(found.score(each.metric, each.field, space).value) for each in scores),
        )
        for name, found in evaluations.items()
    ]
    print_table(rows, header=("run", *(_title(each, several) for each in scores)))


def _title(score: Score, several: bool) -> str:
    """Return the metric's name, with the field where there are several."""
    return f"{score.title} of {score.field}" if several else score.title


def _row(score: Score, several: bool) -> tuple[str, ...]:
    """Return a line of the table."""
    interval = "" if score.interval is None else " to ".join(map(format_number, score.interval))
    systems = score.systems
    return (
        _title(score, several),
        score.unit or "-",
        format_number(score.value),
        interval,
        format_number(score.baseline),
        format_number(systems["quantiles"]["0.5"]) if "quantiles" in systems else "",
        format_number(systems["worst"][0]["value"]) if "worst" in systems else "",
    )
