"""Figures of a training: learning curves, and predictions of fixed systems over the epochs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from keras_qd.errors import UsageError
from keras_qd.report.figures.style import LIGHT, field_colours, figure_style, words
from keras_qd.training.snapshots import Snapshots

#: Columns that count or time rather than measure.
_NOT_CURVES = ("epoch", "seconds", "learning_rate", "time")
_VALIDATION = "val_"
_LOSS = "_loss"
_FIRST = ("generator_loss", "discriminator_loss")
_N_COLUMNS = 3


def curve_names(history: Mapping[str, Sequence[float]]) -> list[str]:
    """Return what there are curves of: losses first, then metrics, without the ``val_`` twins."""
    columns = [name for name in history if name not in _NOT_CURVES]
    names = dict.fromkeys(name.removeprefix(_VALIDATION) for name in columns)
    # An adversarial model's "loss" is its generator's: one panel is enough for both.
    if "loss" in names and history.get("loss") == history.get(_FIRST[0]):
        del names["loss"]
    for name in list(names):
        twin = name.removesuffix(_LOSS)
        if twin != name and twin in history and _same(history, name, twin):
            del names[name]  # the L1 loss beside the followed L1
    return sorted(names, key=_rank)


def _same(history: Mapping[str, Sequence[float]], name: str, twin: str) -> bool:
    """Return whether two columns of the history hold one quantity, in training and validation."""
    pairs = [(history.get(prefix + name), history.get(prefix + twin)) for prefix in ("", "val_")]
    return all(
        a is not None and b is not None and np.allclose(a, b, rtol=1e-4, atol=0)
        for a, b in pairs
        if (a, b) != (None, None)
    )


def _rank(name: str) -> tuple[int, bool]:
    """Return a key that puts the losses of generator and discriminator first, then other losses."""
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), "loss" not in name)


def curves_figure(
    history: Mapping[str, Sequence[float]], titles: Mapping[str, str] | None = None
) -> Figure:
    """Draw the losses and metrics over the epochs, one panel each."""
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
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
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


Array = NDArray[Any]

#: Most epochs in a strip, and most systems in strip and animation.
_MOST_EPOCHS, _MOST_ROWS, _MOST_ANIMATED = 6, 3, 2
#: Inches of one panel of the strip and of the animation.
_SIDE, _ANIMATION_SIDE = 1.45, 1.9
#: Pixels per inch of the animation, milliseconds of a frame and of the last one, repetitions.
_DPI, _FRAME, _LAST, _LOOPS = 80, 400, 2500, 3


def strip_figure(snapshots: Snapshots, target: str) -> Figure:
    """Draw the predictions after some epochs, a row per system, with the exact field last."""
    epochs = _some(sorted(snapshots.predictions), _MOST_EPOCHS)
    exact = snapshots.targets[target][:_MOST_ROWS]
    figure = Figure(
        figsize=(_SIDE * (len(epochs) + 1) + 0.3, _SIDE * len(exact) + 0.3), layout="constrained"
    )
    panels = figure.subplots(len(exact), len(epochs) + 1, squeeze=False)
    for number, row in enumerate(panels):
        fields = [snapshots.predictions[epoch][target][number] for epoch in epochs]
        for panel, field in zip(row, [*fields, exact[number]], strict=True):
            _show(panel, field, exact[number])
        row[0].set_ylabel(f"system {snapshots.indices[number]}")
    for panel, epoch in zip(panels[0], epochs, strict=False):
        panel.set_title(f"epoch {epoch}", loc="center")
    panels[0, -1].set_title(f"exact {words(target)}", loc="center")
    return figure


def animation(snapshots: Snapshots, target: str) -> bytes:
    """Return an animated GIF of the predictions, the exact fields, and their differences."""
    frames = list(_frames(snapshots, target))
    palette = _palette(snapshots.targets[target], frames[-1])
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    drawn[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=drawn[1:],
        duration=[_FRAME] * (len(drawn) - 1) + [_LAST],
        loop=_LOOPS,
        optimize=True,
    )
    return buffer.getvalue()


def _frames(snapshots: Snapshots, target: str) -> Iterator[Image.Image]:
    epochs = sorted(snapshots.predictions)
    exact = snapshots.targets[target][:_MOST_ANIMATED]
    if not epochs:
        raise UsageError("the snapshots hold no epoch")
    reach = _reach(snapshots, target, exact)
    with figure_style():
        figure = Figure(
            figsize=(3 * _ANIMATION_SIDE, _ANIMATION_SIDE * len(exact) + 0.35), layout="constrained"
        )
        panels = figure.subplots(len(exact), 3, squeeze=False)
        for epoch in epochs:
            predicted = snapshots.predictions[epoch][target]
            for row, one, other in zip(panels, exact, predicted, strict=False):
                for panel in row:
                    panel.clear()
                _show(row[0], other, one)
                _show(row[1], one, one)
                _show_difference(row[2], other - one, reach)
            titles = (f"after epoch {epoch}", "exact", "predicted − exact")
            for panel, title in zip(panels[0], titles, strict=True):
                panel.set_title(title, loc="left")
            yield _rendered(figure)
            # Finding the layout takes longer than drawing, and it stays the same.
            figure.set_layout_engine("none")


def _palette(exact: Array, frame: Image.Image) -> Image.Image:
    """Return the colours of an animation: those of its colour maps, of images the most frequent."""
    if exact.ndim == 4:
        return frame.quantize(256)
    shares = np.linspace(0, 1, 96)
    maps = [colormaps[name](shares) for name in (field_colours(exact)["cmap"], "PuOr_r")]
    plain = [to_rgba(colour) for colour in (LIGHT.ink, LIGHT.faint, LIGHT.ground, *LIGHT.series)]
    greys = np.repeat(np.linspace(0, 1, 32)[:, None], 4, axis=1)
    colours = np.concatenate([*maps, plain, greys])[:, :3]
    found = Image.new("P", (1, 1))
    found.putpalette(np.rint(255 * colours).astype(np.uint8).tobytes())
    return found


def _reach(snapshots: Snapshots, target: str, exact: Array) -> float:
    """Return one scale for the differences of all epochs, so that they can be seen to fade."""
    differences = [
        np.quantile(np.abs(each[target][: len(exact)] - exact), 0.99)
        for each in snapshots.predictions.values()
    ]
    return float(np.median(differences)) or 1.0


def _rendered(figure: Figure) -> Image.Image:
    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _show(panel: Axes, field: Array, exact: Array) -> None:
    """Show a map, an image or a profile on the scale of the exact one."""
    if field.ndim == 1:
        margin = 0.05 * float(np.ptp(exact)) or 0.5
        panel.plot(exact, color="C0", linewidth=2.5, alpha=0.35)
        panel.plot(field, color="C1", linewidth=1.2)
        panel.set_ylim(float(exact.min()) - margin, float(exact.max()) + margin)
    elif field.ndim == 3:
        _show_channels(panel, field, exact)
    else:
        panel.imshow(field, origin="lower", interpolation="nearest", **field_colours(exact))
    _bare(panel)


def _show_channels(panel: Axes, field: Array, exact: Array) -> None:
    low, high = float(exact.min()), float(exact.max())
    shares = np.clip((field - low) / ((high - low) or 1.0), 0.0, 1.0)
    grey = field.shape[-1] != 3
    panel.imshow(shares[..., 0] if grey else shares, cmap="gray" if grey else None, vmin=0, vmax=1)


def _show_difference(panel: Axes, difference: Array, reach: float) -> None:
    if difference.ndim == 1:
        panel.plot(difference, color="C2", linewidth=1.2)
        panel.set_ylim(-reach, reach)
    else:
        flat = difference.mean(axis=-1) if difference.ndim == 3 else difference
        panel.imshow(
            flat,
            origin="upper" if difference.ndim == 3 else "lower",
            interpolation="nearest",
            cmap="PuOr_r",
            vmin=-reach,
            vmax=reach,
        )
    _bare(panel)


def _bare(panel: Axes) -> None:
    panel.set_xticks([])
    panel.set_yticks([])


def _some(epochs: Sequence[int], most: int) -> list[int]:
    """Return the first, the last and some epochs between, which are spaced as the snapshots are."""
    if not epochs:
        raise UsageError("the snapshots hold no epoch")
    chosen = np.unique(np.rint(np.linspace(0, len(epochs) - 1, most)).astype(int))
    return [epochs[index] for index in chosen]
