"""How results show themselves: figures, tables of a notebook, pandas and xarray.

A result knows its numbers; :mod:`keras_qd.report.plots` draws them, and is imported by the call.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from keras_qd.errors import UsageError


class Tabled:
    """Mixin of a result with a table for notebooks."""

    def _repr_html_(self) -> str:
        """Return the result as a table for notebooks."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(_text(value))}</td></tr>"
            for name, value in self._entries().items()
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"

    def _entries(self) -> Mapping[str, Any]:
        """Return the rows of the table for notebooks."""
        raise NotImplementedError


class Shown(Tabled):
    """Mixin of a result with a figure besides."""

    def plot(self, **options: Any) -> Any:
        """Draw the result with the figures of the report.

        Parameters
        ----------
        **options
            A solution takes ``potential`` to draw beside it, a data set ``split`` and
            ``n_samples``.

        Returns
        -------
        matplotlib.figure.Figure
            Shown by a notebook; ``savefig`` writes it into a file.
        """
        return plot(self, **options)


def plot(result: Any, **options: Any) -> Any:
    """Return the figure of a result."""
    # Drawing stands above what is drawn: by name, not as an import.
    return import_module("keras_qd.report.plots").plot(result, **options)


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def data_frame(columns: Mapping[str, Any], index: str | None = None) -> Any:
    """Return columns as a pandas data frame, one of them perhaps as its index."""
    frame = _require("pandas").DataFrame(dict(columns))
    return frame if index is None else frame.set_index(index)


def xarray_dataset(variables: Mapping[str, Any], **options: Any) -> Any:
    """Return arrays, each as ``(dims, values, attributes)``, as an xarray data set."""
    return _require("xarray").Dataset(dict(variables), **options)


def field_dimensions(name: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return names of the axes of one sample of a field: maps are (y, x), profiles (x)."""
    known = {0: (), 1: (f"{name}_x",), 2: ("y", "x")}
    axes = known.get(len(shape), tuple(f"{name}_{axis}" for axis in range(len(shape))))
    return tuple(axes)


def _require(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError as cause:
        raise UsageError(
            f"this needs {package}, which is not installed; run: pip install {package}"
        ) from cause
