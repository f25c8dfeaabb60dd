"""Data kept for figures: ranked systems, histograms, and arrays by kind of target."""

import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.evaluation import Evaluation
from keras_qd.evaluation.figure_data import count_parity, pick, rank
from keras_qd.metrics import confusion_matrix


@pytest.mark.parametrize(
    ("values", "higher_is_better", "expected"),
    [
        ([0.3, 0.1, 0.9, 0.2, 0.4], False, (1, 0, 2)),
        ([0.1, 0.5, 0.3], True, (1, 2, 0)),
        ([0.1, np.nan, 0.3], False, (0, 2, 1)),
        ([0.1, np.nan, 0.3], True, (2, 0, 1)),
        ([0.4], False, (0, 0, 0)),
    ],
)
def test_best_median_and_worst(values, higher_is_better, expected):
    found = rank(values, higher_is_better=higher_is_better)
    assert found == dict(zip(("best", "median", "worst"), expected, strict=True))


def test_no_system_is_refused():
    with pytest.raises(UsageError, match="no systems"):
        rank([])


def test_an_example_holds_the_fields_of_its_system():
    field = np.arange(3.0)[:, None] * np.ones((3, 4))
    worst = pick([0.2, 0.1, 0.3], {"in": field}, {"out": field}, {"out": 2 * field})[-1]
    assert (worst.label, worst.index, worst.error) == ("worst", 2, 0.3)
    np.testing.assert_array_equal(worst.prediction["out"], np.full(4, 4.0))


def test_parity_counts_every_value_once():
    reference = np.random.default_rng(0).normal(size=(300, 5, 5))
    parity = count_parity("density", reference, reference)
    assert parity.counts.sum() == reference.size
    assert np.count_nonzero(parity.counts - np.diag(np.diag(parity.counts))) == 0
    assert count_parity("density", np.ones((2, 3)), np.ones((2, 3))).counts.sum() == 6
    ends = count_parity("energy", np.array([0.0, 1.0]), np.array([0.0, 0.5])).edges[[0, -1]]
    np.testing.assert_array_equal(ends, [0.0, 1.0])


def test_classes(classified, bars):
    run, evaluation = classified
    exact = bars.split("test")["digit"]
    found = keras_qd.predict(run, bars.split("test"))
    probabilities = found["digit_probabilities"]
    np.testing.assert_array_equal(found["digit"], probabilities.argmax(axis=1))
    accuracy, entropy = (evaluation.score(name) for name in ("accuracy", "cross-entropy"))
    assert accuracy.value == pytest.approx(np.mean(found["digit"] == exact))
    right = probabilities[np.arange(len(exact)), exact]
    assert entropy.value == pytest.approx(-np.log(right).mean(), rel=1e-5)
    assert accuracy.interval[0] <= accuracy.value <= accuracy.interval[1]
    # Two of three bars are horizontal, in the training split and in the test split.
    assert evaluation.data["baseline"] == "most frequent class"
    assert accuracy.baseline == pytest.approx(2 / 3)
    shares = np.array([2 / 3, 1 / 3])
    assert entropy.baseline == pytest.approx(-(shares * np.log(shares)).sum())
    kept = Evaluation.read(run.path).kept
    assert kept.keys() == evaluation.kept.keys()
    confusion = confusion_matrix(exact, found["digit"], 2)
    np.testing.assert_array_equal(kept["digit/confusion"], confusion)
    np.testing.assert_array_equal(kept["digit/classes/images"], bars.split("test")["image"])
    wrong = kept["digit/mistakes/exact"] != kept["digit/mistakes/predicted"]
    assert wrong.all()
    assert len(wrong) == (exact != found["digit"]).sum()
    assert evaluation.parities == ()


def test_reconstructions(reconstructed, bars):
    run, evaluation = reconstructed
    kept, images = evaluation.kept, bars.split("test")["image"]
    assert evaluation.data["baseline"] == "mean image"
    assert kept["image/latent"].shape == (2, 2, 2, 2)
    assert kept["image/latents"].shape == (2, 6, 8)
    np.testing.assert_array_equal(kept["image/original"], images[[1, 0]])
    scaled = run.pipeline.scale_inputs({"image": images[[1]]})
    latent = run.load_model().network.encoder.predict(scaled, verbose=0)[0]
    np.testing.assert_allclose(kept["image/latent"][0], latent, atol=1e-5)


def test_numbers(on_a_line):
    run, evaluation, dataset = on_a_line
    exact = dataset.split("test")["energy"]
    errors = np.abs(keras_qd.predict(run, dataset.split("test"))["energy"] - exact)
    assert evaluation.score("mae").value == pytest.approx(errors.mean(), rel=1e-5)
    assert evaluation.score("mse").value == pytest.approx((errors**2).mean(), rel=1e-5)
    assert evaluation.score("mse").unit == "Ha*^2"
    worst = evaluation.score("mae").systems["worst"][0]
    assert worst == {"index": errors.argmax(), "value": pytest.approx(errors.max(), rel=1e-5)}
    baseline = np.mean((dataset.split("train")["energy"].mean() - exact) ** 2)
    assert evaluation.score("mse").baseline == pytest.approx(baseline, rel=1e-6)
    assert evaluation.data["baseline"] == "mean"
    kept = evaluation.kept
    np.testing.assert_array_equal(kept["energy/exact"], exact[:25])
    potential = dataset.split("test")["potential"][:25]
    np.testing.assert_array_equal(kept["energy/profile/potential"], potential)
    assert kept["energy/unit/density"] == "1/a0*"


def test_maps_are_drawn_from_the_examples(evaluated):
    assert evaluated[1].kept == {}
    assert [each.label for each in evaluated[1].examples] == ["best", "median", "worst"]
