"""Figures: shared and centred colour scales, units on every axis, the same file each time."""

import dataclasses

import numpy as np
import pytest
from tests.wells import make_wells

from keras_qd.errors import UsageError
from keras_qd.evaluation.examples import Example, count_parity
from keras_qd.report.figures.errors import errors_figure
from keras_qd.report.figures.fields import systems_figure
from keras_qd.report.figures.style import DARK, LIGHT, Labels, drawing, field_colours, pretty, save
from keras_qd.report.figures.training import curve_names, curves_figure
from keras_qd.report.plates import inline

LABELS = Labels({"potential": "Ha*", "density": "1/a0*^2"}, 10.0, measure="L1")
HISTORY = {
    "epoch": [1.0, 2.0, 3.0],
    "loss": [30.0, 9.0, 2.0],
    "generator_loss": [30.0, 9.0, 2.0],
    "discriminator_loss": [0.7, 0.6, 0.65],
    "l1": [0.3, 0.2, 0.1],
    "val_l1": [0.4, 0.3, 0.2],
    "seconds": [1.0, 1.0, 1.0],
}


def make_example(n_dimensions=2):
    wells = make_wells(1, 0)
    fields = {name: wells[name][0] for name in ("potential", "density")}
    if n_dimensions == 1:
        fields = {name: values[8] for name, values in fields.items()}
    density = fields["density"]
    predicted = {"density": 1.5 * density}
    return Example(
        "worst", 3, 0.01, {"potential": fields["potential"]}, {"density": density}, predicted
    )


def images_of(figure):
    return {title_of(axes): axes.images[0] for axes in figure.axes if axes.images}


def title_of(axes):
    """Return the title, wherever the style puts it."""
    return axes.get_title(loc="left") or axes.get_title()


def test_exact_and_predicted_share_a_scale_and_the_difference_is_centred():
    with drawing():
        images = images_of(systems_figure([make_example()], LABELS))
    assert list(images) == [
        "potential",
        "density, exact",
        "density, predicted",
        "predicted − exact",
    ]
    exact, predicted = images["density, exact"], images["density, predicted"]
    assert exact.get_clim() == predicted.get_clim()
    assert exact.get_clim()[1] == pytest.approx(1.5 * make_example().reference["density"].max())
    low, high = images["predicted − exact"].get_clim()
    assert low == -high


def test_axes_carry_units_and_the_box():
    figure = systems_figure([make_example()], LABELS)
    first = next(axes for axes in figure.axes if axes.images)
    assert (first.get_xlabel(), first.get_ylabel()) == ("x (a₀*)", "y (a₀*)")
    assert list(first.images[0].get_extent()) == [0, 10, 0, 10]
    bars = [bar.get_ylabel() for axes in figure.axes for bar in axes.child_axes]
    assert bars == ["Ha*", "a₀*⁻²", "a₀*⁻²"]
    pixels = systems_figure([make_example()], Labels())
    assert next(axes for axes in pixels.axes if axes.images).get_xlabel() == "x (pixel)"


def test_a_row_for_each_target_of_each_system():
    one, two = make_example(), make_example()
    two = dataclasses.replace(
        two,
        reference={"a": two.reference["density"], "b": two.reference["density"]},
        prediction={"a": two.reference["density"], "b": two.reference["density"]},
    )
    for examples, n_rows in (([one], 1), ([one, one], 2), ([two], 2)):
        figure = systems_figure(examples, LABELS)
        assert sum(bool(axes.images) for axes in figure.axes if axes.get_xlabel()) == 4 * n_rows


def test_profiles_become_curves():
    figure = systems_figure([make_example(1)], LABELS)
    overlaid = figure.axes[1]
    assert [line.get_label() for line in overlaid.get_lines()] == ["exact", "predicted"]
    np.testing.assert_allclose(overlaid.get_lines()[0].get_xdata()[[0, -1]], [10 / 17, 160 / 17])


def test_numbers_cannot_be_drawn_as_systems():
    number = {"energy": np.array(3.0)}
    with pytest.raises(UsageError, match="maps"):
        systems_figure([Example("best", 0, 0.0, {}, number, number)], LABELS)


@pytest.mark.parametrize(
    ("values", "cmap", "limits"),
    [
        ([-3.0, 1.0], "RdBu_r", (-3, 3)),
        ([0.0, 2.0], "viridis", (0, 2)),
        ([-0.01, 2.0], "viridis", (-0.01, 2)),
        ([-2.0, -1.0], "viridis", (-2, -1)),
        ([0.0, 0.0], "viridis", (0, 0)),
    ],
)
def test_the_sign_decides_the_colours(values, cmap, limits):
    assert field_colours(values) == {"cmap": cmap, "vmin": limits[0], "vmax": limits[1]}


def test_curves_of_whatever_there_is():
    names = curve_names(HISTORY)
    assert names == ["generator_loss", "discriminator_loss", "l1"]
    figure = curves_figure(HISTORY, {"l1": "L1"})
    titles = [title_of(axes) for axes in figure.axes]
    assert titles == ["generator loss", "discriminator loss", "L1"]
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear", "linear"]
    assert [line.get_label() for line in figure.axes[2].get_lines()] == ["training", "validation"]
    np.testing.assert_array_equal(figure.axes[2].get_lines()[1].get_ydata(), HISTORY["val_l1"])


def test_loss_goes_by_the_name_of_its_metric():
    history = {"epoch": [0, 1], "l1_loss": [2.0, 1.0], "adversarial_loss": [1.0, 1.0]}
    figure = curves_figure(history, {"l1": "L1"})

    assert [title_of(axes) for axes in figure.axes][:2] == ["L1 loss", "adversarial loss"]


def test_no_curves_is_told():
    with pytest.raises(UsageError, match="no losses"):
        curves_figure({"epoch": [1.0], "seconds": [2.0]})


def test_parity_counts_every_value_once():
    reference = np.random.default_rng(0).normal(size=(300, 5, 5))
    parity = count_parity("density", reference, reference)
    assert parity.counts.sum() == reference.size
    assert np.count_nonzero(parity.counts - np.diag(np.diag(parity.counts))) == 0


def test_parity_of_a_constant():
    assert count_parity("density", np.ones((2, 3)), np.ones((2, 3))).counts.sum() == 6


def test_errors_are_counted():
    values = np.array([0.1, 0.2, 0.2, np.nan])
    parity = count_parity("density", np.zeros((4, 2)), np.ones((4, 2)))
    figure = errors_figure(values, parity, LABELS)
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 3
    assert figure.axes[1].get_xlabel() == "exact density (a₀*⁻²)"
    with pytest.raises(UsageError, match="no systems"):
        errors_figure([np.nan], parity, LABELS)


def test_a_figure_is_the_same_file_each_time(tmp_path):
    contents = []
    for _ in range(2):
        with drawing():
            paths = save(curves_figure(HISTORY), tmp_path / "curves")
        contents.append([path.read_bytes() for path in paths])
    assert [path.suffix for path in paths] == [".png", ".svg", ".pdf"]
    assert contents[0] == contents[1]


def test_a_picture_for_light_and_for_dark_screens():
    picture = inline(lambda: curves_figure(HISTORY), "learning curves")
    assert picture.light.startswith("data:image/svg+xml;base64,")
    assert picture.light != picture.dark
    assert picture.width > picture.height > 0
    assert LIGHT.ground != DARK.ground


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("1/a0*^2", "a₀*⁻²"), ("1/nm", "nm⁻¹"), ("", ""), ("meV nm^2", "meV nm²"), ("dB", "dB")],
)
def test_units_in_print(unit, expected):
    assert pretty(unit) == expected
