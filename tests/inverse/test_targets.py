"""Drawn densities: what every ground state is, and a potential that a device can have."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_qd import inverse, physics
from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.inverse.targets import _STROKES, resampled

BOX = physics.Box(8.0)
AREA = BOX.pixel_area(64)


def one_electron_potential(density):
    """Laplacian of the root over twice the root, by differences; odd beyond the walls."""
    root = np.sqrt(density)
    wide = np.pad(root, 1, mode="symmetric")
    wide[[0, -1]] *= -1
    wide[:, [0, -1]] *= -1
    around = wide[2:, 1:-1] + wide[:-2, 1:-1] + wide[1:-1, 2:] + wide[1:-1, :-2]
    return (around - 4 * root) / (BOX.length / len(root)) ** 2 / (2 * root)


@pytest.mark.parametrize("name", inverse.density_targets())
@pytest.mark.parametrize("n_electrons", [1, 3])
def test_a_drawn_density_is_positive_counts_the_electrons_and_vanishes_at_the_walls(
    name, n_electrons
):
    density = inverse.density_target(name).density(BOX, 64, n_electrons)
    assert density.min() > 0
    assert density.sum() * AREA == pytest.approx(n_electrons, rel=1e-12)
    # The density goes as the square of the distance to a wall: 9 at the second pixel, 1 at the
    # first.
    walls = np.concatenate(
        [density[:2].T, density[-2:][::-1].T, density[:, :2], density[:, :-3:-1]]
    )
    np.testing.assert_allclose(walls[:, 1] / walls[:, 0], 9, rtol=0.25)
    assert walls.max() < 0.01 * density.max()


@settings(max_examples=15, deadline=None)
@given(width=st.floats(0.08, 0.3), angle=st.floats(0, 6.0), arm=st.floats(0.05, 0.4))
def test_whatever_is_drawn_a_moderate_potential_holds_one_electron_there(width, angle, arm):
    target = inverse.density_target("cross", width=width, angle=angle, arm=arm)
    potential = one_electron_potential(target.density(BOX, 64, 1))
    pixel = BOX.length / 64
    scale = width * BOX.length / (2 * math.acosh(2**0.25))
    # 4 / scale^2, with differences instead of derivatives
    assert potential.max() < 2 * (math.cosh(2 * pixel / scale) - 1) / pixel**2 * (1 + 1e-9)
    assert potential.min() > -8 / scale**2
    if arm + width < 0.4:  # well away from the walls
        assert potential.min() > -2.02 / scale**2


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0, 1))
def test_each_lobe_holds_its_share(share):
    target = inverse.density_target("two-lobes", share=share, separation=0.5, width=0.08)
    density = target.density(BOX, 64, 2)
    assert density[:, :32].sum() * AREA == pytest.approx(2 * share, abs=1e-3)


def test_letters_hold_equal_shares_and_read_from_the_left():
    density = inverse.density_target("letters", text="qd", width=0.05).density(BOX, 96, 2)
    area = BOX.pixel_area(96)
    assert density[:, :48].sum() * area == pytest.approx(1, abs=2e-3)
    # The tail of the Q is below, to the right of its middle; the D is straight on its left.
    q, d = density[:, :48], density[:, 48:]
    assert q[:40, 27:41].sum() > 1.3 * q[-40:, 27:41].sum()
    assert d[:, :16].sum() > d[:, -16:].sum()


@pytest.mark.parametrize("character", sorted(_STROKES))
def test_every_character_is_one_bright_line(character):
    target = inverse.density_target("letters", text=character, width=0.04)
    density = target.density(BOX, 64, 1)
    ((_, points),) = target.parts()
    column, row = np.clip((points * 64).astype(int), 0, 63).T
    brightness = density[row, column]
    # An end falls by a half within the first pixel or two.
    assert brightness.min() > 0.3 * brightness.max()


def test_corners_and_crossings_are_hardly_brighter_than_lines():
    density = inverse.density_target("cross", width=0.06).density(BOX, 64, 1)
    assert density.max() < 1.6 * density[31, 16]


@pytest.mark.parametrize(
    ("name", "parameters", "error", "message"),
    [
        ("rign", {}, UnknownNameError, "did you mean 'ring'"),
        ("ring", {"raduis": 0.2}, UsageError, "it has width, radius"),
        ("ring", {"radius": "big"}, UsageError, "between 0.05 and 0.45"),
        ("two-lobes", {"share": 1.2}, UsageError, "between 0 and 1"),
        ("letters", {"text": "Ä"}, UnknownNameError, "unknown character"),
        ("letters", {"text": ""}, UsageError, "one to 6 characters"),
        ("letters", {"text": "QUANTUM"}, UsageError, "one to 6 characters"),
    ],
)
def test_what_cannot_be_drawn_is_refused(name, parameters, error, message):
    with pytest.raises(error, match=message):
        inverse.density_target(name, **parameters)


def test_lines_thinner_than_the_grid_are_refused():
    with pytest.raises(UsageError, match="more pixels"):
        inverse.density_target("ring", width=0.05).density(BOX, 32, 2)


def test_an_exact_density_comes_over_to_another_grid():
    potentials = {n: physics.sample_potentials(1, BOX, n, seed=3)[0] for n in (40, 64)}
    densities = {n: physics.solve(v, BOX, n_orbitals=8).density for n, v in potentials.items()}
    there = resampled(densities[64], 40)
    assert np.abs(there - densities[40]).max() < 1e-4 * densities[40].max()
    assert there.mean() == pytest.approx(densities[64].mean(), rel=1e-12)


def test_a_picture_is_painted_upright_where_it_is():
    picture = np.zeros((40, 60))
    picture[4:8, 10:14] = 200  # near the top, to the left
    density = inverse.density_of_picture(picture, BOX, 64, 2, width=0.08)
    assert density.min() > 0
    assert density.sum() * AREA == pytest.approx(2, rel=1e-12)
    row, column = np.unravel_index(density.argmax(), density.shape)
    assert column == pytest.approx(12 / 60 * 64, abs=1)
    assert row == pytest.approx(64 - (6 + 10) / 60 * 64, abs=1)  # ten dark rows were added above


def test_a_picture_on_another_grid_is_the_same_density():
    picture = np.random.default_rng(0).random((37, 37))
    coarse, fine = (inverse.density_of_picture(picture, BOX, n, 1, width=0.2) for n in (32, 64))
    assert np.abs(resampled(fine, 32) - coarse).max() < 0.02 * coarse.max()


@pytest.mark.parametrize("picture", [np.zeros((8, 8)), -np.ones((8, 8)), np.ones((8, 8, 3))])
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(DataError, match="picture"):
        inverse.density_of_picture(picture, BOX, 32, 2)
