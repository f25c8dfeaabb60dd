"""The server of the page: one address with a token, on this machine unless asked otherwise."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from keras_qd.errors import UsageError
from keras_qd.live.predictions import grid_of

#: Pixels a side where no run says otherwise.
DEFAULT_PIXELS = 64


def serve(
    run: str | Path | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    allowed_hosts: Sequence[str] = (),
    started: Callable[[str], None] | None = None,
) -> None:
    """Serve the page on which one draws a potential and sees what it holds; until interrupted.

    Parameters
    ----------
    run : str or Path, optional
        A finished run of ``potential-to-density``, whose model predicts while one draws.
    host : str, default "127.0.0.1"
        Address to listen at. Any other than this machine's own lets others on the network that know
        the token use its processors.
    port : int, default 0
        Port; 0 takes a free one.
    allowed_hosts : sequence of str, optional
        Further names by which browsers may address this machine.
    started : callable, optional
        Called with the address, token included, as soon as the server answers.

    Raises
    ------
    UsageError
        If the extra ``live`` is not installed, the address cannot be used, or the run maps
        something else.
    RunError
        If the run has no trained model.

    Examples
    --------
    >>> serve("runs/first", started=print)  # doctest: +SKIP
    http://127.0.0.1:40001/9qJ.../
    """
    try:
        from keras_qd.live.server import Page, run_server
    except ModuleNotFoundError as error:
        raise UsageError(
            f'the live page needs {error.name}: pip install "keras-qd[live]"'
        ) from error
    n_pixels = pixels_of(run)
    listening = _listen(host, port)
    with listening:
        port = listening.getsockname()[1]
        names = {"127.0.0.1", "localhost", "[::1]", *allowed_hosts}
        if host not in ("0.0.0.0", "::"):  # noqa: S104  (compared, not bound)
            names.add(f"[{host}]" if ":" in host else host)
        else:
            names.add(socket.gethostname())
        token = secrets.token_urlsafe(24)
        page = Page(
            token=token,
            hosts=frozenset(f"{name}:{port}".lower() for name in names),
            n_pixels=n_pixels,
            run=None if run is None else str(run),
        )
        shown = socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104
        shown = f"[{shown}]" if ":" in shown else shown
        address = f"http://{shown}:{port}/{token}/"
        with suppress(KeyboardInterrupt):  # the usual end
            asyncio.run(run_server(page, listening, lambda: started and started(address)))


def pixels_of(run: str | Path | None) -> int:
    """Return the pixels a side of a run's fields; raise unless it maps potentials to densities."""
    if run is None:
        return DEFAULT_PIXELS
    from keras_qd.training.run import Run

    return grid_of(Run.open(Path(run)).pipeline)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address; raise `UsageError` where that fails."""
    try:
        (family, kind, *_, address) = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as failed:
            listening = failed.enter_context(socket.socket(family, kind))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            failed.pop_all()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot listen at {host}, port {port}: {error}; choose another --port or --host"
        ) from error
    return listening
