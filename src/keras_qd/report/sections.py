"""Numbers as targets, such as energies: systems with their numbers, and how errors are spread."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.evaluation.examples import Example, Parity, count_parity
from keras_qd.evaluation.result import Evaluation
from keras_qd.evaluation.scores import ranking_score
from keras_qd.report.figures.energies import energies_figure
from keras_qd.report.figures.errors import dependence_figure, errors_figure, reliability_figure
from keras_qd.report.figures.fields import cuts_figure, drawable, systems_figure
from keras_qd.report.figures.style import Labels, labels_of, words
from keras_qd.report.figures.training import film, strip_figure
from keras_qd.report.plates import Film, Plate, Section
from keras_qd.training.snapshots import read_snapshots

if TYPE_CHECKING:
    from keras_qd.evaluation.case import Trial
    from keras_qd.evaluation.examples import Parity
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.scores import Score
    from keras_qd.training.run import Run


_TEXT = (
    "Several predictions of each system, of which the mean was judged: does their spread tell the "
    "error? Groups of about equal size by the error that the spread lets one expect; below the "
    "line, errors are smaller than expected, above it larger."
)


def uncertainty_section(run: Run) -> Iterator[Section]:
    """Yield the section with a figure for each evaluation that predicted several times.

    Parameters
    ----------
    run : Run
        The run, in whose folder those evaluations are kept; nothing is yielded without any.
    """
    plates = tuple(plate for each in uncertain_evaluations(run) for plate in _plates(run, each))
    if plates:
        yield Section("Spread and error", _TEXT, plates)


def uncertain_evaluations(run: Run) -> Iterator[Evaluation]:
    """Yield the evaluations of a run that predicted several times."""
    for path in sorted((run.path / "evaluations").glob("*/metrics.json")):
        evaluation = Evaluation.read(path.parent)
        if evaluation.uncertainty is not None:
            yield evaluation


def _plates(run: Run, evaluation: Evaluation) -> Iterator[Plate]:
    if evaluation.uncertainty is None:
        return
    labels = labels_of(run, evaluation)
    for name, found in evaluation.uncertainty.fields.items():
        yield Plate(
            f"reliability_{name}_{evaluation.folder.name}",
            partial(reliability_figure, name, found, labels),
            f"Error of the {words(name)} over the error expected from the spread of "
            f"{evaluation.uncertainty.source}",
        )


_TEXT_EVOLUTION = (
    "What the model predicted for systems of the validation split, always the same, after some of "
    "the epochs. The last column is exact. Each system has the scale of its exact field. The film "
    "shows every epoch that was kept, three times, with the differences on one scale."
)


def evolution_section(run: Run) -> Iterator[Section]:
    """Yield the section of a run that was watched; nothing for others.

    Parameters
    ----------
    run : Run
        Whose snapshots are drawn.
    """
    snapshots = read_snapshots(run)
    if snapshots is None or not snapshots.predictions:
        return
    plates, films = [], []
    for name in snapshots.targets:
        count = len(snapshots.predictions)
        shown = f"{words(name)} as predicted after {count} epochs of the training, beside the exact"
        draw = partial(strip_figure, snapshots, name)
        plates.append(Plate(f"evolution_{name}", draw, f"Strip: {shown} one", kind="png"))
        films.append(
            Film(f"evolution_{name}", partial(film, snapshots, name), f"Film: {shown} one")
        )
    yield Section("Evolution", _TEXT_EVOLUTION, tuple(plates), tuple(films))


_TEXT_SPREAD = (
    "How the error is spread over the systems, how predicted values lie against exact ones and, "
    "where the data set has such numbers, how the error depends on them: a point a system, and the "
    "medians of groups of about equal size."
)


def errors_section(run: Run, evaluation: Evaluation) -> Iterator[Section]:
    """Yield the section on the errors in each target field; none where systems are not ranked."""
    plates = tuple(_plates_spread(run, evaluation))
    if plates:
        yield Section("Errors", _TEXT_SPREAD, plates)


def _plates_spread(run: Run, evaluation: Evaluation) -> Iterator[Plate]:
    labels, numbers = labels_of(run, evaluation), varying_numbers(evaluation)
    for ranking, parity in ranked_parities(evaluation):
        name, measured = parity.field, f"{ranking.title} of {words(parity.field)}"
        ranked = labels.ranked_by(ranking.title, ranking.unit)
        values = evaluation.samples[ranking.column]
        yield Plate(
            f"errors_{name}",
            partial(errors_figure, values, parity, ranked),
            f"{measured}: histogram over the systems, and predicted against exact values",
        )
        if numbers:
            yield Plate(
                f"dependence_{name}",
                partial(dependence_figure, values, numbers, ranked),
                f"{measured} over {', '.join(numbers)}",
            )


def varying_numbers(evaluation: Evaluation) -> dict[str, Array]:
    """Return the data set's numbers that are not the same for all systems."""
    return {name: values for name, values in evaluation.numbers.items() if np.ptp(values) > 0}


def ranked_parities(evaluation: Evaluation) -> Iterator[tuple[Score, Parity]]:
    """Yield each target field's parity whose systems can be ranked, with the score that ranks."""
    for parity in evaluation.parities:
        ranking = ranking_score(evaluation.scores, parity.field)
        if ranking is not None:
            yield ranking, parity


class View(ABC):
    """How results for one kind of target are looked at.

    Attributes
    ----------
    baseline : str
        What the trivial prediction is, in words: ``"mean image"``.
    """

    baseline: str

    def keep(self, trial: Trial, prediction: Mapping[str, Array]) -> dict[str, Array]:
        """Return what the figures need beyond the scores, the table and three single systems.

        Parameters
        ----------
        trial : Trial
            The model, the data set and the split. Fields that do not go through the model are in
            ``trial.dataset.split(trial.split)``.
        prediction : mapping of str to ndarray
            The predicted target fields in physical units.

        Returns
        -------
        dict of str to ndarray
            Kept in ``figures/data.npz`` and given back as ``evaluation.kept``; so it is small.
        """
        return {}

    def parities(self, trial: Trial, prediction: Mapping[str, Array]) -> Iterator[Parity]:
        """Yield how often which exact value was predicted as which, for each target field."""
        for name, exact in trial.targets.items():
            yield count_parity(name, exact, prediction[name])

    @abstractmethod
    def sections(self, run: Run, evaluation: Evaluation) -> Iterator[Section]:
        """Yield the sections of the report between the scores and the learning curves.

        Parameters
        ----------
        run : Run
            Whose units are drawn.
        evaluation : Evaluation
            What was found, with what :meth:`keep` kept.
        """


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


Array = NDArray[Any]

#: Systems that are drawn: the first of the split, neither the best nor the worst.
_SYSTEMS = 25
#: Profiles that are drawn, where the data set has them.
_PROFILES = ("potential", "density")


class NumbersView(View):
    """Targets are one number a system."""

    baseline = "mean"

    def keep(self, trial: Trial, prediction: Mapping[str, Array]) -> dict[str, Array]:
        """Return profiles, exact and predicted numbers of the first systems on a line.

        Named ``profile/FIELD``, ``unit/FIELD`` of the profile, ``exact/FIELD`` and
        ``predicted/FIELD``; nothing where the data set has no profiles.
        """
        fields, split = trial.dataset.fields, trial.dataset.split(trial.split)
        names = [name for name in _PROFILES if name in fields and len(fields[name].shape) == 1]
        if not names:
            return {}
        first = slice(_SYSTEMS)
        return {
            **{f"profile/{name}": np.asarray(split[name][first]) for name in names},
            **{f"unit/{name}": np.array(fields[name].unit) for name in names},
            **{f"exact/{name}": values[first] for name, values in trial.targets.items()},
            **{f"predicted/{name}": prediction[name][first] for name in trial.targets},
        }

    def sections(self, run: Run, evaluation: Evaluation) -> Iterator[Section]:
        """Yield some systems on a line with their numbers, and the errors of all systems."""
        plates = tuple(_plates_numbers(run, evaluation))
        if plates:
            text = (
                f"The first {_count(evaluation)} of the {evaluation.data['n_samples']} systems, "
                "neither the best nor the worst: what is known of each, whether or not the model "
                "saw it, the exact number and the predicted one."
            )
            yield Section("Single systems", text, plates)
        yield from errors_section(run, evaluation)


def _plates_numbers(run: Run, evaluation: Evaluation) -> Iterator[Plate]:
    """Yield a figure for each target field, where there are profiles."""
    profiles = _under(evaluation, "profile/")
    if not profiles:
        return
    labels = _labels(run, evaluation)
    for name, exact in _under(evaluation, "exact/").items():
        predicted = evaluation.kept[f"predicted/{name}"]
        yield Plate(
            f"systems_{name}",
            partial(energies_figure, profiles, exact, predicted, name, labels),
            f"{len(exact)} systems: {' and '.join(profiles)}, exact and predicted {words(name)}",
        )


def _labels(run: Run, evaluation: Evaluation) -> Labels:
    """Return the labels of the run, with the units of profiles that the model does not see."""
    labels = labels_of(run, evaluation)
    units = {name: str(unit) for name, unit in _under(evaluation, "unit/").items()}
    return dataclasses.replace(labels, units={**units, **labels.units})


def _count(evaluation: Evaluation) -> int:
    return len(next(iter(_under(evaluation, "exact/").values())))


def _under(evaluation: Evaluation, prefix: str) -> dict[str, Array]:
    """Return the arrays kept under a prefix, by what follows it."""
    kept = evaluation.kept.items()
    return {key.removeprefix(prefix): values for key, values in kept if key.startswith(prefix)}
