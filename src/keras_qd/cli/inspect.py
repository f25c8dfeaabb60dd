"""``keras-qd inspect``: what is in a stored data set, and whether it is sound."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd.cli.format import format_bytes, format_number
from keras_qd.cli.generate import as_options, summary
from keras_qd.cli.options import StorePath, as_json, describe, print_json, print_table
from keras_qd.cli.toml import format_toml
from keras_qd.errors import StoreError

if TYPE_CHECKING:
    from keras_qd.data.store.store import Store

#: Click leaves a paragraph that begins with a backspace as it is.
_EXAMPLES = """\b
Examples:
  keras-qd inspect dots.zarr --verify
  keras-qd inspect dots.zarr --figure dots.png
  keras-qd inspect s3://bucket/dots.zarr --toml > dots.toml
"""


@click.command("inspect", epilog=_EXAMPLES)
@click.argument("path", type=StorePath())
@click.option("--verify", is_flag=True, help="Check every shard against its checksum.")
@click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw some samples, and histograms, into FILE (.png, .pdf or .svg).",
)
@click.option(
    "--toml", is_flag=True, help="Print the file that 'generate --config' makes the same from."
)
@as_json
def command(path: Path | str, verify: bool, figure: Path | None, toml: bool, as_json: bool) -> None:
    """Tell what is in the stored data set at PATH, a directory or a URL."""
    from keras_qd.data.store.store import open_store

    store = open_store(path)
    if toml:
        click.echo(format_toml(as_options(store)), nl=False)
        return
    damaged = store.damaged() if verify else []
    found = {**summary(store), "fields": _fields(store, damaged)}
    if verify:
        found["damaged_shards"] = damaged
    if as_json:
        print_json(found)
    else:
        from keras_qd.data.store.summary import shown_units

        _print(found, shown_units(store))
    if figure is not None:
        from keras_qd.cli.sheet import draw_sheet

        draw_sheet(store, figure)
        click.echo(f"figure: {figure}", err=True)
    if damaged:
        raise StoreError(_damage(store, damaged))


def _fields(store: Store, damaged: list[int]) -> dict[str, dict[str, Any]]:
    """Return shape, unit, meaning and range of every field, without what is damaged."""
    from keras_qd.data.store.summary import summarise_field

    found = {}
    for name, field in store.fields.items():
        values = summarise_field(store, name, damaged)
        found[name] = {
            "shape": [store.n_samples, *field.shape],
            "type": field.dtype,
            "unit": field.unit,
            "meaning": field.meaning,
            "minimum": values.minimum,
            "maximum": values.maximum,
            "mean": values.mean,
            "not_finite": values.n_bad,
            "bytes": store.location.stored_bytes(name),
        }
    return found


def _print(found: dict[str, Any], units: Mapping[str, tuple[float, str]]) -> None:
    """Print for people what :func:`command` gives machines."""
    state = "complete" if found["complete"] else "unfinished: run the same command again to go on"
    click.echo(f"{found['path']}: {found['finished']} of {found['samples']} samples, {state}\n")
    header = ("field", "shape", "unit", "minimum", "maximum", "mean", "NaN", "size", "meaning")
    rows = [(name, *_row(field, *units[name])) for name, field in found["fields"].items()]
    print_table(rows, header)
    click.echo()
    size = sum(field["bytes"] or 0 for field in found["fields"].values())
    click.echo(f"size     {format_bytes(size)}, compressed")
    if found["material"] is not None:
        name, length, energy = found["material"].values()
        click.echo(
            f"units    of {name} above (a0* = {format_number(length)} nm, Ha* = "
            f"{format_number(energy)} meV), a0* and Ha* below"
        )
    click.echo()
    print_table(describe(found["configuration"]))
    for label, error in (found["label_error"] or {}).items():
        if isinstance(error, Mapping):
            click.echo(
                f"\nestimated error of the {label}: median {format_number(error['median'])}, "
                f"largest {format_number(error['largest'])}",
                nl=False,
            )
    click.echo()
    if "damaged_shards" in found:
        click.echo(f"\nchecksums: {'DAMAGED' if found['damaged_shards'] else 'all right'}")
    click.echo(f"\ndigest  {found['digest'] or 'none yet'}")


def _row(field: dict[str, Any], factor: float, unit: str) -> tuple[str, ...]:
    """Return what is told of one field, its values times `factor`."""
    return (
        " x ".join(map(str, field["shape"])),
        unit,
        *(format_number(factor * field[key]) for key in ("minimum", "maximum", "mean")),
        str(field["not_finite"]),
        "?" if field["bytes"] is None else format_bytes(field["bytes"]),
        field["meaning"],
    )


def _damage(store: Store, damaged: list[int]) -> str:
    """Return the message that names the damaged samples."""
    ranges = [f"{store.shard(number)[0]}-{store.shard(number)[-1]}" for number in damaged]
    return (
        f"{store.path}: samples {', '.join(ranges)} do not match their checksums; "
        f"run the same '{store.command}' again to make them anew"
    )
