"""Pretrained networks: two files each, weights in 16 bits and a card that says what they are."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd import registry
from keras_qd._files import parse_json, replacing
from keras_qd.errors import DataError, UsageError
from keras_qd.tasks.physical_model import PhysicalModel
from keras_qd.tasks.pipeline import Pipeline, as_samples
from keras_qd.tasks.task import Task
from keras_qd.weights.familiarity import is_familiar

Array = NDArray[Any]

_LOGGER = logging.getLogger(__name__)

#: Where the files of this package are.
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Pretrained:
    """A trained network in two files, ``NAME.npz`` and ``NAME.json``.

    Parameters
    ----------
    name : str
        Name of the files.
    description : str
        What it does, in one line.
    folder : Path
        Where the files are; this package's by default.

    Examples
    --------
    >>> import keras_qd
    >>> sorted(keras_qd.names("pretrained"))
    ['potential-to-density']
    """

    name: str
    description: str
    folder: Path = _FOLDER

    @property
    def weights_path(self) -> Path:
        """The weights: a NumPy archive of one array a variable, in order, with 16 bits."""
        return self.folder / f"{self.name}.npz"

    @property
    def card_path(self) -> Path:
        """Data, training, error and limits, as JSON."""
        return self.folder / f"{self.name}.json"

    @property
    def card(self) -> dict[str, Any]:
        """What it was trained on and how, its measured error, and where it is to be trusted."""
        try:
            card: dict[str, Any] = parse_json(self.card_path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as cause:
            raise DataError(
                f"{self.card_path} cannot be read: {cause}; install the package again"
            ) from cause
        return card

    @property
    def pipeline(self) -> Pipeline:
        """The fields that go in and come out, with their scalings."""
        return Pipeline.from_config(self.card["pipeline"])

    @property
    def config(self) -> dict[str, Any]:
        """What a run says of its fields and its model."""
        card = self.card
        return {"fields": card["fields"], "task": {"model": f"{card['model']}, {self.name}"}}

    @property
    def task(self) -> Task:
        """The task that it was trained for."""
        return registry.task(self.card["task"])

    @property
    def model_path(self) -> Path:
        """The file that the predictions depend on."""
        return self.weights_path

    def familiar(self, fields: Mapping[str, ArrayLike]) -> NDArray[np.bool_]:
        """Return which systems are like those of the training.

        Parameters
        ----------
        fields : mapping of str to array_like
            All input fields, samples along the first axis.

        Returns
        -------
        ndarray of bool, shape (n,)
            False where a feature of the potential (see :func:`familiar_ranges`) or a number is out
            of the range of the training: the network extrapolates.
        """
        return _familiar(self.card, fields)

    def load_model(self) -> PretrainedModel:
        """Build the network and load its weights; see :func:`pretrained`.

        Returns
        -------
        PretrainedModel
            In physical units.
        """
        return self()

    def __call__(self) -> PretrainedModel:
        """Build the network and load its weights."""
        card, pipeline = self.card, self.pipeline
        network = registry.build(
            card["model"],
            input_shape=pipeline.input_shape,
            output_shape=pipeline.output_shape,
            **card["model_config"],
        )
        network.set_weights(self._weights(card["digest"]))
        return PretrainedModel(network, pipeline, card, {"models": [card["model"]]})

    def _weights(self, digest: str) -> list[Array]:
        """Return the arrays with 32 bits, or raise if the file is not the one of the card."""
        try:
            content = self.weights_path.read_bytes()
        except OSError as cause:
            raise DataError(
                f"{self.weights_path} cannot be read: {cause}; install the package again"
            ) from cause
        if hashlib.sha256(content).hexdigest() != digest:
            raise DataError(
                f"{self.weights_path} is damaged: its SHA-256 is not the one in "
                f"{self.card_path.name}; install the package again"
            )
        with np.load(self.weights_path, allow_pickle=False) as archive:
            return [archive[name].astype(np.float32) for name in sorted(archive.files)]


def _familiar(card: Mapping[str, Any], fields: Mapping[str, ArrayLike]) -> NDArray[np.bool_]:
    """Return which systems are within the limits of a card."""
    limits = dict(card["limits"])
    inside = is_familiar(limits.pop("potential"), fields["potential"])
    for name, (low, high) in limits.items():
        values = np.asarray(fields[name])
        inside &= (low <= values) & (values <= high)
    return inside


def pretrained(name: str) -> PretrainedModel:
    """Return a network that comes trained, in physical units, on the running backend.

    Parameters
    ----------
    name : str
        Such as ``"potential-to-density"``; ``names("pretrained")`` lists them, and ``model.card``
        says what each was trained on and how far it is to be trusted.

    Returns
    -------
    PretrainedModel
        A Keras model with ``predict``, ``ground_states`` and ``card``.

    Raises
    ------
    UnknownNameError
        If there is no such network.
    DataError
        If its files are damaged.
    BackendError
        If no Keras backend is installed.

    Examples
    --------
    >>> import keras_qd, numpy as np
    >>> x = np.linspace(-5.0, 5.0, 65)[:-1] + 5 / 64
    >>> model = keras_qd.pretrained("potential-to-density")
    >>> dot = model.ground_states(0.5 * 0.6**2 * (x**2 + x[:, None] ** 2), n_electrons=2)
    >>> dot["density"].shape, bool(dot["familiar"])
    ((64, 64), True)
    """
    model: PretrainedModel = registry.components("pretrained").make(name)
    return model


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
        return _familiar(self.card, self._completed(fields))

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
            ``density`` (1/a0*^2, not negative, with exactly its electrons), ``energy`` and
            ``chemical_potential`` (Ha*; energy less that of one electron fewer), and ``familiar``:
            whether the system is like those of the training.

        Raises
        ------
        UsageError
            If the side of the box is not positive, or a number of electrons not at least one.

        Notes
        -----
        Lengths scale: with s = L / 10 a0*, a dot in a box of side L is one of side 10 a0* with the
        potential s^2 V and the strength times s, whose energy is s^2 E and density s^2 n.
        """
        values = np.asarray(potentials, dtype=np.float32)
        single = values.ndim == 2
        values = values[None] if single else values
        scale = float(box_length) / self.card["box_length"]
        electrons, strengths = (
            np.broadcast_to(np.asarray(each, dtype=np.float32), len(values))
            for each in (n_electrons, strength)
        )
        if not scale > 0 or (electrons < 1).any():
            raise UsageError(
                f"box_length={box_length} and n_electrons={n_electrons!r}: expected a positive "
                "length, and one electron or more"
            )
        fields = {
            "potential": values * np.float32(scale**2),
            "n_electrons": electrons,
            "strength": strengths * np.float32(scale),
        }
        # The same dots with one electron fewer go through the network together with them.
        both = {name: np.concatenate([each, each]) for name, each in fields.items()}
        both["n_electrons"][len(values) :] = np.maximum(electrons - 1, 1)
        predicted = super().predict(both, batch_size=2 * batch_size, verbose=0)
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
            "familiar": self.familiar(fields),
        }
        return {name: each[0] for name, each in result.items()} if single else result

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same model again, except for the weights."""
        return {**super().get_config(), "card": self.card}


def write_pretrained(
    model: PhysicalModel, card: Mapping[str, Any], name: str, folder: str | Path
) -> Pretrained:
    """Write a trained model as the two files of a pretrained network.

    Parameters
    ----------
    model : PhysicalModel
        With a registered network whose configuration has its shapes.
    card : mapping
        ``description``, ``task`` (its name), ``fields`` (``unit`` and ``meaning`` of each),
        ``defaults``, ``limits``, ``box_length``, and all that there is to say of
        data, training and error, as plain JSON.
    name : str
        Name of the files.
    folder : str or Path
        Where to write them.

    Returns
    -------
    Pretrained
        Ready to be called.

    Examples
    --------
    >>> import tempfile
    >>> import keras_qd
    >>> model = keras_qd.pretrained("potential-to-density")
    >>> copy = write_pretrained(model, model.card, "mine", tempfile.mkdtemp())
    >>> copy.card["digest"] == model.card["digest"]
    True
    """
    network = model.predictor
    (registered,) = json.loads(model._needs)["models"]
    config = network.get_config()
    known = ("input_shape", "output_shape", "name")
    made = Pretrained(name, str(card["description"]), Path(folder))
    weights = {
        f"{i:04d}": np.asarray(each, dtype=np.float16)
        for i, each in enumerate(network.get_weights())
    }
    with replacing(made.weights_path) as temporary, temporary.open("wb") as file:
        np.savez(file, **weights)  # type: ignore[arg-type]  # names of arrays
    content = {
        **card,
        "model": registered,
        "model_config": {key: value for key, value in config.items() if key not in known},
        "pipeline": model.pipeline.to_config(),
        "digest": hashlib.sha256(made.weights_path.read_bytes()).hexdigest(),
    }
    with replacing(made.card_path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return made


#: Potential, number of electrons and strength to density and energy.
potential_to_density = Pretrained(
    "potential-to-density",
    "potential, number of electrons (1 to 4) and strength to density and energy",
)
