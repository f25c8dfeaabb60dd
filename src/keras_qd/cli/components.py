"""``keras-qd list`` and ``keras-qd info``: the components, and what each of them is."""

from __future__ import annotations

import inspect
from itertools import chain
from typing import Any

import click

from keras_qd.cli.options import as_json, backend
from keras_qd.cli.output import describe, print_json, print_table
from keras_qd.errors import UnknownNameError
from keras_qd.registry import KINDS, components


@click.command("list")
@click.argument("kind", required=False, metavar="[KIND]")
@as_json
def list_command(kind: str | None, as_json: bool) -> None:
    """List the components, and where they come from.

    KIND is models, datasets, metrics, tasks, potentials, line_potentials, scalings, augmentations
    or callbacks; all of them by default.

    \b
    Examples:
      keras-qd list
      keras-qd list tasks --json
    """
    kinds = [kind] if kind is not None else list(KINDS)
    found = {each: components(each).origins() for each in kinds}
    for message in chain.from_iterable(components(each).misnamed() for each in kinds):
        click.echo(f"keras-qd: {message}", err=True)
    if as_json:
        print_json(found)
        return
    rows = [(each, name, origin) for each in kinds for name, origin in found[each].items()]
    print_table(rows, header=("kind", "name", "from"))


@click.command("info")
@click.argument("name")
@click.option("--kind", type=click.Choice(list(KINDS)), help="Kind of component.  [any]")
@backend
@as_json
def info_command(name: str, kind: str | None, as_json: bool) -> None:
    """Show what the component NAME is, where it comes from and which settings it takes.

    \b
    Examples:
      keras-qd info pix2pix
      keras-qd info potential-to-density --json
    """
    kinds = [kind] if kind is not None else list(KINDS)
    known = {each: components(each).names() for each in kinds}
    found = [each for each in kinds if name in known[each]]
    if not found:
        raise UnknownNameError(KINDS[kind] if kind else "component", name, chain(*known.values()))
    descriptions = [_describe(each, name) for each in found]
    if as_json:
        print_json(descriptions)
        return
    for description in descriptions:
        _print(description)


def _describe(kind: str, name: str) -> dict[str, Any]:
    component = components(kind).get(name)
    return {
        "kind": KINDS[kind],
        "name": name,
        "from": components(kind).origin(name),
        "summary": _summary(component),
        "settings": _settings(component),
    }


def _summary(component: Any) -> str:
    """Return the description of a task, or the first paragraph of a docstring."""
    text = getattr(component, "description", None) or inspect.getdoc(component) or ""
    return " ".join(str(text).split("\n\n")[0].split())


def _settings(component: Any) -> dict[str, Any]:
    """Return the settings with their values: those of a task, or the defaults of a builder."""
    if hasattr(component, "to_config") and not inspect.isclass(component):
        return dict(component.to_config())
    return {
        name: "(required)" if parameter.default is parameter.empty else parameter.default
        for name, parameter in inspect.signature(component).parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    }


def _print(description: dict[str, Any]) -> None:
    click.echo(f"{description['name']}: a {description['kind']} from {description['from']}")
    click.echo(description["summary"])
    print_table(describe(description["settings"]), header=("setting", "value"))
