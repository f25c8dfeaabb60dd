"""The data set ``quantum-dots``: few-electron dots, solved with a stated error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, cast

import numpy as np

from keras_qd._checks import real, sequence, setting, whole
from keras_qd.data.fields import EXCHANGE, Field, drawn_parameters
from keras_qd.data.recipes import Recipe
from keras_qd.data.store.summary import check_material
from keras_qd.data.stored import GeneratedDataset
from keras_qd.errors import UsageError
from keras_qd.physics._kohn_sham import FLOOR, kohn_sham_of_density
from keras_qd.physics.box import LENGTHS, Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.pair_grid import DENSITY_ORDER, FINER
from keras_qd.physics.pair_solver import DEFAULT_ACCURACY
from keras_qd.physics.potentials.base import (
    FAMILIES,
    PotentialFamily,
    family_origins,
    potential_family,
)
from keras_qd.physics.quantities import MOST_ELECTRONS, spectrum
from keras_qd.physics.solution import LabelError
from keras_qd.physics.solver import (
    DEFAULT_ORBITALS,
    MOST_ORBITALS,
    MOST_STRENGTH,
    Solver,
    estimate_label_error,
)
from keras_qd.physics.two_electrons import PairBatch, batch_errors, solve_batch

#: Default family of potentials.
FAMILY = "random-fourier"

#: Fewest and most points along a side of the grid that two electrons are first solved on, the most
#: for the default accuracy.
_FEWEST_POINTS, _MOST_POINTS = 10, 12

#: Multiple of the accuracy up to which the rough estimate of a grid's error is trusted.
_TRUSTED = 1.5

#: Labels with an estimated error, and what that of the density is.
_LABELS = ("density", "energy", "gap", "exchange")
_DENSITY_ERROR = "integral of the absolute error, per electron"

_CHEMICAL_POTENTIAL = Field((), "Ha*", "energy of two electrons less that of one, mu_2", "float64")

#: What two electrons and more have. One electron of a mixture has an exchange of 0.
_EXCHANGE = Field((), "Ha*", EXCHANGE, "float64")

#: Levels that are searched for one with another density.
_LEVELS = 6

_DENSITY_GAP = Field(
    (),
    "Ha*",
    "energy to the nearest level whose density differs by a fifth of the electrons or more",
    "float64",
)

#: What the samples of a mixture differ in besides the potential.
_OF_MIXTURES = {
    "n_electrons": Field((), "1", "number of electrons", "int32"),
    "strength": Field((), "1", "factor on the interaction", "float64"),
}

#: Fields of the exact Kohn-Sham system that are one number, with what they are.
_KOHN_SHAM_ENERGIES = {
    "xc_energy": "exchange-correlation energy",
    "kohn_sham_kinetic_energy": "kinetic energy of the Kohn-Sham orbital",
}


@dataclass(frozen=True, kw_only=True)
class QuantumDots(Recipe):
    """Ground states of a few electrons in random potentials.

    Parameters
    ----------
    seed : int
        Root seed.
    n_electrons : int or sequence of int
        Number of electrons, 1 to 6. Of a sequence, each sample has one, drawn with equal chances;
        an entry given twice is drawn twice as often.
    n_pixels : int
        Pixels along the side of the box.
    box_length : float
        Side of the box, in a0*.
    interaction : str
        ``"coulomb"``, ``"finite-thickness"``, ``"screened"``, ``"image-charge"`` or ``"none"``.
        See :class:`keras_qd.physics.Interaction`.
    thickness : float, optional
        Thickness of the electrons' layer, of ``"finite-thickness"``, in a0*.
    screening_length : float, optional
        Of ``"screened"``, in a0*.
    gate_distance : float, optional
        Distance of the metal plane of ``"image-charge"``, in a0*.
    strength : float or pair of float
        Factor on the interaction. Of a pair, each sample has a number between the two.
    family : str
        Family of random potentials. See :func:`keras_qd.physics.potential_families`.
    family_settings : mapping
        Settings of the family; those left out have its defaults.
    n_orbitals : int, optional
        Plain configuration interaction in this many orbitals; two and more electrons are otherwise
        solved on a grid. See :class:`keras_qd.physics.Solver`.
    accuracy : float, optional
        For two electrons without `n_orbitals`: error of the density (integral of its absolute
        value, per electron) that a sample may have, by an estimate: one in five exceeds it. 1e-3 by
        default; 5e-3 takes a fifth of the time.
    material : str, optional
        Material that a0* and Ha* stand for. See :func:`keras_qd.physics.material`. It changes no
        number: :func:`keras_qd.data.in_material` builds a recipe from nm and meV.
    kohn_sham : bool
        Add the exact Kohn-Sham system of one or two electrons: ``xc_potential``,
        ``hartree_potential``, ``xc_energy`` and ``kohn_sham_kinetic_energy``. See
        :func:`keras_qd.physics.kohn_sham_of_density`.
    density_gap : bool
        Add ``density_gap`` of one to four electrons solved without `n_orbitals`: how decided a dot
        is. See :meth:`keras_qd.physics.Spectrum.density_gap`.

    Raises
    ------
    UsageError
        If a setting is out of range, `kohn_sham` is set for three or more electrons or for a
        mixture, or `density_gap` for five or more or with `n_orbitals`.
    UnknownNameError
        If there is no such interaction, family or material.

    Notes
    -----
    With a sequence of `n_electrons` or a pair of `strength` the data set is a mixture: its samples
    have the fields ``n_electrons`` and ``strength``, and none that only two electrons have. The
    ``exchange`` of one electron in a mixture is 0.

    Examples
    --------
    >>> sample = QuantumDots(n_pixels=32, n_orbitals=6).make(range(1))
    >>> area = (10.0 / 32) ** 2
    >>> round(float(sample["density"].sum() * area), 6)
    2.0
    >>> mixture = QuantumDots(n_electrons=(1, 2), strength=(0.0, 2.0), n_pixels=32, n_orbitals=6)
    >>> sample = mixture.make(range(1))
    >>> bool(round(float(sample["density"].sum() * area), 6) == sample["n_electrons"][0])
    True
    """

    kind: ClassVar[str] = "quantum-dots"
    version: ClassVar[int] = 5
    identity: ClassVar[str] = "potential"
    lengths: ClassVar[tuple[str, ...]] = (
        "box_length",
        "thickness",
        "screening_length",
        "gate_distance",
    )
    families: ClassVar[Mapping[str, type[PotentialFamily]]] = FAMILIES

    n_electrons: int | Sequence[int] = 2
    n_pixels: int = field(default=64, metadata={"option": "grid", "range": (8, 4096)})
    box_length: float = field(default=10.0, metadata={"range": LENGTHS})
    interaction: str = "coulomb"
    thickness: float | None = field(default=None, metadata={"range": LENGTHS})
    screening_length: float | None = field(default=None, metadata={"range": LENGTHS})
    gate_distance: float | None = field(default=None, metadata={"range": LENGTHS})
    strength: float | Sequence[float] = 1.0
    family: str = FAMILY
    family_settings: Mapping[str, Any] = field(default_factory=dict)
    n_orbitals: int | None = field(default=None, metadata={"range": (2, MOST_ORBITALS)})
    accuracy: float | None = field(default=None, metadata={"range": (1e-8, 1.0)})
    material: str | None = None
    kohn_sham: bool = False
    density_gap: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_material(self.material)
        electrons = _one_or_several(
            "n_electrons", self.n_electrons, whole(1, max(DEFAULT_ORBITALS))
        )
        strength = _one_or_several("strength", self.strength, real(0.0, MOST_STRENGTH))
        if isinstance(strength, list) and (len(strength) != 2 or strength[0] > strength[1]):
            raise UsageError(
                f"{self.kind}: strength={strength}: expected a number, or the smallest and "
                "the largest"
            )
        object.__setattr__(self, "n_electrons", electrons)
        object.__setattr__(self, "strength", strength)
        self._check_kohn_sham()
        self._check_density_gap()
        # What is stored is resolved: a default that changes later must not change the meaning of a
        # store.
        family = potential_family(self.family, **self.family_settings)
        resolved = {
            "box_length": float(self.box_length),
            **self._interaction.settings(),
            "family_settings": family.configuration(),
            **self._resolved_solver(),
        }
        for name, value in resolved.items():
            object.__setattr__(self, name, value)

    def _check_kohn_sham(self) -> None:
        """Raise unless the Kohn-Sham system is not asked for, or known in closed form."""
        if self.kohn_sham and (self.is_mixture or max(self._electrons) > 2):
            raise UsageError(
                "kohn_sham is known in closed form for one or two electrons, got "
                f"n_electrons={self.n_electrons}, strength={self.strength}; leave kohn_sham out"
            )

    def _check_density_gap(self) -> None:
        """Raise unless the density gap is not asked for, or levels can be solved for."""
        largest = max(self._electrons)
        # What is stored of one electron names its orbitals, which its levels do not depend on.
        if self.density_gap and (
            largest > MOST_ELECTRONS or (self.n_orbitals is not None and largest > 1)
        ):
            raise UsageError(
                f"density_gap is for 1 to {MOST_ELECTRONS} electrons without n_orbitals, got "
                f"n_electrons={self.n_electrons}, n_orbitals={self.n_orbitals}; leave density_gap "
                "out"
            )

    def _resolved_solver(self) -> dict[str, Any]:
        """Return the size and the accuracy of the solver, of a mixture those of two electrons."""
        if self.is_mixture:
            for each in set(self._electrons):
                self._of(each, 1.0)  # raises unless the settings suit it
            return {"accuracy": self._of(2, 1.0).accuracy if 2 in self._electrons else None}
        return {
            "strength": float(self.strength),  # type: ignore[arg-type]  # one number
            "n_orbitals": self._solver.n_orbitals,
            "accuracy": self._solver.accuracy,
        }

    @property
    def is_mixture(self) -> bool:
        """Whether samples differ in their number of electrons or in the strength."""
        return isinstance(self.n_electrons, list) or isinstance(self.strength, list)

    @property
    def _electrons(self) -> tuple[int, ...]:
        several = isinstance(self.n_electrons, list)
        return tuple(self.n_electrons) if several else (self.n_electrons,)  # type: ignore[arg-type,return-value]

    @property
    def _strength(self) -> float:
        return cast("float", self.strength)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The fields, besides the potential, that the others follow from."""
        return tuple(_OF_MIXTURES) if self.is_mixture else ()

    def _of(self, n_electrons: int, strength: float) -> QuantumDots:
        """Return the recipe that solves one sample of a mixture."""
        return replace(
            self,
            n_electrons=n_electrons,
            strength=strength,
            accuracy=self.accuracy if n_electrons == 2 else None,
            # Potentials are given: what takes longest to build is not needed.
            family=FAMILY,
            family_settings={},
        )

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""
        image = (self.n_pixels, self.n_pixels)
        return {
            "potential": Field(image, "Ha*", "confinement potential"),
            "density": Field(image, "1/a0*^2", "density of the interacting electrons"),
            "density_noninteracting": Field(
                image, "1/a0*^2", "density of the same electrons without interaction"
            ),
            "energy": Field((), "Ha*", "ground-state energy", "float64"),
            "energy_noninteracting": Field(
                (), "Ha*", "ground-state energy without interaction", "float64"
            ),
            "gap": Field((), "Ha*", "first excitation of any spin", "float64"),
            "spin_squared": Field((), "hbar^2", "expectation of the squared spin", "float64"),
            "parameters": drawn_parameters(self._family.parameter_names),
            **(_OF_MIXTURES if self.is_mixture else {}),
            **({"exchange": _EXCHANGE} if max(self._electrons) > 1 else {}),
            **({"chemical_potential": _CHEMICAL_POTENTIAL} if self._pairs_only else {}),
            **(_kohn_sham_fields(image) if self.kohn_sham else {}),
            **({"density_gap": _DENSITY_GAP} if self.density_gap else {}),
        }

    @property
    def _pairs_only(self) -> bool:
        return self.n_electrons == 2 and not self.is_mixture

    def _recipes(self, samples: Mapping[str, np.ndarray]) -> list[QuantumDots]:
        """Return the recipe of each sample: this one, unless it is a mixture."""
        if not self.is_mixture:
            return [self] * len(samples[self.identity])
        conditions = zip(*(samples[name] for name in self.conditions), strict=True)
        return [self._of(int(n_electrons), float(strength)) for n_electrons, strength in conditions]

    def solve_again(self, samples: Mapping[str, np.ndarray]) -> None:
        """Solve stored potentials again; without interaction where no other field is asked for.

        Parameters
        ----------
        samples : mapping of str to ndarray
            ``potential``, and the fields that are wanted of the solution, samples first.
        """
        others = [name for name in samples if name not in (self.identity, *self.conditions)]
        free = bool(others) and all(name.endswith("_noninteracting") for name in others)
        for recipe, potential in zip(self._recipes(samples), samples[self.identity], strict=True):
            # As the labels were made: errors are not estimated again.
            solve = recipe._solver.solve_noninteracting if free else recipe._labels
            solve(np.asarray(potential, dtype=np.float64))

    def solver_description(self) -> str:
        """Return what :meth:`solve_again` runs: method, electrons, orbitals, grid, interaction."""
        if self.accuracy is not None:
            size = f"density to {self.accuracy:g}"
        else:
            size = "effective interaction" if self.n_orbitals is None else f"M = {self.n_orbitals}"
        electrons = ", ".join(map(str, sorted(set(self._electrons))))
        return (
            f"exact diagonalisation, N = {electrons}, {size}, "
            f"{self.n_pixels} x {self.n_pixels} pixels, L = {self.box_length:g} a0*, "
            f"interaction {self.interaction}"
        )

    @property
    def origins(self) -> dict[str, str]:
        """Name of the family, and of those in a mixture -> distribution and version of each."""
        return family_origins(self._family)

    @property
    def n_checked(self) -> int:
        """How many samples are solved again: fewer where that takes long."""
        return min({1: 8, 2: 8, 3: 4}.get(each, 1) for each in self._electrons)

    def label_errors(self, samples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Estimate errors by solving again; see :func:`keras_qd.physics.estimate_label_error`.

        ``energy``, ``gap`` and, without one electron, ``exchange`` in Ha*; ``density`` as the
        integral of its absolute error per electron.
        """
        found = [
            recipe._label_error(potential.astype(np.float64))
            for recipe, potential in zip(
                self._recipes(samples), samples[self.identity], strict=True
            )
        ]
        errors = {name: np.array([getattr(each, name) for each in found]) for name in _LABELS}
        # What a solver does not estimate, such as the exchange of one electron, is nan.
        return {name: each for name, each in errors.items() if np.isfinite(each).all()}

    def error_unit(self, name: str) -> str:
        """Return the unit of the errors of a label; see :meth:`Recipe.error_unit`."""
        return _DENSITY_ERROR if name == "density" else super().error_unit(name)

    def _label_error(self, potential: np.ndarray) -> LabelError:
        quick = self._quick(potential)
        if quick is None:
            return estimate_label_error(self._solver, potential)
        finer = self._batch(potential, self._n_grid + FINER)
        return batch_errors(quick, finer, self._n_grid)[0]

    def _draw(self, generator: np.random.Generator) -> tuple[np.ndarray, list[float]]:
        """Return a potential, rounded as it is stored and then solved, and its parameters."""
        drawn, parameters = self._family.sample(generator, Box(self.box_length), self.n_pixels)
        return drawn.astype(np.float32), [parameters[n] for n in self._family.parameter_names]

    def sample(self, generator: np.random.Generator) -> dict[str, Any]:
        """Draw and solve one sample."""
        potential, parameters = self._draw(generator)
        drawn = {"potential": potential, "parameters": parameters}
        if not self.is_mixture:
            return {**drawn, **self.solve(potential.astype(np.float64))}
        n_electrons = int(generator.choice(self._electrons))
        strength = float(generator.uniform(*np.broadcast_to(self.strength, 2)))
        labels = self._of(n_electrons, strength).solve(potential.astype(np.float64))
        # One electron has no other spin.
        none = {"exchange": 0.0} if "exchange" in self.fields else {}
        return {**drawn, "n_electrons": n_electrons, "strength": strength, **none, **labels}

    def solve(self, potential: np.ndarray) -> dict[str, Any]:
        """Return the labels of one potential.

        Parameters
        ----------
        potential : ndarray, shape (n_pixels, n_pixels)
            In Ha*.

        Returns
        -------
        dict of str to array
            All fields but potential and parameters.

        Raises
        ------
        UsageError
            If this is a mixture.
        """
        if self.is_mixture:
            raise UsageError(
                "a mixture does not say how many electrons to solve for; build a recipe with one "
                "number in n_electrons and in strength"
            )
        labels = self._labels(potential)
        if self.density_gap:
            labels["density_gap"] = self._density_gap(potential)
        return labels

    def _labels(self, potential: np.ndarray) -> dict[str, Any]:
        """Return what follows from the ground state."""
        labels = self._solved(potential)
        if self.n_electrons == 2:
            # Without interaction both electrons are in the lowest orbital.
            labels["chemical_potential"] = labels["energy"] - labels["energy_noninteracting"] / 2
        if self.kohn_sham:
            labels.update(self._kohn_sham_labels(potential, labels))
        return labels

    def _density_gap(self, potential: np.ndarray) -> float:
        n_electrons = cast("int", self.n_electrons)
        interacting = (self._solver.interaction, self._strength) if n_electrons > 1 else ()
        accuracy: dict[str, Any] = {} if self.accuracy is None else {"accuracy": self.accuracy}
        levels = spectrum(
            potential, self._solver.box, n_electrons, _LEVELS, *interacting, **accuracy
        )
        return levels.density_gap()

    def _kohn_sham_labels(self, potential: np.ndarray, labels: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the Kohn-Sham system, the level at the ionisation energy."""
        found = kohn_sham_of_density(
            potential,
            labels["density"],
            self._solver.box,
            self._solver.interaction,
            self._strength,
            energy=float(labels["energy"]),
            level=float(labels["chemical_potential" if self.n_electrons == 2 else "energy"]),
        )
        return {
            "xc_potential": found.xc_potential,
            "hartree_potential": found.hartree_potential,
            "xc_energy": found.xc_energy,
            "kohn_sham_kinetic_energy": found.kinetic_energy,
        }

    def _solved(self, potential: np.ndarray) -> dict[str, Any]:
        quick = self._quick(potential)
        if quick is not None:
            labels = {name: values[0] for name, values in quick._asdict().items()}
            return {"spin_squared": 0.0, **{k: labels[k] for k in self.fields if k in labels}}
        if self._solver.n_electrons > 2 and self._solver.on_grid:
            problem = self._solver.many_electron_problem(potential)
            solution, without = problem.solve(with_errors=False)  # errors: see `label_errors`
        else:
            solution, without = self._solver.solve_both(potential)
        labels = {
            "density": solution.density,
            "density_noninteracting": without.density,
            "energy": solution.energy,
            "energy_noninteracting": without.energy,
            "gap": solution.gap,
            "spin_squared": solution.spin_squared,
        }
        return labels | ({"exchange": solution.exchange} if "exchange" in self.fields else {})

    def _quick(self, potential: np.ndarray) -> PairBatch | None:
        """Solve two electrons on a small grid; None where that is not good enough."""
        # One at a time: by rounding, too, no sample depends on its neighbours.
        if self.accuracy is None:
            return None
        found = self._batch(potential, self._n_grid)
        good = found.density_error[0] <= _TRUSTED * self._solver.density_tolerance
        return found if good else None

    @property
    def _n_grid(self) -> int:
        """Points along a side of the first grid: the error falls as their sixth power."""
        ratio = DEFAULT_ACCURACY / self._solver.density_tolerance
        points = math.ceil(_MOST_POINTS * math.pow(ratio, 1 / DENSITY_ORDER))
        return min(max(points, _FEWEST_POINTS), _MOST_POINTS)

    def _batch(self, potential: np.ndarray, n_grid: int) -> PairBatch:
        return solve_batch(
            potential[None],
            self._solver.box,
            interaction=self._solver.interaction,
            strength=self._strength,
            n_grid=n_grid,
        )

    @cached_property
    def _family(self) -> PotentialFamily:
        return potential_family(self.family, **self.family_settings)

    @property
    def _interaction(self) -> Interaction:
        return Interaction.from_settings(vars(self))

    @cached_property
    def _solver(self) -> Solver:
        return Solver(
            Box(self.box_length),
            cast("int", self.n_electrons),
            self._interaction,
            self.n_orbitals,
            self._strength,
            accuracy=self.accuracy,
        )


def _one_or_several(name: str, value: Any, check: Any) -> Any:
    """Return a checked number, or a list of them."""
    if isinstance(value, (list, tuple)):
        return list(setting(name, value, sequence(check, empty=False), QuantumDots.kind))
    return setting(name, value, check, QuantumDots.kind)


def _kohn_sham_fields(image: tuple[int, int]) -> dict[str, Field]:
    """Return the fields of the exact Kohn-Sham system."""
    where = f"exact where the density is above {FLOOR:g} of its maximum"
    return {
        "xc_potential": Field(image, "Ha*", f"exchange-correlation potential, {where}"),
        "hartree_potential": Field(image, "Ha*", "Hartree potential of the density"),
        **{name: Field((), "Ha*", what, "float64") for name, what in _KOHN_SHAM_ENERGIES.items()},
    }


#: The registered data set.
quantum_dots = GeneratedDataset(QuantumDots, samples=2000)
