"""Search for the settings that do best on the validation split."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_qd._checks import anything, parse_toml, read_json, table
from keras_qd._files import parse_json, write_json, write_synced
from keras_qd.errors import RunError, UsageError
from keras_qd.models.base import LEARNING_RATE
from keras_qd.registry import components
from keras_qd.tasks.pipeline import Pipeline
from keras_qd.tasks.task import Task
from keras_qd.training.callbacks import DivergenceError, higher_is_better
from keras_qd.training.fit import train

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from keras_qd.data.dataset import Dataset

    #: Name on the command line, such as ``model.filters`` or ``batch_size`` -> its values.
    Space = Mapping[str, BaseDistribution]

#: Number of trials before any is pruned, and of epochs of a trial before it is.
_TRIALS_FIRST, _EPOCHS_FIRST = 5, 1

#: States of trials that ended, unlike those of killed ones.
_ENDED = ("COMPLETE", "PRUNED")

#: Tables of a file that are mappings of a task; settings of the task itself come before them.
_TABLES = ("model", "dataset", "scaling")


@dataclass(frozen=True)
class Trial:
    """One training of a search: its best value, or None if pruned or diverged."""

    number: int
    settings: Mapping[str, Any]
    value: float | None
    epochs: int


#: Called after each trial with its number, the number of trials, and its outcome.
Report = Callable[[int, int, Trial], None]


def tune(
    task: Task,
    path: str | Path,
    trials: int,
    *,
    space: Space | None = None,
    dataset: Dataset | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> list[Trial]:
    """Search a space of settings with Optuna, or resume an interrupted search."""
    # Settings are drawn by a tree of Parzen estimators (doi:10.1145/3292500.3330701) from the seed
    # and the earlier trials, and a trial that is worse than the median of the others after an epoch
    # is pruned. A search that is killed and resumed ends like one that was never interrupted. The
    # directory holds tune.json, journal.log and the runs; `trials` includes those of earlier calls.
    optuna = require_optuna()
    path = Path(path)
    dataset = dataset if dataset is not None else task.load_dataset()
    pipeline = Pipeline.fit(task, dataset.split("train"), dataset.fields)
    task = task.replace(monitor=task.monitored(pipeline))
    space = space if space is not None else default_space(task, dataset)
    _claim(path, task, space, seed)
    study = _open_study(path, maximize=higher_is_better(task))
    while (number := len(_ended(study))) < trials:
        # Each trial has a seed of its own: draws do not depend on when the search was started.
        drawn = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        study.sampler = optuna.samplers.TPESampler(seed=drawn)
        trial = study.ask(dict(space))
        _run_trial(study, trial, task, dataset, path / f"trial-{number:04d}", seed)
        if report is not None:
            report(number, trials, _ended(study)[-1])
    return _ended(study)


def best_trial(task: Task, trials: list[Trial]) -> Trial:
    """Return the trial with the best value of the metric that the task monitors."""
    finished = [trial for trial in trials if trial.value is not None]
    if not finished:
        raise RunError("no trial was completed; search smaller learning rates, or more trials")
    sign = 1.0 if higher_is_better(task) else -1.0
    return max(finished, key=lambda trial: sign * float(trial.value or 0.0))


def read_space(path: Path) -> Space:
    """Read a search space from a TOML file: settings of the task, and tables such as [model]."""
    values = parse_toml(path)
    space: dict[str, BaseDistribution] = {}
    for key, value in values.items():
        if key in _TABLES and isinstance(value, dict):
            space |= {f"{key}.{name}": distribution(name, each) for name, each in value.items()}
        else:
            space[key] = distribution(key, value)
    if not space:
        raise UsageError(f"{path} names no setting to search")
    return space


def distribution(name: str, value: Any) -> BaseDistribution:
    """Return the Optuna distribution for a list of values, or for a mapping with bounds."""
    distributions = require_optuna().distributions
    if isinstance(value, (list, tuple)) and value:
        return distributions.CategoricalDistribution(tuple(value))
    if isinstance(value, Mapping) and {"low", "high"} <= set(value) <= {"low", "high", "log"}:
        whole = all(type(value[bound]) is int for bound in ("low", "high"))
        kind = distributions.IntDistribution if whole else distributions.FloatDistribution
        try:
            return kind(value["low"], value["high"], bool(value.get("log", False)))
        except (TypeError, ValueError) as cause:
            raise UsageError(f"{name} = {value!r} is not a range: {cause}") from cause
    raise UsageError(
        f"{name} = {value!r} is not a range: give a list of values, or "
        "{low = 1e-4, high = 1e-2, log = true}"
    )


def default_space(task: Task, dataset: Dataset) -> Space:
    """Return the search space of the task's model for the inputs of a data set."""
    builder = components("models").get(task.model)
    space = getattr(builder, "search_space", None)
    if space is None and "learning_rate" in inspect.signature(builder).parameters:
        space = {"learning_rate": LEARNING_RATE}
    if space is None:
        raise UsageError(
            f"the model {task.model!r} has no search space; name the settings to search (--space), "
            "or give it one with keras_qd.models.searches"
        )
    if callable(space):
        space = space(Pipeline.fit(task, dataset.split("train"), dataset.fields).input_shape)
    return {f"model.{name}": distribution(name, values) for name, values in space.items()}


def changes_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by their names on the command line as changes to a task."""
    changes: dict[str, Any] = {}
    for name, value in settings.items():
        table, dot, key = name.partition(".")
        if not dot:
            changes[table] = value
        else:
            mapping = table if table == "scaling" else f"{table}_config"
            changes.setdefault(mapping, {})[key] = value
    return changes


class Prune(keras.callbacks.Callback):
    """Report each epoch to Optuna, and stop the trial if it should be pruned."""

    def __init__(self, trial: Any, key: str) -> None:
        super().__init__()
        self._trial = trial
        self._key = key

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the value of this epoch."""
        self._trial.report(float((logs or {})[self._key]), epoch)
        if self._trial.should_prune():
            raise require_optuna().TrialPruned


def _run_trial(study: Any, trial: Any, task: Task, dataset: Dataset, path: Path, seed: int) -> None:
    """Train once with the settings of an Optuna trial, in a run directory of its own."""
    optuna = require_optuna()
    if path.exists():
        shutil.rmtree(path)  # left by a trial that was killed
    keras.backend.clear_session()
    key = f"val_{task.monitor}"
    try:
        run = train(
            task.replace(**changes_of(trial.params)),
            path,
            dataset=dataset,
            seed=seed,
            callbacks=[Prune(trial, key)],
            report=lambda *progress: None,
        )
    except (optuna.TrialPruned, DivergenceError):
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return
    values = run.history()[key]
    study.tell(trial, max(values) if higher_is_better(task) else min(values))


def require_optuna() -> Any:
    """Return the module, or raise an error that says how to install it."""
    try:
        import optuna
    except ImportError:
        raise UsageError(
            "tuning needs Optuna, which is not installed: pip install 'keras-qd[tune]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _open_study(path: Path, maximize: bool) -> Any:
    """Open the journal, and mark as failed what was running when the search was killed."""
    optuna = require_optuna()
    _check_journal(path)
    journal = optuna.storages.journal.JournalFileBackend(str(path / "journal.log"))
    try:
        study = optuna.create_study(
            storage=optuna.storages.JournalStorage(journal),
            study_name="tune",
            direction="maximize" if maximize else "minimize",
            pruner=optuna.pruners.MedianPruner(_TRIALS_FIRST, _EPOCHS_FIRST),
            load_if_exists=True,
        )
    except (OSError, MemoryError):
        raise
    except Exception as cause:  # Optuna checks nothing of what a line holds
        raise _damaged_journal(path, f"{type(cause).__name__}: {cause}") from cause
    for trial in study.get_trials(deepcopy=False):
        if not trial.state.is_finished():
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _check_journal(path: Path) -> None:
    """Check each line of the journal; a last one that was cut off by a power failure is dropped."""
    file = path / "journal.log"
    content = file.read_bytes() if file.exists() else b""
    if not content and next(path.glob("trial-*"), None) is not None:
        raise _damaged_journal(path, "it is missing or empty, though trials were made")
    lines = content.splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
        write_synced(file, b"".join(lines))
    for number, line in enumerate(lines, start=1):
        try:
            entry = parse_json(line)
        except ValueError as cause:
            raise _damaged_journal(path, f"line {number}: {cause}") from cause
        # The first operation creates the study.
        if not isinstance(entry, dict) or (number == 1 and entry.get("op_code") != 0):
            raise _damaged_journal(path, f"line {number} is not an operation of a search")


def _damaged_journal(path: Path, reason: str) -> RunError:
    return RunError(
        f"{path / 'journal.log'} is damaged: {reason}; restore it, or choose another directory"
    )


def _ended(study: Any) -> list[Trial]:
    """Return the trials that were completed or pruned, but not killed ones."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in _ENDED]
    return [
        Trial(
            number,
            dict(trial.params),
            trial.value if trial.state.name == "COMPLETE" else None,
            len(trial.intermediate_values),
        )
        for number, trial in enumerate(ended)
    ]


def _claim(path: Path, task: Task, space: Space, seed: int) -> None:
    """Write the description of the search, or check that the one at `path` is the same."""
    to_json = require_optuna().distributions.distribution_to_json
    ranges = {name: json.loads(to_json(values)) for name, values in space.items()}
    config = {"task": task.to_config(), "space": ranges, "seed": seed}
    config = json.loads(json.dumps(config))
    file = path / "tune.json"
    if not file.exists():
        if path.exists() and any(path.iterdir()):
            raise RunError(f"{path} is not a search directory; choose another one")
        write_json(file, config)
    elif read_json(file, table(anything), "restore it, or choose another directory") != config:
        raise RunError(
            f"{path} holds a search with another task, space or seed; give the same ones to resume "
            "it, or choose another directory"
        )
