"""``keras-qd validate``: the solvers against exact and published values."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from keras_qd.cli.options import as_json
from keras_qd.cli.output import counting, echo, print_json, print_table
from keras_qd.errors import PhysicsError

if TYPE_CHECKING:
    from keras_qd.physics.validation import Check

_HEADER = (
    *("", "quantity", "D", "N", "system", "computed", "reference"),
    *("error", "estimated", "tolerance"),
)


@click.command("validate")
@click.option("--quick", is_flag=True, help="Skip checks that take more than a few seconds.")
@click.option("--sources", is_flag=True, help="Also print the source of each reference value.")
@as_json
def command(quick: bool, sources: bool, as_json: bool) -> None:
    """Check the solvers against exact and published values.

    If a solution estimates its own error, the estimate is printed next to the true error. The exit
    code is 1 if a value is outside its tolerance.

    \b
    Examples:
      keras-qd validate --quick
      keras-qd validate --sources
    """
    from keras_qd.physics.validation import validate

    with counting("validating", "values") as count:
        checks = validate(quick=quick, progress=count)
    if as_json:
        print_json([_as_mapping(check) for check in checks])
    else:
        print_table([_as_row(check) for check in checks], _HEADER)
        if sources:
            _print_sources(checks)
    _refuse_failures(checks)


def _as_mapping(check: Check) -> dict[str, Any]:
    return {**dataclasses.asdict(check), "error": check.error, "passed": check.passed}


def _as_row(check: Check) -> tuple[str, ...]:
    return (
        "ok" if check.passed else "OFF",
        check.quantity,
        str(check.dimensions),
        str(check.n_electrons),
        check.strength,
        f"{check.computed:.8f}",
        f"{check.reference:.8f}",
        f"{check.error:+.1e}",
        "" if check.estimated_error is None else f"{check.estimated_error:.1e}",
        f"{check.tolerance:.0e}",
    )


def _print_sources(checks: list[Check]) -> None:
    for check in checks:
        echo(
            f"\n{check.quantity}, {check.dimensions}D, N = {check.n_electrons}, {check.strength}"
            f"\n  reference: {check.source}\n  tolerance: {check.reason}"
        )


def _refuse_failures(checks: list[Check]) -> None:
    failed = [check for check in checks if not check.passed]
    if failed:
        worst = max(failed, key=lambda check: abs(check.error) / check.tolerance)
        raise PhysicsError(
            f"{len(failed)} of {len(checks)} values are off, worst the {worst.quantity} of"
            f" {worst.n_electrons} electron(s) at {worst.strength}: {worst.computed:.8g} instead of"
            f" {worst.reference:.8g}; do not use the solvers of this installation"
        )
