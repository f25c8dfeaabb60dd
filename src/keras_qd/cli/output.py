"""What the verbs print: JSON, tables, numbers, and progress on standard error."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from keras_qd._checks import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from keras_qd.data.store.writer import Progress as Counter
    from keras_qd.training.callbacks import Report


def echo(message: str = "", err: bool = False, nl: bool = True) -> None:
    """Print a message; characters of names in it that a terminal acts upon are escaped."""
    click.echo(printable(message), err=err, nl=nl)


def print_next(*commands: Sequence[Any]) -> None:
    """Print commands to run next, as a shell takes them."""
    echo("\nnext:")
    for words in commands:
        echo(f"  {shlex.join(map(str, words))}")


def print_json(value: Any) -> None:
    """Print `value` as JSON."""
    click.echo(json.dumps(value, indent=2, default=str))


def print_table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> None:
    """Print `rows` in aligned columns, the header underlined."""
    lines = [list(map(str, row)) for row in ([header] if header else []) + list(rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    if header:
        lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        echo("  ".join(map(str.ljust, line, widths)).rstrip())


def describe(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a mapping as rows for :func:`print_table`."""
    return [
        (key, value if isinstance(value, str) else json.dumps(value, default=str))
        for key, value in values.items()
    ]


def format_number(value: float, digits: int = 4) -> str:
    """Return `value` with `digits` significant digits, in scientific notation where necessary."""
    return f"{value:.{digits}g}" if math.isfinite(value) else str(value)


def format_bytes(count: int) -> str:
    """Return a size with its unit."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"


def format_seconds(seconds: float) -> str:
    """Return a duration with its units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@contextmanager
def counting(description: str, unit: str) -> Iterator[Counter]:
    """Yield ``count(done, total)``, which shows a bar with the rate in `unit` and the time left."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate)
    progress = Progress(*columns, TimeLeft(), console=Console(stderr=True))
    bar = progress.add_task(escape(printable(description)), total=None, rate="")
    with _stopping(progress):

        def count(done: int, total: int) -> None:
            progress.start()
            speed = progress.tasks[bar].speed
            rate = f"{speed:.0f} {unit}/s" if speed else ""
            progress.update(bar, completed=done, total=total, rate=rate)

        yield count


@contextmanager
def training_progress() -> Iterator[Report]:
    """Yield ``report(epoch, epochs, batch, batches, logs)``: a bar, and a line for each epoch."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    progress = Progress(*columns, Elapsed(), TimeLeft(), console=console)
    bar = progress.add_task("training", total=None)
    with _stopping(progress):

        def report(
            epoch: int, epochs: int, batch: int, batches: int, logs: dict[str, float]
        ) -> None:
            progress.start()
            title = f"epoch {epoch + 1}/{epochs}"
            done, total = epoch * batches + batch, epochs * batches
            progress.update(bar, description=title, completed=done, total=total)
            if logs:
                console.print(f"{title}  {_line(logs)}")

        yield report


@contextmanager
def _stopping(progress: Progress) -> Iterator[None]:
    """Stop the bar at the end; it starts with the first report, so refused work shows none."""
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
