"""The registered networks, their layers and optimizers.

Names are imported when first used, so that listing models does not import keras.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
