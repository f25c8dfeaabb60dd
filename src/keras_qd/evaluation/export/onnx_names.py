"""Names of the outputs in ONNX files, which not every converter keeps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


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
