"""The structural similarity index."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.metrics import arrays, tensors
from keras_qd.metrics.data_range import check_data_range, set_range, streaming_range
from keras_qd.metrics.measure import NO_CONTEXT, Array, Context
from keras_qd.metrics.sample_mean import SampleMean
from keras_qd.metrics.similarity import array_similarity, image_shape, tensor_similarity
from keras_qd.metrics.summation import pairwise_sum


@keras.saving.register_keras_serializable(package="keras_qd")
class SSIM(SampleMean):
    """Mean over systems of the structural similarity index of an image.

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
    DataError
        When given anything but images, or images smaller than the window of 11 x 11 pixels.

    Notes
    -----
    On whole arrays this is scikit-image's ``structural_similarity`` with the settings of Wang et
    al. (Gaussian window of 1.5 pixels, population covariance), and an own implementation of the
    same while streaming. Channels are compared one by one and averaged. NaN where all values of the
    reference are equal and no range was given.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, Image quality assessment: from error
    visibility to structural similarity, IEEE Trans. Image Process. 13, 600 (2004),
    doi:10.1109/TIP.2003.819861.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.random.default_rng(0).normal(size=(3, 16, 16))
    >>> SSIM().over_set(exact, exact)
    1.0
    """

    title = "SSIM"
    unit = ""
    higher_is_better = True

    def __init__(
        self, data_range: float | None = None, name: str = "ssim", dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.data_range = check_data_range(data_range, name)

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the index of every image of a batch, shape (batch,)."""
        data_range = streaming_range(self.data_range, self.name)
        shape = image_shape(tuple(y_true.shape), self.name)
        y_true, y_pred = (ops.reshape(y, (-1, *shape)) for y in (y_true, y_pred))
        return self.tensor_index(y_true, y_pred, data_range)

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every image's index as its only term, shape (n, 1); see `Measure`."""
        reference, prediction = arrays.check_pair(reference, prediction)
        shape = image_shape(tuple(reference.shape), self.name)
        data_range = set_range(self.data_range, reference, context)

        def indices(reference: Array, prediction: Array, context: Context) -> Array:
            pairs = zip(reference, prediction, strict=True)
            images = ((a.reshape(shape), b.reshape(shape)) for a, b in pairs)
            return np.array([self.array_index(a, b, data_range) for a, b in images])

        return arrays.block_terms(indices, reference, prediction, context)

    def tensor_index(self, a: Any, b: Any, data_range: float) -> Any:
        """Return the index of pairs of images, shape (batch,); else as `tensor_similarity`."""
        luminance, contrast = tensor_similarity(a, b, data_range)
        values = tensors.flat(luminance * contrast)
        return pairwise_sum(values) / values.shape[-1]

    def array_index(self, a: Array, b: Array, data_range: float) -> float:
        """Return the index of two images.

        Parameters
        ----------
        a, b : ndarray, shape (height, width, channels)
            The images.
        data_range : float
            Range of the data.

        Returns
        -------
        float
            The index.
        """
        return array_similarity(a, b, data_range)

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, from which an equal metric can be made."""
        return {**super().get_config(), "data_range": self.data_range}
