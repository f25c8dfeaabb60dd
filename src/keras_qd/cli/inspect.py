"""``keras-qd inspect``: what a stored data set contains, and whether it is intact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd.cli.generate import as_options, summary
from keras_qd.cli.options import OutputPath, StorePath, as_json
from keras_qd.cli.output import describe, echo, format_bytes, format_number, print_json, print_table
from keras_qd.errors import StoreError

if TYPE_CHECKING:
    from keras_qd.data.store.store import Store

#: Click keeps the lines of a paragraph that begins with a backspace.
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
    type=OutputPath(file=True),
    metavar="FILE",
    help="Draw samples and histograms into FILE (.png, .pdf or .svg).",
)
@click.option(
    "--toml",
    is_flag=True,
    help="Print the settings as a file for 'generate --config', which makes the same data.",
)
@as_json
def command(path: Path | str, verify: bool, figure: Path | None, toml: bool, as_json: bool) -> None:
    """Show what the stored data set at PATH, a directory or a URL, contains."""
    from keras_qd.data.store.store import open_store

    store = open_store(path)
    if toml:
        import tomli_w

        echo(tomli_w.dumps(_without_none(as_options(store))), nl=False)
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
        echo(f"figure: {figure}", err=True)
    if errors := store.find_damage(damaged):
        raise StoreError(
            f"{store.path}: {'; '.join(errors)}; run the same '{store.command}' again to restore "
            "them"
        )


def _without_none(value: Any) -> Any:
    """Return plain data without the entries that are None, which TOML lacks."""
    if isinstance(value, Mapping):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_without_none(each) for each in value]
    return value


def _fields(store: Store, damaged: list[int]) -> dict[str, dict[str, Any]]:
    """Return shape, unit, meaning and range of every field, over undamaged shards."""
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
    """Print the description of a store as text."""
    state = "complete" if found["complete"] else "unfinished: run the same command again to resume"
    echo(f"{found['path']}: {found['finished']} of {found['samples']} samples, {state}\n")
    header = ("field", "shape", "unit", "minimum", "maximum", "mean", "NaN", "size", "meaning")
    rows = [(name, *_row(field, *units[name])) for name, field in found["fields"].items()]
    print_table(rows, header)
    echo()
    size = sum(field["bytes"] or 0 for field in found["fields"].values())
    echo(f"size     {format_bytes(size)}, compressed")
    if found["material"] is not None:
        name, length, energy = found["material"].values()
        echo(
            f"units    above those of {name} (a0* = {format_number(length)} nm, Ha* = "
            f"{format_number(energy)} meV), below a0* and Ha*"
        )
    echo()
    print_table(describe(found["configuration"]))
    for label, error in (found["label_error"] or {}).items():
        if isinstance(error, Mapping):
            echo(
                f"\nestimated error of the {label}: median {format_number(error['median'])}, "
                f"largest {format_number(error['largest'])} {error.get('unit', '')}".rstrip(),
                nl=False,
            )
    echo()
    if found["refused"]:
        echo(f"\nrefused draws: {found['refused']}, each followed by the sample's next draw")
    if found["refusals"]:
        echo(f"\nrefused potentials, which training leaves out: {len(found['refusals'])}")
        print_table([(str(number), why) for number, why in found["refusals"].items()])
    if "damaged_shards" in found:
        echo(f"\nchecksums: {'DAMAGED' if found['damaged_shards'] else 'correct'}")
    echo(f"\ndigest  {found['digest'] or 'none yet'}")


def _row(field: dict[str, Any], factor: float, unit: str) -> tuple[str, ...]:
    """Return the row of one field, its values times `factor`."""
    return (
        " x ".join(map(str, field["shape"])),
        unit,
        *(format_number(factor * field[key]) for key in ("minimum", "maximum", "mean")),
        str(field["not_finite"]),
        "?" if field["bytes"] is None else format_bytes(field["bytes"]),
        field["meaning"],
    )
