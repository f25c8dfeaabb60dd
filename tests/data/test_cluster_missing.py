"""Without Dask distributed, a scheduler is refused with what to install."""

import sys

import pytest
from recipes_for_tests import Noise

from keras_qd.data import generate
from keras_qd.errors import ClusterError


def test_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'keras-qd\[dask\]'"):
        generate(tmp_path / "noise", Noise(), 4, scheduler="tcp://127.0.0.1:9")
    assert list(tmp_path.iterdir()) == []
