"""Checks that a component keeps the rules of keras-qd, for the tests of its authors.

Each check finds out as much as it can and raises one
:class:`~keras_qd.errors.ConformanceError`, which lists all that is wrong and what to do about it.
keras-qd's own components pass the same checks.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
