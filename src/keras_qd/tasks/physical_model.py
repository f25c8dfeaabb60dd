"""A trained network between its scalings: fields in physical units in and out."""

from __future__ import annotations

import json
import logging
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd._files import parse_json
from keras_qd.errors import DataError, KerasQDError, PluginError, RunError, UnknownNameError
from keras_qd.registry import check_modules, components
from keras_qd.tasks.pipeline import Pipeline, Shape, Shapes, as_samples, each

_LOGGER = logging.getLogger(__name__)


#: Most that a saved model may unfold to, as a multiple of its size: Keras compresses nothing.
_UNFOLDED = 20


@keras.saving.register_keras_serializable("keras_qd")
class PhysicalModel(keras.Model):
    """A network with the scalings that it was trained with, which are part of the saved file.

    Takes a tensor where there is a single input field, otherwise a dict of tensors by field; a dict
    is understood in either case. Returns a tensor where there is a single output, otherwise a dict.
    Classes come as whole numbers under the field's name, and their probabilities as
    ``FIELD_probabilities``. Everything else has 32 bits.

    Parameters
    ----------
    network : keras.Model
        Takes and returns scaled values; it is the one that ``fit`` has trained. If it has an
        attribute ``predictor``, that network is used outside training.
    pipeline : Pipeline
        The fields and their scalings.
    needs : mapping of str to sequence of str, optional
        Kind -> registered components whose classes the network consists of. :func:`read_model`
        imports them.
    **options
        Those of Keras, such as ``name``.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd.data import fit_scaling
    >>> scaling = fit_scaling("max", [4.0])
    >>> shape = (8, 8)
    >>> pipeline = Pipeline({"potential": shape}, {"density": shape}, {"potential": scaling,
    ...     "density": scaling})
    >>> model = PhysicalModel(keras.Sequential([keras.layers.Activation("tanh")]), pipeline)
    >>> model.predict(np.full((2, 8, 8), 4.0), verbose=0)[0, 0, 0].round(2)
    np.float32(3.05)
    """

    def __init__(
        self,
        network: keras.Model,
        pipeline: Pipeline,
        needs: Mapping[str, Sequence[str]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**{"name": "physical_model", "dtype": "float32", **options})
        self.network = network
        self.pipeline = pipeline
        self._needs = json.dumps({kind: list(names) for kind, names in (needs or {}).items()})
        self.built = True

    @property
    def predictor(self) -> keras.Model:
        """The network that predicts: of pix2pix the generator, or the average of its weights."""
        return getattr(self.network, "predictor", self.network)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the target fields in physical units."""
        if not isinstance(inputs, Mapping):
            inputs = {next(iter(self.pipeline.inputs)): inputs}
        fields = {name: ops.cast(inputs[name], "float32") for name in self.pipeline.inputs}
        network = self.network if training else self.predictor
        pipeline = self._pipeline_of(fields)
        output = network(pipeline.scaled(ops, fields), training=bool(training))
        found = pipeline.restored(ops, each(lambda v: ops.cast(v, "float32"), output))
        found = {name: _plain(values) for name, values in found.items()}
        return found if len(found) > 1 else next(iter(found.values()))

    def predict(self, x: Any, *args: Any, **options: Any) -> Any:
        """Return the target fields in physical units; Keras' own, but for the shapes of arrays.

        Parameters
        ----------
        x : array, mapping of str to array, or anything that Keras predicts for
            Of many systems, ``(n, ny, nx)`` for maps, or of one, ``(ny, nx)``; an axis of one
            channel at the end is left out.
        *args, **options
            Those of ``keras.Model.predict``, such as ``batch_size`` and ``verbose``.

        Returns
        -------
        ndarray or dict of str to ndarray
            Target fields; of one system, without the first axis.
        """
        fields = x if isinstance(x, Mapping) else {next(iter(self.pipeline.inputs)): x}
        if not all(isinstance(values, np.ndarray) for values in fields.values()):
            return super().predict(x, *args, **options)
        fields, single = as_samples(self.pipeline.inputs, fields)
        found = super().predict(
            fields if isinstance(x, Mapping) else next(iter(fields.values())), *args, **options
        )
        return each(lambda values: values[0], found) if single else found

    def _pipeline_of(self, fields: Mapping[str, Any]) -> Pipeline:
        """Return the pipeline for the grid of some fields, or raise if the network has another."""
        grids = {
            shape: tuple(fields[name].shape[1:]) for name, shape in self.pipeline.inputs.items()
        }
        if any(None in found for found in grids.values()):
            return self.pipeline
        shapes = {**self.pipeline.targets, **self.pipeline.inputs}
        pipeline = self.pipeline.on_grid({n: grids.get(s, s) for n, s in shapes.items()})
        if pipeline is not self.pipeline and not _has_free_axes(self.predictor, pipeline):
            raise DataError(
                f"the model was trained on samples of shape {self.pipeline.input_shape}, not "
                f"{pipeline.input_shape}; model.on_grid(shapes) makes one for another grid"
            )
        return pipeline

    def with_network(self, network: keras.Model) -> PhysicalModel:
        """Return a model with another network between the same scalings.

        Parameters
        ----------
        network : keras.Model
            Takes and returns scaled values of the same shapes.

        Returns
        -------
        PhysicalModel
            The model around `network`.
        """
        return PhysicalModel(network, self.pipeline)

    def on_grid(self, shapes: Mapping[str, Shape]) -> PhysicalModel:
        """Return a model with the same weights for fields on another grid.

        Parameters
        ----------
        shapes : mapping of str to tuple of int
            Fields of the data, with the shape of one sample of each. Lines and maps may have
            another number of points than in training.

        Returns
        -------
        PhysicalModel
            The same object where the grid is the same.

        Raises
        ------
        DataError
            If the network cannot be built on that grid, or has different weights on it.

        Notes
        -----
        A network whose ``input_shape`` has None along the axes of the grid is used as it is. Any
        other is rebuilt by its ``from_config`` with another ``input_shape`` and ``output_shape``,
        which its ``get_config`` must have. A convolution depends on pixels, not on lengths: with
        the same pixels in a larger box a U-Net sees what it saw in training, while the same box in
        more pixels is unlike anything it was trained on. A Fourier neural operator works
        with either.
        """
        pipeline = self.pipeline.on_grid(shapes)
        if pipeline is self.pipeline:
            return self
        if _has_free_axes(self.predictor, pipeline):
            return PhysicalModel(self.predictor, pipeline)
        try:
            network = _rebuilt(self.predictor, pipeline.input_shape, pipeline.output_shape)
        except (KerasQDError, TypeError, ValueError) as cause:
            reason = str(cause).partition("\n")[0][:200]
            raise DataError(
                f"the model was trained on samples of shape {self.pipeline.input_shape} and cannot "
                f"take those of shape {pipeline.input_shape}: {reason}"
            ) from cause
        return PhysicalModel(network, pipeline)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same model again, except for the weights."""
        return {
            **super().get_config(),
            "network": _description(self.network),
            "pipeline": self.pipeline.to_config(),
            "needs": json.loads(self._needs),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> PhysicalModel:
        """Make a model from what :meth:`get_config` returned."""
        network = keras.saving.deserialize_keras_object(config["network"], custom_objects)
        if not isinstance(network, keras.Model):
            raise DataError(f"its network is a {type(network).__name__}; expected a Keras model")
        pipeline = Pipeline.from_config(config["pipeline"])
        return cls(**{**config, "network": network, "pipeline": pipeline})


def _check_size(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise a RunError if a file would unfold to much more than it has."""
    size = sum(member.file_size for member in archive.infolist())
    if size > _UNFOLDED * path.stat().st_size:
        raise RunError(f"{path} cannot be loaded: it would unfold to {size} bytes")


def read_model(path: Path) -> PhysicalModel:
    """Load a model that a run has saved, in Keras' safe mode."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(path, archive)
            config = parse_json(archive.read("config.json"))
        if config.get("registered_name") != "keras_qd>PhysicalModel":
            raise RunError(
                f"{path} holds a {config.get('class_name')} that was not saved by keras-qd; "
                "load it with keras.saving.load_model"
            )
        # Importing them makes their classes known to Keras.
        for kind, names in config["config"]["needs"].items():
            check_modules(names, path)
            for name in names:
                components(kind).get(name)
        model: PhysicalModel = keras.saving.load_model(path, safe_mode=True)
    except (RunError, PluginError, UnknownNameError):
        raise
    except Exception as cause:  # Keras, and readers of damaged archives, raise anything
        # Keras adds the whole configuration of the model to the first line.
        reason = str(cause).partition("\n")[0][:200] or type(cause).__name__
        raise RunError(
            f"{path} cannot be loaded: {reason}; restore it from a copy, or train again"
        ) from cause
    return model


def _description(network: keras.Model) -> dict[str, Any]:
    """Return what makes a network again, compiled with its loss and optimizer where possible."""
    # Metrics are left out: an evaluation computes those of the task, and a plug-in's may be of a
    # kind that Keras cannot save, or not be installed where the model is loaded.
    compiled = bool(network.compiled)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The object being serialized includes a `lambda`")
            found: dict[str, Any] = keras.saving.serialize_keras_object(network)
        if found.get("compile_config"):
            found["compile_config"] |= {"metrics": None, "weighted_metrics": None}
            keras.saving.deserialize_keras_object(found["compile_config"])
        return found
    except (TypeError, ValueError, NotImplementedError) as cause:
        if not compiled:
            raise
        _LOGGER.warning("the model is saved without its loss and optimizer: %s", _reason(cause))
    network.compiled = False
    try:
        return dict(keras.saving.serialize_keras_object(network))
    finally:
        network.compiled = True


def check_loadable(network: keras.Model, name: str) -> None:
    """Raise unless Keras can make a network again, before it is trained; `name` is registered."""
    if keras.saving.get_registered_name(type(network)).startswith("keras_qd>"):
        return  # ours are made again from their settings, as the tests of each show
    compiled, network.compiled = network.compiled, False
    try:
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    except (TypeError, ValueError, NotImplementedError) as cause:
        raise PluginError(
            f"the model {name!r} could not be loaded once it is trained: {_reason(cause)}; "
            "decorate its classes and functions with keras.saving.register_keras_serializable"
        ) from cause
    finally:
        network.compiled = compiled


def _reason(cause: Exception) -> str:
    """Return the first sentence of the innermost of Keras' nested messages."""
    innermost = str(cause).rpartition("Exception encountered: ")[2]
    return innermost.partition("\n")[0].partition(". ")[0][:200]


def _has_free_axes(network: keras.Model, pipeline: Pipeline) -> bool:
    """Return whether a network takes and returns samples of a pipeline's shapes as it is."""
    declared = getattr(network, "input_shape", None)
    return _admits(declared, pipeline.input_shape) and _admits(
        getattr(network, "output_shape", None), pipeline.output_shape
    )


def _admits(declared: Any, shape: Any) -> bool:
    if isinstance(shape, Mapping):
        named = isinstance(declared, Mapping) and set(declared) == set(shape)
        return named and all(_admits(declared[name], shape[name]) for name in shape)
    if not isinstance(declared, tuple) or len(declared) != len(shape) + 1:
        return False
    return all(a in (None, b) for a, b in zip(declared[1:], shape, strict=True))


def _plain(values: Any) -> Any:
    """Return whole numbers with 32 bits on every backend."""
    whole = "int" in keras.backend.standardize_dtype(values.dtype)
    return ops.cast(values, "int32") if whole else values


def _rebuilt(network: keras.Model, input_shape: Shapes, output_shape: Shapes) -> keras.Model:
    """Return the same network for samples of other shapes, with the same weights."""
    config: dict[str, Any] = network.get_config()
    if "input_shape" not in config:
        raise DataError(f"the settings of {network.name!r} have no input_shape to change")
    config |= {"input_shape": input_shape, "output_shape": output_shape}
    rebuilt = type(network).from_config(config)
    found, needed = ([tuple(each.shape) for each in m.weights] for m in (network, rebuilt))
    if found != needed:
        raise DataError(f"{network.name!r} has different weights on that grid")
    rebuilt.set_weights(network.get_weights())
    return rebuilt
