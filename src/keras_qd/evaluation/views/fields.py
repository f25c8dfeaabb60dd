"""Maps and profiles as targets: single systems, and how the errors are spread."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from keras_qd.evaluation.examples import Example
from keras_qd.evaluation.figures.cuts import cuts_figure
from keras_qd.evaluation.figures.labels import labels_of, words
from keras_qd.evaluation.figures.systems import drawable, systems_figure
from keras_qd.evaluation.plates import Plate, Section
from keras_qd.evaluation.views.spread import errors_section
from keras_qd.evaluation.views.view import View

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.training.run import Run


class FieldsView(View):
    """Targets are maps (ny, nx) or profiles (points,), or cannot be drawn."""

    baseline = "mean image"

    def sections(self, run: Run, evaluation: Evaluation) -> Iterator[Section]:
        """Yield the best, the median and the worst system, lines through them, and all errors."""
        if can_be_drawn(evaluation.examples):
            yield systems_section(run, evaluation)
            yield from cuts_section(run, evaluation)
        yield from errors_section(run, evaluation)


def can_be_drawn(examples: tuple[Example, ...]) -> bool:
    """Return whether there are examples, and all are maps or profiles."""
    return bool(examples) and all(drawable(example) for example in examples)


def systems_section(run: Run, evaluation: Evaluation) -> Section:
    """Return the section with the best, the median and the worst system."""
    labels = labels_of(run, evaluation)
    headlines = "; ".join(labels.headline(example) for example in evaluation.examples)
    plate = Plate(
        "systems",
        partial(systems_figure, evaluation.examples, labels),
        f"Input, exact field, predicted field and difference. {headlines}",
        kind="png",
    )
    text = (
        f"The best, the median and the worst of the {evaluation.data['n_samples']} systems. Exact "
        "and predicted values share one colour scale; the difference has its own, centred at zero."
    )
    return Section("Single systems", text, (plate,))


def cuts_section(run: Run, evaluation: Evaluation) -> Iterator[Section]:
    """Yield the section with lines through the same systems, where their targets are maps."""
    labels, examples = labels_of(run, evaluation), evaluation.examples
    plates = tuple(
        Plate(
            f"cuts_{name}",
            partial(cuts_figure, examples, name, labels),
            f"Exact and predicted {words(name)} along x and along y through the peak of the best, "
            "the median and the worst system",
        )
        for name, values in examples[0].reference.items()
        if values.ndim == 2
    )
    if plates:
        text = (
            "The same systems along two lines through their peak, where the exact field is largest "
            "in magnitude. All panels have one axis of values."
        )
        yield Section("Line cuts", text, plates)
