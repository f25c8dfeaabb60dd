"""``keras-qd export``: write a trained model for other programs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from keras_qd.cli.options import InputPath, OutputPath, as_json, backend
from keras_qd.cli.output import echo, print_json, print_table
from keras_qd.export.formats import FORMATS


@click.command("export")
@click.argument("run", type=InputPath())
@click.option(
    "--format",
    "name",
    required=True,
    metavar="FORMAT",
    help=f"One of {', '.join(FORMATS)}.",
)
@click.option(
    "--out",
    required=True,
    type=OutputPath(),
    help="The folder to write: the exported file, MODEL_CARD.md and example.npz.",
)
@click.option("--force", is_flag=True, help="Replace the folder if it exists.")
@backend
@as_json
def command(run: Path, name: str, out: Path, force: bool, as_json: bool) -> None:
    """Export the trained model of RUN, with physical units in and out.

    Before the exported file is kept, it is run by the program it is meant for and compared with the
    model. The formats depend on the backend, but any run can be loaded on any backend.

    \b
    Examples:
      keras-qd export runs/potential-to-density --format onnx --out exported
      keras-qd export runs/potential-to-density --backend torch --format torch --out exported
    """
    from keras_qd.export._export import export_model

    exported = export_model(run, out, name, force=force)
    if as_json:
        print_json(asdict(exported))
        return
    rows = [
        (direction, port.name, str(["n", *port.shape]).replace("'", ""), port.unit or "-")
        for direction, ports in (("in", exported.inputs), ("out", exported.outputs))
        for port in ports
    ]
    print_table(rows, header=("", "name", "shape", "unit"))
    echo(f"\nverified: differs by {exported.difference:.1e} of the largest value")
    echo(f"written: {exported.path}, {exported.card.name}")
