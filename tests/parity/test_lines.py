"""Every backend computes what the stored values say of the networks on a line."""

import numpy as np
import pytest

from tests.parity.lines import N_STEPS, PATH, VARIANTS, compute


@pytest.fixture(scope="module", params=VARIANTS)
def results(request):
    """Return what this backend computes, and what is stored."""
    with np.load(PATH, allow_pickle=False) as stored:
        keys = ("prediction", "trained", "losses")
        return compute(request.param), {key: stored[f"{request.param}/{key}"] for key in keys}


# Single precision alone puts the energy CNN up to 1.5e-6 off the exact value, on JAX.
@pytest.mark.parametrize(("key", "tolerance"), [("prediction", 2e-6), ("trained", 1e-5)])
def test_numbers_agree_at_first_and_after_ten_steps(results, key, tolerance):
    computed, stored = (each[key] for each in results)

    assert stored.shape == (16, 1)
    np.testing.assert_allclose(computed, stored, rtol=0, atol=tolerance * np.abs(stored).max())


def test_losses_agree(results):
    computed, stored = (each["losses"] for each in results)

    assert stored.shape == (N_STEPS,)
    assert stored[-1] < stored[0]
    np.testing.assert_allclose(computed, stored, rtol=1e-5)
