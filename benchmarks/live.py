"""From the pen to what is drawn of it: the prediction, and the exact density.

python benchmarks/live.py [--run RUN] [--seconds S]

Chromium of the system draws on the page as it is served, in Keras' backend of the environment. For
one and two electrons the pen moves sixty times a second, and each move is timed until a density is
drawn that belongs to it or to a later one; for three and four it moves once and rests. Processor
times are those of the server, its workers and the parts of the browser, per density drawn: on a
busy machine they say more than what a clock measures.
"""

from timing import processor  # isort: skip  (sets the threads before NumPy is imported)

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

#: Moves the pen `count` times, `pause` ms apart; returns for each move the milliseconds until each
#: density was drawn, and how many densities were drawn.
MOVES = """([names, count, pause]) => new Promise((resolve) => {
    const frame = (name) => document.querySelector(`#field-${name} .frame`);
    const canvas = frame("drawing").querySelector("canvas");
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const waiting = Object.fromEntries(names.map((name) => [name, []]));
    const found = Object.fromEntries(names.map((name) => [name, []]));
    const drawn = Object.fromEntries(names.map((name) => [name, 0]));
    const last = {};
    let moves = 0;
    const move = () => {
        const angle = 0.07 * moves;
        const radius = 0.15 + 0.1 * Math.sin(0.31 * angle);
        const where = {
            clientX: left + (0.5 + radius * Math.cos(angle)) * width,
            clientY: top + (0.5 + radius * Math.sin(angle)) * height,
        };
        const begun = performance.now();
        canvas.dispatchEvent(new PointerEvent("pointermove", where));
        const id = Number(frame("drawing").dataset.id);
        for (const name of names) waiting[name].push([id, begun]);
        moves += 1;
    };
    move();
    const moving = pause ? setInterval(() => moves < count && move(), pause) : null;
    const begun = performance.now();
    const look = () => {
        const now = performance.now();
        for (const name of names) {
            const id = Number(frame(name).dataset.id);
            if (id !== last[name]) drawn[name] += 1;
            last[name] = id;
            while (waiting[name].length && waiting[name][0][0] <= id) {
                found[name].push(now - waiting[name].shift()[1]);
            }
        }
        const ended = moves >= count && names.every((name) => !waiting[name].length);
        if (ended || now - begun > 60000) {
            clearInterval(moving);
            resolve([found, drawn]);
        } else setTimeout(look, 1);
    };
    look();
})"""


#: Who uses the processor: the server, its workers, the scripts of the page, what puts it on the
#: screen (Chromium's process for the GPU, which without one computes the pixels), the rest.
PARTS = ("server", "workers", "page", "screen", "rest")


def part_of(process, command, server):
    """Return the part that a process belongs to."""
    if process == server:
        return "server"
    if "spawn_main" in command:
        return "workers"
    return {"renderer": "page", "gpu-process": "screen"}.get(
        command.partition("--type=")[2].split("\0")[0].split(" ")[0], "rest"
    )


def processor_seconds(server):
    """Return the processor seconds that each part has used, without this process."""
    parents, used, commands = {}, {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            commands[int(folder.name)] = (folder / "cmdline").read_text()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        used[int(folder.name)] = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def belongs(process):
        while process in parents and process != os.getpid():
            process = parents[process]
        return process == os.getpid()

    total = dict.fromkeys(PARTS, 0.0)
    for process, seconds in used.items():
        if process != os.getpid() and process in commands and belongs(process):
            total[part_of(process, commands[process], server)] += seconds
    return np.array(list(total.values()))


def strokes(page, names, n_electrons, seconds):
    """Draw; return the milliseconds of each move until each density, and how many were drawn."""
    canvas = page.locator("#field-drawing canvas").first.bounding_box()
    page.mouse.move(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)
    page.mouse.down()
    if n_electrons < 3:
        found = [page.evaluate(MOVES, [names, int(60 * seconds), 16])]
    else:
        found = []
        for _ in range(max(3, int(seconds))):
            found.append(page.evaluate(MOVES, [names, 1, 0]))
            page.wait_for_timeout(1500)  # one electron fewer, for the chemical potential
    page.mouse.up()
    times = {name: np.concatenate([each[0][name] for each in found]) for name in names}
    return times, {name: sum(each[1][name] for each in found) for name in names}


def has_model(page):
    """Wait until the model is loaded and compiled, or there is none."""
    answered = "document.querySelector('#field-model .frame').dataset.id ?? ''"
    while not page.evaluate(answered).isdecimal():
        page.wait_for_timeout(100)
    return page.text_content("#model-caption") != ""


def measure(page, server, names, n_electrons, seconds):
    """Print one row: milliseconds until each density, and processor milliseconds of each."""
    page.select_option("#electrons", str(n_electrons))
    page.click("[data-preset=parabola]")
    page.wait_for_timeout(4000)
    before = processor_seconds(server)
    times, drawn = strokes(page, names, n_electrons, seconds)
    spent = (processor_seconds(server) - before) * 1e3 / max(drawn["exact"], 1)
    cells = [
        f"{np.median(times[name]):8.0f} {np.percentile(times[name], 95):6.0f} {drawn[name]:5d}"
        if name in names
        else f"{'-':>21}"
        for name in ("model", "exact")
    ]
    parts = " ".join(f"{each:8.0f}" for each in spent)
    click.echo(f"{n_electrons:2d} {cells[0]} {cells[1]} {parts}")


@click.command()
@click.option("--run", help="A run of potential-to-density.  [the pretrained model]")
@click.option("--seconds", default=5.0, show_default=True, help="Length of a stroke.")
@click.option("--electrons", default="1234", show_default=True, help="Numbers to measure.")
def main(run, seconds, electrons):
    """Print median and 95 % of the milliseconds for each number of electrons."""
    command = [sys.executable, "-m", "keras_qd", "live", *([run] if run else []), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    address = server.stdout.readline().split()[0]
    click.echo(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; 64 x 64")
    click.echo("   prediction: median, 95 % (ms), drawn; exact: the same;")
    click.echo(f"   processor ms of each exact density drawn: {', '.join(PARTS)}")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1440, "height": 940})
        page.goto(address)
        page.fill("#depth", "0.3")
        names = ["model", "exact"] if has_model(page) else ["exact"]
        for n_electrons in electrons:
            measure(page, server.pid, names, int(n_electrons), seconds)
        browser.close()
    server.send_signal(signal.SIGINT)
    server.wait(20)


if __name__ == "__main__":
    main()
