"""``keras-qd evaluate`` and ``report``: how good a trained model is, printed and as a page."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd.cli.options import (
    COUNT,
    MOST,
    InputPath,
    OutputPath,
    StorePath,
    as_json,
    backend,
    seed,
)
from keras_qd.cli.output import echo, format_number, print_json, print_table
from keras_qd.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.scores import Score
    from keras_qd.evaluation.tables import Group


@click.command("evaluate")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=InputPath())
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    default="test",
    show_default=True,
    help="Split to evaluate on.",
)
@click.option(
    "--data",
    type=StorePath(),
    help="Evaluate on another stored data set, for example outside the training distribution.",
)
@click.option(
    "--ensemble", is_flag=True, help="Evaluate the mean prediction of all runs as one model."
)
@click.option(
    "--dropout-draws",
    metavar="N",
    type=click.IntRange(2, MOST),
    help="Predict N times with dropout on; evaluate the mean, and the spread as uncertainty.",
)
@click.option(
    "--symmetries",
    metavar="N",
    type=COUNT,
    default=1,
    show_default=True,
    help="Evaluate the mean over N symmetries of the task: up to 8 for images, 2 for lines.",
)
@click.option(
    "--metric",
    "metrics",
    metavar="NAME",
    multiple=True,
    help="An additional metric; may be repeated.",
)
@click.option(
    "--batch-size",
    type=COUNT,
    default=64,
    show_default=True,
    help="Systems per batch.",
)
@click.option("--scaled", is_flag=True, help="Print values in the scaled units of the network.")
@click.option(
    "--by", metavar="FIELD", help="Group the systems by a number, such as gap, or a parameter."
)
@click.option("--sort", metavar="METRIC", help="Metric that ranks several runs.  [the first]")
@click.option(
    "--table",
    type=OutputPath(file=True),
    help="Also write the values of each system to this .csv or .parquet file.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print the values of each system as CSV.")
@click.option("--predictions", is_flag=True, help="Also write predictions.npz.")
@click.option("--skip-cost", is_flag=True, help="Do not time the model against the exact solver.")
@seed
@backend
@as_json
def evaluate_command(
    runs: tuple[Path, ...],
    by: str | None,
    sort: str | None,
    scaled: bool,
    table: Path | None,
    as_csv: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Evaluate the trained model of RUN on systems that it was not trained on.

    Several runs are ranked if they are evaluated on the same systems; with --ensemble their mean is
    evaluated as one prediction. The seed is used by the bootstrap of the intervals and by dropout.
    The column "mean image", "mean" or "most frequent class" is the trivial baseline: the same
    prediction for every system, taken from the training split.

    \b
    Examples:
      keras-qd evaluate runs/potential-to-density --by gap
      keras-qd evaluate runs/potential-to-density --data wider-dots.zarr --json
      keras-qd evaluate runs/first runs/second --sort r2
      keras-qd evaluate runs/first runs/second runs/third --ensemble
      keras-qd evaluate runs/with-dropout --dropout-draws 20
      keras-qd evaluate runs/potential-to-density --symmetries 8
    """
    several = len(runs) > 1 and not settings["ensemble"]
    _require_several(runs, settings["ensemble"])
    _require_one(several, {"--by": by, "--table": table, "--csv": as_csv})
    if as_csv and as_json:
        raise UsageError("--csv and --json are both given; choose one output format")
    if table is not None:
        from keras_qd.evaluation.result import check_table_path

        check_table_path(table)
    if by is not None:
        _check_column(runs[0], settings, by)
    _check_runs(runs, sort, settings["metrics"])
    reported = [run for run in runs if (run / "report.html").exists()]
    evaluations = _evaluate(runs, **settings)
    for run in reported:
        _write_again(run)
    space = "scaled" if scaled else "physical"
    if several:
        _show_ranking(evaluations, sort, space, as_json)
        return
    name, evaluation = next(iter(evaluations.items()))
    if table is not None:
        from keras_qd.evaluation.result import write_table

        write_table(table, evaluation.samples)
    if as_csv:
        from keras_qd.evaluation.result import print_csv

        table_text = io.StringIO()
        print_csv(evaluation.samples, table_text)
        echo(table_text.getvalue(), nl=False)
    else:
        _show(name, evaluation, by, space, as_json)


def _require_several(runs: tuple[Path, ...], ensemble: bool) -> None:
    if ensemble and len(runs) < 2:
        raise UsageError(f"--ensemble needs at least two runs, got {len(runs)}")


def _require_one(several: bool, given: dict[str, Any]) -> None:
    """Refuse options that apply to a single run where several are given."""
    asked = [option for option, value in given.items() if value]
    if several and asked:
        raise UsageError(f"{asked[0]} applies to one run; give a single run, or --ensemble")


def _check_runs(runs: tuple[Path, ...], sort: str | None, metrics: tuple[str, ...]) -> None:
    """Raise unless all are runs with the metric to sort by, before any is evaluated."""
    from keras_qd.training.run import Run

    for run in runs:
        task = Run.open(run).task
        known = [*task.metric_names, *metrics]
        if sort is not None and sort not in known:
            raise UnknownNameError("metric to sort by", sort, known)


def _write_again(run: Path) -> None:
    """Write the report of a run again, which showed the numbers of an earlier evaluation."""
    from keras_qd.report.report import write_report

    write_report(run)
    echo(f"updated: {run / 'report.html'}", err=True)


def _check_column(run: Path, settings: dict[str, Any], by: str) -> None:
    """Raise unless the systems can be grouped by a column, before they are evaluated."""
    from keras_qd.evaluation._evaluate import load_data
    from keras_qd.evaluation.case import Case
    from keras_qd.training.run import Run

    opened = Run.open(run)
    known = Case(opened, load_data(opened, settings["data"]), settings["split"]).columns
    if by not in known:
        raise UnknownNameError("number to group by", by, known)


def _evaluate(
    runs: tuple[Path, ...],
    split: str,
    data: Path | str | None,
    ensemble: bool,
    dropout_draws: int | None,
    predictions: bool,
    skip_cost: bool,
    **settings: Any,
) -> dict[str, Evaluation]:
    """Evaluate each run, or all as one."""
    from keras_qd.evaluation._evaluate import evaluate

    settings |= {
        "dropout_draws": dropout_draws or 0,
        "keep_predictions": predictions,
        "cost": not skip_cost,
    }
    if ensemble:
        return {", ".join(map(str, runs)): evaluate(runs, split, data, **settings)}
    return {str(run): evaluate(run, split, data, **settings) for run in runs}


def _show(name: str, evaluation: Evaluation, by: str | None, space: str, as_json: bool) -> None:
    """Print the evaluation of one run or ensemble."""
    from keras_qd.evaluation.tables import group_by

    groups = [] if by is None else group_by(evaluation, by)
    if as_json:
        print_json({**_summary(name, evaluation), "groups": [asdict(group) for group in groups]})
        return
    print_scores(evaluation, space)
    if by is not None:
        _print_groups(by, groups)
    print_cost(evaluation)
    echo(f"\nwritten: metrics.json and samples.csv in {evaluation.folder}")


def _show_ranking(
    evaluations: dict[str, Evaluation], sort: str | None, space: str, as_json: bool
) -> None:
    """Print several runs, best first."""
    from keras_qd.evaluation.tables import rank_runs

    order = rank_runs(evaluations, sort)
    if as_json:
        print_json([_summary(name, evaluations[name]) for name in order])
    else:
        _print_ranking({name: evaluations[name] for name in order}, space)


def _summary(name: str, evaluation: Evaluation) -> dict[str, Any]:
    return {"run": name, "folder": str(evaluation.folder), **evaluation.summary}


def print_scores(evaluation: Evaluation, space: str = "physical") -> None:
    """Print the scores of an evaluation in ``"physical"`` or ``"scaled"`` units."""
    data, uncertainty = evaluation.data, evaluation.uncertainty
    whose = "" if data["own"] else " of a data set that the model was not trained on"
    mean = "" if uncertainty is None else f", mean of {uncertainty.source}"
    echo(f"{data['n_samples']} systems of the {data['split']} split{whose}{mean}\n")
    if data["notice"]:
        echo(f"note: {data['notice']}\n")
    _print_verdict(evaluation)
    scores = [each for each in evaluation.scores if each.space == space]
    several = len({each.field for each in scores}) > 1
    header = ("metric", "unit", "value", "95 % interval", data["baseline"], "median", "worst")
    print_table([_row(each, several) for each in scores], header=header)
    _print_decided(evaluation)
    if uncertainty is not None:
        echo("\nspread and error\n")
        print_table(uncertainty.rows, header=uncertainty.header)


def _print_decided(evaluation: Evaluation) -> None:
    """Print the error of decided and undecided systems, where the data set knows them."""
    from keras_qd.evaluation.tables import decision_rows

    header, rows = decision_rows(evaluation)
    if rows:
        echo()
        print_table(rows, header=header)


def _print_verdict(evaluation: Evaluation) -> None:
    """Print the sentence to quote, what is worse than the trivial baseline, and idle opponents."""
    echo(textwrap.fill(f"{evaluation.verdict[:1].upper()}{evaluation.verdict[1:]}.", 100) + "\n")
    if evaluation.warning:
        echo(textwrap.fill(f"WARNING: {evaluation.warning}.", 100) + "\n")
    if evaluation.data.get("adversary"):
        echo(textwrap.fill(f"note: {evaluation.data['adversary']}.", 100) + "\n")


def print_cost(evaluation: Evaluation) -> None:
    """Print the times of the model and of the exact solver, where they were measured."""
    cost = evaluation.cost
    if cost is None:
        return
    echo(f"\ncost on this machine ({cost.processors} processors, times of one)\n")
    print_table(cost.rows, header=cost.header)
    echo("\n" + textwrap.fill(cost.summary, 100))


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
    echo()
    print_table(rows, header=(by, "systems", *(groups[0].means if groups else ())))


def _print_ranking(evaluations: Mapping[str, Evaluation], space: str) -> None:
    """Print several evaluations by the name of the run, best first."""
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
    """Return the row of a score."""
    interval = "" if score.interval is None else " to ".join(map(format_number, score.interval))
    systems, single = score.systems, score.typical
    return (
        _title(score, several),
        score.unit or "-",
        format_number(score.value),
        interval,
        "-" if math.isnan(score.baseline) else format_number(score.baseline),
        format_number(systems["quantiles"]["0.5"]) if single and "quantiles" in systems else "",
        format_number(systems["worst"][0]["value"]) if single and "worst" in systems else "",
    )


@click.command("report")
@click.argument("run", type=InputPath())
@click.option(
    "--beside",
    metavar="RUN",
    multiple=True,
    type=InputPath(),
    help="Another run, whose scores on the same systems are listed too; may be repeated.",
)
@backend
@as_json
def report_command(run: Path, beside: tuple[Path, ...], as_json: bool) -> None:
    """Write the report of RUN: figures, and one self-contained HTML file.

    A run without an evaluation is evaluated first. An earlier report is replaced.

    \b
    Examples:
      keras-qd report runs/potential-to-density
      keras-qd report runs/demo --beside runs/demo-unet
    """
    from keras_qd.report.report import write_report

    path = write_report(run, beside)
    if as_json:
        print_json({"run": str(run), "report": str(path)})
    else:
        echo(str(path))
