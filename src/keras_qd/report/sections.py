"""Sections of the report: fields, numbers, images, errors, spread and evolution."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.evaluation.figure_data import Example, Parity, under
from keras_qd.evaluation.result import Evaluation
from keras_qd.evaluation.scores import Score, ranking_score
from keras_qd.evaluation.tables import DENSITY_GAP, UNDECIDED, decision_rows
from keras_qd.report.elements import Animation, ReportFigure, Section
from keras_qd.report.figures.errors import (
    confusion_figure,
    dependence_figure,
    errors_figure,
    reliability_figure,
)
from keras_qd.report.figures.fields import (
    cuts_figure,
    energies_figure,
    systems_figure,
)
from keras_qd.report.figures.images import classes_figure, latents_figure, reconstructions_figure
from keras_qd.report.figures.style import Labels, labels_of, words
from keras_qd.report.figures.training import animation, strip_figure
from keras_qd.training.snapshots import read_snapshots

if TYPE_CHECKING:
    from keras_qd.training.run import Run

Array = NDArray[Any]

_SPREAD = (
    "Several predictions of each system, of which the mean was evaluated, and their spread against "
    "its error. Groups of about equal size by the error expected from the spread; below the line, "
    "errors are smaller than expected, above it larger."
)
_EVOLUTION = (
    "Predictions for the same systems of the validation split after some of the epochs. The last "
    "column is exact. Each system has the scale of its exact field. The animation shows every "
    "epoch that was kept, three times, with the differences on one scale."
)
_ERRORS = (
    "Distribution of the error over the systems, predicted against exact values and, if the data "
    "set has further numbers, the error over each of them: a point per system, and the medians of "
    "groups of about equal size."
)
_DECIDED = (
    "The density gap is the energy to the nearest level with another density. Below "
    f"{1e3 * UNDECIDED:g} mHa* a small change of the potential exchanges the two: such a dot is "
    "undecided."
)


def fields_sections(
    run: Run, evaluation: Evaluation, without: Sequence[str] = ()
) -> Iterator[Section]:
    """Yield the best, the median and the worst system and cuts, of the maps and lines there are."""
    fields = {**run.pipeline.inputs, **run.pipeline.targets}
    shown = [
        name
        for name, shape in fields.items()
        if run.pipeline.kind(name) in ("lines", "maps") and len(shape) in (1, 2)
    ]
    targets = [name for name in run.pipeline.targets if name in shown and name not in without]
    if evaluation.examples and targets:
        inputs = [name for name in run.pipeline.inputs if name in shown]
        yield _systems(run, evaluation, tuple(dict.fromkeys((*inputs, *targets))))
        yield from _cuts(run, evaluation.examples, targets, evaluation)


def _systems(run: Run, evaluation: Evaluation, shown: Sequence[str]) -> Section:
    """Return the section with the best, the median and the worst system."""
    labels = labels_of(run, evaluation)
    headlines = "; ".join(labels.headline(example) for example in evaluation.examples)
    figure = ReportFigure(
        "systems",
        partial(systems_figure, evaluation.examples, labels, shown),
        f"Input, exact field, predicted field and difference. {headlines}",
        kind="png",
    )
    text = (
        f"The best, the median and the worst of the {evaluation.data['n_samples']} systems. Exact "
        "and predicted values share one colour scale; the difference has its own, centred at zero."
        f"{_not_drawn(run, shown)}"
    )
    return Section("Single systems", text, (figure,))


def _not_drawn(run: Run, shown: Sequence[str]) -> str:
    """Return sentences that name the fields without a picture."""
    fields = {**run.pipeline.inputs, **run.pipeline.targets}
    left = {name: shape for name, shape in fields.items() if name not in shown}
    numbers = [words(name) for name, shape in left.items() if shape == ()]
    others = [f"{words(name)} {shape}" for name, shape in left.items() if shape != ()]
    text = f" Above each row: {', '.join(numbers)}." if numbers else ""
    return text + (f" Not drawn: {', '.join(others)}." if others else "")


def _cuts(
    run: Run, examples: tuple[Example, ...], targets: Sequence[str], evaluation: Evaluation
) -> Iterator[Section]:
    """Yield the section with cuts through the same systems, if their targets are maps."""
    labels = labels_of(run, evaluation)
    figures = tuple(
        ReportFigure(
            f"cuts_{name}",
            partial(cuts_figure, examples, name, labels),
            f"Exact and predicted {words(name)} along x and along y through the peak of the best, "
            "the median and the worst system",
        )
        for name in targets
        if examples[0].reference[name].ndim == 2
    )
    if figures:
        text = (
            "The same systems along two lines through their peak, where the exact field is largest "
            "in magnitude. All panels have one axis of values."
        )
        yield Section("Line cuts", text, figures)


def numbers_sections(run: Run, evaluation: Evaluation) -> Iterator[Section]:
    """Yield some systems on a line with their exact and predicted numbers, if they were kept."""
    figures, count = [], 0
    for name in evaluation.fields:
        kept = under(evaluation.kept, f"{name}/")
        profiles = under(kept, "profile/")
        if profiles:
            count = len(kept["exact"])
            labels = _with_units(labels_of(run, evaluation), under(kept, "unit/"))
            draw = partial(
                energies_figure, profiles, kept["exact"], kept["predicted"], name, labels
            )
            shown = f"{' and '.join(profiles)}, exact and predicted {words(name)}"
            figures.append(ReportFigure(f"systems_{name}", draw, f"{count} systems: {shown}"))
    if figures:
        text = (
            f"The first {count} of the {evaluation.data['n_samples']} systems, neither the best "
            "nor the worst: potential and density, whether or not they are inputs of the model, "
            "and the exact and the predicted number."
        )
        yield Section("Single systems", text, tuple(figures))


def _with_units(labels: Labels, units: dict[str, Array]) -> Labels:
    """Return labels with the units of profiles that are not fields of the run."""
    known = {name: str(unit) for name, unit in units.items()}
    return dataclasses.replace(labels, units={**known, **labels.units})


def errors_section(run: Run, evaluation: Evaluation) -> Iterator[Section]:
    """Yield the section on the errors in each target field that has a histogram and a ranking."""
    figures = tuple(_error_figures(run, evaluation))
    if figures:
        yield Section("Errors", _ERRORS, figures)


def _error_figures(run: Run, evaluation: Evaluation) -> Iterator[ReportFigure]:
    """Yield the distribution of the errors of each field, and the errors over other numbers."""
    labels, numbers = labels_of(run, evaluation), _varying_numbers(evaluation)
    for ranking, parity in _ranked_parities(evaluation):
        name, measured = parity.field, f"{ranking.title} of {words(parity.field)}"
        ranked = labels.ranked_by(ranking.title, ranking.unit)
        values = evaluation.samples[ranking.column]
        yield ReportFigure(
            f"errors_{name}",
            partial(errors_figure, values, parity, ranked),
            f"{measured}: histogram over the systems, and predicted against exact values",
        )
        if numbers:
            yield ReportFigure(
                f"dependence_{name}",
                partial(dependence_figure, values, numbers, ranked),
                f"{measured} over {', '.join(numbers)}",
            )


def decided_section(run: Run, evaluation: Evaluation) -> Iterator[Section]:
    """Yield the section on dots that nearly have another density, where the data set knows them."""
    (_, _, measured, squared), rows = decision_rows(evaluation)
    ranking = evaluation.ranking
    if not rows or ranking is None:
        return
    parts = "; ".join(
        f"{systems} {name}: {measured} {error}, {share} of the {squared}"
        for name, systems, error, share in rows
    )
    labels = labels_of(run, evaluation).ranked_by(ranking.title, ranking.unit)
    gaps = {DENSITY_GAP: evaluation.samples[DENSITY_GAP]}
    draw = partial(dependence_figure, evaluation.samples[ranking.column], gaps, labels)
    figure = ReportFigure("decided", draw, f"{ranking.title} over the density gap")
    yield Section("Decided and undecided dots", f"{_DECIDED} {parts}.", (figure,))


def _varying_numbers(evaluation: Evaluation) -> dict[str, Array]:
    """Return the data set's numbers that differ between systems."""
    return {name: values for name, values in evaluation.numbers.items() if np.ptp(values) > 0}


def _ranked_parities(evaluation: Evaluation) -> Iterator[tuple[Score, Parity]]:
    """Yield the histogram of each field whose systems can be ranked, with the ranking score."""
    for parity in evaluation.parities:
        ranking = ranking_score(evaluation.scores, parity.field)
        if ranking is not None:
            yield ranking, parity


def uncertainty_section(run: Run) -> Iterator[Section]:
    """Yield the section with a figure for each evaluation of `run` with several predictions."""
    figures = []
    for path in sorted((run.path / "evaluations").glob("*/metrics.json")):
        evaluation = Evaluation.read(path.parent)
        if evaluation.uncertainty is None:
            continue
        labels, source = labels_of(run, evaluation), evaluation.uncertainty.source
        figures += [
            ReportFigure(
                f"reliability_{name}_{evaluation.folder.name}",
                partial(reliability_figure, name, found, labels),
                f"Error of the {words(name)} over the error expected from the spread of {source}",
            )
            for name, found in evaluation.uncertainty.fields.items()
            if found["expected"] > 0  # not of numbers that no dropout comes before
        ]
    if figures:
        yield Section("Spread and error", _SPREAD, tuple(figures))


def evolution_section(run: Run) -> Iterator[Section]:
    """Yield the section on the snapshots of the training, if there are any."""
    snapshots = read_snapshots(run)
    if snapshots is None or not snapshots.predictions:
        return
    figures, animations = [], []
    for name in snapshots.targets:
        count = len(snapshots.predictions)
        shown = f"{words(name)} predicted after {count} epochs of the training, beside the exact"
        draw = partial(strip_figure, snapshots, name)
        render = partial(animation, snapshots, name)
        figures.append(ReportFigure(f"evolution_{name}", draw, f"Strip: {shown} one", kind="png"))
        animations.append(Animation(f"evolution_{name}", render, f"Animation: {shown} one"))
    yield Section("Evolution", _EVOLUTION, tuple(figures), tuple(animations))


@dataclass(frozen=True)
class _Gallery:
    """A section of images: the name they are kept under, its title and its text."""

    group: str
    title: str
    text: str


_SINGLE = _Gallery(
    "classes",
    "Single images",
    "{count} images, evenly over the split. Above each the predicted {field} and the probability "
    "that the model gives it. Wrong ones are framed and carry the exact one.",
)
_MISTAKES = _Gallery(
    "mistakes",
    "Mistakes",
    "{count} of the images with a wrong {field}: the prediction, its probability, and the exact "
    "one.",
)


def classes_sections(evaluation: Evaluation) -> Iterator[Section]:
    """Yield images with their classes, the confusion matrix, and mistakes, if they were kept."""
    for name in evaluation.fields:
        kept = under(evaluation.kept, f"{name}/")
        if "confusion" in kept:
            yield from _gallery(name, kept, _SINGLE)
            yield _confusion(name, kept["confusion"])
            yield from _gallery(name, kept, _MISTAKES)


def _gallery(name: str, kept: Mapping[str, Array], kind: _Gallery) -> Iterator[Section]:
    """Yield a section of images with their classes, if there are any."""
    found = under(kept, f"{kind.group}/")
    if not found or not len(found["images"]):
        return
    count, n_wrong = len(found["images"]), int((found["exact"] != found["predicted"]).sum())
    figure = ReportFigure(
        f"{kind.group}_{name}",
        partial(classes_figure, **found),
        f"{count} images with the predicted {words(name)} and its probability; {n_wrong} of them "
        "are wrong, which is marked",
        kind="png",
    )
    yield Section(kind.title, kind.text.format(count=count, field=words(name)), (figure,))


def _confusion(name: str, counts: Array) -> Section:
    """Return the section with the confusion matrix of one field."""
    wrong = int(counts.sum() - np.trace(counts))
    figure = ReportFigure(
        f"confusion_{name}",
        partial(confusion_figure, counts, name),
        f"Confusion matrix: exact {words(name)} in rows, predicted in columns",
    )
    text = (
        f"{wrong} of {int(counts.sum())} predictions are wrong. A cell holds the number of images "
        f"of the {words(name)} of its row that were predicted as that of its column."
    )
    return Section("Confusion", text, (figure,))


def reconstruction_sections(evaluation: Evaluation) -> Iterator[Section]:
    """Yield some images before and after, and latent numbers by class, if they were kept."""
    for name in evaluation.fields:
        kept = under(evaluation.kept, f"{name}/")
        if "original" in kept:
            latent = kept.get("latent", np.empty((0,)))
            yield _reconstructions(kept["original"], latent, kept["restored"])
        if "latents" in kept:
            yield _latents(kept["latents"], kept["latent_of"])


def _reconstructions(original: Array, latent: Array, restored: Array) -> Section:
    """Return the section with images, their latent numbers, and their reconstructions."""
    figure = ReportFigure(
        "reconstructions",
        partial(reconstructions_figure, original, latent, restored),
        f"{len(original)} images: the original, its latent numbers, the reconstruction",
        kind="png",
    )
    text = "Images before and after, on the same scale of grey."
    if len(latent):
        text += f" The {latent[0].size} latent numbers of each are between them."
    return Section("Single images", text, (figure,))


def _latents(latents: Array, classes: Array) -> Section:
    """Return the section with the latent numbers (classes, n, numbers) of images by class."""
    figure = ReportFigure(
        "latents",
        partial(latents_figure, latents, classes),
        f"Latent numbers of {latents.shape[1]} images of each of {len(classes)} classes",
        kind="png",
    )
    text = (
        f"The {latents.shape[2]} latent numbers, flattened, of {latents.shape[1]} images of each "
        "class: a line per image. Common features of a class show as vertical stripes."
    )
    return Section("Latent numbers", text, (figure,))
