"""The references themselves: closed forms, and each against another way to get it."""

import math

import numpy as np
import pytest

from keras_qd import physics
from keras_qd.physics.references import (
    WEAK_COUPLING_SLOPES,
    box_level,
    separated_energy,
    taut_density,
    two_electron_energy,
)


@pytest.mark.parametrize(
    ("omega", "angular_momentum", "energy"),
    [(1.0, 0, 3.0), (1 / 6, 0, 2 / 3), (1 / 3, 1, 4 / 3)],
)
def test_tauts_closed_forms(omega, angular_momentum, energy):
    assert two_electron_energy(omega, angular_momentum) == pytest.approx(energy, abs=1e-10)


@pytest.mark.parametrize(("omega", "energy"), [(0.28, 1.02164), (0.5, 1.65977), (0.1, 0.44079)])
def test_two_electrons_agree_with_published_monte_carlo(omega, energy):
    """Pedersen Lohne et al., doi:10.1103/PhysRevB.84.115302: five digits."""
    assert two_electron_energy(omega) == pytest.approx(energy, abs=1e-5)


@pytest.mark.parametrize("omega", [1.0, 0.1])
def test_integration_agrees_with_the_series(omega):
    integrated = separated_energy(omega, lambda distance: 1 / distance)
    assert integrated == pytest.approx(two_electron_energy(omega), abs=1e-8)


def test_integration_without_interaction_gives_the_oscillator():
    assert separated_energy(0.7, lambda distance: 0.0) == pytest.approx(1.4, abs=1e-8)


def test_weak_coupling_follows_from_the_exact_energy_of_two():
    """At high frequency the repulsion is a small perturbation, of relative size omega^(-1/2)."""
    omega = 1e6
    slope = (two_electron_energy(omega) - 2 * omega) / math.sqrt(0.5 * math.pi * omega)
    assert slope == pytest.approx(WEAK_COUPLING_SLOPES[2], abs=1e-3)


def test_taut_density_is_that_of_the_wave_function():
    """By brute force: the square of (1 + r12) exp(-(r1^2 + r2^2) / 2) on a grid of r2."""
    side = (np.arange(400) + 0.5) * 0.03 - 6.0
    x, y = np.meshgrid(side, side)
    for radius in (0.0, 0.7, 2.0):
        wave = (1 + np.hypot(x - radius, y)) * np.exp(-(radius**2 + x**2 + y**2) / 2)
        norm = math.pi**2 * (3 + math.sqrt(2 * math.pi))
        expected = 2 * np.sum(wave**2) * 0.03**2 / norm
        assert taut_density(np.array(radius)) == pytest.approx(expected, rel=1e-4)


def test_box_level():
    assert box_level(2.0, 2) == pytest.approx(math.pi**2 / 4)


def test_public_names():
    assert physics.two_electron_energy is two_electron_energy
