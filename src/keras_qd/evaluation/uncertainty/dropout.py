"""Dropout that stays on when a model predicts, as in the original pix2pix."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_qd.errors import UsageError
from keras_qd.evaluation.network import predicting_network

#: Layers that do nothing but put noise on what they are given, in training alone.
_NOISY = (
    keras.layers.Dropout,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
)


def with_dropout(model: keras.Model, seed: int) -> keras.Model:
    """Return a model whose dropout stays on when it predicts.

    Parameters
    ----------
    model : keras.Model
        A graph of layers, or pix2pix, whose generator is one.
    seed : int
        Of the masks, which differ from call to call.

    Returns
    -------
    keras.Model
        Shares the layers, weights included, of `model`. Normalisation layers go on predicting with
        their own statistics: a prediction does not depend on what else is in the batch.

    Raises
    ------
    UsageError
        If the model is no graph of layers, or none of them drops anything.

    References
    ----------
    P. Isola, J.-Y. Zhu, T. Zhou, A. A. Efros, CVPR (2017), arXiv:1611.07004, section 3.2.
    Y. Gal, Z. Ghahramani, ICML (2016), arXiv:1506.02142.
    """
    graph = predicting_network(model)
    if not getattr(graph, "inputs", None):
        raise UsageError(
            f"the model {model.name!r} is no graph of layers, whose dropout could be kept on"
        )
    seeds = np.random.default_rng([seed])
    noisy = [layer for layer in graph.layers if isinstance(layer, _NOISY)]
    if not noisy:
        raise UsageError(
            f"the model {model.name!r} drops nothing: train it with dropout "
            "(for pix2pix and unet: --set model.dropout=0.5), or judge an ensemble of runs"
        )

    def keep_or_replace(layer: Any) -> Any:
        return _always(layer, int(seeds.integers(2**31))) if layer in noisy else layer

    # Without the class of the network, which knows only how to build itself anew.
    plain = keras.Model(graph.input, graph.output)
    return keras.models.clone_model(plain, clone_function=keep_or_replace)


def _always(layer: keras.layers.Layer, seed: int) -> keras.layers.Layer:
    """Return a layer like this one, with a seed of its own, that is always in training."""
    kind = type(layer)

    class Always(kind):  # type: ignore[misc, valid-type]
        def call(self, inputs: Any, training: bool = False) -> Any:
            return super().call(inputs, training=True)

    return Always.from_config({**layer.get_config(), "seed": seed})
