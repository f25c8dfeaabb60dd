"""Potentials of the user's own, solved in parallel into a stored data set.

Every potential has a row, in the order given. Where the solver refuses one, its labels are NaN and
the store keeps the reason; training leaves the row out.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd._parallel import Workers, open_workers
from keras_qd.data.fields import EXCHANGE, Field
from keras_qd.data.io.arrays import open_arrays, read_fields
from keras_qd.data.io.images import Grey, is_image
from keras_qd.data.store.description import Description
from keras_qd.data.store.location import locate
from keras_qd.data.store.store import Store, disk_errors
from keras_qd.data.store.summary import check_material
from keras_qd.data.store.writer import (
    Contents,
    Progress,
    ShardWriter,
    prepare_store,
    shard_size,
    write_description,
)
from keras_qd.data.stored import LABELLED, SOLVED
from keras_qd.errors import DataError, PhysicsError, UsageError
from keras_qd.physics.box import FEWEST_PIXELS
from keras_qd.physics.interactions import as_interaction
from keras_qd.physics.solver import Solver

if TYPE_CHECKING:
    from distributed import Client

Array = NDArray[Any]

#: Version of the fields below, to be raised when the same potentials get other labels.
_VERSION = 1
#: Potentials in a shard, at most: what a killed process loses.
_SHARD = 16
#: Potentials whose errors the description of a store repeats, for reports.
_DESCRIBED = 256
#: Characters of the reason for which a potential was refused.
_LONGEST = 400
#: Settings of a solver that are stored in another form than their own.
_OTHERWISE = ("box", "interaction")

_PER_ELECTRON = "integral of the absolute error, per electron"
#: Labels -> unit and meaning; a solution has attributes of these names.
_NUMBERS = {
    "energy": ("Ha*", "ground-state energy"),
    "energy_error": ("Ha*", "estimated error of the energy"),
    "energy_noninteracting": ("Ha*", "ground-state energy without interaction"),
    "gap": ("Ha*", "first excitation of any spin"),
    "gap_error": ("Ha*", "estimated error of the gap"),
    "exchange": ("Ha*", EXCHANGE),
    "exchange_error": ("Ha*", "estimated error of the exchange"),
    "density_error": ("1", f"estimated error of the density: {_PER_ELECTRON}"),
    "pixel_error": ("Ha*", "change of the energy if pixels were constant over their cells"),
    "spin_squared": ("hbar^2", "expectation of the squared spin"),
}
#: End of the names of labels without interaction.
_WITHOUT = "_noninteracting"
_OF_SEVERAL_ELECTRONS = ("exchange", "exchange_error")
#: Labels whose errors the description of a store repeats -> unit of the error.
_ERRORS = {"energy": "Ha*", "density": _PER_ELECTRON, "gap": "Ha*", "exchange": "Ha*"}


def solve_potentials(
    potentials: Any,
    out: str | PathLike[str],
    solver: Solver,
    *,
    material: str | None = None,
    workers: int | None = None,
    scheduler: str | Client | None = None,
    progress: Progress | None = None,
) -> Store:
    """Solve potentials in parallel, and store their densities, energies, gaps and errors.

    Stopped at any moment, the same call resumes and ends bit-identical. The result does not depend
    on the number of workers.

    Parameters
    ----------
    potentials : array_like, shape (n, n_pixels, n_pixels)
        Potentials at the pixel centres in Ha*, y first; one of shape (n_pixels, n_pixels), or with
        an axis of one channel at the end, will do. They are solved as they are stored, rounded to
        32 bits.
    out : str or path
        Directory of the store to write, or its URL. It keeps ``potential``, ``density``,
        ``density_error``, ``energy``, ``energy_error``, ``gap``, ``gap_error`` and so on.
    solver : Solver
        Box, number of electrons, interaction and accuracy.
    material : str, optional
        Material that a0* and Ha* stand for. It changes no number.
    workers : int, optional
        How many processes work on this machine; as many as there are usable cores by default.
    scheduler : str or distributed.Client, optional
        A running Dask cluster that works instead.
    progress : callable, optional
        Called with the number of potentials done and of all, whenever some are done.

    Returns
    -------
    Store
        Open for reading, and finished. Row i is potential i. ``store.refusals`` gives the numbers
        of the potentials that the solver refused, and why; their labels are NaN, ``solved`` is 0,
        and training leaves them out.

    Raises
    ------
    DataError
        If the potentials are not square, or not finite.
    UsageError
        If the store holds other potentials or settings.
    StoreError
        If another process writes the store, the disk is full, or the path cannot be used.
    WorkerError, ClusterError
        If a worker process or the cluster fails.

    Examples
    --------
    >>> from keras_qd.physics import Box, Solver
    >>> box = Box(8.0)
    >>> x, y = box.mesh(32)
    >>> potentials = [(x - 4) ** 2 / 2 + k * (y - 4) ** 2 / 2 for k in (1.0, 1.2)]
    >>> path = getfixture("tmp_path") / "dots.zarr"
    >>> store = solve_potentials(potentials, path, Solver(box, n_electrons=2), workers=1)
    >>> store.read("energy").round(1), store.read("density").shape, store.refusals
    (array([3. , 3.1]), (2, 32, 32), {})
    """
    if workers is not None and (workers < 1 or scheduler is not None):
        raise UsageError(
            f"workers={workers!r} must be at least 1, and left out where a scheduler is given"
        )
    check_material(material)
    rows = Potentials.of(potentials)
    contents = _contents(rows, solver, material)
    location = locate(out)
    with ExitStack() as stack:
        stack.enter_context(disk_errors(location))
        stack.enter_context(location.lock())
        store = prepare_store(location, contents, len(rows))
        if store.unfinished():
            crew = stack.enter_context(open_workers(workers, scheduler))
            _Solving(store, contents, rows, solver, progress).run(crew)
        _describe_errors(Store(location))
    return Store(location)


@dataclass(frozen=True)
class Potentials:
    """Potentials of any origin, of shape (n, ny, nx), read in blocks of 32-bit numbers in Ha*."""

    values: Any
    factor: float = 1.0

    @classmethod
    def of(cls, values: Any, factor: float = 1.0) -> Potentials:
        """Return one potential or many as many, with or without a channel axis, checked."""
        if isinstance(values, cls):
            return values
        if not hasattr(values, "shape"):
            values = np.asarray(values)
        if len(values.shape) == 2:
            values = np.asarray(values)[np.newaxis]
        shape = tuple(values.shape)
        if len(shape) == 4 and shape[-1] == 1:
            shape = shape[:-1]
        if len(shape) != 3 or shape[1] != shape[2] or shape[1] < FEWEST_PIXELS or not shape[0]:
            raise DataError(
                f"the potentials have shape {tuple(values.shape)}; expected (n, n_pixels, "
                f"n_pixels), squares of at least {FEWEST_PIXELS} pixels, or a single square"
            )
        if np.dtype(values.dtype).kind not in "fiu":
            raise DataError(f"the potentials have type {values.dtype}; expected real numbers")
        return cls(values, factor)

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def n_pixels(self) -> int:
        """Pixels along a side."""
        return int(self.values.shape[1])

    def block(self, samples: range) -> NDArray[np.float32]:
        """Return some of them in Ha*, as they are stored."""
        values = np.asarray(self.values[samples.start : samples.stop], dtype=np.float64)
        scaled = (self.factor * values).astype(np.float32)
        return scaled.reshape(len(samples), self.n_pixels, self.n_pixels)

    def digest(self) -> str:
        """Return a SHA-256 of all of them; raise a DataError where they are not finite."""
        found, bad = hashlib.sha256(), list[int]()
        for start in range(0, len(self), _SHARD):
            block = self.block(range(start, min(start + _SHARD, len(self))))
            finite = np.isfinite(block).all(axis=(1, 2))
            bad += (start + np.flatnonzero(~finite)).tolist()
            found.update(block.tobytes())
        if bad:
            raise DataError(
                f"{len(bad)} of {len(self)} potentials hold NaN or infinity, or more than 32-bit "
                f"numbers can: {_listed(bad)}; leave them out, or use a high finite barrier"
            )
        return found.hexdigest()


def read_potentials(
    path: str | Path, name: str | None = None, *, grey: Grey | None = None, unit: str = "Ha*"
) -> Any:
    """Open the potentials in a file, an image, a folder of images or a stored data set."""
    if "://" in str(path) or is_image(Path(path)) or Path(path).is_dir():
        chosen = name or "potential"
        return read_fields(path, [chosen], grey=grey, unit=unit)[chosen]
    found = open_arrays(path)
    if name is None and len(found) == 1:
        return found[0].values
    matching = [each for each in found if (name or "potential") in each.known_as]
    if len(matching) != 1:
        raise DataError(
            f"{path} holds {', '.join(each.key for each in found)}; "
            f"name the array of potentials with --field"
        )
    return matching[0].values


def _contents(rows: Potentials, solver: Solver, material: str | None) -> Contents:
    image = (rows.n_pixels, rows.n_pixels)
    numbers = {
        name: Field((), unit, meaning, "float64", nullable=True)
        for name, (unit, meaning) in _NUMBERS.items()
        if solver.n_electrons > 1 or name not in _OF_SEVERAL_ELECTRONS
    }
    fields = {
        "potential": Field(image, "Ha*", "confinement potential"),
        "density": Field(image, "1/a0*^2", "density of the interacting electrons", nullable=True),
        "density_noninteracting": Field(
            image, "1/a0*^2", "density of the same electrons without interaction", nullable=True
        ),
        **numbers,
        LABELLED: Field((), "1", "1 where there is a solution, 0 where it was refused", "uint8"),
    }
    configuration = {
        "kind": SOLVED,
        "recipe_version": _VERSION,
        "command": "keras-qd solve",
        "potentials": rows.digest(),
        "n_pixels": rows.n_pixels,
        **_settings(solver),
        "material": material,
    }
    return Contents(fields, "potential", configuration, min(_SHARD, shard_size(fields)))


def _settings(solver: Solver) -> dict[str, Any]:
    """Return all settings of a solver as plain JSON."""
    return {
        "box_length": float(solver.box.length),
        **as_interaction(solver.interaction).settings(),
        **{
            each.name: getattr(solver, each.name)
            for each in dataclasses.fields(solver)
            if each.name not in _OTHERWISE
        },
    }


def _solve(
    solver: Solver, potential: NDArray[np.float32], names: tuple[str, ...]
) -> dict[str, Any] | str:
    """Return in a worker the labels of a potential, or why the solver refuses it."""
    try:
        solution, without = solver.solve_both(potential.astype(np.float64))
    except (PhysicsError, DataError) as reason:
        return str(reason)[:_LONGEST]
    return {
        name: getattr(without if name.endswith(_WITHOUT) else solution, name.removesuffix(_WITHOUT))
        for name in names
    }


@dataclass
class _Solving:
    """One run of workers over the shards that are missing."""

    store: Store
    contents: Contents
    rows: Potentials
    solver: Solver
    report: Progress | None
    waiting: dict[int, dict[int, dict[str, Any] | str]] = field(default_factory=dict)

    def run(self, crew: Workers) -> None:
        """Solve all that is missing; a shard is written when it is complete."""
        writer, done = ShardWriter(self.store), self.store.n_finished
        self._advance(done)
        for (number, index), solved in crew.run(_solve, self._tasks()):
            self.waiting[number][index] = solved
            if len(self.waiting[number]) == len(self.store.shard(number)):
                self._write(writer, number)
            done += 1
            self._advance(done)

    def _tasks(self) -> Iterator[tuple[tuple[int, int], tuple[Any, ...]]]:
        labels = tuple(n for n in self.contents.fields if n not in ("potential", LABELLED))
        for number in self.store.unfinished():
            samples = self.store.shard(number)
            self.waiting[number] = {}
            for index, potential in zip(samples, self.rows.block(samples), strict=True):
                yield (number, index), (self.solver, potential, labels)

    def _write(self, writer: ShardWriter, number: int) -> None:
        solved, samples = self.waiting.pop(number), self.store.shard(number)
        reasons = {each: found for each, found in solved.items() if isinstance(found, str)}
        if reasons:  # before the shard, which then counts: no reason is ever lost
            _keep_reasons(Store(self.store.location), reasons)
        potentials = self.rows.block(samples)
        made = {"potential": potentials, LABELLED: np.array([s not in reasons for s in samples])}
        for name, each in self.contents.fields.items():
            if name not in made:
                empty = np.full(each.shape, np.nan)
                made[name] = np.stack([_label(solved[s], name, empty) for s in samples])
        writer.write(number, self.contents.checked(made, samples, samples.stop))

    def _advance(self, done: int) -> None:
        if self.report is not None:
            self.report(done, len(self.rows))


def _label(found: dict[str, Any] | str, name: str, empty: Array) -> Array:
    return empty if isinstance(found, str) else np.asarray(found[name])


def _keep_reasons(store: Store, reasons: Mapping[int, str]) -> None:
    """Add reasons to the description of a store."""
    kept = {**store.refusals, **reasons}
    entries = {
        **store.description.entries,
        "refusals": {str(number): kept[number] for number in sorted(kept)},
    }
    write_description(store.location, Description(entries, store.description.documents))


def _describe_errors(store: Store) -> None:
    """Repeat the errors of the first labels in the description, where reports look for them."""
    asked = min(_DESCRIBED, store.n_samples)
    rows = np.flatnonzero(store.read(LABELLED, np.arange(asked)))
    entries = dict(store.description.entries)
    if not len(rows) or "label_error" in entries:
        return
    errors = {
        name: store.read(f"{name}_error", rows)
        for name in _ERRORS
        if f"{name}_error" in store.fields
    }
    known = {name: each.tolist() for name, each in errors.items() if np.isfinite(each).all()}
    units = {name: _ERRORS[name] for name in known}
    entries["label_error"] = {"asked": asked, "samples": len(rows), "errors": known, "units": units}
    write_description(store.location, Description(entries, store.description.documents))


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return shown if len(numbers) <= 10 else f"{shown}, ..."
