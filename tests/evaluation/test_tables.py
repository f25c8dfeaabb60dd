"""Tables of systems, means of groups, and the ranking of runs."""

from dataclasses import replace

import numpy as np
import pytest

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.evaluation import result
from keras_qd.evaluation.tables import by_decision, decision_rows, group_by, rank_runs

COLUMNS = {
    "index": np.arange(3),
    "density_l1": np.array([0.1, 1 / 3, np.nan]),
    "family": np.array(["dots", "rings", "dots"]),
}


def test_csv_reads_back_exactly(tmp_path):
    result.write_table(tmp_path / "table.csv", COLUMNS)
    found = result.read_table(tmp_path / "table.csv")
    assert list(found) == list(COLUMNS)
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(found[name], column)


def test_parquet_holds_the_same(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    result.write_table(tmp_path / "table.parquet", COLUMNS)
    found = parquet.read_table(tmp_path / "table.parquet")
    assert found.column_names == list(COLUMNS)
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(np.array(found[name].to_pylist()), column)


def test_paths_are_checked_in_advance(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"must end in one of \.csv, \.parquet"):
        result.check_table_path(tmp_path / "table.xlsx")
    monkeypatch.setattr(result, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"keras-qd\[parquet\]"):
        result.check_table_path(tmp_path / "table.parquet")


def test_groups_have_the_means_of_their_systems(evaluated):
    _, evaluation = evaluated
    groups = group_by(evaluation, "energy", n_groups=2)
    energy, error = evaluation.samples["energy"], evaluation.samples["density_l1"]
    assert sum(group.n_systems for group in groups) == 11
    for group in groups:
        inside = (energy >= group.low) & (energy <= group.high)
        assert group.means["density_l1"] == pytest.approx(error[inside].mean())
    assert list(groups[0].means) == ["density_l1", "density_r2", "density_ssim"]
    with pytest.raises(UnknownNameError, match="did you mean 'energy'"):
        group_by(evaluation, "energie")


def with_values(evaluation, value):
    """Return the evaluation with another value of every metric."""
    scores = tuple(replace(each, value=value) for each in evaluation.scores)
    return replace(evaluation, scores=scores)


def test_the_metric_decides_which_way_is_better(evaluated):
    values = {"b": 0.2, "nan": float("nan"), "a": 0.1, "c": 0.3}
    runs = {name: with_values(evaluated[1], value) for name, value in values.items()}
    assert rank_runs(runs) == ["a", "b", "c", "nan"]
    assert rank_runs(runs, "r2") == ["c", "b", "a", "nan"]
    with pytest.raises(UnknownNameError, match="did you mean 'r2'"):
        rank_runs(runs, "r22")


def test_only_the_same_systems_and_fields_are_ranked(evaluated):
    evaluation = evaluated[1]
    elsewhere = replace(evaluation, data={**evaluation.data, "systems": "another"})
    with pytest.raises(UsageError, match="same systems"):
        rank_runs({"one": evaluation, "other": elsewhere})
    scores = tuple(replace(each, field="energy") for each in evaluation.scores)
    with pytest.raises(UsageError, match="energy on test"):
        rank_runs({"one": evaluation, "other": replace(evaluation, scores=scores)})


def with_density_gaps(evaluation, gaps):
    """Return the evaluation with this number of each system."""
    units = {**evaluation.data["units"], "density_gap": "Ha*"}
    samples = {**evaluation.samples, "density_gap": np.asarray(gaps)}
    return replace(evaluation, data={**evaluation.data, "units": units}, samples=samples)


def test_undecided_systems_have_their_share_of_the_squared_error(evaluated):
    _, evaluation = evaluated
    gaps = np.full(11, 0.1)
    gaps[[2, 5]] = 0.01
    undecided, decided = by_decision(with_density_gaps(evaluation, gaps))
    error = evaluation.samples["density_l1"]
    assert (undecided.n_systems, decided.n_systems) == (2, 9)
    assert undecided.error == pytest.approx(error[[2, 5]].mean())
    assert undecided.squared_share == pytest.approx((error[[2, 5]] ** 2).sum() / (error**2).sum())
    assert undecided.squared_share + decided.squared_share == pytest.approx(1.0)


def test_without_density_gaps_nothing_is_decided(evaluated):
    assert by_decision(evaluated[1]) == []
    assert decision_rows(evaluated[1])[1] == []
