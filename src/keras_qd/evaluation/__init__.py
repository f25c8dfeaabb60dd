"""Evaluation: predictions, metrics with intervals, figures and the report of a run.

Names are imported when first used: neither keras nor matplotlib comes along before.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
