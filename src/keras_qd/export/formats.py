"""The formats that models can be exported to: who writes them, with which packages, who runs them.

The functions here run an exported file on the input fields in physical units, of 32 bits. Formats
that do not name their outputs return a list, in the order of the names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import keras

Array = NDArray[Any]
Fields = Mapping[str, Array]
Found = Mapping[str, Any] | Sequence[Any]

#: Import name -> name of the distribution, where they differ.
_PACKAGES = {"ai_edge_litert": "ai-edge-litert", "litert_torch": "litert-torch"}


def _no_settings(graph: keras.Model) -> dict[str, Any]:
    return {}


def _as_written(path: Path, outputs: Sequence[str]) -> None:
    """Leave the file as Keras wrote it."""


@dataclass(frozen=True)
class Format:
    """One format: who writes it with which packages, and what runs the file for a check."""

    # `needs`: backend -> packages that it writes with; `runner` returns the outputs of a file;
    # `settings` are more of Keras' for a graph; `finish` changes the file, given the names of the
    # outputs in order.

    name: str
    keras_name: str
    file: str
    needs: Mapping[str, tuple[str, ...]]
    runs_with: str
    runner: Callable[[Path, Fields], Found]
    settings: Callable[[keras.Model], dict[str, Any]] = _no_settings
    finish: Callable[[Path, Sequence[str]], None] = _as_written

    def check(self, backend: str) -> None:
        """Raise a UsageError unless this backend writes the format and all packages are there."""
        if backend not in self.needs:
            others = " or ".join(f"--backend {each}" for each in self.needs)
            raise UsageError(
                f"{self.name} cannot be exported on {backend}; a run loads on every backend, so "
                f"export it with {others}"
            )
        wanted = (*self.needs[backend], self.runs_with)
        missing = [_PACKAGES.get(each, each) for each in wanted if find_spec(each) is None]
        if missing:
            raise UsageError(
                f"exporting to {self.name} on {backend}, and running the file for a check, needs "
                f"packages that are not installed; install them with: "
                f"pip install {' '.join(dict.fromkeys(missing))}"
            )

    def run(self, path: Path, inputs: Fields, outputs: Sequence[str]) -> dict[str, Array]:
        """Run an exported file and return its outputs by name."""
        found = self.runner(path, inputs)
        if not isinstance(found, Mapping):
            found = dict(zip(sorted(outputs), found, strict=True))
        return {key: np.asarray(found[key]) for key in outputs}


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


def _run_torch(path: Path, inputs: Fields) -> Found:
    import torch

    program = torch.export.load(str(path)).module()
    tensors = [torch.from_numpy(values) for values in inputs.values()]
    found = program(tensors if len(tensors) > 1 else tensors[0])
    if not isinstance(found, Mapping):
        return [found.detach().numpy()]
    return {key: values.detach().numpy() for key, values in found.items()}


def _more_operators(graph: keras.Model) -> dict[str, Any]:
    """Give torch's exporter ONNX's operators for two that it does not translate; no options."""
    import keras

    if keras.config.backend() == "torch":
        import torch
        from torch.onnx.symbolic_helper import parse_args

        def asinh(g: Any, values: Any) -> Any:
            return g.op("Asinh", values)

        @parse_args("v", "v", "v", "v", "f", "none")
        def layer_norm(
            g: Any, values: Any, shape: Any, scale: Any, shift: Any, epsilon: float, _: Any
        ) -> Any:
            # Torch's own wants the lengths of the axes as constants; their number is enough.
            n_axes = len(list(shape.node().inputs())) or len(shape.node().t("value"))
            ends = (values, scale, shift)
            return g.op("LayerNormalization", *ends, axis_i=-n_axes, epsilon_f=epsilon)

        torch.onnx.register_custom_op_symbolic("aten::asinh", asinh, 17)
        torch.onnx.register_custom_op_symbolic("aten::layer_norm", layer_norm, 17)
    return {}


def _any_batch(graph: keras.Model) -> dict[str, Any]:
    """Let torch's exporter take any number of systems."""
    import torch

    batch = torch.export.Dim("batch", min=1, max=2**16)
    shapes = [{0: batch} for _ in graph.inputs]
    return {"dynamic_shapes": shapes[0] if len(shapes) == 1 else [(shapes,)]}


def name_outputs(path: Path, names: Sequence[str]) -> None:
    """Name the outputs of an ONNX file, in their order, where a converter has dropped the names."""
    import onnx

    model = onnx.load(str(path))
    found = [output.name for output in model.graph.output]
    if sorted(found) == sorted(names):
        return
    renamed = dict(zip(found, names, strict=True))
    for node in model.graph.node:
        for ends in (node.input, node.output):
            for index, name in enumerate(ends):
                ends[index] = renamed.get(name, name)
    for output in model.graph.output:
        output.name = renamed[output.name]
    onnx.save(model, str(path))


FORMATS = {
    each.name: each
    for each in (
        Format(
            "onnx",
            "onnx",
            "model.onnx",
            {
                "tensorflow": ("tf2onnx", "onnx"),
                "torch": ("onnx", "onnxscript"),
                "jax": ("jax2onnx", "onnx"),
            },
            "onnxruntime",
            _run_onnx,
            _more_operators,
            name_outputs,
        ),
        Format(
            "saved-model",
            "tf_saved_model",
            "saved_model",
            {"tensorflow": ()},
            "tensorflow",
            _run_saved_model,
        ),
        Format(
            "litert", "litert", "model.tflite", {"tensorflow": ()}, "ai_edge_litert", _run_litert
        ),
        Format(
            "openvino",
            "openvino",
            "model.xml",
            {"tensorflow": (), "torch": ()},
            "openvino",
            _run_openvino,
        ),
        Format("torch", "torch", "model.pt2", {"torch": ()}, "torch", _run_torch, _any_batch),
    )
}


def find_format(name: str) -> Format:
    """Return a format; raise an UnknownNameError if there is none of this name."""
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS)
    return FORMATS[name]
