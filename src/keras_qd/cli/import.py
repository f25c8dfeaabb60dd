"""``keras-qd import``: arrays that others have made, into a stored data set."""  # noqa: N999 - the verb

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from keras_qd.cli.generate import summary
from keras_qd.cli.options import as_json, print_json
from keras_qd.errors import UsageError

#: Click leaves a paragraph that begins with a backspace as it is.
_EXAMPLES = """\b
Examples:
  keras-qd import V.db density.db E.db --out wells.zarr --length 10 \\
      --field potential=V.db --field energy=E.db --unit potential=Ha*
  keras-qd import dots.h5 --out dots.zarr --field potential=run1/V --skip x
"""


def _pairs(
    context: click.Context, option: click.Parameter, values: Sequence[str]
) -> dict[str, str]:
    pairs = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not name or not equals:
            raise UsageError(f"--{option.name} takes NAME=TEXT; got {value!r}")
        pairs[name] = text
    return pairs


@click.command("import", epilog=_EXAMPLES)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where to.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    callback=_pairs,
    metavar="NAME=ARRAY",
    help="Call an array NAME: the array in a file by its name or as FILE:ARRAY, or the only one in "
    "a file by the file's name. Others keep their names. May be repeated, as all below.",
)
@click.option("--skip", multiple=True, metavar="ARRAY", help="Leave an array out.")
@click.option(
    "--unit", multiple=True, callback=_pairs, metavar="FIELD=UNIT", help="Unit of a field."
)
@click.option(
    "--meaning", multiple=True, callback=_pairs, metavar="FIELD=TEXT", help="What a field is."
)
@click.option(
    "--length", type=float, help="Side of the box, or length of the line, in a0*, for metrics."
)
@click.option(
    "--identity",
    metavar="FIELD",
    help="The field that the others follow from: samples equal in it stay in one split.  "
    "[potential, or the first one]",
)
@as_json
def command(
    files: tuple[Path, ...],
    out: Path,
    fields: dict[str, str],
    skip: tuple[str, ...],
    unit: dict[str, str],
    meaning: dict[str, str],
    length: float | None,
    identity: str | None,
    as_json: bool,
) -> None:
    """Import arrays from FILE... into a stored data set.

    FILE is a .npy, .npz or HDF5 file, a Zarr directory, or a pickle of a NumPy array, which is read
    without unpickling anything; samples along the first axis. All that is wrong is told at once.
    Stopped at any moment, the same command goes on where it was.
    """
    from keras_qd.cli.progress import counting
    from keras_qd.data.importing import FieldNames, import_files

    names = FieldNames(named=fields, skipped=skip, units=unit, meanings=meaning)
    with counting("importing", "samples") as count:
        store = import_files(files, out, names, identity=identity, length=length, progress=count)
    if as_json:
        print_json(summary(store))
        return
    click.echo(f"{store.path}: {store.n_samples} samples of {', '.join(store.fields)}\n\nnext:")
    click.echo(f"  keras-qd inspect {store.path}\n  keras-qd train TASK --data {store.path}")
