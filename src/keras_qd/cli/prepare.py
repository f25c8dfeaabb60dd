"""``keras-qd prepare``: pairs of images into a stored data set."""

from __future__ import annotations

from pathlib import Path

import click

from keras_qd.cli.generate import summary
from keras_qd.cli.options import as_json, print_json, seed
from keras_qd.errors import UsageError

#: Click leaves a paragraph that begins with a backspace as it is.
_EXAMPLES = """\b
Examples:
  keras-qd prepare maps --out maps.zarr
  keras-qd prepare --a edges --b photos --resize 286 --crop 256 --out shoes.zarr
  keras-qd train image-to-image --data maps.zarr
"""


def _size(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Read ``256`` or ``192x256`` as (ny, nx)."""
    if value is None:
        return None
    parts = value.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise UsageError(f"--{option.name} takes a size such as 256 or 192x256; got {value!r}")
    return int(parts[0]), int(parts[-1])


@click.command("prepare", epilog=_EXAMPLES)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--a", type=click.Path(path_type=Path), help="Instead of FOLDER: images A.")
@click.option("--b", type=click.Path(path_type=Path), help="Instead of FOLDER: images B.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where to.")
@click.option(
    "--direction",
    type=click.Choice(["a-to-b", "b-to-a"]),
    default="a-to-b",
    show_default=True,
    help="Which of the two is the input.",
)
@click.option(
    "--resize", callback=_size, metavar="SIZE", help="Bring all to this size: 256, or 192x256."
)
@click.option(
    "--crop", callback=_size, metavar="SIZE", help="Then cut this size out at a random place."
)
@seed
@as_json
def command(
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

    FOLDER holds images that show A on the left and B on the right, or folders A and B with files of
    one name. Folders train, val and test in there divide the set; otherwise a tenth of it validates
    and a tenth tests. Grey and RGB, 8 and 16 bits and floats stay what they are. All that is wrong
    is told at once. Training scales to [-1, 1], and enlarges, cuts and mirrors both alike. Stopped
    at any moment, the same command goes on where it was.
    """
    if (folder is None) == (a is None or b is None):
        raise UsageError("name one FOLDER, or two with --a and --b")
    from keras_qd.cli.progress import counting
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
    click.echo(f"{store.path}: {store.n_samples} pairs, {' to '.join(shapes)}\n\nnext:")
    click.echo(f"  keras-qd inspect {store.path} --figure pairs.png")
    click.echo(f"  keras-qd train image-to-image --data {store.path}")
