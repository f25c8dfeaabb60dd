"""Pretrained networks: two files each, weights in 16 bits and a card that says what they are."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd import registry
from keras_qd._files import parse_json, replacing
from keras_qd.errors import DataError
from keras_qd.tasks.physical_model import PhysicalModel
from keras_qd.tasks.pipeline import Pipeline
from keras_qd.tasks.task import Task
from keras_qd.weights.models import (
    GroundStateModel,
    PotentialModel,
    PretrainedModel,
    familiar,
)

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
    model_class : type
        What it becomes once it is loaded: a `PretrainedModel`.
    folder : Path
        Where the files are; this package's by default.

    Examples
    --------
    >>> import keras_qd
    >>> sorted(keras_qd.names("pretrained"))
    ['density-to-potential', 'potential-to-density']
    """

    name: str
    description: str
    model_class: type[PretrainedModel] = PretrainedModel
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
        return familiar(self.card, fields)

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
        return self.model_class(network, pipeline, card, {"models": [card["model"]]})

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


def find_pretrained(source: object) -> Pretrained | None:
    """Return the pretrained network of a name, or None where that is not one but a path."""
    named = str(source) in registry.components("pretrained").names()
    if not named or Path(str(source)).exists():
        return None
    found: Pretrained = registry.components("pretrained").get(str(source))
    return found


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
        A Keras model with ``predict`` and ``card``; a `GroundStateModel` has ``ground_states``, a
        `PotentialModel` ``potentials``.

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


def write_pretrained(
    model: PhysicalModel,
    card: Mapping[str, Any],
    name: str,
    folder: str | Path,
    model_class: type[PretrainedModel] = PretrainedModel,
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
    model_class : type
        See :class:`Pretrained`.

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
    # The dtype suited the machine of the training: predictions take the usual one of their own.
    known = ("input_shape", "output_shape", "name", "dtype")
    made = Pretrained(name, str(card["description"]), model_class, Path(folder))
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


potential_to_density = Pretrained(
    "potential-to-density",
    "potential, number of electrons (1 to 4) and strength to density, energy and exchange",
    GroundStateModel,
)

density_to_potential = Pretrained(
    "density-to-potential",
    "density (of 1 to 4 electrons) and strength of the interaction to the potential",
    PotentialModel,
)
