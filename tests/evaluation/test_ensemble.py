"""Several predictions of the same systems: with dropout, and of an ensemble of runs."""

import json

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import RunError, UsageError
from keras_qd.evaluation import Evaluation
from keras_qd.evaluation._evaluate import Draws, with_dropout
from keras_qd.report import report
from keras_qd.report.sections import uncertainty_section
from tests.wells import copied, make_dataset


def test_mean_and_spread_of_draws():
    values = 1e4 + np.random.default_rng(0).normal(size=(7, 5, 3))
    draws = Draws()
    for each in values:
        draws.add({"density": each})
    np.testing.assert_allclose(draws.mean["density"], values.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(draws.spread["density"], values.std(axis=0, ddof=1), rtol=1e-9)


def test_dropout_stays_on_seeded_and_independent_of_the_batch(trained):
    model = trained.load_model()
    x = np.random.default_rng(0).normal(size=(3, 16, 16)).astype("float32")
    without = model.predict(x, verbose=0)
    scale = np.abs(without).max()
    first, again, other = (with_dropout(model, seed) for seed in (1, 1, 2))
    draws = [first.predict(x, verbose=0) for _ in range(2)]
    assert np.abs(draws[0] - draws[1]).max() > 1e-4 * scale
    # Batches are normalised with the statistics of training, not by their other samples.
    wild = np.concatenate([x[:1], 1000 * x[1:]])
    alone = again.predict(wild, verbose=0)[0]
    np.testing.assert_allclose(alone, draws[0][0], rtol=1e-4, atol=1e-6)
    assert np.abs(other.predict(x, verbose=0) - draws[0]).max() > 1e-4 * scale
    np.testing.assert_array_equal(model.predict(x, verbose=0), without)


def test_models_without_dropout_are_refused(trained):
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(UsageError, match="has no dropout"):
        with_dropout(trained.load_model().with_network(plain), 0)


def test_an_evaluation_with_dropout_and_its_report(evaluated_run, dataset, monkeypatch):
    run = evaluated_run
    found = keras_qd.evaluate(run, dropout_draws=4, n_draws=10, keep_predictions=True, seed=3)
    assert found.folder.name.startswith("dropout-4-test-")
    with np.load(found.folder / "predictions.npz") as archive:
        mean, spread = archive["density"], archive["density_spread"]
    error = np.abs(mean - dataset.split("test")["density"])
    assert found.score("l1").value == pytest.approx(error.mean(), rel=1e-6)
    expected = np.sqrt((spread**2).mean(axis=(1, 2)))
    np.testing.assert_allclose(found.samples["density_spread"], expected, rtol=1e-6)
    assert found.uncertainty.source == "4 draws with dropout"
    assert json.loads((found.folder / "metrics.json").read_text())["uncertainty"]["fields"]
    assert Evaluation.read(found.folder).uncertainty == found.uncertainty
    (section,) = uncertainty_section(run)
    (figure,) = section.figures
    assert figure.name == f"reliability_density_{found.folder.name}"
    assert len(figure.draw().axes) == 2
    page = report.render_report(run, Evaluation.read(run.path), [])
    assert "Uncertainty: 4 draws with dropout" in page
    assert "On other systems" not in page


def test_one_draw_has_no_spread(run):
    with pytest.raises(UsageError, match="two draws or more"):
        keras_qd.evaluate(run, dropout_draws=1)


def test_an_ensemble_is_the_mean_of_its_runs(run, tmp_path, dataset):
    other = copied(run, tmp_path / "other")
    model = run.load_model()
    model.set_weights([1.1 * values for values in model.get_weights()])
    model.save(other.path / "model.keras")
    found = keras_qd.evaluate([run, other.path], n_draws=10, keep_predictions=True)
    parts = [keras_qd.predict(each, dataset.split("test"))["density"] for each in (run, other)]
    with np.load(found.folder / "predictions.npz") as archive:
        np.testing.assert_allclose(archive["density"], np.mean(parts, axis=0), rtol=1e-5, atol=1e-7)
        spread = np.std(parts, axis=0, ddof=1)
        np.testing.assert_allclose(archive["density_spread"], spread, rtol=1e-3, atol=1e-6)
    assert found.folder.parent.parent == run.path
    assert found.uncertainty.runs == ["wells", "wells"]


def test_an_ensemble_needs_the_same_systems(run, tmp_path):
    with pytest.raises(UsageError, match="no runs to evaluate"):
        keras_qd.evaluate([])
    elsewhere = copied(run, tmp_path / "elsewhere")
    elsewhere.config["data"]["digest"] = "another"
    with pytest.raises(RunError, match="data set has changed"):
        keras_qd.evaluate([run, elsewhere])
    found = keras_qd.evaluate([run, elsewhere], data=make_dataset(seed=5), n_draws=10)
    assert not found.data["own"]


def test_classes_are_those_with_the_highest_mean_probability(classified, classifier, tmp_path):
    run, alone = copied(classified[0], tmp_path), classified[1]
    found = keras_qd.evaluate([run, classifier], n_draws=10, keep_predictions=True)
    with np.load(found.folder / "predictions.npz") as archive:
        digit, probabilities = archive["digit"], archive["digit_probabilities"]
    np.testing.assert_array_equal(digit, probabilities.argmax(axis=-1))
    assert found.score("accuracy").value == pytest.approx(alone.score("accuracy").value)
    assert found.uncertainty.fields["digit"]["expected"] == pytest.approx(0, abs=1e-6)
