"""Writing TOML, which the standard library only reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def format_toml(values: Mapping[str, Any]) -> str:
    """Return a mapping as TOML: what is plain first, then a table for each mapping in it.

    Parameters
    ----------
    values : mapping
        Text, numbers, truth values, lists and mappings of these. None is left out: TOML has none.

    Examples
    --------
    >>> print(format_toml({"seed": 3, "family-settings": {"omega": [0.5, 1.0]}}), end="")
    seed = 3
    <BLANKLINE>
    [family-settings]
    omega = [0.5, 1.0]
    """
    given = {key: value for key, value in values.items() if value is not None}
    plain = {key: value for key, value in given.items() if not isinstance(value, Mapping)}
    tables = {key: value for key, value in given.items() if isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for name, table in tables.items():
        lines += ["", f"[{_key(name)}]"]
        lines += [f"{_key(key)} = {_value(v)}" for key, v in table.items() if v is not None]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {_value(v)}" for key, v in value.items() if v is not None)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        # A JSON string is one of TOML as well, but for the one control character that JSON allows.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else _value(key)
