"""The headline of an evaluation: one sentence that a physicist can quote, and a loud warning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.scores import Score

Array = NDArray[Any]

#: Loss of a discriminator that cannot distinguish exact from predicted fields.
_UNDECIDED = math.log(2)
#: How close to it both adversarial losses are called undecided.
_CLOSE = 0.02
#: Mean loss in the last half of the epochs below which the discriminator always wins.
_CERTAIN = 0.05
#: "1 system in ..." for the tail, and how many systems a set needs for each.
_TAILS = ((50, 100), (10, 20))


def verdict(evaluation: Evaluation) -> str:
    """Return how good the model is on each target field, in one sentence."""
    several = len(evaluation.fields) > 1
    parts = [
        (f"{score.field.replace('_', ' ')}: " if several else "") + _sentence(score, evaluation)
        for score in evaluation.headlines
    ]
    return ". ".join(parts)


def _sentence(score: Score, evaluation: Evaluation) -> str:
    """Return the median system, the error of the labels and the tail, as far as they are known."""
    values = evaluation.samples.get(score.column)
    known = np.empty(0) if values is None else values[np.isfinite(values)]
    if not known.size or not score.typical:
        return f"{score.title} is {quantity(score.value, score)}"
    found = (score.headline or f"{score.title} is {{}}").format(
        quantity(float(np.median(known)), score)
    )
    parts = [f"on the median system {found}", *_label_error(score, evaluation)]
    return "; ".join([*parts, _tail(known, score)])


def _label_error(score: Score, evaluation: Evaluation) -> Iterator[str]:
    """Yield how good the exact densities are, where the data set knows it."""
    found = label_error(score, evaluation)
    if found is not None:
        yield f"labels are good to {found[0]:.2g} % (the worst one checked, to {found[1]:.2g} %)"


def _tail(values: Array, score: Score) -> str:
    """Return how wrong the worst systems are, as far into the tail as their number allows."""
    ordered = np.sort(-values if score.higher_is_better else values)
    sign = -1 if score.higher_is_better else 1
    below = "below" if score.higher_is_better else "above"
    wrong = "wrong by more than" if score.headline else below
    for one_in, least in _TAILS:
        if len(ordered) >= least:
            limit = sign * float(np.quantile(ordered, 1 - 1 / one_in))
            return f"1 system in {one_in} is {wrong} {quantity(limit, score)}"
    return f"the worst of {len(ordered)} is at {quantity(sign * float(ordered[-1]), score)}"


def label_error(score: Score, evaluation: Evaluation) -> tuple[float, float] | None:
    """Return median and largest error of the exact values, of what is measured in percent."""
    found = evaluation.data.get("label_error", {}).get(score.field)
    if found is None or score.unit != "%":
        return None
    return 100 * found["median"], 100 * found["largest"]


def quantity(value: float, score: Score) -> str:
    """Return a value of a metric with its unit, in two or three digits."""
    if not math.isfinite(value):
        return "undefined"
    number = f"{value:.2g}" if abs(value) < 10 else f"{value:.3g}"
    return f"{number} {score.unit}".rstrip()


def warning(evaluation: Evaluation) -> str:
    """Return which scores are worse than the trivial baseline, with both numbers."""
    several = len(evaluation.fields) > 1
    losing = [each for each in evaluation.scores if each.space == "physical" and each.loses]
    if not losing:
        return ""
    listing = ", ".join(
        f"{each.title}{f' of {each.field}' if several else ''} "
        f"{each.value:.4g} against {each.baseline:.4g}"
        for each in losing
    )
    baseline = evaluation.data["baseline"]
    return f"worse than predicting the {baseline} for every system: {listing}"


def adversary(history: Mapping[str, Sequence[float]]) -> str | None:
    """Return what the discriminator contributed, from its losses; None without a discriminator."""
    names = ("discriminator_loss", "adversarial_loss")
    if not all(history.get(name) for name in names):
        return None
    losses = np.array([history[name] for name in names])
    n_epochs = losses.shape[1]
    decided = np.flatnonzero((np.abs(losses - _UNDECIDED) > _CLOSE).any(axis=0))
    first = int(decided[-1]) + 1 if decided.size else 0  # of the undecided epochs, from zero
    if first <= 3 * n_epochs // 4:
        return (
            f"the discriminator is undecided from epoch {first + 1} of {n_epochs} on: its loss and "
            f"the adversarial one are within {_CLOSE} of ln 2, so it cannot distinguish exact from "
            "predicted fields, and the model is a U-Net trained with the L1 loss"
        )
    late = float(losses[0, n_epochs // 2 :].mean())
    if late >= _UNDECIDED:
        return (
            f"the discriminator does no better than guessing (loss {late:.3g} in the last half of "
            f"the epochs, guessing has {_UNDECIDED:.3g})"
        )
    if late < _CERTAIN:
        return (
            f"the discriminator always wins (loss {late:.2g} in the last half of the epochs): it "
            "recognises every prediction, and its gradient carries little information"
        )
    return (
        f"the discriminator distinguishes exact from predicted fields in part (loss {late:.2g} in "
        f"the last half of the epochs; undecided is {_UNDECIDED:.3g})"
    )
