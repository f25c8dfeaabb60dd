"""Stability diagrams against the full calculation at every pixel."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from keras_qd.devices import CapacitanceModel, Device, GaussianGate, stability_diagram, sweep_gate
from keras_qd.devices.search import Journal
from keras_qd.errors import PhysicsError, UsageError

GATES = [GaussianGate("left", 45, 60, 20), GaussianGate("right", 75, 60, 20)]
RANGES = ((-4.0, 12.0), (-3.0, 13.0))
N = 17


@pytest.fixture(scope="module")
def device():
    return Device(GATES, side=120, n_pixels=24)


@pytest.fixture(scope="module")
def diagram(device, tmp_path_factory):
    journal = tmp_path_factory.mktemp("diagram") / "journal.jsonl"
    found = stability_diagram(device, "left", "right", RANGES, N, max_electrons=2, journal=journal)
    return found, journal


def exact_energies(device, pixels, max_electrons, ranges):
    """Energies of 0 to max_electrons at pixels (row, column), and slopes along both voltages."""
    x, y = np.linspace(*ranges[0], N), np.linspace(*ranges[1], N)
    rows = np.zeros((len(pixels), max_electrons + 1, 3))
    for pixel, (row, column) in enumerate(pixels):
        for n in range(1, max_electrons + 1):
            voltages = {"left": x[column], "right": y[row]}
            found = device.charge_state(voltages, n)  # with the accuracy of the solver
            steps = np.array([x[1] - x[0], y[1] - y[0]])
            rows[pixel, n] = found.energy.value, *(found.slopes * steps)
    return rows


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_every_transition_is_within_half_a_pixel(device, diagram, step):
    found, _ = diagram
    check_transitions(device, found, np.argwhere(np.ones((N, N)))[:: 2 * step - 1], RANGES)


@pytest.mark.slow
def test_every_transition_of_three_electrons_is_within_half_a_pixel(device):
    ranges = ((2.0, 22.0), (1.0, 21.0))
    found = stability_diagram(device, "left", "right", ranges, N, max_electrons=3)
    assert set(np.unique(found.n_electrons)) >= {1, 2, 3}
    check_transitions(device, found, np.argwhere(np.ones((N, N)))[::5], ranges)


def check_transitions(device, found, pixels, ranges):
    """Where the number differs from the full calculation, a line passes within half a pixel."""
    exact = exact_energies(device, pixels, len(found.energies) - 1, ranges)
    best = exact[:, :, 0].argmin(axis=1)
    given = found.n_electrons[tuple(pixels.T)]
    wrong = np.flatnonzero(best != given)
    assert len(wrong) < 0.04 * len(pixels)
    for pixel in wrong:
        change = exact[pixel, given[pixel]] - exact[pixel, best[pixel]]
        assert change[0] <= 0.55 * np.linalg.norm(change[1:])
    energies = found.energies[:, pixels[:, 0], pixels[:, 1]].T
    known = np.isfinite(energies)
    assert known[np.arange(len(pixels)), given].all()
    np.testing.assert_allclose(energies[known], exact[:, :, 0][known], atol=0.15)


def test_it_takes_a_share_of_the_solutions(diagram):
    found, _ = diagram
    assert found.chemical_potentials.shape == (2, N, N)
    assert len(found.solved) < 0.6 * 2 * N**2
    assert set(np.unique(found.n_electrons)) == {0, 1, 2}


def test_occupations_of_the_regions(diagram):
    found, _ = diagram
    np.testing.assert_array_equal(found.occupations.sum(axis=0), found.n_electrons)
    seen = {tuple(pair) for pair in found.occupations.reshape(2, -1).T.tolist()}
    assert {(0, 0), (0, 1), (1, 0), (1, 1)} <= seen
    assert 0 < found.transitions.mean() < 1


def test_lever_arms(diagram):
    found, _ = diagram
    corner = found.lever_arms(0, N - 1)  # left at 12 mV, right at -3
    assert corner["left"] > corner["right"] > 0


def test_resumed_diagram_is_the_same(device, diagram, tmp_path):
    found, journal = diagram
    lines = journal.read_text().splitlines()
    part = tmp_path / "journal.jsonl"
    part.write_text("\n".join(lines[: 4 * len(lines) // 5]) + "\n[3, 4")
    progress = []
    again = stability_diagram(
        device,
        "left",
        "right",
        RANGES,
        N,
        max_electrons=2,
        journal=part,
        progress=lambda done, total: progress.append((done, total)),
    )
    np.testing.assert_array_equal(again.n_electrons, found.n_electrons)
    np.testing.assert_array_equal(again.energies, found.energies)
    assert progress[-1] == (N**2, N**2)
    assert sorted(part.read_text().splitlines()) == sorted(lines)


def test_journal_of_another_diagram(device, diagram):
    _, journal = diagram
    with pytest.raises(UsageError, match="another diagram"):
        stability_diagram(device, "left", "right", ((0, 1), (0, 1)), N, journal=journal)


def test_refused_potentials_are_marked(device, monkeypatch):
    solve = Device.charge_state

    def refuse(self, voltages, n_electrons, **settings):
        if voltages["left"] > 4.0:
            raise PhysicsError("too sharp")
        return solve(self, voltages, n_electrons, **settings)

    monkeypatch.setattr(Device, "charge_state", refuse)
    ranges = ((-4.0, 6.0), (-4.0, 2.0))
    found = stability_diagram(device, "left", "right", ranges, 6, max_electrons=1)
    np.testing.assert_array_equal(found.n_electrons[:, -1], -1)
    assert (found.n_electrons[:, 0] >= 0).all()


def test_two_processes_find_the_same(device):
    ranges = ((0.0, 8.0), (0.0, 8.0))
    alone, both = (
        stability_diagram(device, "left", "right", ranges, 5, max_electrons=1, workers=k)
        for k in (1, 2)
    )
    np.testing.assert_array_equal(alone.energies, both.energies)


def test_a_cluster_finds_the_same_and_resumes(device, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra 'dask'")
    ranges, journal, seen = ((0.0, 8.0), (0.0, 8.0)), tmp_path / "journal.jsonl", []
    given = {"max_electrons": 1, "journal": journal}
    alone = stability_diagram(device, "left", "right", ranges, 5, max_electrons=1)
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        for _ in range(2):  # the second time from the journal
            found = stability_diagram(
                device,
                "left",
                "right",
                ranges,
                5,
                scheduler=cluster.scheduler_address,
                progress=lambda *count: seen.append(count),
                **given,
            )
            np.testing.assert_array_equal(found.energies, alone.energies)
        swept = {"gate": "left", "values": [0.0, 4.0], "max_electrons": 1}
        sweep = sweep_gate(device, **swept, scheduler=cluster.scheduler_address)
        np.testing.assert_array_equal(sweep.energies, sweep_gate(device, **swept).energies)
    assert seen[-1] == (25, 25)
    assert len(journal.read_text().splitlines()) == len(found.solved) + 1


def test_a_coarser_accuracy_is_another_diagram(device, diagram):
    _, journal = diagram
    with pytest.raises(UsageError, match="another diagram"):
        stability_diagram(
            device, "left", "right", RANGES, N, max_electrons=2, journal=journal, accuracy=1e-2
        )


def test_table(diagram, tmp_path):
    found, _ = diagram
    found.to_csv(tmp_path / "diagram.csv")
    with (tmp_path / "diagram.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0][:5] == ["left (mV)", "right (mV)", "electrons", "left", "right"]
    assert len(rows) == N**2 + 1
    assert [int(row[2]) for row in rows[1:]] == found.n_electrons.ravel().tolist()


def test_capacitances_of_a_model(tmp_path):
    """The constant-interaction model of two dots far apart gives back its own capacitances."""
    capacitances = np.array([[40.0, -8.0], [-8.0, 50.0]])
    model = CapacitanceModel(
        160.2176634 * np.linalg.inv(capacitances),
        np.array([[0.3, 0.1], [0.1, 0.4]]),
        np.zeros(2),
        0,
    )
    np.testing.assert_allclose(model.cdd, capacitances)
    np.testing.assert_allclose(model.cgd, -capacitances @ model.levers)
    model.to_csv(tmp_path / "c.csv", ("a", "b"), ("left", "right"))
    with (tmp_path / "c.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["dot", "a (aF)", "b (aF)", "left (aF)", "right (aF)"]
    table = np.array([row[1:] for row in rows[1:]], dtype=float)
    np.testing.assert_allclose(table, np.hstack([model.cdd, model.cgd]))


def test_capacitance_model_needs_enough_electrons(diagram):
    found, _ = diagram
    with pytest.raises(UsageError, match="max_electrons"):
        stability_diagram(
            Device(GATES, side=120, n_pixels=16),
            "left",
            "right",
            ((-4.0, 4.0), (-4.0, 4.0)),
            3,
            max_electrons=1,
        ).capacitance_model()
    assert found.regions == ("left", "right")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 1}, "2 to 2,000"),
        ({"ranges": ((1, 0), (0, 1))}, "increasing"),
        ({"ranges": ((0, 1),)}, "ranges"),
        ({"gate_y": "left"}, "must differ"),
        ({"voltages": {"left": 3.0}}, "must not be among the other voltages"),
        ({"max_electrons": 9}, "1 to 6"),
        ({"gate_x": "lfet"}, "did you mean"),
        ({"accuracy": 0.0}, "accuracy"),
        ({"voltages": {"rihgt": 1.0}}, "did you mean"),
    ],
)
def test_refusals(device, arguments, message):
    given = {"gate_x": "left", "gate_y": "right", "ranges": RANGES, "n": N, **arguments}
    with pytest.raises(UsageError, match=message):
        stability_diagram(device, **given)


@pytest.mark.parametrize(
    "line",
    [
        "3",
        "[[1], 2, 3, 1.0]",
        '[0, 0, 1, "x"]',
        "[0, 0, 1, {}]",
        "[0, 0, 1]",
        "[0, 0, 1, 5.0]",
        "[9, 0, 1, 5.0, 1.0]",
        "[0, 0, true, 5.0, 1.0]",
        '{"a": 1}',
        "[" * 50_000,
        "\udcff\udcfe",
    ],
)
def test_a_damaged_line_of_a_journal_and_what_follows_are_solved_again(tmp_path, line):
    path, header = tmp_path / "journal.jsonl", {"n": 9}
    good = ['{"n": 9}', "[0, 8, 1, 5.0, null]", line, "[1, 1, 1, 5.0, 1.0]"]
    path.write_text("\n".join(good) + "\n", encoding="utf-8", errors="surrogateescape")
    journal = Journal(path, header, 2)
    ((key, values),) = journal.items()
    assert key == (0, 8, 1)
    np.testing.assert_array_equal(values, [5.0, np.nan])
    assert path.read_text().splitlines() == good[:2]


def test_a_damaged_header_of_a_journal_is_refused(tmp_path):
    path = tmp_path / "journal.jsonl"
    for header in (b"[" * 50_000, b"\xff\xfe\x00", b"{}"):
        path.write_bytes(header + b"\n")
        with pytest.raises(UsageError, match="belongs to another diagram"):
            Journal(path, {"n": 9}, 2)
        assert path.read_bytes() == header + b"\n"


def test_names_of_gates_are_no_formulas_to_a_spreadsheet(diagram, tmp_path):
    found = replace(diagram[0], gate_x="=1+1", regions=("@a", "b"))
    found.to_csv(tmp_path / "diagram.csv")
    with (tmp_path / "diagram.csv").open(newline="") as file:
        assert next(csv.reader(file))[::3][:2] == ["'=1+1 (mV)", "'@a"]
