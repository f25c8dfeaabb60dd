"""The ``keras-qd`` command: it finds the verb, and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import sys
import traceback
from importlib import import_module
from typing import Any, NoReturn

import click

from keras_qd import __version__
from keras_qd.errors import KerasQDError, UnknownNameError

#: Verb -> what it does, in the order in which a newcomer meets them.
VERBS = {
    "demo": "Make data, train, judge and report: a small whole run.",
    "list": "List models, data sets, metrics and tasks.",
    "info": "Tell what a component is and which settings it takes.",
    "generate": "Make a data set with the exact solver.",
    "import": "Import arrays that others have made into a data set.",
    "prepare": "Prepare pairs of images as a data set.",
    "inspect": "Tell what is in a stored data set.",
    "train": "Train a task into a run directory.",
    "tune": "Search for the settings with which a task trains best.",
    "evaluate": "Judge a trained model on systems it never saw.",
    "predict": "Apply a trained model.",
    "invert": "Find potentials that give wanted densities, checked by the exact solver.",
    "compress": "Write images as the few numbers a trained autoencoder makes of them.",
    "decompress": "Restore images from such a file.",
    "export": "Write a trained model for other programs, such as ONNX Runtime.",
    "report": "Write a run's report as one HTML file.",
    "validate": "Check the solvers against exact and published values.",
    "new-plugin": "Write a plug-in to begin with.",
    "doctor": "Tell which versions, backends and devices there are.",
}

#: Every verb takes it; :func:`main` looks for it among the arguments when something has failed.
DEBUG = click.Option(
    ["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error."
)


class LazyGroup(click.Group):
    """A group that imports a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one verb."""
        if cmd_name not in VERBS:
            error = UnknownNameError("verb", cmd_name, VERBS)
            raise click.UsageError(str(error), ctx)
        command: click.Command = import_module(f"keras_qd.cli.{cmd_name}").command
        if DEBUG not in command.params:
            command.params.append(DEBUG)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="keras-qd")
def cli() -> None:
    """Learn the maps between potentials, densities and energies of few-electron quantum dots."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 when all went well, 1 for a failure, 2 for wrong usage."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        cli.main(args=arguments, prog_name="keras-qd", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped", 1)
    except BrokenPipeError:
        sys.exit(1)
    except (KerasQDError, OSError, MemoryError) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        _fail(_one_line(error), getattr(error, "exit_code", 1))
    sys.exit(0)


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full; make room and run the same command again"
    if isinstance(error, MemoryError):
        return "out of memory; use a smaller batch, grid or data set"
    return " ".join(str(error).split())


def _fail(message: str, code: int) -> Any:
    click.echo(f"keras-qd: {message}", err=True)
    sys.exit(code)
