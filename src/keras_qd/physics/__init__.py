"""Potentials, units and exact solvers: NumPy and SciPy only, no deep-learning framework.

Public names are imported when they are first asked for, so that ``from keras_qd import physics`` is cheap.
"""

from __future__ import annotations

from importlib import import_module

_MODULE_OF = {
    "Box": "box",
    "Interaction": "interactions",
    "Solution": "solution",
    "Solver": "solve",
    "solve": "solve",
}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
