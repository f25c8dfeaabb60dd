"""``keras-qd generate``: make a stored data set, finish an interrupted one, or append to one."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from keras_qd._checks import parse_toml, shortened
from keras_qd._files import parse_json
from keras_qd.cli.docstrings import first_sentence, parameters
from keras_qd.cli.options import (
    COUNT,
    FAMILY_PARTS,
    FiniteRange,
    GroupedCommand,
    NewStorePath,
    as_json,
    config,
    nested_settings,
    settings_option,
)
from keras_qd.cli.output import echo, format_seconds, print_json, print_next
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.registry import names

if TYPE_CHECKING:
    from keras_qd.data.recipes import Recipe
    from keras_qd.data.store.store import Store

#: Click keeps the lines of a paragraph that begins with a backspace.
_EXAMPLES = """\b
Examples:
  keras-qd generate quantum-dots --samples 2000 --out dots.zarr
  keras-qd generate quantum-dots --samples 500 --electrons 3 --out three.zarr
  keras-qd generate quantum-dots --samples 500 --family parabolic \\
      --set family.omega=[0.5,1] --out parabolic.zarr
  keras-qd generate quantum-dots --samples 500 --material GaAs --box-length 120 \\
      --set family.amplitude=8 --out gaas.zarr
  keras-qd generate wells-1d --samples 100000 --out wells.zarr
  keras-qd generate --config dots.toml --scheduler tcp://node7:8786
"""


class _Json(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """A setting of no simple type, as JSON."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value that the text stands for."""
        try:
            return parse_json(value) if isinstance(value, str) else value
        except ValueError:
            self.fail(f"{shortened(value)} is not valid JSON", param, ctx)


class _Generate(GroupedCommand):
    """The verb, whose options are common ones and the settings of the requested recipe."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the arguments as those of the verb for one data set."""
        from keras_qd.data.recipes import recipe_class

        command = copy.copy(self)
        name = _data_set(args)
        if name is not None and not extra.get("resilient_parsing"):
            options = _recipe_options(recipe_class(name))
            command.params = [*self.params, *options]
            command.setting_names = _setting_names(recipe_class(name))
            command.groups = {**self.groups, **_groups(options)}
        return super(_Generate, command).make_context(info_name, args, parent, **extra)


def _data_set(args: Sequence[str]) -> str | None:
    """Return the name of the data set: the first word, another one, or from the ``--config``."""
    if args and not args[0].startswith("-"):
        return args[0]
    known = names("datasets")
    found = next((word for word in args if word in known), None)
    for option, value in pairwise(args):
        if found is None and option == "--config":
            with suppress(UsageError):  # the option itself reports an unreadable file
                found = _kind(Path(value))
    return found


def _kind(path: Path) -> str:
    """Return the data set that a configuration file names."""
    values = parse_toml(path)
    if "kind" not in values:
        raise click.UsageError(
            f'{path} does not name a data set; add a line such as kind = "quantum-dots", or give '
            "the name on the command line"
        )
    return str(values["kind"])


def _recipe_options(recipe: type[Recipe]) -> list[click.Parameter]:
    """Return an option for each setting of a recipe, from its signature and its docstring."""
    from keras_qd.data.recipes import setting_types

    types, described = setting_types(recipe), parameters(recipe)
    options: list[click.Parameter] = []
    for setting in dataclasses.fields(recipe):
        if setting.name == "material":
            options += _MATERIAL
            continue
        plain = setting.default if isinstance(setting.default, (int, float, str)) else None
        shown = "" if plain is None else f"  [{plain}]"
        text = described[setting.name].meaning if setting.name in described else setting.name
        options.append(
            click.Option(
                [f"--{option_name(setting)}", setting.name],
                type=_option_type(types[setting.name][0], setting.metadata.get("range", ())),
                help=first_sentence(text) + shown,
            )
        )
    return options


def _option_type(kind: Any, bounds: Sequence[Any]) -> Any:
    """Return the click type of a setting."""
    if kind in (int, float) and bounds:
        low, high = (*bounds, None)[:2]
        return (click.IntRange if kind is int else FiniteRange)(low, high)
    return kind if kind in (int, float, str, bool) else _Json()


def option_name(setting: dataclasses.Field[Any]) -> str:
    """Return the option of a setting, without the hyphens in front."""
    name: str = setting.metadata.get("option", setting.name.removeprefix("n_"))
    return name.replace("_", "-")


#: Headings of the help -> the settings of recipes below them; others are settings of the data set.
_HEADINGS = {
    "The electrons and their interaction": (
        *("n_electrons", "interaction", "thickness", "screening_length", "gate_distance"),
        "strength",
    ),
    "The potentials": ("family", "family_settings", "seed"),
    "The box and its units": (
        *("n_pixels", "n_points", "box_length", "length", "material", "effective_units"),
    ),
}


def _groups(options: Sequence[click.Parameter]) -> dict[str, list[str]]:
    """Return the options of a recipe by the heading of the help that they belong to."""
    names = [str(each.name) for each in options]
    found = {head: [each for each in names if each in listed] for head, listed in _HEADINGS.items()}
    known = set(chain.from_iterable(found.values()))
    return {**found, "The solution": [each for each in names if each not in known]}


#: Options of the material, in whose units other options are then given.
_MATERIAL: list[click.Parameter] = [
    click.Option(
        ["--material"],
        help="GaAs, InAs, Si, ...: lengths are then given in nm, and energies in meV.",
    ),
    click.Option(
        ["--effective-units"], is_flag=True, help="With --material: values in a0* and Ha*."
    ),
]


@click.command(
    "generate",
    cls=_Generate,
    epilog=_EXAMPLES,
    groups={
        "The store": ("samples", "out", "settings", "config"),
        "The work": ("workers", "scheduler"),
    },
)
@click.argument("kind", metavar="NAME")
@config("TOML file with these options by their long names, and tables [set], [family-settings].")
@click.option("--samples", type=COUNT, required=True, help="Number of samples.")
@click.option(
    "--out", type=NewStorePath(), required=True, help="The store to write: a path, or a URL."
)
@click.option("--workers", type=COUNT, help="Number of processes.  [usable cores]")
@click.option("--scheduler", metavar="ADDRESS", help="Use the workers of a running Dask cluster.")
@settings_option("the data set", "family=parabolic or family.omega=[0.5,1]")
@as_json
@click.pass_context
def command(
    ctx: click.Context,
    /,
    kind: str,
    samples: int,
    out: Path | str,
    workers: int | None,
    scheduler: str | None,
    settings: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Generate the data set NAME with its exact solver.

    To resume after an interruption, run the same command again. With more --samples than before,
    new samples are appended and the existing ones stay as they are. Each data set has its
    own options: 'keras-qd generate NAME --help' lists them.
    """
    workers, scheduler = _who_works(ctx, workers, scheduler)
    in_file = (ctx.default_map or {}).get("settings", ())
    given = nested_settings((*in_file, *settings), FAMILY_PARTS)  # the command line wins
    of_family = {**(options.get("family_settings") or {}), **given.get("family_settings", {})}
    if of_family:
        given["family_settings"] = of_family
    options = {name: value for name, value in options.items() if value is not None}
    recipe = _build_recipe(kind, {**options, **given})
    started = time.monotonic()
    store = _generate(out, recipe, samples, workers, scheduler)
    seconds = time.monotonic() - started
    if as_json:
        print_json({**summary(store), "seconds": seconds})
    else:
        refused = f", {store.refused} draws refused" if store.refused else ""
        echo(
            f"{store.path}: {store.n_finished} samples ({format_seconds(seconds)}){refused}, "
            f"digest {store.digest()}"
        )
        print_next(("keras-qd", "inspect", store.path))


def summary(store: Store) -> dict[str, Any]:
    """Return what a store holds, as plain JSON."""
    return {
        "path": str(store.path),
        "samples": store.n_samples,
        "finished": store.n_finished,
        "complete": not store.unfinished(),
        "digest": store.digest(),
        "label_error": store.label_error,
        "refused": store.refused,
        "refusals": store.refusals,
        "configuration": store.configuration,
        "material": _material(store),
        "schema_version": store.schema_version,
        "package_version": store.package_version,
        "origins": store.origins,
    }


def as_options(store: Store) -> dict[str, Any]:
    """Return what makes the same store again, as ``--config`` reads it."""
    from keras_qd.data.recipes import recipe_class

    made = store.configuration
    recipe = recipe_class(str(made.get("kind")))
    if made["recipe_version"] != recipe.version:
        raise UsageError(
            f"{store.location} was made by version {made['recipe_version']} of {made['kind']}; "
            f"this keras-qd makes version {recipe.version}, with other numbers"
        )
    # The store has the numbers in a0* and Ha*, and only these make it again to the last bit.
    units = {"effective-units": True} if made.get("material") else {}
    return {
        "kind": made["kind"],
        "samples": store.n_samples,
        **units,
        **{
            "family-settings" if each.name == "family_settings" else option_name(each): (
                made.get(each.name)
            )
            for each in dataclasses.fields(recipe)
        },
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
        raise UsageError("give --workers or --scheduler, not both: a cluster sets their number")
    return (None, scheduler) if in_file[0] else (workers, None)


def _generate(
    out: Path | str, recipe: Recipe, samples: int, workers: int | None, scheduler: str | None
) -> Store:
    from keras_qd.cli.output import counting
    from keras_qd.data.store.generate import generate

    with counting(recipe.kind, "samples") as count:
        return generate(out, recipe, samples, workers=workers, scheduler=scheduler, progress=count)


def _check_names(kind: str, given: Mapping[str, Any]) -> None:
    """Raise unless a recipe has the settings."""
    from keras_qd.data.recipes import recipe_class

    known = _setting_names(recipe_class(kind), given.get("family"))
    for name in given:
        if name not in (*known, "effective_units"):
            raise UnknownNameError(f"setting of the data set {kind!r}", name, known)


def _setting_names(recipe: type[Recipe], family: str | None = None) -> list[str]:
    """Return the settings of a recipe, and those of its family as ``family.NAME``."""
    fields = dataclasses.fields(recipe)
    default = next((each.default for each in fields if each.name == "family"), None)
    of_family = recipe.families.get(str(family or default))
    inner = [] if of_family is None else dataclasses.fields(of_family)
    return [*(each.name for each in fields), *(f"family.{each.name}" for each in inner)]


def _build_recipe(kind: str, settings: dict[str, Any]) -> Recipe:
    """Build the recipe of a data set from the settings that were given."""
    from keras_qd.data.recipes import recipe_class
    from keras_qd.data.store.summary import in_material

    given = dict(settings)
    _check_names(kind, given)
    effective, material = given.pop("effective_units", False), given.get("material")
    if effective and material is None:
        raise UsageError("--effective-units needs --material; give both")
    if material is None or effective:
        return recipe_class(kind)(**given)
    return in_material(recipe_class(kind), **given)
