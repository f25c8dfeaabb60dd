"""L1, L2 and Linf against their definitions, written out system by system."""

import numpy as np
import pytest

from keras_qd.errors import DataError
from keras_qd.metrics import L1, L2, Linf, unit_of
from keras_qd.metrics.tensors import accumulation_dtype

NORMS = {
    L1: lambda error: np.abs(error).sum() / error.size,
    L2: lambda error: np.linalg.norm(error) / np.sqrt(error.size),
    Linf: lambda error: np.abs(error).max(),
}


@pytest.mark.parametrize("metric", NORMS)
@pytest.mark.parametrize("shape", [(9, 8, 8), (9, 8, 6, 3), (9, 50), (9, 1), (9,)])
def test_definition(metric, shape, rng):
    reference, prediction = rng.normal(size=(2, *shape))
    error = (prediction - reference).reshape(9, -1)
    expected = [NORMS[metric](system) for system in error]
    np.testing.assert_allclose(metric().per_sample(reference, prediction), expected, rtol=1e-13)
    assert metric().over_set(reference, prediction) == pytest.approx(np.mean(expected), rel=1e-13)


def test_numbers_have_their_absolute_error(rng):
    energies, predicted = rng.normal(size=(2, 7))
    for metric in NORMS:
        np.testing.assert_allclose(
            metric().per_sample(energies, predicted[:, None]), np.abs(predicted - energies)
        )


def test_numbers_do_not_broadcast_against_each_other(rng, stream):
    energies, predicted = rng.normal(size=(2, 7)).astype("float32")
    expected = np.abs(predicted - energies).mean()
    assert stream(L1(), energies, predicted[:, None]) == pytest.approx(expected, rel=1e-6)


def test_integer_and_nested_list_input():
    assert L1().over_set([[0, 1], [2, 3]], [[0, 2], [2, 1]]) == 0.75


def test_single_numbers_are_refused():
    with pytest.raises(DataError, match="leading sample axis"):
        L1().over_set(1.0, 2.0)


def test_units_are_those_of_the_field():
    assert unit_of(L2(), field="1/a0*^2") == "1/a0*^2"


@pytest.mark.parametrize("metric", NORMS)
def test_a_single_number_is_one_system(metric):
    np.testing.assert_allclose(metric().per_sample(np.array([1.0]), np.array([3.0])), [2.0])


def test_precision_is_that_asked_for_and_at_least_single():
    wanted = (None, "float16", "float64")
    found = [accumulation_dtype(dtype) for dtype in wanted]
    assert found == ["float32", "float32", "float64"]
