"""``keras-qd generate``: make a stored data set, finish an interrupted one, or append to one."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from keras_qd.cli.options import StorePath, as_json, config
from keras_qd.cli.output import format_seconds, print_json
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.data.recipes import Recipe
    from keras_qd.data.store.store import Store

#: Option -> the setting of a recipe that it stands for.
SETTINGS = {
    "electrons": "n_electrons",
    "grid": "n_pixels",
    "box_length": "box_length",
    "interaction": "interaction",
    "thickness": "thickness",
    "screening_length": "screening_length",
    "strength": "strength",
    "orbitals": "n_orbitals",
    "points": "n_points",
    "length": "length",
    "family": "family",
    "seed": "seed",
}

#: Click keeps the lines of a paragraph that begins with a backspace.
_EXAMPLES = """\b
Examples:
  keras-qd generate quantum-dots --samples 2000 --out dots.zarr
  keras-qd generate quantum-dots --samples 500 --electrons 3 --out three.zarr
  keras-qd generate quantum-dots --samples 500 --family parabolic \\
      --set omega=[0.5,1] --out parabolic.zarr
  keras-qd generate quantum-dots --samples 500 --material GaAs --box-length 120 \\
      --set amplitude=8 --out gaas.zarr
  keras-qd generate wells-1d --samples 100000 --out wells.zarr
  keras-qd generate --config dots.toml --scheduler tcp://node7:8786
"""


@click.command("generate", epilog=_EXAMPLES)
@click.argument("kind", metavar="[quantum-dots|wells-1d]")
@config
@click.option("--samples", type=click.IntRange(min=1), required=True, help="Number of samples.")
@click.option(
    "--out", type=StorePath(), required=True, help="The store to write: a path, or a URL."
)
@click.option("--electrons", type=int, help="Number of electrons, 1 to 6.  [2]")
@click.option("--grid", type=int, help="Pixels per side.  [64]")
@click.option("--box-length", type=float, help="Side of the box in a0*, or nm.  [10 a0*]")
@click.option("--interaction", help="coulomb, finite-thickness, screened or none.  [coulomb]")
@click.option("--thickness", type=float, help="For finite-thickness, in a0*, or nm.  [0.3 a0*]")
@click.option("--screening-length", type=float, help="For screened, in a0*, or nm.  [1 a0*]")
@click.option("--strength", type=float, help="Factor of the interaction.  [1]")
@click.option("--orbitals", type=int, help="Number of orbitals.  [by electrons]")
@click.option("--points", type=int, help="For wells-1d: points between the walls.  [64]")
@click.option(
    "--length", type=float, help="For wells-1d: distance of the walls in a0*, or nm.  [10 a0*]"
)
@click.option(
    "--family", help="Family of random potentials: `keras-qd list potentials`.  [random-fourier]"
)
@click.option(
    "--set",
    "family_settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the family, such as amplitude=0.5 or omega=[0.5,1]; may be repeated. "
    "Energies in Ha*, or meV; lengths as fractions of the box.",
)
@click.option(
    "--material",
    help="GaAs, InAs, Si, ...: lengths are then given in nm, and energies in meV.",
)
@click.option(
    "--effective-units",
    is_flag=True,
    help="With --material: give values in a0* and Ha*.",
)
@click.option("--seed", type=int, help="Root random seed.  [0]")
@click.option("--workers", type=click.IntRange(min=1), help="Number of processes.  [usable cores]")
@click.option("--scheduler", metavar="ADDRESS", help="Use the workers of a running Dask cluster.")
@as_json
@click.pass_context
def command(
    ctx: click.Context,
    /,
    kind: str,
    samples: int,
    out: Path | str,
    family_settings: tuple[str, ...],
    material: str | None,
    effective_units: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Make a data set with the exact solver.

    To resume after an interruption, run the same command again. With more --samples than before,
    new samples are appended and the existing ones stay as they are.
    """
    workers, scheduler = _who_works(ctx, options.pop("workers"), options.pop("scheduler"))
    in_file = (ctx.default_map or {}).get("family_settings", ())
    family_settings = (*in_file, *family_settings)  # one by one, the command line wins
    recipe = _build_recipe(kind, options, family_settings, material, effective_units)
    started = time.monotonic()
    store = _generate(out, recipe, samples, workers, scheduler)
    seconds = time.monotonic() - started
    if as_json:
        print_json({**summary(store), "seconds": seconds})
    else:
        click.echo(
            f"{store.path}: {store.n_finished} samples ({format_seconds(seconds)}), "
            f"digest {store.digest()}\n\nnext:\n  keras-qd inspect {store.path}"
        )


def summary(store: Store) -> dict[str, Any]:
    """Return what a store holds, as plain JSON."""
    return {
        "path": str(store.path),
        "samples": store.n_samples,
        "finished": store.n_finished,
        "complete": not store.unfinished(),
        "digest": store.digest(),
        "label_error": store.label_error,
        "configuration": store.configuration,
        "material": _material(store),
        "schema_version": store.schema_version,
        "package_version": store.package_version,
        "origins": store.origins,
    }


def as_options(store: Store) -> dict[str, Any]:
    """Return what makes the same store again, as ``--config`` reads it.

    Raises
    ------
    UsageError
        If no recipe of this version makes it.
    """
    from keras_qd.data.recipes import recipe_class

    made = store.configuration
    version = recipe_class(str(made.get("kind"))).version
    if made["recipe_version"] != version:
        raise UsageError(
            f"{store.place} was made by version {made['recipe_version']} of {made['kind']}; this "
            f"keras-qd makes version {version}, with other numbers"
        )
    given = {option: made.get(setting) for option, setting in SETTINGS.items()}
    return {
        "kind": made["kind"],
        "samples": store.n_samples,
        **{option.replace("_", "-"): value for option, value in given.items()},
        "material": made.get("material"),
        # The store has the numbers in a0* and Ha*, and only these make it again to the last bit.
        "effective-units": True if made.get("material") else None,
        "family-settings": made["family_settings"],
    }


def _material(store: Store) -> dict[str, Any] | None:
    """Return what a0* and Ha* stand for in a store, if it says so."""
    from keras_qd.data.store.summary import store_material

    material = store_material(store)
    if material is None:
        return None
    return {
        "name": material.name,
        "bohr_radius_nm": material.bohr_radius,
        "hartree_mev": material.hartree,
    }


def _who_works(
    ctx: click.Context, workers: int | None, scheduler: str | None
) -> tuple[int | None, str | None]:
    """Return what was given; of two, the one on the command line before the one in a file."""
    if workers is None or scheduler is None:
        return workers, scheduler
    in_file = [
        ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
        for name in ("workers", "scheduler")
    ]
    if in_file[0] == in_file[1]:
        raise UsageError("give --workers or --scheduler: a cluster has the workers it has")
    return (None, scheduler) if in_file[0] else (workers, None)


def _generate(
    out: Path | str, recipe: Recipe, samples: int, workers: int | None, scheduler: str | None
) -> Store:
    from keras_qd.cli.output import counting
    from keras_qd.data.store.generation import generate

    with counting(recipe.kind, "samples") as count:
        return generate(out, recipe, samples, workers=workers, scheduler=scheduler, progress=count)


def _build_recipe(
    kind: str,
    options: dict[str, Any],
    family_settings: Sequence[str],
    material: str | None,
    effective_units: bool,
) -> Recipe:
    """Build the recipe of `kind` from the options that were given."""
    from keras_qd.data.recipes import recipe_class
    from keras_qd.data.store.summary import in_material

    recipe = recipe_class(kind)
    settings = _recipe_settings(recipe, options)
    settings["family_settings"] = dict(map(_family_setting, family_settings))
    if effective_units and material is None:
        raise UsageError("--effective-units says how to read what goes with --material; give both")
    if material is None or effective_units:
        return recipe(**settings, **({} if material is None else {"material": material}))
    return in_material(recipe, material, **settings)


def _recipe_settings(recipe: type[Recipe], options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given as settings of a recipe, which must have them."""
    known = {setting.name for setting in dataclasses.fields(recipe)}
    settings: dict[str, Any] = {}
    for option, value in options.items():
        if value is None:
            continue
        if SETTINGS[option] not in known:
            raise UsageError(f"{recipe.kind} takes no --{option.replace('_', '-')}")
        settings[SETTINGS[option]] = value
    return settings


def _family_setting(pair: str) -> tuple[str, Any]:
    """Split ``KEY=VALUE``; a JSON list of two numbers is a range to draw from."""
    key, equals, text = pair.partition("=")
    if not key or not equals:
        raise UsageError(f"a setting is KEY=VALUE, such as amplitude=0.5; got {pair!r}")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{pair!r}: {text!r} is neither a number nor a list") from error
    return key, tuple(value) if isinstance(value, list) else value
