"""The validation table passes, detects an error, and names its sources."""

import dataclasses

import pytest

from keras_qd import physics
from keras_qd.physics.validation import compute_check
from keras_qd.physics.validation_cases import validation_cases

CASES = validation_cases()
#: Rows that take most of the time of the table.
SLOW = (
    "slope of the energy",
    "singlet energy, screened",
    "singlet energy, finite thickness",
    "energy / omega in 6 shells",
)


def is_slow(case):
    # The dot of omega = 0.01 is 60 a0* wide and takes a minute on its grid.
    wide = case.strength == "omega = 0.01" and "grid" in case.quantity
    return not case.is_quick or wide or (case.quantity.startswith(SLOW) and case.n_electrons != 3)


def row(case):
    marks = [pytest.mark.slow] if is_slow(case) else []
    return pytest.param(case, marks=marks, id=f"{case.quantity}-{case.strength}-{case.n_electrons}")


@pytest.mark.parametrize("case", [row(case) for case in CASES])
def test_rows_pass(case):
    check = compute_check(case)
    assert check.passed, f"{check.computed} instead of {check.reference} +- {check.tolerance}"


def test_every_row_is_documented():
    for case in CASES:
        assert case.tolerance > 0
        assert case.reason
        assert case.source.startswith("exact") or "doi:10." in case.source


def test_all_numbers_of_electrons_and_both_dimensions_are_there():
    assert {case.n_electrons for case in CASES if case.dimensions == 2} == set(range(1, 7))
    assert {case.n_electrons for case in CASES if case.dimensions == 1} == {1, 2}


def test_quick_rows_are_those_without_the_slow_ones():
    quick = {case.quantity for case in validation_cases(quick=True)}
    assert quick == {case.quantity for case in CASES if case.is_quick}


@pytest.mark.parametrize("computed", [1.1, 0.9, float("nan")])
def test_a_wrong_value_does_not_pass(computed):
    check = dataclasses.replace(
        compute_check(CASES[0]), computed=computed, reference=1.0, tolerance=0.05
    )
    assert not check.passed


def test_validate_counts_what_it_did(monkeypatch):
    monkeypatch.setattr("keras_qd.physics.validation.validation_cases", lambda *, quick: CASES[:3])
    counted = []
    checks = physics.validate(
        quick=True, progress=lambda done, total: counted.append((done, total))
    )
    assert counted == [(1, 3), (2, 3), (3, 3)]
    assert [check.quantity for check in checks] == [case.quantity for case in CASES[:3]]
