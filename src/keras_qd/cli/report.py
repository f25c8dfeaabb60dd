"""``keras-qd report``: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from keras_qd.cli.options import as_json, backend, print_json


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@backend
@as_json
def command(run: Path, as_json: bool) -> None:
    """Write the figures and the report of RUN: one self-contained HTML file.

    A run without evaluation is evaluated first. An earlier report is replaced.

    \b
    Examples:
      keras-qd report runs/potential-to-density
    """
    from keras_qd.report.report import write_report

    path = write_report(run)
    if as_json:
        print_json({"run": str(run), "report": str(path)})
    else:
        click.echo(str(path))
