"""``keras-qd predict``: apply a trained model to fields in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from keras_qd.cli.format import format_number
from keras_qd.cli.options import as_json, backend, print_json, print_table
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.training.run import Run


@click.command("predict")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="INPUT", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The .npz file to write."
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Systems that go through the model at a time.",
)
@backend
@as_json
def command(
    run: Path, inputs: Path, out: Path, force: bool, batch_size: int, as_json: bool
) -> None:
    """Apply the trained model of RUN to the fields in INPUT.

    INPUT is a .npy file with the input field, a .npz file with arrays by the fields' names, or the
    directory of a stored data set; in physical units, samples along the first axis. OUT gets the
    predicted fields by name, in physical units.

    \b
    Examples:
      keras-qd predict runs/potential-to-density potentials.npy --out densities.npz
    """
    _check_output(out, force)
    from keras_qd.evaluation import predict
    from keras_qd.evaluation.reading import read_fields
    from keras_qd.training.run import Run

    opened = Run.open(run)
    fields = read_fields(inputs, list(opened.pipeline().inputs))
    prediction = predict(opened, fields, batch_size=batch_size)
    _write(out, prediction)
    summary = [_summary(opened, name, values) for name, values in prediction.items()]
    if as_json:
        print_json({"out": str(out), "fields": summary})
        return
    rows = [(each["field"], str(each["shape"]), each["range"], each["unit"]) for each in summary]
    print_table(rows, header=("field", "shape", "range", "unit"))
    click.echo(f"\nwritten: {out}")


def _check_output(out: Path, force: bool) -> None:
    if out.suffix != ".npz":
        raise UsageError(f"--out must name a .npz file, got {out}")
    if out.exists() and not force:
        raise UsageError(f"{out} exists already; choose another name, or replace it with --force")


def _write(out: Path, prediction: dict[str, Any]) -> None:
    """Write the predicted fields, whole or not at all."""
    from keras_qd.files import replacing

    with replacing(out) as temporary:
        np.savez(temporary, **prediction)


def _summary(run: Run, name: str, values: Any) -> dict[str, Any]:
    low, high = (format_number(float(end)) for end in (values.min(), values.max()))
    return {
        "field": name,
        "shape": list(values.shape),
        "range": f"{low} to {high}",
        "unit": run.config["fields"].get(name, {}).get("unit") or "-",
    }
