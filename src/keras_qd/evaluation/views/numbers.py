"""Numbers as targets, such as energies: systems with their numbers, and how errors are spread."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.evaluation.figures.energies import energies_figure
from keras_qd.evaluation.figures.labels import Labels, labels_of, words
from keras_qd.evaluation.plates import Plate, Section
from keras_qd.evaluation.views.spread import errors_section
from keras_qd.evaluation.views.view import View

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.trial import Trial
    from keras_qd.training.run import Run

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
        plates = tuple(_plates(run, evaluation))
        if plates:
            text = (
                f"The first {_count(evaluation)} of the {evaluation.data['n_samples']} systems, "
                "neither the best nor the worst: what is known of each, whether or not the model "
                "saw it, the exact number and the predicted one."
            )
            yield Section("Single systems", text, plates)
        yield from errors_section(run, evaluation)


def _plates(run: Run, evaluation: Evaluation) -> Iterator[Plate]:
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
