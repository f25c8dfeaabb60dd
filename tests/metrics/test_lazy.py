"""The package of metrics costs nothing until a metric is used."""

import subprocess
import sys

import pytest

from keras_qd import metrics


def test_import_brings_neither_keras_nor_scikit_image():
    code = (
        "import sys, keras_qd.metrics as m; m.Context, m.Measure, m.unit_of;"
        "print([name for name in ('keras', 'skimage', 'scipy') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_metrics_bring_keras_alone():
    code = "import sys, keras_qd.metrics.ssim; print('skimage' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_all_names_exist():
    assert [name for name in metrics.__all__ if getattr(metrics, name) is None] == []
    assert dir(metrics) == metrics.__all__


def test_unknown_name():
    with pytest.raises(AttributeError, match="L3"):
        _ = metrics.L3
