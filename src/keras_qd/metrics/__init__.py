"""Metrics of predictions: batch by batch in ``fit``, and exactly on whole arrays.

Names are imported when first used, and Keras with them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
