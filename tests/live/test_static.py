"""The page as a folder, offered by a server that knows nothing."""

import functools
import http.server
import threading

import numpy as np
import pytest

from keras_qd import physics
from keras_qd.errors import UsageError
from keras_qd.live import write_static
from keras_qd.live.static import RUNTIME_FILES
from tests.command import whole_chain

pytestmark = whole_chain


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that logs nothing."""

    extensions_map = {".mjs": "text/javascript", ".wasm": "application/wasm"} | (
        http.server.SimpleHTTPRequestHandler.extensions_map
    )

    def log_message(self, *arguments):
        """Say nothing."""


class Offered:
    """A folder under an address of this machine."""

    def __init__(self, folder):
        handler = functools.partial(Quiet, directory=folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.address = f"http://{self.host}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        """End the server."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def offered():
    servers = []

    def offer(folder):
        servers.append(Offered(folder))
        return servers[-1]

    yield offer
    for server in servers:
        server.close()


def test_one_electron_is_solved_in_the_browser(opened, offered, tmp_path):
    drawing = opened(offered(write_static(tmp_path / "page")))
    drawing.settled()
    for preset in ("parabola", "double-dot", "ring", "gate-array"):
        drawing.page.click(f"[data-preset={preset}]")
        drawing.settled()
        dot = physics.solve(drawing.potential(tmp_path), physics.Box(10.0), 1)
        assert drawing.number("energy") == pytest.approx(dot.energy, abs=1e-5)
        assert drawing.number("gap") == pytest.approx(dot.gap, abs=1e-5)
        assert drawing.number("integral") == pytest.approx(1, abs=1e-5)
    drawing.choose("family", "double-dot")
    drawing.page.fill("#seed", "2")
    drawing.page.click("#sample")
    drawing.page.wait_for_timeout(500)
    expected = physics.sample_potentials(
        1, physics.Box(10.0), 64, family="double-dot", seed=0, first=2
    )
    np.testing.assert_allclose(drawing.potential(tmp_path), expected[0], atol=1e-5)
    drawing.choose("electrons", "2")
    empty = "document.querySelector('#field-exact .frame').dataset.empty ?? ''"
    drawing.until(lambda: "only one electron" in drawing.page.evaluate(empty))


def test_what_the_browser_runs_the_model_with_is_asked_for(trained, tmp_path):
    with pytest.raises(UsageError, match="npm pack onnxruntime-web"):
        write_static(tmp_path / "page", trained.path)
    (tmp_path / RUNTIME_FILES[0]).touch()
    with pytest.raises(UsageError, match=r"lacks ort-wasm-simd-threaded\.mjs"):
        write_static(tmp_path / "page", trained.path, onnxruntime=tmp_path)
    (tmp_path / "page").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        write_static(tmp_path / "page")


def test_the_model_goes_into_the_folder(trained, tmp_path):
    pytest.importorskip("onnxscript")
    for name in RUNTIME_FILES:
        (tmp_path / name).write_text("of another program")
    folder = write_static(tmp_path / "page", trained.path, onnxruntime=tmp_path)
    names = {path.name for path in folder.iterdir()}
    assert {"index.html", "model.onnx", "MODEL_CARD.md", "samples.bin", *RUNTIME_FILES} <= names
