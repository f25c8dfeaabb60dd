"""Exact physics of few-electron quantum dots, in NumPy and SciPy alone.

Names are imported when first used; the stub beside this file lists them and where they come from.
No module may bear the name of a public function: once imported, a module hides the function.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
