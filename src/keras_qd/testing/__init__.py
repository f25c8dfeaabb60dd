"""Checks that a component follows the rules of keras-qd, to be called in its tests.

Each check finds as many violations as it can and raises one
:class:`~keras_qd.errors.ConformanceError`, which lists them with remedies. The built-in components
pass the same checks.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
