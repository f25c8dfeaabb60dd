"""Runs are ranked on the same systems or not at all."""

from dataclasses import replace

import pytest

import keras_qd
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.evaluation.result import rank_runs


@pytest.fixture(scope="module")
def evaluation(trained, tmp_path_factory):
    import shutil

    path = shutil.copytree(trained.path, tmp_path_factory.mktemp("ranked") / "wells")
    return keras_qd.evaluate(path, n_draws=10)


def with_values(evaluation, value):
    """Return the evaluation with another value of every metric."""
    return replace(
        evaluation, scores=tuple(replace(each, value=value) for each in evaluation.scores)
    )


def test_the_metric_decides_which_way_is_better(evaluation):
    runs = {
        name: with_values(evaluation, value)
        for name, value in (("b", 0.2), ("nan", float("nan")), ("a", 0.1), ("c", 0.3))
    }
    assert rank_runs(runs) == ["a", "b", "c", "nan"]
    assert rank_runs(runs, "r2") == ["c", "b", "a", "nan"]


def test_other_systems_are_refused(evaluation):
    other = replace(evaluation, data={**evaluation.data, "systems": "another"})
    with pytest.raises(UsageError, match="same systems"):
        rank_runs({"one": evaluation, "other": other})


def test_other_fields_are_refused(evaluation):
    scores = tuple(replace(each, field="energy") for each in evaluation.scores)
    with pytest.raises(UsageError, match="energy on test"):
        rank_runs({"one": evaluation, "other": replace(evaluation, scores=scores)})


def test_an_unknown_metric_is_told(evaluation):
    with pytest.raises(UnknownNameError, match="did you mean 'r2'"):
        rank_runs({"one": evaluation}, "r22")
