"""``keras-qd compress`` and ``decompress``: images as latent values of a trained autoencoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd.cli.options import InputPath, OutputPath, as_json, backend, max_gigabytes
from keras_qd.cli.output import echo, format_number, print_json, print_next
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.compression import Compression
    from keras_qd.training.run import Run


@click.command("compress")
@click.argument("run", type=InputPath())
@click.argument("images", required=False, type=InputPath())
@click.option("--out", required=True, type=OutputPath(), help="The file to write.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option(
    "--precision",
    type=click.Choice(["uint8", "float16"]),
    default="uint8",
    show_default=True,
    help="Data type of the stored latent values.",
)
@backend
@max_gigabytes
@as_json
def compress_command(
    run: Path, images: Path | None, out: Path, force: bool, precision: str, as_json: bool
) -> None:
    """Store IMAGES as their latent values in the autoencoder of RUN.

    IMAGES is a .npy file, a .npz file with an array named after the field, a stored data set, or a
    grey-scale picture (PNG and others) whose tiles are the images. Without it, the images of the
    run's test split are compressed. Reports the size of the file and the error.

    \b
    Examples:
      keras-qd compress runs/mnist-autoencoder --out digits.kqd
      keras-qd compress runs/mnist-autoencoder digits.png --out digits.kqd --precision float16
    """
    _check_free(out, force)
    from keras_qd.compression import compress
    from keras_qd.training.run import Run

    opened = Run.open(run)
    done = compress(opened, _images(opened, images), out, precision=precision)
    if as_json:
        print_json(_summary(done))
    else:
        _print(done)


def _check_free(out: Path, force: bool) -> None:
    if out.exists() and not force:
        raise UsageError(f"{out} already exists; choose another name, or replace it with --force")


def _images(run: Run, path: Path | None) -> dict[str, Any]:
    from keras_qd.compression import read_images

    field, shape = next(iter(run.pipeline.inputs.items()))
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
    echo(f"{done.n_images} images, {done.bytes_in} bytes -> {done.bytes_out} bytes")
    echo(f"ratio: {format_number(done.ratio)} (zlib, lossless: {format_number(deflated)})")
    echo(
        f"error: {format_number(done.error)} root mean square "
        f"(the mean image alone: {format_number(done.spread)})"
    )
    echo(f"\nwritten: {done.path}")
    restored = done.path.with_name(f"{done.path.stem}-restored.npy")
    print_next(("keras-qd", "decompress", done.path, "--out", restored))


@click.command("decompress")
@click.argument("path", metavar="FILE", type=InputPath())
@click.option(
    "--out",
    required=True,
    type=OutputPath(),
    help="The file to write: .npy, .npz, or .png and other pictures with the images as tiles.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option(
    "--run",
    type=InputPath(),
    help="The run whose model compressed the images.  [where it was then]",
)
@backend
@max_gigabytes
@as_json
def decompress_command(path: Path, out: Path, force: bool, run: Path | None, as_json: bool) -> None:
    """Restore the images in FILE, which keras-qd compress wrote.

    This needs the model that compressed them.

    \b
    Examples:
      keras-qd decompress digits.kqd --out digits.png
      keras-qd decompress digits.kqd --out digits.npy --run runs/mnist-autoencoder
    """
    _check_free(out, force)
    from keras_qd.compression import check_writable, decompress, write_images

    check_writable(out)
    field, images = next(iter(decompress(path, run).items()))
    write_images(out, field, images)
    if as_json:
        print_json({"out": str(out), "field": field, "shape": list(images.shape)})
    else:
        echo(f"{len(images)} images written: {out}")
