"""Damaged run directories: whatever file is damaged in whatever way, one line says which and why.

Each case damages one file of a copy of a run and asks for what reads it. Exit code 1, one line that
names the file, nothing changed or left over, in bounded time and memory.
"""

import json
import shutil
import zipfile

import keras
import numpy as np
import pytest

import keras_qd
from tests.reliability import refuse
from tests.wells import make_task

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "torch", reason="the files of a run do not depend on the backend"
)

DEEP = 5000 * "[" + 5000 * "]"


def flipped(content, generator):
    """Return bytes with three bits flipped."""
    changed = bytearray(content)
    for position in generator.integers(0, len(content), 3):
        changed[position] ^= 1 << int(generator.integers(8))
    return bytes(changed)


def zeroed(content, generator):
    """Return bytes with a block of zeros, as a bad sector leaves it."""
    starts = range(len(content) // 2, len(content) - 64)
    start = next(each for each in starts if any(content[each : each + 64]))
    return content[:start] + bytes(64) + content[start + 64 :]


#: Name -> what is left of the content of a file.
WAYS = {
    "empty": lambda content, generator: b"",
    "half": lambda content, generator: content[: len(content) // 2],
    "short": lambda content, generator: content[:-3],
    "noise": lambda content, generator: generator.bytes(999),
    "text": lambda content, generator: b"not what it was\n",
    "deep": lambda content, generator: DEEP.encode(),
    "flipped": flipped,
    "zeros": zeroed,
}


def damage(path, how, generator):
    """Damage a file in one of the ways, or put something else in its place."""
    content = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "itself":
        path.symlink_to(path.name)
    elif how != "gone":
        path.write_bytes(WAYS[how](content, generator))


BINARY = ("empty", "half", "short", "noise", "text", "zeros", "folder", "itself")
TEXT = ("empty", "half", "noise", "text", "deep", "folder", "itself")

#: The file, the ways to damage it, and the verb that reads it.
FILES = [
    ("config.json", TEXT, "predict"),
    ("config.json", ("empty", "half", "deep"), "report"),
    ("config.json", ("empty", "half", "deep"), "evaluate"),
    ("config.json", ("empty", "half", "deep"), "resume"),
    ("config.json", ("gone",), "predict"),
    ("environment.json", (*TEXT, "gone"), "report"),
    ("history.csv", ("empty", "half", "noise", "text", "folder", "itself"), "report"),
    ("metrics.json", ("empty", "half", "noise", "text", "deep"), "report"),
    ("samples.csv", ("empty", "noise", "folder", "gone"), "report"),
    ("figures/data.npz", (*BINARY, "gone"), "report"),
    ("evolution/systems.npz", ("empty", "half", "noise", "zeros"), "report"),
    ("model.keras", (*BINARY, *6 * ("flipped",)), "predict"),
    ("model.keras", ("empty", "half", "zeros"), "evaluate"),
    ("checkpoints/last.npz", (*BINARY, *6 * ("flipped",), "gone"), "resume"),
    ("checkpoints/best.npz", ("gone",), "resume"),
]
CASES = [
    pytest.param(name, how, verb, seed, id=f"{name} {how} {verb} {seed}")
    for name, ways, verb in FILES
    for seed, how in enumerate(ways)
]

#: Entries of config.json, by their path, and values that they cannot have.
ENTRIES = {
    "task": [None, 3, [], {}, {"nope": 1}],
    "task.epochs": [0, "x", None, [1], 1.5],
    "task.inputs": [[], 3, None],
    "task.model": [3, None],
    "task.scaling": [3, {"nothing": "max"}],
    "pipeline": [None, [], {}],
    "pipeline.inputs": [{}, 3, {"potential": "x"}, {"potential": [-1, 16]}],
    "pipeline.scalings": [{}, 3, {"potential": 3}, {"potential": {"name": "nope"}}],
    "data": [None, 3],
    "fields": [{}, 3, {"potential": {}}, {"potential": {"unit": 3, "meaning": ""}}],
    "samples": [{}, 3, {"train": -1, "validation": 1, "test": 1}],
    "seed": [-1, "x", None, 2**40, 1.5, True],
    "backend": [3, None],
    "callbacks": [3, [3], None],
    "command": [3, None],
    "devices": [0, "x"],
}
CHANGED = [(name, value) for name, values in ENTRIES.items() for value in values]


@pytest.fixture(scope="module")
def original(tmp_path_factory, dataset):
    """Return an evaluated run that monitors a metric, with snapshots; nobody writes into it."""
    path = tmp_path_factory.mktemp("original") / "run"
    task = make_task(monitor="l1")
    run = keras_qd.train(task, path, dataset=dataset, callbacks=["evolution"], report=lambda *_: 0)
    keras_qd.evaluate(run, n_draws=10, cost=False)
    return path


@pytest.fixture
def run(original, tmp_path):
    """Return a copy to be damaged."""
    np.save(tmp_path / "potentials.npy", np.full((2, 16, 16), -1.0))
    return shutil.copytree(original, tmp_path / "run")


def command(verb, run):
    """Return the command that reads a run in some way."""
    if verb == "resume":
        return ["train", "--resume", run]
    if verb == "predict":
        potentials, out = run.parent / "potentials.npy", run.parent / "densities.npy"
        return ["predict", run, potentials, "--out", out]
    return [verb, run]


@pytest.mark.parametrize(("name", "how", "verb", "seed"), CASES)
def test_damaged_files(name, how, verb, seed, run):
    if verb == "resume":
        (run / "model.keras").unlink()
    damage(run / name, how, np.random.default_rng(seed))
    message = refuse(*command(verb, run), folder=run.parent, codes=(1,))
    assert name.rpartition("/")[2].partition(".")[0] in message or str(run) in message


@pytest.mark.parametrize(("name", "value"), CHANGED, ids=map(str, CHANGED))
def test_damaged_entries_of_the_configuration(name, value, run):
    path = run / "config.json"
    config = json.loads(path.read_text())
    *above, last = name.split(".")
    inner = config
    for each in above:
        inner = inner[each]
    inner[last] = value
    path.write_text(json.dumps(config))
    # Both what is checked on reading and what is built of it.
    (run / "model.keras").unlink()
    message = refuse(*command("resume", run), folder=run.parent, codes=(1,))
    assert f"{path} is damaged: " in message
    assert above or last in message


@pytest.mark.parametrize(
    "history",
    [
        ["epoch,loss", "1,x"],
        ["epoch,loss", "1"],
        ["epoch,loss", "1,2,3"],
        ["epoch,epoch", "1,1"],
        ["loss", "1"],
        ["epoch,loss", "2,1"],
        ["epoch,loss", "1,1", "3,1"],
        ['epoch,"loss', "1,1"],
        ["epoch,loss", "1,\0"],
    ],
)
def test_damaged_histories(history, run):
    (run / "history.csv").write_text("\n".join(history))
    assert "history.csv is damaged" in refuse("report", run, folder=run.parent, codes=(1,))


@pytest.mark.parametrize(
    "entries",
    [
        {"history": None},
        {"history": np.frombuffer(b"[1]", np.uint8)},
        {"history": np.frombuffer(DEEP.encode(), np.uint8)},
        {"history": np.frombuffer(b'{"epoch": [1, "x"]}', np.uint8)},
        {"history": np.frombuffer(b'{"epoch": [2]}', np.uint8)},
        {"history": np.frombuffer(b'{"epoch": [1], "loss": []}', np.uint8)},
        {"variable_0": None},
        {"variable_0": np.zeros(3)},
        {"variable_0": np.full((3, 3, 1, 4), "x")},
        {"torch_generator": np.zeros(3)},
        {"torch_generator": np.zeros(3, np.uint8)},
    ],
    ids=lambda entries: " ".join(entries),
)
def test_damaged_entries_of_a_checkpoint(entries, run):
    path = run / "checkpoints" / "last.npz"
    (run / "model.keras").unlink()
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files} | entries
    np.savez(path, **{name: values for name, values in arrays.items() if values is not None})
    message = refuse(*command("resume", run), folder=run.parent, codes=(1,))
    assert str(path) in message


def test_a_model_of_somebody_else_is_named(run):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]).save(run / "model.keras")
    message = refuse(*command("predict", run), folder=run.parent, codes=(1,))
    assert "was not saved by keras-qd" in message


def test_a_checkpoint_that_unfolds_beyond_its_limit_is_refused(run):
    (run / "model.keras").unlink()
    path = run / "checkpoints" / "last.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("history.npy", "w", force_zip64=True) as file,
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": (2**33,)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(5):
            file.write(bytes(2**20))
    message = refuse(*command("resume", run), folder=run.parent, codes=(1,), n_bytes=2**29)
    assert "last.npz" in message


def test_the_run_itself_is_sound(run):
    from tests.command import succeed

    succeed(*command("predict", run))
    (run / "model.keras").unlink()
    (run / "history.csv").unlink()
    assert keras_qd.resume(run).history()["epoch"] == [1, 2]


def test_there_are_eighty():
    assert len(CASES) + len(CHANGED) >= 80
