"""TOML as it is written is read back as it was."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_qd.cli.toml import format_toml

NUMBERS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8")),
)
KEYS = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    NUMBERS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=8
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_what_is_written_is_read_back(values):
    assert tomllib.loads(format_toml(values)) == values


@pytest.mark.parametrize("where", [{"a": None}, {"t": {"a": None}}, {"l": [{"a": None}]}])
def test_none_is_left_out(where):
    assert "a" not in format_toml(where).replace("false", "")
