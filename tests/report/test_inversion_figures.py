"""Figures of inversions: what is drawn is what was found."""

import numpy as np
import pytest
from matplotlib.contour import QuadContourSet

from keras_qd.errors import UsageError
from keras_qd.inverse import Inversion
from keras_qd.physics import Box
from keras_qd.report.figures.inversions import inversion_figure, inversions_figure

N = 12


def make_inversion(determined):
    generator = np.random.default_rng(0)
    target = generator.random((N, N))
    return Inversion(
        potential=5.0 + generator.standard_normal((N, N)),
        density=target + 0.01 * generator.standard_normal((N, N)),
        energy=1.5,
        gap=0.1,
        residual=0.02,
        start_residual=0.3,
        iterations=2,
        residuals=np.array([0.3, np.nan, 0.02]),
        potential_error=np.where(determined, 0.1, 1.0),
        determined=determined,
        density_error=1e-5,
        duality_gap=1e-6,
        reason="stagnated",
        target=target,
        box=Box(8.0),
        tolerance=1e-3,
    )


def half():
    mask = np.ones((N, N), bool)
    mask[:, : N // 2] = False
    return mask


def images(figure):
    return {
        axes.get_title(): axes.images[0]
        for axes in figure.findobj(lambda artist: hasattr(artist, "images") and artist.images)
    }


def test_densities_share_a_scale_and_the_difference_is_centred():
    inversion = make_inversion(half())
    shown = images(inversion_figure(inversion, "a ring"))
    wanted, exact = shown["target density"], shown["exact density in the potential"]
    np.testing.assert_array_equal(wanted.get_array(), inversion.target)
    assert wanted.get_clim() == exact.get_clim()
    difference = shown["exact − target"]
    np.testing.assert_allclose(difference.get_array(), inversion.density - inversion.target)
    low, high = difference.get_clim()
    assert low == -high
    assert difference.get_extent() == [0, 8.0, 0, 8.0]


def test_the_scale_of_the_potential_is_that_of_where_it_is_determined():
    inversion = make_inversion(half())
    inversion.potential[0, 0] = 1e4  # where nothing is known
    figure = inversion_figure(inversion)
    image = images(figure)["potential (hatched: not determined)"]
    low, high = image.get_clim()
    assert low == -high
    assert high < 5
    known = image.get_array()[inversion.determined]
    assert known.mean() == pytest.approx(0, abs=1e-12)
    hatched = [each for each in figure.findobj(QuadContourSet) if any(each.hatches)]
    assert len(hatched) == 1
    (path,) = hatched[0].get_paths()
    assert path.vertices[:, 0].max() == pytest.approx(4.0, abs=8.0 / N)


def test_the_error_band_is_drawn_around_the_potential():
    inversion = make_inversion(half())
    figure = inversion_figure(inversion)
    (cut,) = (axes for axes in figure.axes if axes.get_title().startswith("along x"))
    (band,) = cut.collections
    heights = band.get_paths()[0].vertices[:, 1]
    row = np.unravel_index(inversion.target.argmax(), (N, N))[0]
    widest = 2 * inversion.potential_error[row].max()
    assert np.ptp(heights) >= widest
    assert cut.get_legend_handles_labels()[1] == ["potential", "90 % interval"]


def test_nothing_is_hatched_where_all_is_determined():
    figure = inversion_figure(make_inversion(np.ones((N, N), bool)))
    assert not figure.findobj(QuadContourSet)
    assert "potential" in images(figure)


def test_the_headline_says_whether_the_target_was_reached():
    title = inversion_figure(make_inversion(half()), "a ring").get_suptitle()
    assert title.startswith("a ring: ∫|δn| / N = 0.02, not reached (stagnated)")


def test_several_are_drawn_in_rows():
    figure = inversions_figure([make_inversion(half())] * 3, ["a", "b", "c"])
    assert len(figure.subfigs) == 3
    with pytest.raises(UsageError, match="no inversion"):
        inversions_figure([], [])
