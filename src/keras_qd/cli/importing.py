"""``keras-qd import`` and ``prepare``: existing arrays and images as stored data sets."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from keras_qd.cli.generate import summary
from keras_qd.cli.options import LENGTH, InputPath, OutputPath, as_json, max_gigabytes, seed
from keras_qd.cli.output import counting, echo, print_json, print_next
from keras_qd.errors import UsageError

#: Click keeps the lines of a paragraph that begins with a backspace.
_IMPORT_EXAMPLES = """\b
Examples:
  keras-qd import V.db density.db E.db --out wells.zarr --length 10
  keras-qd import dots.h5 --out dots.zarr --field potential=run1/V --skip x
"""
_PREPARE_EXAMPLES = """\b
Examples:
  keras-qd prepare maps --out maps.zarr
  keras-qd prepare --a edges --b photos --resize 286 --crop 256 --out shoes.zarr
  keras-qd train image-to-image --data maps.zarr
"""


def _pairs(
    context: click.Context, option: click.Parameter, values: Sequence[str]
) -> dict[str, str]:
    """Read ``NAME=TEXT`` pairs."""
    pairs = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not name or not equals:
            raise UsageError(f"{option.opts[0]} takes {option.metavar}; got {value!r}")
        pairs[name] = text
    return pairs


@click.command("import", epilog=_IMPORT_EXAMPLES)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=InputPath())
@click.option("--out", type=OutputPath(), required=True, help="The store to write.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    callback=_pairs,
    metavar="NAME=ARRAY",
    help="Name an array: ARRAY is its name in a file, FILE:ARRAY, or the name of a file with a "
    "single array. V is the potential and E the energy; others keep their names. May be "
    "repeated, like --skip, --unit and --meaning.",
)
@click.option("--skip", multiple=True, metavar="ARRAY", help="Omit an array.")
@click.option(
    "--unit", multiple=True, callback=_pairs, metavar="FIELD=UNIT", help="Unit of a field."
)
@click.option(
    "--meaning", multiple=True, callback=_pairs, metavar="FIELD=TEXT", help="Meaning of a field."
)
@click.option(
    "--length",
    type=LENGTH,
    help="Side of the box, or length of the line, in a0*; some metrics need it.",
)
@click.option(
    "--identity",
    metavar="FIELD",
    help="Samples that are equal in this field go to the same split.  "
    "[potential, or the first field]",
)
@max_gigabytes
@as_json
def import_command(
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

    FILE is a .npy, .npz or HDF5 file, a Zarr directory, or a pickle of a NumPy array, from which
    nothing but the array is loaded; samples are along the first axis. All errors are reported at
    once. To resume an interrupted import, run the same command again.
    """
    from keras_qd.data.importing import FieldNames, import_files

    names = FieldNames(named=fields, skipped=skip, units=unit, meanings=meaning)
    with counting("importing", "samples") as count:
        store = import_files(files, out, names, identity=identity, length=length, progress=count)
    if as_json:
        print_json(summary(store))
        return
    echo(f"{store.path}: {store.n_samples} samples of {', '.join(store.fields)}")
    look = ("keras-qd", "inspect", store.path)
    if set(store.fields) == {"potential"}:  # nothing to learn from potentials alone
        print_next(look, ("keras-qd", "solve", store.path, "--out", "solved.zarr"))
    else:
        print_next(look, ("keras-qd", "list", "tasks"))
        echo(f"and train a task on it with: --data {shlex.quote(str(store.path))}")


def _size(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Read ``256`` or ``192x256`` as (ny, nx)."""
    if value is None:
        return None
    parts = value.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise UsageError(f"{option.opts[0]} takes a size such as 256 or 192x256; got {value!r}")
    return int(parts[0]), int(parts[-1])


@click.command("prepare", epilog=_PREPARE_EXAMPLES)
@click.argument("folder", required=False, type=InputPath())
@click.option("--a", type=InputPath(), help="Folder of images A, instead of FOLDER.")
@click.option("--b", type=InputPath(), help="Folder of images B, instead of FOLDER.")
@click.option("--out", type=OutputPath(), required=True, help="The store to write.")
@click.option(
    "--direction",
    type=click.Choice(["a-to-b", "b-to-a"]),
    default="a-to-b",
    show_default=True,
    help="Direction of the map.",
)
@click.option(
    "--resize", callback=_size, metavar="SIZE", help="Resize all images, such as to 256 or 192x256."
)
@click.option(
    "--crop", callback=_size, metavar="SIZE", help="Then crop to this size at a random position."
)
@seed
@max_gigabytes
@as_json
def prepare_command(
    folder: Path | None,
    a: Path | None,
    b: Path | None,
    out: Path,
    direction: str,
    resize: tuple[int, int] | None,
    crop: tuple[int, int] | None,
    seed: int,
    as_json: bool,
) -> None:
    """Prepare the pairs of images in FOLDER as a data set.

    FOLDER contains images with A on the left and B on the right, or folders A and B with files of
    the same names. Subfolders train, val and test define the splits; otherwise a tenth of the pairs
    is for validation and a tenth for tests. Grey and RGB images of 8 or 16 bits or floats keep
    their type. All errors are reported at once. Training scales to [-1, 1], and enlarges, crops and
    mirrors both images alike. To resume after an interruption, run the same command again.
    """
    if (folder is None) == (a is None or b is None):
        raise UsageError("give either one FOLDER, or two with --a and --b")
    from keras_qd.data.image_pairs import prepare_pairs

    with counting("preparing", "pairs") as count:
        store = prepare_pairs(
            out,
            folder,
            a=a,
            b=b,
            direction=direction,
            resize=resize,
            crop=crop,
            seed=seed,
            progress=count,
        )
    if as_json:
        print_json(summary(store))
        return
    shapes = [" x ".join(map(str, field.shape)) for field in store.fields.values()]
    echo(f"{store.path}: {store.n_samples} pairs, {' to '.join(shapes)}")
    print_next(
        ("keras-qd", "inspect", store.path, "--figure", "pairs.png"),
        ("keras-qd", "train", "image-to-image", "--data", store.path),
    )
