"""Options and output that several verbs share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from keras_qd.errors import UsageError

#: ``--json``: print for machines what people read.
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


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


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` settings as a mapping, values read as JSON where they are JSON.

    Raises
    ------
    UsageError
        If a setting has no ``=``.

    Examples
    --------
    >>> parse_settings(["filters=16", "normalization=batch"])
    {'filters': 16, 'normalization': 'batch'}
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"a setting is KEY=VALUE, such as filters=16; got {pair!r}")
        settings[key.replace("-", "_")] = _value(text)
    return settings


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def describe(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a mapping as rows for :func:`print_table`."""
    return [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in values.items()]
