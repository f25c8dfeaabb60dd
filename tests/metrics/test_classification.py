"""Accuracy and confusion of classifiers."""

import numpy as np
import pytest

from keras_qd.errors import DataError
from keras_qd.metrics import Accuracy, CrossEntropy, confusion_matrix


@pytest.fixture
def classes(rng):
    return rng.integers(4, size=24), rng.uniform(size=(24, 4)).astype("float32")


@pytest.mark.parametrize("kind", ["classes", "column", "one-hot"])
def test_scores_against_classes(kind, classes, stream):
    exact, scores = classes
    shaped = {"classes": exact, "column": exact[:, None], "one-hot": np.eye(4)[exact]}[kind]
    expected = np.mean(scores.argmax(axis=1) == exact)
    assert Accuracy().over_set(shaped, scores) == expected
    assert stream(Accuracy(), shaped, scores, 12) == pytest.approx(expected, rel=1e-5)


def test_probabilities_of_two_classes(rng, stream):
    exact, probability = rng.integers(2, size=24), rng.uniform(size=(24, 1)).astype("float32")
    expected = np.mean((probability[:, 0] > 0.5) == exact)
    assert Accuracy().over_set(exact, probability) == expected
    assert stream(Accuracy(), exact, probability, 12) == pytest.approx(expected, rel=1e-5)


def test_weights(classes, stream):
    exact, scores = classes
    weights = np.arange(24.0)
    expected = np.average(scores.argmax(axis=1) == exact, weights=weights)
    assert stream(Accuracy(), exact, scores, 12, weights) == pytest.approx(expected, rel=1e-5)


def test_confusion(classes):
    exact, scores = classes
    matrix = confusion_matrix(exact, scores)
    assert matrix.sum() == 24
    assert np.trace(matrix) / 24 == Accuracy().over_set(exact, scores)
    for true, taken in np.ndindex(4, 4):
        found = np.sum((exact == true) & (scores.argmax(axis=1) == taken))
        assert matrix[true, taken] == found
    assert confusion_matrix(exact, scores, n_classes=6).shape == (6, 6)
    assert confusion_matrix([], []).shape == (0, 0)


def test_what_is_refused(classes):
    exact, scores = classes
    with pytest.raises(DataError, match="from 0 to 1"):
        confusion_matrix(exact, scores, n_classes=2)
    with pytest.raises(DataError, match="from 0 to"):
        confusion_matrix([-1, 0], [0, 1])
    with pytest.raises(DataError, match="differ in shape"):
        Accuracy().over_set(exact[:5], scores)
    for method in (Accuracy().over_set, Accuracy().update_state):
        with pytest.raises(DataError, match="classes have shape"):
            method(exact, scores[:, None, :])


@pytest.mark.parametrize("kind", ["classes", "column", "one-hot"])
def test_cross_entropy(kind, classes, stream):
    exact, scores = classes
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    shaped = {"classes": exact, "column": exact[:, None], "one-hot": np.eye(4)[exact]}[kind]
    each = -np.log(probabilities[np.arange(24), exact])
    np.testing.assert_allclose(CrossEntropy().per_sample(shaped, probabilities), each, rtol=1e-6)
    assert CrossEntropy().over_set(shaped, probabilities) == pytest.approx(each.mean(), rel=1e-5)
    streamed = stream(CrossEntropy(), shaped, probabilities, 12)
    assert streamed == pytest.approx(each.mean(), rel=1e-5)


def test_a_probability_of_zero_does_not_make_it_infinite(stream):
    arguments = ([1], [[1.0, 0.0]])
    expected = -np.log(1e-7)
    assert CrossEntropy().over_set(*arguments) == pytest.approx(expected)
    assert stream(CrossEntropy(), *map(np.array, arguments)) == pytest.approx(expected, rel=1e-5)


def test_unit_vectors_of_two_classes_say_what_numbers_say(rng, stream):
    exact, probabilities = np.array([1, 0, 0, 1]), rng.dirichlet([1, 1], 4).astype("float32")
    expected = -np.log(probabilities[np.arange(4), exact])
    for shaped in (exact, exact[:, None], np.eye(2)[exact]):
        found = CrossEntropy().per_sample(shaped, probabilities)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        streamed = stream(CrossEntropy(), shaped, probabilities)
        assert streamed == pytest.approx(expected.mean(), rel=1e-5)


@pytest.mark.parametrize("shapes", [((3,), (4, 2)), ((3, 2), (3, 4)), ((3,), (3,))])
def test_cross_entropy_of_what_does_not_fit(shapes):
    exact, predicted = (np.zeros(shape) for shape in shapes)
    for call in (CrossEntropy().over_set, CrossEntropy().update_state):
        with pytest.raises(DataError, match="do not match"):
            call(exact, predicted)
