"""Figures: shared and centred colour scales, units on every axis, the same file each time."""

import dataclasses

import numpy as np
import pytest
from tests.wells import make_wells

from keras_qd.data import Wells
from keras_qd.errors import UsageError
from keras_qd.evaluation.figure_data import Example, count_parity
from keras_qd.report.elements import ReportFigure, embed
from keras_qd.report.figures.errors import confusion_figure, dependence_figure, errors_figure
from keras_qd.report.figures.fields import energies_figure, systems_figure
from keras_qd.report.figures.images import (
    WRONG,
    classes_figure,
    latent_image,
    latents_figure,
    reconstructions_figure,
)
from keras_qd.report.figures.style import (
    DARK,
    LIGHT,
    Labels,
    encode_all,
    field_colours,
    figure_style,
    pretty,
)
from keras_qd.report.figures.training import curve_names, curves_figure

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
    with figure_style():
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


def test_no_curves():
    with pytest.raises(UsageError, match="no losses"):
        curves_figure({"epoch": [1.0], "seconds": [2.0]})


def test_errors_are_counted():
    values = np.array([0.1, 0.2, 0.2, np.nan])
    parity = count_parity("density", np.zeros((4, 2)), np.ones((4, 2)))
    figure = errors_figure(values, parity, LABELS)
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 3
    assert figure.axes[1].get_xlabel() == "exact density (a₀*⁻²)"
    with pytest.raises(UsageError, match="no systems"):
        errors_figure([np.nan], parity, LABELS)


def test_a_figure_is_the_same_file_each_time():
    with figure_style():
        first, second = (encode_all(curves_figure(HISTORY)) for _ in range(2))
    assert list(first) == ["png", "svg", "pdf"]
    assert first == second


def test_a_picture_for_light_and_for_dark_screens():
    curves = ReportFigure("curves", lambda: curves_figure(HISTORY), "learning curves")
    picture = embed(curves)
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


def test_the_figure_has_a_panel_for_each_number():
    generator = np.random.default_rng(1)
    numbers = {"energy": generator.normal(size=60), "gap": np.exp(generator.normal(0, 3, 60))}
    figure = dependence_figure(generator.random(60), numbers, Labels({"gap": "Ha*"}))
    assert [axes.get_xlabel() for axes in figure.axes] == ["energy", "gap (Ha*)"]
    assert [axes.get_xscale() for axes in figure.axes] == ["linear", "log"]
    assert len(figure.axes[0].get_lines()[1].get_xdata()) == 6


LINE_LABELS = Labels({"potential": "Ha*", "density": "1/a0*", "energy": "Ha*"}, 10.0)


def make_lines(indices):
    """Return samples on a line."""
    return Wells(n_points=48).make(indices)


def test_levels_lie_in_the_potential():
    samples = make_lines(range(7))
    profiles = {name: samples[name] for name in ("potential", "density")}
    figure = energies_figure(profiles, samples["energy"], samples["energy"], "energy", LINE_LABELS)
    assert len(figure.axes) == 10
    drawn = [panel for panel in figure.axes if panel.lines]
    assert len(drawn) == 7
    lines = {line.get_label(): line for line in drawn[2].lines}
    assert lines["exact energy"].get_ydata()[0] == samples["energy"][2]
    np.testing.assert_array_equal(lines["potential"].get_ydata(), samples["potential"][2])
    np.testing.assert_allclose(lines["density"].get_xdata()[[0, -1]], [0, 10])
    assert drawn[0].get_ylim() == drawn[6].get_ylim()


def test_other_numbers_and_densities_alone():
    samples = make_lines(range(5))
    values, density = samples["kinetic_energy"], {"density": samples["density"]}
    figure = energies_figure(density, values, values, "kinetic_energy", LINE_LABELS)
    assert [len(panel.lines) for panel in figure.axes] == [1] * 5
    title = figure.axes[1].get_title(loc="left") or figure.axes[1].get_title()
    assert title == f"exact {values[1]:.4f}, predicted {values[1]:.4f}"


def test_no_systems_on_a_line():
    with pytest.raises(UsageError, match="no systems on a line"):
        energies_figure({}, np.ones(3), np.ones(3), "energy", LINE_LABELS)


def test_wrong_classes_are_marked():
    probabilities = np.array([[0.9, 0.1], [0.25, 0.75]])
    figure = classes_figure(np.ones((2, 3, 3)), np.array([0, 0]), np.array([0, 1]), probabilities)
    right, wrong = figure.axes
    assert right.get_title() == "0 (90 %)"
    assert (wrong.get_title(), wrong.title.get_color()) == ("1 (75 %), is 0", WRONG)
    assert wrong.spines["top"].get_visible()
    assert not right.spines["top"].get_visible()


def test_the_confusion_matrix_has_its_numbers():
    figure = confusion_figure(np.array([[5, 1], [0, 7]]), "digit")
    panel = figure.axes[0]
    found = {(text.get_position(), text.get_text()) for text in panel.texts}
    assert found == {((0, 0), "5"), ((1, 0), "1"), ((1, 1), "7")}
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("predicted digit", "exact digit")


def test_latent_numbers_of_any_shape_become_images():
    numbers = np.arange(8.0).reshape(2, 2, 2)
    expected = [[0, 2, np.nan, 1, 3], [4, 6, np.nan, 5, 7]]
    np.testing.assert_array_equal(latent_image(numbers), expected)
    assert latent_image(np.arange(7.0)).shape == (2, 4)
    images = np.ones((3, 4, 4))
    assert len(reconstructions_figure(images, np.ones((3, 5)), images).axes) == 9
    assert len(reconstructions_figure(images, np.empty((0,)), images).axes) == 6
    drawn = latents_figure(np.ones((3, 4, 5)), np.arange(3)).axes
    assert [panel.get_title() for panel in drawn[:3]] == ["0", "1", "2"]
