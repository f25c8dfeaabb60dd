"""Sources of targets, and the problem that follows from their data."""

import numpy as np
import pytest
from PIL import Image

import keras_qd
from keras_qd import inverse
from keras_qd.errors import DataError, KerasQDError, UnknownNameError, UsageError
from keras_qd.inverse.problem import Conditions
from keras_qd.inverse.session import find_source, open_session
from keras_qd.physics import Box, Interaction

BOX = Box(10.0)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A few solved dots on 16 x 16 pixels."""
    recipe = keras_qd.data.QuantumDots(
        n_pixels=16, n_orbitals=6, box_length=6.0, interaction="finite-thickness", strength=0.5
    )
    return keras_qd.data.generate(
        tmp_path_factory.mktemp("data") / "dots.zarr", recipe, 8, workers=1
    )


def densities(n=3):
    target = inverse.density_target("two-lobes", width=0.3)
    return np.stack([target.density(BOX, 16, 2)] * n) * (1 + 1e-3 * np.arange(n))[:, None, None]


def test_a_store_says_what_its_densities_are_of(store):
    session = open_session(str(store.path), split="all", samples=slice(2, 5))
    problem = session.problem
    assert (problem.n_electrons, problem.box.length, problem.strength) == (2, 6.0, 0.5)
    assert problem.interaction == Interaction("finite-thickness")
    assert session.first == 2
    np.testing.assert_allclose(session.targets, store.read("density")[2:5], rtol=1e-5)


def test_the_distance_of_a_metal_plane_is_read_and_can_be_given(store):
    recipe = keras_qd.data.QuantumDots(interaction="image-charge", gate_distance=2.5)
    made = {"configuration": recipe.configuration()}
    plane = Interaction("image-charge", gate_distance=2.5)
    assert Conditions.of_metadata(made, "density").interaction == plane
    problem = open_session(str(store.path), split="all", gate_distance=2.5).problem
    assert problem.interaction == plane
    assert problem.describe()["gate_distance"] == 2.5


def test_the_noninteracting_density_of_a_store_has_no_interaction(store):
    session = open_session(str(store.path), split="all", field="density_noninteracting")
    assert session.problem.interaction.name == "none"


def test_a_store_has_splits(store):
    split = keras_qd.load("stored", path=str(store.path)).split("train")["density"]
    assert len(open_session(str(store.path), split="train").targets) == len(split)


def test_what_is_given_wins_over_what_data_say(store):
    session = open_session(str(store.path), split="all", interaction="screened", strength=2.0)
    assert session.problem.interaction == Interaction("screened")
    assert session.problem.strength == 2.0
    with pytest.raises(DataError, match=r"target 0: .* 2 electrons, expected 3"):
        open_session(str(store.path), split="all", electrons=3)


@pytest.mark.parametrize("suffix", [".npy", ".npz", "-alone.npz"])
def test_arrays_come_as_they_are(suffix, tmp_path):
    path = tmp_path / f"wanted{suffix}"
    if suffix == ".npy":
        np.save(path, densities())
    elif suffix == ".npz":
        np.savez(path, density=densities(), potential=0 * densities())
    else:
        np.savez(path, whatever=densities())
    session = open_session(str(path), electrons=2, samples=slice(1, None))
    assert session.targets.shape == (2, 16, 16)
    np.testing.assert_allclose(session.targets.sum((1, 2)) * BOX.pixel_area(16), 2, rtol=1e-12)
    assert open_session(str(path), electrons=2, points=24).targets.shape == (3, 24, 24)


def test_one_array_alone_is_one_target(tmp_path):
    np.save(tmp_path / "one.npy", densities()[0])
    assert open_session(str(tmp_path / "one.npy"), electrons=2).targets.shape == (1, 16, 16)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_bright_spot_of_an_image_becomes_a_dense_one(mode, tmp_path):
    grey = np.zeros((40, 40), np.uint8)
    grey[4:10, 28:34] = 250  # above, to the right
    Image.fromarray(grey).convert(mode).save(tmp_path / "spot.png")
    name = str(tmp_path / "spot.png")
    (density,) = open_session(name, electrons=1, points=32, settings={"width": 0.1}).targets
    row, column = np.unravel_index(density.argmax(), density.shape)
    assert (row, column) == (pytest.approx(26, abs=1), pytest.approx(24.5, abs=1))


def test_a_shape_is_drawn_where_nothing_else_is_known():
    session = open_session("letters", settings={"text": "D"}, electrons=1, length=8.0)
    assert session.title == "letters D"
    assert session.targets.shape == (1, 64, 64)
    assert session.problem.box.length == 8.0
    assert session.problem.interaction == Interaction("coulomb")


@pytest.mark.parametrize(
    ("name", "settings", "error", "message"),
    [
        ("rign", {}, UnknownNameError, "did you mean 'ring'"),
        ("ring", {"colour": 1}, UsageError, "it has width, radius"),
        ("ring", {}, UsageError, "pass --electrons"),
        ("nowhere.npy", {}, DataError, "does not exist"),
        ("nowhere.png", {}, DataError, "nowhere.png"),
        ("nowhere.zarr", {}, KerasQDError, "nowhere.zarr"),
    ],
)
def test_what_cannot_be_found_is_an_error(name, settings, error, message):
    with pytest.raises(error, match=message):
        open_session(name, settings=settings, electrons=None if message[:4] == "pass" else 2)


def test_files_that_cannot_be_used_are_refused(tmp_path):
    np.savez(tmp_path / "two.npz", a=densities(), b=densities())
    np.save(tmp_path / "line.npy", np.ones(8))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    for name, message in [
        ("two.npz", "it has a, b; choose one with --field"),
        ("line.npy", "expected densities"),
        ("objects.npy", "cannot be read"),
        ("broken.npz", "cannot be read"),
    ]:
        with pytest.raises(DataError, match=message):
            find_source(str(tmp_path / name), {})
    np.save(tmp_path / "good.npy", densities())
    with pytest.raises(UsageError, match="only shapes and images"):
        find_source(str(tmp_path / "good.npy"), {"width": 0.1})
    with pytest.raises(DataError, match="has 3 densities, none of them in --samples"):
        find_source(str(tmp_path / "good.npy"), {}, samples=slice(7, 8))
