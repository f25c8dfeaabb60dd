"""From a move of the pen to what is drawn of it: the prediction, and the exact density.

python benchmarks/live.py [--run RUN] [--moves N]

Chromium of the system draws on the page as it is served; times are taken inside the browser, from
the event of the pen until a density is drawn that belongs to it.
"""

from timing import processor  # isort: skip  (sets the threads before NumPy is imported)

import shutil
import signal
import subprocess
import sys

import click
import numpy as np
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

#: Moves the pen to a point and returns the milliseconds until each density belongs to it.
MOVE = """([x, y, names]) => new Promise((resolve) => {
    const frame = (name) => document.querySelector(`#field-${name} .frame`);
    const canvas = frame("drawing").querySelector("canvas");
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const begun = performance.now();
    const where = { clientX: left + x * width, clientY: top + y * height };
    canvas.dispatchEvent(new PointerEvent("pointermove", where));
    const wanted = Number(frame("drawing").dataset.id);
    const found = {};
    const look = () => {
        const now = performance.now() - begun;
        for (const name of names) if (Number(frame(name).dataset.id) >= wanted) found[name] ??= now;
        if (now > 10000 || names.every((name) => name in found)) {
            resolve(names.map((name) => found[name] ?? NaN));
        } else setTimeout(look, 2);
    };
    look();
})"""


def measure(page, n_moves, names):
    """Draw one long stroke; return the milliseconds of each move, shape (moves, names)."""
    generator = np.random.default_rng(0)
    frame = page.locator("#field-drawing canvas").first.bounding_box()
    page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    page.mouse.down()
    found = []
    for _ in range(n_moves):
        x, y = generator.uniform(0.2, 0.8, 2)
        found.append(page.evaluate(MOVE, [x, y, names]))
        page.wait_for_timeout(700)  # the rest of the answers
    page.mouse.up()
    return np.array(found, dtype=float)


def has_model(page):
    """Wait until the model is loaded and compiled, or there is none."""
    answered = "document.querySelector('#field-model .frame').dataset.id ?? ''"
    while not page.evaluate(answered).isdecimal():
        page.wait_for_timeout(100)
    return page.text_content("#model-caption") != ""


@click.command()
@click.option("--run", help="A run of potential-to-density.  [the pretrained model]")
@click.option("--moves", default=60, show_default=True)
def main(run, moves):
    """Print median and 95 % of the milliseconds for each number of electrons."""
    command = [sys.executable, "-m", "keras_qd", "live", *([run] if run else []), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    address = server.stdout.readline().split()[0]
    click.echo(f"{processor()}, {moves} moves of the pen, 64 x 64 pixels; ms")
    click.echo(f"{'N':>2} {'prediction':>20} {'exact':>20}")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1440, "height": 940})
        page.goto(address)
        page.click("[data-preset=parabola]")
        page.fill("#depth", "0.3")
        predicts = has_model(page)
        for n in (1, 2, 3, 4):
            page.select_option("#electrons", str(n))
            page.wait_for_timeout(3000)
            names = ["model", "exact"] if predicts else ["exact"]
            times = measure(page, moves if n < 3 else moves // 3, names)
            cells = dict(zip(names, times.T, strict=True))
            row = [
                f"{np.nanmedian(cells[name]):9.0f} {np.nanpercentile(cells[name], 95):10.0f}"
                if name in cells
                else f"{'-':>20}"
                for name in ("model", "exact")
            ]
            click.echo(f"{n:2d} {row[0]} {row[1]}")
        browser.close()
    server.send_signal(signal.SIGINT)
    server.wait(20)


if __name__ == "__main__":
    main()
