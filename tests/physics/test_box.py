import numpy as np
import pytest

from keras_qd.errors import UsageError
from keras_qd.physics import Box


def test_pixel_centres_and_directions():
    x, y = Box(8.0).mesh(4)
    np.testing.assert_allclose(x[0], [1, 3, 5, 7])
    np.testing.assert_allclose(y[:, 0], [1, 3, 5, 7])
    assert np.ptp(x, axis=0).max() == 0
    assert np.ptp(y, axis=1).max() == 0


def test_pixels_cover_the_box():
    assert Box(3.0).pixel_area(7) * 49 == pytest.approx(9.0)


@pytest.mark.parametrize("length", [0.0, -1.0, np.nan, np.inf])
def test_senseless_length(length):
    with pytest.raises(UsageError, match="positive and finite"):
        Box(length)
