"""Predictions averaged over the symmetries of a task, which the exact map has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.datasets import Reflection, SquareSymmetries, build_augmentation
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    import keras

    from keras_qd.tasks import Task

Array = NDArray[Any]


class Symmetrized:
    r"""Predicts as a model does, averaged over the group of symmetries.

    .. math:: \bar f(x) = \frac{1}{|G|} \sum_{g \in G} g^{-1} f(g x)

    A map that commutes with all g is left as it is; of any other this is the part that does [1]_.

    Parameters
    ----------
    model : keras.Model
        A trained model; scaled fields go in and come out.
    symmetries : SquareSymmetries or Reflection
        The group G.

    References
    ----------
    .. [1] T. S. Cohen and M. Welling, "Group equivariant convolutional networks", ICML (2016),
       arXiv:1602.07576

    Examples
    --------
    >>> class TopRow:
    ...     def predict_on_batch(self, x):
    ...         return x * np.array([1.0, 0.0])[:, None, None]
    >>> mean = Symmetrized(TopRow(), SquareSymmetries())
    >>> mean.predict_on_batch(np.ones((1, 2, 2, 1)))[0, ..., 0]
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """

    def __init__(self, model: keras.Model, symmetries: SquareSymmetries | Reflection) -> None:
        self._model, self._symmetries = model, symmetries

    def predict_on_batch(self, x: Array) -> Array:
        """Return the mean prediction for scaled fields that make one batch."""
        total: Any = 0.0
        for element in range(self._symmetries.n_elements):
            elements = np.full(len(x), element)
            found = np.asarray(self._model.predict_on_batch(self._symmetries.apply(x, elements)))
            total = total + self._symmetries.undo(found, elements)
        return np.asarray(total / self._symmetries.n_elements)


def symmetrized(model: keras.Model, task: Task) -> Symmetrized:
    """Return a model that predicts the mean over the symmetries of its task.

    Parameters
    ----------
    model : keras.Model
        A trained model.
    task : Task
        Its task: with which symmetries, its augmentation says.

    Raises
    ------
    UsageError
        If the task has no symmetries.
    """
    symmetries = None if task.augmentation is None else build_augmentation(task.augmentation)
    if not isinstance(symmetries, (SquareSymmetries, Reflection)):
        raise UsageError(
            f"the augmentation of task {task.name!r} is {task.augmentation!r}, no group of "
            "symmetries to average over; those are 'square-symmetries' and 'reflection'"
        )
    return Symmetrized(model, symmetries)
