"""The strip and the animation of a training, and lines cut through maps."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_qd.errors import UsageError
from keras_qd.evaluation.figure_data import Example
from keras_qd.report.elements import Animation, Section, embed_animation
from keras_qd.report.figures.fields import cuts_figure, peak
from keras_qd.report.figures.style import Labels
from keras_qd.report.figures.training import animation, strip_figure
from keras_qd.report.report import write_sections
from keras_qd.training.snapshots import Snapshots


def make_snapshots(shape, epochs):
    """Return snapshots of predictions that become exact with the last epoch."""
    rng = np.random.default_rng(0)
    exact = rng.uniform(0, 1, (4, *shape))
    noise = rng.normal(size=(4, *shape))
    predictions = {
        epoch: {"density": exact + noise * (1 - number / max(1, len(epochs) - 1))}
        for number, epoch in enumerate(epochs)
    }
    return Snapshots(np.array([0, 3, 5, 9]), {}, {"density": exact}, predictions)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (8, 8, 1), (20,)])
def test_a_strip_has_a_row_a_system_and_the_exact_field_last(shape):
    figure = strip_figure(make_snapshots(shape, range(1, 21)), "density")
    titles = [panel.get_title() for panel in figure.axes]
    assert titles[:7] == [*(f"epoch {n}" for n in (1, 5, 9, 12, 16, 20)), "exact density"]
    assert len(figure.axes) == 3 * 7
    rows = [panel.get_ylabel() for panel in figure.axes if panel.get_ylabel()]
    assert rows == ["system 0", "system 3", "system 5"]


def test_a_row_has_the_scale_of_its_exact_field():
    snapshots = make_snapshots((8, 8), [1, 2, 3])
    figure = strip_figure(snapshots, "density")
    for number, panel in enumerate(figure.axes):
        exact = snapshots.targets["density"][number // 4]
        assert panel.images[0].get_clim() == (exact.min(), exact.max())


def test_an_animation_has_a_frame_an_epoch_and_stops():
    with Image.open(
        io.BytesIO(animation(make_snapshots((8, 8), [1, 2, 5, 9]), "density"))
    ) as found:
        assert found.n_frames == 4
        assert found.info["loop"] == 3
        frames = []
        for number in range(4):
            found.seek(number)
            frames.append(np.asarray(found.convert("RGB")).astype(int))
    changes = [np.abs(one - frames[-1]).mean() for one in frames[:-1]]
    assert changes == sorted(changes, reverse=True)


def test_an_animation_of_a_long_training_is_fit_for_mail():
    """Noise, which compresses worst, on the grid of the data sets: a third of 24 epochs."""
    assert len(animation(make_snapshots((64, 64), range(1, 9)), "density")) < 2e6 / 3


def test_an_animation_without_motion_is_its_last_frame(tmp_path):
    content = animation(make_snapshots((8,), [1, 2]), "density")
    shown = Animation("evolution_density", lambda: content, "evolution")
    picture = embed_animation(shown)
    assert picture.light.startswith("data:image/gif;base64,")
    assert picture.dark.startswith("data:image/png;base64,")
    (path,) = write_sections([Section("Evolution", "", (), (shown,))], tmp_path)
    assert path == tmp_path / "evolution_density.gif"
    assert path.read_bytes() == content


def test_no_snapshots():
    with pytest.raises(UsageError, match="no epoch"):
        strip_figure(make_snapshots((8, 8), []), "density")


def test_cuts_go_through_the_peak():
    exact = np.zeros((4, 6))
    exact[2, 1] = -3.0
    predicted = exact + np.arange(24.0).reshape(4, 6)
    example = Example("best", 7, 0.1, {}, {"density": exact}, {"density": predicted})
    assert peak(exact) == (2, 1)
    figure = cuts_figure([example, example], "density", Labels(length=12.0))
    along_x, _, along_y, _ = figure.axes
    np.testing.assert_array_equal(along_x.lines[0].get_ydata(), exact[2])
    np.testing.assert_array_equal(along_x.lines[1].get_ydata(), predicted[2])
    np.testing.assert_array_equal(along_y.lines[1].get_ydata(), predicted[:, 1])
    np.testing.assert_allclose(along_x.lines[0].get_xdata(), 1 + 2 * np.arange(6))
    assert "along x at y = 7.5 a₀*" in along_x.get_title(loc="left")
    assert "along y at x = 3 a₀*" in along_y.get_title(loc="left")
    assert "Best: system 7" in along_x.get_title(loc="left")
    with pytest.raises(UsageError, match="only maps"):
        cuts_figure([Example("best", 0, 0.0, {}, {"d": exact[0]}, {"d": exact[0]})], "d", Labels())
