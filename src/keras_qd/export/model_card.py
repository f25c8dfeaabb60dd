"""The model card: what an exported model is, how good it is, and what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

import keras_qd
from keras_qd._files import write_text
from keras_qd.backend import ensure_backend
from keras_qd.data.io.arrays import source_checksum
from keras_qd.errors import KerasQDError
from keras_qd.evaluation.result import Evaluation
from keras_qd.report.elements import format_interval, format_number
from keras_qd.report.figures.style import pretty
from keras_qd.report.report import describe_run
from keras_qd.training.run import installed_versions

if TYPE_CHECKING:
    from keras_qd.export.formats import Format
    from keras_qd.training.run import Run


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


def write_card(
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
