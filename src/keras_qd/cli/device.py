"""``keras-qd device``: stability diagrams, sweeps and design of gate-defined devices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd._files import write_bytes, write_json
from keras_qd.cli.options import (
    COUNT,
    FiniteRange,
    InputPath,
    OutputPath,
    as_json,
    read_numbers,
    read_voltages,
    seed,
)
from keras_qd.cli.output import counting, echo, format_number, print_json, print_table
from keras_qd.errors import PhysicsError, UsageError

if TYPE_CHECKING:
    from keras_qd.devices import Device, StabilityDiagram, Sweep

_FILE = """\b
DEVICE is a TOML file, lengths in nm and background in meV:
  side = 120
  material = "GaAs"
  [[gates]]
  name = "left"
  shape = "gaussian"     # or rectangle (width, height, depth), array (file)
  x = 45
  y = 60
  width = 20
"""

_device = click.argument("device", metavar="DEVICE", type=InputPath())
_out = click.option("--out", required=True, type=OutputPath(), help="Directory to write.")
_voltage = click.option(
    "--voltage",
    "voltages",
    multiple=True,
    metavar="GATE=MV",
    help="Voltage of another gate in mV; may be repeated.",
)
_workers = click.option("--workers", type=COUNT, help="Number of processes.  [usable cores]")
_scheduler = click.option("--scheduler", help="Address of a Dask scheduler, instead of --workers.")
_range = FiniteRange(min=-1e5, max=1e5)


def _electrons(default: int) -> Any:
    return click.option(
        "--electrons",
        type=click.IntRange(1, 6),
        default=default,
        show_default=True,
        help="Largest number of electrons.",
    )


_EXAMPLES = """\b
Examples:
  keras-qd device diagram dot.toml --gates left right --x -4 20 --y -4 20 --out diagram
  keras-qd device sweep dot.toml --gate barrier --range -40 10 --voltage left=20 --out sweep
  keras-qd device design dot.toml --want exchange=2.2 --gate barrier -40 10
"""


@click.group("device", epilog=_EXAMPLES)
def command() -> None:
    """Solve gate-defined devices: stability diagrams, sweeps, voltages for target values."""


@command.command("diagram", epilog=_FILE)
@_device
@_out
@click.option("--gates", nargs=2, required=True, help="Names of the two swept gates, x first.")
@click.option("--x", nargs=2, type=_range, required=True, help="Voltages of the first in mV.")
@click.option("--y", nargs=2, type=_range, required=True, help="Voltages of the second in mV.")
@click.option(
    "--points",
    type=click.IntRange(2, 2000),
    default=100,
    show_default=True,
    help="Pixels per side.",
)
@_electrons(3)
@click.option(
    "--accuracy",
    type=FiniteRange(1e-6, 0.1),
    default=3e-3,
    show_default=True,
    help="Density error of two electrons, per electron.",
)
@_voltage
@_workers
@_scheduler
@as_json
def diagram_command(
    device: Path,
    out: Path,
    gates: tuple[str, str],
    x: tuple[float, float],
    y: tuple[float, float],
    points: int,
    electrons: int,
    accuracy: float,
    voltages: tuple[str, ...],
    workers: int | None,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Compute the charge-stability diagram of two gates from exact solutions.

    OUT gets diagram.png, diagram.csv, the data set diagram.zarr, couplings.json with the tunnel
    couplings at interdot lines, capacitances.json and .csv where the constant-interaction model is
    determined, and journal.jsonl: stopped at any moment, the same command resumes.
    """
    from keras_qd.devices import Device, stability_diagram

    _require_directory(out)
    loaded = Device.load(device)
    with counting("solving", "pixels") as count:
        diagram = stability_diagram(
            loaded,
            *gates,
            (x, y),
            points,
            voltages=read_voltages(voltages),
            max_electrons=electrons,
            accuracy=accuracy,
            workers=workers,
            scheduler=scheduler,
            journal=out / "journal.jsonl",
            progress=count,
        )
    summary = _write_diagram(diagram, out) | _write_couplings(diagram, loaded, out)
    if as_json:
        print_json(summary)
    else:
        print_table([(str(name), str(value)) for name, value in summary.items()])


@command.command("sweep", epilog=_FILE)
@_device
@_out
@click.option("--gate", required=True, help="Name of the swept gate.")
@click.option("--range", "ends", nargs=2, type=_range, required=True, help="Its voltages in mV.")
@click.option(
    "--points",
    type=click.IntRange(2, 2000),
    default=21,
    show_default=True,
    help="Number of voltages.",
)
@_electrons(2)
@_voltage
@_workers
@_scheduler
@as_json
def sweep_command(
    device: Path,
    out: Path,
    gate: str,
    ends: tuple[float, float],
    points: int,
    electrons: int,
    voltages: tuple[str, ...],
    workers: int | None,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Compute chemical potentials, exchange and lever arms along the voltage of one gate.

    OUT gets sweep.csv and sweep.png.
    """
    import numpy as np

    from keras_qd.devices import Device, sweep_gate

    _require_directory(out)
    loaded = Device.load(device)
    with counting("solving", "voltages") as count:
        sweep = sweep_gate(
            loaded,
            gate,
            np.linspace(*ends, points),
            voltages=read_voltages(voltages),
            max_electrons=electrons,
            workers=workers,
            scheduler=scheduler,
            progress=count,
        )
    _write_sweep(sweep, out)
    rows = _sweep_rows(sweep)
    if as_json:
        print_json([dict(zip(rows[0], row, strict=True)) for row in rows[1:]])
    else:
        print_table([[format_number(value) for value in row] for row in rows[1:]], rows[0])


@command.command("design", epilog=_FILE)
@_device
@click.option(
    "--want",
    "wants",
    multiple=True,
    required=True,
    metavar="NAME=VALUE",
    help="A target value, in meV, electrons or nm: exchange, gap, energy_N, mu_N, addition_N, "
    "charge_left (right, top, bottom), dipole_x (y); may be repeated.",
)
@click.option(
    "--gate",
    "gates",
    multiple=True,
    required=True,
    type=(str, _range, _range),
    metavar="GATE LOW HIGH",
    help="A gate to adjust, and the bounds of its voltage in mV; may be repeated.",
)
@click.option(
    "--electrons",
    type=click.IntRange(1, 6),
    default=2,
    show_default=True,
    help="Number of electrons.",
)
@click.option(
    "--tolerance",
    type=FiniteRange(0, 1, min_open=True),
    default=0.01,
    show_default=True,
    help="Largest relative deviation.",
)
@_voltage
@seed
@as_json
def design_command(
    device: Path,
    wants: tuple[str, ...],
    gates: tuple[tuple[str, float, float], ...],
    electrons: int,
    tolerance: float,
    voltages: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> None:
    """Find voltages at which a device has target values, such as --want exchange=2.2.

    If they cannot be reached, the nearest voltages are printed, and the exit code is 1.
    """
    from keras_qd.devices import Device
    from keras_qd.inverse import design_device

    found = design_device(
        Device.load(device),
        {name: (low, high) for name, low, high in gates},
        read_numbers(wants, "--want", "NAME=VALUE, such as exchange=2.2"),
        voltages=read_voltages(voltages),
        n_electrons=electrons,
        tolerance=tolerance,
        seed=seed,
    )
    numbers = {name: (each.value, each.error) for name, each in found.reached.items()}
    if as_json:
        print_json({"voltages": found.parameters, "reached": numbers, "converged": found.converged})
    else:
        print_table([(name, f"{value:.6g} mV") for name, value in found.parameters.items()])
        echo(str(found))
    if not found.converged:
        raise PhysicsError(
            "not all target values were reached; widen the bounds or adjust more gates"
        )


def _require_directory(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: choose a directory for --out")


def _write_diagram(diagram: StabilityDiagram, out: Path) -> dict[str, Any]:
    """Write table, store, figure and capacitances; return a summary."""
    from keras_qd.data.gate_dots import write_diagram
    from keras_qd.report.figures.devices import stability_figure
    from keras_qd.report.figures.style import encode, figure_style

    diagram.to_csv(out / "diagram.csv")
    write_diagram(diagram, out / "diagram.zarr")
    with figure_style():
        write_bytes(out / "diagram.png", encode(stability_figure(diagram), "png"))
    summary: dict[str, Any] = {
        "pixels": diagram.n_electrons.size,
        "exact solutions": len(diagram.solved),
        "refused pixels": int((diagram.n_electrons < 0).sum()),
        "electrons": f"{diagram.n_electrons.min()} to {diagram.n_electrons.max()}",
    }
    try:
        model = diagram.capacitance_model()
    except UsageError as error:
        summary["capacitances"] = str(error)
    else:
        table = {
            "cdd_aF": model.cdd.tolist(),
            "cgd_aF": model.cgd.tolist(),
            "charging_meV": model.charging.tolist(),
            "levers": model.levers.tolist(),
            "residual_meV": model.residual,
        }
        model.to_csv(out / "capacitances.csv", diagram.regions, (diagram.gate_x, diagram.gate_y))
        write_json(out / "capacitances.json", table)
        summary["charging energies (meV)"] = ", ".join(
            format_number(value) for value in model.charging.diagonal()
        )
        summary["left by the constant-interaction model (meV)"] = format_number(model.residual)
    return summary


def _write_couplings(diagram: StabilityDiagram, device: Device, out: Path) -> dict[str, str]:
    """Write tunnel couplings; return rows of the summary."""
    try:
        found = diagram.interdot_transitions(device)
    except PhysicsError as error:
        return {"tunnel couplings": str(error)}
    table = [
        {
            "transition": each.name,
            "electrons": each.n_electrons,
            "voltages_mV": each.voltages,
            "coupling_meV": each.coupling.value,
            "error_meV": each.coupling.error,
            "lever": each.lever,
            "direction": each.direction,
            "residual_meV": each.residual,
        }
        for each in found
    ]
    write_json(out / "couplings.json", table)
    return {f"tunnel coupling {each.name} (meV)": str(each.coupling) for each in found}


def _write_sweep(sweep: Sweep, out: Path) -> None:
    from keras_qd.report.figures.devices import sweep_figure
    from keras_qd.report.figures.style import encode, figure_style

    out.mkdir(parents=True, exist_ok=True)
    sweep.to_csv(out / "sweep.csv")
    with figure_style():
        write_bytes(out / "sweep.png", encode(sweep_figure(sweep), "png"))


def _sweep_rows(sweep: Sweep) -> list[list[Any]]:
    """Return a header, and a row for each voltage."""
    numbers = range(1, len(sweep.energies))
    header = [f"{sweep.gate} (mV)", *(f"mu_{n} (meV)" for n in numbers), "J (ueV)", "error (ueV)"]
    columns = [
        sweep.values,
        *sweep.chemical_potentials,
        1e3 * sweep.exchange,
        1e3 * sweep.exchange_error,
    ]
    return [header, *[list(map(float, row)) for row in zip(*columns, strict=True)]]
