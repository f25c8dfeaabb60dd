"""``keras-qd new-plugin``: write a distribution with one component of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from keras_qd._files import write_text
from keras_qd.cli.options import OutputPath, as_json
from keras_qd.cli.output import echo, print_json, print_next
from keras_qd.errors import UsageError
from keras_qd.registry import KINDS, components, is_component_name

#: Suffix of the templates.
_SUFFIX = ".j2"


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--out",
    type=OutputPath(),
    help="Folder to create.  [keras-qd-NAME]",
)
@as_json
def command(name: str, out: Path | None, as_json: bool) -> None:
    """Write a working plug-in called NAME as a starting point for your own.

    It is a distribution with one component of each kind, a task that combines the data set, the
    model and the metric, and tests that check them. NAME consists of lower-case words joined with
    hyphens.

    \b
    Examples:
      keras-qd new-plugin oscillators
      cd keras-qd-oscillators && pip install --editable . && keras-qd list
    """
    out = Path(f"keras-qd-{name}") if out is None else out
    _check(name, out)
    written = [str(path) for path in _write(name, out)]
    if as_json:
        print_json({"folder": str(out), "files": written})
        return
    for path in written:
        echo(path)
    print_next(("pip", "install", "--editable", out), ("keras-qd", "list"), ("pytest", out))


def _check(name: str, out: Path) -> None:
    """Refuse a name that is invalid or taken, and a folder that exists."""
    if not is_component_name(name) or not name[0].isalpha():
        raise UsageError(
            f"{name!r} is not a plug-in name; use lower-case words joined with hyphens "
            "that begin with a letter, such as 'my-dots'"
        )
    for kind, word in KINDS.items():
        taken = {name, f"{name}-net"} & set(components(kind).names())
        if taken:
            raise UsageError(f"a {word} {min(taken)!r} already exists; choose another name")
    if out.exists():
        raise UsageError(f"{out} already exists; choose another folder with --out")


def _write(name: str, out: Path) -> Iterator[Path]:
    """Write the files of the plug-in, and yield their paths."""
    from jinja2 import Environment, StrictUndefined

    identifier = name.replace("-", "_")
    words = {
        "name": name,
        "identifier": identifier,
        "package": f"keras_qd_{identifier}",
        "distribution": f"keras-qd-{name}",
    }
    # The output is Python, TOML and Markdown, so nothing is escaped for HTML.
    jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    root = files("keras_qd.cli") / "templates" / "plugin"
    for parts, template in _templates(root):
        target = Path(*("." + part if part == "gitignore" else part for part in parts))
        path = out / str(target).replace("package", words["package"])
        write_text(path, jinja.from_string(template.read_text(encoding="utf-8")).render(words))
        yield path


def _templates(
    folder: Traversable, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Traversable]]:
    """Yield the templates below a folder, each with the path of the file to write."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _templates(entry, (*above, entry.name))
        elif entry.name.endswith(_SUFFIX):
            yield (*above, entry.name.removesuffix(_SUFFIX)), entry
