"""Mixtures: samples with different numbers of electrons and strengths of the interaction."""

import dataclasses

import numpy as np
import pytest
from tests.command import succeed

from keras_qd.data import QuantumDots, generate
from keras_qd.errors import UsageError

MIXTURE = QuantumDots(seed=3, n_electrons=(1, 2, 3), strength=(0.0, 2.0), n_pixels=32, n_orbitals=6)


@pytest.fixture(scope="module")
def samples():
    return MIXTURE.make(range(12))


def test_samples_differ_in_electrons_and_strength(samples):
    area = (10 / 32) ** 2
    assert set(samples["n_electrons"]) == {1, 2, 3}
    assert (samples["strength"] >= 0).all()
    assert (samples["strength"] <= 2).all()
    assert np.ptp(samples["strength"]) > 1
    charges = samples["density"].sum(axis=(1, 2)) * area
    np.testing.assert_allclose(charges, samples["n_electrons"], rtol=1e-6)
    assert MIXTURE.conditions == ("n_electrons", "strength")
    assert "chemical_potential" not in MIXTURE.fields
    assert ((samples["exchange"] == 0) == (samples["n_electrons"] == 1)).all()


def test_samples_are_those_of_one_number_and_strength(samples):
    for i in range(3):
        plain = dataclasses.replace(
            MIXTURE,
            n_electrons=int(samples["n_electrons"][i]),
            strength=float(samples["strength"][i]),
        )
        labels = plain.solve(samples["potential"][i].astype(float))
        for name in set(labels) & {"energy", "exchange"}:
            assert labels[name] == pytest.approx(samples[name][i], rel=1e-12)
    MIXTURE.solve_again({name: values[:3] for name, values in samples.items()})
    errors = MIXTURE.label_errors({name: values[:2] for name, values in samples.items()})
    assert errors["energy"].shape == (2,)


def test_an_entry_given_twice_is_drawn_twice_as_often():
    mixture = dataclasses.replace(MIXTURE, n_electrons=(1, 1, 2), n_orbitals=4)
    drawn = mixture.make(range(60))["n_electrons"]
    assert 30 <= (drawn == 1).sum() <= 50


def test_a_stored_mixture_is_continued(tmp_path):
    generate(tmp_path / "dots", MIXTURE, 2, workers=1)
    settings = generate(tmp_path / "dots", MIXTURE, 3, workers=1).configuration
    assert settings["n_electrons"] == [1, 2, 3]
    assert settings["strength"] == [0.0, 2.0]


def test_the_command_line_takes_lists(tmp_path):
    store = tmp_path / "dots.zarr"
    settings = ["--electrons", "[1, 2]", "--strength", "[0, 1]", "--grid", 16, "--orbitals", 4]
    succeed("generate", "quantum-dots", "--samples", 2, "--out", store, "--workers", 1, *settings)
    assert "n_electrons" in succeed("inspect", store)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_electrons": ()}, "a list that is not empty"),
        ({"n_electrons": (1, 7)}, "a whole number from 1 to 6"),
        ({"strength": (2.0, 1.0)}, "the smallest and the largest"),
        ({"strength": (0.0, 1.0, 2.0)}, "the smallest and the largest"),
        ({"n_electrons": (1, 2), "kohn_sham": True}, "leave kohn_sham out"),
        ({"n_electrons": (1, 2), "n_orbitals": 2}, "take 3 to 100 orbitals"),
    ],
)
def test_impossible_mixtures_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        QuantumDots(**settings)


def test_a_mixture_does_not_solve_a_potential_alone():
    with pytest.raises(UsageError, match="how many electrons"):
        MIXTURE.solve(np.zeros((32, 32)))
