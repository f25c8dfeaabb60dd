"""``keras-qd predict``: apply a trained model to fields in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keras_qd.cli.options import (
    COUNT,
    FiniteRange,
    InputPath,
    OutputPath,
    StorePath,
    as_json,
    backend,
    max_gigabytes,
)
from keras_qd.cli.output import counting, echo, print_json, print_table


@click.command("predict")
@click.argument("run", type=InputPath())
@click.argument("inputs", metavar="INPUT", type=StorePath())
@click.option(
    "--out",
    required=True,
    type=OutputPath(),
    help="The .npz file, .npy file or .zarr store to write.",
)
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option(
    "--grey",
    nargs=2,
    type=FiniteRange(),
    metavar="BLACK WHITE",
    help="Values of black and white in images of integers, in the unit of the input field.",
)
@click.option(
    "--symmetries",
    is_flag=True,
    help="Predict the mean over the symmetries of the task, such as the eight of the square.",
)
@click.option(
    "--batch-size",
    type=COUNT,
    default=64,
    show_default=True,
    help="Systems in a batch.",
)
@backend
@max_gigabytes
@as_json
def command(
    run: Path,
    inputs: Path | str,
    out: Path,
    force: bool,
    grey: tuple[float, float] | None,
    symmetries: bool,
    batch_size: int,
    as_json: bool,
) -> None:
    """Apply the trained model of RUN to the fields in INPUT.

    INPUT is a .npy file with the input field, a .npz file with arrays named after the fields, an
    image or a folder of images, or a stored data set; in physical units, samples along the first
    axis. The predicted fields are written to OUT in physical units. Neither has to fit into memory.
    To resume an interrupted prediction into a store, run the same command again.

    Images of floats contain physical values. Images of integers are read linearly from black (0) to
    white (255 or 65535), whose values --grey gives; a model that was trained on such images does
    not need --grey. The images of a folder are taken in the order of their names.

    \b
    Examples:
      keras-qd predict runs/potential-to-density potentials.npy --out densities.npz
      keras-qd predict runs/potential-to-density scans/ --grey -6 0 --out densities.zarr
    """
    from keras_qd.prediction.files import check_output, predict_file

    check_output(out, force)
    with counting("predicting", "systems") as count:
        written = predict_file(
            run,
            inputs,
            out,
            grey=grey,
            batch_size=batch_size,
            symmetries=symmetries,
            force=force,
            progress=count,
        )
    found: list[dict[str, Any]] = [
        {
            "field": name,
            "shape": [written.n_samples, *field.shape],
            "type": field.dtype,
            "unit": field.unit or "-",
        }
        for name, field in written.fields.items()
    ]
    if as_json:
        print_json({"out": str(out), "fields": found})
        return
    rows = [(each["field"], str(each["shape"]), each["type"], each["unit"]) for each in found]
    print_table(rows, header=("field", "shape", "type", "unit"))
    echo(f"\nwritten: {out}")
