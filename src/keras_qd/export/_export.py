"""Names of the outputs in ONNX files, which not every converter keeps."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.backend import ensure_backend
from keras_qd.errors import KerasQDError, RunError, UsageError
from keras_qd.evaluation.figure_data import Example
from keras_qd.evaluation.result import Evaluation
from keras_qd.export.formats import Format, find_format
from keras_qd.export.model_card import Port, write_card
from keras_qd.export.physical_model import output_name, physical_model
from keras_qd.prediction._predict import predict
from keras_qd.training.run import Run

if TYPE_CHECKING:
    import keras


Array = NDArray[Any]
Fields = Mapping[str, Array]


def run_exported(name: str, path: Path, inputs: Fields, outputs: Sequence[str]) -> dict[str, Array]:
    """Run an exported file.

    Parameters
    ----------
    name : str
        The format.
    path : Path
        The file.
    inputs : mapping of str to ndarray, shape (n, ...)
        The input fields in physical units, of 32 bits.
    outputs : sequence of str
        Names of the outputs.

    Returns
    -------
    dict of str to ndarray
    """
    found = _RUNNERS[name](path, inputs)
    # Formats that do not name their outputs give them in the order of the names.
    named = found if isinstance(found, Mapping) else dict(zip(sorted(outputs), found, strict=True))
    return {key: np.asarray(named[key]) for key in outputs}


def _run_onnx(path: Path, inputs: Fields) -> Mapping[str, Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _run_saved_model(path: Path, inputs: Fields) -> Mapping[str, Any]:
    import tensorflow as tf

    tensors = list(inputs.values())
    loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
    found: Mapping[str, Any] = loaded.serve(tensors if len(tensors) > 1 else tensors[0])
    return found


def _run_litert(path: Path, inputs: Fields) -> Mapping[str, Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    runner = interpreter.get_signature_runner()
    found: Mapping[str, Any] = runner(**inputs)
    return {key: np.array(values) for key, values in found.items()}


def _run_openvino(path: Path, inputs: Fields) -> Sequence[Any]:
    import openvino

    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(list(inputs.values()))
    return [found[each] for each in range(len(compiled.outputs))]


def _run_torch(path: Path, inputs: Fields) -> Mapping[str, Any] | Sequence[Any]:
    import torch

    program = torch.export.load(str(path)).module()
    tensors = [torch.from_numpy(values) for values in inputs.values()]
    found = program(tensors if len(tensors) > 1 else tensors[0])
    if not isinstance(found, Mapping):
        return [found.detach().numpy()]
    return {key: values.detach().numpy() for key, values in found.items()}


_RUNNERS: dict[str, Callable[[Path, Fields], Any]] = {
    "onnx": _run_onnx,
    "saved-model": _run_saved_model,
    "litert": _run_litert,
    "openvino": _run_openvino,
    "torch": _run_torch,
}


#: The exported file may differ from the model by so much, relative to the largest value.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Exported:
    """What was written.

    Parameters
    ----------
    path : Path
        The exported file or folder.
    card : Path
        What is to be known of it.
    difference : float
        Largest difference from the model, relative to its largest value, over the systems of the
        comparison.
    inputs, outputs : tuple of Port
        Names, shapes and units.

    Examples
    --------
    >>> from pathlib import Path
    >>> exported = Exported(Path("a/model.onnx"), Path("a/MODEL_CARD.md"), 5e-7, (), ())
    >>> exported.path.name, exported.difference < 1e-6
    ('model.onnx', True)
    """

    path: Path
    card: Path
    difference: float
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def export_model(
    run: Run | str | Path,
    out: str | Path,
    format: str = "onnx",  # noqa: A002
    *,
    force: bool = False,
) -> Exported:
    """Export the trained model of a run with its scalings: physical units in and out.

    Parameters
    ----------
    run : Run or path
        A finished run, or its directory.
    out : str or path
        The folder to make: it gets the exported file, ``MODEL_CARD.md`` and ``example.npz`` with
        the systems that were compared.
    format : str
        ``"onnx"``, ``"saved-model"``, ``"litert"``, ``"openvino"`` or ``"torch"``. Which of them
        there are depends on the backend, see docs/export.md; a run loads on every backend.
    force : bool
        Whether to replace what is at `out`.

    Returns
    -------
    Exported
        What was written where, and how far its values are from the model's.

    Raises
    ------
    RunError
        If `run` has no trained model, the format cannot hold it, or the exported file gives other
        values than the model.
    UnknownNameError
        If there is no such format.
    UsageError
        If the running backend cannot write the format, a package is missing, or `out` is there.

    Examples
    --------
    >>> export("runs/first", "exported", "onnx").path  # doctest: +SKIP
    PosixPath('exported/model.onnx')
    """
    run, out = run if isinstance(run, Run) else Run.open(run), Path(out)
    chosen = find_format(format)
    chosen.check(ensure_backend())
    if out.exists() and not force:
        raise UsageError(f"{out} exists already; choose another name, or replace it with --force")
    graph = physical_model(run.load_model(), run.pipeline())
    inputs = _systems(run)
    expected = _expected(run, inputs)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        made = Path(folder) / "made"
        made.mkdir()
        _write(graph, made / chosen.file, chosen, list(expected))
        difference = _compare(chosen, made / chosen.file, inputs, expected)
        np.savez(made / "example.npz", **_by_side(inputs, expected))
        ports = _ports(run, inputs, expected)
        write_card(run, made / "MODEL_CARD.md", chosen, ports, difference)
        if out.is_dir():
            shutil.rmtree(out)
        made.rename(out)
    return Exported(out / chosen.file, out / "MODEL_CARD.md", difference, *ports)


def _systems(run: Run) -> dict[str, Array]:
    """Return systems to compare with: those that the evaluation kept, and some drawn at random.

    Both together are three or more, so that the exported file is seen to take batches.
    """
    pipeline, rng = run.pipeline(), np.random.default_rng(0)
    kept = _kept(run)
    fields = {}
    for name, shape in pipeline.inputs.items():
        scaling = pipeline.scalings[name]
        network_shape = scaling.network_shape(shape)
        drawn = scaling.from_network(rng.normal(size=(3, *network_shape)), shape)[""]
        known = [np.asarray(example.inputs[name])[None] for example in kept]
        fields[name] = np.concatenate([*known, drawn]).astype(np.float32)
    return fields


def _kept(run: Run) -> tuple[Example, ...]:
    try:
        return Evaluation.read(run.path).examples
    except KerasQDError:  # not judged yet: the random ones remain
        return ()


def _expected(run: Run, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return what the model predicts, by the names of the outputs."""
    pipeline, found = run.pipeline(), predict(run, inputs)
    names = {name: output_name(pipeline, name) for name in pipeline.targets}
    return {
        names.get(key) or key.replace(key.rpartition("_")[0], names[key.rpartition("_")[0]]): values
        for key, values in found.items()
    }


def _write(graph: keras.Model, path: Path, chosen: Format, outputs: list[str]) -> None:
    """Write the file, or say why it cannot be."""
    settings: dict[str, Any] = {}
    if chosen.name == "torch":
        import torch

        batch = torch.export.Dim("batch", min=1, max=2**16)
        shapes = [{0: batch} for _ in graph.inputs]
        settings["dynamic_shapes"] = shapes[0] if len(shapes) == 1 else [(shapes,)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of converters, about themselves
            graph.export(str(path), format=chosen.keras_name, verbose=False, **settings)
    except Exception as cause:  # converters raise anything
        reason = " ".join(str(cause).split())[:300]
        raise RunError(f"{chosen.name} cannot hold this model on this backend: {reason}") from cause
    if chosen.name == "onnx":
        name_outputs(path, sorted(outputs))


def _compare(
    chosen: Format, path: Path, inputs: Mapping[str, Array], expected: Mapping[str, Array]
) -> float:
    """Return how far the exported file is from the model; raise where that is too far."""
    try:
        found = run_exported(chosen.name, path, inputs, list(expected))
    except Exception as cause:  # runtimes raise anything
        reason = " ".join(str(cause).split())[:300]
        raise RunError(
            f"the model was written as {chosen.name}, but the file does not run: {reason}"
        ) from cause
    difference = max(_difference(found[name], values) for name, values in expected.items())
    if not difference <= TOLERANCE:
        raise RunError(
            f"the exported {chosen.name} file gives other values than the model: they differ by "
            f"{difference:.2g} of the largest; nothing was kept"
        )
    return difference


def _difference(found: Array, expected: Array) -> float:
    if found.shape != expected.shape:
        return float("inf")
    if expected.dtype.kind in "iu":
        return float(np.mean(found != expected))
    reach = float(np.abs(expected).max()) or 1.0
    return float(np.abs(found.astype(np.float64) - expected).max()) / reach


def _by_side(inputs: Mapping[str, Array], expected: Mapping[str, Array]) -> dict[str, Any]:
    given = {f"inputs/{name}": values for name, values in inputs.items()}
    return given | {
        f"outputs/{name}": values.astype(np.float32) if values.dtype.kind == "f" else values
        for name, values in expected.items()
    }


def _ports(
    run: Run, inputs: Mapping[str, Array], outputs: Mapping[str, Array]
) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Return names, shapes and units of what goes in and comes out."""
    fields = run.config["fields"]
    units = {name: field["unit"] for name, field in fields.items()}
    units |= {
        output_name(run.pipeline(), name): fields[name]["unit"] for name in run.pipeline().targets
    }
    first, second = (
        tuple(
            Port(
                name,
                tuple(values.shape[1:]),
                "int32" if values.dtype.kind in "iu" else "float32",
                units.get(name, ""),
            )
            for name, values in ports.items()
        )
        for ports in (inputs, outputs)
    )
    return first, second


def name_outputs(path: Path, names: Sequence[str]) -> None:
    """Call the outputs of an ONNX file `names`, in their order, where they have other names.

    Parameters
    ----------
    path : Path
        The file, which is written anew.
    names : sequence of str
        One for each output.
    """
    import onnx

    model = onnx.load(str(path))
    found = [output.name for output in model.graph.output]
    if sorted(found) == sorted(names):
        return
    renamed = dict(zip(found, names, strict=True))
    for node in model.graph.node:
        for ends in (node.input, node.output):
            for place, name in enumerate(ends):
                ends[place] = renamed.get(name, name)
    for output in model.graph.output:
        output.name = renamed[output.name]
    onnx.save(model, str(path))
