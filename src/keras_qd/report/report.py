"""The report of a run: its figures as files, and one self-contained HTML file."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jinja2

import keras_qd
from keras_qd import registry
from keras_qd._files import write_bytes, write_text
from keras_qd.errors import RunError
from keras_qd.evaluation._evaluate import evaluate
from keras_qd.evaluation.result import Evaluation, label_error
from keras_qd.evaluation.tables import rank_runs
from keras_qd.report.elements import (
    ReportFigure,
    Section,
    embed,
    embed_animation,
    format_interval,
    format_number,
    sentence,
)
from keras_qd.report.figures.style import pretty, with_unit, words
from keras_qd.report.figures.training import curve_names, curves_figure
from keras_qd.report.sections import (
    classes_sections,
    decided_section,
    errors_section,
    evolution_section,
    fields_sections,
    numbers_sections,
    reconstruction_sections,
    uncertainty_section,
)
from keras_qd.training.run import REPORT, Run

_CURVES = (
    "After each epoch, on scaled values; during an epoch the weights change, so training values "
    "lag a little."
)


def write_figures(run: Run, evaluation: Evaluation) -> list[Path]:
    """Write the figures of a run as PNG, PDF and SVG.

    Parameters
    ----------
    run : Run
        The run, for its history and units.
    evaluation : Evaluation
        Its evaluation, for systems and errors.

    Returns
    -------
    list of Path
        The files, in ``figures`` of the evaluation's folder: ``learning_curves`` and those of the
        kind of target, such as ``systems``, ``errors_FIELD`` and ``dependence_FIELD``. Animations
        are GIF.

    Examples
    --------
    >>> from keras_qd.training import Run
    >>> run = Run.open("runs/first")  # doctest: +SKIP
    >>> write_figures(run, Evaluation.read(run.path))[0].name  # doctest: +SKIP
    'learning_curves.png'
    """
    return write_sections(sections(run, evaluation), evaluation.folder / "figures")


def write_sections(found: Iterable[Section], folder: Path) -> list[Path]:
    """Write the figures and animations of some sections into a folder, and return the files."""
    paths = []
    for section in found:
        files = {
            f"{figure.name}.{suffix}": content
            for figure in section.figures
            for suffix, content in figure.content.items()
        }
        files |= {f"{animation.name}.gif": animation.content for animation in section.animations}
        for name, content in files.items():
            paths.append(folder / name)
            write_bytes(paths[-1], content)
    return paths


def sections(run: Run, evaluation: Evaluation) -> Iterator[Section]:
    """Yield the sections of the report that have figures, each if there is something to draw."""
    yield from classes_sections(evaluation)
    yield from reconstruction_sections(evaluation)
    restored = [name for name in evaluation.fields if f"{name}/original" in evaluation.kept]
    yield from fields_sections(run, evaluation, without=restored)
    yield from numbers_sections(run, evaluation)
    yield from errors_section(run, evaluation)
    yield from decided_section(run, evaluation)
    yield from uncertainty_section(run)
    history = readable_history(run)
    if curve_names(history):
        titles = {score.metric: score.title for score in evaluation.scores}
        titles |= {
            score.column: f"{score.title} of {words(score.field)}" for score in evaluation.scores
        }
        figure = ReportFigure(
            "learning_curves",
            partial(curves_figure, history, titles),
            "Learning curves: losses and metrics over the epochs",
        )
        yield Section("Learning curves", _CURVES, (figure,))
    yield from evolution_section(run)


def readable_history(run: Run) -> dict[str, list[float]]:
    """Return the columns of a run's history; empty without one."""
    try:
        return run.history()
    except RunError:
        return {}


def describe_run(run: Run) -> dict[str, Any]:
    """Return name, task, settings, data, environment, packages and commands of a run, as text."""
    config = run.config
    task = config["task"]
    return {
        "name": run.path.resolve().name,
        "title": _title(task),
        "task": task,
        "facts": _facts(run),
        "settings": _settings(task),
        "data": _data(config["data"]),
        "environment": _machine(run.environment),
        "packages": run.environment["packages"],
        "commands": _commands(run),
    }


def _title(task: Mapping[str, Any]) -> str:
    """Return what the model does, in words."""
    text = task["description"] or task["name"].replace("-", " ")
    return f"{text[:1].upper()}{text[1:]}"


def _facts(run: Run) -> dict[str, str]:
    """Return input, target, model, data and training of a run in a few words."""
    config, task = run.config, run.config["task"]
    samples = config["samples"]
    facts = {
        "input": _describe_fields(task["inputs"], config["fields"]),
        "target": _describe_fields(task["targets"], config["fields"]),
        "model": task["model"],
        "data set": task["dataset"],
        "data digest": str(config["data"].get("digest", "unknown")),
        "systems": ", ".join(f"{count} {split}" for split, count in samples.items()),
        "seed": str(config["seed"]),
    }
    try:
        history = run.history()
    except RunError:
        return facts
    epochs = len(next(iter(history.values()), []))
    facts["training"] = f"{epochs} epochs, batches of {task['batch_size']}"
    if "seconds" in history:
        facts["training"] += f", {sum(history['seconds']):.0f} s"
    return facts


def _describe_fields(names: list[str], fields: Mapping[str, Mapping[str, str]]) -> str:
    """Return fields by name, with meaning and unit."""
    described = []
    for name in names:
        meaning = fields[name]["meaning"]
        label = with_unit(words(name), fields[name]["unit"])
        described.append(f"{label}: {meaning}" if meaning else label)
    return "; ".join(described)


def _without_adversary(run: Run) -> list[str]:
    """Return the commands that train the generator alone, and show it in the report of a run."""
    task = run.config["task"]
    alone = getattr(registry.components("models").get(task["model"]), "generator_alone", None)
    if alone is None:
        return []
    accepted = inspect.signature(alone).parameters
    kept = {name: value for name, value in task["model_config"].items() if name in accepted}
    out = run.path.with_name(f"{run.path.name}-{alone.__name__}")
    settings = [part for item in kept.items() for part in ("--set", "model.{}={}".format(*item))]
    training = ["keras-qd", "train", "--config", run.config_path, "--model", alone.__name__]
    return [
        shlex.join(map(str, [*training, *settings, "--out", out])),
        shlex.join(map(str, ["keras-qd", "report", run.path, "--beside", out])),
    ]


def _settings(task: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of the task that are not among the facts."""
    shown = ("name", "description", "inputs", "targets", "model", "dataset")
    return {key: _format(value) for key, value in task.items() if key not in shown}


def _data(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of the data set, without its path on this machine."""
    configuration = metadata.get("configuration", {})
    rest = {
        key: value
        for key, value in metadata.items()
        if key not in ("path", "configuration", "digest")
    }
    return {key: _format(value) for key, value in {**configuration, **rest}.items()}


def _machine(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment without the packages."""
    return {key: _format(value) for key, value in environment.items() if key != "packages"}


def _format(value: Any) -> str:
    """Return a setting as text: "none" for None and empty ones."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_format(entry)}" for key, entry in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_format(entry) for entry in value) or "none"
    return "none" if value is None else str(value)


def _commands(run: Run) -> list[str]:
    """Return the commands that reproduce the run."""
    packages, backend = run.environment["packages"], run.config["backend"]
    pinned = [
        f"{name}=={packages[name]}" for name in ("keras-qd", "keras", backend) if name in packages
    ]
    return [
        f"pip install {' '.join(pinned)}",
        f"KERAS_BACKEND={backend} {run.config['command']}",
        f"keras-qd evaluate {shlex.quote(str(run.path))}",
        f"keras-qd report {shlex.quote(str(run.path))}",
    ]


#: Most bytes of an animation in the page, which people mail; a larger one is only in ``figures``.
_LARGEST_ANIMATION = 2 * 10**6


def write_report(run: Run | str | Path, beside: Sequence[Run | str | Path] = ()) -> Path:
    """Write the figures and ``report.html`` of a run.

    Parameters
    ----------
    run : Run or path
        A finished run, or its directory. It is evaluated first if it has no evaluation.
    beside : sequence of Run or path
        Other runs, whose scores on the same systems are listed beside its own.

    Returns
    -------
    Path
        The report: one self-contained file for light and dark screens, telephones and paper.

    Raises
    ------
    RunError
        If `run` has no trained model.
    DataError
        If its evaluation cannot be read.
    UsageError
        If a run of `beside` was evaluated on other systems.

    Examples
    --------
    >>> write_report("runs/first")  # doctest: +SKIP
    PosixPath('runs/first/report.html')
    """
    run = run if isinstance(run, Run) else Run.open(run)
    if not run.finished:
        run.load_model()  # raises: there is no trained model
    run.environment  # noqa: B018 - damaged files are refused before anything is drawn
    evaluation = _evaluation(run)
    others = [each if isinstance(each, Run) else Run.open(each) for each in beside]
    compared = _compared([run, *others])
    found = list(sections(run, evaluation))
    write_sections(found, evaluation.folder / "figures")
    path = run.path / REPORT
    write_text(path, render_report(run, evaluation, found, compared))
    return path


def _compared(runs: Sequence[Run]) -> list[tuple[Run, Evaluation]]:
    """Return runs with their evaluations on the same systems, best first; none of a single run."""
    if len(runs) < 2:
        return []
    by_path = {str(run.path): (run, _evaluation(run)) for run in runs}
    order = rank_runs({name: evaluation for name, (_, evaluation) in by_path.items()})
    return [by_path[name] for name in order]


def render_report(
    run: Run,
    evaluation: Evaluation,
    found: Iterable[Section] | None = None,
    compared: Sequence[tuple[Run, Evaluation]] = (),
) -> str:
    """Return the report as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_qd.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=format_number, interval=format_interval, unit=pretty, words=words, sentence=sentence
    )
    headlines = evaluation.headlines
    return environment.get_template("report.html.j2").render(
        evaluation=evaluation,
        headlines=headlines,
        labels={each.field: label_error(each, evaluation) for each in headlines},
        others=list(_other_evaluations(run)),
        compared=compared,
        without_adversary=_without_adversary(run) if evaluation.data.get("adversary") else [],
        sections=[
            (
                section,
                [embed(each) for each in section.figures],
                [
                    embed_animation(each)
                    for each in section.animations
                    if len(each.content) < _LARGEST_ANIMATION
                ],
            )
            for section in (sections(run, evaluation) if found is None else found)
        ],
        version=keras_qd.__version__,
        **describe_run(run),
    )


def _evaluation(run: Run) -> Evaluation:
    """Return the evaluation on the test split; evaluate the run if it has none."""
    try:
        return Evaluation.read(run.path)
    except RunError:
        return evaluate(run)


def _other_evaluations(run: Run) -> Iterator[Evaluation]:
    """Yield the evaluations on other splits and on other data."""
    for path in sorted((run.path / "evaluations").glob("*/metrics.json")):
        yield Evaluation.read(path.parent)
