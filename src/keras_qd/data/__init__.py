"""Data: generated or imported, kept in Zarr, split, scaled and augmented.

Nothing here imports keras: a cluster node that makes data needs no deep-learning framework.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
