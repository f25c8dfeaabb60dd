"""What processes answer, without a server; and the verb."""

import asyncio
import socket
import sys
from dataclasses import replace

import numpy as np
import pytest

from keras_qd import physics
from keras_qd.errors import UsageError
from keras_qd.inverse.problem import Conditions
from keras_qd.live import inversion, predictions, serve, solving
from keras_qd.live.messages import Request, pack, unpack
from keras_qd.live.worker import Worker

BOX = physics.Box(10.0)
X, Y = BOX.mesh(24)
DOT = Request("solve", 7, 24, BOX, field=0.2 * ((X - 5) ** 2 + 2 * (Y - 5) ** 2))


def answers(answer, request):
    """Return headers and fields of all answers."""
    messages = []
    answer(request, messages.append)
    found = map(unpack, messages)
    return [(header, body.reshape(-1, 24, 24)) for header, body in found]


def test_while_drawing_two_electrons_have_a_stated_error():
    ((draft, (density,)),) = answers(solving.answer, replace(DOT, kind="draft"))
    (full, (exact,)), (mu, _) = answers(solving.answer, DOT)
    assert draft["draft"]
    assert not full["draft"]
    error = np.abs(density - exact).sum() * BOX.pixel_area(24) / 2
    assert error < 3 * draft["density_error"] < 0.1
    for name in ("energy", "exchange", "gap"):
        allowed = 3 * draft[f"{name}_error"] + full[f"{name}_error"]
        assert abs(draft[name] - full[name]) < allowed < 0.01
    assert mu["event"] == "mu"
    assert draft["mu"] == pytest.approx(mu["mu"], abs=0.01)


@pytest.mark.parametrize("n_electrons", [1, 2, 3])
def test_the_chemical_potential_is_a_difference_of_energies(n_electrons):
    found = answers(solving.answer, replace(DOT, n_electrons=n_electrons))
    (exact,) = [header for header, _ in found if header["event"] == "exact"]
    (mu,) = [header for header, _ in found if "mu" in header]
    energies = physics.addition_energies(DOT.field, BOX, n_electrons)
    expected = energies.chemical_potentials[-1]
    assert mu["mu"] == pytest.approx(expected.value, abs=1e-9)
    assert mu["mu_error"] == pytest.approx(expected.error, rel=1e-6, abs=1e-12)
    assert exact["integral"] == pytest.approx(n_electrons, abs=1e-6)
    progress = [header["step"] for header, _ in found if header["event"] == "progress"]
    assert progress == ([1, 2] if n_electrons > 2 else [])


def test_degenerate_and_undecided_ground_states_are_flagged():
    round_dot = replace(DOT, field=0.2 * ((X - 5) ** 2 + (Y - 5) ** 2), n_electrons=3)
    without = replace(round_dot, interaction=physics.Interaction("none"))
    assert "Degenerate" in answers(solving.answer, without)[1][0]["undecided"]
    far = 0.5 * np.minimum((X - 3) ** 2, (X - 7) ** 2) + 0.5 * (Y - 5) ** 2
    assert "Undecided" in answers(solving.answer, replace(DOT, field=far))[0][0]["undecided"]
    assert answers(solving.answer, DOT)[0][0]["undecided"] == ""


@pytest.mark.parametrize("n_electrons", [1, 2, 3])
def test_the_spin_is_exact_where_the_order_of_levels_is_known(n_electrons):
    ((found, _), *_) = [
        each
        for each in answers(solving.answer, replace(DOT, n_electrons=n_electrons))
        if each[0]["event"] == "exact"
    ]
    assert found["spin"] == "exact"
    assert found["spin_squared"] == pytest.approx(0.75 if n_electrons % 2 else 0, abs=1e-6)


def test_spins_of_levels_in_doubt_and_of_degenerate_levels_are_not_called_exact():
    dot = physics.solve(DOT.field, BOX, 3)
    mean = replace(dot, spin_squared=0.5 * (0.75 + 3.75))  # of a doublet and a quartet
    assert solving._certainty_of_spin(mean) == "mixed"
    assert solving._certainty_of_spin(replace(dot, gap=1e-5, gap_error=1e-4)) == "undecided"


def test_an_inversion_streams_a_potential_with_its_proof():
    drawn = np.exp(-((X - 4) ** 2) / 4 - (Y - 5) ** 2 / 2)
    request = replace(DOT, kind="invert", field=drawn, n_electrons=1, tolerance=1e-3)
    (target, (wanted,)), *steps = answers(inversion.answer, request)
    assert target["event"] == "target"
    last, (potential, density) = steps[-1]
    assert last["ended"]
    assert last["converged"]
    dot = physics.solve(potential, BOX, 1)
    np.testing.assert_allclose(dot.density, density, atol=1e-4)
    assert np.abs(dot.density - wanted).sum() * BOX.pixel_area(24) < 1.2e-3
    # One message for each exact solution, and the last.
    assert [len(step["residuals"]) for step, _ in steps[:-1]] == list(range(1, len(steps)))
    assert last["residual"] == pytest.approx(min(last["residuals"]), rel=1e-6)


def test_an_empty_drawing_is_not_inverted():
    with pytest.raises(ValueError, match="draw the density first"):
        answers(inversion.answer, replace(DOT, kind="invert", field=np.zeros((24, 24))))


def test_a_model_is_applied_to_what_it_was_trained_for():
    trained = Conditions(10.0, 2, physics.Interaction("screened", screening_length=1.0), 1.0)
    same = replace(DOT, interaction=physics.Interaction("screened", screening_length=1.0))
    assert predictions.differences(trained, same) == ""
    assert predictions.differences(Conditions(), DOT) == ""
    found = predictions.differences(trained, replace(DOT, n_electrons=3, box=physics.Box(9.0)))
    assert found == (
        "The model was trained for N = 2, box side (a0*) = 10.0, interaction = screened 1."
    )


def test_the_prediction_of_a_run(trained):
    predictor, reason = predictions.load(str(trained.path))
    assert reason == ""
    x, y = BOX.mesh(16)
    dot = replace(DOT, n_pixels=16, field=0.2 * ((x - 5) ** 2 + (y - 5) ** 2))
    messages = []
    predictions.answer(predictor, reason, dot, messages.append)
    header, density = unpack(messages[0])
    assert header["integral"] == pytest.approx(density.sum() * BOX.pixel_area(16), rel=1e-5)
    assert header["seconds"] > 0
    predictions.answer(predictor, reason, DOT, messages.append)
    assert "16 x 16" in unpack(messages[1])[0]["reason"]


def test_a_run_without_a_model_is_an_answer_too(tmp_path):
    predictor, reason = predictions.load(str(tmp_path))
    assert predictor is None
    messages = []
    predictions.answer(predictor, reason, DOT, messages.append)
    assert str(tmp_path) in unpack(messages[0])[0]["reason"]


def test_a_run_of_another_task_is_refused(on_a_line):
    with pytest.raises(UsageError, match=r"maps potential to energy.*run of potential-to-density"):
        serve(on_a_line[0].path)


class Collected:
    """A page that collects what it gets."""

    def __init__(self):
        self.events = []

    def deliver(self, message):
        self.events.append(unpack(message)[0])


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_process_that_ends_is_started_again_and_drops_what_it_worked_at():
    async def work():
        page, broadcast = Collected(), []
        worker = Worker("exact", None, broadcast.append)
        worker.submit(page, replace(DOT, n_electrons=4))
        await until(lambda: page.events)
        worker.process.kill()
        await until(lambda: broadcast)
        worker.submit(page, replace(DOT, id=8, n_electrons=1))
        await until(lambda: page.events[-1]["event"] == "done" and page.events[-1]["id"] == 8)
        worker.close()
        return page.events, unpack(broadcast[0])[0]

    events, restarted = asyncio.run(work())
    assert restarted["role"] == "exact"
    assert "started again" in restarted["message"]
    kinds = [(event["event"], event["id"]) for event in events]
    assert kinds == [("progress", 7), ("done", 7), ("exact", 8), ("done", 8)]


def test_a_process_that_always_ends_is_given_up(monkeypatch):
    monkeypatch.setattr("keras_qd.live.worker._MOST_STARTS", 2)

    async def work():
        broadcast = []
        worker = Worker("exact", None, broadcast.append)
        for number in (1, 2):
            worker.submit(Collected(), DOT)
            await until(lambda: worker.process is not None)
            worker.process.kill()
            await until(lambda number=number: len(broadcast) == number)
        assert worker.process is None
        return unpack(broadcast[-1])[0]["message"]

    assert "restart keras-qd live" in asyncio.run(work())


def test_messages_keep_numbers_and_turn_others_into_null():
    header, body = unpack(pack({"a": np.float64(1.5), "b": float("nan"), "c": [1, None]}, [X, Y]))
    assert header == {"a": 1.5, "b": None, "c": [1, None]}
    np.testing.assert_array_equal(body, np.concatenate([X, Y]).ravel().astype(np.float32))


def test_other_addresses_are_warned_of(keras_qd_command, monkeypatch):
    asked = []
    monkeypatch.setattr("keras_qd.live.serve", lambda run, **options: asked.append(options))
    shown = keras_qd_command("live", "--host", "0.0.0.0", "--no-browser")
    assert shown.code == 0
    assert "warning: --host 0.0.0.0 lets everyone" in shown.error
    assert keras_qd_command("live", "--no-browser").error == ""
    assert [each["host"] for each in asked] == ["0.0.0.0", "127.0.0.1"]


def test_a_port_in_use_and_a_missing_extra_are_named(keras_qd_command, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = keras_qd_command("live", "--no-browser", "--port", port)
    assert found.code == 2
    assert f"cannot listen at 127.0.0.1, port {port}" in found.error
    monkeypatch.delitem(sys.modules, "keras_qd.live.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    found = keras_qd_command("live", "--no-browser")
    assert found.code == 2
    assert 'pip install "keras-qd[live]"' in found.error
