"""Running exported files with the programs that they are for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
