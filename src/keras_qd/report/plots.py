"""Figures of results, behind their ``plot`` methods: of each kind the report's own figure."""

from __future__ import annotations

from functools import partial, singledispatch
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from keras_qd.data.dataset import Dataset
from keras_qd.errors import UsageError
from keras_qd.evaluation.result import Evaluation
from keras_qd.inverse.outcome import Inversion
from keras_qd.physics.solution import Solution
from keras_qd.report.figures.fields import draw_cut, draw_map, peak, systems_figure
from keras_qd.report.figures.inversions import inversion_figure
from keras_qd.report.figures.samples import N_SHOWN, Samples, samples_figure, spread_over
from keras_qd.report.figures.style import Labels, encode, figure_style, labels_of, words
from keras_qd.report.figures.training import curves_figure
from keras_qd.training.run import Run

#: Inches taken by one panel.
_SIDE = 2.9

#: Most fields of a data set that are drawn.
_MOST_FIELDS = 6


def plot(result: Any, **options: Any) -> Figure:
    """Return the figure of a result, in the style of the report."""
    with figure_style():
        figure = draw(result, **options)
        image = encode(figure, "png")
    # Notebooks show a figure that pyplot did not make by this method.
    figure._repr_png_ = partial(bytes, image)  # type: ignore[attr-defined]
    return figure


@singledispatch
def draw(result: Any, **options: Any) -> Figure:
    """Draw a result of any kind that has a figure."""
    raise UsageError(f"a {type(result).__name__} has no figure")


@draw.register
def _(solution: Solution, *, potential: ArrayLike | None = None) -> Figure:
    """Draw the density, cuts of it through its peak, and the potential where it is given."""
    density = solution.density
    labels = Labels(
        {"potential": "Ha*", "density": "1/a0*^2"}, length=solution.box.length, length_unit="a0*"
    )
    maps = {} if potential is None else {"potential": np.asarray(potential, dtype=np.float64)}
    maps["density"] = density
    if any(values.shape != density.shape for values in maps.values()):
        raise UsageError(
            f"the potential has shape {maps['potential'].shape}; the density has {density.shape}"
        )
    n_panels = len(maps) + 1
    figure = Figure(figsize=((_SIDE + 0.5) * n_panels, _SIDE + 0.3), layout="constrained")
    figure.suptitle(str(solution), x=0.01, ha="left", fontsize=8.5, weight="bold")
    (part,) = figure.subfigures(1, 1, squeeze=False)[0]
    panels = part.subplots(1, n_panels, squeeze=False)[0]
    for panel, (name, values) in zip(panels, maps.items(), strict=False):
        draw_map(part, panel, values, name, labels)
    _draw_cuts(panels[-1], density, labels)
    return figure


def _draw_cuts(panel: Axes, density: Any, labels: Labels) -> None:
    row, column = peak(density)
    draw_cut(panel, density[row], labels, label="along x")
    draw_cut(panel, density[:, column], labels, label="along y", linestyle="--")
    panel.set_title("density through its peak")
    panel.set_ylabel(labels.field("density"))
    panel.set_xlabel("x, y (a₀*)")
    panel.legend()


@draw.register
def _(dataset: Dataset, *, split: str = "train", n_samples: int = N_SHOWN) -> Figure:
    """Draw samples spread over a split, which may be sorted, a row for each field."""
    arrays = dataset.split(split)
    names = Samples(dataset.fields, {}).drawn[:_MOST_FIELDS]
    total = len(arrays[names[0]]) if names else 0
    if not total:
        raise UsageError(f"the {split} split has no maps, profiles or images to draw")
    rows = spread_over(total, n_samples)
    fields = {name: dataset.fields[name] for name in names}
    return samples_figure(Samples(fields, {name: np.asarray(arrays[name][rows]) for name in names}))


@draw.register
def _(run: Run) -> Figure:
    """Draw the losses and metrics over the epochs."""
    return curves_figure(run.history())


@draw.register
def _(evaluation: Evaluation) -> Figure:
    """Draw the best, the median and the worst system; without maps, predicted against exact."""
    if evaluation.folder.joinpath("config.json").is_file():
        labels = labels_of(Run(evaluation.folder), evaluation)
    else:
        ranking = evaluation.ranking
        units = dict(evaluation.data.get("units", {}))
        labels = Labels(units, length=evaluation.data.get("length"))
        labels = labels if ranking is None else labels.ranked_by(ranking.title, ranking.unit)
    drawn = [
        name
        for name in (evaluation.examples[0].reference if evaluation.examples else ())
        if evaluation.examples[0].reference[name].ndim in (1, 2)
    ]
    if drawn:
        shown = [*evaluation.examples[0].inputs, *drawn]
        return systems_figure(evaluation.examples, labels, shown)
    if not evaluation.parities:
        raise UsageError("the evaluation holds no systems that can be drawn")
    return _parities_figure(evaluation, labels)


def _parities_figure(evaluation: Evaluation, labels: Labels) -> Figure:
    from keras_qd.report.figures.errors import draw_parity

    parities = evaluation.parities
    figure = Figure(figsize=(4.2 * len(parities), 3.4), layout="constrained")
    panels = figure.subplots(1, len(parities), squeeze=False)[0]
    for panel, parity in zip(panels, parities, strict=True):
        figure.colorbar(draw_parity(panel, parity), ax=panel, label="number of values")
        panel.set_xlabel(f"exact {labels.field(parity.field)}")
        panel.set_ylabel(f"predicted {words(parity.field)}")
    return figure


@draw.register
def _(inversion: Inversion) -> Figure:
    """Draw densities, potential and convergence of an inversion."""
    return inversion_figure(inversion)
