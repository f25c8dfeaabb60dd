"""Export a trained model to a file for other programs, compare the two, and write its card."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
from numpy.typing import NDArray

import keras_qd
from keras_qd._files import write_text
from keras_qd.backend import ensure_backend
from keras_qd.data.io.arrays import source_checksum
from keras_qd.errors import KerasQDError, RunError, UsageError
from keras_qd.evaluation.figure_data import Example
from keras_qd.evaluation.result import Evaluation
from keras_qd.export.formats import Format, find_format
from keras_qd.prediction._predict import predict_fields
from keras_qd.report.elements import format_interval, format_number
from keras_qd.report.figures.style import pretty
from keras_qd.report.report import describe_run
from keras_qd.training.run import Run, installed_versions

if TYPE_CHECKING:
    import keras

    from keras_qd.tasks.physical_model import PhysicalModel


Array = NDArray[Any]


#: The exported file may differ from the model by so much, relative to the largest value.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Port:
    """One field that goes in or comes out: its name, shape, type and unit."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    unit: str

    @property
    def size(self) -> str:
        """The shape in print."""
        return " x ".join(map(str, ("n", *self.shape)))


@dataclass(frozen=True)
class Exported:
    """What was written.

    Parameters
    ----------
    path : Path
        The exported file or folder.
    card : Path
        The model card.
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
    >>> export_model("runs/first", "exported", "onnx").path  # doctest: +SKIP
    PosixPath('exported/model.onnx')
    """
    run, out = run if isinstance(run, Run) else Run.open(run), Path(out)
    chosen = find_format(format)
    chosen.check(ensure_backend())
    if out.exists() and not force:
        raise UsageError(f"{out} exists already; choose another name, or replace it with --force")
    model, inputs = run.load_model(), _systems(run)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        made = Path(folder) / "made"
        made.mkdir()
        difference, expected, names = write_graph(model, inputs, made / chosen.file, chosen)
        np.savez(made / "example.npz", **_by_side(inputs, expected))
        units = {name: field["unit"] for name, field in run.config["fields"].items()}
        ports = _ports(inputs, units), _ports(expected, _renamed(units, names))
        _write_card(run, made / "MODEL_CARD.md", chosen, ports, difference)
        if out.is_dir():
            shutil.rmtree(out)
        made.rename(out)
    return Exported(out / chosen.file, out / "MODEL_CARD.md", difference, *ports)


def write_graph(
    model: PhysicalModel, inputs: Mapping[str, Array], path: Path, chosen: Format
) -> tuple[float, dict[str, Array], dict[str, str]]:
    """Write a model and compare it for some systems: difference, outputs, field -> their names."""
    graph, names = graph_of(model)
    found = predict_fields(model, inputs, len(next(iter(inputs.values()))))
    expected = {names[name]: values for name, values in found.items()}
    _write(graph, path, chosen, list(expected))
    return _compare(chosen, path, inputs, expected), expected, names


def graph_of(
    model: PhysicalModel, n_systems: int | None = None
) -> tuple[keras.Model, dict[str, str]]:
    """Return a model as a graph with named ends, for any number of systems or a fixed one."""
    # An output of the name of an input is renamed. The outputs are a dict; a single one is bare on
    # torch, whose exporters do not take dicts.
    import keras

    inputs = {
        name: keras.Input(shape, batch_size=n_systems, name=name)
        for name, shape in model.pipeline.inputs.items()
    }
    found = model.call(inputs)
    if not isinstance(found, Mapping):
        found = {next(iter(model.pipeline.targets)): found}
    names = {name: f"{name}_predicted" if name in inputs else name for name in found}
    outputs = {names[name]: tensor for name, tensor in found.items()}
    bare = keras.config.backend() == "torch" and len(outputs) == 1
    ends = list(inputs.values())
    graph = keras.Model(
        ends if len(ends) > 1 else ends[0],
        next(iter(outputs.values())) if bare else outputs,
        name="keras_qd",
    )
    # Exporters ask for a model that was called once.
    zeros = [keras.ops.zeros((n_systems or 1, *s)) for s in model.pipeline.inputs.values()]
    graph(zeros if len(zeros) > 1 else zeros[0])
    return graph, names


def _systems(run: Run) -> dict[str, Array]:
    """Return three or more systems: those that the evaluation kept, and some drawn at random."""
    pipeline, rng = run.pipeline, np.random.default_rng(0)
    kept = _kept(run)
    fields = {}
    for name, shape in pipeline.inputs.items():
        scaling = pipeline.scalings[name]
        network_shape = scaling.network_shape(shape)
        drawn = scaling.from_network(np, rng.normal(size=(3, *network_shape)), shape)[""]
        known = [np.asarray(example.inputs[name])[None] for example in kept]
        fields[name] = np.concatenate([*known, drawn]).astype(np.float32)
    return fields


def _kept(run: Run) -> tuple[Example, ...]:
    try:
        return Evaluation.read(run.path).examples
    except KerasQDError:  # not evaluated yet: the random ones remain
        return ()


def _write(graph: keras.Model, path: Path, chosen: Format, outputs: list[str]) -> None:
    """Write the file, or say why it cannot be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of converters, about themselves
            graph.export(
                str(path), format=chosen.keras_name, verbose=False, **chosen.settings(graph)
            )
    except Exception as cause:  # converters raise anything
        reason = " ".join(str(cause).split())[:300]
        raise RunError(f"{chosen.name} cannot hold this model on this backend: {reason}") from cause
    chosen.finish(path, sorted(outputs))


def _compare(
    chosen: Format, path: Path, inputs: Mapping[str, Array], expected: Mapping[str, Array]
) -> float:
    """Return how far the exported file is from the model; raise where that is too far."""
    try:
        found = chosen.run(path, inputs, list(expected))
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


def _renamed(units: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return the units of the outputs by their names in the file."""
    return {names[name]: unit for name, unit in units.items() if name in names}


def _ports(values: Mapping[str, Array], units: Mapping[str, str]) -> tuple[Port, ...]:
    """Return names, shapes, types and units of what goes in or comes out."""
    return tuple(
        Port(
            name,
            tuple(each.shape[1:]),
            "int32" if each.dtype.kind in "iu" else "float32",
            units.get(name, ""),
        )
        for name, each in values.items()
    )


def _write_card(
    run: Run,
    path: Path,
    chosen: Format,
    ports: tuple[tuple[Port, ...], tuple[Port, ...]],
    difference: float,
) -> None:
    """Write the card of an exported file, which differs from the model by so much, in Markdown."""
    environment = jinja2.Environment(  # noqa: S701  (it writes Markdown)
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        number=format_number, interval=format_interval, unit=pretty, cell=_cell
    )
    template = files("keras_qd.export").joinpath("templates", "model_card.md.j2")
    text = environment.from_string(template.read_text(encoding="utf-8")).render(
        chosen=chosen,
        inputs=ports[0],
        outputs=ports[1],
        difference=difference,
        evaluation=_evaluation(run),
        checksum=source_checksum(path.with_name(chosen.file)),
        exported_with=installed_versions(),
        exported_backend=ensure_backend(),
        version=keras_qd.__version__,
        metadata=run.config["data"],
        trained_on=run.config["samples"]["train"],
        **describe_run(run),
    )
    write_text(path, text)


def _evaluation(run: Run) -> Evaluation | None:
    try:
        return Evaluation.read(run.path)
    except KerasQDError:  # not evaluated yet, as the card says
        return None


def _cell(value: Any) -> str:
    """Return text that cannot end a cell of a table."""
    return " ".join(str(value).split()).replace("|", "\\|")
