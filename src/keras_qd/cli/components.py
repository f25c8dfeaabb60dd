"""``keras-qd list`` and ``keras-qd info``: the components, and what each of them is."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import click

from keras_qd.cli.options import as_json, backend
from keras_qd.cli.output import describe, echo, print_json, print_table
from keras_qd.errors import UnknownNameError
from keras_qd.registry import KINDS, components


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
            found[name] = _first_line(_summary(registry.get(name)))
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


#: Markup of docstrings -> what stands for it in a terminal, in this order.
_MARKUP = (
    (r":math:|`| ?\[\d+\]_", ""),
    (r"\\mapsto", "->"),
    (r"\\frac\{(\w+)\}\{(\w+)\}", r"\1/\2"),
    (r"\\(\w+)", r"\1"),
    (r"\{", "("),
    (r"\}", ")"),
)


def _first_line(text: str) -> str:
    """Return the first sentence of the first line of a text, without markup."""
    line = text.strip().partition("\n")[0]
    for pattern, plain in _MARKUP:
        line = re.sub(pattern, plain, line)
    return line.partition(". ")[0].rstrip(".")


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
    echo(f"{description['name']}: a {description['kind']} from {description['from']}")
    echo(description["summary"])
    print_table(describe(description["settings"]), header=("setting", "value"))
