"""``keras-qd evaluate``: how good a trained model is, or which of several is best."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd.cli.options import StorePath, as_json, backend, print_json, seed
from keras_qd.cli.verdicts import print_cost, print_groups, print_ranking, print_scores
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation


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
    help="Another stored data set than that of the run.",
)
@click.option("--ensemble", is_flag=True, help="Evaluate the mean prediction of all runs.")
@click.option(
    "--dropout-draws",
    metavar="N",
    type=click.IntRange(min=2),
    help="Predict N times with dropout on; evaluate the mean and the spread.",
)
@click.option(
    "--symmetries",
    is_flag=True,
    help="Average over the symmetries of the task, such as the eight of the square.",
)
@click.option("--metric", "metrics", metavar="NAME", multiple=True, help="An additional metric.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Systems per batch.",
)
@click.option("--scaled", is_flag=True, help="Print values as the network sees them.")
@click.option(
    "--by", metavar="FIELD", help="Group the systems by a number, such as gap, or a parameter."
)
@click.option("--sort", metavar="METRIC", help="What ranks several runs; the first by default.")
@click.option(
    "--table",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the table of the single systems here, too: a .csv or .parquet file.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print the table of the single systems as CSV.")
@click.option("--predictions", is_flag=True, help="Write predictions.npz, too.")
@click.option("--skip-cost", is_flag=True, help="Do not time the model and the exact solver.")
@seed
@backend
@as_json
def command(
    runs: tuple[Path, ...],
    by: str | None,
    sort: str | None,
    scaled: bool,
    table: Path | None,
    as_csv: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Evaluate the trained model of RUN on systems it was not trained on, and write the result.

    Several runs are ranked, if they are evaluated on the same systems; with --ensemble, their mean
    prediction is evaluated. The seed is that of the bootstrap behind the intervals, and of the
    dropout. The column "mean image", "mean" or "most frequent class" is the score of predicting
    that of the training split for every system, which a model has to beat.

    \b
    Examples:
      keras-qd evaluate runs/potential-to-density --by gap
      keras-qd evaluate runs/potential-to-density --data wider-dots.zarr --json
      keras-qd evaluate runs/first runs/second --sort r2
      keras-qd evaluate runs/first runs/second runs/third --ensemble
      keras-qd evaluate runs/with-dropout --dropout-draws 20
      keras-qd evaluate runs/potential-to-density --symmetries
    """
    several = len(runs) > 1 and not settings["ensemble"]
    _require_one(several, {"--by": by, "--table": table, "--csv": as_csv})
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other; give one of them")
    if table is not None:
        from keras_qd.evaluation.tables import check_table_path

        check_table_path(table)
    evaluations = _evaluate(runs, **settings)
    space = "scaled" if scaled else "physical"
    if several:
        _show_ranking(evaluations, sort, space, as_json)
        return
    name, evaluation = next(iter(evaluations.items()))
    if table is not None:
        from keras_qd.evaluation.tables import write_table

        write_table(table, evaluation.samples)
    if as_csv:
        from keras_qd.evaluation.tables import print_csv

        print_csv(evaluation.samples, sys.stdout)
    else:
        _show(name, evaluation, by, space, as_json)


def _require_one(several: bool, given: dict[str, Any]) -> None:
    """Raise if an option for the systems of one run is given with several."""
    asked = [option for option, value in given.items() if value]
    if several and asked:
        raise UsageError(f"{asked[0]} needs the systems of one run; give one run, or --ensemble")


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
    """Evaluate each run, or all as an ensemble."""
    from keras_qd.evaluation._evaluate import evaluate

    settings |= {
        "dropout_draws": dropout_draws or 0,
        "keep_predictions": predictions,
        "cost": not skip_cost,
    }
    if ensemble and len(runs) < 2:
        raise UsageError(f"an ensemble needs two runs or more, got {len(runs)}")
    if ensemble:
        return {", ".join(map(str, runs)): evaluate(runs, split, data, **settings)}
    return {str(run): evaluate(run, split, data, **settings) for run in runs}


def _show(name: str, evaluation: Evaluation, by: str | None, space: str, as_json: bool) -> None:
    """Print the result for one run, or for an ensemble."""
    from keras_qd.evaluation.tables import group_by

    groups = [] if by is None else group_by(evaluation, by)
    if as_json:
        print_json({**_summary(name, evaluation), "groups": [asdict(group) for group in groups]})
        return
    print_scores(evaluation, space)
    if by is not None:
        print_groups(by, groups)
    print_cost(evaluation)
    click.echo(f"\nwritten: metrics.json and samples.csv in {evaluation.folder}")


def _show_ranking(
    evaluations: dict[str, Evaluation], sort: str | None, space: str, as_json: bool
) -> None:
    """Print several runs, best first."""
    from keras_qd.evaluation.tables import rank_runs

    order = rank_runs(evaluations, sort)
    if as_json:
        print_json([_summary(name, evaluations[name]) for name in order])
    else:
        print_ranking({name: evaluations[name] for name in order}, space)


def _summary(name: str, evaluation: Evaluation) -> dict[str, Any]:
    return {"run": name, "folder": str(evaluation.folder), **evaluation.summary}
