"""``keras-qd inspect``: what a store contains."""

import json
import pickle
import shutil
import sys

import numpy as np
import pytest

from keras_qd.data import GateDots, QuantumDots, Wells, generate, in_material, open_store
from tests.command import call, refused, succeed

RECIPE = QuantumDots(n_pixels=16, n_orbitals=5, strength=0.5)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store that no test changes."""
    path = tmp_path_factory.mktemp("made") / "dots.zarr"
    generate(path, RECIPE, 8, workers=1)
    return path


@pytest.fixture
def path(made, tmp_path):
    """A copy of the store."""
    return shutil.copytree(made, tmp_path / "dots.zarr")


def run(*arguments):
    """Run the command line, print what it prints, and return its exit code."""
    finished = call(*arguments)
    print(finished.out, end="")
    print(finished.error, end="", file=sys.stderr)
    return finished.code


def test_prints_fields_configuration_and_digest(made, capsys):
    assert run("inspect", made, "--verify") == 0
    printed = capsys.readouterr().out
    for word in ("8 of 8 samples, complete", "8 x 16 x 16", "1/a0*^2", "checksums: correct"):
        assert word in printed


def test_json_has_ranges_and_digest(made, capsys):
    assert run("inspect", made, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["complete"]
    assert found["fields"]["density"]["shape"] == [8, 16, 16]
    assert found["fields"]["density"]["unit"] == "1/a0*^2"
    assert found["fields"]["density"]["mean"] == pytest.approx(2 / 100, rel=1e-6)
    assert found["fields"]["density"]["not_finite"] == 0
    assert found["configuration"]["interaction"] == "coulomb"
    assert len(found["digest"]) == 64


def test_damage_is_found_and_reported(path, capsys):
    chunk = path / "energy" / "c" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-3])
    assert run("inspect", path) == 1
    printed = " ".join(capsys.readouterr().err.split())
    assert "energy of samples 0 to 7 is damaged" in printed
    assert run("inspect", path, "--verify", "--json") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["damaged_shards"] == [0]
    assert "samples 0-7 do not match their checksums" in " ".join(printed.err.split())


def test_an_unfinished_store_is_described(tmp_path, capsys):
    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    path = tmp_path / "half.zarr"
    with pytest.raises(KeyboardInterrupt):
        generate(path, RECIPE, 4000, workers=1, progress=stop)
    assert run("inspect", path) == 0
    assert "0 of 4000 samples, unfinished" in capsys.readouterr().out
    assert run("inspect", path, "--figure", tmp_path / "sheet.png") == 1
    assert "no finished samples" in capsys.readouterr().err


def test_figures_of_maps_and_of_profiles(made, tmp_path):
    for suffix in (".png", ".svg"):
        assert run("inspect", made, "--figure", tmp_path / f"sheet{suffix}") == 0
        assert (tmp_path / f"sheet{suffix}").stat().st_size > 5000
    generate(tmp_path / "wells.zarr", Wells(n_points=48), 20, workers=1)
    assert run("inspect", tmp_path / "wells.zarr", "--figure", tmp_path / "wells.png") == 0
    assert (tmp_path / "wells.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 1, "there is no data set at nothing"),
        (["."], 1, "holds no Zarr group"),
    ],
)
def test_what_is_not_a_store_is_refused(tmp_path, monkeypatch, capsys, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thesis.txt").write_text("two years of work")
    assert run("inspect", *arguments) == code
    assert message in capsys.readouterr().err


def test_unknown_figure_formats_are_refused(made, capsys):
    assert run("inspect", made, "--figure", made.with_name("sheet.docx")) == 2
    assert "must end in one of .png" in capsys.readouterr().err


def test_sizes_are_printed(made, capsys):
    assert run("inspect", made, "--json") == 0
    fields = json.loads(capsys.readouterr().out)["fields"]
    on_disk = sum(
        file.stat().st_size for file in (made / "density" / "c").rglob("*") if file.is_file()
    )
    assert on_disk <= fields["density"]["bytes"] < on_disk + 5000
    assert run("inspect", made) == 0
    assert " kB" in capsys.readouterr().out


def test_a_material_shows_nm_and_mev(tmp_path, capsys):
    path = tmp_path / "dots.zarr"
    recipe = in_material(QuantumDots, "GaAs", box_length=100, n_pixels=16, n_orbitals=5)
    energies = generate(path, recipe, 3, workers=1).read("energy")
    assert run("inspect", path) == 0
    printed = capsys.readouterr().out
    assert f"{energies.min() * 10.956:.3g}" in printed
    for word in ("meV", "1/nm^2", "of GaAs", "10.19 nm", "10.96 meV"):
        assert word in printed
    assert run("inspect", path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fields"]["energy"]["minimum"] == energies.min()
    assert found["material"]["hartree_mev"] == pytest.approx(10.956, rel=1e-3)
    assert run("inspect", path, "--figure", tmp_path / "sheet.png") == 0


@pytest.mark.parametrize(
    "recipe",
    [
        in_material(
            QuantumDots,
            "GaAs",
            box_length=97.3,
            n_pixels=16,
            n_orbitals=5,
            interaction="screened",
            screening_length=11.1,
            family="random-mixture",
            family_settings={"components": ["gate-array", {"family": "parabolic", "omega": 3}]},
            seed=3,
        ),
        Wells(n_points=32, length=7.7, family="gaussian-wells", family_settings={"depth": 1.1}),
        GateDots(ranges={"left": (5, 9), "right": (5, 9), "barrier": (0, 0)}, max_electrons=1),
    ],
)
def test_the_file_of_a_store_makes_it_again(tmp_path, capsys, recipe):
    store = generate(tmp_path / "first", recipe, 3, workers=1)
    assert run("inspect", tmp_path / "first", "--toml") == 0
    (tmp_path / "again.toml").write_text(capsys.readouterr().out)
    arguments = ["--config", tmp_path / "again.toml", "--out", tmp_path / "again"]
    assert run("generate", *arguments, "--workers", 1) == 0
    again = open_store(tmp_path / "again")
    assert again.configuration == store.configuration
    assert again.digest() == store.digest()


def test_a_url_is_inspected(made, capsys):
    assert run("inspect", made.as_uri(), "--verify") == 0
    assert "checksums: correct" in capsys.readouterr().out


def test_a_registered_data_set_is_shown_and_drawn(tmp_path):
    printed = succeed("inspect", "mnist", "--set", "subset=true", "--figure", tmp_path / "a.png")
    assert "mnist: 4290 to train, 350 to validation, 360 to test" in printed
    assert "28 x 28" in printed
    assert (tmp_path / "a.png").stat().st_size > 5000
    found = json.loads(succeed("inspect", "mnist", "--set", "subset=true", "--json"))
    assert found["samples"] == {"train": 4290, "validation": 350, "test": 360}
    assert found["fields"]["image"]["maximum"] == 255
    for option in ("--verify", "--toml"):
        assert "are for stored data sets" in refused("inspect", "mnist", option)[1]


def test_a_generated_data_set_is_made_and_exported(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path / "cache"))
    few = ("--set", "samples=20", "--set", "n_points=16", "--set", "family=random-fourier")
    printed = succeed("inspect", "wells-1d", *few, "--to", tmp_path / "course")
    assert "20 of 20 samples, complete" in printed
    arrays = {}
    for name in ("V", "density", "E"):
        with (tmp_path / "course" / f"{name}.db").open("rb") as file:
            arrays[name] = pickle.load(file)
    assert {name: each.shape for name, each in arrays.items()} == {
        "V": (20, 16),
        "density": (20, 16),
        "E": (20,),
    }
    assert "exists already" in refused("inspect", "wells-1d", *few, "--to", tmp_path / "course")[1]
    (made,) = (tmp_path / "cache").glob("*.zarr")
    np.testing.assert_array_equal(arrays["E"], open_store(made).read("energy"))
    assert "--set is for a registered" in refused("inspect", made, *few)[1]
