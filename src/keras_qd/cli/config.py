"""``--config FILE``: the options of a verb from a TOML file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import click

from keras_qd.errors import UnknownNameError, UsageError

#: Tables of a file -> the option that takes them as KEY=VALUE.
_TABLES = {"family-settings": "family_settings"}


def _read(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Make what the file says the defaults of all options: what is given otherwise wins."""
    if path is None:
        return
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML file: {error}") from error
    known = {**_names(ctx.command), **_TABLES}
    defaults: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise UnknownNameError(f"setting in {path}", key, known)
        if (key in _TABLES) != isinstance(value, dict):
            raise UsageError(f"{path}: {key} must {'' if key in _TABLES else 'not '}be a table")
        # As text, so that it is checked just as strictly as on the command line.
        defaults[known[key]] = _pairs(value) if isinstance(value, dict) else str(value)
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _names(command: click.Command) -> dict[str, str]:
    """Return what a file may set: the long names of options, and arguments -> parameter names."""
    return {
        parameter.opts[0].removeprefix("--"): str(parameter.name)
        for parameter in command.params
        if not (parameter.is_eager or parameter.multiple or parameter.opts[0] in _NOT_IN_FILES)
    }


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{key}={json.dumps(value, default=str)}" for key, value in table.items()]


#: What is about one call and not about what is made.
_NOT_IN_FILES = ("--json", "--debug")

config = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    expose_value=False,
    is_eager=True,
    callback=_read,
    help="TOML file with these options by their long names, and a table [family-settings].",
)
