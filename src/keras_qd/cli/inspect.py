"""``keras-qd inspect``: what a data set contains, and whether a stored one is intact."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from keras_qd.cli.generate import as_options, summary
from keras_qd.cli.options import (
    FAMILY_PARTS,
    OutputPath,
    StorePath,
    as_json,
    nested_settings,
    settings_option,
)
from keras_qd.cli.output import (
    counting,
    describe,
    echo,
    format_bytes,
    format_number,
    print_json,
    print_table,
)
from keras_qd.errors import StoreError, UsageError
from keras_qd.registry import components, load, names

if TYPE_CHECKING:
    from keras_qd.data.dataset import Dataset
    from keras_qd.data.fields import Field
    from keras_qd.data.store.store import Store

#: Click keeps the lines of a paragraph that begins with a backspace.
_EXAMPLES = """\b
Examples:
  keras-qd inspect dots.zarr --verify
  keras-qd inspect dots.zarr --figure dots.png
  keras-qd inspect mnist --figure digits.png
  keras-qd inspect wells-1d --to course
  keras-qd inspect s3://bucket/dots.zarr --toml > dots.toml
"""


@click.command("inspect", epilog=_EXAMPLES)
@click.argument("data", metavar="PATH|NAME", type=StorePath())
@settings_option("the data set NAME", "samples=500")
@click.option("--verify", is_flag=True, help="Check every shard against its checksum.")
@click.option(
    "--figure",
    type=OutputPath(file=True),
    metavar="FILE",
    help="Draw samples and histograms into FILE (.png, .pdf or .svg).",
)
@click.option(
    "--to",
    "folder",
    type=OutputPath(),
    metavar="DIR",
    help="Write potentials, densities and energies to V.db, density.db and E.db in DIR, as "
    "pickled arrays, which notebooks in this field read.",
)
@click.option(
    "--toml",
    is_flag=True,
    help="Print the settings as a file with which 'generate --config' makes the same data.",
)
@as_json
def command(
    data: Path | str,
    settings: tuple[str, ...],
    verify: bool,
    figure: Path | None,
    folder: Path | None,
    toml: bool,
    as_json: bool,
) -> None:
    """Show what a data set contains: a stored one at PATH, or the registered one called NAME.

    PATH is a directory or a URL. A data set NAME that does not exist yet is generated first.
    """
    from keras_qd.data.store.store import open_store

    if figure is not None:
        from keras_qd.report.figures.samples import check_format

        check_format(figure)
    dataset = (
        None if _is_stored(data) else _load(str(data), nested_settings(settings, FAMILY_PARTS))
    )
    if dataset is None and settings:
        raise UsageError(f"--set is for a registered data set; {data} has its settings already")
    store = open_store(data) if dataset is None else getattr(dataset, "store", None)
    if store is None:
        if verify or toml or folder is not None:
            raise UsageError(f"--verify, --toml and --to are for stored data sets, not for {data}")
        _show_dataset(str(data), dataset, figure, as_json)
    elif toml:
        import tomli_w

        echo(tomli_w.dumps(_without_none(as_options(store))), nl=False)
    else:
        _show_store(store, verify, figure, as_json)
        if folder is not None:
            from keras_qd.data.importing import export_files

            written = export_files(store, folder)
            echo(f"written: {', '.join(map(str, written))}", err=True)


def _is_stored(data: Path | str) -> bool:
    """Whether a data set is to be opened at a path; a folder is preferred to a registered name."""
    return "://" in str(data) or Path(data).exists() or str(data) not in names("datasets")


def _load(name: str, settings: dict[str, Any]) -> Dataset:
    """Load a registered data set, with a progress bar if it is generated first."""
    builder = components("datasets").get(name)
    if "progress" not in inspect.signature(builder).parameters:
        return load(name, **settings)
    with counting(name, "samples") as count:
        return load(name, **settings, progress=count)


def _show_dataset(name: str, dataset: Any, figure: Path | None, as_json: bool) -> None:
    """Print the fields of a data set that is not stored, and how many samples its splits have."""
    splits = {each: dataset.split(each) for each in ("train", "validation", "test")}
    counts = {each: len(next(iter(split.values()))) for each, split in splits.items()}
    fields = {
        field: {**_shape(dataset.fields[field]), **_range(np.asarray(splits["train"][field]))}
        for field in dataset.fields
    }
    found = {"name": name, "samples": counts, "fields": fields, "metadata": dataset.metadata}
    if as_json:
        print_json(found)
    else:
        echo(f"{name}: {', '.join(f'{count} to {each}' for each, count in counts.items())}\n")
        header = ("field", "shape", "unit", "minimum", "maximum", "mean", "meaning")
        print_table([(field, *_dataset_row(each)) for field, each in fields.items()], header)
        echo()
        print_table(describe(dataset.metadata))
    if figure is not None:
        from keras_qd.report.figures.samples import draw_split

        draw_split(dataset.fields, splits["train"], figure)
        echo(f"figure: {figure}", err=True)


def _shape(field: Field) -> dict[str, Any]:
    return {"shape": list(field.shape), "unit": field.unit, "meaning": field.meaning}


def _range(values: np.ndarray) -> dict[str, float]:
    return {"minimum": values.min().item(), "maximum": values.max().item(), "mean": values.mean()}


def _dataset_row(field: dict[str, Any]) -> tuple[str, ...]:
    numbers = (format_number(field[key]) for key in ("minimum", "maximum", "mean"))
    return " x ".join(map(str, field["shape"])), field["unit"], *numbers, field["meaning"]


def _show_store(store: Store, verify: bool, figure: Path | None, as_json: bool) -> None:
    """Print what a store contains, and raise if it is damaged."""
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
        from keras_qd.report.figures.samples import draw_sheet

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
        echo(f"\nrefused draws: {found['refused']}, each replaced by another draw")
    if found["refusals"]:
        echo(f"\nrefused potentials, which training omits: {len(found['refusals'])}")
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
