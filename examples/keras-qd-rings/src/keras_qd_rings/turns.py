"""An augmentation: turns of the ring by eighths."""

import numpy as np


class Turns:
    """Turn profiles (n, points, channels) by eighths; leave numbers (n, k) as they are."""

    name = "turns"
    n_elements = 8

    def apply(self, array, elements):
        if array.ndim < 3:
            return array
        steps = np.asarray(elements) * (array.shape[1] // 8)
        rows = (np.arange(array.shape[1]) - steps[:, None]) % array.shape[1]
        return np.take_along_axis(array, rows[:, :, None], axis=1)

    def undo(self, array, elements):
        return self.apply(array, -np.asarray(elements))
