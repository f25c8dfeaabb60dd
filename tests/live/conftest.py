"""A served page, and a browser that draws on it and notices errors and foreign requests."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

#: Freed memory goes back to the system at once, so that what a process holds is what it uses.
EXACT_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "0",
}


class Served:
    """A server of its own process."""

    def __init__(self, *arguments, **environment):
        command = [sys.executable, "-m", "keras_qd", "live", *map(str, arguments), "--no-browser"]
        environment = {**os.environ, **EXACT_MEMORY, **environment}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.address = self.process.stdout.readline().split()[0]
        self.host = urlsplit(self.address).netloc
        self.token = urlsplit(self.address).path.strip("/")

    def workers(self):
        """Return the ids of its working processes, in the order of their starts."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                command = (folder / "cmdline").read_text()
            except OSError:
                continue
            if int(parent) == self.process.pid and "spawn_main" in command:
                found.append(int(folder.name))
        return sorted(found)

    def memory(self):
        """Return the resident memory of the server and of each worker, in MB."""
        processes = (self.process.pid, *self.workers())
        pages = [int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in processes]
        return [each * os.sysconf("SC_PAGE_SIZE") / 1e6 for each in pages]

    def close(self):
        """Interrupt it, as Ctrl+C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture(scope="session")
def served():
    """A page without a run."""
    pytest.importorskip("starlette")
    server = Served()
    yield server
    server.close()


@pytest.fixture(scope="session")
def served_run(trained):
    """A page with the model of a run on a grid of 16 x 16."""
    pytest.importorskip("starlette")
    server = Served(trained.path)
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser():
    """Chromium of the system, without a screen; while it is there an event loop runs."""
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield found
        found.close()


class Drawing:
    """An open page, as its user sees it."""

    def __init__(self, browser, server, **settings):
        self.server = server
        self.settings = {"viewport": {"width": 1440, "height": 900}, **settings}
        self.context = browser.new_context(**self.settings)
        self.page = self.context.new_page()
        self.errors, self.requested = [], []
        self.page.on("console", lambda line: line.type == "error" and self.errors.append(line.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("websocket", lambda socket: self.requested.append(socket.url))

    def load(self):
        """Load the page anew; the server has told it what there is to choose from."""
        self.page.set_viewport_size(self.settings["viewport"])
        self.page.goto(self.server.address)
        self.page.wait_for_selector("#electrons option", state="attached")

    def leave(self):
        """Leave the page, which had no error in its console and has asked no other host."""
        requested = {urlsplit(url).netloc for url in self.requested}
        self.page.goto("about:blank")
        errors = list(self.errors)
        self.requested.clear()
        self.errors.clear()
        assert errors == []
        assert requested == {self.server.host}

    def text(self, name):
        """Return the text of an element."""
        return self.page.text_content(f"#{name}")

    def number(self, name):
        """Return the number in an element, NaN where there is none."""
        text = self.text(name).replace("−", "-").removeprefix("error ")
        return float("nan") if text in ("–", "") else float(text)

    def pixels(self, name):
        """Return the colours of a field."""
        script = """name => {
            const canvas = document.querySelector(`#field-${name} canvas`);
            const pen = canvas.getContext("2d");
            return Array.from(pen.getImageData(0, 0, canvas.width, canvas.height).data);
        }"""
        return np.array(self.page.evaluate(script, name))

    def until(self, condition, seconds=10.0):
        """Wait until a condition holds; return the seconds that it took."""
        begun = time.monotonic()
        while not condition():
            waited = time.monotonic() - begun
            assert waited < seconds, "waited in vain"
            self.page.wait_for_timeout(20 if waited < 1 else 100)
        return time.monotonic() - begun

    def settled(self):
        """Wait until the full solver has answered for what is drawn."""
        frame = self.page.locator("#field-exact .frame")
        self.page.wait_for_timeout(50)  # a frame
        self.until(lambda: frame.get_attribute("aria-busy") == "false", 120)
        self.until(lambda: self.text("mu") != "–", 120)

    def stroke(self, *points):
        """Draw through points, in fractions of the side, y upwards."""
        frame = self.page.locator("#field-drawing canvas").first.bounding_box()
        where = [
            (frame["x"] + x * frame["width"], frame["y"] + (1 - y) * frame["height"])
            for x, y in points
        ]
        self.page.mouse.move(*where[0])
        self.page.mouse.down()
        for point in where:
            self.page.mouse.move(*point, steps=5)
        self.page.mouse.up()
        self.page.wait_for_timeout(50)  # a frame

    def saved(self, suffix, folder):
        """Save the drawing, and return the file."""
        with self.page.expect_download() as download:
            self.page.select_option("#save", suffix)
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def potential(self, folder):
        """Return the drawing, by saving it."""
        return np.load(self.saved("npy", folder))

    def choose(self, name, value):
        """Choose an option by its value."""
        self.page.select_option(f"#{name}", value)


@pytest.fixture
def opened(browser):
    """Open pages with settings or servers of their own."""
    drawings = []

    def open_page(server, **settings):
        drawings.append(Drawing(browser, server, **settings))
        drawings[-1].load()
        return drawings[-1]

    yield open_page
    for drawing in drawings:
        drawing.leave()
        drawing.context.close()


@pytest.fixture(scope="module")
def window(browser, served):
    """A window of the browser, which all tests with usual settings share."""
    found = Drawing(browser, served)
    yield found
    found.context.close()


@pytest.fixture
def drawing(window):
    """The page, loaded anew; its first density is on its way."""
    window.load()
    yield window
    window.leave()
