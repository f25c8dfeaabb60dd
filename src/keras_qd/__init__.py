"""Learn the maps between potentials, charge densities and energies of few-electron quantum dots.

Names are imported when first used: ``import keras_qd`` imports neither keras nor SciPy. It only
ensures that keras, once imported, runs on an installed backend.
"""

import lazy_loader

from keras_qd.backend import prefer_installed_backend

prefer_installed_backend()

__version__ = "1.0.0rc1"

# The stub next to this file lists the public names and their modules.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
