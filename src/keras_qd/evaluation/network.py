"""The graph of layers inside a trained model that makes its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def predicting_network(model: keras.Model) -> keras.Model:
    """Return what predicts: of pix2pix the generator or its average, of others the model itself.

    Parameters
    ----------
    model : keras.Model
        A trained model.
    """
    return getattr(model, "average", None) or getattr(model, "generator", model)
