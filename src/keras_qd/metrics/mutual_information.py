"""Normalized mutual information: how much an image tells of another, whatever their scales."""

from __future__ import annotations

from typing import Any, NoReturn

import keras
import numpy as np

from keras_qd.errors import UsageError
from keras_qd.metrics import arrays
from keras_qd.metrics.measure import Array, Context
from keras_qd.metrics.sample_mean import SampleMean


@keras.saving.register_keras_serializable(package="keras_qd")
class NormalizedMutualInformation(SampleMean):
    """Mean over systems of (H(reference) + H(prediction)) / H(both), from 1 to 2.

    Parameters
    ----------
    bins : int
        Bins of the histograms along each axis, from the smallest to the largest value of a field.
    name : str
        Name in logs and tables.
    dtype : str, optional
        For the sake of all metrics; this one always computes in double precision.

    Raises
    ------
    UsageError
        If there are fewer than two bins; and when asked to stream: a value next to the edge of a
        bin falls to one side or the other by the rounding of single precision.

    Notes
    -----
    scikit-image's ``normalized_mutual_information`` of each system. NaN where reference and
    prediction are both constant.

    References
    ----------
    C. Studholme, D. L. G. Hill, D. J. Hawkes, An overlap invariant entropy measure of 3D medical
    image alignment, Pattern Recognition 32, 71 (1999), doi:10.1016/S0031-3203(98)00091-0.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.random.default_rng(0).normal(size=(1, 16, 16))
    >>> round(NormalizedMutualInformation().over_set(exact, 3 * exact + 1), 6)
    2.0
    """

    title = "NMI"
    unit = ""
    higher_is_better = True

    def __init__(
        self, bins: int = 100, name: str = "normalized-mutual-information", dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if bins < 2:
            raise UsageError(f"bins of {name} must be at least 2, got {bins!r}")
        self.bins = int(bins)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> NoReturn:
        """Refuse to stream.

        Parameters
        ----------
        y_true, y_pred : tensor or array_like, shape (batch, ...)
            Not used.
        sample_weight : tensor or array_like, shape (batch,), optional
            Not used.

        Raises
        ------
        UsageError
            Always.
        """
        raise UsageError(
            f"{self.name} is computed on whole arrays only: leave it out of compile and fit, and "
            f"call over_set(reference, prediction) or evaluate the run"
        )

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the information of every system of a block, shape (m,)."""
        from skimage.metrics import normalized_mutual_information

        pairs = zip(arrays.flat(reference), arrays.flat(prediction), strict=True)
        with np.errstate(invalid="ignore"):
            return np.array([normalized_mutual_information(a, b, bins=self.bins) for a, b in pairs])

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, from which an equal metric can be made."""
        return {**super().get_config(), "bins": self.bins}
