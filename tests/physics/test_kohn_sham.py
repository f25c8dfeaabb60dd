"""Exact Kohn-Sham systems: closed forms, identities of the theory, symmetries, refusals."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ive

from keras_qd import physics
from keras_qd.errors import DataError, PhysicsError, UsageError
from keras_qd.physics import Box, Interaction, hartree_potential, kohn_sham_of_density, taut_density
from keras_qd.physics._kohn_sham import FLOOR, _corrections

BOX = Box(12.0)
#: Minus the regularised sum of 1/|n| over the integer points of the plane.
LATTICE = 3.900264920001956


def distances(n_pixels, box=BOX):
    x, y = box.mesh(n_pixels)
    return np.hypot(x - box.length / 2, y - box.length / 2)


def taut(n_pixels=64, **settings):
    """Return the Kohn-Sham system of the exact density at omega = 1, for which E_2 - E_1 = 2."""
    r = distances(n_pixels)
    given = {"energy": 3.0, "level": 2.0, **settings}
    return kohn_sham_of_density(r**2 / 2, taut_density(r), BOX, **given)


@pytest.fixture(scope="module")
def dot():
    """Return box, potential, solution and Kohn-Sham system of a default dot."""
    box = Box(10.0)
    potential = physics.sample_potentials(1, box, 32, seed=3)[0]
    solution = physics.solve(potential, box)
    return box, potential, solution, physics.kohn_sham(potential, solution)


def error_of_gaussian(n_pixels):
    r = distances(n_pixels)
    found = hartree_potential(np.exp(-(r**2)) / np.pi, BOX)
    return np.abs(found - np.sqrt(np.pi) * ive(0, r**2 / 2)).max()


def test_hartree_potential_of_a_gaussian():
    coarse, fine = error_of_gaussian(48), error_of_gaussian(96)
    assert fine < 2e-6
    assert np.log2(coarse / fine) > 4.5


def test_the_value_on_one_point_is_the_lattice_sum():
    on_site, neighbour = _corrections(Interaction("coulomb"), 0.5)
    assert (on_site + 4 * neighbour) * 0.5 == pytest.approx(LATTICE, abs=1e-6)


@pytest.mark.parametrize(
    "interaction",
    [
        Interaction("finite-thickness", thickness=0.02),  # much less than a pixel
        Interaction("finite-thickness", thickness=2.0),
        Interaction("screened", screening_length=0.1),
        Interaction("image-charge", gate_distance=0.5),
        Interaction("none"),
    ],
)
def test_hartree_potential_of_other_interactions(interaction):
    density = np.exp(-(distances(81) ** 2)) / np.pi
    found = hartree_potential(density, BOX, interaction, strength=0.7)[40, 40]
    exact, _ = quad(lambda r: 2 * r * float(interaction(np.array(r))) * np.exp(-(r**2)), 1e-12, 9)
    assert found == pytest.approx(0.7 * exact, abs=2e-5)


def test_one_electron_does_not_repel_itself():
    box = Box(10.0)
    potential = physics.sample_potentials(1, box, 48, seed=1)[0]
    solution = physics.solve(potential, box, n_electrons=1, basis_tolerance=1e-8)
    found = physics.kohn_sham(potential, solution)
    error = np.abs(found.xc_potential + found.hartree_potential)[found.determined]
    assert error.max() < 5e-3
    assert found.xc_energy == pytest.approx(-found.hartree_energy, abs=1e-5)
    assert found.correlation_energy == pytest.approx(0.0, abs=1e-5)


def test_taut_potential_is_that_of_the_radial_equation():
    """v_s from logarithmic derivatives of the closed form along the radius."""
    r, step = distances(64), 1e-3
    below, here, above = (np.log(taut_density(r + shift)) for shift in (-step, 0.0, step))
    slope, curvature = (above - below) / (2 * step), (above - 2 * here + below) / step**2
    exact = 2.0 + slope**2 / 8 + (curvature + slope / r) / 4
    found = taut()
    assert np.abs(found.potential - exact)[found.determined].max() < 1e-4


def test_far_from_tauts_dot_an_electron_sees_the_other_one():
    found, r = taut(96, floor=1e-6), distances(96)
    ring = (r > 3.2) & (r < 3.6)
    assert np.abs(found.xc_potential * r + 1)[ring].max() < 0.1
    assert np.abs(found.correlation_potential[ring]).max() < 0.01


def test_virial_of_tauts_dot():
    """E_xc + T - T_s = -int n r grad v_xc, with T = 3 E_ext - 3 by the virial of all electrons."""
    found, r, step = taut(96, floor=1e-6), distances(96), 1e-4
    correlation = 3 * found.external_energy - 3 - found.kinetic_energy
    assert correlation > 0
    slope = (taut_density(r + step) - taut_density(r - step)) / (2 * step)
    weight = 2 * taut_density(r) + r * slope  # div(n r), by parts
    virial = float((found.xc_potential * weight).sum() * BOX.pixel_area(96))
    assert found.xc_energy + correlation == pytest.approx(virial, abs=1e-4)


def test_solved_dot_agrees_with_tauts_density():
    r = distances(64)
    found = physics.kohn_sham(r**2 / 2, physics.solve(r**2 / 2, BOX, accuracy=2e-4))
    exact = taut()
    density = taut_density(r)
    error = np.abs(found.xc_potential - exact.xc_potential)
    assert (error * density).sum() / density.sum() < 2e-3
    assert error[exact.determined].max() < 2e-2
    assert found.level == pytest.approx(2.0, abs=1e-3)
    assert found.xc_energy == pytest.approx(exact.xc_energy, abs=1e-3)


def test_kohn_sham_potential_gives_density_and_level_back(dot):
    box, potential, solution, _ = dot
    found = physics.kohn_sham(potential, solution, floor=1e-4)
    orbital = physics.solve(found.potential, box, n_electrons=1)
    error = np.abs(2 * orbital.density - solution.density).sum() * box.pixel_area(32) / 2
    assert error < 2e-3
    assert orbital.energy == pytest.approx(found.level, abs=2e-3)
    assert found.kinetic_energy == pytest.approx(
        2 * orbital.energy - float((found.potential * solution.density).sum() * box.pixel_area(32)),
        abs=3e-3,
    )


def test_energies_add_up_and_correlation_is_negative(dot):
    *_, solution, found = dot
    parts = found.kinetic_energy + found.external_energy + found.hartree_energy + found.xc_energy
    assert parts == pytest.approx(solution.energy)
    assert found.exchange_energy == pytest.approx(-found.hartree_energy / 2)
    assert found.xc_energy < found.exchange_energy < 0
    assert solution.one_body_energy - found.external_energy > found.kinetic_energy > 0


def test_without_interaction_nothing_is_left():
    box = Box(10.0)
    potential = physics.sample_potentials(1, box, 32, seed=3)[0]
    solution = physics.solve(potential, box, interaction="none")
    found = physics.kohn_sham(potential, solution, "none")
    assert not found.hartree_potential.any()
    assert np.abs(found.xc_potential[found.determined]).max() < 0.02
    assert found.xc_energy == pytest.approx(0.0, abs=1e-3)


def test_a_constant_in_the_potential_does_not_matter(dot):
    box, potential, solution, _ = dot
    for level in (None, 1.0):
        here = kohn_sham_of_density(potential, solution.density, box, level=level)
        higher = None if level is None else level + 5.0
        there = kohn_sham_of_density(potential + 5.0, solution.density, box, level=higher)
        np.testing.assert_allclose(there.xc_potential, here.xc_potential, atol=1e-9)
        assert there.level == pytest.approx(here.level + 5.0)


def test_without_a_level_correlation_has_no_mean():
    found, density = taut(level=None), taut_density(distances(64))
    weight = density * found.determined
    assert (found.correlation_potential * weight).sum() == pytest.approx(0.0, abs=1e-9)
    shift = (found.xc_potential - taut().xc_potential)[found.determined]
    np.testing.assert_allclose(shift, found.level - 2.0, atol=1e-9)


def test_the_undetermined_part_is_exchange():
    found, density = taut(), taut_density(distances(64))
    assert np.array_equal(found.determined, density >= FLOOR * density.max())
    empty = density < FLOOR * density.max() / 10
    assert np.array_equal(found.xc_potential[empty], -found.hartree_potential[empty] / 2)
    assert np.isfinite(found.xc_potential).all()


def test_lengths_scale():
    """Lengths divided by s and strength times s: energies and potentials times s^2."""
    s, r = 1.7, distances(48)
    here = taut(48)
    there = kohn_sham_of_density(
        s**2 * r**2 / 2,
        s**2 * taut_density(r),
        Box(BOX.length / s),
        strength=s,
        energy=3 * s**2,
        level=2 * s**2,
    )
    np.testing.assert_allclose(there.xc_potential, s**2 * here.xc_potential, atol=1e-8)
    for name in ("kinetic_energy", "external_energy", "hartree_energy", "xc_energy"):
        assert getattr(there, name) == pytest.approx(s**2 * getattr(here, name), abs=1e-8)


@pytest.mark.parametrize("turn", [np.rot90, np.transpose, np.flipud])
def test_symmetries_of_the_square(dot, turn):
    box, potential, solution, found = dot
    turned = kohn_sham_of_density(turn(potential), turn(solution.density), box, level=found.level)
    np.testing.assert_allclose(turned.xc_potential, turn(found.xc_potential), atol=1e-8)
    np.testing.assert_allclose(turned.hartree_potential, turn(found.hartree_potential), atol=1e-12)


def test_what_has_no_single_orbital_is_refused(dot):
    box, potential, *_ = dot
    triplet = physics.solve(potential, box, spin=1)
    with pytest.raises(PhysicsError, match=r"singlet only.*S\^2 = 2.*spin=0"):
        physics.kohn_sham(potential, triplet)
    three = physics.solve(potential, box, n_electrons=3, n_orbitals=6)
    with pytest.raises(PhysicsError, match="has 3; solve with n_electrons=2"):
        physics.kohn_sham(potential, three)


def test_bad_densities_are_refused():
    r = distances(32)
    potential, density = r**2 / 2, taut_density(r)
    with pytest.raises(DataError, match="integrates to 3"):
        kohn_sham_of_density(potential, 1.5 * density, BOX)
    with pytest.raises(DataError, match="not negative"):
        kohn_sham_of_density(potential, density - 0.01, BOX)
    with pytest.raises(DataError, match=r"\(32, 32\) and \(16, 16\)"):
        kohn_sham_of_density(potential, density[::2, ::2], BOX)
    with pytest.raises(UsageError, match="floor"):
        kohn_sham_of_density(potential, density, BOX, floor=0.0)
