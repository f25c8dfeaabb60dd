"""Tables as CSV and Parquet hold the same numbers."""

import numpy as np
import pytest

from keras_qd.errors import UsageError
from keras_qd.evaluation import result as tables

COLUMNS = {
    "index": np.arange(3),
    "density_l1": np.array([0.1, 1 / 3, np.nan]),
    "family": np.array(["dots", "rings", "dots"]),
}


def test_csv_reads_back_exactly(tmp_path):
    tables.write_table(tmp_path / "table.csv", COLUMNS)
    found = tables.read_table(tmp_path / "table.csv")
    assert list(found) == list(COLUMNS)
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(found[name], column)


def test_parquet_holds_the_same(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    tables.write_table(tmp_path / "table.parquet", COLUMNS)
    found = parquet.read_table(tmp_path / "table.parquet")
    assert found.column_names == list(COLUMNS)
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(np.array(found[name].to_pylist()), column)


def test_what_cannot_be_written_is_told_before(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"must end in one of \.csv, \.parquet"):
        tables.check_table_path(tmp_path / "table.xlsx")
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"keras-qd\[parquet\]"):
        tables.check_table_path(tmp_path / "table.parquet")
