"""How good a prediction is: metrics that stream inside ``fit``, and are exact on whole arrays.

Names are imported when first used, and keras only with those that need it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
