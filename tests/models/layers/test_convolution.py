"""Both forms of the 4 x 4 convolutions against their definition as sums."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_qd.models.layers import convolution
from keras_qd.models.layers.convolution import Convolve, Downsample, Upsample

GRIDS = [(8, 8), (7, 8), (5, 3), (2, 2), (1, 1)]
FORMS = [True, False]


def strided_sum(image, kernel):
    n, ny, nx, _ = image.shape
    rows, columns = -(-ny // 2), -(-nx // 2)
    padded = np.pad(image, ((0, 0), (1, 2), (1, 2), (0, 0)))
    result = np.zeros((n, rows, columns, kernel.shape[-1]))
    for i in range(4):
        for j in range(4):
            part = padded[:, i : i + 2 * rows : 2, j : j + 2 * columns : 2]
            result += part[:, :rows, :columns] @ kernel[i, j]
    return result


def transposed_sum(image, kernel):
    n, ny, nx, _ = image.shape
    framed = np.zeros((n, 2 * ny + 2, 2 * nx + 2, kernel.shape[2]))
    for i in range(4):
        for j in range(4):
            framed[:, i : i + 2 * ny : 2, j : j + 2 * nx : 2] += image @ kernel[i, j].T
    return framed[:, 1:-1, 1:-1]


@pytest.fixture(params=FORMS, ids=["product", "native"])
def form(request, monkeypatch):
    monkeypatch.setattr(convolution, "_runs_on_xla", lambda: request.param)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("grid", [(9, 9), (7, 4), (4, 4)])
def test_convolution_is_the_sum_over_the_kernel(grid):
    random = np.random.default_rng(3)
    image = random.normal(size=(2, *grid, 3)).astype("float32")
    kernel = random.normal(size=(4, 4, 3, 5)).astype("float32")
    rows, columns = (side - 3 for side in grid)
    expected = sum(
        image[:, i : i + rows, j : j + columns] @ kernel[i, j] for i in range(4) for j in range(4)
    )

    result = ops.convert_to_numpy(convolution.convolution(image, kernel))

    np.testing.assert_allclose(result, expected, atol=2e-5)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("grid", GRIDS)
def test_strided_convolution_is_the_sum_over_the_kernel(grid):
    random = np.random.default_rng(1)
    image = random.normal(size=(2, *grid, 3)).astype("float32")
    kernel = random.normal(size=(4, 4, 3, 5)).astype("float32")

    result = ops.convert_to_numpy(convolution.strided_convolution(image, kernel))

    np.testing.assert_allclose(result, strided_sum(image, kernel), atol=2e-5)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("grid", GRIDS)
def test_transposed_convolution_is_the_sum_over_the_kernel(grid):
    random = np.random.default_rng(2)
    image = random.normal(size=(2, *grid, 3)).astype("float32")
    kernel = random.normal(size=(4, 4, 5, 3)).astype("float32")

    result = ops.convert_to_numpy(convolution.transposed_convolution(image, kernel))

    np.testing.assert_allclose(result, transposed_sum(image, kernel), atol=2e-5)


@pytest.mark.usefixtures("form")
def test_the_two_convolutions_are_adjoint_on_an_even_grid():
    random = np.random.default_rng(3)
    small = random.normal(size=(1, 2, 2, 3)).astype("float32")
    large = random.normal(size=(1, 4, 4, 5)).astype("float32")
    kernel = random.normal(size=(4, 4, 5, 3)).astype("float32")

    up = ops.convert_to_numpy(convolution.transposed_convolution(small, kernel))
    down = ops.convert_to_numpy(convolution.strided_convolution(large, kernel))

    assert np.vdot(up, large) == pytest.approx(np.vdot(small, down), rel=1e-5)


def test_jax_takes_the_products():
    assert convolution._runs_on_xla() == (keras.config.backend() == "jax")


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(Convolve, (2, 4, 3, 6)), (Downsample, (2, 4, 3, 6)), (Upsample, (2, 14, 12, 6))],
)
@pytest.mark.parametrize("use_bias", [True, False])
def test_sizes_and_round_trip(layer, shape, use_bias, tmp_path):
    model = keras.Sequential([keras.Input((7, 6, 3)), layer(6, use_bias=use_bias)])
    images = np.random.default_rng(0).normal(size=(2, 7, 6, 3)).astype("float32")
    expected = model.predict(images, verbose=0)
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert expected.shape == shape
    assert len(loaded.weights) == 1 + use_bias
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), expected)


def test_bias_is_added():
    layer = Downsample(2)
    layer.build((None, 4, 4, 1))
    layer.set_weights([np.zeros((4, 4, 1, 2)), np.array([1.0, -2.0])])

    result = keras.ops.convert_to_numpy(layer(np.ones((1, 4, 4, 1), "float32")))

    np.testing.assert_array_equal(result, np.broadcast_to([1.0, -2.0], (1, 2, 2, 2)))
