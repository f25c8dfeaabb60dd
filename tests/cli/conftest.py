"""What the chains of the command line leave out."""

from pathlib import Path

import pytest


@pytest.fixture
def without_report(monkeypatch):
    """Draw no figures: tests/report does, and a training of a plug-in's task."""

    def write_report(run, beside=()):
        path = Path(getattr(run, "path", run)) / "report.html"
        path.touch()
        return path

    monkeypatch.setattr("keras_qd.report.report.write_report", write_report)
