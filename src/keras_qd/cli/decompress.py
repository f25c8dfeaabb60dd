"""``keras-qd decompress``: images back from the latent numbers of a trained autoencoder."""

from __future__ import annotations

from pathlib import Path

import click

from keras_qd.cli.options import as_json, backend, print_json
from keras_qd.errors import UsageError


@click.command("decompress")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Where the images go: .npy, .npz, or .png and other pictures with the images as tiles.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    help="The run whose model compressed them; by default where it was then.",
)
@backend
@as_json
def command(path: Path, out: Path, force: bool, run: Path | None, as_json: bool) -> None:
    """Restore the images in FILE, which keras-qd compress wrote.

    Only the model that compressed them can do so.

    \b
    Examples:
      keras-qd decompress digits.kqd --out digits.png
      keras-qd decompress digits.kqd --out digits.npy --run runs/mnist-autoencoder
    """
    if out.exists() and not force:
        raise UsageError(f"{out} exists already; choose another name, or replace it with --force")
    from keras_qd.compression import check_writable, decompress, write_images

    check_writable(out)
    field, images = next(iter(decompress(path, run).items()))
    write_images(out, field, images)
    if as_json:
        print_json({"out": str(out), "field": field, "shape": list(images.shape)})
    else:
        click.echo(f"{len(images)} images written: {out}")
