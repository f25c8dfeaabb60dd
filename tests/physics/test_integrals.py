"""Integrals of the interactions against plain quadrature and against each other."""

import numpy as np
import pytest
from scipy.integrate import nquad, quad

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.physics import Interaction
from keras_qd.physics.integrals import centre_of_mass_integral, interaction_table, pair_integrals

INTERACTIONS = [
    Interaction(),
    Interaction("finite-thickness", thickness=0.05),
    Interaction("finite-thickness", thickness=2.0),
    Interaction("screened", screening_length=0.3),
    Interaction("image-charge", gate_distance=0.2),
]


def one_orbital(n_max, b=1, a=1):
    squares = np.zeros((1, n_max, n_max))
    squares[0, b - 1, a - 1] = 1.0
    return squares


def by_momenta(interaction, n_max=4):
    """(ii|ii) of the lowest sine function from the Fourier transform of w."""
    transforms = {
        "coulomb": lambda k: 2 * np.pi / k,
        "finite-thickness": lambda k: 2 * np.pi / k * np.exp(-k * interaction.length),
        "screened": lambda k: 2 * np.pi / np.hypot(k, 1 / (interaction.length or 1)),
        "image-charge": lambda k: -2 * np.pi / k * np.expm1(-2 * k * interaction.length),
    }

    def form_factor(k):
        # Fourier transform of (2 / pi) sin^2 x on [0, pi], its phase left out.
        return np.sinc(k / 2) / (1 - k**2 / 4) if abs(k - 2) > 1e-6 else 0.5

    def integrand(angle, k):
        product = form_factor(k * np.cos(angle)) * form_factor(k * np.sin(angle))
        return k * transforms[interaction.name](k) * product**2

    return (
        8
        * nquad(integrand, [(0, np.pi / 4), (1e-9, 60)], opts={"limit": 200})[0]
        / (2 * np.pi) ** 2
    )


@pytest.mark.parametrize("interaction", INTERACTIONS, ids=str)
def test_lowest_orbital_against_momentum_space(interaction):
    value = pair_integrals(one_orbital(4), interaction)[0, 0]
    assert value == pytest.approx(by_momenta(interaction), rel=1e-6)


@pytest.mark.parametrize(("p", "q"), [(0, 0), (2, 0), (3, 3), (1, 5)])
@pytest.mark.parametrize("u", [0.0, 0.4, 3.0])
def test_centre_of_mass_integral(p, q, u):
    def integrand(x):
        return np.cos(p * (x + u)) * np.cos(q * x) + np.cos(p * x) * np.cos(q * (x + u))

    value = centre_of_mass_integral(np.array([p]), np.array([q]), np.array([u]))
    assert value[0, 0] == pytest.approx(quad(integrand, 0, np.pi - u)[0], abs=1e-12)


@pytest.mark.parametrize(
    "interaction",
    [*INTERACTIONS[:1], *(pytest.param(each, marks=pytest.mark.slow) for each in INTERACTIONS[1:])],
    ids=str,
)
def test_larger_basis_gives_the_same_integrals(interaction):
    rng = np.random.default_rng(5)
    squares = np.zeros((3, 8, 8))
    squares[:, :5, :5] = rng.standard_normal((3, 5, 5))
    padded = np.pad(squares, ((0, 0), (0, 6), (0, 6)))
    small, large = pair_integrals(squares, interaction), pair_integrals(padded, interaction)
    np.testing.assert_allclose(small, large, rtol=1e-11, atol=1e-11 * abs(large).max())


def test_thin_layers_long_screening_and_far_gates_are_the_bare_interaction():
    rng = np.random.default_rng(6)
    squares = rng.standard_normal((2, 4, 4)) * np.tri(4)[::-1]
    bare = pair_integrals(squares, Interaction())
    thin = pair_integrals(squares, Interaction("finite-thickness", thickness=1e-7))
    unscreened = pair_integrals(squares, Interaction("screened", screening_length=1e8))
    far = pair_integrals(squares, Interaction("image-charge", gate_distance=1e8))
    np.testing.assert_allclose(thin, bare, rtol=1e-5)
    np.testing.assert_allclose(unscreened, bare, rtol=1e-7)
    np.testing.assert_allclose(far, bare, rtol=1e-7)


def test_table_is_made_once():
    assert interaction_table(Interaction(), 4) is interaction_table(Interaction(), 4)


def test_scaled_interaction():
    for interaction in INTERACTIONS:
        r = np.array([0.3, 1.7])
        np.testing.assert_allclose(interaction(r), 4.0 * interaction.scaled(4.0)(4.0 * r))


def test_defaults_and_refusals_of_interactions():
    assert Interaction("finite-thickness").thickness == 0.3
    assert Interaction("screened").screening_length == 1.0
    with pytest.raises(UnknownNameError, match="did you mean 'screened'"):
        Interaction("screend")
    with pytest.raises(UsageError, match="has no thickness"):
        Interaction("coulomb", thickness=1.0)
    with pytest.raises(UsageError, match="positive"):
        Interaction("screened", screening_length=0.0)
