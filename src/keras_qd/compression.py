"""Images in a small file: the latent numbers of a trained autoencoder.

The encoder compresses, the decoder restores. The file is a NumPy archive: a header as JSON, with
the SHA-256 of the model that alone can read it, and the latent numbers in 8 or 16 bits.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from keras_qd._files import parse_json, replacing
from keras_qd.data.io.arrays import open_archive, read_fields
from keras_qd.data.io.images import open_image
from keras_qd.errors import DataError, RunError, UnknownNameError, UsageError
from keras_qd.prediction._predict import named_fields, predict_scaled

if TYPE_CHECKING:
    import keras

    from keras_qd.training.run import Run


Array = NDArray[Any]

PRECISIONS = ("uint8", "float16")
_LEVELS = 255
#: Version of the file; raised when an older reader would misread it.
_VERSION = 2
ARRAYS = (".npy", ".npz")
PICTURES = (".png", ".tif", ".tiff", ".bmp")
#: Tiles in a row of a picture that is written.
_N_COLUMNS = 20


@dataclass(frozen=True)
class Compression:
    """What a compression came to.

    Parameters
    ----------
    path : Path
        The file.
    n_images : int
        How many images are in it.
    bytes_in : int
        Bytes of the images as they were given, uncompressed.
    bytes_out : int
        Bytes of the file, header and all.
    bytes_deflated : int
        Bytes of the images in zlib's best compression, which loses nothing.
    error : float
        Root mean square difference of the restored images from the given ones, in their unit.
    spread : float
        Root mean square difference of the images from their mean image, for comparison.

    Examples
    --------
    >>> Compression(Path("digits.kqd"), 100, 313_600, 3_140, 21_000, 0.06, 0.25).ratio > 99
    True
    """

    path: Path
    n_images: int
    bytes_in: int
    bytes_out: int
    bytes_deflated: int
    error: float
    spread: float

    @property
    def ratio(self) -> float:
        """Bytes in over bytes out."""
        return self.bytes_in / self.bytes_out


def compress(
    run: Run | str | Path,
    images: Mapping[str, ArrayLike] | ArrayLike,
    path: str | Path,
    *,
    precision: str = "uint8",
    batch_size: int = 64,
) -> Compression:
    """Write images as the latent numbers that a trained encoder makes of them.

    Parameters
    ----------
    run : Run or path
        A finished run whose model has an encoder and a decoder, or its directory.
    images : mapping of str to array_like, or array_like
        The images in physical units, shape (n, ny, nx).
    path : str or Path
        The file to write.
    precision : str
        ``"uint8"`` or ``"float16"``: how a latent number is kept.
    batch_size : int
        Images that go through the model at a time.

    Returns
    -------
    Compression
        Sizes, and the error of the images as the file gives them back.

    Raises
    ------
    RunError
        If `run` has no trained model, or one that cannot compress.
    DataError
        If the images do not fit the model.
    UnknownNameError
        If there is no such precision.

    Examples
    --------
    >>> compress("runs/mnist-autoencoder", images, "digits.kqd").ratio  # doctest: +SKIP
    26.1
    """
    run, model, field = _opened(run)
    given = np.asarray(named_fields(run.pipeline, images)[field])
    if not len(given):
        raise DataError("there are no images to compress")
    scaled = run.pipeline.scale_inputs({field: given})
    latents = predict_scaled(model.encoder, scaled, min(batch_size, len(scaled)))
    parts = quantise(latents, precision)
    header = {
        "version": _VERSION,
        "run": str(run.path),
        "model": _digest(run),
        "field": field,
        "dtype": given.dtype.str,
    }
    path = Path(path)
    restored = _as_given(_restore(run, model, field, parts, batch_size), given.dtype)
    size = _write(path, header, parts)
    return Compression(
        path,
        len(given),
        given.nbytes,
        size,
        len(zlib.compress(np.ascontiguousarray(given).tobytes(), 9)),
        _root_mean_square(restored.astype(np.float64) - given),
        _root_mean_square(given - given.mean(axis=0, dtype=np.float64)),
    )


def decompress(
    path: str | Path, run: Run | str | Path | None = None, *, batch_size: int = 64
) -> dict[str, Array]:
    """Return the images in a file that :func:`compress` wrote.

    Parameters
    ----------
    path : str or Path
        The file.
    run : Run or path, optional
        The run whose model compressed them; by default where it was then.
    batch_size : int
        Images that go through the model at a time.

    Returns
    -------
    dict of str to ndarray, shape (n, ny, nx)
        Field -> images in physical units, of the type that they were given in.

    Raises
    ------
    DataError
        If the file cannot be read, or was compressed with another model.
    RunError
        If `run` has no trained model, or one that cannot compress.

    Examples
    --------
    >>> decompress("digits.kqd")["image"].shape  # doctest: +SKIP
    (100, 28, 28)
    """
    path = Path(path)
    header, parts = _read(path)
    if run is None and not Path(header["run"]).is_dir():
        raise RunError(
            f"{path} was compressed with the model of {header['run']}, which is not there; "
            "give the location of that run (--run)"
        )
    opened, model, field = _opened(header["run"] if run is None else run)
    if _digest(opened) != header["model"] or field != header["field"]:
        raise DataError(
            f"{path} was compressed with another model than that of {opened.path} (then at "
            f"{header['run']}, SHA-256 {header['model'][:12]}...); give the run that compressed it"
        )
    restored = _restore(opened, model, field, parts, batch_size)
    return {field: _as_given(restored, np.dtype(header["dtype"]))}


def _opened(run: Run | str | Path) -> tuple[Run, keras.Model, str]:
    """Return a run, its model and its field, or raise a RunError if that cannot compress."""
    from keras_qd.training.run import Run

    run = run if isinstance(run, Run) else Run.open(run)
    model = run.load_model().network
    pipeline = run.pipeline
    halves = hasattr(model, "encoder") and hasattr(model, "decoder")
    if not halves or len(pipeline.inputs) != 1 or pipeline.inputs != pipeline.targets:
        raise RunError(
            f"the model of {run.path} has no encoder and decoder of one field; train one that has "
            "with: keras-qd train mnist-autoencoder"
        )
    return run, model, next(iter(pipeline.inputs))


def _digest(run: Run) -> str:
    return hashlib.sha256(run.model_path.read_bytes()).hexdigest()


def _restore(
    run: Run, model: keras.Model, field: str, parts: Mapping[str, Array], batch_size: int
) -> Array:
    """Return the images that the decoder makes of latent numbers, in physical units."""
    latents = restore_latents(parts)
    expected = tuple(model.decoder.input_shape[1:])
    if latents.shape[1:] != expected:
        raise DataError(
            f"the file has latent numbers of shape {latents.shape[1:]}, "
            f"but the decoder takes {expected}"
        )
    scaled = predict_scaled(model.decoder, latents, min(batch_size, len(latents)))
    return run.pipeline.restore(scaled)[field]


def _as_given(images: Array, dtype: np.dtype[Any]) -> Array:
    """Return images in another type, rounded into its range where it is one of whole numbers."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        images = np.rint(images).clip(limits.min, limits.max)
    return images.astype(dtype)


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def quantise(latents: Array, precision: str) -> dict[str, Array]:
    """Return latent numbers (n, ...) in few bits: 255 steps over their range, or half precision."""
    if precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    if precision == "float16":
        if np.abs(latents).max() > np.finfo(np.float16).max:
            raise DataError("latent numbers this large do not fit into half precision; use uint8")
        return {"latents": np.asarray(latents, dtype="<f2")}
    low, high = (np.asarray(end, dtype="<f4") for end in (latents.min(axis=0), latents.max(axis=0)))
    step = np.where(high > low, (high - low) / _LEVELS, 1.0)
    levels = np.rint((latents - low) / step).clip(0, _LEVELS).astype(np.uint8)
    return {"latents": levels, "low": low, "high": high}


def restore_latents(parts: Mapping[str, Array]) -> Array:
    """Return the latent numbers that :func:`quantise` has written, in single precision."""
    latents = parts["latents"]
    if latents.dtype.kind == "f":
        return latents.astype(np.float32)
    step = (parts["high"] - parts["low"]) / _LEVELS
    return np.asarray(parts["low"] + latents * step, dtype=np.float32)


def _write(path: Path, header: Mapping[str, Any], parts: Mapping[str, Array]) -> int:
    """Write a NumPy archive with the header as JSON, and return its number of bytes."""
    with replacing(path) as temporary:
        with temporary.open("wb") as file:  # NumPy would add a suffix to a name
            described = np.frombuffer(json.dumps(header).encode(), np.uint8)
            np.savez_compressed(file, header=described, **parts)  # type: ignore[arg-type]
        return temporary.stat().st_size


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read what :func:`_write` wrote; raise DataError if it is something else, or damaged."""
    try:
        parts = open_archive(path)
        header = parse_json(parts.pop("header").tobytes())
        newer = header["version"] > _VERSION
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except Exception as error:  # readers of damaged archives raise anything
        raise DataError(
            f"{path} is damaged, or not a file of compressed images, which keras-qd compress "
            f"makes: {error}"
        ) from error
    if newer:
        raise DataError(f"{path} was written by a newer keras-qd; upgrade it to read this")
    if not _is_sound(header, parts):
        raise DataError(f"{path} is damaged: its header and its content do not match")
    return header, parts


def _is_sound(header: Mapping[str, Any], parts: Mapping[str, Array]) -> bool:
    latents = parts.get("latents", np.zeros(0))
    texts = [header.get(name) for name in ("run", "model", "field", "dtype")]
    if not all(isinstance(text, str) for text in texts) or latents.size == 0:
        return False
    if latents.dtype == np.uint8:
        ends = [parts.get(name, latents) for name in ("low", "high")]
        if any(end.shape != latents.shape[1:] or end.dtype != np.float32 for end in ends):
            return False
    elif latents.dtype != np.float16:
        return False
    return re.fullmatch(r"[<>|=]?[fiu][1248]", header["dtype"]) is not None


def read_images(path: Path, field: str, shape: tuple[int, ...]) -> Array:
    """Read images (n, *shape): arrays of any format, or a grey picture whose tiles they are."""
    if path.suffix.lower() in PICTURES:
        return _tiles(path, shape)
    values = read_fields(path, [field])[field]
    images = np.asarray(values[: values.shape[0]])
    if images.shape[1:] != shape or not len(images):
        raise DataError(
            f"{path} holds an array of shape {images.shape}; expected images "
            f"(n, {', '.join(map(str, shape))})"
        )
    return images


def check_writable(path: Path) -> None:
    """Raise a UsageError unless images can be written to a file of this name."""
    if path.suffix.lower() not in (*ARRAYS, *PICTURES):
        raise UsageError(
            f"{path} must end in one of {', '.join((*ARRAYS, *PICTURES))} to hold images"
        )


def write_images(path: Path, field: str, images: Array) -> None:
    """Write images (n, ny, nx) as arrays, or as the tiles of a grey picture with 0 to 255."""
    check_writable(path)
    with replacing(path) as temporary:
        if path.suffix.lower() == ".npy":
            np.save(temporary, images)
        elif path.suffix.lower() == ".npz":
            np.savez(temporary, **{field: images})  # type: ignore[arg-type]
        else:
            Image.fromarray(_sheet(images)).save(temporary)


def _tiles(path: Path, shape: tuple[int, ...]) -> Array:
    """Return the tiles of a picture, row by row."""
    try:
        with open_image(path) as picture:
            sheet = np.asarray(picture.convert("L"))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except Exception as cause:  # decoders of damaged files raise anything
        raise DataError(f"{path} cannot be read as a picture: {cause}") from cause
    ny, nx = shape
    if sheet.shape[0] % ny or sheet.shape[1] % nx:
        raise DataError(
            f"{path} has {sheet.shape[0]} x {sheet.shape[1]} pixels; expected tiles of {ny} x {nx}"
        )
    tiles = sheet.reshape(sheet.shape[0] // ny, ny, sheet.shape[1] // nx, nx)
    return tiles.swapaxes(1, 2).reshape(-1, ny, nx)


def _sheet(images: Array) -> Array:
    """Return images as the tiles of one picture, black where there is none."""
    n_columns = min(_N_COLUMNS, len(images))
    n_rows = -(-len(images) // n_columns)
    ny, nx = images.shape[1:]
    tiles = np.zeros((n_rows * n_columns, ny, nx), dtype=np.uint8)
    tiles[: len(images)] = np.rint(images).clip(0, 255)
    return tiles.reshape(n_rows, n_columns, ny, nx).swapaxes(1, 2).reshape(n_rows * ny, -1)
