"""Build any component by its registered name: the short way into the package."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from keras_qd.backend import ensure_backend
from keras_qd.errors import UnknownNameError
from keras_qd.registry import KINDS, registry

if TYPE_CHECKING:
    import keras

    from keras_qd.datasets import Dataset
    from keras_qd.tasks import Task

Component = TypeVar("Component")


def build(name: str, **config: Any) -> keras.Model:
    """Build a compiled model by its registered name.

    Parameters
    ----------
    name : str
        A registered model, such as ``"pix2pix"``; ``names("models")`` lists them.
    **config
        Configuration of that model. All take ``input_shape=(64, 64, 1)`` and ``output_shape=None``
        (as the input), shapes of one sample with the channels last.

    Returns
    -------
    keras.Model
        Compiled with sensible defaults, ready for ``fit(x, y)``.

    Raises
    ------
    UnknownNameError
        If there is no such model, or it has no such setting.
    PluginError
        If the plug-in that provides it cannot be imported.
    BackendError
        If no Keras backend is installed.

    Examples
    --------
    >>> import keras_qd
    >>> model = keras_qd.build("pix2pix", input_shape=(32, 32, 1), filters=4)
    >>> model.name
    'pix2pix'
    """
    ensure_backend()
    return _create("models", name, config)


def load(name: str, **config: Any) -> Dataset:
    """Load a data set by its registered name.

    Parameters
    ----------
    name : str
        A registered data set, such as ``"quantum-dots"``; ``names("datasets")`` lists them.
    **config
        Configuration of that data set.

    Returns
    -------
    Dataset
        With ``fields``, ``split("train" | "validation" | "test")`` and ``metadata``.

    Raises
    ------
    UnknownNameError
        If there is no such data set, or it has no such setting.
    PluginError
        If the plug-in that provides it cannot be imported.

    Examples
    --------
    >>> import keras_qd
    >>> digits = keras_qd.load("mnist")
    >>> digits.fields["image"].shape
    (28, 28)
    """
    dataset: Dataset = _create("datasets", name, config)
    return dataset


def metric(name: str, **config: Any) -> keras.metrics.Metric:
    """Create a metric by its registered name.

    Parameters
    ----------
    name : str
        A registered metric, such as ``"l1"``; ``names("metrics")`` lists them.
    **config
        Configuration of that metric.

    Returns
    -------
    keras.metrics.Metric
        Streaming, for ``compile(metrics=[...])`` or on its own.

    Raises
    ------
    UnknownNameError
        If there is no such metric, or it has no such setting.
    PluginError
        If the plug-in that provides it cannot be imported.
    BackendError
        If no Keras backend is installed.

    Examples
    --------
    >>> import keras_qd
    >>> keras_qd.metric("l1").over_set([[1.0, 2.0]], [[1.0, 3.0]])
    0.5
    """
    ensure_backend()
    return _create("metrics", name, config)


def task(name: str, **config: Any) -> Task:
    """Return a task by its registered name.

    Parameters
    ----------
    name : str
        A registered task, such as ``"potential-to-density"``; ``names("tasks")`` lists them.
    **config
        What to change in it: any field of :class:`keras_qd.tasks.Task`.

    Returns
    -------
    Task
        The registered one, or a copy with the changes.

    Raises
    ------
    UnknownNameError
        If there is no such task, or it has no such field.
    PluginError
        If the plug-in that provides it cannot be imported.

    Examples
    --------
    >>> import keras_qd
    >>> keras_qd.task("potential-to-density", epochs=3).epochs
    3
    """
    component = registry("tasks").get(name)
    found: Task = component() if callable(component) else component
    return found.replace(**config) if config else found


def names(kind: str) -> list[str]:
    """Return the sorted names of the components of one kind, importing none of them.

    Parameters
    ----------
    kind : str
        ``"models"``, ``"datasets"``, ``"metrics"``, ``"tasks"`` or ``"potentials"``.

    Returns
    -------
    list of str
        Those of this package and of all installed plug-ins.

    Raises
    ------
    UnknownNameError
        If there is no such kind.

    Examples
    --------
    >>> import keras_qd
    >>> "pix2pix" in keras_qd.names("models")
    True
    """
    return registry(kind).names()


def register(kind: str, name: str) -> Callable[[Component], Component]:
    """Return a decorator that registers a component in this process, for notebooks and scripts.

    Parameters
    ----------
    kind : str
        ``"models"``, ``"datasets"``, ``"metrics"``, ``"tasks"`` or ``"potentials"``.
    name : str
        Lower-case words joined with hyphens.

    Returns
    -------
    callable
        Registers what it decorates, and returns it unchanged.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    UsageError
        If the name is badly formed.

    Examples
    --------
    >>> import keras_qd
    >>> @keras_qd.register("models", "my-net")
    ... def my_net(input_shape=(64, 64, 1), output_shape=None): ...
    >>> "my-net" in keras_qd.names("models")
    True
    """
    return registry(kind).register(name)


def _create(kind: str, name: str, config: dict[str, Any]) -> Any:
    component = registry(kind).get(name)
    _check_settings(f"setting of the {KINDS[kind]} {name!r}", component, config)
    return component(**config)


def _check_settings(what: str, component: Any, config: dict[str, Any]) -> None:
    """Refuse settings that `component` does not take, with near matches."""
    parameters = inspect.signature(component).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [parameter.name for parameter in parameters]
    for setting in config:
        if setting not in known:
            raise UnknownNameError(what, setting, known)
