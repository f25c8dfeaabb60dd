"""Options that several verbs share, ``KEY=VALUE`` settings, and options from a TOML file."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from keras_qd.backend import PREFERENCE, use_backend
from keras_qd.errors import UnknownNameError, UsageError


class StorePath(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """Location of a stored data set: a path, or a URL as given."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Return a URL as text, and anything else as a path."""
        return value if "://" in str(value) else Path(value)


def _use_backend(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        use_backend(value)


#: ``--json``: print JSON instead of text.
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

#: ``--backend``: choose the Keras backend before keras is imported.
backend = click.option(
    "--backend",
    type=click.Choice(PREFERENCE),
    expose_value=False,
    is_eager=True,
    callback=_use_backend,
    help="Keras backend.  [an installed one]",
)

#: ``--seed``: of everything random.
seed = click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")


def _allow(ctx: click.Context, parameter: click.Parameter, value: float | None) -> None:
    if value is not None:
        from keras_qd.data.io.sizes import unfolding_to

        ctx.with_resource(unfolding_to(int(value * 10**9)))


#: ``--max-gigabytes``: how much the content of a file may unfold to.
max_gigabytes = click.option(
    "--max-gigabytes",
    type=click.FloatRange(min=0, min_open=True, max=10**6),
    metavar="GB",
    expose_value=False,
    callback=_allow,
    help="Let compressed files unfold to so much; an image to a 16th of it.  [4.3]",
)

#: The metavar of options that take settings, which a table of a file can set as well.
_PAIR = "KEY=VALUE"


def read_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` settings as a mapping; a value that is valid JSON is read as JSON.

    Examples
    --------
    >>> read_settings(["schedule=cosine", "model.filters=16"])
    {'schedule': 'cosine', 'model.filters': 16}
    """
    settings = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"{pair!r} is not a setting; write {_PAIR}, such as model.filters=16")
        settings[key.replace("-", "_")] = _value(text)
    return settings


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def task_changes(pairs: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` settings as changes to a task; a dot leads into one of its mappings.

    Examples
    --------
    >>> task_changes(["schedule=cosine", "model.filters=16"])
    {'schedule': 'cosine', 'model_config': {'filters': 16}}
    """
    sections = _task_sections()
    changes: dict[str, Any] = {}
    for key, value in read_settings(pairs).items():
        section, dot, setting = key.partition(".")
        if not dot:
            changes[section] = value
        elif section in sections:
            changes.setdefault(sections[section], {})[setting] = value
        else:
            raise UnknownNameError("section of settings", section, sections)
    return changes


def _task_sections() -> dict[str, str]:
    """Return the mappings among the fields of a task, such as ``model`` -> ``model_config``."""
    from keras_qd.tasks.task import Task

    names = [field.name for field in dataclasses.fields(Task) if field.default_factory is dict]
    return {name.removesuffix("_config"): name for name in names}


def _read_file(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Take the contents of a file as the defaults of all options; the command line wins."""
    if path is None:
        return
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a TOML file: {error}") from error
    tables = _tables(ctx.command)
    known = {**_names(ctx.command), **tables}
    defaults: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise UnknownNameError(f"setting in {path}", key, known)
        if (key in tables) != isinstance(value, dict):
            raise UsageError(f"{path}: {key} must {'' if key in tables else 'not '}be a table")
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


def _tables(command: click.Command) -> dict[str, str]:
    """Return the tables that a file may have, one for each option that takes settings."""
    return {
        str(parameter.name).replace("_", "-"): str(parameter.name)
        for parameter in command.params
        if parameter.multiple and parameter.metavar == _PAIR
    }


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{key}={json.dumps(value, default=str)}" for key, value in table.items()]


#: Options of a single call, which do not affect what is made.
_NOT_IN_FILES = ("--json", "--debug")

config = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    expose_value=False,
    is_eager=True,
    callback=_read_file,
    help="TOML file with these options by their long names, and a table [family-settings].",
)
