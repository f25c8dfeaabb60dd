"""Draws that the solver refuses: the next draw of the same sample takes their place."""

import numpy as np
import pytest
from recipes_for_tests import Choosy
from tests.command import call

from keras_qd.data import generate, open_store
from keras_qd.errors import PhysicsError
from keras_qd.physics.potentials.base import sample_generator


def expected(index, limit=0.5):
    """Return the first number of a sample's stream that is accepted, and those before it."""
    generator = sample_generator(0, index)
    for n_refused in range(100):
        number = generator.random()
        if number >= limit:
            return number, n_refused
    raise AssertionError


def test_the_next_draw_of_the_same_stream_is_taken_and_counted(tmp_path):
    store = generate(tmp_path / "choosy", Choosy(), 20, workers=1)
    numbers, refused = zip(*map(expected, range(20)), strict=True)
    np.testing.assert_array_equal(store.read("number"), numbers)
    np.testing.assert_array_equal(store.read("refused"), refused)
    assert store.refused == sum(refused) > 0


def test_workers_and_interruptions_change_nothing(tmp_path):
    whole = generate(tmp_path / "whole", Choosy(), 20, workers=1)
    generate(tmp_path / "grown", Choosy(), 5, workers=2)
    grown = generate(tmp_path / "grown", Choosy(), 20, workers=2)
    assert grown.digest() == whole.digest()
    assert grown.refused == whole.refused
    assert open_store(tmp_path / "grown").refused == whole.refused


def test_a_recipe_that_is_always_refused_fails_with_reason_and_advice(tmp_path):
    message = r"sample 0: 100 draws in a row were refused.*too small.*gentler family"
    with pytest.raises(PhysicsError, match=message):
        generate(tmp_path / "choosy", Choosy(limit=2.0), 3, workers=1)


def test_inspect_shows_how_many_were_refused(tmp_path):
    store = generate(tmp_path / "choosy", Choosy(), 20, workers=1)
    assert f"refused draws: {store.refused}" in call("inspect", store.path).out
