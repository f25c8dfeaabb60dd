"""The registered networks, one a file, and the layers that they are made of.

Names are imported when first used, so that listing models does not import keras.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

#: Public name -> the module that defines it.
_HOMES = {"PatchGAN": "patchgan", "Pix2Pix": "pix2pix", "UNet": "unet"}

__all__ = ["PatchGAN", "Pix2Pix", "UNet"]

if TYPE_CHECKING:
    from keras_qd.models.patchgan import PatchGAN
    from keras_qd.models.pix2pix import Pix2Pix
    from keras_qd.models.unet import UNet


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"keras_qd.models.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'keras_qd.models' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
