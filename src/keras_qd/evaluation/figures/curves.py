"""Learning curves: every column of a run's history over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from keras_qd.errors import UsageError
from keras_qd.evaluation.figures.labels import words

#: Columns that count or time rather than measure.
_NOT_CURVES = ("epoch", "seconds", "learning_rate", "time")
_VALIDATION = "val_"
_LOSS = "_loss"
_FIRST = ("generator_loss", "discriminator_loss")
_N_COLUMNS = 3


def curve_names(history: Mapping[str, Sequence[float]]) -> list[str]:
    """Return what there are curves of: losses first, then metrics, without the ``val_`` twins.

    Parameters
    ----------
    history : mapping of str to sequence of float
        Column -> one value an epoch.

    Examples
    --------
    >>> curve_names({"epoch": [0], "l1": [1.0], "val_l1": [1.1], "loss": [2.0]})
    ['loss', 'l1']
    """
    columns = [name for name in history if name not in _NOT_CURVES]
    names = dict.fromkeys(name.removeprefix(_VALIDATION) for name in columns)
    # An adversarial model's "loss" is its generator's: one panel is enough for both.
    if "loss" in names and history.get("loss") == history.get(_FIRST[0]):
        del names["loss"]
    return sorted(names, key=_place)


def _place(name: str) -> tuple[int, bool]:
    """Return a key that puts the losses of generator and discriminator first, then other losses."""
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), "loss" not in name)


def curves_figure(
    history: Mapping[str, Sequence[float]], titles: Mapping[str, str] | None = None
) -> Figure:
    """Draw the losses and metrics over the epochs, one panel each.

    Parameters
    ----------
    history : mapping of str to sequence of float
        Column -> one value an epoch. A column ``val_NAME`` shares the panel of ``NAME``.
    titles : mapping of str to str, optional
        Column -> its name for people, such as ``"R2"``; the column's own where it is missing. The
        loss ``NAME_loss`` goes by the name of ``NAME``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UsageError
        If there is nothing to draw.
    """
    names = curve_names(history)
    if not names:
        raise UsageError("the history holds no losses and no metrics")
    n_columns = min(_N_COLUMNS, len(names))
    n_rows = -(-len(names) // n_columns)
    figure = Figure(figsize=(3.1 * n_columns, 2.15 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        _draw(panel, name, history)
        panel.set_title(_title(name, titles or {}))
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    return figure


def _title(name: str, titles: Mapping[str, str]) -> str:
    """Return a column's name for people."""
    measure = name.removesuffix(_LOSS)
    if name not in titles and measure != name and measure in titles:
        return f"{titles[measure]} loss"
    return titles.get(name, words(name))


def _draw(panel: Axes, name: str, history: Mapping[str, Sequence[float]]) -> None:
    """Draw one quantity on the training and, where it is there, on the validation split."""
    curves = {"training": history.get(name), "validation": history.get(_VALIDATION + name)}
    drawn = {label: np.asarray(values) for label, values in curves.items() if values is not None}
    for label, values in drawn.items():
        # A curve of one point would be invisible.
        marker = "o" if len(values) == 1 else None
        colour = "C1" if label == "validation" else "C0"
        panel.plot(np.arange(1, len(values) + 1), values, marker=marker, color=colour, label=label)
    panel.set_xlabel("epoch")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.grid(visible=True)
    _scale(panel, np.concatenate(list(drawn.values())))
    if len(drawn) > 1:
        panel.legend()


def _scale(panel: Axes, values: np.ndarray) -> None:
    """Draw what falls over more than a decade on a logarithmic axis."""
    known = values[np.isfinite(values)]
    if known.size and known.min() > 0 and known.max() > 10 * known.min():
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        panel.yaxis.set_minor_formatter("{x:g}")
