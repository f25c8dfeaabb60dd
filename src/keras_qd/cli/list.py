"""``keras-qd list``: the components by name, importing none of them."""

from __future__ import annotations

import click

from keras_qd.cli.options import as_json, print_json, print_table
from keras_qd.registry import KINDS, components


@click.command("list")
@click.argument("kind", required=False, metavar="[KIND]")
@as_json
def command(kind: str | None, as_json: bool) -> None:
    """List models, data sets, metrics, tasks and families of potentials, and where they come from.

    KIND is models, datasets, metrics, tasks or potentials; all of them by default.

    \b
    Examples:
      keras-qd list
      keras-qd list tasks --json
    """
    kinds = [kind] if kind is not None else list(KINDS)
    found = {each: _with_origins(each) for each in kinds}
    if as_json:
        print_json(found)
        return
    rows = [(each, name, origin) for each in kinds for name, origin in found[each].items()]
    print_table(rows, header=("kind", "name", "from"))


def _with_origins(kind: str) -> dict[str, str]:
    found = components(kind)
    return {name: found.origin(name) for name in found.names()}
