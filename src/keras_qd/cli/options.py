"""Options and output that several verbs share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from keras_qd.errors import UnknownNameError, UsageError


class StorePath(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """Where a stored data set is: a path, or a URL as it was given."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Return a URL as text, and anything else as a path."""
        return value if "://" in str(value) else Path(value)


#: ``--json``: print for machines what people read.
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _use_backend(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        from keras_qd.backend import use_backend

        use_backend(value)


#: ``--backend``: choose the Keras backend, before keras is imported.
backend = click.option(
    "--backend",
    type=click.Choice(["tensorflow", "torch", "jax"]),
    expose_value=False,
    is_eager=True,
    callback=_use_backend,
    help="Keras backend to run on; by default an installed one.",
)

#: ``--seed``: of everything random.
seed = click.option("--seed", type=int, default=0, show_default=True, help="Seed.")


def print_json(value: Any) -> None:
    """Print `value` as JSON."""
    click.echo(json.dumps(value, indent=2, default=str))


def print_table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> None:
    """Print `rows` in aligned columns, the header underlined."""
    lines = [list(map(str, row)) for row in ([header] if header else []) + list(rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    if header:
        lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        click.echo("  ".join(map(str.ljust, line, widths)).rstrip())


#: The settings of a task that are mappings, by the word that stands before the dot.
_SECTIONS = {
    "dataset": "dataset_config",
    "model": "model_config",
    "metric": "metric_config",
    "scaling": "scaling",
}


def task_changes(pairs: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` settings as changes to a task, values read as JSON where they are JSON.

    Raises
    ------
    UsageError
        If a setting has no ``=``.
    UnknownNameError
        If the word before a dot is unknown.

    Examples
    --------
    >>> task_changes(["schedule=cosine", "model.filters=16"])
    {'schedule': 'cosine', 'model_config': {'filters': 16}}
    """
    changes: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"a setting is KEY=VALUE, such as model.filters=16; got {pair!r}")
        section, dot, setting = key.replace("-", "_").partition(".")
        if not dot:
            changes[section] = _value(text)
            continue
        if section not in _SECTIONS:
            raise UnknownNameError("section of settings", section, _SECTIONS)
        changes.setdefault(_SECTIONS[section], {})[setting] = _value(text)
    return changes


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def describe(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a mapping as rows for :func:`print_table`."""
    return [
        (key, value if isinstance(value, str) else json.dumps(value))
        for key, value in values.items()
    ]
