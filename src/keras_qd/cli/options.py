"""Options that several verbs share, ``KEY=VALUE`` settings, and options from a TOML file."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from keras_qd._checks import MOST_SEED, parse_toml, real, shortened
from keras_qd._files import parse_json
from keras_qd.backend import PREFERENCE, use_backend
from keras_qd.errors import UnknownNameError, UsageError


class GroupedCommand(click.Command):
    """A verb whose help lists its options under headings: heading -> names of parameters."""

    def __init__(
        self, *args: Any, groups: Mapping[str, Sequence[str]] | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.groups = dict(groups or {})
        self.setting_names: list[str] = []

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings, in their order, and the others last."""
        heads = {name: head for head, names in self.groups.items() for name in names}
        rows: dict[str, list[tuple[str, str]]] = {head: [] for head in self.groups}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                rows.setdefault(heads.get(str(parameter.name), "Other options"), []).append(record)
        for head, records in rows.items():
            if records:
                with formatter.section(head):
                    formatter.write_dl(records)


class FiniteRange(click.FloatRange):
    """A finite number, perhaps within bounds."""

    def _describe_range(self) -> str:
        """Return the bounds for the help, or nothing where there are none."""
        return "" if self.min is None and self.max is None else super()._describe_range()

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class InputPath(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """Path of something to be read."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if not str(value) or "\0" in str(value):
            self.fail(f"{str(value)!r} is not a path", param, ctx)
        return Path(value)


class OutputPath(InputPath):
    """Path of something to be written; `file` refuses a directory."""

    def __init__(self, file: bool = False) -> None:
        self.file = file

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or fail where nothing can be written."""
        path: Path = super().convert(value, param, ctx)
        reason = _unwritable(path, self.file)
        if reason is not None:
            self.fail(f"{shortened(str(path))} {reason}; name a new file or directory", param, ctx)
        return path


#: Bytes of a file name, to which temporary files and locks add some.
_LONGEST = 200


def _unwritable(path: Path, file: bool) -> str | None:
    """Return why nothing can be written to a path, if so."""
    if len(os.fsencode(path.name)) > _LONGEST:
        return f"has a name of more than {_LONGEST} bytes"
    try:
        absolute, here = path.resolve(), Path.cwd()
        folder = next(each for each in absolute.parents if each.exists())
        is_directory = file and path.is_dir()
    except (OSError, RuntimeError, StopIteration) as error:  # too long, a circle of links, a root
        return f"cannot be used: {getattr(error, 'strerror', None) or 'it is not below a folder'}"
    if absolute == here or absolute in here.parents:
        return "is the working directory, or contains it"
    if not folder.is_dir():
        return f"is below {folder}, which is not a directory"
    if is_directory:
        return "is a directory"
    return None if os.access(folder, os.W_OK) else f"is below {folder}, which is write-protected"


class StorePath(InputPath):
    """Location of a stored data set: a path, or a URL as given."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a URL as text, and anything else as a path."""
        return value if "://" in str(value) else super().convert(value, param, ctx)


class NewStorePath(OutputPath):
    """Location of a stored data set to be written: a path, or a URL as given."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a URL as text, and anything else as a path."""
        return value if "://" in str(value) else super().convert(value, param, ctx)


#: Largest count of anything.
MOST = 10**9

#: A count, such as one of samples, epochs or processes.
COUNT = click.IntRange(1, MOST)

#: A length in a0*; of boxes and lines physics has the same bounds.
LENGTH = FiniteRange(1e-6, 1e6)

#: A file that exists.
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


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
seed = click.option(
    "--seed",
    type=click.IntRange(0, MOST_SEED),
    default=0,
    show_default=True,
    help="Random seed.",
)


def _allow(ctx: click.Context, parameter: click.Parameter, value: float | None) -> None:
    if value is not None:
        from keras_qd.data.io.sizes import unfolding_to

        ctx.with_resource(unfolding_to(int(value * 10**9)))


#: ``--max-gigabytes``: how much the content of a file may unfold to.
max_gigabytes = click.option(
    "--max-gigabytes",
    type=FiniteRange(min=0, min_open=True, max=10**6),
    metavar="GB",
    expose_value=False,
    callback=_allow,
    help="Largest size of decompressed files; images may take a 16th of it.  [4.3]",
)

#: The metavar of options that take settings.
_PAIR = "KEY=VALUE"

#: Options of a single call, which do not affect what is made.
_NOT_IN_FILES = ("--json", "--debug")

#: What ``--set`` means, in every verb that has it.
_SET_HELP = (
    "A setting of {of}, such as {examples}: JSON or text, by its name in 'keras-qd info'. A dot "
    "leads to a setting of a part. May be repeated."
)


def settings_option(of: str, examples: str) -> Callable[[Any], Any]:
    """Return ``--set``, which has one meaning in all verbs: a setting of what the verb names."""
    text = _SET_HELP.format(of=of, examples=examples)
    return click.option("--set", "settings", multiple=True, metavar=_PAIR, help=text)


def read_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` settings as a mapping; a value that is valid JSON is read as JSON."""
    settings = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"{pair!r} is not a setting; write {_PAIR}, such as model.filters=16")
        settings[key] = _value(text)
    return settings


def _value(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        if text.lstrip().startswith(("[", "{")):
            raise UsageError(f"{shortened(text)} is not valid JSON") from None
        return text


#: What other programs call a setting -> its name here.
_ALIASES = {
    "lr": "model.learning_rate",
    "learning_rate": "model.learning_rate",
    "bs": "batch_size",
    "epoch": "epochs",
    "n_epochs": "epochs",
    "batch": "batch_size",
    "batchsize": "batch_size",
    "optim": "optimizer",
    "scheduler": "schedule",
    "lr_schedule": "schedule",
    "lr_scheduler": "schedule",
    "early_stopping": "patience",
    "dtype": "model.dtype",
    "dropout": "model.dropout",
    "filters": "model.filters",
    "depth": "model.depth",
    "weight_decay": "model.weight_decay",
    "n_samples": "samples",
    "output": "out",
    "dataset": "data",
    "network": "model",
    "random_seed": "seed",
    "gpus": "devices",
    "n_electrons": "electrons",
    "n": "electrons",
    "length": "box_length",
    "side": "box_length",
    "n_pixels": "grid",
    "pixels": "grid",
    "jobs": "workers",
    "n_jobs": "workers",
}


def spelling(option: str, ctx: click.Context) -> str:
    """Return the error of an option that a verb lacks, with how to write it where that is known."""
    name = _attribute(option.lstrip("-").lower())
    name = _ALIASES.get(name, name)
    options = {_attribute(_long_name(each)): each for each in ctx.command.params}
    settings = _known_settings(ctx.command) if "set" in options else []
    near = [name] if name in options else difflib.get_close_matches(name, options, 1, cutoff=0.7)
    found = [each for each in settings if each in (name, f"family.{name}")]
    if "." in name and settings:
        found = [name]
    if near:
        return f"no such option: {option}; write {options[near[0]].opts[0]}"
    return f"no such option: {option}" + (f"; write --set {found[0]}=VALUE" if found else "")


def _known_settings(command: click.Command) -> list[str]:
    """Return the names that ``--set`` of a verb takes: of a data set, or of a task."""
    if isinstance(command, GroupedCommand) and command.setting_names:
        return command.setting_names
    from keras_qd.tasks.task import Task

    return [field.name for field in dataclasses.fields(Task)]


#: Parts of a data set or a target -> the setting that has the settings of the part.
FAMILY_PARTS = {"family": "family_settings"}


def nested_settings(pairs: Sequence[str], parts: Mapping[str, str]) -> dict[str, Any]:
    """Return settings as a mapping; ``part.name=value`` is in the mapping that `parts` names."""
    found: dict[str, Any] = {}
    for key, value in read_settings(pairs).items():
        first, *rest = key.split(".")
        *path, last = (_attribute(first), *rest)
        if path and path[0] not in (*parts, *parts.values()):
            raise UnknownNameError("part with settings", path[0], parts)
        level = found
        for depth, name in enumerate(path):
            mappings = FAMILY_PARTS if depth else parts
            level = level.setdefault(mappings.get(name, name), {})
            if not isinstance(level, dict):
                raise UsageError(f"{key} is a setting of {name}, which is set to {level!r}")
        # The names of metrics, which have hyphens, are those of parts as well.
        level[last if path[:1] == ["metric"] else _attribute(last)] = value
    return found


def _attribute(name: str) -> str:
    return name.replace("-", "_")


def task_changes(pairs: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` settings as changes to a task; a dot leads into one of its mappings."""
    from keras_qd.tasks.task import Task

    names = [field.name for field in dataclasses.fields(Task) if field.default_factory is dict]
    return nested_settings(pairs, {name.removesuffix("_config"): name for name in names})


def read_options(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Take the contents of a file as the defaults of all options; the command line wins."""
    if path is None:
        return
    values = parse_toml(path)
    tables, documents = _tables(ctx.command), _documents(ctx.command)
    known = {**_names(ctx.command), **tables}
    defaults: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise UnknownNameError(f"setting in {path}", key, known)
        if key in documents and not isinstance(value, str):
            defaults[known[key]] = json.dumps(value, default=str)
            continue
        if (key in tables) != isinstance(value, dict):
            raise UsageError(f"{path}: {key} must {'' if key in tables else 'not '}be a table")
        # As text, so that it is checked just as strictly as on the command line.
        defaults[known[key]] = _pairs(value) if isinstance(value, dict) else str(value)
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _names(command: click.Command) -> dict[str, str]:
    """Return what a file may set: the long names of options, and arguments -> parameter names."""
    return {
        _long_name(parameter): str(parameter.name)
        for parameter in command.params
        if not (parameter.is_eager or parameter.multiple or parameter.opts[0] in _NOT_IN_FILES)
    }


def _tables(command: click.Command) -> dict[str, str]:
    """Return the tables that a file may have, one for each option that takes settings."""
    return {
        _long_name(parameter): str(parameter.name)
        for parameter in command.params
        if parameter.multiple and parameter.metavar == _PAIR
    }


def _long_name(parameter: click.Parameter) -> str:
    return parameter.opts[0].removeprefix("--")


def _documents(command: click.Command) -> set[str]:
    """Return the long names of options in JSON, which a file may have as tables and lists."""
    return {_long_name(each) for each in command.params if each.type.name == "json"}


def _pairs(table: dict[str, Any], part: str = "") -> list[str]:
    """Return the settings of a table, and of the tables in it, as ``part.key=value``."""
    pairs = []
    for key, value in table.items():
        if isinstance(value, dict):
            pairs += _pairs(value, f"{part}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            pairs.append(f"{part}{key}={text}")
    return pairs


def config(text: str) -> Callable[[Any], Any]:
    """Return ``--config``, a TOML file with the options of a verb."""
    return click.option(
        "--config",
        type=EXISTING_FILE,
        expose_value=False,
        is_eager=True,
        callback=read_options,
        help=text,
    )


def read_voltages(pairs: tuple[str, ...]) -> dict[str, float]:
    """Return --voltage options as a mapping of gates to mV."""
    return read_numbers(pairs, "--voltage", "GATE=MV, such as barrier=-10")


def read_numbers(pairs: tuple[str, ...], option: str, form: str) -> dict[str, float]:
    """Return NAME=NUMBER options as a mapping."""
    numbers = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            numbers[name] = real(-1e9, 1e9)(float(value))
        except ValueError:
            raise UsageError(f"{option} takes {form}, got {pair!r}") from None
    return numbers
