"""Exact physics of few-electron quantum dots, in NumPy and SciPy alone."""

import lazy_loader

# Names are imported when first used; the stub lists them. No module may have the name of a public
# function: once imported, a module hides the function.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
