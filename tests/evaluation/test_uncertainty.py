"""Several predictions: their mean and spread, and whether the spread tells the error."""

import json
import shutil

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.evaluation import Evaluation
from keras_qd.evaluation.ensemble import with_dropout
from keras_qd.evaluation.uncertainty import Draws, calibrate
from keras_qd.report import report
from keras_qd.report.sections import uncertainty_section
from tests.digits import copied
from tests.wells import make_dataset, make_task


def test_mean_and_spread_of_draws():
    values = 1e4 + np.random.default_rng(0).normal(size=(7, 5, 3))
    draws = Draws()
    for each in values:
        draws.add({"density": each})
    np.testing.assert_allclose(draws.mean["density"], values.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(draws.spread["density"], values.std(axis=0, ddof=1), rtol=1e-9)


@pytest.fixture(scope="module")
def drawn():
    """Systems whose errors have the spread that is claimed, which differs by a factor of ten."""
    generator = np.random.default_rng(1)
    spread = np.broadcast_to(np.geomspace(0.1, 1.0, 500)[:, None], (500, 40))
    return np.zeros((500, 40)), spread * generator.normal(size=(500, 40)), spread


@pytest.mark.parametrize(("factor", "covered"), [(1.0, 0.90), (0.5, 0.589), (2.0, 0.999)])
def test_coverage_tells_whether_the_spread_has_the_right_size(drawn, factor, covered):
    reference, prediction, spread = drawn
    found = calibrate(reference, prediction, factor * spread, 10**6, np.random.default_rng(0))
    assert found["coverage"]["0.9"] == pytest.approx(covered, abs=0.01)
    assert found["expected"] == pytest.approx(factor * found["error"], rel=0.02)
    for group in found["systems"]["reliability"]:
        assert group["expected"] == pytest.approx(factor * group["error"], rel=0.05)
    assert found["systems"]["rank_correlation"] > 0.95
    assert 0.3 < found["values"]["rank_correlation"] < 0.7


def test_few_draws_are_expected_to_miss_by_more(drawn):
    """The exact value counts as one more draw: sqrt(1 + 1/2) spreads from the mean of two."""
    two, many = (calibrate(*drawn, count, np.random.default_rng(0)) for count in (2, 10**9))
    assert two["expected"] == pytest.approx(np.sqrt(1.5) * many["expected"], rel=1e-6)


def test_a_spread_that_tells_nothing(drawn):
    reference, prediction, _ = drawn
    same = np.full_like(reference, 0.3)
    found = calibrate(reference, prediction, same, 10, np.random.default_rng(0))
    assert found["systems"]["rank_correlation"] is None
    assert len(found["systems"]["reliability"]) == 1
    nothing = calibrate(reference, prediction, 0 * same, 10, np.random.default_rng(0))
    assert set(nothing["coverage"].values()) == {0.0}
    exact = calibrate(reference, reference, 0 * same, 10, np.random.default_rng(0))
    assert set(exact["coverage"].values()) == {1.0}


def test_dropout_stays_on_and_is_seeded(trained):
    model = trained.load_model()
    x = np.random.default_rng(0).normal(size=(3, 16, 16)).astype("float32")
    without = model.predict(x, verbose=0)
    first, again, other = (with_dropout(model, seed) for seed in (1, 1, 2))
    draws = [first.predict(x, verbose=0) for _ in range(2)]
    scale = np.abs(without).max()
    assert np.abs(draws[0] - draws[1]).max() > 1e-4 * scale
    np.testing.assert_array_equal(again.predict(x, verbose=0), draws[0])
    assert np.abs(other.predict(x, verbose=0) - draws[0]).max() > 1e-4 * scale
    # The model itself is as it was.
    np.testing.assert_array_equal(model.predict(x, verbose=0), without)


def test_a_system_is_predicted_alike_in_any_company(trained):
    """Batches are normalised as in training's long run, not by whoever is in them."""
    model = with_dropout(trained.load_model(), 0)
    x = np.random.default_rng(0).normal(size=(2, 16, 16)).astype("float32")
    calm, wild = (np.concatenate([x[:1], factor * x[1:]]) for factor in (1, 1000))
    one = model.predict(calm, verbose=0)
    other = with_dropout(trained.load_model(), 0).predict(wild, verbose=0)
    np.testing.assert_allclose(one[0], other[0], rtol=1e-4, atol=1e-6)


def test_models_without_dropout_are_refused(trained):
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(UsageError, match="drops nothing"):
        with_dropout(trained.load_model().with_network(plain), 0)


def test_dropout_draws_are_judged_as_one(run, dataset):
    found = keras_qd.evaluate(run, dropout_draws=4, n_draws=10, keep_predictions=True, seed=3)
    assert found.folder.name.startswith("dropout-4-test-")
    assert not (run.path / "metrics.json").exists()
    with np.load(found.folder / "predictions.npz") as archive:
        mean, spread = archive["density"], archive["density_spread"]
    error = np.abs(mean - dataset.split("test")["density"])
    assert found.score("l1").value == pytest.approx(error.mean(), rel=1e-6)
    expected = np.sqrt((spread**2).mean(axis=(1, 2)))
    np.testing.assert_allclose(found.samples["density_spread"], expected, rtol=1e-6)
    assert found.uncertainty.source == "4 draws with dropout"
    assert json.loads((found.folder / "metrics.json").read_text())["uncertainty"]["fields"]
    assert Evaluation.read(found.folder).uncertainty == found.uncertainty
    again = keras_qd.evaluate(run, dropout_draws=4, n_draws=10, seed=3)
    np.testing.assert_array_equal(again.samples["density_l1"], found.samples["density_l1"])
    (section,) = uncertainty_section(run)
    (plate,) = section.plates
    assert plate.name == f"reliability_density_{found.folder.name}"
    assert len(plate.draw().axes) == 2


def test_the_report_tells_how_sure_the_model_is(run, monkeypatch):
    keras_qd.evaluate(run, dropout_draws=2, n_draws=10)
    own = keras_qd.evaluate(run, n_draws=10)
    assert own.uncertainty is None
    monkeypatch.setattr(report, "sections", lambda *_: [])
    page = report.render_report(run, own)
    assert "How sure it is: 2 draws with dropout" in page
    assert "On other systems" not in page


def test_one_draw_has_no_spread(run):
    with pytest.raises(UsageError, match="two draws or more"):
        keras_qd.evaluate(run, dropout_draws=1)


@pytest.fixture
def other(run, tmp_path):
    """Another run, with other weights."""
    path = shutil.copytree(run.path, tmp_path / "other")
    model = run.load_model()
    model.set_weights([1.1 * values for values in model.get_weights()])
    model.save(path / "model.keras")
    return path


def test_an_ensemble_is_the_mean_of_its_runs(run, other, dataset):
    found = keras_qd.evaluate([run, other], n_draws=10, keep_predictions=True)
    parts = [keras_qd.predict(each, dataset.split("test"))["density"] for each in (run, other)]
    with np.load(found.folder / "predictions.npz") as archive:
        np.testing.assert_allclose(archive["density"], np.mean(parts, axis=0), rtol=1e-5, atol=1e-7)
        spread = np.std(parts, axis=0, ddof=1)
        np.testing.assert_allclose(archive["density_spread"], spread, rtol=1e-3, atol=1e-6)
    assert found.folder.parent.parent == run.path
    assert found.uncertainty.runs == ["wells", "other"]


def test_an_ensemble_needs_the_same_systems(run, tmp_path):
    with pytest.raises(UsageError, match="no runs to judge"):
        keras_qd.evaluate([])
    elsewhere = keras_qd.train(
        make_task(epochs=1), tmp_path / "elsewhere", dataset=make_dataset(seed=4)
    )
    with pytest.raises(keras_qd.errors.RunError, match="data set has changed"):
        keras_qd.evaluate([run, elsewhere])
    found = keras_qd.evaluate([run, elsewhere], data=make_dataset(seed=5), n_draws=10)
    assert not found.data["own"]


def test_classes_are_those_with_the_highest_mean_probability(classifier, bars, tmp_path):
    run = copied(classifier, tmp_path)
    found = keras_qd.evaluate([run, classifier], n_draws=10, keep_predictions=True)
    with np.load(found.folder / "predictions.npz") as archive:
        digit, probabilities = archive["digit"], archive["digit_probabilities"]
    np.testing.assert_array_equal(digit, probabilities.argmax(axis=-1))
    alone = keras_qd.evaluate(run, n_draws=10)
    assert found.score("accuracy").value == pytest.approx(alone.score("accuracy").value)
    assert found.uncertainty.fields["digit"]["expected"] == pytest.approx(0, abs=1e-6)
