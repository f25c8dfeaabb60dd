"""The page as a folder of files that needs no Python: for documentation, and for courses."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from keras_qd.errors import RunError, UsageError
from keras_qd.inverse.problem import Conditions
from keras_qd.live import content, messages, predictions
from keras_qd.live._serve import pixels_of
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.potentials.base import potential_families, sample_potentials

#: What runs a model in the browser: these files of the npm package onnxruntime-web.
RUNTIME_FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)

#: Samples of each family that are written, with the seeds 0, 1, ...
_SAMPLES = 4

#: The box of the samples, in a0*: in others they are the same functions of x / L.
_BOX = Box(10.0)

#: A server's headers are not there: the page itself says that it loads nothing from elsewhere.
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'self\'; '
    "script-src 'self' 'wasm-unsafe-eval'; base-uri 'none'; form-action 'none'\">"
)


def write_static(
    out: str | Path, run: str | Path | None = None, *, onnxruntime: str | Path | None = None
) -> Path:
    """Write the live page as a folder that any web server can offer.

    One or two electrons are solved exactly, in JavaScript; with ONNX Runtime Web the page predicts
    as well. It neither solves more electrons nor searches potentials, and says so.

    Parameters
    ----------
    out : str or Path
        The folder to make.
    run : str or Path, optional
        A finished run of ``potential-to-density``, whose model is exported to ONNX; by default the
        pretrained network is, where `onnxruntime` is given.
    onnxruntime : str or Path, optional
        The folder ``dist`` of the npm package ``onnxruntime-web``, of which three files (14 MB) are
        copied.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UsageError
        If the folder exists, files of the runtime are missing, or the run maps something else.
    RunError
        If the run has no trained model, or it cannot be exported.

    Examples
    --------
    >>> write_static("page", "runs/first", onnxruntime="dist")  # doctest: +SKIP
    PosixPath('page')
    """
    out = Path(out)
    if out.exists():
        raise UsageError(f"{out} exists already; choose another name")
    runtime = _runtime(onnxruntime, needed=run is not None)
    n_pixels = pixels_of(run)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        made = Path(folder) / "page"
        made.mkdir()
        model = None
        if run is not None:
            model = _write_model(made, run)
        elif runtime:
            model = _write_pretrained(made)
        for path in runtime:
            shutil.copy(path, made / path.name)
        _write_page(made, n_pixels, model)
        made.rename(out)
    return out


def _runtime(folder: str | Path | None, needed: bool) -> list[Path]:
    """Return the files of ONNX Runtime Web, or raise where some are missing."""
    if folder is None:
        if needed:
            raise UsageError(
                "a model runs in the browser by ONNX Runtime Web: get it with `npm pack "
                "onnxruntime-web`, unpack it, and give its folder dist as --onnxruntime"
            )
        return []
    found = [Path(folder) / name for name in RUNTIME_FILES]
    missing = [path.name for path in found if not path.is_file()]
    if missing:
        raise UsageError(f"{folder} lacks {', '.join(missing)} of the npm package onnxruntime-web")
    return found


def _write_pretrained(folder: Path) -> dict[str, Any]:
    """Export the pretrained network; return what the page needs to know of it."""
    from keras_qd.backend import ensure_backend
    from keras_qd.export._export import write_graph
    from keras_qd.export.formats import find_format
    from keras_qd.weights import pretrained

    chosen = find_format("onnx")
    chosen.check(ensure_backend())
    model = pretrained(predictions.PRETRAINED)
    n_pixels = int(model.pipeline.inputs["potential"][0])
    electrons = np.arange(1, 1 + messages.MOST_ELECTRONS, dtype=np.float32)
    potentials = sample_potentials(len(electrons), _BOX, n_pixels, family="double-dot", seed=0)
    inputs = {
        "potential": potentials.astype(np.float32),
        "n_electrons": electrons,
        "strength": np.ones_like(electrons),
    }
    try:
        write_graph(model, inputs, folder / "model.onnx", chosen)
    except RunError as error:
        raise RunError(f"{error}; try another backend, such as --backend torch") from error
    (folder / "model_card.json").write_bytes(content.written(model.card))
    made = Interaction.from_settings(model.card["data"]["configuration"])
    return {
        **_conditions(Conditions(interaction=made)),
        "file": "model.onnx",
        "scaling": {"box_length": model.card["box_length"], "limits": _ranges(model.card)},
    }


def _ranges(card: dict[str, Any]) -> dict[str, Any]:
    """Return lowest and highest value of each number and feature of the training."""
    limits = dict(card["limits"])
    return {**limits.pop("potential"), **limits}


def _conditions(trained: Conditions) -> dict[str, Any]:
    return {
        "n_electrons": trained.n_electrons,
        "length": trained.length,
        "strength": trained.strength,
        "interaction": None if trained.interaction is None else trained.interaction.settings(),
    }


def _write_model(folder: Path, run: str | Path) -> dict[str, Any]:
    """Export the model of a run; return what the page needs to know of it."""
    from keras_qd.export import export_model

    exported = export_model(run, folder / "exported", "onnx")
    (folder / "exported" / exported.path.name).rename(folder / "model.onnx")
    (folder / "exported" / exported.card.name).rename(folder / exported.card.name)
    shutil.rmtree(folder / "exported")
    return {
        **_conditions(predictions.conditions_of(run)),
        "file": "model.onnx",
        "input": exported.inputs[0].name,
        "output": next(port.name for port in exported.outputs if port.name.startswith("density")),
    }


def _write_page(folder: Path, n_pixels: int, model: dict[str, Any] | None) -> None:
    """Write the files of the page, with samples of all families."""
    families = potential_families()
    samples = [
        sample_potentials(_SAMPLES, _BOX, n_pixels, family=family, seed=0) for family in families
    ]
    settings = content.settings(
        n_pixels, "static", samples=_SAMPLES, sample_length=_BOX.length, model=model
    )
    files = {
        **content.page_files(),
        "settings.json": content.written(settings),
        "gates.bin": content.gate_shares(n_pixels).tobytes(),
        "samples.bin": np.concatenate(samples).astype("<f4").tobytes(),
    }
    page = files["index.html"].decode()
    files["index.html"] = page.replace("<title>", f"{_POLICY}\n<title>", 1).encode()
    for name, written in files.items():
        (folder / name).write_bytes(written)
