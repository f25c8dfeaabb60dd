"""Search for the settings that do best on the validation split."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_qd._files import write_json
from keras_qd.errors import RunError, UsageError
from keras_qd.tasks.task import Task
from keras_qd.training.callbacks import DivergenceError, higher_is_better
from keras_qd.training.fit import train
from keras_qd.training.search_space import Space, default_space

if TYPE_CHECKING:
    from keras_qd.data.dataset import Dataset


#: Trials before which nothing is pruned, and epochs of a trial before which it is not.
_TRIALS_FIRST, _EPOCHS_FIRST = 5, 1

#: Told of each trial that has ended: its number, how many there shall be, what came of it.
Told = Callable[[int, int, "Trial"], None]


@dataclass(frozen=True)
class Trial:
    """One training of a search.

    Parameters
    ----------
    number : int
        From 0 on.
    settings : mapping
        Name on the command line -> value.
    value : float or None
        The best value of the metric on the validation split; None where the trial was pruned or
        its training diverged.
    epochs : int
        How many epochs it was trained.
    """

    number: int
    settings: Mapping[str, Any]
    value: float | None
    epochs: int


def tune(
    task: Task,
    path: str | Path,
    trials: int,
    *,
    space: Space | None = None,
    dataset: Dataset | None = None,
    seed: int = 0,
    told: Told | None = None,
) -> list[Trial]:
    """Search a space of settings with Optuna [1]_, or go on with a search that was stopped.

    Settings are drawn by a tree of Parzen estimators, from the seed and the trials before; a
    trial whose metric is worse at an epoch than the median of the others is given up. A search
    that is killed and gone on with ends as one that never stopped.

    Parameters
    ----------
    task : Task
        What is trained. Its ``monitor``, or else the first metric that it follows, is judged on
        the validation split, at the best epoch.
    path : str or Path
        Directory of the search: ``tune.json``, ``journal.log`` and the runs of the trials.
    trials : int
        How many there shall be in the end, those of an earlier call among them.
    space : Space, optional
        What to search, see :func:`~keras_qd.training.search_space.read_space`; by default what is
        usual for the model.
    dataset : Dataset, optional
        Used instead of loading the one that the task names.
    seed : int
        Of the search and of every training.
    told : callable, optional
        ``told(number, trials, trial)`` hears of each trial that has ended.

    Returns
    -------
    list of Trial
        All trials; :func:`best_trial` finds the best one.

    Raises
    ------
    UsageError
        If Optuna is not installed.
    RunError
        If there is another search at `path`.

    References
    ----------
    .. [1] Akiba, Sano, Yanase, Ohta, Koyama, 2019, doi:10.1145/3292500.3330701
    """
    optuna = _optuna()
    path = Path(path)
    dataset = dataset if dataset is not None else task.load_dataset()
    task = task.replace(monitor=task.monitor or (task.followed or ("loss",))[0])
    space = space if space is not None else default_space(task, _side(task, dataset))
    _claim(path, task, space, seed)
    study = _open_study(optuna, path, maximize=higher_is_better(task))
    while len(_ended(study)) < trials:
        number = len(_ended(study))
        _run_trial(optuna, study, task, space, dataset, path / f"trial-{number:04d}", seed)
        if told is not None:
            told(number, trials, _ended(study)[-1])
    return _ended(study)


def best_trial(task: Task, trials: list[Trial]) -> Trial:
    """Return the trial with the best value of the metric that the task monitors.

    Raises
    ------
    RunError
        If no trial came to its end.
    """
    finished = [trial for trial in trials if trial.value is not None]
    if not finished:
        raise RunError("no trial came to its end; search smaller learning rates, or more trials")
    sign = 1.0 if higher_is_better(task) else -1.0
    return max(finished, key=lambda trial: sign * float(trial.value or 0.0))


class Prune(keras.callbacks.Callback):
    """Tell Optuna of each epoch, and give the trial up where that is better.

    Parameters
    ----------
    optuna : module
    trial : optuna.Trial
    key : str
        What is judged, as the logs call it.
    """

    def __init__(self, optuna: Any, trial: Any, key: str) -> None:
        super().__init__()
        self._optuna = optuna
        self._trial = trial
        self._key = key

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the value of this epoch."""
        self._trial.report(float((logs or {})[self._key]), epoch)
        if self._trial.should_prune():
            raise self._optuna.TrialPruned


def _run_trial(
    optuna: Any, study: Any, task: Task, space: Space, dataset: Dataset, path: Path, seed: int
) -> None:
    """Train once with settings that Optuna draws, in a run directory of its own."""
    if path.exists():
        shutil.rmtree(path)  # of a trial that was killed
    # Its own seed for each trial, so that what is drawn does not depend on when the search began.
    number = len(_ended(study))
    drawn = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    study.sampler = optuna.samplers.TPESampler(seed=drawn)
    trial = study.ask()
    changes = changes_of({name: values.draw(trial, name) for name, values in space.items()})
    keras.backend.clear_session()
    watch = Prune(optuna, trial, f"val_{task.monitor}")
    try:
        run = train(
            task.replace(**changes),
            path,
            dataset=dataset,
            seed=seed,
            callbacks=[watch],
            report=_say_nothing,
        )
    except (optuna.TrialPruned, DivergenceError):
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return
    values = run.history()[f"val_{task.monitor}"]
    study.tell(trial, max(values) if higher_is_better(task) else min(values))


def changes_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by their names on the command line as changes to a task.

    Examples
    --------
    >>> changes_of({"model.filters": 8, "batch_size": 16})
    {'model_config': {'filters': 8}, 'batch_size': 16}
    """
    changes: dict[str, Any] = {}
    for name, value in settings.items():
        section, dot, key = name.partition(".")
        if not dot:
            changes[section] = value
        else:
            mapping = section if section == "scaling" else f"{section}_config"
            changes.setdefault(mapping, {})[key] = value
    return changes


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise UsageError(
            "a search needs Optuna, which is not installed: pip install 'keras-qd[tune]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _open_study(optuna: Any, path: Path, maximize: bool) -> Any:
    """Open the journal, and mark what was running when the search was killed."""
    journal = optuna.storages.journal.JournalFileBackend(str(path / "journal.log"))
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(journal),
        study_name="tune",
        direction="maximize" if maximize else "minimize",
        pruner=optuna.pruners.MedianPruner(_TRIALS_FIRST, _EPOCHS_FIRST),
        load_if_exists=True,
    )
    for trial in study.get_trials(deepcopy=False):
        if not trial.state.is_finished():
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _ended(study: Any) -> list[Trial]:
    """Return the trials that came to an end, one way or the other; killed ones did not."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in _ENDS]
    return [
        Trial(
            number,
            dict(trial.params),
            trial.value if trial.state.name == "COMPLETE" else None,
            len(trial.intermediate_values),
        )
        for number, trial in enumerate(ended)
    ]


_ENDS = ("COMPLETE", "PRUNED")


def _claim(path: Path, task: Task, space: Space, seed: int) -> None:
    """Write what is searched, or make sure that the search at `path` is this one."""
    config = {
        "task": task.to_config(),
        "space": {name: asdict(values) for name, values in space.items()},
        "seed": seed,
    }
    config = json.loads(json.dumps(config))
    file = path / "tune.json"
    if not file.exists():
        if path.exists() and any(path.iterdir()):
            raise RunError(f"{path} holds something else; choose another directory")
        write_json(file, config)
    elif json.loads(file.read_text(encoding="utf-8")) != config:
        raise RunError(
            f"{path} holds a search with another task, space or seed; give those again to go on "
            "with it, or choose another directory"
        )


def _side(task: Task, dataset: Dataset) -> int | None:
    """Return the shorter side of the task's images."""
    shape = dataset.fields[task.inputs[0]].shape
    return min(shape[:2]) if len(shape) >= 2 else None


def _say_nothing(*_: Any) -> None:
    """Stand for the report of a training's progress."""
