"""How good a prediction is: metrics that stream inside ``fit``, and are exact on whole arrays.

Names are imported when first used, and keras only with those that need it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from keras_qd.backend import ensure_backend

#: Public name -> the module that defines it.
_HOMES = {
    "Context": "measure",
    "Measure": "measure",
    "unit_of": "measure",
    "FieldMetric": "field_metric",
    "SampleMean": "sample_mean",
    "L1": "norms",
    "L2": "norms",
    "Linf": "norms",
    "R2": "r2",
    "PSNR": "psnr",
    "SSIM": "ssim",
}
_WITHOUT_KERAS = ("measure",)

__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from keras_qd.metrics.field_metric import FieldMetric
    from keras_qd.metrics.measure import Context, Measure, unit_of
    from keras_qd.metrics.norms import L1, L2, Linf
    from keras_qd.metrics.psnr import PSNR
    from keras_qd.metrics.r2 import R2
    from keras_qd.metrics.sample_mean import SampleMean
    from keras_qd.metrics.ssim import SSIM


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _HOMES[name] not in _WITHOUT_KERAS:
        ensure_backend()
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
