"""The sentences of a result: verdict, warning, and what the discriminator contributed."""

import math
from pathlib import Path

import numpy as np
import pytest

import keras_qd
from keras_qd.evaluation import Evaluation, Score
from keras_qd.evaluation.case import adversary
from keras_qd.evaluation.scores import Comparison, score
from keras_qd.metrics import Context

CHARGE = "{} of the charge is misplaced"


def evaluation_of(*scores, values=(), **data):
    samples = {scores[0].column: np.asarray(values, dtype=float)}
    whole = {"baseline": "mean image", "n_samples": len(values), **data}
    return Evaluation(Path("runs/first"), whole, scores, samples, (), (), 0.1)


def charge(value=6.0, baseline=140.0):
    return Score(
        "density",
        "misplaced-charge",
        "physical",
        "Misplaced charge",
        "%",
        False,
        value,
        baseline,
        headline=CHARGE,
    )


def test_the_verdict_names_median_labels_and_tail():
    labels = {"density": {"median": 0.0006, "largest": 0.002, "unit": "per electron"}}
    values = np.linspace(0, 50, 101)
    verdict = evaluation_of(charge(), values=values, label_error=labels).verdict
    assert "on the median system 25 % of the charge is misplaced" in verdict
    assert "labels are good to 0.06 %" in verdict
    assert "to 0.2 %" in verdict
    assert verdict.endswith("1 system in 50 is wrong by more than 49 %")


def test_a_small_set_has_no_tail():
    found = evaluation_of(charge(), values=[1.0, 2.0, 30.0])
    assert found.verdict.endswith("the worst of 3 is at 30 %")
    assert "labels" not in found.verdict


def test_the_tail_of_a_score_that_rises():
    ssim = Score("density", "ssim", "physical", "SSIM", "", True, 0.9, 0.2)
    found = evaluation_of(ssim, values=np.linspace(0, 1, 21))
    assert found.verdict.endswith("1 system in 10 is below 0.1")


def test_a_loss_to_the_baseline_is_named():
    better = Score("density", "r2", "physical", "R2", "", True, 0.9, 0.0)
    black = Score("image", "rmse", "physical", "RMSE", "", False, 0.33, 0.26)
    assert evaluation_of(charge(), better, values=[6.0]).warning == ""
    warning = evaluation_of(black, values=[0.33]).warning
    assert "mean image" in warning
    assert "RMSE 0.33 against 0.26" in warning
    undefined = Score(
        "density", "charge-error", "physical", "Charge error", "", False, 0.1, math.nan
    )
    assert not undefined.loses


def test_charge_is_conserved_by_every_mean_and_left_out_of_scaled_values():
    generator = np.random.default_rng(3)
    exact = generator.uniform(size=(6, 8, 8))
    mean = np.broadcast_to(exact.mean(axis=0), exact.shape)
    context = Context(length=10.0)
    both = [
        Comparison("density", space, "", exact, 1.1 * exact, mean, context)
        for space in ("physical", "scaled")
    ]
    names = ("misplaced-charge", "charge-error", "r2")
    metrics = {"density": {name: keras_qd.metric(name) for name in names}}
    scores, _ = score(metrics, both, n_draws=10, rng=generator)
    assert [(each.metric, each.space) for each in scores] == [
        ("misplaced-charge", "physical"),
        ("charge-error", "physical"),
        ("r2", "physical"),
        ("r2", "scaled"),
    ]
    assert scores[0].value == pytest.approx(10.0)
    assert math.isnan(scores[1].baseline)
    assert not scores[2].typical


def test_what_the_discriminator_contributed():
    undecided = [math.log(2)] * 18
    idle = {
        "discriminator_loss": [0.36, 0.58, *undecided],
        "adversarial_loss": [1.6, 1.2, *undecided],
    }
    assert "undecided from epoch 3 of 20" in adversary(idle)
    wins = {"discriminator_loss": [0.01] * 6, "adversarial_loss": [5.0] * 6}
    assert "always wins" in adversary(wins)
    works = {"discriminator_loss": [0.5] * 6, "adversarial_loss": [1.0] * 6}
    assert "in part" in adversary(works)
    guesses = {"discriminator_loss": [0.8] * 6, "adversarial_loss": [0.6] * 6}
    assert "no better than guessing" in adversary(guesses)
    assert adversary({"loss": [1.0]}) is None
