"""Systems grouped by a number of theirs."""

import itertools

import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UnknownNameError
from keras_qd.evaluation.grouping import divide, group_by
from keras_qd.report.figures.errors import dependence_figure
from keras_qd.report.figures.style import Labels


def test_groups_are_of_about_equal_size_and_in_order():
    values = np.random.default_rng(0).normal(size=103)
    groups = divide(values, 4)
    assert sorted(np.concatenate(groups).tolist()) == list(range(103))
    assert {len(rows) for rows in groups} <= {25, 26, 27}
    for lower, upper in itertools.pairwise(groups):
        assert values[lower].max() < values[upper].min()


def test_few_values_have_a_group_each_even_with_rounding_noise():
    spins = np.array([0.0, 2.0, 1e-16, 2.0 + 1e-15, 0.75])
    assert [rows.tolist() for rows in divide(spins, 4)] == [[0, 2], [4], [1, 3]]


def test_one_value_is_one_group():
    assert [rows.tolist() for rows in divide([3.0, 3.0], 4)] == [[0, 1]]


def test_the_means_are_those_of_the_groups(run):
    evaluation = keras_qd.evaluate(run, n_draws=10)
    groups = group_by(evaluation, "energy", n_groups=2)
    energy, error = evaluation.samples["energy"], evaluation.samples["density_l1"]
    assert sum(group.n_systems for group in groups) == 11
    for group in groups:
        inside = (energy >= group.low) & (energy <= group.high)
        assert group.means["density_l1"] == pytest.approx(error[inside].mean())
    assert list(groups[0].means) == ["density_l1", "density_r2", "density_ssim"]


def test_an_unknown_number_is_told(run):
    evaluation = keras_qd.evaluate(run, n_draws=10)
    with pytest.raises(UnknownNameError, match="did you mean 'energy'"):
        group_by(evaluation, "energie")


def test_the_figure_has_a_panel_for_each_number():
    generator = np.random.default_rng(1)
    numbers = {"energy": generator.normal(size=60), "gap": np.exp(generator.normal(0, 3, 60))}
    figure = dependence_figure(generator.random(60), numbers, Labels({"gap": "Ha*"}))
    assert [axes.get_xlabel() for axes in figure.axes] == ["energy", "gap (Ha*)"]
    assert [axes.get_xscale() for axes in figure.axes] == ["linear", "log"]
    assert len(figure.axes[0].get_lines()[1].get_xdata()) == 6
