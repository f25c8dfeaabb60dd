"""The peak signal-to-noise ratio."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.metrics import arrays, tensors
from keras_qd.metrics.data_range import check_data_range, set_range, streaming_range
from keras_qd.metrics.measure import NO_CONTEXT, Array, Context
from keras_qd.metrics.sample_mean import SampleMean
from keras_qd.metrics.summation import pairwise_sum


@keras.saving.register_keras_serializable(package="keras_qd")
class PSNR(SampleMean):
    r"""Mean over systems of the peak signal-to-noise ratio [1]_, in dB.

    .. math:: 10 \log_{10} \frac{R^2}{\frac{1}{N} \sum e^2}

    with the range :math:`R` of the data: that of the references over the whole set.

    Parameters
    ----------
    data_range : float, optional
        Range of the data. Needed to stream (no batch knows the set's range); on whole arrays it may
        come with the context or be left to the reference's own range over the set.
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Raises
    ------
    UsageError
        If `data_range` is no positive number; while streaming, also if there is none.

    Notes
    -----
    Equal to scikit-image's ``peak_signal_noise_ratio`` of each system. Infinite for an exact
    prediction, and so then is the mean. NaN where all values of the reference are equal and no
    range was given.

    References
    ----------
    .. [1] Z. Wang and A. C. Bovik, "Mean squared error: love it or leave it?", IEEE Signal Process.
       Mag. 26, 98 (2009), https://doi.org/10.1109/MSP.2008.930649

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.array([[[0.0, 1.0], [0.5, 0.5]]])
    >>> round(PSNR().over_set(exact, exact + 0.1), 6)
    20.0
    """

    title = "PSNR"
    unit = "dB"
    higher_is_better = True

    def __init__(
        self, data_range: float | None = None, name: str = "psnr", dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.data_range = check_data_range(data_range, name)

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the ratio of every system of a batch, shape (batch,)."""
        error = tensors.flat(y_true - y_pred) / streaming_range(self.data_range, self.name)
        noise = pairwise_sum(ops.square(error)) / error.shape[-1]
        return -10.0 * ops.log10(noise)

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every system's ratio as its only term, shape (n, 1); see `Measure`."""
        data_range = set_range(self.data_range, reference, context)

        def ratios(reference: Array, prediction: Array, context: Context) -> Array:
            noise = np.square(arrays.flat(prediction - reference)).mean(axis=1)
            with np.errstate(divide="ignore"):
                return np.asarray(10.0 * np.log10(data_range**2 / noise))

        return arrays.block_terms(ratios, reference, prediction, context)

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, from which an equal metric can be made."""
        return {**super().get_config(), "data_range": self.data_range}
