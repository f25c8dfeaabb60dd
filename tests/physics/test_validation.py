"""The validation table passes, would notice an error, and says where its values come from."""

import dataclasses

import pytest

from keras_qd import physics
from keras_qd.physics.validation import validation_cases

QUICK = validation_cases(quick=True)
SLOW = [case for case in validation_cases() if not case.is_quick]


@pytest.mark.parametrize("case", QUICK, ids=lambda case: f"{case.quantity}-{case.n_electrons}")
def test_quick_rows_pass(case):
    check = case.run()
    assert check.passed, f"{check.computed} instead of {check.reference} +- {check.tolerance}"


@pytest.mark.slow
@pytest.mark.parametrize("case", SLOW, ids=lambda case: f"{case.quantity}-{case.n_electrons}")
def test_slow_rows_pass(case):
    check = case.run()
    assert check.passed, f"{check.computed} instead of {check.reference} +- {check.tolerance}"


def test_every_row_is_documented():
    for case in validation_cases():
        assert case.tolerance > 0
        assert case.reason
        assert case.source.startswith("exact") or "doi:10." in case.source


def test_all_numbers_of_electrons_and_both_dimensions_are_there():
    cases = validation_cases()
    assert {case.n_electrons for case in cases if case.dimensions == 2} == set(range(1, 7))
    assert {case.n_electrons for case in cases if case.dimensions == 1} == {1, 2}


@pytest.mark.parametrize("computed", [1.1, 0.9, float("nan")])
def test_a_wrong_value_does_not_pass(computed):
    check = dataclasses.replace(QUICK[0].run(), computed=computed, reference=1.0, tolerance=0.05)
    assert not check.passed


def test_validate_counts_what_it_did(monkeypatch):
    monkeypatch.setattr("keras_qd.physics.validation.validation_cases", lambda *, quick: QUICK[:3])
    counted = []
    checks = physics.validate(
        quick=True, progress=lambda done, total: counted.append((done, total))
    )
    assert counted == [(1, 3), (2, 3), (3, 3)]
    assert [check.quantity for check in checks] == [case.quantity for case in QUICK[:3]]
