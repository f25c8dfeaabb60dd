"""``keras-qd generate``: a store from the command line."""

import json
import sys

import numpy as np
import pytest

from keras_qd.data import open_store
from tests.command import call

SMALL = ["--grid", "16", "--orbitals", "5", "--strength", "0.5", "--workers", "1"]


def run(*arguments):
    """Run the command line, print what it prints, and return its exit code."""
    finished = call(*arguments)
    print(finished.out, end="")
    print(finished.error, end="", file=sys.stderr)
    return finished.code


def test_makes_and_appends(tmp_path, capsys):
    path = tmp_path / "dots.zarr"
    assert run("generate", "quantum-dots", "--samples", 3, "--out", path, *SMALL, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["complete"]
    assert made["samples"] == made["finished"] == 3
    assert made["digest"] == open_store(path).digest()
    assert made["configuration"]["n_pixels"] == 16
    assert run("generate", "quantum-dots", "--samples", 5, "--out", path, *SMALL) == 0
    assert "5 samples" in capsys.readouterr().out
    assert open_store(path).digest(3) == made["digest"]


def test_every_option_reaches_the_recipe(tmp_path):
    path = tmp_path / "dots.zarr"
    options = {
        "--samples": 1,
        "--out": path,
        "--electrons": 3,
        "--grid": 16,
        "--box-length": 6,
        "--interaction": "finite-thickness",
        "--thickness": 0.4,
        "--strength": 0.3,
        "--orbitals": 6,
        "--family": "parabolic",
        "--set": "family.omega=[0.5,0.8]",
        "--seed": 7,
        "--workers": 1,
    }
    assert (
        run("generate", "quantum-dots", *(word for pair in options.items() for word in pair)) == 0
    )
    configuration = open_store(path).configuration
    assert configuration["family_settings"].pop("omega") == [0.5, 0.8]
    del configuration["family_settings"], configuration["recipe_version"]
    assert configuration == {
        "kind": "quantum-dots",
        "n_electrons": 3,
        "n_pixels": 16,
        "box_length": 6.0,
        "interaction": "finite-thickness",
        "thickness": 0.4,
        "screening_length": None,
        "gate_distance": None,
        "strength": 0.3,
        "n_orbitals": 6,
        "accuracy": None,
        "family": "parabolic",
        "kohn_sham": False,
        "density_gap": False,
        "material": None,
        "seed": 7,
    }


def test_wells(tmp_path):
    path = tmp_path / "wells.zarr"
    arguments = ["--samples", 600, "--out", path, "--points", 48, "--workers", 1]
    assert run("generate", "wells-1d", *arguments) == 0
    assert open_store(path).read("density").shape == (600, 48)
    assert np.isfinite(open_store(path).read("energy")).all()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["wells", "--samples", 2],
            2,
            "unknown data set 'wells'; did you mean 'wells-1d'?",
        ),
        (["wells-1d", "--samples", 2, "--grid", 16], 2, "no such option: --grid"),
        (["wells-1d", "--samples", 2, "--width", 1], 2, "write --set family.width=VALUE"),
        (["wells-1d", "--samples", 2, "--n-points", 16], 2, "write --points"),
        (["quantum-dots", "--samples", 2, "--set", "omega"], 2, "write KEY=VALUE"),
        (["quantum-dots", "--samples", 2, "--set", "amplitude=1"], 2, "mean 'family.amplitude'?"),
        (["quantum-dots", "--samples", 2, "--set", "model.a=1"], 2, "part with settings 'model'"),
        (["quantum-dots", "--samples", 2, "--set", "family.amplitude=x"], 2, "amplitude='x'"),
        (["quantum-dots", "--samples", 2, "--set", "family.omega=1"], 2, "no parameter 'omega'"),
        (["quantum-dots", "--samples", 2, "--family", "parabola"], 2, "did you mean 'parabolic'?"),
        (["quantum-dots", "--samples", 0], 2, "0 is not in the range 1<=x"),
        (["quantum-dots"], 2, "Missing option '--samples'"),
        (["--samples", 2], 2, "Missing argument"),
        (["quantum-dots", "--samples", 2, "--material", "GaAS"], 2, "did you mean 'GaAs'"),
        (["quantum-dots", "--samples", 2, "--effective-units"], 2, "--material; give both"),
        (
            ["quantum-dots", "--samples", 2, "--workers", 1, "--scheduler", "tcp://a:1"],
            2,
            "give --workers or --scheduler",
        ),
        (["quantum-dots", "--samples", 2, "--config", "nothing.toml"], 2, "does not exist"),
    ],
)
def test_wrong_usage_takes_one_line(tmp_path, capsys, arguments, code, message):
    assert run("generate", *arguments, "--out", tmp_path / "store") == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_another_configuration_is_refused(tmp_path, capsys):
    path = tmp_path / "dots.zarr"
    arguments = ["generate", "quantum-dots", "--samples", 2, "--out", path, *SMALL]
    assert run(*arguments) == 0
    assert run(*arguments, "--seed", 1) == 2
    assert "seed is 0, not 1" in " ".join(capsys.readouterr().err.split())


def test_help_keeps_the_lines_of_the_examples(capsys):
    assert run("generate", "--help") == 0
    assert "\n    keras-qd generate wells-1d" in capsys.readouterr().out


def test_help_has_headings(capsys):
    assert run("generate", "quantum-dots", "--help") == 0
    printed = capsys.readouterr().out
    heads = ["The store:", "The work:", "The electrons and", "The potentials:", "Other options:"]
    assert [head for head in heads if head not in printed] == []
    assert printed.index("--electrons") > printed.index("The electrons and")
    assert printed.index("--json") > printed.index("Other options:")


def write_config(tmp_path, **changes):
    """Write a small configuration with some lines changed, and return its path."""
    values = {
        "kind": '"quantum-dots"',
        "samples": 3,
        "grid": 16,
        "orbitals": 5,
        "strength": 0.5,
        "family": '"parabolic"',
        "workers": 1,
        **changes,
    }
    lines = [f"{key} = {value}" for key, value in values.items() if value is not None]
    path = tmp_path / "dots.toml"
    path.write_text("\n".join([*lines, "[family-settings]", "omega = [0.5, 0.8]", "ratio = 1.1"]))
    return path


def test_a_file_gives_what_the_command_line_does_not(tmp_path, capsys):
    config = write_config(tmp_path, out=f'"{tmp_path / "dots.zarr"}"')
    assert run("generate", "--config", config) == 0
    made = open_store(tmp_path / "dots.zarr")
    assert (made.n_samples, made.configuration["n_pixels"]) == (3, 16)
    other = ["--out", tmp_path / "other.zarr", "--samples", 2, "--seed", 4]
    assert run("generate", "--config", config, *other, "--set", "family.ratio=1.3") == 0
    found = open_store(tmp_path / "other.zarr")
    assert (found.n_samples, found.configuration["seed"]) == (2, 4)
    assert found.configuration["family_settings"]["ratio"] == 1.3
    assert found.configuration["family_settings"]["omega"] == [0.5, 0.8]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"orbital": 5}, "'orbital'; did you mean 'orbitals'?"),
        ({"orbitals": 5.5}, "'5.5' is not a valid integer"),
        ({"grid": "[16]"}, "is not a valid integer"),
        ({"samples": "= 3"}, "is not a TOML file"),
        ({"family": "{name = 'parabolic'}"}, "family must not be a table"),
        ({"scheduler": '"tcp://a:1"'}, "give --workers or --scheduler"),
        (
            dict.fromkeys(["kind", "grid", "orbitals", "strength", "family"]),
            "does not name a data set",
        ),
        ({"points": 12}, "'points'; Known:"),
    ],
)
def test_mistakes_in_a_file_take_one_line(tmp_path, capsys, changes, message):
    config = write_config(tmp_path, **changes)
    assert run("generate", "--config", config, "--out", tmp_path / "store") == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "store").exists()


def test_who_works_is_decided_by_the_command_line(tmp_path, capsys, monkeypatch):
    from keras_qd import _parallel

    monkeypatch.setattr(_parallel, "TIMEOUT", 1)
    config = write_config(tmp_path)
    arguments = ["generate", "--config", config, "--out", tmp_path / "store"]
    assert run(*arguments, "--scheduler", "tcp://127.0.0.1:9") == 1
    assert "Dask" in capsys.readouterr().err
    config = write_config(tmp_path, workers=None, scheduler='"tcp://127.0.0.1:9"')
    assert run(*arguments, "--workers", 1) == 0


def test_a_material_takes_nm_and_mev(tmp_path):
    path = tmp_path / "dots.zarr"
    given = ["--material", "GaAs", "--box-length", 100, "--set", "family.amplitude=[4,6]"]
    assert run("generate", "quantum-dots", "--samples", 2, "--out", path, *SMALL, *given) == 0
    stored = open_store(path).configuration
    assert stored["material"] == "GaAs"
    assert stored["box_length"] == pytest.approx(9.81486, rel=1e-5)
    assert stored["family_settings"]["amplitude"] == pytest.approx([0.365102, 0.547653], rel=1e-5)
    again = ["--material", "GaAs", "--effective-units", "--box-length", stored["box_length"]]
    again += ["--set", f"family.amplitude={stored['family_settings']['amplitude']}"]
    assert run("generate", "quantum-dots", "--samples", 2, "--out", path, *SMALL, *again) == 0
