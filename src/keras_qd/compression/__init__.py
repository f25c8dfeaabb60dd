"""Images in a small file: the latent numbers of an autoencoder."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
