"""The formats that models can be exported to: on which backend, with which packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from keras_qd.errors import UnknownNameError, UsageError


@dataclass(frozen=True)
class Format:
    """One format.

    Parameters
    ----------
    name : str
        As it is asked for.
    keras_name : str
        As Keras calls it.
    file : str
        Name of the file or folder that is written.
    needs : mapping of str to tuple of str
        Backend that can write it -> packages that are needed to write it, by their import names.
    runs_with : str
        The package that runs it, by its import name.
    """

    name: str
    keras_name: str
    file: str
    needs: Mapping[str, tuple[str, ...]]
    runs_with: str

    def check(self, backend: str) -> None:
        """Check that the running backend can write the format, and all packages are there.

        Raises
        ------
        UsageError
            If not: it says which backend to take, or what to install.
        """
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


#: Import name -> name of the distribution, where they differ.
_PACKAGES = {"ai_edge_litert": "ai-edge-litert", "litert_torch": "litert-torch"}

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
        ),
        Format("saved-model", "tf_saved_model", "saved_model", {"tensorflow": ()}, "tensorflow"),
        Format("litert", "litert", "model.tflite", {"tensorflow": ()}, "ai_edge_litert"),
        Format("openvino", "openvino", "model.xml", {"tensorflow": (), "torch": ()}, "openvino"),
        Format("torch", "torch", "model.pt2", {"torch": ()}, "torch"),
    )
}


def find_format(name: str) -> Format:
    """Return a format.

    Raises
    ------
    UnknownNameError
        If there is no such format.
    """
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS)
    return FORMATS[name]
