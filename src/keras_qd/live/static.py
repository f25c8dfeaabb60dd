"""The page as a folder of files that needs no Python."""

from __future__ import annotations

from pathlib import Path


def write_static(
    out: str | Path, run: str | Path | None = None, *, onnxruntime: str | Path | None = None
) -> Path:
    """Write the page."""
    raise NotImplementedError
