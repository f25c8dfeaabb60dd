"""The registry of all kinds of component, filled by entry points and by decorators.

A component is registered as a callable that takes keyword settings and returns the component; a
task may also be registered itself, and families and scalings as their class. Distributions announce
their components in the entry-point group ``keras_qd.KIND``, as this package does. Listing names
reads metadata only: nothing is imported until a component is requested by name.
"""

from __future__ import annotations

import inspect
import logging
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from keras_qd.backend import ensure_backend
from keras_qd.errors import KerasQDError, PluginError, UnknownNameError, UsageError

if TYPE_CHECKING:
    import keras

    from keras_qd.data.dataset import Dataset
    from keras_qd.tasks.task import Task


#: Kind of component -> the noun for one of them.
KINDS = {
    "models": "model",
    "datasets": "data set",
    "metrics": "metric",
    "tasks": "task",
    "potentials": "potential family",
    "line_potentials": "potential family on a line",
    "scalings": "scaling",
    "augmentations": "augmentation",
    "callbacks": "callback",
    "pretrained": "pretrained network",
}

#: Kind -> the class, as ``module:name``, of what its components return when they are called.
_RETURNED = {
    "models": "keras:Model",
    "datasets": "keras_qd.data:Dataset",
    "metrics": "keras.metrics:Metric",
    "tasks": "keras_qd.tasks:Task",
    "augmentations": "keras_qd.data:Augmentation",
    "callbacks": "keras.callbacks:Callback",
    "pretrained": "keras:Model",
}

#: Kind -> the class, as ``module:name``, that its components are subclasses of.
_BASES = {
    "potentials": "keras_qd.physics:PotentialFamily",
    "line_potentials": "keras_qd.physics:LineFamily",
    "scalings": "keras_qd.data:Scaling",
}

#: Kinds whose components take no settings.
_WITHOUT_SETTINGS = ("tasks", "augmentations")

#: Origin of components that are registered by a decorator.
THIS_SESSION = "this session"

_OWN_DISTRIBUTION = "keras-qd"
#: What is given to ``compile`` rather than to the builder of a model.
_COMPILED = ("optimizer", "loss", "metrics")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

#: Seconds after which an import that still runs is reported.
SLOW_IMPORT = 10.0

_LOGGER = logging.getLogger(__name__)

Component = TypeVar("Component")


def components(kind: str) -> Registry:
    """Return the registry of one of :data:`KINDS`."""
    if kind not in KINDS:
        raise UnknownNameError("kind of component", kind, KINDS)
    return _registries()[kind]


def build(name: str, /, **config: Any) -> keras.Model:
    """Build a compiled model by its registered name.

    Parameters
    ----------
    name : str
        A registered model, such as ``"pix2pix"``; ``names("models")`` lists them. Or
        ``"module:attribute"``: a callable of your own that takes the shapes below and returns a
        compiled model, imported from the current directory or the import path.
    **config
        Settings of that model. All take ``input_shape=(64, 64, 1)`` and ``output_shape=None``
        (as the input), shapes of one sample with the channels last; those that take named tensors
        also take a dict of such shapes by name.

    Returns
    -------
    keras.Model
        Compiled with sensible defaults, ready for ``fit(x, y)``.

    Raises
    ------
    UnknownNameError
        If there is no such model, or it has no such setting.
    UsageError
        If `optimizer`, `loss` or `metrics` is given to a model that does not take it.
    PluginError
        If the plug-in or module that provides it cannot be imported, or makes something else.
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
    model: keras.Model = components("models").make(name, **config)
    return model


def load(name: str, /, **config: Any) -> Dataset:
    """Load a data set by its registered name.

    Parameters
    ----------
    name : str
        A registered data set, such as ``"quantum-dots"``; ``names("datasets")`` lists them.
    **config
        Settings of that data set.

    Returns
    -------
    Dataset
        With ``fields``, ``split("train" | "validation" | "test")`` and ``metadata``.

    Raises
    ------
    UnknownNameError
        If there is no such data set, or it has no such setting.
    PluginError
        If the plug-in that provides it cannot be imported, or makes something else.

    Examples
    --------
    >>> import keras_qd
    >>> digits = keras_qd.load("mnist")
    >>> digits.fields["image"].shape
    (28, 28)
    """
    dataset: Dataset = components("datasets").make(name, **config)
    return dataset


def metric(name: str, /, **config: Any) -> keras.metrics.Metric:
    """Create a metric by its registered name.

    Parameters
    ----------
    name : str
        A registered metric, such as ``"l1"``; ``names("metrics")`` lists them.
    **config
        Settings of that metric.

    Returns
    -------
    keras.metrics.Metric
        Streaming, for ``compile(metrics=[...])`` or on its own.

    Raises
    ------
    UnknownNameError
        If there is no such metric, or it has no such setting.
    PluginError
        If the plug-in that provides it cannot be imported, or makes something else.
    BackendError
        If no Keras backend is installed.

    Examples
    --------
    >>> import keras_qd
    >>> keras_qd.metric("l1").over_set([[1.0, 2.0]], [[1.0, 3.0]])
    0.5
    """
    ensure_backend()
    metric: keras.metrics.Metric = components("metrics").make(name, **config)
    return metric


def task(name: str, /, **config: Any) -> Task:
    """Return a task by its registered name.

    Parameters
    ----------
    name : str
        A registered task, such as ``"potential-to-density"``; ``names("tasks")`` lists them.
    **config
        Changes to it: any field of :class:`keras_qd.tasks.Task`.

    Returns
    -------
    Task
        The registered one, or a copy with the changes.

    Raises
    ------
    UnknownNameError
        If there is no such task, or it has no such field.
    PluginError
        If the plug-in that provides it cannot be imported, or makes something else.

    Examples
    --------
    >>> import keras_qd
    >>> keras_qd.task("potential-to-density", epochs=3).epochs
    3
    """
    found: Task = components("tasks").make(name)
    return found.replace(**config) if config else found


@overload
def names(kind: str) -> list[str]: ...
@overload
def names(kind: None = None) -> dict[str, list[str]]: ...
def names(kind: str | None = None) -> list[str] | dict[str, list[str]]:
    """Return the sorted names of the components of one kind, or of all, importing none of them.

    Parameters
    ----------
    kind : str, optional
        ``"models"``, ``"datasets"``, ``"metrics"``, ``"tasks"``, ``"potentials"``,
        ``"line_potentials"``, ``"scalings"``, ``"augmentations"``, ``"callbacks"`` or
        ``"pretrained"``; all by default.

    Returns
    -------
    list of str, or dict of str to list of str
        Components of this package and of all installed plug-ins; by kind if none is given.

    Raises
    ------
    UnknownNameError
        If there is no such kind.

    Examples
    --------
    >>> import keras_qd
    >>> "pix2pix" in keras_qd.names("models"), "pix2pix" in keras_qd.names()["models"]
    (True, True)
    """
    if kind is None:
        return {each: components(each).names() for each in KINDS}
    return components(kind).names()


def register(kind: str, name: str) -> Callable[[Component], Component]:
    """Return a decorator that registers a component in this process, for notebooks and scripts.

    Parameters
    ----------
    kind : str
        ``"models"``, ``"datasets"``, ``"metrics"``, ``"tasks"``, ``"potentials"``,
        ``"line_potentials"``, ``"scalings"``, ``"augmentations"``, ``"callbacks"`` or
        ``"pretrained"``.
    name : str
        Lower-case words joined with hyphens.

    Returns
    -------
    callable
        Registers the decorated object, and returns it unchanged.

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
    return components(kind).register(name)


def check_arguments(what: str, component: Any, config: dict[str, Any]) -> None:
    """Refuse settings that `component` does not take, naming near matches."""
    try:
        parameters = inspect.signature(component).parameters.values()
    except (TypeError, ValueError):  # it cannot be called, or is a class of C code
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [parameter.name for parameter in parameters]
    for setting in config:
        if setting in known:
            continue
        if setting in _COMPILED and what.startswith("setting of the model"):
            raise UsageError(
                f"{setting!r} is not a {what}, which is returned compiled; compile it again "
                "with model.compile(optimizer=..., loss=..., metrics=...), "
                f"or name the {setting} in a task"
            )
        raise UnknownNameError(what, setting, known)


class PluginWarning(UserWarning):
    """A plug-in that is broken or hidden; the others are not affected."""


class Registry:
    """The components of one kind, by name."""

    def __init__(self, kind: str, scan: Callable[[str], list[EntryPoint]] | None = None) -> None:
        self.kind = kind
        self._scan = scan or _installed_entry_points
        self._registered: dict[str, Any] = {}

    def names(self) -> list[str]:
        """Return the sorted names of all components, importing none of them."""
        return sorted({point.name for point in self._points()} | set(self._registered))

    def register(self, name: str) -> Callable[[Component], Component]:
        """Return a decorator that registers a component in this process."""
        # An earlier component of this name is replaced, so that a notebook cell can be run again.
        if not is_component_name(name):
            raise UsageError(
                f"{name!r} is not a valid name for a {KINDS[self.kind]}; "
                "use lower-case words joined with hyphens, such as 'my-net'"
            )

        def remember(component: Component) -> Component:
            self._registered[name] = component
            return component

        return remember

    def require(self, name: str) -> None:
        """Raise, with near matches, unless a component has this name; import none."""
        if name not in self._registered:
            self._point(name)

    def get(self, name: str) -> Any:
        """Import and return a component; an error lists near matches if there is none."""
        if name in self._registered:
            return self._registered[name]
        point = self._point(name)
        return _load(point, self._describe(name, point))

    def get_class(self, name: str) -> Any:
        """Import and return a component that is a subclass of the base class of its kind."""
        component, base = self.get(name), _BASES[self.kind]
        if not (inspect.isclass(component) and issubclass(component, _imported(base))):
            raise PluginError(
                f"{self._describe(name)} is {component!r}; "
                f"register a subclass of {base.replace(':', '.')}"
            )
        return component

    def make(self, name: str, /, **config: Any) -> Any:
        """Call a component with settings and return the result; an error names its origin."""
        component, expected = self.get(name), _RETURNED[self.kind]
        if callable(component):
            check_arguments(f"setting of the {KINDS[self.kind]} {name!r}", component, config)
            component = self._call(name, component, config)
        if not isinstance(component, _imported(expected)):
            raise PluginError(
                f"{self._describe(name)} is {_short(component)}; "
                f"it must return a {expected.replace(':', '.')}"
            )
        return component

    def _call(self, name: str, component: Any, config: dict[str, Any]) -> Any:
        """Call a component; a plug-in's error of any other kind than ours becomes a PluginError."""
        try:
            return component(**config)
        except (KerasQDError, OSError, MemoryError):
            raise
        except (Exception, SystemExit) as cause:
            if not self._is_foreign(name):
                raise
            raise PluginError(
                f"{self._describe(name)} fails: {type(cause).__name__}: {cause}"
            ) from cause

    def _describe(self, name: str, point: EntryPoint | None = None) -> str:
        """Return noun, name and origin of a component."""
        if ":" in name:  # it names its module
            return f"the {KINDS[self.kind]} {name!r}"
        provider = self.origin(name) if point is None else origin(point)
        return f"the {KINDS[self.kind]} {name!r} of {provider}"

    def _is_foreign(self, name: str) -> bool:
        """Whether a component is neither ours nor defined in this session."""
        if name in self._registered:
            return False
        return _distribution(self._point(name)) != _OWN_DISTRIBUTION

    def _point(self, name: str) -> EntryPoint:
        """Return the entry point of a name, or ``module:attribute`` as one."""
        if ":" not in name or self.kind != "models":
            return self._choose(name)
        allow_module(name)  # asking for it by name allows it, also in worker processes
        # The module may be in the current directory.
        if os.getcwd() not in sys.path and "" not in sys.path:
            sys.path.append(os.getcwd())
        return EntryPoint(name, name, f"keras_qd.{self.kind}")

    def origin(self, name: str) -> str:
        """Return the distribution and version that provides `name`, importing nothing."""
        if name in self._registered:
            return THIS_SESSION
        return origin(self._point(name))

    def origins(self) -> dict[str, str]:
        """Return the origin of every component by name, importing nothing."""
        points: dict[str, list[EntryPoint]] = {}
        for point in self._points():
            points.setdefault(point.name, []).append(point)
        found = {name: origin(self._choose(name, points[name])) for name in sorted(points)}
        return dict(sorted({**found, **dict.fromkeys(self._registered, THIS_SESSION)}.items()))

    def locations(self) -> dict[str, tuple[str, str]]:
        """Return module and attribute of every installed component by name, importing nothing."""
        found = {}
        for name in self.names():
            if name not in self._registered:
                module, _, attribute = self._choose(name).value.partition("[")[0].partition(":")
                found[name] = (module.strip(), attribute.strip())
        return found

    def load_all(self) -> dict[str, Any]:
        """Import every component; warn about broken ones and leave them out."""
        loaded = {}
        for message in self.misnamed():
            warnings.warn(message, PluginWarning, stacklevel=2)
        for name in self.names():
            try:
                loaded[name] = self._checked(name)
            except PluginError as error:
                warnings.warn(str(error), PluginWarning, stacklevel=2)
        return loaded

    def misnamed(self) -> list[str]:
        """Return one message for each entry point whose name is not valid; it cannot be used."""
        points = self._scan(f"keras_qd.{self.kind}")
        wrong = [point for point in points if not is_component_name(point.name)]
        return sorted({_misnamed(KINDS[self.kind], point) for point in wrong})

    def _checked(self, name: str) -> Any:
        """Import a component, and check it as far as that takes no settings."""
        if self.kind in _BASES:
            return self.get_class(name)
        return self.make(name) if self.kind in _WITHOUT_SETTINGS else self.get(name)

    def _points(self) -> list[EntryPoint]:
        points = self._scan(f"keras_qd.{self.kind}")
        return [point for point in points if is_component_name(point.name)]

    def _choose(self, name: str, points: list[EntryPoint] | None = None) -> EntryPoint:
        """Return the entry point of one name, out of `points` or of all."""
        points = self._points() if points is None else points
        claims = {origin(point): point for point in points if point.name == name}
        if not claims:
            for point in self._scan(f"keras_qd.{self.kind}"):
                if point.name == name:
                    raise PluginError(_misnamed(KINDS[self.kind], point))
            raise UnknownNameError(KINDS[self.kind], name, self.names())
        if len(claims) == 1:
            return next(iter(claims.values()))
        return self._settle(name, claims)

    def _settle(self, name: str, claims: dict[str, EntryPoint]) -> EntryPoint:
        """Decide between distributions that claim one name: only keras-qd may win."""
        what = f"the {KINDS[self.kind]} {name!r}"
        own = [key for key, point in claims.items() if _distribution(point) == _OWN_DISTRIBUTION]
        if not own:
            raise PluginError(
                f"{what} is claimed by {' and '.join(sorted(claims))}; uninstall one of them"
            )
        others = ", ".join(sorted(set(claims) - set(own)))
        warnings.warn(
            f"{what} of {others} is hidden by that of keras-qd; rename it",
            PluginWarning,
            stacklevel=4,
        )
        return claims[own[0]]


def _load(point: EntryPoint, what: str) -> Any:
    """Import an entry point; whatever that raises becomes a PluginError that says what it is."""
    with _watched(what, imported=point.module in sys.modules) as stopped_by_user:
        try:
            return point.load()
        except (Exception, SystemExit, KeyboardInterrupt) as cause:
            if isinstance(cause, KeyboardInterrupt) and stopped_by_user():
                raise KeyboardInterrupt(f"while importing {what}") from cause
            raise PluginError(
                f"{what} cannot be imported: {type(cause).__name__}: {cause}"
            ) from cause


@contextmanager
def _watched(what: str, imported: bool) -> Iterator[Callable[[], bool]]:
    """Report an import that takes long; yield a function that returns whether Ctrl-C stopped it."""
    if imported:
        yield lambda: True
        return
    pressed = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        pressed.set()
        raise KeyboardInterrupt

    notice = f"importing {what} takes long: {SLOW_IMPORT:g} s so far; Ctrl-C stops it"
    timer = threading.Timer(SLOW_IMPORT, _LOGGER.warning, (notice,))
    timer.daemon = True
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    ours = in_main and handler is signal.default_int_handler
    # In the background Ctrl-C is ignored, so nobody has pressed it.
    foreign = in_main and not ours and handler is not signal.SIG_IGN
    timer.start()
    if ours:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield lambda: pressed.is_set() or foreign
    finally:
        timer.cancel()
        if ours and signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


#: Environment variable with modules of models, separated by commas, that files may name.
ALLOW = "KERAS_QD_ALLOW"


def allow_module(name: str) -> None:
    """Let files name the module of ``module:attribute``, in this process and those it starts."""
    module = name.partition(":")[0]
    if module not in _allowed():
        os.environ[ALLOW] = ",".join([*_allowed(), module])


def check_modules(names: Iterable[str], source: Path) -> None:
    """Raise a PluginError if a file names a module to import that nobody has allowed."""
    # A file from somebody else must not choose which code is run.
    for name in names:
        module = name.partition(":")[0]
        if ":" in name and module not in _allowed():
            raise PluginError(
                f"{source} names code outside of plug-ins, {name!r}; if you trust it, allow it "
                f"with: {ALLOW}={module}"
            )


def _allowed() -> list[str]:
    return [each for each in os.environ.get(ALLOW, "").split(",") if each]


def _imported(path: str) -> Any:
    """Import an object by ``module:name``."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def _short(value: Any) -> str:
    """Return a value in few words: classes and None by name, anything else by type."""
    if value is None or inspect.isclass(value):
        return repr(value)
    return f"a {type(value).__name__}"


def _misnamed(noun: str, point: EntryPoint) -> str:
    return (
        f"the {noun} {point.name!r} of {origin(point)} cannot be used: the name of an entry point "
        "must be lower-case words joined with hyphens, such as 'my-net'"
    )


def is_component_name(name: str) -> bool:
    """Whether `name` consists of lower-case words joined with hyphens."""
    return _NAME.fullmatch(name) is not None


def origin(point: EntryPoint) -> str:
    """Return ``"distribution version"`` of an entry point."""
    return " ".join(_release(point.dist))


def _distribution(point: EntryPoint) -> str:
    return _release(point.dist)[0]


@cache
def _release(dist: Distribution | None) -> tuple[str, ...]:
    """Return name and version of a distribution, which reads and parses its metadata."""
    return ("unknown",) if dist is None else (dist.name.lower().replace("_", "-"), dist.version)


def _installed_entry_points(group: str) -> list[EntryPoint]:
    return list(_scan(group, tuple(sys.path)))


@cache
def _scan(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group on the import path; reading the metadata takes 10 ms."""
    return tuple(entry_points(group=group))


@cache
def _registries() -> dict[str, Registry]:
    return {kind: Registry(kind) for kind in KINDS}
