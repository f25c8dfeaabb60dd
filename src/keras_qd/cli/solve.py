"""``keras-qd solve``: densities, energies and gaps of the user's own potentials, as a data set."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from keras_qd.cli.generate import summary
from keras_qd.cli.options import (
    COUNT,
    LENGTH,
    FiniteRange,
    NewStorePath,
    StorePath,
    as_json,
    max_gigabytes,
    read_voltages,
)
from keras_qd.cli.output import (
    counting,
    echo,
    format_number,
    format_seconds,
    print_json,
    print_next,
)
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.data.own_potentials import Potentials
    from keras_qd.data.store.store import Store
    from keras_qd.physics import Box, Interaction

#: Click keeps the lines of a paragraph that begins with a backspace.
_EXAMPLES = """\b
Examples:
  keras-qd solve potentials.npy --out dots.zarr
  keras-qd solve dots.npz --field V --electrons 3 --box-length 12 --out three.zarr
  keras-qd solve scans/ --grey -6 0 --out dots.zarr
  keras-qd solve gaas.npy --material GaAs --box-length 120 --out gaas.zarr
  keras-qd solve device.toml --voltage left=20 --voltage right=20 --out device.zarr
  keras-qd train potential-to-density --data dots.zarr
"""

#: Side of the box in a0* where none is given.
_LENGTH = 10.0
_INTERACTION_LENGTHS = ("thickness", "screening_length", "gate_distance")
#: Refused potentials of which the reasons are shown; the store has all.
_SHOWN = 10


@click.command("solve", epilog=_EXAMPLES)
@click.argument("potentials", type=StorePath())
@click.option(
    "--out", type=NewStorePath(), required=True, help="The store to write: a path, or a URL."
)
@click.option("--field", metavar="NAME", help="Array with the potentials, if a file has several.")
@click.option(
    "--grey",
    nargs=2,
    type=FiniteRange(),
    metavar="BLACK WHITE",
    help="Potentials of black and white in integer images.",
)
@click.option(
    "--voltage",
    "voltages",
    multiple=True,
    metavar="GATE=MV",
    help="Voltage of a gate of a device in mV; may be repeated.",
)
@click.option(
    "--electrons",
    type=click.IntRange(1, 6),
    default=2,
    show_default=True,
    help="Number of electrons.",
)
@click.option("--box-length", type=LENGTH, help="Side of the box in a0*, or in nm.  [10 a0*]")
@click.option("--material", help="GaAs, InAs, Si, ...: lengths are in nm, potentials in meV.")
@click.option("--interaction", help="coulomb, finite-thickness, screened, ... or none.  [coulomb]")
@click.option("--thickness", type=LENGTH, help="For finite-thickness.")
@click.option("--screening-length", type=LENGTH, help="For screened.")
@click.option("--gate-distance", type=LENGTH, help="For image-charge.")
@click.option(
    "--strength",
    type=FiniteRange(0.0, 1e4),
    default=1.0,
    show_default=True,
    help="Factor on the interaction.",
)
@click.option(
    "--accuracy",
    type=FiniteRange(1e-8, 1.0),
    help="Largest error of the density of two electrons, per electron.  [0.001]",
)
@click.option(
    "--smooth", type=FiniteRange(min=0.0), default=0.0, help="Blur edges over this length.  [0]"
)
@click.option("--workers", type=COUNT, help="Number of processes.  [usable cores]")
@click.option("--scheduler", metavar="ADDRESS", help="Use the workers of a running Dask cluster.")
@max_gigabytes
@as_json
def command(potentials: Path | str, out: Path | str, as_json: bool, **options: Any) -> None:
    """Solve your own POTENTIALS, and store the results as a data set.

    POTENTIALS is a .npy, .npz or HDF5 file, an image, a folder of images, a stored data set, or the
    TOML file of a device; one potential (ny, nx) or many (n, ny, nx), in Ha*. The store contains
    density, energy, gap and exchange of each with their estimated errors, and any task on quantum
    dots can train on it. Potentials that the solver refuses are listed, and omitted from training.
    To resume after an interruption, run the same command again.
    """
    from keras_qd.data.own_potentials import solve_potentials

    workers, scheduler = options["workers"], options["scheduler"]
    if workers is not None and scheduler is not None:
        raise UsageError("give --workers or --scheduler, not both: a cluster sets their number")
    rows, solver, material = _problem(potentials, options)
    started = time.monotonic()
    with counting("solving", "potentials") as count:
        store = solve_potentials(
            rows,
            out,
            solver,
            material=material,
            workers=workers,
            scheduler=scheduler,
            progress=count,
        )
    seconds = time.monotonic() - started
    if as_json:
        print_json({**summary(store), "seconds": seconds})
    else:
        _print(store, seconds)


def _problem(source: Path | str, options: dict[str, Any]) -> tuple[Potentials, Any, str | None]:
    """Return the potentials, the solver and the material that the options stand for."""
    from keras_qd.data.own_potentials import Potentials, read_potentials
    from keras_qd.physics import Box, Solver, material

    if str(source).endswith(".toml"):
        rows, box, interaction, name = _device(Path(source), options)
        units = None
    else:
        if options["voltages"]:
            raise UsageError(f"--voltage is for the TOML file of a device, not for {source}")
        name = options["material"]
        units = None if name is None else material(name)
        unit, factor = ("Ha*", 1.0) if units is None else ("meV", 1.0 / units.hartree)
        found = read_potentials(source, options["field"], grey=options["grey"], unit=unit)
        rows = Potentials.of(found, factor)
        length = _scaled(options["box_length"], units)
        box, interaction = Box(_LENGTH if length is None else length), _interaction(options, units)
    solver = Solver(
        box,
        options["electrons"],
        interaction,
        strength=options["strength"],
        accuracy=options["accuracy"],
        smooth=_scaled(options["smooth"], units),
    )
    return rows, solver, name


def _scaled(length: float | None, units: Any) -> Any:
    """Return a length in a0*."""
    return length if length is None or units is None else float(units.from_nanometres(length))


def _interaction(options: dict[str, Any], units: Any) -> Interaction:
    from keras_qd.physics import Interaction

    lengths = {name: _scaled(options[name], units) for name in _INTERACTION_LENGTHS}
    name = options["interaction"] or "coulomb"
    return Interaction.from_settings({"interaction": name, **lengths})


def _device(path: Path, options: dict[str, Any]) -> tuple[Potentials, Box, Interaction, str]:
    """Return the potential of a device at some voltages, and what else its file sets."""
    from keras_qd.data.own_potentials import Potentials
    from keras_qd.devices import Device

    clashing = ("field", "grey", "box_length", "material", "interaction", *_INTERACTION_LENGTHS)
    given = [f"--{name.replace('_', '-')}" for name in clashing if options[name] is not None]
    if given:
        raise UsageError(f"{path} sets this itself; leave out {', '.join(given)}")
    device = Device.load(path)
    potential = device.potential(read_voltages(options["voltages"]))
    return (
        Potentials.of(np.asarray(potential)),
        device.box,
        device.interaction,
        device.material.name,
    )


def _print(store: Store, seconds: float) -> None:
    n_refused = len(store.refusals)
    echo(f"{store.path}: {store.n_samples - n_refused} potentials solved", nl=False)
    echo(f" ({format_seconds(seconds)}), {n_refused} refused, digest {store.digest()}")
    for name, error in (store.label_error or {}).items():
        if isinstance(error, dict):
            median, largest = (format_number(error[each]) for each in ("median", "largest"))
            echo(
                f"estimated error of the {name}: median {median}, largest {largest} {error['unit']}"
            )
    for number, why in list(store.refusals.items())[:_SHOWN]:
        echo(f"refused: potential {number}: {why}", err=True)
    if n_refused > _SHOWN:
        echo(f"... and {n_refused - _SHOWN} more: keras-qd inspect {store.path}", err=True)
    training = ("keras-qd", "train", "potential-to-density", "--data", store.path)
    print_next(
        ("keras-qd", "inspect", store.path),
        *([training] if n_refused < store.n_samples else []),
    )
