"""The directive ``terminal``: a command is run while the site is built, and its output shown."""

import os
import shlex
import subprocess
import sys

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective


class Terminal(SphinxDirective):
    """Run ``keras-qd`` with the given arguments, and show the command and what it printed.

    Every line of the content is one command, without ``keras-qd``. They run one after the other in
    a folder that is new for each page.
    """

    has_content = True
    option_spec = {"lines": directives.positive_int}  # noqa: RUF012 - docutils' interface

    def run(self) -> list[nodes.Node]:
        """Return one literal block for each command."""
        return [self._screen(line) for line in self.content if line.strip()]

    def _screen(self, line: str) -> nodes.Node:
        folder = os.path.join(self.env.doctreedir, "terminal", self.env.docname.replace("/", "-"))
        os.makedirs(folder, exist_ok=True)
        process = subprocess.run(
            [sys.executable, "-m", "keras_qd", *shlex.split(line)],
            cwd=folder,
            env={**os.environ, "COLUMNS": "96", "KERAS_QD_CACHE": os.path.join(folder, "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode != 0:
            raise self.error(f"keras-qd {line} failed: {process.stderr}")
        printed = process.stdout.splitlines()
        shown = printed[: self.options.get("lines", len(printed))]
        if len(shown) < len(printed):
            shown.append("...")
        text = "\n".join([f"$ keras-qd {line}", *shown])
        block = nodes.literal_block(text, text)
        block["language"] = "none"
        return block


def setup(app):
    """Announce the directive to Sphinx."""
    app.add_directive("terminal", Terminal)
    return {"version": "1", "parallel_read_safe": True}
