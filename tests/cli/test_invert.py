"""``keras-qd invert``: what it writes, what it prints, how it ends."""

import json

import numpy as np
import pytest

from keras_qd import inverse, physics
from keras_qd.data import open_store
from tests.command import call

BOX = physics.Box(8.0)
QUICK = ["--electrons", "2", "--length", "8", "--tolerance", "0.5", "--interaction", "none"]


def targets(n):
    """Two lobes, turned one by one."""
    return np.stack(
        [
            inverse.density_target("two-lobes", width=0.3, angle=0.3 * i).density(BOX, 16, 2)
            for i in range(n)
        ]
    )


def invert(*arguments):
    return call("invert", *arguments)


def check_proof(fields, number):
    """The stored density is that of the ground state in the stored potential."""
    again = physics.solve(fields["potential"][number], BOX, 2, "none")
    np.testing.assert_allclose(fields["density"][number], again.density, atol=1e-3)
    assert fields["energy"][number] == pytest.approx(again.energy, abs=1e-3)
    off = np.abs(again.density - fields["density_wanted"][number])
    assert fields["residual"][number] == pytest.approx(off.sum() * BOX.pixel_area(16) / 2, abs=1e-3)


def test_a_target_comes_back_with_its_proof(tmp_path):
    np.save(tmp_path / "wanted.npy", targets(1)[0])
    out = tmp_path / "found.npz"
    code, printed, _ = invert(tmp_path / "wanted.npy", *QUICK, "--out", out)
    assert code == 0
    assert "2 electrons in a box of 8 a0*" in printed
    assert "start       integral |dn| / N =" in printed
    with np.load(out, allow_pickle=False) as found:
        fields = dict(found)
    check_proof(fields, 0)
    assert fields["residual"][0] <= 0.5
    described = json.loads(str(fields["description"]))
    assert described["configuration"]["box_length"] == 8.0
    assert described["fields"]["potential"]["unit"] == "Ha*"
    assert set(described["fields"]) == set(fields) - {"description"}
    assert (tmp_path / "found.png").stat().st_size > 10_000


def test_a_tolerance_that_is_not_met_is_reported_and_the_nearest_is_written(tmp_path):
    out = tmp_path / "found.npz"
    shape = ["two-lobes", "--set", "width=0.3", "--points", "16", "--max-seconds", "0.3"]
    arguments = [*shape, *QUICK, "--tolerance", "1e-13", "--no-figure", "--json", "--out", out]
    code, printed, error = invert(*arguments)
    assert code == 1
    assert "the tolerance 1e-13 is not met" in error
    assert f"the nearest is in {out}" in error
    summary = json.loads(printed)
    (single,) = summary["inversions"]
    assert summary["n_converged"] == 0
    # The start is measured on a coarser grid, where the closed form is as near.
    assert single["residual"] < 1e-4
    with np.load(out, allow_pickle=False) as found:
        check_proof(dict(found), 0)
    assert not (tmp_path / "found.png").exists()


def test_many_targets_are_the_same_with_any_number_of_workers(tmp_path):
    np.save(tmp_path / "wanted.npy", targets(4))
    arguments = [tmp_path / "wanted.npy", *QUICK, "--samples", "1:"]
    for workers in (1, 2):
        out = ["--out", tmp_path / f"{workers}.zarr", "--workers", workers]
        figure = [] if workers == 1 else ["--no-figure"]
        code, printed, error = invert(*arguments, *out, *figure)
        assert code == 0, error
        assert "3 of 3" in printed
    stores = [open_store(tmp_path / f"{workers}.zarr") for workers in (1, 2)]
    assert stores[0].digest() == stores[1].digest()
    fields = {name: stores[0].read(name) for name in stores[0].fields}
    np.testing.assert_array_equal(fields["target"], [1, 2, 3])
    check_proof(fields, 2)
    assert stores[0].fields["density"].unit == "1/a0*^2"
    assert (tmp_path / "1.png").exists()
    assert not (tmp_path / "2.png").exists()


def test_a_device_comes_back_with_its_settings(tmp_path):
    out = tmp_path / "device.npz"
    device = ["--family", "gate-array", "--set", "family.n_gates=2"]
    shape = ["two-lobes", "--set", "width=0.3", "--points", "16"]
    arguments = [*shape, *QUICK, *device, "--tolerance", "0.9", "--no-figure", "--out", out]
    code, printed, error = invert(*arguments)
    assert code == 0, error
    assert "gate_1_1 = " in printed
    with np.load(out, allow_pickle=False) as found:
        fields = dict(found)
        names = json.loads(str(found["description"]))["fields"]["parameters"]["labels"]
    family = physics.potential_family("gate-array", n_gates=2)
    assert names == list(family.parameter_names)
    assert fields["parameters"].shape == (1, 5)
    check_proof(fields, 0)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["rign", "--electrons", "1"], 2, "did you mean 'ring'"),
        (["ring"], 2, "pass --electrons"),
        (["ring", "--electrons", "1", "--set", "radius"], 2, "KEY=VALUE"),
        (["ring", "--electrons", "1", "--gauge", "zero"], 2, "unknown gauge"),
        (["ring", "--electrons", "9"], 2, "'--electrons'"),
        (["ring", "--electrons", "1", "--family", "gate-arry"], 2, "did you mean 'gate-array'"),
        (["ring", "--electrons", "1", "--set", "family.n_gates=2"], 2, "need --family"),
        (
            ["ring", "--electrons", "1", "--family", "double-dot", "--half-waves", "9"],
            2,
            "--half-waves cannot be used with --family",
        ),
        (["ring", "--electrons", "1", "--run", "nowhere"], 1, "nowhere"),
        (["ring", "--electrons", "1", "--samples", "a"], 2, "neither a number"),
        (["ring", "--electrons", "1", "--figure", "f.jpg"], 2, "must end in one of .png"),
    ],
)
def test_mistakes_are_reported_before_any_work(arguments, code, message, tmp_path):
    found, _, error = invert(*arguments, "--out", tmp_path / "out.npz")
    assert message in error
    assert found == code
    assert not list(tmp_path.iterdir())


def test_noise_of_each_pixel_comes_from_a_file(tmp_path):
    wanted = targets(1)[0]
    np.save(tmp_path / "wanted.npy", wanted)
    np.save(tmp_path / "noise.npy", 0.02 * wanted)
    quick = [*QUICK, "--tolerance", "1e-4", "--no-figure", "--out"]
    for noise in ("0.02", tmp_path / "noise.npy"):
        out = tmp_path / f"{str(noise)[-4:]}.npz"
        code, _, error = invert(tmp_path / "wanted.npy", "--noise", noise, *quick, out)
        assert code == 0, error
    with np.load(tmp_path / "0.02.npz") as one, np.load(tmp_path / ".npy.npz") as other:
        np.testing.assert_allclose(one["potential"], other["potential"], atol=1e-5)
    code, _, error = invert(
        tmp_path / "wanted.npy", "--noise", "no.npy", *quick, tmp_path / "x.npz"
    )
    assert code == 2
    assert "no.npy cannot be read" in error


def test_what_exists_is_kept(tmp_path):
    out = tmp_path / "out.npz"
    out.write_text("mine")
    code, _, error = invert("ring", "--electrons", "1", "--out", out)
    assert code == 2
    assert "replace it with --force" in error
    assert out.read_text() == "mine"
    code, _, error = invert("ring", "--electrons", "1", "--out", tmp_path / "out.csv")
    assert code == 2
    assert ".npz file or a .zarr store" in error
