"""Apply a trained model to a file of any size, and write what it predicts to another."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_qd.data.fields import Field
from keras_qd.data.io.arrays import read_fields, source_checksum, writing_arrays
from keras_qd.data.io.images import Grey
from keras_qd.data.store.store import open_store
from keras_qd.data.store.writer import Progress, write_store
from keras_qd.errors import StoreError, UsageError
from keras_qd.prediction._predict import (
    ErrorBars,
    common_length,
    iterate_predictions,
    load_predictor,
)
from keras_qd.tasks.pipeline import as_samples, each
from keras_qd.training.run import Run
from keras_qd.weights import Pretrained

if TYPE_CHECKING:
    from keras_qd.tasks.pipeline import Pipeline


_LOGGER = logging.getLogger(__name__)

SUFFIXES = (".npz", ".npy", ".zarr")

#: Systems that are read at a time to see whether they are like those of a training.
_CHECKED = 256


@dataclass(frozen=True)
class Predicted:
    """What was written: the number of systems, and shape, type and unit of each field."""

    n_samples: int
    fields: Mapping[str, Field]


def predict_file(
    run: Run | Pretrained | str | Path,
    source: str | Path,
    out: str | Path,
    *,
    grey: Grey | None = None,
    batch_size: int = 64,
    symmetries: int = 1,
    uncertainty: bool = False,
    force: bool = False,
    numbers: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> Predicted:
    """Apply the trained model of a run to a file; neither file need fit into memory.

    Parameters
    ----------
    run : Run, Pretrained or path
        A finished run, its directory, or a pretrained network.
    source : str or path
        The input fields in physical units: a ``.npy`` file, a ``.npz`` file with arrays by the
        fields' names (one system, or many along the first axis), an image or a folder of images, or
        the directory or URL of a stored data set.
    out : str or path
        What to write: a ``.npy`` file for one field, a ``.npz`` file, or a ``.zarr`` store. Files
        appear when they are whole; the same call resumes a store that was interrupted.
    grey : pair of float, optional
        What black and white mean in images of whole numbers, in the unit of the input field.
    batch_size : int
        Samples that go through the model at a time.
    symmetries : int
        How many of the symmetries of the task to predict the mean over.
    uncertainty : bool
        Whether to predict the mean over all of them, and as ``FIELD_error`` how wrong it is
        expected to be; see `predict`.
    force : bool
        Whether to replace what is at `out`.
    numbers : mapping of str to float, optional
        For a pretrained network: inputs that are one number for all systems. Of those that are left
        out and that the source does not have, the network's defaults.
    progress : callable, optional
        Called with the number of samples done and of all, whenever some are done.

    Returns
    -------
    Predicted
        What was written, in physical units. Values are stored with the 32 bits that the network
        computes with.

    Raises
    ------
    RunError
        If `run` has no trained model.
    DataError
        If the input cannot be read or does not fit the model.
    UsageError
        If there is something at `out` already, its suffix is not known, one ``.npy`` file would
        have to hold several fields, what black and white mean has to be said, or the task has no
        symmetries, or no map or line that `uncertainty` is defined for.

    Examples
    --------
    >>> predict_file("runs/first", "potentials.npy", "densities.npy")  # doctest: +SKIP
    """
    out = Path(out)
    check_output(out, force)
    run = run if isinstance(run, (Run, Pretrained)) else Run.open(run)
    pipeline = run.pipeline
    inputs: Mapping[str, Any]
    if isinstance(run, Pretrained):
        inputs = _completed(run, source, numbers or {}, **_grey_scale(run, pipeline, grey))
    else:
        inputs = read_fields(source, list(pipeline.inputs), **_grey_scale(run, pipeline, grey))
        inputs, _ = as_samples(pipeline.inputs, inputs)
    n_samples = common_length(pipeline, inputs)
    model = load_predictor(run, symmetries, uncertainty)
    bars = model.fields if isinstance(model, ErrorBars) else {}
    described = _describe(run, pipeline) | bars
    if out.suffix == ".zarr":
        if force:
            shutil.rmtree(out, ignore_errors=True)

        def predict(samples: range) -> dict[str, np.ndarray]:
            part = {name: values[samples.start : samples.stop] for name, values in inputs.items()}
            found = list(iterate_predictions(model, part, batch_size=batch_size))
            return {name: np.concatenate([each[name] for each in found]) for name in described}

        description = {
            "kind": "predictions",
            "command": "keras-qd predict",
            **_identify(run, source, grey, symmetries),
            **({"uncertainty": True} if uncertainty else {}),
            **({"numbers": dict(numbers)} if numbers else {}),
        }
        write_store(out, described, predict, description, n_samples=n_samples, progress=progress)
        return Predicted(n_samples, described)
    if out.suffix == ".npy":
        described = _single(out, {name: described[name] for name in (*pipeline.targets, *bars)})
    with writing_arrays(out, described, n_samples) as write:
        done = 0
        for part in iterate_predictions(model, inputs, batch_size=batch_size):
            write(part)
            done += len(next(iter(part.values())))
            if progress is not None:
                progress(done, n_samples)
    return Predicted(n_samples, described)


def _completed(
    network: Pretrained, source: str | Path, numbers: Mapping[str, float], **grey: Any
) -> dict[str, Any]:
    """Return the inputs of a pretrained network: given, of the source, or defaults."""
    first, *others = network.pipeline.inputs
    known = {**network.card["defaults"], **numbers}
    read = [name for name in others if name not in numbers]
    shapes = network.pipeline.inputs
    found, _ = as_samples(shapes, read_fields(source, [first], others=read, **grey))
    count = len(found[first])
    constants = {name: np.full(count, known[name], np.float32) for name in others if name in known}
    inputs = {**constants, **found}
    _report_unfamiliar(network, inputs, count)
    return inputs


def _report_unfamiliar(network: Pretrained, inputs: Mapping[str, Any], count: int) -> None:
    """Log a warning that names the systems that are unlike those of the training."""
    parts = [
        network.familiar(
            {name: values[start : start + _CHECKED] for name, values in inputs.items()}
        )
        for start in range(0, count, _CHECKED)
    ]
    unlike = np.flatnonzero(~np.concatenate(parts))
    if unlike.size:
        _LOGGER.warning(
            "%d of %d systems are unlike those that %s was trained on, the first is number %d: "
            "solve them instead, with keras-qd solve",
            unlike.size,
            count,
            network.name,
            unlike[0],
        )


def check_output(out: Path, force: bool) -> None:
    """Check that predictions may be written to a path."""
    if out.suffix not in SUFFIXES:
        raise UsageError(f"--out must name a .npz file, a .npy file or a .zarr store, got {out}")
    # An existing store may be one to resume; write_store checks whether it is.
    if out.exists() and not force and not (out.suffix == ".zarr" and out.is_dir()):
        raise UsageError(f"{out} exists already; choose another name, or replace it with --force")


def _grey_scale(run: Run | Pretrained, pipeline: Pipeline, grey: Grey | None) -> dict[str, Any]:
    """Return what there is to know of grey values: those given, or what the model expects."""
    name = next(iter(pipeline.inputs))
    scaling = pipeline.scalings[name]
    limits = None
    if scaling.bounded:
        low, high = scaling.inverse(np.array([-1.0, 1.0]))
        limits = (float(low), float(high))
    return {"grey": grey, "unit": run.config["fields"][name]["unit"], "limits": limits}


def _describe(run: Run | Pretrained, pipeline: Pipeline) -> dict[str, Field]:
    """Return shape, unit, meaning and type of the predicted fields."""
    found = pipeline.restore(each(lambda shape: np.zeros((1, *shape)), pipeline.output_shape))
    return {
        name: Field(
            values.shape[1:],
            run.config["fields"].get(name, {}).get("unit", ""),
            f"{name} as predicted by {run.config['task']['model']}",
            "float32" if values.dtype.kind == "f" else "int32",
        )
        for name, values in found.items()
    }


def _single(out: Path, fields: dict[str, Field]) -> dict[str, Field]:
    """Return the predicted fields, or raise where they are too many for a ``.npy`` file."""
    if len(fields) > 1:
        raise UsageError(
            f"{out} can hold one field, but the model predicts {', '.join(fields)}; "
            "name a .npz file or a .zarr store"
        )
    return fields


def _identify(
    run: Run | Pretrained, source: str | Path, grey: Grey | None, symmetries: int
) -> dict[str, Any]:
    """Return which model was applied to what, so that only the same prediction is resumed."""
    try:
        store = open_store(source)
        digest = str(store.digest())
    except StoreError:
        digest = source_checksum(Path(source))
    return {
        "model": source_checksum(run.model_path),
        "input": digest,
        "grey": None if grey is None else list(grey),
        "symmetries": symmetries,
    }
