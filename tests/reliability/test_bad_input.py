"""Bad input over all verbs: exit code 2 or 1, one line, in time, and nothing is left behind.

The first corpus is made of the options themselves: whatever has a type gets values of no such type
or out of range, so that a new option is covered. The second one is written by hand.
"""

import shutil

import click
import keras
import numpy as np
import pytest

from keras_qd.cli.generate import _recipe_options
from keras_qd.cli.main import VERBS, cli
from keras_qd.cli.options import InputPath, NewStorePath, OutputPath, StorePath
from keras_qd.data import Wells, generate
from keras_qd.data.recipes import recipe_class
from tests.reliability import contents, refuse

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "torch", reason="refusals do not depend on the backend"
)

TASK = "potential-to-density"
XY = ("--x", "0", "1", "--y", "0", "1")
SWEEP = ("--out", "OUT", "--gate", "a", "--range", "0", "1")
#: The least that each verb needs, with RUN, STORE, NPY and OUT to be filled in.
LEAST = {
    "demo": ["--out", "OUT"],
    "list": [],
    "info": ["unet"],
    "generate": ["wells-1d", "--samples", "4", "--workers", "1", "--out", "OUT.zarr"],
    "solve": ["NPY", "--out", "OUT.zarr"],
    "import": ["NPY", "--out", "OUT.zarr"],
    "prepare": ["FOLDER", "--out", "OUT.zarr"],
    "inspect": ["STORE"],
    "train": [TASK, "--out", "OUT"],
    "tune": [TASK, "--trials", "1", "--out", "OUT"],
    "evaluate": ["RUN"],
    "predict": ["RUN", "NPY", "--out", "OUT.npz"],
    "invert": ["ring", "--electrons", "1", "--out", "OUT.npz"],
    "device diagram": [
        *["DEVICE", "--out", "OUT", "--gates", "a", "b", "--x", "0", "1", "--y", "0", "1"]
    ],
    "device sweep": [*["DEVICE", "--out", "OUT", "--gate", "a", "--range", "0", "1"]],
    "device design": [*["DEVICE", "--want", "gap=1", "--gate", "a", "0", "1"]],
    "live": [],
    "compress": ["RUN", "--out", "OUT.kqd"],
    "decompress": ["NPY", "--out", "OUT.npy"],
    "export": ["RUN", "--format", "onnx", "--out", "OUT"],
    "report": ["RUN"],
    "validate": [],
    "new-plugin": ["somebody", "--out", "OUT"],
    "doctor": [],
}
#: Values that no option of a type takes.
WRONG = {
    click.IntRange: ["x", "1.5", "-1", "1" + 30 * "0", ""],
    click.types.IntParamType: ["x", "1.5", ""],
    click.FloatRange: ["x", "nan", "inf", "-inf", "1e400", ""],
    click.types.FloatParamType: ["x", ""],
    click.Choice: ["nope", ""],
    InputPath: ["", "\0"],
    StorePath: ["", "\0"],
    OutputPath: ["", ".", "/", "/dev/null/x", "a\0b", 300 * "x"],
    NewStorePath: ["", ".", "/", "/dev/null/x", "a\0b", 300 * "x"],
    click.Path: ["", "nowhere", "."],
}


def kind_of(parameter):
    """Return the key of `WRONG` for an option."""
    if type(parameter.type) is click.Path and not parameter.type.exists:
        return None
    kinds = [kind for kind in type(parameter.type).__mro__ if kind in WRONG]
    return kinds[0] if kinds else None


def wrong_options():
    """Yield commands for the wrong values of each option of each verb."""
    for verb, arguments in LEAST.items():
        words = verb.split()
        command = cli.get_command(None, words[0])
        for word in words[1:]:
            command = command.get_command(None, word)
        options = [p for p in command.params if isinstance(p, click.Option)]
        if verb == "generate":
            options += _recipe_options(recipe_class("wells-1d"))
        for option in options:
            name, rest = option.opts[0], list(arguments)
            if name in rest:
                at = rest.index(name)
                del rest[at : at + 1 + option.nargs]
            values = WRONG.get(kind_of(option), [])
            given = [[*words, *rest, name, *option.nargs * [value]] for value in values]
            if given:
                yield pytest.param(given, id=f"{verb} {name}")
        least = [*words, *arguments]
        short = [[*words, "surplus"] if verb == "demo" else words] if arguments else []
        yield pytest.param([[*least, "--nope"], [*least, "--nope=1"], *short], id=verb)


#: 2,000 brackets.
DEEP = 2000 * "[" + 2000 * "]"
DEEP_TABLE = "a = " + 2000 * "{b = " + "1" + 2000 * "}"

DEVICE = """
side = 120
material = "GaAs"
[[gates]]
name = "a"
shape = "gaussian"
x = 45
y = 60
width = 20
"""

#: Settings of the task, and of what it names.
SETTINGS = [
    *("epochs=0", "epochs=-1", "epochs=1.5", 'epochs="3"', "epochs=true", "epochs=null"),
    *("epochs=NaN", "epochs=1e9", "epochs=[1]", "epochs={}", f"epochs={DEEP}", "epochs=[1"),
    *("batch_size=0", 'batch_size="x"', "batch_size=null", "batch_size=[]", "batch_size=1e3"),
    *("inputs=[]", "inputs=1", "inputs=[1]", "inputs=null", "inputs=nothing", "targets=[[]]"),
    *("targets=nothing", "metrics=nope", "metrics=1", "metrics=[null]", "metrics=[[1]]"),
    *("followed=nope", "followed=3", "loss=nope", "loss=3", "loss=[1]", "optimizer=nope"),
    *("optimizer=3", 'optimizer={"class_name": 3}', "optimizer=[]", "schedule=cosinus"),
    *("schedule=3", "schedule=null", "monitor=nope", "monitor=3", "patience=2", "patience=0"),
    *("patience=x", "augmentation=turns", "augmentation=3", "augmentation=[]", "scaling=standard"),
    *("scaling=3", "scaling.potential=nope", "scaling.potential=3", "scaling.nothing=max"),
    *("model=tabel-mlp", "model=3", "model=null", "model.filtres=3", "model.filters=-1"),
    *("model.filters=0", "model.filters=x", "model.filters=1.5", "model.filters=null"),
    *("model.filters=[]", "model.depth=99", "model.dropout=2", "model.dropout=x"),
    *("model.learning_rate=x", "model.learning_rate=NaN", "model.learning_rate=[]"),
    *("model.optimizer=nope", "model_config=3", "model_config=[1]", "dataset=nope", "dataset=3"),
    *("dataset_config=3", "dataset.n_pixel=16", "dataset.n_pixels=x", "dataset.n_pixels=0"),
    *("dataset.n_pixels=1.5", "dataset.n_electrons=7", "dataset.n_electrons=x"),
    *("dataset.box_length=x", "dataset.box_length=-1", "dataset.box_length=NaN"),
    *("dataset.strength=1e300", "dataset.n_orbitals=0", "dataset.family=parabola"),
    *("dataset.family=3", 'dataset.family_settings={"a": 1}', "dataset.family_settings=3"),
    *("dataset.seed=-1", "dataset.seed=x", "dataset.samples=0", "dataset.samples=x"),
    *("dataset.samples=-3", "dataset.fractions=3", "dataset.fractions=[]"),
    *("dataset.fractions=[2, 3, 4]", "dataset.memory_budget=x", "dataset.workers=0"),
    *("dataset.material=Unobtanium", "dataset.interaction=nope", "dataset.interaction=3"),
    *("metric_config=3", "metric.nope={}", "metric.l1=3", 'metric.l1={"nope": 1}'),
    *("nope=1", "nope.nope=1", "epochs", "=1", "name=3", "description=3"),
]

#: Settings of a family of potentials.
FAMILY = [
    *("family.amplitude=[1]", "family.amplitude=[]", "family.amplitude=x"),
    *("family.amplitude=[1, 2, 3]", "family.amplitude=[2, 1]"),
    *(
        "family.amplitude=null",
        "family.amplitude=true",
        "family.amplitude=NaN",
        "family.amplitude=Infinity",
    ),
    *(
        "family.amplitude=1e300",
        "family.amplitude=-1",
        'family.amplitude={"a": 1}',
        "family.amplitude=[[1, 2]]",
    ),
    *(
        "family.amplitude",
        "family.amplitude=",
        "=1",
        "nope=1",
        f"family.amplitude={DEEP}",
        "amplitude=null",
    ),
]

#: What is no file of the kind that is wanted.
WRONG_FILES = ("nowhere", "FILE", "FOLDER", "BINARY", "DEEP.toml", "NPY")

#: Commands written by hand.
COMMANDS = [
    # a store
    *(["generate", "nope", "--samples", 4, "--out", "OUT"],),
    *(["generate", "mnist", "--samples", 4, "--out", "OUT"],),
    *(["generate", "wells-1d", "--samples", 4, "--out", "FILE"],),
    *(["generate", "wells-1d", "--samples", 4, "--out", "nope://x"],),
    *(["generate", "wells-1d", "--samples", 4, "--points", 17, "--out", "STORE"],),
    *(["generate", "wells-1d", "--samples", 4, "--family", "nope", "--out", "OUT"],),
    *(["generate", "wells-1d", "--samples", 4, "--effective-units", "--out", "OUT"],),
    *(["generate", "quantum-dots", "--samples", 4, "--orbitals", 0, "--out", "OUT"],),
    *(["generate", "quantum-dots", "--samples", 4, "--orbitals", 2, "--out", "OUT"],),
    *(["generate", "quantum-dots", "--samples", 4, "--strength", "1e300", "--out", "OUT"],),
    *(["generate", "quantum-dots", "--samples", 4, "--thickness", 1, "--out", "OUT"],),
    *(["generate", "--config", "DEEP.toml", "--out", "OUT"],),
    *(["generate", "--config", "FILE", "--out", "OUT"],),
    *(["generate", "--config", "BINARY", "--out", "OUT"],),
    *(["inspect", name] for name in ("nowhere", "FILE", "FOLDER", "RUN", "nope://x", "NPY")),
    *(["inspect", "STORE", "--figure", "x.gif"],),
    *(["inspect", "STORE", "--figure", "FOLDER"],),
    *(["import", name, "--out", "OUT"] for name in ("nowhere", "FILE", "FOLDER", "BINARY")),
    *(["import", "NPY", "--out", "OUT", "--field", text] for text in ("x", "=x", "x=", "x=nope")),
    *(["import", "NPY", "--out", "OUT", "--unit", "nope=Ha*"],),
    *(["import", "COMPLEX", "--out", "OUT"], ["import", "NEGATIVE", "--out", "OUT"]),
    *(["import", "NPY", "--out", "STORE"], ["import", "NPY", "--out", "FILE"]),
    *(["prepare", name, "--out", "OUT"] for name in ("nowhere", "FILE", "FOLDER")),
    *(["prepare", "FOLDER", "--a", "FOLDER", "--out", "OUT"], ["prepare", "--out", "OUT"]),
    *(["prepare", "FOLDER", "--resize", size, "--out", "OUT"] for size in ("x", "0", "1x2x3")),
    # a run
    *(["train", "nope"], ["train", TASK, "--resume", "RUN"], ["train", "--resume", "nowhere"]),
    *(["train", "--resume", "FILE"], ["train", "--resume", "FOLDER"], ["train", TASK, "-x"]),
    *(["train", TASK, "--out", "RUN"], ["train", TASK, "--out", "FILE"]),
    *(["train", TASK, "--out", "FOLDER"], ["train", TASK, "--out", "FILE/below"]),
    *(["train", TASK, "--data", data] for data in ("nowhere", "FILE", "FOLDER", "NPY", "STORE")),
    *(["train", TASK, "--callback", "nope"], ["train", TASK, "--model", "tabel-mlp"]),
    *(["train", TASK, "--devices", 3], ["train", TASK, "--seed", 2**32]),
    *(["train", "--resume", "RUN", "--epochs", 3], ["train", "image-to-image"]),
    *(["tune", TASK, "--trials", 1, "--out", "OUT", "--space", "DEEP.toml"],),
    *(["tune", TASK, "--trials", 1, "--out", "OUT", "--space", "FILE"],),
    *(["tune", TASK, "--trials", 1, "--out", "OUT", "--metric", "nope"],),
    *(["tune", "nope", "--trials", 1, "--out", "OUT"],),
    # what a run is used for
    *(["predict", "RUN", name, "--out", "OUT.npy"] for name in ("nowhere", "FILE", "FOLDER")),
    *(["predict", "RUN", name, "--out", "OUT.npy"] for name in ("COMPLEX", "NEGATIVE", "BINARY")),
    *(["predict", "RUN", name, "--out", "OUT.npy"] for name in ("TEXT", "NAN", "FLAT", "NONE")),
    *(["predict", "RUN", "NPY", "--out", name] for name in ("OUT", "OUT.txt", "FILE.npy", "NPY")),
    *(["predict", "nowhere", "NPY", "--out", "OUT.npy"],),
    *(["predict", "RUN", "NPY", "--grey", 1, "--out", "OUT.npy"],),
    *(["predict", "RUN", "NPY", "--symmetries", n, "--out", "OUT.npy"] for n in (0, 8)),
    *(["evaluate", "RUN", "--data", data] for data in ("nowhere", "FILE", "STORE", "NPY")),
    *(["evaluate", "RUN", "--metric", "nope"], ["evaluate", "RUN", "--by", "nope"]),
    *(
        ["evaluate", "RUN", "--sort", "nope"],
        ["evaluate", "RUN", "x"],
        ["evaluate", "RUN", "--symmetries", 8],
    ),
    *(["evaluate", "RUN", "--table", "x.txt"], ["evaluate", "RUN", "--table", "FOLDER"]),
    *(["evaluate", "RUN", "--ensemble"], ["evaluate", "RUN", "RUN", "--csv"], ["evaluate", "FILE"]),
    *(["evaluate", "RUN", "--csv", "--json"], ["evaluate", "FOLDER"], ["report", "FOLDER"]),
    *(["report", "nowhere"], ["report", "FILE"], ["report", "RUN", "RUN"]),
    *(["export", "RUN", "--format", "nope", "--out", "OUT"],),
    *(["export", "RUN", "--format", "torch", "--out", "FILE"],),
    *(["export", "FOLDER", "--format", "torch", "--out", "OUT"],),
    *(["compress", "RUN", "--out", "OUT"], ["compress", "FOLDER", "--out", "OUT"]),
    *(["compress", "RUN", "NPY", "--out", "FILE"], ["decompress", "nowhere", "--out", "OUT.npy"]),
    *(["decompress", name, "--out", "OUT.npy"] for name in ("FILE", "NPY", "BINARY", "FOLDER")),
    # an inversion
    *(["invert", name, "--electrons", 1, "--out", "OUT.npz"] for name in ("nope", "FILE", "STORE")),
    *(["invert", n, "--electrons", 1, "--out", "OUT.npz"] for n in ("COMPLEX", "NEGATIVE", "NAN")),
    *(["invert", "ring", "--out", "OUT.npz"], ["invert", "ring", "--electrons", 1, "--out", "OUT"]),
    *(["invert", "ring", "--electrons", 9, "--out", "OUT.npz"],),
    *(["invert", "ring", "--electrons", 1, "--set", s, "--out", "OUT.npz"] for s in ("x=1", "x")),
    *(["invert", "ring", "--electrons", 1, "--set", "radius=NaN", "--out", "OUT.npz"],),
    *(["invert", "ring", "--electrons", 1, "--set", f"radius={DEEP}", "--out", "OUT.npz"],),
    *(["invert", "ring", "--electrons", 1, "--gauge", "nope", "--out", "OUT.npz"],),
    *(["invert", "ring", "--electrons", 1, "--family", "nope", "--out", "OUT.npz"],),
    *(["invert", "ring", "--electrons", 1, "--set", "family.a=1", "--out", "OUT.npz"],),
    *(["invert", "ring", "--electrons", 1, "--interaction", "nope", "--out", "OUT.npz"],),
    *(["invert", "ring", "--electrons", 1, "--samples", "x", "--out", "OUT.npz"],),
    *(["invert", "ring", "--electrons", 1, "--figure", "x.gif", "--out", "OUT.npz"],),
    *(["invert", "ring", "--electrons", 1, "--run", "RUN", "--out", "OUT.npz"],),
    # own potentials
    *(
        ["solve", name, "--out", "OUT.zarr"]
        for name in (*WRONG_FILES, "COMPLEX", "TEXT", "NAN", "FLAT", "NONE", "NEGATIVE")
        if name != "NPY"
    ),
    *(
        ["solve", "NPY", "--out", "OUT.zarr", *more]
        for more in (
            ["--voltage", "a=1"],
            ["--material", "nope"],
            ["--interaction", "nope"],
            ["--accuracy", "0.1", "--electrons", "3"],
            ["--scheduler", "x", "--workers", "1"],
        )
    ),
    # a device
    *(
        ["device", "sweep", name, *["--out", "OUT", "--gate", "a", "--range", "0", "1"]]
        for name in WRONG_FILES
    ),
    *(["device", "sweep", "DEVICE", *["--out", "OUT", "--gate", "nope", "--range", "0", "1"]],),
    *(["device", "design", "DEVICE", *["--want", "nope=1", "--gate", "a", "0", "1"]],),
    *(["device", "design", "DEVICE", *["--want", "gap=nan", "--gate", "a", "0", "1"]],),
    *(["device", "design", "DEVICE", *["--want", "gap=1", "--gate", "nope", "0", "1"]],),
    *(["device", "design", "DEVICE", *["--want", "gap=1", "--gate", "a", "1", "0"]],),
    # everything else
    *([name] for name in ("nope", "trian", "--nope", "", "\x1b[2J")),
    *(["list", "nope"], ["list", "models", "x"], ["info", "nope"], ["info", "unet", "--kind", "x"]),
    *(["new-plugin", name, "--out", "OUT"] for name in ("", "A", "1a", "a b", "../x", "\x1b[2J")),
    *(["new-plugin", "somebody", "--out", "FOLDER"], ["doctor", "x"], ["validate", "x"]),
]


@pytest.fixture(scope="module")
def things(tmp_path_factory, evaluated):
    """Return what the commands name: a run, a store, and files good and bad."""
    folder = tmp_path_factory.mktemp("input")
    generate(folder / "STORE", Wells(n_points=48), 24, workers=1)
    shutil.copytree(evaluated[0].path, folder / "RUN")
    (folder / "FOLDER").mkdir()
    (folder / "FOLDER" / "note.txt").write_text("nothing\n")
    (folder / "FILE").write_text("nothing = = here\n")
    (folder / "FILE.npy").write_text("taken\n")
    (folder / "BINARY").write_bytes(bytes(np.random.default_rng(0).integers(0, 256, 999)))
    (folder / "DEEP.toml").write_text(DEEP_TABLE)
    (folder / "DEVICE").write_text(DEVICE)
    arrays = {
        "NPY": np.full((2, 16, 16), -1.0),
        "COMPLEX": np.full((2, 16, 16), 1j),
        "TEXT": np.full((2, 16, 16), "x"),
        "NAN": np.full((2, 16, 16), np.nan),
        "FLAT": np.zeros(16),
        "NONE": np.zeros((0, 16, 16)),
    }
    for name, values in arrays.items():
        with (folder / name).open("wb") as file:
            np.save(file, values)
    header = (folder / "NPY").read_bytes().replace(b"(2, 16, 16)", b"(-1, 16,16)")
    (folder / "NEGATIVE").write_bytes(header)
    return folder


def test_every_verb_has_its_least_arguments():
    assert {verb.split()[0] for verb in LEAST} == set(VERBS)


OPTIONS = list(wrong_options())


@pytest.mark.parametrize("commands", OPTIONS)
def test_wrong_values_of_options(commands, things):
    before = contents(things)
    for arguments in commands:
        refuse(*arguments, cwd=things, codes=(2,))
    assert contents(things) == before


@pytest.mark.parametrize("pair", SETTINGS)
def test_settings_of_a_task(pair, things):
    refuse("train", TASK, "--out", "OUT", "--set", pair, folder=things, cwd=things)


@pytest.mark.parametrize("pair", FAMILY)
def test_settings_of_a_family(pair, things):
    command = ["generate", "quantum-dots", "--samples", 4, "--out", "OUT", "--set", pair]
    refuse(*command, folder=things, cwd=things, codes=(2,))


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: " ".join(map(str, words))[:60])
def test_commands(arguments, things):
    refuse(*arguments, folder=things, cwd=things)


def test_there_are_two_hundred():
    wrong = sum(len(each.values[0]) for each in OPTIONS)
    assert wrong + len(SETTINGS) + len(FAMILY) + len(COMMANDS) >= 200
