"""Compress images with the encoder of a trained autoencoder, and restore them with its decoder."""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.compression.container import Header, read_container, write_container
from keras_qd.compression.quantise import from_bytes, to_bytes
from keras_qd.errors import DataError, RunError
from keras_qd.prediction._predict import named_fields, predict_scaled

if TYPE_CHECKING:
    import keras

    from keras_qd.training.run import Run


Array = NDArray[Any]


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
    content = to_bytes(latents.reshape(len(latents), -1), precision)
    header = Header(
        run=str(run.path),
        model=_digest(run),
        field=field,
        n_images=len(given),
        latent_shape=latents.shape[1:],
        precision=precision,
        dtype=given.dtype.str,
    )
    path = Path(path)
    restored = _as_given(_restore(run, model, header, content, batch_size), given.dtype)
    size = write_container(path, header, content)
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
    header, content = read_container(path)
    if run is None and not Path(header.run).is_dir():
        raise RunError(
            f"{path} was compressed with the model of {header.run}, which is not there; "
            "say where that run is (--run)"
        )
    opened, model, field = _opened(header.run if run is None else run)
    if _digest(opened) != header.model or field != header.field:
        raise DataError(
            f"{path} was compressed with another model than that of {opened.path} (then at "
            f"{header.run}, SHA-256 {header.model[:12]}...); give the run that compressed it"
        )
    restored = _restore(opened, model, header, content, batch_size)
    return {field: _as_given(restored, np.dtype(header.dtype))}


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
    run: Run, model: keras.Model, header: Header, content: bytes, batch_size: int
) -> Array:
    """Return the images that the decoder makes of latent numbers, in physical units."""
    expected = tuple(model.decoder.input_shape[1:])
    if header.latent_shape != expected:
        raise DataError(
            f"the file has latent numbers of shape {header.latent_shape}, "
            f"but the decoder takes {expected}"
        )
    n_numbers = math.prod(header.latent_shape)
    latents = from_bytes(content, header.precision, header.n_images, n_numbers)
    latents = latents.reshape(header.n_images, *header.latent_shape)
    scaled = predict_scaled(model.decoder, latents, min(batch_size, header.n_images))
    return run.pipeline.restore(scaled)[header.field]


def _as_given(images: Array, dtype: np.dtype[Any]) -> Array:
    """Return images in another type, rounded into its range where it is one of whole numbers."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        images = np.rint(images).clip(limits.min, limits.max)
    return images.astype(dtype)


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
