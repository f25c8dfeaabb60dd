"""Evaluation: predictions against the truth, metrics with intervals, uncertainty and cost.

Nothing here draws; figures and the page are in :mod:`keras_qd.report`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
