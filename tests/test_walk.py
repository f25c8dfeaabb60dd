"""The pasted walk: commands and snippets of README, quick start and how-to pages run as printed.

They run in the order of the pages, in empty directories, in this process, reduced: some options are
appended to a verb (``APPENDED``) and some settings in snippets are replaced (``REPLACED``), each of
which must be met, and no report is drawn; nothing else is changed.
"""

import ast
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import click
import keras
import numpy as np
import pytest

from keras_qd.cli.generate import _data_set, _recipe_options
from keras_qd.cli.main import VERBS, cli
from keras_qd.cli.options import task_changes
from keras_qd.data import open_store
from keras_qd.data.recipes import recipe_class
from keras_qd.registry import names
from keras_qd.tasks import Task
from tests.command import call, succeed, whole_chain

ROOT = Path(__file__).parents[1]

#: Directories of the walk -> the pages that are read one after the other in it.
WALKS = {
    "readme": ["README.md"],
    "pretrained": ["docs/how-to/pretrained.md"],
    "quickstart": [
        "docs/quickstart.md",
        "docs/how-to/your-own-potentials.md",
        "docs/how-to/predict.md",
        *(
            f"docs/how-to/{name}.md"
            for name in (
                "check-a-component",
                "choose-a-backend",
                "cite",
                "command-line",
                "resume",
                "watch-a-training",
            )
        ),
    ],
}

#: What a page shows and the walk does not run, and why.
NOT_RUN = {
    "pip install": "it installs",
    "tox": "it runs these tests",
    "eval ": "it is for the shell of the reader; test_main runs it",
    "_KERAS_QD_COMPLETE": "it is for the shell of the reader; test_main runs it",
    "keras-qd live": "it serves until it is stopped; tests/live opens the page",
    "KERAS_BACKEND=tensorflow python my_script.py": "the script is the reader's",
    "python benchmarks/": "it takes an hour",
    "keras_qd.errors.ConformanceError": "it is output",
    "from keras_qd.backend import use_backend": "Keras already runs on a backend here",
    "keras-qd demo": "it trains on maps of 64 x 64; tests/cli/test_demo.py runs it",
    "keras-qd train potential-and-electrons": "it trains on maps of 64 x 64; tests/weights runs it",
    "keras-qd doctor --self-test": "it trains on every backend; tests/cli/test_doctor.py runs it",
}

#: Verb -> options that are appended to its commands.
APPENDED = {
    "generate": "--samples 40 --grid 16 --orbitals 5 --workers 1",
    "solve": "--workers 1",
    "train": "--epochs 1 --batch-size 8 --set model.filters=2 --set model.depth=2 "
    "--set model.discriminator_levels=1 --no-evolution",
}
_SMALL = "filters=2, depth=2, discriminator_levels=1"

#: Text in commands and snippets -> what stands for it here.
REPLACED = {
    'epochs=10, dataset_config={"samples": 2500}': "epochs=1, batch_size=8, "
    'model_config={"filters": 2, "depth": 2, "discriminator_levels": 1}, '
    'dataset_config={"samples": 40, "n_pixels": 16, "n_orbitals": 5, "workers": 1}',
    'build("pix2pix")': f'build("pix2pix", input_shape=(16, 16, 1), {_SMALL})',
    "input_shape=(64, 64, 1))": f"input_shape=(16, 16, 1), {_SMALL})",
    "epochs=10": "epochs=1",
    "mesh(64)": "mesh(16)",
    "mesh(32)": "mesh(16)",
    "2.0, 200)": "2.0, 40)",
    "potential-to-density --backend torch": "potential-to-density --data dots.zarr",
    "--callback tensorboard --callback mlflow": "--callback tensorboard --data dots.zarr",
}


class Piece(NamedTuple):
    """A snippet of Python, or a command with its options on one line."""

    kind: str
    text: str


def pieces(text):
    """Return the snippets and commands of a page, in their order."""
    found = []
    pattern = r"^```(\w*)\n(.*?)^```$|((?:^    [^\n]*\n(?:\n(?=    ))?)+)"
    for language, fenced, indented in re.findall(pattern, text, re.MULTILINE | re.DOTALL):
        if language == "python":
            found.append(Piece("python", fenced))
        elif not language.startswith(("toml", "{", "json", "text")) or indented:
            block = re.sub(r"\\\n\s*", "", fenced or indented)
            lines = [re.sub(r"(^|\s)# .*", "", line).strip() for line in block.splitlines()]
            if lines[0].startswith("keras_qd.errors."):  # an error with several lines
                lines = lines[:1]
            found += [
                Piece("command", part.strip())
                for line in lines
                for part in line.split("&&")
                if part.strip()
            ]
    return found


def page(name):
    """Return the text of a page without what code blocks in lists are indented by."""
    return (ROOT / name).read_text(encoding="utf-8")


def is_left_out(piece):
    """Whether the walk leaves a piece out, with a reason."""
    return any(piece.text.startswith(each) for each in NOT_RUN)


def reduced(piece):
    """Return a piece as it runs, in its reduced form."""
    text = piece.text
    for printed, small in REPLACED.items():
        text = text.replace(printed, small)
    verb = shlex.split(text)[1:2] if piece.kind == "command" else []
    if verb and verb[0] in APPENDED and "--resume" not in text:
        text = f"{text} {APPENDED[verb[0]]}"
    return text


def run_walk(names_of_pages):
    """Run all pieces of some pages in one session; an error names page and piece."""
    for name in names_of_pages:
        session = {"__name__": "__main__"}
        for piece in pieces(page(name)):
            if is_left_out(piece):
                continue
            text = reduced(piece)
            if piece.kind == "python":
                exec(compile(text, f"snippet of {name}", "exec"), session)
                continue
            program, *words = shlex.split(text)
            assert program == "keras-qd", f"{name}: {text}: run it, or say in NOT_RUN why not"
            finished = call(*words)
            assert finished.code == 0, f"{name}: {text}\n{finished.error}"


@whole_chain
@pytest.mark.parametrize("walk", WALKS)
def test_the_pages_run_as_printed(walk, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path / "cache"))
    # tests/report draws
    monkeypatch.setattr("keras_qd.report.report.write_report", lambda run, beside=(): run.path)
    run_walk(WALKS[walk])


def test_the_walk_reads_every_page_and_all_its_exceptions_are_met():
    walked = [name for pages in WALKS.values() for name in pages]
    how_to = {f"docs/how-to/{path.name}" for path in (ROOT / "docs" / "how-to").glob("*.md")}
    assert how_to <= set(walked)
    text = [piece for name in walked for piece in pieces(page(name))]
    for each in NOT_RUN:
        assert any(piece.text.startswith(each) for piece in text), f"{each} is on no page"
    for each in REPLACED:
        assert any(each in piece.text for piece in text), f"{each} is on no page"
    verbs = {shlex.split(piece.text)[1] for piece in text if piece.text.startswith("keras-qd ")}
    assert set(APPENDED) <= verbs
    for piece in text:
        if piece.kind == "python":
            ast.parse(piece.text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\nprint(potentials)\n```\n", NameError),
        ("    keras-qd list --nonsense\n", AssertionError),
        ("    keras-qd inspect nowhere\n", AssertionError),
        ("```\nsomething else\n```\n", AssertionError),
    ],
)
def test_a_page_with_an_error_fails(text, error, tmp_path, monkeypatch):
    (tmp_path / "page.md").write_text(f"# A page\n\n{text}\n")
    monkeypatch.setattr("tests.test_walk.ROOT", tmp_path)
    with pytest.raises(error):
        run_walk(["page.md"])


PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


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
    for command in commands_of(path.read_text(encoding="utf-8")):
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
    commands = [each for each in commands_of(page("docs/course.md")) if " --to " in each]
    (export,) = {*commands}
    succeed(*shlex.split(export)[1:], "--set", "samples=600", "--set", "workers=1")
    (snippet,) = (each.text for each in pieces(page("docs/course.md")) if each.kind == "python")
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
