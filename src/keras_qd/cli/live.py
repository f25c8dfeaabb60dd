"""``keras-qd live``: draw a potential in the browser, and see what it holds."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from keras_qd.cli.options import InputPath, OutputPath, backend
from keras_qd.cli.output import echo
from keras_qd.errors import UsageError

_EXAMPLES = """\b
Examples:
  keras-qd live
  keras-qd live runs/first
  keras-qd live runs/first --static page --onnxruntime node_modules/onnxruntime-web/dist
"""

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


@click.command("live", epilog=_EXAMPLES)
@click.argument("run", required=False, type=InputPath())
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port.  [a free one]")
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Another host name by which browsers may reach the page; may be repeated.",
)
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
@click.option(
    "--static",
    "static",
    type=OutputPath(),
    help="Write the page as a folder that needs no Python, instead of serving it.",
)
@click.option(
    "--onnxruntime",
    type=InputPath(),
    help="Folder `dist` of the npm package onnxruntime-web, for the model of a static page.",
)
@backend
def command(
    run: Path | None,
    host: str,
    port: int,
    allowed_hosts: tuple[str, ...],
    no_browser: bool,
    static: Path | None,
    onnxruntime: Path | None,
) -> None:
    """Draw a potential in the browser, and see its exact and predicted density and its energies.

    RUN is a finished run of potential-to-density, whose model predicts while you draw; without it,
    the pretrained network predicts. The page is served to this machine only, at an address that
    contains a secret token.
    """
    from keras_qd.live import serve, write_static

    if static is not None:
        folder = write_static(static, run, onnxruntime=onnxruntime)
        echo(f"wrote {folder}; any web server can serve it")
        return
    if onnxruntime is not None:
        raise UsageError("--onnxruntime is for --static; the server computes in Python")
    if host not in _THIS_MACHINE:
        click.echo(
            f"warning: --host {host} lets everyone on the network who knows the address use this "
            "machine's processors; the connection is not encrypted",
            err=True,
        )

    def started(address: str) -> None:
        echo(f"{address}  (Ctrl+C stops it)")
        if not no_browser:
            webbrowser.open(address)

    serve(run, host=host, port=port, allowed_hosts=allowed_hosts, started=started)
