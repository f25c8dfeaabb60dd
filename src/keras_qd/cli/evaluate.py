"""``keras-qd evaluate``: how good a trained model is, or which of several is best."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd.cli.format import format_number
from keras_qd.cli.options import StorePath, as_json, backend, print_json, print_table, seed
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.evaluation import Evaluation, Score
    from keras_qd.evaluation.grouping import Group


@click.command("evaluate")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    default="test",
    show_default=True,
    help="Which systems.",
)
@click.option(
    "--data",
    type=StorePath(),
    help="Another stored data set, to see how the model does beyond what it was trained on.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Systems that go through the model at a time.",
)
@click.option("--scaled", is_flag=True, help="Print values as the network sees them.")
@click.option("--by", metavar="FIELD", help="Group the systems by a number, such as gap.")
@click.option("--sort", metavar="METRIC", help="What ranks several runs; the first by default.")
@click.option("--predictions", is_flag=True, help="Write predictions.npz, too.")
@seed
@backend
@as_json
def command(
    runs: tuple[Path, ...],
    split: str,
    data: Path | str | None,
    batch_size: int,
    scaled: bool,
    by: str | None,
    sort: str | None,
    predictions: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Judge the trained model of RUN on systems it never saw, and write what was found.

    Several runs are ranked, if they are judged on the same systems. The seed is that of the
    bootstrap behind the intervals. "mean image", "mean" or "most frequent class" is what predicting
    that of the training split would give: the least that a model has to beat.

    \b
    Examples:
      keras-qd evaluate runs/potential-to-density --by gap
      keras-qd evaluate runs/potential-to-density --data wider-dots.zarr --json
      keras-qd evaluate runs/first runs/second --sort r2
    """
    if len(runs) > 1 and by is not None:
        raise UsageError("--by groups the systems of one run; give one run")
    from keras_qd.evaluation import evaluate

    evaluations = {
        str(run): evaluate(
            run, split, data, batch_size=batch_size, seed=seed, keep_predictions=predictions
        )
        for run in runs
    }
    space = "scaled" if scaled else "physical"
    if len(evaluations) > 1:
        _show_ranking(evaluations, sort, space, as_json)
    else:
        name, evaluation = next(iter(evaluations.items()))
        _show(name, evaluation, by, space, as_json)


def _show(name: str, evaluation: Evaluation, by: str | None, space: str, as_json: bool) -> None:
    """Print what was found for one run."""
    from keras_qd.evaluation.grouping import group_by

    groups = [] if by is None else group_by(evaluation, by)
    if as_json:
        found: dict[str, Any] = {**_summary(name, evaluation)}
        print_json({**found, "groups": [asdict(group) for group in groups]})
        return
    print_scores(evaluation, space)
    if by is not None:
        _print_groups(by, groups)
    click.echo(f"\nwritten: metrics.json and samples.csv in {evaluation.folder}")


def _show_ranking(
    evaluations: dict[str, Evaluation], sort: str | None, space: str, as_json: bool
) -> None:
    """Print several runs, best first."""
    from keras_qd.evaluation.leaderboard import rank_runs

    order = rank_runs(evaluations, sort)
    if as_json:
        print_json([_summary(name, evaluations[name]) for name in order])
        return
    scores = [each for each in evaluations[order[0]].scores if each.space == space]
    several = len({each.field for each in scores}) > 1
    rows = [
        (
            name,
            *(
                format_number(evaluations[name].score(each.metric, each.field, space).value)
                for each in scores
            ),
        )
        for name in order
    ]
    print_table(rows, header=("run", *(_title(each, several) for each in scores)))


def _summary(name: str, evaluation: Evaluation) -> dict[str, Any]:
    return {"run": name, "folder": str(evaluation.folder), **evaluation.summary}


def _print_groups(by: str, groups: list[Group]) -> None:
    """Print the mean metrics of each group of systems, in physical units."""
    rows = [
        (
            f"{format_number(group.low)} to {format_number(group.high)}",
            str(group.n_systems),
            *map(format_number, group.means.values()),
        )
        for group in groups
    ]
    click.echo()
    print_table(rows, header=(by, "systems", *groups[0].means))


def print_scores(evaluation: Evaluation, space: str = "physical") -> None:
    """Print the scores of an evaluation as a table.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    space : str
        ``"physical"`` or ``"scaled"``.
    """
    data = evaluation.data
    whose = "" if data["own"] else " of other data than the model was trained on"
    click.echo(f"{data['n_samples']} systems of the {data['split']} split{whose}\n")
    if data["notice"]:
        click.echo(f"mind: {data['notice']}\n")
    scores = [each for each in evaluation.scores if each.space == space]
    several = len({each.field for each in scores}) > 1
    header = ("metric", "unit", "value", "95 % interval", data["baseline"], "median", "worst")
    print_table([_row(each, several) for each in scores], header=header)


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
