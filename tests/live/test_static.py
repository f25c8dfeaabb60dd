"""The page as a folder, offered by a server that knows nothing."""

import functools
import http.server
import threading

import numpy as np
import pytest

import keras_qd
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


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """An address of the page without a model."""
    server = Offered(write_static(tmp_path_factory.mktemp("static") / "page"))
    yield server
    server.close()


@pytest.fixture
def offered():
    servers = []

    def offer(folder):
        servers.append(Offered(folder))
        return servers[-1]

    yield offer
    for server in servers:
        server.close()


#: Predicts with the model of the page.
PREDICT = """async ([potential, n_electrons, length, strength]) => {
    const { Model } = await import("./model.js");
    const { model } = await (await fetch("settings.json")).json();
    const system = { n_electrons, length, strength, interaction: { interaction: "coulomb" } };
    const found = await new Model(model, 64).predict(system, Float32Array.from(potential));
    return { ...found, density: Array.from(found.density) };
}"""


def test_one_electron_is_solved_in_the_browser(opened, page, tmp_path):
    drawing = opened(page)
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
    drawing.choose("electrons", "3")
    empty = "document.querySelector('#field-exact .frame').dataset.empty ?? ''"
    drawing.until(lambda: "one or two electrons" in drawing.page.evaluate(empty))


@pytest.fixture(scope="module")
def modules(browser, page):
    """A page that imports the modules of the page, and shows nothing."""
    context = browser.new_context()
    found = context.new_page()
    found.goto(f"{page.address}units.js")
    yield found
    context.close()


#: Solves one potential with the modules of the page, outside of its worker.
SOLVE = """async ([potential, interaction, strength]) => {
    const { solveTwoElectrons } = await import("./two_electrons.js");
    const found = solveTwoElectrons(Float32Array.from(potential), 64, 10, interaction, strength);
    return { ...found, density: Array.from(found.density) };
}"""


@pytest.mark.parametrize(
    ("family", "interaction", "strength"),
    [
        ("double-dot", physics.Interaction(), 1.0),
        ("gaussian-wells", physics.Interaction("screened", screening_length=1.0), 1.5),
        ("gate-array", physics.Interaction("none"), 1.0),
    ],
)
def test_two_electrons_are_solved_in_the_browser(modules, family, interaction, strength):
    box = physics.Box(10.0)
    (potential,) = physics.sample_potentials(1, box, 64, family=family, seed=1)
    settings = {name: each for name, each in interaction.settings().items() if each is not None}
    found = modules.evaluate(SOLVE, [potential.ravel().tolist(), settings, strength])
    dot = physics.solve(potential, box, 2, interaction=interaction, strength=strength)
    density = np.reshape(found["density"], (64, 64))
    error = np.abs(density - dot.density).sum() * box.pixel_area(64) / 2
    assert error < min(1e-2, 2 * found["density_error"])
    assert density.sum() * box.pixel_area(64) == pytest.approx(2, abs=1e-5)
    for name in ("energy", "exchange", "gap"):
        assert found[name] == pytest.approx(getattr(dot, name), abs=2e-3)
        assert abs(found[name] - getattr(dot, name)) < 2 * found[f"{name}_error"] + 1e-5


def test_two_electrons_on_the_page(opened, page, tmp_path):
    drawing = opened(page)
    drawing.choose("electrons", "2")
    drawing.page.click("[data-preset=double-dot]")
    drawing.settled()
    assert drawing.number("integral") == pytest.approx(2, abs=1e-5)
    dot = physics.solve(drawing.potential(tmp_path), physics.Box(10.0), 2)
    assert drawing.number("energy") == pytest.approx(dot.energy, abs=2e-3)
    assert drawing.number("energy-error") < 1e-2


def test_the_pretrained_model_runs_in_the_browser(opened, offered, tmp_path, request):
    """In ONNX Runtime Web, and gives what it gives in Python."""
    runtime = request.config.getoption("--onnxruntime")
    if runtime is None:
        pytest.skip("needs --onnxruntime FOLDER, dist of the npm package onnxruntime-web")
    pytest.importorskip("onnxruntime")
    drawing = opened(offered(write_static(tmp_path / "page", onnxruntime=runtime)))
    drawing.until(lambda: "μ" in drawing.text("model-caption"), 60)
    drawing.stroke((0.3, 0.4), (0.7, 0.6))
    drawing.choose("electrons", "2")
    drawing.page.fill("#box", "12")
    drawing.page.press("#box", "Enter")
    drawing.settled()
    potential = drawing.potential(tmp_path)
    expected = keras_qd.pretrained("potential-to-density").ground_states(potential, 2, 1.0, 12.0)
    found = drawing.page.evaluate(PREDICT, [potential.ravel().tolist(), 2, 12.0, 1.0])
    density = np.reshape(found["density"], (64, 64))
    error = np.abs(density - expected["density"]).max() / expected["density"].max()
    print(f"largest difference of the densities: {error:.1e} of the largest value")
    assert error < 1e-3
    assert found["energy"] == pytest.approx(expected["energy"], rel=1e-3)
    assert found["mu"] == pytest.approx(expected["chemical_potential"], rel=1e-3)
    assert found["exchange"] == pytest.approx(expected["exchange"], abs=1e-3)
    assert found["familiar"] == expected["familiar"]
    rough = np.random.default_rng(0).normal(size=(64, 64))
    assert not drawing.page.evaluate(PREDICT, [rough.ravel().tolist(), 2, 12.0, 1.0])["familiar"]
    shown = drawing.text("model-caption").partition("E = ")[2].partition(",")[0]
    assert float(shown.replace("−", "-")) == pytest.approx(expected["energy"], rel=6e-3)


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
