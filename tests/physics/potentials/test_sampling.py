"""Sampling is seeded per sample and independent of the grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_qd import physics
from keras_qd.errors import UnknownNameError, UsageError

BOX = physics.Box(10.0)
FAMILIES = physics.potential_families()


def test_all_families_are_known():
    assert set(FAMILIES) == {
        "random-fourier",
        "gaussian-wells",
        "parabolic",
        "double-dot",
        "gate-array",
        "random-mixture",
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_sample_depends_on_its_number_alone(family):
    many = physics.sample_potentials(6, BOX, 16, family=family, seed=4)
    alone = physics.sample_potentials(2, BOX, 16, family=family, seed=4, first=3)
    np.testing.assert_array_equal(many[3:5], alone)
    assert not np.array_equal(many[0], many[1])
    assert not np.array_equal(
        many[0], physics.sample_potentials(1, BOX, 16, family=family, seed=5)[0]
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_the_function_is_the_same_on_every_grid(family):
    coarse = physics.sample_potentials(5, BOX, 32, family=family, seed=1)
    fine = physics.sample_potentials(5, BOX, 96, family=family, seed=1)
    # Every third cell of the fine grid has its centre where a coarse cell has it.
    np.testing.assert_allclose(fine[:, 1::3, 1::3], coarse, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("family", FAMILIES)
def test_drawn_parameters_have_the_announced_names(family):
    built = physics.potential_family(family)
    values, parameters = built.sample(physics.sample_generator(0, 7), BOX, 24)
    assert values.shape == (24, 24)
    assert values.dtype == np.float64
    assert tuple(parameters) == built.parameter_names
    np.testing.assert_array_equal(
        values, physics.sample_potentials(1, BOX, 24, family=family, first=7)[0]
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_configuration_builds_the_family_again(family):
    built = physics.potential_family(family)
    again = physics.potential_family(family, **built.configuration())
    assert again == built
    assert again.configuration() == built.configuration()


@pytest.mark.parametrize("family", FAMILIES)
def test_samples_are_smooth_enough_for_the_default_grid(family):
    potentials = physics.sample_potentials(20, BOX, 64, family=family, seed=2)
    step = np.abs(np.diff(potentials, axis=2)).max(axis=(1, 2))
    height = np.ptp(potentials, axis=(1, 2))
    assert np.all(step < 0.15 * height)


@settings(max_examples=20, deadline=None)
@given(
    family=st.sampled_from(FAMILIES),
    seed=st.integers(0, 2**63),
    index=st.integers(0, 2**31),
    length=st.floats(0.5, 50.0),
    n_pixels=st.integers(1, 40),
)
def test_every_sample_is_finite_and_scales_with_the_box(family, seed, index, length, n_pixels):
    box = physics.Box(length)
    potential = physics.sample_potentials(1, box, n_pixels, family=family, seed=seed, first=index)
    assert potential.shape == (1, n_pixels, n_pixels)
    assert np.isfinite(potential).all()
    if family in ("random-fourier", "gaussian-wells", "gate-array"):
        # All their lengths are fractions of the side: the box sets the scale and nothing else.
        unit = physics.sample_potentials(
            1, physics.Box(1.0), n_pixels, family=family, seed=seed, first=index
        )
        np.testing.assert_allclose(potential, unit, atol=1e-9)


def test_unknown_family_names_a_near_one():
    with pytest.raises(UnknownNameError, match="did you mean 'double-dot'"):
        physics.potential_family("double-dots")


def test_unknown_parameter_names_the_valid_ones():
    with pytest.raises(UsageError, match="'omgea'; it has omega, ratio"):
        physics.potential_family("parabolic", omgea=1.0)


@pytest.mark.parametrize(
    ("family", "parameters"),
    [
        ("random-fourier", {"amplitude": float("nan")}),
        ("random-fourier", {"correlation_length": 0.001}),
        ("random-fourier", {"amplitude": "1.0"}),
        ("random-fourier", {"amplitude": (2.0, 1.0)}),
        ("random-fourier", {"amplitude": (1.0, 2.0, 3.0)}),
        ("gaussian-wells", {"most": 0}),
        ("gaussian-wells", {"fewest": 5}),
        ("gaussian-wells", {"most": 2.5}),
        ("gaussian-wells", {"centre": (0.1, 1.2)}),
        ("parabolic", {"ratio": 0.0}),
        ("gate-array", {"n_gates": True}),
        ("gate-array", {"depth": (0.1, 0.2)}),
        ("random-mixture", {"components": ["random-fourier", "random-fourier"]}),
        ("random-mixture", {"components": []}),
        ("random-mixture", {"components": [3]}),
        ("random-mixture", {"components": ["random-mixture"]}),
    ],
)
def test_unusable_values_are_refused(family, parameters):
    with pytest.raises(UsageError):
        physics.potential_family(family, **parameters)


def test_other_bad_arguments_are_refused():
    with pytest.raises(UsageError, match="at least 1"):
        physics.sample_potentials(0, BOX)
    with pytest.raises(UsageError, match="not be negative"):
        physics.sample_potentials(1, BOX, seed=-1)
    with pytest.raises(UsageError, match="built already"):
        physics.sample_potentials(1, BOX, family=physics.potential_family("parabolic"), omega=1.0)
