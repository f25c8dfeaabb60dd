"""Gate-defined devices: from voltages to potentials, ground states and stability diagrams."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
