"""A trained model that another training starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_qd.errors import UsageError
from keras_qd.registry import components
from keras_qd.tasks.pipeline import Pipeline
from keras_qd.tasks.task import Task
from keras_qd.training.run import Run
from keras_qd.weights import pretrained

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Start:
    """Network and scalings that a training starts from: those of a run, or pretrained ones."""

    name: str
    model: str
    model_config: Mapping[str, Any]
    pipeline: Pipeline
    network: keras.Model

    @classmethod
    def of(cls, source: Run | str | Path) -> Start:
        """Load a finished run, or the pretrained network of a name that is not a directory."""
        known = components("pretrained").names()
        if isinstance(source, Run) or (str(source) not in known or Path(source).exists()):
            run = source if isinstance(source, Run) else Run.open(source)
            task = run.task
            network = run.load_model().network
            return cls(str(run.path), task.model, task.model_config, run.pipeline, network)
        found = pretrained(str(source))
        card = found.card
        return cls(str(source), card["model"], card["model_config"], found.pipeline, found.network)

    def adapted(self, task: Task) -> Task:
        """Return a task with this network, or raise unless it maps the same fields."""
        ours = tuple(self.pipeline.inputs), tuple(self.pipeline.targets)
        if (tuple(task.inputs), tuple(task.targets)) != ours:
            raise UsageError(
                f"{self.name} maps {', '.join(ours[0])} to {', '.join(ours[1])}, but task "
                f"{task.name!r} maps {', '.join(task.inputs)} to {', '.join(task.targets)}; choose "
                "a task with the same fields"
            )
        return task.replace(model=self.model, model_config=dict(self.model_config))

    def copy_to(self, model: keras.Model) -> None:
        """Put the weights into a model, or raise where it has others."""
        values = self.network.get_weights()
        if [each.shape for each in values] != [tuple(each.shape) for each in model.weights]:
            raise UsageError(
                f"the network of {self.name} has other weights than the model of the task; leave "
                "out changes to the model's settings, and train on data of the same grid"
            )
        model.set_weights(values)
