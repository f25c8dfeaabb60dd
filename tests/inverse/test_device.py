"""Devices: the coordinates of a family, and the nearest density that they reach."""

import dataclasses

import numpy as np
import pytest

from keras_qd import inverse, physics
from keras_qd.devices import Device, GaussianGate
from keras_qd.errors import PhysicsError, UsageError
from keras_qd.inverse import DesignSpace
from keras_qd.inverse.design_space import fit_potential
from keras_qd.physics.solver import Solver

BOX = physics.Box(6.0)
N_PIXELS = 24
GATES = physics.potential_family("gate-array", n_gates=2, gate_energy=(-4.0, 4.0), depth=0.15)
FLAT = np.zeros((N_PIXELS, N_PIXELS))


def exact(potential, n_electrons=1, n_orbitals=6):
    return physics.solve(potential, BOX, n_electrons, n_orbitals=n_orbitals).density


def fit(target, family=GATES, n_electrons=1, **settings):
    return inverse.invert_in_family(
        target, BOX, n_electrons, family, **{"n_orbitals": 6, "start": FLAT, **settings}
    )


@pytest.mark.parametrize(
    ("name", "settings", "n_coordinates"),
    [
        ("gate-array", {}, 16),
        ("gate-array", {"outer_energy": (1.0, 3.0)}, 17),
        ("double-dot", {"angle": 0.0}, 4),
        ("gaussian-wells", {"most": 3}, 12),
        ("parabolic", {}, 6),
    ],
)
def test_coordinates_are_the_parameters_with_a_range(name, settings, n_coordinates):
    family = physics.potential_family(name, **settings)
    space = DesignSpace(family, BOX, 16)
    assert space.n_coordinates == n_coordinates
    low, high = (space.parameters(np.full(n_coordinates, end)) for end in (0.0, 1.0))
    assert set(low) == set(family.parameter_names)
    assert sum(low[each] != high[each] for each in low) == n_coordinates
    # Coordinates beyond the bounds are clipped.
    beyond = space.potential(np.full(n_coordinates, 1.7))
    np.testing.assert_array_equal(beyond, space.potential(np.ones(n_coordinates)))


def test_settings_are_what_samples_draw():
    space = DesignSpace(GATES, BOX, N_PIXELS)
    potential, drawn = GATES.sample(np.random.default_rng(5), BOX, N_PIXELS)
    coordinates = [(value + 4.0) / 8.0 for name, value in drawn.items() if name != "outer_energy"]
    np.testing.assert_allclose(space.potential(coordinates), potential, atol=1e-12)


def test_potentials_of_the_family_are_found_from_any_start():
    space = DesignSpace(GATES, BOX, N_PIXELS)
    settings = np.array([0.2, 0.9, 0.4, 0.6])
    starts = list(np.random.default_rng(0).random((3, 4)))
    wanted = space.potential(settings) + 7.0  # the constant does not count
    for misfit, found in fit_potential(space, wanted, np.ones_like(wanted), starts):
        assert misfit < 1e-6
        # The outer gate is fixed, so the four are, too.
        np.testing.assert_allclose(found, settings, atol=1e-5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trench(physics.PotentialFamily):
    """A family of a third party: normal random numbers, and a rough part that nothing sets."""

    name = "trench"

    @property
    def parameters(self):
        return (
            physics.Parameter("position", (0.3, 0.7), is_length=True),
            physics.Parameter("depth", (0.0, 5.0)),
            physics.Parameter("count", (1, 2), is_count=True),
        )

    def draw(self, generator):
        position, depth, *rough = generator.normal(size=5)
        drawn = {"position": 0.5 + 0.1 * position, "depth": abs(depth), "count": 1}
        return drawn | {"rough": np.array(rough)}

    def values(self, drawn, box, n_pixels):
        x, y = box.mesh(n_pixels)
        trench = np.exp(-((x - drawn["position"] * box.length) ** 2))
        waves = sum(a * np.cos(k * y) for k, a in enumerate(drawn["rough"]))
        return 0.05 * waves - drawn["depth"] * drawn["count"] * trench


def test_a_family_of_a_third_party_is_a_device():
    space = DesignSpace(Trench(), BOX, N_PIXELS, seed=3)
    assert space.n_coordinates == 2
    settings = [0.3, 0.6]
    assert space.parameters(settings) == pytest.approx({"position": 2.52, "depth": 3.0, "count": 2})
    target = exact(space.potential(settings))
    found = fit(target, Trench(), tolerance=1e-5, seed=3)
    assert found.converged
    assert found.parameters == pytest.approx(space.parameters(settings), abs=1e-2)
    other = DesignSpace(Trench(), BOX, N_PIXELS, seed=4)
    assert not np.array_equal(other.potential(settings), space.potential(settings))


def test_a_random_field_changes_smoothly_with_its_correlation_length():
    family = physics.potential_family("random-fourier", correlation_length=(0.1, 0.4))
    space = DesignSpace(family, BOX, N_PIXELS)
    step, larger = (
        np.abs(space.potential([0.5 + size]) - space.potential([0.5])).max()
        for size in (1e-5, 2e-5)
    )
    assert larger == pytest.approx(2 * step, rel=1e-2)


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (physics.potential_family("random-mixture"), "one of those in the mixture"),
        (physics.potential_family("gate-array", gate_energy=1.0), "all settings .* are fixed"),
    ],
)
def test_what_cannot_be_set_is_refused(family, message):
    with pytest.raises(UsageError, match=message):
        DesignSpace(family, BOX, 16)


@pytest.mark.parametrize("n_electrons", [1, 2])
def test_a_density_of_the_family_is_reached_and_its_settings_are_found(n_electrons):
    settings = np.array([0.2, 0.9, 0.4, 0.6])
    space = DesignSpace(GATES, BOX, N_PIXELS)
    target = exact(space.potential(settings), n_electrons)
    found = fit(target, n_electrons=n_electrons, tolerance=1e-5)
    assert found.converged
    assert found.residual <= 1e-5
    for name, value in space.parameters(settings).items():
        assert found.parameters[name] == pytest.approx(value, abs=2e-3)
    assert found.at_bounds == ()
    error = found.potential - space.potential(settings)
    error -= np.average(error, weights=target)
    assert (np.abs(error) <= found.potential_error).mean() > 0.85
    assert found.determined.all()


def test_error_bars_of_what_no_setting_reaches_are_wide():
    target = inverse.density_target("ring", width=0.25).density(BOX, N_PIXELS, 1)
    near, far = (fit(each, n_starts=1) for each in (exact(FLAT), target))
    assert np.isfinite(far.potential_error).all()
    assert np.median(far.potential_error) > 3 * np.median(near.potential_error)


@pytest.mark.parametrize("n_electrons", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_density_is_that_of_the_accurate_solver(n_electrons):
    settings = np.array([0.2, 0.9, 0.4, 0.6])
    target = exact(DesignSpace(GATES, BOX, N_PIXELS).potential(settings), n_electrons, None)
    found = inverse.invert_in_family(target, BOX, n_electrons, GATES, tolerance=5e-3, n_starts=1)
    assert found.converged
    np.testing.assert_allclose(
        found.density, physics.solve(found.potential, BOX, n_electrons).density, atol=1e-6
    )


def test_voltages_for_a_density():
    gates = [GaussianGate(name, x, 40, 16) for name, x in (("left", 28), ("right", 52))]
    device = Device(gates, side=80, n_pixels=N_PIXELS)
    target = physics.solve(device.potential({"left": 30, "right": 45}), device.box, 2).density
    found = inverse.invert_with_gates(
        target, device, {"left": (0, 50)}, voltages={"right": 45}, tolerance=1e-3, n_starts=1
    )
    assert found.converged
    assert found.parameters == {"left": pytest.approx(30, abs=0.2)}
    bounded = inverse.invert_with_gates(
        target, device, {"left": (0, 25)}, voltages={"right": 45}, n_starts=1
    )
    assert bounded.at_bounds == ("left",)
    assert "at a bound: left" in bounded.explanation
    with pytest.raises(UsageError, match="pixels of the device"):
        inverse.invert_with_gates(target[::2, ::2], device, {"left": (0, 60)})


def test_what_comes_back_is_exact_and_within_the_bounds():
    target = inverse.density_target("ring", width=0.25).density(BOX, N_PIXELS, 2)
    found = fit(target, n_electrons=2, n_starts=1)
    again = physics.solve(found.potential, BOX, 2, n_orbitals=6)
    np.testing.assert_allclose(found.density, again.density, atol=1e-6)
    assert found.energy == pytest.approx(again.energy, abs=1e-6)
    distance = np.abs(again.density - target).sum() * BOX.pixel_area(N_PIXELS) / 2
    assert found.residual == pytest.approx(distance, rel=1e-6)
    assert all(-4 <= v <= 4 for name, v in found.parameters.items() if name != "outer_energy")


def test_what_no_setting_reaches_gives_the_nearest_and_says_so():
    off_centre = inverse.density_target("two-lobes", separation=0.5, share=0.9, width=0.2)
    target = off_centre.density(BOX, N_PIXELS, 1)
    found = fit(target)
    assert not found.converged
    assert found.reason == "stagnated"
    assert "no potential of the family gate-array came nearer" in found.explanation
    assert f"{found.residual:.2g}" in found.explanation
    assert min(found.distances) == pytest.approx(found.residual)
    # No setting at random is nearer, in the sense that is minimised.
    space = DesignSpace(GATES, BOX, N_PIXELS)
    nearest = np.square(found.density - target).sum()
    for coordinates in np.random.default_rng(1).random((20, 4)):
        other = exact(space.potential(coordinates))
        assert np.square(other - target).sum() > nearest


def test_time_that_is_up_gives_what_there_is():
    target = inverse.density_target("ring", width=0.25).density(BOX, N_PIXELS, 1)
    found = fit(target, max_seconds=1e-9)
    assert found.reason == "time"
    assert found.iterations == 0
    assert found.residual == found.start_residual


def test_an_error_of_the_solver_is_raised(monkeypatch):
    target = exact(FLAT)

    def refuse(solver, potential):
        raise PhysicsError("too sharp")

    monkeypatch.setattr(Solver, "solve", refuse)
    with pytest.raises(PhysicsError, match="too sharp"):
        fit(target)


def test_potentials_that_the_solver_refuses_on_the_way_are_passed_by(monkeypatch):
    settings = np.array([0.2, 0.9, 0.4, 0.6])
    target = exact(DesignSpace(GATES, BOX, N_PIXELS).potential(settings))
    solve, calls = Solver.solve, []

    def refuse_one(solver, potential):
        calls.append(1)
        if len(calls) == 6:  # the first step after the start and its four differences
            raise PhysicsError("too sharp")
        return solve(solver, potential)

    monkeypatch.setattr(Solver, "solve", refuse_one)
    found = fit(target, tolerance=1e-5)
    assert found.converged
    assert np.isnan(found.residuals).sum() == 1


def test_no_start_is_refused():
    with pytest.raises(UsageError, match="n_starts must be at least 1"):
        fit(exact(FLAT), n_starts=0)
