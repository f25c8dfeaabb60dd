"""``keras-qd evaluate``: how good a trained model is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_qd.cli.format import format_number
from keras_qd.cli.options import as_json, backend, print_json, print_table, seed

if TYPE_CHECKING:
    from keras_qd.evaluation import Evaluation, Score

#: Left edge of the words for the table's columns.
HEADER = ("metric", "unit", "value", "95 % interval", "mean image", "median", "worst")


@click.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    default="test",
    show_default=True,
    help="Which systems.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
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
@click.option("--predictions", is_flag=True, help="Write predictions.npz, too.")
@seed
@backend
@as_json
def command(
    run: Path,
    split: str,
    data: Path | None,
    batch_size: int,
    scaled: bool,
    predictions: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Judge the trained model of RUN on systems it never saw, and write what was found.

    The seed is that of the bootstrap behind the intervals. "mean image" is what predicting the mean
    of the training split would give: the least that a model has to beat.

    \b
    Examples:
      keras-qd evaluate runs/potential-to-density
      keras-qd evaluate runs/potential-to-density --data wider-dots.zarr --json
    """  # noqa: D301 - click needs the escape itself
    from keras_qd.evaluation import evaluate

    evaluation = evaluate(
        run,
        split,
        data,
        batch_size=batch_size,
        seed=seed,
        keep_predictions=predictions,
    )
    if as_json:
        print_json({"run": str(run), "folder": str(evaluation.folder), **evaluation.summary})
        return
    print_scores(evaluation, "scaled" if scaled else "physical")
    click.echo(f"\nwritten: metrics.json and samples.csv in {evaluation.folder}")


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
    scores = [each for each in evaluation.scores if each.space == space]
    several = len({each.field for each in scores}) > 1
    print_table([_row(each, several) for each in scores], header=HEADER)


def _row(score: Score, several: bool) -> tuple[str, ...]:
    """Return a line of the table; the field is named where there are several."""
    low_high = "" if score.interval is None else " to ".join(map(format_number, score.interval))
    systems = score.systems
    return (
        f"{score.title} of {score.field}" if several else score.title,
        score.unit or "-",
        format_number(score.value),
        low_high,
        format_number(score.baseline),
        format_number(systems["quantiles"]["0.5"]) if "quantiles" in systems else "",
        format_number(systems["worst"][0]["value"]) if "worst" in systems else "",
    )
