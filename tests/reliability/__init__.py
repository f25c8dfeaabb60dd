"""What breaks, is damaged or is hostile: the command line refuses it in one line, and in time."""

import contextlib
import hashlib
import os
import re
import signal
import sys
import time
from pathlib import Path

from tests.command import call

#: Seconds of processor time, and bytes of new memory, that one refusal may take.
SECONDS = 10
BYTES = 2**30
#: Lock files stay beside what they lock.
_KEPT = re.compile(r"\..+\.lock")


class TooSlowError(BaseException):
    """A command ran longer than it may. Nothing in the package catches it."""


@contextlib.contextmanager
def bounded(seconds=SECONDS, n_bytes=BYTES):
    """Run a block that fails if it takes more processor time or more memory."""
    started = time.process_time()
    with _alarm(10 * seconds), _less_memory(n_bytes):
        yield
    used = time.process_time() - started
    assert used <= seconds, f"{used:.1f} s of processor time"


@contextlib.contextmanager
def _alarm(seconds):
    """End a block that hangs; other processes may slow it down several times."""

    def stop(*_):
        raise TooSlowError(f"still running after {seconds} s")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(int(seconds))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _less_memory(n_bytes):
    """Let a block allocate so many bytes more than there are, where the kernel can limit that."""
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def contents(folder):
    """Return path -> what is there, for everything below a folder but lock files."""
    return {
        path.relative_to(folder).as_posix(): _content(path)
        for path in sorted(Path(folder).rglob("*"))
        if not _KEPT.fullmatch(path.name)
    }


def _content(path):
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if not path.is_file():
        return "folder" if path.is_dir() else "special"
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def refuse(
    *arguments, folder=None, match="", codes=(1, 2), cwd=None, seconds=SECONDS, n_bytes=BYTES
):
    """Run ``keras-qd``, which must refuse, and return its message.

    That is: exit code 1 or 2, one line without a traceback, in bounded time and memory, and nothing
    below `folder` changed or left over. `match` is a regular expression in the message.
    """
    before = None if folder is None else contents(folder)
    with bounded(seconds, n_bytes):
        finished = call(*arguments, cwd=cwd)
    message = one_line(finished.error)
    assert finished.code in codes, (finished.code, message)
    assert re.search(match, message), message
    # A bomb that meets the limit on memory has gone off.
    assert "out of memory" not in message, message
    if before is not None:
        assert contents(folder) == before
    return message


def one_line(error):
    """Return the message on standard error, which is one line, or click's usage and one line."""
    assert "Traceback" not in error, error
    lines = [line for line in error.splitlines() if line.strip()]
    if lines and lines[0].startswith("Usage:"):
        lines = [line for line in lines if line.startswith("Error: ")]
    else:
        lines = [line for line in lines if not line.startswith(("importing ", "preparing "))]
    assert len(lines) == 1, error
    assert lines[0].startswith(("keras-qd: ", "Error: ")), error
    return lines[0]
