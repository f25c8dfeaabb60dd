"""``keras-qd list`` and ``keras-qd info``: the components, and what each of them is."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import shutil
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import click

from keras_qd.cli.docstrings import first_sentence, formula, parameters, plain, summary
from keras_qd.cli.options import as_json, backend, nested_settings, settings_option
from keras_qd.cli.output import echo, print_json, print_table
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.registry import KINDS, components
from keras_qd.tasks.settings import expected_setting


@click.command("list")
@click.argument("kind", required=False, metavar="[KIND]")
@as_json
def list_command(kind: str | None, as_json: bool) -> None:
    """List the components: what each of them is, and where it comes from.

    KIND is models, datasets, metrics, tasks, potentials, line_potentials, scalings, augmentations,
    callbacks or pretrained; all of them by default.

    \b
    Examples:
      keras-qd list
      keras-qd list tasks --json
    """
    kinds = [kind] if kind is not None else list(KINDS)
    found = {each: components(each).origins() for each in kinds}
    for message in chain.from_iterable(components(each).misnamed() for each in kinds):
        echo(f"keras-qd: {message}", err=True)
    summaries = {each: _summaries(each) for each in kinds}
    if as_json:
        print_json(
            {
                each: {
                    name: {"from": origin, "summary": summaries[each][name]}
                    for name, origin in found[each].items()
                }
                for each in kinds
            }
        )
        return
    rows = [
        (each, name, origin, summaries[each][name])
        for each in kinds
        for name, origin in found[each].items()
    ]
    print_table(rows, header=("kind", "name", "from", "what it is"))


def _summaries(kind: str) -> dict[str, str]:
    """Return one line on every component of a kind; installed ones are not imported."""
    registry, found = components(kind), dict[str, str]()
    locations = registry.locations()
    for name in registry.names():
        if name in locations:
            module, attribute = locations[name]
            found[name] = _defined(module).get(attribute, "")
        else:
            found[name] = _first_line(summary(registry.get(name)))
    return found


@cache
def _defined(module: str) -> Mapping[str, str]:
    """Return one line on each name that a module defines, read from its source."""
    try:
        source = _source(module)
        tree = ast.parse(b"" if source is None else source.read_bytes())
    except (ImportError, ValueError, SyntaxError, OSError):  # `info` reports what is broken
        return {}
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found[node.name] = _first_line(ast.get_docstring(node) or "")
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            line = _of_call(node.value, found)
            found |= {each.id: line for each in node.targets if isinstance(each, ast.Name)}
    return found


def _source(module: str) -> Path | None:
    """Return the file of a module, importing nothing; None if there is none in Python."""
    top, *rest = module.split(".")
    spec = find_spec(top)  # of a top-level name: it imports nothing
    if spec is None:
        return None
    if spec.submodule_search_locations is None:
        return Path(spec.origin or "")
    stems = [Path(folder, *rest) for folder in spec.submodule_search_locations]
    files = chain.from_iterable((each.with_suffix(".py"), each / "__init__.py") for each in stems)
    return next((each for each in files if each.is_file()), None)


def _of_call(call: ast.Call, defined: Mapping[str, str]) -> str:
    """Return the description among the arguments of a call, or that of its first argument."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "description"]
    for value in (*named, *call.args):
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and " " in value.value:
            return _first_line(value.value)
    first = call.args[0] if call.args else None
    return defined.get(first.id, "") if isinstance(first, ast.Name) else ""


def _first_line(text: str) -> str:
    """Return the first sentence of the first paragraph of a text, without markup."""
    return first_sentence(plain(text.strip().split("\n\n")[0])).rstrip(".")


@click.command("info")
@click.argument("name")
@click.option("--kind", type=click.Choice(list(KINDS)), help="Kind of component.  [any]")
@click.option("--summary", "layers", is_flag=True, help="Build a model and list its layers.")
@settings_option("the model that --summary builds", "filters=16")
@backend
@as_json
def info_command(
    name: str, kind: str | None, layers: bool, settings: tuple[str, ...], as_json: bool
) -> None:
    """Show what the component NAME is, where it comes from and which settings it takes.

    Each setting is shown with what it means and, in brackets, its default, type and range. What a
    metric computes is shown as a formula.

    \b
    Examples:
      keras-qd info ssim
      keras-qd info pix2pix --summary --set filters=16
      keras-qd info potential-to-density --json
    """
    kinds = [kind] if kind is not None else list(KINDS)
    known = {each: components(each).names() for each in kinds}
    found = [each for each in kinds if name in known[each]]
    if not found:
        raise _unknown(kind, name, known)
    if layers:
        _print_layers(name, found, nested_settings(settings, {}), as_json)
        return
    if settings:
        raise UsageError("--set is for the model that --summary builds; add --summary")
    descriptions = [_describe(each, name) for each in found]
    if as_json:
        print_json(descriptions)
        return
    for description in descriptions:
        _print(description)


def _unknown(kind: str | None, name: str, known: Mapping[str, list[str]]) -> UsageError:
    """Return the error of a name that no component has: with near matches, without all names."""
    if kind is not None:
        return UnknownNameError(KINDS[kind], name, known[kind])
    kinds = {each: KINDS[kind] for kind, names in known.items() for each in names}
    near = get_close_matches(name, kinds, n=3, cutoff=0.6)
    hint = " or ".join(f"{each!r}, a {kinds[each]}" for each in near)
    return UsageError(
        f"there is no component {name!r}; "
        f"{f'did you mean {hint}? ' if near else ''}'keras-qd list' shows all of them"
    )


def _print_layers(name: str, kinds: list[str], settings: dict[str, Any], as_json: bool) -> None:
    """Build a model and print the table of its layers."""
    if "models" not in kinds:
        raise UsageError(f"--summary lists the layers of a model; {name!r} is a {KINDS[kinds[0]]}")
    if as_json:
        raise UsageError("--summary prints a table; leave out --json")
    model = components("models").make(name, **settings)
    model.summary(print_fn=lambda text, line_break=True: echo(text, nl=line_break))


def _describe(kind: str, name: str) -> dict[str, Any]:
    component = components(kind).get(name)
    description: dict[str, Any] = {
        "kind": KINDS[kind],
        "name": name,
        "from": components(kind).origin(name),
        "summary": summary(component),
    }
    if kind == "metrics":
        description |= {
            "formula": formula(component),
            "unit": getattr(component, "unit", ""),
            "higher_is_better": getattr(component, "higher_is_better", None),
        }
    return {**description, "settings": _settings(component)}


def _settings(component: Any) -> dict[str, dict[str, Any]]:
    """Return default, type, range and meaning of every setting by name."""
    if not callable(component):  # a task, which has its settings
        described, defaults = parameters(type(component)), dict(component.to_config())
    else:
        recipe = getattr(component, "recipe", None)
        described = {**parameters(component), **parameters(recipe)}
        defaults = {**_defaults(component), **({} if recipe is None else _defaults(recipe))}
    ranges = _ranges(component)
    return {
        name: {
            "default": default,
            "type": described[name].type if name in described else "",
            "range": ranges.get(name, ""),
            "meaning": described[name].meaning if name in described else "",
        }
        for name, default in defaults.items()
    }


def _defaults(component: Any) -> dict[str, Any]:
    """Return the defaults of the arguments of a builder or a class."""
    return {
        name: "(required)" if parameter.default is parameter.empty else parameter.default
        for name, parameter in inspect.signature(component).parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }


def _ranges(component: Any) -> dict[str, str]:
    """Return in words what the settings of a component may be, as far as it says so."""
    if not callable(component):  # a task
        return {name: expected_setting(name) for name in component.to_config()}
    declared = getattr(component, "recipe", component)
    found = {name: _between(*bounds) for name, bounds in getattr(declared, "limits", {}).items()}
    if dataclasses.is_dataclass(declared):
        for each in dataclasses.fields(declared):
            if "range" in each.metadata:
                found[each.name] = _between(*each.metadata["range"])
    space = getattr(component, "search_space", {})
    if callable(space):
        space = space(inspect.signature(component).parameters["input_shape"].default)
    return found | {name: f"tuned in {_searched(each)}" for name, each in space.items()}


def _between(least: Any, most: Any = None) -> str:
    return f"at least {least:g}" if most is None else f"{least:g} to {most:g}"


def _searched(values: Any) -> str:
    if isinstance(values, Mapping):
        return _between(values["low"], values["high"])
    return ", ".join(map(str, values))


def _print(description: dict[str, Any]) -> None:
    echo(f"{description['name']}: a {description['kind']} from {description['from']}")
    echo(description["summary"])
    if "formula" in description:
        better = "higher" if description["higher_is_better"] else "lower"
        unit = description["unit"].format(field="unit of the field", length="unit of length")
        where = "" if description["formula"] == description["summary"] else " (error e, exact y)"
        echo(f"\nformula: {description['formula']}{where}")
        echo(f"unit: {unit or 'none'}; {better} is better")
    if not description["settings"]:
        return
    formatter = click.HelpFormatter(width=min(100, shutil.get_terminal_size().columns))
    with formatter.section("\nSettings"):
        formatter.write_dl([_entry(*each) for each in description["settings"].items()])
    echo(formatter.getvalue(), nl=False)


def _entry(name: str, setting: dict[str, Any]) -> tuple[str, str]:
    """Return a setting, and what it means with its default, type and range."""
    default = setting["default"]
    shown = default if isinstance(default, str) else json.dumps(default, default=str)
    known = "; ".join(each for each in (shown, setting["type"], setting["range"]) if each)
    return name, f"{setting['meaning']}  [{known}]".strip()
