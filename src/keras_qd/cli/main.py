"""The ``keras-qd`` command: finds the verb, and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import logging
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, NamedTuple, NoReturn

import click

from keras_qd import __version__
from keras_qd._checks import printable
from keras_qd.errors import KerasQDError, UnknownNameError


class Verb(NamedTuple):
    """A verb: what it does, and ``module:command`` in this package."""

    summary: str
    command: str


#: The verbs, in the order in which a newcomer meets them.
VERBS = {
    "demo": Verb(
        "Generate data, train, evaluate and report: a small, complete run.", "demo:command"
    ),
    "list": Verb("List all components: models, tasks, data sets, ...", "components:list_command"),
    "info": Verb(
        "Show what a component is and which settings it takes.", "components:info_command"
    ),
    "generate": Verb("Generate a data set with the exact solver.", "generate:command"),
    "solve": Verb("Solve your own potentials, and store the results.", "solve:command"),
    "import": Verb("Import existing arrays into a data set.", "importing:import_command"),
    "prepare": Verb("Prepare pairs of images as a data set.", "importing:prepare_command"),
    "inspect": Verb("Show what a stored data set contains.", "inspect:command"),
    "train": Verb("Train a task into a run directory.", "train:command"),
    "tune": Verb("Search for the settings that train a task best.", "tune:command"),
    "evaluate": Verb("Evaluate a trained model on unseen systems.", "evaluate:evaluate_command"),
    "predict": Verb("Apply a trained model.", "predict:command"),
    "invert": Verb(
        "Find potentials for given densities, verified by the exact solver.", "invert:command"
    ),
    "live": Verb("Draw a potential in the browser, and see its ground state.", "live:command"),
    "device": Verb(
        "Compute stability diagrams and sweeps of a gate-defined device.", "device:command"
    ),
    "compress": Verb(
        "Store images as the latent values of a trained autoencoder.", "compress:compress_command"
    ),
    "decompress": Verb("Restore images from a compressed file.", "compress:decompress_command"),
    "export": Verb(
        "Export a trained model to other programs, such as ONNX Runtime.", "export:command"
    ),
    "report": Verb("Write the report of a run as one HTML file.", "evaluate:report_command"),
    "validate": Verb("Check the solvers against exact and published values.", "validate:command"),
    "new-plugin": Verb("Write a working plug-in to start from.", "plugin:command"),
    "doctor": Verb("Show versions and devices, and test the backends.", "doctor:command"),
}

#: Exit code of an error in keras-qd itself: EX_SOFTWARE of sysexits.h.
INTERNAL_ERROR = 70

#: Characters of an unforeseen error that are shown.
_LONGEST = 300

#: Every verb takes it; :func:`main` looks for it among the arguments after an error.
DEBUG = click.Option(
    ["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error."
)


class LazyGroup(click.Group):
    """A group that imports the module of a verb only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one verb."""
        if cmd_name not in VERBS:
            raise click.UsageError(str(UnknownNameError("verb", cmd_name, VERBS)), ctx)
        module, _, name = VERBS[cmd_name].command.partition(":")
        command: click.Command = getattr(import_module(f"keras_qd.cli.{module}"), name)
        for each in (command, *getattr(command, "commands", {}).values()):
            if DEBUG not in each.params:
                each.params.append(DEBUG)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="keras-qd")
def cli() -> None:
    """Learn the maps between potentials, densities and energies of few-electron quantum dots."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 for success, 1 for a failure, 2 for wrong usage.

    An error that keras-qd does not foresee is an internal one: one line, and exit code 70.

    Parameters
    ----------
    arguments : list of str, optional
        The words after ``keras-qd``; those of the process by default.

    Raises
    ------
    SystemExit
        Always, with the exit code.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    _print_log()
    _quieten_tensorflow()
    try:
        cli.main(args=arguments, prog_name="keras-qd", standalone_mode=False)
    except click.ClickException as error:
        if not arguments:
            error.show()  # the help
            sys.exit(error.exit_code)
        _fail(_usage(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort) as stop:
        _fail(" ".join(["stopped", *map(str, stop.args)]), 1)
    except BrokenPipeError:
        sys.exit(1)
    except (KerasQDError, OSError, MemoryError) as error:
        _show_traceback(arguments)
        _fail(_one_line(error), getattr(error, "exit_code", 1))
    except Exception as error:  # whatever it is: people read one line, and --debug has the rest
        _show_traceback(arguments)
        _fail(_internal_error(error), INTERNAL_ERROR)
    sys.exit(0)


class _PrintedLog(logging.Handler):
    """The log of the package on standard error, without what a terminal acts upon."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        click.echo(printable(self.format(record)), err=True)


def _print_log() -> None:
    log = logging.getLogger("keras_qd")
    if not log.handlers:
        log.addHandler(_PrintedLog())


#: Lines that TensorFlow's libraries print when they are loaded, whatever the log level.
_NOISE = re.compile(rb"WARNING: All log messages before absl|[IW]\d{4} \d\d:\d\d:|[IW]0000 ")


def _quieten_tensorflow() -> None:
    """Drop the log that TensorFlow prints about itself; Keras imports it on other backends too."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not any(isinstance(finder, _QuietImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietImport())


class _QuietImport(MetaPathFinder):
    """Imports TensorFlow with its log filtered."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Return the specification of TensorFlow, whose module is run without its log."""
        if fullname != "tensorflow":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_quietly(module: Any) -> None:
                with _filtered_stderr():
                    run(module)

            spec.loader.exec_module = run_quietly  # type: ignore[method-assign]
        return spec


@contextmanager
def _filtered_stderr() -> Iterator[None]:
    """Print what libraries write to standard error in this block, without the noise, at its end."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            os.write(2, b"".join(line for line in written if not _NOISE.match(line)))


def _show_traceback(arguments: list[str]) -> None:
    if "--debug" in arguments:
        traceback.print_exc()


def _usage(error: click.ClickException) -> str:
    """Return the message of click, and where the help is."""
    context = getattr(error, "ctx", None)
    help_line = "" if context is None else f" (help: {context.command_path} --help)"
    message = error.format_message()
    if isinstance(error, click.NoSuchOption) and context is not None:
        from keras_qd.cli.options import spelling

        message = spelling(error.option_name, context)
    return f"{message}{help_line}"


def _internal_error(error: Exception) -> str:
    """Return the message for an error that keras-qd does not foresee."""
    return (
        f"an error in keras-qd, not in your input: {type(error).__name__}: "
        f"{str(error)[:_LONGEST]}; repeat the command with --debug, and report what it prints"
    )


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full; free some space and run the same command again"
    if isinstance(error, MemoryError):
        return "out of memory; use a smaller batch, grid or data set"
    return str(error)


def _fail(message: str, code: int) -> NoReturn:
    """Print a message in one line, which no terminal acts upon, and exit."""
    click.echo(f"keras-qd: {printable(' '.join(message.split()))}", err=True)
    sys.exit(code)
