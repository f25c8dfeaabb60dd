"""The page in a browser: drawing, answers, files, keyboard, telephone."""

import contextlib
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from keras_qd import physics
from keras_qd.devices import RectangularGate
from tests.command import whole_chain
from tests.live.conftest import Served

pytestmark = whole_chain


def test_a_stroke_changes_the_density_within_a_second(drawing):
    drawing.settled()
    before = drawing.pixels("exact")
    drawing.stroke((0.2, 0.3), (0.2, 0.5))
    drawing.until(lambda: (drawing.pixels("exact") != before).any(), 1.0)
    drawing.settled()
    assert drawing.number("integral") == pytest.approx(2, abs=1e-5)


def test_the_exact_density_is_that_of_the_solver(drawing, tmp_path):
    drawing.stroke((0.3, 0.4), (0.7, 0.6))
    for electrons in ("1", "4", "2"):
        drawing.choose("electrons", electrons)
        drawing.settled()
        assert drawing.number("integral") == pytest.approx(int(electrons), abs=1e-5)
    potential = drawing.potential(tmp_path)
    dot = physics.solve(potential, physics.Box(10.0), 2)
    assert drawing.number("energy") == pytest.approx(dot.energy, abs=2e-5)
    assert drawing.number("exchange") == pytest.approx(dot.exchange, abs=2e-4)
    one = physics.solve(potential, physics.Box(10.0), 1)
    assert drawing.number("mu") == pytest.approx(dot.energy - one.energy, abs=2e-5)
    drawing.choose("units", "GaAs")
    hartree = physics.material("GaAs").hartree
    assert drawing.number("energy") == pytest.approx(dot.energy * hartree, abs=2e-4)


def test_undo_and_redo(drawing, tmp_path):
    states = [drawing.potential(tmp_path)]
    for point in ((0.3, 0.3), (0.7, 0.7)):
        drawing.stroke(point)
        states.append(drawing.potential(tmp_path))
    assert np.abs(states[2] - states[1]).max() == pytest.approx(1.5, abs=0.05)
    for button, expected in (("undo", 1), ("undo", 0), ("redo", 1), ("redo", 2)):
        drawing.page.click(f"#{button}")
        np.testing.assert_array_equal(drawing.potential(tmp_path), states[expected])
    drawing.page.keyboard.press("Control+z")
    np.testing.assert_array_equal(drawing.potential(tmp_path), states[1])


def test_hills_and_the_eraser(drawing, tmp_path):
    drawing.page.click("#clear")
    for key, expected in (("h", 1.5), ("e", 0.0), ("w", -1.5)):
        drawing.page.locator("#field-drawing canvas").first.press(key)
        drawing.stroke((0.5, 0.5))
        assert drawing.potential(tmp_path)[32, 32] == pytest.approx(expected, abs=0.05)


def test_presets_and_samples_of_families(drawing, tmp_path):
    found = []
    for preset in drawing.page.locator("[data-preset]").all():
        preset.click()
        found.append(drawing.potential(tmp_path))
    assert len({each.tobytes() for each in found}) == 4
    drawing.choose("family", "gate-array")
    for seed in (3, 4):
        before = drawing.pixels("drawing")
        drawing.page.fill("#seed", str(seed))
        drawing.page.click("#sample")
        drawing.until(lambda before=before: (drawing.pixels("drawing") != before).any())
        expected = physics.sample_potentials(
            1, physics.Box(10.0), 64, family="gate-array", seed=seed
        )
        np.testing.assert_allclose(drawing.potential(tmp_path), expected[0], atol=1e-5)


def test_gates(drawing, tmp_path):
    before = drawing.potential(tmp_path)
    slider = drawing.page.get_by_label("Voltage of the left plunger")
    slider.fill("2")
    x, y = physics.Box(1.0).mesh(64)
    share = RectangularGate("left plunger", 0.3, 0.5, 0.2, 0.3, 0.08).share(x, y)
    np.testing.assert_allclose(drawing.potential(tmp_path), before - 2 * share, atol=1e-5)
    drawing.page.click("#ground")
    np.testing.assert_array_equal(drawing.potential(tmp_path), before)


def test_files_give_the_drawing_back(drawing, tmp_path):
    drawing.stroke((0.2, 0.3), (0.6, 0.3))
    drawn = drawing.potential(tmp_path)
    paths = {suffix: drawing.saved(suffix, tmp_path) for suffix in ("npy", "npz", "png")}
    np.testing.assert_array_equal(np.load(paths["npz"])["potential"], drawn)
    np.savez_compressed(paths["npz"], other=np.zeros(3), potential=drawn)
    for suffix, path in paths.items():
        drawing.page.click("#clear")
        drawing.page.set_input_files("#file", path)
        drawing.page.wait_for_timeout(200)
        atol = np.ptp(drawn) / 65535 if suffix == "png" else 0
        np.testing.assert_allclose(drawing.potential(tmp_path), drawn, rtol=0, atol=atol)


def test_files_that_cannot_be_used_are_named(drawing, tmp_path):
    before = drawing.potential(tmp_path)
    np.save(tmp_path / "flat.npy", np.zeros((3, 5)))
    np.save(tmp_path / "names.npy", np.array(["a", "b"]))
    (tmp_path / "text.npz").write_text("no archive")
    for name, message in (("flat", "square"), ("names", "plain numbers"), ("text", "not a .npz")):
        path = next(tmp_path.glob(f"{name}.*"))
        drawing.page.set_input_files("#file", path)
        drawing.until(lambda message=message: message in drawing.text("notice"))
    np.testing.assert_array_equal(drawing.potential(tmp_path), before)


def test_keyboard_only(drawing, tmp_path):
    drawing.settled()
    before = drawing.potential(tmp_path)
    shown = drawing.pixels("exact")
    focused = "document.activeElement.getAttribute('aria-label') ?? ''"
    for _ in range(20):
        drawing.page.keyboard.press("Tab")
        if drawing.page.evaluate(focused).startswith("Drawing"):
            break
    for key in ("Shift+ArrowLeft", "ArrowUp", "]", "Space"):
        drawing.page.keyboard.press(key)
    drawing.until(lambda: (drawing.pixels("exact") != shown).any())
    assert "x = 3.75, y = 5.16" in drawing.text("cuts-caption")
    drawing.page.keyboard.press("Control+z")
    np.testing.assert_array_equal(drawing.potential(tmp_path), before)


def test_everything_that_takes_input_has_a_name(drawing):
    unnamed = """() => [...document.querySelectorAll("input, select, button, canvas[role]")]
        .filter(each => !each.closest("[hidden]"))
        .filter(each => !(each.getAttribute("aria-label") || each.textContent.trim() ||
            [...each.labels ?? []].some(label => label.textContent.trim())))
        .map(each => each.outerHTML)"""
    assert drawing.page.evaluate(unnamed) == []
    canvas = drawing.page.locator("#field-exact canvas").first  # described once the drawing rests
    drawing.until(lambda: canvas.get_attribute("aria-label").startswith("Exact density, from "))


def test_a_telephone(opened, served):
    phone = opened(served, viewport={"width": 390, "height": 844}, has_touch=True)
    phone.settled()
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    before = phone.pixels("exact")
    frame = phone.page.locator("#field-drawing canvas").first.bounding_box()
    assert frame["width"] > 300
    phone.page.touchscreen.tap(frame["x"] + 0.3 * frame["width"], frame["y"] + 100)
    phone.until(lambda: (phone.pixels("exact") != before).any())


def test_a_shape_that_the_solver_refuses_is_explained(drawing):
    drawing.page.fill("#box", "0.1")
    drawing.page.press("#box", "Enter")
    drawing.until(lambda: "must be from" in drawing.text("notice"))
    assert drawing.page.input_value("#box") == "10"


def test_an_undecided_dot_is_flagged(drawing):
    drawing.choose("interaction", "none")
    drawing.choose("electrons", "3")
    drawing.page.click("[data-preset=parabola]")
    drawing.settled()
    drawing.until(lambda: "Degenerate" in drawing.text("undecided"))


def test_the_model_of_a_run_predicts(opened, served_run):
    drawing = opened(served_run)
    drawing.settled()
    assert drawing.page.get_attribute("#field-drawing canvas", "width") == "16"
    drawing.until(lambda: "electrons" in drawing.text("model-caption"), 30)
    drawing.until(lambda: "misplaced" in drawing.text("difference-caption"))
    share = float(drawing.text("difference-caption").split()[1])
    assert 1 < share <= 200
    drawing.page.fill("#box", "12")
    drawing.page.press("#box", "Enter")
    empty = "document.querySelector('#field-model .frame').dataset.empty ?? ''"
    drawing.until(lambda: "trained for box side (a0*) = 10" in drawing.page.evaluate(empty))


def test_from_a_density_to_a_potential_and_on(drawing, tmp_path):
    drawing.choose("electrons", "1")
    drawing.page.check("input[value=reverse]", force=True)
    drawing.page.fill("#tolerance", "0.03")
    drawing.page.press("#tolerance", "Enter")
    drawing.stroke((0.35, 0.4), (0.65, 0.5))
    drawing.page.click("#search")
    drawing.until(lambda: "searching" in drawing.text("search-caption"))
    drawing.until(lambda: "Proved" in drawing.text("search-caption"), 120)
    residual = drawing.text("difference-caption").partition(" = ")[2].partition(",")[0]
    assert float(residual.replace("−", "-")) <= 0.03
    assert drawing.number("integral") == pytest.approx(1, abs=1e-5)
    energy = drawing.number("energy")
    drawing.page.click("#adopt")
    drawing.settled()
    dot = physics.solve(drawing.potential(tmp_path), physics.Box(10.0), 1)
    assert drawing.number("energy") == pytest.approx(dot.energy, abs=2e-5)
    assert energy == pytest.approx(dot.energy, abs=1e-3)


def test_a_killed_process_is_survived(drawing):
    drawing.settled()
    os.kill(drawing.server.workers()[0], signal.SIGKILL)  # which has the strokes to solve
    drawing.until(lambda: "exit code -9" in drawing.text("notice"))
    drawing.page.wait_for_timeout(300)
    before = drawing.pixels("exact")
    drawing.stroke((0.8, 0.8))
    drawing.until(lambda: (drawing.pixels("exact") != before).any(), 60)


PRESETS = ("parabola", "double-dot", "gate-array")
#: Strokes on each preset; half of one drawing (64 x 64 numbers), in MB: more a stroke is a leak.
STROKES, MOST_GROWTH = 5, 64 * 64 * 8 / 2e6

#: Keeps one drawing for each stroke in the process of the server: a preset has two full solutions.
LEAK = """
import json

kept, loads = [], json.loads


def leaking(text, **options):
    if '"kind":"solve"' in str(text):
        kept.append(b"x" * (5 * 64 * 64 * 8 // 2))
    return loads(text, **options)


json.loads = leaking
"""


def draw_one_round(drawing, presets):
    """Pile strokes on presets, rest, go back and forth; always the same."""
    generator = np.random.default_rng(0)
    for preset in presets:
        drawing.page.click(f"[data-preset={preset}]")
        for _ in range(STROKES):
            drawing.stroke(*generator.uniform(0.1, 0.9, (2, 2)))
        drawing.settled()
        for button in ("undo", "undo", "redo", "undo"):
            drawing.page.click(f"#{button}")
        drawing.settled()


def memory_of_rounds(drawing, enough, presets=PRESETS):
    """Draw until it is enough; MB of each process and of the page after each round."""
    drawing.until(lambda: "misplaced" in drawing.text("difference-caption"), 180)  # the model loads
    session = drawing.context.new_cdp_session(drawing.page)
    session.send("HeapProfiler.enable")
    fill = "for (let each = 0; each < 110; each++) document.querySelector('#clear').click()"
    drawing.page.evaluate(fill)  # what undo keeps is bounded, and full from here
    used, begun = [], time.monotonic()
    while not used or not enough(len(used), time.monotonic() - begun):
        draw_one_round(drawing, presets)
        session.send("HeapProfiler.collectGarbage")
        page = session.send("Runtime.getHeapUsage")
        page = (page["usedSize"] + page["backingStorageSize"]) / 1e6
        used.append([*drawing.server.memory(), page])
        print("MB of server, its processes and the page:", *np.round(used[-1], 2), flush=True)
    session.detach()
    return np.array(used)


def growth(used):
    """Return the median slope (Theil and Sen) of the later two thirds, in MB per stroke."""
    later = used[len(used) // 3 :]
    first, second = np.triu_indices(len(later), 1)
    slopes = (later[second] - later[first]) / (second - first)[:, None]
    return np.median(slopes, axis=0) / (STROKES * len(PRESETS))


def least_growth(used, presets=PRESETS):
    """Return the growth of the round that grows least, in MB per stroke: a leak is in each."""
    return np.diff(used, axis=0).min(axis=0) / (STROKES * len(presets))


def test_strokes_leak_no_memory(drawing):
    presets = PRESETS[:1]
    drawing.choose("electrons", "1")  # is solved at once, and leaves as much behind
    used = memory_of_rounds(drawing, lambda rounds, seconds: rounds == 3, presets)
    # That of the workers goes up and down by some MB, which takes more rounds to average.
    assert (least_growth(used, presets)[[0, -1]] < MOST_GROWTH).all()


@pytest.mark.slow
def test_a_leak_of_one_drawing_per_stroke_is_noticed(opened, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(LEAK)
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with contextlib.closing(Served(PYTHONPATH=path)) as leaking:
        used = memory_of_rounds(opened(leaking), lambda rounds, seconds: rounds == 6)
    assert growth(used)[0] > MOST_GROWTH
    assert least_growth(used)[0] > MOST_GROWTH


@pytest.mark.slow
def test_ten_minutes_of_strokes_leak_no_memory(drawing):
    used = memory_of_rounds(drawing, lambda rounds, seconds: seconds > 600 and rounds >= 8)
    print(f"MB per stroke in the end, of {len(used)} rounds:", growth(used).round(4))
    assert (growth(used) < MOST_GROWTH).all()


def test_pictures_of_the_page(drawing, request, tmp_path):
    drawing.page.set_viewport_size({"width": 1440, "height": 940})
    drawing.page.click("[data-preset=double-dot]")
    drawing.stroke((0.25, 0.62), (0.3, 0.72))
    drawing.settled()
    drawing.until(lambda: "misplaced" in drawing.text("difference-caption"), 180)
    folder = Path(request.config.getoption("--screenshots") or tmp_path)
    for scheme in ("dark", "light"):
        drawing.page.emulate_media(color_scheme=scheme)
        drawing.page.wait_for_timeout(50)  # a frame
        path = folder / f"live-{scheme}.png"
        drawing.page.screenshot(path=path)
        assert 20_000 < path.stat().st_size < 200_000
