"""What a model is worth, in words: the same in the terminal and in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_qd.evaluation.worth.worth import Worth


def rows(worth: Worth) -> list[tuple[str, str, str]]:
    """Return the times of solver and model, and how many times faster the model is.

    Parameters
    ----------
    worth : Worth
        What was measured.
    """
    model = worth.model
    return [
        ("exact solver", say_seconds(worth.solver_seconds), ""),
        ("model, one system at a time", say_seconds(model.single), say_ratio(worth.ratio)),
        (
            f"model, {model.batch_size} at a time",
            say_seconds(model.batched),
            say_ratio(worth.ratio_batched),
        ),
    ]


def verdict(worth: Worth) -> str:
    """Return in a few sentences when the model pays.

    Parameters
    ----------
    worth : Worth
        What was measured.
    """
    solver = f"The solver: {worth.solver}."
    if not worth.forward:
        solver += (
            " It goes from the potential to the density, for which a potential must be at hand: "
            "the model's way has no direct solver, and inverting a density takes many such steps."
        )
    return f"{solver} {_costs(worth)} {_pays(worth)}"


def _costs(worth: Worth) -> str:
    if worth.data_seconds is None or worth.training_seconds is None:
        what = "making the data" if worth.data_seconds is None else "the training"
        return f"How long {what} took is not known."
    return (
        f"Making the {worth.data_systems} systems of the data set takes "
        f"{say_seconds(worth.data_seconds)} in one process here, and the training took "
        f"{say_seconds(worth.training_seconds)} where it ran."
    )


def _pays(worth: Worth) -> str:
    if worth.ratio_batched <= 1:
        return "The solver is as fast: as a replacement of it, the model never pays."
    if worth.break_even_batched is None:
        return "When the model pays is not known, therefore."
    alone = "never" if worth.break_even is None else f"after {worth.break_even}"
    return (
        f"Both are paid for after {worth.break_even_batched} predictions in batches "
        f"(one at a time: {alone})."
    )


def say_ratio(ratio: float) -> str:
    """Return a ratio with two significant digits, but whole where it is large.

    Examples
    --------
    >>> say_ratio(0.1234), say_ratio(9.87), say_ratio(1234.5)
    ('0.12', '9.9', '1234')
    """
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.2g}"


def say_seconds(seconds: float) -> str:
    """Return a time with three significant digits, in the unit that suits it.

    Examples
    --------
    >>> say_seconds(0.0123), say_seconds(2.6e-5), say_seconds(93.4), say_seconds(7500)
    ('12.3 ms', '26 µs', '93.4 s', '2.08 h')
    """
    for factor, unit in ((1e6, "µs"), (1e3, "ms"), (1.0, "s"), (1 / 60, "min")):
        limit = 120 if unit in ("s", "min") else 1000
        if seconds * factor < limit:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds / 3600:.3g} h"
