"""Files are whole or not there."""

import pytest

from keras_qd._files import replacing, write_json


def write_half(path):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "values.json"
    write_json(path, {"a": 1})
    before = path.read_text()

    with pytest.raises(RuntimeError):
        write_half(path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_not_a_number_never_reaches_a_json_file(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "values.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())
