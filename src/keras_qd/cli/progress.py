"""Progress of long work, on standard error, so that standard output stays for results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from keras_qd.cli.format import format_number

if TYPE_CHECKING:
    from keras_qd.data.store.writer import Progress as Counter
    from keras_qd.training.callbacks import Report


@contextmanager
def counting(description: str, unit: str) -> Iterator[Counter]:
    """Show a bar with rate and time left.

    Parameters
    ----------
    description : str
        What is being done.
    unit : str
        What is counted, in the plural.

    Yields
    ------
    callable
        ``count(done, total)``.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True))
    bar = progress.add_task(description, total=None, rate="")
    with _stopping(progress):

        def count(done: int, total: int) -> None:
            progress.start()
            speed = progress.tasks[bar].speed
            rate = f"{speed:.0f} {unit}/s" if speed else ""
            progress.update(bar, completed=done, total=total, rate=rate)

        yield count


@contextmanager
def training_progress() -> Iterator[Report]:
    """Show a bar over the batches of all epochs, and a line of losses and metrics an epoch.

    Yields
    ------
    callable
        ``report(epoch, epochs, batch, batches, logs)``.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    progress = Progress(*columns, console=console)
    bar = progress.add_task("training", total=None)
    with _stopping(progress):

        def report(
            epoch: int, epochs: int, batch: int, batches: int, logs: dict[str, float]
        ) -> None:
            progress.start()
            progress.update(
                bar,
                description=f"epoch {epoch + 1}/{epochs}",
                completed=epoch * batches + batch,
                total=epochs * batches,
            )
            if logs:
                console.print(f"epoch {epoch + 1}/{epochs}  {_line(logs)}")

        yield report


@contextmanager
def _stopping(progress: Progress) -> Iterator[None]:
    """Stop the bar at the end. It starts with the first word: work refused at once shows none."""
    try:
        yield
    finally:
        if progress.live.is_started:
            progress.stop()


def _line(logs: dict[str, float]) -> str:
    """Return the training losses, and the metrics on the validation split, as one line."""
    losses = {key: value for key, value in logs.items() if key.endswith("_loss")}
    losses = {key: value for key, value in losses.items() if not key.startswith("val_")}
    shown = losses or {"loss": logs["loss"]}
    shown |= {key: logs[key] for key in logs if key.startswith("val_") and "loss" not in key}
    return "  ".join(f"{key} {format_number(value)}" for key, value in shown.items())
