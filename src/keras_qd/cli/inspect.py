"""``keras-qd inspect``: what a stored data set contains, in numbers and as a figure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd._files import replacing
from keras_qd.cli.generate import as_options, summary
from keras_qd.cli.options import StorePath, as_json
from keras_qd.cli.output import describe, format_bytes, format_number, print_json, print_table
from keras_qd.errors import StoreError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from keras_qd.data.fields import Field
    from keras_qd.data.store.store import Store

#: Samples in a row of the figure.
N_SHOWN = 6
_FORMATS = (".png", ".pdf", ".svg")
#: Side of a panel in inches.
_SIDE = 1.9

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
    type=click.Path(path_type=Path, dir_okay=False),
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

        click.echo(tomli_w.dumps(_without_none(as_options(store))), nl=False)
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
        draw_sheet(store, figure)
        click.echo(f"figure: {figure}", err=True)
    if damaged:
        raise StoreError(_damage(store, damaged))


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
            "bytes": store.place.stored_bytes(name),
        }
    return found


def _print(found: dict[str, Any], units: Mapping[str, tuple[float, str]]) -> None:
    """Print the description of a store as text."""
    state = "complete" if found["complete"] else "unfinished: run the same command again to resume"
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
            f"units    above those of {name} (a0* = {format_number(length)} nm, Ha* = "
            f"{format_number(energy)} meV), below a0* and Ha*"
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
        click.echo(f"\nchecksums: {'DAMAGED' if found['damaged_shards'] else 'correct'}")
    click.echo(f"\ndigest  {found['digest'] or 'none yet'}")


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


def _damage(store: Store, damaged: list[int]) -> str:
    """Return the error message for damaged samples."""
    ranges = [f"{store.shard(number)[0]}-{store.shard(number)[-1]}" for number in damaged]
    return (
        f"{store.path}: samples {', '.join(ranges)} do not match their checksums; "
        f"run the same '{store.command}' again to restore them"
    )


def draw_sheet(store: Store, path: Path) -> None:
    """Draw the first samples of a store, and histograms of its numbers and densities."""
    from keras_qd.report.figures.style import drawing

    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"{path} must end in one of {', '.join(_FORMATS)}")
    samples = {name: store.read_shard(0, name)[:N_SHOWN] for name in store.fields}
    if not min(map(len, samples.values())):
        raise StoreError(f"{store.path} has no finished samples to draw yet")
    with drawing(), replacing(path) as temporary:
        _sheet(store, samples).savefig(temporary, dpi=160)


def _sheet(store: Store, samples: dict[str, np.ndarray]) -> Figure:
    """Return a figure with a row for each field that can be drawn, and rows of histograms."""
    from matplotlib.figure import Figure

    from keras_qd.data.store.summary import shown_units

    drawn = [name for name, field in store.fields.items() if _is_drawn(field)]
    counted = [name for name, field in store.fields.items() if _is_counted(name, field)]
    histograms = [counted[start : start + N_SHOWN] for start in range(0, len(counted), N_SHOWN)]
    n_rows = len(drawn) + len(histograms)
    if not n_rows:
        raise UsageError(f"{store.place} has no field that can be drawn; leave out --figure")
    units = shown_units(store)
    figure = Figure(figsize=(_SIDE * N_SHOWN, _SIDE * 1.15 * n_rows), layout="constrained")
    parts = figure.subfigures(n_rows, 1, squeeze=False)[:, 0]
    for part, name in zip(parts, drawn, strict=False):
        _draw_row(part, name, store.fields[name], samples[name], *units[name])
    for part, names in zip(parts[len(drawn) :], histograms, strict=True):
        panels = part.subplots(1, len(names), squeeze=False)[0]
        for panel, name in zip(panels, names, strict=True):
            _draw_histogram(panel, store, name, *units[name])
    return figure


def _is_drawn(field: Field) -> bool:
    """Whether a field is a curve, a map or an image, not a vector of named numbers."""
    in_colour = len(field.shape) == 3 and field.shape[2] == 3
    return (len(field.shape) in (1, 2) or in_colour) and not field.labels


def _is_counted(name: str, field: Field) -> bool:
    """Whether a histogram of all values is informative: for single numbers and densities."""
    return not field.shape or (_is_drawn(field) and name.startswith("density"))


def _draw_row(
    part: SubFigure, name: str, field: Field, samples: np.ndarray, factor: float, unit: str
) -> None:
    """Draw samples of one field on one scale."""
    from keras_qd.report.figures.style import field_colours

    part.suptitle(_title(name, unit), x=0.01, ha="left")
    panels = part.subplots(1, len(samples), squeeze=False)[0]
    # Where a range is known, integers are grey or colour levels.
    samples = samples * factor if field.limits is None else samples / field.limits[1]
    for panel, values in zip(panels, samples, strict=True):
        if len(field.shape) == 1:
            panel.plot(values)
            panel.set_ylim(float(samples.min()), float(samples.max()))
        elif field.limits is not None:
            panel.imshow(values, cmap="gray", vmin=0, vmax=1)
        else:
            panel.imshow(values, origin="lower", **field_colours(samples))
        panel.set_xticks([])
        panel.set_yticks([])


def _draw_histogram(panel: Axes, store: Store, name: str, factor: float, unit: str) -> None:
    """Draw a histogram, for fields on a logarithmic scale since most values are near zero."""
    from keras_qd.data.store.summary import field_histogram

    counts, edges = field_histogram(store, name)
    panel.bar(factor * edges[:-1], counts, factor * (edges[1:] - edges[:-1]), align="edge")
    panel.set_xlabel(_title(name, unit))
    panel.locator_params(axis="x", nbins=4)
    if store.fields[name].shape:
        panel.set_yscale("log")
    else:
        panel.set_yticks([])


def _title(name: str, unit: str) -> str:
    from keras_qd.report.figures.style import with_unit

    return with_unit(name.replace("_", " "), unit)
