"""``keras-qd predict``: apply a trained model to fields in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keras_qd.cli.options import (
    COUNT,
    FiniteRange,
    OutputPath,
    StorePath,
    as_json,
    backend,
    max_gigabytes,
)
from keras_qd.cli.output import counting, echo, print_json, print_table
from keras_qd.errors import UsageError
from keras_qd.registry import components


@click.command("predict")
@click.argument("paths", metavar="[RUN] INPUT", nargs=-1, required=True, type=StorePath())
@click.option("--model", metavar="NAME", help="A pretrained network, instead of RUN.")
@click.option("--electrons", type=click.IntRange(1), help="With --model: number of electrons.")
@click.option("--strength", type=FiniteRange(0), help="With --model: factor on the interaction.")
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
    help="Values of black and white in integer images, in the unit of the input field.",
)
@click.option(
    "--symmetries",
    metavar="N",
    type=COUNT,
    default=1,
    show_default=True,
    help="Predict the mean over N symmetries of the task: up to 8 for images, 2 for lines.",
)
@click.option(
    "--uncertainty",
    is_flag=True,
    help="Predict the mean over all, and how wrong each map is expected to be, as FIELD_error.",
)
@click.option(
    "--batch-size",
    type=COUNT,
    default=64,
    show_default=True,
    help="Systems per batch.",
)
@backend
@max_gigabytes
@as_json
def command(
    paths: tuple[Path | str, ...],
    model: str | None,
    electrons: int | None,
    strength: float | None,
    out: Path,
    force: bool,
    grey: tuple[float, float] | None,
    symmetries: int,
    uncertainty: bool,
    batch_size: int,
    as_json: bool,
) -> None:
    """Apply the trained model of RUN, or a pretrained one, to the fields in INPUT.

    INPUT is a .npy file with the input field, a .npz file with arrays named after the fields, an
    image or a folder of images, or a stored data set; in physical units, samples along the first
    axis. The predicted fields are written to OUT in physical units. Neither has to fit into memory.
    To resume an interrupted prediction into a store, run the same command again.

    Images of floats contain physical values. Integers are scaled linearly from black (0) to white
    (255 or 65535), whose values --grey sets; a model that was trained on such images does not need
    --grey. The images in a folder are read in the order of their names.

    \b
    Examples:
      keras-qd predict runs/potential-to-density potentials.npy --out densities.npz
      keras-qd predict runs/potential-to-density scans/ --grey -6 0 --out densities.zarr
      keras-qd predict --model potential-to-density dots.npy --electrons 3 --out three.npz
    """
    run, inputs = _what_on_what(paths, model)
    numbers = {"n_electrons": electrons, "strength": strength}
    given = {name: float(each) for name, each in numbers.items() if each is not None}
    if given and model is None:
        raise UsageError("--electrons and --strength are for a pretrained network; give --model")
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
            uncertainty=uncertainty,
            force=force,
            numbers=given,
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


def _what_on_what(paths: tuple[Path | str, ...], model: str | None) -> tuple[Any, Path | str]:
    """Return a run's directory or a pretrained network, and the input."""
    if len(paths) != (2 if model is None else 1):
        raise UsageError(
            f"got {len(paths)} paths; give RUN and INPUT, or with --model NAME only INPUT"
        )
    if model is None:
        return Path(paths[0]), paths[1]
    return components("pretrained").get(model), paths[0]
