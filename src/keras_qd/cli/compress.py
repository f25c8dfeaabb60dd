"""``keras-qd compress``: images as the latent numbers of a trained autoencoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd.cli.format import format_number
from keras_qd.cli.options import as_json, backend, print_json
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.compression import Compression
    from keras_qd.training.run import Run


@click.command("compress")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", required=False, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option(
    "--precision",
    type=click.Choice(["uint8", "float16"]),
    default="uint8",
    show_default=True,
    help="How a latent number is kept.",
)
@backend
@as_json
def command(
    run: Path, images: Path | None, out: Path, force: bool, precision: str, as_json: bool
) -> None:
    """Write IMAGES as the few numbers that the autoencoder of RUN makes of them.

    IMAGES is a .npy file, a .npz file with the field by name, a stored data set, or a grey picture
    (PNG and others) whose tiles are the images; without it, the images of the run's test split are
    taken. Says how small the file is and how large the error.

    \b
    Examples:
      keras-qd compress runs/mnist-autoencoder --out digits.kqd
      keras-qd compress runs/mnist-autoencoder digits.png --out digits.kqd --precision float16
    """
    if out.exists() and not force:
        raise UsageError(f"{out} exists already; choose another name, or replace it with --force")
    from keras_qd.compression import compress
    from keras_qd.training.run import Run

    opened = Run.open(run)
    done = compress(opened, _images(opened, images), out, precision=precision)
    if as_json:
        print_json(_summary(done))
    else:
        _print(done)


def _images(run: Run, path: Path | None) -> dict[str, Any]:
    from keras_qd.compression import read_images

    field, shape = next(iter(run.pipeline().inputs.items()))
    if path is None:
        return {field: run.load_dataset().split("test")[field]}
    return {field: read_images(path, field, shape)}


def _summary(done: Compression) -> dict[str, Any]:
    return {
        "out": str(done.path),
        "images": done.n_images,
        "bytes_in": done.bytes_in,
        "bytes_out": done.bytes_out,
        "bytes_deflated": done.bytes_deflated,
        "ratio": done.ratio,
        "error": done.error,
        "spread": done.spread,
    }


def _print(done: Compression) -> None:
    deflated = done.bytes_in / done.bytes_deflated
    click.echo(f"{done.n_images} images, {done.bytes_in} bytes -> {done.bytes_out} bytes")
    click.echo(
        f"ratio: {format_number(done.ratio)} (zlib, without loss: {format_number(deflated)})"
    )
    click.echo(
        f"error: {format_number(done.error)} root mean square "
        f"(the mean image alone: {format_number(done.spread)})"
    )
    click.echo(
        f"\nwritten: {done.path}\n\nnext:\n  keras-qd decompress {done.path} --out images.npy"
    )
