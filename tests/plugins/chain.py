"""Every verb on the tasks of installed plug-ins, in one process: run in their environment.

Called with a JSON list of objects, the arguments of `chain`, and perhaps a folder of tests that
have to pass first. Prints what the verbs have printed, as a JSON list on the last line.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np


def call(*words):
    """Run a verb; return its exit code and what it printed."""
    from keras_qd.cli.main import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            return stop.code, out.getvalue()


def succeed(*words):
    """Run a verb that has to succeed; return what it printed as JSON."""
    code, printed = call(*words, "--json")
    if code != 0:
        sys.exit(f"{words[0]} ended with exit code {code}")
    return json.loads(printed)


def interrupted(*words):
    """Run a training that is stopped after its first epoch, as by Ctrl-C."""
    from keras_qd.training.callbacks import Checkpoints

    complete = Checkpoints.on_epoch_end

    def stop(self, epoch, logs=None):
        complete(self, epoch, logs)
        raise KeyboardInterrupt

    Checkpoints.on_epoch_end = stop
    try:
        return call(*words)[0]
    finally:
        Checkpoints.on_epoch_end = complete


def chain(task, generated, settings, export, folder, callbacks=()):
    """Run all verbs on a task, with data of `generated` if there is any; return their output."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    run, store = folder / "run", folder / "data.zarr"
    source = []
    if generated:
        succeed("generate", *generated, "--workers", 1, "--out", store)
        source = ["--data", store]
    changes = [word for each in settings for word in ("--set", each)]
    watched = [word for each in callbacks for word in ("--callback", each)]
    arguments = ["train", task, *source, "--out", run, "--epochs", 2, *changes, *watched]
    found = {"interrupted": interrupted(*arguments)}
    found["resumed"] = succeed("train", "--resume", run)
    if not generated:  # training has done both; of maps, the figures take longest of all
        found["evaluated"] = succeed("evaluate", run, "--split", "validation")
        found["report"] = succeed("report", run)
    found["predicted"] = predict(run, folder)
    if export:
        succeed("export", run, "--format", export, "--out", folder / "exported")
    if generated:
        search = ["--trials", 1, "--out", folder / "search"]
        found["tuned"] = succeed("tune", task, *source, "--epochs", 1, *changes, *search)
    return found


def predict(run, folder):
    """Apply the model to the test split from a file; return shapes of what it wrote."""
    from keras_qd.training.run import Run

    opened = Run.open(run)
    split = opened.load_dataset().split("test")
    np.savez(folder / "input.npz", **{name: split[name][:4] for name in opened.task.inputs})
    succeed("predict", run, folder / "input.npz", "--out", folder / "found.npz")
    with np.load(folder / "found.npz") as written:
        return {name: list(written[name].shape) for name in written.files}


if __name__ == "__main__":
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from keras_qd.evaluation import cost
    from keras_qd.report.figures import style

    # As in tests/wells.py: costs are measured for a moment, figures drawn without care; and no PDF.
    cost.times_in_turn.__kwdefaults__["budget"] = 0.05
    ConstrainedLayoutEngine.execute = lambda *_: None
    style.DPI = 50
    del style.DATELESS["pdf"]
    if sys.argv[2:]:
        import pytest

        if code := pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[2:]]):
            sys.exit(code)
    print(json.dumps([chain(**each) for each in json.loads(sys.argv[1])]))
