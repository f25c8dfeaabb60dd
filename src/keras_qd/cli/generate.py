"""``keras-qd generate``: make a stored data set, finish an interrupted one, or append to one."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd.cli.format import format_seconds
from keras_qd.cli.options import as_json, print_json
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.data import Recipe, Store

#: Option -> the setting of a recipe that it stands for.
_SETTINGS = {
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

#: Click leaves a paragraph that begins with a backspace as it is.
_EXAMPLES = """\b
Examples:
  keras-qd generate quantum-dots --samples 2000 --out dots.zarr
  keras-qd generate quantum-dots --samples 500 --electrons 3 --out three.zarr
  keras-qd generate quantum-dots --samples 500 --family parabolic \\
      --set omega=[0.5,1] --out parabolic.zarr
  keras-qd generate wells-1d --samples 100000 --out wells.zarr
"""


@click.command("generate", epilog=_EXAMPLES)
@click.argument("kind", metavar="[quantum-dots|wells-1d]")
@click.option(
    "--samples", type=click.IntRange(min=1), required=True, help="How many it shall hold."
)
@click.option("--out", "path", type=click.Path(path_type=Path), required=True, help="Where to.")
@click.option("--electrons", type=int, help="Number of electrons, 1 to 6.  [2]")
@click.option("--grid", type=int, help="Pixels along the side.  [64]")
@click.option("--box-length", type=float, help="Side of the box in a0*.  [10]")
@click.option("--interaction", help="coulomb, finite-thickness, screened or none.  [coulomb]")
@click.option("--thickness", type=float, help="Of finite-thickness, in a0*.  [0.3]")
@click.option("--screening-length", type=float, help="Of screened, in a0*.  [1]")
@click.option("--strength", type=float, help="Factor on the interaction.  [1]")
@click.option("--orbitals", type=int, help="Orbitals to build states from.  [by electrons]")
@click.option("--points", type=int, help="Of wells-1d: points between the walls.  [64]")
@click.option("--length", type=float, help="Of wells-1d: distance of the walls in a0*.  [10]")
@click.option("--family", help="Family of random potentials.  [random-fourier]")
@click.option(
    "--set",
    "family_settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the family, such as amplitude=0.5 or omega=[0.5,1]; may be repeated.",
)
@click.option("--seed", type=int, help="Root seed.  [0]")
@click.option("--workers", type=click.IntRange(min=1), help="Processes.  [usable cores]")
@as_json
def command(
    kind: str,
    samples: int,
    path: Path,
    family_settings: tuple[str, ...],
    workers: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Make a data set with the exact solver.

    Stopped at any moment, the same command goes on where it was. More --samples than before are
    appended; those that are there stay as they are.
    """
    recipe = _build_recipe(kind, options, family_settings)
    started = time.monotonic()
    store = _generate(path, recipe, samples, workers)
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
        "schema_version": store.schema_version,
        "package_version": store.package_version,
    }


def _generate(path: Path, recipe: Recipe, samples: int, workers: int | None) -> Store:
    from keras_qd.cli.progress import counting
    from keras_qd.data import generate

    with counting(recipe.kind, "samples") as count:
        return generate(path, recipe, samples, workers=workers, progress=count)


def _build_recipe(kind: str, options: dict[str, Any], family_settings: Sequence[str]) -> Recipe:
    """Build the recipe of `kind` from the options that were given."""
    from keras_qd.data import recipe_class

    recipe = recipe_class(kind)
    known = {setting.name for setting in dataclasses.fields(recipe)}
    settings: dict[str, Any] = {}
    for option, value in options.items():
        if value is None:
            continue
        if _SETTINGS[option] not in known:
            raise UsageError(f"{kind} takes no --{option.replace('_', '-')}")
        settings[_SETTINGS[option]] = value
    settings["family_settings"] = dict(map(_family_setting, family_settings))
    return recipe(**settings)


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
