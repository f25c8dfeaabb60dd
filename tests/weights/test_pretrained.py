"""Networks that come trained: files, predictions, limits, and what starts from them."""

import json
import shutil

import numpy as np
import pytest
from tests.command import call, refused, succeed

import keras_qd
from keras_qd.data import QuantumDots, generate
from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.solver import Solver
from keras_qd.weights import Pretrained, familiar_ranges, is_familiar, write_pretrained

NAME = "potential-to-density"
INVERSE = "density-to-potential"
MEGABYTES = 8


def parabola(omega, length=10.0, n_pixels=64):
    x, y = Box(length).mesh(n_pixels)
    return 0.5 * omega**2 * ((x - length / 2) ** 2 + (y - length / 2) ** 2)


@pytest.fixture(scope="module")
def model():
    return keras_qd.pretrained(NAME)


@pytest.fixture(scope="module")
def dots():
    return np.array([parabola(omega) for omega in (0.4, 0.6, 0.8)])


def test_one_trained_in_bfloat16_predicts_in_single_precision(tmp_path):
    trained = keras_qd.pretrained(NAME)
    trained.predictor.settings["dtype"] = "mixed_bfloat16"
    made = write_pretrained(trained, trained.card, "mine", tmp_path)
    assert "dtype" not in made.card["model_config"]
    assert made().predictor.settings["dtype"] == "float32"


@pytest.mark.parametrize("n_electrons", [1, 2, 3])
def test_predictions_are_near_the_exact_solution(model, n_electrons):
    potential = parabola(0.6)
    exact = Solver(Box(10.0), n_electrons).solve(potential)
    found = model.ground_states(potential, n_electrons)
    area = (10.0 / 64) ** 2
    assert np.abs(found["density"] - exact.density).sum() * area < 0.1 * n_electrons
    assert found["energy"] == pytest.approx(exact.energy, abs=0.1)
    assert found["density"].sum() * area == pytest.approx(n_electrons, rel=1e-5)
    assert found["familiar"]


def test_chemical_potentials_are_differences_of_energies(model, dots):
    one, two = (model.ground_states(dots, n) for n in (1, 2))
    np.testing.assert_allclose(one["chemical_potential"], one["energy"], rtol=1e-6)
    np.testing.assert_allclose(two["chemical_potential"], two["energy"] - one["energy"], atol=1e-5)


@pytest.mark.parametrize("n_electrons", [2, 3, 4])
def test_exchange_is_near_the_exact_one(model, n_electrons):
    potential = parabola(0.6)
    exact = Solver(Box(10.0), n_electrons).solve(potential).exchange
    assert model.ground_states(potential, n_electrons)["exchange"] == pytest.approx(exact, abs=0.05)
    assert np.isnan(model.ground_states(potential, 1)["exchange"])


def test_a_box_of_another_size_follows_from_the_scaling_of_lengths(model):
    # Twice the side, a quarter of the energies, half the strength: the same dot.
    small = model.ground_states(parabola(0.6), 2, strength=1.0)
    large = model.ground_states(parabola(0.6) / 4, 2, strength=0.5, box_length=20.0)
    np.testing.assert_allclose(large["density"], small["density"] / 4, rtol=1e-4, atol=1e-7)
    for name in ("energy", "exchange"):
        assert large[name] == pytest.approx(small[name] / 4, rel=1e-5)


def test_numbers_may_be_left_out(model, dots):
    default = model.predict(dots, verbose=0)
    given = {"potential": dots, "n_electrons": np.full(3, 2.0), "strength": np.ones(3)}
    for name, values in model.predict(given, verbose=0).items():
        np.testing.assert_array_equal(values, default[name])
    assert model.predict(dots[0], verbose=0)["density"].shape == (64, 64)


@pytest.mark.parametrize(
    ("potential", "n_electrons", "strength"),
    [
        (parabola(9.0), 2, 1.0),
        (np.random.default_rng(0).normal(size=(64, 64)), 2, 1.0),
        (parabola(0.6), 5, 1.0),
        (parabola(0.6), 2, 3.0),
    ],
    ids=["too stiff", "noise", "too many electrons", "too strong"],
)
def test_what_is_unlike_the_training_is_flagged(model, potential, n_electrons, strength):
    assert not model.ground_states(potential, n_electrons, strength)["familiar"]


def test_ranges_are_those_of_the_potentials(dots):
    assert is_familiar(familiar_ranges(dots), dots).all()
    assert not is_familiar(familiar_ranges(dots[:2]), dots[2:]).any()


@pytest.fixture(scope="module")
def inverse():
    return keras_qd.pretrained(INVERSE)


def where_the_electrons_are(density, potential):
    """Return a potential less its mean there, and the weights."""
    weights = density / density.sum()
    return potential - (weights * potential).sum(), weights


@pytest.mark.parametrize(("n_electrons", "strength"), [(1, 1.0), (2, 1.0), (3, 0.5)])
def test_a_density_leads_back_to_its_potential(inverse, n_electrons, strength):
    potential = parabola(0.6)
    exact = Solver(Box(10.0), n_electrons, strength=strength).solve(potential)
    found = inverse.potentials(exact.density, strength)
    wanted, weights = where_the_electrons_are(exact.density, potential)
    reached, _ = where_the_electrons_are(exact.density, found["potential"])
    error = (weights * np.abs(reached - wanted)).sum()
    assert error < 0.3 * (weights * np.abs(wanted)).sum()
    assert found["familiar"]
    assert np.mean(np.exp(-2 * found["potential"])) == pytest.approx(1.0, abs=0.05)


def test_a_density_in_a_box_of_another_size(inverse):
    density = Solver(Box(10.0), 2).solve(parabola(0.6)).density
    small = inverse.potentials(density)["potential"]
    large = inverse.potentials(density / 4, strength=0.5, box_length=20.0)["potential"]
    np.testing.assert_allclose(large, small / 4, rtol=1e-4, atol=1e-6)


def test_a_density_unlike_the_training_is_flagged(inverse):
    noise = np.random.default_rng(0).uniform(0.0, 0.04, (2, 64, 64))
    assert not inverse.potentials(noise)["familiar"].any()


def test_the_command_line_predicts_potentials(inverse, tmp_path):
    density = Solver(Box(10.0), 2).solve(parabola(0.6)).density
    np.save(tmp_path / "wanted.npy", density)
    arguments = ("--model", INVERSE, tmp_path / "wanted.npy", "--out", tmp_path / "found.npz")
    succeed("predict", *arguments, "--strength", 1.0)
    found = np.load(tmp_path / "found.npz")["potential"]
    expected = inverse.potentials(density)["potential"]
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


def test_impossible_dots_are_refused(model, dots):
    with pytest.raises(UsageError, match="positive length"):
        model.ground_states(dots, box_length=0.0)
    with pytest.raises(DataError, match="'potential' is missing"):
        model.predict({"strength": np.ones(1)})


def test_the_card_says_what_there_is_to_say(model):
    card = model.card
    assert {"data", "training", "error", "limits", "digest"} <= set(card)
    assert set(card["error"]) >= {"all", "N = 1", "N = 2", "N = 3", "N = 4"}
    assert card["data"]["digest"]
    assert "pretraining.py" in card["training"]["command"]


def test_the_files_of_the_package_are_small():
    every = [Pretrained(name, "") for name in (NAME, INVERSE)]
    files = [path for each in every for path in (each.weights_path, each.card_path)]
    assert sum(path.stat().st_size for path in files) < MEGABYTES * 10**6


def test_names_and_listing():
    assert NAME in keras_qd.names("pretrained")
    assert NAME in json.loads(succeed("list", "pretrained", "--json"))["pretrained"]
    with pytest.raises(UnknownNameError, match="did you mean 'potential-to-density'"):
        keras_qd.pretrained("potential-to-densty")


def test_damaged_files_are_refused(tmp_path):
    original = Pretrained(NAME, "")
    copy = Pretrained(NAME, "", folder=tmp_path)
    shutil.copy(original.card_path, tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        copy()
    content = bytearray(original.weights_path.read_bytes())
    content[1000] ^= 1
    copy.weights_path.write_bytes(content)
    with pytest.raises(DataError, match="is damaged"):
        copy()
    copy.card_path.write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        copy()


def test_the_command_line_predicts_with_it(model, dots, tmp_path):
    np.save(tmp_path / "dots.npy", dots)
    arguments = ("--model", NAME, tmp_path / "dots.npy", "--out", tmp_path / "found.npz")
    succeed("predict", *arguments, "--electrons", 3)
    found = np.load(tmp_path / "found.npz")
    expected = model.predict({"potential": dots, "n_electrons": np.full(3, 3.0)}, verbose=0)
    np.testing.assert_allclose(found["density"], expected["density"], atol=1e-5)
    np.save(tmp_path / "noise.npy", np.random.default_rng(0).normal(size=(2, 64, 64)))
    arguments = ("--model", NAME, tmp_path / "noise.npy", "--out", tmp_path / "noise.npz")
    _, message = refused("predict", *arguments, "--electrons", 0)
    assert "electrons" in message
    assert "unlike" in call("predict", *arguments).error
    _, message = refused("predict", tmp_path / "noise.npy", "--out", tmp_path / "other.npz")
    assert "--model NAME" in message


@pytest.mark.parametrize(("name", "field"), [(NAME, "density"), (INVERSE, "potential")])
def test_error_bars_are_those_of_the_card(model, dots, tmp_path, name, field):
    maps = dots if name == NAME else model.ground_states(dots)["density"]
    np.save(tmp_path / "maps.npy", maps)
    arguments = ("--model", name, tmp_path / "maps.npy", "--out", tmp_path / "found.npz")
    succeed("predict", *arguments, "--uncertainty")
    bars = np.load(tmp_path / "found.npz")[f"{field}_error"]
    assert bars.shape == (3,)
    assert ((bars > 0) & (bars < 0.5)).all()


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    recipe = QuantumDots(n_electrons=(1, 2), strength=(0.0, 2.0), n_orbitals=4)
    return generate(tmp_path_factory.mktemp("data") / "dots.zarr", recipe, 24, workers=1).path


def test_a_training_starts_from_it(mixture, tmp_path):
    task = keras_qd.task(
        "potential-and-electrons-to-density",
        dataset="stored",
        dataset_config={"path": str(mixture)},
        epochs=1,
        batch_size=8,
        schedule="constant",
    )
    run = keras_qd.train(task, tmp_path / "tuned", start=NAME, report=lambda *progress: None)
    # One step of warm-up: still the pretrained network, where a new one knows nothing.
    assert run.history()["density_nmae"][0] < 0.5
    again = keras_qd.train(task, tmp_path / "again", start=run, report=lambda *progress: None)
    assert again.config["from"] == str(run.path)


def test_a_task_of_other_fields_cannot_start_from_it(mixture, tmp_path):
    arguments = ("--data", mixture, "--out", tmp_path / "run", "--from", NAME)
    finished = call("train", "potential-to-density", *arguments)
    assert finished.code == 2
    assert "choose a task with the same fields" in finished.error
