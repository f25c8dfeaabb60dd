"""A data set of an installed plug-in is generated, kept, checked and timed as the built-in ones."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tests.command import refused, succeed

import keras_qd
from keras_qd.data import generate, open_store, recipe_class
from keras_qd.data.recipes import stored_recipe
from keras_qd.errors import PluginError, UnknownNameError, UsageError

COMMAND = "import sys, keras_qd.cli.main as cli; sys.path.insert(0, sys.argv.pop(1)); cli.main()"


def command(plugin, *arguments):
    """Run the command line in a process that finds the plug-in."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, str(plugin), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_generated_appended_and_timed(plugin):
    recipe = recipe_class("springs")(n_springs=3, seed=5)
    short = generate(plugin / "springs.zarr", recipe, 7, workers=2)
    store = generate(plugin / "springs.zarr", recipe, 20, workers=1)
    assert store.digest(7) == short.digest()
    assert store.damaged() == []
    assert store.label_error["energy"] == {"median": 1e-9, "largest": 1e-9, "unit": "Ha*"}
    found = stored_recipe(store.configuration)
    assert found == recipe
    samples = {"stiffness": store.read("stiffness")}
    np.testing.assert_allclose(found.solve_again(samples), store.read("energy"))
    assert found.solver_description() == "square roots of 3 numbers"


def test_a_cluster_makes_the_same_samples(plugin):
    distributed = pytest.importorskip("distributed", reason="needs the extra 'dask'")
    recipe = recipe_class("springs")()
    alone = generate(plugin / "alone.zarr", recipe, 12, workers=1)
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        assert generate(plugin / "c.zarr", recipe, 12, scheduler=client).digest() == alone.digest()


def test_it_is_loaded_by_name_made_at_first_use_and_kept(plugin):
    springs = keras_qd.load("springs", n_springs=2)
    assert springs.fields["stiffness"].shape == (2,)
    assert springs.metadata["samples"] == 30
    assert len(list((plugin / "cache").glob("springs-*.zarr"))) == 1
    path = springs.metadata["path"]
    assert keras_qd.load("springs", path=path, n_springs=2).metadata == springs.metadata
    with pytest.raises(UsageError, match="n_springs is 2, not 3"):
        keras_qd.load("springs", path=path, n_springs=3)
    with pytest.raises(UnknownNameError, match="did you mean 'n_springs'"):
        keras_qd.load("springs", n_spring=3)


def test_the_command_line_takes_its_settings(plugin):
    out = plugin / "springs.zarr"
    done = command(
        plugin, "generate", "springs", "--samples", 6, "--out", out, "--springs", 5, "--stiffness",
        0.25, "--seed", 2, "--workers", 1, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["digest"] == open_store(out).digest()
    assert made["configuration"] == {
        "kind": "springs",
        "recipe_version": 3,
        "n_springs": 5,
        "stiffness": 0.25,
        "seed": 2,
    }
    (plugin / "again.toml").write_text(succeed("inspect", out, "--toml"))
    succeed("generate", "--config", plugin / "again.toml", "--out", plugin / "again.zarr")
    assert open_store(plugin / "again.zarr").digest() == made["digest"]


def test_help_and_mistakes(plugin):
    shown = succeed("generate", "springs", "--help")
    assert "--springs INTEGER" in shown
    assert "Springs in a sample.  [4]" in shown
    assert "--electrons INTEGER" not in shown
    code, error = refused("generate", "springs", "--samples", 2, "--out", "x", "--grid", 3)
    assert (code, "no such option: --grid" in error) == (2, True)
    with pytest.raises(PluginError, match=r"misnamed' of springs-plugin 0\.3 .* kind = 'misnamed'"):
        recipe_class("misnamed")
    with pytest.raises(UsageError, match="'mnist' is not generated"):
        recipe_class("mnist")
