"""Which Keras backend runs, decided before keras is imported.

The order of decisions: an explicit choice (``use_backend`` or ``--backend``), the environment
variable ``KERAS_BACKEND``, the user's ``keras.json``, and last an installed backend in the order of
:data:`PREFERENCE`. If that is JAX, compiled programs are kept on disk: :data:`CACHE_VARIABLE`.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from keras_qd.errors import BackendError, UnknownNameError

#: Order in which an installed backend is chosen by default. JAX is installed by default, so another
#: installed backend was chosen on purpose.
PREFERENCE = ("tensorflow", "torch", "jax")

#: Directory for what JAX has compiled, in place of one in the user's cache directory; ``0``: none.
CACHE_VARIABLE = "KERAS_QD_JAX_CACHE"

#: Settings of JAX, by the names of their environment variables. With a limit of the size, here one
#: GB, JAX locks the directory, so that several processes can share it.
_CACHE_SETTINGS = {
    "JAX_COMPILATION_CACHE_MAX_SIZE": 10**9,
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": 0.1,
}


def installed_backends() -> list[str]:
    """Return the backends that can be imported, in the order of :data:`PREFERENCE`.

    Returns
    -------
    list of str
        A subset of ``"tensorflow"``, ``"torch"`` and ``"jax"``. None of them is imported.

    Examples
    --------
    >>> "keras" in installed_backends(), len(installed_backends()) > 0
    (False, True)
    """
    return [name for name in PREFERENCE if find_spec(name) is not None]


def use_backend(name: str) -> None:
    """Choose the Keras backend of this process.

    Parameters
    ----------
    name : str
        ``"tensorflow"``, ``"torch"`` or ``"jax"``.

    Raises
    ------
    UnknownNameError
        If there is no such backend.
    BackendError
        If it is not installed, or if keras already runs on another one.

    Examples
    --------
    >>> use_backend("theano")
    Traceback (most recent call last):
    keras_qd.errors.UnknownNameError: unknown backend 'theano'; Known: jax, tensorflow, torch
    """
    if name not in PREFERENCE:
        raise UnknownNameError("backend", name, PREFERENCE)
    if find_spec(name) is None:
        raise BackendError(
            f"the backend {name!r} is not installed; run: pip install 'keras-qd[{name}]'"
        )
    running = _running_backend()
    if running is not None and running != name:
        raise BackendError(
            f"keras already runs on {running!r}; choose {name!r} before keras is imported, "
            f"for example with KERAS_BACKEND={name}"
        )
    os.environ["KERAS_BACKEND"] = name
    _keep_compiled(name)


def prefer_installed_backend() -> None:
    """Let keras find an installed backend where neither the user nor ``keras.json`` chose one.

    This sets ``KERAS_BACKEND``, and imports nothing. It runs when keras_qd is imported, so that
    keras, imported later, does not look for a backend that is not installed.

    Examples
    --------
    >>> prefer_installed_backend()
    >>> os.environ["KERAS_BACKEND"] in installed_backends()
    True
    """
    chosen = _running_backend() or os.environ.get("KERAS_BACKEND") or _configured_backend()
    installed = installed_backends()
    if not chosen and installed:
        chosen = os.environ["KERAS_BACKEND"] = installed[0]
    _keep_compiled(chosen)


def ensure_backend() -> str:
    """Make sure that keras has a backend to run on, and return its name.

    Returns
    -------
    str
        ``"tensorflow"``, ``"torch"``, ``"jax"``, or another one that the user has chosen for keras.

    Raises
    ------
    BackendError
        If no backend is installed, or the chosen one is not.

    Examples
    --------
    >>> ensure_backend() in installed_backends()
    True
    """
    prefer_installed_backend()
    chosen = _running_backend() or os.environ.get("KERAS_BACKEND") or _configured_backend()
    if chosen is None:
        raise BackendError("no Keras backend is installed; run: pip install 'keras-qd[jax]'")
    if chosen in PREFERENCE and find_spec(chosen) is None:
        raise BackendError(
            f"keras is set to run on {chosen!r}, which is not installed; run: "
            f"pip install 'keras-qd[{chosen}]', or set KERAS_BACKEND to one of: "
            f"{', '.join(installed_backends()) or 'none is installed'}"
        )
    return chosen


def _keep_compiled(backend: str | None) -> None:
    """Let JAX keep what it compiles on disk, unless a cache is chosen or switched off already."""
    variable = "JAX_COMPILATION_CACHE_DIR"
    chosen = os.environ.get(CACHE_VARIABLE, "")
    if backend != "jax" or chosen == "0" or variable in os.environ:
        return
    folder = Path(chosen) if chosen else platformdirs.user_cache_path("keras-qd") / "jax"
    # Code for one kind of processor may crash another, which shares the home directory.
    folder = folder / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home directory that cannot be written: compile anew each time
        return
    settings = {variable: str(folder), **_CACHE_SETTINGS}
    jax = sys.modules.get("jax")
    for name, value in settings.items():
        os.environ.setdefault(name, str(value))
        if jax is not None:  # it reads the environment once
            jax.config.update(name.lower(), value)


def _processor() -> str:
    """Return a short digest of the kind of processor and its instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    kind = " ".join((platform.machine(), platform.processor(), flags))
    return hashlib.sha256(kind.encode()).hexdigest()[:12]


def _running_backend() -> str | None:
    """Return the backend of an imported keras, or None while keras is not imported."""
    keras = sys.modules.get("keras")
    config = getattr(keras, "config", None)
    return str(config.backend()) if config is not None else None


def _configured_backend() -> str | None:
    """Return the backend named in the user's ``keras.json``, if it is installed."""
    # Keras writes that file when first imported, with "tensorflow" whether or not it is installed,
    # so a backend that is not installed is not a choice of the user.
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        settings = json.loads((Path(home) / "keras.json").read_text(encoding="utf-8"))
        name = settings["backend"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return name if name in installed_backends() else None
