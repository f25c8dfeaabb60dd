"""Tasks: what a model learns from what, and how it is trained and evaluated."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
