"""Learn the maps between potentials, charge densities and energies of few-electron quantum dots.

Names are imported when first used: ``import keras_qd`` imports neither keras nor SciPy. It only
sees to it that keras, once imported, runs on a backend that is installed.
"""

import lazy_loader

from keras_qd.backend import prefer_installed_backend

prefer_installed_backend()

__version__ = "0.1.0"

# The public names and where they come from are listed in the stub beside this file.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
