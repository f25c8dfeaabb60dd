"""The command line in this process, and the backend that carries whole chains."""

import contextlib
import io
import multiprocessing
import signal
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import keras
import pytest

from keras_qd.cli.main import main

#: Data to report in one test: on torch, which compiles nothing. The other backends have their own.
whole_chain = pytest.mark.skipif(
    keras.config.backend() != "torch", reason="whole chains run on torch, which compiles nothing"
)


class Finished(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    error: str


def call(*arguments, cwd=None):
    """Run ``keras-qd`` in this process."""
    words = [str(argument) for argument in arguments]
    out, error = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(error),
        contextlib.chdir(Path.cwd() if cwd is None else cwd),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", ["keras-qd", *words])
        with pytest.raises(SystemExit) as stop:
            main()
    printed = (stream.buffer.getvalue().decode("utf-8") for stream in (out, error))
    return Finished(stop.value.code, *printed)


def succeed(*arguments, cwd=None):
    """Run ``keras-qd`` in this process, which has to succeed; return what it printed."""
    finished = call(*arguments, cwd=cwd)
    assert finished.code == 0, finished.error
    return finished.out


def refused(*arguments, cwd=None):
    """Run ``keras-qd`` in this process, which has to fail in one line; return code and message."""
    finished = call(*arguments, cwd=cwd)
    assert finished.code != 0
    assert finished.error.startswith(("keras-qd: ", "Usage: "))
    assert "Traceback" not in finished.error
    return finished.code, " ".join(finished.error.split())


def killed(function, *arguments):
    """Call a function, by which its process is killed: a copy of this one where that is safe."""
    method = "fork" if _can_be_copied() else "spawn"
    process = multiprocessing.get_context(method).Process(target=function, args=arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks in general, by Python 3.12
        process.start()
    process.join(300)
    assert process.exitcode == -signal.SIGKILL


def _can_be_copied():
    """Return whether a copy of this process can compute: only with torch, without its threads."""
    if keras.config.backend() != "torch" or sys.platform != "linux":
        return False
    import torch

    return torch.get_num_threads() == 1
