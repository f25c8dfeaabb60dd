"""The pasted walk: commands and snippets of README and of all pages run as printed.

Each page is read from top to bottom in a directory of its own, in this process. It starts with what
the quick start leaves and with the reader's own files (``own_files``). In the reduced form some
numbers are smaller (``REPLACED``), some options are appended (``APPENDED``), each of which must be
met, no report is drawn, and a training that two pages have runs once; nothing else is changed. All
of it as printed, which takes hours: ``KERAS_QD_WALK=full pytest -m slow tests/test_walk.py``.
"""

import ast
import builtins
import os
import pickle
import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import click
import keras
import numpy as np
import pytest
from PIL import Image

import keras_qd
from keras_qd.cli.generate import _data_set, _recipe_options
from keras_qd.cli.main import VERBS, cli
from keras_qd.cli.options import task_changes
from keras_qd.data import open_store
from keras_qd.data.recipes import recipe_class
from keras_qd.registry import names
from keras_qd.tasks import Task
from tests.command import call, succeed, whole_chain

ROOT = Path(__file__).parents[1]
FULL = os.environ.get("KERAS_QD_WALK") == "full"
#: Pages that a build of the site leaves are not in the repository.
GENERATED = {ROOT / "docs" / name for name in ("gallery", "project")}
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.parent not in GENERATED),
]
QUICKSTART = ROOT / "docs" / "quickstart.md"

#: How pieces begin that the walk does not run, and why.
NOT_RUN = {
    r"pip |npm |tar |git |cd |python -m venv|\. ": "it installs or fetches",
    r"tox|pytest|KERAS_QD_WALK": "it runs these tests",
    r"python docs/": "it is for the site",
    r"python examples/": "tests/examples runs it",
    r"(KERAS_BACKEND=\w+ )?python benchmarks/": "it takes minutes to hours",
    r"KERAS_BACKEND=\w+ python my_script.py": "the script is the reader's",
    r"eval |_KERAS_QD_COMPLETE": "it is for the reader's shell; tests/cli/test_main.py runs it",
    r"keras-qd live|python -m http.server": "it serves until it is stopped; tests/live opens it",
    r"(?s)dask |sbatch |.*( |\")(tcp|s3)://": "it needs a cluster; tests/data/store has one",
    r"(?s).*dask_jobqueue": "it needs a cluster with SLURM",
    r"keras-qd \w+ .*\brings": "it needs the plug-in; tests/plugins installs and runs it",
    r"keras-qd new-plugin": "tests/plugins runs it, and the tests of what it writes",
    r"from keras_qd.backend import use_backend": "Keras already runs on a backend here",
    r"(?s).*import tensorflow": "it is not installed here; tests/export reads the file",
    r"keras_qd.errors.ConformanceError|Solution: ": "it is output",
    r"(T\[n\]|H|residual) = |generator  |discriminator  ": "it is a formula",
}
#: What the reduced walk leaves out besides, and why.
NOT_RUN_REDUCED = {
    r"keras-qd demo": "it trains on maps of 64 x 64; tests/cli/test_demo.py runs it",
    r"keras-qd train potential-and-elec": "it trains on maps of 64 x 64; tests/weights runs it",
    r"keras-qd train .*--devices": "tests/training/test_devices.py trains on two",
    r"keras-qd doctor": "it tries each backend in a process; tests/cli/test_doctor.py runs it",
}

#: Commands -> options that are appended in the reduced form; all that match.
APPENDED = {
    r"generate (quantum-dots|--config three)": "--grid 16",
    r"generate (quantum-dots (?!.*--accuracy)|--config three)": "--orbitals 5",
    r"generate |solve ": "--workers 1",
    r"solve ": "--electrons 1",
    r"tune ": "--epochs 1",
    r"train (?!--resume)": "--epochs 1",
    r"train (?!.*(--resume|mnist|energ|image))": "--no-evolution --set model.depth=2 "
    "--set model.filters=2",
    r"train (?!.*(--model|--resume|mnist|energ|image))": "--model pix2pix",
    r"train (?!.*(--model (?!pix2pix)|--resume|mnist|energ|image))": "--set "
    "model.discriminator_levels=1",
    r"train image-to-image": "--set model.filters=2 --set model.depth=2 "
    "--set model.discriminator_filters=2 --set model.discriminator_levels=1",
    r"train .*(--backend|--callback)": "--data dots.zarr",
    r"train (potential|density)-to(-kinetic)?-energy(?!.*--data)": "--set dataset.samples=200 "
    "--set dataset.workers=1",
    r"train potential-to-energies": "--set dataset.samples=40 --set dataset.n_pixels=16 "
    "--set dataset.workers=1 --set dataset.n_orbitals=5",
    r"device (diagram|sweep) ": "--points 4 --electrons 1 --workers 1",
    r"invert ": "--points 16",
    r"inspect wells-1d": "--set samples=200 --set workers=1",
}
_SMALL = "filters=2, depth=2, discriminator_levels=1"

#: Text in commands and snippets -> what stands for it in the reduced form.
REPLACED = {
    r"\bsamples( =)? \d+": r"samples\1 40",
    r"dataset\.samples=\d+": "dataset.samples=40",
    r"--trials \d+": "--trials 1",
    r"--fresh \d+": "--fresh 40",
    r'"samples": \d+}': '"samples": 40, "n_pixels": 16, "n_orbitals": 5, "workers": 1}, '
    'model="pix2pix", batch_size=8, '
    'model_config={"filters": 2, "depth": 2, "discriminator_levels": 1}',
    r"epochs=\d+": "epochs=1",
    r"family\.n_gates=5": "family.n_gates=3",
    r"--tolerance 0\.05": "--tolerance 0.5",
    r"\(64, 64, 1\)\)": f"(16, 16, 1), {_SMALL})",
    r"mesh\(\d\d\)": "mesh(16)",
    r"\(box, 64\b": "(box, 16",
    r"2\.0, 200\)": "2.0, 20)",
    r" --callback mlflow": "",
    r"model\.(discriminator_)?filters=\d+": r"model.\1filters=2",
}


class Piece(NamedTuple):
    """A snippet of Python, a command with its options on one line, or a file."""

    kind: str
    text: str
    name: str = ""


def blocks(text):
    """Yield language, content and preceding text of the code blocks of a page."""
    lines = text.splitlines()
    start = 0
    while start < len(lines):
        fence = re.match(r" *(```+)(\S*)", lines[start])
        if fence:
            end = next(i for i in range(start + 1, len(lines)) if lines[i].strip() == fence[1])
            yield fence[2], lines[start + 1 : end], "\n".join(lines[:start])
        elif lines[start].startswith("    ") and not (start and lines[start - 1]):
            end = start
            while end + 1 < len(lines) and re.match("    |$", lines[end + 1]):
                end += 1
            yield "", [line[4:] for line in lines[start : end + 1]], "\n".join(lines[:start])
        else:
            end = start
        start = end + 1


def pieces(text):
    """Return the snippets, commands and files of a page, in their order."""
    found = []
    for language, lines, before in blocks(text):
        block = "\n".join(lines) + "\n"
        if language == "python":
            found.append(Piece("python", block))
        elif language == "toml":
            name = re.findall(r"([\w-]+\.toml)`", before)
            found += [Piece("file", block, each) for each in name[-1:]]
        elif language in ("", "bash", "console"):
            joined = re.sub(r"\\\n\s*", "", block)
            lines = [re.sub(r"(^|\s)# .*", "", line) for line in joined.splitlines()]
            if lines[0].startswith("keras_qd.errors."):  # an error with several lines
                lines = lines[:1]
            parts = [part.strip() for line in lines for part in line.split("&&")]
            found += [Piece("command", part) for part in parts if part]
    return found


def page(path):
    """Return the text of a page."""
    return path.read_text(encoding="utf-8")


def is_left_out(piece):
    """Whether the walk leaves a piece out, with a reason."""
    left_out = [*NOT_RUN, *([] if FULL else NOT_RUN_REDUCED)]
    return any(re.match(each, piece.text) for each in left_out)


def is_repeated(piece, path):
    """Whether an earlier page has the same training, of a task with all its defaults."""
    if FULL or not re.fullmatch(r"keras-qd train [\w-]+", piece.text):
        return False
    return any(piece in pieces(page(each)) for each in PAGES[: PAGES.index(path)])


def walked(path):
    """Return what the walk runs of a page."""
    found = [
        piece
        for piece in pieces(page(path))
        if not is_left_out(piece) and not (path in PAGES and is_repeated(piece, path))
    ]
    return found if any(piece.kind != "file" for piece in found) else []


WALKS = [path for path in PAGES if walked(path)]


def reduced(piece):
    """Return the text of a piece as it runs: as printed, or in its reduced form."""
    text = piece.text.replace(" RUN", " runs/first")
    if FULL:
        return text
    for printed, small in REPLACED.items():
        text = re.sub(printed, small, text)
    if piece.kind == "command":
        found = [
            more for command, more in APPENDED.items() if re.match(f"keras-qd {command}", text)
        ]
        command, mark, target = text.partition(" > ")
        text = " ".join((command, *found)) + mark + target
    return text


def run_page(path):
    """Run all pieces of a page in one session; an error names page and piece."""
    session = {"__name__": "__main__"}
    for piece in walked(path):
        text = reduced(piece)
        if piece.kind == "python":
            exec(compile(text, f"snippet of {path.name}", "exec"), session)
        elif piece.kind == "file":
            Path(piece.name).write_text(text)
        else:
            run_command(text, f"{path.name}: {text}")


def run_command(text, label):
    """Run a command in this process, and write what it prints where the shell would."""
    command, _, target = text.partition(" > ")
    program, *words = shlex.split(command)
    assert program == "keras-qd", f"{label}: run it, or say in NOT_RUN why not"
    finished = call(*words)
    assert finished.code == 0, f"{label}\n{finished.error}"
    if target:
        Path(target).write_text(finished.out)


def own_files():
    """Write what pages take from their reader: potentials, images, pickle files of a course."""
    images = keras_qd.load("mnist").split("test")["image"]
    side = 64 if FULL else 16
    box = keras_qd.physics.Box(10.0)
    np.save("potentials.npy", keras_qd.physics.sample_potentials(2, box, side))
    np.save("images.npy", images[:3])
    x = (np.arange(64) + 0.5) * 10 / 64
    wells = {
        "V": np.outer(np.linspace(0, 1, 40), x),
        "density": np.full((40, 64), 0.1),
        "E": np.ones(40),
    }
    for name, values in wells.items():
        Path(f"{name}.db").write_bytes(pickle.dumps(values))
    Image.fromarray(np.hstack(images[:3])).save("digits.png")
    Path("maps").mkdir()
    for number, image in enumerate(np.pad(images[:20], ((0, 0), (2, 2), (2, 2)))):
        Image.fromarray(np.hstack((image, 255 - image))).save(f"maps/{number}.png")
    # A smaller MNIST, where Keras keeps it.
    if not FULL:
        home = Path(os.environ["KERAS_HOME"]) / "datasets"
        home.mkdir(parents=True)
        digits = keras_qd.load("mnist").split("test")
        x, y = digits["image"], digits["digit"]
        np.savez(
            home / "mnist.npz", x_train=x[:300], y_train=y[:300], x_test=x[300:], y_test=y[300:]
        )


@pytest.fixture(scope="module", name="start")
def what_the_quickstart_leaves(tmp_path_factory):
    """Return the directory in which the pieces of the quick start have run."""
    folder = tmp_path_factory.mktemp("walk")
    with pytest.MonkeyPatch.context() as patch:
        prepare(patch, folder, folder / "start")
        own_files()
        run_page(QUICKSTART)
    return folder


def prepare(patch, folder, here):
    """Enter an empty or copied directory; all pages share caches."""
    here.mkdir(exist_ok=True)
    patch.chdir(here)
    patch.setenv("KERAS_QD_CACHE", str(folder / "cache"))
    if not FULL:
        patch.setenv("KERAS_HOME", str(folder / "keras"))
        # tests/report draws
        patch.setattr("keras_qd.report.report.write_report", lambda run, beside=(): run.path)


@whole_chain
@pytest.mark.parametrize(
    "path",
    [pytest.param(each, marks=pytest.mark.slow) if FULL else each for each in WALKS],
    ids=lambda path: path.stem,
)
def test_a_page_runs_as_printed(path, start, tmp_path, monkeypatch):
    if path == QUICKSTART:
        return  # run by the fixture
    here = tmp_path / "here"
    if path.name != "README.md":
        shutil.copytree(start / "start", here)
    prepare(monkeypatch, start, here)
    run_page(path)


def test_all_exceptions_are_met():
    text = [piece.text for path in PAGES for piece in pieces(page(path))]
    commands = [each for each in text if each.startswith("keras-qd ")]
    for each in (*NOT_RUN, *NOT_RUN_REDUCED):
        assert any(re.match(each, piece) for piece in text), f"{each} is on no page"
    for each in REPLACED:
        assert any(re.search(each, piece) for piece in text), f"{each} is on no page"
    for each in APPENDED:
        assert any(re.match(f"keras-qd {each}", piece) for piece in commands), f"{each}: no command"


def undefined(snippets):
    """Return the names that snippets of one session use and none up to them defines."""
    known, missing = {*dir(builtins), "__name__"}, []
    for snippet in snippets:
        nodes = list(ast.walk(ast.parse(snippet)))
        for node in nodes:
            if isinstance(node, ast.alias):
                known.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                known.add(node.name)
            elif isinstance(node, ast.arg):
                known.add(node.arg)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                known.add(node.id)
        used = {each.id for each in nodes if isinstance(each, ast.Name)}
        missing += sorted(used - known)
    return missing


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_snippet_uses_an_undefined_name(path):
    snippets = [piece.text for piece in pieces(page(path)) if piece.kind == "python"]
    assert undefined(snippets) == []


def test_undefined_names_are_found():
    assert undefined(
        ["import a.b as c\nx = [y for y in c]", "print(x, z)\ndef f(u): return u + w"]
    ) == [
        "w",
        "z",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\nprint(potentials)\n```\n", NameError),
        ("    keras-qd list --nonsense\n", AssertionError),
        ("    keras-qd inspect nowhere\n", AssertionError),
        ("```\nsomething else\n```\n", AssertionError),
    ],
)
def test_a_page_with_an_error_fails(text, error, tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"# A page\n\n{text}\n")
    with pytest.raises(error):
        run_page(path)


def commands_of(text):
    """Return the keras-qd commands of a page: those in blocks, and those in running text."""
    blocks = [piece.text for piece in pieces(text) if piece.kind == "command"]
    inline = re.findall(r"`(keras-qd [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    found = [each.split(" | ")[0].split(" > ")[0] for each in (*blocks, *inline)]
    return [" ".join(each.split()) for each in found if each.startswith("keras-qd ")]


def check_command(command):
    """Raise unless a command has a verb, options and names of settings that exist."""
    words = shlex.split(command)[1:]
    if words[0].startswith("-") or words[0] in ("VERB", "..."):
        return
    assert words[0] in VERBS, f"{command}: no verb {words[0]}"
    verb, *arguments = words
    found = cli.get_command(None, verb)
    for word in list(arguments):
        if word in getattr(found, "commands", {}):
            found = found.commands[word]
            arguments.remove(word)
    if verb == "generate":
        name = _data_set(arguments)
        if name not in names("datasets"):  # of a plug-in, or a placeholder
            return
        own = _recipe_options(recipe_class(name))
        found = click.Command("generate", params=[*found.params, *own])
    options, *_ = found.make_parser(click.Context(found)).parse_args(list(arguments))
    if verb in ("train", "tune"):
        pairs = [pair for pair in options.get("settings", ()) if "=" in pair and "NAME" not in pair]
        assert set(task_changes(pairs)) <= set(Task.__dataclass_fields__), command


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_of_the_site_has_options_that_exist(path):
    for command in commands_of(page(path)):
        try:
            check_command(command)
        except click.UsageError as error:
            raise AssertionError(f"{path.name}: {command}: {error.format_message()}") from error


def test_a_command_with_a_wrong_option_fails():
    check_command("keras-qd train TASK --epochs 3")
    for wrong in ("keras-qd train TASK --epoch 3 --lr 1", "keras-qd generate wells-1d --grid 3"):
        with pytest.raises(click.UsageError):
            check_command(wrong)
    with pytest.raises(AssertionError, match="no verb trian"):
        check_command("keras-qd trian TASK")


def test_the_network_of_the_course_in_plain_keras_trains_on_exported_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path / "cache"))
    commands = [each for each in commands_of(page(ROOT / "docs" / "course.md")) if " --to " in each]
    (export,) = {*commands}
    succeed(*shlex.split(export)[1:], "--set", "samples=600", "--set", "workers=1")
    (snippet,) = (
        each.text for each in pieces(page(ROOT / "docs" / "course.md")) if each.kind == "python"
    )
    for printed, small in (("batch_size=250", "batch_size=25"), ("epochs=50", "epochs=3")):
        assert printed in snippet
        snippet = snippet.replace(printed, small)
    keras.utils.set_random_seed(0)
    session = {}
    exec(compile(snippet, "docs/course.md", "exec"), session)
    assert session["model"].count_params() == 33_429
    losses = session["model"].history.history["val_loss"]
    assert losses[-1] < 0.5 * np.var(session["energies"])  # the loss of their mean is the variance
    store = tmp_path / "again.zarr"
    succeed("import", *(f"course/{name}.db" for name in ("V", "density", "E")), "--out", store)
    np.testing.assert_array_equal(open_store(store).read("energy"), session["energies"])
