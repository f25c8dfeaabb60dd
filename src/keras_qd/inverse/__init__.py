"""Inverse design: from a wanted density to a potential whose exact ground state has it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
