"""Every backend computes what the stored values say: predictions, training and losses.

Tolerances are relative to the largest value of an image: round-off, not more. Weights after many
more steps cannot be compared: two adversaries amplify round-off even on one backend.
"""

import numpy as np
import pytest

from tests.parity.golden import LOSSES, N_STEPS, PATH, VARIANTS, compute


@pytest.fixture(scope="module", params=VARIANTS)
def results(request):
    """Return what this backend computes, and what is stored."""
    with np.load(PATH, allow_pickle=False) as stored:
        keys = ("prediction", "trained", "losses")
        return compute(request.param), {key: stored[f"{request.param}/{key}"] for key in keys}


def test_predictions_agree(results):
    computed, stored = (r["prediction"] for r in results)

    np.testing.assert_allclose(computed, stored, rtol=0, atol=1e-6 * np.abs(stored).max())


def test_training_agrees_through_ten_steps(results):
    computed, stored = (r["trained"] for r in results)

    np.testing.assert_allclose(computed, stored, rtol=0, atol=1e-5 * np.abs(stored).max())


def test_losses_agree_over_twenty_steps(results):
    computed, stored = (r["losses"] for r in results)

    assert stored.shape == (N_STEPS, len(LOSSES))
    assert stored[-1, 0] < stored[0, 0]
    np.testing.assert_allclose(computed, stored, rtol=1e-5)
