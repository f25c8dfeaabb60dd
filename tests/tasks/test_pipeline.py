"""Fields become the arrays of a network, and its output becomes fields again."""

import json

import numpy as np
import pytest

from keras_qd.data import Field
from keras_qd.errors import DataError
from keras_qd.tasks import Pipeline, Task


def task(inputs, targets, scaling=None):
    return Task(
        name="t", dataset="d", model="m", inputs=inputs, targets=targets, scaling=scaling or {}
    )


@pytest.fixture
def fields():
    generator = np.random.default_rng(1)
    return {
        "potential": generator.normal(3.0, 2.0, size=(6, 5, 4)),
        "density": generator.uniform(0.0, 2.0, size=(6, 5, 4)),
        "energy": generator.normal(size=6),
        "line": generator.normal(size=(6, 7)),
        "colour": generator.normal(size=(6, 5, 4, 3)),
        "digit": np.array([0, 3, 1, 2, 3, 1]),
    }


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        ("potential", (5, 4, 1)),
        (("potential", "density"), (5, 4, 2)),
        (("colour", "density"), (5, 4, 4)),
        ("line", (7, 1)),
        ("energy", (1,)),
    ],
)
def test_channels(fields, names, shape):
    pipeline = Pipeline.fit(task(names, "energy"), fields)
    assert pipeline.input_shape == shape
    assert pipeline.scale_inputs(fields).shape == (6, *shape)
    assert pipeline.scale_inputs(fields).dtype == np.float32


def test_targets_come_back_in_physical_units(fields):
    scaling = {"potential": "standard", "density": "max"}
    pipeline = Pipeline.fit(task("line", ("potential", "density"), scaling), fields)
    scaled = pipeline.scale_targets(fields)
    assert abs(scaled[..., 0].mean()) < 1e-6
    restored = pipeline.restore(scaled)
    for name in ("potential", "density"):
        np.testing.assert_allclose(restored[name], fields[name], rtol=0, atol=2e-6)


def test_configuration_survives_json(fields):
    pipeline = Pipeline.fit(task("potential", "density", {"potential": "standard"}), fields)
    again = Pipeline.from_config(json.loads(json.dumps(pipeline.to_config())))
    np.testing.assert_array_equal(again.scale_inputs(fields), pipeline.scale_inputs(fields))
    assert again.output_shape == pipeline.output_shape


def test_classes_come_back_with_their_probabilities(fields):
    described = {"digit": Field((), limits=(0, 4))}
    pipeline = Pipeline.fit(
        task("potential", ("digit", "energy"), {"digit": "one-hot"}), fields, described
    )
    assert pipeline.output_shape == (6,)
    wanted = pipeline.scale_targets(fields)
    restored = pipeline.restore(wanted)
    np.testing.assert_array_equal(restored["digit"], fields["digit"])
    np.testing.assert_array_equal(restored["digit_probabilities"], wanted[:, :5])
    np.testing.assert_allclose(restored["energy"], fields["energy"], rtol=1e-6)
    again = Pipeline.from_config(json.loads(json.dumps(pipeline.to_config())))
    np.testing.assert_array_equal(again.scale_targets(fields), wanted)


def test_a_field_may_go_in_and_come_out(fields):
    pipeline = Pipeline.fit(task("density", "density", {"density": "max"}), fields)
    scaled = pipeline.scale_inputs(fields)
    np.testing.assert_array_equal(scaled, pipeline.scale_targets(fields))
    np.testing.assert_allclose(pipeline.restore(scaled)["density"], fields["density"], atol=1e-6)


def test_scaling_is_fitted_on_what_it_is_given_alone(fields):
    pipeline = Pipeline.fit(task("potential", "density", {"potential": "standard"}), fields)
    shifted = {**fields, "potential": fields["potential"] + 100.0}
    assert pipeline.scale_inputs(shifted).mean() > 10.0


def test_missing_field_is_named(fields):
    with pytest.raises(DataError, match="needs the field gap, which the data set lacks"):
        Pipeline.fit(task("gap", "density"), fields)
    pipeline = Pipeline.fit(task("potential", "density"), fields)
    with pytest.raises(DataError, match="'potential' is missing; given: line"):
        pipeline.scale_inputs({"line": fields["line"]})


def test_fields_of_different_shapes_are_tensors_by_name(fields):
    pipeline = Pipeline.fit(task(("potential", "line"), ("density", "energy")), fields)
    assert pipeline.input_shape == {"potential": (5, 4, 1), "line": (7, 1)}
    assert pipeline.output_shape == {"density": (5, 4, 1), "energy": (1,)}
    assert {k: v.shape for k, v in pipeline.scale_inputs(fields).items()} == {
        "potential": (6, 5, 4, 1),
        "line": (6, 7, 1),
    }
    restored = pipeline.restore(pipeline.scale_targets(fields))
    np.testing.assert_allclose(restored["density"], fields["density"], rtol=1e-6)
    np.testing.assert_allclose(restored["energy"], fields["energy"], rtol=1e-6)


def test_a_vector_with_labels_is_so_many_numbers(fields):
    described = {"line": Field((7,), labels=tuple("abcdefg"))}
    pipeline = Pipeline.fit(task(("line", "energy"), "line"), fields, described)
    assert (pipeline.input_shape, pipeline.output_shape) == ((8,), (7,))
    assert (pipeline.kind("line"), pipeline.kind("energy")) == ("numbers", "numbers")
    again = Pipeline.from_config(json.loads(json.dumps(pipeline.to_config())))
    np.testing.assert_array_equal(again.scale_inputs(fields), pipeline.scale_inputs(fields))
    np.testing.assert_allclose(
        again.restore(again.scale_targets(fields))["line"], fields["line"], rtol=1e-6
    )
    assert again.on_grid({"line": (9,), "energy": ()}) is again


def test_wrong_shape_says_what_was_expected(fields):
    pipeline = Pipeline.fit(task("potential", "density"), fields)
    with pytest.raises(DataError, match=r"has shape \(6, 3, 3\); expected \(n, 5, 4\)"):
        pipeline.scale_inputs({"potential": np.zeros((6, 3, 3))})


def test_values_that_are_not_finite_are_counted(fields):
    pipeline = Pipeline.fit(task("potential", "density"), fields)
    broken = fields["potential"].copy()
    broken[2, 0, 0], broken[4, 1, 1] = np.nan, np.inf
    with pytest.raises(DataError, match="NaN or infinity in 2 of 6 samples, first in sample 2"):
        pipeline.scale_inputs({"potential": broken})


def test_lines_and_maps_may_have_another_grid(fields):
    names = {"line": (7,), "energy": ()}
    trained = Pipeline.fit(task("line", "energy"), fields)
    assert trained.on_grid(names) is trained
    assert trained.on_grid({"line": (9,), "energy": ()}).input_shape == (9, 1)
    assert trained.on_grid({"line": (4, 4)}) is trained
