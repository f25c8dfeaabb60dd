"""The verb validate: a table or JSON, and exit code 1 when a value is off."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

from keras_qd.cli.validate import command
from keras_qd.errors import PhysicsError
from keras_qd.physics.validation import validation_cases


@pytest.fixture
def three_rows(monkeypatch):
    checks = [case.run() for case in validation_cases(quick=True)[:3]]
    monkeypatch.setattr("keras_qd.physics.validation.validate", lambda **_: checks)
    return checks


@pytest.mark.usefixtures("three_rows")
def test_table_and_sources():
    result = CliRunner().invoke(command, ["--quick", "--sources"])
    assert result.exit_code == 0, result.output
    assert result.output.count("ok  ") == 3
    assert "tolerance: Numerov's error" in result.output


def test_json(three_rows):
    result = CliRunner().invoke(command, ["--json"])
    rows = json.loads(result.stdout)
    assert [row["reference"] for row in rows] == [check.reference for check in three_rows]
    assert all(row["passed"] for row in rows)


def test_a_value_that_is_off_is_an_error(three_rows, monkeypatch):
    wrong = [*three_rows[:2], dataclasses.replace(three_rows[2], computed=0.6)]
    monkeypatch.setattr("keras_qd.physics.validation.validate", lambda **_: wrong)
    result = CliRunner().invoke(command, [])
    assert isinstance(result.exception, PhysicsError)
    assert "1 of 3 values are off" in str(result.exception)
    assert "0.6 instead of 0.5" in str(result.exception)
    assert "OFF" in result.output
