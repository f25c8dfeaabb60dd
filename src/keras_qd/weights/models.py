"""Pretrained networks as Keras models: what they predict, and for which systems to trust them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.data.scaling import AboveMinimum
from keras_qd.errors import DataError, UsageError
from keras_qd.tasks.physical_model import PhysicalModel
from keras_qd.tasks.pipeline import Pipeline, as_samples

Array = NDArray[Any]


#: The floor of a density below its logarithm, as a share of its maximum.
_FLOOR = 1e-4

#: Cosines a direction that a potential is smooth with: of 64 pixels, waves of 8 pixels and more.
_SMOOTH = 16


def features(potentials: ArrayLike) -> dict[str, Array]:
    """Return numbers that say what potentials (n, ny, nx) in Ha* are like, each (n,)."""
    seen = AboveMinimum("above-minimum").forward(potentials)
    squares = _spectrum(seen)
    total = squares.sum(axis=(1, 2))
    smooth = squares[:, :_SMOOTH, :_SMOOTH].sum(axis=(1, 2))
    return {
        "depth of the lowest pixel": -seen.min(axis=(1, 2)),
        "height of the highest pixel": seen.max(axis=(1, 2)),
        "spread": seen.std(axis=(1, 2)),
        "roughness": np.log10((total - smooth) / np.maximum(total, 1e-30) + 1e-10),
    }


def _spectrum(images: Array) -> Array:
    """Return the squared cosine coefficients of images without their mean, (n, ny, nx)."""
    from scipy.fft import dctn

    means = images.mean(axis=(1, 2), keepdims=True)
    return np.asarray(dctn(images - means, axes=(1, 2), norm="ortho") ** 2)


def boltzmann_potential(densities: ArrayLike) -> Array:
    """Return -log(n) in Ha*, the potential whose features stand for those of a density.

    Parameters
    ----------
    densities : array_like, shape (n, ny, nx)
        Not negative; a ten-thousandth of each maximum is added.

    Returns
    -------
    ndarray, shape (n, ny, nx)
        In which particles without quantum mechanics have this density at 1 Ha*.

    Examples
    --------
    >>> boltzmann_potential([[[1.0, 0.0]]]).round(1) + 0.0
    array([[[0. , 9.2]]])
    """
    values = np.asarray(densities, dtype=np.float64)
    floor = np.maximum(_FLOOR * values.max(axis=(1, 2), keepdims=True), np.finfo(float).tiny)
    return np.asarray(-np.log(np.maximum(values, 0.0) + floor))


def familiar_ranges(potentials: ArrayLike) -> dict[str, list[float]]:
    """Return the ranges of the features of the potentials that a network was trained on.

    Parameters
    ----------
    potentials : array_like, shape (n, ny, nx)
        In Ha*.

    Returns
    -------
    dict of str to list of float
        Feature -> its smallest and its largest value: how deep the lowest and how high the highest
        pixel is, measured from the soft minimum and in arcsinh(V / Ha*); the standard deviation of
        that; and the decimal logarithm of the share of its squared cosine coefficients beyond the
        16th along x or y.

    Examples
    --------
    >>> x = np.linspace(-3.0, 3.0, 32)
    >>> ranges = familiar_ranges([0.5 * w * (x**2 + x[:, None] ** 2) for w in (0.2, 1.0)])
    >>> sorted(ranges)[:2]
    ['depth of the lowest pixel', 'height of the highest pixel']
    """
    return {
        name: [float(found.min()), float(found.max())]
        for name, found in features(potentials).items()
    }


def is_familiar(ranges: Mapping[str, Sequence[float]], potentials: ArrayLike) -> NDArray[np.bool_]:
    """Return which potentials have all features within the ranges of the training.

    Parameters
    ----------
    ranges : mapping of str to pair of float
        What :func:`familiar_ranges` returned.
    potentials : array_like, shape (n, ny, nx)
        In Ha*.

    Returns
    -------
    ndarray of bool, shape (n,)
        False where a feature is out of range: the network extrapolates.

    Examples
    --------
    >>> x = np.linspace(-3.0, 3.0, 32)
    >>> parabolas = np.array([0.5 * w * (x**2 + x[:, None] ** 2) for w in (0.2, 0.5, 1.0)])
    >>> is_familiar(familiar_ranges(parabolas[[0, 2]]), parabolas[[1]])
    array([ True])
    >>> is_familiar(familiar_ranges(parabolas[[0, 2]]), 100 * parabolas[[1]])
    array([False])
    """
    found = features(potentials)
    inside = [(low <= found[name]) & (found[name] <= high) for name, (low, high) in ranges.items()]
    return np.asarray(np.all(inside, axis=0))


def familiar(card: Mapping[str, Any], fields: Mapping[str, ArrayLike]) -> NDArray[np.bool_]:
    """Return which systems are within the limits of a card."""
    limits = dict(card["limits"])
    field = next(name for name in limits if isinstance(limits[name], Mapping))
    maps = fields[field] if field == "potential" else boltzmann_potential(fields[field])
    inside = is_familiar(limits.pop(field), maps)
    for name, (low, high) in limits.items():
        values = np.asarray(fields[name])
        inside &= (low <= values) & (values <= high)
    return inside


@keras.saving.register_keras_serializable("keras_qd")
class PretrainedModel(PhysicalModel):
    """A pretrained network between its scalings, with the card that says what it was trained on.

    Numbers that go in, such as the number of electrons, may be left out of ``predict`` where the
    card has a default.

    Parameters
    ----------
    network : keras.Model
        The network, in scaled values.
    pipeline : Pipeline
        Its fields and their scalings.
    card : mapping
        What :attr:`Pretrained.card` returns.
    needs, **options : optional
        See :class:`PhysicalModel`.

    Examples
    --------
    >>> import keras_qd
    >>> card = keras_qd.pretrained("potential-to-density").card
    >>> card["limits"]["n_electrons"]
    [1, 4]
    """

    def __init__(
        self,
        network: keras.Model,
        pipeline: Pipeline,
        card: Mapping[str, Any],
        needs: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(network, pipeline, needs, **options)
        self._card = json.dumps(card)

    @property
    def card(self) -> dict[str, Any]:
        """Data, training, measured error and limits."""
        card: dict[str, Any] = json.loads(self._card)
        return card

    def predict(self, x: Any, *args: Any, **options: Any) -> Any:
        """Return the target fields in physical units; see :meth:`PhysicalModel.predict`.

        Parameters
        ----------
        x : array, or mapping of str to array
            Potentials, ``(n, ny, nx)`` or ``(ny, nx)``, or all input fields by name; numbers that
            are left out have the defaults of the card.
        *args, **options
            Those of ``keras.Model.predict``.

        Returns
        -------
        dict of str to ndarray
            Target fields; of one system, without the first axis.
        """
        fields = x if isinstance(x, Mapping) else {next(iter(self.pipeline.inputs)): x}
        return super().predict(self._completed(fields), *args, **options)

    def familiar(self, fields: Mapping[str, ArrayLike]) -> NDArray[np.bool_]:
        """Return which systems are like those of the training; see :meth:`Pretrained.familiar`.

        Parameters
        ----------
        fields : mapping of str to array_like
            The input fields, samples along the first axis.

        Returns
        -------
        ndarray of bool, shape (n,)
            False where the network extrapolates.
        """
        return familiar(self.card, self._completed(fields))

    def _completed(self, fields: Mapping[str, ArrayLike]) -> dict[str, Any]:
        """Return input fields with the defaults of those that are left out."""
        first, shape = next(iter(self.pipeline.inputs.items()))
        if first not in fields:
            raise DataError(f"the input field {first!r} is missing; given: {', '.join(fields)}")
        found = {name: np.asarray(each) for name, each in fields.items()}
        samples, single = as_samples({first: shape}, {first: found[first]})
        lead = () if single else (len(samples[first]),)
        for name, value in self.card["defaults"].items():
            found.setdefault(name, np.full(lead, value, dtype=np.float32))
        return found

    def _opened(self, maps: ArrayLike, box_length: float) -> tuple[Array, bool, float]:
        """Return maps (n, ny, nx), whether one was given, and the side over the training's."""
        if not (np.isfinite(box_length) and box_length > 0):
            raise UsageError(f"box_length={box_length}: expected a positive length")
        values = np.asarray(maps, dtype=np.float32)
        single = values.ndim == 2
        return values[None] if single else values, single, box_length / self.card["box_length"]

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same model again, except for the weights."""
        return {**super().get_config(), "card": self.card}


def _closed(result: dict[str, Array], single: bool) -> dict[str, Array]:
    """Return results as they were asked for: of one system, without the first axis."""
    return {name: each[0] for name, each in result.items()} if single else result


@keras.saving.register_keras_serializable("keras_qd")
class GroundStateModel(PretrainedModel):
    """A pretrained network from potential, number of electrons and strength to ground states.

    Examples
    --------
    >>> import keras_qd
    >>> isinstance(keras_qd.pretrained("potential-to-density"), GroundStateModel)
    True
    """

    def ground_states(
        self,
        potentials: ArrayLike,
        n_electrons: ArrayLike = 2,
        strength: ArrayLike = 1.0,
        box_length: float = 10.0,
        batch_size: int = 64,
    ) -> dict[str, Array]:
        """Predict ground states of dots, in a box of any size.

        Parameters
        ----------
        potentials : array_like, shape (n, ny, nx) or (ny, nx)
            In Ha*, on the grid of the training.
        n_electrons, strength : array_like
            Number of electrons, and factor on the interaction: one for all, or one each.
        box_length : float
            Side of the box in a0*.
        batch_size : int
            Systems that go through the network at a time.

        Returns
        -------
        dict of str to ndarray
            ``density`` (1/a0*^2, not negative, with exactly its electrons), ``energy``,
            ``chemical_potential`` (energy less that of one electron fewer) and ``exchange`` (lowest
            state of the second smallest spin less that of the smallest, such as triplet less
            singlet; nan for one electron) in Ha*, and ``familiar``: whether the system is like
            those of the training.

        Raises
        ------
        UsageError
            If the side of the box is not positive, or a number of electrons not at least one.

        Notes
        -----
        Lengths scale: with s = L / 10 a0*, a dot in a box of side L is one of side 10 a0* with the
        potential s^2 V and the strength times s, whose energy is s^2 E and density s^2 n.
        """
        values, single, scale = self._opened(potentials, box_length)
        electrons, strengths = (
            np.broadcast_to(np.asarray(each, dtype=np.float32), len(values))
            for each in (n_electrons, strength)
        )
        if (electrons < 1).any():
            raise UsageError(f"n_electrons={n_electrons!r}: expected one electron or more")
        fields = {
            "potential": values * np.float32(scale**2),
            "n_electrons": electrons,
            "strength": strengths * np.float32(scale),
        }
        # The same dots with one electron fewer go through the network together with them.
        both = {name: np.concatenate([each, each]) for name, each in fields.items()}
        both["n_electrons"][len(values) :] = np.maximum(electrons - 1, 1)
        predicted = self.predict(both, batch_size=2 * batch_size, verbose=0)
        found = {name: each[: len(values)] for name, each in predicted.items()}
        fewer = predicted["energy"][len(values) :]
        before = np.where(electrons > 1, fewer, 0.0)
        density = np.maximum(found["density"], 0.0)
        area = (box_length / values.shape[-1]) ** 2
        density *= (electrons / (density.sum(axis=(1, 2)) * area))[:, None, None]
        result = {
            "density": density,
            "energy": found["energy"] / scale**2,
            "chemical_potential": (found["energy"] - before) / scale**2,
            "exchange": np.where(electrons > 1, found["exchange"] / scale**2, np.nan),
            "familiar": self.familiar(fields),
        }
        return _closed(result, single)


@keras.saving.register_keras_serializable("keras_qd")
class PotentialModel(PretrainedModel):
    """A pretrained network from density and strength of the interaction to the potential.

    Examples
    --------
    >>> import keras_qd
    >>> isinstance(keras_qd.pretrained("density-to-potential"), PotentialModel)
    True
    """

    def potentials(
        self,
        densities: ArrayLike,
        strength: ArrayLike = 1.0,
        box_length: float = 10.0,
        batch_size: int = 64,
    ) -> dict[str, Array]:
        """Predict the potentials whose ground states have given densities, in a box of any size.

        Parameters
        ----------
        densities : array_like, shape (n, ny, nx) or (ny, nx)
            In 1/a0*^2, on the grid of the training; the integral is the number of electrons.
        strength : array_like
            Factor on the interaction: one for all, or one each.
        box_length : float
            Side of the box in a0*.
        batch_size : int
            Systems that go through the network at a time.

        Returns
        -------
        dict of str to ndarray
            ``potential`` (Ha*; its constant is such that the mean of exp(-2 V) is one in the box of
            the training), and ``familiar``: whether the system is like those of the training.

        Raises
        ------
        UsageError
            If the side of the box is not positive.

        Notes
        -----
        Lengths scale as in :meth:`GroundStateModel.ground_states`. A potential is determined by its
        density only where there is some; ``keras_qd.invert`` gives an error bar.
        """
        values, single, scale = self._opened(densities, box_length)
        strengths = np.broadcast_to(np.asarray(strength, dtype=np.float32), len(values))
        fields = {
            "density": values * np.float32(scale**2),
            "strength": strengths * np.float32(scale),
        }
        predicted = self.predict(fields, batch_size=batch_size, verbose=0)
        result = {"potential": predicted / scale**2, "familiar": self.familiar(fields)}
        return _closed(result, single)
