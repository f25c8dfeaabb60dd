"""Potentials of the user's own: solved in parallel, resumed, refused ones reported."""

import numpy as np
import pytest

import keras_qd
from keras_qd.data import open_store, own_potentials, solve_potentials
from keras_qd.errors import DataError, PhysicsError, UsageError
from keras_qd.physics import Box, Solver

BOX = Box(8.0)
SOLVER = Solver(BOX, n_electrons=2)
N_PIXELS = 16


def parabolas(count):
    """Parabolas of omega = 1 in x, and a little more in y each."""
    x, y = BOX.mesh(N_PIXELS)
    return np.array([(x - 4) ** 2 / 2 + (1 + 0.05 * i) * (y - 4) ** 2 / 2 for i in range(count)])


def sharp(count):
    """Parabolas, the second of them with noise too sharp for these pixels."""
    potentials = parabolas(count)
    potentials[1] += 100.0 * np.random.default_rng(0).normal(size=(N_PIXELS, N_PIXELS))
    return potentials


@pytest.fixture(autouse=True, scope="module")
def small_shards():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_potentials, "_SHARD", 4)
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "dots.zarr"
    return solve_potentials(sharp(6), path, SOLVER, workers=2)


def test_labels_are_those_of_the_solver_with_their_errors(store):
    potential = sharp(6)[3].astype(np.float32)
    solution, without = SOLVER.solve_both(potential.astype(float))
    assert np.array_equal(store.read("potential")[3], potential)
    assert store.read("energy")[3] == pytest.approx(solution.energy, abs=1e-9)
    assert store.read("gap")[3] == pytest.approx(solution.gap, abs=1e-9)
    assert store.read("exchange")[3] == pytest.approx(solution.exchange, abs=1e-9)
    assert store.read("energy_noninteracting")[3] == pytest.approx(without.energy, abs=1e-9)
    np.testing.assert_allclose(store.read("density")[3], solution.density, atol=1e-6)
    for name in ("energy_error", "gap_error", "density_error", "pixel_error"):
        assert store.read(name)[3] == pytest.approx(getattr(solution, name), rel=1e-3, abs=1e-9)
    assert store.label_error["density"]["largest"] < 1e-3


def test_refused_potentials_are_reported_and_belong_to_no_split(store):
    assert list(store.refusals) == [1]
    with pytest.raises(PhysicsError) as refusal:
        SOLVER.solve(sharp(2)[1].astype(np.float32).astype(float))
    assert store.refusals[1] == str(refusal.value)
    assert np.isnan(store.read("energy")[1])
    assert np.isnan(store.read("energy")).sum() == 1
    for name in ("quantum-dots", "stored"):
        dataset = keras_qd.load(name, path=store.path)
        energies = [dataset.split(part)["energy"] for part in ("train", "validation", "test")]
        assert sum(map(len, energies)) == 5
        assert np.isfinite(np.concatenate(energies)).all()


def test_an_interrupted_run_resumes_and_ends_identical(store, tmp_path, monkeypatch):
    class StoppedError(Exception):
        """An interruption."""

    def interrupt(done, total):
        if done == 5:
            raise StoppedError

    path = tmp_path / "dots.zarr"
    with pytest.raises(StoppedError):
        solve_potentials(sharp(6), path, SOLVER, workers=1, progress=interrupt)
    unfinished = open_store(path)
    assert unfinished.n_finished == 4
    assert unfinished.refusals == store.refusals
    seen = []
    resumed = solve_potentials(
        sharp(6), path, SOLVER, workers=1, progress=lambda *each: seen.append(each)
    )
    assert seen == [(4 + i, 6) for i in range(3)]
    assert resumed.digest() == store.digest()
    assert resumed.refusals == store.refusals
    assert resumed.label_error == store.label_error
    monkeypatch.setattr(own_potentials, "open_workers", lambda *_: pytest.fail("nothing to do"))
    assert solve_potentials(sharp(6), path, SOLVER).digest() == store.digest()


def test_other_potentials_or_settings_are_not_mixed(store):
    with pytest.raises(UsageError, match="potentials is"):
        solve_potentials(parabolas(6), store.path, SOLVER)
    with pytest.raises(UsageError, match=r"strength is 1\.0, not 0.5"):
        solve_potentials(sharp(6), store.path, Solver(BOX, 2, strength=0.5))


@pytest.mark.parametrize("shape", [(16, 16), (1, 16, 16), (1, 16, 16, 1)])
def test_one_potential_and_a_channel_axis(shape, tmp_path):
    rows = own_potentials.Potentials.of(parabolas(1).reshape(shape))
    assert rows.block(range(1)).shape == (1, 16, 16)
    assert rows.digest() == own_potentials.Potentials.of(parabolas(1)).digest()


@pytest.mark.parametrize("shape", [(16,), (2, 16, 12), (2, 16, 16, 3), (0, 16, 16), (3, 2, 2)])
def test_other_shapes_are_errors(shape, tmp_path):
    with pytest.raises(DataError, match="shape"):
        solve_potentials(np.zeros(shape), tmp_path / "dots.zarr", SOLVER)


def test_values_that_are_not_finite_are_named(tmp_path):
    potentials = parabolas(20)
    potentials[[4, 17], 2, 2] = np.nan, np.inf
    with pytest.raises(DataError, match=r"2 of 20 .* 4, 17;"):
        solve_potentials(potentials, tmp_path / "dots.zarr", SOLVER)
    assert not (tmp_path / "dots.zarr").exists()
